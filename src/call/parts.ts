import type { PartMessage } from '../wire/message.js';

/** What has come of a large answer before the answer itself: each part is read while Python writes the next. */
export class Parts {
  /** The call that is to be answered. */
  readonly id: number;
  readonly #values: unknown[] = [];
  #bytes = 0;
  #taken = 0;

  constructor(id: number) {
    this.id = id;
  }

  /** @returns how many bytes have come by now. */
  add({ value, bytes }: PartMessage): number {
    this.#values.push(value);
    this.#bytes += bytes;
    return this.#bytes;
  }

  /**
   * The next part, or all that is in so many lists. Each is taken once, so that no answer stands for more than has come.
   *
   * @throws RangeError where there are no such parts.
   */
  take(count?: unknown): unknown {
    if (count === undefined) {
      if (this.#taken === this.#values.length) throw new RangeError('no such part');
      return this.#values[this.#taken++];
    }
    const lists = this.#values.slice(this.#taken, this.#taken + (count as number));
    if (lists.length !== count || !lists.every(Array.isArray)) throw new RangeError('no such lists');
    this.#taken += lists.length;
    return ([] as unknown[]).concat(...lists);
  }
}
