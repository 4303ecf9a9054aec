/**
 * The wait queue: who asked and has no worker yet, in order.
 *
 * A plain, pure value: every function returns a new queue and leaves the old
 * one as it was, so that a chart which holds it can be explored, replayed and
 * taken back. Waiters stand in sorted trees, so that adding, taking,
 * cancelling and putting one back to its old place all cost the same small
 * number of copies, however long the queue. A cancelled waiter is gone at
 * once: there are no gravestones to walk past.
 *
 * Who is next, of those who may have a worker:
 * 1. Of one priority and one fairness key, the earliest ticket.
 * 2. Of one priority, the keys take turns: one that is served, or comes anew, goes to the end of the round.
 * 3. Of the first of each priority, the one who asked earliest, where a step of priority counts as `ageAfterMs` of
 *    waiting. So a higher priority overtakes for so long and no longer.
 */
import {
  findItem,
  firstItem,
  hasOneItem,
  listItems,
  loneItem,
  type SortedTree,
  withItem,
  withoutItem,
} from './sorted-tree.js';

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
  /** When it asked, in ms of the pool's clock. */
  readonly askedAt: number;
  /** A higher number goes first. */
  readonly priority: number;
  /** Whoever bears the same key shares turns with it; those without are one such party. */
  readonly fairnessKey: string | null;
  readonly affinity: Affinity | null;
  /** False: refuse rather than let it wait. */
  readonly mayWait: boolean;
  /** Its call is known to be short, so that it may stand in a worker's pipe behind others that are. */
  readonly isShort: boolean;
}

/** What does not change while the queue does. */
export interface QueueRules {
  /** How long one has to wait to count as one priority higher. */
  readonly ageAfterMs: number;
  /** Null: whoever waits is served in the end. */
  readonly shed: ShedRule | null;
}

/** When somebody is refused so that the others are served in time: CoDel, for callers that do not slow down. */
export interface ShedRule {
  /** How long a waiter may well wait. */
  readonly targetMs: number;
  /** For how long everybody must have waited longer than that. */
  readonly intervalMs: number;
}

/** Who waits, as a value for the functions of this file. */
export interface WaitQueue {
  readonly rules: QueueRules;
  /** How many wait. */
  readonly size: number;
  /** All who wait, if they are of one group, as in most queues. */
  readonly lone: Group | null;
  /** Else those who wait, by priority, the highest first. None is empty. */
  readonly ranks: readonly Rank[];
  /** The number of the next turn. */
  readonly nextTurn: number;
}

/** Those of one priority. */
interface Rank {
  readonly priority: number;
  /** By key. None is empty. */
  readonly groups: SortedTree<Group>;
  /** The turns of the groups in which somebody waits whom any worker may serve. */
  readonly anyone: SortedTree<Turn> | null;
  /** And of those in which somebody waits for one worker and no other, by its id. */
  readonly bound: Readonly<Record<WorkerId, SortedTree<Turn>>>;
}

/** Those of one priority and one fairness key. */
interface Group {
  readonly priority: number;
  /** Empty: those without. */
  readonly key: string;
  readonly turn: Turn;
  /** How many wait. */
  readonly size: number;
  readonly anyone: SortedTree<Waiter> | null;
  readonly bound: Readonly<Record<WorkerId, SortedTree<Waiter>>>;
  /** Since when all of its waiters who came up for a worker had waited longer than they should. */
  readonly lateSince: number | null;
}

/** Where a group stands in the round. */
interface Turn {
  readonly number: number;
  /** Of whoever began it: decides where two numbers are the same. */
  readonly ticket: number;
  readonly key: string;
}

/** Somebody is served. */
export interface Taken {
  readonly waiter: Waiter;
  /** The turn that its group took by it, should it come back. */
  readonly turn: number;
  /** Those who were passed over for having waited too long, and are out of the queue. */
  readonly shed: readonly Waiter[];
  readonly queue: WaitQueue;
}

/** A queue in which nobody waits. */
export function emptyQueue(rules: QueueRules): WaitQueue {
  return { rules, size: 0, lone: null, ranks: NONE, nextTurn: 1 };
}

/** The queue with `waiter` at the end of its group, which joins the end of the round if it was empty. */
export function addWaiter(queue: WaitQueue, waiter: Waiter): WaitQueue {
  const group = groupOf(queue, waiter);
  const turn = group?.turn ?? { number: queue.nextTurn, ticket: waiter.ticket, key: keyOf(waiter) };
  const nextTurn = group === undefined ? queue.nextTurn + 1 : queue.nextTurn;
  return added(queue, nextTurn, waiter, group, turn);
}

/** The queue with one who was served in vain at its old place again: by its ticket in its group, and that at its old turn. */
export function returnWaiter(queue: WaitQueue, waiter: Waiter, number: number): WaitQueue {
  const turn = { number, ticket: waiter.ticket, key: keyOf(waiter) };
  const group = groupOf(queue, waiter);
  const isSooner = group === undefined || byTurn(turn, group.turn) < 0;
  return added(queue, queue.nextTurn, waiter, group, isSooner ? turn : group.turn);
}

/** The queue without `waiter`; the same queue if it does not wait there. */
export function removeWaiter(queue: WaitQueue, waiter: Waiter): WaitQueue {
  const group = groupOf(queue, waiter);
  if (group === undefined || !hasWaiter(queue, waiter)) return queue;
  return regrouped(queue, queue.size - 1, queue.nextTurn, group, without(group, waiter));
}

/** Whether `waiter` is in the queue. */
export function hasWaiter(queue: WaitQueue, waiter: Waiter): boolean {
  const group = groupOf(queue, waiter);
  return group !== undefined && findItem(waitersBeside(group, waiter), waiter, byTicket) !== undefined;
}

/** How many wait under that key, of whatever priority. */
export function countWaiters(queue: WaitQueue, fairnessKey: string): number {
  return ranksOf(queue).reduce((sum, { groups }) => sum + (findGroup(groups, fairnessKey)?.size ?? 0), 0);
}

/** Whether somebody waits whom that worker may serve. */
export function isAwaited({ lone, ranks }: WaitQueue, worker: WorkerId): boolean {
  const awaits = ({ anyone, bound }: Group | Rank) => anyone !== null || bound[worker] !== undefined;
  return lone === null ? ranks.some(awaits) : awaits(lone);
}

/** Who gets `worker` next. */
export function firstWaiterFor(queue: WaitQueue, worker: WorkerId): Waiter | undefined {
  const group = groupFor(queue, worker);
  return group && firstIn(group, worker);
}

/**
 * Whoever gets `worker` next is served, and its group goes to the end of the round. By a rule to shed, those of its
 * group who have waited too long at the moment `at` are passed over, but never the last of them. Without a moment nobody is.
 */
export function takeFirst(queue: WaitQueue, worker: WorkerId, at: number | null): Taken | undefined {
  let shed: Waiter[] | undefined;
  let now = queue;
  for (;;) {
    const group = groupFor(now, worker);
    const waiter = group && firstIn(group, worker);
    if (group === undefined || waiter === undefined) return undefined;
    const { shed: rule } = queue.rules;
    const lateSince = rule === null || at === null ? group.lateSince : lateSinceBy(rule, group, waiter, at);
    const left = without(lateSince === group.lateSince ? group : { ...group, lateSince }, waiter);
    const size = now.size - 1;
    if (rule && at !== null && isTooLate(rule, waiter, lateSince, at) && left && firstIn(left, worker)) {
      shed ??= [];
      shed.push(waiter);
      now = regrouped(now, size, now.nextTurn, group, left);
      continue;
    }
    const { nextTurn } = now;
    const turn = group.turn.number;
    // Nobody is there to let go first.
    if (left === undefined || isAlone(now, group)) {
      return { waiter, turn, shed: shed ?? NONE, queue: regrouped(now, size, nextTurn, group, left) };
    }
    const after = { ...left, turn: { number: nextTurn, ticket: waiter.ticket, key: group.key } };
    return { waiter, turn, shed: shed ?? NONE, queue: regrouped(now, size, nextTurn + 1, group, after) };
  }
}

/** Those who wait for `worker` alone, and the queue without them. */
export function takeBound(queue: WaitQueue, worker: WorkerId): [readonly Waiter[], WaitQueue] {
  const gone: Waiter[] = [];
  let now = queue;
  for (const { groups, bound } of ranksOf(queue)) {
    for (const turn of listItems(bound[worker])) {
      const group = findGroup(groups, turn.key) as Group;
      const mine = listItems(group.bound[worker]);
      // One by one, here and below: more arguments than the stack has room for may wait.
      for (const waiter of mine) gone.push(waiter);
      const size = group.size - mine.length;
      const left = size === 0 ? undefined : { ...group, size, bound: withTree(group.bound, worker, null) };
      now = regrouped(now, now.size - mine.length, now.nextTurn, group, left);
    }
  }
  return [gone, now];
}

/** Everybody who waits, in no promised order. Linear: for refusing all, for tests and for pictures. */
export function listWaiters(queue: WaitQueue): readonly Waiter[] {
  const all: Waiter[] = [];
  for (const { groups } of ranksOf(queue)) {
    for (const { anyone, bound } of listItems(groups)) {
      for (const tree of [anyone, ...Object.values(bound)]) for (const waiter of listItems(tree)) all.push(waiter);
    }
  }
  return all;
}

/** Less than 0: `one` asked before `other`, where a step of priority counts as so much of waiting. */
export function byAge(rules: QueueRules): (one: Waiter, other: Waiter) => number {
  const since = ({ askedAt, priority }: Waiter) => askedAt - priority * rules.ageAfterMs;
  return (one, other) => since(one) - since(other) || byTicket(one, other);
}

// ---------------------------------------------------------------- who is first

/** The group of whoever gets `worker` next, if there is such a one. */
function groupFor({ rules, lone, ranks }: WaitQueue, worker: WorkerId): Group | undefined {
  if (lone !== null) return lone;
  let next: Group | undefined;
  for (const rank of ranks) {
    const group = groupAtTurn(rank, worker);
    if (group === undefined) continue;
    if (next === undefined || byAge(rules)(firstIn(next, worker)!, firstIn(group, worker)!) >= 0) next = group;
  }
  return next;
}

function groupAtTurn({ groups, anyone, bound }: Rank, worker: WorkerId): Group | undefined {
  const turn = earlier(firstItem(anyone), firstItem(bound[worker]), byTurn);
  return turn && findGroup(groups, turn.key);
}

function firstIn({ anyone, bound }: Group, worker: WorkerId): Waiter | undefined {
  return earlier(firstItem(anyone), firstItem(bound[worker]), byTicket);
}

function earlier<T>(one: T | undefined, other: T | undefined, order: (one: T, other: T) => number): T | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return order(one, other) <= 0 ? one : other;
}

// ---------------------------------------------------------------- who has waited too long

/** Since when the group stands, now that this one comes up. One who comes up in time shows that it does not. */
function lateSinceBy({ targetMs }: ShedRule, group: Group, { askedAt }: Waiter, at: number): number | null {
  return at - askedAt < targetMs ? null : (group.lateSince ?? at);
}

function isTooLate(
  { targetMs, intervalMs }: ShedRule,
  { askedAt }: Waiter,
  lateSince: number | null,
  at: number,
): boolean {
  return lateSince !== null && at - lateSince >= intervalMs && at - askedAt > 2 * targetMs;
}

// ---------------------------------------------------------------- groups, one for each priority and key

function groupOf({ lone, ranks }: WaitQueue, waiter: Waiter): Group | undefined {
  const { priority } = waiter;
  const key = keyOf(waiter);
  if (lone === null) return groupAmong(ranks, priority, key);
  return lone.priority === priority && lone.key === key ? lone : undefined;
}

function groupAmong(ranks: readonly Rank[], priority: number, key: string): Group | undefined {
  const rank = ranks.find((each) => each.priority === priority);
  return rank && findGroup(rank.groups, key);
}

function findGroup(groups: SortedTree<Group>, key: string): Group | undefined {
  return findItem<{ key: string }>(groups, { key }, byKey) as Group | undefined;
}

function waitersBeside(group: Group, { affinity }: Waiter): SortedTree<Waiter> | null {
  return (affinity?.strict ? group.bound[affinity.worker] : group.anyone) ?? null;
}

/** @param was The group of that waiter, if there is one. */
function added(queue: WaitQueue, nextTurn: number, waiter: Waiter, was: Group | undefined, turn: Turn): WaitQueue {
  const { priority } = waiter;
  const group = was ?? { priority, key: keyOf(waiter), turn, size: 0, anyone: null, bound: {}, lateSince: null };
  const tree = withItem(waitersBeside(group, waiter), waiter, byTicket);
  const is = withWaiters(group, waiter, tree, turn, group.size + 1);
  return regrouped(queue, queue.size + 1, nextTurn, was, is);
}

function without(group: Group, waiter: Waiter): Group | undefined {
  if (group.size === 1) return undefined;
  const tree = withoutItem(waitersBeside(group, waiter) as SortedTree<Waiter>, waiter, byTicket);
  return withWaiters(group, waiter, tree, group.turn, group.size - 1);
}

/** The group with those who wait for the same as `waiter`. All names are written out: V8 takes ten times as long for a spread. */
function withWaiters(
  { priority, key, anyone, bound, lateSince }: Group,
  { affinity }: Waiter,
  tree: SortedTree<Waiter> | null,
  turn: Turn,
  size: number,
): Group {
  if (!affinity?.strict) return { priority, key, turn, size, anyone: tree, bound, lateSince };
  return { priority, key, turn, size, anyone, bound: withTree(bound, affinity.worker, tree), lateSince };
}

// ---------------------------------------------------------------- ranks, one for each priority

/** The queue of that size with a group as it is now in place of what it was; either may be absent. */
function regrouped(
  queue: WaitQueue,
  size: number,
  nextTurn: number,
  was: Group | undefined,
  is: Group | undefined,
): WaitQueue {
  const { rules } = queue;
  // Whose place among others nobody has to look for.
  if (size === is?.size) return { rules, size, lone: is, ranks: NONE, nextTurn };
  const now = reranked(ranksOf(queue), was, is);
  const [first] = now;
  const only = now.length === 1 ? loneItem(first!.groups) : undefined;
  if (only !== undefined) return { rules, size, lone: only, ranks: NONE, nextTurn };
  return { rules, size, lone: null, ranks: now, nextTurn };
}

function reranked(ranks: readonly Rank[], was: Group | undefined, is: Group | undefined): readonly Rank[] {
  const { priority } = (is ?? was) as Group;
  const at = ranks.findIndex((rank) => rank.priority <= priority);
  const index = at === -1 ? ranks.length : at;
  const found = ranks[index];
  const rank = found?.priority === priority ? found : undefined;
  const groups = is ? withItem(rank?.groups ?? null, is, byKey) : withoutItem(rank!.groups, was as Group, byKey);
  const next = groups && {
    priority,
    groups,
    anyone: withTurn(rank?.anyone ?? null, was?.anyone ? was.turn : undefined, is?.anyone ? is.turn : undefined),
    bound: withTurns(rank?.bound ?? {}, was, is),
  };
  return ranks.toSpliced(index, rank ? 1 : 0, ...(next ? [next] : []));
}

/** The ranks of a queue, though it has but one group. */
export function ranksOf({ lone, ranks }: WaitQueue): readonly Rank[] {
  return lone === null ? ranks : [rankOf(lone)];
}

/** The rank that has that group and no other. */
function rankOf(group: Group): Rank {
  const [rank] = reranked(NONE, undefined, group);
  return rank!;
}

/** No other of that priority waits. */
function isAlone({ lone, ranks }: WaitQueue, { priority }: Group): boolean {
  return lone !== null || hasOneItem(ranks.find((each) => each.priority === priority)!.groups);
}

function withTurn(turns: SortedTree<Turn> | null, was: Turn | undefined, is: Turn | undefined) {
  if (was === is) return turns;
  const left = was ? withoutItem(turns as SortedTree<Turn>, was, byTurn) : turns;
  return is ? withItem(left, is, byTurn) : left;
}

function withTurns(bound: Rank['bound'], was: Group | undefined, is: Group | undefined): Rank['bound'] {
  if (was?.bound === is?.bound && was?.turn === is?.turn) return bound;
  let now = bound;
  for (const name of Object.keys({ ...was?.bound, ...is?.bound })) {
    const worker = Number(name);
    const turns = withTurn(now[worker] ?? null, was?.bound[worker] && was.turn, is?.bound[worker] && is.turn);
    now = withTree(now, worker, turns);
  }
  return now;
}

function withTree<T>(
  trees: Readonly<Record<WorkerId, SortedTree<T>>>,
  worker: WorkerId,
  tree: SortedTree<T> | null,
): Readonly<Record<WorkerId, SortedTree<T>>> {
  if (tree !== null) return { ...trees, [worker]: tree };
  const { [worker]: _, ...others } = trees;
  return others;
}

// ---------------------------------------------------------------- orders

const keyOf = ({ fairnessKey }: Waiter) => fairnessKey ?? '';
const byTicket = (one: Waiter, other: Waiter) => one.ticket - other.ticket;
const byTurn = (one: Turn, other: Turn) => one.number - other.number || one.ticket - other.ticket;
const byKey = (one: { key: string }, other: { key: string }) =>
  one.key < other.key ? -1 : one.key > other.key ? 1 : 0;
const NONE: readonly never[] = [];
