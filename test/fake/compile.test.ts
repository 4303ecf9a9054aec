import { describe, expect, it, vi } from 'vitest';
import type { AnyActorRef, InspectionEvent } from 'xstate';
import { coordinatorMachine } from '../../machines/index.js';
import type { PlayedRequest } from './fake-python.js';
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

describe('createPool({ compile })', () => {
  it('has the charts interpreted by XState if it is false, and otherwise run from their tables', async () => {
    expect((await run({})).interpreted).toEqual(['supervisor']);
    expect((await run({ compile: false })).interpreted).toEqual(['client', 'coordinator', 'supervisor', 'worker']);
  });

  it('changes nothing that can be seen', async () => {
    const { seen } = await run({ compile: true });
    expect(seen.length).toBeGreaterThan(100);
    expect(seen).toEqual((await run({ compile: false })).seen);
  });
});

/** Calls that are answered, one that is given up, a worker that dies, and the end; with all that an inspector sees. */
async function run(options: { compile?: boolean }) {
  const seen: unknown[] = [];
  const inspect = (event: InspectionEvent) => {
    const told = event as { event?: { type: string }; action?: { type: string }; snapshot?: { value?: unknown } };
    const by = (event as { sourceRef?: { id?: string } }).sourceRef?.id;
    const { id } = event.actorRef as AnyActorRef;
    seen.push([event.type, id, by, told.event?.type, told.action?.type, told.snapshot?.value]);
  };
  using asked = vi.spyOn(Object.getPrototypeOf(coordinatorMachine.root), 'next');
  const serve = (request: PlayedRequest, process: { answer(value: unknown): void }) => {
    if (request.name === 'answered') process.answer(1);
  };
  const played = new PlayedPool({ inspect, cancelGraceMs: 10, ...options }, { serve });
  const { pool } = played;
  const outcomes = [pool.call('answered'), pool.call('answered'), pool.call('slow', [], { timeoutMs: 5 })];
  const settled = Promise.allSettled([...outcomes, pool.call('answered')]);
  await played.boot();
  await played.clock.turn(5);
  await played.clock.turn(20);
  await played.settle();
  const dies = Promise.allSettled([pool.call('dies')]);
  await heard();
  played.process.die();
  await played.settle();
  for (const outcome of [...(await settled), ...(await dies)]) {
    seen.push(outcome.status === 'fulfilled' ? outcome.value : String(outcome.reason));
  }
  await played.destroy();
  const ids = asked.mock.contexts.map((node) => (node as { machine: { id: string } }).machine.id);
  return { seen, interpreted: [...new Set(ids)].sort() };
}
