import { LRUCache } from 'lru-cache';
import { own } from './own.js';

/**
 * A map that forgets what was used longest ago. It takes the room for all that it may hold with the first that it does.
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
    this.#entries ??= new LRUCache<string, T>(own({ max: this.#max }));
    this.#entries.set(key, value, own({}));
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
}
