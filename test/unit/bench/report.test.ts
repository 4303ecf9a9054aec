import { describe, expect, it } from 'vitest';
import { verdict } from '../../bench/compare.js';
import { joined, type Record } from '../../bench/record.js';
import { reportFiles } from '../../bench/report.js';
import { atLeast, atMost, type Result, short, shown } from '../../bench/scenario.js';

const machine = {
  cpu: 'a processor',
  cores: 2,
  memoryGb: 8,
  kernel: '6.1',
  node: '20.20.2',
  python: '3.11.7',
  load: 0.1,
};

function record(...scenarios: Record['scenarios'][number][]): Record {
  return { date: '2026-11-26T12:00:00.000Z', revision: 'abc1234', machine, rounds: 9, scenarios };
}

function scenario(result: Partial<Result>, row?: number): Record['scenarios'][number] {
  return {
    name: 'trial',
    title: 'A trial',
    caveat: 'It does not say much.',
    figures: {},
    tables: [],
    checks: [],
    ...(row === undefined ? {} : { row }),
    ...result,
  };
}

describe('the parts of a run', () => {
  const part = (name: string) => record({ ...scenario({}), name });

  it('are one record', () => {
    const later = { ...part('b'), date: '2026-11-26T13:00:00.000Z', machine: { ...machine, load: 2 } };
    const whole = joined([part('a'), later]);
    expect(whole).toEqual({ ...part('a'), scenarios: [...part('a').scenarios, ...later.scenarios] });
    expect(joined([part('a')])).toEqual(part('a'));
  });

  it('are of one revision, machine and number of rounds, and none is there twice', () => {
    for (const other of [{ revision: 'def' }, { rounds: 2 }, { machine: { ...machine, cpu: 'another' } }]) {
      expect(() => joined([part('a'), { ...part('b'), ...other }])).toThrow('not parts of one run');
    }
    expect(() => joined([part('a'), part('b'), part('a')])).toThrow('"a" is in two of these files');
  });
});

describe('a check', () => {
  it('holds by its median', () => {
    expect(atMost('time', [1, 1.2, 9], 1.25)).toMatchObject({ holds: true, bar: 'at most 1.25' });
    expect(atMost('time', [1, 1.3, 1.4], 1.25).holds).toBe(false);
    expect(atLeast('rate', [0.1, 0.8, 0.9], 0.8)).toMatchObject({ holds: true, bar: 'at least 0.8' });
    expect(atLeast('rate', [0.7, 0.79, 2], 0.8).holds).toBe(false);
  });

  it('does not hold where nothing was measured', () => {
    expect(atMost('time', [Number.NaN], 1).holds).toBe(false);
    expect(atLeast('rate', [Number.NaN], 1).holds).toBe(false);
  });
});

describe('a figure', () => {
  it('has as many digits as tell something', () => {
    expect([0.123, 1.234, 12.34, 123.4, 12_345.6, Number.NaN].map(short)).toEqual([
      '0.12',
      '1.23',
      '12.3',
      '123',
      '12,346',
      '-',
    ]);
  });

  it('has its range, if it has one', () => {
    expect(shown({ median: 2, min: 1, max: 3 })).toBe('2.00 (1.00 to 3.00)');
    expect(shown({ median: 2, min: 2, max: 2 })).toBe('2.00');
  });
});

describe('the comparison of two revisions', () => {
  it('says only what the interval allows', () => {
    const of = (low: number, high: number) => ({ median: 1, min: 0, max: 9, interval: [low, high] as const });
    expect(verdict(of(0.9, 1.1), true)).toBe('no difference seen');
    expect(verdict(of(1.1, 1.2), true)).toBe('faster');
    expect(verdict(of(1.1, 1.2), false)).toBe('slower');
    expect(verdict(of(0.8, 0.9), true)).toBe('slower');
    expect(verdict(of(0.8, 0.9), false)).toBe('faster');
    expect(verdict({ median: 1, min: 1, max: 1 }, true)).toBe('too few rounds to say');
  });
});

describe('the report', () => {
  it('has where it was measured, every table, and next to each what it does not say', () => {
    const table = { title: 'Times', head: ['', 'ms'], rows: [['with a | in it', '3.00']] };
    const { 'benchmarks.md': page } = reportFiles(record(scenario({ tables: [table] }), scenario({}, 4)));
    expect(page).toContain('revision `abc1234`, 2026-11-26, 2 cores of a processor, 8 GB, Linux 6.1, Node 20.20.2');
    expect(page).toContain('Times:\n\n|  | ms |\n| --- | --- |\n| with a \\| in it | 3.00 |\n');
    expect(page).toContain('## A trial\n\n`npm run bench -- trial`\n');
    expect(page).toContain('## 4. A trial\n');
    expect(page?.match(/\*\*What this does not say\.\*\* It does not say much\./g)).toHaveLength(2);
  });

  it('lists what is promised by row, and what fails', () => {
    const checks = [atMost('time over the floor', [1.1], 1.25), atLeast('rate over the floor', [0.5], 0.8)];
    const { 'benchmarks.md': page } = reportFiles(record(scenario({ checks }, 2), scenario({ checks })));
    const promised = page!.slice(page!.indexOf('## What is promised'), page!.indexOf('## 2. A trial'));
    expect(promised).toContain('| 2 | time over the floor | 1.10 | at most 1.25 | holds |');
    expect(promised).toContain('| 2 | rate over the floor | 0.50 | at least 0.8 | **fails** |');
    expect(promised.match(/^\| \d/gm)).toHaveLength(2);
  });

  it('draws each promise as the part of its bar that it takes, whichever way the bar is meant', () => {
    const upper = { median: 1, min: 0.9, max: 2, interval: [0.95, 1.2] as const };
    const byInterval = { what: 'cost', is: upper, bar: 'upper end of the 95 % interval at most 1.5', holds: true };
    const checks = [
      byInterval,
      atMost('time', [1], 1.25),
      atLeast('rate', [0.5], 0.8),
      atMost('none of it', [0], 0),
      atMost('not measured', [Number.NaN], 1),
    ];
    const { 'benchmarks.svg': plot } = reportFiles(record(scenario({ checks }, 2)));
    expect(
      [...plot!.matchAll(/<rect x="520"[^>]*width="([\d.]+)"[^>]*fill="(#\w+)"/g)].map(([, ...bar]) => bar),
    ).toEqual([
      ['160', '#4a7'],
      ['160', '#4a7'],
      ['320', '#c53'],
    ]);
    expect(plot).toContain('>2. trial: time<');
    expect(plot).toContain('what is longer fails<');
  });

  it('marks a figure that is further from its bar than there is room for', () => {
    const { 'benchmarks.svg': plot } = reportFiles(
      record(scenario({ checks: [atMost('time', [3], 1), atMost('time', [1.5], 1)] }, 2)),
    );
    expect([...plot!.matchAll(/>(» )?[\d.]+<\/text>/g)].map(([text]) => text)).toEqual([
      '>» 3.00</text>',
      '>1.50</text>',
    ]);
  });

  it('writes a file for each plot and shows it on the page', () => {
    const line = {
      name: 'a < b',
      points: [
        [1, 10],
        [100, 10],
        [10_000, 100],
      ] as const,
    };
    const plot = { title: 'Growing', x: 'waiters', y: 'us', lines: [line] };
    const files = reportFiles(record(scenario({ plots: [plot] })));
    expect(Object.keys(files).sort()).toEqual(['benchmarks-trial.svg', 'benchmarks.md', 'benchmarks.svg']);
    expect(files['benchmarks.md']).toContain('![Growing](benchmarks-trial.svg)');
    const svg = files['benchmarks-trial.svg']!;
    const [, path] = /<polyline points="([^"]+)"/.exec(svg)!;
    const [first, second, third] = path!.split(' ').map((point) => point.split(',').map(Number) as [number, number]);
    // Two decades are as wide as the next two, what is flat is flat, and more is further up.
    expect(second![0] - first![0]).toBeCloseTo(third![0] - second![0], 0);
    expect(first![1]).toBe(second![1]);
    expect(third![1]).toBeLessThan(second![1]);
    expect(svg).toContain('>a &lt; b<');
    expect(svg).toContain('>us (logarithmic)<');
  });
});
