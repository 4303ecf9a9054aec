import { OptionError } from '../errors.js';

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
    if (!areMicroseconds(microseconds)) {
      throw new OptionError({ option: 'microseconds', expected: 'an integer from 1 to 999', got: microseconds });
    }
    this.microseconds = microseconds;
  }
}

/** Whether they are such as a {@link MicroDate} may have: whoever has one may have changed them. */
export function areMicroseconds(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 999;
}
