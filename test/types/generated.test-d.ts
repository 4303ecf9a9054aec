// What `pythonarium types` makes of fixtures/shop.py. Nothing of it is run: it is TypeScript that takes it, or does not.
import {
  createPool,
  type Kwargs,
  kw,
  type Lease,
  type MappedItem,
  type MappedKwargs,
  type NdArray,
  type StandardSchema,
} from 'pythonarium';
import { expectTypeOf } from 'vitest';
import type { Basket, Filter, Item } from './fixtures/shop.py.js';

const pool = createPool<typeof import('./fixtures/shop.py.js')>({ module: './fixtures/shop.py' });

declare const item: Item;

/** Arguments by position and by keyword, as Python takes them. */
export async function calls() {
  expectTypeOf(item.size).toEqualTypeOf<'s' | 'l'>();
  expectTypeOf(item.parts).toEqualTypeOf<Item[]>();
  expectTypeOf(pool.py.price([item])).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.py.price([item], kw({ currency: 'USD', discount: 0.1 }))).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.py.price(kw({ items: [item] }))).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.py.find('a', { size: 's' })).toEqualTypeOf<Promise<Item | null>>();
  pool.py.find('a', null);
  pool.py.price([item] as const);

  // @ts-expect-error: a price is no item.
  pool.py.price([1]);
  // @ts-expect-error: no such currency.
  pool.py.price([item], kw({ currency: 'GBP' }));
  // @ts-expect-error: no such keyword, though the others are.
  pool.py.price([item], kw({ discount: 0.1, tax: 0.2 }));
  // @ts-expect-error: a discount is a number.
  pool.py.price([item], kw({ discount: '10 %' }));
  // @ts-expect-error: keyword arguments are marked by kw().
  pool.py.price([item], { discount: 0.1 });
  // @ts-expect-error: what is keyword-only cannot be given by position.
  pool.py.price([item], 'EUR');
  // @ts-expect-error: it cannot be given twice.
  pool.py.price([item], kw({ items: [item] }));
  // @ts-expect-error: what is positional-only cannot be given by keyword.
  pool.py.find(kw({ text: 'a' }));
  // @ts-expect-error: a filter has a size.
  pool.py.find('a', { limit: 3 });
  // @ts-expect-error: there is no such function.
  pool.py.cost([item]);
  const filter: Filter = { size: 'l' };
  // @ts-expect-error: a limit is left out, not undefined.
  filter.limit = undefined;
}

/** Overloads and type variables are as they are in Python. */
export function overloads(bytes: Uint8Array) {
  expectTypeOf(pool.py.parse('a')).toEqualTypeOf<Promise<Item>>();
  expectTypeOf(pool.py.parse(bytes, kw({ encoding: 'utf-8' }))).toEqualTypeOf<Promise<Item[]>>();
  expectTypeOf(pool.py.pick(['a', 'b'])).toEqualTypeOf<Promise<string>>();
  expectTypeOf(pool.py.pick([item], kw({ index: 1 }))).toEqualTypeOf<Promise<Item>>();
  // @ts-expect-error: bytes need an encoding.
  pool.py.parse(bytes);
}

/** A `map` goes over the one argument of a function, by each way in which that can be called with one. */
export async function mapped(
  photo: Uint8Array,
  vectors: NdArray,
  lease: Lease<typeof import('./fixtures/shop.py.js')>,
  schema: StandardSchema<string>,
) {
  for await (const price of pool.map(pool.py.price, [[item], []])) expectTypeOf(price).toEqualTypeOf<number>();
  pool.map(pool.py.price, [kw({ items: [item], discount: 0.1 })]);
  for await (const found of pool.map(pool.py.find, ['a'])) expectTypeOf(found).toEqualTypeOf<Item | null>();
  for await (const count of pool.map(pool.py.admin.delete, ['a'])) expectTypeOf(count).toEqualTypeOf<number>();
  // What the others are is told for all of them.
  const near = pool.map(pool.py.similar, [photo], { kwargs: { vectors }, keepGoing: true });
  for await (const each of near)
    if (each.status === 'fulfilled') expectTypeOf(each.value.get(1)!).toEqualTypeOf<NdArray>();
  // Which of the overloads it was is not known of a result.
  for await (const parsed of pool.map(pool.py.parse, ['a'])) expectTypeOf(parsed).toEqualTypeOf<Item | Item[]>();
  expectTypeOf<MappedItem<typeof pool.py.find>>().toEqualTypeOf<string>();
  expectTypeOf<readonly string[]>().toExtend<MappedItem<typeof pool.py.pick>>();
  for await (const basket of lease.map(lease.py.Basket, ['ada'])) expectTypeOf(basket).toEqualTypeOf<Basket>();
  for await (const basket of lease.map((await lease.py.Basket('ada')).add, [item], { kwargs: { count: 2 } }))
    expectTypeOf(basket).toEqualTypeOf<Basket>();
  expectTypeOf<MappedKwargs<typeof pool.py.find>>().toEqualTypeOf<never>();
  expectTypeOf<MappedKwargs<typeof pool.py.parse>>().toEqualTypeOf<{ encoding: string }>();
  pool.map(pool.py.price, [[item]], { kwargs: { currency: 'USD', discount: 0.1 } });
  pool.map(pool.py.admin.delete, ['a'], { kwargs: { dry: true }, keepGoing: true });
  pool.map(pool.py.raw, [1], { kwargs: { deep: true } });
  pool.map(pool.py.price, [[item]], { kwargs: undefined });

  // @ts-expect-error: a price is no list of items.
  pool.map(pool.py.price, [1]);
  // @ts-expect-error: no such keyword.
  pool.map(pool.py.price, [kw({ items: [item], tax: 0.1 })]);
  // @ts-expect-error: a filter has to be given with a text.
  pool.map(pool.py.find, [{ size: 's' }]);
  // @ts-expect-error: no such currency.
  pool.map(pool.py.price, [[item]], { kwargs: { currency: 'GBP' } });
  // @ts-expect-error: no such keyword.
  pool.map(pool.py.price, [[item]], { kwargs: { tax: 0.1 } });
  // @ts-expect-error: nor where it keeps going.
  pool.map(pool.py.price, [[item]], { kwargs: { tax: 0.1 }, keepGoing: true });
  // @ts-expect-error: nor with a schema, which is for the results.
  pool.map(pool.py.price, [[item]], { kwargs: { tax: 0.1 }, schema });
  // @ts-expect-error: the item would be given twice.
  pool.map(pool.py.price, [[item]], { kwargs: { items: [item] } });
  // @ts-expect-error: what is positional-only cannot be given by keyword.
  pool.map(pool.py.find, ['a'], { kwargs: { where: null } });
  // @ts-expect-error: an array of numpy has to be told.
  pool.map(pool.py.similar, [photo], { kwargs: {} });
  // @ts-expect-error: how often is a number.
  lease.map((await lease.py.Basket('ada')).add, [item], { kwargs: { count: 'twice' } });
  // @ts-expect-error: rows come one by one, and not as one result.
  pool.map(pool.py.rows, [3]);
}

/** Bytes and arrays are what they are in docs/values.md. */
export function arrays(photo: Buffer, vectors: NdArray) {
  expectTypeOf(pool.py.similar(photo, vectors)).toEqualTypeOf<Promise<Map<number, NdArray>>>();
  // @ts-expect-error: text is no photo.
  pool.py.similar('photo', vectors);
  // The hint asks for an array of numpy, which is what becomes of a typed array there.
  expectTypeOf(pool.py.similar(photo, new Float32Array(3))).toEqualTypeOf<Promise<Map<number, NdArray>>>();
  // @ts-expect-error: an array of other numbers than the hint says.
  pool.py.similar(photo, new Float64Array(3));
}

/** Generators are gone over, iterables and functions go in. */
export async function streams(lines: AsyncIterable<string>) {
  for await (const [number, text] of pool.py.rows(3)) {
    expectTypeOf(number).toEqualTypeOf<number>();
    expectTypeOf(text).toEqualTypeOf<string>();
  }
  expectTypeOf(pool.py.upper(lines)).toEqualTypeOf<AsyncIterable<string>>();
  pool.py.upper(new Set(['a']));
  pool.py.watch((changed, count) => changed.name === 'a' && count > 1, kw({ until: new Date() }));
  pool.py.watch(async () => true, kw({ until: new Date() }));

  // @ts-expect-error: numbers are no lines.
  pool.py.upper([1]);
  // @ts-expect-error: it has to be told until when.
  pool.py.watch(() => true);
  // @ts-expect-error: it has to answer yes or no.
  pool.py.watch(() => 'yes', kw({ until: new Date() }));
}

/** Names with dots, names that TypeScript reserves, functions without hints. */
export function names() {
  expectTypeOf(pool.py.admin.delete('a', 'b')).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.py.admin.delete('a', kw({ dry: true }))).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.py.raw({ any: 'thing' })).toEqualTypeOf<Promise<unknown>>();
  // @ts-expect-error: names are texts.
  pool.py.admin.delete(1);
}

/** An exposed class gives a handle. */
export async function handles(lease: Lease<typeof import('./fixtures/shop.py.js')>) {
  await using basket = await lease.py.Basket('ada', kw({ items: [item] }));
  expectTypeOf(basket).toEqualTypeOf<Basket>();
  expectTypeOf(await basket.owner).toEqualTypeOf<string>();
  expectTypeOf(await basket.total).toEqualTypeOf<number>();
  expectTypeOf(await basket.add(item, 2)).toEqualTypeOf<Basket>();
  for await (const each of basket) expectTypeOf(each).toEqualTypeOf<Item>();
  await basket.merge(await lease.py.Basket('grace'));

  // @ts-expect-error: an item is no basket.
  await basket.merge(item);
  // @ts-expect-error: it has no such method.
  await basket.remove(item);
  // @ts-expect-error: what begins with an underscore is its own.
  basket._items;
}

/** What is told of it elsewhere goes on to sessions and bound pools. */
export function bound() {
  expectTypeOf(pool.with({ timeoutMs: 5 }).py.price([item])).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.session('ada').py.pick(['a'])).toEqualTypeOf<Promise<string>>();
  const keywords: Kwargs<{ discount: number }> = kw({ discount: 0.5 });
  expectTypeOf(pool.py.price([item], keywords)).toEqualTypeOf<Promise<number>>();
}
