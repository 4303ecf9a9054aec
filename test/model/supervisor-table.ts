import { expect } from 'vitest';
import {
  hasLiveWorker,
  type Place,
  restartDelayMs,
  type SupervisorContext,
  standing,
  type supervisorMachine,
} from '../../machines/index.js';
import { ELASTIC_SUPERVISOR, STARTING_SUPERVISOR, SUPERVISOR } from './charts.js';
import type { Promised, Table } from './table.js';

const AGAIN = ['no longer: restart', 'in time: restart.due'];
const RECYCLES = ['no longer: recycling', 'in time: recycle.due'];
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
const proves: Promised = {
  promise: 'starts are well again, and one of those whose replacements wait is followed at once',
  maySay: [...AGAIN, ...RECYCLES],
};
const starts: Promised = {
  promise: 'its replacement starts, and is not reminded of any more',
  runs: ['startWorker'],
  says: ['no longer: restart'],
};

export const SUPERVISOR_TABLE: Table<typeof supervisorMachine> = {
  chart: 'supervisor',
  walks: [SUPERVISOR, ELASTIC_SUPERVISOR, STARTING_SUPERVISOR],
  begins: ['startActors'],
  promises: {
    'starting --worker.ready[isLastStart]--> ready': {
      promise: 'the first starts are over',
      says: ['pool.ready'],
      maySay: RECYCLES,
    },
    'starting --worker.ready[else]--> starting': comesUp,
    'starting --worker.proven--> starting': proves,
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
    },
    'ready --worker.ready[else]--> ready': comesUp,
    'ready --worker.proven--> ready': proves,
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
    'degraded --restart.due[isWaiting]--> degraded': {
      promise: 'the others wait for what becomes of it, each with one reminder',
      says: AGAIN,
    },
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
    'draining --worker.proven--> draining': proves,
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
    'closing --worker.proven--> closing': proves,
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
  rules: {
    'says that the pool is closed exactly when it is, which is when it stops and no worker lives any more': ({
      from,
      snapshot,
      said,
    }) => {
      const says = said.some((each) => each.how === 'emit' && each.event.type === 'pool.closed');
      expect(says).toBe(snapshot.value === 'closed' && from.value !== 'closed');
      if (snapshot.value === 'closed' || snapshot.value === 'stopping')
        expect(snapshot.context.places.some(hasLiveWorker)).toBe(snapshot.value === 'stopping');
    },

    'starts a worker only where none lives, under an id that was never used': ({ from, ran, snapshot }) => {
      const { at, places, nextWorker } = snapshot.context;
      if (!ran.some(({ name }) => name === 'startWorker')) {
        expect(nextWorker).toBe(from.context.nextWorker);
        return;
      }
      expect(hasLiveWorker(from.context.places[at]!)).toBe(false);
      expect(places[at]!.worker).toBe(from.context.nextWorker);
      expect(nextWorker).toBe(from.context.nextWorker + 1);
    },

    'starts it for the one that has lived longest of those that are worn, or for nobody': ({
      from,
      event,
      ran,
      snapshot,
    }) => {
      if (!ran.some(({ name }) => name === 'startWorker')) return;
      const { places } = from.context;
      const { at } = snapshot.context;
      const { state, replaces } = snapshot.context.places[at]!;
      expect(state).toBe('restarting');
      if (event.type === 'restart.due') expect([at, replaces]).toEqual([event.place, null]);
      else if (event.type === 'pool.crowded') expect(replaces).toBe(null);
      else {
        const worn = wantsFollower(places);
        expect(replaces).toBe(worn.sort((one, other) => places[one]!.worker - places[other]!.worker)[0]);
      }
    },

    'starts one at a time where it is degraded': ({ from, snapshot }) => {
      if (from.value !== 'degraded' || snapshot.value !== 'degraded') return;
      const [before, after] = [from, snapshot].map(({ context }) => context.places.filter(hasLiveWorker).length);
      if (after! > before!) expect(after).toBe(1);
    },

    'never has more workers than there may be, nor more out for their replacements': ({ snapshot }) => {
      const { places, sizeMax } = snapshot.context;
      const extras = extrasOf(places);
      expect(extras).toBeLessThanOrEqual(1);
      expect(places.filter((each) => hasLiveWorker(each)).length).toBeLessThanOrEqual(sizeMax + extras);
    },

    'retires a worker only where another has come up for it, or where enough are left': ({
      from,
      event,
      ran,
      snapshot,
    }) => {
      if (!ran.some(({ name }) => name === 'retireWorker')) return;
      const up = ({ places }: SupervisorContext) => places.filter(({ state }) => state === 'up').length;
      if (event.type === 'worker.ready') expect(up(snapshot.context)).toBe(up(from.context));
      else expect(standing(snapshot.context)).toBeGreaterThanOrEqual(snapshot.context.sizeMin);
      expect(from.context.places[snapshot.context.at]!.state).toBe('up');
    },

    'keeps the worker whose replacement does not come up': ({ from, event, snapshot }) => {
      if (event.type !== 'worker.dead') return;
      const replaced = from.context.places[event.place]?.replaces;
      if (typeof replaced !== 'number' || snapshot.value !== 'ready') return;
      expect(snapshot.context.places[replaced]).toEqual(from.context.places[replaced]);
      expect(snapshot.context.places[event.place]!.state).toBe('empty');
    },

    'knows of each place whether its worker is up, worn, on its way out or dead': ({
      from,
      event,
      transition,
      snapshot,
    }) => {
      if (transition === null || event.place === undefined) return;
      const before = from.context.places[event.place]!;
      const after = snapshot.context.places[event.place]!;
      if (event.type === 'worker.ready')
        expect([after.state, after.replaces]).toEqual(['up', snapshot.value === 'ready' ? null : before.replaces]);
      else if (event.type === 'worker.worn') expect([after.state, after.isWorn]).toEqual(['up', true]);
      else if (event.type === 'worker.unused') expect([after.state, after.isWorn]).toEqual(['leaving', false]);
      else if (event.type === 'worker.dead')
        expect([hasLiveWorker(after), after.isWorn, after.replaces]).toEqual([false, false, null]);
    },

    'counts the bad starts in a row, since somebody last proved itself, and nobody who went with others among them': ({
      from,
      event,
      transition,
      snapshot,
    }) => {
      const { failures } = snapshot.context;
      const isOver = snapshot.value === 'drained' || from.value === 'stopping';
      if (event.type === 'worker.proven' && transition !== null) expect(failures).toBe(0);
      else if (event.type !== 'worker.dead' || transition === null || isOver)
        expect(failures).toBe(from.context.failures);
      else expect(failures).toBe(event.proven ? 0 : from.context.failures + (event.proven === null ? 0 : 1));
    },

    'lets the replacement of each that dies wait out the back-off, unless nobody is to follow or somebody does already':
      ({ from, event, snapshot, said }) => {
        if (event.type !== 'worker.dead' || !isReplacing(from.value)) return;
        const { place } = event;
        const { places } = from.context;
        const { state, replaces } = places[place]!;
        const isFollowed = replaces !== null || places.some((each) => each.replaces === place);
        const isWanted = state !== 'retiring' && state !== 'leaving' && !isFollowed;
        expect(snapshot.context.places[place]!.state).toBe(isWanted ? 'waiting' : 'empty');
        const due = said.flatMap((each) =>
          each.how === 'schedule' && each.event.type === 'restart.due' ? [[each.event.place, each.delayMs]] : [],
        );
        expect(due).toEqual(isWanted ? [[place, restartDelayMs(snapshot.context.failures, 1)]] : []);
      },

    'has one of those whose replacements wait followed at once where somebody has proven itself, and no other': ({
      from,
      event,
      transition,
      said,
    }) => {
      if (event.type !== 'worker.proven' || transition === null) return;
      const first = from.context.places.findIndex(({ state }) => state === 'waiting');
      const reminders = said.flatMap((each): (string | number)[] => {
        if (each.how === 'cancel') return each.id.startsWith('restart-') ? [each.id] : [];
        return each.how === 'schedule' && each.event.type === 'restart.due' ? [each.event.place, each.delayMs] : [];
      });
      expect(reminders).toEqual(first === -1 ? [] : [`restart-${first}`, first, 0]);
    },

    'lets the next that is worn be replaced as soon as one more may be out, and after a death not before the back-off':
      ({ from, event, snapshot, said }) => {
        const isReminded = from.value === 'ready' && event.type !== 'recycle.due' && mayRecycle(from.context);
        if (snapshot.value !== 'ready' || !mayRecycle(snapshot.context)) return;
        if (isReminded && event.type !== 'worker.dead' && event.type !== 'worker.proven') return;
        const reminders = said.flatMap((each): (string | number)[] => {
          if (each.how === 'cancel') return each.id === 'recycling' ? ['none'] : [];
          return each.how === 'schedule' && each.event.type === 'recycle.due' ? [each.delayMs] : [];
        });
        expect(reminders).toEqual(['none', restartDelayMs(snapshot.context.failures, 1)]);
      },
  },
};

/** Who dies there is replaced. */
function isReplacing(state: string): boolean {
  return ['starting', 'ready', 'degraded', 'draining', 'closing'].includes(state);
}

/** The worn for whom nobody boots. */
function wantsFollower(places: readonly Place[]): number[] {
  return [...places.keys()].filter(
    (place) => places[place]!.isWorn && !places.some(({ replaces }) => replaces === place),
  );
}

function extrasOf(places: readonly Place[]): number {
  return places.filter(({ state, replaces }) => state === 'retiring' || replaces !== null).length;
}

function mayRecycle({ places, recycleConcurrencyMax }: SupervisorContext): boolean {
  const hasRoom = places.some(({ state }) => state === 'empty');
  return wantsFollower(places).length > 0 && extrasOf(places) < recycleConcurrencyMax && hasRoom;
}
