import { floor, json as jsonOf, ours } from '../entrants.js';
import { ratios, summary } from '../figures.js';
import { column, interleave } from '../interleave.js';
import { atMost, type Scenario, shown } from '../scenario.js';

const SIDES = ['pythonarium', 'floor with our checks', 'floor without checks'] as const;

export const json: Scenario = {
  name: 'json',
  row: 8,
  title: 'Megabytes of JSON there and back',
  caveat:
    'Rows of five fields, twelve thousand for a megabyte: other data takes other times, text less than numbers. Rows cross as columns here and as objects on the floors, and so do uneven ones, of which every third has a field more, and keyed ones, which are in an object under a key each; those of a tree, a pair in each node, cross as they are on all sides. What the checks cost is the difference of the two floors; without them `NaN`, a large integer or an instance arrives as something else. The bar is for one megabyte.',
  async run({ python, rounds, progress }) {
    const loads = {
      '1 MB': jsonOf(1),
      '1 MB, uneven': jsonOf(1, 'uneven'),
      '1 MB, keyed': jsonOf(1, 'keyed'),
      '1 MB, a tree': jsonOf(1, 'tree'),
      '10 MB': jsonOf(10),
    };
    const options = { name: 'give_back' };
    const entrants = [
      ours(loads),
      floor('checked', loads, { name: SIDES[1], options }),
      floor('plain', loads, { name: SIDES[2], options }),
    ];
    const outcomes = await interleave(entrants, { python, rounds, progress });
    const ms = (side: number, load: string, figure = 'p50Us') =>
      column(outcomes[side]!, load, figure).map((us) => us / 1000);
    const sizes = Object.keys(loads);
    return {
      figures: { outcomes },
      tables: [
        {
          title: 'One call after the other: median (range)',
          head: ['', '', 'ms', 'over the floor with our checks', 'processor time of Node, ms', 'of Python, ms'],
          rows: sizes.flatMap((size) =>
            SIDES.map((name, side) => [
              size,
              name,
              shown(summary(ms(side, size))),
              shown(summary(ratios(ms(side, size), ms(1, size)))),
              shown(summary(ms(side, size, 'nodeCpuUs'))),
              shown(summary(ms(side, size, 'othersCpuUs'))),
            ]),
          ),
        },
        {
          title: 'What the checks cost: the floor with them, less the floor without',
          head: ['', 'ms'],
          rows: sizes.map((size) => [
            size,
            shown(summary(ms(1, size).map((each, round) => each - ms(2, size)[round]!))),
          ]),
        },
      ],
      checks: ['1 MB', '1 MB, uneven', '1 MB, keyed', '1 MB, a tree'].map((size) =>
        atMost(`time over a floor that makes the same checks, ${size}`, ratios(ms(0, size), ms(1, size)), 1.1),
      ),
    };
  },
};
