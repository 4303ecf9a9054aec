import { bytes, callers, json, mapped, ours, sequential } from '../entrants.js';
import { ratios, summary } from '../figures.js';
import { column, type Entrant, interleave, type Outcome } from '../interleave.js';
import { findPeers, type Peer, preparePeers } from '../peers.js';
import { type Check, type Scenario, short, shown } from '../scenario.js';

/** What is compared: which figure of which load, and whether more of it is better. */
const COLUMNS = [
  { load: 'sequential', figure: 'p50Us', title: 'one at a time, p50 us', isRate: false },
  { load: '8', figure: 'perSecond', title: '8 at a time, calls/s', isRate: true },
  { load: '64', figure: 'perSecond', title: '64 at a time, calls/s', isRate: true },
  { load: 'json', figure: 'p50Us', title: '1 MB JSON, us', isRate: false },
  { load: 'uneven', figure: 'p50Us', title: '1 MB uneven JSON, us', isRate: false },
  { load: 'keyed', figure: 'p50Us', title: '1 MB keyed JSON, us', isRate: false },
  { load: 'tree', figure: 'p50Us', title: '1 MB of a tree, us', isRate: false },
  { load: 'bytes', figure: 'p50Us', title: '10 MB bytes, us', isRate: false },
] as const;
const COST_COLUMNS = ['sequential', '8', '64', 'json', 'uneven', 'keyed', 'tree', 'bytes'];

export const peers: Scenario = {
  name: 'peers',
  row: 6,
  title: 'Others that call Python from Node, and what else there is',
  caveat:
    'Each with one worker, as it comes or better, and the calls in flight, the JSON and the bytes each in processes of their own. JSON is twelve thousand rows, in a list of which all have the same fields or every third one more, or keyed: in an object under a key each. These cross as columns here. Those of a tree cross as they are: there what the checks of keys and numbers cost shows, which none of the others makes. Only those that reach Python over a process border do the same work; pools of Node run no Python, Python inside of Node shares its memory and its crashes, and a pool of Pythons has no Node. None of them has leases, cancellation or a defined answer when a process dies.',
  async run({ python, rounds, core, progress }) {
    await preparePeers(python, progress);
    const others = (await findPeers()).filter(({ kind }) => kind !== 'a pool of objects');
    const inFlight = { '8': callers(8), '64': callers(64) };
    const ourLoads = loadsOf({ ...inFlight, 'map 8': mapped(8), 'map 64': mapped(64) }, core);
    const entrants: Entrant[] = [
      { name: 'pythonarium, one lease', file: 'sides/pipelined.mjs', loads: inFlight },
      ...ourLoads.map(({ loads, ...more }) => ours(loads, more)),
      ...others.flatMap(({ name, file }) =>
        loadsOf(inFlight, core).map((each) => ({ name, file, mayFail: true, ...each })),
      ),
    ];
    const [leased, ...outcomes] = (await interleave(entrants, { python, rounds, progress })) as [Outcome, ...Outcome[]];
    const of = (index: number): Outcome => {
      const all = outcomes.slice(ourLoads.length * index, ourLoads.length * (index + 1)).reverse();
      return {
        figures: Object.assign({}, ...all.map(({ figures }) => figures)),
        failures: Object.assign({}, ...all.map(({ failures }) => failures)),
      };
    };
    const mine = of(0);
    const cellsOf = (outcome: Outcome) => COLUMNS.map(({ load, figure }) => cellOf(outcome, load, figure));
    return {
      figures: { entrants: entrants.map(({ name }) => name), outcomes: [leased, ...outcomes] },
      tables: [
        {
          title: 'One worker each, the same loads: median (range)',
          head: ['', ...COLUMNS.map(({ title }) => title), 'Node + others, MB'],
          rows: [
            ['pythonarium', ...cellsOf(mine), memoryOf(mine)],
            inFlightRow('pythonarium, one lease', leased, { '8': '8', '64': '64' }),
            inFlightRow('pythonarium, map', mine, { '8': 'map 8', '64': 'map 64' }),
            ...others.map(({ name }, index) => [name, ...cellsOf(of(index + 1)), memoryOf(of(index + 1))]),
          ],
        },
        {
          title: 'Processor time of a call, us, of Node + of what it calls: median',
          head: ['', ...COST_COLUMNS],
          rows: [mine, ...others.map((_, index) => of(index + 1))].map((outcome, index) => [
            ['pythonarium', ...others.map(({ name }) => name)][index]!,
            ...COST_COLUMNS.map((load) => sumOf(outcome, load, ['nodeCpuUs', 'othersCpuUs'])),
          ]),
        },
        {
          title: 'What they are',
          head: ['', 'kind', 'how'],
          rows: others.map(({ name, kind, note }) => [name, kind, note]),
        },
      ],
      checks: others.flatMap((peer, index) => (isHeldAgainst(peer) ? checksOf(peer, of(index + 1), mine, leased) : [])),
    };
  },
};

/** All loads, those in processes of their own that would find the heaps of both sides full of what the ones before them left. */
function loadsOf(inFlight: Entrant['loads'], core: string | undefined): Pick<Entrant, 'loads' | 'core'>[] {
  const jsons = { json: json(1), uneven: json(1, 'uneven'), keyed: json(1, 'keyed'), tree: json(1, 'tree') };
  return [{ loads: { sequential }, core }, { loads: inFlight }, { loads: jsons }, { loads: { bytes: bytes(10) } }];
}

function isHeldAgainst({ kind }: Peer): boolean {
  return kind === 'python over a process border';
}

/** How many times better it is than that peer; one that pipelines on one process is held against a lease, which does so too. */
function checksOf(peer: Peer, theirs: Outcome, mine: Outcome, leased: Outcome): Check[] {
  return COLUMNS.map(({ load, figure, title, isRate }) => {
    const them = column(theirs, load, figure);
    const us = column(isRate && peer.pipelines ? leased : mine, load, figure);
    // Who does not run cannot be said to be slower.
    const times = them.length === 0 ? [Number.NaN] : isRate ? ratios(us, them) : ratios(them, us);
    const is = summary(times);
    return { what: `ahead of ${peer.name}, ${title}`, is, bar: 'more than 1', holds: is.median > 1 };
  });
}

/** A row for those that are measured with several calls under way alone. */
function inFlightRow(name: string, outcome: Outcome, loads: Readonly<Record<string, string>>): string[] {
  const cells = COLUMNS.map(({ load, figure }) =>
    loads[load] === undefined ? '' : cellOf(outcome, loads[load], figure),
  );
  return [name, ...cells, ''];
}

function cellOf(outcome: Outcome, load: string, figure: string): string {
  const figures = column(outcome, load, figure);
  if (figures.length > 0) return shown(summary(figures));
  const why = outcome.failures[load] ?? outcome.failures.start ?? 'was not measured';
  return `does not run: ${why.split('\n')[0]!.slice(0, 120)}`;
}

function memoryOf(outcome: Outcome): string {
  return sumOf(outcome, '64', ['nodePssMb', 'othersPssMb']);
}

/** Two figures as `1 + 2`; nothing where a side does not tell them. */
function sumOf(outcome: Outcome, load: string, figures: readonly string[]): string {
  const columns = figures.map((figure) => column(outcome, load, figure));
  if (columns.some((each) => each.length === 0 || each.some(Number.isNaN))) return '-';
  return columns.map((each) => short(summary(each).median)).join(' + ');
}
