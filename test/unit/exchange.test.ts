import { describe, expect, it } from 'vitest';
import type { ClientRef } from '../../machines/index.js';
import type { WorkerHand } from '../../src/actors/worker.js';
import type { Call } from '../../src/call.js';
import type { PoolError } from '../../src/errors.js';
import { type Answer, Exchange, type LeaseHolder } from '../../src/exchange.js';

describe('the exchange of a single call', () => {
  it('sends it, hands it its answer, and gives the lease back by it, at the moment of the pool', () => {
    const { exchange, call, said, worker } = exchanging();
    expect([exchange.lease, exchange.slot, exchange.worker, worker.exchanges[1]]).toEqual([7, 1, worker, exchange]);
    expect([exchange.isBusy, exchange.requestId, exchange.call, exchange.hasStarted]).toEqual([
      false,
      undefined,
      undefined,
      false,
    ]);
    exchange.send(call);
    expect([exchange.isBusy, exchange.requestId, exchange.call, exchange.hasStarted]).toEqual([
      true,
      100,
      call,
      'unknown',
    ]);
    expect(said.splice(0)).toEqual(['request', 'call sent']);
    exchange.answer({ value: 5 });
    expect(said).toEqual(['lease 7 ended', 'client: exchange.ended 7 at 42', 'call answered 5']);
    expect([exchange.isBusy, worker.exchanges[1]]).toEqual([false, undefined]);
  });

  it('knows which one is run before it', () => {
    const { exchange, worker } = exchanging();
    expect(exchange.ahead).toBe(worker.first);
  });

  it('watches it from the moment when Python comes to it, to its answer', () => {
    const { exchange, call, said, worker } = exchanging();
    exchange.send(call);
    said.splice(0);
    exchange.onRunning();
    expect(said.splice(0)).toEqual(['watch 100']);
    exchange.onRunning();
    expect(said).toEqual([]);
    exchange.answer({ value: 5 });
    expect(said[0]).toBe('watch over');
    exchange.onRunning();
    expect(said.filter((each) => each.startsWith('watch'))).toEqual(['watch over']);
    worker.isRunning = true;
    const other = exchanging();
    other.worker.isRunning = true;
    other.exchange.send(other.call);
    expect(other.said).toEqual(['request', 'call sent', 'watch 100']);
  });

  it('hands on what is said of it, counts each word as a sign of life, and declines what is said of none', () => {
    const { exchange, call, said, worker } = exchanging();
    const heartbeat = { type: 'heartbeat', id: 100 } as const;
    expect(exchange.hear(heartbeat)).toBe(false);
    worker.isRunning = true;
    exchange.send(call);
    said.splice(0);
    expect(exchange.hear(heartbeat)).toBe(true);
    expect(said.splice(0)).toEqual(['beat', 'call heard heartbeat']);
    exchange.say(call, (id) => `line of ${id}`);
    expect(said.splice(0)).toEqual(['beat', 'said line of 100']);
    exchange.say(callOf('another', said), (id) => `line of ${id}`);
    expect(said).toEqual([]);
    exchange.answer({ value: 1 });
    said.splice(0);
    exchange.say(call, (id) => `line of ${id}`);
    expect(said).toEqual([]);
  });

  it('says something of it before Python has come to it, too', () => {
    const { exchange, call, said } = exchanging();
    exchange.send(call);
    said.splice(0);
    expect(exchange.hear({ type: 'heartbeat', id: 100 })).toBe(true);
    exchange.say(call, (id) => `line of ${id}`);
    expect(said).toEqual(['call heard heartbeat', 'said line of 100']);
  });

  it('gives the lease back where its worker will not have it, and the call fails by that', () => {
    const { exchange, call, said } = exchanging();
    Object.assign(call, { refusalBy: () => new Error('not here') });
    exchange.send(call);
    expect(said).toEqual(['call failed: not here', 'lease 7 ended', 'client: exchange.ended 7 at 42']);
    expect(exchange.isBusy).toBe(false);
  });

  it('has no use for an answer that nobody is waiting for', () => {
    const { exchange, said } = exchanging();
    exchange.answer({ value: 5 });
    expect(said).toEqual([]);
  });

  it('gives the lease back once, and never while an answer is owed', () => {
    const { exchange, call, said } = exchanging();
    exchange.send(call);
    said.splice(0);
    exchange.end();
    expect(said).toEqual([]);
    exchange.answer({ value: 5 });
    said.splice(0);
    exchange.end();
    exchange.lost();
    expect(said).toEqual([]);
  });
});

describe('a call that is given up', () => {
  it('is withdrawn where nothing of it was sent: nothing is owed', () => {
    const { exchange, call, said, worker } = exchanging();
    worker.isUnsent = true;
    exchange.send(call);
    said.splice(0);
    exchange.abandon(call);
    expect(said).toEqual(['withdraw 100', 'lease 7 ended', 'client: exchange.ended 7 at 42']);
    expect([exchange.isBusy, exchange.isAbandoned]).toEqual([false, false]);
  });

  it('that runs is owed its answer, which the client knows at once, and gives the lease back then', () => {
    const { exchange, call, said, worker } = exchanging();
    worker.isRunning = true;
    exchange.send(call);
    said.splice(0);
    exchange.abandon(call);
    expect(said.splice(0)).toEqual(['watch over', 'withdraw 100', 'client: exchange.abandoned 7']);
    expect([exchange.isBusy, exchange.isAbandoned]).toEqual([true, true]);
    exchange.abandon(call);
    exchange.onRunning();
    expect(said).toEqual([]);
    exchange.answer({ value: 5 });
    expect(said).toEqual(['lease 7 ended', 'client: exchange.ended 7 at 42', 'call answered 5']);
    expect([exchange.isAbandoned, worker.counters.cancelled]).toEqual([false, { kept: 1, killed: 0 }]);
  });

  it('that waits in the pipe is forestalled, and the client knows when Python comes to it', () => {
    const { exchange, call, said } = exchanging();
    exchange.send(call);
    said.splice(0);
    exchange.abandon(call);
    expect(said.splice(0)).toEqual(['withdraw 100', 'forestall 1']);
    exchange.onRunning();
    expect(said).toEqual(['client: exchange.abandoned 7']);
  });

  it.each<[Answer, number]>([
    [{ value: 1 }, 1],
    [{ error: new Error('raised') as PoolError }, 1],
    [{ error: new Error('raised') as PoolError, started: true }, 1],
    [{ error: new Error('never begun') as PoolError, started: false }, 0],
  ])('is counted where Python had begun with it, since nothing was cancelled otherwise: %o', (answer, kept) => {
    const { exchange, call, worker } = exchanging();
    exchange.send(call);
    exchange.abandon(call);
    exchange.answer(answer);
    expect(worker.counters.cancelled.kept).toBe(kept);
  });

  it('is the one that was sent, and no other', () => {
    const { exchange, call, said } = exchanging();
    exchange.send(call);
    said.splice(0);
    exchange.abandon(callOf('another', said));
    expect([said, exchange.isAbandoned]).toEqual([[], false]);
  });

  it('is not counted where nobody gave it up', () => {
    const { exchange, call, worker } = exchanging();
    exchange.send(call);
    exchange.answer({ value: 1 });
    expect(worker.counters.cancelled).toEqual({ kept: 0, killed: 0 });
  });
});

describe('an exchange whose lease is held', () => {
  it('keeps the lease after an answer, and tells the holder that the next may be sent', () => {
    const { exchange, call, said, worker } = exchanging({ holds: true });
    exchange.send(call);
    said.splice(0);
    exchange.answer({ value: 5 });
    expect(said.splice(0)).toEqual(['call answered 5', 'holder: answered']);
    expect(worker.exchanges[1]).toBe(exchange);
    exchange.send(call);
    expect(exchange.requestId).toBe(101);
  });

  it('tells the client that the answer has come which nobody waited for, if it knew that one was owed', () => {
    const { exchange, call, said, worker } = exchanging({ holds: true });
    worker.isRunning = true;
    exchange.send(call);
    exchange.abandon(call);
    said.splice(0);
    exchange.answer({ value: 5 });
    expect(said.splice(0)).toEqual(['client: exchange.resumed 7', 'call answered 5', 'holder: answered']);
    // It is as new: another is given up for itself.
    exchange.send(call);
    exchange.abandon(call);
    expect(said.at(-1)).toBe('client: exchange.abandoned 7');
  });

  it('tells the client nothing where it did not know', () => {
    const { exchange, call, said } = exchanging({ holds: true });
    exchange.send(call);
    exchange.abandon(call);
    said.splice(0);
    exchange.answer({ value: 5 });
    expect(said).toEqual(['call answered 5', 'holder: answered']);
  });

  it('keeps the lease after a call that was refused or withdrawn', () => {
    for (const how of ['refused', 'withdrawn']) {
      const { exchange, call, said, worker } = exchanging({ holds: true });
      worker.isUnsent = true;
      if (how === 'refused') Object.assign(call, { refusalBy: () => new Error('not here') });
      exchange.send(call);
      exchange.abandon(call);
      expect(said.at(-1)).toBe('holder: answered');
      expect(said.some((each) => each.startsWith('client'))).toBe(false);
    }
  });

  it('gives the lease back when the holder wants it no further', () => {
    const { exchange, call, said, holder } = exchanging({ holds: true });
    exchange.send(call);
    holder!.holds = false;
    said.splice(0);
    exchange.answer({ value: 5 });
    expect(said).toEqual(['lease 7 ended', 'client: exchange.ended 7 at 42', 'call answered 5', 'holder: answered']);
  });
});

describe('an exchange whose worker is lost', () => {
  it('tells its call by what, and its holder, once', () => {
    const { exchange, call, said, worker } = exchanging({ holds: true });
    worker.isRunning = true;
    exchange.send(call);
    said.splice(0);
    exchange.lost();
    expect(said.splice(0)).toEqual(['watch over', 'call lost: loss of 100', 'holder: lost']);
    expect([exchange.isBusy, worker.exchanges[1]]).toEqual([false, undefined]);
    exchange.lost();
    exchange.end();
    exchange.answer({ value: 5 });
    expect(said).toEqual([]);
    expect(worker.counters.cancelled.killed).toBe(0);
  });

  it('is counted where that was because of an answer that nobody waited for', () => {
    const { exchange, call, worker } = exchanging();
    worker.isRunning = true;
    exchange.send(call);
    exchange.abandon(call);
    exchange.lost();
    expect(worker.counters.cancelled).toEqual({ kept: 0, killed: 1 });
  });

  it('has nobody to tell where nothing was sent', () => {
    const { exchange, said, worker } = exchanging();
    exchange.lost();
    expect([said, worker.exchanges[1]]).toEqual([[], undefined]);
  });
});

/** An exchange under lease 7 in slot 1, with a worker that only notes what it is told. */
function exchanging({ holds }: { holds?: boolean } = {}) {
  const said: string[] = [];
  let requests = 99;
  const worker = {
    exchanges: [] as (Exchange | undefined)[],
    counters: { cancelled: { kept: 0, killed: 0 } },
    now: 42,
    isRunning: false,
    isUnsent: false,
    first: {},
    ahead: () => worker.first,
    runs: () => worker.isRunning,
    hasStarted: (id: number) => (id === requests ? 'unknown' : false),
    request: () => {
      said.push('request');
      requests += 1;
      return requests;
    },
    withdraw: (id: number) => {
      said.push(`withdraw ${id}`);
      return worker.isUnsent;
    },
    forestall: (slot: number) => said.push(`forestall ${slot}`),
    watch: (_call: Call, id: number) => {
      said.push(`watch ${id}`);
      return { beat: () => said.push('beat'), end: () => said.push('watch over') };
    },
    say: (line: string) => said.push(`said ${line}`),
    endLease: (lease: number) => said.push(`lease ${lease} ended`),
    loss: (_call: Call, id: number) => `loss of ${id}`,
  };
  const client = {
    send: ({ type, lease, at }: { type: string; lease: number; at?: number }) =>
      said.push(`client: ${type} ${lease}${at === undefined ? '' : ` at ${at}`}`),
  };
  const holder =
    holds === undefined
      ? undefined
      : { holds, onAnswered: () => void said.push('holder: answered'), onLost: () => void said.push('holder: lost') };
  const exchange = new Exchange(
    7,
    1,
    worker as unknown as WorkerHand,
    client as unknown as ClientRef,
    holder satisfies LeaseHolder | undefined,
  );
  return { exchange, call: callOf('call', said), said, worker, holder };
}

function callOf(name: string, said: string[]): Call {
  const call = {
    refusalBy: () => undefined,
    fail: (error: Error) => said.push(`${name} failed: ${error.message}`),
    onSent: () => said.push(`${name} sent`),
    onAnswered: (answer: { value?: unknown }) => said.push(`${name} answered ${answer.value}`),
    onLost: (loss: unknown) => said.push(`${name} lost: ${loss}`),
    hear: ({ type }: { type: string }) => {
      said.push(`${name} heard ${type}`);
      return true;
    },
  };
  return call as unknown as Call;
}
