/**
 * A persistent sorted set as a plain value: what changes it returns a new one
 * and leaves the old one as it was. Null is the empty set.
 *
 * Most items come at the end and go from the front. So the first few and the
 * last few stand apart, in small arrays of which one is copied; what is
 * between them is a B-tree, of which the few nodes on the way down to a change
 * are. It gets and gives a node at a time.
 */
export interface SortedTree<T> {
  /** The first of all, one at least. */
  readonly front: readonly T[];
  readonly middle: Node<T> | null;
  /** Those behind all others, if any are there. */
  readonly back: readonly T[];
}

/** Less than 0: `one` stands before `other`. 0: they are the same. */
export type Order<T> = (one: T, other: T) => number;

type Node<T> = Leaf<T> | Branch<T>;

interface Leaf<T> {
  readonly first: T;
  readonly items: readonly T[];
}

interface Branch<T> {
  /** The first below. */
  readonly first: T;
  readonly children: readonly Node<T>[];
}

/** With `item`, in place of the one that is the same if there is one. */
export function withItem<T>(tree: SortedTree<T> | null, item: T, order: Order<T>): SortedTree<T> {
  if (tree === null) return treeOf(item);
  const { front, middle, back } = tree;
  if (isFrom(back[0], item, order)) return withBack(front, middle, inserted(back, item, order));
  if (isFrom(middle?.first, item, order)) {
    if (back.length === 0 && order(lastOf(middle!), item) < 0) return { front, middle, back: [item] };
    return { front, middle: rootOf(insert(middle!, item, order)), back };
  }
  const items = inserted(front, item, order);
  if (items.length <= NODE_ITEMS_MAX) return { front: items, middle, back };
  const last = items.at(-1)!;
  const others = items.slice(0, -1);
  if (middle === null) return withBack(others, null, [last, ...back]);
  return { front: others, middle: rootOf(insert(middle, last, order)), back };
}

/** Without the one that is the same as `item`, which must be there. */
export function withoutItem<T>(tree: SortedTree<T>, item: T, order: Order<T>): SortedTree<T> | null {
  const { front, middle, back } = tree;
  // Most go from the front.
  if (order(front[0]!, item) === 0) return rest(front.slice(1), middle, back);
  if (isFrom(back[0], item, order)) return rest(front, middle, removed(back, item, order));
  if (isFrom(middle?.first, item, order)) return rest(front, lowered(remove(middle!, item, order)), back);
  return rest(removed(front, item, order), middle, back);
}

/** The one that is the same as `item`. */
export function findItem<T>(tree: SortedTree<T> | null, item: T, order: Order<T>): T | undefined {
  if (tree === null) return undefined;
  const { front, middle, back } = tree;
  const isSame = (each: T) => order(each, item) === 0;
  if (isFrom(back[0], item, order)) return back.find(isSame);
  if (!isFrom(middle?.first, item, order)) return front.find(isSame);
  let node = middle!;
  while (!isLeaf(node)) node = node.children[childFor(node.children, item, order)]!;
  return node.items.find(isSame);
}

export function firstItem<T>(tree: SortedTree<T> | null | undefined): T | undefined {
  return tree?.front[0];
}

export function hasOneItem<T>({ front, middle, back }: SortedTree<T>): boolean {
  return front.length === 1 && middle === null && back.length === 0;
}

/** The one item of a tree that has no other. */
export function loneItem<T>(tree: SortedTree<T>): T | undefined {
  return hasOneItem(tree) ? tree.front[0] : undefined;
}

/** The tree of one item. */
function treeOf<T>(item: T): SortedTree<T> {
  return { front: [item], middle: null, back: NOTHING };
}

/** All, in order. */
export function listItems<T>(tree: SortedTree<T> | null | undefined): readonly T[] {
  if (!tree) return NOTHING;
  const { front, middle, back } = tree;
  if (middle === null && back.length === 0) return front;
  return [...front, ...(middle === null ? NOTHING : itemsBelow(middle)), ...back];
}

// ---------------------------------------------------------------- the ends

/** Whether `item` stands where `first` is the first, or behind that. */
function isFrom<T>(first: T | undefined, item: T, order: Order<T>): boolean {
  return first !== undefined && order(first, item) <= 0;
}

/** With a back that may have one too many: all but that one become a node. */
function withBack<T>(front: readonly T[], middle: Node<T> | null, back: readonly T[]): SortedTree<T> {
  if (back.length <= NODE_ITEMS_MAX) return { front, middle, back };
  const full = leaf(back.slice(0, NODE_ITEMS_MAX));
  const before = middle === null ? full : rootOf(appended(middle, full));
  return { front, middle: before, back: back.slice(NODE_ITEMS_MAX) };
}

/**
 * What is left, once one has gone: where the front is empty, the next stand there. Few are no more than a front, however they
 * have come to be few, so that equal sets of them are equal values.
 */
function rest<T>(front: readonly T[], middle: Node<T> | null, back: readonly T[]): SortedTree<T> | null {
  if (front.length === 0 && middle !== null) return rest(firstLeaf(middle).items, lowered(withoutFirst(middle)), back);
  if (middle === null && back.length === 0) return front.length === 0 ? null : { front, middle, back };
  if (front.length === 0) return { front: back, middle, back: NOTHING };
  if (middle !== null && !isLeaf(middle)) return { front, middle, back };
  const between = middle === null ? NOTHING : middle.items;
  if (front.length + between.length + back.length > HALF) return { front, middle, back };
  return { front: [...front, ...between, ...back], middle: null, back: NOTHING };
}

// ---------------------------------------------------------------- what is between them

const isLeaf = <T>(node: Node<T>): node is Leaf<T> => 'items' in node;
const leaf = <T>(items: readonly T[]): Leaf<T> => ({ first: items[0]!, items });
const branch = <T>(children: readonly Node<T>[]): Branch<T> => ({ first: children[0]!.first, children });

/** One node, or the two that a full one was parted into, below one root. */
function rootOf<T>(parts: readonly Node<T>[]): Node<T> {
  return parts.length === 1 ? parts[0]! : branch(parts);
}

/** A root with one child says nothing that the child does not say. */
function lowered<T>(node: Node<T> | null): Node<T> | null {
  let root = node;
  while (root !== null && !isLeaf(root) && root.children.length === 1) root = root.children[0]!;
  return root;
}

/** One node, or the two that a full one was parted into. */
function insert<T>(node: Node<T>, item: T, order: Order<T>): readonly Node<T>[] {
  if (isLeaf(node)) return parted(inserted(node.items, item, order), HALF).map(leaf);
  const at = childFor(node.children, item, order);
  const parts = insert(node.children[at]!, item, order);
  if (parts.length === 1) return [branch(node.children.with(at, parts[0]!))];
  return parted(node.children.toSpliced(at, 1, ...parts), HALF).map(branch);
}

/** With a leaf behind all others. What was full stays full, since nothing will come between. */
function appended<T>(node: Node<T>, last: Leaf<T>): readonly Node<T>[] {
  if (isLeaf(node)) return [node, last];
  const { children } = node;
  const [child, more] = appended(children.at(-1)!, last);
  const same = child === children.at(-1) ? node : branch(children.with(-1, child!));
  if (more === undefined) return [same];
  if (children.length === NODE_ITEMS_MAX) return [same, branch([more])];
  return [branch([...same.children, more])];
}

function remove<T>(node: Node<T>, item: T, order: Order<T>): Node<T> | null {
  if (isLeaf(node)) return node.items.length === 1 ? null : leaf(removed(node.items, item, order));
  const at = childFor(node.children, item, order);
  return withChild(node, at, remove(node.children[at]!, item, order));
}

function firstLeaf<T>(node: Node<T>): Leaf<T> {
  return isLeaf(node) ? node : firstLeaf(node.children[0]!);
}

/** Without its first leaf. */
function withoutFirst<T>(node: Node<T>): Node<T> | null {
  return isLeaf(node) ? null : withChild(node, 0, withoutFirst(node.children[0]!));
}

/** With the child at `at` as it is now; null if nothing is left of it. */
function withChild<T>({ children }: Branch<T>, at: number, child: Node<T> | null): Node<T> | null {
  if (child !== null) return branch(joined(children.with(at, child), at));
  return children.length === 1 ? null : branch(children.toSpliced(at, 1));
}

/** Too many for one node become two, so many of them the first. */
function parted<T>(items: readonly T[], cut: number): readonly (readonly T[])[] {
  return items.length <= NODE_ITEMS_MAX ? [items] : [items.slice(0, cut), items.slice(cut)];
}

/**
 * The child at `at` joined with a neighbour if the two would fill half a node.
 * So any two neighbours hold more than that between them, whoever has left,
 * and the tree is as shallow as those who are still there are few.
 */
function joined<T>(children: readonly Node<T>[], at: number): readonly Node<T>[] {
  for (let left = at - 1; left <= at; left++) {
    const one = children[left];
    const other = children[left + 1];
    if (one === undefined || other === undefined || sizeOf(one) + sizeOf(other) > HALF) continue;
    return children.toSpliced(left, 2, concatenated(one, other));
  }
  return children;
}

function sizeOf<T>(node: Node<T>): number {
  return isLeaf(node) ? node.items.length : node.children.length;
}

/** Neighbours stand equally high, so they are of one kind. */
function concatenated<T>(one: Node<T>, other: Node<T>): Node<T> {
  if (isLeaf(one)) return leaf([...one.items, ...(other as Leaf<T>).items]);
  return branch([...one.children, ...(other as Branch<T>).children]);
}

/** The last child that starts at or before `item`. */
function childFor<T>(children: readonly Node<T>[], item: T, order: Order<T>): number {
  let low = 0;
  let high = children.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (order(children[middle]!.first, item) <= 0) low = middle;
    else high = middle - 1;
  }
  return low;
}

function lastOf<T>(node: Node<T>): T {
  return isLeaf(node) ? node.items.at(-1)! : lastOf(node.children.at(-1)!);
}

function itemsBelow<T>(node: Node<T>): readonly T[] {
  return isLeaf(node) ? node.items : node.children.flatMap(itemsBelow);
}

// ---------------------------------------------------------------- a few items

/** The items with that one in its place, or in that of the one that is the same. */
function inserted<T>(items: readonly T[], item: T, order: Order<T>): readonly T[] {
  // Most come at the end.
  let at = items.length;
  while (at > 0 && order(items[at - 1]!, item) > 0) at -= 1;
  const isThere = at > 0 && order(items[at - 1]!, item) === 0;
  return isThere ? items.with(at - 1, item) : items.toSpliced(at, 0, item);
}

function removed<T>(items: readonly T[], item: T, order: Order<T>): readonly T[] {
  return items.toSpliced(
    items.findIndex((each) => order(each, item) === 0),
    1,
  );
}

const NOTHING: readonly never[] = [];
/** Narrow, since one such array is copied for each who comes or goes; a hundred thousand items are five nodes deep. */
const NODE_ITEMS_MAX = 16;
/** So many are left of a node that was parted. Two neighbours that have no more between them are one, and all of a tree are a front. */
const HALF = NODE_ITEMS_MAX >> 1;
