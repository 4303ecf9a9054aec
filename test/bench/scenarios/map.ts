import { callers, floor, ours } from '../entrants.js';
import { ratios, summary } from '../figures.js';
import { column, interleave, type Load } from '../interleave.js';
import { atLeast, type Scenario, shown } from '../scenario.js';

export const map: Scenario = {
  name: 'map',
  row: 5,
  title: '`pool.map` of a trivial function, over a pipelined floor',
  caveat:
    'Both have 64 calls under way on one Python and share a core. The floor joins writes on both sides and answers to nobody: no order, no cancellation, no limit, no record of what was started.',
  async run({ python, rounds, core, progress }) {
    const mapped: Load = { load: 'map', params: { ms: 600, concurrency: 64 } };
    const entrants = [
      ours({ load: mapped }, { core }),
      floor('coalescing', { load: callers(64) }, { core, options: { name: 'add' } }),
    ];
    const outcomes = await interleave(entrants, { python, rounds, progress });
    const of = (figure: string) => outcomes.map((outcome) => column(outcome, 'load', figure)) as [number[], number[]];
    const row = (what: string, figure: string) => {
      const [us, them] = of(figure);
      return [what, shown(summary(us)), shown(summary(them)), shown(summary(ratios(us, them)))];
    };
    return {
      figures: { outcomes },
      tables: [
        {
          title: '64 calls under way on one Python, both sides on one core: median (range)',
          head: ['', 'pythonarium', 'floor', 'ratio'],
          rows: [
            row('calls a second', 'perSecond'),
            row('processor time of Node a call, us', 'nodeCpuUs'),
            row('processor time of Python a call, us', 'othersCpuUs'),
          ],
        },
      ],
      checks: [atLeast("calls a second over the floor's", ratios(...of('perSecond')), 0.5)],
    };
  },
};
