import { enqueueActions, sendTo } from 'xstate';
import {
  type ClientInput,
  coordinatorMachine,
  hasLiveWorker,
  restartDelayMs,
  type SupervisorContext,
  type SupervisorRef,
  supervisorMachine,
} from '../../machines/index.js';
import { compile } from '../compile.js';
import type { Runtime } from '../runtime.js';
import { clientLogic } from './client.js';
import { effect } from './effect.js';
import { workerLogic } from './worker.js';

/**
 * The supervisor's chart with hands: it has the coordinator, the workers and
 * one client for each slot as its children, the slots ahead included. A worker's
 * successor takes its name, so that ids are reused and nothing is kept for the dead.
 */
export function supervisorLogic(runtime: Runtime) {
  const { settings } = runtime;
  const { slots: most, prefetchMax: ahead } = settings;
  const slots = Array.from({ length: most + ahead }, (_, slot) => slot);
  const clientId = (place: number, slot: number) =>
    slot < most ? `client-${place * most + slot}` : `client-ahead-${place * ahead + slot - most}`;

  const workerInput =
    (place: number) =>
    ({ context, self }: { context: SupervisorContext; self: SupervisorRef }) => ({
      worker: context.places[place]!.worker,
      place,
      bootTimeoutMs: settings.bootTimeoutMs,
      // With one slot all others wait in the pipe: none can finish while the first hangs, and all can go elsewhere.
      evictGraceMs: most === 1 ? 0 : settings.evictGraceMs,
      stopGraceMs: settings.stopGraceMs,
      termGraceMs: settings.termGraceMs,
      coordinator: self.system.get('coordinator'),
      supervisor: self,
      clients: slots.map((slot) => self.system.get(clientId(place, slot))),
      ahead,
    });

  type Spawn = (client: 'client', options: { id: string; systemId: string; input: ClientInput }) => unknown;
  const spawnClients = (place: number, self: SupervisorRef, spawn: Spawn) => {
    const coordinator = self.system.get('coordinator');
    const { cancelGraceMs } = settings;
    for (const slot of slots) {
      const id = clientId(place, slot);
      spawn('client', { id, systemId: id, input: { cancelGraceMs, coordinator } });
    }
  };

  return supervisorMachine.provide({
    actors: {
      coordinator: settings.compile ? compiled : coordinatorMachine,
      worker: workerLogic(settings),
      client: clientLogic(settings),
    },
    actions: {
      startActors: enqueueActions(({ context, self, enqueue }) => {
        enqueue.spawnChild('coordinator', {
          id: 'coordinator',
          systemId: 'coordinator',
          input: {
            queueMax: settings.queueMax,
            queueMaxPerKey: settings.queueMaxPerKey,
            rules: { ageAfterMs: settings.ageAfterMs, shed: settings.shed },
            supervisor: self,
          },
        });
        // In one step, since the supervisor's record of its children is copied in each.
        enqueue.assign(({ spawn }) => {
          for (const place of context.places.keys()) spawnClients(place, self, spawn);
          return {};
        });
        for (const [place, each] of context.places.entries()) {
          if (hasLiveWorker(each)) enqueue.spawnChild('worker', { id: `worker-${place}`, input: workerInput(place) });
        }
      }),
      startWorker: enqueueActions(({ context, self, enqueue }) => {
        const place = context.at;
        // Some places come to be later than the pool.
        if (self.system.get(clientId(place, 0)) === undefined) {
          enqueue.assign(({ spawn }) => {
            spawnClients(place, self, spawn);
            return {};
          });
        }
        enqueue.stopChild(`worker-${place}`);
        enqueue.spawnChild('worker', { id: `worker-${place}`, input: workerInput(place) });
      }),
      retireWorker: enqueueActions(({ context, enqueue }) => {
        enqueue.sendTo(`worker-${context.at}`, { type: 'worker.retire' });
      }),
      askWorkers: enqueueActions(({ context, enqueue }) => {
        for (const id of liveWorkers(context)) enqueue.sendTo(id, { type: 'worker.stop', way: 'ask' });
      }),
      killWorkers: enqueueActions(({ context, enqueue }) => {
        for (const id of liveWorkers(context)) enqueue.sendTo(id, { type: 'worker.stop', way: 'kill' });
      }),
      tellDegraded: sendTo('coordinator', { type: 'pool.degraded' }),
      // Who is held in a session was there before, though the coordinator has not heard of it.
      tellDrain: effect((_, { self }: { self: SupervisorRef }) => {
        const coordinator = self.system.get('coordinator');
        runtime.sessions.whenNoneHeld(() => coordinator.send({ type: 'pool.drain' }));
      }),
      tellDestroy: sendTo('coordinator', { type: 'pool.destroy' }),
    },
    delays: {
      restartDelay: ({ context }) => restartDelayMs(context.failures, runtime.jitter()),
    },
  });
}

function liveWorkers({ places }: SupervisorContext): string[] {
  return places.flatMap((each, place) => (hasLiveWorker(each) ? [`worker-${place}`] : []));
}

const compiled = compile(coordinatorMachine);
