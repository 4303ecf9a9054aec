import { constants } from 'node:os';

/** Somebody outside ended the command. */
export class Interrupt extends Error {
  override readonly name = 'Interrupt';
  /** What a shell expects of a program that ended so: 128 and the number of the signal. */
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals) {
    super(`The command was ended by ${signal}.`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/**
 * Runs `work`, whose signal aborts with an {@link Interrupt} on Ctrl-C, on the signals that ask a program to end, and
 * when nobody reads its output any more. The second Ctrl-C ends the process there and then.
 *
 * @throws Interrupt if it aborted, whatever `work` made of that.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interruption = new AbortController();
  const { signal } = interruption;
  const onSignal = (name: NodeJS.Signals) => interruption.abort(new Interrupt(name));
  const onOutputError = (error: NodeJS.ErrnoException) =>
    interruption.abort(error.code === 'EPIPE' ? new Interrupt('SIGPIPE') : error);

  for (const name of ENDING_SIGNALS) process.once(name, onSignal);
  process.stdout.on('error', onOutputError);
  // Notes that nobody reads are no reason to stop.
  process.stderr.on('error', () => {});
  try {
    const result = await work(signal).finally(() => {
      // Where only the writing is left, a signal ends the program there and then.
      for (const name of ENDING_SIGNALS) process.off(name, onSignal);
    });
    // That a write has failed is told once whoever wrote has gone on.
    await new Promise((done) => process.stdout.write('', done));
    signal.throwIfAborted();
    return result;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
