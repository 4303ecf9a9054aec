import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Entrant, Figures, Outcome } from '../../bench/interleave.js';
import type { Scenario } from '../../bench/scenario.js';
import { lease } from '../../bench/scenarios/lease.js';
import { map } from '../../bench/scenarios/map.js';
import { memory } from '../../bench/scenarios/memory.js';
import { peers } from '../../bench/scenarios/peers.js';

/** What the sides of a scenario are, and the figures that each is played to have; or why it has none. */
const played = vi.hoisted(() => ({
  entrants: [] as Entrant[],
  figuresOf: (_entrant: Entrant, _load: string): Figures | string => ({}),
}));

vi.mock('../../bench/interleave.js', async (original) => ({
  ...(await original<typeof import('../../bench/interleave.js')>()),
  introduce: async () => ({ inFlight: 4 }),
  interleave: async (entrants: readonly Entrant[], { rounds }: { rounds: number }): Promise<Outcome[]> => {
    played.entrants.push(...entrants);
    return entrants.map((entrant) => {
      const [figures, failures]: [Record<string, Figures[]>, Record<string, string>] = [{}, {}];
      for (const load of Object.keys(entrant.loads)) {
        const of = played.figuresOf(entrant, load);
        if (typeof of === 'string') failures[load] = of;
        else figures[load] = Array.from({ length: rounds }, () => of);
      }
      return { figures, failures };
    });
  },
}));

vi.mock('../../bench/programs.js', () => ({ importsOfWorker: async () => ['os'] }));

vi.mock('../../bench/peers.js', async (original) => ({
  ...(await original<typeof import('../../bench/peers.js')>()),
  preparePeers: async () => {},
}));

beforeEach(() => {
  played.entrants = [];
});

function run(scenario: Scenario, figuresOf: typeof played.figuresOf) {
  played.figuresOf = figuresOf;
  return scenario.run({ python: 'python3', rounds: 1, core: '1', progress: () => {} });
}

describe('leases', () => {
  it('are flat only where as many clients as there are in between take no longer either', async () => {
    const times: Record<string, number> = { 1: 1, 8: 1.5, 64: 1.3 };
    const { checks } = await run(lease, ({ name }, load) => ({ nodeCpuUs: name === 'tarn' ? 1 : times[load]! }));
    const flat = checks.filter(({ what }) => what.endsWith('over that with one'));
    expect(flat.map(({ is, holds }) => [is.median, holds])).toEqual([
      [1.5, false],
      [1.3, true],
    ]);
  });
});

describe('the peers', () => {
  const figures = (n: number): Figures => ({ p50Us: 1000 / n, perSecond: n });

  it('are ahead of us where they have not run, for all that is known', async () => {
    const { checks } = await run(peers, ({ name }, load) => {
      if (name === 'python-bridge') return 'it is not installed';
      if (name === 'python-shell' && load === 'bytes') return 'it has ended';
      return figures(name.startsWith('pythonarium') ? 2 : 1);
    });
    const failing = checks.filter(({ holds }) => !holds).map(({ what }) => what);
    expect(failing.filter((what) => what.includes('python-bridge'))).toHaveLength(8);
    expect(failing.filter((what) => !what.includes('python-bridge'))).toEqual([
      'ahead of python-shell, 10 MB bytes, us',
    ]);
    expect(checks.filter(({ holds }) => holds).length).toBeGreaterThan(8);
  });

  it('have a cell in each column', async () => {
    const { tables } = await run(peers, () => figures(1));
    for (const { head, rows } of tables) expect(rows.map((row) => row.length)).toEqual(rows.map(() => head.length));
  });
});

describe('an idle pool', () => {
  it('wakes up neither in Node nor in any Python', async () => {
    const least = { addsMb: 1, heapKbPerWorker: 50, nodeWakes: 0, othersWakes: 0 };
    const holds = async (more: Figures) =>
      (await run(memory, () => ({ ...least, ...more }))).checks.map((check) => check.holds);
    expect(await holds({})).toEqual([true, true, true]);
    expect(await holds({ nodeWakes: 1 })).toEqual([true, true, false]);
    expect(await holds({ othersWakes: 1 })).toEqual([true, true, false]);
  });
});

describe('a map', () => {
  it('is held against the fastest floor, on all processors, that makes the same calls', async () => {
    const speeds: Record<string, number> = { pythonarium: 60, coalescing: 90, 'looking-coalescing': 100 };
    const { checks } = await run(map, ({ name }) => ({ perSecond: speeds[name.split(/, (?:1, )?/).at(-1)!] ?? 60 }));
    expect(checks.map(({ is, holds }) => [is.median, holds])).toEqual([[0.6, true]]);
    expect(played.entrants.map(({ core }) => core)).toEqual(played.entrants.map(() => undefined));
    const loads = played.entrants.map(({ loads }) => JSON.stringify(loads));
    expect(new Set(loads).size).toBe(1);
  });
});
