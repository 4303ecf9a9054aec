import { movesIn, type Owed } from './environment.js';
import { canonical } from './identity.js';
import { checkStep, checkWorld, isSettled } from './invariants.js';
import { type Bounds, type Charts, firstWorld, Step, Violation, type World } from './world.js';

export interface Exploration {
  readonly states: number;
  readonly edges: number;
  /** The longest of the shortest ways to a state. */
  readonly depth: number;
  readonly ms: number;
  /** Null if nothing was wrong anywhere. */
  readonly found: Finding | null;
  /** Events that came to a state without a word about them: `chart state event`. */
  readonly unheard: ReadonlySet<string>;
}

/** Something wrong, and the shortest way to it. */
export interface Finding {
  readonly what: string;
  readonly way: readonly string[];
}

/**
 * Every world that can be reached within `bounds`, each looked at once. Stops
 * at the first that breaks an invariant, and otherwise sees that from every
 * one of them all that is owed can be had. `expectations`: hold it against an
 * actor, too, if something comes to it that nobody thought could. `statesMax`: more worlds than that are wrong.
 */
export function explore(
  charts: Charts,
  bounds: Bounds,
  { expectations = true, statesMax = Infinity } = {},
): Exploration {
  const startedAt = performance.now();
  const first = canonical(firstWorld(charts, bounds));
  const index = new Map<string, number>([[first.key, 0]]);
  const parents: number[] = [-1];
  const depths: number[] = [0];
  const owed = { kind: new Graph(), cruel: new Graph() };
  const settled = { kind: [] as number[], cruel: [] as number[] };
  const unheard = new Set<string>();
  let edges = 0;
  const result = (found: Finding | null): Exploration => ({
    states: index.size,
    edges,
    depth: depths.at(-1)!,
    ms: Math.round(performance.now() - startedAt),
    found,
    unheard,
  });
  const wayTo = (state: number, last?: string): string[] => {
    const keys = [...index.keys()];
    const way: string[] = [];
    for (let at = state; at > 0; at = parents[at]!) way.unshift(keys[at]!);
    return retrace(charts, bounds, way, last);
  };

  let frontier: { at: number; world: World }[] = [{ at: 0, world: first.world() }];
  while (frontier.length > 0) {
    const next: typeof frontier = [];
    for (const { at, world } of frontier) {
      for (const how of ['kind', 'cruel'] as const) if (isSettled(world, how)) settled[how].push(at);
      for (const move of movesIn(world, bounds)) {
        const step = new Step(charts, bounds, world);
        try {
          move.make(step);
          for (const { chart, state, event } of step.unheard) unheard.add(`${chart} ${state} ${event}`);
          if (expectations) checkStep(step);
          if (!step.changed) continue;
          edges += 1;
          const reached = canonical(step.done());
          let to = index.get(reached.key);
          if (to === undefined) {
            to = index.size;
            index.set(reached.key, to);
            parents.push(at);
            depths.push(depths[at]! + 1);
            const met = reached.world();
            checkWorld(met);
            if (index.size > statesMax) throw new Violation(`there are more than ${statesMax} worlds`);
            next.push({ at: to, world: met });
          }
          keepOwed(owed, move.owed, at, to);
        } catch (error) {
          return result({
            what: String(error instanceof Violation ? error.message : error),
            way: wayTo(at, move.label),
          });
        }
      }
    }
    frontier = next;
  }
  // Where time may always run out, a world that never answers must settle too.
  const mayBeCruel = bounds.faults.has('timeout') && bounds.deathsMax === Infinity;
  for (const how of mayBeCruel ? (['kind', 'cruel'] as const) : (['kind'] as const)) {
    const stuck = owed[how].firstThatCannotReach(settled[how], index.size);
    if (stuck !== null) return result({ what: `stuck, although the world is ${how}`, way: wayTo(stuck) });
  }
  return result(null);
}

/** The moves that lead through worlds with `keys`, told of real ids and places, and then `last`. */
function retrace(charts: Charts, bounds: Bounds, keys: readonly string[], last: string | undefined): string[] {
  let world = firstWorld(charts, bounds);
  const way: string[] = [];
  for (const key of keys) {
    for (const { label, make } of movesIn(world, bounds)) {
      const step = new Step(charts, bounds, world);
      try {
        make(step);
      } catch {
        continue;
      }
      if (canonical(step.done()).key !== key) continue;
      world = step.done();
      way.push(label);
      break;
    }
  }
  return last === undefined ? way : [...way, last];
}

function keepOwed(owed: Record<'kind' | 'cruel', Graph>, by: Owed, from: number, to: number): void {
  if (by === 'kind' || by === 'both') owed.kind.add(from, to);
  if (by === 'cruel' || by === 'both') owed.cruel.add(from, to);
}

/** Edges only, kept tight: there may be millions. */
class Graph {
  #edges = new Int32Array(1 << 10);
  #length = 0;

  add(from: number, to: number): void {
    if (this.#length + 2 > this.#edges.length) {
      const wider = new Int32Array(this.#edges.length * 2);
      wider.set(this.#edges);
      this.#edges = wider;
    }
    this.#edges[this.#length++] = from;
    this.#edges[this.#length++] = to;
  }

  /** The first node, of those below `size`, from which no edges lead to any of `goals`; null if there is none. */
  firstThatCannotReach(goals: readonly number[], size: number): number | null {
    // Edges sorted by where they lead, so that each node's incoming ones lie together.
    const starts = new Int32Array(size + 2);
    for (let at = 1; at < this.#length; at += 2) starts[this.#edges[at]! + 2]! += 1;
    for (let node = 2; node < starts.length; node++) starts[node]! += starts[node - 1]!;
    const sources = new Int32Array(this.#length / 2);
    for (let at = 0; at < this.#length; at += 2) sources[starts[this.#edges[at + 1]! + 1]!++] = this.#edges[at]!;
    const reaches = new Uint8Array(size);
    const queue = [...goals];
    for (const goal of goals) reaches[goal] = 1;
    for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
      for (let at = starts[node]!; at < starts[node + 1]!; at++) {
        const source = sources[at]!;
        if (reaches[source]) continue;
        reaches[source] = 1;
        queue.push(source);
      }
    }
    const stuck = reaches.indexOf(0);
    return stuck === -1 ? null : stuck;
  }
}
