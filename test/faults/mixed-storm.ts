import { setTimeout as sleep } from 'node:timers/promises';
import { createPool, type Pool } from '../../src/index.js';
import { chanceOf } from '../support/chance.js';
import { until } from '../support/processes.js';
import { fixtures, PYTHON } from '../support/python.js';
import { withFolder } from '../support/scratch.js';
import { Crowd } from './crowd.js';
import { FAULTS, type Fault, type FaultyCall } from './fault.js';
import { countsOf, deviations, Ledger } from './ledger.js';
import { added, type Counts, type Effort, type Scenario } from './scenario.js';
import { ServedWorkers, strikeEvery } from './served-workers.js';

const here = fixtures(import.meta.url);

/** Each kind of fault by itself, several pools at a time, and then all of them in one pool for ten times as long. */
export const scenario: Scenario = {
  row: 2,
  title: 'mixed storm: 12 kinds of faults, alone and together',
  async round(effort) {
    let counts: Counts = {};
    const turns = FAULTS.length / AT_A_TIME;
    for (let turn = 0; turn < turns && !effort.signal.aborted; turn += 1) {
      // Not those next to each other, which are alike: to start workers is what takes a machine's time.
      const kinds = FAULTS.filter((_, index) => index % turns === turn).map((fault) => [fault]);
      counts = added(counts, await mixedStorm(kinds, { ...effort, clients: 16 }));
    }
    if (effort.signal.aborted) return counts;
    const together = { ...effort, seconds: 10 * effort.seconds, clients: 64 };
    return added(counts, await mixedStorm([FAULTS], together));
  },
};

/** A pool for each of `storms`, in which those faults are made while `clients` go on asking; one account for all. */
export async function mixedStorm(
  storms: readonly (readonly Fault[])[],
  { seed, seconds, signal, clients }: Effort & { readonly clients: number },
): Promise<Counts> {
  // What is loaded on demand is loaded before the account is opened.
  await withFolder(async (folder) => {
    const pool = startPool(folder);
    await pool.ready();
    await pool.close();
  });
  return await withFolder(async (folder) => {
    const ledger = await Ledger.open({ lateMsMax: 300 });
    let number = 0;
    const next = () => {
      number += 1;
      return number;
    };
    const all = storms.map((faults, index) => {
      return new Storm({ faults, ledger, next, folder, clients, chance: chanceOf(seed * 100 + index) });
    });
    await Promise.all(all.map((storm) => storm.begin()));
    await sleep(seconds * 1000, undefined, { signal }).catch(() => {});
    const wrong = (await Promise.all(all.map((storm) => storm.end()))).flat();
    const account = await ledger.close(folder);
    wrong.unshift(...deviations(account));
    const counts = all.reduce<Counts>((sum, storm) => added(sum, storm.counts), countsOf(account));
    if (wrong.length > 0) throw new Error([...wrong, JSON.stringify(counts)].join('\n'));
    return counts;
  });
}

interface StormOptions {
  readonly faults: readonly Fault[];
  readonly ledger: Ledger;
  readonly next: () => number;
  readonly folder: string;
  readonly clients: number;
  readonly chance: () => number;
}

/** Faults made in one pool, and what came of them. */
class Storm {
  readonly #options: StormOptions;
  readonly #pool: Pool<unknown>;
  readonly #workers: ServedWorkers;
  readonly #made = new Map<Fault, number>();
  readonly #wrong: string[] = [];
  readonly #ending = new AbortController();
  #crowd!: Crowd;
  #troublemakers: readonly Promise<void>[] = [];

  constructor(options: StormOptions) {
    this.#options = options;
    this.#pool = startPool(options.folder);
    this.#workers = new ServedWorkers(this.#pool, options.chance);
  }

  async begin(): Promise<void> {
    await this.#pool.ready();
    const { ledger, next, clients, faults, chance } = this.#options;
    this.#crowd = new Crowd({
      pool: this.#pool,
      ledger,
      next,
      size: clients,
      onServed: (pid) => this.#workers.note(pid),
      idempotent: { idempotent: true, attempts: 6, attemptTimeoutMs: 1_000 },
    });
    this.#strike();
    // As many as leave some workers to the others.
    const calls = faults.flatMap((fault) => (fault.calls ?? []).map((call) => ({ fault, call })));
    const isOver = () => this.#ending.signal.aborted;
    this.#troublemakers = Array.from({ length: TROUBLEMAKERS }, async (_, index) => {
      for (let turn = index; calls.length > 0 && !isOver(); turn += TROUBLEMAKERS) {
        const { fault, call } = calls[turn % calls.length]!;
        await this.#make(fault, call);
        await sleep(10 + chance() * 100);
      }
    });
  }

  /** Returns what was wrong. */
  async end(): Promise<readonly string[]> {
    this.#ending.abort();
    const { faults } = this.#options;
    await Promise.all(this.#troublemakers);
    const since = performance.now();
    await until(() => this.#pool.stats().missing === 0, 'all workers to be there');
    const strongMs = Math.round(performance.now() - since);
    if (strongMs > STRONG_MS_MAX) this.#wrong.push(`at full strength ${strongMs} ms after the last fault`);
    await this.#crowd.end();
    await this.#pool.close();
    const atFirst = faults.flatMap(({ harmsAtFirst }) => harmsAtFirst ?? []);
    const harms = faults.map((fault) => fault.harms);
    this.#wrong.push(...this.#crowd.unexpected(harms, atFirst));
    if (this.#workers.deaths > 0 && !faults.some(({ isDeadly }) => isDeadly)) {
      this.#wrong.push(`${this.#workers.deaths} workers died of what kills nobody`);
    }
    const name = faults.length === 1 ? faults[0]!.name : 'together';
    return this.#wrong.map((each) => `${name}: ${each}`);
  }

  get counts(): Counts {
    const counts: Record<string, number> = { deaths: this.#workers.deaths };
    for (const [{ name }, times] of this.#made) counts[name] = times;
    return counts;
  }

  /** Lets the kinds that come from outside strike by turns. */
  #strike(): void {
    const { faults, chance } = this.#options;
    const workers = this.#workers;
    const kinds = faults.filter(({ strike }) => strike !== undefined);
    if (kinds.length === 0) return;
    let turn = 0;
    const strike = (pid: number) => {
      const fault = kinds[turn % kinds.length]!;
      turn += 1;
      fault.strike?.(pid, chance, (ms, run) => setTimeout(() => workers.has(pid) && run(), ms));
      this.#note(fault);
    };
    strikeEvery(STRIKE_EVERY_MS, workers, strike, this.#ending.signal);
  }

  async #make(fault: Fault, { function: name, args = [], options, outcomes }: FaultyCall): Promise<void> {
    const { ledger, next, faults } = this.#options;
    const number = next();
    const isRight = () => outcomes.includes('served');
    const outcome = await ledger.ask(this.#pool.call(name, [number, ...args], options), isRight, { number });
    this.#note(fault);
    // It may meet the others', as anybody may.
    const others = faults.filter((each) => each !== fault).flatMap(({ harms }) => harms.call ?? []);
    if (![...outcomes, ...others].includes(outcome)) this.#wrong.push(`${name} came to ${outcome}`);
  }

  #note(fault: Fault): void {
    this.#made.set(fault, (this.#made.get(fault) ?? 0) + 1);
  }
}

function startPool(folder: string): Pool<unknown> {
  return createPool({
    module: Object.fromEntries(MODULES.map((name) => [name, here(`${name}.py`)])),
    python: PYTHON,
    pythonPath: [new URL('../fault/fixtures/', import.meta.url).pathname],
    size: 4,
    logs: 'events',
    setup: { name: 'starts.open_file', args: [folder] },
    hardLimitMs: 2_000,
    pingEveryMs: 300,
    pingTimeoutMs: 1_500,
    cancelGraceMs: 200,
    stopGraceMs: 500,
    // Every fault is wanted, every time.
    poisonDeaths: 0,
  });
}

const MODULES = [
  'starts',
  'segfaults',
  'runs_out_of_memory',
  'calls_sys_exit',
  'closes_descriptors',
  'writes_garbage',
  'gives_half_replies',
  'replies_late',
  'never_returns',
  'is_slow',
];
const AT_A_TIME = 3;
const STRIKE_EVERY_MS = 200;
const TROUBLEMAKERS = 2;
const STRONG_MS_MAX = 1_000;
