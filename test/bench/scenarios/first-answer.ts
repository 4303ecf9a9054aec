import { availableParallelism } from 'node:os';
import { ratios, summary } from '../figures.js';
import { importsOfWorker, importTimes, program } from '../programs.js';
import { atMost, type Scenario, shown } from '../scenario.js';

const IMPORTS = ['xstate', 'lru-cache', 'execa', 'pythonarium'];
const MODULES_SHOWN = 12;

export const firstAnswer: Scenario = {
  name: 'first-answer',
  row: 10,
  title: 'From the start of the program to the first answer',
  caveat:
    'Whole programs, with files that the kernel has read before; after a reboot the disk decides. The functions import nothing large: where they do, that is most of the time, and `start: "fork"` does it once.',
  async run({ python, rounds, progress }) {
    const cores = availableParallelism();
    progress('looking at what a worker imports');
    const imports = (await importsOfWorker(python)).join(', ');
    const sides = {
      bare: () => program('first/bare.mjs', python, imports),
      one: () => program('first/ours.mjs', python, '1'),
      eight: () => program('first/ours.mjs', python, '8'),
    };
    const names = ['bare', 'one', 'eight'] as const;
    const answered = { bare: [] as number[], one: [] as number[], eight: [] as number[] };
    const created = { bare: [] as number[], one: [] as number[], eight: [] as number[] };
    const importing = IMPORTS.map(() => ({ tookMs: [] as number[], mb: [] as number[] }));
    const modules = new Map<string, number[]>();
    for (let round = -1; round < rounds; round++) {
      for (let turn = 0; turn < names.length; turn++) {
        const name = names[(round + 1 + turn) % names.length]!;
        progress(`round ${round + 1} of ${rounds}: ${name}`);
        const { answeredMs, fromCreateMs } = await sides[name]();
        // The first round brings the files into memory.
        if (round < 0) continue;
        answered[name].push(answeredMs!);
        created[name].push(fromCreateMs!);
      }
      if (round < 0) continue;
      for (const [index, name] of IMPORTS.entries()) {
        const { tookMs, mb } = await program('first/import.mjs', name);
        importing[index]!.tookMs.push(tookMs!);
        importing[index]!.mb.push(mb!);
      }
      for (const [name, us] of await importTimes(python)) modules.set(name, [...(modules.get(name) ?? []), us]);
    }
    const slowest = [...modules]
      .map(([name, us]) => [name, summary(us)] as const)
      .sort((a, b) => b[1].median - a[1].median);
    return {
      figures: { answered, created, importing, modules: Object.fromEntries(modules), imports },
      tables: [
        {
          title: 'Milliseconds to the first answer: median (range)',
          head: ['', 'from the start of Node', 'from `createPool` or the start of Python'],
          rows: [
            [
              'Node, execa, bare Python with the same imports',
              shown(summary(answered.bare)),
              shown(summary(created.bare)),
            ],
            ['pythonarium, 1 worker', shown(summary(answered.one)), shown(summary(created.one))],
            [
              'pythonarium, 8 workers, all have answered',
              shown(summary(answered.eight)),
              shown(summary(created.eight)),
            ],
          ],
        },
        {
          title: 'What each import costs a program of Node that has no other',
          head: ['', 'ms', 'MB'],
          rows: IMPORTS.map((name, index) => [
            name,
            shown(summary(importing[index]!.tookMs)),
            shown(summary(importing[index]!.mb)),
          ]),
        },
        {
          title: 'What a worker imports, the slowest by themselves (-X importtime)',
          head: ['', 'us'],
          rows: slowest.slice(0, MODULES_SHOWN).map(([name, us]) => [name, shown(us)]),
        },
      ],
      checks: [
        atMost('first answer of 1 worker over bare Node and Python', ratios(answered.one, answered.bare), 1.3),
        atMost(
          `8 workers over 1, times 8 / ${cores} cores`,
          ratios(answered.eight, answered.one).map((ratio) => (ratio * cores) / 8),
          1.3,
        ),
      ],
    };
  },
};
