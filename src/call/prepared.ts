import { FunctionReleasedError } from '../errors.js';
import { elsewhere, GivenHandles } from '../objects/given-handles.js';
import { type HandleCaller, isMember, type Member, type Remote, remoteOf } from '../objects/handle.js';
import { keptOf } from '../objects/keep.js';
import { PyResult } from '../objects/py.js';
import type { Runtime } from '../runtime.js';
import { isLimit } from '../time/limit.js';
import type { EncodedRequest, RequestExtras } from '../wire/request.js';
import type { FunctionReference, ValueHandlers } from '../wire/rich.js';
import type { Question } from './call.js';
import type { CallOptions } from './call-options.js';
import { LiveArguments } from './live-arguments.js';
import type { AttemptTerms } from './retries.js';

/**
 * What is fixed and checked of a call that is to be made. It is all of it in one, since it is made for each call: what the
 * line says of it, and what is found among its arguments that is no value, which is nothing, most of the time.
 */
export class Prepared implements Question, RequestExtras, ValueHandlers {
  readonly name: string;
  readonly options: CallOptions;
  readonly caller: HandleCaller;
  readonly heartbeatTimeoutMs: number | undefined;
  request!: EncodedRequest;
  terms: AttemptTerms | undefined;
  given: LiveArguments | undefined;
  handles: GivenHandles | undefined;
  readonly #runtime: Runtime;
  readonly #member: Member | undefined;

  constructor(name: string, options: CallOptions, caller: HandleCaller, runtime: Runtime, member: Member | undefined) {
    this.name = name;
    this.options = options;
    this.caller = caller;
    const { heartbeatTimeoutMs = runtime.settings.heartbeatTimeoutMs } = options;
    this.heartbeatTimeoutMs = isLimit(heartbeatTimeoutMs) ? heartbeatTimeoutMs : undefined;
    this.#runtime = runtime;
    this.#member = member;
    if (member !== undefined) this.add(member.remote, '');
  }

  get context(): CallOptions['context'] {
    return this.options.context;
  }

  get session(): string | undefined {
    return this.caller.sessionId;
  }

  get progress(): boolean {
    return this.options.onProgress !== undefined;
  }

  get heartbeatMs(): number | undefined {
    const ms = this.heartbeatTimeoutMs;
    return ms === undefined ? undefined : Math.max(1, Math.floor(ms / BEATS));
  }

  get lease(): number | undefined {
    const { owner } = this.caller;
    return typeof owner === 'number' ? owner : undefined;
  }

  get on(): number | undefined {
    return this.#member?.remote.number;
  }

  get get(): boolean | undefined {
    return this.#member?.isRead;
  }

  add(remote: Remote, path: string): void {
    this.handles ??= new GivenHandles(this.name);
    this.handles.add(remote, path);
  }

  onHandle(found: object, path: () => string): number | string | undefined {
    const remote = remoteOf(found);
    if (remote === undefined) return undefined;
    if (remote.worker.runtime !== this.#runtime) return elsewhere(remote, 'this call is made in another pool');
    if (this.caller.owner === undefined) return elsewhere(remote, 'this call may go to any');
    this.add(remote, path());
    return remote.number;
  }

  onFunction(found: (...args: never[]) => unknown, path: () => string): FunctionReference | string {
    if (isMember(found)) return 'is a member of a handle. Await it to read an attribute, or call the method.';
    const kept = keptOf(found);
    if (kept?.isReleased) throw new FunctionReleasedError({ path: path(), call: this.name });
    // Without a lease or a session it is as any other: valid as long as the call.
    if (kept === undefined || this.caller.owner === undefined) {
      return { kind: 'function', number: this.#live().onFunction(found as (...args: unknown[]) => unknown) };
    }
    return { kind: 'kept', number: this.#live().onKept(kept, path()) };
  }

  onIterable(found: Iterable<unknown> | AsyncIterable<unknown>): number {
    // Python iterates over it later, and it is not to be called meanwhile.
    if (found instanceof PyResult) found[Symbol.asyncIterator]();
    return this.#live().onIterable(found);
  }

  #live(): LiveArguments {
    this.given ??= new LiveArguments(this.#runtime.settings.limits);
    return this.given;
  }
}

/** So many heartbeats may come in the time that is allowed for one. */
const BEATS = 4;
