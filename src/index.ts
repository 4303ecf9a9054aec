/**
 * Call Python from Node as if it were local: warm worker processes, handed
 * out under leases.
 */
export type { WaitOptions } from './budget.js';
export type { CallOutcome, Progress } from './call.js';
export type { Caller, CallOptions, WithSchema } from './caller.js';
export type { PoolClock } from './clock.js';
export { type CloseOnSignalOptions, closeOnSignal } from './close-on-signal.js';
export type { TiedErrorClass } from './error-ties.js';
export * from './errors.js';
export type { EndedCall, LeaseLeak, LogEvent, PoolEvents, RetireReason, RunningCall } from './events.js';
export { type KeptFunction, keep } from './keep.js';
export { type Kwargs, kw } from './kw.js';
export type { CheckoutOptions, HoldOptions, Lease } from './lease.js';
export type { MapOptions, MapOutcome } from './map.js';
export { MicroDate } from './micro-date.js';
export { NdArray, type NdArrayParts, ndarray, type TypedArray } from './ndarray.js';
export type { PoolOptions, RecycleLimits, SetupCall, SizeRange } from './options.js';
export { createPool, type Pool } from './pool.js';
export type { EnvironmentAllowList, EnvironmentChanges, EnvironmentOption } from './process/environment.js';
export type { CalledFunction, Handle, PyProxy, UntypedFunction } from './py.js';
export type { Session, SessionOptions } from './session.js';
export type { SchemaResult, StandardSchema } from './standard-schema.js';
export type { PingStats, PoolStats, WorkerStats } from './stats.js';
export type { StreamOptions } from './stream.js';
export type { Lane, WorkerLimits } from './wire/message.js';
