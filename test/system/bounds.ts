import type { Ask, Bounds } from './world.js';

export const ANYONE: Ask = { wish: 'anyone', priority: 0, mayWait: true };
export const URGENT: Ask = { wish: 'anyone', priority: 1, mayWait: true };
export const HASTY: Ask = { wish: 'anyone', priority: 0, mayWait: false };
export const HINT: Ask = { wish: 'hint', priority: 0, mayWait: true };
export const STRICT: Ask = { wish: 'strict', priority: 0, mayWait: true };
export const STRICT_AND_HASTY: Ask = { wish: 'strict', priority: 0, mayWait: false };
export const KEYED: Ask = { wish: 'anyone', priority: 0, mayWait: true, fairnessKey: 'a' };
export const SHORT: Ask = { wish: 'anyone', priority: 0, mayWait: true, isShort: true };
export const EVERY_WISH: readonly Ask[] = [ANYONE, URGENT, HASTY, HINT, STRICT, STRICT_AND_HASTY];

/** Everything may happen, as often as it likes, and each event is followed until nobody has more to say. */
export function unlimited(size: number, callers: number, asks: readonly Ask[]): Bounds {
  return {
    size,
    slots: 1,
    callers,
    delivery: 'at once',
    asks,
    faults: new Set(['death', 'cancel', 'timeout', 'close']),
    queueMax: callers,
    queueMaxPerKey: callers,
    shed: null,
    callsMax: Infinity,
    deathsMax: Infinity,
    timeoutsMax: Infinity,
    commandsMax: Infinity,
  };
}

/** Messages are delayed, and whatever could go on for ever is counted. */
export function counted(size: number, callers: number, limits: Partial<Bounds>): Bounds {
  return {
    size,
    slots: 1,
    callers,
    delivery: 'delayed',
    asks: [ANYONE],
    faults: new Set(['death', 'cancel', 'timeout', 'close']),
    queueMax: callers,
    queueMaxPerKey: callers,
    shed: null,
    callsMax: 1,
    deathsMax: 1,
    timeoutsMax: 1,
    commandsMax: 1,
    ...limits,
  };
}

/** The same, with workers of several slots. */
export function withSlots(slots: number, bounds: Bounds): Bounds {
  return { ...bounds, slots };
}

export function describeBounds(bounds: Bounds): string {
  const {
    size,
    sizeMax = size,
    recycleMax = 0,
    slots,
    ahead = 0,
    callers,
    delivery,
    asks,
    faults,
    callsMax,
    deathsMax,
    timeoutsMax,
    commandsMax,
  } = bounds;
  const wishes = asks
    .map(
      ({ wish, priority, mayWait, fairnessKey: key = '', isShort }) =>
        wish + key + (priority ? '^' : '') + (mayWait ? '' : '!') + (isShort ? ' (short)' : ''),
    )
    .join(' ');
  const times = (count: number) => (count === Infinity ? 'any' : String(count));
  const limits = [
    `calls ${times(callsMax)} each`,
    ...(faults.has('death') ? [`deaths ${times(deathsMax)}`] : []),
    ...(faults.has('cancel') ? ['cancels any'] : []),
    ...(faults.has('timeout') ? [`timeouts under a kept lease ${times(timeoutsMax)}, others any`] : []),
    ...(faults.has('close') ? [`drain/close/destroy ${times(commandsMax)}`] : []),
  ];
  const each = (slots === 1 ? '' : ` x ${slots} slots`) + (ahead === 0 ? '' : ` and ${ahead} ahead`);
  const count = `${size}${sizeMax > size ? ` to ${sizeMax}` : ''}${recycleMax > 0 ? ` and ${recycleMax} in recycling` : ''}`;
  return `${count} workers${each} x ${callers} callers, ${delivery}; ${limits.join(', ')}; asks: ${wishes}`;
}
