import { setImmediate } from 'node:timers/promises';
import type { CallOptions, Lease, Pool, Session } from '../../src/index.js';
import { isAnswer } from './calm.js';
import type { Ledger } from './ledger.js';

/** What a crowd needs. */
export interface CrowdOptions {
  readonly pool: Pool<unknown>;
  readonly ledger: Ledger;
  /** The next number, which no other request has. */
  readonly next: () => number;
  /** How many clients there are. */
  readonly size: number;
  /** Told of each worker that has answered a call. */
  readonly onServed: (pid: number) => void;
  /** How those ask whose requests may be repeated, and are not to be lost. */
  readonly idempotent: CallOptions;
}

/**
 * Clients of one pool with the functions of `starts.py`, each of which asks again as soon as it has its answer, in one
 * of the ways in which a program may ask. They know what each answer has to be.
 */
export class Crowd {
  /** How often what came about, by who had asked: `call: { served: 9, ERR_WORKER_DIED: 1 }`. */
  readonly #outcomes = new Map<Way, Map<string, number>>();
  readonly #options: CrowdOptions;
  readonly #clients: Promise<unknown>;
  #isOver = false;

  constructor(options: CrowdOptions) {
    this.#options = options;
    const clients: Promise<void>[] = [];
    for (const [way, share] of WAYS) {
      const many = Math.max(1, Math.round((share * options.size) / 64));
      for (let index = 0; index < many; index += 1) clients.push(this.#be(way, index));
    }
    this.#clients = Promise.all(clients);
  }

  /** Lets nobody ask again, and resolves once all have their answers. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#clients;
  }

  /**
   * What was refused by what nobody but those `harms` may be refused by, or wrong, in words. By what is in `atFirst`, as
   * many may be refused as wait in a pipe.
   */
  unexpected(harms: readonly Harms[], atFirst: readonly Harms[] = []): string[] {
    return [...this.#outcomes].flatMap(([way, outcomes]) => {
      const expected = ['served', ...harms.flatMap((each) => each[way] ?? [])];
      const few = atFirst.flatMap((each) => each[way] ?? []);
      const others = [...outcomes].filter(
        ([outcome, times]) => !expected.includes(outcome) && !(few.includes(outcome) && times <= PREFETCH_MAX),
      );
      return others.map(([outcome, times]) => `${way}: ${times} x ${outcome}`);
    });
  }

  async #be(way: Way, index: number): Promise<void> {
    const { pool } = this.#options;
    // Each by the name of its own, so that no two of them share what Python keeps.
    const client = CLIENTS[way](this, pool, `${way} ${index}`);
    while (!this.#isOver) await client();
  }

  /** A request of that kind, with its number; `isRight` judges the answer. Resolves with what came of it. */
  async ask<T>(way: Way, request: (number: number) => Promise<T>, isRight: (answer: T, number: number) => boolean) {
    const { ledger, next } = this.#options;
    const number = next();
    if (REPEATED.has(way)) ledger.allowRepeats(number);
    const outcome = await ledger.ask(request(number), (answer) => isRight(answer, number), { number });
    const counts = this.#outcomes.get(way) ?? new Map<string, number>();
    this.#outcomes.set(way, counts.set(outcome, (counts.get(outcome) ?? 0) + 1));
    // Whoever is refused at once asks again at once, and everybody else has to have a turn in between.
    if (outcome !== 'served') await setImmediate();
    return outcome;
  }

  call(way: Way, pool: Pool<unknown> | Lease<unknown>, options?: CallOptions): Promise<string> {
    return this.ask(
      way,
      (number) => pool.call('starts.serve', [number], options),
      (answer, number) => {
        if (!isAnswer(answer, number)) return false;
        // Under a lease, what serves it has not yet served that to its end.
        if (way !== 'lease') this.#options.onServed((answer as number[])[2]!);
        return true;
      },
    );
  }

  get idempotent(): CallOptions {
    return this.#options.idempotent;
  }

  /** The next numbers for what is one request and many starts. */
  numbers(many: number): number[] {
    return Array.from({ length: many }, () => {
      const number = this.#options.next();
      this.#options.ledger.allowRepeats(number);
      return number;
    });
  }
}

/** By what those may be refused to whom something is done that they have not done, by how they ask; others are not. */
export type Harms = Readonly<Partial<Record<Way, readonly string[]>>>;

/** How one asks. */
export type Way = 'call' | 'idempotent' | 'map' | 'stream' | 'session' | 'hint' | 'lease';

/** Makes a client of its kind: a function by which it asks once. */
const CLIENTS: Record<Way, (crowd: Crowd, pool: Pool<unknown>, name: string) => () => Promise<unknown>> = {
  call: (crowd, pool) => () => crowd.call('call', pool),
  idempotent: (crowd, pool) => () => crowd.call('idempotent', pool, crowd.idempotent),
  map: (crowd, pool) => () => {
    const items = crowd.numbers(ITEMS);
    const all = () => collect(pool.map('starts.serve', items, { concurrency: 4, ...crowd.idempotent }));
    return crowd.ask('map', all, (answers) => {
      return answers.length === ITEMS && answers.every((answer, index) => isAnswer(answer, items[index]!));
    });
  },
  stream: (crowd, pool) => () =>
    crowd.ask(
      'stream',
      (number) => collect(pool.stream<number[]>('starts.count', [number, ITEMS])),
      (items, number) => items.length === ITEMS && items.every((item, at) => item[0] === number && item[1] === at),
    ),
  session: (crowd, pool, name) => visitor(crowd, pool.session(name)),
  hint: (crowd, pool, name) => {
    const session = pool.session(name, { affinity: 'hint' });
    const isCount = (visits: unknown) => Number.isInteger(visits) && (visits as number) > 0;
    return () => crowd.ask('hint', (number) => session.call('starts.visit', [number]), isCount);
  },
  lease: (crowd, pool) => async () => {
    let lease: Lease<unknown> | undefined;
    const checkout = async () => {
      lease = await pool.checkout();
    };
    await crowd.ask('lease', checkout, () => true);
    for (let calls = 0; lease !== undefined && calls < 3; calls += 1) await crowd.call('lease', lease);
    await lease?.checkin();
  },
};

/** Knows how often it has been there since its state was lost, which it is told before it is served again. */
function visitor(crowd: Crowd, session: Session<unknown>): () => Promise<void> {
  // What Python may have counted. Nothing it can say is right while the loss is still to be told.
  let visits: readonly number[] = [0];
  return async () => {
    let answer = 0;
    const outcome = await crowd.ask(
      'session',
      (number) => session.call<number>('starts.visit', [number]),
      (count) => {
        answer = count;
        return visits.includes(count - 1);
      },
    );
    if (outcome === 'served') visits = [answer];
    else if (outcome === 'ERR_SESSION_LOST') visits = [0];
    else if (outcome === 'ERR_CALL_HUNG') visits = visits.flatMap((before) => [before, before + 1]);
    else visits = [];
  };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Of 64 clients, so many ask in that way. */
const WAYS: readonly (readonly [Way, number])[] = [
  ['call', 36],
  ['idempotent', 12],
  ['map', 2],
  ['stream', 4],
  ['session', 4],
  ['hint', 2],
  ['lease', 4],
];
/** Their callers have said that they may be done twice. */
const REPEATED: ReadonlySet<Way> = new Set(['idempotent', 'map']);
/** How many there are in a map and in a stream. */
const ITEMS = 5;
/** Of the pool, as it is by default. */
const PREFETCH_MAX = 3;
