import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { links, type Page, ROOT, readPages, withoutCode } from './pages.js';

const pages = readPages();
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: string[] };
/** The files and folders of the package, but for `dist`, which may not be built and has no page. */
const brought = manifest.files.filter((each) => !each.startsWith('!') && each !== 'dist');

describe('links', () => {
  it.each(pages)('of $path lead somewhere', (page) => {
    const dead = links(page.text).filter((link) => !leadsSomewhere(page, link));
    expect(dead).toEqual([]);
  });

  it.each(pages)('of $path lead to what the package brings', (page) => {
    const leads = links(page.text).map((link) => target(page, link).path);
    expect(leads.filter((path) => !brought.some((each) => path === each || path.startsWith(`${each}/`)))).toEqual([]);
  });

  it('are looked at on every page that the package brings', () => {
    expect(brought.flatMap(pagesBelow).sort()).toEqual(pages.map(({ path }) => path).sort());
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

describe('files', () => {
  it.each(pages)('that $path names are there', ({ text }) => {
    const named = [...withoutCode(text).matchAll(NAMED)].map(([, path = '']) => path);
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('that the code names are there, what `npm test` does not run included', () => {
    const named = ['src', 'machines', 'python', 'test', 'docs/examples'].flatMap(codeBelow).flatMap((path) => {
      const text = readFileSync(join(ROOT, path), 'utf8');
      return [...text.matchAll(NAMED_IN_CODE)].map(([, name = '']) => ({ path, name }));
    });
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter(({ name }) => !existsSync(join(ROOT, name)))).toEqual([]);
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

function pagesBelow(path: string): string[] {
  if (!statSync(join(ROOT, path)).isDirectory()) return path.endsWith('.md') ? [path] : [];
  const files = readdirSync(join(ROOT, path), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.md')).map((file) => join(path, file));
}

function codeBelow(folder: string): string[] {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => /\.(?:ts|mjs|py)$/.test(file) && !file.includes('node_modules'))
    .map((file) => join(folder, file));
}

/** A file of the repository, as code names it that does not import it: in a list, or in a comment. */
const NAMED_IN_CODE = /['"`]((?:src|machines|python|test|docs)\/[\w./-]+\.(?:ts|mjs|py|md))['"`]/g;
/** A file or a folder of the repository, as a page that has no link to it names it. */
const NAMED = /`((?:src|machines|python|test|docs)\/[\w./-]+)`/g;
