import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { findInterpreter } from '../../src/process/interpreter.js';
import { declareTypes } from '../../src/types/declare.js';
import { ROOT } from '../docs/pages.js';
import { typeErrors } from '../docs/type-check.js';
import { temporaryFolder } from '../support/folder.js';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const PROMISES = fileURLToPath(new URL('generated.test-d.ts', import.meta.url));
const DECLARED = here('fixtures/shop.py.d.ts');

describe('the declarations of a module', () => {
  it('are those of the fixture', async () => {
    const { text, warnings } = await declareTypes({
      modules: { '': here('fixtures/shop.py') },
      expose: 'marked',
      title: 'pythonarium types shop.py',
    });
    expect(text).toBe(readFileSync(DECLARED, 'utf8'));
    expect(warnings).toEqual([
      {
        file: here('fixtures/shop.py'),
        line: 83,
        text: 'untold() has no hint for `thing`, `deep` and its result: unknown',
      },
    ]);
  });

  it.each([
    ['nodenext', { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext }],
    ['bundler', { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }],
  ])('take what is right and refuse what is wrong, under the resolution %s', (_, options) => {
    expect(errorsOf([PROMISES, DECLARED], options)).toEqual([]);
  });

  it('are seen to refuse: a promise that is not kept is an error', () => {
    const promises = readFileSync(PROMISES, 'utf8');
    const broken = promises.replace('kw({ discount: 0.1, tax: 0.2 })', 'kw({ discount: 0.1 })');
    expect(broken).not.toBe(promises);
    expect(typeErrors(new Map([[PROMISES, broken]]))).toEqual([
      expect.stringContaining("Unused '@ts-expect-error' directive"),
    ]);
  });
});

describe('a Python that prints as it starts', () => {
  it('declares all the same', async () => {
    const folder = temporaryFolder();
    const { executable } = await findInterpreter();
    execFileSync(executable, ['-m', 'venv', '--symlinks', '--without-pip', folder]);
    const python = join(folder, 'bin/python');
    const where = 'import sysconfig; print(sysconfig.get_path("purelib"))';
    const site = execFileSync(python, ['-c', where], { encoding: 'utf8' }).trim();
    writeFileSync(join(site, 'greets.pth'), 'import sys; sys.stdout.write("Welcome!\\n{and more")\n');
    const file = join(folder, 'app.py');
    writeFileSync(file, 'def f() -> int: ...\n');
    const { text } = await declareTypes({ modules: { '': file }, expose: 'all', title: 'app', python });
    expect(text).toContain('function f(): Promise<number>;');
  });
});

describe('any name that Python allows', () => {
  it('is one of a function, of a parameter, of a keyword, of a field, of a method and of a class', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'names.py');
    const functions = NAMES.map((name) => `@expose\ndef ${name}(${name}: int, ${name}_: int = 1) -> int: ...`);
    const classes = NAMES.map(
      (name) =>
        `@expose(name="Of.${name}")\nclass ${name}:\n    ${name}: int\n    def get_${name}(self, ${name}: ${name}) -> int: ...`,
    );
    const records = NAMES.map((name) => `@dataclass\nclass ${name}:\n    ${name}: int`);
    const uses = NAMES.map((name) => `@expose(name="use.${name}")\ndef use_${name}(x: records.${name}) -> None: ...`);
    const head = 'from dataclasses import dataclass\nfrom pythonarium import expose\nimport records\n';
    writeFileSync(join(folder, 'records.py'), [head, ...records].join('\n'));
    writeFileSync(file, [head, ...functions, ...uses].join('\n'));
    writeFileSync(join(folder, 'classes.py'), [head, ...classes].join('\n'));
    for (const module of [file, join(folder, 'classes.py')]) {
      const { text, problem } = await declareTypes({ modules: { '': module }, expose: 'marked', title: 'names' });
      expect(problem).toBeUndefined();
      writeFileSync(`${module}.d.ts`, text!);
      expect(errorsOf([`${module}.d.ts`])).toEqual([]);
    }
    const program = "import type * as names from './names.py.js';\nexport declare const all: readonly [NAMES];\n";
    // What JavaScript asks every promise for cannot be called through the proxy.
    const called = NAMES.filter((name) => !['catch', 'constructor'].includes(name)).map(
      (name) => `typeof names.${name}, typeof names.use.${name}`,
    );
    writeFileSync(join(folder, 'main.ts'), program.replace('NAMES', called.join(', ')));
    expect(errorsOf([join(folder, 'main.ts')])).toEqual([]);
  });
});

describe('what is hard to tell', () => {
  it('is still what TypeScript takes', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'hard.py');
    writeFileSync(file, HARD);
    const { text, warnings } = await declareTypes({ modules: { '': file }, expose: 'marked', title: 'hard' });
    expect(warnings).toEqual([]);
    writeFileSync(`${file}.d.ts`, text!);
    expect(errorsOf([`${file}.d.ts`])).toEqual([]);
    // A dict is an object where all its keys are text, which shows where the variable is known, or only when it comes.
    writeFileSync(join(folder, 'main.mts'), INDEXES);
    expect(errorsOf([join(folder, 'main.mts')])).toEqual([]);
    // What comes back is no literal, though one was given.
    writeFileSync(join(folder, 'text.mts'), LITERALS);
    expect(errorsOf([join(folder, 'text.mts')])).toEqual([]);
  });
});

describe('the declarations of the standard library', () => {
  it('can be made of every module that has a source, and are what TypeScript takes, all of them at once', async () => {
    const folder = temporaryFolder();
    const { executable } = await findInterpreter();
    const told: Record<string, string> = JSON.parse(
      execFileSync(executable, [here('fixtures/corpus.py'), join(ROOT, 'python'), folder], { encoding: 'utf8' }),
    );
    const written = Object.keys(told).filter((name) => told[name] === 'written');
    expect(written).toEqual(
      expect.arrayContaining(['calendar', 'dataclasses', 'difflib', 'json', 'shlex', 'statistics', 'textwrap']),
    );
    expect(written.length).toBeGreaterThan(140);
    const files = readdirSync(folder).map((file) => join(folder, file));
    expect(errorsOf(files)).toEqual([]);
  });
});

describe('the declarations of modules that are made by chance', () => {
  it('are what TypeScript takes, whatever names itself or another in them', async () => {
    const folder = temporaryFolder();
    const { executable } = await findInterpreter();
    // Of seeds 40000 to 40059. The name of a file has its seed in it.
    execFileSync(executable, [here('fixtures/by_chance.py'), join(ROOT, 'python'), folder, '40000', '60']);
    const files = readdirSync(folder).filter((file) => file.endsWith('.d.ts'));
    expect(files).toHaveLength(60);
    expect(errorsOf(files.map((file) => join(folder, file)))).toEqual([]);
  });
});

/** Types that speak of themselves, keys of every kind, arguments that a type names, constructors made of fields. */
const HARD = `
import datetime, enum
from collections import namedtuple
from dataclasses import KW_ONLY, dataclass, field
from typing import *
from typing_extensions import Self, TypeVarTuple, Unpack
from pydantic import BaseModel, Field, RootModel, computed_field
from pythonarium import expose

Currency = Literal["EUR", "USD"]
Id = NewType("Id", str)
N = TypeVar("N", bound="Node[Any]")
T = TypeVar("T")
U = TypeVar("U", bound=int)
K = TypeVar("K")
M = TypeVar("M", str, int, bytes)
P = ParamSpec("P")
Ts = TypeVarTuple("Ts")
Index = dict[K, int]
Names = Dict[str, T]
Json = Union[Names["Json"], List["Json"], str, None]
Turn = Names[Union["Back", int]]
Back = Names[Turn]
Promise = TypeVar("Promise")
number = TypeVar("number", int, str)

class Size(str, enum.Enum):
    S = "s"
    L = "l"

@dataclass
class Node(Generic[N]):
    parent: N | None
    """All of **/*.py."""
    sizes: dict[Size, list[N]]

class Tree(dict[str, "Tree"]): ...
class Trees(set["Trees"]): ...

@dataclass
class Event:
    date: datetime.date
    by: dict[datetime.date, dict[Currency, dict[Id, "Event"]]]

class Options(TypedDict, total=False):
    size: Required[Size]
    node: Node[Any] | None

@expose
def all_of(x: N, t: Tree, s: Trees, /, e: Event = None, *xs: Unpack[tuple[int, str]], **more: Unpack[Options]) -> Node: ...

@expose
class Box(Generic[T]):
    def __init__(self, x: T, u: U, *rest: T) -> None: ...
    def map(self, f: Callable[[T], U], list: list[U] = None) -> dict[str, U]: ...
    def list(self) -> list[T]: ...
    def __iter__(self) -> Iterator[T]: ...

@expose
@dataclass
class Made:
    a: int
    _: KW_ONLY
    b: int = field(repr=False)
    c: str = ""

@expose
class Model(BaseModel):
    a: int
    b: float = Field(gt=0)

class Extract(RootModel[dict[str, "Extract"]]): ...
class Square(BaseModel):
    width: float
    @computed_field
    @property
    def area(self) -> Extract: ...

@expose
def index(of: Square, /) -> Index[str | int]: ...

class Pair(namedtuple("Pair", "x y")): ...
class Calls(Protocol):
    @overload
    def __call__(self, x: int) -> int: ...
    @overload
    def __call__(self, x: str, *more: Unpack[Ts]) -> str: ...
class More(Calls, Protocol): ...
@dataclass
class Job(Generic[P, T]):
    made: T
    of: Callable[[int, Unpack[Ts]], T]

@expose
class Ids(RootModel[dict[K, T]], Generic[K, T]):
    def put(self, job: Job[[int, str], T] | None = None, *args: P.args, **kwargs: P.kwargs) -> Self:
        self.job = job
    insert = put

@expose
class Text(Generic[M]):
    def __init__(self, x: M) -> None: ...
    def get(self) -> M: ...

@expose
def norm(x: AnyStr, /) -> AnyStr: ...

@expose
def pair(of: Pair, calls: More, /) -> Job[..., Pair]: ...

@expose
def kept(json: Json, turn: Turn, by: dict[Promise, Json], x: number, /) -> dict[Promise, number]: ...

@expose(name="app.mean")
def mean(of: Box[int]) -> Annotated[Iterator[int], "x"]: ...
@expose
def Symbol(of: Box[int], by: dict[str | int, list[T]], /, *names: str, first: T, last: T = None) -> dict[T | None, int]: ...
@expose(name="app.a-b")
def a_b(x: int = 1, /, *, y: int) -> None: ...
@expose(name="app.delete")
def delete(made: Made, model: Model) -> None: ...
`;

/** What a dict is by what its keys are. */
const INDEXES = `
import type { Index } from './hard.py.js';

export const text: Index<string> = { a: 1 };
export const numbers: Index<number> = new Map([[1, 1]]);
// @ts-expect-error: none of its keys is text
export const none: Index<number> = { a: 1 };
export const mixed: Index<string | number>[] = [{ a: 1 }, new Map<string | number, number>()];
export const some: Index<'a' | 1>[] = [{ a: 1 }, new Map<'a' | 1, number>()];
export const anything: Index<unknown>[] = [{ a: 1 }, new Map<unknown, number>()];
`;

/** Text or bytes, whichever was given. */
const LITERALS = `
import type { Json, norm, Text } from './hard.py.js';

declare const call: typeof norm;
declare const make: typeof Text;
export const text: Awaited<ReturnType<typeof call<'a'>>> = 'another';
export const bytes: Awaited<ReturnType<typeof call<Uint8Array>>> = new Uint8Array(1);
// @ts-expect-error: bytes come back for bytes
export const wrong: Awaited<ReturnType<typeof call<Uint8Array>>> = 'text';
export const made: Promise<Text<string>> = make('a');
export const counted: Promise<Text<number>> = make(1);
export const json: Json = { a: [{ b: null }, 'c'] };
// @ts-expect-error: no number is among it
export const noJson: Json = { a: [1] };
`;

/** What means something to TypeScript and nothing to Python, and letters from elsewhere. */
const NAMES = (
  'abstract any Array arguments asserts AsyncIterable bigint boolean case catch const constructor Date debugger declare default ' +
  'delete do enum eval export extends false function get Handle implements infer instanceof interface Iterable keyof Kwargs let ' +
  'Map module namespace never new null number object Object package private Promise protected public readonly Record require Set ' +
  'set static string super switch symbol Symbol this throw true type typeof Uint8Array undefined unique unknown using var void ' +
  'globalThis größe 変数 _ __x'
).split(' ');

/** What TypeScript says of files on disk; declarations are checked like any other file. */
function errorsOf(files: readonly string[], options: ts.CompilerOptions = {}): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const own = ts.parseJsonConfigFileContent(config, ts.sys, ROOT).options;
  const program = ts.createProgram(files, { ...own, ...options, skipLibCheck: false });
  return files.flatMap((file) => {
    const source = program.getSourceFile(file)!;
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((problem) => {
      const { line } = source.getLineAndCharacterOfPosition(problem.start ?? 0);
      return `${file}:${line + 1}: ${ts.flattenDiagnosticMessageText(problem.messageText, '\n')}`;
    });
  });
}
