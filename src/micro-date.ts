import { OptionError } from './errors.js';

/**
 * A `Date` from Python that is not on a whole millisecond. It is a `Date` like any other; what a `Date` has no room for
 * is in `microseconds`, so that it goes back to Python as the moment that it was.
 */
export class MicroDate extends Date {
  /** What lies between its millisecond and the moment: 1 to 999. */
  readonly microseconds: number;

  /** @throws OptionError (`ERR_OPTION`) for microseconds that are not an integer from 1 to 999. */
  constructor(milliseconds: number, microseconds: number) {
    super(milliseconds);
    if (!Number.isInteger(microseconds) || microseconds < 1 || microseconds > 999) {
      throw new OptionError({ option: 'microseconds', expected: 'an integer from 1 to 999', got: microseconds });
    }
    this.microseconds = microseconds;
  }
}
