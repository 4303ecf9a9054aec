import { assign, emit, raise, setup } from 'xstate';
import { clientMachine } from './client.js';
import { coordinatorMachine } from './coordinator.js';
import type { SupervisorEmitted, SupervisorEvent } from './messages.js';
import type { WorkerId } from './wait-queue.js';
import { workerMachine } from './worker.js';

export interface SupervisorInput {
  /** How many workers there are to be. */
  readonly size: number;
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
  /** Starts in a row that came to nothing. */
  readonly failures: number;
  /** Workers in a row that died before they had served anybody, ready or not: the next start waits the longer. */
  readonly unproven: number;
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
      failures: 0,
    }),
    noteDead: assign(({ context, event }) => noted(context, event as Dead, 'waiting')),
    noteGone: assign(({ context, event }) => noted(context, event as Dead, 'empty')),
    fillPlace: assign(({ context, event }) => ({
      places: placed(context, event as Due, 'restarting', context.nextWorker),
      nextWorker: context.nextWorker + 1,
    })),
    scheduleRestart: raise(({ event }) => ({ type: 'restart.due', place: (event as Dead).place }), {
      delay: 'restartDelay',
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
      noted(context, event as Dead, 'waiting').failures >= HOPELESS_FAILURES,
    isWaiting: ({ context, event }) => context.places[(event as Due).place]?.state === 'waiting',
    hasNoWorker: ({ context }) => !context.places.some(hasLiveWorker),
  },
  delays: {
    restartDelay: ({ context }) => restartDelayMs(context.unproven, 1),
    closeTimeout: ({ context }) => context.closeTimeoutMs,
  },
}).createMachine({
  id: 'supervisor',
  context: ({ input }) => ({
    ...input,
    places: Array.from({ length: input.size }, (_, place): Place => ({ state: 'starting', worker: place + 1 })),
    nextWorker: input.size + 1,
    failures: 0,
    unproven: 0,
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
        'restart.due': { guard: 'isWaiting', actions: ['fillPlace', 'startWorker'] },
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
        'restart.due': { guard: 'isWaiting', actions: ['fillPlace', 'startWorker'] },
        'pool.drain': 'draining',
        'pool.close': 'closing',
        'pool.destroy': { target: 'stopping', actions: ['tellDestroy', 'killWorkers'] },
      },
    },
    // No worker lives and starts keep failing. It goes on trying, ever more slowly.
    degraded: {
      entry: ['sayDegraded', 'tellDegraded'],
      on: {
        'worker.ready': { target: 'ready', actions: 'noteReady' },
        'worker.dead': { actions: ['noteDead', 'scheduleRestart'] },
        'restart.due': { guard: 'isWaiting', actions: ['fillPlace', 'startWorker'] },
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
        'restart.due': { guard: 'isWaiting', actions: ['fillPlace', 'startWorker'] },
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
        'restart.due': { guard: 'isWaiting', actions: ['fillPlace', 'startWorker'] },
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
 * How long the next start waits after `unproven` workers that served nobody: nothing after none,
 * then doubling from 100 ms to 30 s, of which `jitter` (0 to 1) takes the
 * second half away, so that many places do not start together.
 */
export function restartDelayMs(unproven: number, jitter: number): number {
  if (unproven === 0) return 0;
  const full = Math.min(BACKOFF_MS * 2 ** (unproven - 1), BACKOFF_MS_MAX);
  return full * (1 - jitter / 2);
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

/**
 * A start that came to nothing is a failure. A worker that was ready and died is none, whatever it died of; but until
 * one has served somebody, replacing it at once may be replacing it for ever.
 */
function noted(context: SupervisorContext, dead: Dead, state: Place['state']) {
  const wasUp = context.places[dead.place]?.state === 'up';
  return {
    places: placed(context, dead, state, dead.worker),
    failures: wasUp ? context.failures : context.failures + 1,
    unproven: dead.proven ? 0 : context.unproven + 1,
  };
}

/** True if no place but the event's own is in such a state. */
function noOther(
  { places }: SupervisorContext,
  { place }: { place: number },
  such: (state: Place['state']) => boolean,
) {
  return places.every(({ state }, index) => index === place || !such(state));
}

/** So many bad starts in a row, with no worker up, are no accident. */
const HOPELESS_FAILURES = 3;
const BACKOFF_MS = 100;
const BACKOFF_MS_MAX = 30_000;
