import { afterEach, describe, expect, it } from 'vitest';
import type { Lease, PoolOptions } from '../../src/index.js';
import { watchFaults } from '../fake/faults.js';
import { PlayedPool } from '../fake/played-pool.js';
import { heard } from '../fake/turned-clock.js';

const TIMEOUT_MS = 60;
const GRACE_MS = 500;
const REASON = new Error('the caller gave up');

/** What may happen to one call, in any order. Its process dies first and is told dead later. */
type Happening = 'reply' | 'abort' | 'timeout' | 'death' | 'news of the death';
const HAPPENINGS: readonly Happening[] = ['reply', 'abort', 'timeout', 'death', 'news of the death'];

/** How one call is made. */
const WAYS = {
  'a call': async (world) => world.pool.call('played', [], world.wait),
  'a call under a lease': async (world) => (await world.checkout()).call('played', [], world.wait),
  'a call in a session': async (world) => world.pool.session('s').call('played', [], world.wait),
} as const satisfies Record<string, (world: Race) => Promise<unknown>>;

const faults = watchFaults();
afterEach(() => expect(faults).toEqual([]));

for (const [way, make] of Object.entries(WAYS)) {
  describe(`${way} that runs, while reply, abort, timeout and death race`, () => {
    const orders = [
      ...permutations(HAPPENINGS).filter((order) => order.indexOf('death') < order.indexOf('news of the death')),
      ...permutations<Happening>(['reply', 'abort', 'timeout']),
    ];

    it.each([
      ['one after the other', true],
      ['all in one turn of the event loop', false],
    ])('settles once, by what came first, and leaves the pool whole, in all orders, %s', async (_, areHeard) => {
      expect(orders).toHaveLength(66);
      for (const order of orders) {
        const world = new Race({ timeoutMs: TIMEOUT_MS });
        await world.boot();
        const settled = world.settlementOf(make(world));
        await heard();
        for (const happening of order) {
          world.happen(happening);
          if (areHeard) await heard();
        }
        await heard();
        expect(settled, order.join(', ')).toEqual([outcomeOfRunning(order)]);
        if (!order.includes('death')) await world.expectKept(order.join(', '));
        await world.expectWhole(order.join(', '));
      }
    });
  });
}

/** What may happen to a call that waits for a worker that somebody else has. */
type Waiting = 'the worker comes free' | 'abort' | 'timeout' | 'destroy';
const WAITING: readonly Waiting[] = ['the worker comes free', 'abort', 'timeout', 'destroy'];

const ASKS = {
  'a call': (world) => world.pool.call('played', [], world.wait),
  'a checkout': (world) => world.pool.checkout(world.wait),
  'a call in a session': (world) => world.pool.session('s').call('played', [], world.wait),
  'a call in a session whose first call waits': (world) => {
    world.pool
      .session('s')
      .call('played')
      .catch(() => {});
    return world.pool.session('s').call('played', [], world.wait);
  },
} as const satisfies Record<string, (world: Race) => Promise<unknown>>;

for (const [way, ask] of Object.entries(ASKS)) {
  describe(`${way} that waits, while a worker, abort, timeout and the end of the pool race`, () => {
    it.each([
      ['one after the other', true],
      ['all in one turn of the event loop', false],
    ])('settles once, by what came first, and leaves nothing behind, in all orders, %s', async (_, areHeard) => {
      for (const order of permutations(WAITING)) {
        const world = new Race({});
        await world.boot();
        const blocking = world.pool.call('played').catch(() => {});
        const settled = world.settlementOf(ask(world));
        await heard();
        for (const happening of order) {
          if (happening === 'the worker comes free') world.happen('reply');
          else if (happening === 'destroy') world.ending = world.pool.destroy();
          else world.happen(happening);
          if (areHeard) await heard();
        }
        await heard();
        expect(settled, order.join(', ')).toEqual([outcomeOfWaiting(way, order)]);
        await world.expectGone(order.join(', '));
        await blocking;
      }
    });
  });
}

describe('two calls that follow each other on one worker', () => {
  it('never get the answer of the other, whichever way the first is given up', async () => {
    for (const givenUp of ['abort', 'timeout'] as const) {
      for (const late of ['reply', 'death'] as const) {
        const world = new Race({ timeoutMs: TIMEOUT_MS });
        await world.boot();
        const first = world.settlementOf(world.pool.call('played', ['first'], world.wait));
        const second = world.settlementOf(world.pool.call('played', ['second'], { timeoutMs: 10_000 }));
        world.happen(givenUp);
        await heard();
        expect(first).toHaveLength(1);
        expect(world.process.request?.args).toEqual(['first']);
        expect(second).toEqual([]);

        world.happen(late);
        await world.settle();
        expect(world.process.request?.args).toEqual(['second']);
        world.process.answer('to the second');
        await heard();
        expect(second).toEqual([{ value: 'to the second' }]);
        expect(world.python.violations).toEqual([]);
        await world.destroy();
      }
    }
  });
});

class Race extends PlayedPool {
  lease: Lease | undefined;
  ending: Promise<void> | undefined;
  readonly #controller = new AbortController();

  constructor(options: Partial<PoolOptions>) {
    super({ cancelGraceMs: GRACE_MS, ...options });
  }

  get wait() {
    return { signal: this.#controller.signal, timeoutMs: TIMEOUT_MS };
  }

  async checkout(): Promise<Lease> {
    this.lease = await this.pool.checkout();
    return this.lease;
  }

  happen(happening: Happening): void {
    if (happening === 'reply') this.process.answer('played');
    if (happening === 'abort') this.#controller.abort(REASON);
    if (happening === 'timeout') this.clock.jump(TIMEOUT_MS);
    if (happening === 'death') this.process.die();
    if (happening === 'news of the death') this.process.tellEnd();
  }

  /** Every time that `promise` settles, and how; there should be one. */
  settlementOf(promise: Promise<unknown>): unknown[] {
    const settled: unknown[] = [];
    promise.then(
      (value) => settled.push({ value: value === this.lease || typeof value !== 'string' ? 'a lease' : value }),
      (error: { code?: string }) => settled.push({ error: error === REASON ? 'aborted' : error.code }),
    );
    return settled;
  }

  /** An answer within the grace time saves the worker, and the lease on it, however late it came for its caller. */
  async expectKept(after: string): Promise<void> {
    await this.clock.turn(2 * GRACE_MS);
    expect(this.process.signals, after).toEqual([]);
    expect(this.lease?.ended, after).toBeUndefined();
  }

  /** The pool serves as before, and whatever the race left behind is gone. */
  async expectWhole(after: string): Promise<void> {
    await this.lease?.checkin();
    await this.clock.turn(GRACE_MS);
    await this.settle();
    const { workers, waiting, calls } = this.pool.stats();
    expect({ workers, waiting, running: calls.running }, after).toMatchObject({
      workers: { idle: 1, leased: 0, cancelling: 0, ending: 0, spawning: 0 },
      waiting: 0,
      running: 0,
    });
    const next = this.pool.call('played', ['afterwards']);
    expect(this.process.request?.args, after).toEqual(['afterwards']);
    this.process.answer('served');
    expect(await next, after).toBe('served');
    expect(this.python.violations, after).toEqual([]);
    expect(this.clock.timers, after).toBe(0);
    await this.destroy();
  }

  async expectGone(after: string): Promise<void> {
    this.python.reap();
    await this.ending;
    expect(this.pool.stats(), after).toMatchObject({ state: 'closed', waiting: 0, calls: { running: 0 } });
    expect(this.python.living, after).toEqual([]);
    expect(this.clock.timers, after).toBe(0);
    expect(this.python.violations, after).toEqual([]);
  }
}

/** The first that can still happen decides: a dead process answers nothing. */
function outcomeOfRunning(order: readonly Happening[]): unknown {
  for (const [at, happening] of order.entries()) {
    if (happening === 'reply' && !order.slice(0, at).includes('death')) return { value: 'played' };
    if (happening === 'abort') return { error: 'aborted' };
    if (happening === 'timeout') return { error: 'ERR_CALL_TIMEOUT' };
    if (happening === 'news of the death') return { error: 'ERR_WORKER_DIED' };
  }
  return undefined;
}

function outcomeOfWaiting(way: string, order: readonly Waiting[]): unknown {
  // Behind the first call of its session it goes on waiting when that one gets the worker.
  const canRun = way !== 'a call in a session whose first call waits';
  let isRunning = false;
  for (const happening of order) {
    if (happening === 'the worker comes free') {
      if (way === 'a checkout') return { value: 'a lease' };
      isRunning = canRun;
    }
    if (happening === 'abort') return { error: 'aborted' };
    if (happening === 'timeout') return { error: isRunning ? 'ERR_CALL_TIMEOUT' : 'ERR_QUEUE_TIMEOUT' };
    if (happening === 'destroy') return { error: 'ERR_POOL_CLOSED' };
  }
  return undefined;
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, at) =>
    permutations(items.filter((_, index) => index !== at)).map((rest) => [item, ...rest]),
  );
}
