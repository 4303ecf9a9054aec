import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Affinity } from '../../machines/index.js';
import type { Asking } from '../../src/call/asking.js';
import type { Exchange } from '../../src/call/exchange.js';
import type { Runtime } from '../../src/runtime.js';
import { Rebuild } from '../../src/session/rebuild.js';
import { SessionRegistry } from '../../src/session/session-registry.js';
import type { WorkerHand } from '../../src/worker/worker-hand.js';
import { TurnedClock } from '../fake/turned-clock.js';
import { effort } from './effort.js';

it('a session keeps everybody waiting for something: one who asks for all, its onLost, or the worker that it has met', () => {
  const place = fc.record({
    step: fc.constant('place' as const),
    priority: fc.nat(2),
    mayWait: fc.boolean(),
    meets: fc.constantFrom<Pool>('busy', 'busy', 'busy', 'free', 'full'),
  });
  const other = fc.record({
    step: fc.constantFrom('grant', 'grant', 'give up', 'refuse all', 'rebuild', 'lease', 'build', 'fail', 'leave'),
    which: fc.nat(9),
  });
  fc.assert(
    fc.property(fc.array(fc.oneof(place, place, other, other), { maxLength: 40, size: 'max' }), (steps) => {
      const world = new World();
      for (const each of steps) {
        if (each.step === 'place') world.place(each.priority, each.mayWait, each.meets);
        else world.take(each.step, each.which);
        world.check();
      }
    }),
    effort(1_000),
  );
});

/** One session, as its callers and its `onLost` have it go from one state to another, and what holds in each. */
class World {
  pool: Pool = 'busy';
  readonly #registry = new SessionRegistry({
    settings: { sessionsMax: 1 },
    clock: new TurnedClock(),
    hands: new Map(),
  } as unknown as Runtime);
  readonly #record = this.#registry.enter('s');
  #askings: PlayedAsking[] = [];
  #workers = 1;
  /** The worker that it should go to. */
  #met: number | undefined;
  /** Somebody was held, and it is to be told once nobody is. */
  #toldOfNobody: boolean | undefined;

  place(priority: number, mayWait: boolean, pool: Pool): void {
    const isMeeting = this.#met === undefined && this.#askings.length > 0;
    const asking = this.#asking(priority, mayWait);
    this.#during(pool, () => this.#record.place(asking));
    if (pool === 'full' && isMeeting) expect(asking.isSettled).toBe(true);
  }

  take(step: string, which: number): void {
    const { rebuild } = this.#record;
    const asked = this.#askings.filter(({ wish }) => wish !== undefined);
    switch (step) {
      case 'grant':
        return asked[which % asked.length]?.grant();
      case 'give up':
        return this.#askings[which % this.#askings.length]?.fail();
      case 'refuse all':
        return this.#during('closed', () => {
          for (const each of asked) each.fail();
        });
      case 'rebuild':
        // Nobody has a worker to wait for whose state is lost.
        if (this.#askings.length > 0 || rebuild !== undefined) return;
        this.#met = undefined;
        return this.#record.beginRebuild(new Rebuild({}), this.#asking(0, true));
      case 'lease':
        if (rebuild !== undefined) this.#record.rebuildOn(rebuild, this.#worker);
        return;
      case 'build':
        if (rebuild?.worker === undefined) return;
        this.#met = rebuild.worker.id;
        return this.#record.meet(rebuild.worker);
      case 'fail':
        if (rebuild !== undefined) this.#record.failRebuild(new Error('not built'));
        return;
      case 'leave':
        this.#workers += 1;
        if (rebuild !== undefined) this.#record.rebuildOn(rebuild, undefined);
        if (this.#met === undefined || this.#askings.length > 0) return;
        this.#met = undefined;
        return this.#record.forgetWorker();
    }
  }

  check(): void {
    this.#askings = this.#askings.filter(({ isSettled }) => !isSettled);
    const { met, rebuild } = this.#record;
    expect(met?.id).toBe(this.#met);
    const held = [...this.#record.held] as unknown as readonly PlayedAsking[];
    expect(new Set(held).size).toBe(held.length);
    expect(held.every((each, at) => at === 0 || !each.goesBefore(held[at - 1] as PlayedAsking))).toBe(true);
    expect(held.filter(({ wish, isSettled }) => wish !== undefined || isSettled)).toEqual([]);
    const asked = this.#askings.filter((each) => !held.includes(each)).map(({ wish }) => wish);
    if (met !== undefined) expect([held, asked.filter((wish) => wish?.worker !== met.id)]).toEqual([[], []]);
    else expect(asked).toEqual(rebuild === undefined && this.#askings.length > 0 ? [null] : []);
    const isOneCounted = rebuild !== undefined && rebuild.worker === undefined && held.length > 0;
    expect(this.#registry.held).toBe(held.length - (isOneCounted ? 1 : 0));
    if (this.#toldOfNobody !== undefined) expect(this.#toldOfNobody).toBe(held.length === 0);
    if (held.length === 0) this.#toldOfNobody = undefined;
    else if (this.#toldOfNobody === undefined) {
      this.#toldOfNobody = false;
      this.#registry.whenNoneHeld(() => {
        this.#toldOfNobody = true;
      });
    }
  }

  granted(asking: PlayedAsking): void {
    const worker = this.#record.met ?? this.#worker;
    this.#met = worker.id;
    this.#record.granted(asking as unknown as Asking, { worker } as Exchange);
  }

  letGo(asking: PlayedAsking): void {
    this.#record.letGo(asking as unknown as Asking);
  }

  #asking(priority: number, mayWait: boolean): Asking {
    const asking = new PlayedAsking(this, priority, mayWait);
    this.#askings.push(asking);
    return asking as unknown as Asking;
  }

  #during(pool: Pool, run: () => void): void {
    this.pool = pool;
    run();
    this.pool = 'busy';
  }

  get #worker(): WorkerHand {
    return { id: this.#workers } as WorkerHand;
  }
}

/** What becomes of whoever asks. */
type Pool = 'busy' | 'free' | 'full' | 'closed';

/** What a record needs of somebody who asks. */
class PlayedAsking {
  isSettled = false;
  /** As it asked last; `undefined` while it does not. */
  wish: Affinity | null | undefined;
  readonly waiter = { fairnessKey: null };
  readonly #world: World;
  readonly #priority: number;
  readonly #mayWait: boolean;

  constructor(world: World, priority: number, mayWait: boolean) {
    this.#world = world;
    this.#priority = priority;
    this.#mayWait = mayWait;
  }

  ask(wish: Affinity | null): void {
    this.wish = wish;
    if (this.#world.pool === 'free') this.grant();
    else if (this.#world.pool === 'closed' || (wish?.strict && !this.#mayWait)) this.fail();
  }

  grant(): void {
    this.wish = undefined;
    this.#world.granted(this);
    // Answered at once.
    this.fail();
  }

  fail(): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.wish = undefined;
    this.#world.letGo(this);
  }

  letIn(): boolean {
    if (this.#world.pool !== 'full') return true;
    this.fail();
    return false;
  }

  waitBehind(): void {}

  goesBefore(other: PlayedAsking): boolean {
    return this.#priority > other.#priority;
  }

  givesWayTo(other: PlayedAsking): boolean {
    if (!this.#mayWait || this.wish === undefined || !other.goesBefore(this)) return false;
    this.wish = undefined;
    return true;
  }

  isOfNoUse(): boolean {
    return false;
  }
}
