import { describe, expect, it } from 'vitest';
import { parseDuration } from '../../../src/cli/duration.js';
import { parseTarget } from '../../../src/cli/target.js';

describe('the target of a call', () => {
  it.each([
    ['app.py:double', 'app.py', 'double'],
    ['statistics:mean', 'statistics', 'mean'],
    ['../my app/x.py:_private', '../my app/x.py', '_private'],
    ['odd:name/app.py:größe', 'odd:name/app.py', 'größe'],
    ['shapes:Circle.area', 'shapes', 'Circle.area'],
    ['app.py:totals.by-month', 'app.py', 'totals.by-month'],
  ])('%s is a module and a function', (text, module, name) => {
    expect(parseTarget(text)).toEqual({ module, name });
  });

  it.each(['app.py', ':double', 'app.py:', 'app.py:two words', 'app.py:1st', 'app.py:-b', 'app.py:a..b', ''])(
    '%j is refused with an example of what to write',
    (text) => {
      expect(() => parseTarget(text)).toThrow(/statistics:mean/);
    },
  );
});

describe('a duration', () => {
  it.each([
    ['500', 500],
    ['500ms', 500],
    ['2s', 2_000],
    ['1.5m', 90_000],
    ['1h', 3_600_000],
  ])('%s is %d ms', (text, durationMs) => {
    expect(parseDuration(text)).toBe(durationMs);
  });

  it.each(['', '0', '-1', 's', '2 s', '2d', '1e3', 'Infinity', '25000h', '0.1'])(
    '%j is refused: nothing waits for no time, for ever, or for what is no time',
    (text) => {
      expect(() => parseDuration(text)).toThrow(/unit/);
    },
  );
});
