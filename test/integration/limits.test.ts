import { describe, expect, it } from 'vitest';
import type { PythonError, WorkerDiedError } from '../../src/index.js';
import { failure, fixtures, readyPool, startPool } from '../support/pool.js';

const module = fixtures(import.meta.url)('limits.py');
const MIB = 1024 ** 2;

describe('a worker', () => {
  it('is limited before its modules are imported, and never to more than the system allows', async () => {
    const limits = { memoryBytes: 512 * MIB, cpuSeconds: 60, files: 100, fileBytes: 5 * MIB, coreBytes: MIB };
    const set = await (await readyPool(module, { limits })).call('limits');
    expect(set).toEqual({
      RLIMIT_AS: [512 * MIB, 512 * MIB],
      RLIMIT_CPU: [60, 61],
      RLIMIT_NOFILE: [100, 100],
      RLIMIT_FSIZE: [5 * MIB, 5 * MIB],
      RLIMIT_CORE: [MIB, MIB],
    });
    const greedy = await readyPool(module, { limits: { files: Number.MAX_SAFE_INTEGER } });
    const { RLIMIT_NOFILE: files } = await greedy.call<{ RLIMIT_NOFILE: number[] }>('limits');
    expect(files[0]).toBeLessThan(Number.MAX_SAFE_INTEGER);
  });

  it('leaves no core dump unless told otherwise, and is limited in nothing else', async () => {
    const set = await (await readyPool(module)).call<Record<string, number[]>>('limits');
    expect(set.RLIMIT_CORE).toEqual([0, 0]);
    expect(set.RLIMIT_AS).toEqual([-1, -1]);
    expect(set.RLIMIT_CPU).toEqual([-1, -1]);
  });

  it('that wants more memory raises MemoryError, and lives', async () => {
    const pool = await readyPool(module, { limits: { memoryBytes: 512 * MIB } });
    const pid = await pool.call('pid');
    const error = await failure<PythonError>(pool.call('allocate', [1024 * MIB]));
    expect(error).toMatchObject({ code: 'ERR_PYTHON', type: 'MemoryError' });
    expect(await pool.call('allocate', [MIB])).toBe(MIB);
    expect(await pool.call('pid')).toBe(pid);
  });

  it('that opens too many files, or writes too large a one, raises OSError, and lives', async () => {
    const pool = await readyPool(module, { limits: { files: 50, fileBytes: MIB } });
    const pid = await pool.call('pid');
    expect(await failure(pool.call('open_many', [100]))).toMatchObject({ code: 'ERR_PYTHON', type: 'OSError' });
    expect(await failure(pool.call('write', [2 * MIB]))).toMatchObject({ code: 'ERR_PYTHON', type: 'OSError' });
    expect(await pool.call('write', [1000])).toBe(1000);
    expect(await pool.call('pid')).toBe(pid);
  });

  it('that has used up its time dies by SIGXCPU, and the error names the limit', async () => {
    const pool = await readyPool(module, { limits: { cpuSeconds: 1 } });
    const error = await failure<WorkerDiedError>(pool.call('burn'));
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', signal: 'SIGXCPU', started: true });
    expect(error.message).toContain('SIGXCPU');
    expect(error.message).toContain('`limits.cpuSeconds` (1 s)');
  });

  it.each([
    ['limits', { limits: 7 }],
    ['limits.cores', { limits: { cores: 1 } }],
    ['limits.memoryBytes', { limits: { memoryBytes: 1000 } }],
    ['limits.cpuSeconds', { limits: { cpuSeconds: 0 } }],
    ['limits.files', { limits: { files: 20.5 } }],
    ['limits.fileBytes', { limits: { fileBytes: -1 } }],
    ['limits.coreBytes', { limits: { coreBytes: 'none' } }],
  ])('is not started with %s that it cannot have', (option, options) => {
    expect(() => startPool(module, options as never)).toThrow(expect.objectContaining({ code: 'ERR_OPTION', option }));
  });
});
