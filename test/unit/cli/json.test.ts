import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import ndjson from 'ndjson';
import { describe, expect, it } from 'vitest';
import { readJson, writeJson } from '../../../src/cli/json.js';
import { readLines } from '../../../src/cli/lines.js';
import { ValueRefusedError } from '../../../src/errors.js';
import { MicroDate } from '../../../src/time/micro-date.js';

describe('JSON that the command reads', () => {
  it('is refused where JavaScript would round an integer, at the column where it stands', () => {
    expect(refusal('{"id": 9007199254740993}')?.path).toBe('line 3, column 8');
    expect(refusal('[1, -9007199254740992]')?.path).toBe('line 3, column 5');
    expect(refusal('123456789012345678901234567890')?.message).toContain('123456789012345678901234567890');
  });

  it('keeps integers up to the last safe one, long fractions and exponents', () => {
    expect(readJson('[9007199254740991, -9007199254740991, 0.1234567890123456, 6.02e23]', 'args')).toEqual([
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
      0.1234567890123456,
      6.02e23,
    ]);
  });

  it('takes digits inside a string for text, whatever is escaped there', () => {
    for (const text of ['9007199254740993', '\\" 9007199254740993 \\\\', '"', '\\\\\\"9007199254740993']) {
      const json = JSON.stringify({ [text]: text, after: 1 });
      expect(readJson(json, 'args')).toEqual({ [text]: text, after: 1 });
    }
  });

  it('refuses exactly the texts that hold an unsafe integer', () => {
    const integer = fc.oneof(fc.maxSafeInteger().map(BigInt), fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), integer)), (pairs) => {
        const text = `[${pairs.map(([name, digits]) => `{${JSON.stringify(name)}:${digits}}`).join(',')}]`;
        const isUnsafe = pairs.some(([, digits]) => !Number.isSafeInteger(Number(digits)));
        expect(refusal(text) !== undefined).toBe(isUnsafe);
      }),
    );
  });
});

describe('JSON that the command writes', () => {
  it('reads back as the very value, the sign of zero included', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
        expect(JSON.parse(writeJson(value))).toStrictEqual(value);
      }),
    );
    expect(writeJson({ a: [-0, 0, 'x'], b: null })).toBe('{"a":[-0.0,0,"x"],"b":null}');
    expect(Object.is(JSON.parse(writeJson(-0)), -0)).toBe(true);
  });

  it('has every digit of a large integer, and a moment as text, to the microsecond', () => {
    expect(writeJson({ 'large one': [2n ** 70n], at: new Date(0), '-': -0 })).toBe(
      '{"large one":[1180591620717411303424],"at":"1970-01-01T00:00:00.000Z","-":-0.0}',
    );
    expect(writeJson([new MicroDate(1, 20)])).toBe('["1970-01-01T00:00:00.001020Z"]');
  });

  it.each([
    [{ rows: [1, Number.NaN] }, 'value.rows[1]', 'is NaN'],
    [[new Uint8Array(2)], 'value[0]', 'is of the kind Uint8Array'],
    [new Map(), 'value', 'is of the kind Map'],
  ])('is refused for what JSON has no word for: %o', (value, path, problem) => {
    const write = () => writeJson(value);
    expect(write).toThrow(ValueRefusedError);
    expect(write).toThrow(`\`${path}\` ${problem}, and the command writes JSON`);
  });
});

// Why `map` has a reader of its own: docs/decisions/ndjson.md.
describe('the package ndjson', () => {
  it('ends or fails at a line that says null, where our reader goes on', async () => {
    expect(await parsedByPackage('1\nnull\n')).toEqual([1]);
    await expect(parsedByPackage('1\nnull\n3\n')).rejects.toThrow('after EOF');
    expect(await parsedByUs('1\nnull\n3\n')).toEqual([1, null, 3]);
  });

  it('passes over blank lines, so that the lines after them have other numbers', async () => {
    const input = '1\n\n3\n';
    expect(await parsedByPackage(input)).toEqual([1, 3]);
    const lines: unknown[] = [];
    for await (const { number, bytes } of readLines(chunksOf(input), 100)) lines.push([number, String(bytes)]);
    expect(lines).toEqual([
      [1, '1'],
      [2, ''],
      [3, '3'],
    ]);
  });

  it('rounds a large integer, where our reader refuses it', async () => {
    const input = '9007199254740993\n';
    expect(await parsedByPackage(input)).toEqual([9007199254740992]);
    await expect(parsedByUs(input)).rejects.toThrow(ValueRefusedError);
  });

  it('cannot write null and writes -0 as 0, where our writer does neither', async () => {
    expect(() => ndjson.stringify().write(null)).toThrow(/null/);
    expect(await writtenByPackage({ zero: -0 })).toBe('{"zero":0}\n');
    expect([writeJson(null), writeJson({ zero: -0 })]).toEqual(['null', '{"zero":-0.0}']);
  });
});

function refusal(text: string): ValueRefusedError | undefined {
  try {
    readJson(text, 'line 3');
    return undefined;
  } catch (error) {
    if (error instanceof ValueRefusedError) return error;
    throw error;
  }
}

async function parsedByUs(input: string): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const { bytes, number } of readLines(chunksOf(input), 100))
    values.push(readJson(String(bytes), `line ${number}`));
  return values;
}

function parsedByPackage(input: string): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const values: unknown[] = [];
    const source = new PassThrough();
    source
      .pipe(ndjson.parse())
      .on('data', (value: unknown) => values.push(value))
      .on('error', reject)
      .on('end', () => resolve(values));
    source.end(input);
  });
}

async function writtenByPackage(value: unknown): Promise<string> {
  const writer = ndjson.stringify();
  writer.end(value);
  let text = '';
  for await (const part of writer) text += part;
  return text;
}

async function* chunksOf(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}
