import { OptionError } from '../errors.js';

/** The environment of a process: names and their values, in an object without a prototype. */
export type Environment = Readonly<Record<string, string>>;

/** Changes to an environment: a string sets the name, `undefined` removes it. */
export type EnvironmentChanges = Readonly<Record<string, string | undefined>>;

/**
 * What the workers' environment is: changes to that of this process, or, as `{ only: [...] }`, nothing but the names
 * listed there, with changes of its own in `set`. An array is what makes `only` a list; the variable of that name can
 * still be set to a string.
 */
export type EnvironmentOption = EnvironmentChanges | EnvironmentAllowList;

/** The names that pass, and what is set on top of them. */
export interface EnvironmentAllowList {
  /** The names that pass, with the values that they have in this process. */
  readonly only: readonly string[];
  /** What is set besides, or, where it is `undefined`, left out all the same. */
  readonly set?: EnvironmentChanges | undefined;
}

/**
 * The environment that a child process gets: the own properties of `base` without {@link DROPPED_NAMES}, changed as
 * the option says. What the option names is the user's own choice and is kept, dropped names included.
 * Nothing inherited counts, neither in `base` nor in the option: a polluted `Object.prototype` changes nothing.
 *
 * @throws OptionError (`ERR_OPTION`) for a name or a value that no environment can hold.
 */
export function childEnvironment(
  option: EnvironmentOption | undefined,
  base: EnvironmentChanges = process.env,
): Environment {
  const { only, changes } = read(option);
  const environment: Record<string, string> = Object.create(null);
  for (const name of only ?? Object.keys(base)) {
    const value = ownValue(base, name);
    if (value !== undefined && (only !== undefined || !DROPPED_NAMES.has(name))) environment[name] = value;
  }
  for (const [name, value] of changes) {
    if (value === undefined) delete environment[name];
    else environment[name] = value;
  }
  return environment;
}

/**
 * The environment in which Python is looked for (`VIRTUAL_ENV`, `PATH`, ...). It differs from the workers' own where
 * an allow-list hides those names from them: what Python code may see does not decide which Python runs it.
 *
 * @throws OptionError (`ERR_OPTION`) as {@link childEnvironment} does.
 */
export function searchEnvironment(
  option: EnvironmentOption | undefined,
  base: EnvironmentChanges = process.env,
): Environment {
  const { changes } = read(option);
  return childEnvironment(Object.fromEntries(changes), base);
}

/**
 * What of an environment passes an allow-list, with the values it has there: nothing that a wrapper adds on the way
 * gets past one. Without an allow-list that is all of it.
 */
export function allowedEnvironment(option: EnvironmentOption | undefined, environment: Environment): Environment {
  if (!isAllowList(option)) return environment;
  const { only = [], changes } = read(option);
  const names = new Set([...only, ...changes.map(([name]) => name)]);
  const allowed: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(environment)) if (names.has(name)) allowed[name] = value;
  return Object.freeze(allowed);
}

/**
 * Names that a child does not inherit: each makes a start of Python load or run something that the program did not
 * ask for. They only matter until Python ignores them by `-I`, but the dynamic linker and wrapper scripts come first.
 */
export const DROPPED_NAMES: ReadonlySet<string> = new Set([
  'LD_PRELOAD',
  'LD_AUDIT',
  'PYTHONHOME',
  'PYTHONSTARTUP',
  'PYTHONBREAKPOINT',
  'PYTHONINSPECT',
]);

function read(option: EnvironmentOption | undefined): {
  only: readonly string[] | undefined;
  changes: [name: string, value: string | undefined][];
} {
  if (option === undefined) return { only: undefined, changes: [] };
  if (typeof option !== 'object' || option === null || Array.isArray(option)) {
    throw new OptionError({ option: 'env', expected: 'a record of names and values, or { only: [...] }', got: option });
  }
  if (!isAllowList(option)) return { only: undefined, changes: checkedChanges(option, 'env') };

  const stray = Object.keys(option).find((key) => key !== 'only' && key !== 'set');
  if (stray !== undefined) {
    throw new OptionError({ option: `env.${stray}`, expected: 'inside `env.set`, next to `env.only`', got: {} });
  }
  const set = Object.hasOwn(option, 'set') ? option.set : undefined;
  if (set !== undefined && (typeof set !== 'object' || set === null || Array.isArray(set))) {
    throw new OptionError({ option: 'env.set', expected: 'a record of names and values', got: set });
  }
  return {
    only: Array.from(option.only, (name) => checkedName(name, 'env.only')),
    changes: set === undefined ? [] : checkedChanges(set, 'env.set'),
  };
}

function isAllowList(option: EnvironmentOption | undefined): option is EnvironmentAllowList {
  return typeof option === 'object' && option !== null && Object.hasOwn(option, 'only') && Array.isArray(option.only);
}

function checkedChanges(changes: EnvironmentChanges, option: string): [string, string | undefined][] {
  return Object.entries(changes).map(([name, value]) => [
    checkedName(name, option),
    checkedValue(value, `${option}.${name}`),
  ]);
}

function checkedName(name: unknown, option: string): string {
  if (typeof name === 'string' && name !== '' && !name.includes('=') && !name.includes('\0')) return name;
  throw new OptionError({ option, expected: 'made of names without "=" and NUL', got: name });
}

function checkedValue(value: unknown, option: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw new OptionError({ option, expected: 'a string or undefined', got: value });
  if (!value.includes('\0')) return value;
  // The value itself stays out of the error: it may be a secret.
  throw new OptionError({ option, expected: 'a string without NUL', got: `NUL at ${value.indexOf('\0')}` });
}

function ownValue(base: EnvironmentChanges, name: string): string | undefined {
  return Object.hasOwn(base, name) ? base[name] : undefined;
}
