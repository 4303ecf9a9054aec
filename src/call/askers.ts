import type { Asking } from './asking.js';

/**
 * Those who have asked for a worker and have none, by ticket, in pages of as many tickets as follow each other. A `Map`
 * of them would be made anew again and again, and V8 has each old one point to the next: once one of them has become
 * old, all that come after it live until the next full collection, with all who ever waited.
 */
export class Askers {
  readonly #pages = new Map<number, Page>();
  /** The one of the last ticket: kept though it may be empty, since the next tickets are its own. */
  #latest: Page | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(asker: Asking): void {
    const { ticket } = asker.waiter;
    const page = this.#pageFor(ticket);
    const at = ticket % PAGE_TICKETS;
    if (page.askers[at] === undefined) {
      page.count += 1;
      this.#size += 1;
    }
    page.askers[at] = asker;
  }

  has(ticket: number): boolean {
    return this.#pageOf(ticket)?.askers[ticket % PAGE_TICKETS] !== undefined;
  }

  /** The one with that ticket, who is there no longer. */
  take(ticket: number): Asking | undefined {
    const page = this.#pageOf(ticket);
    const at = ticket % PAGE_TICKETS;
    const asker = page?.askers[at];
    if (page === undefined || asker === undefined) return undefined;
    page.askers[at] = undefined;
    page.count -= 1;
    this.#size -= 1;
    if (page.count === 0 && page !== this.#latest) this.#pages.delete(page.number);
    return asker;
  }

  /** By their tickets, but for those that were back after all of their page had gone. */
  *[Symbol.iterator](): Generator<Asking> {
    for (const { askers } of this.#pages.values()) {
      for (const asker of askers) if (asker !== undefined) yield asker;
    }
  }

  #pageOf(ticket: number): Page | undefined {
    const number = Math.floor(ticket / PAGE_TICKETS);
    const latest = this.#latest;
    return latest?.number === number ? latest : this.#pages.get(number);
  }

  #pageFor(ticket: number): Page {
    const known = this.#pageOf(ticket);
    if (known !== undefined) return known;
    const page: Page = {
      number: Math.floor(ticket / PAGE_TICKETS),
      askers: Array(PAGE_TICKETS).fill(undefined),
      count: 0,
    };
    this.#pages.set(page.number, page);
    const before = this.#latest;
    if (before !== undefined && before.number > page.number) return page;
    if (before?.count === 0) this.#pages.delete(before.number);
    this.#latest = page;
    return page;
  }
}

interface Page {
  readonly number: number;
  /** By ticket, as far as that goes beyond those of the pages before. */
  readonly askers: (Asking | undefined)[];
  /** How many are there. */
  count: number;
}

const PAGE_TICKETS = 64;
