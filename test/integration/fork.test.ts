import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { BootError, Pool, PoolOptions, WorkerDiedError } from '../../src/index.js';
import { temporaryFolder } from '../support/folder.js';
import { Gate } from '../support/gate.js';
import { failure, fixtures, next, readyPool, startPool } from '../support/pool.js';
import { freeze, isAlive, templatesOf, until } from '../support/processes.js';

const here = fixtures(import.meta.url);
const fork = (options: Partial<PoolOptions> = {}) => ({ start: 'fork', ...options }) as const;

interface Where {
  readonly pid: number;
  readonly parent: number;
  readonly importedBy: number;
  readonly steps: readonly string[];
}

describe('a pool that forks', () => {
  it('imports once, and has each worker do what a fork does not carry over, before its setup', async () => {
    const lines: string[] = [];
    const pool = startPool(here('forked.py'), fork({ size: 3, setup: { name: 'warm', args: ['set up'] } }));
    pool.on('log', ({ text }) => lines.push(text));
    await pool.ready();
    await until(() => pool.stats().missing === 0, 'all workers');
    const [template] = templatesOf(process.pid);
    const leases = await Promise.all([pool.checkout(), pool.checkout(), pool.checkout()]);
    const workers = await Promise.all(leases.map((lease) => lease.call<Where>('where')));
    expect(new Set(workers.map(({ pid }) => pid)).size).toBe(3);
    for (const { pid, parent, importedBy, steps } of workers) {
      expect({ parent, importedBy }).toEqual({ parent: template, importedBy: template });
      expect(steps).toEqual(['imported', `forked in ${pid}`, `set up in ${pid}`]);
    }
    expect(lines.sort()).toEqual(['imported', 'with a last word']);
    for (const lease of leases) lease.checkin();
    await pool.close();
    expect(templatesOf(process.pid)).toEqual([]);
  });

  it('imports nothing more in a worker, where it would be in memory once for each', async () => {
    const pool = await readyPool(here('modules_at_fork.py'), fork({ expose: 'all', limits: { files: 200 } }));
    expect(await pool.call('imported_since')).toEqual([]);
  });

  it('runs what on_fork was given where it spawns, too', async () => {
    const pool = startPool(here('forked.py'), { setup: { name: 'warm', args: ['set up'] } });
    const { pid, importedBy, steps } = await pool.call<Where>('where');
    expect(importedBy).toBe(pid);
    expect(steps).toEqual(['imported', `forked in ${pid}`, `set up in ${pid}`]);
  });

  it('gives each worker random numbers of its own', async () => {
    // It has one generator for all that ask for numbers by no other, which is seeded as it is imported.
    const torch = join(temporaryFolder(), 'torch.py');
    writeFileSync(
      torch,
      `import random
generator = random.Random(1)
seed, rand = generator.seed, generator.random
class cuda:
    @staticmethod
    def is_initialized(): return False`,
    );
    const modules = { app: here('forked.py'), numpy: 'numpy.linalg', torch };
    const pool = await readyPool(modules, fork({ size: 2, expose: 'all' }));
    const leases = await Promise.all([pool.checkout(), pool.checkout()]);
    const drawn = await Promise.all(leases.map((lease) => lease.call<number[]>('app.draw')));
    expect(drawn.map((numbers) => numbers.length)).toEqual([3, 3]);
    expect(new Set(drawn.flat()).size).toBe(6);
    for (const lease of leases) lease.checkin();
  });

  it('does so where a module has given numpy a generator of another kind, too', async () => {
    const pool = await readyPool(here('another_generator.py'), fork({ size: 2 }));
    const leases = await Promise.all([pool.checkout(), pool.checkout()]);
    const drawn = await Promise.all(leases.map((lease) => lease.call<[string, number]>('draw')));
    expect(drawn.map(([kind]) => kind)).toEqual(['PCG64', 'PCG64']);
    expect(new Set(drawn.map(([, number]) => number)).size).toBe(2);
    for (const lease of leases) lease.checkin();
  });

  it('never lets a worker run what was meant for the one before it', async () => {
    const marks = join(temporaryFolder(), 'marks');
    const pool = await readyPool(here('forked.py'), fork({ slots: 4 }));
    const { pid } = await pool.call<Where>('where');
    const waiting = failure<WorkerDiedError>(pool.call('wait', [marks]));
    await until(() => readMarks(marks).length === 1, 'the call to run');
    // They are in the pipe, one of them too large for it: the end of that one is still here.
    const behind = ['small', 'x'.repeat(1_000_000)].map((word) =>
      failure<WorkerDiedError>(pool.call('note', [marks, word])),
    );
    await until(() => pool.stats().leases === 3, 'all to be sent');
    await freeze(pid);
    process.kill(pid, 'SIGKILL');
    expect(await waiting).toMatchObject({ code: 'ERR_WORKER_DIED', signal: 'SIGKILL', started: true });
    for (const each of behind) expect(await each).toMatchObject({ code: 'ERR_WORKER_DIED', started: false });
    await pool.call('note', [marks, 'after it']);
    expect(readMarks(marks)).toEqual(['waits', 'after it']);
  });

  it('never takes what a dead worker has written for what its successor says', async () => {
    const pool = await readyPool(here('forked.py'), fork());
    for (let round = 0; round < 3; round += 1) {
      expect(await failure(pool.call('half_an_answer'))).toMatchObject({ code: 'ERR_WORKER_DIED', exitCode: 0 });
      expect(await pool.call('size', ['four'])).toBe(4);
    }
  });

  it('hears the last words of each worker, to the end', async () => {
    const pool = await readyPool(here('forked.py'), fork());
    const heard: string[] = [];
    pool.on('log', ({ text }) => heard.push(text));
    const error = await failure<WorkerDiedError>(pool.call('last_words', [200]));
    expect(error).toMatchObject({ exitCode: 3, signal: null });
    expect(error.stderr.at(-1)).toBe('err 199');
    expect(heard.filter((text) => text.startsWith('out'))).toHaveLength(200);
    expect(heard.filter((text) => text.startsWith('err'))).toHaveLength(200);
  });

  it('interrupts calls and shares large arrays as any other', async () => {
    const pool = await readyPool(here('forked.py'), fork({ interrupt: true }));
    const { pid } = await pool.call<Where>('where');
    await giveUpAsItWaits(pool);
    expect(await pool.call('size', [new Float64Array(8_000_000)])).toBe(8_000_000);
    expect((await pool.call<Where>('where')).pid).toBe(pid);
    expect(pool.stats().cancelled).toMatchObject({ kept: 1, killed: 0 });
  });

  it('takes the death of the template for the death of all its workers, and makes another', async () => {
    const pool = await readyPool(here('forked.py'), fork({ size: 2 }));
    await until(() => pool.stats().missing === 0, 'both workers');
    const { pid, parent } = await pool.call<Where>('where');
    const marks = join(temporaryFolder(), 'marks');
    const waiting = failure(pool.call('wait', [marks]));
    await until(() => readMarks(marks).length === 1, 'the call to run');
    let dead = 0;
    pool.on('worker.dead', () => {
      dead += 1;
    });
    process.kill(parent, 'SIGKILL');
    expect(await waiting).toMatchObject({ code: 'ERR_WORKER_DIED', signal: 'SIGKILL' });
    await until(() => dead === 2, 'both workers to be told as dead');
    const after = await pool.call<Where>('where');
    expect(after.parent).not.toBe(parent);
    expect(isAlive(pid)).toBe(false);
    expect(templatesOf(process.pid)).toEqual([after.parent]);
  });

  it('takes the death of the template for one failed start, of however many workers', async () => {
    const pool = await readyPool(here('forked.py'), fork({ size: 6 }));
    await until(() => pool.stats().missing === 0, 'all workers');
    const [template] = templatesOf(process.pid);
    // At once, before another template is up.
    const allDead = new Promise<void>((resolve) => {
      let dead = 0;
      pool.on('worker.dead', () => {
        dead += 1;
        if (dead === 6) resolve();
      });
    });
    process.kill(template as number, 'SIGKILL');
    await allDead;
    expect(pool.stats()).toMatchObject({ state: 'ready', failures: 1 });
    expect((await pool.call<Where>('where')).parent).not.toBe(template);
  });

  it('ends with the template what its workers have started', async () => {
    const pool = await readyPool(here('forked.py'), fork());
    const { parent } = await pool.call<Where>('where');
    const started = await pool.call<number>('start_another');
    onTestFinished(() => endNow(started));
    process.kill(parent, 'SIGKILL');
    await until(() => !isAlive(started), 'what the worker had started to end');
  });

  it('fails the one start for which the system refuses a process, and says why', async () => {
    const pool = startPool(here('cannot-fork-at-first.py'), fork({ size: 2 }));
    const { error } = await next(pool, 'boot.failed');
    const stderr = [
      expect.stringMatching(/^The template could not fork a worker: .*Resource temporarily unavailable$/),
    ];
    expect(error).toMatchObject({ code: 'ERR_BOOT', exitCode: 71, stderr });
    const [template] = templatesOf(process.pid);
    await until(() => pool.stats().missing === 0, 'both workers');
    expect(await pool.call('parent')).toBe(template);
  });

  it('hears of the end of a worker where Python cannot look for it without reaping, as before 3.13 on macOS', async () => {
    const app = join(temporaryFolder(), 'app.py');
    const ends = '@expose\ndef end(): os._exit(3)\n\n@expose\ndef parent(): return os.getppid()\n';
    const head = 'import os\nfrom pythonarium import expose\n\ndel os.waitid\n\n';
    writeFileSync(app, head + ends);
    const pool = await readyPool(app, fork());
    const [template] = templatesOf(process.pid);
    expect(await failure(pool.call('end'))).toMatchObject({ code: 'ERR_WORKER_DIED', exitCode: 3 });
    expect(await pool.call('parent')).toBe(template);
  });

  it('outlives the signals that its template may not send', async () => {
    const pool = await readyPool(here('may-not-signal.py'), fork({ interrupt: true, cancelGraceMs: 1 }));
    const template = await pool.call('parent');
    await giveUpAsItWaits(pool);
    expect(await pool.call('parent')).toBe(template);
    expect(pool.stats().cancelled).toMatchObject({ killed: 1 });
  });

  it('can be ended where its template hangs', { timeout: 20_000 }, async () => {
    const pool = await readyPool(here('forked.py'), fork({ size: 2 }));
    const { pid, parent } = await pool.call<Where>('where');
    await freeze(parent);
    onTestFinished(() => endNow(parent));
    await pool.destroy();
    expect(isAlive(parent)).toBe(false);
    await until(() => !isAlive(pid), 'its workers to end');
  });

  it('tells of the death of a worker though its template was stopped, and makes another', {
    timeout: 20_000,
  }, async () => {
    const pool = await readyPool(here('forked.py'), fork());
    const { pid, parent } = await pool.call<Where>('where');
    const marks = join(temporaryFolder(), 'marks');
    const waiting = failure(pool.call('wait', [marks]));
    await until(() => readMarks(marks).length === 1, 'the call to run');
    await freeze(parent);
    onTestFinished(() => endNow(parent));
    process.kill(pid, 'SIGKILL');
    expect(await waiting).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
    expect((await pool.call<Where>('where')).parent).not.toBe(parent);
    expect(pool.stats().failures).toBe(0);
  });

  it('takes no child that its modules fork, and that comes back from them, for the template', async () => {
    const pool = await readyPool(here('forks-at-import.py'), fork());
    expect(await pool.call('is_of_the_child')).toBe(false);
  });

  it('makes another template where a worker has shut down the line for all', async () => {
    const pool = await readyPool(here('shuts-its-line.py'), fork());
    const died = failure(pool.call('shut'));
    // It finds its line closed and ends, or is ended for it, whichever comes first.
    expect(['ERR_WORKER_DIED', 'ERR_PROTOCOL']).toContain((await died).code);
    expect(await pool.call('well')).toBe('well');
    await until(() => templatesOf(process.pid).length === 1, 'the first template to end');
  });
});

describe('a pool that would fork', () => {
  it('spawns where the modules have started a thread, and says why, once', async () => {
    const reasons: string[] = [];
    const pool = startPool(here('starts-a-thread.py'), fork({ size: 2 }));
    pool.on('fork.refused', ({ reason }) => reasons.push(reason));
    await pool.ready();
    await until(() => pool.stats().missing === 0, 'both workers');
    expect(reasons).toEqual(['the modules have started 1 thread, which a fork would not have']);
    expect(await pool.call('parent')).toBe(process.pid);
    await until(() => templatesOf(process.pid).length === 0, 'the template to end');
  });

  it('spawns where a library was imported that does not work after a fork', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'grpc.py'), '');
    writeFileSync(
      join(folder, 'app.py'),
      'import grpc\nfrom pythonarium import expose\n\n@expose\ndef one(): return 1\n',
    );
    const pool = startPool(join(folder, 'app.py'), fork());
    const refused = next(pool, 'fork.refused');
    expect(await pool.call('one')).toBe(1);
    expect((await refused).reason).toContain('grpc was imported');
  });

  it('fails its starts by what the modules raise, and comes up once they are mended', async () => {
    const app = join(temporaryFolder(), 'app.py');
    writeFileSync(app, 'import no_such_module_at_all\n');
    const pool = startPool(app, fork({ size: 2 }));
    const error = await failure<BootError>(pool.ready());
    expect(error).toMatchObject({ code: 'ERR_BOOT', stage: 'import', cause: { type: 'ModuleNotFoundError' } });
    expect((error.cause as Error & { traceback: string }).traceback).toContain('app.py", line 1');
    writeFileSync(app, 'from pythonarium import expose\n\n@expose\ndef one(): return 1\n');
    await next(pool, 'worker.ready');
    expect(await pool.call('one')).toBe(1);
  });

  it('ends a template whose import nobody waits for any more', async () => {
    const app = join(temporaryFolder(), 'app.py');
    writeFileSync(app, 'import time\ntime.sleep(600)\n');
    const pool = startPool(app, fork({ bootTimeoutMs: 700 }));
    expect(await failure(pool.ready())).toMatchObject({ code: 'ERR_BOOT', stage: 'timeout' });
    const [template] = templatesOf(process.pid);
    await pool.destroy();
    expect(template === undefined || !isAlive(template)).toBe(true);
    expect(templatesOf(process.pid)).toEqual([]);
  });

  it('forks of new modules once they have changed, and keeps the old ones where they would not load', async () => {
    const app = join(temporaryFolder(), 'app.py');
    const write = (value: string) =>
      writeFileSync(app, `from pythonarium import expose\n\n@expose\ndef value(): return ${value}\n`);
    write('1');
    const pool = await readyPool(app, fork({ watch: true }));
    const [first] = templatesOf(process.pid);
    const failed = next(pool, 'reload.failed');
    write('1 +');
    expect(await failed).toMatchObject({ error: { code: 'ERR_BOOT', stage: 'import' } });
    expect(await pool.call('value')).toBe(1);
    await until(() => templatesOf(process.pid).length === 1, 'the trial to end');
    expect(templatesOf(process.pid)).toEqual([first]);
    const reloaded = next(pool, 'pool.reloaded');
    write('2');
    await reloaded;
    expect(await pool.call('value')).toBe(2);
    await until(() => !isAlive(first as number), 'the old template to end');
  });

  it('forks of new modules once it is told to reload, and the old template ends with the last of the old', async () => {
    const app = join(temporaryFolder(), 'app.py');
    const write = (value: string) =>
      writeFileSync(app, `from pythonarium import expose\n\n@expose\ndef value(): return ${value}\n`);
    write('1');
    const pool = await readyPool(app, fork({ size: 2 }));
    const [first] = templatesOf(process.pid);
    write('22');
    await pool.reload();
    expect(await Promise.all([1, 2, 3, 4].map(() => pool.call('value')))).toEqual([22, 22, 22, 22]);
    await until(() => !isAlive(first as number), 'the old template to end');
    expect(templatesOf(process.pid)).toHaveLength(1);
  });

  it('forks those of the new modules who waited for the old ones to be imported, who have not failed to start and stay', async () => {
    const app = join(temporaryFolder(), 'app.py');
    const gate = new Gate();
    const value = (value: number) => `from pythonarium import expose\n\n@expose\ndef value(): return ${value}\n`;
    writeFileSync(app, `open(${JSON.stringify(gate.path)}).read()\n${value(1)}`);
    const pool = startPool(app, fork({ size: 2, watch: true }));
    const dead: string[] = [];
    pool.on('worker.dead', ({ reason }) => dead.push(reason));
    await gate.reached();
    const [first] = templatesOf(process.pid);
    const reloaded = next(pool, 'pool.reloaded');
    // In one piece: whoever watches hears of a file that is opened and of what is written to it.
    const changed = join(temporaryFolder(), 'app.py');
    writeFileSync(changed, value(2));
    renameSync(changed, app);
    expect((await reloaded).workers).toEqual([]);
    await pool.ready();
    expect(await pool.call('value')).toBe(2);
    await until(() => !isAlive(first as number), 'the old template to end');
    await until(() => pool.stats().missing === 0, 'both workers');
    expect(dead).toEqual([]);
    expect(pool.stats().failures).toBe(0);
    expect(pool.stats().retired.reload).toBe(0);
  });
});

/** Lets `wait` run, and gives its call up there. */
async function giveUpAsItWaits(pool: Pool): Promise<void> {
  const marks = join(temporaryFolder(), 'marks');
  const abort = new AbortController();
  const waiting = failure(pool.call('wait', [marks], { signal: abort.signal }));
  await until(() => readMarks(marks).length === 1, 'the call to run');
  abort.abort(new Error('enough'));
  expect(await waiting).toMatchObject({ message: 'enough' });
}

function endNow(pid: number): void {
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
}

/** What was marked, in whole lines: a file that was opened and not written yet has none. */
function readMarks(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
}
