import { describe, expect, it } from 'vitest';
import { ANYONE, counted, SHORT, unlimited } from './bounds.js';
import { movesIn } from './environment.js';
import { Scene } from './scenarios.js';
import { CHARTS, type World } from './world.js';

/** The manager that does no I/O: what a lease costs the coordinator, counted. */
describe('for one lease, the coordinator', () => {
  const bounds = counted(2, 1, { callsMax: 100, asks: [ANYONE] });

  it('handles two events: one that asks, one that gives back', () => {
    const scene = new Scene(CHARTS, bounds);
    scene.does('the process at place 0 is ready', 'the process at place 1 is ready');
    letterByLetter(scene);
    for (let lease = 0; lease < 10; lease++) {
      scene.does('caller 0 asks for anyone');
      const asked = letterByLetter(scene);
      const place = scene.world.exchanges.findIndex((exchange) => exchange !== null);
      scene.does(`the exchange at place ${place} ends`);
      const ended = letterByLetter(scene);
      expect([...asked, ...ended].filter(({ to }) => to === 'coordinator').map(({ type }) => type)).toEqual([
        'lease.request',
        'slot.freed',
      ]);
    }
  });

  it('handles two events for each call of a lease that goes on from one short call to the next, and its worker none', () => {
    const scene = new Scene(CHARTS, counted(1, 2, { callsMax: 100, asks: [SHORT] }));
    scene.does('the process at place 0 is ready', 'caller 0 asks for anyone, shortly');
    letterByLetter(scene);
    for (let call = 0; call < 10; call++) {
      scene.does(`caller ${(call + 1) % 2} asks for anyone, shortly`);
      const asked = letterByLetter(scene);
      scene.does('the call at place 0 is answered, and the next may have its lease');
      expect([...asked, ...letterByLetter(scene)]).toEqual([
        { to: 'coordinator', type: 'lease.request' },
        { to: 'coordinator', type: 'lease.offered' },
        { to: 'client 0', type: 'lease.accepted' },
      ]);
    }
  });

  it('handles one more when the caller leaves before it is served, and none while an answer is late', () => {
    const scene = new Scene(CHARTS, bounds);
    scene.does('caller 0 asks for anyone', 'caller 0 no longer waits');
    expect(letterByLetter(scene).map(({ type }) => type)).toEqual(['lease.request', 'lease.cancel']);
    scene.does('the process at place 0 is ready', 'caller 0 asks for anyone');
    letterByLetter(scene);
    scene.does('the caller at place 0 leaves');
    expect(letterByLetter(scene).filter(({ to }) => to === 'coordinator')).toEqual([]);
  });
});

describe('what the actors say to each other', () => {
  it('is numbers, words, addresses and waiters, and never a payload', () => {
    const scene = new Scene(CHARTS, counted(1, 3, { slots: 2, callsMax: 2, asks: [ANYONE, SHORT] }));
    const seen = new Set<string>();
    const watch = () => letterByLetter(scene, (event) => seen.add(event.type) && expectNoPayload(event));
    for (const story of STORIES) {
      scene.does(story);
      watch();
    }
    expect([...seen].sort()).toEqual([...EVERY_MESSAGE].sort());
  });

  it('is so for what the outside hears, too', () => {
    const scene = new Scene(CHARTS, unlimited(1, 1, [ANYONE]));
    scene.does('caller 0 asks for anyone', 'pool.destroy');
    expect(scene.heard).toEqual(['waiters.refused closed']);
  });
});

/** Lets everything under way arrive, one by one, and returns what it was. */
function letterByLetter(
  scene: Scene,
  look: (event: { type: string }) => void = () => {},
): { to: string; type: string }[] {
  const letters: { to: string; type: string }[] = [];
  for (;;) {
    const next = movesIn(scene.world, counted(0, 0, {})).find(({ label }) => / reaches /.test(label));
    if (next === undefined) return letters;
    const [type, to] = next.label.replace('the ', '').split(' reaches ') as [string, string];
    const event = everythingUnderWay(scene.world).find((each) => each.type === type)!;
    look(event);
    letters.push({ to, type });
    scene.does(next.label);
  }
}

function everythingUnderWay({ mail }: World) {
  return [mail.supervisor, mail.coordinator, ...mail.workers, ...mail.clients].flat();
}

function expectNoPayload(event: { type: string }): void {
  for (const [name, value] of Object.entries(event)) {
    if (name === 'waiter') {
      expect(Object.keys(value).sort()).toEqual([
        'affinity',
        'askedAt',
        'fairnessKey',
        'isShort',
        'mayWait',
        'priority',
        'ticket',
      ]);
    } else if (name === 'leases') {
      for (const lease of value) expect(lease === null || typeof lease === 'number').toBe(true);
    } else if (typeof value === 'object' && value !== null) {
      expect(value, `${event.type}.${name} is an address`).toHaveProperty('sessionId');
    } else {
      expect(['number', 'boolean', 'string', 'object']).toContain(typeof value);
    }
  }
}

const STORIES = [
  'the process at place 0 is ready',
  'caller 0 asks for anyone',
  'caller 1 asks for anyone',
  'a call at place 0, slot 0 runs out of time, under a lease that is kept',
  'the answer that nobody waited for comes at place 0, slot 0',
  'the caller at place 0, slot 0 leaves',
  'cancelGrace runs out at place 0, slot 0',
  'the exchange at place 0, slot 1 ends',
  'the process at place 0 exits, as it was made to',
  'the replacement at place 0 is due',
  'the process at place 0 is ready',
  ...[0, 1, 2].map((caller) => `caller ${caller} asks for anyone, shortly`),
  ...[0, 1].map((slot) => `the call at place 0, slot ${slot} is answered, and the next may have its lease`),
  'pool.drain',
  'the exchange at place 0, slot 0 ends',
];

const EVERY_MESSAGE = [
  'worker.ready',
  'worker.joined',
  'slot.freed',
  'lease.request',
  'lease.granted',
  'lease.revoked',
  'lease.resumed',
  'lease.released',
  'lease.overdue',
  'lease.offered',
  'lease.accepted',
  'lease.declined',
  'worker.leaving',
  'worker.left',
  'lease.lost',
  'worker.dead',
  'pool.drain',
  'coordinator.closed',
];
