/**
 * A copy of options that has nothing but what its owner wrote: what somebody hung on `Object.prototype` is not in it, and
 * cannot be read through it. What is no object comes back as it is.
 */
export function own<T>(options: T): T {
  if (typeof options !== 'object' || options === null || options === NO_OPTIONS) return options;
  return Object.assign(Object.create(null), options);
}

/** The options of whoever gives none. Most do, so that nothing is made of them. */
export const NO_OPTIONS = Object.freeze(Object.create(null) as Record<never, never>);
