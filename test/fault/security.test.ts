import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { failure, fixtures, readyPool } from '../support/pool.js';
import { workersOf } from '../support/processes.js';

const here = fixtures(import.meta.url);
const guarded = here('guarded.py');
const PACKAGE = new URL('../../python/pythonarium', import.meta.url).pathname;

describe('a pool', () => {
  it('listens on nothing, in Node and in Python: no port, and no socket that has a name', async () => {
    const pool = await readyPool(guarded, { size: 2 });
    await pool.call('safe');
    const workers = workersOf(process.pid);
    expect(workers).toHaveLength(2);
    const listening = listeners();
    for (const pid of workers) expect(sockets(pid).filter((inode) => listening.has(inode))).toEqual([]);
    // Node's own test runner may hold some: none has come with the pool.
    const own = sockets(process.pid).filter((inode) => listening.has(inode));
    await pool.destroy();
    expect(own).toEqual(sockets(process.pid).filter((inode) => listeners().has(inode)));
  });

  it('has nothing of a call, of `setup` or of the environment in the arguments of its processes', async () => {
    const secret = 'a-secret-of-the-test';
    const pool = await readyPool(here('observes.py'), {
      env: { TOKEN: secret },
      setup: { name: 'prepare', args: [secret] },
    });
    const seen = await pool.call<{ environ: { TOKEN: string } }>('surroundings');
    expect(seen.environ.TOKEN).toBe(secret);
    await pool.call('given', [secret]);
    for (const pid of [...workersOf(process.pid), process.pid]) {
      expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain(secret);
    }
  });

  it('hands its secrets on to workers unless it is told otherwise', async () => {
    vi.stubEnv('A_SECRET_OF_NODE', 'yes');
    onTestFinished(() => void vi.unstubAllEnvs());
    const environ = async (env?: { only: string[] }) => {
      const pool = await readyPool(here('observes.py'), { env });
      return (await pool.call<{ environ: Record<string, string> }>('surroundings')).environ;
    };
    expect(await environ()).toHaveProperty('A_SECRET_OF_NODE');
    expect(Object.keys(await environ({ only: ['PATH'] }))).not.toContain('A_SECRET_OF_NODE');
  });

  it.skipIf(process.getuid?.() !== 0)(
    'lets another user of the machine neither read its memory, environment and descriptors, nor signal it',
    async () => {
      const pool = await readyPool(guarded);
      await pool.call('safe');
      const [pid] = workersOf(process.pid) as [number];
      const code = [
        'import os, signal',
        'def tried(act):',
        '    try:',
        '        act()',
        '        return "got in"',
        '    except OSError as error:',
        '        return type(error).__name__',
        `base = "/proc/${pid}/"`,
        'print(tried(lambda: open(base + "environ", "rb").read(1)), tried(lambda: open(base + "mem", "rb")),',
        '      tried(lambda: os.listdir(base + "fd")), tried(lambda: os.open(base + "fd/3", os.O_RDWR)),',
        '      tried(lambda: os.open(base + "fd/4", os.O_RDWR)), tried(lambda: os.kill(%d, signal.SIGTERM)))'.replace(
          '%d',
          `${pid}`,
        ),
      ].join('\n');
      const neighbour = [
        '--reuid',
        '65534',
        '--regid',
        '65534',
        '--clear-groups',
        '/usr/bin/python3',
        '-I',
        '-c',
        code,
      ];
      const outcomes = execFileSync('setpriv', neighbour, { encoding: 'utf8' }).trim().split(' ');
      expect(outcomes).toEqual(Array.from({ length: 6 }, () => 'PermissionError'));
      expect(await pool.call('safe')).toBe('safe');
    },
  );
});

describe('what Python prints', () => {
  it.each([
    ['a line that looks like another worker’s', 'fine\r[worker-7] all is lost'],
    ['a carriage return', 'a\rb'],
    ['the screen wiped', '\u001b[2J\u001b[H'],
    ['the cursor moved', '\u001b[10A'],
    ['a title set', '\u001b]0;title\u0007'],
    ['the clipboard written', '\u001b]52;c;ZXZpbA==\u0007'],
    ['a link', '\u001b]8;;http://evil\u001b\\text\u001b]8;;\u001b\\'],
    ['a terminal asked for an answer', '\u001b[6n\u001b[c'],
    ['a terminal reset', '\u001bc'],
    ['a device control string', '\u001bP+q544e\u001b\\'],
    ['an 8-bit control', '\u009b2J'],
    ['an 8-bit string', '\u009d52;c;x\u009c'],
    ['a bell', '\u0007'],
    ['a backspace', 'good\b\b\b\bevil'],
    ['a NUL', 'a\u0000b'],
    ['a line separator', 'a\u2028[worker-7] b'],
    ['a paragraph separator', 'a\u2029b'],
    ['a vertical tab and a form feed', 'a\u000bb\u000cc'],
    ['text turned around', '\u202egood\u202c'],
    ['text isolated', '\u2066good\u2069\u061c'],
    ['a delete', 'a\u007fb'],
  ])('can forge no line, move no cursor and write no clipboard: %s', async (_, text) => {
    const printed: string[] = [];
    const write = (chunk: unknown) => {
      printed.push(String(chunk));
      return true;
    };
    vi.spyOn(process.stdout, 'write').mockImplementation(write as never);
    vi.spyOn(process.stderr, 'write').mockImplementation(write as never);
    onTestFinished(() => void vi.restoreAllMocks());
    const pool = await readyPool(guarded, { logs: 'inherit' });
    await pool.call('say', [text]);
    await pool.close();
    const shown = printed.filter((line) => line.startsWith('[worker-0] '));
    expect(shown.length).toBeGreaterThanOrEqual(2);
    for (const line of shown) {
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u);
    }
  });

  it('keeps its colours, its tabs and its lines', async () => {
    const printed: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation(((chunk: unknown) => {
      printed.push(String(chunk));
      return true;
    }) as never);
    onTestFinished(() => void vi.restoreAllMocks());
    const pool = await readyPool(guarded, { logs: 'inherit' });
    await pool.call('say', ['\u001b[31mred\u001b[0m\tand\nnot']);
    await pool.close();
    expect(printed.filter((line) => line.includes('worker-0')).join('')).toBe(
      '[worker-0] \u001b[31mred\u001b[0m\tand\n[worker-0] not\n',
    );
  });
});

describe('a value with names that JavaScript takes for more', () => {
  it.each([1, 2, 3, 4, 5])('is data on both ways, %i levels deep, and pollutes nothing', async (depth) => {
    const pool = await readyPool(new URL('../integration/fixtures/app.py', import.meta.url).pathname);
    for (const inner of [
      '{"__proto__":{"polluted":1}}',
      '{"constructor":{"prototype":{"polluted":1}}}',
      '{"prototype":{"polluted":1},"toString":1,"hasOwnProperty":2}',
    ]) {
      const json = `${'{"a":[{"__proto__":'.repeat(depth)}${inner}${'}]}'.repeat(depth)}`;
      const value = JSON.parse(json);
      const answer = await pool.call('echo', [value]);
      expect(JSON.stringify(answer)).toBe(json);
      expect(Object.getPrototypeOf(answer)).toBe(Object.prototype);
      const keywords = JSON.parse('{"__proto__":1,"constructor":2}');
      const given = await pool.call<{ kwargs: object }>('signature', [], { kwargs: keywords });
      expect(JSON.stringify(given.kwargs)).toBe('{"__proto__":1,"constructor":2}');
    }
    expect('polluted' in {}).toBe(false);
    expect(await failure(pool.call('__proto__'))).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
  });
});

describe('the Python side', () => {
  /** Where code is made of text, and why that is no text of Node’s. */
  const ALLOWED = new Set([
    // Annotations of the module’s own functions.
    'hints.py: hints[name] = eval(hint, scope) if isinstance(hint, str) else hint',
  ]);

  it('unpickles nothing, and makes no code of text that comes over the line', () => {
    const files = readdirSync(PACKAGE, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.py'));
    expect(files.length).toBeGreaterThan(20);
    const found = files.flatMap((path) =>
      readFileSync(join(PACKAGE, path), 'utf8')
        .split('\n')
        .filter((line) => DANGEROUS.test(line.replace(/#.*/, '')))
        .map((line) => `${path}: ${line.trim()}`),
    );
    expect(found.filter((line) => !ALLOWED.has(line))).toEqual([]);
  });
});

const DANGEROUS =
  /\b(?:eval\(|exec\(|__import__\(|(?:pickle|marshal|shelve|yaml)\.|import (?:pickle|marshal|shelve)|from (?:pickle|marshal|shelve)|os\.system|os\.popen|shell=True)/;

/** The sockets that a process holds, by inode. */
function sockets(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${name}`))?.[1] ?? [];
    } catch {
      return [];
    }
  });
}

/** The inodes of all sockets of this machine that can be reached: those of TCP, and those of the file system that have a name. */
function listeners(): Set<string> {
  const rows = (path: string) =>
    readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((row) => row.trim().split(/\s+/));
  const tcp = ['/proc/net/tcp', '/proc/net/tcp6', '/proc/net/udp', '/proc/net/udp6']
    .flatMap(rows)
    .map((row) => row[9] ?? '');
  const unix = rows('/proc/net/unix')
    .filter((row) => row[7] !== undefined)
    .map((row) => row[6] ?? '');
  return new Set([...tcp, ...unix]);
}
