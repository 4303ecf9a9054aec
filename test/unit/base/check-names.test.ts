import { describe, expect, it } from 'vitest';
import { checkNames } from '../../../src/base/check-names.js';

describe('checkNames', () => {
  it.each([[null], [5], ['timeoutMs'], [undefined]])('refuses %o for the options themselves', (options) => {
    expect(() => checkNames(options as never, new Set(['one', 'other']))).toThrow(
      'Option `options` must be an object of one, other, but it is ',
    );
  });
});
