import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  findItem,
  firstItem,
  hasOneItem,
  listItems,
  type SortedTree,
  withItem,
  withoutItem,
} from '../../../machines/sorted-tree.js';
import { isMutated } from '../../support/mutated.js';

interface Item {
  readonly rank: number;
  readonly name?: string;
}

describe('a sorted tree', () => {
  it('of nothing has nothing', () => {
    expect([findItem(null, { rank: 1 }, byRank), firstItem(null), firstItem(undefined)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([listItems(null), listItems(undefined)]).toEqual([[], []]);
  });

  it('holds each once: the last of two that are the same takes the place of the first', () => {
    const before = treeOf(shuffled(100));
    for (const rank of [1, 50, 100]) {
      const after = withItem(before, { rank, name: 'new' }, byRank);
      expect(findItem(after, { rank }, byRank)).toEqual({ rank, name: 'new' });
      expect(findItem(before, { rank }, byRank)).toEqual({ rank });
      expect(listItems(after).map((each) => each.rank)).toEqual(upTo(100));
      expect(firstItem(after)).toEqual(rank === 1 ? { rank, name: 'new' } : { rank: 1 });
    }
  });

  it('finds what it holds, and nothing between', () => {
    const tree = treeOf(shuffled(200).map((rank) => rank * 2));
    for (const rank of upTo(200)) {
      expect(findItem(tree, { rank: rank * 2 }, byRank)).toEqual({ rank: rank * 2 });
      expect(findItem(tree, { rank: rank * 2 - 1 }, byRank)).toBeUndefined();
    }
    expect(findItem(tree, { rank: 401 }, byRank)).toBeUndefined();
  });

  it('knows whether it holds one', () => {
    expect([0, 1, 2, 80].map((count) => count > 0 && hasOneItem(treeOf(upTo(count))!))).toEqual([
      false,
      true,
      false,
      false,
    ]);
    const tree = [...upTo(79)].reduce<SortedTree<Item>>(
      (left, rank) => withoutItem(left, { rank }, byRank)!,
      treeOf(upTo(80))!,
    );
    expect(hasOneItem(tree)).toBe(true);
    expect(withoutItem(tree, { rank: 80 }, byRank)).toBeNull();
  });

  it('is what a sorted list is, whatever comes and goes, keeps its nodes as they are to be, and changes none', () => {
    const commands = fc.array(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.boolean()), {
      maxLength: 500,
      size: 'max',
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 }), commands, (first, all) => {
        let tree = treeOf(upTo(first));
        let ranks = upTo(first);
        for (const [rank, comes] of all) {
          const before = listItems(tree);
          const listed = [...before];
          if (comes) tree = withItem(tree, { rank }, byRank);
          else if (tree !== null && ranks.includes(rank)) tree = withoutItem(tree, { rank }, byRank);
          expect(before).toEqual(listed);
          ranks = ranks.filter((each) => each !== rank);
          if (comes) ranks.push(rank);
        }
        expect(listItems(tree).map(({ rank }) => rank)).toEqual(ranks.sort((one, other) => one - other));
        expect(firstItem(tree)?.rank).toBe(ranks[0]);
        check(tree);
      }),
      { numRuns: isMutated ? 15 : 50, endOnFailure: isMutated },
    );
  });

  it('lists all and knows whether it holds one, wherever they stand', () => {
    for (const count of [...upTo(50), 200]) {
      let tree = treeOf(upTo(count));
      for (let left = count; tree !== null; left--) {
        const ranks = upTo(count).slice(count - left);
        expect([listItems(tree).map(({ rank }) => rank), hasOneItem(tree)]).toEqual([ranks, left === 1]);
        tree = withoutItem(tree, { rank: ranks[0]! }, byRank);
      }
    }
    // One in front, and the others behind it in either place.
    const one = (middle: SortedTree<Item>['middle'], back: readonly Item[]) => ({ front: [{ rank: 1 }], middle, back });
    expect([one(null, [{ rank: 2 }]), one(treeOf(upTo(50))!.middle, [])].map(hasOneItem)).toEqual([false, false]);
  });

  it('has all in its front as long as that has room, then in its back, and then in full nodes between the two', () => {
    expect(partsOf(treeOf(upTo(16))!)).toEqual([16, [], 0]);
    expect(partsOf(treeOf(upTo(17))!)).toEqual([16, [], 1]);
    expect(partsOf(treeOf(upTo(32))!)).toEqual([16, [], 16]);
    expect(partsOf(treeOf(upTo(33))!)).toEqual([16, [16], 1]);
    expect(partsOf(treeOf(upTo(1_000))!)).toEqual([16, Array.from({ length: 61 }, () => 16), 8]);
  });

  it('has nodes that are half full where all come the other way', () => {
    const [front, nodes, back] = partsOf(treeOf(upTo(1_000).reverse())!);
    expect([front, back]).toEqual([16, 1]);
    expect(Math.min(...nodes.slice(1))).toBeGreaterThanOrEqual(8);
    expect(Math.max(...nodes)).toBeLessThanOrEqual(16);
  });

  it('lets whoever has no room in a full front go to the node behind it, or to the back', () => {
    const even = upTo(80).map((rank) => 2 * rank);
    const [two, more] = [treeOf(even.slice(0, 17))!, treeOf(even)!];
    expect(partsOf(more)).toEqual([16, [16, 16, 16], 16]);
    expect(ranksOf(withItem(two, { rank: 5 }, byRank).front)).toEqual([2, 4, 5, ...even.slice(2, 15)]);
    expect(ranksOf(withItem(two, { rank: 5 }, byRank).back)).toEqual([32, 34]);
    expect(partsOf(withItem(more, { rank: 5 }, byRank))).toEqual([16, [8, 9, 16, 16], 16]);
    expect(partsOf(withItem(treeOf(even.slice(0, 32))!, { rank: 5 }, byRank))).toEqual([16, [16], 1]);
  });

  it('parts a full node in its middle, and a full back behind its sixteenth', () => {
    const tree = treeOf(upTo(96))!;
    expect(partsOf(tree)).toEqual([16, [16, 16, 16, 16], 16]);
    expect(partsOf(withItem(tree, { rank: 40.5 }, byRank))[1]).toEqual([16, 8, 9, 16, 16]);
    expect(partsOf(withItem(tree, { rank: 90.5 }, byRank))).toEqual([16, [16, 16, 16, 16, 16], 1]);
    expect(partsOf(withItem(tree, { rank: 80.5 }, byRank))[1]).toEqual([16, 16, 16, 8, 9]);
  });

  it('has the first node as its front once that is empty, and then the back', () => {
    let tree: SortedTree<Item> = treeOf(upTo(50))!;
    const partsAfter = (last: number) => {
      for (const { rank } of listItems(tree)) if (rank <= last) tree = withoutItem(tree, { rank }, byRank)!;
      return partsOf(tree);
    };
    expect(partsAfter(15)).toEqual([1, [16, 16], 2]);
    expect(partsAfter(16)).toEqual([16, [16], 2]);
    expect(partsAfter(32)).toEqual([16, [], 2]);
    expect(partsAfter(41)).toEqual([7, [], 2]);
    expect(partsAfter(42)).toEqual([8, [], 0]);
  });

  it('is the same value however few are left of it', () => {
    const few = [3, 20, 21, 40, 41, 64, 90, 91];
    for (const count of [91, 100, 299]) {
      for (const order of [upTo(count), upTo(count).reverse(), shuffled(count)]) {
        let tree = treeOf(upTo(count))!;
        for (const rank of order) if (!few.includes(rank)) tree = withoutItem(tree, { rank }, byRank)!;
        expect(tree).toEqual({ front: few.map((rank) => ({ rank })), middle: null, back: [] });
      }
    }
  });

  it('has a back again as soon as one comes behind all of its nodes', () => {
    let tree = treeOf(upTo(100))!;
    for (const rank of upTo(100).slice(96)) tree = withoutItem(tree, { rank }, byRank)!;
    expect(partsOf(tree)).toEqual([16, [16, 16, 16, 16, 16], 0]);
    expect(partsOf(withItem(tree, { rank: 97 }, byRank))).toEqual([16, [16, 16, 16, 16, 16], 1]);
    expect(partsOf(withItem(tree, { rank: 95.5 }, byRank))).toEqual([16, [16, 16, 16, 16, 8, 9], 0]);
  });

  it('joins two neighbours as soon as they fill half a node between them', () => {
    let tree = treeOf(upTo(65))!;
    const without = (from: number, to: number) => {
      for (let rank = from; rank <= to; rank++) tree = withoutItem(tree, { rank }, byRank)!;
      return partsOf(tree);
    };
    expect(without(18, 32)).toEqual([16, [1, 16, 16], 1]);
    expect(without(34, 41)).toEqual([16, [1, 8, 16], 1]);
    expect(without(42, 42)).toEqual([16, [8, 16], 1]);
    expect(without(50, 64)).toEqual([16, [8, 1], 1]);
    expect(without(17, 17)).toEqual([16, [8], 1]);
  });

  it('is as shallow as those who are left are few', () => {
    let tree = treeOf(upTo(5_000))!;
    expect(depthOf(tree.middle!)).toBe(4);
    for (const rank of upTo(5_000)) if (rank % 100 !== 0) tree = withoutItem(tree, { rank }, byRank)!;
    expect(listItems(tree)).toHaveLength(50);
    expect(depthOf(tree.middle!)).toBeLessThanOrEqual(2);
    expect(partsOf(tree)[1].length).toBeLessThanOrEqual(13);
  });

  it('copies the nodes on the way down to a change, and shares all others', () => {
    const tree = treeOf(upTo(5_000))!;
    for (const rank of [20, 2_500, 4_900]) {
      expect(newNodes(tree, withItem(tree, { rank: rank - 0.5 }, byRank))).toBeLessThanOrEqual(8);
      expect(newNodes(tree, withoutItem(tree, { rank }, byRank)!)).toBeLessThanOrEqual(4);
      expect(newNodes(tree, withItem(tree, { rank }, byRank))).toBe(4);
    }
  });

  it('copies no node for whoever comes at the end or goes from the front, but once for every sixteen', () => {
    let tree = treeOf(upTo(5_000))!;
    let copied = 0;
    for (const rank of upTo(160)) {
      const next = withItem(withoutItem(tree, { rank }, byRank)!, { rank: 5_000 + rank }, byRank);
      copied += newNodes(tree, next) > 0 ? 1 : 0;
      tree = next;
    }
    expect(copied).toBeLessThanOrEqual(20);
  });
});

const byRank = (one: Item, other: Item) => one.rank - other.rank;
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
/** In no order, and the same each time: 7 has no factor in common with these lengths. */
const shuffled = (count: number) => upTo(count).map((each) => (each * 7) % (count + 1) || each);

function treeOf(ranks: readonly number[]): SortedTree<Item> | null {
  return ranks.reduce<SortedTree<Item> | null>((tree, rank) => withItem(tree, { rank }, byRank), null);
}

const ranksOf = (items: readonly Item[]) => items.map(({ rank }) => rank);

type Node = NonNullable<SortedTree<Item>['middle']>;

/** How many items its front has, each of its leaves in order, and its back. */
function partsOf({ front, middle, back }: SortedTree<Item>): [number, number[], number] {
  return [front.length, middle === null ? [] : sizesOf(middle), back.length];
}

function sizesOf(node: Node): number[] {
  return 'items' in node ? [node.items.length] : node.children.flatMap(sizesOf);
}

function itemsOf(node: Node): readonly Item[] {
  return 'items' in node ? node.items : node.children.flatMap(itemsOf);
}

function depthOf(node: Node): number {
  return 'items' in node ? 1 : 1 + depthOf(node.children[0]!);
}

function nodesOf(node: Node | null): Node[] {
  if (node === null) return [];
  return 'items' in node ? [node] : [node, ...node.children.flatMap(nodesOf)];
}

function newNodes(before: SortedTree<Item>, after: SortedTree<Item>): number {
  const old = new Set(nodesOf(before.middle));
  return nodesOf(after.middle).filter((node) => !old.has(node)).length;
}

/** No part is too full or empty, each node knows who is first, neighbours stand equally high and are worth being two. */
function check(tree: SortedTree<Item> | null): void {
  if (tree === null) return;
  const { front, middle, back } = tree;
  expect(front.length).toBeGreaterThan(0);
  expect(Math.max(front.length, back.length)).toBeLessThanOrEqual(16);
  if (listItems(tree).length <= 8) expect([middle, back]).toEqual([null, []]);
  for (const node of nodesOf(middle)) {
    const below = 'items' in node ? node.items : node.children;
    expect(below.length).toBeGreaterThan(0);
    expect(below.length).toBeLessThanOrEqual(16);
    expect(node.first).toBe(itemsOf(node)[0]);
    if ('items' in node) continue;
    expect(new Set(node.children.map(depthOf)).size).toBe(1);
    const sizes = node.children.map((each) => ('items' in each ? each.items.length : each.children.length));
    for (const [at, size] of sizes.slice(1).entries()) expect(sizes[at]! + size).toBeGreaterThan(8);
  }
  if (middle !== null && !('items' in middle)) expect(middle.children.length).toBeGreaterThan(1);
}
