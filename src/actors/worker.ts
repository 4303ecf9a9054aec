import {
  type KillReason,
  type WorkerContext,
  type WorkerEvent,
  type WorkerRef,
  workerMachine,
} from '../../machines/index.js';
import { compile } from '../compile.js';
import type { PoolSettings } from '../options.js';
import { WorkerHand } from '../worker/worker-hand.js';
import { effect } from './effect.js';

/** The worker's chart with hands: it starts, asks and kills a real process. */
export function workerLogic(settings: PoolSettings) {
  return settings.compile ? compiled : interpreted;
}

interface ActionArgs {
  readonly context: WorkerContext;
  readonly event: WorkerEvent;
  readonly self: WorkerRef;
}

const interpreted = workerMachine.provide({
  actions: {
    startProcess: effect((runtime, { context, self }: ActionArgs) => {
      runtime.hands.set(self, new WorkerHand(runtime, context, self));
    }),
    interruptCall: effect((runtime, { event, self }: ActionArgs) =>
      runtime.hands.get(self)?.interrupt((event as WorkerEvent & { type: 'lease.revoked' }).slot),
    ),
    beginRetirement: effect((runtime, { self }: ActionArgs) => runtime.hands.get(self)?.life.retire()),
    askToStop: effect((runtime, { self }: ActionArgs) => runtime.hands.get(self)?.life.ask()),
    terminateProcess: effect((runtime, { self }: ActionArgs) => runtime.hands.get(self)?.life.terminate()),
    killProcess: effect((runtime, { self }: ActionArgs, { because }: { because: KillReason }) =>
      runtime.hands.get(self)?.life.kill(because),
    ),
  },
});
const compiled = compile(interpreted);
