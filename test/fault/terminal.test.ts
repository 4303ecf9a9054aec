import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { Gate } from '../support/gate.js';
import { fixtures, PYTHON } from '../support/pool.js';

const app = new URL('../integration/fixtures/app.py', import.meta.url).pathname;
const program = fixtures(import.meta.url)('runs-at-a-terminal.ts');

it.each(['spawn', 'fork'])(
  'Ctrl-C at a terminal reaches Node alone: calls that run finish, and no Python says a word of it: %s',
  async (start) => {
    const gates = Array.from({ length: 4 }, () => new Gate());
    const words = [process.execPath, '--import', 'tsx', program, app, PYTHON, start, ...gates.map(({ path }) => path)];
    const terminal = spawn('script', ['-qec', `exec ${words.map((word) => `'${word}'`).join(' ')}`, '/dev/null']);
    onTestFinished(() => void terminal.kill('SIGKILL'));
    const lines = createInterface({ input: terminal.stdout });
    const shown: string[] = [];
    lines.on('line', (line) => shown.push(line));
    const go = await Promise.all(gates.map((gate) => gate.reached()));

    const interrupted = once(lines, 'line');
    terminal.stdin.write('\x03');
    await interrupted;
    for (const each of go) await each();
    expect(await once(terminal, 'close')).toEqual([130, null]);
    expect(shown).toEqual(['^Cinterrupted', 'answer 0, answer 1, answer 2, answer 3']);
  },
);
