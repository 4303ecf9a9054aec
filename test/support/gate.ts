import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/**
 * A place where Python waits until the test lets it go on: a named pipe, which
 * Python opens to read. So the test knows when Python has come there, and no
 * clock is asked.
 */
export class Gate {
  /** What Python is told to open. */
  readonly path: string;
  readonly #pipes = new Set<FileHandle>();

  constructor() {
    const folder = mkdtempSync(join(tmpdir(), 'pythonarium-gate-'));
    this.path = join(folder, 'gate');
    execFileSync('mkfifo', [this.path]);
    onTestFinished(async () => {
      // Whoever still waits to open it, Node's own threads included, goes on.
      closeSync(openSync(this.path, constants.O_RDWR | constants.O_NONBLOCK));
      await Promise.all([...this.#pipes].map((pipe) => pipe.close()));
      rmSync(folder, { recursive: true, force: true });
    });
  }

  /** Resolves once Python waits at the gate; what it returns lets Python go on. */
  async reached(): Promise<(text?: string) => Promise<void>> {
    const pipe = await open(this.path, 'w');
    this.#pipes.add(pipe);
    return async (text = '') => {
      this.#pipes.delete(pipe);
      // Nobody reads any more if Python was ended at the gate.
      await pipe.write(text).catch(() => {});
      await pipe.close();
    };
  }

  /** Lets the next who comes go on. */
  async open(text = ''): Promise<void> {
    const go = await this.reached();
    await go(text);
  }
}
