import { bytes, floor, ours } from '../entrants.js';
import { ratios, summary } from '../figures.js';
import { column, interleave } from '../interleave.js';
import { atMost, type Scenario, shown } from '../scenario.js';

const MEGABYTES = [10, 100];

export const rawBytes: Scenario = {
  name: 'raw-bytes',
  row: 9,
  title: 'Bytes there and back, over the floor',
  caveat:
    'The floor sends the bytes over the socket pair, as they are. Where the pool may pass them through memory that both sides map it can be faster than that, which is no mistake.',
  async run({ python, rounds, progress }) {
    const loads = Object.fromEntries(MEGABYTES.map((megabytes) => [megabytes, bytes(megabytes)]));
    const outcomes = await interleave([ours(loads), floor('bytes', loads)], { python, rounds, progress });
    const ms = (side: number, megabytes: number) =>
      column(outcomes[side]!, String(megabytes), 'p50Us').map((us) => us / 1000);
    return {
      figures: { outcomes },
      tables: [
        {
          title: 'One call after the other, ms: median (range)',
          head: ['MB', 'pythonarium', 'floor', 'ratio'],
          rows: MEGABYTES.map((megabytes) => [
            String(megabytes),
            shown(summary(ms(0, megabytes))),
            shown(summary(ms(1, megabytes))),
            shown(summary(ratios(ms(0, megabytes), ms(1, megabytes)))),
          ]),
        },
      ],
      checks: MEGABYTES.map((megabytes) =>
        atMost(`time over the floor's, ${megabytes} MB`, ratios(ms(0, megabytes), ms(1, megabytes)), 1.2),
      ),
    };
  },
};
