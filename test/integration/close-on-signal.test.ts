import { describe, expect, it } from 'vitest';
import { closeOnSignal } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { NodeScript } from '../support/node-script.js';
import { fixtures, PYTHON, readyPool } from '../support/pool.js';
import { isAlive, until } from '../support/processes.js';

const here = fixtures(import.meta.url);
const app = here('app.py');

describe('closeOnSignal()', () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('at %s closes the pool and exits with %d', async (signal, code) => {
    const { script, pids } = await started('idle');
    script.process.kill(signal);
    expect(await script.ended).toBe(code);
    expect(pids.some(isAlive)).toBe(false);
  });

  it('lets the call that runs finish, and refuses new ones', async () => {
    const gate = new Gate();
    const { script } = await started('busy', gate.path);
    const go = await gate.reached();
    script.process.kill('SIGTERM');
    expect(await script.told()).toEqual({ refused: 'ERR_POOL_CLOSED' });
    await go();
    expect(await script.told()).toEqual({ value: 'served' });
    expect(await script.told()).toEqual({ code: 143 });
    expect(await script.ended).toBe(143);
  });

  it('ends at once at the second signal, and the worker that hangs with it', async () => {
    const { script, pids } = await started('hung');
    script.process.kill('SIGTERM');
    expect(await script.told()).toEqual({ heard: 'SIGTERM' });
    expect(pids.every(isAlive)).toBe(true);
    script.process.kill('SIGINT');
    expect(await script.ended).toBe(143);
    // It was killed, and waited for by nobody.
    await until(() => !pids.some(isAlive), 'the worker to end', 2_000);
  });

  it('closes several pools and exits when the last of them is closed, with the code that one was given', async () => {
    const { script, pids } = await started('two pools');
    expect(pids).toHaveLength(2);
    script.process.kill('SIGTERM');
    expect(await script.ended).toBe(9);
    expect(pids.some(isAlive)).toBe(false);
  });

  it('exits with another code if told to', async () => {
    const { script } = await started('own code');
    script.process.kill('SIGTERM');
    expect(await script.ended).toBe(0);
  });

  it('runs `before` while calls are still taken', async () => {
    const { script } = await started('before');
    script.process.kill('SIGTERM');
    expect(await script.told()).toEqual({ signal: 'SIGTERM', answer: 'still served' });
    expect(await script.ended).toBe(143);
  });

  it.each(['before throws', 'before hangs'])('goes on when %s', async (how) => {
    const { script } = await started(how);
    script.process.kill('SIGTERM');
    expect(await script.ended).toBe(143);
    const stderr = await script.stderr;
    if (how === 'before throws') expect(stderr).toContain('not ready to go');
    else expect(stderr).toBe('');
  });

  it.each(['undone', 'closed'])('leaves no listener behind when it is %s', async (how) => {
    const { script, listeners } = await started(how);
    expect(listeners).toBe(0);
    script.process.kill('SIGTERM');
    expect(await script.ended).toBe('SIGTERM');
  });

  it('has one listener for each signal, however many pools', async () => {
    const pools = [await readyPool(app), await readyPool(app)];
    const count = () => ['SIGTERM', 'SIGINT', 'SIGHUP'].map((signal) => process.listenerCount(signal));
    const before = count();
    const undos = [...pools, pools[0]!].map((pool) => closeOnSignal(pool, { signals: ['SIGTERM', 'SIGHUP'] }));
    expect(count()).toEqual([before[0]! + 1, before[1]!, before[2]! + 1]);
    undos[0]!();
    undos[0]!();
    expect(count()).toEqual([before[0]! + 1, before[1]!, before[2]! + 1]);
    for (const undo of undos) undo();
    expect(count()).toEqual(before);
    await pools[0]!.close();
    closeOnSignal(pools[0]!);
    expect(count()).toEqual(before);
  });

  it('refuses what it cannot do', async () => {
    const pool = await readyPool(app);
    const refused = [
      { signals: [] },
      { signals: ['SIGKILL'] },
      { exitCode: 256 },
      { exitCode: -1 },
      { before: 'now' },
      { beforeTimeoutMs: -1 },
      { after: () => {} },
    ];
    for (const options of refused) {
      expect(() => closeOnSignal(pool, options as never)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
    }
    expect(() => closeOnSignal({} as never)).toThrow(expect.objectContaining({ code: 'ERR_OPTION', option: 'pool' }));
  });
});

async function started(how: string, ...more: string[]) {
  const script = new NodeScript(here('closes-on-signal.ts'), [how, app, PYTHON, ...more]);
  return { script, ...(await script.told<{ pids: number[]; listeners: number }>()) };
}
