import type { Asking } from '../call/asking.js';

/**
 * Those who wait for their session to meet a worker, by their turns. Nobody bounds how many: to take out the first of them, or
 * any, takes no longer where they are more.
 */
export class Held implements Iterable<Asking> {
  readonly #links = new Map<Asking, Link>();
  #first: Link | undefined;
  #last: Link | undefined;

  get size(): number {
    return this.#links.size;
  }

  has(asking: Asking): boolean {
    return this.#links.has(asking);
  }

  /** Behind all before whom it does not go: most go before nobody. */
  add(asking: Asking): void {
    let before = this.#last;
    while (before !== undefined && asking.goesBefore(before.asking)) before = before.before;
    this.#link(asking, before);
  }

  /** Before all others, whatever its turn. */
  addFirst(asking: Asking): void {
    this.#link(asking, undefined);
  }

  takeFirst(): Asking | undefined {
    const asking = this.#first?.asking;
    if (asking !== undefined) this.remove(asking);
    return asking;
  }

  /** False: it is not among them. */
  remove(asking: Asking): boolean {
    const link = this.#links.get(asking);
    if (link === undefined) return false;
    this.#links.delete(asking);
    const { before, after } = link;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    return true;
  }

  *[Symbol.iterator](): Generator<Asking> {
    for (let link = this.#first; link !== undefined; link = link.after) yield link.asking;
  }

  #link(asking: Asking, before: Link | undefined): void {
    const after = before === undefined ? this.#first : before.after;
    const link: Link = { asking, before, after };
    if (before === undefined) this.#first = link;
    else before.after = link;
    if (after === undefined) this.#last = link;
    else after.before = link;
    this.#links.set(asking, link);
  }
}

interface Link {
  readonly asking: Asking;
  before: Link | undefined;
  after: Link | undefined;
}
