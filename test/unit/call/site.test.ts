import { afterEach, describe, expect, it } from 'vitest';
import { framesOf, oursIn, type Site, Sites, showCaller, siteAbove } from '../../../src/call/site.js';
import { OptionError } from '../../../src/errors.js';

const { prepareStackTrace } = Error;

afterEach(() => {
  Error.prepareStackTrace = prepareStackTrace;
});

describe('where something was asked for', () => {
  it('begins above the function that is given', () => {
    const inner = () => siteAbove(inner);
    const outer = () => inner();
    expect(outer().stack?.split('\n')[1]).toContain('outer');
  });

  it('is told of in no error that somebody has frozen, which stays as it is', () => {
    const error = new OptionError({ option: 'size', expected: 'a number', got: 'x' });
    const { stack } = error;
    showCaller(Object.freeze(error), siteAbove(afterEach));
    expect(error.stack).toBe(stack);
  });

  it.each([
    ['file:///app/node_modules/pythonarium/src/call/site.ts', '/app/node_modules/pythonarium/src/'],
    [
      'file:///app/node_modules/pythonarium/dist/src/pythonarium-A1B2C3D4.js',
      '/app/node_modules/pythonarium/dist/src/',
    ],
  ])('knows its own files where it is developed, and where it is built: %s', (url, folder) => {
    expect(oursIn(url)).toEqual([`file://${folder}`, folder, '(<anonymous>)']);
  });

  it('takes nothing for its own in a program that was bundled into one file', () => {
    expect(oursIn('file:///app/dist/main.js')).toEqual([]);
    expect(oursIn('file:///app/src/main.js')).toEqual([]);
  });

  it('is of each call by itself while few wait', () => {
    const [one, other] = twice(new Sites(), 999);
    expect(other).not.toBe(one);
    expect(other.stack).toBe(one.stack);
  });

  it('is kept once for all calls of one place, whole, once many wait', () => {
    const [[one, other], [alone]] = [1_000, 0].map((waiting) => twice(new Sites(), waiting)) as [Twice, Twice];
    expect(other).toBe(one);
    expect(one.stack).toBe(alone.stack);
  });

  it('tells places apart however many wait', () => {
    const sites = new Sites();
    const [one] = twice(sites, 1_000);
    const ask = (): Site => sites.above(ask, 1_000, 0);
    expect(ask().stack).not.toBe(one.stack);
  });

  it('is not taken for more than a thousand calls a second, which takes long, and says so', () => {
    const sites = new Sites();
    const at = (now: number) => {
      const ask = (): Site => sites.above(ask, 0, now);
      return framesOf(ask());
    };
    const told = Array.from({ length: 1_001 }, () => at(5_000));
    expect(told[999]).toContain('site.test');
    expect(told[1_000]).toBe('\n    at <not known: more than 1,000 calls were made in a second>');
    expect(at(5_999)).toBe(told[1_000]);
    expect(at(7_000)).toContain('site.test');
  });

  it('is taken for a hundred in a second that follows one with more than a thousand calls, for a thousand behind that', () => {
    const sites = new Sites();
    const told = (now: number, calls: number) => {
      const ask = (): Site => sites.above(ask, 0, now);
      return Array.from({ length: calls }, () => framesOf(ask())).filter((frames) => frames.includes('site.test'))
        .length;
    };
    const seconds = [1_001, 1_000, 2_000, 2_000, 1];
    expect(seconds.map((calls, second) => told(1_000 * second, calls))).toEqual([1_000, 100, 1_000, 100, 1]);
    expect(told(5_000, 2_000)).toBe(1_000);
    // Whoever made many and then none for a while begins anew.
    expect(told(7_000, 2_000)).toBe(1_000);
  });

  it('is kept as it is where the stack cannot be made text of', () => {
    Error.prepareStackTrace = () => {
      throw new Error('no stacks here');
    };
    expect(twice(new Sites(), 1_000).map(framesOf)).toEqual(['', '']);
    Error.prepareStackTrace = (_error, frames) => frames;
    const [one, other] = twice(new Sites(), 1_000);
    expect(other).not.toBe(one);
    expect(framesOf(one)).toBe('');
  });

  it('is told from whoever called this library, in the middle of which there may be more of it', () => {
    const at = (path: string) => `    at run (${path}:1:2)`;
    const ours = ['../../../src/call/caller.ts', '../../../src/pool.ts'].map(
      (name) => new URL(name, import.meta.url).pathname,
    );
    const [one = '', other = ''] = ours;
    const stack = ['Error', at(one), at(other), at('/app/main.js'), at(one), at('/app/other.js')].join('\n');
    expect(framesOf({ stack })).toBe(`\n${[at('/app/main.js'), at(one), at('/app/other.js')].join('\n')}`);
    expect(framesOf({ stack: ['Error', at(one)].join('\n') })).toBe(`\n${at(one)}`);
    expect([framesOf({ stack: 'Error' }), framesOf({})]).toEqual(['', '']);
  });
});

type Twice = [Site, Site];

/** Two sites of one place. */
function twice(sites: Sites, waiting: number): Twice {
  const ask = (): Site => sites.above(ask, waiting, 0);
  return [0, 1].map(() => ask()) as Twice;
}
