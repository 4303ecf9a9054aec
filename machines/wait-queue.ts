/**
 * The wait queue: who asked and has no worker yet, in order.
 *
 * A plain, pure value: every function returns a new queue and leaves the old
 * one as it was, so that a chart which holds it can be explored, replayed and
 * taken back. Waiters stand in a tree ordered by ticket, one tree for each
 * priority, so that adding, taking, cancelling and putting one back to its
 * old place all cost the same small number of copies, however long the queue.
 * A cancelled waiter is gone at once: there are no gravestones to walk past.
 */

/** The identity of one worker's life; a replacement has another. */
export type WorkerId = number;

/** A session's wish for the worker it has met. */
export interface Affinity {
  readonly worker: WorkerId;
  /** Where in the pool that worker lives. */
  readonly place: number;
  /** True: only this worker will do. False: any will do, this one rather than another. */
  readonly strict: boolean;
}

/** Somebody who asked for a worker. Nothing in it is, or leads to, a payload. */
export interface Waiter {
  /** The order of arrival. Never used twice. */
  readonly ticket: number;
  /** A higher number goes first. */
  readonly priority: number;
  readonly affinity: Affinity | null;
  /** False: refuse rather than let it wait. */
  readonly mayWait: boolean;
}

export interface WaitQueue {
  /** How many wait. */
  readonly size: number;
  /** Those whom any worker may serve. */
  readonly anyone: Ranks;
  /** Those who wait for one worker and no other, by its id. */
  readonly bound: Readonly<Record<WorkerId, Ranks>>;
}

export const emptyQueue: WaitQueue = { size: 0, anyone: [], bound: {} };

/** The queue with `waiter` in its place: the end for a new one, its old place for one who comes back. */
export function addWaiter(queue: WaitQueue, waiter: Waiter): WaitQueue {
  return withRanks(queue, waiter, 1, (ranks) => addToRanks(ranks, waiter));
}

/** The queue without `waiter`; the same queue if it does not wait there. */
export function removeWaiter(queue: WaitQueue, waiter: Waiter): WaitQueue {
  if (!hasWaiter(queue, waiter)) return queue;
  return withRanks(queue, waiter, -1, (ranks) => removeFromRanks(ranks, waiter));
}

export function hasWaiter(queue: WaitQueue, waiter: Waiter): boolean {
  const rank = ranksOf(queue, waiter).find((each) => each.priority === waiter.priority);
  return rank !== undefined && hasTicket(rank.tree, waiter.ticket);
}

/** Who gets `worker` next: the earliest ticket of the highest priority among those who may have it. */
export function firstWaiterFor(queue: WaitQueue, worker: WorkerId): Waiter | undefined {
  const anyone = queue.anyone[0];
  const bound = queue.bound[worker]?.[0];
  if (bound === undefined) return anyone && firstOf(anyone.tree);
  if (anyone === undefined || bound.priority > anyone.priority) return firstOf(bound.tree);
  if (bound.priority < anyone.priority) return firstOf(anyone.tree);
  const [one, other] = [firstOf(anyone.tree), firstOf(bound.tree)];
  return one.ticket < other.ticket ? one : other;
}

/** Those who wait for `worker` alone, and the queue without them. */
export function takeBound(queue: WaitQueue, worker: WorkerId): [readonly Waiter[], WaitQueue] {
  const ranks = queue.bound[worker];
  if (ranks === undefined) return [[], queue];
  const gone = listRanks(ranks);
  const { [worker]: _, ...bound } = queue.bound;
  return [gone, { ...queue, size: queue.size - gone.length, bound }];
}

/** Everybody who waits, in no promised order. Linear: for refusing all, for tests and for pictures. */
export function listWaiters(queue: WaitQueue): readonly Waiter[] {
  return [queue.anyone, ...Object.values(queue.bound)].flatMap(listRanks);
}

// ---------------------------------------------------------------- ranks, one for each priority

interface Rank {
  readonly priority: number;
  readonly tree: Tree;
}

/** Highest priority first; no rank is ever empty. */
type Ranks = readonly Rank[];

function ranksOf(queue: WaitQueue, { affinity }: Waiter): Ranks {
  return (affinity?.strict ? queue.bound[affinity.worker] : queue.anyone) ?? [];
}

function withRanks(queue: WaitQueue, waiter: Waiter, change: number, update: (ranks: Ranks) => Ranks): WaitQueue {
  const size = queue.size + change;
  const ranks = update(ranksOf(queue, waiter));
  if (!waiter.affinity?.strict) return { size, anyone: ranks, bound: queue.bound };
  const { [waiter.affinity.worker]: _, ...others } = queue.bound;
  const bound = ranks.length === 0 ? others : { ...others, [waiter.affinity.worker]: ranks };
  return { size, anyone: queue.anyone, bound };
}

function addToRanks(ranks: Ranks, waiter: Waiter): Ranks {
  const at = ranks.findIndex((rank) => rank.priority <= waiter.priority);
  const rank = ranks[at];
  if (rank?.priority === waiter.priority) {
    return replaced(ranks, at, { priority: rank.priority, tree: grown(insert(rank.tree, waiter, true)) });
  }
  const fresh = { priority: waiter.priority, tree: leaf([waiter]) };
  const index = at === -1 ? ranks.length : at;
  return [...ranks.slice(0, index), fresh, ...ranks.slice(index)];
}

function removeFromRanks(ranks: Ranks, waiter: Waiter): Ranks {
  const at = ranks.findIndex((rank) => rank.priority === waiter.priority);
  const tree = remove(ranks[at]!.tree, waiter.ticket);
  return tree === null ? without(ranks, at) : replaced(ranks, at, { priority: waiter.priority, tree: shrunk(tree) });
}

function listRanks(ranks: Ranks): readonly Waiter[] {
  return ranks.flatMap((rank) => listTree(rank.tree));
}

// ---------------------------------------------------------------- a persistent B-tree, ordered by ticket

interface Leaf {
  readonly first: number;
  readonly waiters: readonly Waiter[];
}

interface Branch {
  /** The lowest ticket below. */
  readonly first: number;
  readonly children: readonly Tree[];
}

type Tree = Leaf | Branch;

const isLeaf = (tree: Tree): tree is Leaf => 'waiters' in tree;
const leaf = (waiters: readonly Waiter[]): Leaf => ({ first: waiters[0]!.ticket, waiters });
const branch = (children: readonly Tree[]): Branch => ({ first: children[0]!.first, children });

function firstOf(tree: Tree): Waiter {
  let node = tree;
  while (!isLeaf(node)) node = node.children[0]!;
  return node.waiters[0]!;
}

function hasTicket(tree: Tree, ticket: number): boolean {
  let node = tree;
  while (!isLeaf(node)) node = node.children[childFor(node.children, ticket)]!;
  return node.waiters.some((waiter) => waiter.ticket === ticket);
}

/** One tree, or the two that a full one was parted into. `last`: nobody has a higher ticket than those in it. */
function insert(tree: Tree, waiter: Waiter, last: boolean): readonly Tree[] {
  if (isLeaf(tree)) {
    const at = tree.waiters.findIndex((each) => each.ticket > waiter.ticket);
    if (at === -1) return parted([...tree.waiters, waiter], last).map(leaf);
    return parted(inserted(tree.waiters, at, waiter), false).map(leaf);
  }
  const at = childFor(tree.children, waiter.ticket);
  const atTheEnd = last && at === tree.children.length - 1;
  const parts = insert(tree.children[at]!, waiter, atTheEnd);
  return parted([...tree.children.slice(0, at), ...parts, ...tree.children.slice(at + 1)], atTheEnd).map(branch);
}

function remove(tree: Tree, ticket: number): Tree | null {
  if (isLeaf(tree)) {
    const waiters = tree.waiters.filter((each) => each.ticket !== ticket);
    return waiters.length === 0 ? null : leaf(waiters);
  }
  const at = childFor(tree.children, ticket);
  const child = remove(tree.children[at]!, ticket);
  if (child !== null) return branch(joined(replaced(tree.children, at, child), at));
  return tree.children.length === 1 ? null : branch(without(tree.children, at));
}

function grown(parts: readonly Tree[]): Tree {
  return parts.length === 1 ? parts[0]! : branch(parts);
}

/** A root with one child says nothing that the child does not say. */
function shrunk(tree: Tree): Tree {
  let root = tree;
  while (!isLeaf(root) && root.children.length === 1) root = root.children[0]!;
  return root;
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
 * and the tree is as shallow as those who still wait are few.
 */
function joined(children: readonly Tree[], at: number): readonly Tree[] {
  for (const left of [at - 1, at]) {
    const [one, other] = [children[left], children[left + 1]];
    if (one === undefined || other === undefined || itemsOf(one) + itemsOf(other) > NODE_ITEMS_MAX >> 1) continue;
    return [...children.slice(0, left), concatenated(one, other), ...children.slice(left + 2)];
  }
  return children;
}

function itemsOf(tree: Tree): number {
  return isLeaf(tree) ? tree.waiters.length : tree.children.length;
}

/** Neighbours stand equally high, so they are of one kind. */
function concatenated(one: Tree, other: Tree): Tree {
  if (isLeaf(one)) return leaf([...one.waiters, ...(other as Leaf).waiters]);
  return branch([...one.children, ...(other as Branch).children]);
}

/** The last child that starts at or before `ticket`. */
function childFor(children: readonly Tree[], ticket: number): number {
  let low = 0;
  let high = children.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (children[middle]!.first <= ticket) low = middle;
    else high = middle - 1;
  }
  return low;
}

function listTree(tree: Tree): readonly Waiter[] {
  return isLeaf(tree) ? tree.waiters : tree.children.flatMap(listTree);
}

const replaced = <T>(items: readonly T[], at: number, item: T): readonly T[] => {
  const copy = items.slice();
  copy[at] = item;
  return copy;
};

const inserted = <T>(items: readonly T[], at: number, item: T): readonly T[] => [
  ...items.slice(0, at),
  item,
  ...items.slice(at),
];

const without = <T>(items: readonly T[], at: number): readonly T[] => [...items.slice(0, at), ...items.slice(at + 1)];

/** Wide enough that a hundred thousand waiters are four nodes deep, narrow enough that a copy is one cache line or two. */
const NODE_ITEMS_MAX = 32;
