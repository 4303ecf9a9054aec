import { type ClientContext, type ClientEvent, type ClientRef, clientMachine } from '../../machines/index.js';
import { Exchange } from '../call/exchange.js';
import { compile } from '../compile.js';
import type { PoolSettings } from '../options.js';
import type { WorkerHand } from '../worker/worker-hand.js';
import { effect } from './effect.js';

/** The client's chart with hands: it runs the exchange, straight with the leased worker. */
export function clientLogic(settings: PoolSettings) {
  return settings.compile ? compiled : interpreted;
}

interface ActionArgs {
  readonly context: ClientContext;
  readonly event: ClientEvent;
  readonly self: ClientRef;
}

const exchanges = new WeakMap<ClientRef, Exchange>();

const interpreted = clientMachine.provide({
  actions: {
    beginExchange: effect((runtime, { context, event, self }: ActionArgs) => {
      const { lease, worker, slot } = context.held as NonNullable<ClientContext['held']>;
      const { waiter } = event as Granted;
      const asker = runtime.askers.take(waiter.ticket);
      // The caller gave up while the grant was on its way: it goes back unused.
      if (asker === undefined) return self.send({ type: 'exchange.ended', lease, at: runtime.nowToShed });
      const exchange = new Exchange(
        lease,
        slot,
        runtime.hands.get(worker) as WorkerHand,
        self,
        asker.holder,
        waiter.isShort,
      );
      exchanges.set(self, exchange);
      asker.onGranted(exchange);
    }),
    continueExchange: effect((runtime, { event, self }: ActionArgs) => {
      const exchange = exchanges.get(self) as Exchange;
      const asker = runtime.askers.take((event as Accepted).waiter.ticket);
      if (asker === undefined) exchange.end();
      else asker.onGranted(exchange);
    }),
    endExchange: effect((_, { self }: ActionArgs) => exchanges.get(self)?.close()),
    failExchange: effect((_, { self }: ActionArgs) => exchanges.get(self)?.worker.loseLeases()),
  },
});
const compiled = compile(interpreted);

type Granted = ClientEvent & { type: 'lease.granted' };
type Accepted = ClientEvent & { type: 'lease.accepted' };
