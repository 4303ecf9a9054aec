import { callers, leases, ours } from '../entrants.js';
import { ratios, summary } from '../figures.js';
import { column, type Entrant, interleave, type Load } from '../interleave.js';
import { atMost, type Scenario, short, shown } from '../scenario.js';

/** Each round is short, and there are as many more of them: what is looked for is smaller than what rounds differ by. */
const ROUNDS_FOR_ONE = 16;

export const unwatched: Scenario = {
  name: 'unwatched',
  row: 13,
  title: 'What inspection costs while nobody looks',
  caveat:
    'The other side is the same library with every call to the inspector, and every look whether there is one, cut out of it and out of XState as it is loaded. XState tells of each action before it does it, whoever looks: of a function that does nothing in the place of the inspector, which is counted by itself. An interval that reaches over the bar may mean that there were too few rounds, and not that it costs so much.',
  async run({ python, rounds, core, progress }) {
    const loads = { lease: leases(8), call: callers(8) };
    const without: Partial<Entrant> = { name: 'without inspection', file: 'sides/without-inspection.mjs', core };
    const entrants = [ours(loads, { core }), ours(loads, without)];
    const outcomes = await interleave(entrants, { python, rounds: ROUNDS_FOR_ONE * rounds, progress });
    const counting: Load = { load: 'counted', params: { calls: 2_000 } };
    const [counted] = await interleave(
      [{ name: 'counting', file: 'sides/inspection-counted.mjs', loads: { counting } }],
      { python, rounds: 1, progress },
    );
    const { all = Number.NaN, untold = Number.NaN, ...counts } = counted!.figures.counting![0]!;
    const cpu = (side: number, load: string) => column(outcomes[side]!, load, 'nodeCpuUs');
    const what = { lease: 'take a lease and give it back', call: 'a trivial call, 8 callers' };
    const names = ['lease', 'call'] as const;
    return {
      figures: { outcomes, counts: { all, untold, ...counts } },
      tables: [
        {
          title: 'Processor time of Node, us: median (range)',
          head: ['', 'with inspection, unwatched', 'without', 'ratio', '95 % interval'],
          rows: names.map((name) => {
            const ratio = summary(ratios(cpu(0, name), cpu(1, name)));
            const interval = ratio.interval?.map((end) => end.toFixed(3)).join(' to ') ?? 'too few rounds';
            return [what[name], shown(summary(cpu(0, name))), shown(summary(cpu(1, name))), shown(ratio), interval];
          }),
        },
        {
          title: 'Functions of inspection that run for one call and one lease',
          head: ['', 'times'],
          rows: Object.entries({ 'all of them': all, ...counts, 'what does nothing in its place': untold }).map(
            ([name, count]) => [name, short(count)],
          ),
        },
      ],
      checks: [
        atMost('functions of inspection that run for one call and one lease', [all], 0),
        ...names.map((name) => {
          const { median, min, max, interval: [low, high] = [min, max] } = summary(ratios(cpu(0, name), cpu(1, name)));
          return {
            what: `processor time over that without inspection, ${what[name]} (95 % interval)`,
            // What is judged is shown.
            is: { median, min: low, max: high },
            bar: 'upper end at most 1.03',
            holds: high <= 1.03,
          };
        }),
      ],
    };
  },
};
