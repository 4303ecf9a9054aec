import { afterEach, describe, expect, it } from 'vitest';
import { collect } from '../support/pool.js';
import type { FakeProcess } from './fake-python.js';
import { watchFaults } from './faults.js';
import { PlayedPool } from './played-pool.js';

const faults = watchFaults();
afterEach(() => expect(faults).toEqual([]));

describe('an answer that comes in parts', () => {
  it('has each where it belongs, and lists of several as one', async () => {
    const { world, call, process } = await asked();
    for (const value of [{ b: 1 }, [1, 2], [3], []]) process.tell({ type: 'part', value });
    const rich = [
      [['value', 'a'], 'part'],
      [['value', 'list', 1], 'part', 3],
    ];
    process.tell({ type: 'reply', value: { a: null, list: [0, null], c: 'rest' }, rich });
    expect(await call).toEqual({ a: { b: 1 }, list: [0, [1, 2, 3]], c: 'rest' });
    await world.destroy();
  });

  it('may have parts alone', async () => {
    const { world, call, process } = await asked();
    process.tell({ type: 'part', value: ['all'] });
    process.tell({ type: 'reply', value: null, rich: [[['value'], 'part']] });
    expect(await call).toEqual(['all']);
    await world.destroy();
  });

  it('may turn out to be another answer, for which those that came are of no use', async () => {
    const { world, call, process } = await asked();
    process.tell({ type: 'part', value: [1] });
    const next = world.pool.call('played');
    process.answer('another');
    expect(await call).toBe('another');
    process.tell({ type: 'part', value: [2] });
    process.raise({ message: 'too large' });
    await expect(next).rejects.toMatchObject({ code: 'ERR_PYTHON' });
    await world.destroy();
  });

  it("is nobody's where the call was given up", async () => {
    const { world, process } = await asked({ cancelGraceMs: 100 });
    const abort = new AbortController();
    const call = world.pool.call('played', [], { signal: abort.signal }).catch((reason: unknown) => reason);
    process.answer('of the first');
    process.tell({ type: 'part', value: [1] });
    abort.abort('enough');
    process.tell({ type: 'part', value: [2] });
    process.tell({ type: 'reply', value: null, rich: [[['value'], 'part', 2]] });
    expect(await call).toBe('enough');
    expect(world.pool.stats()).toMatchObject({ failures: 0, workers: { idle: 1 } });
    await world.destroy();
  });

  it.each([
    ['of more parts than have come', { type: 'reply', value: null, rich: [[['value'], 'part', 2]] }],
    ['of fewer than none', { type: 'reply', value: null, rich: [[['value'], 'part', -1]] }],
    ['of half a part', { type: 'reply', value: null, rich: [[['value'], 'part', 0.5]] }],
    ['of one part twice', { type: 'reply', value: [null, null], rich: [0, 1].map((at) => [['value', at], 'part']) }],
    ['of none at all', { type: 'part', id: 4_711, value: [] }],
  ])('breaks the protocol where it is %s', async (_, message) => {
    const { call, world, process } = await asked();
    process.tell({ type: 'part', value: [1] });
    process.tell(message);
    await expect(call).rejects.toMatchObject({ code: 'ERR_PROTOCOL' });
    await world.settle();
    await world.destroy();
  });

  it('breaks the protocol where a part that is no list is to be one of several', async () => {
    const { call, world, process } = await asked();
    process.tell({ type: 'part', value: 'text' });
    process.tell({ type: 'reply', value: null, rich: [[['value'], 'part', 1]] });
    await expect(call).rejects.toMatchObject({ code: 'ERR_PROTOCOL' });
    await world.settle();
    await world.destroy();
  });

  it('breaks the protocol where there was none to be had, as of any kind that nobody knows', async () => {
    const { call, world, process } = await asked();
    process.tell({ type: 'reply', value: null, rich: [[['value'], 'part']] });
    await expect(call).rejects.toMatchObject({ code: 'ERR_PROTOCOL' });
    await world.settle();
    await world.destroy();
  });

  it('breaks the protocol as soon as its parts are more than a message may be', async () => {
    const { call, world, process } = await asked({ messageBytesMax: 2_048 });
    const line = { type: 'part', value: 'x'.repeat(500) };
    for (let told = 0; told < 3; told += 1) process.tell(line);
    expect(process.signals).toEqual([]);
    process.tell(line);
    await expect(call).rejects.toMatchObject({
      code: 'ERR_PROTOCOL',
      detail: expect.stringMatching(/^parts of 2\d{3} bytes .*`messageBytesMax` is 2048$/),
    });
    await world.settle();
    await world.destroy();
  });

  it('may be that of one among several that were asked for together, and has no part of the one before', async () => {
    const played: number[] = [];
    const serve = (_: unknown, process: FakeProcess) =>
      queueMicrotask(() => {
        const { id, batch = id } = process.request!;
        if (id === batch || played.push(id) % 10 !== 0) return process.answer(null);
        process.tell({ type: 'part', id: id - 1, value: 'of another' });
        process.tell({ type: 'part', value: 'all' });
        process.tell({ type: 'reply', value: null, rich: [[['value'], 'part']] });
      });
    const world = new PlayedPool({}, { serve });
    await world.boot();
    const results = await collect(world.pool.map('played', Array(400).fill(1), { concurrency: 64 }));
    expect(results.filter((result) => result !== null)).toEqual(Array(Math.floor(played.length / 10)).fill('all'));
    expect(played.length).toBeGreaterThan(100);
    await world.destroy();
  });
});

async function asked(options: ConstructorParameters<typeof PlayedPool>[0] = {}) {
  const world = new PlayedPool(options);
  await world.boot();
  const call = world.pool.call('played');
  call.catch(() => {});
  return { world, call, process: world.process };
}
