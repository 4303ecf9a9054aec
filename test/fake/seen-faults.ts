/**
 * What nobody may see, as it comes: rejections that nobody handles, what the pool says of code of its own that threw,
 * and messages to actors that are no more.
 */
export class SeenFaults {
  /** Those that were seen since this was emptied. */
  readonly faults: string[] = [];
  #warn: typeof console.warn | undefined;

  start(): void {
    this.faults.splice(0);
    process.on('unhandledRejection', this.#onRejection);
    process.on('warning', this.#onWarning);
    this.#warn = console.warn;
    console.warn = this.#onDeadLetter;
  }

  stop(): void {
    process.off('unhandledRejection', this.#onRejection);
    process.off('warning', this.#onWarning);
    if (this.#warn !== undefined) console.warn = this.#warn;
  }

  readonly #onRejection = (reason: unknown) => {
    this.faults.push(`Unhandled: ${reason}`);
  };

  readonly #onWarning = (warning: Error & { code?: string }) => {
    if (warning.code === 'PYTHONARIUM_FAULT') this.faults.push(warning.message);
  };

  // XState says it of a child's own end too, and to a pool that has ended one may say that it is to end.
  readonly #onDeadLetter = (text: string) => {
    if (!/^Event "(xstate\.done\.actor|pool)\./.test(text)) this.faults.push(text);
  };
}
