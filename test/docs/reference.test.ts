import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as pythonarium from 'pythonarium';
import * as compile from 'pythonarium/compile';
import * as machines from 'pythonarium/machines';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { ROOT, readPage, readPages, withoutCode } from './pages.js';

describe('the pages', () => {
  it.each([
    ['event of a pool, with its fields', events],
    ['member of stats(), with its parts', stats],
  ])('have a row for every %s', (_, things) => {
    const rows = readPage('docs/guides/inspecting.md').text.matchAll(/^\| (`.*?) \| (.*) \|$/gm);
    const said = [...rows].map(([, names = '', text = '']) => ({ names, text }));
    const missing = things().filter(({ name, fields }) => {
      const text = said.find(({ names }) => names.includes(`\`${name}\``))?.text;
      return text === undefined || !fields.every((field) => text.includes(`\`${field}\``));
    });
    expect(things().length).toBeGreaterThan(5);
    expect(missing).toEqual([]);
  });

  it('speak of everything that is exported', () => {
    const text = readPages()
      .map((page) => page.text)
      .join('\n');
    const values = Object.keys({ ...pythonarium, ...machines, ...compile }).filter((name) => !QUEUE.has(name));
    expect(values.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  });

  it('speak of every method of a pool, a lease and a session', () => {
    const text = readPages()
      .map((page) => page.text)
      .join('\n');
    const methods = CLASSES.flatMap(([noun, file, name]) => publicMembers(file, name).map((member) => [noun, member]));
    expect(methods.length).toBeGreaterThan(15);
    const isSpokenOf = ([noun, member]: string[]) => new RegExp(`\\b${noun}\\.${member}\\b`).test(text);
    expect(methods.filter((method) => !isSpokenOf(method))).toEqual([]);
  });

  it('name no method of a class that it does not have', () => {
    const said = readPages().flatMap(({ path, text }) =>
      [...withoutCode(text).matchAll(/`([A-Z]\w+)\.(\w+)\b/g)].map(([, noun = '', member = '']) => ({
        path,
        noun,
        member,
      })),
    );
    const ours = said.filter(({ noun }) => SOURCES.some((source) => declares(source, noun)));
    expect(ours.length).toBeGreaterThan(5);
    const has = ({ noun, member }: (typeof ours)[number]) =>
      (noun.endsWith('Error') && Object.hasOwn(new Error('said'), member)) ||
      SOURCES.some((source) => declares(source, noun) && new RegExp(`\\b${member}\\b(\\(|<| =|: |\\?: )`).test(source));
    expect(ours.filter((each) => !has(each))).toEqual([]);
  });
});

describe('the code', () => {
  it.each(['src/index.ts', 'machines/index.ts', 'src/compile.ts'])('says of all that %s exports what it is', (file) => {
    const silent = exportsOf(file).filter((each) => !isDescribed(each));
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it('says of every option, event and method what it is', () => {
    const types = exportsOf('src/index.ts').filter(({ name }) => WITH_MEMBERS.test(name));
    const members = types.flatMap((type) => program.getTypeChecker().getDeclaredTypeOfSymbol(type).getProperties());
    expect(members.length).toBeGreaterThan(100);
    const methods = CLASSES.flatMap(([, file, name]) => membersOf(file, name));
    const silent = [...members, ...methods].filter((each) => !isDescribed(each));
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it('says of everything that a chart is told what happened', () => {
    const lines = readFileSync(join(ROOT, 'machines/messages.ts'), 'utf8').split('\n');
    const told = [...lines.keys()].filter((at) => lines[at]?.startsWith('  | { type: '));
    expect(told.length).toBeGreaterThan(30);
    expect(told.filter((at) => !lines[at - 1]?.endsWith('*/')).map((at) => lines[at])).toEqual([]);
  });
});

/** The events of `pool.on` and the fields of what they tell. */
function events(): { name: string; fields: string[] }[] {
  const { source, checker } = parsed('src/events.ts');
  const found = source.statements.find((each) => ts.isInterfaceDeclaration(each) && each.name.text === 'PoolEvents');
  return checker
    .getTypeAtLocation(found as ts.Node)
    .getProperties()
    .map((event) => {
      const [fact] = checker.getTypeArguments(checker.getTypeOfSymbol(event) as ts.TypeReference);
      return { name: event.name, fields: (fact as ts.Type).getProperties().map((field) => field.name) };
    });
}

/** The members of `pool.stats()`, and what those consist of that are more than one number. */
function stats(): { name: string; fields: string[] }[] {
  const { source, checker } = parsed('src/stats.ts');
  const found = source.statements.find((each) => ts.isInterfaceDeclaration(each) && each.name.text === 'PoolStats');
  const members = checker.getTypeAtLocation(found as ts.Node).getProperties();
  return members.map((member) => {
    const type = checker.getTypeOfSymbol(member);
    const isOne = (type.flags & (ts.TypeFlags.String | ts.TypeFlags.Number)) !== 0;
    return { name: member.name, fields: isOne ? [] : type.getProperties().map((part) => part.name) };
  });
}

/** What a class offers, those of its base included, without what is marked as internal. */
function publicMembers(file: string, name: string): string[] {
  return membersOf(file, name).map((member) => member.name);
}

function membersOf(file: string, name: string): ts.Symbol[] {
  const { source, checker } = parsed(file);
  const found = source.statements.find((each) => ts.isClassDeclaration(each) && each.name?.text === name);
  return checker
    .getTypeAtLocation(found as ts.Node)
    .getProperties()
    .filter((member) => {
      const [declaration] = member.declarations ?? [];
      const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
      const isHidden = (ts.getCombinedModifierFlags(declaration as ts.Declaration) & hidden) !== 0;
      const isInternal = member.getJsDocTags(checker).some((tag) => tag.name === 'internal');
      return !isHidden && !isInternal && /^[a-z]\w*$/.test(member.name);
    });
}

/** What an entry of the package exports, each where it is declared. */
function exportsOf(file: string): ts.Symbol[] {
  const { source, checker } = parsed(file);
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source) as ts.Symbol);
  return exported.map((each) => (each.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(each) : each));
}

/** True if it has a doc comment, or what it overrides has one. */
function isDescribed(symbol: ts.Symbol): boolean {
  return symbol.getDocumentationComment(program.getTypeChecker()).length > 0;
}

function declares(source: string, noun: string): boolean {
  return new RegExp(`^(export )?(abstract )?class ${noun}\\b`, 'm').test(source);
}

function parsed(file: string): { source: ts.SourceFile; checker: ts.TypeChecker } {
  return { source: program.getSourceFile(join(ROOT, file)) as ts.SourceFile, checker: program.getTypeChecker() };
}

const program = ts.createProgram(
  ['src/index.ts', 'src/compile.ts', 'machines/index.ts'].map((file) => join(ROOT, file)),
  { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, skipLibCheck: true, strict: true, types: ['node'] },
);

/** What is written on both sides, file by file. */
const SOURCES = ['src', 'machines', 'python'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|py)$/.test(file))
    .map((file) => readFileSync(join(ROOT, folder, file), 'utf8')),
);

const CLASSES = [
  ['pool', 'src/pool.ts', 'Pool'],
  ['lease', 'src/lease/lease.ts', 'Lease'],
  ['session', 'src/session/session.ts', 'Session'],
] as const;

/** The types of which each member is described by itself: options, and what is listened to. */
const WITH_MEMBERS = /(Options|Limits|SetupCall|SizeRange|AllowList|PoolEvents)$/;

/** The parts of the wait queue, which is described where it stands. */
const QUEUE = new Set([
  'addWaiter',
  'emptyQueue',
  'firstWaiterFor',
  'hasWaiter',
  'listWaiters',
  'removeWaiter',
  'takeBound',
]);
