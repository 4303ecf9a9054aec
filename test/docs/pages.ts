import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds the README. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Page {
  /** From the folder of the README: `docs/start.md`. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly CodeBlock[];
  /** The files of `docs/examples` that it links to, from the folder of the README. */
  readonly examples: readonly string[];
  /** What the page's own headings can be linked to by. */
  readonly anchors: ReadonlySet<string>;
}

export interface CodeBlock {
  readonly language: string;
  readonly text: string;
  /** The line of the page that its first line is on. */
  readonly line: number;
  /** The name of the file that it is, if its first line says so: `// main.ts`, `# analyze.py`. */
  readonly file: string | undefined;
}

/** All pages that people read. */
export function readPages(): readonly Page[] {
  const inDocs = readdirSync(join(ROOT, 'docs'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
  return ['README.md', 'python/README.md', 'test/wire/vectors/README.md', ...inDocs.sort()].map(readPage);
}

export function readPage(path: string): Page {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return { path, text, blocks: codeBlocks(text), examples: examples(path, text), anchors: anchors(withoutCode(text)) };
}

/** The page's text with every block of code left out. */
export function withoutCode(text: string): string {
  return text.replace(FENCED, '').replace(/^( {4}|\t).*$/gm, '');
}

/** Where the links of a page lead, other pages of the web left out. */
export function links(text: string): string[] {
  return [...withoutCode(text).matchAll(/\]\((?<link>[^)\s]+)\)/g)]
    .map(({ groups }) => groups?.link ?? '')
    .filter((link) => !/^https?:/.test(link));
}

function examples(path: string, text: string): string[] {
  const files = links(text).map((link) => normalize(join(dirname(path), link)));
  return [...new Set(files)].filter((file) => /^docs\/examples\/.*\.(ts|py)$/.test(file));
}

function codeBlocks(text: string): CodeBlock[] {
  return [...text.matchAll(FENCED)].map(({ index, groups }) => {
    const { language = '', code = '' } = groups as { language?: string; code?: string };
    const file = /^(?:\/\/|#) ([\w-]+\.\w+)$/m.exec(code.split('\n', 1)[0] ?? '')?.[1];
    return { language, text: code, line: text.slice(0, index).split('\n').length + 1, file };
  });
}

/** As GitHub and npm make them. */
function anchors(text: string): Set<string> {
  const found = new Set<string>();
  for (const [, heading = ''] of text.matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
    let anchor = slug;
    for (let again = 1; found.has(anchor); again += 1) anchor = `${slug}-${again}`;
    found.add(anchor);
  }
  return found;
}

const FENCED = /^```(?<language>[\w-]*)\n(?<code>[\s\S]*?)^```$/gm;
