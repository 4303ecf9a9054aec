import { on, once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { PoolEvents } from '../../src/index.js';
import { collect, failure, fixtures, next, readyPool, startPool } from '../support/pool.js';

const here = fixtures(import.meta.url);

describe('on(), once() and off()', () => {
  it('tell the life of a worker by the names of the charts', async () => {
    const pool = startPool(here('app.py'));
    const heard: [keyof PoolEvents, object][] = [];
    for (const name of ['worker.ready', 'worker.dead', 'pool.ready', 'pool.drained', 'pool.closed'] as const) {
      pool.on(name, (fact: object) => heard.push([name, fact]));
    }
    const pid = await pool.call<number>('pid');
    const dead = next(pool, 'worker.dead');
    const ready = next(pool, 'worker.ready');
    process.kill(pid, 'SIGKILL');
    await dead;
    const { pid: second } = await ready;
    await pool.drain();
    await pool.close();
    expect(heard).toEqual([
      ['worker.ready', { worker: 'worker-0', id: 1, pid, bootMs: expect.any(Number) }],
      ['pool.ready', { state: 'ready' }],
      ['worker.dead', { worker: 'worker-0', id: 1, pid, exitCode: null, signal: 'SIGKILL', reason: 'exited' }],
      ['worker.ready', { worker: 'worker-0', id: 2, pid: second, bootMs: expect.any(Number) }],
      ['pool.drained', { state: 'drained' }],
      ['worker.dead', { worker: 'worker-0', id: 2, pid: second, exitCode: 0, signal: null, reason: 'stopped' }],
      ['pool.closed', { state: 'closed' }],
    ]);
  });

  it('hear what they are for: once() once, off() no more, and each listener each time', async () => {
    const pool = await readyPool(here('prints.py'));
    const heard: string[] = [];
    const listener = ({ text }: { text: string }) => heard.push(`on ${text}`);
    expect(pool.on('log', listener)).toBe(pool);
    expect(pool.once('log', ({ text }) => heard.push(`once ${text}`))).toBe(pool);
    await pool.call('say', ['a']);
    await pool.call('say', ['b']);
    expect(pool.off('log', listener)).toBe(pool);
    await pool.call('say', ['c']);
    expect(heard).toEqual(['on a', 'once a', 'on b']);
  });

  it('disturb nobody when a listener throws: the process is warned, the others hear, and calls go on', async () => {
    const warnings: string[] = [];
    const warned = (warning: Error & { code?: string }) => {
      if (warning.code === 'PYTHONARIUM_FAULT') warnings.push(warning.message);
    };
    process.on('warning', warned);
    onTestFinished(() => void process.off('warning', warned));
    const pool = startPool(here('prints.py'));
    for (const name of ['worker.ready', 'worker.dead', 'pool.ready', 'pool.closed', 'log'] as const) {
      pool.on(name, () => {
        throw new Error(`from the listener of ${name}`);
      });
    }
    const heard: string[] = [];
    pool.on('log', ({ text }) => heard.push(text));
    await pool.call('say', ['a']);
    expect(await failure(pool.call('nowhere'))).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
    await pool.close();
    await new Promise(setImmediate);
    expect(heard).toEqual(['a']);
    for (const name of ['worker.ready', 'worker.dead', 'pool.ready', 'pool.closed', 'log']) {
      expect(warnings.filter((text) => text.includes(`from the listener of ${name}`))).toHaveLength(1);
    }
  });

  it('tell how each call ended, be it a stream, under a lease or in a session', async () => {
    const pool = await readyPool(here('streams.py'), { interrupt: true });
    const ended: unknown[] = [];
    pool.on('call.ended', ({ name, how, worker, error }) =>
      ended.push([name, how, worker, (error as Error | undefined)?.name]),
    );
    expect(await collect(pool.stream('count', [3]))).toEqual([0, 1, 2]);
    for await (const _ of pool.stream('count')) break;
    await failure(collect(pool.stream('fails_after', [1])));
    const lease = await pool.checkout();
    await lease.call('pid');
    await lease.checkin();
    await pool.session('ann').call('pid');
    await failure(pool.call('nowhere'));
    expect(ended).toEqual([
      ['count', 'answered', 'worker-0', undefined],
      ['count', 'aborted', 'worker-0', undefined],
      ['fails_after', 'failed', 'worker-0', 'PythonError'],
      ['pid', 'answered', 'worker-0', undefined],
      ['pid', 'answered', 'worker-0', undefined],
      ['nowhere', 'failed', 'worker-0', 'NotExposedError'],
    ]);
  });

  it('refuse a name that no event has, by which nobody would ever be told anything', async () => {
    const pool = startPool(here('app.py'));
    for (const listen of [() => pool.on('worker.died' as never, () => {}), () => pool.once('' as never, () => {})]) {
      expect(listen).toThrow(expect.objectContaining({ code: 'ERR_OPTION', option: 'name' }));
      expect(listen).toThrow(/worker\.ready, worker\.dead, /);
    }
    // Which listens to `error`, too.
    expect(await once(pool as never, 'worker.ready')).toEqual([expect.objectContaining({ worker: 'worker-0' })]);
  });

  it('are listened to by `once` and `on` of node:events, which take back what they have listened by', async () => {
    const pool = await readyPool(here('prints.py'));
    const warnings: Error[] = [];
    const warned = (warning: Error) => warnings.push(warning);
    process.on('warning', warned);
    onTestFinished(() => void process.off('warning', warned));
    const leaving = new AbortController();
    const dead = failure(once(pool as never, 'worker.dead', { signal: leaving.signal }));
    leaving.abort();
    expect(await dead).toMatchObject({ name: 'AbortError' });
    // One more than Node takes for a leak.
    for (let times = 0; times < 11; times += 1) {
      const log = once(pool as never, 'log');
      await pool.call('say', ['a']);
      expect(await log).toMatchObject([{ text: 'a' }]);
    }
    const logs = on(pool as never, 'log');
    await pool.call('say', ['b']);
    for await (const [log] of logs) {
      expect(log).toMatchObject({ text: 'b' });
      break;
    }
    await new Promise(setImmediate);
    expect(warnings).toEqual([]);
  });

  it('may be used from a listener: to call, to listen and to close', async () => {
    const pool = startPool(here('app.py'));
    const answer = new Promise((resolve) => {
      pool.once('worker.ready', () => resolve(pool.call('add', [1, 2])));
    });
    expect(await answer).toBe(3);
    const closed = new Promise((resolve) => {
      pool.once('worker.dead', () => resolve(pool.close()));
    });
    process.kill(await pool.call<number>('pid'), 'SIGKILL');
    await closed;
    expect(pool.stats().state).toBe('closed');
  });
});
