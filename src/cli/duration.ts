import { InvalidArgumentError } from 'commander';

/**
 * A length of time in milliseconds: `1500` and `1500ms` are the same, `2s` and `1.5m` are longer.
 *
 * @throws InvalidArgumentError, which the parser shows as an error of usage.
 */
export function parseDuration(text: string): number {
  const [, digits, unit = 'ms'] = DURATION.exec(text) ?? [];
  const durationMs = Math.round(Number(digits) * (UNITS[unit] ?? Number.NaN));
  if (durationMs >= 1 && durationMs <= TIMER_MS_MAX) return durationMs;
  throw new InvalidArgumentError(
    'Write milliseconds (500) or a number with its unit (500ms, 2s, 1.5m), up to 24 days.',
  );
}

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
/** Node's timers hold no more. */
const TIMER_MS_MAX = 2 ** 31 - 1;
