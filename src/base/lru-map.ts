import { LRUCache } from 'lru-cache';
import { own } from './own.js';

/**
 * A map that forgets what was used longest ago. A cache takes the room for all that it may hold at once, so that one is
 * followed by another, twice as large, until it is as large as the map may be.
 * What hangs on `Object.prototype` is none of its settings.
 */
export class LruMap<T extends object | string> {
  readonly #max: number;
  #entries: LRUCache<string, T> | undefined;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#entries?.size ?? 0;
  }

  get(key: string): T | undefined {
    return this.#entries?.get(key, own({}));
  }

  /** What `get` gives, and it counts as no use. */
  peek(key: string): T | undefined {
    return this.#entries?.peek(key, own({}));
  }

  set(key: string, value: T): void {
    if (this.#entries === undefined || this.#entries.size === this.#entries.max) this.#grow();
    this.#entries!.set(key, value, own({}));
  }

  delete(key: string): void {
    this.#entries?.delete(key);
  }

  clear(): void {
    this.#entries?.clear();
  }

  /** Takes out what was used longest ago. */
  pop(): T | undefined {
    return this.#entries?.pop();
  }

  /** From what was used last to what was used longest ago. */
  values(): Iterable<T> {
    return this.#entries?.values() ?? [];
  }

  #grow(): void {
    const before = this.#entries;
    const max = Math.min(this.#max, 2 * (before?.max ?? ROOM / 2));
    if (max === before?.max) return;
    this.#entries = new LRUCache<string, T>(own({ max }));
    for (const [key, value] of before?.rentries() ?? []) this.#entries.set(key as string, value as T, own({}));
  }
}

/** For so many at first. */
const ROOM = 64;
