/**
 * A persistent B-tree: a sorted set as a plain value. What changes it returns
 * a new tree and leaves the old one as it was, by copying the few nodes on the
 * way down. Null is the empty tree.
 */

/** Less than 0: `one` stands before `other`. 0: they are the same. */
export type Order<T> = (one: T, other: T) => number;

export type SortedTree<T> = Leaf<T> | Branch<T>;

interface Leaf<T> {
  readonly first: T;
  readonly items: readonly T[];
}

interface Branch<T> {
  /** The first below. */
  readonly first: T;
  readonly children: readonly SortedTree<T>[];
}

/** With `item`, in place of the one that is the same if there is one. */
export function withItem<T>(tree: SortedTree<T> | null, item: T, order: Order<T>): SortedTree<T> {
  if (tree === null) return treeOf(item);
  // Most trees are no more than a leaf.
  if (isLeaf(tree) && tree.items.length < NODE_ITEMS_MAX) return leaf(inserted(tree.items, item, order));
  const parts = insert(tree, item, order, true);
  return parts.length === 1 ? parts[0]! : branch(parts);
}

/** Without the one that is the same as `item`, which must be there. */
export function withoutItem<T>(tree: SortedTree<T>, item: T, order: Order<T>): SortedTree<T> | null {
  let root = remove(tree, item, order);
  // A root with one child says nothing that the child does not say.
  while (root !== null && !isLeaf(root) && root.children.length === 1) root = root.children[0]!;
  return root;
}

/** The one that is the same as `item`. */
export function findItem<T>(tree: SortedTree<T> | null, item: T, order: Order<T>): T | undefined {
  if (tree === null) return undefined;
  let node = tree;
  while (!isLeaf(node)) node = node.children[childFor(node.children, item, order)]!;
  return node.items.find((each) => order(each, item) === 0);
}

export function firstItem<T>(tree: SortedTree<T> | null | undefined): T | undefined {
  return tree?.first;
}

export function hasOneItem<T>(tree: SortedTree<T>): boolean {
  return isLeaf(tree) && tree.items.length === 1;
}

/** The one item of a tree that has no other. */
export function loneItem<T>(tree: SortedTree<T>): T | undefined {
  return hasOneItem(tree) ? tree.first : undefined;
}

/** The tree of one item. */
export function treeOf<T>(item: T): SortedTree<T> {
  return leaf([item]);
}

/** All, in order. */
export function listItems<T>(tree: SortedTree<T> | null | undefined): readonly T[] {
  if (!tree) return [];
  return isLeaf(tree) ? tree.items : tree.children.flatMap(listItems);
}

const isLeaf = <T>(tree: SortedTree<T>): tree is Leaf<T> => 'items' in tree;
const leaf = <T>(items: readonly T[]): Leaf<T> => ({ first: items[0]!, items });
const branch = <T>(children: readonly SortedTree<T>[]): Branch<T> => ({ first: children[0]!.first, children });

/** One tree, or the two that a full one was parted into. `last`: nothing in the whole tree stands behind it. */
function insert<T>(tree: SortedTree<T>, item: T, order: Order<T>, last: boolean): readonly SortedTree<T>[] {
  if (isLeaf(tree)) {
    const items = inserted(tree.items, item, order);
    return parted(items, last && items.at(-1) === item).map(leaf);
  }
  const at = childFor(tree.children, item, order);
  const atTheEnd = last && at === tree.children.length - 1;
  const parts = insert(tree.children[at]!, item, order, atTheEnd);
  if (parts.length === 1) return [branch(tree.children.with(at, parts[0]!))];
  return parted(tree.children.toSpliced(at, 1, ...parts), atTheEnd).map(branch);
}

function remove<T>(tree: SortedTree<T>, item: T, order: Order<T>): SortedTree<T> | null {
  if (isLeaf(tree)) {
    const { items } = tree;
    if (items.length === 1) return null;
    // Most go from the front.
    const at = order(items[0]!, item) === 0 ? 0 : items.findIndex((each) => order(each, item) === 0);
    return leaf(items.toSpliced(at, 1));
  }
  const at = childFor(tree.children, item, order);
  const child = remove(tree.children[at]!, item, order);
  if (child !== null) return branch(joined(tree.children.with(at, child), at));
  return tree.children.length === 1 ? null : branch(tree.children.toSpliced(at, 1));
}

/** Too many for one node become two. At the growing end the first stays full, since nothing will come between. */
function parted<T>(items: readonly T[], atTheEnd: boolean): readonly (readonly T[])[] {
  if (items.length <= NODE_ITEMS_MAX) return [items];
  const cut = atTheEnd ? NODE_ITEMS_MAX : NODE_ITEMS_MAX >> 1;
  return [items.slice(0, cut), items.slice(cut)];
}

/**
 * The child at `at` joined with a neighbour if the two would fill half a node.
 * So any two neighbours hold more than that between them, whoever has left,
 * and the tree is as shallow as those who are still there are few.
 */
function joined<T>(children: readonly SortedTree<T>[], at: number): readonly SortedTree<T>[] {
  for (let left = at - 1; left <= at; left++) {
    const one = children[left];
    const other = children[left + 1];
    if (one === undefined || other === undefined || itemsOf(one) + itemsOf(other) > NODE_ITEMS_MAX >> 1) continue;
    return children.toSpliced(left, 2, concatenated(one, other));
  }
  return children;
}

function itemsOf<T>(tree: SortedTree<T>): number {
  return isLeaf(tree) ? tree.items.length : tree.children.length;
}

/** Neighbours stand equally high, so they are of one kind. */
function concatenated<T>(one: SortedTree<T>, other: SortedTree<T>): SortedTree<T> {
  if (isLeaf(one)) return leaf([...one.items, ...(other as Leaf<T>).items]);
  return branch([...one.children, ...(other as Branch<T>).children]);
}

/** The last child that starts at or before `item`. */
function childFor<T>(children: readonly SortedTree<T>[], item: T, order: Order<T>): number {
  let low = 0;
  let high = children.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (order(children[middle]!.first, item) <= 0) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The items with that one in its place, or in that of the one that is the same. */
function inserted<T>(items: readonly T[], item: T, order: Order<T>): readonly T[] {
  // Most come at the end.
  let at = items.length;
  while (at > 0 && order(items[at - 1]!, item) > 0) at -= 1;
  const isThere = at > 0 && order(items[at - 1]!, item) === 0;
  return isThere ? items.with(at - 1, item) : items.toSpliced(at, 0, item);
}

/** Wide enough that most trees are one node and a hundred thousand items three deep, narrow enough that a copy is a few cache lines. */
const NODE_ITEMS_MAX = 64;
