import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ValueRefusedError } from '../../../src/errors.js';
import { parseLine } from '../../../src/wire/fields.js';
import { announcedBy, messageOf, type ReplyMessage } from '../../../src/wire/message.js';
import { callLine } from '../../../src/wire/request.js';
import { encodeFields } from '../../../src/wire/value.js';
import { meaningOf, requestOf } from '../../support/node-line.js';
import { anything, arrived, crossing, isLost, json, text } from './values.js';

const LIMITS = { depthMax: 200, messageBytesMax: 64 * 1024 * 1024, attachmentBytesMax: 1024 ** 3 };

describe('a value that crosses', () => {
  it('comes back as it went', () => {
    fc.assert(
      fc.property(crossing(), (value) => {
        expect(isDeepStrictEqual(thereAndBack(value), value)).toBe(true);
      }),
    );
  });

  it('comes back as it went under a polluted Object.prototype', () => {
    fc.assert(
      fc.property(json(), (value) => {
        const expected = thereAndBack(value);
        const prototype = Object.prototype as { toJSON?: () => string };
        let text: string;
        Object.defineProperty(prototype, 'toJSON', { value: () => 'stolen', configurable: true });
        try {
          ({ text } = encodeFields({ value }, undefined, LIMITS));
        } finally {
          delete prototype.toJSON;
        }
        expect(isDeepStrictEqual(JSON.parse(`{${text}}`), { value: expected })).toBe(true);
      }),
    );
  });

  it('comes back as it went where it is rows, whichever of them is unlike the others', () => {
    const keys = fc.uniqueArray(fc.oneof(text(), fc.constantFrom('__proto__', '7', 'toJSON')), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(
        keys,
        fc.array(json(), { minLength: 1, maxLength: 9 }),
        fc.option(json()),
        fc.nat(),
        (names, cells, odd, at) => {
          const rows: unknown[] = Array.from({ length: 600 }, (_, n) =>
            Object.fromEntries(names.map((name, column) => [name, cells[(n + column) % cells.length]])),
          );
          if (odd !== null) rows[at % rows.length] = odd;
          const keyed = Object.fromEntries(rows.map((row, n) => [`${names[0]} ${n}`, row]));
          for (const value of [rows, { rows, [names[0]!]: rows }, keyed, { keyed }]) {
            expect(isDeepStrictEqual(thereAndBack(value), value)).toBe(true);
          }
          // What is put among them may have the very same keys.
          const keysOf = (row: unknown) => (Array.isArray(row) || !(row instanceof Object) ? null : Object.keys(row));
          const first = keysOf(rows[0]);
          const areAlike = first !== null && rows.every((row) => isDeepStrictEqual(keysOf(row), first));
          const { text: written } = encodeFields({ value: rows }, undefined, LIMITS);
          expect(written.includes('"rich":[[["value"],"rows",')).toBe(areAlike);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('comes back as it went where it is rows of several kinds', () => {
    const keys = fc.uniqueArray(fc.oneof(text(), fc.constantFrom('__proto__', '7', 'toJSON')), {
      minLength: 1,
      maxLength: 6,
    });
    // Which of the keys a row has: bit by bit.
    const kinds = fc.array(fc.nat(63), { minLength: 2, maxLength: 40 });
    let merged = 0;
    fc.assert(
      fc.property(keys, kinds, fc.array(json(), { minLength: 1, maxLength: 9 }), (names, masks, cells) => {
        const rows = Array.from({ length: 2_000 }, (_, n) =>
          Object.fromEntries(
            names
              .filter((_, column) => ((masks[n % masks.length] as number) >> column) & 1)
              .map((name, column) => [name, cells[(n + column) % cells.length]]),
          ),
        );
        const back = thereAndBack(rows) as object[];
        expect(isDeepStrictEqual(back, rows)).toBe(true);
        expect(back.map((row) => Object.keys(row))).toEqual(rows.map((row) => Object.keys(row)));
        merged += Number(encodeFields({ value: rows }, undefined, LIMITS).text.includes('"merged"'));
      }),
      { numRuns: 50 },
    );
    expect(merged).toBeGreaterThan(0);
  });

  it('makes one line of UTF-8 with its call, whatever it holds', () => {
    fc.assert(
      fc.property(
        fc.array(json()),
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        (args, name, session) => {
          const line = callLine(7, requestOf({ name, args, session }, LIMITS).text);
          expect(line).not.toContain('\n');
          expect(Buffer.from(line).toString()).toBe(line);
          expect(isDeepStrictEqual(meaningOf(line), { type: 'call', id: 7, name, args, session })).toBe(true);
        },
      ),
    );
  });
});

describe('any value at all', () => {
  it('comes back as it went or is refused, naming where it is', () => {
    fc.assert(
      fc.property(anything(), (value) => {
        let path: string;
        try {
          expect(isDeepStrictEqual(thereAndBack(value), arrived(value))).toBe(true);
          return;
        } catch (error) {
          if (!(error instanceof ValueRefusedError)) throw error;
          path = error.path;
        }
        // What the path leads to is what JSON would have changed or lost, even by itself.
        const found: unknown = new Function('value', `return ${path}`)(value);
        expect(() => encodeFields({ value: found }, undefined, LIMITS)).toThrow(ValueRefusedError);
        expect(isLost(found)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

function thereAndBack(value: unknown): unknown {
  const { text: fields, bin } = encodeFields({ value }, undefined, LIMITS);
  const line = parseLine(`{"type":"reply","id":1,${fields}}`);
  const lengths = announcedBy(line);
  expect(lengths ?? []).toEqual(bin.map(({ byteLength }) => byteLength));
  return (messageOf(line, lengths && bin.map((bytes) => new Uint8Array(bytes))) as ReplyMessage).value;
}
