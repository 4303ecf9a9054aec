import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, readPage } from './pages.js';

const { text } = readPage('docs/security.md');

describe('docs/security.md', () => {
  const sections = text
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.split('\n', 1)[0] as string, section] as const);

  it.each(sections.filter(([heading]) => heading !== 'What there is not'))('shows tests of “%s”', (_, section) => {
    const tests = [...section.matchAll(/^- `(test\/[^`]+)`: (.+)$/gm)];
    expect(tests.length).toBeGreaterThan(0);
    const missing = tests.filter(([, file = '', title = '']) => {
      const path = join(ROOT, file);
      return !existsSync(path) || !readFileSync(path, 'utf8').includes(title);
    });
    expect(missing.map(([line]) => line)).toEqual([]);
  });
});
