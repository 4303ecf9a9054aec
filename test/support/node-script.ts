import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

/** A Node program of its own, for what can only be seen from outside. */
export class NodeScript {
  readonly process: ChildProcess;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly stderr: Promise<string>;
  readonly #lines: AsyncIterator<string>;

  /** @param prelude Shell commands to run before it, such as `ulimit -n 64`. */
  constructor(path: string, args: readonly string[] = [], prelude = '') {
    const command = [process.execPath, '--import', 'tsx', path, ...args];
    this.process = spawn('/bin/sh', ['-c', `${prelude}\nexec "$@"`, 'sh', ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#lines = createInterface(this.process.stdout!)[Symbol.asyncIterator]();
    this.ended = new Promise((resolve) => {
      this.process.on('exit', (code, signal) => resolve(code ?? signal ?? 'nobody knows'));
    });
    this.stderr = new Promise((resolve) => {
      let text = '';
      this.process.stderr!.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      this.process.stderr!.on('close', () => resolve(text));
    });
    onTestFinished(() => void this.process.kill('SIGKILL'));
  }

  /** The next line that it prints, as JSON. */
  async told<T>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (done)
      throw new Error(`The script ended with ${await this.ended} before it told anything:\n${await this.stderr}`);
    return JSON.parse(value) as T;
  }
}
