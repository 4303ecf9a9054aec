/**
 * A copy of options that has nothing but what its owner wrote: what somebody hung on `Object.prototype` is not in it, and
 * cannot be read through it. What is no object comes back as it is.
 */
export function own<T>(options: T): T {
  if (typeof options !== 'object' || options === null) return options;
  return Object.assign(new Bare(), options);
}

/** Its objects inherit from an empty one, and not from `Object.prototype`. Those of `Object.create(null)` are hash tables to V8, and slow. */
const Bare = function Bare() {} as unknown as new () => object;
Bare.prototype = Object.freeze(Object.create(null));
