import { types } from 'node:util';
import { MicroDate } from '../time/micro-date.js';
import { NdArray } from '../values/ndarray.js';

/**
 * A copy of a value that has come over the line, of which no part is shared with it that could be changed. It knows the
 * kinds that a worker can send, and no others; a handle is what it is, since it stands for one object.
 */
export function copyOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf);
  if (ArrayBuffer.isView(value)) return copyOfView(value);
  if (value instanceof NdArray) {
    const { dtype, shape, order, data } = value;
    return new NdArray({ dtype, shape, order, data: copyOfView(data) });
  }
  if (value instanceof MicroDate) return new MicroDate(value.getTime(), value.microseconds);
  if (types.isDate(value)) return new Date(value.getTime());
  if (types.isMap(value)) return new Map([...value].map(([key, item]) => [copyOf(key), copyOf(item)]));
  if (types.isSet(value)) return new Set([...value].map(copyOf));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const copy = {};
  for (const [key, item] of Object.entries(value)) {
    // By its name alone: an assignment to `__proto__` would be something else.
    Object.defineProperty(copy, key, { value: copyOf(item), writable: true, enumerable: true, configurable: true });
  }
  return copy;
}

function copyOfView(view: ArrayBufferView): ArrayBufferView {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
  if (Buffer.isBuffer(view)) return Buffer.from(bytes.buffer);
  const View = view.constructor as new (buffer: ArrayBufferLike) => ArrayBufferView;
  return new View(bytes.buffer);
}
