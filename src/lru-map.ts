import { LRUCache } from 'lru-cache';
import { own } from './own.js';

/** A map that forgets what was used longest ago. What hangs on `Object.prototype` is none of its settings. */
export class LruMap<T extends object | string> extends LRUCache<string, T> {
  constructor(max: number) {
    super(own({ max }));
  }

  override get(key: string): T | undefined {
    return super.get(key, own({}));
  }

  override peek(key: string): T | undefined {
    return super.peek(key, own({}));
  }

  override set(key: string, value: T): this {
    return super.set(key, value, own({}));
  }
}
