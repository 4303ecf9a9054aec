import { describe, expect, it } from 'vitest';
import { SimulatedClock } from 'xstate';
import type { BootError, WorkerDiedError } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { failure, fixtures, next, readyPool, startPool } from '../support/pool.js';
import { freeze, isAlive, stateOf, until } from '../support/processes.js';

const here = fixtures(import.meta.url);
const dies = here('dies.py');
const app = new URL('../integration/fixtures/app.py', import.meta.url).pathname;

describe('a worker that dies in a call', () => {
  it.each([
    ['a segmentation fault', 'segfault', [], { signal: 'SIGSEGV', exitCode: null }, 'dies.py'],
    ['os.abort()', 'abort', [], { signal: 'SIGABRT', exitCode: null }, 'dies.py'],
    ['SIGKILL', 'kill', ['SIGKILL'], { signal: 'SIGKILL', exitCode: null }, 'memory'],
    ['SIGTERM', 'kill', ['SIGTERM'], { signal: 'SIGTERM', exitCode: null }, 'SIGTERM'],
    ['os._exit(0)', 'leave', [0], { signal: null, exitCode: 0 }, 'os._exit'],
    ['os._exit(250)', 'leave', [250], { signal: null, exitCode: 250 }, 'os._exit'],
  ])('of %s tells its caller how, and is replaced', async (_, name, args, end, hint) => {
    const pool = await readyPool(dies);
    const dead = next(pool, 'worker.dead');
    const error = await failure<WorkerDiedError>(pool.call(name, args));
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', worker: 'worker-0', call: name, started: true, ...end });
    expect(error.message).toContain(hint);
    expect(await dead).toMatchObject({ ...end, reason: 'exited' });
    expect(await pool.call('echo', ['well'])).toBe('well');
  });

  it('of a segmentation fault says in which line of Python', async () => {
    const pool = await readyPool(dies);
    const error = await failure<WorkerDiedError>(pool.call('segfault'));
    expect(error.stderr.join('\n')).toMatch(/dies\.py", line 13 in segfault/);
  });

  it('takes nobody with it: the other workers go on', async () => {
    const pool = await readyPool(app, { size: 2 });
    const gate = new Gate();
    const running = pool.call('wait_at', [gate.path, 'done']);
    const go = await gate.reached();
    const pid = await pool.call<number>('pid');
    const dead = next(pool, 'worker.dead');
    process.kill(pid, 'SIGKILL');
    await dead;
    await go();
    expect(await running).toBe('done');
    expect(await pool.call('echo', [1])).toBe(1);
  });

  it('by running out of memory raises MemoryError instead, and goes on', async () => {
    const pool = await readyPool(dies);
    expect(await failure(pool.call('out_of_memory'))).toMatchObject({ code: 'ERR_PYTHON', type: 'MemoryError' });
    expect(await pool.call('echo', ['well'])).toBe('well');
  });
});

describe('a worker that dies while idle', () => {
  it('is replaced, and nobody is told an error', async () => {
    const pool = await readyPool(app);
    for (let round = 0; round < 5; round += 1) {
      const pid = await pool.call<number>('pid');
      const dead = next(pool, 'worker.dead');
      process.kill(pid, 'SIGKILL');
      await dead;
      expect(await pool.call('pid')).not.toBe(pid);
    }
    expect(pool.stats()).toMatchObject({ failures: 0, calls: { failed: 0 } });
  });

  it('at the moment of a call has the call told that it was not started, or serves it', async () => {
    const pool = await readyPool(app, { size: 2 });
    for (let round = 0; round < 10; round += 1) {
      const dead = next(pool, 'worker.dead');
      process.kill(await pool.call<number>('pid'), 'SIGKILL');
      const outcome = await pool.call('echo', [round]).catch((error: WorkerDiedError) => error);
      if (outcome !== round) expect(outcome).toMatchObject({ code: 'ERR_WORKER_DIED', started: false });
      await dead;
    }
  });
});

describe('a worker that is stopped and goes on', () => {
  it('by SIGSTOP and SIGCONT in the middle of a call answers it as if nothing had been', async () => {
    const pool = await readyPool(app);
    const pid = await pool.call<number>('pid');
    const gate = new Gate();
    const running = pool.call('wait_at', [gate.path, 'done']);
    const go = await gate.reached();
    await freeze(pid);
    await go();
    expect(stateOf(pid)).toBe('T');
    process.kill(pid, 'SIGCONT');
    expect(await running).toBe('done');
  });
});

describe('a worker that will not end', () => {
  it.each(['never', undefined])(
    'because its end hangs (teardown: %s) gets SIGTERM after stopGraceMs',
    async (teardown) => {
      const pool = await readyPool(here('hangs-at-the-end.py'), {
        stopGraceMs: 200,
        ...(teardown && { teardown: { name: teardown } }),
      });
      const pid = await pool.call<number>('pid');
      const dead = next(pool, 'worker.dead');
      await pool.close();
      expect(await dead).toMatchObject({ pid, signal: 'SIGTERM', reason: 'stopped' });
      expect(isAlive(pid)).toBe(false);
    },
  );

  it('because its end hangs and it does not heed SIGTERM is killed after termGraceMs', async () => {
    const times = { stopGraceMs: 100, termGraceMs: 100 };
    const pool = await readyPool(here('ignores-signals.py'), { ...times, teardown: { name: 'never' } });
    const pid = await pool.call<number>('pid');
    const dead = next(pool, 'worker.dead');
    await pool.close();
    expect(await dead).toMatchObject({ pid, signal: 'SIGKILL', reason: 'stopped' });
    expect(isAlive(pid)).toBe(false);
  });

  it('is not asked where stopGraceMs is 0, and gets no SIGTERM where termGraceMs is 0', async () => {
    const told: string[] = [];
    const ends = [
      [{ stopGraceMs: 0 }, { exitCode: 9, signal: null }, ['SIGTERM']],
      [{ stopGraceMs: 0, termGraceMs: 0 }, { exitCode: null, signal: 'SIGKILL' }, []],
      [{ stopGraceMs: 100, termGraceMs: 0 }, { exitCode: null, signal: 'SIGKILL' }, ['teardown']],
      [{ stopGraceMs: 100, termGraceMs: 5_000 }, { exitCode: 9, signal: null }, ['teardown', 'SIGTERM']],
    ] as const;
    for (const [times, end, says] of ends) {
      const clock = new SimulatedClock();
      const options = { clock, ...times, teardown: { name: 'never' } };
      const pool = await readyPool(here('tells-how-it-ends.py'), options);
      told.length = 0;
      pool.on('log', ({ text }) => told.push(text));
      const dead = next(pool, 'worker.dead');
      const closed = pool.close();
      if (times.stopGraceMs > 0) await next(pool, 'log');
      clock.increment(times.stopGraceMs);
      await closed;
      expect(await dead).toMatchObject({ ...end, reason: 'stopped' });
      expect(told).toEqual(says);
    }
  });

  it('because a thread of it never ends gets SIGTERM after stopGraceMs', async () => {
    const pool = await readyPool(here('keeps-a-thread.py'), { stopGraceMs: 200 });
    expect(await pool.call('echo', [1])).toBe(1);
    const dead = next(pool, 'worker.dead');
    await pool.close();
    expect(await dead).toMatchObject({ signal: 'SIGTERM', reason: 'stopped' });
  });

  it('because it ignores signals and loops is killed when its call is given up', async () => {
    const pool = await readyPool(here('ignores-signals.py'), { cancelGraceMs: 50 });
    const pid = await pool.call<number>('pid');
    const looping = next(pool, 'log', ({ text }) => text === 'looping');
    const abort = new AbortController();
    const given = failure(pool.call('loop_for_ever', [], { signal: abort.signal }));
    await looping;
    const dead = next(pool, 'worker.dead');
    abort.abort('enough');
    expect(await given).toBe('enough');
    expect(await dead).toMatchObject({ pid, signal: 'SIGKILL', reason: 'cancel-grace' });
  });
});

describe('a worker with a process of its own', () => {
  it('that holds its outputs open is known to be dead all the same', async () => {
    const pool = await readyPool(here('leaves-a-grandchild.py'));
    const grandchild = next(pool, 'log').then(({ text }) => Number(text));
    const dead = next(pool, 'worker.dead');
    const error = await failure(pool.call('start_and_die'));
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', exitCode: 5 });
    expect(await dead).toMatchObject({ exitCode: 5 });
    expect(await pool.call('echo', ['well'])).toBe('well');
    await pool.close();
    const pid = await grandchild;
    await until(() => !isAlive(pid), 'the grandchild to go with its group');
  });

  it.each(['spawn', 'fork'] as const)(
    'that holds its outputs open has its last words told, though they end no line: %s',
    async (start) => {
      const pool = startPool(here('leaves-a-daemon-at-import.py'), { start });
      const error = await failure<BootError>(pool.ready());
      expect(error).toMatchObject({ code: 'ERR_BOOT', exitCode: 9 });
      expect(error.stderr.at(-1)).toBe('no licence found');
    },
  );

  it('takes it along when it is killed', async () => {
    const pool = await readyPool(here('leaves-a-grandchild.py'));
    const grandchild = await pool.call<number>('start');
    expect(isAlive(grandchild)).toBe(true);
    await pool.destroy();
    await until(() => !isAlive(grandchild), 'the grandchild to go with its group');
  });

  it('that is a fork of it in the middle of a call answers once, and the fork never', async () => {
    const pool = await readyPool(here('forks.py'));
    const printed: string[] = [];
    pool.on('log', ({ text }) => printed.push(text));
    const fromChild = next(pool, 'log', ({ text }) => text === 'child');
    expect(await pool.call('fork_and_both_return')).toBe('parent');
    await fromChild;
    expect(printed).toContain('parent');
    expect(await pool.call('fork_and_child_raises')).not.toBe(0);
    expect(await pool.call('echo', ['well'])).toBe('well');
    expect(pool.stats().failures).toBe(0);
  });
});

describe('a worker whose code closes descriptors', () => {
  it('closes nothing that we need at 3 and 4, and goes on without 1 and 2', async () => {
    const pool = await readyPool(here('closes-descriptors.py'));
    for (const descriptor of [3, 4]) await pool.call('close', [descriptor]).catch(() => {});
    expect(await pool.call('echo', ['well'])).toBe('well');
    const told = next(pool, 'log', ({ text }) => text.startsWith('nobody reads'));
    expect(await pool.call('close_outputs')).toBe('closed');
    await told;
    expect(await pool.call('echo', ['well'])).toBe('well');
  });
});

describe('a worker whose code closes descriptors, and then dies', () => {
  it('has its start mark all the same', async () => {
    const pool = await readyPool(here('closes-descriptors.py'));
    for (const descriptor of [3, 4]) await pool.call('close', [descriptor]).catch(() => {});
    expect(await failure(pool.call('leave'))).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
  });
});

describe('a worker that chatters without end', () => {
  it('has no more time than others: its call is given up and its worker ended', async () => {
    const pool = startPool(here('chatters.py'), { cancelGraceMs: 100 });
    const heard = next(pool, 'log');
    const abort = new AbortController();
    const given = failure(pool.call('chatter', [], { signal: abort.signal }));
    await heard;
    const dead = next(pool, 'worker.dead');
    abort.abort('enough');
    expect(await given).toBe('enough');
    expect(await dead).toMatchObject({ reason: 'cancel-grace' });
    expect(await pool.call('echo', ['well'])).toBe('well');
  });
});
