import type { Runtime } from '../runtime.js';
import type { Call } from './call.js';

/** Tells those who listen to `call.ended` of the end of a call that is made now: so whoever does not listen pays nothing for it. */
export function tellOfEnd(call: Call, runtime: Runtime, askedAt: number): void {
  call.onSettled((how, error) => {
    // One that was to hear of it once may have been the last.
    if (!runtime.news.tellsOfEnds) return;
    const { name, context, worker } = call;
    const now = runtime.clock.now();
    // What was sent and has come back to the queue waits as if it had never been sent.
    const sentAt = worker === undefined ? now : (call.sentAt ?? now);
    const [waitedMs, ranMs] = [sentAt - askedAt, now - sentAt];
    runtime.news.emit('call.ended', { name, how, worker: worker?.name, waitedMs, ranMs, error, context });
  });
}
