import { floor, sequential as load, ours } from '../entrants.js';
import { ratios, summary } from '../figures.js';
import { column, interleave } from '../interleave.js';
import { atMost, type Scenario, shown } from '../scenario.js';

export const sequential: Scenario = {
  name: 'sequential',
  row: 2,
  title: 'One trivial call after the other, over the floor',
  caveat:
    'Both sides share one core, so that the scheduler decides nothing; on two a call takes ours less, since each side looks for what comes before it sleeps, and a floor that does not twice to three times as long, most of it until the other core wakes up.',
  async run({ python, rounds, core, progress }) {
    const entrants = [ours({ load }, { core }), floor('plain', { load }, { core })];
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
          title: 'add(n, 1), one at a time, both sides on one core: median (range)',
          head: ['', 'pythonarium', 'floor', 'ratio'],
          rows: [
            row('p50, us', 'p50Us'),
            row('p99, us', 'p99Us'),
            row('processor time of Node, us', 'nodeCpuUs'),
            row('processor time of Python, us', 'othersCpuUs'),
            row('memory (PSS) of Node, MB', 'nodePssMb'),
            row('memory (PSS) of Python, MB', 'othersPssMb'),
          ],
        },
      ],
      checks: [
        atMost('p50 over the floor', ratios(...of('p50Us')), 1.25),
        atMost('p99 over the floor', ratios(...of('p99Us')), 1.5),
      ],
    };
  },
};
