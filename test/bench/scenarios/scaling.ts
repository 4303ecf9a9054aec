import { availableParallelism } from 'node:os';
import { ours } from '../entrants.js';
import { summary } from '../figures.js';
import { column, interleave } from '../interleave.js';
import { atLeast, type Scenario, shown } from '../scenario.js';

export const scaling: Scenario = {
  name: 'scaling',
  row: 7,
  title: 'N workers do N times the work',
  caveat:
    'The ideal is what the calls alone would take. A call that computes asks for 20 ms of a processor, so that whatever else runs on this machine, Node included, is counted against it; one that sleeps takes a little longer than it was told to, whoever asks. Of many workers each finds the caches full of what the others needed: forked ones have most of it in common.',
  async run({ python, rounds, progress }) {
    const cores = availableParallelism();
    const cases = [
      {
        what: `${cores} workers, 20 ms of a processor each`,
        workers: cores,
        start: 'spawn' as const,
        name: 'spin',
        callMs: 20,
        each: 50,
        bar: 0.95,
      },
      ...(
        [
          [8, 'spawn', 0.93],
          [32, 'spawn', 0.92],
          [128, 'spawn', 0.9],
          [128, 'fork', 0.9],
        ] as const
      ).map(([workers, start, bar]) => ({
        what: `${workers} workers${start === 'fork' ? ', forked' : ''}, 10 ms of sleep each`,
        workers,
        start,
        name: 'nap',
        callMs: 10,
        each: 50,
        bar,
      })),
    ];
    const entrants = cases.map(({ workers, start, name, callMs, each, what }) =>
      ours(
        {
          load: {
            load: 'atOnce',
            params: {
              workers,
              name,
              callMs,
              calls: each * workers,
              // Not short, as those that are measured, so that what is warm is the way that they go.
              warm: { calls: 2_000, callMs: 1.5 },
            },
          },
        },
        { name: what, options: { workers, options: { start } } },
      ),
    );
    const outcomes = await interleave(entrants, { python, rounds, progress });
    const shares = outcomes.map((outcome) => column(outcome, 'load', 'ofIdeal'));
    return {
      figures: { cases, outcomes },
      tables: [
        {
          title: 'Fifty calls a worker, asked for at once: median (range)',
          head: ['', 'ms', 'part of the ideal', 'processor time of Node a call, us', 'Node + Python, MB'],
          rows: cases.map(({ what }, index) => [
            what,
            shown(summary(column(outcomes[index]!, 'load', 'ms'))),
            shown(summary(shares[index]!)),
            shown(summary(column(outcomes[index]!, 'load', 'nodeCpuUs'))),
            ['nodePssMb', 'othersPssMb']
              .map((figure) => shown(summary(column(outcomes[index]!, 'load', figure))))
              .join(' + '),
          ]),
        },
      ],
      checks: cases.map(({ what, bar }, index) => atLeast(`part of the ideal, ${what}`, shares[index]!, bar)),
    };
  },
};
