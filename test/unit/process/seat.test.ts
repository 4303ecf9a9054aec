import { Duplex, PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { Seat } from '../../../src/process/seat.js';
import type { Line, Place } from '../../../src/wire/channel.js';

it('finds the epoch that comes in two reads into one buffer', () => {
  expect(begunBy(['epo', 'ch-7\n'])).toHaveLength(1);
});

it('keeps what comes before anybody listens, though the next read comes into the same buffer', async () => {
  const heard: string[] = [];
  const [line] = begunBy(['epoch-7\nfirst, ', 'second, ', 'third']);
  line!.on('data', (chunk) => heard.push(chunk.toString()));
  await new Promise(setImmediate);
  expect(heard).toEqual(['first, ', 'second, ', 'third']);
});

it('lets its descriptor be read straight to where a worker has it, as long as that has the seat', async () => {
  const places: Place[] = [];
  const socket = Object.assign(silent(), { readInto: (place: Place) => places.push(place) });
  const [line] = begunBy(['epoch-7\n'], socket);
  const store = Buffer.alloc(8);
  line!.readInto!(() => store);
  expect(places.map((place) => place())).toEqual([store]);
  line!.destroy();
  expect(places.map((place) => place())).toEqual([undefined]);
});

/** The lines of a seat that begin as these texts are read, each into the same buffer. */
function begunBy(texts: readonly string[], socket = silent()): Line[] {
  const seat = new Seat(0, undefined, socket, { stdout: new PassThrough(), stderr: new PassThrough() });
  const begun: Line[] = [];
  seat.begin('epoch-7', { onBegun: (each) => begun.push(each), onOutput: () => {} });
  const buffer = Buffer.alloc(64);
  for (const text of texts) socket.emit('data', buffer.subarray(0, buffer.write(text)));
  return begun;
}

function silent(): Duplex {
  return new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
}
