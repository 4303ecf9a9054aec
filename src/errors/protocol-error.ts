import { printable } from '../base/printable.js';
import { PoolError } from './pool-error.js';
import { afterAttempts, whatStarted } from './words.js';

/** What came over the line is not of the protocol, or what was to go over it is there no more. The worker is ended. */
export class ProtocolError extends PoolError<'ERR_PROTOCOL'> {
  /** What was wrong. */
  readonly detail: string;
  /** Whether Python had begun with the call; `undefined` where there was none. */
  readonly started: boolean | 'unknown' | undefined;
  /** How often the call was tried. */
  readonly attempts: number;

  constructor(seen: {
    /** What was wrong, as a clause without a full stop. */
    detail: string;
    /** The worker that sent it, where it is known. */
    worker?: string | undefined;
    started?: boolean | 'unknown' | undefined;
    attempts?: number;
  }) {
    super(
      'ProtocolError',
      'ERR_PROTOCOL',
      `${seen.worker ?? 'A worker'} broke the protocol: ${printable(seen.detail)}. ` +
        `${seen.started === undefined ? '' : `${whatStarted(seen.started)}${afterAttempts(seen.attempts)} `}` +
        'See that no code in Python writes to the descriptor of the line or closes it, and that both sides are of one version.',
    );
    this.detail = seen.detail;
    this.started = seen.started;
    this.attempts = seen.attempts ?? 1;
  }
}
