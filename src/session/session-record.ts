import type { Affinity } from '../../machines/index.js';
import { type Asking, only, preferring, Spurned } from '../call/asking.js';
import type { Child } from '../call/children.js';
import type { Exchange } from '../call/exchange.js';
import type { WorkerHand } from '../worker/worker-hand.js';
import { Held } from './held.js';
import type { Rebuild } from './rebuild.js';
import type { SessionRegistry } from './session-registry.js';

/** One session, as long as it lives, which the registry sees to: where its calls go, and who of it waits to go there. */
export class SessionRecord {
  readonly id: string;
  /** Its state matters: it goes to the worker it has met, and no other. */
  isStrict = false;
  ttlMs: number | undefined;
  /** All workers that may keep something for it. */
  readonly visited = new Set<WorkerHand>();
  /** Calls and leases of it that run or wait. */
  active = 0;
  lastUsed = 0;
  expiry: unknown;
  /** To be told when nothing of it runs or waits. */
  onUnused: readonly (() => void)[] = [];
  readonly #sessions: SessionRegistry;
  #way: Way = UNMET;
  /** Those by whom alone it is strict, while none of them was served: if all are refused, nobody has counted on its state. */
  #unserved: Set<Asking> | undefined;
  /** The first of those by whom it meets a worker is asking for that at this moment. */
  #isAsking = false;
  /** Granted to one that is to meet the worker, and of no use to those who are held. Absent until there is such a slot. */
  #spurned: Spurned | undefined;

  constructor(id: string, sessions: SessionRegistry) {
    this.id = id;
    this.#sessions = sessions;
  }

  /** The worker it met last. */
  get met(): WorkerHand | undefined {
    return this.#way.is === 'met' ? this.#way.worker : undefined;
  }

  /** While its state is being built anew. */
  get rebuild(): Rebuild | undefined {
    return this.#way.is === 'rebuilding' ? this.#way.rebuild : undefined;
  }

  /** Those who wait for it to meet a worker, by their turns, and have asked for none themselves. */
  get held(): Pick<Held, 'size' | 'has' | typeof Symbol.iterator> {
    const way = this.#way;
    return way.is === 'meeting' || way.is === 'rebuilding' ? way.held : NOBODY;
  }

  /** The worker that it is best to meet: those who are held go there, too, and none of them may wait there for ever. */
  get wish(): Affinity | null {
    const { held } = this;
    const isBehind = (worker: WorkerHand) => {
      for (const each of held) if (each.isBehind(worker)) return true;
      return false;
    };
    return preferring(this.#sessions.leastMet(isBehind));
  }

  /** One whose state matters goes to the session's worker, or meets it, or waits until another has. */
  place(asking: Asking): void {
    const way = this.#way;
    if (!this.isStrict) {
      this.isStrict = true;
      this.#unserved = new Set();
    }
    this.#unserved?.add(asking);
    if (way.is === 'met') return asking.ask(only(way.worker));
    if (way.is === 'unmet') return this.#meetBy(asking, new Held());
    if (!asking.letIn()) return;
    const { held } = way;
    if (way.is === 'meeting' && way.first.givesWayTo(asking)) {
      held.addFirst(way.first);
      return this.#meetBy(asking, held);
    }
    held.add(asking);
    this.#sessions.recount(this);
    asking.waitBehind();
  }

  /** Called with what was granted to one whose state matters. False: it is of no use, and another was asked for. */
  granted(asking: Asking, exchange: Exchange): boolean {
    const way = this.#way;
    if (way.is === 'meeting' && way.first === asking) {
      if (this.spurns(asking, exchange)) return false;
      this.meet(exchange.worker);
    }
    this.#unserved = undefined;
    return true;
  }

  /** Those who are held go where that one goes: a slot behind a call that waits for one of them is of no use to it. */
  spurns(asking: Asking, exchange: Exchange): boolean {
    const inVain = this.#inVainFor(exchange);
    if (inVain === undefined) return false;
    this.#spurned ??= new Spurned();
    asking.spurn(exchange, inVain, this.#spurned);
    return true;
  }

  /** It is about to be served by `worker`, and goes there again. Those who waited for that go on. */
  meet(worker: WorkerHand): void {
    if (worker === this.met) return;
    const { held } = this;
    this.#go({ is: 'met', worker });
    this.#sessions.visit(this, worker);
    for (const each of held) if (!each.isSettled) each.ask(only(worker));
    this.#released();
  }

  /** The asking is over. If it was to meet the worker first and did not, the next in line is to. */
  letGo(asking: Asking): void {
    if (this.#unserved?.delete(asking) && this.#unserved.size === 0) {
      this.#unserved = undefined;
      this.isStrict = false;
    }
    const way = this.#way;
    if (way.is === 'unmet' || way.is === 'met') return;
    const { held } = way;
    if (way.is === 'meeting' && way.first === asking) {
      if (!this.#isAsking) this.#meetBy(held.takeFirst(), held);
    } else {
      if (!held.remove(asking)) return;
      this.#sessions.recount(this);
    }
    this.#released();
  }

  /** The worker that it had met has left, with nothing that is missed. */
  forgetWorker(): void {
    this.#go(UNMET);
  }

  /** The one that has been told of its loss waits for its state, and so do all who come meanwhile, wherever a `hint` has been. */
  beginRebuild(rebuild: Rebuild, asking: Asking): void {
    this.isStrict = true;
    this.#unserved = undefined;
    const held = new Held();
    held.add(asking);
    this.#go({ is: 'rebuilding', rebuild, held });
  }

  /** Its state is built on that worker; `undefined`: on one that is still to be leased. */
  rebuildOn(rebuild: Rebuild, worker: WorkerHand | undefined): void {
    rebuild.worker = worker;
    this.#sessions.recount(this);
    if (worker !== undefined) this.#sessions.visit(this, worker);
  }

  /** Its state could not be built. */
  failRebuild(error: unknown): void {
    const { held } = this;
    this.#go(UNMET);
    for (const asking of held) asking.fail(error);
    this.#released();
  }

  /** The first to be served decides which worker the session meets; the others go there after it. */
  #meetBy(first: Asking | undefined, held: Held): void {
    // One that is refused as it asks is followed here: thousands in each other are too many for the stack.
    for (let next = first; next !== undefined; next = held.takeFirst()) {
      const way: Way = { is: 'meeting', first: next, held };
      this.#go(way);
      this.#isAsking = true;
      next.ask(this.wish);
      this.#isAsking = false;
      if (!next.isSettled || this.#way !== way) return;
    }
    this.#go(UNMET);
  }

  /** The first of those held to whom that slot is of no use. */
  #inVainFor(exchange: Exchange): Child | undefined {
    for (const each of this.held) if (each.isOfNoUse(exchange)) return each.child;
    return undefined;
  }

  #go(way: Way): void {
    this.#way = way;
    this.#sessions.recount(this);
  }

  /** Some of those held are so no longer: without them, slots may be of use that were not. */
  #released(): void {
    this.#spurned?.giveBack();
    this.#sessions.released();
  }
}

/** Where the calls of a session go whose state matters. */
type Way =
  /** To no worker: it has met none, or what it kept there is gone. */
  | { readonly is: 'unmet' }
  /** To the one that the first of them will be granted. */
  | { readonly is: 'meeting'; readonly first: Asking; readonly held: Held }
  /** To the one where `onLost` builds the state anew, once it has. */
  | { readonly is: 'rebuilding'; readonly rebuild: Rebuild; readonly held: Held }
  /** To that one. */
  | { readonly is: 'met'; readonly worker: WorkerHand };

const UNMET: Way = { is: 'unmet' };
const NOBODY = new Held();
