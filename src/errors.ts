/** All that can go wrong, by what it is about. */
export * from './errors/call-errors.js';
export * from './errors/lease-errors.js';
export * from './errors/option-error.js';
export * from './errors/pool-error.js';
export * from './errors/protocol-error.js';
export * from './errors/python-error.js';
export * from './errors/queue-errors.js';
export * from './errors/start-errors.js';
export * from './errors/value-errors.js';
