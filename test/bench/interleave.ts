import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** One side: what it is, how it is started, and what it is asked to do. */
export interface Entrant {
  readonly name: string;
  /** What it starts, from this folder: `sides/ours.mjs`. */
  readonly file: string;
  readonly options?: Readonly<Record<string, unknown>>;
  /** By the name under which its figures are wanted. */
  readonly loads: Readonly<Record<string, Load>>;
  /** Whether a side that does not run is told of and left out; else that ends the bench. */
  readonly mayFail?: boolean;
  /** The core that its processes share; absent: all of them. */
  readonly core?: string | undefined;
}

export interface Load {
  /** A name in `sides/loads.mjs`. */
  readonly load: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** How long it is run before it counts, in ms. Default: 800. */
  readonly warmMs?: number;
}

export type Figures = Readonly<Record<string, number>>;

/** What came of an entrant: its figures by load, one of each round; or why there are none. */
export interface Outcome {
  readonly figures: Readonly<Record<string, readonly Figures[]>>;
  /** Why a load, or with the name `start` all of it, has no figures. */
  readonly failures: Readonly<Record<string, string>>;
}

/**
 * Measures all of them in each round, every one in processes of its own that see nothing of the others: they come and
 * go in turn, and the next round begins with another.
 */
export async function interleave(
  entrants: readonly Entrant[],
  {
    python,
    rounds,
    progress,
  }: { readonly python: string; readonly rounds: number; readonly progress: (text: string) => void },
): Promise<Outcome[]> {
  const outcomes = entrants.map(() => ({
    figures: {} as Record<string, Figures[]>,
    failures: {} as Record<string, string>,
  }));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < entrants.length; turn++) {
      const index = (round + turn) % entrants.length;
      const [entrant, outcome] = [entrants[index]!, outcomes[index]!];
      if (outcome.failures.start !== undefined) continue;
      progress(`round ${round + 1} of ${rounds}: ${entrant.name}`);
      await measure(entrant, python, outcome);
    }
  }
  return outcomes;
}

/** The figures named `figure`, one of each round. */
export function column({ figures }: Outcome, load: string, figure: string): number[] {
  return (figures[load] ?? []).map((each) => each[figure] ?? Number.NaN);
}

/** What a side says of itself as it starts. */
export async function introduce(entrant: Omit<Entrant, 'loads'>, python: string): Promise<Figures> {
  const side = new Side(entrant, python);
  const introduction = await side.started();
  await side.close();
  return introduction;
}

async function measure(
  entrant: Entrant,
  python: string,
  outcome: { figures: Record<string, Figures[]>; failures: Record<string, string> },
): Promise<void> {
  let side: Side | undefined;
  for (const [name, load] of Object.entries(entrant.loads)) {
    if (outcome.failures[name] !== undefined) continue;
    // One that has broken in the load before is started anew for the next.
    if (side === undefined) {
      side = new Side(entrant, python);
      try {
        await side.started();
      } catch (error) {
        if (!entrant.mayFail) throw error;
        outcome.failures.start = (error as Error).message;
        // Figures of some rounds cannot be compared with those of all.
        outcome.figures = {};
        return;
      }
    }
    try {
      const figures = await side.run(load);
      outcome.figures[name] ??= [];
      outcome.figures[name].push(figures);
    } catch (error) {
      if (!entrant.mayFail) throw error;
      outcome.failures[name] = (error as Error).message;
      delete outcome.figures[name];
      side.kill();
      side = undefined;
    }
  }
  await side?.close();
}

/** The process of one entrant in one round. */
class Side {
  readonly #name: string;
  readonly #child: ChildProcess;
  #printed = '';
  #waiting: { resolve: (message: Message) => void; reject: (error: Error) => void } | undefined;
  readonly #start: Promise<Message>;

  constructor({ name, file, options, core }: Omit<Entrant, 'loads'>, python: string) {
    this.#name = name;
    const args = [
      '--expose-gc',
      fileURLToPath(new URL('./sides/main.mjs', import.meta.url)),
      fileURLToPath(new URL(file, import.meta.url)),
      JSON.stringify({ python, ...options }),
    ];
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.#start = this.#next();
    // A group of its own, so that whatever it leaves can be ended with it.
    const [command, all] =
      core === undefined ? [process.execPath, args] : ['taskset', ['-c', core, process.execPath, ...args]];
    this.#child = spawn(command, all, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], detached: true, env });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#printed = (this.#printed + chunk.toString()).slice(-PRINTED_CHARS_MAX);
    });
    this.#child.on('message', (message: Message) => this.#waiting?.resolve(message));
    this.#child.on('error', (error) => this.#waiting?.reject(error));
    this.#child.on('exit', (code, signal) => {
      this.#waiting?.reject(new Error(`${name} ended with ${code ?? signal}. ${this.#printed.trim()}`));
    });
  }

  async started(): Promise<Figures> {
    return (await this.#start).started ?? {};
  }

  async run({ load, params, warmMs = WARM_MS }: Load): Promise<Figures> {
    const answer = this.#next();
    this.#child.send({ load, params, warmMs });
    return (await answer).figures ?? {};
  }

  async close(): Promise<void> {
    const closed = this.#next();
    this.#child.send({ close: true });
    // What it has measured is measured, whether it can end well or not.
    await closed.catch(() => {});
    this.kill();
  }

  kill(): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // There is nobody left.
    }
  }

  /** The next message. */
  #next(): Promise<Message> {
    const message = new Promise<Message>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.kill();
        reject(new Error(`${this.#name} has said nothing for ${PATIENCE_MS / 1000} s`));
      }, PATIENCE_MS);
      const settled = () => {
        clearTimeout(timer);
        this.#waiting = undefined;
      };
      this.#waiting = {
        resolve: (message) => {
          settled();
          if (message.error === undefined) resolve(message);
          else reject(new Error(message.error));
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
    });
    message.catch(() => {});
    return message;
  }
}

interface Message {
  readonly started?: Figures;
  readonly figures?: Figures;
  readonly error?: string;
}

const WARM_MS = 800;
const PATIENCE_MS = 120_000;
const PRINTED_CHARS_MAX = 2_000;
