import { type HandleEnd, HandleEndedError, type PoolError, ValueRefusedError } from '../errors.js';
import type { WorkerHand } from '../worker/worker-hand.js';
import type { Remote } from './handle.js';

/** The handles in one call: of the object that it is made on, and those among its arguments. */
export class GivenHandles {
  readonly #call: string;
  readonly #given: { readonly remote: Remote; readonly path: string }[] = [];

  /** @param call What the call is spoken of by. */
  constructor(call: string) {
    this.#call = call;
  }

  /** @param path Where it is among the arguments; empty for the object that the call is made on. */
  add(remote: Remote, path: string): void {
    const { ended } = remote;
    // Under a lease that is over no call can be made, and the lease says why.
    if (ended !== undefined && (path !== '' || ended !== 'lease-ended')) throw this.#ended(remote, path);
    this.#given.push({ remote, path });
  }

  /** Where the objects are, so that the call can be sent nowhere else. */
  get worker(): WorkerHand | undefined {
    return this.#given[0]?.remote.worker;
  }

  /** Why the call cannot be sent to that worker, now that its turn has come. */
  refusalBy(worker: WorkerHand): PoolError | undefined {
    for (const { remote, path } of this.#given) {
      if (remote.ended !== undefined) return this.#ended(remote, path);
      if (remote.worker === worker) continue;
      const problem = elsewhere(remote, `this call goes to ${worker.name}`);
      return new ValueRefusedError({ path, problem, sender: 'node', call: this.#call });
    }
    return undefined;
  }

  #ended({ className, ended }: Remote, path: string): HandleEndedError {
    return new HandleEndedError({ handle: className, reason: ended as HandleEnd, path, call: this.#call });
  }
}

/** Why a handle cannot go where it was to go, as the end of a sentence that begins with its path. */
export function elsewhere({ className, worker }: Remote, but: string): string {
  return `is a handle of ${JSON.stringify(className)}, whose object is in ${worker.name}, and ${but}. Use the lease or the session that it came by.`;
}
