import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, statfsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SimulatedClock } from 'xstate';
import { kw, ndarray } from '../../src/index.js';
import { NodeScript } from '../support/node-script.js';
import { failure, fixtures, next, PYTHON, readyPool } from '../support/pool.js';
import { isAlive, until } from '../support/processes.js';

/** What a test does to the files in memory that are opened while it runs. */
const shm = vi.hoisted(() => ({ onOpen: () => {}, onWrite: async (_at: number) => {}, opened: 0 }));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return {
    ...real,
    open: async (path: string, ...how: [number, number]) => {
      if (path !== '/dev/shm') return real.open(path, ...how);
      shm.onOpen();
      const file = await real.open(path, ...how);
      shm.opened += 1;
      const { write } = file;
      file.write = (async (data: Uint8Array, at: number, length: number) => {
        await shm.onWrite(at);
        return (write as (...given: unknown[]) => unknown).call(file, data, at, length);
      }) as typeof file.write;
      return file;
    },
  };
});

const here = fixtures(import.meta.url);
const module = here('large_arrays.py');
const isThere = process.platform === 'linux' && canShare();
const without = isThere ? '' : ' (skipped: there is no /dev/shm with 1 GiB free here)';
const withoutNumpy = hasNumpy() ? '' : ' (skipped: this python3 has no numpy)';

describe.skipIf(!isThere)(`a large array on its way to Python${without}`, () => {
  let descriptors: number;

  beforeEach(async () => {
    Object.assign(shm, { onOpen: () => {}, onWrite: async () => {}, opened: 0 });
    // What is opened once and for all is open from here on.
    await (await open('/dev/null')).close();
  });
  afterEach(() => vi.restoreAllMocks());

  const remember = () => {
    descriptors = countOfDescriptors();
  };
  const leavesNoDescriptor = () => until(() => countOfDescriptors() <= descriptors, 'the descriptors to be closed');

  it('arrives as it would over the line, and is mapped', async () => {
    const pool = await readyPool(module);
    const data = numbers();
    remember();
    const [shared] = await pool.call<unknown[][]>('look', [data]);
    expect(shared).toEqual(['memoryview', 'd', [LENGTH], true, true, digestOf(data)]);
    await leavesNoDescriptor();
    shm.onOpen = refuse('EMFILE');
    expect(await pool.call('look', [data])).toEqual([shared!.with(4, false)]);
    expect(shm.opened).toBe(1);
  });

  it('arrives among others, anywhere, in keyword arguments and out of memory that is shared', async () => {
    const pool = await readyPool(module);
    const [data, small] = [numbers(), new Int16Array([1, 2, 3])];
    const common = new Float32Array(new SharedArrayBuffer(LENGTH * 8)).fill(0.5);
    const bytes = Buffer.alloc(LENGTH * 8, 3);
    remember();
    const seen = await pool.call<unknown[][]>('look', [small, data, bytes, data.subarray(1), common]);
    expect(seen.map((each) => [each[0], each[1], each[4]])).toEqual([
      ['memoryview', 'h', false],
      ['memoryview', 'd', true],
      // What cannot be written to has to be read.
      ['bytes', 'B', false],
      ['memoryview', 'd', true],
      ['memoryview', 'f', true],
    ]);
    expect(seen.map((each) => each[5])).toEqual([small, data, bytes, data.subarray(1), common].map(digestOf));
    expect(await pool.call('keep', [kw({ array: data })])).toBeNull();
    expect(shm.opened).toBe(4);
    await leavesNoDescriptor();
  });

  it.skipIf(withoutNumpy !== '')(`arrives as an array of numpy, in either order${withoutNumpy}`, async () => {
    const pool = await readyPool(module);
    const data = numbers();
    for (const order of ['C', 'F'] as const) {
      const array = ndarray(data, { shape: [2, LENGTH / 2], order });
      const seen = await pool.call<unknown[][]>('look', [array]);
      expect(seen[0]).toEqual(['ndarray', 'd', [2, LENGTH / 2], true, true, digestOf(data)]);
    }
  });

  it('can be written to, and outlives its call and the array that it was made of', async () => {
    const pool = await readyPool(module);
    const data = numbers();
    remember();
    for (let round = 0; round < 2; round++) await pool.call('keep', [data]);
    await leavesNoDescriptor();
    const bytes = new Uint8Array(data.slice().buffer);
    data.fill(0);
    bytes[0] = bytes[bytes.length - 1] = 7;
    expect((await pool.call<unknown[]>('write_and_look'))[5]).toBe(digestOf(bytes));
    expect(await pool.call('write_in_a_child')).toBe(true);
  });

  it('goes to two workers, and in two slots of one, at once', async () => {
    const pool = await readyPool(module, { size: 2, slots: 2, lane: 'threads' });
    const arrays = [numbers(1), numbers(2), numbers(3), numbers(4)];
    remember();
    const seen = await Promise.all(arrays.map((data) => pool.call<unknown[][]>('look', [data, 5])));
    expect(seen.map(([first]) => first![5])).toEqual(arrays.map(digestOf));
    expect(seen.every(([first, second]) => first![4] === true && (second as unknown) === 5)).toBe(true);
    await leavesNoDescriptor();
  });

  it('is what a generator, a method and a function of a handle get, and the handle may be closed meanwhile', async () => {
    const pool = await readyPool(module);
    const data = numbers();
    const lease = await pool.checkout();
    const model = await lease.call<{ fit(array: unknown): Promise<unknown[]> } & AsyncDisposable>('Model');
    remember();
    const lengths: unknown[] = [];
    for await (const length of lease.stream('count', [data, 3])) lengths.push(length);
    expect(lengths).toEqual([LENGTH, LENGTH, LENGTH]);
    expect((await model.fit(data)).slice(4)).toEqual([true, digestOf(data)]);
    const taken = lease.call<unknown[]>('take_model', [model, data]);
    await model[Symbol.asyncDispose]();
    const next = lease.call('pid');
    expect((await taken).slice(4)).toEqual([true, digestOf(data)]);
    expect(await next).toBeTypeOf('number');
    await lease.checkin();
    await leavesNoDescriptor();
  });

  it.each([
    ['there is no room', () => ({ onWrite: refuse('ENOSPC', 16 * 1024 * 1024) })],
    ['too many files are open', () => ({ onOpen: refuse('EMFILE') })],
    ['the kernel knows no files without a name', () => ({ onOpen: refuse('EISDIR') })],
  ])('goes over the line where %s', async (_, trouble) => {
    const pool = await readyPool(module);
    const data = numbers();
    remember();
    Object.assign(shm, trouble());
    const [seen] = await pool.call<unknown[][]>('look', [data]);
    expect(seen!.slice(3)).toEqual([true, false, digestOf(data)]);
    await leavesNoDescriptor();
  });

  it('goes over the line where Python cannot open what Node has open', async () => {
    const property = Object.getOwnPropertyDescriptor(process, 'pid')!;
    // As in another namespace of processes.
    Object.defineProperty(process, 'pid', { value: 1, configurable: true });
    const pool = await readyPool(module).finally(() => Object.defineProperty(process, 'pid', property));
    const data = numbers();
    const [seen] = await pool.call<unknown[][]>('look', [data]);
    expect(seen!.slice(3)).toEqual([true, false, digestOf(data)]);
    expect(shm.opened).toBe(0);
  });

  it('whose call is given up while it is written leaves the worker as it is', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(module, { clock });
    const pid = await pool.call('pid');
    remember();
    for (const how of ['abort', 'timeout'] as const) {
      const [written, reached] = stopsAt(16 * 1024 * 1024);
      const abort = new AbortController();
      const call = pool.call('look', [numbers()], how === 'abort' ? { signal: abort.signal } : { timeoutMs: 200 });
      await reached;
      if (how === 'abort') abort.abort('enough');
      else clock.increment(200);
      const reason = await call.catch((error) => error.code ?? error);
      expect(reason).toBe(how === 'abort' ? 'enough' : 'ERR_CALL_TIMEOUT');
      // While it is still being written.
      expect(await pool.call('pid')).toBe(pid);
      written();
      await leavesNoDescriptor();
    }
    expect(pool.stats().cancelled).toEqual({ kept: 0, killed: 0 });
  });

  it('is refused if it was transferred before it was written, and takes no other call with it', async () => {
    const pool = await readyPool(module, { slots: 2 });
    const pid = await pool.call('pid');
    remember();
    for (const byte of [0, 16 * 1024 * 1024]) {
      const [written, reached] = stopsAt(byte);
      const data = numbers();
      const call = failure(pool.call('look', [1, data]));
      const behind = pool.call('pid');
      await reached;
      structuredClone(data, { transfer: [data.buffer as ArrayBuffer] });
      written();
      expect(await call).toMatchObject({ code: 'ERR_VALUE', sender: 'node', path: 'args[1]' });
      expect(await behind).toBe(pid);
      await leavesNoDescriptor();
    }
    expect(pool.stats()).toMatchObject({ leases: 0, calls: { refused: 2 } });
  });

  it('lets the next call under a lease go on once its own is given up', async () => {
    const pool = await readyPool(module);
    const lease = await pool.checkout();
    remember();
    const [written, reached] = stopsAt(0);
    const abort = new AbortController();
    const first = lease.call('look', [numbers()], { signal: abort.signal }).catch((reason) => reason);
    const second = lease.call('pid');
    await reached;
    abort.abort('enough');
    expect([await first, await second]).toEqual(['enough', expect.any(Number)]);
    written();
    await leavesNoDescriptor();
    await lease.checkin();
  });

  it('was not started if its worker dies while it is written', async () => {
    const pool = await readyPool(module);
    const pid = await pool.call<number>('pid');
    remember();
    const [written, reached] = stopsAt(0);
    const call = failure(pool.call('look', [numbers()]));
    await reached;
    const replaced = next(pool, 'worker.ready');
    process.kill(pid, 'SIGKILL');
    expect(await call).toMatchObject({ code: 'ERR_WORKER_DIED', started: false });
    written();
    await replaced;
    await leavesNoDescriptor();
  });

  it('is let go of if its worker dies with it', async () => {
    const pool = await readyPool(module);
    remember();
    const replaced = next(pool, 'worker.ready');
    expect(await failure(pool.call('die', [numbers()]))).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
    await replaced;
    await leavesNoDescriptor();
  });

  it('is gone with the pool that is destroyed while it is written', async () => {
    const pool = await readyPool(module);
    const [written, reached] = stopsAt(0);
    const call = failure(pool.call('look', [numbers()]));
    await reached;
    descriptors = countOfDescriptors();
    const destroyed = pool.destroy();
    expect(await call).toMatchObject({ code: 'ERR_POOL_CLOSED' });
    await destroyed;
    written();
    await until(() => countOfDescriptors() < descriptors, 'the descriptors to be closed');
  });

  it('leaves nothing in /dev/shm when Node is killed', async () => {
    const before = readdirSync('/dev/shm');
    const script = new NodeScript(here('shares-until-killed.ts'), [module, PYTHON]);
    const pid = await script.told<number>();
    script.process.kill('SIGKILL');
    await script.ended;
    await until(() => !isAlive(pid), 'the worker to end');
    // The start mark of somebody else's worker has a name for a moment.
    const left = () => readdirSync('/dev/shm').filter((name) => !before.includes(name));
    await until(() => left().length === 0, 'all of it to be gone');
  });
});

const LENGTH = 5_000_000;

function numbers(seed = 1): Float64Array {
  return Float64Array.from({ length: LENGTH }, (_, index) => seed + index / 7);
}

function digestOf(data: ArrayBufferView): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return createHash('sha256').update(bytes).digest('hex');
}

function countOfDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Stops what is written at that byte of its file. Returns what lets it go on, and what resolves once it is there. */
function stopsAt(byte: number): [() => void, Promise<void>] {
  let go!: () => void;
  const gone = new Promise<void>((resolve) => {
    go = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    shm.onWrite = async (at) => {
      if (at < byte) return;
      resolve();
      await gone;
    };
  });
  return [go, reached];
}

/** Fails as the kernel does, from that byte of a file on. */
function refuse(code: string, byte = 0): (at?: number) => never {
  return ((at = 0) => {
    if (at >= byte) throw Object.assign(new Error(`${code}: forced by the test`), { code });
  }) as never;
}

function hasNumpy(): boolean {
  try {
    execFileSync(PYTHON, ['-c', 'import numpy'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function canShare(): boolean {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    return bavail * bsize > 1024 ** 3;
  } catch {
    return false;
  }
}
