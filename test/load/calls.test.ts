import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Pool, WorkerDiedError } from '../../src/index.js';
import { temporaryFolder } from '../support/folder.js';
import { fixtures, readyPool } from '../support/pool.js';

const counts = fixtures(import.meta.url)('counts.py');

describe('10,000 calls from 64 clients on 4 workers', () => {
  it('are answered each by its own answer: none lost, none doubled, none crossed', async () => {
    const pool = await readyPool(counts, { size: 4 });
    const { questions, client } = questioner(10_000, async (question) => {
      expect(await pool.call('square', [question])).toEqual({ question, answer: question * question });
    });
    await Promise.all(Array.from({ length: 64 }, client));
    expect(questions.left()).toBe(0);
    expect(pool.stats()).toMatchObject({
      waiting: 0,
      failures: 0,
      calls: { asked: 10_000, answered: 10_000, running: 0 },
    });

    const asked = await askedOfAll(pool, 4);
    expect(asked.flat()).toHaveLength(10_000);
    expect(new Set(asked.flat()).size).toBe(10_000);
    // Nobody stood by while the others worked.
    for (const each of asked) expect(each.length).toBeGreaterThan(500);
  });

  it('are so whether they come by the pool, by leases, by sessions or by map', async () => {
    const pool = await readyPool(counts, { size: 4 });
    const ask = async (caller: Pick<Pool, 'call'>, question: number) => {
      expect(await caller.call('square', [question])).toEqual({ question, answer: question * question });
    };
    const byPool = questioner(1_000, (question) => ask(pool, question));
    const byLease = questioner(300, async (question) => {
      await using lease = await pool.checkout();
      await Promise.all([0, 1, 2].map((part) => ask(lease, 100_000 + 3 * question + part)));
    });
    const bySession = questioner(500, (question) => ask(pool.session(`user ${question % 50}`), 200_000 + question));
    const byMap = async () => {
      const items = Array.from({ length: 500 }, (_, index) => 300_000 + index);
      let index = 0;
      for await (const answer of pool.map<{ question: number }>('square', items, { concurrency: 16 })) {
        expect(answer.question).toBe(items[index]);
        index += 1;
      }
      expect(index).toBe(500);
    };
    const clients = [byPool, byLease, bySession].flatMap(({ client }) => Array.from({ length: 21 }, client));
    await Promise.all([...clients, byMap()]);
    const asked = (await askedOfAll(pool, 4)).flat();
    expect(asked).toHaveLength(1_000 + 900 + 500 + 500);
    expect(new Set(asked).size).toBe(asked.length);
  });
});

describe('1,500 calls from 32 clients while workers are killed all the time', () => {
  it('settle each once, are started at most once, and never get the answer of another', async () => {
    const pool = await readyPool(counts, { size: 4 });
    const record = join(temporaryFolder(), 'record');
    writeFileSync(record, '');
    const [alive, gone] = [new Set<number>(), new Set<number>()];
    const outcomes = new Map<number, 'answered' | boolean | 'unknown'>();
    const { client } = questioner(1_500, async (question) => {
      expect(outcomes.has(question)).toBe(false);
      try {
        const { pid, ...answer } = await pool.call<{ pid: number }>('square_on_record', [question, record]);
        expect(answer).toEqual({ question, answer: question * question });
        if (!gone.has(pid)) alive.add(pid);
        outcomes.set(question, 'answered');
      } catch (error) {
        const { code, started } = error as WorkerDiedError;
        if (code !== 'ERR_WORKER_DIED') throw error;
        outcomes.set(question, started);
      }
    });
    let kills = 0;
    // Only those who have served: a pool whose workers never get to serve is right to call itself degraded.
    const killing = setInterval(() => {
      const [pid] = [...alive].toSorted(() => Math.random() - 0.5);
      if (pid === undefined) return;
      alive.delete(pid);
      gone.add(pid);
      process.kill(pid, 'SIGKILL');
      kills += 1;
    }, 100);
    await Promise.all(Array.from({ length: 32 }, client)).finally(() => clearInterval(killing));

    expect(outcomes.size).toBe(1_500);
    const started = new Map<number, number>();
    for (const line of readFileSync(record, 'utf8').trim().split('\n').map(Number)) {
      started.set(line, (started.get(line) ?? 0) + 1);
    }
    for (const [question, outcome] of outcomes) {
      const times = started.get(question) ?? 0;
      if (outcome === 'answered') expect(times).toBe(1);
      else if (outcome === false) expect(times).toBe(0);
      else expect(times).toBeLessThanOrEqual(1);
    }
    expect(kills).toBeGreaterThanOrEqual(5);
    expect(pool.stats().calls).toMatchObject({ running: 0, timedOut: 0, aborted: 0, refused: 0 });
  });
});

/** Hands out `count` questions to clients that each ask one after the other. */
function questioner(count: number, ask: (question: number) => Promise<void>) {
  let next = 0;
  const client = async () => {
    while (next < count) await ask(next++);
  };
  return { client, questions: { left: () => count - next } };
}

/** What each worker has been asked, as it remembers it. */
async function askedOfAll(pool: Pool, size: number): Promise<number[][]> {
  const leases = await Promise.all(Array.from({ length: size }, () => pool.checkout()));
  const asked = await Promise.all(leases.map((lease) => lease.call<number[]>('all_asked')));
  await Promise.all(leases.map((lease) => lease.checkin()));
  return asked;
}
