/**
 * A copy of options that has nothing but what its owner wrote: what somebody hung on `Object.prototype` is not in it, and
 * cannot be read through it. What is no object comes back as it is.
 */
export function own<T>(options: T): T {
  if (typeof options !== 'object' || options === null) return options;
  return Object.assign(Object.create(null), options);
}
