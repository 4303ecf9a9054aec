import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  type AnyActor,
  type AnyActorRef,
  type AnyEventObject,
  createActor,
  enqueueActions,
  SimulatedClock,
} from 'xstate';
import {
  type ClientRef,
  type CoordinatorRef,
  clientMachine,
  coordinatorMachine,
  listWaiters,
  type SupervisorContext,
  type SupervisorRef,
  supervisorMachine,
  type WorkerRef,
  workerMachine,
} from '../../machines/index.js';
import { EVERY_WISH, SHORT, unlimited } from './bounds.js';
import { movesIn } from './environment.js';
import {
  type Address,
  addressOf,
  type Bounds,
  CHARTS,
  coordinatorInput,
  FAILURES_MAX,
  firstWorld,
  Step,
  type WorkerSnapshot,
  type World,
  workerRef,
} from './world.js';

/**
 * The walk delivers messages itself. Here the same things happen, in the same
 * order, to actors that XState runs, and both must come to the same.
 */
describe('the walk', () => {
  it('comes to what XState comes to, whatever happens in whatever order', { timeout: TIME_LIMIT_MS }, () => {
    // The last worker's end is told to a supervisor that has ended with it, on which XState remarks.
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    fc.assert(
      fc.property(
        fc.array(fc.nat(), { minLength: 1, maxLength: 60, size: 'max' }),
        fc.constantFrom(1, 2),
        fc.constantFrom(0, 1),
        (choices, slots, ahead) => {
          // Nobody is sent ahead but in a crowd.
          const bounds = { ...unlimited(2, ahead === 0 ? 2 : 6, [...EVERY_WISH, SHORT]), slots, ahead };
          let world = firstWorld(CHARTS, bounds);
          const live = new LiveStep(bounds, world);
          for (const choice of choices) {
            const moves = movesIn(world, bounds);
            const move = moves[choice % Math.max(1, moves.length)];
            if (move === undefined) break;
            const step = new Step(CHARTS, bounds, world);
            move.make(step);
            world = step.done();
            move.make(live);
            expect(seen(live.done()), move.label).toEqual(seen(world));
          }
          live.end();
        },
      ),
      { numRuns: 150 },
    );
  });
});

/** A step that never ends, whose actors are real. Only what is outside of them is kept as in any other step. */
class LiveStep extends Step {
  readonly #root: AnyActor;
  readonly #bounds: Bounds;
  readonly #slots: number;
  /** Kept, since a system forgets its actors when its root has ended. */
  readonly #coordinator: AnyActorRef;
  readonly #clients: readonly AnyActorRef[];

  constructor(bounds: Bounds, world: World) {
    super(CHARTS, bounds, { ...world, processes: world.processes.map(() => ({ life: 'gone', ending: 'no' })) });
    this.#bounds = bounds;
    this.#slots = bounds.slots + (bounds.ahead ?? 0);
    this.#root = this.#start();
    this.#root.start();
    this.#coordinator = this.#root.system.get('coordinator');
    this.#clients = world.clients.map((_, index) => this.#root.system.get(`client-${index}`));
    this.#coordinator.on('*', (event: AnyEventObject) => this.hear(event));
  }

  override send(to: Address, event: AnyEventObject): void {
    // The client that an offer names is to be told.
    const client = event.client === undefined ? undefined : this.#refOf(addressOf(event.client));
    this.#refOf(to)?.send(client === undefined ? event : { ...event, client });
  }

  override happen(to: Address, event: AnyEventObject): void {
    this.#refOf(to)?.send(event);
  }

  override done(): World {
    const { places } = this.#root.getSnapshot().context as SupervisorContext;
    return {
      ...super.done(),
      supervisor: this.#root.getSnapshot(),
      coordinator: this.#coordinator.getSnapshot(),
      workers: places.map((_, place) => this.#root.getSnapshot().children[`worker-${place}`].getSnapshot()),
      clients: this.#clients.map((client) => client.getSnapshot()),
    };
  }

  end(): void {
    this.#root.stop();
  }

  #refOf({ chart, place, worker }: Address): AnyActorRef | undefined {
    if (chart === 'supervisor') return this.#root;
    if (chart === 'coordinator') return this.#coordinator;
    if (chart === 'client') return this.#clients[place];
    const ref: AnyActorRef | undefined = this.#root.getSnapshot().children[`worker-${place}`];
    return ref?.getSnapshot().context.worker === worker ? ref : undefined;
  }

  /** The pool as `src/actors` builds it, with the effects of a step for hands. */
  #start(): AnyActor {
    const hand = (name: string) => (args: { context: object; event: AnyEventObject; self: AnyActorRef }) => {
      const place = Number(args.self.id.split('-')[1]);
      this.perform({ chart: 'worker', place, worker: 0 }, [
        { name, params: undefined, context: args.context, event: args.event },
      ]);
    };
    const worker = workerMachine.provide({
      actions: {
        startProcess: hand('startProcess'),
        askToStop: hand('askToStop'),
        terminateProcess: hand('terminateProcess'),
        killProcess: hand('killProcess'),
      },
    });
    const client = clientMachine.provide({
      actions: {
        beginExchange: ({ context, event, self }) => {
          const held = context.held!;
          const { place, worker: id } = (held.worker.getSnapshot() as unknown as WorkerSnapshot).context;
          const lent = { ...context, held: { ...held, worker: workerRef(place, id) } };
          this.perform({ chart: 'client', place: Number(self.id.split('-')[1]), worker: 0 }, [
            { name: 'beginExchange', params: undefined, context: lent, event },
          ]);
        },
        continueExchange: hand('continueExchange') as never,
        endExchange: hand('endExchange') as never,
        failExchange: hand('failExchange') as never,
      },
    });
    const clientsAt = (place: number) => Array.from({ length: this.#slots }, (_, slot) => place * this.#slots + slot);
    const input =
      (place: number) =>
      ({ context, self }: { context: SupervisorContext; self: SupervisorRef }) => ({
        worker: context.places[place]!.worker,
        place,
        bootTimeoutMs: 1,
        evictGraceMs: 1,
        stopGraceMs: 1,
        termGraceMs: 1,
        coordinator: self.system.get('coordinator') as CoordinatorRef,
        supervisor: self,
        clients: clientsAt(place).map((index) => self.system.get(`client-${index}`) as ClientRef),
        ahead: this.#bounds.ahead ?? 0,
      });
    const toWorkers = (way: 'ask' | 'kill') =>
      enqueueActions(({ context, self, enqueue }) => {
        for (const place of (context as SupervisorContext).places.keys()) {
          const ref = self.getSnapshot().children[`worker-${place}`] as WorkerRef;
          if (ref.getSnapshot().status === 'active') enqueue.sendTo(ref, { type: 'worker.stop', way });
        }
      });
    const toCoordinator = (type: string) =>
      enqueueActions(({ system, enqueue }) => enqueue.sendTo(system.get('coordinator'), { type }));
    const machine = supervisorMachine.provide({
      actors: { worker, client, coordinator: coordinatorMachine } as never,
      actions: {
        startActors: enqueueActions(({ context, self, enqueue }) => {
          const spawn = enqueue.spawnChild as (src: string, options: object) => void;
          spawn('coordinator', {
            id: 'coordinator',
            systemId: 'coordinator',
            input: { ...coordinatorInput(this.#bounds), supervisor: self },
          });
          for (const place of context.places.keys()) {
            for (const index of clientsAt(place)) {
              const id = `client-${index}`;
              spawn('client', {
                id,
                systemId: id,
                input: ({ self: { system } }: { self: AnyActorRef }) => ({
                  cancelGraceMs: 1,
                  coordinator: system.get('coordinator'),
                }),
              });
            }
            spawn('worker', { id: `worker-${place}`, input: input(place) });
          }
        }),
        startWorker: enqueueActions(({ context, enqueue }) => {
          const place = (context as SupervisorContext).at;
          enqueue.stopChild(`worker-${place}`);
          (enqueue.spawnChild as (src: string, options: object) => void)('worker', {
            id: `worker-${place}`,
            input: input(place),
          });
        }),
        askWorkers: toWorkers('ask') as never,
        killWorkers: toWorkers('kill') as never,
        tellDegraded: toCoordinator('pool.degraded') as never,
        tellDrain: toCoordinator('pool.drain') as never,
        tellDestroy: toCoordinator('pool.destroy') as never,
        // The walk makes a replacement due itself.
        scheduleRestart: ({ context, event }) => {
          const { place } = event as { place: number };
          if (context.places[place]?.state === 'waiting') this.restarts[place] = true;
        },
        // It is due there as it is.
        hurryRestart: () => {},
      },
    });
    const root = createActor(machine, {
      input: { ...SIZES, failuresMax: FAILURES_MAX, closeTimeoutMs: 1 },
      clock: new SimulatedClock(),
    });
    root.on('*', (event) => this.hear(event));
    return root as unknown as AnyActor;
  }
}

/** What of a world there is to compare: all that the charts remember, and all that came of it outside. */
function seen({ supervisor, coordinator, workers, clients, processes, exchanges, restarts, callers }: World) {
  const { workers: served, free, queue, nextLease, live } = coordinator.context;
  return {
    supervisor: [supervisor.value, supervisor.context.places, supervisor.context.failures],
    coordinator: [coordinator.value, free, nextLease, live, listWaiters(queue)],
    served: served.map((each) => each && [each.worker, each.grants, each.free]),
    workers: workers.map(({ value, context: { worker, leases, served } }) => [value, worker, leases, served]),
    clients: clients.map(({ value, context: { held } }) => [value, held?.lease, held?.slot]),
    outside: [processes, exchanges, restarts, callers],
  };
}

const SIZES = { sizeMin: 2, sizeMax: 2, recycleConcurrencyMax: 0 };
const TIME_LIMIT_MS = 1_800_000;
