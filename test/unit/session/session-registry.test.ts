import { describe, expect, it } from 'vitest';
import type { Runtime } from '../../../src/runtime.js';
import { SessionRegistry } from '../../../src/session/session-registry.js';
import type { WorkerHand } from '../../../src/worker/worker-hand.js';
import { TurnedClock } from '../../fake/turned-clock.js';

describe('a session in the registry', () => {
  it('expires when it was unused for its time, and not a moment before', () => {
    const { clock, use, registry, lost } = made();
    use('s', { ttlMs: 100 });
    clock.jump(99);
    expect(lost).toEqual([]);
    clock.jump(1);
    expect(lost).toEqual([['s', 'expired']]);
    expect(registry.size).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it('lives on with each use, by one timer that is not set anew for each', () => {
    const { clock, use, lost } = made();
    use('s', { ttlMs: 100 });
    for (let times = 0; times < 5; times += 1) {
      clock.jump(60);
      use('s', {});
      expect(clock.timers).toBe(1);
    }
    clock.jump(99);
    expect(lost).toEqual([]);
    clock.jump(1);
    expect(lost).toEqual([['s', 'expired']]);
  });

  it('does not expire in use, however long that is, and counts from its last use', () => {
    const { clock, enter, registry, lost } = made();
    const record = enter('s', { ttlMs: 100 });
    clock.jump(1_000);
    expect(lost).toEqual([]);
    registry.leave(record);
    clock.jump(99);
    expect(lost).toEqual([]);
    clock.jump(1);
    expect(lost).toEqual([['s', 'expired']]);
  });

  it('counts by the time it was given last, a shorter one too', () => {
    const { clock, use, lost } = made();
    use('s', { ttlMs: 1_000 });
    use('s', { ttlMs: 50 });
    clock.jump(50);
    expect(lost).toEqual([['s', 'expired']]);
  });

  it('makes room when it is the one longest unused', () => {
    const { use, lost, registry } = made(2);
    use('a', {});
    use('b', {});
    use('a', {});
    use('c', {});
    expect(lost).toEqual([['b', 'evicted']]);
    expect(registry.size).toBe(2);
  });

  it('never makes room while it is in use: whoever comes is refused', () => {
    const { enter, registry, lost } = made(2);
    const [one] = [enter('a', {}), enter('b', {})];
    expect(() => registry.enter('c')).toThrow(expect.objectContaining({ code: 'ERR_SESSION_LIMIT', sessionsMax: 2 }));
    registry.leave(one);
    expect(() => registry.enter('c')).not.toThrow();
    expect(lost).toEqual([['a', 'evicted']]);
  });

  it('is used as often as it was entered', () => {
    const { enter, registry } = made(1);
    const record = enter('a', {});
    expect(enter('a', {})).toBe(record);
    registry.leave(record);
    expect(() => registry.enter('b')).toThrow(expect.objectContaining({ code: 'ERR_SESSION_LIMIT' }));
    registry.leave(record);
    expect(() => registry.enter('b')).not.toThrow();
  });

  it('is forgotten without a word when no worker keeps anything for it', () => {
    const { registry, lost } = made();
    registry.leave(registry.enter('s'));
    expect(registry.size).toBe(0);
    expect(lost).toEqual([]);
    expect(registry.takeLoss('s')).toBeUndefined();
  });

  it('whose state may be anywhere is not missed', () => {
    const { use, registry, lost, worker } = made();
    use('s', { isStrict: false });
    registry.workerLeft(worker, 'worker-died');
    expect(lost).toEqual([]);
    expect(registry.takeLoss('s')).toBeUndefined();
  });

  it('is told of its loss once', () => {
    const { use, registry, worker } = made();
    use('s', {});
    registry.workerLeft(worker, 'worker-died');
    registry.workerLeft(worker, 'worker-died');
    expect(registry.takeLoss('s')).toBe('worker-died');
    expect(registry.takeLoss('s')).toBeUndefined();
  });

  it('lets every worker that it has met drop what it keeps, and no other', () => {
    const { use, registry, worker, ended } = made();
    const other = { id: 2, endSession: (session: string) => ended.push(`other: ${session}`) } as unknown as WorkerHand;
    use('s', {});
    const record = registry.enter('t');
    record.meet(worker);
    record.meet(other);
    registry.leave(record);
    expect(registry.end('t')).toBe(true);
    expect(ended).toEqual(['t', 'other: t']);
  });

  it('that is in use does not end', () => {
    const { enter, registry, ended } = made();
    const record = enter('s', {});
    expect(registry.end('s')).toBe(false);
    registry.leave(record);
    expect(ended).toEqual([]);
    expect(registry.end('s')).toBe(true);
    expect(ended).toEqual(['s']);
  });

  it('that was lost in use is in use until it is not, whatever has begun under its id since', async () => {
    const { enter, registry, worker } = made();
    const lost = enter('s', {});
    registry.workerLeft(worker, 'worker-recycled');
    let isUnused = false;
    const unused = registry.unused('s').outcome.then(() => {
      isUnused = true;
    });
    registry.leave(enter('s', {}));
    await new Promise(setImmediate);
    expect(isUnused).toBe(false);
    expect(registry.end('s')).toBe(false);
    registry.leave(lost);
    await unused;
    expect(registry.end('s')).toBe(true);
  });

  it('is waited for until it is unused, though it is used again in between', async () => {
    const { enter, registry } = made();
    let isUnused = false;
    const first = enter('s', {});
    const unused = registry.unused('s').outcome.then(() => {
      isUnused = true;
    });
    registry.leave(first);
    const second = enter('s', {});
    await Promise.resolve();
    expect(isUnused).toBe(false);
    registry.leave(second);
    await unused;
    expect(isUnused).toBe(true);
  });
});

interface Use {
  readonly ttlMs?: number;
  readonly isStrict?: boolean;
}

/** A registry, and one worker that every session meets. */
function made(sessionsMax = 10) {
  const clock = new TurnedClock();
  const lost: [string, string][] = [];
  const ended: string[] = [];
  const worker = { id: 1, endSession: (session: string) => ended.push(session) } as unknown as WorkerHand;
  const registry = new SessionRegistry({
    settings: { sessionsMax },
    clock,
    news: {
      emit: (_: string, { session, reason }: { session: string; reason: string }) => lost.push([session, reason]),
    },
  } as unknown as Runtime);
  const enter = (id: string, { ttlMs, isStrict = true }: Use) => {
    const record = registry.enter(id);
    record.isStrict = isStrict;
    registry.limit(record, ttlMs);
    record.meet(worker);
    return record;
  };
  const use = (id: string, how: Use) => registry.leave(enter(id, how));
  return { clock, registry, worker, lost, ended, enter, use };
}
