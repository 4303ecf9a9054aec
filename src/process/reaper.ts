import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Environment } from './environment.js';
import type { ProcessGroup } from './group.js';
import { OutputLines } from './output.js';
import { type Spawned, spawnGroup } from './spawn.js';

/** What the reaper is started with: the Python of the workers. */
export interface ReaperLaunch {
  readonly executable: string;
  readonly libraryPath: string;
  readonly environment: Environment;
}

/**
 * A small process beside a pool's workers that outlives Node: it is told of every worker that lives, and kills their
 * groups when Node's end of its pipe closes, however Node ended (python/pythonarium/reaper.py). So what a worker has
 * started ends too, which neither the line nor the kernel would see to. And it sees the end of those whose parent Node is not,
 * where the kernel lets it.
 *
 * If it dies itself it is replaced, and the new one is told of all. Nothing waits for it but the end of the pool.
 */
export class Reaper {
  /** With what is to be called once its leader has ended, where Node hears of that from somebody else, and that may not tell. */
  readonly #groups = new Map<ProcessGroup, (() => void) | undefined>();
  #launch: ReaperLaunch | undefined;
  #process: Spawned | undefined;
  /** Settles when the process has ended; absent while there is none. */
  #life: Promise<void> | undefined;
  /** How many in a row died young, or could not be started at all. */
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #isClosing = false;

  /** Sees to it that there is one. If there cannot be one, the program is warned. */
  start(launch: ReaperLaunch): void {
    this.#launch = launch;
    if (this.#life !== undefined || this.#retry !== undefined || this.#isClosing) return;
    this.#life = this.#live(launch).finally(() => {
      this.#life = undefined;
      if (this.#groups.size > 0) this.#startAgain();
    });
  }

  add(group: ProcessGroup, onEnd?: () => void): void {
    this.#groups.set(group, onEnd);
    this.#tell(registration([group, onEnd]));
  }

  delete(group: ProcessGroup): void {
    if (this.#groups.delete(group)) this.#tell(`- ${group.pid}\n`);
  }

  /** Lets it go, and resolves once it is gone: it ends by itself when its pipe closes, and is killed if it does not. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#process?.stdin?.end();
    const killing = setTimeout(() => this.#process?.kill('SIGKILL'), END_MS);
    await this.#life;
    clearTimeout(killing);
  }

  async #live({ executable, libraryPath, environment }: ReaperLaunch): Promise<void> {
    const startedAt = performance.now();
    const script = join(libraryPath, 'pythonarium', 'reaper.py');
    const child = spawnGroup(executable, ['-I', '-S', script], {
      cwd: '/',
      env: environment,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    if (child instanceof Promise) {
      this.#failures += 1;
      // Said once: it would most likely be said again at every try.
      if (this.#failures === 1) warn(await child);
      return;
    }
    const pipe = child.stdin as Socket;
    // Its end is told by the process itself.
    pipe.on('error', () => {});
    pipe.unref();
    const ends = child.stdout as Socket;
    const lines = new OutputLines((line) => this.#heard(line));
    ends.on('data', (piece) => lines.push(piece));
    ends.on('error', () => {});
    ends.unref();
    this.#process = child;
    this.#tell([...this.#groups].map(registration).join(''));
    await new Promise((resolve) => child.on('close', resolve));
    this.#process = undefined;
    this.#failures = performance.now() - startedAt > YOUNG_MS ? 0 : this.#failures + 1;
    // That often it is nobody's doing, and most likely goes on.
    if (this.#failures === FAILURES_TOLD) {
      const how = child.signalCode ?? `exit code ${child.exitCode}`;
      warn(`It ended at once, ${FAILURES_TOLD} times, at last by ${how}: see whether Python can run ${script}.`);
    }
  }

  #startAgain(): void {
    if (this.#isClosing) return;
    const waitMs = this.#failures < 2 ? 0 : Math.min(100 * 2 ** this.#failures, RETRY_MS_MAX);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.start(this.#launch as ReaperLaunch);
    }, waitMs).unref();
  }

  #heard(line: string): void {
    for (const [{ pid }, onEnd] of this.#groups) if (line === `- ${pid}`) onEnd?.();
  }

  #tell(text: string): void {
    if (text !== '') this.#process?.stdin?.write(text);
  }
}

function registration([{ pid, startTime = '' }, onEnd]: readonly [ProcessGroup, (() => void) | undefined]): string {
  return `${onEnd === undefined ? '+' : '*'} ${pid} ${startTime}\n`;
}

function warn(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  process.emitWarning(
    `Nobody watches over what the workers start themselves, should this program be killed: the reaper of a pool could not be started, or does not stay. ${text}`,
    { code: 'PYTHONARIUM_REAPER' },
  );
}

/** A reaper that lived for less may have died of what its successor dies of too. */
const YOUNG_MS = 1_000;
/** In a row. */
const FAILURES_TOLD = 3;
const RETRY_MS_MAX = 30_000;
const END_MS = 1_000;
