import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SimulatedClock } from 'xstate';
import type { Lease, LogEvent, Pool, PoolOptions, Session, WorkerDiedError } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { latch } from '../support/latch.js';
import { collect, failure, fixtures, next, readyPool } from '../support/pool.js';
import { until } from '../support/processes.js';

const lanes = fixtures(import.meta.url)('lanes.py');

/** The same for both, under the names that the functions have there. */
const LANES = [
  { lane: 'asyncio', wait: 'wait_for', remember: 'remember', say: 'say', doubled: 'doubled' },
  {
    lane: 'threads',
    wait: 'wait_plainly',
    remember: 'remember_plainly',
    say: 'say_plainly',
    doubled: 'doubled_plainly',
  },
] as const;

describe.each(LANES)('in the lane $lane, a worker', ({ lane, wait, remember, say, doubled }) => {
  const start = (options: Partial<PoolOptions> = {}) => readyPool(lanes, { lane, interrupt: true, ...options });

  it('has several calls under way, and answers them in the order in which they come to their end', async () => {
    const pool = await start();
    const meeting = new Meeting(3);
    const order: unknown[] = [];
    const calls = [0, 1, 2].map((n) => pool.call(wait, [meeting.place(n), n]).then((value) => order.push(value)));
    await meeting.isFull;
    expect(pool.stats()).toMatchObject({ leases: 3, workers: { leased: 1 } });
    for (const n of [2, 0, 1]) {
      meeting.go(n);
      await calls[n];
    }
    expect(order).toEqual([2, 0, 1]);
  });

  it('gives functions, iterables and streams of each call what is its own', async () => {
    const pool = await start();
    const one = async (n: number) => {
      const numbers = async function* () {
        for (let i = 0; i < 50; i++) yield 100 * n + i;
      };
      const results = await collect(pool.stream<number>(doubled, [numbers(), async (number: number) => 2 * number]));
      expect(results).toEqual(Array.from({ length: 50 }, (_, i) => 2 * (100 * n + i)));
    };
    await Promise.all([0, 1, 2, 3, 4].map(one));
  });

  it('lets a stream that nobody reads wait, and answers the others meanwhile', async () => {
    const pool = await start();
    const numbers = function* () {
      for (let i = 0; ; i++) yield i;
    };
    const stream = pool.stream<number>(doubled, [numbers(), (number: number) => number], { highWaterMark: 2 });
    expect((await stream.next()).value).toBe(0);
    for (let i = 0; i < 10; i++) expect(await pool.call('echo', [i])).toBe(i);
    await stream.return?.();
    await rest(pool);
    expect(pool.stats().cancelled).toEqual({ kept: 1, killed: 0 });
  });

  it('ends a plain generator that is given up while it waits for a function of Node’s, and lives on', async () => {
    const pool = await start();
    const pid = await pool.call('pid');
    const meeting = new Meeting(1);
    const abort = new AbortController();
    const stream = pool.stream('doubled_plainly', [[1], meeting.place(0)], { signal: abort.signal });
    const first = failure(stream.next());
    await meeting.isFull;
    abort.abort('enough');
    expect(await first).toBe('enough');
    await rest(pool);
    expect(await pool.call('pid')).toBe(pid);
    expect(pool.stats().cancelled).toEqual({ kept: 1, killed: 0 });
  });

  it('is well when one of many is given up, and the others have their own answers', async () => {
    const pool = await start();
    const pid = await pool.call('pid');
    const meeting = new Meeting(3);
    const abort = new AbortController();
    const calls = [0, 1, 2].map((n) =>
      pool.call(wait, [meeting.place(n), n], n === 1 ? { signal: abort.signal } : undefined),
    );
    await meeting.isFull;
    abort.abort('enough');
    expect(await failure(calls[1]!)).toBe('enough');
    meeting.go(0);
    meeting.go(2);
    expect(await Promise.all([calls[0], calls[2]])).toEqual([0, 2]);
    await rest(pool);
    expect(pool.stats().cancelled).toEqual({ kept: 1, killed: 0 });
    expect(await pool.call('pid')).toBe(pid);
  });

  it('keeps the sessions and contexts of calls apart that are under way at once', async () => {
    const pool = await start();
    const meeting = new Meeting(3);
    const calls = ['a', 'b', 'c'].map((id, n) =>
      pool
        .session(id)
        .with({ context: { id } })
        .call(remember, [meeting.place(n), id]),
    );
    await meeting.isFull;
    for (const n of [2, 1, 0]) meeting.go(n);
    const seen = (id: string) => [{ value: id }, { id }];
    expect(await Promise.all(calls)).toEqual(['a', 'b', 'c'].map((id) => [seen(id), seen(id)]));
  });

  it('says of each line that is printed or logged which call it is of, and never mixes two', async () => {
    const pool = await start();
    const logs: LogEvent[] = [];
    pool.on('log', (log) => logs.push(log));
    const meeting = new Meeting(2);
    const calls = ['a', 'b'].map((id, n) => pool.call(say, [meeting.place(n), id], { context: { id } }));
    await meeting.isFull;
    meeting.go(1);
    meeting.go(0);
    await Promise.all(calls);
    await pool.call('echo', [0]);
    for (const id of ['a', 'b']) {
      const own = logs.filter(({ context }) => context?.id === id);
      expect(own.map(({ text }) => text)).toEqual([`${id} begins`, `${id} goes on`, `${id} ends`]);
      expect(new Set(own.map(({ call }) => call)).size).toBe(1);
    }
    expect(logs.length).toBe(6);
  });

  it('tells every caller, when it dies, that its call had started', async () => {
    const pool = await start();
    const pid = await pool.call<number>('pid');
    const meeting = new Meeting(3);
    const calls = [0, 1, 2].map((n) => failure<WorkerDiedError>(pool.call(wait, [meeting.place(n), n])));
    await meeting.isFull;
    process.kill(pid, 'SIGKILL');
    for (const call of calls) expect(await call).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
    expect(await pool.call('pid')).not.toBe(pid);
  });

  it('is closed when its calls have been answered, and runs its teardown', async () => {
    const pool = await start({ teardown: { name: 'say_goodbye' } });
    const logs: string[] = [];
    pool.on('log', ({ text }) => logs.push(text));
    const meeting = new Meeting(2);
    const calls = [0, 1].map((n) => pool.call(wait, [meeting.place(n), n]));
    await meeting.isFull;
    const closed = pool.close();
    meeting.go(0);
    meeting.go(1);
    expect(await Promise.all(calls)).toEqual([0, 1]);
    await closed;
    expect(logs).toEqual([`torn down after ${lane === 'asyncio' ? '[0, 1]' : '[]'}`]);
  });

  it('is destroyed at once, whatever is under way', async () => {
    const pool = await start({ stopGraceMs: 0 });
    const meeting = new Meeting(2);
    const calls = [0, 1].map((n) => failure(pool.call(wait, [meeting.place(n), n])));
    await meeting.isFull;
    await pool.destroy();
    for (const call of calls) expect(await call).toMatchObject({ code: 'ERR_POOL_CLOSED' });
  });
});

describe('in the lane asyncio, a worker', () => {
  it('of 200 slots has 200 calls asleep at once', async () => {
    const pool = await readyPool(lanes, { lane: 'asyncio', slots: 200 });
    const calls = Array.from({ length: 200 }, () => pool.call('sleeper', [200]));
    expect(await Promise.all(calls)).toEqual(Array(200).fill(200));
  });

  it('cancels the coroutine of a call that is given up, where it waits', async () => {
    const pool = await readyPool(lanes, { lane: 'asyncio', interrupt: true });
    await giveUp(pool, 'wait_for', { goesOn: false });
    await rest(pool);
    expect(await pool.call('have_ended')).toEqual(['nothing']);
    expect(pool.stats().cancelled).toEqual({ kept: 1, killed: 0 });
  });

  it('can see in a plain function that its caller has given up', async () => {
    const pool = await readyPool(lanes, { lane: 'asyncio', interrupt: true });
    const pid = await pool.call('pid');
    await giveUp(pool, 'look', { goesOn: true });
    await rest(pool);
    expect(await pool.call('pid')).toBe(pid);
    expect(pool.stats().cancelled).toEqual({ kept: 1, killed: 0 });
  });

  it('is ended for a coroutine that goes on all the same, once the others had time to finish', async () => {
    const pool = await readyPool(lanes, { lane: 'asyncio', interrupt: true, cancelGraceMs: 0, evictGraceMs: 60_000 });
    const dead = next(pool, 'worker.dead');
    const meeting = new Meeting(1);
    const other = pool.call('wait_for', [meeting.place(0), 'other']);
    await meeting.isFull;
    await giveUp(pool, 'never_ends', { goesOn: false });
    meeting.go(0);
    expect(await other).toBe('other');
    expect(await dead).toMatchObject({ reason: 'cancel-grace' });
  });

  it('refuses what its own plain function waits for where it stands, since that could never begin', async () => {
    const pool = await readyPool(lanes, { lane: 'asyncio', slots: 4 });
    const inner = () => pool.call('echo', ['inner']);
    const error = await failure<Error & { cause: object }>(pool.call('wait_plainly', [inner]));
    expect(error.cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['wait_plainly', 'echo'] });
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, cancelled: { kept: 0, killed: 0 } });
    expect(await pool.call('wait_for', [inner, 'waited'])).toBe('waited');
  });

  it('refuses it as well once the slot that it waits for has a call that waits behind that function', async () => {
    const pool = await readyPool(lanes, { lane: 'asyncio', slots: 2 });
    const lease = await pool.checkout();
    const inner = () => pool.call('echo', ['inner']);
    const outer = failure<Error & { cause: object }>(pool.call('wait_plainly', [inner]));
    await until(() => pool.stats().waiting === 1, 'its function to wait for a slot');
    expect(await lease.call('echo', ['behind'])).toBe('behind');
    expect((await outer).cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['wait_plainly', 'echo'] });
    await lease.checkin();
  });

  it('refuses it as well where a call has been given up that waits behind that function', async () => {
    const pool = await readyPool(lanes, { lane: 'asyncio', slots: 4, interrupt: true });
    const lease = await pool.checkout();
    const meeting = new Meeting(1);
    const abort = new AbortController();
    const other = failure(pool.call('wait_for', [meeting.place(0)], { signal: abort.signal }));
    await meeting.isFull;
    const inner = () => pool.call('echo', ['inner']);
    const outer = failure<Error & { cause: object }>(pool.call('wait_plainly', [inner]));
    await until(() => pool.stats().waiting === 1, 'its function to wait for a slot');
    abort.abort('enough');
    expect(await other).toBe('enough');
    expect(await lease.call('echo', ['behind'])).toBe('behind');
    expect((await outer).cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['wait_plainly', 'echo'] });
    await lease.checkin();
    await rest(pool);
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, cancelled: { killed: 0 } });
  });

  it.each(['goes on', 'is given up'])(
    'refuses a call under the lease of its own call once a plain function that holds up both %s',
    async (how) => {
      const pool = await readyPool(lanes, { lane: 'asyncio', slots: 2 });
      const lease = await pool.checkout();
      const [isIn, standsStill, isAsked] = [latch(), latch(), latch()];
      const asks = async () => {
        isIn.open();
        await standsStill.opened;
        const inner = lease.call('echo', ['inner']);
        isAsked.open();
        return inner;
      };
      const outer = failure<Error & { cause: object }>(lease.call('wait_for', [asks]));
      await isIn.opened;
      const abort = new AbortController();
      const stands = async () => {
        standsStill.open();
        await isAsked.opened;
        if (how === 'goes on') return;
        abort.abort('enough');
        await new Promise(() => {});
      };
      await pool.call('wait_plainly', [stands], { signal: abort.signal }).catch(() => {});
      expect((await outer).cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['wait_for', 'echo'] });
      await lease.checkin();
    },
  );

  it('is asked in place of one that stands still, as long as there is one that does not', async () => {
    const pool = await readyPool(lanes, { lane: 'asyncio', slots: 4, size: 2 });
    const inner = () => pool.call('echo', ['inner']);
    const outer = () => pool.call('wait_plainly', [inner, 'waited']);
    expect(await outer()).toBe('waited');
    let last = (await failure(pool.call('wait_plainly', [outer]))) as { cause?: unknown };
    while (last.cause !== undefined) last = last.cause as { cause?: unknown };
    expect(last).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['wait_plainly', 'wait_plainly', 'echo'] });
  });

  it('leaves it to another to build the state of a session anew that its own plain function waits for', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(lanes, { lane: 'asyncio', slots: 4, size: 2, clock });
    const lease = await pool.checkout();
    const others = new Map<unknown, Session>();
    for (const id of ['one', 'other']) others.set(await pool.session(id).call('pid'), pool.session(id));
    // So that the worker of the lease is the one that sessions are sent to.
    await others.get(await lease.call('pid'))?.end();
    const session = pool.session('ann', { ttlMs: 1_000, onLost: (anew) => anew.call('echo', ['built']) });
    await session.call('echo', [1]);
    clock.increment(1_000);
    const inner = () => session.call('echo', [2]);
    expect(await lease.call('wait_plainly', [inner, 'waited'])).toBe('waited');
    await lease.checkin();
  });

  it.each<[string, (pool: Pool, session: Session) => Promise<unknown>]>([
    ['a call', (pool) => pool.call('echo', ['inner'])],
    ['a checkout', async (pool) => (await pool.checkout()).checkin()],
    ['a session that is new', (pool) => pool.session('bob').call('echo', ['inner'])],
    ['a session that is built anew', (_, session) => session.call('echo', ['inner'])],
    ['a call shared', (pool) => pool.call('echo', ['inner'], { idempotencyKey: 'order-17' })],
  ])('leaves it to another to become free for what its own plain function waits for: %s', async (_, ask) => {
    const pool = await readyPool(lanes, { lane: 'asyncio', slots: 3, size: 2, sessionsMax: 1 });
    const session = pool.session('ann', { onLost: (anew) => anew.call('echo', ['built']) });
    for (const each of [session, pool.session('bob')]) await each.call('echo', [1]);
    await pool.session('bob').end();
    const leases = await Promise.all([1, 2, 3, 4, 5, 6].map(() => pool.checkout()));
    const isOther = ({ worker }: Lease) => worker !== leases[0]!.worker;
    for (const lease of leases) if (!isOther(lease)) await lease.checkin();
    const inner = async () => {
      const asked = ask(pool, session);
      await setImmediate();
      expect(pool.stats()).toMatchObject({ leases: 6, waiting: 1 });
      for (const lease of leases) if (isOther(lease)) await lease.checkin();
      return asked;
    };
    expect(await pool.call('wait_plainly', [inner, 'waited'])).toBe('waited');
  });

  it('of which a slot was of no use gives it to whoever is next once its plain function goes on', async () => {
    const pool = await readyPool(lanes, { lane: 'asyncio', slots: 2, size: 2 });
    const leases = await Promise.all([1, 2, 3, 4].map(() => pool.checkout()));
    const isOther = ({ worker }: Lease) => worker !== leases[0]!.worker;
    for (const lease of leases) if (!isOther(lease)) await lease.checkin();
    let inner: Promise<unknown> | undefined;
    const asks = async () => {
      inner = pool.call('echo', ['inner']);
      await setImmediate();
      expect(pool.stats()).toMatchObject({ leases: 4, waiting: 1 });
    };
    const gate = new Gate();
    const outer = pool.call('wait_plainly_at', [asks, gate.path]);
    const go = await gate.reached();
    // Sent there by now, where it is begun as soon as the loop goes on.
    expect(pool.stats()).toMatchObject({ leases: 4, waiting: 0 });
    await go();
    expect(await Promise.all([outer, inner])).toEqual([null, 'inner']);
    for (const lease of leases) if (isOther(lease)) await lease.checkin();
  });

  it('has no lease at once for its own plain function, unless by another', async () => {
    const pool = await readyPool(lanes, { lane: 'asyncio', slots: 4 });
    const inner = () => pool.tryCheckout()?.worker;
    expect(await pool.call('answer_of', [inner])).toBeNull();
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0 });
  });

  it('refuses what an iterable asks of it that its own plain function reads: that could never begin', async () => {
    const pool = await readyPool(lanes, { lane: 'asyncio', slots: 4 });
    async function* numbers() {
      yield 1;
      yield await pool.call<number>('echo', [2]);
    }
    const error = await failure<Error & { cause: object }>(pool.call('total_plainly', [numbers()]));
    expect(error.cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['total_plainly', 'echo'] });
    // The first item may be on its way before the second is asked for, which then is sent, and given up in the pipe.
    await rest(pool);
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, cancelled: { kept: 0, killed: 0 } });
    expect(await pool.call('total', [numbers()])).toBe(3);
  });

  it('refuses it as well where it was asked before the function came to wait for it', async () => {
    const pool = await readyPool(lanes, { lane: 'asyncio', slots: 4 });
    const gate = new Gate();
    async function* numbers() {
      yield 1;
      const go = await gate.reached();
      const [two] = await Promise.all([pool.call<number>('echo', [2]), go()]);
      yield two;
    }
    const error = await failure<Error & { cause: object }>(pool.call('total_after', [numbers(), gate.path]));
    expect(error.cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['total_after', 'echo'] });
    await rest(pool);
    expect(pool.stats().cancelled).toEqual({ kept: 0, killed: 0 });
  });

  it('leaves to another what an iterable asks for that a plain function of its own reads', async () => {
    const pool = await readyPool(lanes, { lane: 'asyncio', slots: 4, size: 2 });
    async function* numbers() {
      for (let n = 0; n < 100; n++) yield await pool.call<number>('echo', [n]);
    }
    expect(await pool.call('total_plainly', [numbers()])).toBe(4_950);
  });

  it('tells, when it dies, that what waits behind a plain function had not started', async () => {
    const pool = await readyPool(lanes, { lane: 'asyncio' });
    const pid = await pool.call<number>('pid');
    const meeting = new Meeting(1);
    const gate = new Gate();
    const waits = failure<WorkerDiedError>(pool.call('wait_for', [meeting.place(0)]));
    await meeting.isFull;
    const plain = failure<WorkerDiedError>(pool.call('wait_at', [gate.path]));
    await gate.reached();
    const behind = failure<WorkerDiedError>(pool.call('echo', [1]));
    process.kill(pid, 'SIGKILL');
    expect(await waits).toMatchObject({ started: true });
    expect(await plain).toMatchObject({ started: true });
    expect(await behind).toMatchObject({ started: false, call: 'echo' });
  });
});

describe('in the lane threads, a worker', () => {
  it('runs plain functions at once, those too that block', async () => {
    const pool = await readyPool(lanes, { lane: 'threads' });
    const gates = [new Gate(), new Gate(), new Gate()];
    const calls = gates.map(({ path }, n) => pool.call('wait_at', [path, n]));
    const go = await Promise.all(gates.map((gate) => gate.reached()));
    expect(await pool.call('echo', ['meanwhile'])).toBe('meanwhile');
    for (const open of go.reverse()) await open();
    expect(await Promise.all(calls)).toEqual([0, 1, 2]);
  });

  it('lives on when a call that is given up looks, and ends by itself', async () => {
    const pool = await readyPool(lanes, { lane: 'threads', interrupt: true });
    const pid = await pool.call('pid');
    await giveUp(pool, 'look', { goesOn: true });
    await rest(pool);
    expect(await pool.call('pid')).toBe(pid);
    expect(pool.stats().cancelled).toEqual({ kept: 1, killed: 0 });
  });

  it('is ended for a call that does not look, once the others had time to finish', async () => {
    const pool = await readyPool(lanes, { lane: 'threads', cancelGraceMs: 0, evictGraceMs: 60_000 });
    const dead = next(pool, 'worker.dead');
    const [gate, stuck] = [new Gate(), new Gate()];
    const other = pool.call('wait_at', [gate.path, 'other']);
    const go = await gate.reached();
    const abort = new AbortController();
    const given = failure(pool.call('wait_at', [stuck.path], { signal: abort.signal }));
    await stuck.reached();
    abort.abort('enough');
    expect(await given).toBe('enough');
    await go();
    expect(await other).toBe('other');
    expect(await dead).toMatchObject({ reason: 'cancel-grace' });
    expect(await pool.call('echo', [1])).toBe(1);
  });
});

/** Gives up a call of the function while it waits, or once it goes on from there. */
async function giveUp(pool: Pool, name: string, { goesOn }: { goesOn: boolean }): Promise<void> {
  const abort = new AbortController();
  const meeting = new Meeting(1);
  const given = failure(pool.call(name, [meeting.place(0)], { signal: abort.signal }));
  await meeting.isFull;
  if (goesOn) {
    meeting.go(0);
    // What it is told to go on by is sent before the call is over.
    await setImmediate();
  }
  abort.abort('enough');
  expect(await given).toBe('enough');
}

/** Resolves when every slot is free again. */
async function rest(pool: Pool): Promise<void> {
  while (pool.stats().leases > 0) await pool.call('echo', [0]);
}

/** Where so many calls wait until they are told to go on, each by itself. */
class Meeting {
  /** Resolves when all are there. */
  readonly isFull: Promise<void>;
  readonly #waiting = new Map<number, () => void>();
  #onPlace: () => void = () => {};

  constructor(size: number) {
    this.isFull = new Promise((resolve) => {
      this.#onPlace = () => this.#waiting.size === size && resolve();
    });
  }

  /** The function that a call is given, to wait by. */
  place(n: number): () => Promise<void> {
    return () =>
      new Promise((resolve) => {
        this.#waiting.set(n, resolve);
        this.#onPlace();
      });
  }

  go(n: number): void {
    this.#waiting.get(n)?.();
  }
}
