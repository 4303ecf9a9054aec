import { expect } from 'vitest';
import type { BootError, Pool, PoolOptions, PythonError } from '../../src/index.js';
import { failure, next } from '../support/pool.js';

/** What a process must do, real or played. */
export interface Case {
  readonly promise: string;
  run(given: Given): Promise<void>;
}

/** What a case is given. */
export interface Given {
  /** A pool of one worker on the module of `cases.py`, or on one that misbehaves as its name says. */
  open(options?: Partial<PoolOptions>, module?: Misbehaviour): Pool;
  /** Stops a process where it is; resolves once it stands. */
  freeze(pid: number): Promise<void>;
  kill(pid: number): void;
}

export type Misbehaviour = 'raises-at-import' | 'leaves-at-import' | 'hangs-at-import';

/** Both the real process and the played one keep to these, so that what is shown with the one holds for the other. */
export const cases: readonly Case[] = [
  {
    promise: 'answers with what the function returns',
    async run({ open }) {
      const value = { rows: [1, 2.5, 'grüß 🐍', null, true], empty: {} };
      expect(await open().call('echo', [value])).toEqual(value);
    },
  },
  {
    promise: 'answers requests in their order, each with its own answer',
    async run({ open }) {
      const pool = open();
      const numbers = Array.from({ length: 50 }, (_, index) => index);
      expect(await Promise.all(numbers.map((number) => pool.call('echo', [number])))).toEqual(numbers);
    },
  },
  {
    promise: 'passes keyword arguments by their names',
    async run({ open }) {
      expect(await open().call('echo', [], { kwargs: { value: 7 } })).toBe(7);
    },
  },
  {
    promise: 'tells what Python raised, and goes on',
    async run({ open }) {
      const pool = open();
      const error = await failure<PythonError>(pool.call('raise_value_error', ['too small']));
      expect(error).toMatchObject({ code: 'ERR_PYTHON', type: 'ValueError', module: 'builtins' });
      expect(error.pythonMessage).toBe('too small');
      expect(error.traceback).toContain('ValueError: too small');
      expect(await pool.call('echo', [1])).toBe(1);
    },
  },
  {
    promise: 'names what can be called when something else is',
    async run({ open }) {
      expect(await failure(open().call('ecko'))).toMatchObject({
        code: 'ERR_NOT_EXPOSED',
        call: 'ecko',
        functions: expect.arrayContaining(['echo', 'leave']),
      });
    },
  },
  {
    promise: 'says what it prints, with the call that printed it',
    async run({ open }) {
      const pool = open();
      const said = next(pool, 'log', ({ text }) => text === 'never');
      const call = failure(pool.call('never', [], { timeoutMs: 2_000 }));
      expect(await said).toMatchObject({ worker: 'worker-0', stream: 'stdout', call: expect.any(Number) });
      await Promise.all([pool.destroy(), call]);
    },
  },
  {
    promise: 'tells a call that had been started with what code its process left',
    async run({ open }) {
      const pool = open();
      expect(await failure(pool.call('leave', [3]))).toMatchObject({
        code: 'ERR_WORKER_DIED',
        call: 'leave',
        exitCode: 3,
        signal: null,
        started: true,
      });
      expect(await pool.call('echo', ['by its replacement'])).toBe('by its replacement');
    },
  },
  {
    promise: 'tells a call that had been started by what signal its process was ended',
    async run({ open, kill }) {
      const pool = open();
      const pid = await pool.call<number>('pid');
      const said = next(pool, 'log', ({ text }) => text === 'never');
      const call = failure(pool.call('never'));
      await said;
      kill(pid);
      expect(await call).toMatchObject({ code: 'ERR_WORKER_DIED', exitCode: null, signal: 'SIGKILL', started: true });
    },
  },
  {
    promise: 'tells a call that had not been started that it had not',
    async run({ open, freeze, kill }) {
      const pool = open();
      const pid = await pool.call<number>('pid');
      await freeze(pid);
      const call = failure(pool.call('echo', [1]));
      kill(pid);
      expect(await call).toMatchObject({ code: 'ERR_WORKER_DIED', signal: 'SIGKILL', started: false });
    },
  },
  {
    promise: 'is replaced when it dies with nothing to do',
    async run({ open, kill }) {
      const pool = open();
      const pid = await pool.call<number>('pid');
      const dead = next(pool, 'worker.dead');
      kill(pid);
      expect(await dead).toMatchObject({ pid, exitCode: null, signal: 'SIGKILL', reason: 'exited' });
      expect(await pool.call('pid')).not.toBe(pid);
    },
  },
  {
    promise: 'is kept when it answers a call that was given up within the grace time',
    async run({ open }) {
      const pool = open({ cancelGraceMs: 20_000 });
      const pid = await pool.call('pid');
      expect(await failure(pool.call('later', [1], { timeoutMs: 50 }))).toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
      expect(await pool.call('pid')).toBe(pid);
    },
  },
  {
    promise: 'is ended when it does not answer a call that was given up within the grace time',
    async run({ open }) {
      const pool = open({ cancelGraceMs: 50 });
      const pid = await pool.call('pid');
      const said = next(pool, 'log', ({ text }) => text === 'never');
      const dead = next(pool, 'worker.dead');
      const abort = new AbortController();
      const call = failure(pool.call('never', [], { signal: abort.signal }));
      await said;
      abort.abort('enough');
      expect(await call).toBe('enough');
      expect(await dead).toMatchObject({ pid, signal: 'SIGKILL', reason: 'cancel-grace' });
      expect(await pool.call('pid')).not.toBe(pid);
    },
  },
  {
    promise: 'is ended when it writes to its line what is no message',
    async run({ open }) {
      const pool = open();
      const pid = await pool.call('pid');
      const dead = next(pool, 'worker.dead');
      expect(await failure(pool.call('break_line'))).toMatchObject({ code: 'ERR_PROTOCOL' });
      expect(await dead).toMatchObject({ pid, reason: 'protocol' });
      expect(await pool.call('pid')).not.toBe(pid);
    },
  },
  {
    promise: 'keeps a state for each session, and drops it when the session ends',
    async run({ open }) {
      const pool = open();
      const [one, other] = [pool.session('one'), pool.session('other')];
      await one.call('remember', ['a', 1]);
      await other.call('remember', ['b', 2]);
      expect(await one.call('remember', ['c', 3])).toEqual({ a: 1, c: 3 });
      await one.end();
      expect(await pool.session('one').call('remember', ['d', 4])).toEqual({ d: 4 });
      expect(await other.call('remember', ['e', 5])).toEqual({ b: 2, e: 5 });
    },
  },
  {
    promise: 'ends by itself when it is asked to',
    async run({ open }) {
      const pool = open();
      await pool.call('pid');
      const dead = next(pool, 'worker.dead');
      await pool.close();
      expect(await dead).toMatchObject({ exitCode: 0, signal: null, reason: 'stopped' });
    },
  },
  {
    promise: 'gets SIGTERM when it does not end in time after it was asked to',
    async run({ open }) {
      const pool = open({ stopGraceMs: 50, teardown: { name: 'never' } });
      await pool.call('pid');
      const dead = next(pool, 'worker.dead');
      await pool.close();
      expect(await dead).toMatchObject({ exitCode: null, signal: 'SIGTERM', reason: 'stopped' });
    },
  },
  {
    promise: 'is refused with what its module raised',
    async run({ open }) {
      const error = await failure<BootError>(open({}, 'raises-at-import').ready());
      expect(error).toMatchObject({ code: 'ERR_BOOT', stage: 'import' });
      expect(error.cause).toMatchObject({ code: 'ERR_PYTHON', type: 'RuntimeError', pythonMessage: 'not today' });
    },
  },
  {
    promise: 'is refused with its code when it leaves while it loads',
    async run({ open }) {
      expect(await failure(open({}, 'leaves-at-import').ready())).toMatchObject({
        code: 'ERR_BOOT',
        stage: 'load',
        exitCode: 7,
      });
    },
  },
  {
    promise: 'is refused when it does not become ready in time',
    async run({ open }) {
      expect(await failure(open({ bootTimeoutMs: 1_000 }, 'hangs-at-import').ready())).toMatchObject({
        code: 'ERR_BOOT',
        stage: 'timeout',
        signal: 'SIGKILL',
      });
    },
  },
  {
    promise: 'ends while it loads when the pool does, even if it ignores SIGTERM',
    async run({ open }) {
      const pool = open({ stopGraceMs: 50, termGraceMs: 50 }, 'hangs-at-import');
      await next(pool, 'log', ({ text }) => text === 'hanging');
      const dead = next(pool, 'worker.dead');
      await pool.close();
      expect(await dead).toMatchObject({ exitCode: null, signal: 'SIGKILL', reason: 'stopped' });
    },
  },
];
