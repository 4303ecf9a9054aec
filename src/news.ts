import { EventEmitter } from 'node:events';
import type { Hooks } from './base/hooks.js';
import { print } from './base/print.js';
import { printable, printableLines } from './base/printable.js';
import type { LeaseLeak, LogEvent, PoolEvents } from './events.js';
import type { PoolSettings } from './options.js';
import { soon } from './time/turn.js';
import type { LogMessage } from './wire/message.js';

/** What is told of a pool: to those who listen, what Python prints to the terminal too, and a leak that nobody listens for as a warning. */
export class News {
  readonly listeners = new EventEmitter<PoolEvents>();
  /** Somebody listens to `call.ended`. It is looked at for each call and each item, for which to ask `listeners` takes too long. */
  tellsOfEnds = false;
  readonly #logs: PoolSettings['logs'];
  readonly #hooks: Hooks;

  constructor(logs: PoolSettings['logs'], hooks: Hooks) {
    this.#logs = logs;
    this.#hooks = hooks;
    const listeners = this.listeners as EventEmitter;
    // Node tells of those who come before they are there, and of those who go once they are gone.
    listeners.on('newListener', (name) => {
      this.tellsOfEnds ||= name === 'call.ended';
    });
    listeners.on('removeListener', () => {
      this.tellsOfEnds = listeners.listenerCount('call.ended') > 0;
    });
  }

  emit<Name extends keyof PoolEvents>(name: Name, fact: PoolEvents[Name][0]): void {
    const listeners = this.listeners.rawListeners(name) as ((fact: PoolEvents[Name][0]) => void)[];
    if (listeners.length === 0) return;
    // Once the step that told of it is over: a listener may use the pool, and must not find it in the middle of one.
    soon(() => {
      for (const listener of listeners) this.#hooks.call(listener, `A listener of \`${name}\``, fact);
    });
  }

  log({ worker, stream, call, text, level, logger, context }: LogMessage & Pick<LogEvent, 'worker' | 'context'>): void {
    this.emit('log', { worker, stream, call, text, level, logger, context });
    if (this.#logs === 'inherit') {
      const out = stream === 'stdout' ? process.stdout : process.stderr;
      const where = `[${worker}]${logger === undefined ? '' : ` ${printable(`${level ?? ''} ${logger}`)}:`} `;
      // By the line's end alone: `^` of a regular expression sees more ends of lines than a terminal.
      print(out, `${where}${printableLines(text).replaceAll('\n', `\n${where}`)}\n`, (error) =>
        this.#hooks.failed(out, 'Printing what Python has printed', error),
      );
    }
  }

  /** Somebody keeps a worker from the others. It is said once, to whoever may listen. */
  leaked(leak: LeaseLeak): void {
    if (this.listeners.listenerCount('lease.leaked') > 0) return this.emit('lease.leaked', leak);
    const { lease, worker, how, heldMs, stack } = leak;
    const what =
      how === 'held' ? 'and has not been given back' : 'and lost without being given back, as the pool has done now';
    const where = stack === undefined ? '' : ` It was asked for here:\n${stack}`;
    process.emitWarning(`Lease ${lease} of ${worker} was held for ${heldMs} ms, ${what}.${where}`, {
      code: 'PYTHONARIUM_LEAK',
    });
  }
}
