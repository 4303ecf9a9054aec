import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Place } from '../wire/channel.js';

/**
 * The same descriptor, read into one buffer again and again, or straight to where `readInto` says: what comes by `'data'`
 * is of no use once its listener has returned.
 *
 * Node makes a new buffer of 64 KiB for each read otherwise. Its making costs more than a short message's parsing, and
 * for each 64 MB of them the garbage collector goes through all that lives. Where there is no handle to be had the
 * descriptor is read as before.
 */
export function lineSocket(duplex: Duplex): Duplex {
  const owner = duplex as { _handle?: { useUserBuffer?: unknown } | null };
  const handle = owner._handle;
  if (typeof handle?.useUserBuffer !== 'function') return duplex;
  owner._handle = null;
  duplex.destroy();
  const common = Buffer.allocUnsafeSlow(READ_BYTES);
  let current: Buffer | undefined;
  /** What was read last into the common one: what comes next is often as long, and to make a view takes longer than to read it. */
  let piece = common;
  let place: Place | undefined;
  const onread = {
    // Asked at the beginning and after each read. Undefined: the same again.
    buffer: () => {
      const next = place?.() ?? common;
      if (next === current) return undefined;
      current = next;
      return next;
    },
    callback: (length: number, buffer: Buffer) => {
      if (buffer !== common) return socket.emit('data', buffer.subarray(0, length));
      if (piece.length !== length) piece = common.subarray(0, length);
      return socket.emit('data', piece);
    },
  };
  // Node documents `onread` for `connect` alone, and `handle`, by which `node:cluster` passes connections on, not at all.
  const socket: Socket = new Socket({ readable: true, writable: true, ...({ handle, onread } as object) });
  return Object.assign(socket, {
    readInto(where: Place) {
      place = where;
    },
  });
}

const READ_BYTES = 64 * 1024;
