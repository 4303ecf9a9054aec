/** What comes of a promise, whenever somebody asks; and whether anything has. */
export function settled(promise: Promise<unknown>) {
  let isSettled = false;
  const outcome = promise
    .catch((error: unknown) => error)
    .finally(() => {
      isSettled = true;
    });
  return Object.assign(() => outcome, { isSettled: () => isSettled });
}

/** The error of that kind that is thrown. */
export function thrown<E extends Error>(act: () => unknown, kind: abstract new (...args: never[]) => E): E {
  try {
    act();
  } catch (error) {
    if (error instanceof kind) return error;
    throw error;
  }
  throw new Error(`no ${kind.name} was thrown`);
}
