import { floor, json as load, ours } from '../entrants.js';
import { ratios, summary } from '../figures.js';
import { column, interleave } from '../interleave.js';
import { atMost, type Scenario, shown } from '../scenario.js';

export const json: Scenario = {
  name: 'json',
  row: 8,
  title: 'A megabyte of JSON there and back',
  caveat:
    'Twelve thousand rows of five fields: other data takes other times, text less than numbers. What the checks cost is the difference of the two floors; without them `NaN`, a large integer or an instance arrives as something else.',
  async run({ python, rounds, progress }) {
    const options = { name: 'give_back' };
    const entrants = [
      ours({ load }),
      floor('checked', { load }, { name: 'floor with our checks', options }),
      floor('plain', { load }, { name: 'floor without checks', options }),
    ];
    const outcomes = await interleave(entrants, { python, rounds, progress });
    const ms = outcomes.map((outcome) => column(outcome, 'load', 'p50Us').map((us) => us / 1000));
    const [us, checked, plain] = ms as [number[], number[], number[]];
    return {
      figures: { outcomes },
      tables: [
        {
          title: '12,000 rows, one call after the other: median (range)',
          head: ['', 'ms', 'over the floor with our checks', 'processor time of Node, ms', 'of Python, ms'],
          rows: entrants.map(({ name }, index) => [
            name,
            shown(summary(ms[index]!)),
            shown(summary(ratios(ms[index]!, checked))),
            ...['nodeCpuUs', 'othersCpuUs'].map((figure) =>
              shown(summary(column(outcomes[index]!, 'load', figure).map((each) => each / 1000))),
            ),
          ]),
        },
        {
          title: 'What the checks cost',
          head: ['', 'ms'],
          rows: [
            [
              'the floor with them, less the floor without',
              shown(summary(checked.map((each, round) => each - plain[round]!))),
            ],
          ],
        },
      ],
      checks: [atMost('time over a floor that makes the same checks', ratios(us, checked), 1.1)],
    };
  },
};
