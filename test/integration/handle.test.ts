import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Caller, Handle, Kwargs, Lease, Pool, StandardSchema } from '../../src/index.js';
import type { Runtime } from '../../src/runtime.js';
import { collectGarbage } from '../support/garbage.js';
import { collect, failure, fixtures, readyPool } from '../support/pool.js';

const shop = fixtures(import.meta.url)('../../python/fixtures/shop.py');

interface Basket extends Handle {
  readonly owner: Promise<string>;
  readonly size: Promise<number>;
  readonly first: Promise<Basket | null>;
  readonly broken: Promise<never>;
  add(item: string, count?: number): Promise<Basket>;
  add(item: string, kwargs: Kwargs<{ count?: number }>): Promise<Basket>;
  merge(other: Basket): Promise<null>;
  later<T>(value: T): Promise<T>;
  double(number: number): Promise<number>;
  fails(): Promise<never>;
  rows(count: number): AsyncIterable<number>;
  copies(count: number, then?: () => unknown): AsyncIterable<Basket>;
  [Symbol.asyncIterator](): AsyncIterator<string>;
}

interface Shop {
  Basket(owner?: string, items?: readonly string[]): Promise<Basket>;
  special(): Promise<Basket>;
  baskets(count: number): Promise<{ all: Basket[] }>;
  owners(baskets: readonly Basket[]): Promise<string[]>;
  same(first: unknown, second: unknown): Promise<boolean>;
  total(baskets: Iterable<Basket> | AsyncIterable<Basket>): Promise<number>;
  apply(fn: (...args: never[]) => unknown, ...args: unknown[]): Promise<unknown>;
  give(fn: (basket: Basket) => unknown): Promise<unknown>;
  give_late(fn: () => unknown, basket?: Basket): Promise<Basket>;
  give_set_late(fn: () => unknown, count: number): Promise<unknown>;
  count(): Promise<number>;
  half(count: number): Promise<unknown>;
  echo(value: unknown): Promise<unknown>;
}

const open = (options = {}) => readyPool<Shop>(shop, options);

async function leased(options = {}): Promise<{ pool: Pool<Shop>; lease: Lease<Shop> }> {
  const pool = await open(options);
  return { pool, lease: await pool.checkout() };
}

/** The workers, as the pool has them in hand. */
function handsOf(pool: Pool<Shop>) {
  return [...(pool as unknown as { runtime: Runtime }).runtime.hands.values()];
}

describe('an object of an exposed class', () => {
  it('stays in Python: its methods are called, and its attributes read by awaiting them', async () => {
    const { lease } = await leased();
    const basket = await lease.py.Basket('ann', ['pear']);
    expect(await basket.owner).toBe('ann');
    await basket.add('apple', 2);
    expect(await basket.size).toBe(3);
    expect(await basket.later({ a: [1] })).toEqual({ a: [1] });
    expect(await basket.double(4)).toBe(8);
    expect(await basket.first).toBe(null);
    expect(await Promise.all([basket.owner, basket.size])).toEqual(['ann', 3]);
  });

  it('is iterated over, and so is what a method that is a generator yields', async () => {
    const { lease } = await leased();
    const basket = await lease.py.Basket('ann', ['a', 'b', 'c']);
    expect(await collect(basket)).toEqual(['a', 'b', 'c']);
    expect(await collect(basket.rows(1000))).toHaveLength(1000);
    const rows = basket.rows(3);
    await basket.size;
    expect(await collect(rows)).toEqual([0, 1, 2]);
    for await (const item of basket) {
      expect(item).toBe('a');
      break;
    }
    expect(await basket.size).toBe(3);
  });

  it('raises what its members raise, with the name of the class where it was called', async () => {
    const { lease } = await leased();
    const basket = await lease.py.Basket('ann');
    expect(await failure(basket.fails())).toMatchObject({ code: 'ERR_PYTHON', type: 'ValueError' });
    expect(await failure(basket.broken)).toMatchObject({ code: 'ERR_PYTHON', type: 'LookupError' });
    const untyped = basket as unknown as Record<string, (() => Promise<unknown>) & Promise<unknown>>;
    expect(await failure(untyped.nothing!())).toMatchObject({ type: 'AttributeError' });
    expect(await failure(untyped.add!)).toMatchObject({ code: 'ERR_VALUE' });
    expect(await basket.size).toBe(0);
  });

  it('comes anywhere inside a value, as an item of a stream and to a function of Node, the same object as the same handle', async () => {
    const { lease } = await leased();
    const { all } = await lease.py.baskets(3);
    expect(await Promise.all(all.map((each) => each.owner))).toEqual(['0', '1', '2']);
    const [basket] = all;
    expect(await basket!.add('x')).toBe(basket);
    expect((await collect(basket!.copies(5))).length).toBe(5);
    const given = (await lease.py.give((basket) => basket)) as Basket;
    expect(await given.owner).toBe('given');
    expect(await (await lease.py.special()).owner).toBe('special');
  });

  it('is the object itself where it is passed back to its worker: in arguments, answers of functions and iterables', async () => {
    const { lease } = await leased();
    const { all } = await lease.py.baskets(3);
    const [first, second] = all as [Basket, Basket];
    expect(await lease.py.owners(all)).toEqual(['0', '1', '2']);
    expect(await lease.py.same(first, first)).toBe(true);
    expect(await lease.py.same({ a: [first] }, first)).toBe(false);
    expect(await lease.call('same', [first], { kwargs: { second: first } })).toBe(true);
    await second.add('x', 2);
    await first.merge(second);
    expect(await lease.py.total(all)).toBe(4);
    expect(await lease.py.total(all.values())).toBe(4);
    expect(await lease.py.apply(() => first)).toBe(first);
    expect(await failure(lease.py.apply(() => new URL('a:b')))).toMatchObject({ type: 'JavaScriptError' });
    const map = (await lease.py.echo(new Map([[1, first]]))) as Map<number, Basket>;
    expect(map.get(1)).toBe(first);
  });

  it('looks like nothing else: it can be printed, and nothing of it that is private is reached', async () => {
    const { lease } = await leased();
    const basket = (await lease.py.Basket('ann')) as Basket & Record<string, unknown>;
    expect(inspect({ basket })).toBe('{ basket: [handle of Basket] }');
    expect(`${basket}`).toBe('handle of Basket');
    expect(basket._items).toBe(undefined);
    expect(basket.then).toBe(undefined);
    expect('_items' in basket).toBe(false);
    expect(Symbol.asyncIterator in basket && 'owner' in basket).toBe(true);
    expect(() => Object.assign(basket, { owner: 1 })).toThrow(TypeError);
    expect(await failure(lease.py.echo(basket.owner))).toMatchObject({
      code: 'ERR_VALUE',
      message: expect.stringContaining('Await it'),
    });
    expect(await basket.owner.catch(() => 1)).toBe('ann');
    expect(await basket.owner.finally(() => {})).toBe('ann');
  });
});

describe('what is kept in Python', () => {
  it('goes when its handle is disposed of, and the handle says so from then on', async () => {
    const { lease } = await leased();
    {
      await using basket = await lease.py.Basket('ann');
      expect(await basket.add('x')).toBe(basket);
      expect(await lease.py.count()).toBe(1);
    }
    expect(await lease.py.count()).toBe(0);
    const { all } = await lease.py.baskets(100);
    await Promise.all(all.map((each) => each[Symbol.asyncDispose]()));
    expect(await lease.py.count()).toBe(0);
    const [closed] = all as [Basket];
    await closed[Symbol.asyncDispose]();
    expect(await failure(closed.size)).toMatchObject({ code: 'ERR_HANDLE_ENDED', handle: 'Basket', reason: 'closed' });
    expect(await failure(collect(closed))).toMatchObject({ code: 'ERR_HANDLE_ENDED' });
    expect(await failure(lease.py.owners([closed]))).toMatchObject({
      code: 'ERR_HANDLE_ENDED',
      message: expect.stringContaining('args[0][0]'),
    });
    expect(await failure(lease.py.apply(() => closed))).toMatchObject({ code: 'ERR_PYTHON' });
  });

  it('goes however many are let go of at once, and however little a message may have', async () => {
    const { lease } = await leased({ messageBytesMax: 4096 });
    const baskets = await Promise.all(Array.from({ length: 700 }, () => lease.py.Basket('ann')));
    await Promise.all(baskets.map((each) => each[Symbol.asyncDispose]()));
    expect(await lease.py.count()).toBe(0);
  });

  it('stays when the same object is on its way to Node as its handle is disposed of', async () => {
    const { lease } = await leased();
    const basket = await lease.py.Basket('ann');
    const coming = lease.call<Basket>('echo', [basket]);
    await basket[Symbol.asyncDispose]();
    const again = await coming;
    expect(again).not.toBe(basket);
    expect(await again.owner).toBe('ann');
    await again[Symbol.asyncDispose]();
    expect(await lease.py.count()).toBe(0);
  });

  it('is not used by a call that waited while its handle was disposed of', async () => {
    const { pool, lease } = await leased();
    const basket = await lease.py.Basket('ann');
    const first = lease.py.echo(1);
    const waiting = lease.py.owners([basket]);
    const last = lease.py.echo(2);
    await basket[Symbol.asyncDispose]();
    expect(await first).toBe(1);
    expect(await failure(waiting)).toMatchObject({ code: 'ERR_HANDLE_ENDED', reason: 'closed' });
    expect(await last).toBe(2);
    const [another, busy] = [await lease.py.Basket('bob'), lease.py.echo(3)];
    const lastOfAll = lease.py.owners([another]);
    await another[Symbol.asyncDispose]();
    const checkin = lease.checkin();
    expect(await busy).toBe(3);
    expect(await failure(lastOfAll)).toMatchObject({ code: 'ERR_HANDLE_ENDED' });
    await checkin;
    // Python has not heard of them.
    expect(pool.stats().calls).toMatchObject({ refused: 2, failed: 0 });
  });

  it('goes with its lease, and the handle with it', async () => {
    const { pool, lease } = await leased();
    const { all } = await lease.py.baskets(50);
    await collect(all[0]!.copies(50));
    expect(await lease.py.count()).toBe(100);
    await lease.checkin();
    expect(await failure(all[0]!.size)).toMatchObject({ code: 'ERR_LEASE_ENDED', reason: 'checked-in' });
    expect(await pool.py.count()).toBe(0);
    const next = await pool.checkout();
    expect(await failure(next.py.owners(all))).toMatchObject({ code: 'ERR_HANDLE_ENDED', reason: 'lease-ended' });
  });

  it('goes with its lease although the call that made it was given up', async () => {
    const { pool, lease } = await leased();
    const abort = new AbortController();
    const given = failure(lease.with({ signal: abort.signal }).py.Basket('ann'));
    abort.abort(new Error('enough'));
    expect(await given).toMatchObject({ message: 'enough' });
    await lease.checkin();
    expect(await pool.py.count()).toBe(0);
  });

  it('goes at once if the call that made it was given up, and stays if it had come before', async () => {
    const pool = await open();
    const session = pool.session('s');
    const basket = await session.py.Basket('ann');
    for (const given of [[], [basket]]) {
      const abort = new AbortController();
      const never = () => {
        abort.abort(new Error('enough'));
        return new Promise(() => {});
      };
      const late = failure(session.with({ signal: abort.signal }).py.give_late(never, ...given));
      expect(await late).toMatchObject({ message: 'enough' });
      // Python hears of it behind the call that waited for that answer.
      await session.py.count();
      expect(await session.py.count()).toBe(1);
    }
    expect(pool.stats().cancelled).toEqual({ kept: 2, killed: 0 });
    expect(await basket.owner).toBe('ann');
    await basket[Symbol.asyncDispose]();
    expect(await session.py.count()).toBe(0);
  });

  it('goes at once, too, where several come in a set, of which none is another, and leaves its worker alone', async () => {
    const pool = await open();
    const session = pool.session('s');
    const abort = new AbortController();
    const never = () => {
      abort.abort(new Error('enough'));
      return new Promise(() => {});
    };
    const late = failure(session.with({ signal: abort.signal }).py.give_set_late(never, 2));
    expect(await late).toMatchObject({ message: 'enough' });
    // Python hears of it behind the call that waited for that answer.
    await session.py.count();
    expect(await session.py.count()).toBe(0);
    expect(pool.stats().cancelled).toEqual({ kept: 1, killed: 0 });
  });

  it('goes if it came as an item that nobody has read when the stream was left', async () => {
    const session = (await open()).session('s');
    const basket = await session.py.Basket('ann');
    const copies = basket.copies(50)[Symbol.asyncIterator]();
    const { value: first } = await copies.next();
    // Python comes to this when it has sent all of them.
    await session.py.echo(null);
    await copies.return?.();
    expect(await session.py.count()).toBe(2);
    expect(await first.owner).toBe('ann');
  });

  it('goes if it came as an item that nobody has read when the stream was given up', async () => {
    const session = (await open()).session('s');
    const abort = new AbortController();
    const basket = await session.with({ signal: abort.signal }).py.Basket('ann');
    const never = () => {
      abort.abort(new Error('enough'));
      return new Promise(() => {});
    };
    const copies = basket.copies(5, never)[Symbol.asyncIterator]();
    const { value: first } = await copies.next();
    await session.py.echo(null);
    expect(await failure(copies.next())).toMatchObject({ message: 'enough' });
    expect(await session.py.owners([basket, first])).toEqual(['ann', 'ann']);
    expect(await session.py.count()).toBe(2);
  });

  it('goes if it came as an item that nobody can read, since the stream has ended and nobody has it any more', async () => {
    const session = (await open()).session('s');
    const begun = async (items: AsyncIterable<Basket>) => {
      const stream = items[Symbol.asyncIterator]();
      const { value: first } = await stream.next();
      // Python comes to this when it has sent all of them.
      await session.py.echo(null);
      return { stream, first: first as Basket };
    };
    const basket = await session.py.Basket('ann');
    // Nobody has it but here, since what a function has had in hand it may keep until its end.
    const last: { stream?: unknown } = {};
    const first = await (async () => {
      const { stream, first } = await begun(basket.copies(50));
      last.stream = stream;
      return first;
    })();
    const held = await begun(basket.copies(3));
    expect(await session.py.count()).toBe(54);
    last.stream = undefined;
    while ((await session.py.count()) > 5) {
      collectGarbage();
      await delay(10);
    }
    // What was read stays, and so does what still may be.
    expect(await session.py.owners([basket, first, held.first])).toEqual(['ann', 'ann', 'ann']);
    expect(await collect(held.stream as AsyncIterableIterator<Basket>)).toHaveLength(2);
    expect(await session.py.count()).toBe(5);
  });

  it('stays if it is known from elsewhere, although it came as an item that nobody has read', async () => {
    const session = (await open()).session('s');
    const basket = await session.py.Basket('ann');
    const items = session.stream<Basket>('echo', [[basket, { a: [basket], b: basket }, new Map([[1, basket]])]]);
    expect((await items.next()).value).toBe(basket);
    await session.py.echo(null);
    await items.return?.();
    expect(await basket.owner).toBe('ann');
    await basket[Symbol.asyncDispose]();
    expect(await session.py.count()).toBe(0);
  });

  it('goes if it is the result of a map that was left, and nobody has taken it', async () => {
    const session = (await open()).session('s');
    const baskets = session.map<Basket>('Basket', ['a', 'b', 'c'], { concurrency: 3 });
    const { value: first } = await baskets.next();
    // It is asked behind them.
    await session.py.echo(null);
    await baskets.return?.();
    expect(await session.py.count()).toBe(1);
    expect(await first?.owner).toBe('a');
  });

  it('goes if it came in what a schema refuses', async () => {
    const session = (await open()).session('s');
    const refuses = (value: unknown) => ({ issues: [{ message: `is ${typeof value}` }] });
    const throws = () => {
      throw new Error('broken');
    };
    for (const validate of [refuses, throws]) {
      const schema: StandardSchema = { '~standard': { version: 1, vendor: 'test', validate } };
      await failure(session.call('baskets', [3], { schema }));
      await failure(session.stream('echo', [[await session.py.Basket()]], { schema }).next());
    }
    // Those that were made to be sent there and back.
    expect(await session.py.count()).toBe(2);
  });

  it('goes if a schema leaves it out of what it makes, and stays where that may have it unseen', async () => {
    const session = (await open()).session('s');
    const made = <T>(make: (came: { all: Basket[] }) => T) => {
      const validate = (value: unknown) => ({ value: make(value as { all: Basket[] }) });
      const schema: StandardSchema<T> = { '~standard': { version: 1, vendor: 'test', validate } };
      return session.call('baskets', [3], { schema });
    };
    expect(await made(({ all }) => all.length)).toBe(3);
    expect(await session.py.count()).toBe(0);
    const { one } = await made(({ all }) => ({ one: all[1], at: new Date() }));
    expect(await session.py.count()).toBe(1);
    expect(await one?.owner).toBe('1');
    const rest = await made((came) => {
      came.all.pop();
      return came;
    });
    expect(await session.py.owners(rest.all)).toEqual(['0', '1']);
    expect(await session.py.count()).toBe(3);
    const hidden = await made(({ all }) => ({ last: () => all[2]?.owner }));
    expect(await session.py.count()).toBe(6);
    expect(await hidden.last()).toBe('2');
  });

  it('goes with its session, whose calls may come and go', async () => {
    const pool = await open({ size: 2 });
    const session = pool.session('s');
    const basket = await session.py.Basket('ann');
    await basket.add('x');
    const [one, two] = [await basket.size, await session.py.count()];
    expect([one, two]).toEqual([1, 1]);
    const lease = await session.checkout();
    const inLease = await lease.py.Basket('bob');
    expect(await lease.py.owners([basket, inLease])).toEqual(['ann', 'bob']);
    await lease.checkin();
    expect(await session.py.count()).toBe(1);
    await session.end();
    expect(await failure(basket.size)).toMatchObject({ code: 'ERR_HANDLE_ENDED', reason: 'session-ended' });
    await Promise.all([1, 2].map(async () => expect(await pool.py.count()).toBe(0)));
  });

  it('is found by a session that may go anywhere, since its calls then go where the object is', async () => {
    const pool = await open({ size: 2 });
    const session = pool.session('s', { affinity: 'hint' });
    const basket = await session.py.Basket('ann');
    const busy = await pool.checkout();
    const other = await pool.checkout();
    const owner = basket.owner;
    const there = owner.then((name) => name);
    await busy.checkin();
    await other.checkin();
    expect(await there).toBe('ann');
  });

  it('is lost to a session that may go anywhere when its worker dies as its call waits', async () => {
    const pool = await open({ size: 2 });
    const basket = await pool.session('s', { affinity: 'hint' }).py.Basket('ann');
    const leases = [await pool.checkout(), await pool.checkout()] as const;
    const owner = failure(basket.owner);
    for (const lease of leases) await ((await lease.py.count()) > 0 ? failure(lease.call('die')) : lease.checkin());
    expect(await owner).toMatchObject({ code: 'ERR_SESSION_LOST' });
    expect(await failure(basket.owner)).toMatchObject({ code: 'ERR_HANDLE_ENDED', reason: 'worker-died' });
  });

  it('is in one worker alone, so that a call of it has one attempt: more are refused, or say nothing if they are bound', async () => {
    const pool = await open();
    const session = pool.session('s', { affinity: 'hint' });
    const basket = await session.py.Basket('ann');
    const more = { idempotent: true, attemptTimeoutMs: 50 };
    const refused = { code: 'ERR_OPTION', option: 'idempotent' };
    expect(await failure(session.call('owners', [[basket]], more))).toMatchObject(refused);
    const pid = pool.workers()[0]?.pid as number;
    process.kill(pid, 'SIGSTOP');
    const owners = session.with(more).call('owners', [[basket]]);
    const told = owners.catch((error: Error) => error);
    await delay(200);
    process.kill(pid, 'SIGCONT');
    expect(await told).toEqual(['ann']);
  });

  it.each(['serial', 'threads'] as const)(
    'is of no use when its session is lost elsewhere while it is made, and its worker lives on, in the lane %s',
    async (lane) => {
      const slots = lane === 'serial' ? 1 : 2;
      const pool = await open({ size: 2, lane, slots });
      const strict = pool.session('s');
      const hint = pool.session('s', { affinity: 'hint' });
      const first = await strict.py.Basket('ann');
      const [lease] = await Promise.all(Array.from({ length: slots }, () => strict.checkout()));
      const late = await hint.py.give_late(() => failure(lease!.call('die')).then(() => null));
      expect(await failure(first.owner)).toMatchObject({ code: 'ERR_HANDLE_ENDED', reason: 'worker-died' });
      expect(await failure(late.owner)).toMatchObject({ code: 'ERR_HANDLE_ENDED', reason: 'session-ended' });
      await late[Symbol.asyncDispose]();
      await Promise.all([1, 2].map(async () => expect(await pool.py.count()).toBe(0)));
      const again = await hint.py.Basket('bob');
      expect(await again.owner).toBe('bob');
    },
  );

  it('is of no use when its worker was to be replaced while it was made by a session, and of use if by a lease', async () => {
    const pool = await open();
    const replace = () => {
      for (const hand of handsOf(pool)) hand.life.replace();
    };
    const late = await pool.session('s').py.give_late(replace);
    expect(await failure(late.owner)).toMatchObject({ code: 'ERR_HANDLE_ENDED', reason: 'worker-died' });
    const lease = await pool.checkout();
    const basket = await lease.py.give_late(replace);
    expect(await basket.owner).toBe('late');
    await lease.checkin();
  });

  it('of a lease is of no use to a session that may go anywhere once its worker is to be replaced, and nobody waits', async () => {
    const pool = await open();
    const lease = await pool.checkout();
    const basket = await lease.py.Basket('ann');
    const session = pool.session('s', { affinity: 'hint' });
    for (const hand of handsOf(pool)) hand.life.replace();
    const lost = { code: 'ERR_SESSION_LOST', reason: 'worker-recycled' };
    expect(await failure(session.call('owners', [[basket]], { timeoutMs: 5_000 }))).toMatchObject(lost);
    expect(await basket.owner).toBe('ann');
    await lease.checkin();
  });

  it('is nothing where the call fails', async () => {
    const { lease } = await leased();
    expect(await failure(lease.py.half(10))).toMatchObject({ code: 'ERR_VALUE', path: 'value[10]' });
    expect(await lease.py.count()).toBe(0);
  });

  it('is nothing without a lease or a session, which is a clear error', async () => {
    const pool = await open();
    expect(await failure(pool.py.Basket('ann'))).toMatchObject({
      code: 'ERR_VALUE',
      path: 'value',
      sender: 'python',
      message: expect.stringContaining('a lease or a session'),
    });
    expect(await pool.py.count()).toBe(0);
  });

  it('is lost with its worker, and the handle says so', async () => {
    const pool = await open();
    const session = pool.session('s');
    const basket = await session.py.Basket('ann');
    const lease = await session.checkout();
    const other = await lease.py.Basket('bob');
    await pool.destroy();
    expect(await failure(other.owner)).toMatchObject({ code: 'ERR_LEASE_ENDED' });
    expect(await failure(basket.owner)).toMatchObject({ code: 'ERR_HANDLE_ENDED', reason: 'worker-died' });
  });
});

describe.each(['asyncio', 'threads'] as const)('in the lane %s', (lane) => {
  it('objects belong to their own lease, and all of one worker can be given to each call there', async () => {
    const pool = await open({ slots: 2, lane });
    const [one, two] = [await pool.checkout(), await pool.checkout()];
    const [ann, bob] = await Promise.all([one.py.Basket('ann'), two.py.Basket('bob', ['a', 'b'])]);
    expect(await one.py.owners([ann, bob])).toEqual(['ann', 'bob']);
    expect(await Promise.all([ann.later(1), bob.size, collect(bob), collect(ann.rows(3))])).toEqual([
      1,
      2,
      ['a', 'b'],
      [0, 1, 2],
    ]);
    expect(await (await ann.add('x')).owner).toBe('ann');
    expect(await failure(one.py.half(3))).toMatchObject({ code: 'ERR_VALUE' });
    const given = (await one.py.give((basket) => basket)) as Basket;
    expect(await given.owner).toBe('given');
    expect(await one.py.count()).toBe(3);
    await one.checkin();
    expect(await two.py.count()).toBe(1);
    await bob[Symbol.asyncDispose]();
    expect(await two.py.count()).toBe(0);
  });
});

describe('a method of a handle', () => {
  it('is mapped by the lease or the session that its object came by', async () => {
    const pool = await open({ size: 2 });
    await using lease = await pool.checkout();
    const session = pool.session('s');
    for (const caller of [lease, session] as Caller<Shop>[]) {
      const basket = await caller.py.Basket('ann');
      expect(await collect(caller.map(basket.double, [1, 2]))).toEqual([2, 4]);
      for await (const added of caller.map(basket.add, ['x', 'y'], { kwargs: { count: 2 } }))
        expect(added).toBe(basket);
      expect(await basket.size).toBe(4);
      const [failed] = await collect(
        caller.map(basket.fails as (number: number) => Promise<never>, [1], { keepGoing: true }),
      );
      expect(failed).toMatchObject({ status: 'rejected', reason: { code: 'ERR_PYTHON', type: 'TypeError' } });
    }
  });

  it('is mapped by others of that lease or session, by none that the object did not come by, and by none where what is bound would be lost', async () => {
    const pool = await open({ size: 2 });
    const [lease, other] = [await pool.checkout(), await pool.checkout()];
    const signal = AbortSignal.timeout(60_000);
    const { double } = await lease.py.Basket('ann');
    expect(await collect(lease.with({ signal }).map(double, [2]))).toEqual([4]);
    const bound = lease.with({ timeoutMs: 60_000 });
    const fast = await bound.py.Basket('bob');
    expect(await collect(bound.map(fast.double, [2]))).toEqual([4]);
    expect(() => lease.map(fast.double, [2])).toThrow(expect.objectContaining(NO_METHOD));
    for (const caller of [pool, other, pool.session('s'), await (await open()).checkout()] as Caller<Shop>[]) {
      expect(() => caller.map(double, [2])).toThrow(expect.objectContaining(NO_METHOD));
    }
    await lease.checkin();
    await other.checkin();
    const ofSession = await pool.session('s').py.Basket('cid');
    expect(await collect(pool.session('s').map(ofSession.double, [2]))).toEqual([4]);
    await using held = await pool.session('s').checkout();
    expect(await collect(held.map(ofSession.double, [2]))).toEqual([4]);
    const ofLease = await held.py.Basket('dan');
    expect(() => pool.session('s').map(ofLease.double, [2])).toThrow(expect.objectContaining(NO_METHOD));
  });

  it('is mapped no longer than its object is there', async () => {
    const { lease } = await leased();
    const basket = await lease.py.Basket('ann');
    const { double } = basket;
    await basket[Symbol.asyncDispose]();
    const ended = { code: 'ERR_HANDLE_ENDED', reason: 'closed', index: 0 };
    expect(await failure(lease.map(double, [1]).next())).toMatchObject(ended);
  });
});

const NO_METHOD = { code: 'ERR_OPTION', option: 'name', message: expect.stringContaining('came by') };

describe('a handle that is passed on', () => {
  it('to another worker is refused, naming the path', async () => {
    const pool = await open({ size: 2 });
    const [lease, other] = [await pool.checkout(), await pool.checkout()];
    const basket = await lease.py.Basket('ann');
    const expected = { code: 'ERR_VALUE', path: 'args[0][0]', sender: 'node' };
    expect(await failure(other.py.owners([basket]))).toMatchObject(expected);
    expect(await failure(other.call('echo', [], { kwargs: { value: basket } }))).toMatchObject({
      code: 'ERR_VALUE',
      path: 'kwargs.value',
    });
    expect(await failure(other.py.apply(() => basket))).toMatchObject({
      code: 'ERR_PYTHON',
      message: expect.stringContaining(`in ${lease.worker}`),
    });
    await other.checkin();
    expect(await failure(pool.py.owners([basket]))).toMatchObject(expected);
    const another = await (await open()).checkout();
    expect(await failure(another.py.owners([basket]))).toMatchObject(expected);
    expect(await basket.owner).toBe('ann');
  });

  it('to another session of the same worker is the object itself', async () => {
    const pool = await open();
    const basket = await pool.session('s').py.Basket('ann');
    expect(await pool.session('t').py.owners([basket])).toEqual(['ann']);
  });
});
