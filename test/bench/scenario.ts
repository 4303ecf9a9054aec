import { type Summary, summary } from './figures.js';

/** What a scenario is run with. */
export interface Conditions {
  readonly python: string;
  /** How often each side is started and measured. */
  readonly rounds: number;
  /** The core that both sides share where it is about latency. */
  readonly core: string;
  /** Tells whoever waits how far it has come. */
  readonly progress: (text: string) => void;
}

/** One thing to measure. */
export interface Scenario {
  readonly name: string;
  /** Its row in the table of what the library promises. */
  readonly row?: number;
  readonly title: string;
  /** What the figures do not say. */
  readonly caveat: string;
  run(conditions: Conditions): Promise<Result>;
}

export interface Result {
  readonly tables: readonly Table[];
  readonly checks: readonly Check[];
  readonly plots?: readonly Plot[];
  /** All that was measured, round by round. */
  readonly figures: unknown;
}

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A figure that is promised, and whether it is as promised. */
export interface Check {
  readonly what: string;
  readonly is: Summary;
  readonly bar: string;
  readonly holds: boolean;
}

/** Lines over a logarithmic axis. */
export interface Plot {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly lines: readonly { readonly name: string; readonly points: readonly (readonly [number, number])[] }[];
}

export function atMost(what: string, figures: readonly number[], bar: number): Check {
  const is = summary(figures);
  return { what, is, bar: `at most ${bar}`, holds: is.median <= bar };
}

export function atLeast(what: string, figures: readonly number[], bar: number): Check {
  const is = summary(figures);
  return { what, is, bar: `at least ${bar}`, holds: is.median >= bar };
}

/** A median and the range around it, in as many digits as tell something. */
export function shown({ median, min, max }: Summary): string {
  return min === max ? short(median) : `${short(median)} (${short(min)} to ${short(max)})`;
}

export function short(figure: number): string {
  if (!Number.isFinite(figure)) return '-';
  const size = Math.abs(figure);
  if (size >= 1000) return Math.round(figure).toLocaleString('en-US');
  if (size === 0) return '0';
  return figure.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3);
}
