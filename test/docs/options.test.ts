import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { checkOptions } from '../../src/options.js';
import { ROOT, readPage } from './pages.js';

const OPTIONS = [
  { heading: 'createPool', file: 'src/options.ts', type: 'PoolOptions' },
  { heading: 'call', file: 'src/call/call-options.ts', type: 'CallOptions' },
  { heading: 'map', file: 'src/map/map.ts', type: 'MapOptions' },
  { heading: 'stream', file: 'src/call/stream.ts', type: 'StreamOptions' },
  { heading: 'checkout', file: 'src/lease/lease.ts', type: 'CheckoutOptions' },
  { heading: 'closeOnSignal', file: 'src/close-on-signal.ts', type: 'CloseOnSignalOptions' },
  { heading: 'session', file: 'src/session/session.ts', type: 'SessionOptions' },
];

describe('docs/guides/options.md', () => {
  it.each(OPTIONS)('has every option of $heading, and no other', ({ heading, file, type }) => {
    const inherited = heading === 'map' || heading === 'stream' ? documented('call').map(({ option }) => option) : [];
    const names = [...inherited, ...documented(heading).map(({ option }) => option)];
    expect(names.sort()).toEqual(members(file, type).sort());
  });

  it('says the defaults that a pool has', () => {
    const settings = checkOptions({ module: 'math' });
    const defaults = new Map<string, unknown>(Object.entries({ ...settings, ...settings.limits }));
    const said = documented('createPool').flatMap(({ option, byDefault }) => {
      const number = /^[\d,]+$/.test(byDefault) ? Number(byDefault.replaceAll(',', '')) : undefined;
      const text = /^`'?(.*?)'?`$/.exec(byDefault)?.[1];
      const value = number ?? (text === 'false' || text === 'true' ? text === 'true' : text);
      return value === undefined || option === 'random' ? [] : [[option, value]];
    });
    expect(said.length).toBeGreaterThan(10);
    expect(said).toEqual(said.map(([option]) => [option, defaults.get(option as string)]));
  });
});

/** The rows of the table below a heading. */
function documented(heading: string): { option: string; byDefault: string }[] {
  const [, section = ''] = readPage('docs/guides/options.md').text.split(`\n## ${heading}\n`);
  const rows = section.split('\n## ', 1)[0]?.matchAll(/^\| `(\w+)` \| (.*?) \| /gm) ?? [];
  return [...rows].map(([, option = '', byDefault = '']) => ({ option, byDefault }));
}

/** The properties of an interface, those it inherits too. */
function members(file: string, type: string): string[] {
  const source = program.getSourceFile(join(ROOT, file)) as ts.SourceFile;
  const found = source.statements.find((each) => ts.isInterfaceDeclaration(each) && each.name.text === type);
  const properties = program
    .getTypeChecker()
    .getTypeAtLocation(found as ts.Node)
    .getProperties();
  return properties.map(({ name }) => name);
}

const program = ts.createProgram(
  OPTIONS.map(({ file }) => join(ROOT, file)),
  { module: ts.ModuleKind.NodeNext, skipLibCheck: true, strict: true },
);
