import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, expect, it, vi } from 'vitest';
import { Call } from '../../src/call/call.js';
import type { Lease } from '../../src/index.js';
import type { FakeProcess } from '../fake/fake-python.js';
import { watchFaults } from '../fake/faults.js';
import { PlayedPool } from '../fake/played-pool.js';
import { effort } from './effort.js';

const faults = watchFaults();
afterEach(() => expect(faults).toEqual([]));

it('calls that are made in the functions of others come to an end, whatever awaits whatever, and none is refused that could be served', async () => {
  const terms: fc.Arbitrary<Terms> = fc.record({
    lane: fc.constantFrom('serial', 'asyncio'),
    size: fc.integer({ min: 1, max: 2 }),
    slots: fc.integer({ min: 1, max: 3 }),
    kept: fc.integer({ min: 0, max: 2 }),
    // Of a few, so that they meet.
    ways: fc.shuffledSubarray([...WAYS], { minLength: 1, maxLength: 3 }),
    starts: fc.array(steps(), { minLength: 1, maxLength: 6 }),
    turns: fc.array(fc.nat(), { minLength: 1, maxLength: 20 }),
    events: fc.array(fc.record({ at: fc.nat({ max: 12 }), what: fc.constantFrom('dies', 'is replaced') }), {
      maxLength: 2,
    }),
  });
  await fc.assert(
    fc.asyncProperty(terms, async (each) => {
      const world = new NestedWorld(each);
      await world.play();
    }),
    effort(200),
  );
});

const WAYS = [
  'call',
  'two calls',
  'again',
  'map',
  'call of the lease',
  'call of its own lease',
  'checkin',
  'call of the session',
  'call of a hint',
  'call of one built anew',
  'session.end',
  'shared',
  'shared and idempotent',
  'drain',
] as const;

/** The names of what any worker can serve. */
const ANYWHERE = / (?:call|two calls|two calls, the other|again|map)$/;

/** What a program does next, or a function of its. */
interface Step {
  /** Which of the ways that there are. */
  readonly by: number;
  /** What the function does that Python calls meanwhile. */
  readonly steps: readonly Step[];
  /** It has no function, if that would do nothing, and may be sent behind another. */
  readonly isPlain: boolean;
  /** So many turns later than it could be. */
  readonly after: number;
  /** A moment later. */
  readonly isGivenUp: boolean;
}

/** @param depth How many can stand inside of each other. */
function steps(depth = 3): fc.Arbitrary<Step> {
  return fc.record({
    by: fc.nat({ max: 5 }),
    steps: depth === 0 ? fc.constant([]) : fc.array(steps(depth - 1), { maxLength: 2 }),
    isPlain: fc.boolean(),
    after: fc.nat({ max: 4 }),
    isGivenUp: fc.nat({ max: 2 }).map((n) => n === 0),
  });
}

interface Terms {
  /** Where that is `asyncio` all functions of Python are plain, so that each worker runs one call at a time there, too. */
  readonly lane: 'serial' | 'asyncio';
  readonly size: number;
  readonly slots: number;
  /** So many leases are held outside of all functions, as long as anything goes on without them. */
  readonly kept: number;
  readonly ways: readonly (typeof WAYS)[number][];
  /** What is begun outside of all functions. */
  readonly starts: readonly Step[];
  /** Whose turn it is to be answered. */
  readonly turns: readonly number[];
  /** What befalls the first worker. */
  readonly events: readonly { readonly at: number; readonly what: string }[];
}

class NestedWorld {
  readonly #terms: Terms;
  readonly #played: PlayedPool;
  #leases: Lease[] = [];
  /** The calls that have one. */
  readonly #functions = new Set<string>();
  /** Whose function has returned. */
  readonly #returned = new Set<string>();
  readonly #log: string[] = [];
  /** Refused although it waited for no more than a slot, and a call that goes on by itself had one. */
  readonly #wronged: string[] = [];

  constructor(terms: Terms) {
    this.#terms = terms;
    const { lane, size } = terms;
    const slots = lane === 'serial' ? terms.slots : terms.slots + 1;
    const options = { lane, size, slots, idempotencyTtlMs: 0, retryDelayMs: 0, sessionsMax: 2 };
    this.#played = new PlayedPool(options, { serve: ({ name }, process) => void this.#runs(name, process) });
  }

  /** Answers whatever can be answered, until all has come to its end, or nothing goes on any more. */
  async play(): Promise<void> {
    const { size, slots, kept, starts, turns, events } = this.#terms;
    const { pool, python } = this.#played;
    using _ = this.#watchRefusals();
    await this.#played.boot();
    for (let lease = Math.min(kept, size * slots); lease > 0; lease -= 1) this.#leases.push(await pool.checkout());
    let open = starts.length;
    for (const [index, step] of starts.entries()) void this.#take(step, `${index}`).finally(() => (open -= 1));
    for (let [draw, idle] = [0, 0]; open > 0 && idle < 8; draw += 1) {
      await this.#turn();
      for (const { at, what } of events) if (at === draw) this.#befall(what);
      const free = python.running.filter(({ request }) => this.#mayAnswer(request?.name as string));
      const next = free[(turns[draw % turns.length] as number) % free.length];
      idle = next === undefined ? idle + 1 : 0;
      this.#log.push(next === undefined ? 'nothing goes on' : `${next.request?.name} is answered`);
      next?.answer(null);
      if (idle === 0) continue;
      for (const lease of this.#leases.splice(0)) void lease.checkin();
      // A worker that does not answer for one who has given up is ended by then.
      await this.#played.clock.turn(60_000);
    }
    const left = open;
    await this.#played.destroy();
    expect(left, `wait for ever:\n${this.#log.join('\n')}\n`).toBe(0);
    expect(this.#wronged, `refused too soon:\n${this.#log.join('\n')}\n`).toEqual([]);
    expect(python.violations).toEqual([]);
  }

  #watchRefusals(): Disposable {
    const { refuse } = Call.prototype;
    const [note, goesOn] = [(name: string) => void this.#wronged.push(name), () => this.#goesOn()];
    return vi.spyOn(Call.prototype, 'refuse').mockImplementation(function (this: Call, error) {
      const couldBeServed = this.isUnsent && ANYWHERE.test(this.name) && goesOn();
      const isRefused = refuse.call(this, error);
      if (isRefused && couldBeServed) note(this.name);
      return isRefused;
    });
  }

  /** Some worker runs a call that waits for nobody. */
  #goesOn(): boolean {
    return this.#played.python.running.some(({ request }) => this.#mayAnswer(request?.name as string));
  }

  /** It has no function that runs, or nobody waits for it any more. */
  #mayAnswer(name: string): boolean {
    return !this.#functions.has(name) || this.#returned.has(name) || this.#callOf(name)?.isSettled !== false;
  }

  #callOf(name: string): Call | undefined {
    return this.#played.runtime.running.find((call) => call.name === name);
  }

  async #runs(name: string, process: FakeProcess): Promise<void> {
    this.#log.push(`${name} runs`);
    if (!this.#functions.has(name)) return;
    // Once whoever sends it is done.
    await Promise.resolve();
    const blocks = this.#terms.lane === 'asyncio';
    process.tell({ type: 'callback', function: 0, number: 1, blocks, args: [], kwargs: {} });
  }

  async #take(step: Step, place: string): Promise<void> {
    const { ways } = this.#terms;
    for (let turn = 0; turn < step.after; turn += 1) await setImmediate();
    const way = ways[step.by % ways.length] as (typeof WAYS)[number];
    const name = `${place} ${way}`;
    const abort = new AbortController();
    if (step.isGivenUp) void setImmediate().then(() => abort.abort('enough'));
    this.#log.push(`${name} is asked for`);
    try {
      await this.#ask(way, step, name, abort.signal);
      this.#log.push(`${name} has come`);
    } catch (error) {
      this.#log.push(`${name} has failed: ${(error as { code?: string }).code ?? error}`);
    }
  }

  async #ask(way: (typeof WAYS)[number], step: Step, name: string, signal: AbortSignal): Promise<unknown> {
    const { pool } = this.#played;
    const [lease] = this.#leases;
    const call = (by: Pick<Lease, 'call'>) => {
      if (step.steps.length === 0 && step.isPlain) return by.call(name, [], { signal });
      this.#functions.add(name);
      const run = async () => {
        for (const [index, each] of step.steps.entries()) await this.#take(each, `${name} › ${index}`);
        this.#returned.add(name);
      };
      return by.call(name, [run], { signal });
    };
    switch (way) {
      case 'call':
        return call(pool);
      case 'two calls':
        return Promise.allSettled([call(pool), pool.call(`${name}, the other`, [], { signal })]);
      case 'again':
        return pool.call(name, [], { signal, idempotent: true });
      case 'map':
        for await (const _ of pool.map(name, [1, 2, 3], { signal }));
        return;
      case 'call of the lease':
        return call(lease ?? pool);
      case 'call of its own lease': {
        const own = await pool.checkout({ signal });
        try {
          return await call(own);
        } finally {
          void own.checkin();
        }
      }
      case 'checkin':
        this.#leases.shift();
        return lease?.checkin({ signal });
      case 'call of the session':
        return call(pool.session('ann'));
      case 'call of a hint':
        return call(pool.session('bob', { affinity: 'hint' }));
      case 'call of one built anew':
        return call(
          pool.session('eve', { onLost: (given) => (step.isPlain ? pool : given).call(`${name} is built anew`) }),
        );
      case 'session.end':
        return pool.session('ann').end({ signal });
      case 'shared':
        return pool.call(way, [], { signal, idempotencyKey: way });
      case 'shared and idempotent':
        return pool.call(way, [], { signal, idempotencyKey: way, idempotent: true });
      case 'drain':
        return pool.drain({ signal });
    }
  }

  #befall(what: string): void {
    this.#log.push(`the first worker ${what}`);
    if (what === 'dies') this.#played.python.living[0]?.die();
    else [...this.#played.runtime.hands.values()][0]?.life.replace();
  }

  /** Whoever has ended is gone, whoever follows is ready, and all that can go on has. */
  async #turn(): Promise<void> {
    this.#played.python.reap();
    await this.#played.clock.turn(200);
    await this.#played.boot();
    for (let turn = 0; turn < 5; turn += 1) await setImmediate();
  }
}
