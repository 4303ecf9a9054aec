import { OptionError } from '../errors.js';

/** Whether that ends anything: what is absent does not, and neither does `Infinity`. */
export function isLimit(ms: number | undefined): ms is number {
  return ms !== undefined && ms !== Number.POSITIVE_INFINITY;
}

/** @throws OptionError (`ERR_OPTION`) for a limit that is no length of time that a timer can keep. */
export function checkLimit(option: string, ms: number | undefined): void {
  if (isLimit(ms)) checkMs(option, ms);
}

/** @throws OptionError (`ERR_OPTION`) for what is no length of time that a timer can keep. */
export function checkMs(option: string, ms: unknown): void {
  if (typeof ms === 'number' && ms >= 0 && ms <= LONGEST_MS) return;
  throw new OptionError({ option, expected: `milliseconds, from 0 to ${LONGEST_MS}`, got: ms });
}

/** What a timer of Node can keep: 24.8 days. */
export const LONGEST_MS = 2 ** 31 - 1;
