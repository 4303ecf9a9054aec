import { describe, expect, it, onTestFinished } from 'vitest';
import type { BootError } from '../../../src/index.js';
import { Trial } from '../../../src/worker/trial.js';
import { PlayedPool } from '../../fake/played-pool.js';

describe('a trial', () => {
  it('has come up once Python is ready, and asks it to end', async () => {
    const { trial, process } = start();
    process.boot();
    expect(await trial.outcome).toBeUndefined();
    expect(process.isAlive).toBe(false);
    process.tellEnd();
    await trial.gone;
  });

  it('kills what does not end when it is asked to', async () => {
    const { trial, process, pool } = start();
    process.ignoresStop = true;
    process.boot();
    await trial.outcome;
    expect(process.isAlive).toBe(true);
    await pool.clock.turn(2_000);
    expect(process.signals).toEqual(['SIGKILL']);
    process.tellEnd();
    await trial.gone;
  });

  it('fails by what Python says, once it is gone', async () => {
    const { trial, process } = start();
    process.spawn();
    process.hello();
    process.refuse('import', { type: 'SyntaxError' });
    process.tellEnd();
    expect(await trial.outcome).toMatchObject({ code: 'ERR_BOOT', stage: 'import', cause: { type: 'SyntaxError' } });
  });

  it('fails by the stage at which it ended without a word', async () => {
    const early = start();
    early.process.spawn();
    early.process.die({ exitCode: 3, signal: null });
    early.process.tellEnd();
    expect(await early.trial.outcome).toMatchObject({ code: 'ERR_BOOT', stage: 'start', exitCode: 3 });
    const late = start();
    late.process.spawn();
    late.process.hello();
    late.process.die();
    late.process.tellEnd();
    expect(await late.trial.outcome).toMatchObject({ code: 'ERR_BOOT', stage: 'load', signal: 'SIGKILL' });
  });

  it('does not take for ever', async () => {
    const { trial, process, pool } = start();
    process.spawn();
    process.hello();
    await pool.clock.turn(30_000);
    process.tellEnd();
    const error = (await trial.outcome) as BootError;
    expect(error).toMatchObject({ code: 'ERR_BOOT', stage: 'timeout' });
    expect(error.message).toContain('30000 ms');
  });

  it('has not come up once it was killed for taking too long, though its word that it has was on the way', async () => {
    const { trial, process, pool } = start();
    process.spawn();
    process.hello();
    await pool.clock.turn(30_000);
    trial.onMessage({ type: 'ready', functions: [], streams: [], interrupts: false, stacks: false });
    process.tellEnd();
    expect(await trial.outcome).toMatchObject({ code: 'ERR_BOOT', stage: 'timeout' });
  });

  it('fails where no process comes to be, and where the other side is of another version', async () => {
    const none = start();
    none.process.failToSpawn();
    none.process.tellEnd();
    expect(await none.trial.outcome).toMatchObject({ code: 'ERR_SPAWN' });
    const other = start();
    other.process.spawn();
    other.process.hello(99);
    other.process.tellEnd();
    expect(await other.trial.outcome).toMatchObject({ code: 'ERR_BOOT', stage: 'protocol' });
  });

  it('is gone when it is ended', async () => {
    const { trial, process } = start();
    process.spawn();
    trial.end();
    process.tellEnd();
    await trial.gone;
    expect(process.signals).toEqual(['SIGKILL']);
  });
});

function start() {
  const pool = new PlayedPool();
  onTestFinished(() => pool.destroy());
  const trial = new Trial(pool.runtime);
  return { pool, trial, process: pool.process };
}
