import { describe, expect, it } from 'vitest';
import { hasLiveWorker, type SupervisorContext, standing } from '../../machines/index.js';
import { ELASTIC_SUPERVISOR, SUPERVISOR } from './charts.js';
import { describeChart, type Promised } from './describe-chart.js';

const AGAIN = ['in time: restart.due'];
const RECYCLES = ['in time: recycle.due'];
const CLOSED = ['pool.closed'];
const DEGRADED = ['pool.degraded'];

const drains: Promised = { promise: 'those who wait are served, and nobody else', runs: ['tellDrain'] };
const closes: Promised = { promise: 'those who wait are served while there is time', runs: ['tellDrain'] };
const destroys: Promised = {
  promise: 'all is over at once',
  runs: ['tellDestroy', 'killWorkers'],
  maySay: CLOSED,
};
const comesUp: Promised = { promise: 'one more is up' };
const isReplaced: Promised = {
  promise: 'its replacement waits out the back-off, unless nobody is to follow or somebody does already',
  maySay: [...AGAIN, ...RECYCLES],
};
const starts: Promised = { promise: 'its replacement starts', runs: ['startWorker'] };

const edges = describeChart(
  'supervisor',
  SUPERVISOR,
  {
    'starting --worker.ready[isLastStart]--> ready': {
      promise: 'the first starts are over',
      says: ['pool.ready'],
      maySay: RECYCLES,
    },
    'starting --worker.ready[else]--> starting': comesUp,
    'starting --worker.worn[isUp]--> starting': { promise: 'its replacement comes once the first starts are over' },
    'starting --worker.dead[isLastStartAndNobodyUp]--> degraded': {
      promise: 'no start has succeeded',
      runs: ['tellDegraded'],
      says: [...AGAIN, ...DEGRADED],
    },
    'starting --worker.dead[isLastStart]--> ready': {
      promise: 'the first starts are over, and somebody is up',
      says: [...AGAIN, 'pool.ready'],
      maySay: RECYCLES,
    },
    'starting --worker.dead[else]--> starting': isReplaced,
    'starting --restart.due[isWaiting]--> starting': starts,
    'starting --pool.drain--> draining': drains,
    'starting --pool.close--> closing': closes,
    'starting --pool.destroy--> stopping': destroys,
    'ready --worker.ready[isReplacement]--> ready': {
      promise: 'the one that it was started for may go',
      runs: ['retireWorker'],
      maySay: RECYCLES,
    },
    'ready --worker.ready[else]--> ready': comesUp,
    'ready --worker.worn[isUp]--> ready': { promise: 'its replacement starts, in its turn', maySay: RECYCLES },
    'ready --recycle.due[mayRecycle]--> ready': {
      promise: 'a replacement starts besides the one that is worn',
      runs: ['startWorker'],
      maySay: RECYCLES,
    },
    'ready --pool.crowded[mayGrow]--> ready': { promise: 'there is one worker more', runs: ['startWorker'] },
    'ready --worker.unused[mayShrink]--> ready': { promise: 'there is one worker less', runs: ['retireWorker'] },
    'ready --worker.dead[isHopeless]--> degraded': {
      promise: 'nobody is up, and starts keep failing',
      runs: ['tellDegraded'],
      says: DEGRADED,
      maySay: AGAIN,
    },
    'ready --worker.dead[else]--> ready': isReplaced,
    'ready --restart.due[isWaiting]--> ready': starts,
    'ready --pool.drain--> draining': drains,
    'ready --pool.close--> closing': closes,
    'ready --pool.destroy--> stopping': destroys,
    'degraded --worker.ready--> ready': { promise: 'a start has succeeded', says: ['pool.ready'], maySay: RECYCLES },
    'degraded --worker.dead--> degraded': isReplaced,
    'degraded --restart.due[mayProbe]--> degraded': {
      ...starts,
      promise: 'one start at a time shows whether it would do',
    },
    'degraded --restart.due[isWaiting]--> degraded': { promise: 'the others wait for what becomes of it', says: AGAIN },
    'degraded --pool.drain--> draining': drains,
    'degraded --pool.close--> closing': closes,
    'degraded --pool.destroy--> stopping': destroys,
    'draining --worker.ready--> draining': comesUp,
    'draining --worker.dead[isHopeless]--> draining': {
      promise: 'those who wait for workers that do not come are told',
      runs: ['tellDegraded'],
      maySay: AGAIN,
    },
    'draining --worker.dead[else]--> draining': isReplaced,
    'draining --restart.due[isWaiting]--> draining': starts,
    'draining --coordinator.closed--> drained': { promise: 'all are served', says: ['pool.drained'] },
    'draining --pool.close--> closing': closes,
    'draining --pool.destroy--> stopping': destroys,
    'drained --worker.ready--> drained': comesUp,
    'drained --worker.dead--> drained': { promise: 'nobody needs a replacement' },
    'drained --pool.close--> stopping': { promise: 'the workers may go', runs: ['askWorkers'], maySay: CLOSED },
    'drained --pool.destroy--> stopping': { promise: 'the workers must go', runs: ['killWorkers'], maySay: CLOSED },
    'closing --worker.ready--> closing': comesUp,
    'closing --worker.dead[isHopeless]--> closing': {
      promise: 'those who wait for workers that do not come are told',
      runs: ['tellDegraded'],
      maySay: AGAIN,
    },
    'closing --worker.dead[else]--> closing': isReplaced,
    'closing --restart.due[isWaiting]--> closing': starts,
    'closing --coordinator.closed--> stopping': {
      promise: 'all are served, and the workers may go',
      runs: ['askWorkers'],
      maySay: CLOSED,
    },
    'closing --pool.destroy--> stopping': destroys,
    'closing --after closeTimeout--> stopping': { ...destroys, promise: 'those who run have had their time' },
    'stopping --worker.dead--> stopping': { promise: 'one less to wait for', maySay: CLOSED },
    'stopping --pool.destroy--> stopping': { promise: 'who cannot wait any longer need not', runs: ['killWorkers'] },
  },
  [ELASTIC_SUPERVISOR],
);

describe('the supervisor, in every step it can take', () => {
  it('says that the pool is closed exactly when it is, and no worker lives then', () => {
    for (const { from, snapshot, said } of edges) {
      const says = said.some(({ event }) => event.type === 'pool.closed');
      expect(says).toBe(snapshot.value === 'closed' && from.value !== 'closed');
      if (snapshot.value === 'closed') expect(snapshot.context.places.some(hasLiveWorker)).toBe(false);
    }
  });

  it('starts a worker only where none lives, under an id that was never used', () => {
    for (const { from, ran, snapshot } of edges) {
      if (!ran.some(({ name }) => name === 'startWorker')) continue;
      const { at, places } = snapshot.context;
      expect(hasLiveWorker(from.context.places[at]!)).toBe(false);
      expect(places[at]!.worker).toBe(from.context.nextWorker);
    }
  });

  it('starts one at a time where it is degraded', () => {
    for (const { from, snapshot } of edges) {
      if (from.value !== 'degraded' || snapshot.value !== 'degraded') continue;
      const [before, after] = [from, snapshot].map(({ context }) => context.places.filter(hasLiveWorker).length);
      if (after! > before!) expect(after).toBe(1);
    }
  });

  it('never has more workers than there may be, nor more out for their replacements', () => {
    for (const { snapshot } of edges) {
      const { places } = snapshot.context;
      const extras = places.filter(({ state, replaces }) => state === 'retiring' || replaces !== null).length;
      expect(extras).toBeLessThanOrEqual(1);
      expect(places.filter((each) => hasLiveWorker(each)).length).toBeLessThanOrEqual(2 + extras);
    }
  });

  it('retires a worker only where another has come up for it, or where enough are left', () => {
    for (const { from, event, ran, snapshot } of edges) {
      if (!ran.some(({ name }) => name === 'retireWorker')) continue;
      const up = ({ places }: SupervisorContext) => places.filter(({ state }) => state === 'up').length;
      if (event.type === 'worker.ready') expect(up(snapshot.context)).toBe(up(from.context));
      else expect(standing(snapshot.context)).toBeGreaterThanOrEqual(snapshot.context.sizeMin);
      expect(from.context.places[snapshot.context.at]!.state).toBe('up');
    }
  });

  it('keeps the worker whose replacement does not come up', () => {
    for (const { from, event, snapshot } of edges) {
      if (event.type !== 'worker.dead') continue;
      const replaced = from.context.places[event.place]?.replaces;
      if (typeof replaced !== 'number' || snapshot.value !== 'ready') continue;
      expect(snapshot.context.places[replaced]).toEqual(from.context.places[replaced]);
      expect(snapshot.context.places[event.place]!.state).toBe('empty');
    }
  });
});
