// The serialised pool, as it is found in many programs: its manager does the exchange with Python itself, so that
// every call waits for every other, however many workers there are. Its faults are left in; the tests show them.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Backend, BackendOptions } from './backend.js';

export function startSerial(options: BackendOptions): Backend {
  return new SerialPool(options);
}

class SerialPool implements Backend {
  readonly #workers: PipeWorker[];
  readonly #workerOf = new Map<string, PipeWorker>();
  readonly #timeoutMs: number;
  /** The manager: one promise that every call is appended to. */
  #turn: Promise<unknown> = Promise.resolve();
  #next = 0;

  constructor({ module, size, timeoutMs = 5_000 }: BackendOptions) {
    this.#workers = Array.from({ length: size }, () => new PipeWorker(module));
    this.#timeoutMs = timeoutMs;
  }

  execute<T>(
    session: string | null,
    command: string,
    args: readonly unknown[] = [],
    { timeoutMs = this.#timeoutMs }: { timeoutMs?: number } = {},
  ): Promise<T> {
    const exchange = () => this.#workerFor(session).exchange({ session, command, args }, timeoutMs);
    const result = this.#turn.then(exchange);
    this.#turn = result.catch(() => {});
    return result as Promise<T>;
  }

  async close(): Promise<void> {
    await this.#turn;
    for (const worker of this.#workers) worker.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #workerFor(session: string | null): PipeWorker {
    const known = session === null ? undefined : this.#workerOf.get(session);
    const worker = known ?? (this.#workers[this.#next++ % this.#workers.length] as PipeWorker);
    if (session !== null) this.#workerOf.set(session, worker);
    return worker;
  }
}

class PipeWorker {
  readonly #child;
  /** Whoever gets the next line that Python prints. */
  #waiting: ((line: string) => void) | undefined;

  constructor(module: string) {
    const program = fileURLToPath(new URL('before_worker.py', import.meta.url));
    this.#child = spawn('python3', [program, module], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.on('error', () => {});
    this.#child.stdin.on('error', () => {});
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#waiting?.(line));
  }

  exchange(request: object, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      // The worker is not told, and goes back as if it were free.
      const timer = setTimeout(() => reject(new Error(`timed out after ${timeoutMs} ms`)), timeoutMs);
      this.#waiting = (line) => {
        clearTimeout(timer);
        try {
          const reply = JSON.parse(line);
          if (reply.ok) resolve(reply.result);
          else reject(new Error(reply.error));
        } catch (error) {
          reject(error);
        }
      };
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }

  kill(): void {
    this.#child.kill();
  }
}
