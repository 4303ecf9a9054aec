import { describe, expect, it } from 'vitest';
import { createActor, SimulatedClock } from 'xstate';
import {
  restartDelayMs,
  type SupervisorContext,
  type SupervisorEvent,
  type SupervisorInput,
  standing,
  supervisorMachine,
} from '../../../machines/index.js';

describe('a pool that starts', () => {
  it('starts as many workers as there are to be at least, and is ready when the last of them is', () => {
    const { places, is, said } = supervisor({ sizeMin: 2, sizeMax: 3 });
    expect(said).toEqual(['startActors']);
    expect(places()).toBe('starting 1, starting 2, empty 3, empty 4');
    expect(is('worker.ready', 0)).toEqual([]);
    expect(is('worker.ready', 1)).toEqual(['pool.ready']);
    expect(places()).toBe('up 1, up 2, empty 3, empty 4');
  });

  it('is ready although one of them failed, which is started again after the back-off', () => {
    const { is, places, turn, state } = supervisor({ sizeMin: 2 });
    is('worker.ready', 0);
    expect(dies(is, 1)).toEqual(['pool.ready']);
    expect(places()).toBe('up 1, waiting 2, empty 3');
    expect(turn(74)).toEqual([]);
    expect(turn(1)).toEqual(['startWorker 1 as 4']);
    expect(places()).toBe('up 1, restarting 4, empty 3');
    expect(state()).toBe('ready');
  });

  it('is degraded where all of them failed', () => {
    const { is, places, state } = supervisor({ sizeMin: 2 });
    expect(dies(is, 0)).toEqual([]);
    expect(state()).toBe('starting');
    expect(dies(is, 1)).toEqual(['tellDegraded', 'pool.degraded']);
    expect(places()).toBe('waiting 1, waiting 2, empty 3');
    expect(state()).toBe('degraded');
  });

  it('goes on while one is not ready yet, though another has come back meanwhile', () => {
    const { is, turn, state } = supervisor({ sizeMin: 2 });
    dies(is, 0);
    expect(turn(75)).toEqual(['startWorker 0 as 4']);
    expect(is('worker.ready', 0)).toEqual([]);
    expect(state()).toBe('starting');
    expect(dies(is, 1)).toEqual(['pool.ready']);
  });

  it('remembers who is worn until it is ready', () => {
    const { is, turn, places } = supervisor({ sizeMin: 2 });
    is('worker.ready', 0);
    expect(is('worker.worn', 0)).toEqual([]);
    expect(is('worker.worn', 1)).toEqual([]);
    expect(places()).toBe('up 1 worn, starting 2, empty 3');
    is('worker.ready', 1);
    expect(turn(0)).toEqual(['startWorker 2 as 4']);
  });

  it('does not start again what nobody waits for', () => {
    const { is, says, places } = supervisor({ sizeMin: 2 });
    expect(says({ type: 'restart.due', place: 0 })).toEqual([]);
    expect(says({ type: 'restart.due', place: 9 })).toEqual([]);
    expect(is('worker.dead', 9, false)).toEqual([]);
    expect(places()).toBe('starting 1, starting 2, empty 3');
  });
});

describe('a worker that dies', () => {
  it('is followed at once where it had proven itself', () => {
    const { is, turn, failures } = ready({ sizeMin: 2 });
    dies(is, 0, true);
    expect(failures()).toBe(0);
    expect(turn(0)).toEqual(['startWorker 0 as 4']);
  });

  it('is followed the later the more have died before they had proven themselves', () => {
    const { is, turn, failures } = ready({ sizeMin: 2, failuresMax: 9 });
    for (const [failed, delayMs] of [
      [1, 75],
      [2, 225],
      [3, 675],
    ] as const) {
      dies(is, 0);
      expect(failures()).toBe(failed);
      expect(turn(delayMs - 1)).toEqual([]);
      expect(turn(1)).toEqual([`startWorker 0 as ${3 + failed}`]);
    }
    is('worker.ready', 0);
    dies(is, 1, true);
    expect(failures()).toBe(0);
  });

  it('is followed as late as another that died before, where it went with others, and no later', () => {
    const { is, turn, failures } = ready({ sizeMin: 3, failuresMax: 2 });
    dies(is, 0);
    dies(is, 1, null);
    dies(is, 2, null);
    expect(failures()).toBe(1);
    expect(turn(74)).toEqual([]);
    expect(turn(1)).toHaveLength(3);
  });

  it('leaves a pool that is hopeless where so many have in a row, and nobody is up', () => {
    const { is, turn, state } = ready({ sizeMin: 1, failuresMax: 3 });
    dies(is, 0);
    turn(75);
    dies(is, 0);
    turn(225);
    expect(state()).toBe('ready');
    expect(dies(is, 0)).toEqual(['tellDegraded', 'pool.degraded']);
  });

  it('leaves one that is not while somebody is up, be it on its way out', () => {
    const { is, state, turn, says } = ready({ sizeMin: 1, sizeMax: 2, failuresMax: 1 });
    says({ type: 'pool.crowded', waiting: 1 });
    dies(is, 1);
    expect(state()).toBe('ready');
    turn(75);
    is('worker.ready', 1);
    is('worker.unused', 0);
    dies(is, 1);
    expect(state()).toBe('ready');
    dies(is, 0);
    expect(state()).toBe('degraded');
  });
});

describe('a worker that has proven itself', () => {
  it('has one of those follow at once who wait, and that one the next', () => {
    const { is, turn, places, failures } = ready({ sizeMin: 4, failuresMax: 9 });
    for (const place of [1, 2, 3]) dies(is, place);
    expect(is('worker.proven', 0)).toEqual([]);
    expect(failures()).toBe(0);
    expect(turn(0)).toEqual(['startWorker 1 as 6']);
    expect(turn(224)).toEqual([]);
    is('worker.ready', 1);
    is('worker.proven', 1);
    expect(turn(0)).toEqual(['startWorker 2 as 7']);
    expect(places()).toBe('up 1, up 6, restarting 7, waiting 4, empty 5');
    // The last has waited out its own.
    expect(turn(675 - 224)).toEqual(['startWorker 3 as 8']);
    expect(turn(60_000)).toEqual([]);
  });

  it('has the replacement of one that is worn tried again at once', () => {
    const { is, turn } = ready({ sizeMin: 2 });
    is('worker.worn', 0);
    turn(0);
    dies(is, 2);
    expect(turn(0)).toEqual([]);
    is('worker.proven', 1);
    expect(turn(0)).toEqual(['startWorker 2 as 5']);
    expect(turn(60_000)).toEqual([]);
  });

  it.each(['pool.drain', 'pool.close'] as const)('has one follow while those who wait are served: %s', (type) => {
    const { says, is, turn } = ready({ sizeMin: 2, closeTimeoutMs: 1e6 });
    dies(is, 1);
    says({ type });
    is('worker.proven', 0);
    expect(turn(0)).toEqual(['startWorker 1 as 4']);
  });

  it('has one follow while the first starts are under way, since it tells of that once in its life', () => {
    const { is, turn, failures, state } = supervisor({ sizeMin: 3 });
    is('worker.ready', 0);
    dies(is, 1);
    is('worker.proven', 0);
    expect([failures(), turn(0), state()]).toEqual([0, ['startWorker 1 as 5'], 'starting']);
    expect(turn(60_000)).toEqual([]);
  });
});

describe('a degraded pool', () => {
  it('tries one start at a time, and is ready with the first that comes up', () => {
    const { is, turn, places } = supervisor({ sizeMin: 2 });
    dies(is, 0);
    dies(is, 1);
    expect(turn(75)).toEqual(['startWorker 0 as 4']);
    expect(turn(10_000)).toEqual([]);
    expect(places()).toBe('restarting 4, waiting 2, empty 3');
    expect(is('worker.ready', 0)).toEqual(['pool.ready']);
    expect(turn(225)).toEqual(['startWorker 1 as 5']);
  });

  it('goes on with another where that one fails', () => {
    const { is, turn, state } = supervisor({ sizeMin: 2 });
    dies(is, 0);
    dies(is, 1);
    turn(75);
    expect(dies(is, 0)).toEqual([]);
    expect(state()).toBe('degraded');
    expect(turn(10_000).length).toBe(1);
  });

  it.each([
    [{ type: 'pool.drain' }, ['tellDrain'], 'draining'],
    [{ type: 'pool.close' }, ['tellDrain'], 'closing'],
    [{ type: 'pool.destroy' }, ['tellDestroy', 'killWorkers', 'pool.closed'], 'closed'],
  ] as const)('ends as any other: %o', (event, does, value) => {
    const { is, says, state } = supervisor({ sizeMin: 1 });
    dies(is, 0);
    expect(says(event)).toEqual(does);
    expect(state()).toBe(value);
  });
});

describe('a worker that is worn', () => {
  it('stays until its replacement is up, and goes then', () => {
    const { is, turn, places } = ready({ sizeMin: 2 });
    is('worker.worn', 0);
    expect(places()).toBe('up 1 worn, up 2, empty 3');
    expect(turn(0)).toEqual(['startWorker 2 as 4']);
    expect(places()).toBe('up 1 worn, up 2, restarting 4 for 0');
    expect(is('worker.ready', 2)).toEqual(['retireWorker 0']);
    expect(places()).toBe('retiring 1, up 2, up 4');
    expect(is('worker.dead', 0, true)).toEqual([]);
    expect(places()).toBe('empty 1, up 2, up 4');
    expect(turn(60_000)).toEqual([]);
  });

  it('waits where others are out already, and the one that has lived longest goes first', () => {
    const { is, turn, places } = ready({ sizeMin: 3 });
    dies(is, 0, true);
    turn(0);
    is('worker.ready', 0);
    expect(places()).toBe('up 5, up 2, up 3, empty 4');
    is('worker.worn', 0);
    is('worker.worn', 2);
    is('worker.worn', 1);
    expect(turn(0)).toEqual(['startWorker 3 as 6']);
    expect(places()).toBe('up 5 worn, up 2 worn, up 3 worn, restarting 6 for 1');
    expect(is('worker.ready', 3)).toEqual(['retireWorker 1']);
    expect(turn(60_000)).toEqual([]);
    is('worker.dead', 1, true);
    expect(turn(0)).toEqual(['startWorker 1 as 7']);
    expect(places()).toBe('up 5 worn, restarting 7 for 2, up 3 worn, up 6');
  });

  it('may be out with as many others as is allowed', () => {
    const { is, turn, places } = ready({ sizeMin: 3, recycleConcurrencyMax: 2 });
    for (const place of [0, 1, 2]) is('worker.worn', place);
    expect([...turn(0), ...turn(0)]).toEqual(['startWorker 3 as 6', 'startWorker 4 as 7']);
    expect(places()).toBe('up 1 worn, up 2 worn, up 3 worn, restarting 6 for 0, restarting 7 for 1');
    expect(turn(60_000)).toEqual([]);
  });

  it('stays where its replacement does not come up, and is replaced after the back-off', () => {
    const { is, turn, places } = ready({ sizeMin: 1 });
    is('worker.worn', 0);
    turn(0);
    dies(is, 1);
    expect(places()).toBe('up 1 worn, empty 3');
    expect(turn(74)).toEqual([]);
    expect(turn(1)).toEqual(['startWorker 1 as 4']);
  });

  it('is followed by its replacement where it dies before that is up, and by nobody else', () => {
    const { is, turn, places } = ready({ sizeMin: 1 });
    is('worker.worn', 0);
    turn(0);
    dies(is, 0, true);
    expect(places()).toBe('empty 1, restarting 3');
    expect(turn(60_000)).toEqual([]);
    expect(is('worker.ready', 1)).toEqual([]);
    expect(places()).toBe('empty 1, up 3');
  });

  it('is followed as any other where it dies before its replacement is started, which then is not', () => {
    const { is, turn, places } = ready({ sizeMin: 1 });
    is('worker.worn', 0);
    dies(is, 0);
    expect(places()).toBe('waiting 1, empty 2');
    expect(turn(60_000)).toEqual(['startWorker 0 as 3']);
  });

  it('is replaced where none were to be as well: by one at a time, at a place that there is from then on', () => {
    const { is, turn, places } = ready({ sizeMin: 2, recycleConcurrencyMax: 0 });
    expect(places()).toBe('up 1, up 2');
    is('worker.worn', 0);
    is('worker.worn', 1);
    expect(places()).toBe('up 1 worn, up 2 worn, empty 0');
    expect(turn(60_000)).toEqual(['startWorker 2 as 3']);
    expect(is('worker.ready', 2)).toEqual(['retireWorker 0']);
    expect(turn(60_000)).toEqual([]);
    is('worker.dead', 0, true);
    expect(turn(0)).toEqual(['startWorker 0 as 4']);
    expect(is('worker.ready', 0)).toEqual(['retireWorker 1']);
    is('worker.dead', 1, true);
    expect(turn(60_000)).toEqual([]);
    expect(places()).toBe('up 4, empty 2, up 3');
  });

  it('is meant by its own name', () => {
    const { says, places } = ready({ sizeMin: 1 });
    says({ type: 'worker.worn', place: 0, worker: 99 });
    says({ type: 'worker.worn', place: 9, worker: 1 });
    expect(places()).toBe('up 1, empty 2');
  });
});

describe('a pool that grows and shrinks', () => {
  it('starts one more where more wait than start, to its size and no further', () => {
    const { says, places } = ready({ sizeMin: 1, sizeMax: 3 });
    expect(says({ type: 'pool.crowded', waiting: 1 })).toEqual(['startWorker 1 as 5']);
    expect(says({ type: 'pool.crowded', waiting: 1 })).toEqual([]);
    expect(says({ type: 'pool.crowded', waiting: 2 })).toEqual(['startWorker 2 as 6']);
    expect(says({ type: 'pool.crowded', waiting: 9 })).toEqual([]);
    expect(places()).toBe('up 1, restarting 5, restarting 6, empty 4');
  });

  it('does not while the place of one that died waits, nor counts those that replace another', () => {
    const { says, is, turn } = ready({ sizeMin: 1, sizeMax: 2 });
    is('worker.worn', 0);
    turn(0);
    expect(says({ type: 'pool.crowded', waiting: 1 })).toEqual(['startWorker 2 as 5']);
    dies(is, 2);
    expect(says({ type: 'pool.crowded', waiting: 5 })).toEqual([]);
  });

  it('lets one go that nobody needs, down to its size and no further', () => {
    const { says, is, places } = ready({ sizeMin: 1, sizeMax: 2 });
    expect(is('worker.unused', 0)).toEqual([]);
    says({ type: 'pool.crowded', waiting: 1 });
    expect(says({ type: 'worker.unused', place: 1, worker: 4 })).toEqual([]);
    is('worker.ready', 1);
    expect(says({ type: 'worker.unused', place: 1, worker: 99 })).toEqual([]);
    expect(is('worker.unused', 1)).toEqual(['retireWorker 1']);
    expect(places()).toBe('up 1, leaving 4, empty 3');
    expect(is('worker.unused', 0)).toEqual([]);
    expect(is('worker.dead', 1, true)).toEqual([]);
    expect(places()).toBe('up 1, empty 4, empty 3');
  });

  it('counts one on its way out among those that there may be', () => {
    const { says, is } = ready({ sizeMin: 1, sizeMax: 2 });
    says({ type: 'pool.crowded', waiting: 1 });
    is('worker.ready', 1);
    is('worker.unused', 1);
    expect(says({ type: 'pool.crowded', waiting: 1 })).toEqual([]);
    is('worker.dead', 1, true);
    expect(says({ type: 'pool.crowded', waiting: 1 })).toEqual(['startWorker 1 as 5']);
  });

  it('keeps one that another boots for', () => {
    const { says, is, turn } = ready({ sizeMin: 1, sizeMax: 2 });
    says({ type: 'pool.crowded', waiting: 1 });
    is('worker.ready', 1);
    is('worker.worn', 1);
    turn(0);
    expect(is('worker.unused', 1)).toEqual([]);
    expect(is('worker.unused', 0)).toEqual(['retireWorker 0']);
  });

  it('knows how many stand: neither those that go, nor the replacements besides them', () => {
    const { says, is, turn, context } = ready({ sizeMin: 1, sizeMax: 3 });
    says({ type: 'pool.crowded', waiting: 1 });
    expect(standing(context())).toBe(2);
    is('worker.ready', 1);
    is('worker.worn', 0);
    turn(0);
    expect(standing(context())).toBe(2);
    is('worker.ready', 2);
    expect(standing(context())).toBe(2);
    is('worker.unused', 1);
    expect(standing(context())).toBe(1);
  });
});

describe('a pool that drains', () => {
  it('still replaces those that die, and keeps its workers when it is done', () => {
    const { says, is, turn, state } = ready({ sizeMin: 2 });
    expect(says({ type: 'pool.drain' })).toEqual(['tellDrain']);
    dies(is, 0, true);
    expect(turn(0)).toEqual(['startWorker 0 as 4']);
    expect(is('worker.ready', 0)).toEqual([]);
    expect(says({ type: 'coordinator.closed' })).toEqual(['pool.drained']);
    expect(state()).toBe('drained');
    expect(is('worker.dead', 0, true)).toEqual([]);
    expect(turn(60_000)).toEqual([]);
    expect(says({ type: 'pool.close' })).toEqual(['askWorkers']);
    expect(is('worker.dead', 1, true)).toEqual(['pool.closed']);
  });

  it.each(['pool.drain', 'pool.close'] as const)('tells those who wait where starts are hopeless: %s', (type) => {
    const { says, is, turn } = ready({ sizeMin: 1, failuresMax: 2, closeTimeoutMs: 1e6 });
    says({ type });
    expect(dies(is, 0)).toEqual([]);
    expect(turn(75)).toEqual(['startWorker 0 as 3']);
    expect(dies(is, 0)).toEqual(['tellDegraded']);
    expect(turn(225)).toEqual(['startWorker 0 as 4']);
    expect(is('worker.ready', 0)).toEqual([]);
  });

  it.each([
    ['pool.drain', 'pool.close', ['tellDrain'], 'closing'],
    ['pool.drain', 'pool.destroy', ['tellDestroy', 'killWorkers'], 'stopping'],
    ['pool.close', 'pool.destroy', ['tellDestroy', 'killWorkers'], 'stopping'],
  ] as const)('may be ended faster: %s, %s', (first, second, does, value) => {
    const { says, state } = ready({ sizeMin: 1 });
    says({ type: first });
    expect(says({ type: second })).toEqual(does);
    expect(state()).toBe(value);
  });

  it('has its workers killed once it is drained, by pool.destroy', () => {
    const { says, is, state } = ready({ sizeMin: 2 });
    says({ type: 'pool.drain' });
    says({ type: 'coordinator.closed' });
    expect(says({ type: 'pool.destroy' })).toEqual(['killWorkers']);
    dies(is, 0);
    expect(state()).toBe('stopping');
    expect(dies(is, 1)).toEqual(['pool.closed']);
  });
});

describe('a pool that closes', () => {
  it('asks its workers once all are served, and is closed when the last is gone', () => {
    const { says, is, state } = ready({ sizeMin: 2 });
    expect(says({ type: 'pool.close' })).toEqual(['tellDrain']);
    expect(says({ type: 'coordinator.closed' })).toEqual(['askWorkers']);
    expect(is('worker.dead', 0, true)).toEqual([]);
    expect(state()).toBe('stopping');
    expect(says({ type: 'pool.destroy' })).toEqual(['killWorkers']);
    expect(is('worker.dead', 1, true)).toEqual(['pool.closed']);
    expect(state()).toBe('closed');
  });

  it('kills them when its time is up, and not before', () => {
    const { says, turn } = ready({ sizeMin: 1, closeTimeoutMs: 5_000 });
    says({ type: 'pool.close' });
    expect(turn(4_999)).toEqual([]);
    expect(turn(1)).toEqual(['tellDestroy', 'killWorkers']);
  });

  it('kills them at once by pool.destroy', () => {
    const { says, is } = ready({ sizeMin: 1 });
    expect(says({ type: 'pool.destroy' })).toEqual(['tellDestroy', 'killWorkers']);
    expect(is('worker.dead', 0, true)).toEqual(['pool.closed']);
  });

  it.each([
    ['pool.drain', ['tellDrain'], 'draining'],
    ['pool.close', ['tellDrain'], 'closing'],
    ['pool.destroy', ['tellDestroy', 'killWorkers'], 'stopping'],
  ] as const)('may do so before it is ready: %s', (type, does, value) => {
    const { says, state } = supervisor({ sizeMin: 1 });
    expect(says({ type })).toEqual(does);
    expect(state()).toBe(value);
  });
});

describe('the back-off', () => {
  it('starts at once after a worker that had served', () => {
    expect(restartDelayMs(0, 0.5)).toBe(0);
  });

  it('is three times as long with each failure, from 100 ms to 30 s and no further', () => {
    expect([1, 2, 3, 6, 7, 1_000].map((failures) => restartDelayMs(failures, 0))).toEqual([
      100, 300, 900, 24_300, 30_000, 30_000,
    ]);
  });

  it('is spread over its last quarter, so that many places do not start together', () => {
    expect(restartDelayMs(4, 1)).toBe(2_025);
    expect(restartDelayMs(4, 0.5)).toBe(2_362.5);
  });

  it('leaves room for eight starts in a minute, and no more, whatever the jitter', () => {
    for (const jitter of [0, 0.5, 1]) {
      const delays = [1, 2, 3, 4, 5, 6, 7, 8].map((failures) => restartDelayMs(failures, jitter));
      expect(delays.reduce((sum, delay) => sum + delay, 0)).toBeGreaterThan(60_000);
    }
  });
});

type Is = ReturnType<typeof supervisor>['is'];

function dies(is: Is, place: number, proven: boolean | null = false): string[] {
  return is('worker.dead', place, proven);
}

/** A supervisor of which all first workers are up. */
function ready(input: Partial<SupervisorInput>) {
  const made = supervisor(input);
  for (let place = 0; place < made.context().sizeMin; place++) made.is('worker.ready', place);
  return made;
}

/** A supervisor on a clock turned by hand, and what each event makes it do and say. Its jitter is the most that there is. */
function supervisor(input: Partial<SupervisorInput>) {
  const said: string[] = [];
  const clock = new SimulatedClock();
  const note = (name: string) => () => void said.push(name);
  const machine = supervisorMachine.provide({
    actions: {
      startActors: note('startActors'),
      startWorker: ({ context: { at, places } }) => void said.push(`startWorker ${at} as ${places[at]!.worker}`),
      retireWorker: ({ context }) => void said.push(`retireWorker ${context.at}`),
      askWorkers: note('askWorkers'),
      killWorkers: note('killWorkers'),
      tellDegraded: note('tellDegraded'),
      tellDrain: note('tellDrain'),
      tellDestroy: note('tellDestroy'),
    },
  });
  const { sizeMin = 1, sizeMax = sizeMin, recycleConcurrencyMax = 1, failuresMax = 3, closeTimeoutMs = 5_000 } = input;
  const actor = createActor(machine, {
    clock,
    input: { sizeMin, sizeMax, recycleConcurrencyMax, failuresMax, closeTimeoutMs },
  });
  for (const type of ['pool.ready', 'pool.degraded', 'pool.drained', 'pool.closed'] as const) {
    actor.on(type, () => void said.push(type));
  }
  actor.start();
  const context = (): SupervisorContext => actor.getSnapshot().context;
  const during = (run: () => void): string[] => {
    const before = said.length;
    run();
    return said.slice(before);
  };
  const says = (event: SupervisorEvent) => during(() => actor.send(event));
  return {
    said,
    context,
    says,
    is: (
      type: 'worker.ready' | 'worker.proven' | 'worker.dead' | 'worker.worn' | 'worker.unused',
      place: number,
      proven: boolean | null = true,
    ): string[] => {
      const worker = context().places[place]?.worker ?? 99;
      return says(type === 'worker.dead' ? { type, place, worker, proven } : { type, place, worker });
    },
    turn: (ms: number) => during(() => clock.increment(ms)),
    state: () => actor.getSnapshot().value,
    failures: () => context().failures,
    places: () =>
      context()
        .places.map(
          ({ state, worker, isWorn, replaces }) =>
            `${state} ${worker}${isWorn ? ' worn' : ''}${replaces === null ? '' : ` for ${replaces}`}`,
        )
        .join(', '),
  };
}
