import { summary } from '../figures.js';
import { column, interleave } from '../interleave.js';
import { importsOfWorker } from '../programs.js';
import { atMost, type Scenario, shown } from '../scenario.js';

const WORKERS = 32;

export const memory: Scenario = {
  name: 'memory',
  row: 12,
  title: 'What a worker takes, and what an idle pool does',
  caveat:
    'PSS splits what processes share among them: a worker takes less the more Pythons there are. What the functions themselves import and keep comes on top, in both. The heap is what is left after a collection; a program that allocates fast has more.',
  async run({ python, rounds, progress }) {
    const imports = (await importsOfWorker(python)).join(', ');
    const load = { load: 'memory', params: { imports, workers: WORKERS } };
    const entrants = [{ name: 'memory', file: 'sides/memory.mjs', loads: { load } }];
    const outcomes = await interleave(entrants, { python, rounds, progress });
    const of = (figure: string) => column(outcomes[0]!, 'load', figure);
    return {
      figures: { outcomes },
      tables: [
        {
          title: 'Memory: median (range)',
          head: ['', ''],
          rows: [
            ['one idle worker that has served, MB PSS', shown(summary(of('workerMb')))],
            ['a bare Python with the same imports, MB PSS', shown(summary(of('bareMb')))],
            ['Node with a pool of one, MB PSS', shown(summary(of('nodeMb')))],
            ['its Pythons: the worker, and what ends whatever outlives Node, MB PSS', shown(summary(of('othersMb')))],
            [`Node's heap for each of ${WORKERS} workers more, KB`, shown(summary(of('heapKbPerWorker')))],
            ['wake-ups of Node in two idle seconds', shown(summary(of('nodeWakes')))],
            ['wake-ups of its Pythons meanwhile', shown(summary(of('othersWakes')))],
          ],
        },
      ],
      checks: [
        atMost('MB that a worker adds to a bare Python', of('addsMb'), 3),
        atMost("KB of Node's heap a worker", of('heapKbPerWorker'), 100),
        atMost(
          'wake-ups of an idle pool of one in two seconds',
          of('nodeWakes').map((wakes, round) => wakes + of('othersWakes')[round]!),
          0,
        ),
      ],
    };
  },
};
