/**
 * What every failure of the pool is: an `Error` with a `code` that never changes, the facts as fields, and a message
 * that says what happened, in numbers, and what to try. An aborted call is no `PoolError`: it rejects with
 * `signal.reason` itself. `docs/errors.md` has a heading for each code.
 */
export abstract class PoolError<Code extends PoolErrorCode = PoolErrorCode> extends Error {
  /** Stable for good: compare this, not the message. */
  readonly code: Code;
  // Its own from the start, since none can be given to it where somebody has frozen `Error.prototype`.
  override name: string;
  /** Which item of a `map` it is of, 0 for the first: of an error that `map` throws, and absent from any other. */
  declare readonly index?: number | undefined;

  protected constructor(name: string, code: Code, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = name;
    this.code = code;
    // V8 writes the first line of `stack` while `Error` is constructed, when the name is not there yet.
    Error.captureStackTrace(this, new.target);
  }
}

/** Every `code` that a {@link PoolError} can have. */
export type PoolErrorCode =
  | 'ERR_PYTHON'
  | 'ERR_WORKER_DIED'
  | 'ERR_CALL_TIMEOUT'
  | 'ERR_CALL_HUNG'
  | 'ERR_QUEUE_TIMEOUT'
  | 'ERR_DEADLOCK'
  | 'ERR_POISON'
  | 'ERR_IDEMPOTENCY_KEY'
  | 'ERR_QUEUE_FULL'
  | 'ERR_OVERLOADED'
  | 'ERR_POOL_CLOSED'
  | 'ERR_POOL_DEGRADED'
  | 'ERR_BOOT'
  | 'ERR_NOT_EXPOSED'
  | 'ERR_VALUE'
  | 'ERR_ARGUMENT'
  | 'ERR_RESULT'
  | 'ERR_SCHEMA_TIMEOUT'
  | 'ERR_MESSAGE_TOO_LARGE'
  | 'ERR_SESSION_LOST'
  | 'ERR_SESSION_LIMIT'
  | 'ERR_LEASE_ENDED'
  | 'ERR_HANDLE_ENDED'
  | 'ERR_FUNCTION_RELEASED'
  | 'ERR_OPTION'
  | 'ERR_PYTHON_NOT_FOUND'
  | 'ERR_SPAWN'
  | 'ERR_PLATFORM'
  | 'ERR_PROTOCOL';
