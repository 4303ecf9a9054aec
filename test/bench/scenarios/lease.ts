import { leases, ours } from '../entrants.js';
import { ratios, summary } from '../figures.js';
import { column, type Entrant, interleave } from '../interleave.js';
import { preparePeers } from '../peers.js';
import { atMost, type Scenario, shown } from '../scenario.js';

const CLIENTS = [1, 8, 64];

export const lease: Scenario = {
  name: 'lease',
  row: 1,
  title: 'Take a lease and give it back, with nothing in between',
  caveat:
    'tarn is no pool of workers: it has no charts, no ids of leases and no promise of ours, and is here as the least that taking and giving back can cost. No call is made, so that no Python runs.',
  async run({ python, rounds, core, progress }) {
    await preparePeers(python, progress);
    const loads = Object.fromEntries(CLIENTS.map((clients) => [clients, leases(clients)]));
    const entrants: Entrant[] = [ours(loads, { core }), { name: 'tarn', file: 'peers/tarn.mjs', loads, core }];
    const outcomes = await interleave(entrants, { python, rounds, progress });
    const cpu = (side: number, clients: number) => column(outcomes[side]!, String(clients), 'nodeCpuUs');
    return {
      figures: { outcomes },
      tables: [
        {
          title: 'Processor time for a lease, us: median (range)',
          head: ['clients', 'pythonarium', 'tarn', 'ratio'],
          rows: CLIENTS.map((clients) => [
            String(clients),
            shown(summary(cpu(0, clients))),
            shown(summary(cpu(1, clients))),
            shown(summary(ratios(cpu(0, clients), cpu(1, clients)))),
          ]),
        },
      ],
      checks: [
        ...CLIENTS.map((clients) =>
          atMost(
            `processor time over tarn's, ${clients} ${clients === 1 ? 'client' : 'clients'}`,
            ratios(cpu(0, clients), cpu(1, clients)),
            2.5,
          ),
        ),
        ...CLIENTS.slice(1).map((clients) =>
          atMost(`processor time with ${clients} clients over that with one`, ratios(cpu(0, clients), cpu(0, 1)), 1.4),
        ),
      ],
    };
  },
};
