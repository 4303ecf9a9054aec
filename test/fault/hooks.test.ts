import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pool, PoolOptions } from '../../src/index.js';
import { wallClock } from '../../src/time/clock.js';
import { readPage } from '../docs/pages.js';
import { fixtures, next, startPool } from '../support/pool.js';

const here = fixtures(import.meta.url);
const module = here('hooks.py');

/** What a hook can do that it should not. */
const DEEDS: Record<string, () => unknown> = {
  'throws an error': () => {
    throw new Error('hostile');
  },
  'throws what is no error': () => {
    throw undefined;
  },
  'throws what throws when it is looked at': () => {
    throw HOSTILE;
  },
  'returns a promise that is rejected': () => Promise.reject(HOSTILE),
  'returns a promise that never settles': () => new Promise(() => {}),
  'returns a promise that throws': () => ({
    // biome-ignore lint/suspicious/noThenProperty: That is the deed.
    get then() {
      throw HOSTILE;
    },
  }),
};

/** Throws whatever is asked of it. */
const HOSTILE: unknown = new Proxy(
  {},
  Object.fromEntries(
    ['get', 'has', 'getPrototypeOf', 'ownKeys', 'getOwnPropertyDescriptor', 'set', 'defineProperty'].map((trap) => [
      trap,
      () => {
        throw new Error('hands off');
      },
    ]),
  ),
);

interface HookCase {
  readonly options?: (deed: () => never) => Partial<PoolOptions>;
  /** Lets the hook do it, more than once. What the one who is concerned gets is a rejection, or nothing ever. */
  readonly use?: (pool: Pool, deed: () => never) => Promise<unknown>;
  /** How often it is told of: not at all where the caller is told. */
  readonly told: 'once' | 'caller';
}

const own = (pool: Pool, make: () => Promise<unknown>) =>
  Promise.race([make().catch(() => {}), next(pool, 'worker.ready'), new Promise((later) => setTimeout(later, 300))]);

/** Every place where the pool calls code of the user's. */
const HOOKS: Record<string, HookCase> = {
  'a listener': {
    use: async (pool, deed) => {
      pool.on('log', deed);
      for (const text of ['one', 'two', 'three']) await pool.call('say', [text]);
    },
    told: 'once',
  },
  'a listener for once': {
    use: async (pool, deed) => {
      pool.once('log', deed);
      for (const text of ['one', 'two']) await pool.call('say', [text]);
    },
    told: 'once',
  },
  'a listener of a death': {
    use: async (pool, deed) => {
      pool.on('worker.dead', deed);
      await pool.call('leave').catch(() => {});
    },
    told: 'once',
  },
  'an inspect function': { options: (deed) => ({ inspect: deed }), told: 'once' },
  'an inspect observer': { options: (deed) => ({ inspect: { next: deed } }), told: 'once' },
  'an onProgress': {
    use: async (pool, deed) => {
      for (let times = 0; times < 3; times += 1) await pool.call('tell', [], { onProgress: deed });
    },
    told: 'once',
  },
  'a random': {
    options: (deed) => ({ random: deed }),
    use: async (pool) => void (await pool.call('leave').catch(() => {})),
    told: 'once',
  },
  'a clock’s now': { options: (deed) => ({ clock: { ...wallClock, now: deed } }), told: 'once' },
  'a function among the arguments': {
    use: (pool, deed) => own(pool, () => pool.call('ask', [deed], { timeoutMs: 200 })),
    told: 'caller',
  },
  'an iterable among the arguments': {
    use: (pool, deed) => {
      const iterable = { [Symbol.asyncIterator]: () => ({ next: deed }) };
      return own(pool, () => pool.call('take', [iterable], { timeoutMs: 200 }));
    },
    told: 'caller',
  },
  'what makes an iterator of an iterable': {
    use: (pool, deed) => own(pool, () => pool.call('take', [{ [Symbol.asyncIterator]: deed }], { timeoutMs: 200 })),
    told: 'caller',
  },
  'a schema': {
    use: (pool, deed) => {
      const schema = { '~standard': { version: 1 as const, vendor: 'hostile', validate: deed } };
      return own(pool, () => pool.call('echo', [1], { schema }));
    },
    told: 'caller',
  },
  // It holds its worker for `onLostTimeoutMs` at most.
  'an onLost': {
    options: () => ({ size: 2, closeTimeoutMs: 500 }),
    use: async (pool, deed) => {
      const session = pool.session('s', { onLost: deed });
      await session.call('leave').catch(() => {});
      await own(pool, () => session.call('echo', [1], { timeoutMs: 500 }));
    },
    told: 'caller',
  },
};

const CASES = Object.entries(HOOKS).flatMap(([hook, hookCase]) =>
  Object.entries(DEEDS).map(([does, deed]) => [hook, does, hookCase, deed] as const),
);

it('docs/proof.md says in how many places, and how many cases there are', () => {
  const { text } = readPage('docs/proof.md');
  expect(text).toContain(`${Object.keys(HOOKS).length} places where the pool calls them,`);
  expect(text).toContain(`| ${CASES.length} cases and three more, in \`npm test\` |`);
});

describe('a hook disturbs nobody', () => {
  const warned: string[] = [];
  const unhandled: unknown[] = [];
  const onWarning = (warning: Error & { code?: string }) => {
    if (warning.code === 'PYTHONARIUM_FAULT') warned.push(warning.message);
  };
  const onUnhandled = (error: unknown) => void unhandled.push(error);
  beforeEach(() => {
    warned.length = 0;
    unhandled.length = 0;
    process.on('warning', onWarning);
    process.on('unhandledRejection', onUnhandled);
  });
  afterEach(() => {
    process.off('warning', onWarning);
    process.off('unhandledRejection', onUnhandled);
  });

  it.each(CASES)('%s that %s', async (_, does, { options, use, told }, deed) => {
    const hostile = deed as () => never;
    const pool = startPool(module, { cancelGraceMs: 100, interrupt: true, ...options?.(hostile) });
    await pool.ready();
    await use?.(pool, hostile);
    expect(await pool.call('echo', ['served'])).toBe('served');
    await pool.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
    const isQuiet = told === 'caller' || does === 'returns a promise that never settles';
    if (isQuiet && !warned.some((message) => message.includes('clock'))) expect(warned).toEqual([]);
    else expect(warned).toHaveLength(1);
  });

  it('nor does a class for errors whose constructor throws: the caller gets the error of Python', async () => {
    class Hostile extends Error {
      constructor() {
        super();
        throw HOSTILE;
      }
    }
    const pool = startPool(module, { errors: { ValueError: Hostile } });
    for (let times = 0; times < 3; times += 1) {
      await expect(pool.call('refuse')).rejects.toMatchObject({ code: 'ERR_PYTHON', type: 'ValueError' });
    }
    await pool.close();
    expect(unhandled).toEqual([]);
    expect(warned).toEqual([expect.stringContaining('`errors`')]);
  });

  it('nor does a clock that stops keeping time: the timers that it had go on', async () => {
    let isBroken = false;
    const clock = {
      ...wallClock,
      now: () => (isBroken ? Number.NaN : wallClock.now()),
      setTimeout: (run: () => void, ms: number) => (isBroken ? undefined : wallClock.setTimeout(run, ms + 3_600_000)),
    };
    const pool = startPool(module, { clock });
    await pool.ready();
    const waits = pool.call('ask', [() => new Promise(() => {})], { timeoutMs: 300 });
    isBroken = true;
    await expect(waits).rejects.toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
    expect(warned).toEqual([expect.stringContaining('`clock`')]);
  });

  it('nor does a standard output on which there is no room', async () => {
    const script = here('prints-to-nowhere.ts');
    const child = spawn(
      '/bin/sh',
      ['-c', 'exec "$@" 3>&1 >/dev/full', 'sh', process.execPath, '--import', 'tsx', script],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const [out, error] = await Promise.all([
      text(child.stdout as Readable),
      text(child.stderr as Readable),
      once(child, 'exit'),
    ]);
    expect(JSON.parse(out || '{}'), error).toEqual({
      said: ['one', 'two', 'three'],
      warned: [expect.stringMatching(/^Printing .* ENOSPC/)],
    });
    expect(child.exitCode).toBe(0);
  });
});
