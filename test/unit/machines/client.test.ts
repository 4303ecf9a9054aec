import { describe, expect, it } from 'vitest';
import {
  type ClientEvent,
  type CoordinatorRef,
  clientMachine,
  type Waiter,
  type WorkerRef,
} from '../../../machines/index.js';
import { begin, inertRef, take } from '../../model/take.js';

describe('a client', () => {
  it('holds the lease that it is granted, and gives it back when the exchange has ended', () => {
    const { tell, is } = client();
    expect(is()).toEqual(['free', null]);
    expect(tell(GRANTED)).toEqual(['beginExchange']);
    expect(is()).toEqual(['exchanging', { lease: 7, worker: WORKER, slot: 2 }]);
    expect(tell({ type: 'exchange.ended', lease: 7, at: 42 })).toEqual([
      'worker-0: lease.released {"lease":7,"slot":2,"at":42}',
    ]);
    expect(is()).toEqual(['free', null]);
    expect(tell({ ...GRANTED, lease: 8 })).toEqual(['beginExchange']);
  });

  it('says that nobody waits any more, and gives the lease back with the answer', () => {
    const { tell, is } = client();
    tell(GRANTED);
    expect(tell({ type: 'exchange.abandoned', lease: 7 })).toEqual([
      'worker-0: lease.revoked {"lease":7,"slot":2}',
      'in 500 ms',
    ]);
    expect(is()[0]).toBe('cancelling');
    expect(tell({ type: 'exchange.ended', lease: 7, at: 42 })).toEqual([
      NO_MORE,
      'worker-0: lease.released {"lease":7,"slot":2,"at":42}',
    ]);
    expect(is()).toEqual(['free', null]);
  });

  it('keeps a lease that is wanted further when the answer has come', () => {
    const { tell, is } = client();
    tell(GRANTED);
    tell({ type: 'exchange.abandoned', lease: 7 });
    expect(tell({ type: 'exchange.resumed', lease: 7 })).toEqual([
      NO_MORE,
      'worker-0: lease.resumed {"lease":7,"slot":2}',
    ]);
    expect(is()[0]).toBe('exchanging');
    expect(tell({ type: 'exchange.abandoned', lease: 7 })).toHaveLength(2);
  });

  it('tells its worker when the answer does not come in time, and goes on waiting for it', () => {
    const { tell, is } = client();
    tell(GRANTED);
    tell({ type: 'exchange.abandoned', lease: 7 });
    expect(tell({ type: 'xstate.after.cancelGrace.client.cancelling' } as never)).toEqual([
      'worker-0: lease.overdue {"lease":7,"slot":2}',
    ]);
    expect(is()[0]).toBe('cancelling');
  });

  it.each(['exchanging', 'cancelling'])('tells its exchange when the worker is lost: %s', (state) => {
    const { tell, is } = client();
    tell(GRANTED);
    if (state === 'cancelling') tell({ type: 'exchange.abandoned', lease: 7 });
    expect(is()[0]).toBe(state);
    expect(tell({ type: 'lease.lost', lease: 7 })).toEqual(
      state === 'cancelling' ? ['failExchange', NO_MORE] : ['failExchange'],
    );
    expect(is()).toEqual(['free', null]);
  });

  it('goes on with whoever is next under the lease that was offered', () => {
    const { tell, is } = client();
    tell(GRANTED);
    expect(tell({ type: 'lease.accepted', lease: 7, waiter: NEXT })).toEqual(['continueExchange']);
    expect(is()).toEqual(['exchanging', { lease: 7, worker: WORKER, slot: 2 }]);
  });

  it('gives back what was offered and nobody takes', () => {
    const { tell, is } = client();
    tell(GRANTED);
    expect(tell({ type: 'lease.declined', lease: 7 })).toEqual([
      'endExchange',
      'worker-0: lease.released {"lease":7,"slot":2,"at":null}',
    ]);
    expect(is()).toEqual(['free', null]);
  });

  it('sends back whoever comes for a lease that was lost', () => {
    const { tell, is } = client();
    tell(GRANTED);
    expect(tell({ type: 'lease.lost', lease: 7 })).toEqual(['failExchange']);
    expect(tell({ type: 'lease.accepted', lease: 7, waiter: NEXT })).toEqual([
      `coordinator: lease.request {"waiter":${JSON.stringify(NEXT)},"isBack":true}`,
    ]);
    expect(is()).toEqual(['free', null]);
  });

  it('has no ear for what is said of another lease, or of one that has ended', () => {
    const late = (lease: number): ClientEvent[] => [
      { type: 'exchange.ended', lease, at: 0 },
      { type: 'lease.declined', lease },
      { type: 'exchange.abandoned', lease },
      { type: 'exchange.resumed', lease },
      { type: 'lease.lost', lease },
    ];
    const { tell, is } = client();
    for (const event of late(7)) expect(tell(event)).toEqual([]);
    tell(GRANTED);
    for (const event of late(6)) expect(tell(event)).toEqual([]);
    expect(is()[0]).toBe('exchanging');
    tell({ type: 'exchange.abandoned', lease: 7 });
    for (const event of late(6)) expect(tell(event)).toEqual([]);
    expect(is()[0]).toBe('cancelling');
  });
});

/** The grace time is called off. */
const NO_MORE = 'no more in time';
const WORKER = inertRef<WorkerRef>('worker-0');
const WAITER: Waiter = {
  ticket: 1,
  askedAt: 0,
  priority: 0,
  fairnessKey: null,
  affinity: null,
  mayWait: true,
  isShort: false,
};
const NEXT: Waiter = { ...WAITER, ticket: 2, isShort: true };
const GRANTED = { type: 'lease.granted', lease: 7, slot: 2, waiter: WAITER, worker: WORKER } as const;

/** A client, and what each event makes it do and say. */
function client() {
  let { snapshot } = begin(clientMachine, {
    cancelGraceMs: 500,
    coordinator: inertRef<CoordinatorRef>('coordinator'),
  });
  return {
    is: () => [snapshot.value, snapshot.context.held],
    tell: (event: ClientEvent): string[] => {
      const { snapshot: next, ran, said } = take(clientMachine, snapshot, event);
      snapshot = next;
      const told = said.map((each) => {
        if (each.how === 'cancel') return NO_MORE;
        if (each.how === 'schedule') return `in ${each.delayMs} ms`;
        const { type, ...rest } = each.event;
        return `${each.how === 'send' ? each.to.id : 'emitted'}: ${type} ${JSON.stringify(rest)}`;
      });
      return [...ran.map(({ name }) => name), ...told];
    },
  };
}
