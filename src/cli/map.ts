import { isUtf8 } from 'node:buffer';
import { fstatSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import ndjson from 'ndjson';
import { print } from '../base/print.js';
import type { Progress } from '../call/call.js';
import { MessageTooLargeError, PoolError, ValueRefusedError } from '../errors.js';
import { mapCalls } from '../map/map.js';
import type { Pool } from '../pool.js';
import type { CallFlags } from './call.js';
import { failureRecord, failureText } from './failure.js';
import { readJson, writeJson } from './json.js';
import { type Line, readLines } from './lines.js';
import { logLine } from './log.js';
import { withPool } from './pool.js';
import { type MapProgress, startMapProgress } from './progress.js';
import type { Target } from './target.js';
import { write } from './write.js';

/** How `map` is to go over its lines. */
export interface MapFlags extends CallFlags {
  /** Whether results come in the order of the lines. */
  readonly ordered: boolean;
  /** Whether a line that fails is noted, and the others go on. */
  readonly keepGoing: boolean;
}

/**
 * Calls one function for each line of standard input and writes what it returns to standard output, a line of JSON
 * each. It reads no faster than it can write, so its memory does not grow with the input.
 *
 * @returns The exit code: 0, or 1 if a line failed.
 * @throws PoolError when no worker can be had, or the function is not there.
 */
export async function runMap(target: Target, flags: MapFlags, signal: AbortSignal): Promise<number> {
  const { stdin } = process;
  if (fstatSync(stdin.fd).isDirectory()) {
    // Node would take it for an empty input.
    process.stderr.write('pythonarium: standard input is a folder, which has no lines.\n');
    return 1;
  }
  signal.addEventListener('abort', () => stdin.destroy(), { once: true });
  const progress = startMapProgress();
  try {
    return await withPool(target, flags, {
      signal,
      onLog: (log) => print(progress.notes, logLine(log, log.worker), () => {}),
      work: (pool) => mapLines(pool, target, flags, { progress, signal }),
    });
  } finally {
    stdin.destroy();
    progress.stop();
  }
}

async function mapLines(
  pool: Pool,
  { name }: Target,
  { ordered, keepGoing, kwargs = {}, timeout }: MapFlags,
  { progress, signal }: { progress: MapProgress; signal: AbortSignal },
): Promise<number> {
  const { notes, tell } = progress;
  const records = ndjson.stringify();
  records.pipe(notes, { end: false });
  let firstFailure = Number.POSITIVE_INFINITY;
  const isTooLate = (line: Line) => !keepGoing && line.number > firstFailure;

  async function* lines(): AsyncGenerator<Line> {
    for await (const line of readLines(process.stdin, LINE_BYTES_MAX)) {
      if (isTooLate(line)) return;
      yield line;
    }
  }

  /** Under a lease, so that `--timeout` is for the run alone: how long a line waits for a worker is not its fault. */
  async function outcomeOf(line: Line): Promise<Outcome> {
    try {
      const item = itemOf(line);
      const lease = await pool.checkout();
      try {
        if (isTooLate(line)) return { line };
        const onProgress = tell && ((told: Progress) => tell(line.number, told));
        return { line, json: writeJson(await lease.call(name, [item], { kwargs, timeoutMs: timeout, onProgress })) };
      } finally {
        tell?.(line.number, undefined);
        // Not awaited: a worker that owes an answer goes to nobody else, and the others go on.
        void lease.checkin();
      }
    } catch (error) {
      if (!(error instanceof PoolError) || HOPELESS.has(error.code)) throw error;
      firstFailure = Math.min(firstFailure, line.number);
      return { line, error };
    }
  }

  const concurrency = pool.stats().size * LINES_PER_WORKER;
  for await (const outcome of mapCalls((line) => outcomeOf(line as Line), lines(), { concurrency, ordered, signal })) {
    const { line, json, error } = outcome;
    if (json !== undefined) {
      await write(process.stdout, `${json}\n`, signal);
    } else if (error !== undefined && keepGoing) {
      await write(records, failureRecord(error, line.number), signal);
    } else if (error !== undefined) {
      await write(notes, failureText(error, `line ${line.number}`), signal);
      // What runs still is given up: to wait for it would only delay the bad news.
      await pool.destroy();
      break;
    }
    progress.step(line, error !== undefined);
  }
  records.end();
  await finished(records);
  return firstFailure === Number.POSITIVE_INFINITY ? 0 : 1;
}

/** What became of a line; neither a value nor an error if an earlier one had failed before it was its turn. */
interface Outcome {
  readonly line: Line;
  /** Its result. */
  readonly json?: string;
  readonly error?: PoolError;
}

/** The value that a line stands for. A blank line stands for none: to pass over it would leave a gap in the results. */
function itemOf({ number, bytes, byteLength }: Line): unknown {
  const where = `line ${number}`;
  const refused = (problem: string) => new ValueRefusedError({ path: where, sender: 'node', problem });
  if (bytes === undefined) {
    throw new MessageTooLargeError({ bytes: byteLength, limit: LINE_BYTES_MAX, sender: 'node', isFixed: true });
  }
  if (!isUtf8(bytes)) throw refused('is no UTF-8. Convert the input first, with `iconv -t utf-8` for example.');
  // Some programs begin a file of UTF-8 with a mark that is no part of its text.
  const text = number === 1 ? bytes.toString().replace(/^\uFEFF/, '') : bytes.toString();
  if (text.trim() === '') throw refused('is blank. Take it out, or write `null` if that is meant.');
  try {
    return readJson(text, where);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw refused(`is no JSON: ${error.message}. Write one value on each line.`);
  }
}

/** The pool's own limit on a message, `messageBytesMax`. */
const LINE_BYTES_MAX = 64 * 1024 * 1024;

/** One to run, and some that have come and wait for their turn to be called or to be written. */
const LINES_PER_WORKER = 4;

/** What would fail every other line too. */
const HOPELESS: ReadonlySet<PoolError['code']> = new Set(['ERR_NOT_EXPOSED', 'ERR_POOL_CLOSED', 'ERR_POOL_DEGRADED']);
