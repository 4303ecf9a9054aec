import { remove } from '../base/remove.js';
import type { HandleEnd } from '../errors.js';
import type { Batch } from '../map/batch.js';
import type { PythonProcess } from '../process/python-process.js';
import { CANCELLED_MAX } from '../process/start-mark.js';
import type { Runtime } from '../runtime.js';
import { busyPoll } from '../time/busy-poll.js';
import { errorFromWire } from '../wire/error.js';
import {
  type ErrorMessage,
  encodeCancel,
  type MappedMessage,
  type MessageDuringCall,
  type PartMessage,
  type ReadyMessage,
} from '../wire/message.js';
import { lengthOf } from '../wire/value.js';
import type { WorkerHand } from '../worker/worker-hand.js';
import type { Call } from './call.js';
import { callOf, type Parent } from './children.js';
import { type Answer, type Exchange, isBegun, type Loss } from './exchange.js';
import { HeldReplyWatch, repliesIn } from './held-replies.js';
import { Outbox } from './outbox.js';
import { Parts } from './parts.js';
import type { Started } from './retries.js';

/** A request that Python owes an answer to: one call, or a batch of them. */
export interface Request {
  readonly id: number;
  /** The same but for a batch, whose calls have the ids from the one to the other. */
  readonly lastId: number;
  readonly call: Call | undefined;
  readonly batch: Batch | undefined;
  readonly exchange: Exchange;
  /** Nobody waits for the answer. */
  isAbandoned: boolean;
  /** And Python has come to it, which the client knows. */
  isRevoked: boolean;
  /** It was granted a worker that runs another's: nothing but the pool's own choice has it wait there. */
  isAhead: boolean;
  /** Given up, and one of its calls had been begun. */
  wasBegun: boolean;
  /** Of a batch, the call that is given up while the others are waited for: the one that runs. */
  lateItem?: number | undefined;
  /** What has come of the next answer already. */
  parts?: Parts;
  /** What objects come by has ended since it was sent, and why no handle of one is of any use. */
  ownerEnd?: HandleEnd;
}

/**
 * What one worker is asked under all of its leases, and what it says to that. In the lane `serial` it runs one request
 * after the other, in the order in which they were sent.
 */
export class Pipe {
  readonly #hand: WorkerHand;
  readonly #runtime: Runtime;
  readonly #process: PythonProcess;
  readonly #outbox: Outbox;
  readonly #isSerial: boolean;
  /** Those that wait for an answer, in the order in which they were sent. */
  readonly #requests: Request[] = [];
  /** The last that it was sent. */
  #lastId = 0;
  /** It lives, and owes an answer. */
  #isAtWork = false;
  /** A signal interrupts its call, and is not the end of it. */
  #interrupts = false;
  /** It can open files of ours. */
  #shares = false;
  /** Known once it was asked. */
  #takesSeveral: boolean | undefined;
  /** When it last answered a request. */
  #answeredAt = 0;
  /** Absent where every reply is sent at once. */
  #heldReplies: HeldReplyWatch | undefined;
  /** The answers that it had given and not sent at its end, by request. */
  #atEnd: ReadonlyMap<number, Answer> | undefined;
  /** Nothing comes from it any more. */
  #isClosed = false;

  constructor(hand: WorkerHand, process: PythonProcess) {
    this.#hand = hand;
    this.#runtime = hand.runtime;
    this.#process = process;
    this.#isSerial = hand.runtime.settings.lane === 'serial';
    this.#outbox = new Outbox(
      {
        send: (line, bin, isUrgent) => this.#tell(line, bin, isUrgent),
        whenTaken: (run) => this.#process.whenTaken?.(run) ?? false,
      },
      (id, isRequest) => {
        const request = this.requestOf(id);
        // Of one that was given up nothing is missed, and its call may go on elsewhere.
        if (request?.isAbandoned === false) request.call?.failForBytes(isRequest);
      },
    );
  }

  /** Python may hold replies back, which are looked for from now on. False: it is to send each at once. */
  looksForReplies(): boolean {
    if (!this.#isSerial || this.#process.mark?.heldReplies === undefined) return false;
    this.#heldReplies = new HeldReplyWatch(this.#runtime.clock, {
      hasSeveral: () => this.#requests.length > 1,
      read: () => this.#process.mark?.heldReplies?.(),
      isOwed: (id) => this.requestOf(id) !== undefined,
      onReply: this.#hand.onMessage,
    });
    return true;
  }

  /** It can be asked from now on. */
  open({ interrupts, shares = false }: ReadyMessage): void {
    this.#interrupts = interrupts;
    this.#shares = shares;
  }

  /** Its process is gone: nothing comes from it any more, and nobody reads what is sent. */
  close(): void {
    this.#isClosed = true;
    this.#noteWork();
    this.#heldReplies?.end();
    this.#outbox.close();
  }

  // ---------------------------------------------------------------- what is in it

  /** Those that wait for an answer, in the order in which they were sent. */
  get requests(): readonly Request[] {
    return this.#requests;
  }

  /** To how many requests it owes an answer. */
  get owes(): number {
    return this.#requests.length;
  }

  /** To how many calls it owes an answer, those of batches one by one. */
  get calls(): number {
    return this.#requests.reduce((calls, { batch }) => calls + (batch ? batch.count - batch.answered : 1), 0);
  }

  /** The request that the call of that id belongs to: the first, where Python runs one after the other. */
  requestOf(id: number): Request | undefined {
    for (const request of this.#requests) if (request.id <= id && id <= request.lastId) return request;
    return undefined;
  }

  /** What has no call's mark on it can be told to belong to one if only that one is unanswered. */
  get onlyRequest(): number | null {
    const [first] = this.#requests;
    return this.#requests.length === 1 && first!.id === first!.lastId ? first!.id : null;
  }

  /**
   * Requests may follow each other without waiting for answers: Python runs one after the other, and the page that it
   * shares says which it has begun, and tells it which it need not begin.
   */
  get takesSeveral(): boolean {
    this.#takesSeveral ??= this.#isSerial && this.#process.mark?.read() !== undefined;
    return this.#takesSeveral;
  }

  /**
   * Whether a call with raw bytes may be sent behind the others: the kernel takes all of it, however long Python stays with
   * what it runs. What the kernel has not taken is read from where it is, and may have been transferred by then, as soon as
   * its caller has given up.
   */
  hasRoomFor(call: Call): boolean {
    let room = LINE_BYTES - LETTER_BYTES - lengthOf(call);
    // What it runs it has read.
    for (let at = 1; at < this.#requests.length && room >= 0; at += 1) {
      const behind = this.#requests[at]?.call;
      if (behind !== undefined) room -= LETTER_BYTES + lengthOf(behind);
    }
    return room >= 0;
  }

  /** Python has come to that request. In the lane `serial` those behind the first wait. */
  runs(request: Request): boolean {
    return !this.#isSerial || this.#requests[0] === request;
  }

  /** Which call of that batch runs, by its number there: of those before it answers are on their way, or wait for others. */
  runningIn({ id, lastId }: Request, { answered }: Batch): number {
    const last = this.#process.mark?.read() ?? id;
    return Math.max(answered, Math.min(last, lastId) - id);
  }

  /** The one that Python runs, where `request` waits behind it. */
  ahead(request: Request): Request | undefined {
    return this.runs(request) ? undefined : this.#requests[0];
  }

  /** The calls that Python has not come to, the last first. */
  get behind(): Call[] {
    const behind = this.#requests.filter((request) => !this.runs(request));
    return behind.flatMap(({ call }) => call ?? []).reverse();
  }

  /** The call behind which one would wait that were sent now; undefined once Python lets go of that. */
  get inFront(): Parent | undefined {
    if (!this.#isSerial) return callOf(this.#hand.blockedBy);
    const [first] = this.#requests;
    return first?.isAbandoned === false ? first.call : undefined;
  }

  /** What it runs was given up, and keeps waiting whatever is behind that for as long as it takes. */
  get isHeldUp(): boolean {
    return this.#requests[0]?.isRevoked ?? false;
  }

  /** Whether that request is, or was, on the line. */
  hasSent(id: number): boolean {
    return this.#outbox.hasSent(id);
  }

  /** Whether Python has begun with that request. */
  hasStarted(id: number): Started {
    if (!this.hasSent(id)) return false;
    const last = this.#process.mark?.read();
    return last === undefined ? 'unknown' : id <= last;
  }

  // ---------------------------------------------------------------- what it is told

  /** The request that is to be sent next. */
  request(call: Call | undefined, batch: Batch | undefined, exchange: Exchange): Request {
    const id = this.#nextId();
    const lastId = batch === undefined ? id : this.#runtime.nextRequestId(batch.count - 1);
    this.#lastId = lastId;
    const request = {
      id,
      lastId,
      call,
      batch,
      exchange,
      isAbandoned: false,
      isRevoked: false,
      wasBegun: false,
      isAhead: false,
    };
    this.#requests.push(request);
    this.#noteWork();
    return request;
  }

  /** One whose word on the page of those who are given up is that of no other that is unanswered: of two of them one would be begun. */
  #nextId(): number {
    let id = this.#runtime.nextRequestId();
    while (this.#sharesWord(id)) id = this.#runtime.nextRequestId();
    return id;
  }

  #sharesWord(id: number): boolean {
    const oldest = this.#requests[0];
    // Most come close behind each other. And where more are unanswered than there are words, some share theirs.
    if (oldest === undefined || id - oldest.id < CANCELLED_MAX || this.#requests.length >= CANCELLED_MAX) return false;
    return this.#requests.some((each) => (id - each.id) % CANCELLED_MAX === 0);
  }

  send({ id, lastId, call, batch }: Request): void {
    const isUrgent = this.#requests.length === 1;
    if (!isUrgent) this.#heldReplies?.begin();
    if (call !== undefined) this.#outbox.request(id, call, this.#shares, isUrgent);
    else if (batch !== undefined) this.#outbox.batch(id, lastId, batch.lineFrom(id));
  }

  /**
   * Says something that is no request, behind all that was said before.
   *
   * @param of The request that it belongs to, if it has raw bytes.
   */
  say(line: string, bin?: readonly Uint8Array[], of?: number): void {
    this.#outbox.send(line, bin, of);
  }

  /** Takes back a request that was not sent, since its arrays are still being written, or the line has no room. False: it was sent. */
  withdraw(request: Request): boolean {
    if (!this.#outbox.withdraw(request.id)) return false;
    this.answered(request);
    // Not before: one behind it may be refused as its turn comes, and Python goes on to the first that is left.
    this.#outbox.goOn();
    this.goOn();
    return true;
  }

  /** Lets Python see, before it comes to that request, that nobody waits for it any more. */
  forestall({ id, batch }: Request): void {
    // Before a batch it looks in any case. Of two signals in a row, a thread that sleeps may not hear the second.
    this.#process.cancel(id, this.#interrupts && batch === undefined);
  }

  /** Asks Python to end the request that nobody waits for any more, or one call of a batch. */
  interrupt(id: number, isItem = false): void {
    this.#process.cancel(id, this.#interrupts, isItem);
    // Before what waits in the outbox, which is of others: it may take longer than Python is given to end this.
    this.#tell(encodeCancel(id));
  }

  #tell(line: string, bin?: readonly Uint8Array[], isUrgent?: boolean): void {
    this.#process.send(line, bin, isUrgent);
    this.answersSoon();
  }

  /** Signals once more that nobody waits for that request, if it is unanswered yet. */
  signal(id: number): void {
    if (this.requestOf(id) !== undefined) this.#process.cancel(id, this.#interrupts);
  }

  // ---------------------------------------------------------------- what it says to that

  onAnswer(id: number, answer: Answer, tookUs: number | undefined): void {
    const request = this.requestOf(id);
    if (request === undefined && this.#heldReplies?.sent(id)) return;
    if (request?.batch !== undefined && request.exchange.answerOne(request, request.batch, id, answer, tookUs)) return;
    if (request?.call === undefined) return this.#broke(`an answer to request ${id}, which nobody asked`);
    this.#outbox.answered(id);
    const { poison } = this.#runtime;
    // What was never begun has not survived anything.
    if (!poison.isEmpty && isBegun(answer)) poison.survived(request.call);
    this.answered(request);
    this.#measure(request.call, answer, tookUs);
    request.exchange.answer(request, answer);
    this.goOn();
  }

  onError({ id, error, started, tookUs }: ErrorMessage): void {
    const request = this.requestOf(id);
    const name = request?.batch?.name ?? request?.call?.name;
    this.onAnswer(id, { error: errorFromWire(error, name, request?.call?.thrown), started }, tookUs);
  }

  onMapped(message: MappedMessage): void {
    const request = this.requestOf(message.id);
    if (request?.exchange.answerMapped(request, message)) return;
    this.#broke(`answers to requests from ${message.id} on, which nobody asked in that order`);
  }

  onPart(message: PartMessage): void {
    const { id } = message;
    const request = this.requestOf(id);
    if (request === undefined) return this.#broke(`\`part\` for request ${id}, which has no use for it`);
    if (request.parts?.id !== id) request.parts = new Parts(id);
    const bytes = request.parts.add(message);
    const { messageBytesMax } = this.#runtime.settings.limits;
    if (bytes <= messageBytesMax) return;
    this.#broke(`parts of ${bytes} bytes for request ${id}, and \`messageBytesMax\` is ${messageBytesMax}`);
  }

  onSaid(message: MessageDuringCall): void {
    const { id, type } = message;
    const request = this.requestOf(id);
    // A thread that the function has left behind may have told so as the answer was on its way.
    const isLate = id <= this.#lastId && (type === 'progress' || type === 'heartbeat');
    if (request?.exchange.hear(request, message) ?? isLate) return;
    this.#broke(`\`${type}\` for request ${id}, which has no use for it`);
  }

  #broke(detail: string): void {
    this.#hand.life.broke(detail);
  }

  /** It owes no answer to that request any more. */
  answered(request: Request): void {
    remove(this.#requests, request);
    this.#noteWork();
  }

  /** Python comes to the next. */
  goOn(): void {
    const next = this.#requests[0];
    next?.exchange.onRunning(next);
    if (this.#hand.hasSpurned) this.#hand.giveBackSpurned();
  }

  /** How long it ran: from the answer before it, if it was in the pipe by then. */
  #measure(call: Call, answer: Answer, tookUs: number | undefined): void {
    const now = this.#hand.heardAt as number;
    const since = Math.max(call.sentAt ?? now, this.#answeredAt);
    this.#answeredAt = now;
    // What was given up in the pipe never ran.
    if (!call.isPlain || !isBegun(answer)) return;
    // Of a short one Python says nothing, and one that shares no page with Node never does.
    const tookMs = this.#heldReplies && (tookUs === undefined ? 0 : Math.max(tookUs, 1) / 1000);
    this.#runtime.prefetch.ran(call, now - since, tookMs, this.#requests[0]?.isAhead === true);
  }

  #noteWork(): void {
    const isAtWork = this.#requests.length > 0 && !this.#isClosed;
    if (isAtWork === this.#isAtWork) return;
    this.#isAtWork = isAtWork;
    busyPoll.atWork += isAtWork ? 1 : -1;
  }

  /** Something may come from it, if anybody waits for that. */
  answersSoon(): void {
    if (!busyPoll.hasRoom || !this.#runtime.settings.busyPoll) return;
    if (this.#requests.some(({ isAbandoned }) => !isAbandoned)) busyPoll.soon();
  }

  // ---------------------------------------------------------------- once it says no more

  /** The answer that Python gave to that request and has not sent, whatever it ended of. */
  heldAnswer({ id }: Request): Answer | undefined {
    this.#atEnd ??= this.#takeAtEnd();
    return this.#atEnd.get(id);
  }

  /** What has been answered is not what it ended of. */
  #takeAtEnd(): ReadonlyMap<number, Answer> {
    const answers = new Map<number, Answer>();
    for (const { id, value } of repliesIn(this.#process.mark?.heldReplies?.()?.lines ?? [])) {
      const request = this.requestOf(id);
      if (request?.call === undefined) continue;
      this.answered(request);
      this.#runtime.poison.survived(request.call);
      answers.set(id, { value });
    }
    return answers;
  }

  /** How a request was lost that will not be answered. */
  loss(request: Request, call: Call): Loss {
    const { end } = this.#hand.life;
    const started = this.hasStarted(request.id);
    if (end.because === 'stopped') return { error: this.#runtime.refusal('closed'), started, isFinal: true };
    // It ended by itself while that request ran.
    if (started !== false && end.isUnasked && this.runs(request)) {
      this.#runtime.prefetch.broke(call);
      const isSpent = call.died();
      // Of what was asked of it, one alone can have run.
      const ranAlone = this.#isSerial || this.#requests.length === 1;
      this.#runtime.poison.died(call, this.#hand.id, isSpent && ranAlone);
    } else if (started !== false && request.isRevoked) {
      this.#runtime.prefetch.hung(call, this.#requests[1]?.isAhead === true);
    }
    return { error: end.lossOf(call.name, call.toldAs(started)), started, isFinal: false };
  }

  /** How the call with that id was lost, of a batch that will not be answered. */
  lossOfItem(batch: Batch, id: number): Loss {
    const { end } = this.#hand.life;
    const started = this.hasStarted(id);
    if (end.because === 'stopped') return { error: this.#runtime.refusal('closed'), started, isFinal: true };
    // Those before it were run to their ends, and their answers are lost with it.
    if (end.isUnasked && id === this.#process.mark?.read()) {
      this.#runtime.poison.died({ name: batch.name, ...batch.requestOfNext() }, this.#hand.id, false);
    }
    return { error: end.lossOf(batch.name, { started, attempts: 1 }), started, isFinal: false };
  }
}

/** Linux takes 208 KiB, in which it counts what it needs for each write. */
const LINE_BYTES = 128 * 1024;
/** That is less, for one of a kilobyte or more. */
const LETTER_BYTES = 1024;
