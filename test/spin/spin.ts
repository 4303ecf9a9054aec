import { execFile } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** What a search through all states of the model came to. */
export interface Verdict {
  readonly errors: number;
  readonly states: number;
  /** The assertion that does not hold, as the model has it. */
  readonly violated: string | undefined;
  /** Statements of the model that no run comes to; the ends of its endless processes are none. */
  readonly unreached: readonly string[];
}

/** Looks at every state of `lease.pml`, with such names defined; what is generated for it stays in `folder`. */
export async function search(folder: string, defines: readonly string[]): Promise<Verdict> {
  copyFileSync(MODEL, join(folder, 'lease.pml'));
  await run('spin', ['-a', ...defines.map((each) => `-D${each}`), 'lease.pml'], { cwd: folder });
  await run('gcc', ['-O2', '-w', '-DSAFETY', '-DCOLLAPSE', '-o', 'pan', 'pan.c'], { cwd: folder });
  const { stdout } = await run('./pan', ['-m1000000', '-w24'], {
    cwd: folder,
    maxBuffer: 1 << 26,
  });
  const errors = /errors: (\d+)/.exec(stdout)?.[1];
  const states = /(\d+(?:\.\d+)?(?:e\+\d+)?) states, stored/.exec(stdout)?.[1];
  if (errors === undefined || states === undefined) throw new Error(`Spin did not finish:\n${stdout}`);
  // A search that was cut short proves nothing.
  if (/max search depth too small|out of memory|Search not completed/.test(stdout) && Number(errors) === 0)
    throw new Error(`Spin looked at a part only:\n${stdout}`);
  return {
    errors: Number(errors),
    states: Number(states),
    violated: /assertion violated (.*) \(at depth/.exec(stdout)?.[1],
    unreached: [...stdout.matchAll(/^\tlease\.pml:(\d+), state \d+, "(.*)"$/gm)].flatMap(([, line, what]) =>
      what === '-end-' ? [] : [`line ${line}: ${what}`],
    ),
  };
}

/** Whether Spin and a compiler for what it generates are there. */
export async function hasSpin(): Promise<boolean> {
  try {
    await Promise.all([run('spin', ['-V']), run('gcc', ['--version'])]);
    return true;
  } catch {
    return false;
  }
}

const MODEL = fileURLToPath(new URL('lease.pml', import.meta.url));
const run = promisify(execFile);
