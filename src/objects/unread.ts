import { type Remote, remotesIn } from './handle.js';

/**
 * The objects in what was unread of a stream when it ended. Once its reader is lost nobody will ever read that, or
 * leave it: then they are let go of.
 *
 * Nothing here leads to the reader, or it would never be lost. From a handle a way leads to what was bound where it
 * came from, and from what is behind it to the pool and its listeners: so not even that is kept, but found while it is
 * of use.
 */
export class UnreadObjects {
  /** Of each item, the last item first. */
  readonly #items: (readonly WeakRef<Remote>[])[];

  /** @param reader Whoever has the items. */
  constructor(reader: object, items: readonly unknown[]) {
    this.#items = items.map((item) => remotesIn(item).map((remote) => new WeakRef(remote))).reverse();
    if (this.#items.some((objects) => objects.length > 0)) LOST.register(reader, this);
  }

  /** The next item was read. */
  read(): void {
    this.#items.pop();
  }

  /** Nobody will read the others. */
  drop(): void {
    for (const object of this.#items.splice(0).flat()) object.deref()?.dropOnce();
  }
}

const LOST = new FinalizationRegistry<UnreadObjects>((objects) => objects.drop());
