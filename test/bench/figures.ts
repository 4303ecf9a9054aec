/** The middle of some figures, their spread, and where the true middle is, 95 times of 100. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Of at least six figures; fewer cannot say. */
  readonly interval?: readonly [number, number];
}

export function summary(figures: readonly number[]): Summary {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  const rank = intervalRank(sorted.length);
  const interval = rank === 0 ? {} : { interval: [sorted[rank - 1]!, sorted[sorted.length - rank]!] as const };
  return { median, min: sorted[0]!, max: sorted.at(-1)!, ...interval };
}

/** One over the other, round by round: what else the machine did then struck both. */
export function ratios(over: readonly number[], under: readonly number[]): number[] {
  if (over.length !== under.length) throw new Error(`${over.length} rounds cannot be compared with ${under.length}`);
  return over.map((figure, round) => figure / under[round]!);
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/**
 * The true median is outside the `rank`th figures from both ends at most 5 times of 100, whatever the figures are
 * distributed like: as often as a coin falls on one side fewer than `rank` times. 0: nothing can be said.
 */
function intervalRank(count: number): number {
  let chance = 0.5 ** count;
  let tail = chance;
  let rank = 0;
  while (2 * tail <= 0.05) {
    rank += 1;
    chance *= (count - rank + 1) / rank;
    tail += chance;
  }
  return rank;
}
