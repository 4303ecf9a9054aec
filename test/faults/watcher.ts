import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fixtures, PYTHON } from '../support/python.js';

/** Tells when processes end after their parent has, from outside and by the kernel's word. */
export class EndWatcher {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (told: Told) => void>();
  #ids = 0;

  constructor() {
    this.#process = spawn(PYTHON, ['-I', here('watch-ends.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#process.stdout! }).on('line', (line) => {
      const told = JSON.parse(line) as Told;
      this.#waiting.get(told.id)?.(told);
    });
  }

  /**
   * Resolves once it watches, to a promise of how many ms each of `pids` lived longer than `parent`; `null` for one that
   * still lived after a second.
   */
  watch(parent: number, pids: readonly number[]): Promise<{ ends: Promise<readonly (number | null)[]> }> {
    this.#ids += 1;
    const id = this.#ids;
    return new Promise((watches) => {
      const ends = new Promise<readonly (number | null)[]>((resolve) => {
        this.#waiting.set(id, ({ ms }) => {
          if (ms === undefined) return watches({ ends });
          this.#waiting.delete(id);
          resolve(ms);
        });
      });
      this.#process.stdin!.write(`${JSON.stringify({ id, parent, pids })}\n`);
    });
  }

  close(): void {
    this.#process.stdin!.end();
  }
}

interface Told {
  readonly id: number;
  readonly ms?: readonly (number | null)[];
}

const here = fixtures(import.meta.url);
