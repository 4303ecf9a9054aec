import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { column, type Entrant, interleave, type Load } from '../bench/interleave.js';
import { startSerialisedPool } from '../bench/serialised-pool.js';
import { builtPackage } from '../support/built.js';
import { PYTHON } from '../support/pool.js';

const library = join(builtPackage(), 'dist/src/index.js');
const sequential = { load: 'sequential', params: { ms: 50 }, warmMs: 0 };
const floor: Entrant = { name: 'floor', file: 'floors/plain.mjs', loads: { sequential } };

/** A side that is written for one test. */
function side(source: string, more: Partial<Entrant> = {}): Entrant {
  const folder = mkdtempSync(join(tmpdir(), 'pythonarium-bench-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'side.mjs');
  writeFileSync(file, source);
  return { name: 'side', file: `file://${file}`, loads: { sequential }, ...more };
}

it('measures sides in turn, each round with fresh processes and another side first', async () => {
  const order: string[] = [];
  const other: Entrant = { ...floor, name: 'other' };
  const conditions = { python: PYTHON, rounds: 2, progress: (text: string) => order.push(text) };
  const [outcome] = await interleave([floor, other], conditions);
  expect(order).toEqual(['round 1 of 2: floor', 'round 1 of 2: other', 'round 2 of 2: other', 'round 2 of 2: floor']);
  expect(outcome?.failures).toEqual({});
  for (const figure of ['calls', 'p50Us', 'p99Us', 'nodeCpuUs', 'othersCpuUs', 'nodePssMb', 'othersPssMb']) {
    const figures = column(outcome!, 'sequential', figure);
    expect(figures).toHaveLength(2);
    expect(Math.min(...figures), figure).toBeGreaterThan(0);
  }
});

it('does not count answers that are wrong', async () => {
  const wrong = side('export default { start: () => ({ call: async () => 41, close: async () => {} }) };', {
    mayFail: true,
  });
  const [outcome] = await interleave([wrong], { python: PYTHON, rounds: 2, progress: () => {} });
  expect(outcome?.figures).toEqual({});
  expect(outcome?.failures.sequential).toContain('the answer was 41 and should have been 1');
});

it('says why a side cannot be started, and starts it no more', async () => {
  const missing = side("import 'a-package-that-is-not-there'; export default {};", { mayFail: true });
  const conditions = { python: PYTHON, rounds: 2, progress: () => {} };
  const [outcome] = await interleave([missing], conditions);
  expect(outcome?.failures.start).toContain("Cannot find package 'a-package-that-is-not-there'");
  await expect(interleave([{ ...missing, mayFail: false }], conditions)).rejects.toThrow('Cannot find package');
});

it('has no figures of a side that could be started in some rounds and not in others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pythonarium-bench-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const once = side(
    `import { mkdirSync } from 'node:fs';
    mkdirSync('${folder}/started');
    export default { start: () => ({ call: async (_, [a, b]) => a + b, close: async () => {} }) };`,
    { mayFail: true },
  );
  const [outcome] = await interleave([once], { python: PYTHON, rounds: 2, progress: () => {} });
  expect(outcome?.figures).toEqual({});
  expect(outcome?.failures.start).toContain('EEXIST');
});

it('starts a side anew for its next load after one that broke it', async () => {
  const source = `export default { start: () => ({
    call: async (name, [a, b]) => (name === 'add' ? a + b : process.exit(3)),
    close: async () => {},
  }) };`;
  const work = { load: 'callers', params: { ms: 10, callers: 1, name: 'work', args: [] }, warmMs: 0 };
  const breaking = side(source, { mayFail: true, loads: { work, sequential } });
  const [outcome] = await interleave([breaking], { python: PYTHON, rounds: 1, progress: () => {} });
  expect(outcome?.failures).toEqual({ work: 'side ended with 3. ' });
  expect(column(outcome!, 'sequential', 'p50Us')).toHaveLength(1);
});

it("puts all loads of the peers to Python's own pool, which runs them itself, and tells what both sides take", async () => {
  const rows = { ms: 20, rows: 20 };
  const loads: Record<string, Load> = {
    sequential,
    callers: { load: 'callers', params: { ms: 20, callers: 8 } },
    bytes: { load: 'bytes', params: { ms: 20, size: 1_000 } },
    ...Object.fromEntries(
      ['even', 'uneven', 'keyed', 'tree'].map((shape) => [shape, { load: 'json', params: { ...rows, shape } }]),
    ),
  };
  for (const load of Object.keys(loads)) loads[load] = { ...loads[load]!, warmMs: 20 };
  const executor: Entrant = { name: 'executor', file: 'peers/process-pool-executor.mjs', loads };
  const [outcome] = await interleave([executor], { python: PYTHON, rounds: 1, progress: () => {} });
  for (const load of Object.keys(loads)) {
    for (const figure of ['perSecond', 'nodeCpuUs', 'othersCpuUs', 'nodePssMb', 'othersPssMb']) {
      expect(column(outcome!, load, figure)[0], `${figure} of ${load}`).toBeGreaterThan(0);
    }
  }
});

it('counts what runs of inspection: nothing while nobody looks, and much as soon as somebody does', async () => {
  const counting = { load: 'counted', params: { calls: 50 } };
  const unwatched = {
    name: 'unwatched',
    file: 'sides/inspection-counted.mjs',
    options: { library },
    loads: { counting },
  };
  const watched = side(
    `import counted from '${new URL('../bench/sides/inspection-counted.mjs', import.meta.url)}';
    const inspect = () => {};
    export default { start: (options) => counted.start({ ...options, options: { inspect } }) };`,
    { options: { library }, loads: { counting } },
  );
  const [nobody, somebody] = await interleave([unwatched, watched], { python: PYTHON, rounds: 1, progress: () => {} });
  expect(column(nobody!, 'counting', 'all')).toEqual([0]);
  expect(column(somebody!, 'counting', 'all')[0]).toBeGreaterThan(10);
});

it('cuts all inspection out of the library and of XState for the side that has none', async () => {
  const cut = side(
    `import { Session } from 'node:inspector/promises';
    import without from '${new URL('../bench/sides/without-inspection.mjs', import.meta.url)}';
    export default {
      async start(options) {
        const session = new Session();
        session.connect();
        const scripts = [];
        session.on('Debugger.scriptParsed', ({ params }) => scripts.push(params));
        await session.post('Debugger.enable');
        const pool = await without.start(options);
        const figures = { left: 0, cut: 0 };
        for (const { scriptId } of scripts.filter(({ url }) => /\\/(xstate|dist)\\//.test(url))) {
          const { scriptSource } = await session.post('Debugger.getScriptSource', { scriptId });
          figures.left += scriptSource.match(/\\.\\s*_sendInspectionEvent\\(|\\.\\s*isOn\\b(?!\\s*=[^=])/g)?.length ?? 0;
          figures.cut += scriptSource.match(/false && \\(/g)?.length ?? 0;
        }
        return { run: () => figures, close: pool.close };
      },
    };`,
    { options: { library } },
  );
  const [outcome] = await interleave([cut], { python: PYTHON, rounds: 1, progress: () => {} });
  expect(column(outcome!, 'sequential', 'left')).toEqual([0]);
  // One of ours, and those of XState.
  expect(column(outcome!, 'sequential', 'cut')[0]).toBeGreaterThan(5);
});

it('sees the memory of what is started for a call and ends with it', async () => {
  const bytes = { load: 'bytes', params: { ms: 20, size: 1_000 }, warmMs: 400 };
  const starting: Entrant = { name: 'starting', file: 'peers/process-per-call.mjs', loads: { bytes } };
  const [outcome] = await interleave([starting], { python: PYTHON, rounds: 1, progress: () => {} });
  expect(column(outcome!, 'bytes', 'othersPssMb')[0]).toBeGreaterThan(1);
});

it('has a floor that gives few bytes back, and many, call after call', async () => {
  const sizes = [1, 1_000, 65_528, 65_529, 1_000_000];
  const loads = Object.fromEntries(sizes.map((size) => [size, { load: 'bytes', params: { ms: 20, size }, warmMs: 0 }]));
  const bytes: Entrant = { name: 'floor', file: 'floors/bytes.mjs', loads };
  const [outcome] = await interleave([bytes], { python: PYTHON, rounds: 1, progress: () => {} });
  for (const size of sizes) expect(column(outcome!, String(size), 'calls')[0], `${size} bytes`).toBeGreaterThan(0);
});

it('compares with a pool whose manager does the exchange, which answers and says if it cannot', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pythonarium-bench-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const module = join(folder, 'tasks.py');
  writeFileSync(module, 'import os\ndef add(a, b): return a + b\ndef leave(): os._exit(3)\n');
  const pool = await startSerialisedPool({ python: PYTHON, module, size: 2 });
  expect(await Promise.all([pool.call('add', [1, 2]), pool.call('add', [3, 4]), pool.call('add', [5, 6])])).toEqual([
    3, 7, 11,
  ]);
  await expect(pool.call('missing', [])).rejects.toThrow('ERR_NOT_EXPOSED');
  await expect(pool.call('leave', [])).rejects.toThrow('the worker has ended');
  expect(await pool.call('add', [1, 1])).toBe(2);
  await pool.close();
});
