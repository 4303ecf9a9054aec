import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { WorkerDiedError } from '../../src/index.js';
import { StartMark } from '../../src/process/start-mark.js';
import { Gate } from '../support/gate.js';
import { failure, fixtures, readyPool } from '../support/pool.js';
import { freeze } from '../support/processes.js';

const deaths = fixtures(import.meta.url)('deaths.py');

describe('ERR_WORKER_DIED says whether the call had started', () => {
  it('true, when Python ended itself in the call', async () => {
    const pool = await readyPool(deaths);
    const error = await failure<WorkerDiedError>(pool.call('exit_at_once', [3]));
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', exitCode: 3, signal: null, started: true });
    expect(error.message).toContain('Python had started the call');
  });

  it('true, when it was killed in the middle of the call', async () => {
    const pool = await readyPool(deaths);
    const pid = await pool.call<number>('pid');
    const gate = new Gate();
    const dying = failure<WorkerDiedError>(pool.call('wait_at', [gate.path]));
    await gate.reached();
    process.kill(pid, 'SIGKILL');
    expect(await dying).toMatchObject({ code: 'ERR_WORKER_DIED', signal: 'SIGKILL', started: true });
  });

  it('false, when it was killed before it had read the call, though others had run before', async () => {
    const pool = await readyPool(deaths);
    const pid = await pool.call<number>('pid');
    await freeze(pid);
    const dying = failure<WorkerDiedError>(pool.call('pid'));
    // The call has been sent to a process that does not move.
    await new Promise(setImmediate);
    process.kill(pid, 'SIGKILL');
    const error = await dying;
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', signal: 'SIGKILL', started: false });
    expect(error.message).toContain('safe to repeat');
  });

  it('true for the call that runs and nothing at all to the one behind it under a lease', async () => {
    const pool = await readyPool(deaths);
    const lease = await pool.checkout();
    const dying = failure<WorkerDiedError>(lease.call('exit_at_once', [0]));
    const behind = failure(lease.call('pid'));
    expect(await dying).toMatchObject({ code: 'ERR_WORKER_DIED', started: true, exitCode: 0 });
    expect(await behind).toMatchObject({ code: 'ERR_LEASE_ENDED', reason: 'worker-died' });
  });

  it('true, whatever the call wrote to descriptors that are not its own', async () => {
    const pool = await readyPool(
      fixtures(new URL('../fault/start-mark.test.ts', import.meta.url).href)('writes-to-low-descriptors.py'),
    );
    expect(await pool.call('ping')).toBe('pong');
    expect(await failure(pool.call('write_and_die'))).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
  });

  it("'unknown', when there is no page to share, which counts as started", async () => {
    const create = vi.spyOn(StartMark, 'create').mockReturnValue(undefined);
    onTestFinished(() => create.mockRestore());
    const pool = await readyPool(deaths);
    const error = await failure<WorkerDiedError>(pool.call('exit_at_once', [3]));
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', started: 'unknown' });
    expect(error.message).toContain('Nobody knows');
    expect(typeof (await pool.call('pid'))).toBe('number');
  });
});
