import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, readPage } from './pages.js';

const { text } = readPage('docs/architecture.md');

describe('docs/architecture.md', () => {
  const places = [...section('Where things are').matchAll(/^\| ([^|`]+) \| (`[^|]+`) \| (.+) \|$/gm)].map(
    ([, what = '', files = '', names = '']) => ({ what, files: quoted(files), names: quoted(names) }),
  );

  it.each(places)('finds $what in $files', ({ files, names }) => {
    const sources = files.map((file) => readFileSync(join(ROOT, file), 'utf8'));
    const isIn = (name: string, source: string) => new RegExp(`\\b${name}\\b`).test(source);
    expect(names.filter((name) => !sources.some((source) => isIn(name, source)))).toEqual([]);
    expect(files.filter((_, at) => !names.some((name) => isIn(name, sources[at] as string)))).toEqual([]);
  });

  it('names functions and files that are there', () => {
    expect(places.length).toBeGreaterThan(10);
    const source = [...section('The path of a call').matchAll(/(?:\]\(\.\.\/|`)((?:src|python)\/[^)`]+)/g)]
      .map(([, file = '']) => readFileSync(join(ROOT, file), 'utf8'))
      .concat(
        ['worker', 'client', 'coordinator'].map((chart) => readFileSync(join(ROOT, `machines/${chart}.ts`), 'utf8')),
      )
      .concat(readFileSync(join(ROOT, 'src/pool.ts'), 'utf8'))
      .join('\n');
    const words = quoted(section('The path of a call')).flatMap((name) => (/^[\w.]+$/.test(name) ? [name] : []));
    const known = (name: string) => source.includes(`'${name}'`) || new RegExp(`\\b${name}\\b`).test(source);
    expect(words.filter((word) => !known(word) && !word.split('.').every(known))).toEqual([]);
  });

  const invariants = section('Invariants').split(/^### /m).slice(1);

  it('has the twelve invariants', () => {
    expect(invariants.map((invariant) => Number.parseInt(invariant, 10))).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ]);
  });

  it.each(invariants.map((invariant) => [invariant.split('\n', 1)[0], invariant] as const))(
    'shows tests of %s',
    (_, invariant) => {
      const tests = [...invariant.matchAll(/^- `(test\/[^`]+)`: (.+)$/gm)].map(([, file = '', title = '']) => ({
        file,
        title,
      }));
      expect(tests.length).toBeGreaterThan(0);
      expect(tests.filter(({ file, title }) => !isTestedIn(file, title))).toEqual([]);
    },
  );
});

function isTestedIn(file: string, title: string): boolean {
  const path = join(ROOT, file);
  return existsSync(path) && readFileSync(path, 'utf8').includes(title);
}

function section(heading: string): string {
  const [, rest = ''] = text.split(`\n## ${heading}\n`);
  return rest.split('\n## ', 1)[0] as string;
}

function quoted(markdown: string): string[] {
  return [...markdown.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}
