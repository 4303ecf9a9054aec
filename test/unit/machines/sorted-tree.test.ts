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

  it('has full nodes but for the last where all come in order, and half full ones where they come the other way', () => {
    expect(sizesOf(treeOf(upTo(1_000))!)).toEqual([...Array.from({ length: 15 }, () => 64), 40]);
    const sizes = sizesOf(treeOf(upTo(1_000).reverse())!);
    expect(Math.min(...sizes.slice(1))).toBeGreaterThanOrEqual(32);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(64);
  });

  it('is parted where its first node is full, and not before', () => {
    expect('items' in treeOf(upTo(64))!).toBe(true);
    expect(sizesOf(treeOf(upTo(65))!)).toEqual([64, 1]);
    expect(sizesOf(treeOf([...upTo(32), ...upTo(65).slice(33), 33])!)).toEqual([32, 33]);
  });

  it('is parted in the middle of a full node that is not the last', () => {
    const tree = treeOf(upTo(200))!;
    expect(sizesOf(tree)).toEqual([64, 64, 64, 8]);
    for (const rank of [64.5, 20.5]) expect(sizesOf(withItem(tree, { rank }, byRank)).slice(2)).toEqual([64, 64, 8]);
    expect(sizesOf(withItem(tree, { rank: 64.5 }, byRank)).slice(0, 2)).toEqual([32, 33]);
  });

  it('joins two neighbours as soon as they fill half a node between them', () => {
    let tree = treeOf(upTo(65))!;
    for (const rank of upTo(32)) tree = withoutItem(tree, { rank }, byRank)!;
    expect(sizesOf(tree)).toEqual([32, 1]);
    expect(sizesOf(withoutItem(tree, { rank: 33 }, byRank)!)).toEqual([32]);
  });

  it('is as shallow as those who are left are few', () => {
    let tree = treeOf(upTo(5_000))!;
    expect(depthOf(tree)).toBe(3);
    for (const rank of upTo(5_000)) if (rank % 100 !== 0) tree = withoutItem(tree, { rank }, byRank)!;
    expect(listItems(tree)).toHaveLength(50);
    expect(depthOf(tree)).toBeLessThanOrEqual(2);
    expect(sizesOf(tree).length).toBeLessThanOrEqual(7);
  });

  it('copies the nodes on the way down to a change, and shares all others', () => {
    const tree = treeOf(upTo(5_000))!;
    for (const rank of [1, 2_500, 5_000]) {
      expect(newNodes(tree, withItem(tree, { rank: rank - 0.5 }, byRank))).toBeLessThanOrEqual(5);
      expect(newNodes(tree, withoutItem(tree, { rank }, byRank)!)).toBeLessThanOrEqual(3);
      expect(newNodes(tree, withItem(tree, { rank }, byRank))).toBe(3);
    }
  });
});

const byRank = (one: Item, other: Item) => one.rank - other.rank;
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
/** In no order, and the same each time: 7 has no factor in common with these lengths. */
const shuffled = (count: number) => upTo(count).map((each) => (each * 7) % (count + 1) || each);

function treeOf(ranks: readonly number[]): SortedTree<Item> | null {
  return ranks.reduce<SortedTree<Item> | null>((tree, rank) => withItem(tree, { rank }, byRank), null);
}

/** How many items the leaves have, in order. */
function sizesOf(tree: SortedTree<Item>): number[] {
  return 'items' in tree ? [tree.items.length] : tree.children.flatMap(sizesOf);
}

function depthOf(tree: SortedTree<Item>): number {
  return 'items' in tree ? 1 : 1 + depthOf(tree.children[0]!);
}

function nodesOf(tree: SortedTree<Item>): SortedTree<Item>[] {
  return 'items' in tree ? [tree] : [tree, ...tree.children.flatMap(nodesOf)];
}

function newNodes(before: SortedTree<Item>, after: SortedTree<Item>): number {
  const old = new Set(nodesOf(before));
  return nodesOf(after).filter((node) => !old.has(node)).length;
}

/** No node is too full or empty, each knows who is first, neighbours stand equally high and are worth being two. */
function check(tree: SortedTree<Item> | null): void {
  if (tree === null) return;
  for (const node of nodesOf(tree)) {
    const below = 'items' in node ? node.items : node.children;
    expect(below.length).toBeGreaterThan(0);
    expect(below.length).toBeLessThanOrEqual(64);
    expect(node.first).toBe(listItems(node)[0]);
    if ('items' in node) continue;
    expect(new Set(node.children.map(depthOf)).size).toBe(1);
    const sizes = node.children.map((each) => ('items' in each ? each.items.length : each.children.length));
    for (const [at, size] of sizes.slice(1).entries()) expect(sizes[at]! + size).toBeGreaterThan(32);
  }
  if (!('items' in tree)) expect(tree.children.length).toBeGreaterThan(1);
}
