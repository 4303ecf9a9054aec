/** An iterator, synchronous or not. */
export interface AnyIterator {
  next(): IteratorResult<unknown> | Promise<IteratorResult<unknown>>;
  return?(): unknown;
}

/** Somebody else's items. By what its own code does it may be closed in the middle of that, which then comes first. */
export class Source {
  readonly #make: () => AnyIterator;
  #iterator: AnyIterator | undefined;
  #isRunning = false;
  #mustClose = false;

  /** @param make Makes the iterator, when it is opened or the first item is asked for. */
  constructor(make: () => AnyIterator) {
    this.#make = make;
  }

  /** @throws What making the iterator throws. */
  open(): AnyIterator {
    this.#iterator ??= this.#make();
    return this.#iterator;
  }

  /** @throws What making the iterator throws, and what its `next` does. */
  next(): ReturnType<AnyIterator['next']> {
    this.#isRunning = true;
    try {
      return this.open().next();
    } finally {
      this.#isRunning = false;
      // What goes wrong in closing is nobody's to hear any more.
      if (this.#mustClose) this.close().catch(() => {});
    }
  }

  /** Resolves once it is closed, and at once where it has yet to be. Rejects with what `return` throws. */
  async close(): Promise<void> {
    this.#mustClose = this.#isRunning;
    if (!this.#isRunning) await this.#iterator?.return?.();
  }
}
