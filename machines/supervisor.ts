import { assign, cancel, emit, enqueueActions, setup } from 'xstate';
import { clientMachine } from './client.js';
import { coordinatorMachine } from './coordinator.js';
import type { SupervisorEmitted, SupervisorEvent } from './messages.js';
import type { WorkerId } from './wait-queue.js';
import { workerMachine } from './worker.js';

/** What the supervisor is made with. */
export interface SupervisorInput {
  /** How many workers there are to be, at least and at most. */
  readonly sizeMin: number;
  readonly sizeMax: number;
  /**
   * How many workers may be out at once for their replacements: these boot besides all others. With 0 there is no place for
   * them, and is one from the first worker on that is to be replaced all the same.
   */
  readonly recycleConcurrencyMax: number;
  /** So many bad starts in a row, with no worker up, are no accident. */
  readonly failuresMax: number;
  readonly closeTimeoutMs: number;
}

/** One worker's place in the pool, and how it stands there. */
export interface Place {
  /**
   * `starting`: its first worker is not ready yet. `restarting`: a further one is not. `up`: ready. `retiring`: it goes,
   * and its replacement is up. `leaving`: it goes, and nobody follows. `waiting`: dead, its replacement waits out the
   * back-off. `empty`: nobody lives there.
   */
  readonly state: 'starting' | 'restarting' | 'up' | 'retiring' | 'leaving' | 'waiting' | 'empty';
  /** Who lives there, or lived there last; a name that nobody bears where nobody has. */
  readonly worker: WorkerId;
  /** It is up, and is to be replaced. */
  readonly isWorn: boolean;
  /** It was started for the worker at that place, which stays until this one is up. */
  readonly replaces: number | null;
}

/** What the supervisor remembers. */
export interface SupervisorContext extends SupervisorInput {
  readonly places: readonly Place[];
  readonly nextWorker: WorkerId;
  /** Where a worker is to be started, or told to retire, by the effect that follows. */
  readonly at: number;
  /** Bad starts in a row: of workers that died before they had proven themselves, ready or not. The next waits the longer. */
  readonly failures: number;
}

/**
 * The pool's life: how many workers there are, when one is replaced, and how
 * all of them end. Whatever is rare or slow lives here.
 */
export const supervisorMachine = setup({
  types: {} as {
    context: SupervisorContext;
    input: SupervisorInput;
    events: SupervisorEvent;
    emitted: SupervisorEmitted;
  },
  actors: { coordinator: coordinatorMachine, worker: workerMachine, client: clientMachine },
  actions: {
    // Effects, given hands in src/actors/supervisor.ts: its children are started and spoken to there.
    startActors: () => {},
    startWorker: () => {},
    retireWorker: () => {},
    askWorkers: () => {},
    killWorkers: () => {},
    tellDegraded: () => {},
    tellDrain: () => {},
    tellDestroy: () => {},
    // What it remembers.
    noteReady: assign({ places: ({ context, event }) => placed(context, (event as Ready).place, { state: 'up' }) }),
    noteReplaced: assign(({ context, event }) => {
      const { place } = event as Ready;
      const at = context.places[place]?.replaces as number;
      const places = placed(context, at, { state: 'retiring', isWorn: false });
      return { places: placed({ places }, place, { state: 'up', replaces: null }), at };
    }),
    noteWorn: assign(({ context, event }) => {
      const roomy = withRoom(context);
      return { ...roomy, places: placed(roomy, (event as Worn).place, { isWorn: true }) };
    }),
    noteLeaving: assign(({ context, event }) => {
      const at = (event as Worn).place;
      return { places: placed(context, at, { state: 'leaving', isWorn: false }), at };
    }),
    noteDead: assign(({ context, event }) => afterDeath(context, event as Dead)),
    noteProven: assign({ failures: 0 }),
    noteGone: assign(({ context, event }) => ({
      places: placed(context, (event as Dead).place, { ...GONE, state: 'empty' }),
    })),
    fillPlace: assign(({ context, event }) => filled(context, (event as Due).place, null)),
    // The one that is worn longest goes first.
    fillSpare: assign(({ context }) => filled(context, emptyPlace(context), firstWorn(context))),
    fillAnother: assign(({ context }) => filled(context, emptyPlace(context), null)),
    scheduleRestart: enqueueActions(({ context, event, enqueue }) => {
      const { place } = event as Dead | Due;
      if (context.places[place]?.state !== 'waiting') return;
      // One may be set already, where somebody else asked for the start.
      enqueue.cancel(reminderOf(place));
      enqueue.raise(restartAt(place), { delay: 'restartDelay', id: reminderOf(place) });
    }),
    // One only, which hurries the next once it has proven itself, too: where most starts are bad, few are made sooner.
    hurryRestart: enqueueActions(({ context, enqueue }) => {
      const place = context.places.findIndex(({ state }) => state === 'waiting');
      if (place === -1) return;
      enqueue.cancel(reminderOf(place));
      enqueue.raise(restartAt(place), { delay: 'restartDelay', id: reminderOf(place) });
    }),
    // One after the other, and after a bad start not before the back-off.
    scheduleRecycling: enqueueActions(({ context, enqueue }) => {
      enqueue.cancel(RECYCLING);
      if (mayRecycle(context)) enqueue.raise({ type: 'recycle.due' }, { delay: 'restartDelay', id: RECYCLING });
    }),
    // One may be set although the replacement starts for another reason.
    forgetRestart: cancel(({ event }) => reminderOf((event as Due).place)),
    // What it says to whoever made the pool.
    sayReady: emit({ type: 'pool.ready' }),
    sayDegraded: emit({ type: 'pool.degraded' }),
    sayDrained: emit({ type: 'pool.drained' }),
    sayClosed: emit({ type: 'pool.closed' }),
  },
  guards: {
    isLastStart: ({ context, event }) => noOther(context, event as Ready | Dead, (state) => state === 'starting'),
    isLastStartAndNobodyUp: ({ context, event }) =>
      noOther(context, event as Dead, (state) => state === 'starting' || state === 'up'),
    isHopeless: ({ context, event }) => isHopeless(afterDeath(context, event as Dead)),
    isReplacement: ({ context, event }) => typeof context.places[(event as Ready).place]?.replaces === 'number',
    isUp: ({ context, event }) => isUp(context, event as Worn),
    mayRecycle: ({ context }) => mayRecycle(context),
    mayGrow: ({ context, event }) => mayGrow(context, event as Crowded),
    mayShrink: ({ context, event }) => mayShrink(context, event as Worn),
    isWaiting: ({ context, event }) => isWaiting(context, event as Due),
    mayProbe: ({ context, event }) => isWaiting(context, event as Due) && !context.places.some(hasLiveWorker),
    hasNoWorker: ({ context }) => !context.places.some(hasLiveWorker),
  },
  delays: {
    restartDelay: ({ context }) => restartDelayMs(context.failures, 1),
    closeTimeout: ({ context }) => context.closeTimeoutMs,
  },
}).createMachine({
  id: 'supervisor',
  context: ({ input }) => ({
    ...input,
    places: Array.from(
      { length: input.sizeMax + input.recycleConcurrencyMax },
      (_, place): Place => ({ ...GONE, state: place < input.sizeMin ? 'starting' : 'empty', worker: place + 1 }),
    ),
    nextWorker: input.sizeMax + input.recycleConcurrencyMax + 1,
    at: 0,
    failures: 0,
  }),
  entry: 'startActors',
  initial: 'starting',
  states: {
    // The first starts are under way, and callers wait. Replacements do not
    // prolong it: where every start fails, somebody always tries again.
    starting: {
      on: {
        'worker.ready': [{ guard: 'isLastStart', target: 'ready', actions: 'noteReady' }, { actions: 'noteReady' }],
        'worker.proven': { actions: ['noteProven', 'hurryRestart'] },
        'worker.worn': { guard: 'isUp', actions: 'noteWorn' },
        'worker.dead': [
          { guard: 'isLastStartAndNobodyUp', target: 'degraded', actions: ['noteDead', 'scheduleRestart'] },
          { guard: 'isLastStart', target: 'ready', actions: ['noteDead', 'scheduleRestart'] },
          { actions: ['noteDead', 'scheduleRestart'] },
        ],
        'restart.due': { guard: 'isWaiting', actions: ['forgetRestart', 'fillPlace', 'startWorker'] },
        'pool.drain': 'draining',
        'pool.close': 'closing',
        'pool.destroy': { target: 'stopping', actions: ['tellDestroy', 'killWorkers'] },
      },
    },
    ready: {
      entry: ['sayReady', 'scheduleRecycling'],
      on: {
        'worker.ready': [
          { guard: 'isReplacement', actions: ['noteReplaced', 'retireWorker'] },
          { actions: 'noteReady' },
        ],
        'worker.dead': [
          { guard: 'isHopeless', target: 'degraded', actions: ['noteDead', 'scheduleRestart'] },
          { actions: ['noteDead', 'scheduleRestart', 'scheduleRecycling'] },
        ],
        'worker.proven': { actions: ['noteProven', 'hurryRestart', 'scheduleRecycling'] },
        // Its replacement comes first, so that there is never one less.
        'worker.worn': { guard: 'isUp', actions: ['noteWorn', 'scheduleRecycling'] },
        'recycle.due': { guard: 'mayRecycle', actions: ['fillSpare', 'startWorker', 'scheduleRecycling'] },
        'pool.crowded': { guard: 'mayGrow', actions: ['fillAnother', 'startWorker'] },
        'worker.unused': { guard: 'mayShrink', actions: ['noteLeaving', 'retireWorker'] },
        'restart.due': { guard: 'isWaiting', actions: ['forgetRestart', 'fillPlace', 'startWorker'] },
        'pool.drain': 'draining',
        'pool.close': 'closing',
        'pool.destroy': { target: 'stopping', actions: ['tellDestroy', 'killWorkers'] },
      },
    },
    // No worker lives and starts keep failing. It goes on trying, ever more slowly, with one start at a time.
    degraded: {
      entry: ['sayDegraded', 'tellDegraded'],
      on: {
        'worker.ready': { target: 'ready', actions: 'noteReady' },
        'worker.dead': { actions: ['noteDead', 'scheduleRestart'] },
        'restart.due': [
          { guard: 'mayProbe', actions: ['forgetRestart', 'fillPlace', 'startWorker'] },
          { guard: 'isWaiting', actions: 'scheduleRestart' },
        ],
        'pool.drain': 'draining',
        'pool.close': 'closing',
        'pool.destroy': { target: 'stopping', actions: ['tellDestroy', 'killWorkers'] },
      },
    },
    // Those who wait are still served, so workers are still replaced.
    draining: {
      entry: 'tellDrain',
      on: {
        'worker.ready': { actions: 'noteReady' },
        'worker.dead': [
          { guard: 'isHopeless', actions: ['noteDead', 'scheduleRestart', 'tellDegraded'] },
          { actions: ['noteDead', 'scheduleRestart'] },
        ],
        'worker.proven': { actions: ['noteProven', 'hurryRestart'] },
        'restart.due': { guard: 'isWaiting', actions: ['forgetRestart', 'fillPlace', 'startWorker'] },
        'coordinator.closed': 'drained',
        'pool.close': 'closing',
        'pool.destroy': { target: 'stopping', actions: ['tellDestroy', 'killWorkers'] },
      },
    },
    drained: {
      entry: 'sayDrained',
      on: {
        'worker.ready': { actions: 'noteReady' },
        'worker.dead': { actions: 'noteGone' },
        'pool.close': { target: 'stopping', actions: 'askWorkers' },
        'pool.destroy': { target: 'stopping', actions: 'killWorkers' },
      },
    },
    // As draining, and the workers go when it is done or its time is up.
    closing: {
      entry: 'tellDrain',
      on: {
        'worker.ready': { actions: 'noteReady' },
        'worker.dead': [
          { guard: 'isHopeless', actions: ['noteDead', 'scheduleRestart', 'tellDegraded'] },
          { actions: ['noteDead', 'scheduleRestart'] },
        ],
        'worker.proven': { actions: ['noteProven', 'hurryRestart'] },
        'restart.due': { guard: 'isWaiting', actions: ['forgetRestart', 'fillPlace', 'startWorker'] },
        'coordinator.closed': { target: 'stopping', actions: 'askWorkers' },
        'pool.destroy': { target: 'stopping', actions: ['tellDestroy', 'killWorkers'] },
      },
      after: { closeTimeout: { target: 'stopping', actions: ['tellDestroy', 'killWorkers'] } },
    },
    // Every worker is on its way out.
    stopping: {
      always: { guard: 'hasNoWorker', target: 'closed' },
      on: {
        'worker.dead': { actions: 'noteGone' },
        'pool.destroy': { actions: 'killWorkers' },
      },
    },
    closed: { type: 'final', entry: 'sayClosed' },
  },
});

/**
 * How long the next start waits after so many bad ones in a row: not at all after none, then 100 ms, and three times as
 * long each time, to 30 s, of which `jitter` (0 to 1) takes the last quarter away, so that many places do not start
 * together. So nine starts in a row take more than a minute, whatever the jitter.
 */
export function restartDelayMs(failures: number, jitter: number): number {
  if (failures === 0) return 0;
  const full = Math.min(BACKOFF_MS * BACKOFF_FACTOR ** (failures - 1), BACKOFF_MS_MAX);
  return full * (1 - jitter / 4);
}

/** True if a worker lives at `place`, whether it can take a lease yet or not. */
export function hasLiveWorker({ state }: Place): boolean {
  return state !== 'waiting' && state !== 'empty';
}

/** How many workers the pool has now, or is about to have: those that go are not counted, nor replacements besides them. */
export function standing({ places }: Pick<SupervisorContext, 'places'>): number {
  return places.filter(({ state, replaces }) => !LEAVING.has(state) && replaces === null).length;
}

type Ready = SupervisorEvent & { type: 'worker.ready' };
type Dead = SupervisorEvent & { type: 'worker.dead' };
type Due = SupervisorEvent & { type: 'restart.due' };
type Worn = SupervisorEvent & { type: 'worker.worn' | 'worker.unused' };
type Crowded = SupervisorEvent & { type: 'pool.crowded' };

function placed({ places }: Pick<SupervisorContext, 'places'>, at: number, change: Partial<Place>): readonly Place[] {
  return places.map((each, place) => (place === at ? { ...each, ...change } : each));
}

/**
 * A start was bad if its worker died before it had proven itself, unless it went with others. Nobody follows one that was to
 * go. A replacement that does not come up is given up, and the one that it was for stays; where that one has died meanwhile,
 * it is there for good.
 */
function afterDeath(context: SupervisorContext, { place, proven }: Dead): SupervisorContext {
  const was = context.places[place];
  if (was === undefined) return context;
  const successor = context.places.findIndex(({ replaces }) => replaces === place);
  const isFollowed = was.state !== 'retiring' && was.state !== 'leaving' && was.replaces === null && successor === -1;
  const places = placed(context, place, { ...GONE, state: isFollowed ? 'waiting' : 'empty' });
  return {
    ...context,
    places: successor === -1 ? places : placed({ places }, successor, { replaces: null }),
    failures: proven ? 0 : context.failures + Number(proven === false),
  };
}

/** Nobody is up, not even one that goes, and too many starts in a row have come to nothing. */
function isHopeless({ places, failures, failuresMax }: SupervisorContext): boolean {
  return (
    failures >= failuresMax &&
    !places.some(({ state }) => state === 'up' || state === 'retiring' || state === 'leaving')
  );
}

/** The context with a worker that starts there. */
function filled(context: SupervisorContext, at: number, replaces: number | null): Partial<SupervisorContext> {
  const { nextWorker } = context;
  const places = placed(context, at, { state: 'restarting', worker: nextWorker, isWorn: false, replaces });
  return { places, nextWorker: nextWorker + 1, at };
}

function emptyPlace({ places }: SupervisorContext): number {
  return places.findIndex(({ state }) => state === 'empty');
}

/** Of those that are to be replaced, and nobody boots for yet, the one that has lived longest. */
function firstWorn({ places }: SupervisorContext): number {
  let first = -1;
  for (const [place, { isWorn, worker }] of places.entries()) {
    if (!isWorn || places.some(({ replaces }) => replaces === place)) continue;
    if (first === -1 || worker < (places[first] as Place).worker) first = place;
  }
  return first;
}

/** Replacements that boot, and workers that they have replaced. */
function extras({ places }: SupervisorContext): number {
  return places.filter(({ state, replaces }) => state === 'retiring' || replaces !== null).length;
}

/** Room for one replacement at the least. */
function withRoom({
  places,
  recycleConcurrencyMax,
}: SupervisorContext): Pick<SupervisorContext, 'places' | 'recycleConcurrencyMax'> {
  if (recycleConcurrencyMax > 0) return { places, recycleConcurrencyMax };
  return { places: [...places, { ...GONE, state: 'empty', worker: NOBODY }], recycleConcurrencyMax: 1 };
}

function mayRecycle(context: SupervisorContext): boolean {
  return extras(context) < context.recycleConcurrencyMax && emptyPlace(context) !== -1 && firstWorn(context) !== -1;
}

/** More wait than workers start, and there may be one more, those that are on their way out included. */
function mayGrow(context: SupervisorContext, { waiting }: Crowded): boolean {
  const { places, sizeMax } = context;
  const starting = places.filter(({ state, replaces }) => state === 'restarting' && replaces === null).length;
  const living = places.filter(({ state }) => state !== 'empty').length;
  const isWaitedFor = places.some(({ state }) => state === 'waiting');
  return waiting > starting && !isWaitedFor && living - extras(context) < sizeMax && emptyPlace(context) !== -1;
}

/** It is up, nobody boots for it, and enough are left. */
function mayShrink(context: SupervisorContext, unused: Worn): boolean {
  const isFollowed = context.places.some(({ replaces }) => replaces === unused.place);
  return isUp(context, unused) && !isFollowed && standing(context) > context.sizeMin;
}

function isUp({ places }: SupervisorContext, { place, worker }: Worn): boolean {
  const there = places[place];
  return there?.worker === worker && there.state === 'up';
}

function isWaiting({ places }: SupervisorContext, { place }: Due): boolean {
  return places[place]?.state === 'waiting';
}

function restartAt(place: number): Due {
  return { type: 'restart.due', place };
}

/** By what the reminder of a place is found again. */
function reminderOf(place: number): string {
  return `restart-${place}`;
}

/** True if no place but the event's own is in such a state. */
function noOther(
  { places }: SupervisorContext,
  { place }: { place: number },
  such: (state: Place['state']) => boolean,
) {
  return places.every(({ state }, index) => index === place || !such(state));
}

const GONE = { isWorn: false, replaces: null };
const NOBODY: WorkerId = 0;
const LEAVING: ReadonlySet<Place['state']> = new Set(['retiring', 'leaving', 'empty']);
const RECYCLING = 'recycling';
const BACKOFF_MS = 100;
const BACKOFF_FACTOR = 3;
const BACKOFF_MS_MAX = 30_000;
