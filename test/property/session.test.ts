import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { SessionLoss } from '../../src/errors.js';
import type { Runtime } from '../../src/runtime.js';
import type { SessionRecord } from '../../src/session/session-record.js';
import { SessionRegistry } from '../../src/session/session-registry.js';
import type { WorkerHand } from '../../src/worker/worker-hand.js';
import { watchFaults } from '../fake/faults.js';
import { PlayedPool } from '../fake/played-pool.js';
import { heard, TurnedClock } from '../fake/turned-clock.js';
import { effort } from './effort.js';

const faults = watchFaults();
afterEach(() => expect(faults).toEqual([]));

describe('the session registry, whatever is done with it', () => {
  it('is bounded, never evicts a session in use, tells each loss once, and lets Python drop what is lost', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.commands(registrySteps(), { maxCommands: 100, size: 'max' }),
        (sessionsMax, steps) => {
          const world = new RegistryWorld(sessionsMax);
          fc.modelRun(() => ({ model: world, real: world }), steps);
          world.finish();
        },
      ),
      effort(250),
    );
  });
});

describe('the session registry', () => {
  it('remembers ten thousand losses that nobody was told of, and no more', () => {
    const registry = new SessionRegistry({
      settings: { sessionsMax: 1 },
      clock: new TurnedClock(),
      news: { emit: () => {} },
    } as unknown as Runtime);
    const worker = new KeepingWorker() as unknown as WorkerHand;
    for (let count = 0; count <= 10_001; count += 1) {
      const record = registry.enter(`session ${count}`);
      record.isStrict = true;
      record.meet(worker);
      registry.leave(record);
    }
    expect(registry.size).toBe(1);
    expect(registry.takeLoss('session 0')).toBeUndefined();
    expect(registry.takeLoss('session 1')).toBe('evicted');
    expect(registry.takeLoss('session 10000')).toBe('evicted');
  });
});

describe('a session', () => {
  it('that ends while a new call of it begins leaves nothing of either in Python', async () => {
    const world = served(new PlayedPool());
    await world.boot();
    const session = world.pool.session('s');
    const second = session.call('keep', ['one']).then(() => session.call('keep', ['two']));
    // It gets the worker before the second call is made, so that the session ends while that one waits.
    const between = world.pool.call('keep', ['between']);
    const ended = session.end();
    await world.answerAll();
    await Promise.all([second, between, ended]);
    await session.end();
    expect(world.kept()).toEqual([]);
    await world.destroy();
  });

  it('keeps its loss to tell when it cannot come in for want of room', async () => {
    const world = served(new PlayedPool({ size: 1, sessionsMax: 1 }));
    await world.boot();
    const onLost = (lease: { call(name: string, args: unknown[]): Promise<unknown> }) =>
      lease.call('keep', ['rebuilt']);
    const session = world.pool.session('s', { onLost });
    const kept = session.call('keep', ['one']);
    await world.answerAll();
    expect(await kept).toEqual(['one']);
    world.process.die();
    await world.settle();

    const other = world.pool.session('other').call('keep', ['other']);
    expect(await session.call('keep', ['two']).catch(({ code }) => code)).toBe('ERR_SESSION_LIMIT');
    await world.answerAll();
    await other;
    const again = session.call('keep', ['three']);
    await world.answerAll();
    expect(await again).toEqual(['rebuilt', 'three']);
    await world.destroy();
  });

  it('goes on being told of the loss of its state after calls of it with `hint` went elsewhere', async () => {
    const world = served(new PlayedPool({ size: 2 }));
    await world.boot();
    const strict = world.pool.session('s');
    const kept = strict.call('keep', ['one']);
    const [process] = world.python.running;
    await world.answerAll();
    await kept;

    // Its worker is busy, so that the other one serves the hint.
    const lease = await strict.checkout();
    const hinted = world.pool.session('s', { affinity: 'hint' }).call('keep', ['elsewhere']);
    await world.answerAll();
    expect(await hinted).toEqual(['elsewhere']);
    await lease.checkin();
    const back = strict.call('keep', ['two']);
    await world.answerAll();
    expect(await back).toEqual(['one', 'two']);

    process?.die();
    await world.settle();
    expect(await strict.call('keep', ['three']).catch(({ code }) => code)).toBe('ERR_SESSION_LOST');
    await world.destroy();
  });

  it('is told of no loss where none but a `hint` was ever served, whoever was refused who would have counted on its state', async () => {
    const world = served(new PlayedPool({ size: 2 }));
    await world.boot();
    const lost: string[] = [];
    world.pool.on('session.lost', ({ session }) => lost.push(session));
    const hint = world.pool.session('s', { affinity: 'hint' });
    const kept = hint.call('keep', ['one']);
    const [process] = world.python.running;
    await world.answerAll();
    await kept;

    const lease = await hint.checkout();
    const hasty = world.pool.session('s', { affinity: 'strict-fail-fast' });
    expect(await hasty.call('keep', ['two']).catch(({ code }) => code)).toBe('ERR_QUEUE_TIMEOUT');
    await lease.checkin();
    process?.die();
    await world.settle();
    const next = hasty.call('keep', ['three']);
    await world.answerAll();
    expect(await next).toEqual(['three']);
    expect(lost).toEqual([]);
    await world.destroy();
  });

  it('lets each of its calls wait or not as that one was asked, when they first had to wait together', async () => {
    const world = served(new PlayedPool());
    await world.boot();
    const blocking = world.pool.call('keep', ['blocking']);
    const first = world.pool.session('s', { affinity: 'strict-fail-fast' }).call('keep', ['one']);
    const second = world.pool.session('s').call('keep', ['two']);
    const third = world.pool.session('s', { affinity: 'strict-fail-fast' }).call('keep', ['three']);
    const refused = third.catch(({ code }) => code);
    await world.answerAll();
    await blocking;
    expect(await first).toEqual(['one']);
    expect(await second).toEqual(['one', 'two']);
    expect(await refused).toBe('ERR_QUEUE_TIMEOUT');
    await world.destroy();
  });

  it('has those of its calls that may wait served at a drain, though another that may not is refused', async () => {
    const world = served(new PlayedPool());
    const hasty = world.pool.session('s', { affinity: 'strict-fail-fast' });
    const first = hasty.call('keep', ['one']);
    const refused = hasty.call('keep', ['two']).catch(({ code }) => code);
    const second = world.pool.session('s').call('keep', ['three']);
    const drained = world.pool.drain();
    await world.boot();
    await world.answerAll();
    expect(await refused).toBe('ERR_QUEUE_TIMEOUT');
    expect(await first).toEqual(['one']);
    expect(await second).toEqual(['one', 'three']);
    await drained;
    await world.destroy();
  });

  it('whose state is being built anew by code that hangs is told when the worker under it goes', async () => {
    const world = served(new PlayedPool());
    await world.boot();
    const session = world.pool.session('s', { onLost: () => new Promise(() => {}) });
    const kept = session.call('keep', ['one']);
    await world.answerAll();
    await kept;
    world.process.die();
    await world.settle();

    const waiting = session.call('keep', ['two']).catch(({ code, reason }) => ({ code, reason }));
    await heard();
    world.process.die();
    await world.settle();
    expect(await waiting).toEqual({ code: 'ERR_SESSION_LOST', reason: 'worker-died' });

    const closing = session.call('keep', ['three']).catch(({ code }) => code);
    await heard();
    await world.destroy();
    expect(await closing).toBe('ERR_POOL_CLOSED');
  });

  it.each([
    ['its own limit', {}, { onLostTimeoutMs: 5_000 }],
    ['the limit of all leases', { leaseTimeoutMs: 5_000 }, {}],
  ])(
    'whose state is being built anew for longer than %s loses that lease, and its worker serves others',
    async (_, ofPool, own) => {
      const world = served(new PlayedPool(ofPool));
      await world.boot();
      const session = world.pool.session('s', { onLost: () => new Promise(() => {}), ...own });
      const kept = session.call('keep', ['one']);
      await world.answerAll();
      await kept;
      world.process.die();
      await world.settle();

      const waiting = session
        .call('keep', ['two'])
        .catch(({ code, reason, onLostTimeoutMs }) => [code, reason, onLostTimeoutMs]);
      const other = world.pool.call('keep', ['three']);
      await heard();
      await world.clock.turn(4_999);
      expect(world.pool.stats()).toMatchObject({ leases: 1, waiting: 2 });
      await world.clock.turn(1);
      expect(await waiting).toEqual(['ERR_SESSION_LOST', 'worker-died', 5_000]);
      await world.answerAll();
      await other;
      expect(world.pool.stats()).toMatchObject({ leases: 0, sessions: 0 });
      await world.destroy();
    },
  );

  it('whose worker dies during a drain is told of it, since nothing can be built anew any more', async () => {
    const world = served(new PlayedPool());
    await world.boot();
    let rebuilt = 0;
    const session = world.pool.session('s', { onLost: () => (rebuilt += 1) });
    const running = session.call('keep', ['one']).catch(({ code }) => code);
    await heard();
    const waiting = [session.call('keep', ['two']), session.call('keep', ['three'])];
    const told = waiting.map((each) => each.catch(({ code, reason }) => ({ code, reason })));
    await heard();
    const drained = world.pool.drain();
    world.process.die();
    await world.settle();
    const lost = { code: 'ERR_SESSION_LOST', reason: 'worker-died' };
    expect(await Promise.all([running, ...told])).toEqual(['ERR_WORKER_DIED', lost, lost]);
    await drained;
    expect(rebuilt).toBe(0);
    await world.destroy();
  });

  it('that ends while its state is built anew leaves nothing of it in Python', async () => {
    const world = served(new PlayedPool());
    await world.boot();
    const onLost = async (lease: { call(name: string, args: unknown[]): Promise<unknown> }) => {
      await lease.call('keep', ['rebuilt']);
      await lease.call('keep', ['and more']);
    };
    const session = world.pool.session('s', { onLost });
    const kept = session.call('keep', ['one']);
    await world.answerAll();
    await kept;
    world.process.die();
    await world.settle();

    const controller = new AbortController();
    const given = session.call('keep', ['two'], { signal: controller.signal }).catch((error) => error);
    await heard();
    controller.abort('enough');
    expect(await given).toBe('enough');
    const ended = session.end();
    await world.answerAll();
    await ended;
    expect(world.kept()).toEqual([]);
    await world.destroy();
  });
});

// ---------------------------------------------------------------- a registry and the model of it

/** What the registry needs of a worker. */
class KeepingWorker {
  /** Sessions that Python keeps something for. */
  readonly keeps = new Set<string>();

  endSession(session: string): void {
    this.keeps.delete(session);
  }
}

interface Known {
  readonly record: SessionRecord;
  isStrict: boolean;
  met: KeepingWorker | undefined;
  readonly workers: Set<KeepingWorker>;
  uses: number;
  lastUsed: number;
}

/** The registry, and beside it what it should know. */
class RegistryWorld {
  readonly clock = new TurnedClock();
  readonly registry: SessionRegistry;
  readonly sessionsMax: number;
  readonly known = new Map<string, Known>();
  /** Those that were lost in use. */
  lostInUse: { readonly id: string; readonly known: Known }[] = [];
  readonly lost = new Map<string, SessionLoss>();
  readonly told: string[] = [];
  /** What should have been told since the last check. */
  readonly #toTell = new Map<string, SessionLoss>();
  workers = [new KeepingWorker(), new KeepingWorker()];
  /** Distinguishes uses at one moment. */
  #uses = 0;

  constructor(sessionsMax: number) {
    this.sessionsMax = sessionsMax;
    this.registry = new SessionRegistry({
      settings: { sessionsMax },
      clock: this.clock,
      news: { emit: (_name: string, { session }: { session: string }) => this.told.push(session) },
    } as unknown as Runtime);
  }

  enter(id: string, isStrict: boolean, ttlMs: number | undefined): void {
    const known = this.known.get(id);
    const isFull = known === undefined && this.known.size >= this.sessionsMax;
    const victim = isFull ? this.#leastUsed() : undefined;
    if (isFull && victim === undefined) {
      expect(() => this.registry.enter(id)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_LIMIT' }));
      return;
    }
    const record = this.registry.enter(id);
    record.isStrict ||= isStrict;
    this.registry.limit(record, ttlMs);
    if (victim !== undefined) this.#forget(victim, 'evicted');
    if (known !== undefined) expect(record).toBe(known.record);
    const now = known ?? { record, isStrict: false, met: undefined, workers: new Set(), uses: 0, lastUsed: 0 };
    now.isStrict ||= isStrict;
    now.uses += 1;
    this.known.set(id, now);
  }

  meet(id: string, which: number): void {
    const known = this.known.get(id) as Known;
    const worker = this.workers[which % this.workers.length] as KeepingWorker;
    // A strict session meets no other worker than the one it has met.
    if (known.isStrict && known.met !== undefined && known.met !== worker) return;
    known.record.meet(worker as unknown as WorkerHand);
    worker.keeps.add(id);
    known.met = worker;
    known.workers.add(worker);
  }

  leave(id: string): void {
    const known = this.known.get(id) as Known;
    this.registry.leave(known.record);
    known.uses -= 1;
    this.#uses += 1;
    known.lastUsed = this.#uses;
    if (known.uses === 0 && known.workers.size === 0) this.known.delete(id);
  }

  leaveLost(which: number): void {
    const { known } = this.lostInUse[which % this.lostInUse.length] as { known: Known };
    this.registry.leave(known.record);
    known.uses -= 1;
    this.lostInUse = this.lostInUse.filter((lost) => lost.known.uses > 0);
  }

  workerLeft(which: number): void {
    const worker = this.workers[which % this.workers.length] as KeepingWorker;
    this.workers = this.workers.map((each) => (each === worker ? new KeepingWorker() : each));
    this.registry.workerLeft(worker as unknown as WorkerHand, 'worker-died');
    for (const [id, known] of this.known) {
      const hasMet = known.met === worker;
      known.workers.delete(worker);
      if (hasMet) known.met = undefined;
      if (hasMet && known.isStrict) this.#forget(id, 'worker-died');
      else if (known.uses === 0 && known.workers.size === 0) this.known.delete(id);
    }
  }

  takeLoss(id: string): void {
    expect(this.registry.takeLoss(id)).toBe(this.lost.get(id));
    this.lost.delete(id);
    expect(this.registry.takeLoss(id)).toBeUndefined();
  }

  end(id: string): void {
    const isInUse = (this.known.get(id)?.uses ?? 0) > 0 || this.lostInUse.some((lost) => lost.id === id);
    expect(this.registry.end(id)).toBe(!isInUse);
    if (isInUse) return;
    this.known.delete(id);
    this.lost.delete(id);
  }

  /** Sessions that were used by a time that is `ms` later may have expired. */
  turn(ms: number): void {
    const before = new Set(this.registryIds());
    this.clock.jump(ms);
    for (const [id, known] of this.known) {
      if (!before.has(id) || this.registryIds().includes(id)) continue;
      expect(known.uses, `${id} expired in use`).toBe(0);
      this.#forget(id, 'expired');
    }
  }

  registryIds(): string[] {
    return IDS.filter((id) => this.isThere(id));
  }

  /** Whether the registry knows the session, found out without changing which is longest unused. */
  isThere(id: string): boolean {
    return this.workers.some(({ keeps }) => keeps.has(id)) || (this.known.get(id)?.uses ?? 0) > 0;
  }

  check(): void {
    expect([...this.told].sort()).toEqual([...this.#toTell.keys()].sort());
    for (const id of this.told.splice(0)) {
      this.lost.set(id, this.#toTell.get(id) as SessionLoss);
    }
    this.#toTell.clear();
    expect(this.registry.size).toBe(this.known.size);
    expect(this.registry.size).toBeLessThanOrEqual(this.sessionsMax);
    // Python keeps something for those that live, and for nobody else.
    for (const worker of this.workers) {
      const expected = [...this.known].filter(([, { workers }]) => workers.has(worker)).map(([id]) => id);
      expect([...worker.keeps].sort()).toEqual(expected.sort());
    }
  }

  finish(): void {
    for (const [id, known] of [...this.known]) while (known.uses > 0) this.leave(id);
    while (this.lostInUse.length > 0) this.leaveLost(0);
    this.registry.clear();
    expect(this.registry.size).toBe(0);
    expect(this.workers.flatMap(({ keeps }) => [...keeps])).toEqual([]);
    expect(this.clock.timers).toBe(0);
  }

  #leastUsed(): string | undefined {
    const idle = [...this.known].filter(([, { uses }]) => uses === 0);
    return idle.sort(([, one], [, other]) => one.lastUsed - other.lastUsed)[0]?.[0];
  }

  /** Only the state of a strict session is missed. */
  #forget(id: string, reason: SessionLoss): void {
    const known = this.known.get(id) as Known;
    this.known.delete(id);
    if (known.uses > 0) this.lostInUse.push({ id, known });
    if (known.isStrict && (known.met !== undefined || reason === 'worker-died')) this.#toTell.set(id, reason);
  }
}

const IDS = ['a', 'b', 'c', 'd', 'e', 'f'];

function registrySteps(): fc.Arbitrary<fc.Command<RegistryWorld, RegistryWorld>>[] {
  const id = fc.constantFrom(...IDS);
  const anyone = () => true;
  const inUse = (world: RegistryWorld, which: string) => (world.known.get(which)?.uses ?? 0) > 0;
  const enter = step(
    'enter',
    fc.tuple(id, fc.boolean(), fc.constantFrom(undefined, 10, 50)),
    anyone,
    (world, [which, isStrict, ttlMs]) => world.enter(which, isStrict, ttlMs),
  );
  const meet = step(
    'meet',
    fc.tuple(id, fc.nat({ max: 1 })),
    (world, [which]) => inUse(world, which),
    (world, [which, worker]) => world.meet(which, worker),
  );
  const leave = step('leave', id, inUse, (world, which) => world.leave(which));
  return [
    enter,
    enter,
    meet,
    meet,
    leave,
    leave,
    step(
      'leave lost',
      fc.nat({ max: 9 }),
      (world) => world.lostInUse.length > 0,
      (world, which) => world.leaveLost(which),
    ),
    step('worker left', fc.nat({ max: 1 }), anyone, (world, which) => world.workerLeft(which)),
    step('take loss', id, anyone, (world, which) => world.takeLoss(which)),
    step('end', id, anyone, (world, which) => world.end(which)),
    step('turn', fc.constantFrom(1, 10, 49, 60), anyone, (world, ms) => world.turn(ms)),
  ];
}

function step<Given>(
  name: string,
  given: fc.Arbitrary<Given>,
  may: (world: RegistryWorld, given: Given) => boolean,
  run: (world: RegistryWorld, given: Given) => void,
): fc.Arbitrary<fc.Command<RegistryWorld, RegistryWorld>> {
  return given.map((args) => ({
    check: (world) => may(world as RegistryWorld, args),
    run: (world) => {
      run(world, args);
      world.check();
    },
    toString: () => `${name} ${fc.stringify(args)}`,
  }));
}

// ---------------------------------------------------------------- Python that keeps what it is given

/** A pool whose Python keeps its argument in its session, and answers with all that is kept there. */
function served(world: PlayedPool) {
  return Object.assign(world, {
    /** Answers until nobody asks any more. */
    async answerAll(): Promise<void> {
      for (await heard(); world.python.running.length > 0; await heard()) {
        for (const process of world.python.running) {
          const { state, args } = process.request as NonNullable<typeof process.request>;
          state.set(String(args[0]), true);
          process.answer([...state.keys()]);
        }
      }
    },
    /** The sessions that Python keeps something for. */
    kept: () => world.python.living.flatMap(({ states }) => [...states.keys()]),
  });
}
