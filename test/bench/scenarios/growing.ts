import { callers, floor, ours } from '../entrants.js';
import { ratios, summary } from '../figures.js';
import { column, type Entrant, interleave, introduce } from '../interleave.js';
import { atMost, type Scenario, shown } from '../scenario.js';

const WAITERS = [1, 10, 100, 1_000, 10_000, 100_000];
const FLOOR_WAITERS = [10, 100_000];
const WORKERS = [1, 2, 4, 8, 16, 32, 64];

export const growing: Scenario = {
  name: 'growing',
  row: 11,
  title: 'What a call costs while others wait, and with more workers',
  caveat:
    'Processor time of Node for a trivial call, of 100,000 that are measured once all who asked at first are answered. With one or ten waiters an answer often finds Node asleep, which costs more than the call. On two cores 64 workers do not do more work than two; they may not cost more either. V8 has to move and to look after what waits, whoever keeps it: the floor is a queue of promises before a bare line, and does nothing else.',
  async run({ python, rounds, progress }) {
    const { inFlight } = await introduce({ name: 'pythonarium', file: 'sides/ours.mjs' }, python);
    const queued = (waiters: number) => ({
      load: { load: 'queued', params: { waiters, calls: 100_000, warm: { waiters: 10, calls: 4_000 } } },
    });
    const entrants: Entrant[] = [
      ...WAITERS.map((waiters) => ours(queued(waiters), { name: `${waiters} waiters` })),
      ...WORKERS.map((workers) =>
        ours({ load: callers(2 * workers) }, { name: `${workers} workers`, options: { workers } }),
      ),
      ...FLOOR_WAITERS.map((waiters) =>
        floor('queue', queued(waiters), { name: `floor, ${waiters} waiters`, options: { inFlight, name: 'add' } }),
      ),
    ];
    const outcomes = await interleave(entrants, { python, rounds, progress });
    const waiting = WAITERS.map((_, index) => column(outcomes[index]!, 'load', 'nodeUsPerCall'));
    const wall = WAITERS.map((_, index) => column(outcomes[index]!, 'load', 'usPerCall'));
    const floors = outcomes.slice(WAITERS.length + WORKERS.length);
    const working = WORKERS.map((_, index) => column(outcomes[WAITERS.length + index]!, 'load', 'nodeCpuUs'));
    const points = (xs: readonly number[], figures: number[][]) =>
      xs.map((x, index) => [x, summary(figures[index]!).median] as const);
    const [ten, most] = [WAITERS.indexOf(10), WAITERS.indexOf(100_000)];
    return {
      figures: { entrants: entrants.map(({ name }) => name), outcomes },
      tables: [
        {
          title: 'While so many wait for one worker: median (range)',
          head: ['waiters', 'us a call', 'processor time of Node, us'],
          rows: WAITERS.map((waiters, index) => [
            waiters.toLocaleString('en-US'),
            shown(summary(wall[index]!)),
            shown(summary(waiting[index]!)),
          ]),
        },
        {
          title: `The floor, with ${inFlight} under way and so many that wait: median (range)`,
          head: ['waiters', 'us a call', 'over 10', 'processor time of Node, us', 'over 10'],
          rows: FLOOR_WAITERS.map((waiters, index) => [
            waiters.toLocaleString('en-US'),
            ...['usPerCall', 'nodeUsPerCall'].flatMap((figure) => {
              const [least, these] = [floors[0]!, floors[index]!].map((outcome) => column(outcome, 'load', figure));
              return [shown(summary(these!)), shown(summary(ratios(these!, least!)))];
            }),
          ]),
        },
        {
          title: 'With so many workers, and two callers each: median (range)',
          head: ['workers', 'processor time of Node, us', 'Node + Python, MB'],
          rows: WORKERS.map((workers, index) => [
            String(workers),
            shown(summary(working[index]!)),
            ['nodePssMb', 'othersPssMb']
              .map((figure) => shown(summary(column(outcomes[WAITERS.length + index]!, 'load', figure))))
              .join(' + '),
          ]),
        },
      ],
      checks: [
        atMost(
          'processor time of a call behind 100,000 over one behind 10',
          ratios(waiting[most]!, waiting[ten]!),
          1.3,
        ),
        atMost('time of a call behind 100,000 over one behind 10', ratios(wall[most]!, wall[ten]!), 1.3),
      ],
      plots: [
        {
          title: 'What a call costs as the pool grows',
          x: 'waiters, or workers',
          y: 'processor time of Node for a call, us',
          lines: [
            { name: 'so many wait for one worker', points: points(WAITERS, waiting) },
            { name: 'so many workers', points: points(WORKERS, working) },
            {
              name: 'so many wait before the floor',
              points: points(
                FLOOR_WAITERS,
                floors.map((outcome) => column(outcome, 'load', 'nodeUsPerCall')),
              ),
            },
          ],
        },
      ],
    };
  },
};
