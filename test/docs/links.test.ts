import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { links, type Page, ROOT, readPages } from './pages.js';

const pages = readPages();

describe('links', () => {
  it.each(pages)('of $path lead somewhere', (page) => {
    const dead = links(page.text).filter((link) => !leadsSomewhere(page, link));
    expect(dead).toEqual([]);
  });

  it.each(['docs/protocol.md', 'docs/values.md'])('of %s lead to what comes with the package', (path) => {
    const page = pages.find((each) => each.path === path) as Page;
    const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: string[] };
    const leads = links(page.text).map((link) => target(page, link).path);
    const missing = leads.filter((lead) => !files.some((each) => lead === each || lead.startsWith(`${each}/`)));
    expect(missing).toEqual([]);
  });

  it('lead from the README to every page', () => {
    const byPath = new Map(pages.map((page) => [page.path, page]));
    const reached = new Set<string>();
    const visit = (path: string) => {
      const page = byPath.get(path);
      if (page === undefined || reached.has(path)) return;
      reached.add(path);
      for (const link of links(page.text)) visit(target(page, link).path);
    };
    visit('README.md');
    expect(pages.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
  });
});

function leadsSomewhere(page: Page, link: string): boolean {
  const { path, anchor } = target(page, link);
  if (!existsSync(join(ROOT, path))) return false;
  if (anchor === undefined) return true;
  return pages.find((other) => other.path === path)?.anchors.has(anchor) ?? false;
}

function target({ path }: Page, link: string): { path: string; anchor: string | undefined } {
  const [file = '', anchor] = link.split('#') as [string, string?];
  return { path: file === '' ? path : normalize(join(dirname(path), file)), anchor };
}
