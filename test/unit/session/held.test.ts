import { describe, expect, it } from 'vitest';
import type { Asking } from '../../../src/call/asking.js';
import type { Runtime } from '../../../src/runtime.js';
import { Held } from '../../../src/session/held.js';
import { SessionRegistry } from '../../../src/session/session-registry.js';
import { TurnedClock } from '../../fake/turned-clock.js';

describe('those whom a session holds', () => {
  it('stand by their turns, and one that is put before all does so whatever its turn', () => {
    const held = new Held();
    const [a, b, c, d, e] = [0, 2, 0, 1, 0].map((priority) => new Stub(priority) as Stub & Asking);
    for (const each of [a, b, c, d]) held.add(each!);
    expect([...held]).toEqual([b, d, a, c]);
    held.addFirst(e!);
    expect([...held]).toEqual([e, b, d, a, c]);
    expect([held.size, held.has(d!)]).toEqual([5, true]);
  });

  it('are taken from the front, or from wherever they stand, and once', () => {
    const held = new Held();
    const [a, b, c, d] = [0, 0, 0, 0].map((priority) => new Stub(priority) as Stub & Asking);
    for (const each of [a, b, c, d]) held.add(each!);
    expect([held.remove(b!), held.remove(b!)]).toEqual([true, false]);
    expect([held.takeFirst(), held.remove(d!), [...held]]).toEqual([a, true, [c]]);
    held.add(b!);
    expect([held.takeFirst(), held.takeFirst(), held.takeFirst()]).toEqual([c, b, undefined]);
    expect([held.size, held.has(a!)]).toEqual([0, false]);
    held.addFirst(a!);
    expect([...held]).toEqual([a]);
  });

  it.each([
    ['the first first', (askings: Stub[]) => askings],
    ['the last first', (askings: Stub[]) => askings.toReversed()],
    ['the middle first', (askings: Stub[]) => [...askings.slice(askings.length / 2), ...askings]],
  ])('give up in no time where they are 200,000, %s', (_, order) => {
    const registry = new SessionRegistry({
      settings: { sessionsMax: 1 },
      clock: new TurnedClock(),
      hands: new Map(),
    } as unknown as Runtime);
    const record = registry.enter('s');
    const askings = Array.from({ length: 200_000 }, () => new Stub(0));
    for (const each of askings) record.place(each as Stub & Asking);
    expect(registry.held).toBe(199_999);
    const before = process.cpuUsage();
    for (const each of order(askings)) {
      each.isSettled = true;
      record.letGo(each as Stub & Asking);
    }
    const { user, system } = process.cpuUsage(before);
    // Five and more where each looks through all others, or has them move up.
    expect((user + system) / 1e6).toBeLessThan(2);
    expect(registry.held).toBe(0);
    expect(record.isStrict).toBe(false);
  });
});

/** What a record needs of somebody who asks, and is granted nothing. */
class Stub {
  isSettled = false;
  readonly #priority: number;

  constructor(priority: number) {
    this.#priority = priority;
  }

  ask(): void {}

  letIn(): boolean {
    return true;
  }

  waitBehind(): void {}

  goesBefore(other: Stub): boolean {
    return this.#priority > other.#priority;
  }

  givesWayTo(): boolean {
    return false;
  }
}
