/**
 * Runs the rounds of one row of docs/proof.md for a long time: `npm run soak -- 3 --minutes 60`, or by the name of its
 * file, `orphans`. Ctrl-C ends it after what is under way. What it counts is added to `.soak/row-3.json` after every
 * round, so that the next run goes on from there. Ends with 1 if any round of any run was wrong.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { added, type Counts, type Scenario } from '../faults/scenario.js';

/** What is kept from run to run. */
interface Record {
  readonly row: number;
  readonly title: string;
  readonly minutes: number;
  readonly rounds: number;
  readonly counts: Counts;
  /** What was wrong, with the seed of its round. */
  readonly wrong: readonly { readonly seed: number; readonly error: string }[];
}

const { values, positionals } = parseArgs({
  options: { minutes: { type: 'string', default: '60' }, seconds: { type: 'string', default: '30' } },
  allowPositionals: true,
});
const scenario = await find(positionals[0] ?? '');
const [minutes, seconds] = [Number(values.minutes), Number(values.seconds)];
if (!(minutes > 0) || !(seconds > 0)) fail('--minutes and --seconds (how long a round is) must be more than 0.');

const stopping = new AbortController();
process.on('SIGINT', () => {
  if (stopping.signal.aborted) process.exit(130);
  console.error('Ends with this round. Once more: at once, without it.');
  stopping.abort();
});

const path = join(soakFolder(), `row-${scenario.row}.json`);
let record = read(path, scenario);
const until = performance.now() + minutes * 60_000;
while (performance.now() < until && !stopping.signal.aborted) {
  const startedAt = performance.now();
  const seed = record.rounds + 1;
  const outcome = await scenario.round({ seed, seconds, signal: stopping.signal }).then(
    (counts) => ({ counts, wrong: [] }),
    (error: unknown) => ({ counts: {}, wrong: [{ seed, error: String(error) }] }),
  );
  record = {
    ...record,
    minutes: record.minutes + (performance.now() - startedAt) / 60_000,
    rounds: seed,
    counts: added(record.counts, outcome.counts),
    wrong: [...record.wrong, ...outcome.wrong],
  };
  write(path, record);
  for (const { error } of outcome.wrong) console.error(`Round ${seed} is wrong: ${error}`);
  console.log(`${record.minutes.toFixed(1)} min, ${record.rounds} rounds: ${JSON.stringify(record.counts)}`);
}
process.exitCode = record.wrong.length > 0 ? 1 : 0;

/** The scenario of that row, or of the file of that name: what a module of test/faults that is no test exports as such. */
async function find(wanted: string): Promise<Scenario> {
  const folder = new URL('../faults/', import.meta.url);
  const found: { readonly name: string; readonly scenario: Scenario }[] = [];
  for (const name of readdirSync(folder)) {
    if (!/^[\w-]+\.ts$/.test(name)) continue;
    const { scenario } = (await import(new URL(name, folder).href)) as { scenario?: Scenario };
    if (scenario !== undefined) found.push({ name: name.replace('.ts', ''), scenario });
  }
  const one = found.find(({ name, scenario }) => name === wanted || String(scenario.row) === wanted);
  if (one !== undefined) return one.scenario;
  const byRow = found.sort((some, others) => some.scenario.row - others.scenario.row);
  const rows = byRow.map(({ name, scenario }) => `  ${scenario.row}  ${name}: ${scenario.title}`);
  return fail(`Which row? There are:\n${rows.join('\n')}`);
}

function read(file: string, { row, title }: Scenario): Record {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Record;
  return { row, title, minutes: 0, rounds: 0, counts: {}, wrong: [] };
}

/** Whole or not at all, whenever this program ends. */
function write(file: string, content: Record): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(content, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

function soakFolder(): string {
  const folder = fileURLToPath(new URL('../../.soak/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  return folder;
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
