/** As `instanceof`, and false where what is asked throws: a proxy of somebody's may. */
export function isA<T extends object>(value: unknown, Class: { readonly prototype: T }): value is T {
  try {
    return value instanceof (Class as unknown as new () => T);
  } catch {
    return false;
  }
}
