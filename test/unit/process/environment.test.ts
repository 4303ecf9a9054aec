import { describe, expect, it } from 'vitest';
import { OptionError } from '../../../src/errors.js';
import {
  allowedEnvironment,
  childEnvironment,
  DROPPED_NAMES,
  type EnvironmentOption,
  searchEnvironment,
} from '../../../src/process/environment.js';

const BASE = { PATH: '/usr/bin', HOME: '/home/ada', LD_PRELOAD: '/tmp/hook.so', VIRTUAL_ENV: '/home/ada/env' };

describe('childEnvironment', () => {
  it('is that of this process when nothing is asked for', () => {
    const environment = childEnvironment(undefined);
    for (const name of Object.keys(process.env)) {
      if (!DROPPED_NAMES.has(name)) expect(environment[name]).toBe(process.env[name]);
    }
    expect(environment.PATH).toBeTruthy();
  });

  it('leaves out every name that makes Python or the linker run something unasked', () => {
    const names = [
      'LD_PRELOAD',
      'LD_AUDIT',
      'PYTHONHOME',
      'PYTHONSTARTUP',
      'PYTHONBREAKPOINT',
      'PYTHONINSPECT',
    ] as const;
    const base = Object.fromEntries(names.map((name) => [name, 'x']));
    expect(Object.keys(childEnvironment(undefined, { ...base, LANG: 'C' }))).toEqual(['LANG']);
  });

  it('sets, replaces and removes what the option says', () => {
    const environment = childEnvironment({ HOME: undefined, PATH: '/opt/bin', MODE: '' }, BASE);
    expect({ ...environment }).toEqual({ PATH: '/opt/bin', MODE: '', VIRTUAL_ENV: '/home/ada/env' });
    expect('HOME' in environment).toBe(false);
  });

  it('keeps a dropped name that the user sets or lists, since that is a choice', () => {
    expect(childEnvironment({ LD_PRELOAD: '/mine.so' }, BASE).LD_PRELOAD).toBe('/mine.so');
    expect(childEnvironment({ only: ['LD_PRELOAD'] }, BASE).LD_PRELOAD).toBe('/tmp/hook.so');
  });

  it('passes on nothing but what an allow-list names and sets', () => {
    const environment = childEnvironment({ only: ['PATH', 'ABSENT'], set: { MODE: 'fast', PATH: '/bin' } }, BASE);
    expect({ ...environment }).toEqual({ PATH: '/bin', MODE: 'fast' });
    expect(Object.keys(childEnvironment({ only: [] }, BASE))).toEqual([]);
    expect(Object.keys(childEnvironment({ only: ['PATH', 'HOME'], set: { HOME: undefined } }, BASE))).toEqual(['PATH']);
  });

  it('sets a variable of the name "only" when it is a string', () => {
    expect(childEnvironment({ only: 'PATH', set: 'x' }, BASE)).toMatchObject({
      only: 'PATH',
      set: 'x',
      HOME: '/home/ada',
    });
  });

  it('has no prototype, and takes __proto__ for a name like any other', () => {
    const environment = childEnvironment(JSON.parse('{"__proto__": "/evil"}'), JSON.parse('{"__proto__": "/base"}'));
    expect(Object.getPrototypeOf(environment)).toBe(null);
    expect(Object.entries(environment)).toEqual([['__proto__', '/evil']]);
  });

  it('neither writes into the base nor into the option', () => {
    const base = Object.freeze({ ...BASE });
    const option = Object.freeze({ HOME: undefined, MODE: 'fast' });
    expect(() => childEnvironment(option, base)).not.toThrow();
    expect(base).toEqual(BASE);
  });

  const MALFORMED: [title: string, option: unknown, named: string][] = [
    ['null', null, 'env'],
    ['a string', 'PATH=/bin', 'env'],
    ['an array', ['PATH'], 'env'],
    ['a number as a value', { PORT: 80 }, 'env.PORT'],
    ['null as a value', { HOME: null }, 'env.HOME'],
    ['NUL in a value', { HOME: 'a\0b' }, 'env.HOME'],
    ['"=" in a name', { 'A=B': 'x' }, 'env'],
    ['NUL in a name', { 'A\0': 'x' }, 'env'],
    ['an empty name', { '': 'x' }, 'env'],
    ['a name in a list that is no string', { only: ['PATH', 1] }, 'env.only'],
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is tried.
    ['a hole in a list', { only: ['PATH', , 'HOME'] }, 'env.only'],
    ['a list as `set`', { only: [], set: ['PATH'] }, 'env.set'],
    ['a number in `set`', { only: [], set: { PORT: 80 } }, 'env.set.PORT'],
    ['a variable beside a list', { only: ['PATH'], MODE: 'fast' }, 'env.MODE'],
  ];
  it.each(MALFORMED)('refuses %s, naming the place', (_, option, named) => {
    expect(() => childEnvironment(option as EnvironmentOption, BASE)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', option: named }),
    );
  });

  it('keeps a value that it refuses out of the error, as it may be a secret', () => {
    const refused = captured(() => childEnvironment({ TOKEN: 'hunter2\0' }, BASE));
    expect(refused).toBeInstanceOf(OptionError);
    expect(refused.message).not.toContain('hunter2');
  });
});

describe('with a polluted Object.prototype', () => {
  it('neither the base nor the option gains a variable', () => {
    const seen = polluted({ PYTHONPATH: '/evil' }, () => [
      childEnvironment({ MODE: 'fast' }, { PATH: '/bin' }),
      childEnvironment({ only: ['PYTHONPATH'] }, { PATH: '/bin' }),
      searchEnvironment({ only: [] }, { PATH: '/bin' }),
    ]);
    expect(seen.map((environment) => Object.keys(environment))).toEqual([['PATH', 'MODE'], [], ['PATH']]);
    expect(seen.map((environment) => environment.PYTHONPATH)).toEqual([undefined, undefined, undefined]);
  });

  it('the option does not become an allow-list, nor does one gain a `set`', () => {
    const seen = polluted({ only: ['PATH'], set: { LD_PRELOAD: '/evil.so' } }, () => [
      childEnvironment({ MODE: 'fast' }, { PATH: '/bin', HOME: '/home/ada' }),
      childEnvironment({ only: ['PATH'] }, { PATH: '/bin' }),
      searchEnvironment({ only: ['PATH'] }, { PATH: '/bin' }),
    ]);
    expect(seen.map((environment) => Object.keys(environment))).toEqual([['PATH', 'HOME', 'MODE'], ['PATH'], ['PATH']]);
  });
});

describe('allowedEnvironment', () => {
  const REPORTED = Object.assign(Object.create(null), { PATH: '/env/bin:/bin', MODE: 'fast', ACTIVATED: 'yes' });

  it('is all there is where nobody lists names', () => {
    expect(allowedEnvironment(undefined, REPORTED)).toBe(REPORTED);
    expect(allowedEnvironment({ MODE: 'slow' }, REPORTED)).toBe(REPORTED);
  });

  it('is nothing but what an allow-list names and sets, with the values it has come to', () => {
    const allowed = allowedEnvironment({ only: ['PATH', 'HOME'], set: { MODE: 'slow' } }, REPORTED);
    expect({ ...allowed }).toEqual({ PATH: '/env/bin:/bin', MODE: 'fast' });
    expect(Object.getPrototypeOf(allowed)).toBe(null);
  });
});

describe('searchEnvironment', () => {
  it('sees the names that an allow-list hides from workers, with what `set` changes', () => {
    const environment = searchEnvironment({ only: [], set: { PATH: '/opt/bin' } }, BASE);
    expect(environment.VIRTUAL_ENV).toBe('/home/ada/env');
    expect(environment.PATH).toBe('/opt/bin');
  });

  it('follows changes as the workers do', () => {
    expect(searchEnvironment({ VIRTUAL_ENV: undefined }, BASE).VIRTUAL_ENV).toBe(undefined);
  });
});

/** What `act` returns while every object inherits these; nothing else runs meanwhile, the test's own tools least of all. */
function polluted<T>(properties: Record<string, unknown>, act: () => T): T {
  const prototype = Object.prototype as Record<string, unknown>;
  for (const [name, value] of Object.entries(properties)) prototype[name] = value;
  try {
    return act();
  } finally {
    for (const name of Object.keys(properties)) delete prototype[name];
  }
}

function captured(act: () => unknown): Error {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
