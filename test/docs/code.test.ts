import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { declareTypes } from '../../src/types/declare.js';
import { type CodeBlock, type Page, ROOT, readPages } from './pages.js';
import { SKLEARN_PYTHON, withoutSklearn } from './sklearn.js';
import { typeErrors } from './type-check.js';

const pages = readPages();

describe('the TypeScript of the pages', () => {
  it('is what TypeScript takes, the fragments too, with the types of the Python beside it', async () => {
    const context = [CONTEXT, ELSEWHERE].map((text, index): [string, string] => [
      inPages(`context-${index}.d.ts`),
      text,
    ]);
    const declarations = await Promise.all(pages.map(declarationsOf));
    const files = [...pages.flatMap(typeScriptOf), ...declarations.flat(), ...context];
    expect(typeErrors(new Map(files))).toEqual([]);
  });
});

describe('the files that pages show', () => {
  it.each(pages.filter(({ examples }) => examples.length > 0))('are as they stand in the examples ($path)', (page) => {
    for (const { file, text } of page.blocks) {
      const shown = page.examples.find((path) => basename(path) === file);
      const comment = file?.endsWith('.ts') ? '//' : '#';
      if (shown !== undefined) expect(text).toBe(`${comment} ${file}\n${exampleText(shown)}`);
    }
  });
});

describe('the programs of the pages', () => {
  const programs = pages.flatMap((page) =>
    page.blocks.filter(isRun).map((block) => ({ where: `${page.path}:${block.line}`, page, block })),
  );

  const needsSklearn = ({ block }: (typeof programs)[number]) => block.text.startsWith(`$ ${DEBIAN_PYTHON}`);
  const print = async ({ page, block }: (typeof programs)[number]) => {
    const folder = mkdtempSync(join(tmpdir(), 'pythonarium-'));
    try {
      writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
      symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
      for (const { file, text } of filesFor(page, block)) writeFileSync(join(folder, file), text);
      for (const { command, output } of transcript(block)) {
        expect(await run(command, folder)).toMatch(asPattern(output));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  it.each(programs.filter((program) => !needsSklearn(program)))('print what $where says', print);
  it.skipIf(SKLEARN_PYTHON === undefined).each(programs.filter(needsSklearn))(
    `print what $where says, with scikit-learn${withoutSklearn}`,
    print,
  );

  it('import nothing that does not come with the package', () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: object };
    const known = new Set(['pythonarium', ...Object.keys(dependencies)]);
    const strange = pages.flatMap(({ path, blocks }) =>
      blocks
        .filter(({ file }) => file?.endsWith('.ts'))
        .flatMap(({ text }) => packagesIn(text))
        .filter((name) => !known.has(name))
        .map((name) => `${path}: ${name}`),
    );
    expect(strange).toEqual([]);
  });
});

/** Blocks that begin with a file's name are files, and all of a page share a folder. The others are fragments. */
function typeScriptOf(page: Page): [string, string][] {
  const folder = inPages(page.path.replaceAll('/', '-'));
  const examples = page.examples.filter((path) => path.endsWith('.ts'));
  const files = examples.map((path): [string, string] => [join(folder, basename(path)), exampleText(path)]);
  const blocks = page.blocks
    .filter(({ language }) => language === 'ts')
    .map(({ file, line, text }) => {
      // A line that is no comment to a reader, so that messages give the page's own lines.
      const padding = '\n'.repeat(line);
      return [join(folder, file ?? `line-${line}.ts`), `export {};${padding}${text}`] as [string, string];
    });
  return [...files, ...blocks];
}

/** What `pythonarium types` would write beside the Python of a page, where the page imports it. */
async function declarationsOf(page: Page): Promise<[string, string][]> {
  const python = page.blocks.filter(({ language, file }) => language === 'python' && file !== undefined);
  const folder = mkdtempSync(join(tmpdir(), 'pythonarium-'));
  try {
    for (const { file, text } of python) writeFileSync(join(folder, file!), text);
    const imported = [...new Set(python.map(({ file }) => file!))].filter((file) => page.text.includes(`${file}.js'`));
    return await Promise.all(
      imported.map(async (file): Promise<[string, string]> => {
        const modules = { '': join(folder, file) };
        const { text, problem } = await declareTypes({ modules, expose: 'marked', title: 'pythonarium types' });
        expect(problem, page.path).toBeUndefined();
        return [join(inPages(page.path.replaceAll('/', '-')), `${file}.d.ts`), text!];
      }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Nothing is written there. */
function inPages(name: string): string {
  return join(ROOT, 'docs', '.pages', name);
}

function isRun({ language, text }: CodeBlock): boolean {
  return language === 'console' && /^\$ (PYTHONARIUM_PYTHON=\/usr\/bin\/python3 )?npx (tsx|pythonarium) /.test(text);
}

/** The examples that the page links to, and its own files as they are above the block: a later one is a newer version. */
function filesFor({ blocks, examples }: Page, { line }: CodeBlock): { file: string; text: string }[] {
  const linked = examples.map((path) => ({ file: basename(path), text: exampleText(path) }));
  const own = blocks.flatMap(({ file, text, line: at }) => (file !== undefined && at < line ? [{ file, text }] : []));
  return [...linked, ...own];
}

function exampleText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The packages that the text of a TypeScript file imports from. */
function packagesIn(text: string): string[] {
  const names = [...text.matchAll(/^(?:import|\}) .*\bfrom '([^'.][^']*)'/gm)].map(([, name = '']) => name);
  return names.filter((name) => !isBuiltin(name)).map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);
}

/** Lines after `$` are commands, and what follows one is what it prints. */
function transcript({ text }: CodeBlock): { command: string; output: string }[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command = '', ...output] = part.split('\n');
      return { command, output: output.join('\n') };
    });
}

/** What it prints on both of its outputs, in its order, as a terminal shows it; its exit code too, if that is not 0. */
async function run(command: string, cwd: string): Promise<string> {
  const [, name, ...args] = command.replace(DEBIAN_PYTHON, '').split(' ');
  const program = name === 'tsx' ? args : [join(ROOT, 'src', 'cli', 'main.ts'), ...args];
  const env: NodeJS.ProcessEnv = { ...process.env, TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.json') };
  if (command.startsWith(DEBIAN_PYTHON)) env.PYTHONARIUM_PYTHON = SKLEARN_PYTHON;
  const path = `${cwd}.printed`;
  const both = openSync(path, 'w');
  const child = spawn(process.execPath, ['--import', TSX, ...program], { cwd, env, stdio: ['pipe', both, both] });
  closeSync(both);
  const code = await new Promise((resolve) => child.on('close', resolve));
  const printed = readFileSync(path, 'utf8').replace(/(?<=[^\n])$/, '\n');
  rmSync(path);
  return code === 0 ? printed : `${printed}exit code ${code}\n`;
}

/** `…` stands for whatever is not worth printing. */
function asPattern(output: string): RegExp {
  const parts = output.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]*?')}$`);
}

/** Before the programs of pages that need what Debian's Python has. */
const DEBIAN_PYTHON = 'PYTHONARIUM_PYTHON=/usr/bin/python3 ';
const TSX = import.meta.resolve('tsx');

/** What fragments may use without saying where it comes from. */
const CONTEXT = `
import type { Lease, Pool, Session } from 'pythonarium';
import type * as pythonarium from 'pythonarium';
declare global {
  const createPool: typeof pythonarium.createPool;
  const kw: typeof pythonarium.kw;
  const pool: Pool;
  const lease: Lease;
  const session: Session;
  const rows: number[][];
  const request: { signal: AbortSignal; user: string };
  const metrics: { add(name: string, value?: number): void };
}
`;

/** What a page tells its reader to install, and what is not installed here. */
const ELSEWHERE = `
declare module '@statelyai/inspect' {
  export function createWebSocketInspector(options?: { url?: string; sanitizeContext?: (context: object) => object }): {
    inspect: import('xstate').Observer<import('xstate').InspectionEvent>;
    stop(): void;
  };
}
declare module 'zod' {
  type Schema<T> = import('pythonarium').StandardSchema<T>;
  export const z: {
    number(): Schema<number>;
    object<Shape extends Record<string, Schema<unknown>>>(
      shape: Shape,
    ): Schema<{ [Key in keyof Shape]: Shape[Key] extends Schema<infer T> ? T : never }>;
  };
}
declare module '@statelyai/inspect/server' {
  export function createInspectorServer(options?: { port?: number; autoOpen?: boolean }): { stop(): void };
}
`;
