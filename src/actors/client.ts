import { type ClientContext, type ClientRef, clientMachine } from '../../machines/index.js';
import { compile } from '../compile.js';
import { Exchange } from '../exchange.js';
import type { PoolSettings } from '../options.js';
import { effect } from './effect.js';
import type { WorkerHand } from './worker.js';

/** The client's chart with hands: it runs the exchange, straight with the leased worker. */
export function clientLogic(settings: PoolSettings) {
  return settings.compile ? compiled : interpreted;
}

interface ActionArgs {
  readonly context: ClientContext;
  readonly self: ClientRef;
}

const exchanges = new WeakMap<ClientRef, Exchange>();

const interpreted = clientMachine.provide({
  actions: {
    beginExchange: effect((runtime, { context, self }: ActionArgs) => {
      const { lease, worker, slot, waiter } = context.held as NonNullable<ClientContext['held']>;
      const asker = runtime.takeAsker(waiter.ticket);
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
    failExchange: effect((_, { self }: ActionArgs) => exchanges.get(self)?.lost()),
  },
});
const compiled = compile(interpreted);
