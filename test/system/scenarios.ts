/**
 * Promises that are told as a story: what happens outside, step by step, and
 * what somebody outside then sees. Each is played with all the charts.
 */
import { ANYONE, counted, HASTY, KEYED, SHORT, STRICT, unlimited, withSlots } from './bounds.js';
import { movesIn } from './environment.js';
import { checkWorld } from './invariants.js';
import { type Bounds, type Charts, firstWorld, Step, Violation, type World } from './world.js';

export interface Scenario {
  readonly promise: string;
  readonly bounds: Bounds;
  readonly play: (scene: Scene) => void;
}

/** A world that goes where it is told to. */
export class Scene {
  world: World;
  /** Everything that was said to the outside so far: `pool.ready`, `waiters.refused busy`. */
  readonly heard: string[] = [];
  readonly #charts: Charts;
  readonly #bounds: Bounds;

  constructor(charts: Charts, bounds: Bounds) {
    this.#charts = charts;
    this.#bounds = bounds;
    this.world = firstWorld(charts, bounds);
  }

  /** Lets these things happen, in order; the invariants must hold after each. */
  does(...labels: string[]): void {
    for (const label of labels) {
      const move = movesIn(this.world, this.#bounds).find((each) => each.label === label);
      if (move === undefined) throw new Violation(`it cannot come to pass that ${label}`);
      const step = new Step(this.#charts, this.#bounds, this.world);
      move.make(step);
      this.world = step.done();
      for (const { type, reason } of step.emitted) this.heard.push(reason === undefined ? type : `${type} ${reason}`);
      checkWorld(this.world);
    }
  }

  /** Delivers all that is under way. */
  settles(): void {
    for (;;) {
      const next = movesIn(this.world, this.#bounds).find(({ label }) => / reaches /.test(label));
      if (next === undefined) return;
      this.does(next.label);
    }
  }

  sees(what: string, isSo: (world: World) => boolean): void {
    if (!isSo(this.world)) throw new Violation(`not so: ${what}`);
  }

  hears(what: string): void {
    if (!this.heard.includes(what)) throw new Violation(`nobody hears ${what}`);
  }
}

/** Plays one scenario; throws a `Violation` where its promise is broken. */
export function play({ bounds, play: story }: Scenario, charts: Charts): void {
  story(new Scene(charts, bounds));
}

const BOOTS = 'the process at place 0 is ready';
const ASKS = 'caller 0 asks for anyone';
const ALSO_ASKS = 'caller 1 asks for anyone';
const IS_WORN = 'the worker at place 0 is worn';
const RECYCLES = 'the next replacement of one that is worn is due';
const ENDS = 'the exchange at place 0 ends';
const OFFERS = 'the call at place 0 is answered, and the next may have its lease';
const A_SECOND = 'a second passes';
const FAILS_TO_START = 'no process comes to be at place 0';
const IS_REPLACED = 'the worker at place 0 is to be replaced';
const RESTARTS = 'the replacement at place 0 is due';

const one = unlimited(1, 1, [ANYONE, HASTY]);
const crowded = { ...unlimited(1, 2, [ANYONE, STRICT]), queueMax: 1 };
const two = unlimited(2, 1, [ANYONE]);
const keyed = { ...unlimited(1, 4, [ANYONE, KEYED]), queueMaxPerKey: 2 };
const shedding = { ...unlimited(1, 4, [ANYONE]), shed: { targetMs: 300, intervalMs: 1_000 } };
const slow = counted(1, 1, {});
const slowTwo = counted(2, 1, {});
const recycled = { ...one, recycleMax: 1 };
const elastic = { ...unlimited(1, 2, [ANYONE]), sizeMax: 2 };
const shared = withSlots(2, unlimited(1, 2, [ANYONE]));
const sharedByThree = withSlots(3, unlimited(1, 3, [ANYONE]));
/** One more than there are slots. */
const waitedFor = withSlots(2, unlimited(1, 3, [ANYONE]));
const bound = unlimited(1, 3, [ANYONE, STRICT]);
const shortly = unlimited(1, 2, [SHORT]);
const slowShortly = counted(1, 2, { asks: [SHORT] });
const followed = { ...unlimited(1, 5, [SHORT]), ahead: 2 };

/** One of two calls on one worker was given up and is not answered in time. */
const IS_OVERDUE = [
  BOOTS,
  ASKS,
  ALSO_ASKS,
  'the caller at place 0, slot 0 leaves',
  'cancelGrace runs out at place 0, slot 0',
];
const OTHER_ENDS = 'the exchange at place 0, slot 1 ends';
const LEAVES = 'the caller at place 0 leaves';
const RUNS_LATE = 'a call at place 0 runs out of time, under a lease that is kept';
const ANSWERS = 'the answer that nobody waited for comes at place 0';
const DIES = 'the process at place 0 dies';
const EXITS = 'the process at place 0 exits, as it was made to';

/** Three calls on one worker of three slots. */
const THREE_RUN = [BOOTS, ASKS, ALSO_ASKS, 'caller 2 asks for anyone'];
const leaves = (slot: number) => `the caller at place 0, slot ${slot} leaves`;
const runsLate = (slot: number) => `a call at place 0, slot ${slot} runs out of time, under a lease that is kept`;
const isLate = (slot: number) => `cancelGrace runs out at place 0, slot ${slot}`;
const asksShortly = (caller: number) => `caller ${caller} asks for anyone, shortly`;
const answers = (slot: number) => `the answer that nobody waited for comes at place 0, slot ${slot}`;
const ends = (slot: number) => `the exchange at place 0, slot ${slot} ends`;

const isAsked = ({ processes }: World) => processes.every(({ ending }) => ending === 'asked');
const isKilled = ({ processes }: World) => processes.every(({ ending }) => ending === 'killed');
const poolIs =
  (state: string) =>
  ({ supervisor }: World) =>
    supervisor.value === state;
const workerIs =
  (state: string) =>
  ({ workers }: World) =>
    workers[0]!.value === state;
const callerIs =
  (state: string, caller = 0) =>
  ({ callers }: World) =>
    callers[caller]!.state === state;

export const SCENARIOS: readonly Scenario[] = [
  // ------------------------------------------------------------ one worker
  {
    promise: 'a worker that is booting when the pool closes has time for its teardown',
    bounds: one,
    play: (scene) => {
      scene.does('pool.close');
      scene.sees('its process was asked to stop', isAsked);
    },
  },
  {
    promise: 'an idle worker has time for its teardown when the pool closes',
    bounds: one,
    play: (scene) => {
      scene.does(BOOTS, 'pool.close');
      scene.sees('its process was asked to stop', isAsked);
    },
  },
  {
    promise: 'an idle worker whose line is broken is ended before anybody gets it',
    bounds: one,
    play: (scene) => {
      scene.does(BOOTS, 'the process at place 0 is unfit', ASKS);
      scene.sees('its process was killed', isKilled);
      scene.sees('the caller waits for another', callerIs('waiting'));
    },
  },
  {
    promise: 'a caller whose worker breaks its line hears so, and the worker is ended',
    bounds: one,
    play: (scene) => {
      scene.does(BOOTS, ASKS, 'the process at place 0 is unfit');
      scene.sees('the caller has an answer', callerIs('idle'));
      scene.sees('its process was killed', isKilled);
    },
  },
  {
    promise: 'a worker that breaks its line while it owes an answer is ended without waiting for it',
    bounds: one,
    play: (scene) => {
      scene.does(BOOTS, ASKS, 'the caller at place 0 leaves', 'the process at place 0 is unfit');
      scene.sees('its process was killed', isKilled);
    },
  },
  {
    promise: 'destroying does not wait for workers that were asked to stop',
    bounds: one,
    play: (scene) => {
      scene.does(BOOTS, 'pool.close', 'pool.destroy');
      scene.sees('its process was killed', isKilled);
    },
  },
  {
    promise: 'a caller that keeps its lease goes on with it once the late answer has come',
    bounds: one,
    play: (scene) => {
      const late = 'a call at place 0 runs out of time, under a lease that is kept';
      scene.does(BOOTS, ASKS, late, 'the answer that nobody waited for comes at place 0');
      scene.sees('the worker is leased as before', ({ workers }) => workers[0]!.value === 'leased');
      scene.does(late, 'the answer that nobody waited for comes at place 0', 'the exchange at place 0 ends');
      scene.sees('the worker is idle again', ({ workers }) => workers[0]!.value === 'idle');
    },
  },

  {
    promise: 'a process that turns out unfit while it boots is ended, and another follows',
    bounds: one,
    play: (scene) => {
      scene.does('the process at place 0 is unfit');
      scene.sees('its process was killed', isKilled);
      scene.does(EXITS, RESTARTS, BOOTS, ASKS);
      scene.sees('the caller runs on the next', callerIs('running'));
    },
  },
  {
    promise: 'a start does not take for ever, and another follows',
    bounds: one,
    play: (scene) => {
      scene.does('bootTimeout runs out at place 0');
      scene.sees('its process was killed', isKilled);
      scene.does(EXITS, RESTARTS, BOOTS, ASKS);
      scene.sees('the caller runs on the next', callerIs('running'));
    },
  },
  {
    promise: 'a process that is told to end before it has come to be is as good as ended',
    bounds: one,
    play: (scene) => {
      scene.does('pool.close', FAILS_TO_START);
      scene.hears('pool.closed');
    },
  },
  ...[
    ['while it boots', []],
    ['while it is idle', [BOOTS]],
    ['while it serves', [BOOTS, ASKS]],
    ['while it owes an answer', [BOOTS, ASKS, RUNS_LATE]],
    ['while it owes an answer that nobody waits for any more', [BOOTS, ASKS, LEAVES]],
    ['while it is to be replaced', [BOOTS, ASKS, IS_REPLACED]],
  ].map(
    ([when, way]): Scenario => ({
      promise: `a process that dies ${when as string} is followed by another, and whoever waited hears so`,
      bounds: one,
      play: (scene) => {
        scene.does(...way!, DIES);
        scene.sees('nobody waits', callerIs('idle'));
        scene.does(RESTARTS, BOOTS, ASKS);
        scene.sees('the caller runs on the next', callerIs('running'));
      },
    }),
  ),
  {
    promise: 'a worker that owes an answer serves again once it has come',
    bounds: one,
    play: (scene) => {
      scene.does(BOOTS, ASKS, LEAVES, ASKS);
      scene.sees('the next waits', callerIs('waiting'));
      scene.does(ANSWERS);
      scene.sees('the next runs', callerIs('running'));
      scene.does(LEAVES, ANSWERS);
      scene.sees('it is idle when nobody waits', workerIs('idle'));
    },
  },
  ...[
    ['that nobody waits for any more', []],
    ['and is to be replaced', [IS_REPLACED]],
  ].map(
    ([which, then]): Scenario => ({
      promise: `a worker that does not give the answer ${which as string} in time is ended, and another follows`,
      bounds: one,
      play: (scene) => {
        scene.does(BOOTS, ASKS, LEAVES, ...then!, 'cancelGrace runs out at place 0');
        scene.sees('its process was killed', isKilled);
        scene.does(EXITS, RESTARTS, BOOTS, ASKS);
        scene.sees('the caller runs on the next', callerIs('running'));
      },
    }),
  ),
  {
    promise: 'destroying does not wait for an answer that is late, and its caller hears so',
    bounds: one,
    play: (scene) => {
      scene.does(BOOTS, ASKS, RUNS_LATE, 'pool.destroy');
      scene.sees('the caller has an answer', callerIs('idle'));
      scene.sees('its process was killed', isKilled);
      scene.does(EXITS);
      scene.hears('pool.closed');
    },
  },

  // ------------------------------------------------------------ one worker of two slots
  {
    promise: 'a worker that must end for one call lets the call in its other slot finish, and takes nobody new',
    bounds: shared,
    play: (scene) => {
      scene.does(...IS_OVERDUE, ASKS);
      scene.sees('its process lives', ({ processes }) => processes[0]!.ending === 'no');
      scene.sees('the newcomer waits', callerIs('waiting'));
      scene.does(OTHER_ENDS);
      scene.sees('the other has its answer', callerIs('idle', 1));
      scene.sees('its process was killed', isKilled);
    },
  },
  {
    promise: 'others do not hold a worker that must end for longer than their grace',
    bounds: shared,
    play: (scene) => {
      scene.does(...IS_OVERDUE, 'evictGrace runs out at place 0');
      scene.sees('the other has an answer', callerIs('idle', 1));
      scene.sees('its process was killed', isKilled);
    },
  },
  {
    promise: 'a worker that must end for one call goes at once when the others are given up, too',
    bounds: shared,
    play: (scene) => {
      scene.does(...IS_OVERDUE, 'the caller at place 0, slot 1 leaves');
      scene.sees('its process was killed', isKilled);
    },
  },
  {
    promise: 'a worker that answers after all stays, and takes leases again',
    bounds: shared,
    play: (scene) => {
      scene.does(...IS_OVERDUE, ASKS, 'the answer that nobody waited for comes at place 0, slot 0');
      scene.sees('its process lives', ({ processes }) => processes[0]!.ending === 'no');
      scene.sees('the newcomer runs', callerIs('running'));
    },
  },
  {
    promise: 'so it does when the lease is kept, and when it owes another answer that is not overdue',
    bounds: withSlots(3, unlimited(1, 3, [ANYONE])),
    play: (scene) => {
      const late = 'a call at place 0, slot 0 runs out of time, under a lease that is kept';
      const answers = 'the answer that nobody waited for comes at place 0, slot 0';
      const isOverdue = 'cancelGrace runs out at place 0, slot 0';
      scene.does(BOOTS, ASKS, ALSO_ASKS, late, isOverdue, answers);
      scene.sees('it is leased', ({ workers }) => workers[0]!.value === 'leased');
      scene.does(late, isOverdue, 'the caller at place 0, slot 1 leaves');
      scene.sees('its process was killed, since nobody waits', isKilled);
    },
  },
  {
    promise: 'a grant that crosses the word of a worker that it leaves is served there',
    bounds: withSlots(3, counted(1, 3, {})),
    play: (scene) => {
      scene.does(BOOTS);
      scene.settles();
      scene.does(ASKS, ALSO_ASKS);
      scene.settles();
      scene.does('the caller at place 0, slot 0 leaves', 'cancelGrace runs out at place 0, slot 0');
      scene.does('caller 2 asks for anyone', 'lease.request reaches the coordinator');
      scene.settles();
      scene.sees('it runs', callerIs('running', 2));
      scene.sees('the worker is to leave', ({ workers }) => workers[0]!.value === 'evicting');
    },
  },
  {
    promise: 'a worker whose line breaks while it lets a last call finish is ended, and the caller hears so',
    bounds: shared,
    play: (scene) => {
      scene.does(...IS_OVERDUE, 'the process at place 0 is unfit');
      scene.sees('the other has an answer', callerIs('idle', 1));
      scene.sees('its process was killed', isKilled);
    },
  },
  {
    promise: 'destroying does not wait for the last call of a worker that must end',
    bounds: shared,
    play: (scene) => {
      scene.does(...IS_OVERDUE, 'pool.destroy');
      scene.sees('the other has an answer', callerIs('idle', 1));
      scene.sees('its process was killed', isKilled);
    },
  },
  {
    promise: 'a drain waits for the last call of a worker that must end',
    bounds: shared,
    play: (scene) => {
      scene.does(...IS_OVERDUE, 'pool.drain');
      scene.sees('the pool drains', poolIs('draining'));
      scene.does(OTHER_ENDS);
      scene.sees('the pool is drained', poolIs('drained'));
    },
  },

  {
    promise: 'a slot that is given back is free for another at once',
    bounds: waitedFor,
    play: (scene) => {
      scene.does(BOOTS, ASKS, ALSO_ASKS, 'caller 2 asks for anyone');
      scene.sees('the third waits', callerIs('waiting', 2));
      scene.does(ends(0));
      scene.sees('the third runs', callerIs('running', 2));
      scene.does(ends(1), ends(0));
      scene.sees('it is idle', workerIs('idle'));
    },
  },
  {
    promise:
      'short calls follow each other on a worker while more wait than there are workers, in the queue or in the pipe',
    bounds: followed,
    play: (scene) => {
      scene.does(BOOTS, asksShortly(0), asksShortly(1));
      scene.sees('one that waits alone is not sent', callerIs('waiting', 1));
      scene.does(asksShortly(2));
      for (const caller of [1, 2]) scene.sees(`caller ${caller} is sent`, callerIs('running', caller));
      scene.does(asksShortly(3), asksShortly(4));
      for (const caller of [3, 4]) scene.sees(`caller ${caller} finds the pipe full`, callerIs('waiting', caller));
      scene.does(ends(0));
      scene.sees('the next is sent', callerIs('running', 3));
      scene.sees('the last waits', callerIs('waiting', 4));
      scene.does(ends(2));
      scene.sees('the last is sent, since another waits in the pipe', callerIs('running', 4));
      scene.does(ends(1), ends(0), asksShortly(0));
      scene.sees('whoever comes waits while a call that was sent ahead runs', callerIs('waiting'));
      scene.does(ends(2));
      scene.sees('and runs once nothing does', callerIs('running'));
    },
  },
  ...[
    { when: 'short calls that wait for one that is not are sent together', does: [] },
    { when: 'so they are while a pool drains', does: ['pool.drain'] },
  ].map(
    ({ when, does }): Scenario => ({
      promise: when,
      bounds: { ...followed, asks: [SHORT, ANYONE] },
      play: (scene) => {
        scene.does(BOOTS, ASKS, ...[1, 2, 3, 4].map(asksShortly));
        scene.sees('nobody waits behind a call that is not short', callerIs('waiting', 1));
        scene.does(...does, ends(0));
        for (const caller of [1, 2, 3]) scene.sees(`caller ${caller} is sent`, callerIs('running', caller));
        scene.sees('the pipe is full', callerIs('waiting', 4));
        scene.does(ends(0));
        scene.sees('the last is sent', callerIs('running', 4));
        scene.does(ends(1), ends(2), ends(0));
      },
    }),
  ),
  {
    promise: 'a worker that owes an answer in one slot serves others in the rest, and is as before once it has come',
    bounds: sharedByThree,
    play: (scene) => {
      scene.does(BOOTS, ASKS, ALSO_ASKS, leaves(0), ASKS);
      scene.sees('the newcomer runs', callerIs('running'));
      scene.does(ends(1), answers(0));
      scene.sees('it is leased', workerIs('leased'));
    },
  },
  {
    promise: 'a worker that owes two answers owes the second when the first has come',
    bounds: sharedByThree,
    play: (scene) => {
      scene.does(...THREE_RUN, leaves(0), leaves(1), answers(0), ASKS);
      scene.sees('the slot of the first is free for another', callerIs('running'));
      scene.does(isLate(1));
      scene.sees('it is to end for the second', workerIs('evicting'));
    },
  },
  {
    promise: 'so it does when the leases are kept',
    bounds: sharedByThree,
    play: (scene) => {
      scene.does(...THREE_RUN, runsLate(0), runsLate(1), answers(0));
      scene.sees('it owes an answer', workerIs('cancelling'));
      scene.does(answers(1));
      scene.sees('it is leased', workerIs('leased'));
    },
  },
  {
    promise: 'a worker that must end for two calls stays only if both are answered after all',
    bounds: sharedByThree,
    play: (scene) => {
      scene.does(...THREE_RUN, leaves(0), leaves(1), isLate(0), isLate(1), answers(0));
      scene.sees('it is to end for the other', workerIs('evicting'));
      scene.does(answers(1), ASKS);
      scene.sees('a newcomer runs', callerIs('running'));
    },
  },
  {
    promise: 'so it does when the leases are kept, those that it owes and those that it does not',
    bounds: sharedByThree,
    play: (scene) => {
      scene.does(...THREE_RUN, runsLate(0), runsLate(1), isLate(0), isLate(1), answers(0));
      scene.sees('it is to end for the other', workerIs('evicting'));
      scene.does(answers(1));
      scene.sees('it is leased', workerIs('leased'));
    },
  },
  ...[
    { kept: 'is not kept', gives: leaves, newcomer: 0 },
    { kept: 'is kept', gives: runsLate, newcomer: 3 },
  ].map(
    ({ kept, gives, newcomer }): Scenario => ({
      promise: `a worker stays for another answer that has its time yet, when the lease of the first ${kept}`,
      bounds: withSlots(4, unlimited(1, 4, [ANYONE])),
      play: (scene) => {
        scene.does(...THREE_RUN, gives(0), gives(1), isLate(0), answers(0));
        scene.sees('it owes the second', workerIs('cancelling'));
        scene.does(`caller ${newcomer} asks for anyone`);
        scene.sees('the newcomer runs', callerIs('running', newcomer));
      },
    }),
  ),
  {
    promise: 'a worker that must end for one call is ended when the last of the others has ended, and not before',
    bounds: sharedByThree,
    play: (scene) => {
      scene.does(...THREE_RUN, leaves(0), isLate(0), ends(1));
      scene.sees('its process lives', ({ processes }) => processes[0]!.ending === 'no');
      scene.does(ends(2));
      scene.sees('its process was killed', isKilled);
    },
  },
  {
    promise: 'so it is when the last of the others is given up',
    bounds: sharedByThree,
    play: (scene) => {
      scene.does(...THREE_RUN, leaves(0), isLate(0), leaves(1));
      scene.sees('its process lives', ({ processes }) => processes[0]!.ending === 'no');
      scene.does(leaves(2));
      scene.sees('its process was killed', isKilled);
    },
  },
  {
    promise: 'a worker that dies while it lets a last call finish is followed by another, and the caller hears so',
    bounds: shared,
    play: (scene) => {
      scene.does(...IS_OVERDUE, DIES);
      scene.sees('the other has an answer', callerIs('idle', 1));
      scene.does(RESTARTS, BOOTS, ASKS, ALSO_ASKS);
      scene.sees('both run on the next', (world) => callerIs('running')(world) && callerIs('running', 1)(world));
    },
  },
  {
    promise: 'an answer that is given up while the worker is to be replaced is waited for in its time',
    bounds: shared,
    play: (scene) => {
      scene.does(BOOTS, ASKS, ALSO_ASKS, IS_REPLACED, leaves(0), OTHER_ENDS);
      scene.sees('its process lives', ({ processes }) => processes[0]!.ending === 'no');
      scene.does(answers(0));
      scene.sees('its process was asked to stop', isAsked);
    },
  },

  // ------------------------------------------------------------ who is next
  {
    promise: 'one of another key is served after one of each key that waits, however many wait under those',
    bounds: keyed,
    play: (scene) => {
      scene.does(
        BOOTS,
        ASKS,
        'caller 1 asks for anyone, key a',
        'caller 2 asks for anyone, key a',
        'caller 3 asks for anyone',
      );
      scene.does(ENDS);
      scene.sees('the first of the key runs', callerIs('running', 1));
      scene.does(ENDS);
      scene.sees('the one without a key runs', callerIs('running', 3));
      scene.does(ENDS);
      scene.sees('the second of the key runs', callerIs('running', 2));
    },
  },
  {
    promise: 'no more wait under one key than may',
    bounds: keyed,
    play: (scene) => {
      const asks = (caller: number) => `caller ${caller} asks for anyone, key a`;
      scene.does(BOOTS, ASKS, asks(1), asks(2), asks(3));
      scene.hears('waiters.refused key-full');
      scene.sees('it has its answer', callerIs('idle', 3));
      scene.does('caller 3 asks for anyone');
      scene.sees('one without it may wait', callerIs('waiting', 3));
    },
  },
  ...['go on', 'pool.drain'].map((then) => ({
    promise: `in an overload, those who have waited too long are refused for the sake of the others: ${then}`,
    bounds: shedding,
    play: (scene: Scene) => {
      scene.does(BOOTS, ASKS, ALSO_ASKS, 'caller 2 asks for anyone', 'caller 3 asks for anyone', A_SECOND);
      scene.does(ENDS);
      scene.sees('the first is served though it is late', callerIs('running', 1));
      if (then === 'pool.drain') scene.does(then);
      scene.does(A_SECOND, ENDS);
      scene.hears('waiters.refused overloaded');
      scene.sees('the second is refused', callerIs('idle', 2));
      scene.sees('the last is served', callerIs('running', 3));
    },
  })),

  // ------------------------------------------------------------ replaced
  {
    promise: 'an idle worker that is to be replaced has time for its teardown, and serves nobody any more',
    bounds: one,
    play: (scene) => {
      scene.does(BOOTS, IS_REPLACED, ASKS);
      scene.sees('its process was asked to stop', isAsked);
      scene.does('the process at place 0 exits, as it was asked to', RESTARTS, BOOTS);
      scene.sees('the caller runs on the next', callerIs('running'));
    },
  },
  {
    promise: 'a call that runs on a worker that is to be replaced comes to its end',
    bounds: one,
    play: (scene) => {
      scene.does(BOOTS, ASKS, IS_REPLACED);
      scene.sees('the caller runs', callerIs('running'));
      scene.does('the exchange at place 0 ends');
      scene.sees('its process was asked to stop', isAsked);
    },
  },
  {
    promise: 'a lease whose worker is to be replaced while it owes an answer is kept as long as it is wanted',
    bounds: one,
    play: (scene) => {
      scene.does(BOOTS, ASKS, 'a call at place 0 runs out of time, under a lease that is kept', IS_REPLACED);
      scene.does('the answer that nobody waited for comes at place 0');
      scene.sees('the caller runs', callerIs('running'));
      scene.does('the exchange at place 0 ends');
      scene.sees('its process was asked to stop', isAsked);
    },
  },
  {
    promise: 'destroying does not wait for the leases of a worker that is to be replaced',
    bounds: one,
    play: (scene) => {
      scene.does(BOOTS, ASKS, IS_REPLACED, 'pool.destroy');
      scene.sees('the caller has an answer', callerIs('idle'));
      scene.sees('its process was killed', isKilled);
    },
  },
  {
    promise: 'a caller whose worker breaks its line while it is to be replaced hears so, and it is ended',
    bounds: one,
    play: (scene) => {
      scene.does(BOOTS, ASKS, IS_REPLACED, 'the process at place 0 is unfit');
      scene.sees('the caller has an answer', callerIs('idle'));
      scene.sees('its process was killed', isKilled);
    },
  },
  ...[
    ['is idle', [BOOTS, IS_REPLACED, 'the process at place 0 exits, as it was asked to']],
    ['serves', [BOOTS, ASKS, IS_REPLACED, DIES]],
    ['owes an answer', [BOOTS, ASKS, RUNS_LATE, IS_REPLACED, DIES]],
  ].map(
    ([when, way]): Scenario => ({
      promise: `the end of a worker that is to be replaced while it ${when as string} does not count as a bad start`,
      bounds: one,
      play: (scene) => {
        scene.does(...way!);
        scene.sees('no start was bad', ({ supervisor }) => supervisor.context.failures === 0);
        scene.does(RESTARTS, BOOTS);
      },
    }),
  ),
  {
    promise: 'a worker that is to be replaced and must end for one call does not stay when that is answered',
    bounds: shared,
    play: (scene) => {
      scene.does(...IS_OVERDUE, IS_REPLACED, 'the answer that nobody waited for comes at place 0, slot 0');
      scene.sees('its process lives', ({ processes }) => processes[0]!.ending === 'no');
      scene.does(OTHER_ENDS);
      scene.sees('its process was asked to stop', isAsked);
    },
  },
  {
    promise: 'nor does it when the lease is kept',
    bounds: shared,
    play: (scene) => {
      const late = 'a call at place 0, slot 0 runs out of time, under a lease that is kept';
      scene.does(BOOTS, ASKS, ALSO_ASKS, late, 'cancelGrace runs out at place 0, slot 0', IS_REPLACED);
      scene.does('the answer that nobody waited for comes at place 0, slot 0', OTHER_ENDS);
      scene.sees('its process lives', ({ processes }) => processes[0]!.ending === 'no');
      scene.does('the exchange at place 0, slot 0 ends');
      scene.sees('its process was asked to stop', isAsked);
    },
  },
  {
    promise: 'a grant that crosses the word of a worker that it is to be replaced is served there',
    bounds: withSlots(2, counted(1, 2, {})),
    play: (scene) => {
      scene.does(BOOTS);
      scene.settles();
      scene.does(ASKS);
      scene.settles();
      scene.does(ALSO_ASKS, 'lease.request reaches the coordinator', IS_REPLACED);
      scene.settles();
      scene.sees('the second runs', callerIs('running', 1));
    },
  },
  {
    promise: 'a worker that is to be replaced is ended in time when it does not answer',
    bounds: shared,
    play: (scene) => {
      scene.does(BOOTS, ASKS, ALSO_ASKS, 'the caller at place 0, slot 0 leaves', IS_REPLACED);
      scene.does('cancelGrace runs out at place 0, slot 0', 'evictGrace runs out at place 0');
      scene.sees('its process was killed', isKilled);
    },
  },

  // ------------------------------------------------------------ recycled, and as many as are needed
  {
    promise: 'a worker that is worn serves until another has come up for it, and has time for its teardown then',
    bounds: recycled,
    play: (scene) => {
      scene.does(BOOTS, ASKS, IS_WORN, RECYCLES);
      scene.sees('the caller runs', callerIs('running'));
      scene.does('the exchange at place 0 ends');
      scene.sees('it is idle', ({ workers }) => workers[0]!.value === 'idle');
      scene.does('the process at place 1 is ready');
      scene.sees('its process was asked to stop', ({ processes }) => processes[0]!.ending === 'asked');
      scene.does(ASKS);
      scene.sees('the caller runs on the next', callerIs('running'));
    },
  },
  {
    promise: 'a worker that is worn before the first starts are over is replaced after them',
    bounds: { ...recycled, size: 2 },
    play: (scene) => {
      scene.does(BOOTS, IS_WORN, 'the process at place 1 is ready', RECYCLES, 'the process at place 2 is ready');
      scene.sees('its process was asked to stop', ({ processes }) => processes[0]!.ending === 'asked');
    },
  },
  {
    promise: 'a worker whose replacement does not come up stays, and another is tried',
    bounds: recycled,
    play: (scene) => {
      scene.does(BOOTS, IS_WORN, RECYCLES, 'no process comes to be at place 1');
      scene.sees('it is idle', ({ workers }) => workers[0]!.value === 'idle');
      scene.does(RECYCLES, 'the process at place 1 is ready');
      scene.sees('its process was asked to stop', ({ processes }) => processes[0]!.ending === 'asked');
    },
  },
  {
    promise: 'as many as may be are out for their replacements at once',
    bounds: { ...recycled, size: 2, recycleMax: 2 },
    play: (scene) => {
      scene.does(BOOTS, 'the process at place 1 is ready', IS_WORN, 'the worker at place 1 is worn');
      scene.does(RECYCLES, RECYCLES, 'the process at place 2 is ready', 'the process at place 3 is ready');
      scene.sees('both were asked to stop', ({ processes }) =>
        processes.slice(0, 2).every((each) => each.ending === 'asked'),
      );
    },
  },
  {
    promise: 'there is one worker more where somebody has waited too long, and one less where nobody needs it',
    bounds: elastic,
    play: (scene) => {
      scene.does(BOOTS, ASKS, ALSO_ASKS, 'somebody has waited too long', 'the process at place 1 is ready');
      scene.sees('both run', (world) => callerIs('running')(world) && callerIs('running', 1)(world));
      scene.does('the exchange at place 0 ends', 'the worker at place 0 is of no use');
      scene.sees('its process was asked to stop', ({ processes }) => processes[0]!.ending === 'asked');
      scene.does('the process at place 0 exits, as it was asked to', 'the worker at place 1 is of no use');
      scene.sees('the last one stays', ({ workers }) => workers[1]!.value === 'leased');
    },
  },

  // ------------------------------------------------------------ a lease that goes on
  {
    promise: 'a short call that waits has the lease of the one before it, of which the worker does not hear',
    bounds: shortly,
    play: (scene) => {
      scene.does(BOOTS, `${ASKS}, shortly`, `${ALSO_ASKS}, shortly`, OFFERS);
      scene.sees('the second runs', callerIs('running', 1));
      scene.sees(
        'under the same lease',
        ({ exchanges, coordinator }) =>
          exchanges[0]?.lease === coordinator.context.nextLease - 1 && exchanges[0]?.lease === 1,
      );
      scene.does(ENDS);
      scene.sees('its worker is idle', ({ workers }) => workers[0]!.value === 'idle');
    },
  },
  {
    promise: 'a lease that nobody waits for goes back',
    bounds: shortly,
    play: (scene) => {
      scene.does(BOOTS, `${ASKS}, shortly`, OFFERS);
      scene.sees('its worker is idle', ({ workers }) => workers[0]!.value === 'idle');
    },
  },
  {
    promise: 'whoever is to have a lease that is lost at that moment waits again, and is served',
    bounds: slowShortly,
    play: (scene) => {
      scene.does(BOOTS);
      scene.settles();
      scene.does(`${ASKS}, shortly`, 'lease.request reaches the coordinator', `${ALSO_ASKS}, shortly`);
      scene.does('lease.request reaches the coordinator', 'lease.granted reaches worker 1 at place 0');
      scene.does('lease.granted reaches client 0', OFFERS, DIES, 'lease.offered reaches the coordinator');
      scene.does('lease.lost reaches client 0');
      scene.settles();
      scene.sees('the second waits', callerIs('waiting', 1));
      scene.does(RESTARTS, BOOTS);
      scene.settles();
      scene.sees('the second runs', callerIs('running', 1));
    },
  },
  {
    promise: 'so does one whose pool drains by then, since it was let in before',
    bounds: counted(1, 3, { asks: [SHORT] }),
    play: (scene) => {
      scene.does(BOOTS);
      oneAfterTheOther(scene, 3);
      scene.does(OFFERS, DIES, 'pool.drain', 'lease.offered reaches the coordinator', 'lease.lost reaches client 0');
      scene.does('worker.left reaches the coordinator', 'pool.drain reaches the coordinator');
      scene.settles();
      scene.sees('the second waits', callerIs('waiting', 1));
      scene.does(RESTARTS, BOOTS);
      scene.settles();
      scene.sees('the second runs', callerIs('running', 1));
    },
  },
  {
    promise: 'and is served at once where a worker is free again',
    bounds: counted(2, 3, { asks: [SHORT] }),
    play: (scene) => {
      scene.does(BOOTS, 'the process at place 1 is ready');
      oneAfterTheOther(scene, 3);
      scene.does('the call at place 1 is answered, and the next may have its lease', 'the process at place 1 dies');
      scene.does('pool.drain', 'lease.offered reaches the coordinator', 'lease.lost reaches client 1');
      scene.does('worker.left reaches the coordinator', 'pool.drain reaches the coordinator');
      scene.does('worker.dead reaches the supervisor', 'the replacement at place 1 is due');
      scene.does('the process at place 1 is ready', 'worker.joined reaches the coordinator');
      scene.settles();
      scene.sees('the third runs', callerIs('running', 2));
    },
  },
  {
    promise: 'a lease is not passed on in a pool that drains',
    bounds: shortly,
    play: (scene) => {
      scene.does(BOOTS, `${ASKS}, shortly`, `${ALSO_ASKS}, shortly`, 'pool.drain', OFFERS);
      scene.sees('the second runs, under a lease of its own', ({ exchanges }) => exchanges[0]?.lease === 2);
    },
  },
  {
    promise: 'a lease that is offered to a pool that was destroyed goes back',
    bounds: slowShortly,
    play: (scene) => {
      scene.does(BOOTS);
      scene.settles();
      scene.does(`${ASKS}, shortly`);
      scene.settles();
      scene.does(
        OFFERS,
        'pool.destroy',
        'lease.offered reaches the coordinator',
        'pool.destroy reaches the coordinator',
      );
      scene.settles();
      scene.sees('its process was killed', isKilled);
    },
  },

  // ------------------------------------------------------------ waiting
  {
    promise: 'a caller that may not wait is told that all are busy',
    bounds: one,
    play: (scene) => {
      scene.does(`${ASKS}, now or never`);
      scene.sees('the caller has an answer', callerIs('idle'));
      scene.hears('waiters.refused busy');
    },
  },
  {
    promise: 'a caller is told that the queue is full',
    bounds: crowded,
    play: (scene) => {
      scene.does(ASKS, ALSO_ASKS);
      scene.sees('the first waits', callerIs('waiting'));
      scene.sees('the second has an answer', callerIs('idle', 1));
      scene.hears('waiters.refused queue-full');
    },
  },
  {
    promise: 'a caller that gives up leaves its place in the queue to another',
    bounds: crowded,
    play: (scene) => {
      scene.does(ASKS, 'caller 0 no longer waits', ASKS);
      scene.sees('another waits', callerIs('waiting'));
    },
  },
  {
    promise: 'a caller that wants a worker that has gone, or goes, is told so',
    bounds: bound,
    play: (scene) => {
      scene.does(BOOTS, ASKS, 'caller 1 asks for worker 1 alone', DIES);
      scene.sees('the one that waited has an answer', callerIs('idle', 1));
      scene.hears('waiters.refused worker-left');
      scene.does('caller 0 asks for a worker that has gone alone');
      scene.sees('so has the one that came later', callerIs('idle'));
    },
  },
  ...[[], ['caller 2 asks for anyone']].map(
    (others): Scenario => ({
      promise: `so it is while the pool drains, with ${others.length} others`,
      bounds: bound,
      play: (scene) => {
        scene.does(BOOTS, ASKS, 'caller 1 asks for worker 1 alone', ...others, 'pool.drain', DIES);
        scene.sees('the one that waited has an answer', callerIs('idle', 1));
        scene.sees('it drains for the others', poolIs(others.length === 0 ? 'drained' : 'draining'));
      },
    }),
  ),
  {
    promise: 'a grant that crosses its worker on the way out goes to another free worker at once',
    bounds: slowTwo,
    play: (scene) => {
      scene.does(BOOTS, 'the process at place 1 is ready');
      scene.settles();
      scene.does(ASKS, 'lease.request reaches the coordinator', 'the process at place 1 dies');
      scene.settles();
      scene.sees('the caller runs on the other worker', ({ exchanges }) => exchanges[0]?.caller === 0);
    },
  },
  {
    promise: 'so it does while the pool drains',
    bounds: slowTwo,
    play: (scene) => {
      scene.does(BOOTS, 'the process at place 1 is ready');
      scene.settles();
      scene.does(ASKS, 'lease.request reaches the coordinator', 'pool.drain', 'pool.drain reaches the coordinator');
      scene.does('the process at place 1 dies');
      scene.settles();
      scene.sees('the caller runs on the other worker', ({ exchanges }) => exchanges[0]?.caller === 0);
    },
  },

  // ------------------------------------------------------------ the end
  {
    promise: 'a drain is over once the last who waited has given up',
    bounds: one,
    play: (scene) => {
      scene.does(ASKS, 'pool.drain', 'caller 0 no longer waits');
      scene.sees('the pool is drained', poolIs('drained'));
    },
  },
  {
    promise: 'a drain is over once all who waited have given up, one after another',
    bounds: unlimited(1, 2, [ANYONE]),
    play: (scene) => {
      scene.does(ASKS, ALSO_ASKS, 'pool.drain', 'caller 0 no longer waits', 'caller 1 no longer waits');
      scene.sees('the pool is drained', poolIs('drained'));
    },
  },
  {
    promise: 'an exchange that has ended when the pool is destroyed has ended well, and nobody is told otherwise',
    bounds: slow,
    play: (scene) => {
      scene.does(BOOTS);
      scene.settles();
      scene.does(ASKS);
      scene.settles();
      scene.does('the exchange at place 0 ends', 'pool.destroy', 'pool.destroy reaches the coordinator');
      scene.does('lease.released reaches worker 1 at place 0', 'slot.freed reaches the coordinator');
      scene.settles();
      scene.sees('the caller has one answer', callerIs('idle'));
    },
  },
  {
    promise: 'a caller whose grant crossed a dying worker is refused once the pool is destroyed',
    bounds: slow,
    play: (scene) => {
      scene.does(BOOTS);
      scene.settles();
      scene.does(ASKS, 'lease.request reaches the coordinator', 'pool.destroy', 'pool.destroy reaches the coordinator');
      scene.does('the process at place 0 dies');
      scene.settles();
      scene.sees('the caller has an answer', callerIs('idle'));
      scene.hears('waiters.refused closed');
    },
  },
  {
    promise: 'a drained pool knows which of its workers are there, whoever comes and goes',
    bounds: slow,
    play: (scene) => {
      scene.does(BOOTS);
      scene.settles();
      scene.does('pool.drain', 'the process at place 0 dies', 'pool.drain reaches the coordinator');
      scene.does('worker.dead reaches the supervisor', RESTARTS, 'worker.left reaches the coordinator', BOOTS);
      scene.settles();
      scene.sees('the pool is drained', poolIs('drained'));
    },
  },
  {
    promise: 'a pool that closes while every start fails refuses those who wait, and does not sit out its time',
    bounds: one,
    play: (scene) => {
      scene.does(ASKS, 'pool.close', FAILS_TO_START, RESTARTS, FAILS_TO_START, RESTARTS, FAILS_TO_START);
      scene.sees('the caller has an answer', callerIs('idle'));
      scene.sees('the pool is closed', poolIs('closed'));
    },
  },
  {
    promise: 'a pool whose first starts all fail says so, and refuses those who wait',
    bounds: two,
    play: (scene) => {
      scene.does(ASKS, FAILS_TO_START, 'no process comes to be at place 1');
      scene.hears('pool.degraded');
      scene.sees('the caller has an answer', callerIs('idle'));
    },
  },
  {
    promise: 'a pool of whose first starts one fails is ready with the other',
    bounds: two,
    play: (scene) => {
      scene.does(BOOTS, 'no process comes to be at place 1');
      scene.hears('pool.ready');
    },
  },
  {
    promise: 'while a pool drains, those who wait are served, by workers that come up and by slots that are given back',
    bounds: bound,
    play: (scene) => {
      scene.does(ASKS, ALSO_ASKS, 'pool.drain', 'caller 2 asks for anyone');
      scene.sees('who comes too late has an answer', callerIs('idle', 2));
      scene.hears('waiters.refused closed');
      scene.does(FAILS_TO_START, RESTARTS, BOOTS);
      scene.sees('the first runs', callerIs('running'));
      scene.does(ENDS);
      scene.sees('the second runs', callerIs('running', 1));
      scene.does(ENDS);
      scene.sees('the pool is drained', poolIs('drained'));
      scene.hears('pool.drained');
      scene.does(ASKS);
      scene.sees('who comes later has an answer', callerIs('idle'));
    },
  },
  {
    promise: 'while a pool drains, a worker that answers after all stays for those who wait',
    bounds: waitedFor,
    play: (scene) => {
      scene.does(BOOTS, ASKS, ALSO_ASKS, 'caller 2 asks for anyone', leaves(0), 'pool.drain', isLate(0));
      scene.sees('the third waits', callerIs('waiting', 2));
      scene.does(answers(0));
      scene.sees('the third runs', callerIs('running', 2));
    },
  },
  {
    promise: 'while a pool closes, those who wait are served by workers that come up',
    bounds: one,
    play: (scene) => {
      scene.does(ASKS, 'pool.close', BOOTS);
      scene.sees('the caller runs', callerIs('running'));
      scene.does(ENDS);
      scene.sees('its process was asked to stop', isAsked);
    },
  },
  {
    promise: 'a pool that drains while every start fails refuses those who wait, and is drained',
    bounds: one,
    play: (scene) => {
      scene.does(ASKS, 'pool.drain', FAILS_TO_START, RESTARTS, FAILS_TO_START, RESTARTS, FAILS_TO_START);
      scene.sees('the caller has an answer', callerIs('idle'));
      scene.sees('the pool is drained', poolIs('drained'));
    },
  },
  {
    promise: 'a worker of a drained pool that dies is not followed, and nothing waits for it',
    bounds: one,
    play: (scene) => {
      scene.does(BOOTS, 'pool.drain', DIES, 'pool.close');
      scene.hears('pool.closed');
    },
  },
  ...[['pool.drain'], ['pool.close'], []].map(
    (way): Scenario => ({
      promise: `destroying refuses those who wait${way.length === 0 ? '' : `, after ${way[0]}, too`}`,
      bounds: bound,
      play: (scene) => {
        scene.does(BOOTS, ASKS, ALSO_ASKS, ...way, 'pool.destroy');
        scene.sees('the one that ran has an answer', callerIs('idle'));
        scene.sees('the one that waited has an answer', callerIs('idle', 1));
      },
    }),
  ),
  {
    promise: 'so does a pool that closes, once its time is up',
    bounds: bound,
    play: (scene) => {
      scene.does(BOOTS, ASKS, ALSO_ASKS, 'pool.close', 'closeTimeout runs out');
      scene.sees('the one that waited has an answer', callerIs('idle', 1));
    },
  },
  {
    promise:
      'a pool whose starts keep failing says so, refuses whoever asks, goes on trying, and serves once one succeeds',
    bounds: one,
    play: (scene) => {
      scene.does(BOOTS, DIES, ASKS, RESTARTS, FAILS_TO_START, RESTARTS, FAILS_TO_START);
      scene.hears('pool.degraded');
      scene.sees('the one that waited has an answer', callerIs('idle'));
      scene.does(ASKS);
      scene.sees('so has the one that came later', callerIs('idle'));
      scene.does(RESTARTS, FAILS_TO_START, RESTARTS, BOOTS, ASKS);
      scene.sees('the caller runs', callerIs('running'));
      scene.sees('the pool is ready', poolIs('ready'));
    },
  },
  {
    promise: 'a pool that is degraded tries with one start at a time, and with the others once that has succeeded',
    bounds: two,
    play: (scene) => {
      const OTHER_RESTARTS = 'the replacement at place 1 is due';
      scene.does(FAILS_TO_START, 'no process comes to be at place 1', RESTARTS, OTHER_RESTARTS);
      scene.sees('only one is started', ({ processes }) => processes[1]!.life === 'gone');
      scene.does(BOOTS, OTHER_RESTARTS, 'the process at place 1 is ready');
      scene.sees('both are idle', ({ workers }) => workers.every(({ value }) => value === 'idle'));
    },
  },
  {
    promise: 'a first start that fails is repeated while the others are under way',
    bounds: two,
    play: (scene) => {
      scene.does(FAILS_TO_START, RESTARTS, BOOTS, 'the process at place 1 is ready');
      scene.hears('pool.ready');
      scene.sees('both are idle', ({ workers }) => workers.every(({ value }) => value === 'idle'));
    },
  },
  {
    promise: 'a pool that closes gives those who run their time, and no more',
    bounds: one,
    play: (scene) => {
      scene.does(BOOTS, ASKS, 'pool.close');
      scene.sees('the caller runs', callerIs('running'));
      scene.does('closeTimeout runs out');
      scene.sees('the caller has an answer', callerIs('idle'));
      scene.sees('its process was killed', isKilled);
    },
  },
  {
    promise: 'a worker that does not end when it is asked is told by signal, and then killed',
    bounds: one,
    play: (scene) => {
      scene.does(BOOTS, 'pool.close');
      scene.sees('its process was asked', isAsked);
      scene.does('stopGrace runs out at place 0');
      scene.sees('its process was told', ({ processes }) => processes[0]!.ending === 'told');
      scene.does('killGrace runs out at place 0');
      scene.sees('its process was killed', isKilled);
    },
  },
  ...endingsOf('a pool that is starting', []),
  ...endingsOf('a pool that is ready', [BOOTS]),
  ...endingsOf('a pool that is degraded', [FAILS_TO_START, RESTARTS]),
  ...endingsOf('a pool that drains', [BOOTS, ASKS, 'pool.drain'], ['pool.close', 'pool.destroy']),
  ...endingsOf('a pool that is drained', [BOOTS, 'pool.drain'], ['pool.close', 'pool.destroy']),
  ...endingsOf('a pool that closes', [BOOTS, ASKS, 'pool.close'], ['pool.destroy']),
];

/** So many callers ask for short calls, each once the one before has a worker or waits. */
function oneAfterTheOther(scene: Scene, callers: number): void {
  for (let caller = 0; caller < callers; caller++) {
    scene.does(asksShortly(caller));
    scene.settles();
  }
}

/** From whatever state of its life, a pool can be ended. */
function endingsOf(who: string, way: string[], commands = ['pool.drain', 'pool.close', 'pool.destroy']): Scenario[] {
  return commands.map((command) => ({
    promise: `${who} can be ended by ${command}`,
    bounds: one,
    play: (scene) => {
      scene.does(...way, command);
      const runs = callerIs('running')(scene.world);
      if (command === 'pool.destroy') {
        scene.sees('its process was killed', isKilled);
        scene.sees('nobody waits', callerIs('idle'));
      } else if (runs) {
        scene.does('the exchange at place 0 ends');
      }
      if (command === 'pool.drain') {
        scene.sees('it is drained', poolIs('drained'));
        return;
      }
      if (command === 'pool.close') scene.sees('its process was asked to stop', isAsked);
      scene.does(`the process at place 0 exits, as it was ${command === 'pool.close' ? 'asked' : 'made'} to`);
      scene.hears('pool.closed');
    },
  }));
}
