import { floor, ours } from '../entrants.js';
import { ratios, summary } from '../figures.js';
import { column, type Entrant, interleave, type Load } from '../interleave.js';
import { atLeast, type Check, type Conditions, type Result, shown } from '../scenario.js';

/** A load, and what of it a floor is given. */
export interface Against {
  /** What tells it from the others of its table. */
  readonly label: string;
  readonly workers: number;
  readonly ours: Load;
  readonly floor: Load;
  /** The function that is called. */
  readonly name: string;
  /** The part of the floor's calls a second that is promised; absent where none is. */
  readonly bar?: number;
}

/** Calls a second, of loads and of the floor's. The floor is the fastest of those that there are. */
export async function againstFloor(
  { python, rounds, progress }: Conditions,
  cases: readonly Against[],
  { title, label }: { title: string; label: string },
): Promise<Result> {
  const entrants: Entrant[] = cases.flatMap(({ label: which, workers, ours: load, floor: least, name }) => [
    ours({ load }, { name: `pythonarium, ${which}`, options: { workers } }),
    ...FLOORS.map((kind) =>
      floor(kind, { load: least }, { name: `floor, ${which}, ${kind}`, options: { workers, name } }),
    ),
  ]);
  const outcomes = await interleave(entrants, { python, rounds, progress });
  const rows: string[][] = [];
  const checks: Check[] = [];
  cases.forEach(({ label: which, workers, bar }, index) => {
    const [us, ...floors] = outcomes.slice(index * (1 + FLOORS.length), (index + 1) * (1 + FLOORS.length));
    const speeds = floors.map((outcome) => summary(column(outcome, 'load', 'perSecond')).median);
    const fastest = speeds.indexOf(Math.max(...speeds));
    const them = floors[fastest]!;
    const rates = [column(us!, 'load', 'perSecond'), column(them, 'load', 'perSecond')] as const;
    const ratio = ratios(...rates);
    for (const [what, figure] of [
      ['calls a second', 'perSecond'],
      ['processor time of Node a call, us', 'nodeCpuUs'],
      ['processor time of Python a call, us', 'othersCpuUs'],
    ] as const) {
      const [mine, theirs] = [column(us!, 'load', figure), column(them, 'load', figure)];
      rows.push([
        which,
        what,
        FLOORS[fastest]!,
        shown(summary(mine)),
        shown(summary(theirs)),
        shown(summary(ratios(mine, theirs))),
      ]);
    }
    if (bar === undefined) return;
    checks.push(
      atLeast(`calls a second over the floor's, ${workers} ${workers === 1 ? 'worker' : 'workers'}`, ratio, bar),
    );
  });
  return {
    figures: { outcomes },
    tables: [{ title, head: [label, '', 'the fastest floor', 'pythonarium', 'floor', 'ratio'], rows }],
    checks,
  };
}

/** With few calls under way or short ones it is faster to answer each at once, with many to join the answers; and with either, where there is a processor to spare, to look before one sleeps. */
const FLOORS = ['coalescing', 'looking-coalescing', 'prompt', 'looking'] as const;
