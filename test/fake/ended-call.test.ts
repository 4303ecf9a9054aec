import { describe, expect, it, onTestFinished } from 'vitest';
import type { EndedCall, PoolOptions } from '../../src/index.js';
import { collect, failure } from '../support/pool.js';
import type { LineToPython } from './fake-python.js';
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

describe('the end of a call', () => {
  it('is told with how long it waited for a worker and how long it ran', async () => {
    const { pool, clock, ended, answer } = await listening();
    const calls = [pool.call('first'), pool.with({ context: { requestId: '7f3a' } }).call('second')];
    await clock.turn(30);
    await answer();
    await clock.turn(20);
    await answer();
    await Promise.all(calls);
    const told = { how: 'answered', worker: 'worker-0', error: undefined };
    expect(ended).toEqual([
      { ...told, name: 'first', waitedMs: 0, ranMs: 30, context: undefined },
      { ...told, name: 'second', waitedMs: 30, ranMs: 20, context: { requestId: '7f3a' } },
    ]);
  });

  it('is told whatever it is, and of what never had a worker, that it had none', async () => {
    const { pool, clock, ended, answer, played } = await listening({ queueMax: 2 });
    const reason = new Error('enough');
    const controller = new AbortController();
    const outcomes = [
      failure(pool.call('raises')),
      failure(pool.call('late', [], { timeoutMs: 40 })),
      failure(pool.call('left', [], { signal: controller.signal })),
      failure(pool.call('refused')),
    ];
    await clock.turn(10);
    controller.abort(reason);
    played.process.raise();
    await heard();
    await clock.turn(30);
    const errors = await Promise.all(outcomes);
    expect(errors.map((error) => error.code ?? error)).toEqual([
      'ERR_PYTHON',
      'ERR_CALL_TIMEOUT',
      reason,
      'ERR_QUEUE_FULL',
    ]);
    expect(ended).toMatchObject([
      { name: 'refused', how: 'refused', worker: undefined, waitedMs: 0, ranMs: 0, error: errors[3] },
      { name: 'left', how: 'aborted', worker: undefined, waitedMs: 10, ranMs: 0, error: reason },
      { name: 'raises', how: 'failed', worker: 'worker-0', waitedMs: 0, ranMs: 10, error: errors[0] },
      { name: 'late', how: 'timedOut', worker: 'worker-0', waitedMs: 10, ranMs: 30, error: errors[1] },
    ]);
    await answer();
  });

  it('counts what goes before the last attempt as waiting', async () => {
    const { pool, clock, ended, answer, played } = await listening({ size: 2, retryDelayMs: 0 });
    const call = pool.call('again', [], { idempotent: true });
    await clock.turn(10);
    played.python.running[0]?.die();
    played.python.reap();
    await heard();
    await clock.turn(5);
    await answer();
    await call;
    expect(ended).toMatchObject([{ name: 'again', how: 'answered', waitedMs: 10, ranMs: 5 }]);
  });

  it('is told to those who listen, of what is made while they do, and to one that hears once of one', async () => {
    const { pool, ended, listener, answer } = await listening();
    const once: string[] = [];
    const run = async (name: string) => {
      const call = pool.call(name);
      await heard();
      await answer();
      await call;
    };
    pool.once('call.ended', ({ name }) => once.push(name));
    await run('first');
    pool.off('call.ended', listener);
    await run('second');
    pool.once('call.ended', ({ name }) => once.push(name));
    await run('third');
    await run('fourth');
    expect(ended.map(({ name }) => name)).toEqual(['first']);
    expect(once).toEqual(['first', 'third']);
  });

  it('is told of each item of a map, many of which go together', async () => {
    const { pool, clock, ended, lines, answer, played } = await listening();
    const outcomes = collect(pool.map('f', [1, 2, 3, 4], { concurrency: 4, keepGoing: true }));
    await heard();
    await clock.turn(10);
    await answer();
    await clock.turn(5);
    played.process.raise();
    await heard();
    expect(ended).toMatchObject([
      { name: 'f', how: 'answered', worker: 'worker-0', waitedMs: 0, error: undefined },
      { name: 'f', how: 'failed', worker: 'worker-0', error: { code: 'ERR_PYTHON' } },
    ]);
    const [first, second] = ended as [EndedCall, EndedCall];
    expect(first.ranMs).toBe(10);
    expect(second.waitedMs + second.ranMs).toBe(15);
    while (ended.length < 4) await answer();
    expect(await outcomes).toHaveLength(4);
    expect(lines.map(({ type }) => type)).toContain('map');
  });

  it('is told of the items of a map that no worker had, and of none that was sent before anybody listened', async () => {
    const { pool, ended, listener, answer } = await listening();
    pool.off('call.ended', listener);
    const map = pool.map('f', [1, 2, 3], { concurrency: 3 });
    const first = map.next();
    await heard();
    pool.on('call.ended', listener);
    await answer();
    await first;
    expect(ended).toEqual([]);
    await map.return?.();
    await answer();
    const lease = pool.checkout();
    await heard();
    const waiting = pool.map('g', [1]);
    const second = waiting.next();
    await heard();
    await waiting.return?.();
    await second;
    expect(ended.filter(({ name }) => name === 'g')).toMatchObject([{ how: 'aborted', worker: undefined, ranMs: 0 }]);
    await (await lease).checkin();
  });

  it('is told once of calls that are one by their key', async () => {
    const { pool, ended, answer } = await listening();
    const calls = [1, 2].map(() => pool.call('shared', [], { idempotencyKey: 'order-17' }));
    await heard();
    await answer();
    await Promise.all(calls);
    expect(ended.map(({ name }) => name)).toEqual(['shared']);
  });
});

/** A pool of played workers, which answer when the test says so, and what was told of the calls that ended. */
async function listening(options: Partial<PoolOptions> = {}) {
  const ended: EndedCall[] = [];
  const lines: LineToPython[] = [];
  const played = new PlayedPool(options, {
    serve: () => {},
    onLine: (line) => void lines.push(line),
  });
  onTestFinished(() => played.destroy());
  await played.boot();
  const { pool, clock } = played;
  const listener = (fact: EndedCall) => void ended.push(fact);
  pool.on('call.ended', listener);
  const answer = async () => {
    played.python.running[0]?.answer('answered');
    await clock.turn(0);
    await heard();
  };
  return { played, pool, clock, ended, listener, lines, answer };
}
