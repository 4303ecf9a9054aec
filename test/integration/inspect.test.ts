import { describe, expect, it, onTestFinished } from 'vitest';
import type { AnyActorRef, InspectionEvent } from 'xstate';
import { Gate } from '../support/gate.js';
import { failure, fixtures, next, readyPool, startPool } from '../support/pool.js';

const app = fixtures(import.meta.url)('app.py');

describe('the option inspect', () => {
  it('sees what all four charts are told, from the first event to the last', async () => {
    const seen = new Map<string, Set<string>>();
    const inspect = (event: InspectionEvent) => {
      if (event.type !== '@xstate.event') return;
      const chart = chartOf(event);
      seen.set(chart, (seen.get(chart) ?? new Set()).add(event.event.type));
    };
    const pool = startPool(app, { inspect });
    await pool.call('echo', [1]);
    const gate = new Gate();
    const abort = new AbortController();
    const given = failure(pool.call('wait_at', [gate.path], { signal: abort.signal }));
    const go = await gate.reached();
    abort.abort();
    await given;
    await go();
    await pool.call('echo', [2]);
    await pool.close();
    const heard = (chart: string) => [...(seen.get(chart) ?? [])];
    expect(heard('supervisor')).toEqual(
      expect.arrayContaining(['worker.ready', 'pool.close', 'coordinator.closed', 'worker.dead']),
    );
    expect(heard('coordinator')).toEqual(
      expect.arrayContaining(['worker.joined', 'lease.request', 'slot.freed', 'worker.left', 'pool.drain']),
    );
    expect(heard('worker')).toEqual(
      expect.arrayContaining([
        'process.ready',
        'lease.granted',
        'lease.revoked',
        'lease.released',
        'worker.stop',
        'process.exited',
      ]),
    );
    expect(heard('client')).toEqual(expect.arrayContaining(['lease.granted', 'exchange.abandoned', 'exchange.ended']));
  });

  it.each([true, false])('sees each effect by the name that the chart has for it (compile: %s)', async (compile) => {
    const seen = new Set<string>();
    const inspect = (event: InspectionEvent) => {
      if (event.type === '@xstate.action') seen.add(`${chartOf(event)}: ${event.action.type}`);
    };
    const pool = startPool(app, { inspect, compile });
    await pool.call('echo', [1]);
    await pool.close();
    const told = ['worker: startProcess', 'client: beginExchange', 'coordinator: xstate.sendTo', 'worker: askToStop'];
    expect([...seen]).toEqual(expect.arrayContaining(told));
  });

  it('sees an actor for each place and for each slot, those of short calls ahead included, as the guide has it', async () => {
    const ids: string[] = [];
    const inspect = (event: InspectionEvent) => {
      if (event.type === '@xstate.actor') ids.push((event.actorRef as AnyActorRef).id);
    };
    await readyPool(app, { inspect, size: 2 });
    const clients = [0, 1].flatMap((place) => [
      `client-${place}`,
      ...[0, 1, 2].map((slot) => `client-ahead-${place * 3 + slot}`),
    ]);
    expect(ids).toEqual(['supervisor', 'coordinator', ...clients, 'worker-0', 'worker-1']);
  });

  it('takes an observer object as well, and refuses what is none', async () => {
    const events: number[] = [];
    const pool = await readyPool(app, { inspect: { next: () => void events.push(1) } });
    expect(await pool.call('echo', [1])).toBe(1);
    expect(events.length).toBeGreaterThan(0);
    const refused = expect.objectContaining({ code: 'ERR_OPTION', option: 'inspect' });
    for (const none of [{}, 'me', null]) expect(() => startPool(app, { inspect: none as never })).toThrow(refused);
  });

  it('that throws at every event disturbs nothing: the process is warned once, and the pool does all it should', async () => {
    let warnings = 0;
    const warned = (warning: Error & { code?: string }) => {
      if (warning.code === 'PYTHONARIUM_FAULT') warnings += 1;
    };
    process.on('warning', warned);
    onTestFinished(() => void process.off('warning', warned));
    const pool = startPool(app, {
      inspect: () => {
        throw new Error('from the observer');
      },
    });
    expect(await pool.call('echo', [1])).toBe(1);
    const dead = next(pool, 'worker.dead');
    process.kill(await pool.call<number>('pid'), 'SIGKILL');
    await dead;
    expect(await pool.call('echo', [2])).toBe(2);
    await pool.close();
    await new Promise(setImmediate);
    expect(warnings).toBe(1);
  });
});

describe('the coordinator', () => {
  it('is told the same few things for a lease whether it carries 10 bytes or 10 MB, and never a payload', async () => {
    let told: InspectionEvent[] = [];
    const inspect = (event: InspectionEvent) => {
      if (event.type === '@xstate.event' && chartOf(event) === 'coordinator') told.push(event);
    };
    const pool = await readyPool(app, { inspect });
    const costs: { events: string[]; bytes: number }[] = [];
    for (const length of [10, 10_000_000]) {
      const payload = 'payload!'.repeat(length / 8 + 1).slice(0, length);
      told = [];
      expect(await pool.call('echo', [payload])).toBe(payload);
      await new Promise((resolve) => setImmediate(resolve));
      const events = told.map((event) => ('event' in event ? event.event : undefined));
      const texts = events.map((event) => JSON.stringify(event, (key, value) => (key === 'ref' ? undefined : value)));
      expect(texts.join()).not.toContain('payload!');
      costs.push({
        events: events.map((event) => event!.type),
        bytes: Math.max(...texts.map((text) => text.length)),
      });
    }
    const [small, large] = costs as [(typeof costs)[0], (typeof costs)[0]];
    expect(small.events).toEqual(['lease.request', 'slot.freed']);
    expect(large.events).toEqual(small.events);
    expect(large.bytes).toBeLessThan(200);
  });

  it('is told the same few things for each of 100 leases under load', async () => {
    const counts: Record<string, number> = {};
    const inspect = (event: InspectionEvent) => {
      if (event.type !== '@xstate.event' || chartOf(event) !== 'coordinator') return;
      counts[event.event.type] = (counts[event.event.type] ?? 0) + 1;
    };
    const pool = await readyPool(app, { size: 2, inspect });
    await Promise.all(Array.from({ length: 100 }, (_, index) => pool.call('echo', [index])));
    await new Promise((resolve) => setImmediate(resolve));
    expect(counts).toMatchObject({ 'lease.request': 100, 'slot.freed': 100 });
    expect(Object.keys(counts).toSorted()).toEqual(['lease.request', 'slot.freed', 'worker.joined', 'xstate.init']);
  });
});

/** Which of the four charts an event of the inspector is for. */
function chartOf({ actorRef }: InspectionEvent): string {
  const { id } = (actorRef as unknown as { logic: { id: string } }).logic;
  return id;
}
