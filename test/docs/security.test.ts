import { describe, expect, it } from 'vitest';
import { missingTests } from './named-tests.js';
import { readPage } from './pages.js';

const { text } = readPage('docs/security.md');

describe('docs/security.md', () => {
  const sections = text
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.split('\n', 1)[0] as string, section] as const);

  it.each(sections.filter(([heading]) => heading !== 'What there is not'))('shows tests of “%s”', (_, section) => {
    const tests = [...section.matchAll(/^- (`test\/.+)$/gm)].map(([, named]) => named as string);
    expect(tests.length).toBeGreaterThan(0);
    expect(missingTests(tests)).toEqual([]);
  });
});
