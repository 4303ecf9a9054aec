import { printable } from '../base/printable.js';
import { PoolError } from './pool-error.js';
import { counted, quoted } from './words.js';

/** What a session was lost by. */
export type SessionLoss = 'evicted' | 'expired' | 'worker-died' | 'worker-recycled';

/** The worker that held a session's state is gone, and the state with it. */
export class SessionLostError extends PoolError<'ERR_SESSION_LOST'> {
  /** The session's id. */
  readonly session: string;
  /** Why its worker no longer has it. */
  readonly reason: SessionLoss;
  /** How long its `onLost` was waited for in vain; else `undefined`. */
  readonly onLostTimeoutMs: number | undefined;

  constructor(seen: {
    session: string;
    reason: SessionLoss;
    onLostTimeoutMs?: number | undefined;
  }) {
    const remedy =
      seen.onLostTimeoutMs === undefined
        ? 'Build its state anew and go on: the next call of this session starts on a fresh one.'
        : `Its \`onLost\` did not build it anew within ${seen.onLostTimeoutMs} ms. Find what it waits for, ` +
          'or allow a longer `onLostTimeoutMs`; the next call of this session has it try again.';
    super(
      'SessionLostError',
      'ERR_SESSION_LOST',
      `Session ${quoted(seen.session)} has lost what it kept in Python: ${SESSION_LOSSES[seen.reason]} ${remedy}`,
    );
    this.session = seen.session;
    this.reason = seen.reason;
    this.onLostTimeoutMs = seen.onLostTimeoutMs;
  }
}

/** As many sessions live as may live. */
export class SessionLimitError extends PoolError<'ERR_SESSION_LIMIT'> {
  /** The greatest number of sessions. */
  readonly sessionsMax: number;

  constructor(seen: { sessionsMax: number }) {
    super(
      'SessionLimitError',
      'ERR_SESSION_LIMIT',
      `${counted(seen.sessionsMax, 'session')} ${seen.sessionsMax === 1 ? 'lives' : 'live'} already, which is all that \`sessionsMax\` allows. ` +
        'End those that are done (`session.end()`), give them a `ttlMs`, or raise `sessionsMax`.',
    );
    this.sessionsMax = seen.sessionsMax;
  }
}

/** Why a lease is over. */
export type LeaseEnd = 'checked-in' | 'revoked' | 'expired' | 'worker-died' | 'pool-closed';

/** How a lease came to its end. */
export interface EndedLease {
  readonly lease: number;
  readonly reason: LeaseEnd;
  readonly leaseTimeoutMs?: number | undefined;
}

/** The lease is over; somebody else may have its worker by now. */
export class LeaseEndedError extends PoolError<'ERR_LEASE_ENDED'> {
  /** The lease's id, which is never used again. */
  readonly lease: number;
  /** Why it is over. */
  readonly reason: LeaseEnd;

  /** With `expired`: how long it could be held. */
  readonly leaseTimeoutMs: number | undefined;

  constructor(seen: EndedLease) {
    const { lease, reason, leaseTimeoutMs } = seen;
    const why = reason === 'expired' ? `it was held for ${leaseTimeoutMs} ms, which is all that ` : '';
    super('LeaseEndedError', 'ERR_LEASE_ENDED', `Lease ${lease} is over: ${why}${LEASE_ENDS[reason]}`);
    this.lease = lease;
    this.reason = reason;
    this.leaseTimeoutMs = leaseTimeoutMs;
  }
}

/** Why a handle can be used no longer. */
export type HandleEnd = 'closed' | 'lease-ended' | 'session-ended' | 'worker-died';

/** A handle is used after its end: the object may be gone in Python. */
export class HandleEndedError extends PoolError<'ERR_HANDLE_ENDED'> {
  /** The class of the object, by the name that it is exposed by. */
  readonly handle: string;
  /** Why it is over. */
  readonly reason: HandleEnd;

  constructor(seen: {
    handle: string;
    reason: HandleEnd;
    /** Where it is among the arguments; empty for the object that is called. */
    path: string;
    call: string;
  }) {
    const { handle, reason, path, call } = seen;
    const where = path === '' ? '' : `, \`${printable(path)}\` in the call of ${quoted(call)},`;
    super(
      'HandleEndedError',
      'ERR_HANDLE_ENDED',
      `The handle of ${quoted(handle)}${where} is of no more use: ${HANDLE_ENDS[reason]}`,
    );
    this.handle = handle;
    this.reason = reason;
  }
}

/** A function that `keep` made is sent or called after its `release()`. */
export class FunctionReleasedError extends PoolError<'ERR_FUNCTION_RELEASED'> {
  /** @param at Where it is among the arguments of which call; absent where Python has called it. */
  constructor(at?: { path: string; call: string }) {
    const where = at === undefined ? '' : `, \`${printable(at.path)}\` in the call of ${quoted(at.call)},`;
    super(
      'FunctionReleasedError',
      'ERR_FUNCTION_RELEASED',
      `This kept function${where} was released. Release it when Python calls it no more, or keep another one.`,
    );
  }
}

const SESSION_LOSSES: Record<SessionLoss, string> = {
  evicted: 'it was the one longest unused when room was needed.',
  expired: 'it was unused for longer than its `ttlMs`.',
  'worker-died': 'its worker died.',
  'worker-recycled': 'its worker was replaced by a fresh one.',
};

const LEASE_ENDS: Record<LeaseEnd, string> = {
  'checked-in': 'it was checked in. Check out a new one, or check in later.',
  revoked:
    'a call under it was given up, and Python did not answer it within `cancelGraceMs`, so that its worker was ended. Check out a new one, or allow more.',
  expired: '`leaseTimeoutMs` allows. Check in sooner, or allow more.',
  'worker-died': 'its worker died, and what Python kept there is lost. Check out a new one.',
  'pool-closed': 'the pool was closed. Check leases in before closing it.',
};

const HANDLE_ENDS: Record<HandleEnd, string> = {
  closed: 'it was closed. Dispose of it later, or ask Python for the object again.',
  'lease-ended': 'the lease that it came by is over. Use it under that lease, or make the object in a session.',
  'session-ended': 'the session that it came by has ended. Make the object anew.',
  'worker-died': 'its worker is gone, and the object with it. Make the object anew.',
};
