import { describe, expect, it } from 'vitest';
import { reasonOf, throwIfAborted } from '../../../src/base/signal.js';

describe('what whoever waits gets once a signal has aborted', () => {
  it('is its reason, whatever that is', () => {
    expect(reasonOf(AbortSignal.abort('enough'))).toBe('enough');
    expect(reasonOf(AbortSignal.abort(null))).toBeNull();
    expect(() => throwIfAborted(AbortSignal.abort('enough'))).toThrow('enough');
  });

  it("is Node's own for none, of a polyfill that knows of no reasons", () => {
    const { reason } = AbortSignal.abort();
    const polyfilled = reasonOf({ aborted: true } as AbortSignal);
    for (const each of [polyfilled, reasonOf(undefined)]) {
      expect(each).toBeInstanceOf(DOMException);
      expect([(each as Error).name, (each as Error).message]).toEqual([reason.name, reason.message]);
    }
  });

  it('is nothing where none was given, or none has aborted', () => {
    expect(() => throwIfAborted(undefined)).not.toThrow();
    expect(() => throwIfAborted(new AbortController().signal)).not.toThrow();
  });
});
