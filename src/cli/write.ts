import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Writes, and waits for as long as the stream has enough. */
export async function write(stream: Writable, data: unknown, signal: AbortSignal): Promise<void> {
  if (!stream.write(data)) await once(stream, 'drain', { signal });
}
