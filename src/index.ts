/**
 * Call Python from Node as if it were local: warm worker processes, handed
 * out under leases.
 */
export type { WaitOptions } from './call/budget.js';
export type { CallOutcome, Progress } from './call/call.js';
export type { CallOptions, WithSchema } from './call/call-options.js';
export type { Caller } from './call/caller.js';
export type { StreamOptions } from './call/stream.js';
export { type CloseOnSignalOptions, closeOnSignal } from './close-on-signal.js';
export type { TiedErrorClass } from './error-ties.js';
export * from './errors.js';
export type { EndedCall, LeaseLeak, LogEvent, PoolEvents, RetireReason, RunningCall } from './events.js';
export type { CheckoutOptions, HoldOptions, Lease } from './lease/lease.js';
export type { MapOptions, MapOutcome } from './map/map.js';
export { type KeptFunction, keep } from './objects/keep.js';
export type { CalledFunction, Handle, PyProxy, UntypedFunction } from './objects/py.js';
export type { MappedItem, MappedKwargs, MappedResult, PyFunction } from './objects/py-function.js';
export type { PoolOptions, RecycleLimits, SetupCall, SizeRange } from './options.js';
export { createPool, type Pool } from './pool.js';
export type { EnvironmentAllowList, EnvironmentChanges, EnvironmentOption } from './process/environment.js';
export type { Session, SessionOptions } from './session/session.js';
export type { PingStats, PoolStats, WorkerStats } from './stats.js';
export type { PoolClock } from './time/clock.js';
export { MicroDate } from './time/micro-date.js';
export { type Kwargs, kw } from './values/kw.js';
export { NdArray, type NdArrayParts, ndarray, type TypedArray } from './values/ndarray.js';
export type { SchemaResult, StandardSchema } from './values/standard-schema.js';
export type { Lane, WorkerLimits } from './wire/message.js';
