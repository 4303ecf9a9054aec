import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Caller, kw, type Pool } from '../../src/index.js';
import { temporaryFolder } from '../support/folder.js';
import { Gate } from '../support/gate.js';
import { collect, failure, fixtures, readyPool } from '../support/pool.js';
import { until } from '../support/processes.js';

const app = fixtures(import.meta.url)('app.py');
const deaths = fixtures(import.meta.url)('deaths.py');

describe('map', () => {
  it('yields one result for each item, in the order of the items', async () => {
    const pool = await readyPool(app, { size: 2 });
    const items = Array.from({ length: 100 }, (_, index) => index);
    expect(await collect(pool.map('echo', items))).toEqual(items);
    expect(await collect(pool.map('echo', new Set(['a', 'b'])))).toEqual(['a', 'b']);
    expect(await collect(pool.map('echo', []))).toEqual([]);
  });

  it('keeps the order although a later item is done first, and with ordered: false does not wait', async () => {
    const pool = await readyPool(app, { size: 2 });
    const gate = new Gate();
    const ordered = pool.map('wait_at_or_echo', ['now', gate.path].reverse(), { concurrency: 2 });
    const first = ordered.next();
    await gate.open('opened');
    expect((await first).value).toBe('opened');
    expect((await ordered.next()).value).toBe('now');

    const unordered = pool.map('wait_at_or_echo', [gate.path, 'now'], { concurrency: 2, ordered: false });
    expect((await unordered.next()).value).toBe('now');
    const last = unordered.next();
    await gate.open('opened');
    expect((await last).value).toBe('opened');
    expect((await unordered.next()).done).toBe(true);
  });

  it.each([{ ordered: true }, { ordered: false }])(
    'has exactly `concurrency` items under way, while there are enough: %o',
    async ({ ordered }) => {
      const pool = await readyPool(app, { size: 4 });
      const gates = Array.from({ length: 9 }, () => new Gate());
      let taken = 0;
      const items = function* () {
        for (const gate of gates) {
          taken += 1;
          yield gate.path;
        }
      };
      const answers: unknown[] = [];
      const consuming = (async () => {
        for await (const answer of pool.map('wait_at', items(), { concurrency: 3, ordered })) answers.push(answer);
      })();
      const first = await Promise.all(gates.slice(0, 3).map((gate) => gate.reached()));
      const running = first.map((go, index) => ({ go, index }));
      for (let next = 3; running.length > 0; next += 1) {
        expect(taken).toBe(Math.min(next, 9));
        expect(pool.stats().calls.running).toBe(running.length);
        const { go, index } = running.shift()!;
        await go(`${index}`);
        if (next < 9) running.push({ go: await gates[next]!.reached(), index: next });
        else await until(() => answers.length > index, 'the answer to be consumed');
      }
      await consuming;
      expect(answers).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8']);
    },
  );

  it('takes nothing before it is asked, and then never runs ahead of its consumer by more than concurrency', async () => {
    const pool = await readyPool(app, { size: 2 });
    const taken: number[] = [];
    const items = function* () {
      for (let item = 0; ; item += 1) {
        taken.push(item);
        yield item;
      }
    };
    const results = pool.map<number>('echo', items(), { concurrency: 4 });
    expect(taken).toHaveLength(0);
    for (let consumed = 1; consumed <= 20; consumed += 1) {
      expect((await results.next()).value).toBe(consumed - 1);
      expect(taken.length - consumed).toBeLessThanOrEqual(4);
    }
    await results.return?.();
  });

  it('reads an async source, and waits for it', async () => {
    const pool = await readyPool(app);
    const items = async function* () {
      for (let item = 0; item < 10; item += 1) {
        await pool.call('echo', [item]);
        yield item;
      }
    };
    expect(await collect(pool.map('echo', items()))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it.each(['sync', 'async'])(
    'closes its %s source when the consumer leaves, and gives up what is under way',
    async (kind) => {
      const pool = await readyPool(app);
      const gate = new Gate();
      const source = closable([gate.path, gate.path, gate.path], kind);
      const results = pool.map('wait_at_or_echo', source.items, { concurrency: 2 });
      const first = results.next();
      await gate.open('opened');
      expect((await first).value).toBe('opened');
      const go = await gate.reached();
      await results.return?.();
      expect(source.closed()).toBe(1);
      expect(pool.stats()).toMatchObject({ waiting: 0, calls: { running: 0 } });
      await go();
      expect(await pool.call('echo', ['free again'])).toBe('free again');
    },
  );

  it('throws the first error, gives up the rest and closes the source', async () => {
    const pool = await readyPool(app);
    const source = closable(['1', '2', 3, '4', '5'], 'sync');
    const seen: unknown[] = [];
    const consuming = (async () => {
      for await (const answer of pool.map('text.shout', source.items, { concurrency: 2 })) seen.push(answer);
    })();
    expect(await failure(consuming)).toMatchObject({ code: 'ERR_PYTHON', type: 'AttributeError', index: 2 });
    expect(seen).toEqual(['1', '2']);
    expect(source.closed()).toBe(1);
    expect(await pool.call('echo', ['well'])).toBe('well');
    expect(pool.stats().calls.running).toBe(0);
  });

  it('throws what its source throws, after the results that came before', async () => {
    const pool = await readyPool(app);
    const reason = new Error('the file ends here');
    const items = function* () {
      yield 1;
      yield 2;
      throw reason;
    };
    const seen: unknown[] = [];
    const consuming = (async () => {
      for await (const answer of pool.map('echo', items())) seen.push(answer);
    })();
    expect(await failure(consuming)).toBe(reason);
    expect(seen).toEqual([1, 2]);
  });

  it('refuses an item that cannot cross, naming the path', async () => {
    const pool = await readyPool(app);
    const consuming = collect(pool.map('echo', [1, [Symbol('no value')]]));
    expect(await failure(consuming)).toMatchObject({ code: 'ERR_VALUE', path: 'args[0][0]', index: 1 });
  });

  it('ends with signal.reason when it is aborted, whether its source is slow or Python is', async () => {
    const pool = await readyPool(app);
    const gate = new Gate();
    const abort = new AbortController();
    const consuming = failure(collect(pool.map('wait_at_or_echo', [gate.path], { signal: abort.signal })));
    const go = await gate.reached();
    abort.abort('enough');
    expect(await consuming).toBe('enough');
    await go();

    const slow = async function* () {
      await new Promise(() => {});
      yield 1;
    };
    const second = new AbortController();
    const waiting = failure(collect(pool.map('echo', slow(), { signal: second.signal })));
    second.abort('enough');
    expect(await waiting).toBe('enough');
  });

  it('passes keyword arguments, a priority and a budget on to each call', async () => {
    const pool = await readyPool(app);
    const results = pool.map('greet', ['Ann', 'Bob'], { kwargs: { greeting: 'Bye' }, priority: 3, timeoutMs: 30_000 });
    expect(await collect(results)).toEqual(['Bye, Ann!', 'Bye, Bob!']);
    expect(() => pool.map('greet', ['Ann'], { kwargs: kw({}) as never })).toThrow(
      expect.objectContaining({
        code: 'ERR_OPTION',
        message: expect.stringMatching('but it is an instance of Kwargs'),
      }),
    );
  });

  it('refuses what is not iterable and a concurrency that is none, with ERR_OPTION', async () => {
    const pool = await readyPool(app);
    expect(await failure(collect(pool.map('echo', 7 as never)))).toMatchObject({ option: 'items' });
    for (const concurrency of [0, 1.5, Number.NaN, null as never]) {
      const mapping = collect(pool.map('echo', [1], { concurrency }));
      expect(await failure(mapping)).toMatchObject({ code: 'ERR_OPTION', option: 'concurrency' });
    }
  });

  it('refuses options that are none, as a stream does', async () => {
    const pool = await readyPool(app);
    const expected = { code: 'ERR_OPTION', option: 'options' };
    for (const options of [null, 'ordered', 7]) {
      expect(() => pool.map('echo', [1], options as never)).toThrow(expect.objectContaining(expected));
      await expect(pool.stream('echo', [], options as never).next()).rejects.toMatchObject(expected);
    }
    const mistyped = { code: 'ERR_OPTION', message: expect.stringContaining('concurrency') };
    expect(() => pool.map('echo', [1], { concurency: 3 } as never)).toThrow(expect.objectContaining(mistyped));
  });

  it('that keeps going yields what became of each item, whether Python raised, its schema refused it or it could not cross', async () => {
    const pool = await readyPool(app);
    const items = ['ann', 3, Symbol('no value'), 'bob'];
    const outcomes = await collect(pool.map('text.shout', items, { keepGoing: true }));
    expect(outcomes).toMatchObject([
      { status: 'fulfilled', index: 0 },
      { status: 'rejected', index: 1, reason: { code: 'ERR_PYTHON', type: 'AttributeError' } },
      { status: 'rejected', index: 2, reason: { code: 'ERR_VALUE', path: 'args[0]' } },
      { status: 'fulfilled', index: 3 },
    ]);
    const schema = z.string();
    const checked = await collect(pool.map('echo', ['a', 1, 'b'], { schema, keepGoing: true }));
    expect(checked).toMatchObject([
      { status: 'fulfilled', value: 'a' },
      { status: 'rejected', reason: { code: 'ERR_RESULT' } },
      { status: 'fulfilled', value: 'b' },
    ]);
  });

  it('that keeps going ends by what all items would fail by, or behind which Python has another state', async () => {
    const pool = await readyPool(deaths, { size: 2 });
    const unknown = pool.map('nosuch', [1, 2], { keepGoing: true });
    expect(await failure(unknown.next())).toMatchObject({ code: 'ERR_NOT_EXPOSED', index: 0 });
    const lease = await pool.checkout();
    for (const [caller, code] of [
      [lease, 'ERR_LEASE_ENDED'],
      [pool.session('ann'), 'ERR_SESSION_LOST'],
    ] as const) {
      const map = caller.map('exit_at_once', [3, 4, 5], { keepGoing: true });
      const died = { code: 'ERR_WORKER_DIED', started: true, exitCode: 3 };
      expect((await map.next()).value).toMatchObject({ status: 'rejected', index: 0, reason: died });
      expect(await failure(map.next())).toMatchObject({ code, index: 1 });
      expect((await map.next()).done).toBe(true);
    }
  });

  it('runs under a lease and in a session too, one item after the other', async () => {
    const pool = await readyPool(app, { size: 2 });
    await using lease = await pool.checkout();
    expect(await collect(lease.map('note', [1, 2, 3]))).toEqual([1, 2, 3]);
    expect(await lease.call('noted')).toEqual([1, 2, 3]);
    const session = pool.session('ann');
    expect(await collect(session.map('echo', [1, 2, 3]))).toEqual([1, 2, 3]);
  });

  it('takes a function of `py` in the place of its name', async () => {
    const pool = await readyPool<App>(app, { size: 2 });
    expect(await collect(pool.map(pool.py.text.shout, ['a', 'b']))).toEqual(['A', 'B']);
    expect(await collect(pool.map(pool.py.greet, ['Ann'], { kwargs: { greeting: 'Bye' } }))).toEqual(['Bye, Ann!']);
    const { add } = pool.py;
    expect(await collect(pool.map(add, [1], { kwargs: { b: 2 } }))).toEqual([3]);
    const bound = pool.with({ kwargs: { greeting: 'Bye' } });
    expect(await collect(bound.map(bound.py.greet, ['Ann']))).toEqual(['Bye, Ann!']);
    const missing = (pool as Pool).py.nosuch!;
    expect(await failure(pool.map(missing, [1]).next())).toMatchObject({ code: 'ERR_NOT_EXPOSED', call: 'nosuch' });
  });

  it('takes one of a pool in its leases, its sessions and where something is bound, and none by which something would be lost', async () => {
    const pool = await readyPool<App>(app, { size: 2 });
    const lease = await pool.checkout();
    const session = pool.session('ann');
    const bound = pool.with({ timeoutMs: 5_000 });
    for (const caller of [lease, session, bound] as Caller<App>[]) {
      expect(await collect(caller.map(caller.py.text.shout, ['a']))).toEqual(['A']);
      expect(await collect(caller.map(pool.py.text.shout, ['a']))).toEqual(['A']);
      expect(() => pool.map(caller.py.text.shout, ['a'])).toThrow(expect.objectContaining(NO_NAME));
    }
    const other = await readyPool<App>(app);
    const others: unknown[] = [other.py.text.shout, lease.py.greet, pool.py, (text: string) => text, undefined, 7];
    for (const fn of others) {
      expect(() => session.map(fn as 'text.shout', ['a'])).toThrow(expect.objectContaining(NO_NAME));
    }
  });
});

interface App {
  add(a: number, b?: number): number;
  greet(name: string): string;
  text: { shout(text: string): string };
}

const NO_NAME = { code: 'ERR_OPTION', option: 'name' };

describe('a map of short calls, many in one message', () => {
  const module = fixtures(import.meta.url)('batch.py');

  it.each([{ ordered: true }, { ordered: false }])('has one result for each item: %o', async ({ ordered }) => {
    const pool = await readyPool(module, { size: 2 });
    const items = Array.from({ length: 5_000 }, (_, item) => item);
    const results = await collect<number>(pool.map<number>('double', items, { concurrency: 100, ordered }));
    if (!ordered) results.sort((a, b) => a - b);
    expect(results).toEqual(items.map((item) => 2 * item));
    expect(pool.stats()).toMatchObject({ waiting: 0, calls: { asked: 5_000, answered: 5_000, running: 0 } });
  });

  it('lets others in', async () => {
    const pool = await readyPool(module);
    let isOver = false;
    const items = function* () {
      for (let item = 0; !isOver; item += 1) yield item;
    };
    const mapping = (async () => {
      for await (const _ of pool.map('double', items(), { concurrency: 64 })) if (isOver) break;
    })();
    for (let call = 0; call < 100; call += 1) expect(await pool.call('double', [call])).toBe(2 * call);
    isOver = true;
    await mapping;
  });

  it('whose worker dies in the middle says of which item, and begins none twice', async () => {
    const pool = await readyPool(module, { size: 2 });
    const path = join(temporaryFolder(), 'begun');
    const results: unknown[] = [];
    const consuming = (async () => {
      const kwargs = { path, dies_at: 700 };
      for await (const result of pool.map('note', range(2_000), { concurrency: 64, kwargs })) results.push(result);
    })();
    const died = { code: 'ERR_WORKER_DIED', started: true, exitCode: 9 };
    expect(await failure(consuming)).toMatchObject({ ...died, index: results.length });
    expect(results).toEqual([...range(results.length)]);
    expect(results.length).toBeLessThanOrEqual(700);
    const begun = readFileSync(path, 'utf8').trim().split('\n');
    expect(new Set(begun).size).toBe(begun.length);
    expect(begun).toContain('700');
    expect(await pool.call('double', [1])).toBe(2);
  });

  it('that keeps going tells of what its worker had begun as that died, and begins all others, none of them twice', async () => {
    const pool = await readyPool(module, { size: 2 });
    const path = join(temporaryFolder(), 'begun');
    const given = { concurrency: 64, kwargs: { path, dies_at: 700 }, keepGoing: true } as const;
    const outcomes = await collect(pool.map<number>('note', range(2_000), given));
    expect(outcomes.map(({ index }) => index)).toEqual([...range(2_000)]);
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') expect(outcome.value).toBe(outcome.index);
      else expect(outcome.reason).toMatchObject({ code: 'ERR_WORKER_DIED', started: true, exitCode: 9 });
    }
    expect(outcomes[700]?.status).toBe('rejected');
    const begun = readFileSync(path, 'utf8').trim().split('\n').map(Number);
    expect(begun.toSorted((one, other) => one - other)).toEqual([...range(2_000)]);
  });

  it.each(['spawn', 'fork'] as const)(
    'gives up each item that takes too long, and no other, in the worker that goes on: %s',
    async (start) => {
      const pool = await readyPool(module, { interrupt: true, start });
      const pid = pool.workers()[0]?.pid;
      const path = join(temporaryFolder(), 'begun');
      const kwargs = { path, sleeps_at: [300, 301, 777] };
      const given = { concurrency: 64, kwargs, keepGoing: true, timeoutMs: 300 } as const;
      const outcomes = await collect(pool.map<number>('note', range(1_000), given));
      for (const { index, ...outcome } of outcomes) {
        if (outcome.status === 'fulfilled') expect(outcome.value).toBe(index);
        else expect(outcome.reason).toMatchObject({ code: 'ERR_CALL_TIMEOUT', timeoutMs: 300 });
      }
      const late = outcomes.filter(({ status }) => status === 'rejected').map(({ index }) => index);
      expect(late).toEqual([300, 301, 777]);
      const begun = readFileSync(path, 'utf8')
        .trim()
        .split('\n')
        .filter((line) => line !== 'sleeping');
      expect(begun.map(Number)).toEqual([...range(1_000)]);
      expect(pool.workers()[0]?.pid).toBe(pid);
      expect(pool.stats()).toMatchObject({ cancelled: { kept: 3, killed: 0 }, calls: { timedOut: 3, answered: 997 } });
    },
  );

  it('gives up an item behind one that was given up, too, where its consumer kept Node busy meanwhile', async () => {
    const pool = await readyPool(module, { interrupt: true });
    const kwargs = { path: join(temporaryFolder(), 'begun'), sleeps_at: [300, 301] };
    const given = { concurrency: 64, kwargs, keepGoing: true, timeoutMs: 500 } as const;
    const late: number[] = [];
    for await (const { status, index } of pool.map('note', range(600), given)) {
      if (status === 'fulfilled') continue;
      late.push(index);
      // Python comes to the next one, and its time is up before Node hears of that.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * given.timeoutMs);
    }
    expect(late).toEqual([300, 301]);
    expect(pool.stats()).toMatchObject({ cancelled: { kept: 2, killed: 0 }, calls: { timedOut: 2, answered: 598 } });
  });

  it('ends the worker of an item that takes too long and heeds nothing, and has the others served by the next', async () => {
    const pool = await readyPool(module, { interrupt: true, cancelGraceMs: 50 });
    const path = join(temporaryFolder(), 'begun');
    const given = { concurrency: 64, kwargs: { path, deaf_at: 300 }, keepGoing: true, timeoutMs: 2_000 } as const;
    const outcomes = await collect(pool.map<number>('note', range(600), given));
    expect(outcomes[300]).toMatchObject({ status: 'rejected', reason: { code: 'ERR_CALL_TIMEOUT' } });
    // With it went the answers of those that had ended just before it.
    for (const { index, ...outcome } of outcomes) {
      if (outcome.status === 'fulfilled') expect(outcome.value).toBe(index);
      else if (index < 300) expect(outcome.reason).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
      else expect(index).toBe(300);
    }
    const begun = readFileSync(path, 'utf8').trim().split('\n').map(Number);
    expect(begun.toSorted((one, other) => one - other)).toEqual([...range(600)]);
    expect(pool.stats().cancelled).toEqual({ kept: 0, killed: 1 });
  });

  it('that is left in the middle begins nothing more, and leaves its worker alive', async () => {
    const pool = await readyPool(module, { interrupt: true });
    const pid = pool.workers()[0]?.pid;
    const path = join(temporaryFolder(), 'begun');
    const begun = () => (existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []);
    const map = pool.map('note', range(2_000), { concurrency: 64, kwargs: { path, sleeps_at: [700] } });
    const consuming = (async () => {
      for await (const _ of map);
    })();
    await until(() => begun().at(-1) === 'sleeping', 'the long item to be begun');
    await map.return?.();
    await consuming;
    expect(await pool.call('double', [1])).toBe(2);
    expect(begun().at(-1)).toBe('sleeping');
    expect(pool.workers()[0]?.pid).toBe(pid);
    // Of what is under way each message counts once, and how many there are depends on how the answers came.
    expect(pool.stats().cancelled.kept).toBeGreaterThan(0);
    expect(pool.stats()).toMatchObject({ cancelled: { killed: 0 }, calls: { running: 0 } });
  });

  it('cancels nothing where the last item raised that Python had', async () => {
    const pool = await readyPool(module);
    expect(await failure(collect(pool.map('double', [null])))).toMatchObject({ code: 'ERR_PYTHON' });
    expect(pool.stats()).toMatchObject({ cancelled: { kept: 0, killed: 0 }, calls: { failed: 1, running: 0 } });
  });
});

function* range(count: number) {
  for (let item = 0; item < count; item += 1) yield item;
}

/** A source that counts how often it was closed. */
function closable(items: unknown[], kind: string) {
  let closed = 0;
  const sync = function* () {
    try {
      yield* items;
    } finally {
      closed += 1;
    }
  };
  const asynchronous = async function* () {
    yield* sync();
  };
  return { items: kind === 'sync' ? sync() : asynchronous(), closed: () => closed };
}
