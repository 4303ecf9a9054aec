/** What a stack is made of. */
interface Failure {
  readonly name: string;
  readonly message: string;
  /** Python's, where it has one. */
  readonly traceback?: string;
  stack?: string | undefined;
}

/**
 * Gives an error that came from elsewhere the frames of the call it belongs
 * to, so that its stack says which call failed and not how its answer was read.
 */
export function showCaller(error: Failure, site: { readonly stack?: string | undefined }): void {
  const frames = site.stack?.slice(site.stack.indexOf('\n    at ')) ?? '';
  error.stack = `${headOf(error)}${frames}`;
}

/** All of a stack that comes above the frames of JavaScript. The reader looks for the fault in Python first. */
export function headOf({ name, message, traceback }: Failure): string {
  const header = `${name}: ${message}`;
  return traceback === undefined ? header : `${header}\n${traceback.trimEnd().replace(/^(?=.)/gm, '    ')}`;
}
