import { describe, expect, it } from 'vitest';
import { missingTests } from './named-tests.js';
import { readPage } from './pages.js';

const { text } = readPage('docs/faults.md');

describe('docs/faults.md', () => {
  const rows = text
    .split('\n')
    .filter((line) => /^\| (?!What happens|---)/.test(line))
    .map((line) => line.slice(2, -2).split(' | ') as [string, string, string]);

  it('has a row for each of what can go wrong', () => {
    expect(rows.length).toBeGreaterThan(50);
    expect(rows.filter((cells) => cells.length !== 3)).toEqual([]);
  });

  it.each(rows)('shows tests of “%s”, or says why it cannot happen', (_, does, tests) => {
    if (tests === '–') return expect(does).toMatch(/^Cannot happen: /);
    expect(missingTests(tests.split('<br>'))).toEqual([]);
  });
});
