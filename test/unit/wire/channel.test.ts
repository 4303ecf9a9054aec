import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type Duplex, duplexPair } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { lineSocket } from '../../../src/process/line-socket.js';
import { Channel } from '../../../src/wire/channel.js';
import { type MessageFromPython, messageOf, type ReplyMessage } from '../../../src/wire/message.js';
import type { Resolve } from '../../../src/wire/rich.js';

describe('a channel', () => {
  it('tells each message, in order', async () => {
    const { far, told } = open();
    far.write(reply(1) + reply(2).slice(0, 5));
    far.end(reply(2).slice(5));
    await told.end;
    expect(told.ids).toEqual([1, 2]);
    expect(told.ends).toEqual([undefined]);
  });

  it('writes the first line of a turn at once, joins the others, and ends each with a newline', async () => {
    const { channel, near, far } = open();
    const write = vi.spyOn(near, 'write');
    channel.send('{"a":1}');
    expect(write).toHaveBeenCalledTimes(1);
    channel.send('{"a":2}');
    channel.send('{"a":3}');
    expect(write).toHaveBeenCalledTimes(1);
    await settled();
    channel.send('{"a":4}');
    await settled();
    expect(write.mock.calls.map(([lines]) => lines)).toEqual(['{"a":1}\n', '{"a":2}\n{"a":3}\n', '{"a":4}\n']);
    expect(String(far.read())).toBe('{"a":1}\n{"a":2}\n{"a":3}\n{"a":4}\n');
  });

  it('writes a line that is not urgent at the end of the turn, with those that follow it', async () => {
    const { channel, near } = open();
    const write = vi.spyOn(near, 'write');
    channel.send('{"a":1}', [], false);
    channel.send('{"a":2}');
    expect(write).not.toHaveBeenCalled();
    await settled();
    expect(write.mock.calls).toEqual([['{"a":1}\n{"a":2}\n']]);
  });

  it('does not wait for the end of the turn with much to send, nor send it twice', async () => {
    const { channel, near } = open();
    const write = vi.spyOn(near, 'write');
    channel.send('x');
    channel.send('x'.repeat(100_000));
    expect(write).toHaveBeenCalledTimes(2);
    channel.send('y');
    await settled();
    expect(write.mock.calls.map(([lines]) => String(lines).length)).toEqual([2, 100_001, 2]);
  });
});

describe('raw bytes on a channel', () => {
  it('come after their line, in order, however they are cut, and with them their message', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }), { maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
        (messages, sizes) => {
          const { near, told } = open();
          const stream = Buffer.concat(
            messages.flatMap((bytes, id) => [
              Buffer.from(lineOf(id + 1, ...bytes.map(({ length }) => length))),
              ...bytes,
              Buffer.from(reply(100 + id)),
            ]),
          );
          for (let start = 0, turn = 0; start < stream.length; turn++) {
            const size = sizes[turn % sizes.length]!;
            near.emit('data', stream.subarray(start, start + size));
            start += size;
          }
          expect(told.values).toEqual(messages.flatMap((bytes) => [bytes, null]));
        },
      ),
    );
  });

  it('are written after their line, and after what was sent before', async () => {
    const { channel, far } = open();
    channel.send('{"a":1}');
    channel.send('{"a":2}');
    channel.send('{"a":3,"rich":[],"bin":[1,0,2]}', [Buffer.from('x'), new Uint8Array(0), new Uint8Array([121, 10])]);
    channel.send('{"a":4}');
    await settled();
    expect(String(far.read())).toBe('{"a":1}\n{"a":2}\n{"a":3,"rich":[],"bin":[1,0,2]}\nxy\n{"a":4}\n');
  });

  it('can wait until all that was sent has been taken, and need not where it has been', async () => {
    const { channel, near, far } = open({ highWaterMark: 4 });
    const taken = vi.fn();
    expect(channel.whenTaken(taken)).toBe(false);
    channel.send('{"a":1}');
    channel.send('{"a":2,"rich":[],"bin":[8]}', [new Uint8Array(8)]);
    expect(channel.whenTaken(taken)).toBe(true);
    far.read();
    await settled();
    expect(taken).not.toHaveBeenCalled();
    far.resume();
    await settled();
    expect(taken).toHaveBeenCalledTimes(1);
    expect(channel.whenTaken(taken)).toBe(false);
    channel.send('{"a":3}');
    expect(channel.whenTaken(taken)).toBe(true);
    near.destroy();
    await settled();
    expect([channel.whenTaken(taken), taken.mock.calls.length]).toEqual([false, 1]);
  });

  it('may be as many as there may be', async () => {
    const { far, told } = open();
    far.write(reply(1) + lineOf(2, ATTACHMENT_BYTES_MAX - 1, 1));
    await settled();
    expect([told.ids, told.ends]).toEqual([[1], []]);
  });

  it('are a broken protocol where a line announces more than there may be', async () => {
    const { far, told } = open();
    far.write(reply(1) + lineOf(2, ATTACHMENT_BYTES_MAX + 1));
    await told.end;
    expect(told.ids).toEqual([1]);
    expect(told.ends[0]?.message).toContain('announces 8388609 raw bytes, and `attachmentBytesMax` is 8388608');
  });

  it('are dropped with their message where they are cut off', async () => {
    const { far, told } = open();
    far.end(`${reply(1)}${lineOf(2, 4)}abc`);
    await told.end;
    expect(told.ids).toEqual([1]);
  });

  it('bring nothing after the end', async () => {
    const { near, far, told } = open();
    told.onMessage = () => near.emit('close');
    far.write(`${reply(1)}${lineOf(2, 1)}a`);
    await told.end;
    expect(told.ids).toEqual([1]);
  });

  it('lets the owner make something of kinds that are no values', async () => {
    const resolve = vi.fn(() => 'made');
    const { far, told } = open({ resolve });
    far.end('{"type":"reply","id":7,"value":[null],"rich":[[["value",0],"handle",3,"Model"]]}\n');
    await told.end;
    expect(told.values).toEqual([['made']]);
    expect(resolve).toHaveBeenCalledWith('handle', [3, 'Model'], 7);
  });
});

describe('the end of a channel', () => {
  it('is told once, whatever comes after', async () => {
    const { near, told } = open();
    near.destroy(new Error('torn'));
    await told.end;
    near.emit('error', new Error('late'));
    near.emit('close');
    expect(told.ends).toEqual([expect.objectContaining({ message: 'torn' })]);
  });

  it('is told when the descriptor is closed without a word', async () => {
    const { near, told } = open();
    near.destroy();
    await told.end;
    expect(told.ends).toEqual([undefined]);
  });

  it('makes sending do nothing', async () => {
    const { channel, near, told } = open();
    const write = vi.spyOn(near, 'write');
    channel.send('gone already');
    channel.send('before');
    near.emit('close');
    channel.send('after');
    await settled();
    expect(write.mock.calls).toEqual([['gone already\n']]);
    expect(told.ends).toEqual([undefined]);
    expect(near.destroyed).toBe(true);
  });

  it('comes with a ProtocolError after a bad line, and with the messages before it', async () => {
    const { near, far, told } = open();
    far.write(`${reply(1)}hello world\n${reply(2)}`);
    await told.end;
    expect(told.ids).toEqual([1]);
    expect(told.ends[0]).toBeInstanceOf(ProtocolError);
    expect(told.ends[0]?.message).toContain('hello world');
    expect(near.destroyed).toBe(true);
  });

  it('comes with a ProtocolError when a line is too long, without waiting for its end', async () => {
    const { far, told } = open({ messageBytesMax: 100 });
    far.write('x'.repeat(101));
    await told.end;
    expect(told.ends[0]).toBeInstanceOf(ProtocolError);
  });

  it('drops a line that was cut off, since a part of a message is none', async () => {
    const { far, told } = open();
    far.end(reply(1) + reply(2).slice(0, 10));
    await told.end;
    expect(told.ids).toEqual([1]);
    expect(told.ends).toEqual([undefined]);
  });

  it('silences the rest of the chunk in which the descriptor is closed', async () => {
    const { near, far, told } = open();
    told.onMessage = () => near.emit('close');
    far.write(reply(1) + reply(2));
    await told.end;
    expect(told.ids).toEqual([1]);
  });
});

describe('a listener that throws', () => {
  it('is reported, and costs no message', async () => {
    const { far, told } = open();
    told.onMessage = () => {
      throw new Error('mine');
    };
    far.end(reply(1) + reply(2));
    await told.end;
    expect(told.ids).toEqual([1, 2]);
    expect(told.faults).toEqual([expect.objectContaining({ message: 'mine' }), expect.anything()]);
    expect(told.ends).toEqual([undefined]);
  });

  it('is reported when it throws at the end', async () => {
    const { near, told } = open();
    told.onEnd = () => {
      throw new Error('mine');
    };
    near.emit('close');
    expect(told.faults).toHaveLength(1);
    expect(told.ends).toEqual([undefined]);
  });
});

describe('a channel over the descriptor of a process', () => {
  it('reads raw bytes into their place, between messages that are read as ever', async () => {
    const large = 5 * 1024 * 1024;
    const copied = vi.spyOn(Buffer.prototype, 'copy');
    onTestFinished(() => copied.mockRestore());
    const { told } = process3(
      `const large = Uint8Array.from({ length: ${large} }, (_, at) => at >> 16);
      const raw = Buffer.concat([large, Buffer.from('\\n'), large.subarray(0, 100_000)]);
      const line = ${JSON.stringify(lineOf(2, large, 1, 100_000))};
      const all = [${JSON.stringify(reply(1))}, line, raw, ${JSON.stringify(reply(3))}];
      new (require('net').Socket)({ fd: 3 }).end(Buffer.concat(all.map((each) => Buffer.from(each))));`,
      lineSocket,
    );
    await told.end;
    expect(told.ends).toEqual([undefined]);
    expect(told.ids).toEqual([1, 2, 3]);
    const [first, second, third] = told.values[1] as Uint8Array[];
    expect(first!.length).toBe(large);
    expect(first!.every((byte, at) => byte === ((at >> 16) & 255))).toBe(true);
    expect([second!.length, second![0], third!.length]).toEqual([1, 10, 100_000]);
    expect(Buffer.compare(third!, first!.subarray(0, 100_000))).toBe(0);
    const bytes = copied.mock.results.reduce((sum, { value }) => sum + value, 0);
    // What came with the line, and what is too little for a read of its own.
    expect(bytes).toBeLessThan(400_000);
  });

  it('hears a reply that is followed by the death of the process', async () => {
    const { told, child } = process3(
      `require('fs').writeSync(3, ${JSON.stringify(reply(1))}); process.kill(process.pid, 'SIGKILL')`,
    );
    await told.end;
    expect(told.ids).toEqual([1]);
    expect(told.ends).toEqual([undefined]);
    expect(child.signalCode ?? (await once(child, 'exit'))[1]).toBe('SIGKILL');
  });

  it('survives writing to a process that is gone: the end is told and nothing is uncaught', async () => {
    const { channel, told, child } = process3('process.stdin.resume()');
    const isOver = told.end.then(() => true);
    child.kill('SIGKILL');
    for (let sent = 0; ; sent++) {
      channel.send(`{"sent":${sent}}`);
      if (await Promise.race([isOver, settled()])) break;
    }
    for (let sent = 0; sent < 100; sent++) channel.send('{}');
    await settled();
    expect(told.ends).toHaveLength(1);
  });

  it('hears what a process sent before it died, though a write to it fails first', async () => {
    const { channel, told, child, duplex } = process3(`require('fs').writeSync(3, ${JSON.stringify(reply(1))})`);
    // Nothing is read meanwhile: this turn of the loop ends only when the process has.
    while (!isDefunct(child.pid!));
    channel.send('{"type":"session.end","session":"s1"}');
    await told.end;
    expect(told.ids).toEqual([1]);
    expect(duplex.destroyed).toBe(true);
  });

  it('ends with the reason when the other side takes nothing more, yet does not hang up', async () => {
    const [near, far] = duplexPair();
    near._write = (_chunk, _encoding, done) => done(new Error('write EPIPE'));
    const { channel, told } = listening(near, 1000);
    channel.send('{}');
    for (const id of [1, 2, 3, 4, 5]) {
      far.write(reply(id));
      await settled();
    }
    await told.end;
    expect(told.ids).toEqual([1, 2, 3, 4, 5]);
    expect(told.ends).toEqual([expect.objectContaining({ message: 'write EPIPE' })]);
  });

  it('lets Node exit once it is told to, and not before', async () => {
    const { channel, child, duplex } = process3('process.stdin.resume()');
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'PipeWrap').length;
    child.stdin?.destroy();
    child.unref();
    await settled();
    const before = sockets();
    channel.unref();
    expect(sockets()).toBe(before - 1);
    duplex.destroy();
    child.kill('SIGKILL');
  });
});

const ATTACHMENT_BYTES_MAX = 8 * 1024 * 1024;

interface Told {
  ids: number[];
  values: unknown[];
  ends: (Error | undefined)[];
  faults: unknown[];
  onMessage: () => unknown;
  onEnd: () => void;
  /** Settles when the end is told. */
  end: Promise<void>;
}

function open({
  messageBytesMax = 1024 * 1024,
  highWaterMark = 65536,
  resolve,
}: {
  messageBytesMax?: number;
  highWaterMark?: number;
  resolve?: Resolve;
} = {}) {
  const [near, far] = duplexPair({ highWaterMark });
  return { ...listening(near, messageBytesMax, resolve), near, far };
}

/** Node itself as the other side, on the same descriptor that Python would have. */
function process3(source: string, adopted = (duplex: Duplex) => duplex) {
  const child = spawn(process.execPath, ['-e', source], { stdio: ['pipe', 'ignore', 'inherit', 'pipe'] });
  const duplex = adopted(child.stdio[3] as Duplex);
  return { ...listening(duplex, 1024 * 1024), child, duplex };
}

function listening(duplex: Duplex, messageBytesMax: number, resolve?: Resolve) {
  let isOver!: () => void;
  const told: Told = {
    ids: [],
    values: [],
    ends: [],
    faults: [],
    onMessage: () => {},
    onEnd: () => {},
    end: new Promise((resolve) => {
      isOver = resolve;
    }),
  };
  const channel = new Channel(
    duplex,
    { messageBytesMax, attachmentBytesMax: ATTACHMENT_BYTES_MAX },
    {
      onMessage: (message: MessageFromPython) => {
        told.ids.push((message as ReplyMessage).id);
        told.values.push((message as ReplyMessage).value);
        told.onMessage();
      },
      onEnd: (reason) => {
        told.ends.push(reason);
        isOver();
        told.onEnd();
      },
      onFault: (error) => told.faults.push(error),
      resolve,
    },
    messageOf,
  );
  return { channel, told };
}

/** Dead, and not yet known to be: Node hears of it in a later turn. */
function isDefunct(pid: number): boolean {
  const state =
    process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '')
      : execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return state.startsWith('Z');
}

/** An answer of as many raw bytes as that, which are to follow it. */
function lineOf(id: number, ...lengths: number[]): string {
  const rich = lengths.map((_, at) => `[["value",${at}],"bytes",${at}]`);
  return `{"type":"reply","id":${id},"value":[${lengths.map(() => 'null')}],"rich":[${rich}],"bin":[${lengths}]}\n`;
}

function reply(id: number): string {
  return `{"type":"reply","id":${id},"value":null}\n`;
}

/** The microtasks and the ticks that were on their way are done. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
