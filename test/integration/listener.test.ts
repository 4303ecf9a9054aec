import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createPool } from 'pythonarium';
import { describe, expect, it } from 'vitest';
import { failure } from '../support/pool.js';

const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
const module = fileURLToPath(new URL('./fixtures/app.py', import.meta.url));
const start = (options: object = {}) => createPool({ module, python, logs: 'events', size: 1, ...options });

describe('a listener', () => {
  it('may call the pool when a worker has died, and is served by the next one', async () => {
    await using pool = createPool({ module: 'os', expose: 'all', python, logs: 'events', size: 1 });
    const served = new Promise((resolve, reject) => {
      pool.once('worker.dead', () => {
        pool.call('getpid').then(resolve, reject);
      });
    });
    await expect(pool.call('abort')).rejects.toMatchObject({ code: 'ERR_WORKER_DIED' });
    await expect(served).resolves.toBeTypeOf('number');
    expect(pool.stats().calls.running).toBe(0);
  });
});

describe('a pool', () => {
  it('is not degraded by a few callers whose calls end their workers', async () => {
    await using pool = createPool({ module: 'os', expose: 'all', python, logs: 'events', size: 2, random: () => 1 });
    const crashes = Array.from({ length: 4 }, () => pool.call('abort'));
    const innocent = pool.call('getpid');
    // All at once, since any of them may be the first.
    for (const error of await Promise.all(crashes.map((crash) => failure(crash)))) {
      expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
    }
    await expect(innocent).resolves.toBeTypeOf('number');
    expect(pool.stats()).toMatchObject({ state: 'ready' });
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no luck');
      },
    ],
    ['is no number', () => Number.NaN],
  ])('goes on when the random it was given %s', async (_, random) => {
    const warned: Error[] = [];
    const onWarning = (warning: Error) => warned.push(warning);
    process.on('warning', onWarning);
    const pool = start({ module: 'os', expose: 'all', random });
    await expect(pool.call('abort')).rejects.toMatchObject({ code: 'ERR_WORKER_DIED' });
    await expect(pool.call('getpid')).resolves.toBeTypeOf('number');
    await pool.close();
    process.off('warning', onWarning);
    expect(warned.filter(({ message }) => !message.includes('no luck'))).toEqual([]);
  });

  it('takes hundreds of calls on one signal without Node taking them for a leak', async () => {
    const warned: Error[] = [];
    const onWarning = (warning: Error) => warned.push(warning);
    process.on('warning', onWarning);
    await using pool = start();
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 200 }, (_, n) => pool.call('add', [n, 1], { signal })));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', onWarning);
    expect(warned).toEqual([]);
  });

  it('is one of many that share one exit listener', async () => {
    const before = process.listenerCount('exit');
    const pools = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const pool = start();
        await pool.ready();
        return pool;
      }),
    );
    expect(process.listenerCount('exit')).toBe(before + 1);
    await Promise.all(pools.map((pool) => pool.close()));
    expect(process.listenerCount('exit')).toBe(before);
  });

  it('is not drained by a drain that was asked for wrongly, or given up before it began', async () => {
    await using pool = start();
    await expect(pool.drain({ timeoutMs: -1 })).rejects.toMatchObject({ code: 'ERR_OPTION' });
    await expect(pool.drain({ signal: AbortSignal.abort('not now') })).rejects.toBe('not now');
    await expect(pool.call('add', [1, 2])).resolves.toBe(3);
  });

  it('keeps a bound budget that a call mentions without setting it, and lets Infinity lift it', async () => {
    await using pool = start({ module: 'time', expose: 'all' });
    await pool.ready();
    const hasty = pool.with({ timeoutMs: 50 });
    const nap = (seconds: number, timeoutMs: number | undefined) => hasty.call('sleep', [seconds], { timeoutMs });
    await expect(nap(600, undefined)).rejects.toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
    await expect(nap(0.3, Number.POSITIVE_INFINITY)).resolves.toBeNull();
  });

  it('refuses an option that nobody knows, in a call and in a session too', async () => {
    await using pool = start();
    const mistyped = { timeoutms: 5 } as object;
    await expect(pool.call('add', [1, 2], mistyped)).rejects.toMatchObject({ code: 'ERR_OPTION', option: 'timeoutms' });
    expect(() => pool.session('a', { ttl: 5 } as object)).toThrow(expect.objectContaining({ option: 'ttl' }));
  });

  it('says what was waited for when the wait is given up', async () => {
    await using pool = start();
    await using lease = await pool.checkout();
    await expect(pool.drain({ timeoutMs: 1 })).rejects.toThrow('The pool was not drained within');
    await lease.checkin();
  });

  it('shows in an error which call it was', async () => {
    await using pool = start();
    const whoCalls = () => pool.call('add', [1, 'one']);
    const error = (await whoCalls().catch((raised: unknown) => raised)) as Error;
    expect(error.stack).toMatch(/TypeError: .*\n\s+at add \(.*app\.py:\d+\)\n[\s\S]*at whoCalls/);
    expect(error.stack).not.toContain('channel.ts');
  });

  it('is asked nothing by whoever puts one of its functions into a text', async () => {
    await using pool = start();
    const functions = pool.py as Record<string, unknown>;
    expect(`${functions.add}`).toBe('pool.py.add');
    expect(String(functions)).toBe('pool.py');
    expect(pool.stats().calls.asked).toBe(0);
  });

  it('takes with a worker that ends by itself what that had started', async () => {
    await using pool = start({ module: { sub: 'subprocess', os: 'os' }, expose: 'all' });
    const pid = Number(await pool.call<string>('sub.getoutput', ['sleep 300 >/dev/null 2>&1 & echo $!']));
    expect(() => process.kill(pid, 0)).not.toThrow();
    const dead = new Promise((resolve) => pool.once('worker.dead', resolve));
    await expect(pool.call('os.abort')).rejects.toMatchObject({ code: 'ERR_WORKER_DIED' });
    await dead;
    await expect.poll(() => state(pid), { timeout: 5_000 }).toBe('gone');
  });

  it('refuses the id of a session that no message has room for, with which its end would end the worker', async () => {
    await using pool = start({ messageBytesMax: 1_024 });
    const longest = 'i'.repeat(1_024 - '{"type":"session.end","session":""}'.length);
    const refused = { code: 'ERR_OPTION', option: 'session', message: expect.stringContaining('1024 bytes') };
    expect(() => pool.session(`${longest}i`)).toThrow(expect.objectContaining(refused));
    const session = pool.session(longest);
    const lease = await session.checkout();
    await lease.checkin();
    await session.end();
    expect(await pool.call('add', [1, 2])).toBe(3);
    expect(pool.workers()).toMatchObject([{ id: 1 }]);
  });

  it.each([[null], [5], ['timeoutMs']])('refuses %j where options should be', async (options) => {
    await using pool = start();
    await expect(pool.call('add', [1, 2], options as never)).rejects.toMatchObject({ code: 'ERR_OPTION' });
    await expect(pool.checkout(options as never)).rejects.toMatchObject({ code: 'ERR_OPTION' });
    await expect(pool.ready(options as never)).rejects.toMatchObject({ code: 'ERR_OPTION' });
    await expect(pool.drain(options as never)).rejects.toMatchObject({ code: 'ERR_OPTION' });
    expect(() => pool.session('a', options as never)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
  });
});

/** A killed child of nobody is reaped by init, or stays a zombie where there is none. */
function state(pid: number): string {
  try {
    return /^State:\s+(Z)/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')) ? 'gone' : 'alive';
  } catch {
    return 'gone';
  }
}
