import fs, { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { BootError, Pool, PoolOptions, SessionLostError } from '../../src/index.js';
import { temporaryFolder } from '../support/folder.js';
import { Gate } from '../support/gate.js';
import { failure, next, startPool } from '../support/pool.js';
import { workersOf } from '../support/processes.js';

describe('a pool that watches its files', () => {
  it('answers by the new code once the module has changed, and says what it did', async () => {
    const { pool, write } = await watching({ size: 2 });
    expect(await pool.call('version')).toBe(1);
    const reloaded = next(pool, 'pool.reloaded');
    const [file] = write({ app: app(2) });
    const { files, workers } = await reloaded;
    expect({ files, workers: [...workers].sort() }).toEqual({ files: [file], workers: ['worker-0', 'worker-1'] });
    const versions = await Promise.all(Array.from({ length: 8 }, () => pool.call('version')));
    expect(new Set(versions)).toEqual(new Set([2]));
  });

  it('sees what the module imports change, saved by a rename too, and several files as one change', async () => {
    const { pool, write, folder } = await watching({}, { app: 'from pack import number\n' + app('number.VALUE') });
    expect(await pool.call('version')).toBe(1);
    const reloads: unknown[] = [];
    pool.on('pool.reloaded', ({ files }) => reloads.push(files));
    const reloaded = next(pool, 'pool.reloaded');
    const number = join(folder, 'pack', 'number.py');
    writeFileSync(`${number}~`, 'VALUE = 2\n');
    renameSync(`${number}~`, number);
    write({ 'pack/__init__': '# more\n' });
    await reloaded;
    expect(await pool.call('version')).toBe(2);
    expect(reloads).toEqual([[join(folder, 'pack', '__init__.py'), number]]);
  });

  it('follows a folder that is removed and made again, or another that is put in its place', async () => {
    const { pool, write, folder } = await watching({}, { app: 'from pack import number\n' + app('number.VALUE') });
    const changed = async (how: 'pool.reloaded' | 'reload.failed', change: () => void) => {
      const told = next(pool, how);
      change();
      return (await told).files;
    };
    const [pack, file] = [join(folder, 'pack'), join(folder, 'pack', 'number.py')];
    expect(await pool.call('version')).toBe(1);
    await changed('reload.failed', () => rmSync(pack, { recursive: true }));
    const made = await changed('pool.reloaded', () => {
      mkdirSync(pack);
      write({ 'pack/__init__': '', 'pack/number': 'VALUE = 20\n' });
    });
    expect([made, await pool.call('version')]).toEqual([[join(pack, '__init__.py'), file], 20]);
    await changed('pool.reloaded', () => write({ 'pack/number': 'VALUE = 300\n' }));
    expect(await pool.call('version')).toBe(300);
    mkdirSync(join(folder, 'other'));
    write({ 'other/number': 'VALUE = 4000\n' });
    const put = await changed('pool.reloaded', () => {
      renameSync(pack, join(folder, 'before'));
      renameSync(join(folder, 'other'), pack);
    });
    expect([put, await pool.call('version')]).toEqual([[file], 4000]);
    await changed('pool.reloaded', () => write({ 'pack/number': 'VALUE = 50000\n' }));
    expect(await pool.call('version')).toBe(50000);
  });

  it('follows a folder that comes with the one it is in', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'lib', 'python');
    const { pool } = await watching(
      { pythonPath: [path] },
      { app: 'try: from number import VALUE\nexcept ImportError: VALUE = 0\n' + app('VALUE') },
    );
    expect(await pool.call('version')).toBe(0);
    const reloaded = () => next(pool, 'pool.reloaded');
    for (const version of [1, 20]) {
      const made = reloaded();
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, 'number.py'), `VALUE = ${version}\n`);
      await made;
      expect(await pool.call('version')).toBe(version);
      const removed = reloaded();
      rmSync(join(folder, 'lib'), { recursive: true });
      await removed;
      expect(await pool.call('version')).toBe(0);
    }
  });

  it('knows a folder of `pythonPath` by any of its names, and takes it from `cwd`', async () => {
    const folder = temporaryFolder();
    const number = join(folder, 'lib', 'number.py');
    const { pool } = await watching(
      { pythonPath: ['lib/'], cwd: folder },
      { app: 'try: from number import VALUE\nexcept ImportError: VALUE = 0\n' + app('VALUE') },
    );
    const put = (version: number) => {
      mkdirSync(join(folder, 'lib'), { recursive: true });
      writeFileSync(number, `VALUE = ${version}\n`);
    };
    const reloaded = async (change: () => void) => {
      const told = next(pool, 'pool.reloaded');
      change();
      expect((await told).files).toEqual([number]);
    };
    expect(await pool.call('version')).toBe(0);
    await reloaded(() => put(1));
    await reloaded(() => rmSync(join(folder, 'lib'), { recursive: true }));
    await reloaded(() => put(20));
    await reloaded(() => put(300));
    expect(await pool.call('version')).toBe(300);
  });

  it('hears of what is written where a link leads, of a module and of what it imports', async () => {
    const elsewhere = temporaryFolder();
    const [app1, number] = [join(elsewhere, 'app_1.py'), join(elsewhere, 'number.py')];
    writeFileSync(app1, `from number import VALUE\n${app('VALUE')}`);
    writeFileSync(number, 'VALUE = 1\n');
    const folder = temporaryFolder();
    symlinkSync(app1, join(folder, 'app.py'));
    symlinkSync(number, join(folder, 'number.py'));
    const pool = startPool(join(folder, 'app.py'), { watch: true });
    const reloaded = async (change: () => void) => {
      const told = next(pool, 'pool.reloaded');
      change();
      return (await told).files;
    };
    expect(await pool.call('version')).toBe(1);
    expect(await reloaded(() => writeFileSync(number, 'VALUE = 2000\n'))).toEqual([number]);
    expect(await pool.call('version')).toBe(2000);
    expect(await reloaded(() => writeFileSync(app1, app(30)))).toEqual([app1]);
    expect(await pool.call('version')).toBe(30);
  });

  it('takes nothing for changed because something comes that has the name of its folder', async () => {
    const { pool, write, folder } = await watching({}, { app: 'from pack import number\n' + app('number.VALUE') });
    await pool.ready();
    const reloaded = next(pool, 'pool.reloaded');
    for (const inside of [folder, join(folder, 'pack')]) mkdirSync(join(inside, basename(inside)));
    const files = write({ 'pack/number': 'VALUE = 2\n' });
    expect((await reloaded).files).toEqual(files);
    expect(await pool.call('version')).toBe(2);
    const again = next(pool, 'pool.reloaded');
    write({ 'pack/number': 'VALUE = 30\n' });
    await again;
    expect(await pool.call('version')).toBe(30);
  });

  it('follows what is in a folder that was moved where another is put in its place', async () => {
    const { pool, write, folder } = await watching(
      {},
      { 'pack/deep/number': 'VALUE = 1\n', app: 'from pack.deep import number\n' + app('number.VALUE') },
    );
    expect(await pool.call('version')).toBe(1);
    write({ 'other/__init__': '', 'other/deep/number': 'VALUE = 20\n' });
    const moved = next(pool, 'pool.reloaded');
    renameSync(join(folder, 'pack'), join(folder, 'before'));
    renameSync(join(folder, 'other'), join(folder, 'pack'));
    expect((await moved).files).toEqual([
      join(folder, 'pack', '__init__.py'),
      join(folder, 'pack', 'deep', 'number.py'),
    ]);
    expect(await pool.call('version')).toBe(20);
    const reloaded = next(pool, 'pool.reloaded');
    write({ 'pack/deep/number': 'VALUE = 300\n' });
    await reloaded;
    expect(await pool.call('version')).toBe(300);
  });

  it('is not disturbed by what else happens where a folder is awaited', async () => {
    const folder = temporaryFolder();
    const { pool, write } = await watching({ pythonPath: [join(folder, 'lib', 'python')] });
    await pool.ready();
    const watched = vi.spyOn(fs, 'watch');
    syncBuiltinESMExports();
    onTestFinished(() => {
      watched.mockRestore();
      syncBuiltinESMExports();
    });
    writeFileSync(join(folder, 'neighbour.txt'), '');
    const reloaded = next(pool, 'pool.reloaded');
    write({ app: app(2) });
    await reloaded;
    expect(watched).not.toHaveBeenCalled();
    mkdirSync(join(folder, 'lib'));
    await vi.waitUntil(() => watched.mock.calls.length > 0, 10_000);
  });

  it('lets a call that runs come to its end on the old code', async () => {
    const { pool, write } = await watching();
    const gate = new Gate();
    const running = pool.call('wait_at', [gate.path]);
    const go = await gate.reached();
    const reloaded = next(pool, 'pool.reloaded');
    write({ app: app(2) });
    await reloaded;
    expect(pool.stats().workers).toMatchObject({ retiring: 1, idle: 0 });
    const waiting = pool.call('version');
    const dead = next(pool, 'worker.dead');
    await go();
    expect(await running).toBe(1);
    expect(await dead).toMatchObject({ reason: 'retired', exitCode: 0 });
    expect(await waiting).toBe(2);
  });

  it('keeps a lease on the old code until it is checked in', async () => {
    const { pool, write } = await watching();
    const lease = await pool.checkout();
    const reloaded = next(pool, 'pool.reloaded');
    write({ app: app(2) });
    await reloaded;
    expect([await lease.call('version'), await lease.call('version')]).toEqual([1, 1]);
    await lease.checkin();
    expect(await pool.call('version')).toBe(2);
  });

  it('keeps the objects of such a lease, too, until then', async () => {
    const shelf = (label: string) =>
      `from pythonarium import expose\n\n@expose\nclass Shelf:\n    def label(self): return ${label}\n`;
    const { pool, write } = await watching({}, { app: shelf("'old'") });
    const lease = await pool.checkout();
    const kept = await (lease.py as unknown as { Shelf(): Promise<{ label(): Promise<string> }> }).Shelf();
    const reloaded = next(pool, 'pool.reloaded');
    write({ app: shelf("'new'") });
    await reloaded;
    expect(await kept.label()).toBe('old');
    lease.checkin();
    expect(await failure(kept.label())).toMatchObject({ code: 'ERR_LEASE_ENDED' });
  });

  it('tells a session that its state was lost, and why', async () => {
    const { pool, write } = await watching();
    const session = pool.session('ann');
    await session.call('version');
    const lost = next(pool, 'session.lost');
    write({ app: app(2) });
    expect(await lost).toEqual({ session: 'ann', reason: 'worker-recycled' });
    const error = await failure<SessionLostError>(session.call('version'));
    expect(error).toMatchObject({ code: 'ERR_SESSION_LOST', reason: 'worker-recycled' });
    expect(await session.call('version')).toBe(2);
  });

  it('keeps its workers where the new code does not load, says why, and goes on when it does again', async () => {
    const { pool, write } = await watching();
    const before = await pool.call('pid');
    const failed = next(pool, 'reload.failed');
    const [file] = write({ app: 'def version(:\n' });
    const { files, error } = (await failed) as { files: string[]; error: BootError };
    expect(files).toEqual([file]);
    expect(error).toMatchObject({ code: 'ERR_BOOT', stage: 'import', cause: { type: 'SyntaxError' } });
    expect([await pool.call('version'), await pool.call('pid')]).toEqual([1, before]);
    const reloaded = next(pool, 'pool.reloaded');
    write({ app: app(3) });
    await reloaded;
    expect(await pool.call('version')).toBe(3);
  });

  it.each(['spawn', 'fork'] as const)(
    'sees what is mended in a folder that nothing came from before: %s',
    async (start) => {
      const { pool, write } = await watching({ start });
      await pool.ready();
      const failed = next(pool, 'reload.failed');
      write({ 'more/part': 'VALUE = = 2\n' });
      write({ app: `from more.part import VALUE\n${app('VALUE')}` });
      await failed;
      const reloaded = next(pool, 'pool.reloaded');
      const mended = write({ 'more/part': 'VALUE = 2\n' });
      expect((await reloaded).files).toEqual(mended);
      expect(await pool.call('version')).toBe(2);
    },
  );

  it('starts at once when what kept it from starting is mended', async () => {
    const { pool, write } = await watching({}, { app: 'import nosuchmodule\n' });
    expect(await failure(pool.ready())).toMatchObject({ code: 'ERR_BOOT' });
    const ready = next(pool, 'worker.ready');
    write({ app: app(2) });
    await ready;
    expect(await pool.call('version')).toBe(2);
  });

  it.each(['spawn', 'fork'] as const)(
    'tries what was saved meanwhile, where a trial hangs with what there was before: %s',
    async (start) => {
      const { pool, write } = await watching({ start });
      await pool.ready();
      const gate = new Gate();
      const failures: unknown[] = [];
      pool.on('reload.failed', (told) => failures.push(told));
      const [file] = write({ app: `open(${JSON.stringify(gate.path)}).read()\n${app(2)}` });
      await gate.reached();
      const reloaded = next(pool, 'pool.reloaded');
      const [other] = write({ other: '' });
      write({ app: app(3) });
      expect((await reloaded).files).toEqual([file, other].sort());
      expect(await pool.call('version')).toBe(3);
      expect(failures).toEqual([]);
    },
  );

  it('leaves nothing of a trial behind when it is closed in the middle of one', async () => {
    const { pool, write } = await watching();
    await pool.ready();
    const gate = new Gate();
    write({ app: `open(${JSON.stringify(gate.path)}).read()\n${app(2)}` });
    await gate.reached();
    await pool.close();
    expect(workersOf(process.pid)).toEqual([]);
  });

  it('does nothing of this unless it was asked to', async () => {
    const { pool, write } = await watching({ watch: false });
    expect(await pool.call('version')).toBe(1);
    write({ app: app(2) });
    const { pool: other, write: writeOther } = await watching();
    await other.ready();
    const reloaded = next(other, 'pool.reloaded');
    writeOther({ app: app(2) });
    await reloaded;
    expect(await pool.call('version')).toBe(1);
  });
});

describe('a pool that is told to reload', () => {
  it.each([1, 2])('replaces each of %d, once another is up, and loses no call', async (size) => {
    const { pool, write } = await watching({ watch: false, size });
    await pool.ready();
    const told: string[] = [];
    for (const name of ['worker.ready', 'worker.retired'] as const) pool.on(name, () => told.push(name));
    const reloaded = next(pool, 'pool.reloaded');
    write({ app: app(22) });
    const reload = pool.reload();
    let isOver = false;
    void reload.then(() => {
      isOver = true;
    });
    const seen = new Set<unknown>();
    while (!isOver) {
      seen.add(await pool.call('version'));
      const { idle, leased } = pool.stats().workers;
      expect(idle + leased).toBeGreaterThanOrEqual(size);
    }
    expect([...seen].every((version) => version === 1 || version === 22)).toBe(true);
    expect(told).toEqual(Array.from({ length: size }, () => ['worker.ready', 'worker.retired']).flat());
    const versions = await Promise.all(Array.from({ length: 8 }, () => pool.call('version')));
    expect(new Set(versions)).toEqual(new Set([22]));
    const names = Array.from({ length: size }, (_, place) => `worker-${place}`);
    expect(await reloaded).toEqual({ files: [], workers: names });
    expect(pool.stats().retired.reload).toBe(size);
  });

  it('keeps its workers where others would not come up, and rejects with why', async () => {
    const { pool, write } = await watching({ watch: false });
    const before = await pool.call('pid');
    const failed = next(pool, 'reload.failed');
    write({ app: 'def version(:\n' });
    const error = await failure<BootError>(pool.reload());
    expect(error).toMatchObject({ code: 'ERR_BOOT', stage: 'import', cause: { type: 'SyntaxError' } });
    expect(await failed).toEqual({ files: [], error });
    expect([await pool.call('version'), await pool.call('pid')]).toEqual([1, before]);
    write({ app: app(333) });
    await pool.reload();
    expect(await pool.call('version')).toBe(333);
  });

  it('goes on where nobody waits for it any more, behind a lease on the old code', async () => {
    const { pool, write } = await watching({ watch: false, size: 2 });
    const leases = [await pool.checkout(), await pool.checkout()];
    write({ app: app(22) });
    const abort = new AbortController();
    const retired = next(pool, 'worker.retired');
    const reload = failure(pool.reload({ signal: abort.signal }));
    await retired;
    const reason = new Error('enough');
    abort.abort(reason);
    expect(await reload).toBe(reason);
    expect(await Promise.all(leases.map((lease) => lease.call('version')))).toEqual([1, 1]);
    expect(await failure(pool.reload({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    const reloaded = next(pool, 'pool.reloaded');
    for (const lease of leases) lease.checkin();
    await reloaded;
    expect(pool.stats().retired.reload).toBe(2);
    expect(await pool.call('version')).toBe(22);
  });

  it('loads what there is at the time of the last of several', async () => {
    const { pool, write } = await watching({ watch: false });
    const gate = new Gate();
    write({ app: `open(${JSON.stringify(gate.path)}).read()\n${app(22)}` });
    const first = pool.reload();
    const go = await gate.reached();
    write({ app: app(333) });
    const second = pool.reload();
    await go();
    await Promise.all([first, second]);
    expect(await pool.call('version')).toBe(333);
  });

  it('starts at once when what kept it from starting is mended', async () => {
    const { pool, write } = await watching({ watch: false }, { app: 'import nosuchmodule\n' });
    expect(await failure(pool.ready())).toMatchObject({ code: 'ERR_BOOT' });
    write({ app: app(22) });
    await pool.reload();
    expect(await pool.call('version')).toBe(22);
  });

  it('has room for the others besides a fixed number of replacements, or of places', async () => {
    for (const more of [
      { recycle: { leases: 1_000 }, recycleConcurrencyMax: 2 },
      { size: { min: 1, max: 2 } },
    ] as const) {
      const { pool, write } = await watching({ watch: false, size: 2, ...more });
      await pool.ready();
      write({ app: app(22) });
      await pool.reload();
      expect(await pool.call('version')).toBe(22);
      write({ app: app(333) });
      await pool.reload();
      expect(await pool.call('version')).toBe(333);
    }
  });

  it('is not waited for by a function that its own call waits for', async () => {
    const code = (version: number | string) => `${app(version)}\n@expose\ndef ask(fn): return fn()\n`;
    const { pool, write } = await watching({ watch: false, size: 2 }, { app: code(1) });
    await pool.ready();
    write({ app: code(22) });
    const reloaded = next(pool, 'pool.reloaded');
    const told = await pool.call('ask', [() => failure(pool.reload()).then(({ code }) => code)]);
    expect(told).toBe('ERR_DEADLOCK');
    await reloaded;
    expect(await pool.call('version')).toBe(22);
  });

  it('rejects where the pool is closed meanwhile, and leaves nothing of its trial behind', async () => {
    const { pool, write } = await watching({ watch: false });
    await pool.ready();
    const gate = new Gate();
    write({ app: `open(${JSON.stringify(gate.path)}).read()\n${app(22)}` });
    const reloads = [failure(pool.reload()), failure(pool.reload())];
    await gate.reached();
    await pool.close();
    for (const error of [...(await Promise.all(reloads)), await failure(pool.reload())]) {
      expect(error).toMatchObject({ code: 'ERR_POOL_CLOSED' });
    }
    expect(workersOf(process.pid)).toEqual([]);
  });
});

/** A pool whose module is in a folder of its own, and what writes the files there. */
async function watching(
  options: Partial<PoolOptions> = {},
  files: Record<string, string> = {},
): Promise<{ pool: Pool; folder: string; write: (files: Record<string, string>) => string[] }> {
  const folder = temporaryFolder();
  const write = (texts: Record<string, string>) =>
    Object.entries(texts).map(([stem, text]) => {
      const file = join(folder, `${stem}.py`);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      return file;
    });
  write({ app: app(1), 'pack/__init__': '', 'pack/number': 'VALUE = 1\n', ...files });
  const pool = startPool(join(folder, 'app.py'), { watch: true, ...options });
  return { pool, folder, write };
}

function app(version: number | string): string {
  return `
import os
from pythonarium import expose

@expose
def version():
    return ${version}

@expose
def pid():
    return os.getpid()

@expose
def wait_at(gate):
    with open(gate) as pipe:
        pipe.read()
    return ${version}
`;
}
