import { describe, expect, it } from 'vitest';
import { type InspectionEvent, SimulatedClock } from 'xstate';
import type { LeaseEndedError } from '../../src/index.js';
import { TurnedClock } from '../fake/turned-clock.js';
import { Gate } from '../support/gate.js';
import { NodeScript } from '../support/node-script.js';
import { failure, fixtures, next, PYTHON, readyPool, startPool } from '../support/pool.js';

const here = fixtures(import.meta.url);
const app = here('app.py');

describe('a lease', () => {
  it('has one worker to itself: its calls meet the state they made, and nobody else gets in between', async () => {
    const pool = await readyPool(app, { size: 2 });
    const lease = await pool.checkout();
    const pid = await lease.call('pid');
    await lease.call('note', ['mine']);
    const others = await Promise.all(Array.from({ length: 50 }, () => pool.call('pid')));
    expect(others).not.toContain(pid);
    expect(await lease.call('noted')).toEqual(['mine']);
    expect(lease.ended).toBeUndefined();
    await lease.checkin();
    expect(lease.ended).toBe('checked-in');
    expect(pool.stats().workers).toMatchObject({ idle: 2, leased: 0 });
  });

  it('has an id of its own and the name of its worker', async () => {
    const pool = await readyPool(app);
    const first = await pool.checkout();
    const { id } = first;
    expect(first.worker).toBe('worker-0');
    await first.checkin();
    const second = await pool.checkout();
    expect(second.worker).toBe('worker-0');
    expect(second.id).toBeGreaterThan(id);
    await second.checkin();
  });

  it('runs its calls one after the other, in the order in which they were made', async () => {
    const pool = await readyPool(app);
    const gate = new Gate();
    const lease = await pool.checkout();
    const first = lease.call('wait_at', [gate.path, 'first']);
    const calls = [1, 2, 3, 4, 5].map((number) => lease.call('note', [number]));
    const go = await gate.reached();
    await go();
    expect(await first).toBe('first');
    expect(await Promise.all(calls)).toEqual([1, 2, 3, 4, 5]);
    expect(await lease.call('noted')).toEqual([1, 2, 3, 4, 5]);
  });

  it('goes back when the calls already made have been answered, and the next in line gets it', async () => {
    const pool = await readyPool(app);
    const gate = new Gate();
    const lease = await pool.checkout();
    const order: string[] = [];
    const first = lease.call('wait_at', [gate.path]).then(() => order.push('first'));
    const second = lease.call('note', ['second']).then(() => order.push('second'));
    const checkin = lease.checkin().then(() => order.push('checkin'));
    const other = pool.call('noted').then((noted) => order.push(`other saw ${noted}`));
    await gate.open();
    await Promise.all([first, second, checkin, other]);
    expect(order).toEqual(['first', 'second', 'checkin', 'other saw second']);
  });

  it('has up to 64 of its calls on their way at a time, of which Python begins one after the other', async () => {
    const pool = await readyPool(app);
    const gate = new Gate();
    const lease = await pool.checkout();
    const first = lease.call('wait_at', [gate.path, 'first']);
    const go = await gate.reached();
    const others = Array.from({ length: 70 }, (_, number) => lease.call('note', [number]));
    expect(pool.workers()[0]).toMatchObject({ calls: 64, leases: 1 });
    await go();
    await Promise.all([first, ...others]);
    expect(await lease.call('noted')).toEqual(Array.from({ length: 70 }, (_, number) => number));
    await lease.checkin();
  });

  it('never begins a call that was given up on its way, and goes on', async () => {
    const pool = await readyPool(app);
    const gate = new Gate();
    const lease = await pool.checkout();
    const first = lease.call('wait_at', [gate.path, 'first']);
    const abort = new AbortController();
    const given = failure(lease.call('note', ['given up'], { signal: abort.signal }));
    const after = lease.call('note', ['after']);
    const go = await gate.reached();
    expect(pool.workers()[0]).toMatchObject({ calls: 3 });
    abort.abort('enough');
    expect(await given).toBe('enough');
    await go();
    await Promise.all([first, after]);
    expect(await lease.call('noted')).toEqual(['after']);
    expect(pool.stats().cancelled).toEqual({ kept: 0, killed: 0 });
  });

  it('sends nothing large behind what runs, so that bytes of a call that was given up may be taken away', async () => {
    const pool = await readyPool(app);
    const gate = new Gate();
    const lease = await pool.checkout();
    const pid = await lease.call('pid');
    const first = lease.call('wait_at', [gate.path, 'first']);
    const abort = new AbortController();
    // Its memory is gone at once, as it is in the end where it was transferred.
    const size = 8 * 1024 * 1024;
    const buffer: Resizable = Reflect.construct(ArrayBuffer, [size, { maxByteLength: size }]);
    const given = failure(lease.call('note', [new Uint8Array(buffer)], { signal: abort.signal }));
    const go = await gate.reached();
    abort.abort('enough');
    expect(await given).toBe('enough');
    buffer.resize(0);
    await go();
    await first;
    expect([await lease.call('pid'), await lease.call('noted')]).toEqual([pid, []]);
    expect(pool.stats().failures).toBe(0);
  });

  it('that expires takes back the calls on their way, too: Python begins none of them, though all are given up at once', async () => {
    const clock = new TurnedClock();
    const pool = await readyPool(app, { interrupt: true, clock });
    for (let time = 0; time < 5; time += 1) {
      const lease = await pool.checkout({ leaseTimeoutMs: 100 });
      const begun = next(pool, 'log');
      const calls = [lease.call('sleep_for_ever'), ...[1, 2, 3].map((number) => lease.call('note', [number]))];
      const errors = Promise.all(calls.map((call) => failure(call)));
      await begun;
      clock.jump(100);
      expect(await errors).toMatchObject(calls.map(() => ({ code: 'ERR_LEASE_ENDED', reason: 'expired' })));
    }
    expect(await pool.call('noted')).toEqual([]);
    expect(pool.stats().cancelled).toEqual({ kept: 5, killed: 0 });
  });

  it('takes back the calls on their way whose time is up with that of the one that runs: Python begins none of them', async () => {
    const clock = new TurnedClock();
    const pool = await readyPool(app, { interrupt: true, clock });
    const lease = await pool.checkout();
    for (let time = 0; time < 5; time += 1) {
      const gate = new Gate();
      const wait = { timeoutMs: 100 };
      const first = failure(lease.call('wait_at', [gate.path], wait));
      const others = Array.from({ length: 30 }, (_, number) => failure(lease.call('note', [number], wait)));
      const go = await gate.reached();
      clock.jump(100);
      expect(await first).toMatchObject({ code: 'ERR_CALL_TIMEOUT', ranMs: 100 });
      for (const error of await Promise.all(others))
        expect(error).toMatchObject({ code: 'ERR_CALL_TIMEOUT', ranMs: 0 });
      await go();
    }
    expect(await lease.call('noted')).toEqual([]);
    expect(pool.stats().cancelled).toEqual({ kept: 5, killed: 0 });
  });

  it('sends nothing behind a call that Python may have questions in, and nothing of that kind behind others', async () => {
    const pool = await readyPool(app);
    const gate = new Gate();
    const lease = await pool.checkout();
    const first = lease.call('wait_at', [gate.path, 'first']);
    const go = await gate.reached();
    const asks = lease.call('echo', [() => {}]).catch(() => {});
    const after = lease.call('echo', ['after']);
    expect(pool.workers()[0]).toMatchObject({ calls: 1 });
    await go();
    await Promise.all([first, asks]);
    expect(await after).toBe('after');
  });

  it('may be checked in as often as one likes', async () => {
    const pool = await readyPool(app);
    const lease = await pool.checkout();
    await Promise.all([lease.checkin(), lease.checkin()]);
    await lease.checkin();
    const other = await pool.checkout();
    await lease.checkin();
    expect(other.ended).toBeUndefined();
    expect(await other.call('echo', ['still mine'])).toBe('still mine');
    expect(pool.stats().workers).toMatchObject({ leased: 1 });
  });

  it('refuses calls after it was checked in, with ERR_LEASE_ENDED, even while earlier ones still run', async () => {
    const pool = await readyPool(app);
    const gate = new Gate();
    const lease = await pool.checkout();
    const running = lease.call('wait_at', [gate.path, 'done']);
    const checkin = lease.checkin();
    const { id } = lease;
    const refused = await failure<LeaseEndedError>(lease.call('note', ['never']));
    expect(refused).toMatchObject({ code: 'ERR_LEASE_ENDED', lease: id, reason: 'checked-in' });
    await gate.open();
    expect(await running).toBe('done');
    await checkin;
    expect(await failure(lease.call('echo', [1]))).toMatchObject({ code: 'ERR_LEASE_ENDED', reason: 'checked-in' });
    expect(await pool.call('noted')).toEqual([]);
  });

  it('ends at the end of its block with await using', async () => {
    const pool = await readyPool(app);
    {
      await using lease = await pool.checkout();
      expect(await lease.call('echo', [1])).toBe(1);
      expect(pool.stats().workers.leased).toBe(1);
    }
    expect(pool.stats().workers).toMatchObject({ leased: 0, idle: 1 });
  });

  it('goes on after a call that was given up: its late answer is dropped, and the next call gets its own', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { clock });
    const gate = new Gate();
    const lease = await pool.checkout();
    const given = failure(lease.call('wait_at', [gate.path], { timeoutMs: 100 }));
    const after = lease.call('echo', ['mine']);
    const go = await gate.reached();
    clock.increment(100);
    expect(await given).toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
    expect(pool.stats().workers).toMatchObject({ cancelling: 1 });
    await go('the late answer');
    expect(await after).toBe('mine');
    expect(pool.stats().workers).toMatchObject({ leased: 1, cancelling: 0 });
    clock.increment(60_000);
    expect(await lease.call('echo', ['still mine'])).toBe('still mine');
    expect(lease.ended).toBeUndefined();
  });

  it('can be checked in while an answer is owed, and goes back only when it has come', async () => {
    const pool = await readyPool(app);
    const gate = new Gate();
    const lease = await pool.checkout();
    const abort = new AbortController();
    const given = failure(lease.call('wait_at', [gate.path], { signal: abort.signal }));
    const go = await gate.reached();
    abort.abort('enough');
    expect(await given).toBe('enough');
    let isBack = false;
    const checkin = lease.checkin().then(() => {
      isBack = true;
    });
    const other = pool.call('echo', ['other']);
    expect(pool.stats()).toMatchObject({ waiting: 1, workers: { cancelling: 1 } });
    expect(isBack).toBe(false);
    await go('late');
    await checkin;
    expect(await other).toBe('other');
  });

  it('ends with its worker when the owed answer does not come within cancelGraceMs: ERR_LEASE_ENDED', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { cancelGraceMs: 500, clock });
    const gate = new Gate();
    const lease = await pool.checkout();
    const given = failure(lease.call('wait_at', [gate.path], { timeoutMs: 100 }));
    const waiting = failure(lease.call('echo', ['mine']));
    await gate.reached();
    clock.increment(100);
    await given;
    const dead = next(pool, 'worker.dead');
    clock.increment(500);
    expect(await waiting).toMatchObject({ code: 'ERR_LEASE_ENDED', lease: lease.id, reason: 'revoked' });
    expect(lease.ended).toBe('revoked');
    expect(await failure(lease.call('echo', [1]))).toMatchObject({ code: 'ERR_LEASE_ENDED', reason: 'revoked' });
    await lease.checkin();
    expect(await dead).toMatchObject({ reason: 'cancel-grace' });
  });

  it('ends when its worker dies: the running call is told of the death, later ones of the lease', async () => {
    const pool = await readyPool(here('deaths.py'));
    const lease = await pool.checkout();
    const dying = failure(lease.call('exit_at_once', [7]));
    const waiting = failure(lease.call('pid'));
    expect(await dying).toMatchObject({ code: 'ERR_WORKER_DIED', exitCode: 7, started: true, call: 'exit_at_once' });
    expect(await waiting).toMatchObject({ code: 'ERR_LEASE_ENDED', reason: 'worker-died' });
    expect(lease.ended).toBe('worker-died');
    expect(await failure(lease.call('pid'))).toMatchObject({ code: 'ERR_LEASE_ENDED', reason: 'worker-died' });
    await lease.checkin();
    expect(typeof (await pool.call('pid'))).toBe('number');
  });

  it('ends when its worker dies between two calls', async () => {
    const pool = await readyPool(app);
    const lease = await pool.checkout();
    const dead = next(pool, 'worker.dead');
    process.kill(await lease.call<number>('pid'), 'SIGKILL');
    await dead;
    expect(lease.ended).toBe('worker-died');
    expect(await failure(lease.call('pid'))).toMatchObject({ code: 'ERR_LEASE_ENDED', reason: 'worker-died' });
    await lease.checkin();
  });

  it('lets a waiting call of its own be given up, without a word to Python', async () => {
    const pool = await readyPool(app);
    const gate = new Gate();
    const lease = await pool.checkout();
    const running = lease.call('wait_at', [gate.path, 'done']);
    const abort = new AbortController();
    const given = failure(lease.call('note', ['never'], { signal: abort.signal }));
    const last = lease.call('note', ['last']);
    const go = await gate.reached();
    abort.abort('enough');
    expect(await given).toBe('enough');
    await go();
    await Promise.all([running, last]);
    expect(await lease.call('noted')).toEqual(['last']);
  });

  it('is asked for in line: by priority, and refused for a priority that is none', async () => {
    const pool = await readyPool(app);
    const held = await pool.checkout();
    const order: string[] = [];
    const take = async (name: string, priority: number) => {
      const lease = await pool.checkout({ priority });
      order.push(name);
      await lease.checkin();
    };
    const taking = [take('normal', 0), take('high', 10), take('low', -10)];
    await held.checkin();
    await Promise.all(taking);
    expect(order).toEqual(['high', 'normal', 'low']);
    for (const priority of [101, 0.5, Number.NaN, 'high']) {
      const refused = await failure(pool.checkout({ priority: priority as never }));
      expect(refused).toMatchObject({ code: 'ERR_OPTION', option: 'priority' });
    }
    expect(await failure(pool.checkout({ timeoutMs: -1 }))).toMatchObject({ code: 'ERR_OPTION', option: 'timeoutMs' });
  });

  it('goes to the next when those before have left', async () => {
    const abort = new AbortController();
    const inspect = ({ type, event, actorRef }: InspectionEvent & { event?: { type: string } }) => {
      const { logic } = actorRef as unknown as { logic: { id?: string } };
      if (type === '@xstate.event' && event?.type === 'lease.granted' && logic.id === 'client') abort.abort('left');
    };
    const pool = startPool(app, { inspect });
    const asked = Array.from({ length: 10 }, () => failure(pool.checkout({ signal: abort.signal })));
    const last = pool.checkout();
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['left']));
    const lease = await last;
    expect(await lease.call('echo', [1])).toBe(1);
    // The first grant met nobody, and went back unused.
    expect(lease.id).toBe(2);
  });
});

describe('leases that are lost without being given back', () => {
  it('are given back once nobody has them in hand any more, told of, and had by the next; one that is held is not', async () => {
    const script = new NodeScript(
      here('loses-leases.ts'),
      [app, PYTHON, here('../../python/fixtures/shop.py')],
      'export NODE_OPTIONS=--expose-gc',
    );
    expect(await script.told()).toEqual({
      before: 4,
      after: 1,
      works: 'works',
      // One that was given back is kept by nobody.
      isForgotten: true,
      hows: ['lost', 'lost', 'lost', 'lost'],
      stack: expect.stringContaining('loseThem'),
    });
    expect(await script.ended).toBe(0);
  });
});

/** TypeScript does not know of them here. */
interface Resizable extends ArrayBuffer {
  resize(size: number): void;
}
