import type { AnyActorRef } from 'xstate';
import type { Runtime } from '../runtime.js';

/** Tells whose the actors of that system are. */
export function giveHands(runtime: Runtime, system: object): void {
  runtimes.set(system, runtime);
}

/**
 * An effect of a chart, in the pool whose actor it is: so a chart gets its hands once, and not with each pool anew. It
 * cannot throw, which would kill the actor for good.
 */
export function effect<Args extends { readonly self: AnyActorRef }, Params>(
  run: (runtime: Runtime, args: Args, params: Params) => void,
): (args: Args, params: Params) => void {
  return (args, params) => {
    const runtime = runtimes.get(args.self.system) as Runtime;
    try {
      run(runtime, args, params);
    } catch (error) {
      runtime.fault(error);
    }
  };
}

const runtimes = new WeakMap<object, Runtime>();
