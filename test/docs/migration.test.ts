import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { type Backend, type BackendOptions, startBackend } from '../../docs/examples/migration/backend.js';
import { Gate } from '../support/gate.js';

const POOLS = ['serial', 'leased'] as const;
const LEDGER = fileURLToPath(new URL('../../docs/examples/migration/ledger.py', import.meta.url));
const TROUBLE = fileURLToPath(new URL('./fixtures/trouble.py', import.meta.url));
const DOES_NOT_LOAD = fileURLToPath(new URL('./fixtures/does_not_load.py', import.meta.url));

describe.each(POOLS)('the %s pool', (pool) => {
  it('gives each session its own state, and the answers that the module gives', async () => {
    const backend = start(pool, { module: LEDGER, size: 2 });
    const deposits = [
      backend.execute('ada', 'deposit', ['cash', 10]),
      backend.execute('bob', 'deposit', ['cash', 7]),
      backend.execute('ada', 'deposit', ['cash', 5]),
      backend.execute('ada', 'deposit', ['bank', 1.5]),
    ];
    expect(await Promise.all(deposits)).toEqual([10, 7, 15, 1.5]);
    expect(await backend.execute('ada', 'balances')).toEqual({ bank: 1.5, cash: 15 });
    expect(await backend.execute('bob', 'balances')).toEqual({ cash: 7 });
    expect(await backend.execute(null, 'balances')).toEqual({});
    expect(await backend.execute(null, 'interest', [100, 0.05, 10])).toBe(162.89);
  });

  it('tells what Python raised, and goes on', async () => {
    const backend = start(pool, { module: LEDGER, size: 1 });
    await expect(backend.execute('ada', 'deposit', ['cash', -1])).rejects.toThrow(
      'ValueError: a deposit must be more than nothing, and this is -1',
    );
    expect(await backend.execute('ada', 'deposit', ['cash', 1])).toBe(1);
  });
});

describe('what the move changes', () => {
  it('lets two calls on two workers run at the same time', async () => {
    const meet = async (pool: Pool, timeoutMs: number) => {
      const backend = start(pool, { module: TROUBLE, size: 2 });
      await warmUp(backend);
      const fifo = makeFifo();
      const calls = ['w', 'r'].map((mode) => backend.execute(null, 'meet', [fifo, mode], { timeoutMs }));
      return (await Promise.allSettled(calls)).map(({ status }) => status);
    };
    expect((await meet('serial', 500))[0]).toBe('rejected');
    expect(await meet('leased', 20_000)).toEqual(['fulfilled', 'fulfilled']);
  });

  it('never gives a caller the answer that another one gave up', async () => {
    const ask = async (pool: Pool) => {
      const backend = start(pool, { module: TROUBLE, size: 1 });
      await warmUp(backend);
      const gate = new Gate();
      const first = backend.execute(null, 'echo_late', ['the answer to A', gate.path], { timeoutMs: 200 });
      await expect(first).rejects.toThrow();
      const second = backend.execute(null, 'echo', ['the answer to B'], { timeoutMs: 10_000 });
      // Nobody comes there where the first was given up before Python had begun it.
      await Promise.race([gate.open('go on'), second]);
      return second;
    };
    expect(await ask('serial')).toBe('the answer to A');
    expect(await ask('leased')).toBe('the answer to B');
  });

  it('takes what Python prints for a log, and not for an answer', async () => {
    const chat = (pool: Pool) => start(pool, { module: TROUBLE, size: 1 }).execute(null, 'chat', ['the answer']);
    await expect(chat('serial')).rejects.toThrow(SyntaxError);
    expect(await chat('leased')).toBe('the answer');
  });

  it('says why no worker starts, instead of letting every call time out', async () => {
    const call = (pool: Pool, timeoutMs: number) =>
      start(pool, { module: DOES_NOT_LOAD, size: 1 }).execute(null, 'echo', [1], { timeoutMs });
    await expect(call('leased', 20_000)).rejects.toMatchObject({
      code: 'ERR_POOL_DEGRADED',
      cause: {
        code: 'ERR_BOOT',
        cause: { code: 'ERR_PYTHON', message: 'RuntimeError: the model is not where it was' },
      },
    });
    await expect(call('serial', 1_000)).rejects.toThrow('timed out after 1000 ms');
  });

  it('tells a session once that its worker died, and serves it again', async () => {
    const leased = start('leased', { module: TROUBLE, size: 1 });
    await leased.execute('ada', 'remember', ['a long story']);
    await expect(leased.execute('ada', 'die')).rejects.toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
    await expect(leased.execute('ada', 'recall')).rejects.toMatchObject({ code: 'ERR_SESSION_LOST' });
    expect(await leased.execute('ada', 'recall')).toBe(null);

    const serial = start('serial', { module: TROUBLE, size: 1 });
    await serial.execute('ada', 'remember', ['a long story']);
    await expect(serial.execute('ada', 'die', [], { timeoutMs: 300 })).rejects.toThrow('timed out');
    await expect(serial.execute('ada', 'recall', [], { timeoutMs: 300 })).rejects.toThrow('timed out');
  });
});

describe('the flag', () => {
  it('is refused when it names no pool', () => {
    expect(() => startBackend({ module: LEDGER, size: 1 }, 'both')).toThrow('PYTHON_POOL');
  });
});

type Pool = (typeof POOLS)[number];

const started: Backend[] = [];
const folders: string[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((backend) => backend.close()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function start(pool: Pool, options: BackendOptions): Backend {
  const backend = startBackend({ timeoutMs: 30_000, ...options }, pool);
  started.push(backend);
  return backend;
}

/** Python has answered, so that its start does not count against a call's budget. */
async function warmUp(backend: Backend): Promise<void> {
  for (const text of ['one', 'two']) await backend.execute(null, 'echo', [text], { timeoutMs: 20_000 });
}

function makeFifo(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pythonarium-'));
  folders.push(folder);
  const fifo = join(folder, 'gate');
  execFileSync('mkfifo', [fifo]);
  return fifo;
}
