import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { findInterpreter } from '../../src/process/interpreter.js';
import { builtPackage } from '../support/built.js';
import { temporaryFolder } from '../support/folder.js';
import { isAlive, until } from '../support/processes.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const functions = fileURLToPath(new URL('fixtures/command.py', import.meta.url));
// The command as it is published.
const folder = builtPackage();
const program = join(folder, 'dist/src/cli/main.js');
const environment = { ...process.env };

beforeAll(async () => {
  environment.PYTHONARIUM_PYTHON = (await findInterpreter()).executable;
});

describe('pythonarium', () => {
  it('says which version it is', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(await run(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('shows its help without loading the pool', async () => {
    const hooks =
      'export async function resolve(s, c, next) { const r = await next(s, c); process._rawDebug(r.url); return r; }';
    const register = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${hooks}`)});`;
    const { exitCode, stdout, stderr } = await run(['--help'], {
      node: ['--import', `data:text/javascript,${register}`],
    });
    expect(exitCode).toBe(0);
    expect(stdout).toContain("pythonarium call statistics:mean '[[1, 2, 6]]'");
    expect(stderr).toContain('/commander/');
    expect(stderr).not.toMatch(/\/(execa|xstate|cli-progress|ndjson)\//);
  });

  it.each([
    [['call'], 'missing required argument'],
    [['call', 'statistics'], 'statistics:mean'],
    [['call', 'math:sqrt', '16'], "write '[16]'"],
    [['call', 'math:sqrt', '[16'], 'no JSON'],
    [['call', 'textwrap:dedent', 'text'], `such as '[3, "text"]'`],
    [['call', 'math:sqrt', '[16]', '--kwargs', '[]'], 'JSON object'],
    [['call', 'math:sqrt', '[16]', '--kwargs', 'digits=2'], `such as '{"digits": 2}'`],
    [['call', 'math:sqrt', '[16]', '--timeout', 'soon'], '1.5m'],
    [['map', 'math:sqrt', '--size', '0'], 'whole number'],
    [['map', 'math:sqrt', '--ordered', '--unordered'], 'cannot be used with'],
    [['mop'], 'unknown command'],
  ])('%j is an error of usage, told with what to write instead', async (args, remedy) => {
    const { exitCode, stdout, stderr } = await run(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(remedy);
  });

  it('doctor finds a Python that answers, and ends with 1 when there is none', async () => {
    const well = await run(['doctor']);
    expect(well.exitCode).toBe(0);
    expect(well.stdout).toMatch(/Python +3\.\d+/);
    const ill = await run(['doctor', '--python', '/nowhere/python3']);
    expect(ill.exitCode).toBe(1);
    expect(ill.stdout).toContain('/nowhere/python3');
  });

  it.each([
    ['on a terminal', 'TERM=xterm', '', true],
    ['on a terminal with NO_COLOR', 'TERM=xterm NO_COLOR=1', '', false],
    ['in a pipe', 'TERM=xterm', ' | cat', false],
    ['in a pipe with FORCE_COLOR', 'TERM=xterm FORCE_COLOR=1', ' | cat', true],
  ])('doctor has colours where they are wanted: %s', async (_, variables, into, hasColours) => {
    const unset = ['NO_COLOR', 'FORCE_COLOR', 'NODE_DISABLE_COLORS', 'CI'].map((name) => `-u ${name}`).join(' ');
    const line = `env ${unset} ${variables} '${process.execPath}' '${program}' doctor${into}`;
    const child = spawn('script', ['-qec', line, '/dev/null'], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    const { stdout } = await ended(child);
    expect(stdout).toContain('pythonarium doctor');
    expect(stdout.includes('\x1b[')).toBe(hasColours);
  });
});

describe('pythonarium call', () => {
  it('prints the result as one line of JSON', async () => {
    expect(await call('double', '[20.5]', '--kwargs', '{"plus": 1}')).toEqual({
      exitCode: 0,
      stdout: '42\n',
      stderr: '',
    });
  });

  it('calls what is in a module by its dotted name', async () => {
    expect((await run(['call', 'statistics:mean', '[[1, 2, 6]]'])).stdout).toBe('3\n');
  });

  it('fails where JSON has no word for the result, naming the part', async () => {
    const { exitCode, stdout, stderr } = await run(['call', 'math:frexp', '[1e999]']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/ERR_VALUE: `value\[0\]` is Infinity, and the command writes JSON/);
    expect((await run(['call', 'math:factorial', '[25]'])).stdout).toBe('15511210043330985984000000\n');
  });

  it('keeps the sign of a zero', async () => {
    expect((await call('negative_zero')).stdout).toBe('-0.0\n');
  });

  it('sends what Python prints to standard error, so that the result can be piped', async () => {
    const { stdout, stderr } = await call('chatter', '["x"]');
    expect(stdout).toBe('"x"\n');
    expect(stderr.split('\n').sort()).toEqual(['', 'complained', 'printed']);
  });

  it.each(['call', 'map'])('lets no more than 16 MiB of that wait for a reader, and says so: %s', async (command) => {
    const child = start([command, `${functions}:flood`, ...(command === 'call' ? ['[40]'] : [])]);
    child.stdin!.on('error', () => {});
    child.stdin!.end('40\n');
    const [result] = await once(child.stdout!, 'data');
    expect(String(result)).toBe('40\n');
    const { exitCode, stderr } = await ended(child);
    expect(exitCode).toBe(0);
    expect(stderr.length).toBeLessThan(18 * 1024 * 1024);
    expect(stderr.slice(-200)).toMatch(/\n\[pythonarium\] \d+ times something was printed here and left out: .*\n$/);
  });

  it('tells a failure with its code and the traceback, and ends with 1', async () => {
    const { exitCode, stdout, stderr } = await call('refuse_threes', '[9]');
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/^pythonarium: ERR_PYTHON: ValueError: 9 is a multiple of three\nTraceback \(most recent/);
  });

  it('gives up after its timeout, and leaves no worker behind', async () => {
    const { exitCode, stderr } = await call('hang', '--timeout', '500ms');
    expect(exitCode).toBe(1);
    const [pid, failure] = stderr.split('\n');
    expect(failure).toContain('ERR_CALL_TIMEOUT');
    expect(isAlive(Number(pid))).toBe(false);
  });

  it('is interrupted in Python on Ctrl-C, so that it can tidy up', async () => {
    const child = start(['call', `${functions}:hang_until_closed`]);
    const lines = createInterface({ input: child.stderr! })[Symbol.asyncIterator]();
    const pid = Number((await lines.next()).value);
    child.kill('SIGINT');
    expect((await lines.next()).value).toBe('closed');
    if (child.exitCode === null) await once(child, 'exit');
    expect(child.exitCode).toBe(130);
    expect(isAlive(pid)).toBe(false);
  });

  it('refuses an integer that would be rounded', async () => {
    const { exitCode, stderr } = await call('echo', '[{"id": 9007199254740993}]');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/ERR_VALUE.*9007199254740993/);
  });

  it('calls only what is marked when it is told so', async () => {
    expect((await call('double', '[21]', '--expose', 'marked')).stdout).toBe('42\n');
    expect((await call('double-it', '[21]', '--expose', 'marked')).stdout).toBe('42\n');
    const { exitCode, stderr } = await call('echo', '[21]', '--expose', 'marked');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('ERR_NOT_EXPOSED');
    expect(stderr).toContain('--expose all');
    const unmarked = await run(['call', 'textwrap:dedent', '["text"]', '--expose', 'marked']);
    expect(unmarked.exitCode).toBe(1);
    expect(unmarked.stderr).toContain('--expose all');
  });

  it('says at once why no worker comes up', async () => {
    writeFileSync(join(folder, 'broken.py'), 'import nowhere_to_be_found\n');
    const { exitCode, stderr } = await run(['call', `${join(folder, 'broken.py')}:f`]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/ERR_BOOT.*See below for the traceback[\s\S]*Traceback[\s\S]*nowhere_to_be_found/);
    expect(stderr).not.toContain('Write ');
  });

  it('says what to write where Python has no such module, and a file or a package of that name is here', async () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, 'parts'));
    for (const file of ['app.py', 'parts/__init__.py', 'parts/tools.py']) {
      writeFileSync(join(cwd, file), 'def double(x): return 2 * x\n');
    }
    for (const [written, instead] of [
      ['app:double', 'app.py:double'],
      ['parts:double', './parts:double'],
      ['parts.tools:double', 'parts/tools.py:double'],
    ] as const) {
      const { exitCode, stderr } = await ended(start(['call', written, '[21]'], { cwd }));
      expect(exitCode).toBe(1);
      expect(stderr.trimEnd().split('\n').at(-1)).toBe(
        `pythonarium: Write ${instead} for what is in the current folder.`,
      );
    }
    for (const written of ['nowhere:double', 'app.more:double', 'math:double']) {
      const { exitCode, stderr } = await ended(start(['call', written, '[21]'], { cwd }));
      expect(exitCode).toBe(1);
      expect(stderr).not.toContain('Write ');
    }
    expect((await ended(start(['call', 'parts/tools.py:double', '[21]'], { cwd }))).stdout).toBe('42\n');
  });

  it('ends without a word when nobody reads the result any more', async () => {
    const child = start(['call', `${functions}:sleep`, '[300]']);
    child.stdout!.destroy();
    const stderr = await text(child.stderr!);
    if (child.exitCode === null) await once(child, 'exit');
    expect({ exitCode: child.exitCode, stderr }).toEqual({ exitCode: 141, stderr: '' });
  });
});

describe('on a full disk', () => {
  it.each([
    ['call', ['call', 'math:sqrt', '[16]']],
    ['types', ['types', 'textwrap', '--expose', 'all', '--out', '-']],
    ['doctor', ['doctor']],
  ])('%s fails, and says so', async (_, args) => {
    const full = openSync('/dev/full', 'w');
    const child = start(args, { stdout: full });
    closeSync(full);
    const { exitCode, stderr } = await ended(child);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('pythonarium: ENOSPC');
  });
});

describe('pythonarium call of a generator', () => {
  it('writes a line for each item as it comes, and those before an error', async () => {
    const { exitCode, stdout, stderr } = await call('rows', '[3]');
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '{"row":0}\n{"row":1}\n{"row":2}\n' });
    expect(stderr).toMatch(/^pythonarium: ERR_PYTHON: ValueError: no more rows\nTraceback/);
  });

  it.each([
    ['Ctrl-C', (child: ChildProcess) => child.kill('SIGINT'), 130],
    ['a reader that leaves', (child: ChildProcess) => child.stdout!.destroy(), 141],
  ] as const)('closes it on %s, and leaves no worker behind', async (_, end, exitCode) => {
    const child = start(['call', `${functions}:rows_until_closed`]);
    const [first] = await once(child.stdout!, 'data');
    end(child);
    const stderr = await text(child.stderr!);
    if (child.exitCode === null) await once(child, 'exit');
    expect({ exitCode: child.exitCode, stderr }).toEqual({ exitCode, stderr: 'closed\n' });
    expect(isAlive(Number.parseInt(String(first), 10))).toBe(false);
  });
});

describe('on a terminal', () => {
  it('call shows a bar with what the call tells of its progress, and the result goes where it went before', async () => {
    const seen = join(temporaryFolder(), 'seen');
    const args = ['call', `${functions}:steps`, JSON.stringify([6, 'loss\n0.5\u001b[2J', seen])];
    const { exitCode, stdout, frames } = await onTerminal(args, { onFrame: () => writeFileSync(seen, '') });
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '6\n' });
    expect(frames.length).toBeGreaterThan(1);
    for (const frame of frames) expect(frame).toMatch(/^[━ ]{24} +\d+ % {2}\d\.\d s {2}\d of 6 loss 0\.5\\u001b\[2J$/);
    expect(frames.at(-1)).toMatch(/^━{24} 100 % .* 6 of 6 /);
  });

  it('call shows no bar for a call that tells nothing', async () => {
    expect(await onTerminal(['call', `${functions}:sleep`, '[300]'])).toEqual({
      exitCode: 0,
      stdout: '300\n',
      shown: '',
      frames: [],
    });
  });

  it('map shows what running lines tell for as long as they run, beside how far it is', async () => {
    const args = ['map', `${functions}:steps_together`, '--size', '2', '--keep-going'];
    const folder = temporaryFolder();
    const [both, alone] = ['both', 'alone'].map((name) => join(temporaryFolder(), name)) as [string, string];
    const lines = [
      { folder, count: 15, until: alone },
      { folder, count: 8, until: both },
      { folder, count: 'x' },
    ];
    const input = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    const onFrame = (frame: string) => {
      if (/ line 1: .* line 2: /.test(frame)) writeFileSync(both, '');
      else if (existsSync(both) && / line 1: /.test(frame)) writeFileSync(alone, '');
    };
    const { exitCode, stdout, shown, frames } = await onTerminal(args, { input, onFrame });
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '15\n8\n' });
    expect(records(shown.match(/{.*}/)?.[0] ?? '')).toMatchObject([{ line: 3, code: 'ERR_PYTHON' }]);
    expect(frames).toContainEqual(expect.stringMatching(/ 0 lines .* s {2}line 1: \d+ of 15 {2}line 2: \d of 8$/));
    expect(frames).toContainEqual(expect.stringMatching(/ 0 lines .* s {2}line 1: \d+ of 15$/));
    expect(frames.at(-1)).toMatch(/^━{24} 100 % {2}3 lines, 1 failed .* s$/);
  });

  it('map shows all of its input as done at the end, whichever line was the last to be done', async () => {
    const args = ['map', `${functions}:sleep`, '--size', '2', '--unordered'];
    const { stdout, frames } = await onTerminal(args, { input: '1500\n1\n' });
    expect(stdout).toBe('1\n1500\n');
    expect(frames.at(-1)).toMatch(/^━{24} 100 % {2}2 lines /);
  });

  it('what is too long for the terminal is cut', async () => {
    const seen = join(temporaryFolder(), 'seen');
    const long = JSON.stringify([3, 'long 長い🐍 '.repeat(100), seen]);
    const onFrame = () => writeFileSync(seen, '');
    const { frames } = await onTerminal(['call', `${functions}:steps`, long], { columns: 60, onFrame });
    expect(frames.length).toBeGreaterThan(0);
    for (const frame of frames) expect(frame).toMatch(/^.{50,59}…$/u);
  });

  it('what Python prints stands above the bar', async () => {
    const { shown } = await onTerminal(['call', `${functions}:steps_that_print`, '[4]']);
    expect(shown).toContain('\x1b[2Kstep 3\r\n');
  });
});

describe('pythonarium map', () => {
  it('writes results in the order of the lines, whichever is done first', async () => {
    const { exitCode, stdout } = await map('sleep', '300\n1\n2\n', '--size', '2');
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '300\n1\n2\n' });
  });

  it('passes the same keyword arguments with every line', async () => {
    expect((await map('double', '1\n2\n', '--kwargs', '{"plus": 1}')).stdout).toBe('3\n5\n');
  });

  it('writes results as they come when it is told so', async () => {
    const { stdout } = await map('sleep', '2000\n1\n2\n', '--size', '2', '--unordered');
    expect(stdout).toBe('1\n2\n2000\n');
  });

  it('writes one result for each line: null, long, foreign and without a newline at the end', async () => {
    const lines = ['null', '"é🐍\\ud800"', `"${'x'.repeat(300_000)}"`, '{"__proto__":{"a":1}}', '[]', '-0.5'];
    const { exitCode, stdout } = await map('echo', lines.join('\n'));
    expect(exitCode).toBe(0);
    expect(stdout).toBe(`${lines.join('\n')}\n`);
  });

  it('stops at the first line that fails, with the results before it written and no others', async () => {
    const { exitCode, stdout, stderr } = await map('refuse_threes', numbers(100));
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '1\n2\n' });
    expect(stderr).toMatch(/^pythonarium: line 3: ERR_PYTHON: ValueError: 3 is a multiple of three\nTraceback/);
  });

  it('gives up what runs still when it stops, and does not wait for it', async () => {
    const startedAt = performance.now();
    const { exitCode, stderr } = await map('sleep', '3600000\n"x"\n', '--size', '2', '--unordered');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('line 2: ERR_PYTHON: TypeError');
    // A pool that is closed serves those who are there for ten seconds.
    expect(performance.now() - startedAt).toBeLessThan(9_000);
  });

  it('keeps going when it is told so: one record on standard error for each line that fails', async () => {
    const { exitCode, stdout, stderr } = await map('refuse_threes', numbers(10), '--keep-going');
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '1\n2\n4\n5\n7\n8\n10\n' });
    expect(records(stderr)).toEqual(
      [3, 6, 9].map((line) => ({
        line,
        code: 'ERR_PYTHON',
        message: `ValueError: ${line} is a multiple of three`,
        traceback: expect.stringContaining('Traceback (most recent call last)'),
      })),
    );
  });

  it('records what Python raised as it was, and moves no cursor and turns no text around by it', async () => {
    const { stderr } = await map('refuse', '"\\u202e\\u009b2J"\n', '--keep-going');
    expect(stderr).toContain('"ValueError: \\u202e\\u009b2J"');
    expect(records(stderr)).toMatchObject([{ message: 'ValueError: \u202e\u009b2J' }]);
  });

  it('passes over nothing and rounds nothing: a line that cannot cross fails by its number', async () => {
    const lines = ['1', '', '{"id": 9007199254740993}', '{"open": ', Buffer.from([0x22, 0xff, 0x22]), '-0.0', '7'];
    const input = Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\r\n')]));
    const { exitCode, stdout, stderr } = await map('echo', input, '--keep-going');
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '1\n-0.0\n7\n' });
    const failures = records(stderr);
    expect(failures.map(({ line, code }) => [line, code])).toEqual([2, 3, 4, 5].map((line) => [line, 'ERR_VALUE']));
    expect(failures.map(({ message }) => message)).toEqual([
      expect.stringContaining('blank'),
      expect.stringContaining('9007199254740993'),
      expect.stringContaining('no JSON'),
      expect.stringContaining('no UTF-8'),
    ]);
  });

  it('refuses a line that is too long, and advises nothing that the command cannot do', async () => {
    const input = Buffer.alloc(64 * 1024 * 1024 + 3, '1');
    input.write('\n2', input.length - 2);
    const { exitCode, stdout, stderr } = await map('double', input, '--keep-going');
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '4\n' });
    expect(records(stderr)).toMatchObject([{ line: 1, code: 'ERR_MESSAGE_TOO_LARGE' }]);
    expect(stderr).toContain('may have 67108864. Send it in parts, or pass the path of a file.');
  });

  it('stops at a line that is too long without waiting for its end, which may never come', async () => {
    const child = start(['map', `${functions}:double`]);
    child.stdin!.on('error', () => {});
    child.stdin!.write(Buffer.alloc(64 * 1024 * 1024 + 1));
    const { exitCode, stderr } = await ended(child);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^pythonarium: line 1: ERR_MESSAGE_TOO_LARGE: /);
  });

  it('reads its first line behind the mark that some programs begin a file with', async () => {
    expect(await map('double', '\uFEFF1\n2\n')).toEqual({ exitCode: 0, stdout: '2\n4\n', stderr: '' });
    const { exitCode, stderr } = await map('double', '1\n\uFEFF2\n');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/line 2.* is no JSON/);
  });

  it('gives each call its whole time, however long it waited for a worker', async () => {
    // Each that is short has waited as long as it may take.
    const input = '30000\n1\n30000\n1\n';
    const { stdout, stderr } = await map('sleep', input, '--size', '1', '--timeout', '1s', '--keep-going');
    expect(stdout).toBe('1\n1\n');
    expect(records(stderr)).toMatchObject([1, 3].map((line) => ({ line, code: 'ERR_CALL_TIMEOUT' })));
  });

  it('names a function that is not there once, and not for each line', async () => {
    const { exitCode, stderr } = await map('dubble', numbers(50), '--keep-going');
    expect(exitCode).toBe(1);
    expect(stderr.match(/ERR_NOT_EXPOSED/g)).toHaveLength(1);
    expect(stderr).toContain('Did you mean "double"?');
  });

  it('answers a line before the next one is there', async () => {
    const child = start(['map', `${functions}:double`]);
    child.stdin!.write('21\n');
    const [answer] = await once(child.stdout!, 'data');
    expect(String(answer)).toBe('42\n');
    child.stdin!.end('1\n');
    expect(await ended(child)).toMatchObject({ exitCode: 0, stdout: '2\n' });
  });

  it('reads no faster than its results are taken', async () => {
    const file = join(folder, 'calls');
    const child = start(['map', `${functions}:write_down`, '--size', '2']);
    child.stdin!.end(`${JSON.stringify({ file, length: 100_000 })}\n`.repeat(400));
    await once(child.stdout!, 'readable');
    const calls = () => statSync(file).size;
    for (let [before, looks] = [calls(), 0]; looks < 5; looks += 1) {
      await delay(100);
      if (calls() !== before) [before, looks] = [calls(), 0];
    }
    expect(calls()).toBeLessThan(100);

    const { stdout, exitCode } = await ended(child);
    expect(exitCode).toBe(0);
    expect(stdout).toHaveLength(400 * 100_003);
    expect(calls()).toBe(400);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends on %s with %d, a whole last line and no process left', async (signal, exitCode) => {
    const output = join(folder, signal);
    const descriptor = openSync(output, 'w');
    const child = start(['map', `${functions}:pid`, '--size', '2'], { stdout: descriptor });
    closeSync(descriptor);
    child.stdin!.on('error', () => {});
    child.stdin!.write('1\n'.repeat(200_000));
    await until(() => statSync(output).size >= 1_000, 'the first results', 30_000);
    child.kill(signal);
    const end = await ended(child);
    expect(end).toEqual({ exitCode, stdout: '', stderr: '' });
    const written = readFileSync(output, 'utf8');
    expect(written).toMatch(/^(\d+\n)+$/);
    for (const pid of new Set(written.trim().split('\n'))) expect(isAlive(Number(pid))).toBe(false);
  });

  it('ends without a word when nobody reads its results any more', async () => {
    const child = start(['map', `${functions}:pid`]);
    child.stdin!.on('error', () => {});
    child.stdin!.write('1\n'.repeat(200_000));
    const [first] = await once(child.stdout!, 'data');
    child.stdout!.destroy();
    const stderr = await text(child.stderr!);
    if (child.exitCode === null) await once(child, 'exit');
    expect({ exitCode: child.exitCode, stderr }).toEqual({ exitCode: 141, stderr: '' });
    expect(isAlive(Number.parseInt(String(first), 10))).toBe(false);
  });
});

describe('pythonarium types', () => {
  it('writes the declarations beside the Python, and tells what is unknown by file and line', async () => {
    const file = source('beside.py', 'def f(x: int, y): ...');
    expect(await run(['types', file])).toEqual({
      exitCode: 0,
      stdout: `${file}.d.ts: 1 to call\n`,
      stderr: `${file}:3: f() has no hint for \`y\` and its result: unknown\n`,
    });
    expect(readFileSync(`${file}.d.ts`, 'utf8')).toContain(
      'export function f(x: number, y: unknown): Promise<unknown>;',
    );
  });

  it('writes those of a package beside it, also from within', async () => {
    const pack = join(folder, 'pack');
    mkdirSync(pack);
    const code = 'from pythonarium import expose\n@expose\ndef f() -> int: ...\n';
    writeFileSync(join(pack, '__init__.py'), code);
    const { exitCode, stdout } = await ended(start(['types', './'], { cwd: pack }));
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `${pack}.py.d.ts: 1 to call\n` });
    expect(readFileSync(`${pack}.py.d.ts`, 'utf8')).toContain('// Written by `pythonarium types pack`');
  });

  it('--check fails when the file is stale or not there, and says what to run', async () => {
    const file = source('checked.py', 'def f() -> int: ...');
    const missing = await run(['types', file, '--check']);
    expect(missing).toMatchObject({ exitCode: 1, stdout: '' });
    expect(missing.stderr).toBe(`pythonarium: ${file}.d.ts is not there. Write it: pythonarium types ${file}\n`);
    await run(['types', file]);
    expect(await run(['types', file, '--check'])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    source('checked.py', 'def f() -> str: ...');
    const stale = await run(['types', file, '--check']);
    expect(stale.exitCode).toBe(1);
    expect(stale.stderr).toContain('is stale');
    expect(readFileSync(`${file}.d.ts`, 'utf8')).toContain('Promise<number>');
  });

  it('--check says so where the file cannot be read, and not that it is missing', async () => {
    const file = source('unread.py', 'def f() -> int: ...');
    mkdirSync(`${file}.d.ts`);
    const { exitCode, stderr } = await run(['types', file, '--check']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^pythonarium: .*unread\.py\.d\.ts cannot be read: EISDIR/);
  });

  it('--check says what a shell can run, with the same Python and whatever is in the names', async () => {
    const file = source("it's $HOME.py", 'def f() -> int: ...');
    const args = ['types', file, '--out', join(folder, 'api of it.d.ts'), '--python', environment.PYTHONARIUM_PYTHON!];
    const { stderr } = await run([...args, '--check']);
    const [, command = ''] = / Write it: (.*)\n$/.exec(stderr) ?? [];
    expect(command).toContain(` --python ${environment.PYTHONARIUM_PYTHON}`);
    const defined = `pythonarium() { "${process.execPath}" "${program}" "$@"; }`;
    const shell = spawn('sh', ['-c', `${defined}\n${command}`], { env: environment });
    expect(await ended(shell)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await run([...args, '--check'])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  it('puts several modules under their keys into one file, as createPool names their functions', async () => {
    const file = source('one.py', 'def f() -> int: ...');
    const out = join(folder, 'api.d.ts');
    const { exitCode, stdout } = await run(['types', `app=${file}`, `other=${file}`, '--out', out]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `${out}: 2 to call\n` });
    expect(readFileSync(out, 'utf8')).toContain('export namespace app {\n  function f(): Promise<number>;\n}');
  });

  it('writes over none of the Python that it reads', async () => {
    const file = source('kept.py', 'def f() -> int: ...');
    const { exitCode, stdout, stderr } = await run(['types', file, '--out', file]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(`--out ${file}.d.ts`);
    expect(readFileSync(file, 'utf8')).toContain('def f()');
  });

  it('puts the new file in the place of the old one, of which whoever has opened it reads all', async () => {
    const file = source('replaced.py', 'def f() -> int: ...');
    await run(['types', file]);
    const open = openSync(`${file}.d.ts`, 'r');
    onTestFinished(() => closeSync(open));
    const before = readFileSync(`${file}.d.ts`, 'utf8');
    source('replaced.py', 'def f() -> str: ...');
    await run(['types', file]);
    expect(readFileSync(open, 'utf8')).toBe(before);
    expect(readFileSync(`${file}.d.ts`, 'utf8')).toContain('f(): Promise<string>');
  });

  it('reads a module by its dotted name, to standard output', async () => {
    const { exitCode, stdout } = await run(['types', 'textwrap', '--expose', 'all', '--out', '-']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('export function dedent(text: unknown): Promise<unknown>;');
  });

  it('runs nothing of what it reads', async () => {
    const file = source('raises.py', 'def f() -> int: ...\nraise SystemExit(7)');
    expect(await run(['types', file])).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it.each([
    ['a syntax error', 'def f(:', /^pythonarium: .*wrong\.py:3: invalid syntax\n$/],
    ['nothing to call', undefined, /Nothing in .*wrong\.py is marked with @expose/],
  ])('%s is told with its place, and nothing is written', async (_, code, told) => {
    const file = source('wrong.py', code ?? '');
    if (code === undefined) writeFileSync(file, 'x = 1\n');
    const { exitCode, stdout, stderr } = await run(['types', file]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(told);
    expect(existsSync(`${file}.d.ts`)).toBe(false);
  });

  it.each([
    [['types'], 'missing required argument'],
    [['types', 'statistics'], '--out statistics.py.d.ts'],
    [['types', 'a=math', 'textwrap', '--out', 'x.d.ts'], 'a key, or none'],
    [['types', 'a=math'], 'say which with --out'],
    [['types', 'json', 'textwrap', '--out', 'x.d.ts'], 'need keys'],
    [['types', 'json', '--watch', '--out', '-'], 'kept fresh'],
    [['types', 'json', '--check', '--out', '-'], 'nothing to compare'],
    [['types', 'a=json', 'a=textwrap', '--out', 'x.d.ts'], 'have the key a'],
    [['types', 'json', '--watch', '--check'], 'cannot be used with'],
  ])('%j is an error of usage', async (args, remedy) => {
    const { exitCode, stdout, stderr } = await run(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(remedy);
  });

  it('--watch writes again when the Python or what it imports changes, outlives a mistake, and ends with 130', async () => {
    const hints = join(folder, 'hints_beside.py');
    writeFileSync(hints, 'Size = int | None\n');
    const file = source('watched.py', 'def f(x: Size, /) -> int: ...', 'from hints_beside import Size\n');
    const child = start(['types', file, '--watch']);
    const declared = () => readFileSync(`${file}.d.ts`, 'utf8');
    const told = [child.stdout!, child.stderr!].map((input) => createInterface({ input })[Symbol.asyncIterator]());
    const [said, complained] = told.map((lines) => async () => (await lines.next()).value as string);
    expect(await said!()).toContain('1 to call');
    inOnePiece(hints, 'Size = str | None\n');
    expect(await said!()).toContain('1 to call');
    expect(declared()).toContain('type Size = string | null');
    inOnePiece(file, 'def f(:');
    expect(await complained!()).toContain('watched.py:1: invalid syntax');
    expect(declared()).toContain('type Size = string | null');
    inOnePiece(file, 'from pythonarium import expose\n@expose\ndef g() -> int: ...\n');
    expect(await said!()).toContain('1 to call');
    expect(declared()).toContain('function g()');
    child.kill('SIGINT');
    await once(child, 'exit');
    expect(child.exitCode).toBe(130);
  });

  it('--watch hears of a module that is written later, and outlives a folder that goes and comes back', async () => {
    const place = join(folder, 'comes-and-goes');
    const out = join(folder, 'comes-and-goes.d.ts');
    const isDeclared = (text: string) => existsSync(out) && readFileSync(out, 'utf8').includes(text);
    const write = () => {
      mkdirSync(place);
      return source('comes-and-goes/late.py', 'def f(x: Size, /) -> int: ...', 'from hints_late import Size\n');
    };
    const child = start(['types', write(), '--watch', '--out', out]);
    onTestFinished(() => void child.kill('SIGKILL'));
    let complaints = '';
    child.stderr!.on('data', (text) => {
      complaints += text;
    });
    await until(() => isDeclared('f(x: unknown)'), 'a type that is nowhere');
    mkdirSync(join(place, 'hints_late'));
    writeFileSync(join(place, 'hints_late/__init__.py'), 'Size = int | None\n');
    await until(() => isDeclared('type Size = number | null'), 'the type once it is written');
    rmSync(place, { recursive: true });
    await until(() => complaints.includes('There is no file'), 'a word of what is gone');
    write();
    await until(() => isDeclared('f(x: unknown)'), 'what has come back');
  });

  it('--watch hears of what is written where a link leads', async () => {
    const [place, link] = [join(folder, 'behind'), join(folder, 'link.py')];
    mkdirSync(place);
    symlinkSync(source('behind/real.py', 'def f() -> int: ...'), link);
    const out = `${link}.d.ts`;
    const isDeclared = (text: string) => existsSync(out) && readFileSync(out, 'utf8').includes(text);
    const child = start(['types', link, '--watch']);
    onTestFinished(() => void child.kill('SIGKILL'));
    await until(() => isDeclared('f(): Promise<number>'), 'the first types');
    source('behind/real.py', 'def f() -> str: ...');
    await until(() => isDeclared('f(): Promise<string>'), 'those of what was written');
  });

  it('--watch watches more modules than Node likes to see listen to one signal', async () => {
    const files = Array.from({ length: 11 }, (_, number) => source(`one-of-many-${number}.py`, 'def f() -> int: ...'));
    const child = start(['types', ...files, '--watch']);
    onTestFinished(() => void child.kill('SIGKILL'));
    const told = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]!.on('data', (text) => {
        told[name] += text;
      });
    }
    await until(() => told.stdout.split(': 1 to call\n').length === 12, 'all of them', 20_000);
    child.kill('SIGINT');
    await once(child, 'close');
    expect(told.stderr).toBe('');
  });

  it('--watch ends when one of the files cannot be written', { timeout: 20_000 }, async () => {
    const [well, ill] = ['written.py', 'unwritten.py'].map((name) => source(name, 'def f() -> int: ...'));
    mkdirSync(`${ill}.d.ts`);
    const child = start(['types', well!, ill!, '--watch']);
    onTestFinished(() => void child.kill('SIGKILL'));
    const { exitCode, stderr } = await ended(child);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('EISDIR');
  });

  /** Whoever watches would read what is there between the moment when a file is opened and when it is written. */
  function inOnePiece(file: string, text: string): void {
    writeFileSync(`${file}~`, text);
    renameSync(`${file}~`, file);
  }

  function source(name: string, code: string, head = ''): string {
    writeFileSync(join(folder, name), `${head}from pythonarium import expose\n@expose\n${code}\n`);
    return join(folder, name);
  }
});

interface End {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

function call(name: string, ...args: string[]): Promise<End> {
  return run(['call', `${functions}:${name}`, ...args]);
}

function map(name: string, input: string | Buffer, ...args: string[]): Promise<End> {
  return run(['map', `${functions}:${name}`, ...args], { input });
}

function run(
  args: string[],
  { input = '', node = [] }: { input?: string | Buffer; node?: string[] } = {},
): Promise<End> {
  const child = start(args, { node });
  // A command that stops at a line leaves the rest unread.
  child.stdin!.on('error', () => {});
  child.stdin!.end(input);
  return ended(child);
}

function start(
  args: string[],
  { node = [], stdout = 'pipe', cwd }: { node?: string[]; stdout?: number | 'pipe'; cwd?: string } = {},
): ChildProcess {
  return spawn(process.execPath, [...node, program, ...args], {
    env: environment,
    cwd,
    stdio: ['pipe', stdout, 'pipe'],
  });
}

/**
 * Runs the command with standard error on a terminal and standard output in a file.
 *
 * @param onFrame Is told each state of the bar once it stands there.
 * @returns What the terminal was told, and each state of the bar in it.
 */
async function onTerminal(
  args: string[],
  { input = '', columns = 100, onFrame }: { input?: string; columns?: number; onFrame?: (frame: string) => void } = {},
): Promise<{ exitCode: number | null; stdout: string; shown: string; frames: string[] }> {
  const [from, to] = ['terminal-input', 'terminal-output'].map((name) => join(folder, name)) as [string, string];
  writeFileSync(from, input);
  const words = [process.execPath, program, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  const line = `stty cols ${columns}; exec ${words.join(' ')} < '${from}' > '${to}'`;
  const child = spawn('script', ['-qec', line, '/dev/null'], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let [shown, told] = ['', 0];
  child.stdout!.setEncoding('utf8').on('data', (text) => {
    shown += text;
    // What comes last may be cut.
    for (const frame of framesIn(shown).slice(told, -1)) {
      told += 1;
      onFrame?.(frame);
    }
  });
  child.stderr!.resume();
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, stdout: readFileSync(to, 'utf8'), shown, frames: framesIn(shown) };
}

function framesIn(shown: string): string[] {
  const drawn = shown.split('\x1b[1G').map((part) => part.split('\x1b[0K', 1)[0]!);
  return drawn.slice(1).filter((frame) => !frame.startsWith('\x1b'));
}

async function ended(child: ChildProcess): Promise<End> {
  const [stdout, stderr] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    text(child.stderr!),
    child.exitCode ?? once(child, 'exit'),
  ]);
  return { exitCode: child.exitCode, stdout, stderr };
}

function records(stderr: string): { line: number; code: string; message: string }[] {
  return stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function numbers(last: number): string {
  return Array.from({ length: last }, (_, index) => `${index + 1}\n`).join('');
}
