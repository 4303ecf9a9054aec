/**
 * Benches, in plain Node and on real Python: `npm run bench`, or one of them
 * by name: `npm run bench -- n-fold`, `-- overhead`, `-- bytes`, `-- items`, `-- fork`,
 * `-- table`. `--json`
 * prints figures for a program.
 */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { bytesThereAndBack } from './bytes.js';
import { forkedWorkers } from './fork.js';
import { itemsOneByOne } from './items.js';
import { nFold } from './n-fold.js';
import { overhead } from './overhead.js';
import { chartsFromTables } from './table.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, python: { type: 'string', default: 'python3' } },
});
const python = execFileSync(values.python, ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
const BENCHES = ['n-fold', 'overhead', 'bytes', 'items', 'fork', 'table'];
const wanted = positionals.length === 0 ? BENCHES : positionals;
const unknown = wanted.find((name) => !BENCHES.includes(name));
if (unknown !== undefined) {
  console.error(`There is no bench "${unknown}". There are: ${BENCHES.join(', ')}.`);
  process.exit(2);
}

const figures: Record<string, unknown> = {};
if (wanted.includes('n-fold')) {
  const result = await nFold(python);
  figures['n-fold'] = result;
  if (!values.json) {
    console.log(
      `${result.calls} calls that sleep ${result.sleepMs} ms, asked for at once, on ${result.workers} workers; best of five:`,
    );
    const times = new Table({ head: ['', 'ms'], style: { head: [] } });
    times.push(
      ['bare sleeps, one after the other', result.bareMs.toFixed(0)],
      ['serialised: the manager does the exchange', result.serialisedMs.toFixed(0)],
      ['leases: the client does the exchange', result.leasesMs.toFixed(0)],
    );
    console.log(times.toString());
    for (const { what, is, bar, holds } of result.bars) {
      console.log(`${holds ? 'holds' : 'FAILS'}  ${what}: ${is.toFixed(2)} (bar ${bar})`);
    }
  }
  if (result.bars.some(({ holds }) => !holds)) process.exitCode = 1;
}
if (wanted.includes('overhead')) {
  const results = await overhead(python);
  figures.overhead = results;
  if (!values.json) {
    console.log('\nTrivial calls on one worker, over a bare pipe in the same run:');
    const table = new Table({
      head: ['load', 'floor, us', 'pool, us', 'ratio: median (min to max)'],
      style: { head: [] },
    });
    for (const { load, floorUs, poolUs, ratio } of results) {
      const spread = `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)} to ${ratio.max.toFixed(2)})`;
      table.push([load, floorUs.toFixed(1), poolUs.toFixed(1), spread]);
    }
    console.log(table.toString());
  }
}
if (wanted.includes('bytes')) {
  const results = await bytesThereAndBack(python);
  figures.bytes = results;
  if (!values.json) {
    const shown = ({ median, min, max }: { median: number; min: number; max: number }, digits: number) =>
      `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
    console.log('\nBytes there and back on one worker, in ms: median (min to max):');
    const table = new Table({ head: ['MB', 'pool', 'bare pipe', 'bare files', 'base64 in JSON'], style: { head: [] } });
    for (const { megabytes, poolMs, pipeMs, fileMs, base64Ms } of results) {
      table.push([megabytes, shown(poolMs, 0), shown(pipeMs, 0), shown(fileMs, 0), shown(base64Ms, 0)]);
    }
    console.log(table.toString());
    for (const { megabytes, bars } of results) {
      for (const { what, is, bar, holds } of bars) {
        console.log(`${holds ? 'holds' : 'FAILS'}  ${megabytes} MB, ${what}: ${shown(is, 2)} (bar ${bar})`);
      }
    }
  }
  if (results.some(({ bars }) => bars.some(({ holds }) => !holds))) process.exitCode = 1;
}
if (wanted.includes('items')) {
  const results = await itemsOneByOne(python);
  figures.items = results;
  if (!values.json) {
    console.log('\nA million items of a generator, in millions a second: median (min to max):');
    const table = new Table({ head: ['items', 'pool', 'bare pipe'], style: { head: [] } });
    const shown = ({ median, min, max }: { median: number; min: number; max: number }) =>
      `${median.toFixed(2)} (${min.toFixed(2)} to ${max.toFixed(2)})`;
    for (const { kind, poolRate, pipeRate } of results) table.push([kind, shown(poolRate), shown(pipeRate)]);
    console.log(table.toString());
    for (const { kind, bars } of results) {
      for (const { what, is, bar, holds } of bars) {
        console.log(`${holds ? 'holds' : 'FAILS'}  ${kind}, ${what}: ${is} (bar ${bar})`);
      }
    }
  }
  if (results.some(({ bars }) => bars.some(({ holds }) => !holds))) process.exitCode = 1;
}
if (wanted.includes('fork')) {
  const result = await forkedWorkers(python);
  figures.fork = result;
  if (!values.json) {
    console.log('\nA worker with numpy that takes the place of another: median (min to max):');
    const table = new Table({ head: ['', 'spawned', 'forked'], style: { head: [] } });
    const shown = ({ median, min, max }: { median: number; min: number; max: number }) =>
      `${median.toFixed(1)} (${min.toFixed(1)} to ${max.toFixed(1)})`;
    table.push(
      ['first answer, ms', shown(result.spawnMs), shown(result.forkMs)],
      ['memory (PSS), kB', shown(result.spawnKb), shown(result.forkKb)],
      ['longest stall of Node with 1 GiB in it, ms', shown(result.spawnStallMs), shown(result.forkStallMs)],
    );
    console.log(table.toString());
    for (const { what, is, bar, holds } of result.bars) {
      console.log(`${holds ? 'holds' : 'FAILS'}  ${what}: ${is.toFixed(3)} (bar ${bar})`);
    }
  }
  if (result.bars.some(({ holds }) => !holds)) process.exitCode = 1;
}
if (wanted.includes('table')) {
  const results = chartsFromTables();
  figures.table = results;
  if (!values.json) {
    console.log('\nOne event of a chart, in microseconds of the processor: median (min to max):');
    const table = new Table({ head: ['load', 'way', 'us'], style: { head: [] } });
    for (const { load, eventUs } of results) {
      for (const [way, { median, min, max }] of Object.entries(eventUs)) {
        table.push([load, way, `${median.toFixed(2)} (${min.toFixed(2)} to ${max.toFixed(2)})`]);
      }
    }
    console.log(table.toString());
  }
}
if (values.json) console.log(JSON.stringify(figures, undefined, 2));
