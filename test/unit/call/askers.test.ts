import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Askers } from '../../../src/call/askers.js';
import type { Asking } from '../../../src/call/asking.js';

const asker = (ticket: number) => ({ waiter: { ticket } }) as Asking;
const ticketsOf = (askers: Askers) => [...askers].map(({ waiter }) => waiter.ticket);

describe('those who wait', () => {
  it('are found by their tickets, and once', () => {
    const askers = new Askers();
    const [one, other] = [asker(1), asker(1_000)];
    askers.add(one);
    askers.add(other);
    askers.add(other);
    expect([askers.size, askers.has(1), askers.has(2), askers.has(1_000)]).toEqual([2, true, false, true]);
    expect([askers.take(1_000), askers.take(1_000), askers.take(1), askers.take(65)]).toEqual([
      other,
      undefined,
      one,
      undefined,
    ]);
    expect([askers.size, ticketsOf(askers)]).toEqual([0, []]);
  });

  it('are told in the order of their tickets', () => {
    const askers = new Askers();
    for (let ticket = 1; ticket <= 300; ticket++) askers.add(asker(ticket));
    for (let ticket = 2; ticket <= 300; ticket += 2) askers.take(ticket);
    expect(ticketsOf(askers)).toEqual(Array.from({ length: 150 }, (_, index) => 2 * index + 1));
  });

  it('are those that a map would have, whoever comes, goes and comes back', () => {
    const steps = fc.array(fc.record({ isNew: fc.boolean(), back: fc.nat(300) }), { maxLength: 600 });
    fc.assert(
      fc.property(steps, (all) => {
        const askers = new Askers();
        const known = new Map<number, Asking>();
        let last = 0;
        for (const { isNew, back } of all) {
          if (isNew || last === 0) last += 1;
          const ticket = isNew ? last : Math.max(1, last - back);
          if (known.has(ticket)) {
            expect(askers.take(ticket)).toBe(known.get(ticket));
            known.delete(ticket);
          } else {
            const one = asker(ticket);
            askers.add(one);
            known.set(ticket, one);
          }
          expect(askers.size).toBe(known.size);
        }
        expect(new Set(askers)).toEqual(new Set(known.values()));
        for (let ticket = 0; ticket <= last; ticket++) expect(askers.has(ticket)).toBe(known.has(ticket));
      }),
    );
  });
});
