import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { typeErrors } from '../docs/type-check.js';

const PROMISES = fileURLToPath(new URL('public.test-d.ts', import.meta.url));

it('the public types take what is right and refuse what is wrong', () => {
  expect(errorsIn((text) => text)).toEqual([]);
});

it('a promise about a type that is not kept is seen', () => {
  expect(
    errorsIn((text) => text.replace('toEqualTypeOf<Promise<number>>()', 'toEqualTypeOf<Promise<string>>()')),
  ).toHaveLength(1);
  expect(errorsIn((text) => text.replace("pool.py.mean('1, 2')", 'pool.py.mean([1, 2])'))).toHaveLength(1);
});

function errorsIn(change: (text: string) => string): string[] {
  return typeErrors(new Map([[PROMISES, change(readFileSync(PROMISES, 'utf8'))]]));
}
