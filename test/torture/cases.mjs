/**
 * The hostile cases. Each returns what came of it, in a few words that begin with `ok` if it is right: everybody who
 * asked is answered in time, nobody has what another holds, and the pool serves whoever comes next.
 */
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const GOOD = fileURLToPath(new URL('tasks.py', import.meta.url));

export const WORKER_CASES = {
  'the worker exits at its start': async (make) => {
    const pool = await make('leaves-at-start');
    const startedAt = performance.now();
    const outcome = await outcomeOf(pool.run('answer'), 8_000);
    const ms = Math.round(performance.now() - startedAt);
    return outcome.error ? `ok: rejected after ${ms} ms` : `${outcome.late ? 'never settles' : 'served'}`;
  },

  'the worker exits in the middle of a task, another waits': async (make) => {
    const pool = await make('tasks');
    await pool.run('answer');
    const [first, second] = await Promise.all([
      outcomeOf(pool.run('leave'), 5_000),
      outcomeOf(pool.run('answer'), 5_000),
    ]);
    const third = second.late ? await outcomeOf(pool.run('answer'), 2_000) : undefined;
    if (first.late) return `the task never settles${second.late ? ', nor does the one that waits' : ''}`;
    if (second.late)
      return `the one that waits is stuck${third?.value === 42 ? ' until somebody asks again' : ' for good'}`;
    return first.error && second.value === 42 ? 'ok: rejected, the other served' : `${told(first)}, ${told(second)}`;
  },

  'a task never ends, with a limit of 500 ms, another waits': async (make) => {
    const pool = await make('tasks');
    await pool.run('answer');
    const startedAt = performance.now();
    const first = outcomeOf(pool.run('spin', 500), 8_000).then((outcome) => ({
      outcome,
      ms: performance.now() - startedAt,
    }));
    const second = outcomeOf(pool.run('answer'), 12_000).then((outcome) => ({
      outcome,
      ms: performance.now() - startedAt,
    }));
    const [spun, waited] = await Promise.all([first, second]);
    if (!spun.outcome.error) return told(spun.outcome);
    if (waited.outcome.value !== 42) return `the one that waits: ${told(waited.outcome)}`;
    return `ok: rejected after ${Math.round(spun.ms)} ms, the other served after ${Math.round(waited.ms)} ms`;
  },
};

export const RESOURCE_CASES = {
  'a waiter times out, then the slot is released': async (make) => {
    const pool = await make(sound({ timeoutMs: 150 }));
    const held = await pool.acquire();
    const late = await outcomeOf(pool.acquire(), 3_000);
    await held.release();
    const next = await outcomeOf(pool.acquire(), 3_000);
    return late.error && next.value ? 'ok: rejected, the next served' : `${told(late)}, then ${told(next)}`;
  },

  'released twice, two wait': async (make) => {
    const pool = await make(sound());
    const held = await pool.acquire();
    const [one, other] = [watched(pool.acquire()), watched(pool.acquire())];
    await sleep(50);
    const twice = await outcomeOf(releaseTwice(held), 2_000);
    await sleep(300);
    if (one.value && other.value) return 'both hold the one slot';
    if (!one.value) return 'nobody is served';
    return twice.error ? 'ok: the second release is refused' : 'ok: the second release changes nothing';
  },

  'released again after another has got it': async (make) => {
    const pool = await make(sound());
    const old = await pool.acquire();
    await old.release();
    await pool.acquire();
    const again = await outcomeOf((async () => old.release())(), 1_000);
    const intruder = watched(pool.acquire());
    await sleep(300);
    if (intruder.value) return "frees the new holder's slot";
    return again.error ? 'ok: refused' : 'ok: changes nothing';
  },

  'what is to be made fails, then no longer': async (make) => {
    const folder = mkdtempSync(join(tmpdir(), 'torture-'));
    const module = join(folder, 'tasks.py');
    writeFileSync(module, 'raise RuntimeError("not yet")\n');
    let fails = true;
    const create = async () => {
      if (fails) throw new Error('not yet');
      return { isDead: false };
    };
    const pool = await make({ ...sound({ timeoutMs: 2_000 }), create, module });
    const startedAt = performance.now();
    const first = await outcomeOf(pool.acquire(), 5_000);
    const ms = Math.round(performance.now() - startedAt);
    fails = false;
    cpSync(GOOD, module);
    for (let times = 0; times < 40; times += 1) {
      const { value } = await outcomeOf(pool.acquire(), 3_000);
      if (value) return first.error ? `ok: rejected after ${ms} ms, recovers` : told(first);
      await sleep(200);
    }
    return `${told(first)}, and never recovers`;
  },

  'it dies while nobody holds it': async (make) => {
    const pool = await make(sound());
    const held = await pool.acquire();
    const { resource } = held;
    await held.release();
    if (typeof resource === 'number') process.kill(resource, 'SIGKILL');
    else resource.isDead = true;
    await sleep(50);
    const next = await outcomeOf(pool.acquire(), 5_000);
    if (!next.value) return told(next);
    const got = next.value.resource;
    return got === resource || got.isDead ? 'handed out dead' : 'ok: replaced';
  },

  'closed while somebody waits': async (make) => {
    const pool = await make(sound());
    const held = await pool.acquire();
    const waiting = watched(pool.acquire());
    await sleep(50);
    const closing = outcomeOf(pool.close(), 4_000);
    await sleep(50);
    await outcomeOf((async () => held.release())(), 1_000);
    await sleep(200);
    if (waiting.value) await outcomeOf((async () => waiting.value.release())(), 1_000);
    const closed = await closing;
    if (closed.late) return 'never closes';
    if (waiting.value) return 'ok: served first';
    return waiting.error ? 'ok: rejected' : 'never settles';
  },

  '50 wait, and one comes late': async (make) => {
    const pool = await make(sound({ timeoutMs: 10_000 }));
    const held = await pool.acquire();
    const order = [];
    const come = async (number) => {
      const mine = await pool.acquire();
      order.push(number);
      await mine.release();
    };
    const all = Array.from({ length: 50 }, (_, number) => come(number));
    await held.release();
    all.push(come(50));
    const outcome = await outcomeOf(Promise.all(all), 8_000);
    if (!outcome.value) return told(outcome);
    return order.every((number, at) => number === at)
      ? 'ok: in their order'
      : `not in their order: ${order.slice(0, 10)}`;
  },
};

/** What is to be pooled where nothing is wrong with it. */
function sound({ timeoutMs = 5_000 } = {}) {
  return { create: async () => ({ isDead: false }), isAlive: ({ isDead }) => !isDead, module: GOOD, timeoutMs };
}

async function releaseTwice(held) {
  const first = held.release();
  const second = held.release();
  await first;
  await second;
}

async function outcomeOf(promise, ms) {
  const late = new AbortController();
  try {
    return await Promise.race([
      Promise.resolve(promise).then(
        (value) => ({ value: value ?? true }),
        (error) => ({ error: error ?? true }),
      ),
      sleep(ms, { late: true }, { signal: late.signal }),
    ]);
  } finally {
    late.abort();
  }
}

function watched(promise) {
  const seen = {};
  promise.then(
    (value) => Object.assign(seen, { value }),
    (error) => Object.assign(seen, { error }),
  );
  return seen;
}

function told({ value, error, late }) {
  if (late) return 'never settles';
  return error
    ? `rejected: ${String(error.message ?? error).slice(0, 60)}`
    : `served: ${typeof value === 'object' ? 'a resource' : value}`;
}
