/** What a supervisor hears where the pool is ready. */
const WHERE_READY = ['worker.worn', 'recycle.due', 'pool.crowded', 'worker.unused'] as const;

/**
 * For every chart and state: the events about which the chart has no word.
 * `may`: it can come, from somebody who could not know better, and changes
 * nothing. `never`: nobody sends it there. Whatever is not listed, the chart
 * answers. The charts are held against this table state by state, and the
 * walk through the whole system sees that what never comes never does.
 */
export const UNHEARD = {
  worker: {
    spawning: {
      may: [],
      never: ['lease.granted', 'lease.released', 'lease.revoked', 'lease.resumed', 'lease.overdue', 'worker.retire'],
    },
    idle: {
      may: [],
      never: ['process.ready', 'process.failed', 'lease.released', 'lease.revoked', 'lease.resumed', 'lease.overdue'],
    },
    leased: { may: [], never: ['process.ready', 'process.failed', 'lease.resumed', 'lease.overdue'] },
    cancelling: { may: [], never: ['process.ready', 'process.failed'] },
    retiring: { may: ['worker.retire'], never: ['process.ready', 'process.failed'] },
    evicting: { may: [], never: ['process.ready', 'process.failed'] },
    // What was under way when it left comes to nothing.
    ending: {
      may: [
        'process.ready',
        'process.unfit',
        'lease.granted',
        'lease.released',
        'lease.revoked',
        'lease.resumed',
        'lease.overdue',
        'worker.retire',
      ],
      never: [],
    },
    // The dead are sent letters that nobody reads.
    dead: {
      may: ['lease.granted', 'lease.released', 'lease.revoked', 'lease.resumed', 'lease.overdue', 'worker.stop'],
      never: ['process.ready', 'process.failed', 'process.unfit', 'process.exited', 'worker.retire'],
    },
  },
  client: {
    // Its lease has ended; the port, or the worker, had not heard.
    free: {
      may: ['lease.lost', 'lease.declined', 'exchange.ended', 'exchange.abandoned', 'exchange.resumed'],
      never: [],
    },
    exchanging: { may: ['exchange.resumed'], never: ['lease.granted'] },
    cancelling: {
      may: ['lease.declined', 'exchange.abandoned'],
      never: ['lease.granted', 'lease.accepted'],
    },
  },
  coordinator: {
    open: { may: [], never: [] },
    degraded: {
      // An offer of a lease that is lost: its client hears of it.
      may: ['lease.cancel', 'lease.offered'],
      never: ['slot.freed', 'worker.leaving', 'worker.staying', 'worker.left', 'pool.degraded'],
    },
    draining: { may: ['pool.drain'], never: [] },
    closed: {
      may: [
        'lease.cancel',
        'worker.joined',
        'worker.leaving',
        'worker.staying',
        'pool.degraded',
        'pool.drain',
        'pool.destroy',
      ],
      never: [],
    },
  },
  supervisor: {
    // A pool that is not ready replaces nobody who is well, and neither grows nor shrinks.
    starting: { may: ['recycle.due', 'pool.crowded', 'worker.unused'], never: ['coordinator.closed'] },
    ready: { may: [], never: ['coordinator.closed'] },
    degraded: { may: ['worker.proven', ...WHERE_READY], never: ['coordinator.closed'] },
    draining: { may: [...WHERE_READY, 'pool.drain'], never: [] },
    drained: { may: ['worker.proven', ...WHERE_READY, 'restart.due', 'pool.drain'], never: ['coordinator.closed'] },
    closing: { may: [...WHERE_READY, 'pool.drain', 'pool.close'], never: [] },
    stopping: {
      may: [
        'worker.proven',
        ...WHERE_READY,
        'worker.ready',
        'restart.due',
        'coordinator.closed',
        'pool.drain',
        'pool.close',
      ],
      never: [],
    },
    closed: {
      may: [...WHERE_READY, 'restart.due', 'coordinator.closed', 'pool.drain', 'pool.close', 'pool.destroy'],
      never: ['worker.ready', 'worker.proven', 'worker.dead'],
    },
  },
} as const satisfies Record<string, Record<string, { may: readonly string[]; never: readonly string[] }>>;

export function mayComeUnheard(chart: keyof typeof UNHEARD, state: string, event: string): boolean {
  const states: Record<string, { may: readonly string[] }> = UNHEARD[chart];
  return states[state]!.may.includes(event);
}
