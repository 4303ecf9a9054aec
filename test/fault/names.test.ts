import { describe, expect, it } from 'vitest';
import { checkOptions } from '../../src/options.js';
import { fixtures, readyPool } from '../support/pool.js';

const guarded = fixtures(import.meta.url)('guarded.py');

describe('the name of a function', () => {
  it('calls what is exposed by exactly that name, and nothing else: none of 500 that look like one gets in', async () => {
    const pool = await readyPool(guarded);
    const names = hostileNames();
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThanOrEqual(500);
    const codes = new Map<string, string>();
    await Promise.all(
      names.map((name) =>
        pool.call(name).then(
          () => codes.set(name, 'called'),
          (error: { code: string }) => codes.set(name, error.code),
        ),
      ),
    );
    expect([...codes].filter(([, code]) => code !== 'ERR_NOT_EXPOSED')).toEqual([]);
    expect(await pool.call('reached')).toEqual([]);
    expect(await pool.call('safe')).toBe('safe');
    expect(await pool.call('named.safe')).toBe('named');
  });
});

describe('the name of a module', () => {
  it('is a dotted name of ASCII, or a path that exists: none of those that look like one is taken', () => {
    const taken = hostileNames()
      // These are names of modules as they should be, or would be paths.
      .filter((name) => !/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(name) && !name.includes('/') && !name.endsWith('.py'))
      .filter((module) => {
        try {
          return checkOptions({ module }) !== undefined;
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_OPTION', option: 'module' });
          return false;
        }
      });
    expect(taken).toEqual([]);
  });

  it.each(['../nosuch.py', '/nosuch/evil.py', './nosuch/', 'nosuch.py'])('that is no file is refused: %s', (module) => {
    expect(() => checkOptions({ module })).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
  });
});

/** Names that are not those of functions, though Python or an eye may take them for such. */
function hostileNames(): string[] {
  const names = new Set<string>(['', ' ', '.', '..', '\0', '*', '@expose', 'safe()', 'safe;hidden', 'lambda: 0', '-c']);
  const targets = ['safe', 'hidden', 'reached', 'other'];
  const look: Record<string, readonly string[]> = {
    a: ['а', 'ａ', 'ɑ', 'α', '𝐚', '𝖺', 'ª', 'á', 'a\u0301'],
    e: ['е', 'ｅ', 'ҽ', '℮', '𝐞', '𝖾', 'ₑ', 'é'],
    s: ['ѕ', 'ｓ', 'ꜱ', '𝐬', 'ſ', 'ˢ', 'ś'],
    f: ['ｆ', 'ꬵ', '𝐟', 'ẝ', 'ƒ'],
    h: ['һ', 'ｈ', 'ℎ', '𝐡', 'ʰ'],
    i: ['і', 'ｉ', 'ⅰ', '𝐢', 'ⁱ', 'ı', 'İ'],
    d: ['ԁ', 'ｄ', 'ⅾ', '𝐝', 'ᵈ'],
    n: ['ո', 'ｎ', 'ⁿ', '𝐧'],
    r: ['г', 'ｒ', 'ᵣ', '𝐫'],
    c: ['с', 'ｃ', 'ⅽ', '𝐜'],
    o: ['о', 'ｏ', 'ο', 'ℴ', '𝐨', 'º', '0'],
    t: ['ｔ', 'ᵗ', '𝐭', 'т'],
  };
  for (const target of targets) {
    for (const [index, letter] of [...target].entries()) {
      for (const other of look[letter] ?? []) names.add(target.slice(0, index) + other + target.slice(index + 1));
    }
    for (const mark of [
      '\0',
      ' ',
      '\t',
      '\n',
      '\r',
      '\u00a0',
      '\u200b',
      '\u200d',
      '\u2028',
      '\ufeff',
      '\u202e',
      '\u00ad',
      '.',
      '/',
      ':',
      '()',
      '\ud800',
    ]) {
      names.add(target + mark);
      names.add(mark + target);
    }
    names.add(target.toUpperCase());
    names.add(`guarded.${target}`);
    names.add(`guarded:${target}`);
    names.add(`__main__.${target}`);
    for (const attribute of [
      '__call__',
      '__globals__',
      '__code__',
      '__closure__',
      '__wrapped__',
      '__class__',
      '__dict__',
      '__init__',
      '__self__',
      '__builtins__',
      '__reduce__',
      '__module__',
      'method',
    ]) {
      names.add(`${target}.${attribute}`);
    }
  }
  names.delete('safe');
  names.delete('reached');
  const builtins = [
    'eval',
    'exec',
    'open',
    'compile',
    '__import__',
    'getattr',
    'setattr',
    'vars',
    'globals',
    'input',
    'breakpoint',
    'exit',
    'print',
    'type',
  ];
  const modules = [
    'os',
    'sys',
    'subprocess',
    'builtins',
    'importlib',
    'pythonarium',
    'ctypes',
    'pickle',
    '__main__',
    'guarded',
  ];
  const members = [
    'system',
    'popen',
    'Popen',
    'run',
    'exit',
    'import_module',
    'loads',
    'CDLL',
    '__dict__',
    '__loader__',
    'modules',
    'worker.main',
    'expose',
    'environ.get',
  ];
  for (const name of builtins) for (const prefix of ['', 'builtins.', '__builtins__.', 'os.']) names.add(prefix + name);
  for (const module of modules) {
    names.add(module);
    for (const member of members) names.add(`${module}.${member}`);
  }
  for (const name of [
    '__init__',
    '__new__',
    '__class__',
    '__subclasses__',
    '__mro__',
    '__base__',
    '__doc__',
    '__name__',
    '__file__',
    '__spec__',
    '__path__',
    '__annotations__',
    '_private',
    'Hidden',
    'Hidden.method',
    'REACHED',
    'REACHED.append',
    'REACHED.clear',
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'then',
  ])
    names.add(name);
  for (const path of [
    '/etc/passwd',
    '../guarded',
    '../../guarded.safe',
    './safe',
    'file:///etc/passwd',
    'C:\\evil',
    '~/evil',
    'safe/../hidden',
    '%2e%2e%2fhidden',
    '..%2fhidden',
    '$(id)',
    '`id`',
    '$\u007bjndi:x}',
    "'; import os; os.system('id')",
    '{0.__class__}',
    '%s%n',
    'a'.repeat(10_000),
  ])
    names.add(path);
  return [...names];
}
