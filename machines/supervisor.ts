import { assign, emit, enqueueActions, setup } from 'xstate';
import { clientMachine } from './client.js';
import { coordinatorMachine } from './coordinator.js';
import type { SupervisorEmitted, SupervisorEvent } from './messages.js';
import type { WorkerId } from './wait-queue.js';
import { workerMachine } from './worker.js';

export interface SupervisorInput {
  /** How many workers there are to be. */
  readonly size: number;
  /** So many bad starts in a row, with no worker up, are no accident. */
  readonly failuresMax: number;
  readonly closeTimeoutMs: number;
}

/** One worker's place in the pool, and how it stands there. */
export interface Place {
  /**
   * `starting`: its first worker is not ready yet. `restarting`: a replacement is not. `up`: ready.
   * `waiting`: dead, its replacement waits out the back-off. `empty`: dead for good.
   */
  readonly state: 'starting' | 'restarting' | 'up' | 'waiting' | 'empty';
  readonly worker: WorkerId;
}

export interface SupervisorContext extends SupervisorInput {
  readonly places: readonly Place[];
  readonly nextWorker: WorkerId;
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
    askWorkers: () => {},
    killWorkers: () => {},
    tellDegraded: () => {},
    tellDrain: () => {},
    tellDestroy: () => {},
    // What it remembers.
    noteReady: assign({
      places: ({ context, event }) => placed(context, event as Ready, 'up', (event as Ready).worker),
    }),
    noteDead: assign(({ context, event }) => noted(context, event as Dead, 'waiting')),
    noteGone: assign(({ context, event }) => noted(context, event as Dead, 'empty')),
    fillPlace: assign(({ context, event }) => ({
      places: placed(context, event as Due, 'restarting', context.nextWorker),
      nextWorker: context.nextWorker + 1,
    })),
    scheduleRestart: enqueueActions(({ event, enqueue }) => {
      const { place } = event as Dead | Due;
      enqueue.raise(restartAt(place), { delay: 'restartDelay', id: reminderOf(place) });
    }),
    // Besides the reminder that each has, since that still holds if it turns out that they hurry in vain.
    hurryRestarts: enqueueActions(({ context, enqueue }) => {
      for (const [place, { state }] of context.places.entries()) {
        if (state === 'waiting') enqueue.raise(restartAt(place), { delay: 0, id: hurryOf(place) });
      }
    }),
    hurryNoMore: enqueueActions(({ context, enqueue }) => {
      for (const place of context.places.keys()) enqueue.cancel(hurryOf(place));
    }),
    forgetRestart: enqueueActions(({ event, enqueue }) => {
      const { place } = event as Due;
      enqueue.cancel(reminderOf(place));
      enqueue.cancel(hurryOf(place));
    }),
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
    isHopeless: ({ context, event }) =>
      noOther(context, event as Dead, (state) => state === 'up') &&
      noted(context, event as Dead, 'waiting').failures >= context.failuresMax,
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
    places: Array.from({ length: input.size }, (_, place): Place => ({ state: 'starting', worker: place + 1 })),
    nextWorker: input.size + 1,
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
      entry: 'sayReady',
      on: {
        'worker.ready': { actions: 'noteReady' },
        'worker.dead': [
          { guard: 'isHopeless', target: 'degraded', actions: ['noteDead', 'scheduleRestart'] },
          { actions: ['noteDead', 'scheduleRestart'] },
        ],
        'restart.due': { guard: 'isWaiting', actions: ['forgetRestart', 'fillPlace', 'startWorker'] },
        'pool.drain': 'draining',
        'pool.close': 'closing',
        'pool.destroy': { target: 'stopping', actions: ['tellDestroy', 'killWorkers'] },
      },
    },
    // No worker lives and starts keep failing. It goes on trying, ever more slowly, with one start at a time.
    degraded: {
      entry: ['hurryNoMore', 'sayDegraded', 'tellDegraded'],
      on: {
        'worker.ready': { target: 'ready', actions: ['noteReady', 'hurryRestarts'] },
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
  return state === 'starting' || state === 'restarting' || state === 'up';
}

type Ready = SupervisorEvent & { type: 'worker.ready' };
type Dead = SupervisorEvent & { type: 'worker.dead' };
type Due = SupervisorEvent & { type: 'restart.due' };

function placed({ places }: SupervisorContext, { place }: { place: number }, state: Place['state'], worker: WorkerId) {
  return places.map((each, index): Place => (index === place ? { state, worker } : each));
}

/** A start was bad if its worker died before it had proven itself. */
function noted(context: SupervisorContext, dead: Dead, state: Place['state']) {
  return {
    places: placed(context, dead, state, dead.worker),
    failures: dead.proven ? 0 : context.failures + 1,
  };
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

function hurryOf(place: number): string {
  return `hurry-${place}`;
}

/** True if no place but the event's own is in such a state. */
function noOther(
  { places }: SupervisorContext,
  { place }: { place: number },
  such: (state: Place['state']) => boolean,
) {
  return places.every(({ state }, index) => index === place || !such(state));
}

const BACKOFF_MS = 100;
const BACKOFF_FACTOR = 3;
const BACKOFF_MS_MAX = 30_000;
