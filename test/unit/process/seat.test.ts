import { Duplex, PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { Seat } from '../../../src/process/seat.js';
import type { Line } from '../../../src/wire/channel.js';

it('finds the epoch that comes in two reads into one buffer', () => {
  const line = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  const seat = new Seat(0, undefined, line, { stdout: new PassThrough(), stderr: new PassThrough() });
  const begun: Line[] = [];
  seat.begin('epoch-7', { onBegun: (each) => begun.push(each), onOutput: () => {} });
  const buffer = Buffer.alloc(64);
  for (const text of ['epo', 'ch-7\n']) {
    line.emit('data', buffer.subarray(0, buffer.write(text)));
  }
  expect(begun).toHaveLength(1);
});
