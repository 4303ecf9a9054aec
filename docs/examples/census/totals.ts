/** What `census.py` says of one file. */
export type Measured = MeasuredFile | { path: string; problem: string };

interface MeasuredFile {
  path: string;
  lines: number;
  functions: number;
  asynchronous: number;
  classes: number;
  longest: { name: string; line: number; lines: number }[];
  imports: string[];
}

/** A function and how long it is. */
export interface LongFunction {
  name: string;
  path: string;
  line: number;
  lines: number;
}

/** What the files have in them, all together. */
export class Totals {
  files = 0;
  lines = 0;
  functions = 0;
  asynchronous = 0;
  classes = 0;
  /** The files that do not parse, and why. */
  readonly unparsed: { path: string; problem: string }[] = [];
  #longest: LongFunction[] = [];
  readonly #importers = new Map<string, number>();

  add(file: Measured): void {
    this.files += 1;
    if ('problem' in file) {
      this.unparsed.push(file);
      return;
    }
    this.lines += file.lines;
    this.functions += file.functions;
    this.asynchronous += file.asynchronous;
    this.classes += file.classes;
    const candidates = file.longest.map((each) => ({ ...each, path: file.path }));
    this.#longest = [...this.#longest, ...candidates].sort(byLength).slice(0, SHOWN);
    for (const module of file.imports) this.#importers.set(module, (this.#importers.get(module) ?? 0) + 1);
  }

  /** The longest functions, longest first. */
  get longest(): readonly LongFunction[] {
    return this.#longest;
  }

  /** The modules that most files import, and how many do. */
  get imports(): readonly (readonly [module: string, files: number])[] {
    return [...this.#importers].sort(([a, i], [b, k]) => k - i || (a < b ? -1 : 1)).slice(0, SHOWN);
  }
}

/** What `plain.py` prints. */
export interface PlainTotals {
  files: number;
  unparsed: number;
  lines: number;
  functions: number;
  asynchronous: number;
  classes: number;
  longest: [path: string, line: number, lines: number][];
  imports: [module: string, files: number][];
}

/** The names of the totals that are not the same, with both sides; none if they agree. */
export function differences(ours: Totals, plain: PlainTotals): string[] {
  const asPlain: PlainTotals = {
    files: ours.files,
    unparsed: ours.unparsed.length,
    lines: ours.lines,
    functions: ours.functions,
    asynchronous: ours.asynchronous,
    classes: ours.classes,
    longest: ours.longest.map(({ path, line, lines }) => [path, line, lines]),
    imports: ours.imports.map(([module, files]) => [module, files]),
  };
  return (Object.keys(asPlain) as (keyof PlainTotals)[])
    .map((name) => ({ name, ours: JSON.stringify(asPlain[name]), theirs: JSON.stringify(plain[name]) }))
    .filter(({ ours, theirs }) => ours !== theirs)
    .map(({ name, ours, theirs }) => `${name}: ${ours} with the pool, ${theirs} without`);
}

function byLength(a: LongFunction, b: LongFunction): number {
  return b.lines - a.lines || (a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line);
}

const SHOWN = 10;
