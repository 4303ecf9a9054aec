import { floor, ours } from '../entrants.js';
import { ratios, summary } from '../figures.js';
import { column, type Entrant, interleave, type Load } from '../interleave.js';
import { atLeast, type Check, type Conditions, type Result, shown } from '../scenario.js';

/** Calls a second, of a load and of the floor's, on one and on two workers. The floor is the fastest of those that there are. */
export async function againstFloor(
  { python, rounds, progress }: Conditions,
  cases: readonly { workers: number; ours: Load; floor: Load; name: string; bar: number }[],
  title: string,
): Promise<Result> {
  const entrants: Entrant[] = cases.flatMap(({ workers, ours: load, floor: least, name }) => [
    ours({ load }, { name: `pythonarium, ${workers}`, options: { workers } }),
    ...FLOORS.map((which) =>
      floor(which, { load: least }, { name: `floor, ${workers}, ${which}`, options: { workers, name } }),
    ),
  ]);
  const outcomes = await interleave(entrants, { python, rounds, progress });
  const rows: string[][] = [];
  const checks: Check[] = [];
  cases.forEach(({ workers, bar }, index) => {
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
        String(workers),
        what,
        FLOORS[fastest]!,
        shown(summary(mine)),
        shown(summary(theirs)),
        shown(summary(ratios(mine, theirs))),
      ]);
    }
    checks.push(
      atLeast(`calls a second over the floor's, ${workers} ${workers === 1 ? 'worker' : 'workers'}`, ratio, bar),
    );
  });
  return {
    figures: { outcomes },
    tables: [{ title, head: ['workers', '', 'the fastest floor', 'pythonarium', 'floor', 'ratio'], rows }],
    checks,
  };
}

/** With few calls under way or short ones it is faster to answer each at once, with many to join the answers; and with either, where there is a processor to spare, to look before one sleeps. */
const FLOORS = ['coalescing', 'looking-coalescing', 'prompt', 'looking'] as const;
