/**
 * One row of the table in docs/proof.md: what is done, in rounds that can be repeated for as long as anybody likes. Its
 * test runs as many as the row asks for, and `npm run soak` as many as there is time for.
 */
export interface Scenario {
  /** The row's number. */
  readonly row: number;
  /** What is shown, in a few words. */
  readonly title: string;
  /** Goes through it once. Throws what is wrong; otherwise tells what was done and seen. */
  round(effort: Effort): Promise<Counts>;
}

export interface Effort {
  /** Where chance starts: the same number, the same choices. */
  readonly seed: number;
  /** How long a round takes that can be of any length. */
  readonly seconds: number;
  /** Aborts when the round is to end early, with what it has done so far. */
  readonly signal: AbortSignal;
}

/** Numbers by name. They add up from round to round; of those whose name ends in `Max`, the largest stays. */
export type Counts = Readonly<Record<string, number>>;

/** The counts of both. */
export function added(some: Counts, more: Counts): Counts {
  const sum: Record<string, number> = { ...some };
  for (const [name, count] of Object.entries(more)) {
    const had = sum[name];
    sum[name] = had === undefined ? count : name.endsWith('Max') ? Math.max(had, count) : had + count;
  }
  return sum;
}

/** A round as a test runs it. */
export function effort(seed: number, seconds = 30): Effort {
  return { seed, seconds, signal: new AbortController().signal };
}
