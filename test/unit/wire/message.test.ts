import { describe, expect, it } from 'vitest';
import {
  MessageTooLargeError,
  NotExposedError,
  ProtocolError,
  PythonError,
  ValueRefusedError,
} from '../../../src/errors.js';
import { errorFromWire, type WireError } from '../../../src/wire/error.js';
import { parseLine } from '../../../src/wire/fields.js';
import {
  announcedBy,
  encodeAnswer,
  encodeAnswerError,
  encodeCancel,
  encodeCredit,
  encodeFork,
  encodeHandlesDrop,
  encodeInit,
  encodeItems,
  encodeItemsEnd,
  encodeKeptDrop,
  encodeLeaseEnd,
  encodeLoad,
  encodePing,
  encodeSaid,
  encodeSessionEnd,
  encodeSignal,
  encodeStop,
  itemsRoom,
  messageOf,
  otherProtocol,
  PROTOCOL,
  templateMessageOf,
} from '../../../src/wire/message.js';
import { callLine, encodeMap, lostFrom, mapLine, mapRoom, requestOfItem, streamed } from '../../../src/wire/request.js';
import { ThrownErrors } from '../../../src/wire/thrown.js';
import { decodeMessage, meaningOf, requestOf } from '../../support/node-line.js';
import { thrown } from '../../support/outcome.js';

const LIMITS = { depthMax: 200, messageBytesMax: 1000, attachmentBytesMax: 1000 };

describe('the line of a call', () => {
  it('leaves out the keyword arguments and the session that are not there', () => {
    expect(callLine(8, requestOf({ name: 'ping', args: [] }, LIMITS).text)).toBe('[8,"ping",[]]');
  });

  it('is one line, whatever the names and values are', () => {
    const call = { name: 'a\n"b"\u2028', args: ['\n'], kwargs: { '\r\n': 1 }, session: '\ud800\n' };
    const line = callLine(1, requestOf(call, LIMITS).text);
    expect(line).not.toMatch(/[\r\n]/);
    expect(meaningOf(line)).toEqual({ type: 'call', id: 1, ...call });
    // The session's lone surrogate would not survive as UTF-8.
    expect(Buffer.from(line).toString()).toBe(line);
  });

  it('keeps what was asked for, whatever becomes of the arguments before a worker is granted', () => {
    const rows = [1, 2];
    const request = requestOf({ name: 'mean', args: [rows] }, LIMITS).text;
    rows.push(3);
    expect(callLine(1, request)).toBe('[1,"mean",[[1,2]]]');
  });

  it('names the path to a refused argument, keyword arguments too', () => {
    const refused = (args: unknown[], kwargs: Record<string, unknown>) =>
      thrown(() => requestOf({ name: 'mean', args, kwargs }, LIMITS), ValueRefusedError);
    expect(refused([1, [undefined]], {}).path).toBe('args[1][0]');
    expect(refused([], { digits: undefined }).path).toBe('kwargs.digits');
    expect(refused([], { digits: undefined }).message).toContain('In the call of "mean"');
  });

  it('may have just as many bytes as the limit says, counted in UTF-8 and with the longest id', () => {
    const request = { name: 'f', args: ['grüß 世界 🐍'] };
    const bytes = Buffer.byteLength(callLine(Number.MAX_SAFE_INTEGER, requestOf(request, LIMITS).text));
    expect(requestOf(request, { ...LIMITS, messageBytesMax: bytes }).text).toContain('🐍');
    const limits = { ...LIMITS, messageBytesMax: bytes - 1 };
    const error = thrown(() => requestOf(request, limits), MessageTooLargeError);
    expect(error).toMatchObject({ bytes, limit: bytes - 1, sender: 'node' });
  });
});

describe('what a call says beside its arguments', () => {
  const line = (more: object) => meaningOf(callLine(8, requestOf({ name: 'f', args: [], ...more }, LIMITS).text));

  it.each([
    [{ session: 'ann' }],
    [{ progress: true }],
    [{ heartbeatMs: 250 }],
    [{ context: { trace: 'abc' } }],
    [{ lease: 5 }],
    [{ on: 3 }],
    [{ on: 3, get: true }],
    [
      {
        kwargs: { a: 1 },
        session: 's',
        progress: true,
        heartbeatMs: 1,
        context: { a: [1] },
        lease: 1,
        on: 2,
        get: true,
      },
    ],
  ])('is this: %o', (more) => {
    expect(line(more)).toEqual({ type: 'call', id: 8, name: 'f', args: [], ...more });
  });

  it('is nothing for what is false, and for a member that nobody is asked for', () => {
    for (const more of [{ progress: false }, { get: true }, { get: false }]) {
      expect(line(more)).toEqual({ type: 'call', id: 8, name: 'f', args: [] });
    }
    expect(line({ on: 3, get: false })).toEqual({ type: 'call', id: 8, name: 'f', args: [], on: 3 });
  });

  it('is refused where its context is no data, or too large', () => {
    const refused = () => requestOf({ name: 'f', args: [], context: { at: new Date(0) } }, LIMITS);
    expect(thrown(refused, ValueRefusedError).path).toBe('context.at');
    const limits = { ...LIMITS, messageBytesMax: 1000 };
    const large = () => requestOf({ name: 'f', args: [], context: { at: 'x'.repeat(1000) } }, limits);
    expect(thrown(large, MessageTooLargeError).message).toContain('The call of "f" takes');
  });

  it('is not in the part that says what is called with what', () => {
    const request = requestOf({ name: 'f', args: [1], kwargs: { a: 2 }, session: 's' }, LIMITS);
    expect(request.text.slice(0, request.keyChars)).toBe('"f",[1],{"kwargs":{"a":2}');
  });

  it('is the same whether the arguments are short or long', () => {
    for (const chars of [10, 2_000]) {
      const limits = { ...LIMITS, messageBytesMax: 100_000 };
      const request = requestOf({ name: 'f', args: ['x'.repeat(chars)], session: 's', lease: 4 }, limits);
      expect(request.text).toBe(`"f",["${'x'.repeat(chars)}"],{"session":"s","lease":4}]`);
    }
  });

  it('has room for a stream where there is to be one', () => {
    const request = requestOf({ name: 'f', args: [new Uint8Array(2)] }, LIMITS);
    const stream = streamed(request, { items: 4, bytes: 500 }, LIMITS, 'f');
    expect(meaningOf(callLine(1, stream.text))).toMatchObject({ name: 'f', stream: { items: 4, bytes: 500 } });
    expect(stream).toMatchObject({ bin: request.bin, large: undefined, keyChars: request.keyChars });
  });

  it('counts against the limit with the stream, and for each file that is shared', () => {
    const limits = (messageBytesMax: number) => ({ ...LIMITS, messageBytesMax });
    const head = callLine(Number.MAX_SAFE_INTEGER, '').length;
    const request = requestOf({ name: 'f', args: ['€'.repeat(100)] }, limits(10_000));
    const room = { items: 4, bytes: 500 };
    const bytes = head + Buffer.byteLength(streamed(request, room, limits(10_000), 'f').text);
    expect(() => streamed(request, room, limits(bytes), 'f')).not.toThrow();
    const error = thrown(() => streamed(request, room, limits(bytes - 1), 'f'), MessageTooLargeError);
    expect(error).toMatchObject({ bytes, limit: bytes - 1, sender: 'node' });
    expect(error.message).toContain('"f"');
    const shared = { ...request, large: [0, 1] };
    expect(() => streamed(shared, room, limits(bytes + 128), 'f')).not.toThrow();
    expect(() => streamed(shared, room, limits(bytes + 127), 'f')).toThrow(MessageTooLargeError);
  });

  it('says in which of its arguments bytes are lost that were transferred since', () => {
    const [image, numbers] = [new Uint8Array(2), new Float64Array(1)];
    const args = [() => 1, new Uint8Array(0), [new Map([['a', numbers]])], image];
    const onFunction = () => ({ kind: 'function' as const, number: 0 });
    const request = requestOf({ name: 'f', args }, LIMITS, { onFunction });
    expect(lostFrom(request)).toBeUndefined();
    structuredClone(image.buffer, { transfer: [image.buffer] });
    expect(lostFrom(request)).toBe('args[3]');
    structuredClone(numbers.buffer, { transfer: [numbers.buffer] });
    expect(lostFrom(request)).toBe('args[2]');
    const [first, second] = [new Uint8Array(1), new Uint8Array(1)];
    const named = requestOf({ name: 'f', args: [], kwargs: { first, second } }, LIMITS);
    structuredClone(second.buffer, { transfer: [second.buffer] });
    expect(lostFrom(named)).toBe('kwargs.second');
  });

  it('names the files of the arrays that are shared', () => {
    const { text } = requestOf({ name: 'f', args: [] }, LIMITS);
    expect(callLine(8, text, [[0, 5, 77]])).toBe('[8,"f",[],{"share":[[0,5,77]]}]');
    expect(callLine(8, text, [])).toBe('[8,"f",[]]');
  });
});

describe('the line of a map', () => {
  const frameOf = (more: object) => encodeMap({ name: 'f"', ...more }, LIMITS)!;
  const all: readonly object[] = [
    {},
    { kwargs: { a: [1] } },
    { context: { trace: 'x' } },
    { kwargs: { a: 1 }, context: { trace: 'x' } },
  ];

  it.each(all)('says once what its calls have in common: %o', (more) => {
    const line = mapLine(7, frameOf(more), ['1', '"b"']);
    expect(JSON.parse(line)).toEqual({ type: 'map', id: 7, name: 'f"', items: [1, 'b'], ...more });
    expect(JSON.parse(mapLine(7, frameOf(more), []))).toMatchObject({ items: [] });
  });

  it.each(all)('is of calls that are each as they would be by themselves: %o', (more) => {
    const { text, bin, keyChars } = requestOf({ name: 'f"', args: [[2]], ...more }, LIMITS);
    expect(requestOfItem(frameOf(more), '[2]')).toEqual({ text, bin, keyChars });
  });

  it('is made where all of that is JSON; a context that is not is refused', () => {
    expect(encodeMap({ name: 'f', kwargs: { at: new Date(0) } }, LIMITS)).toBeUndefined();
    const refused = () => encodeMap({ name: 'f', context: { at: new Date(0) } }, LIMITS);
    expect(thrown(refused, ValueRefusedError).path).toBe('context.at');
  });

  it('has room for so many characters, though each takes three bytes', () => {
    const limits = { ...LIMITS, messageBytesMax: 3_002 };
    const around = mapLine(Number.MAX_SAFE_INTEGER, frameOf({}), []).length;
    expect(mapRoom(frameOf({}), limits)).toBe(1_000 - around);
    const aroundItems = encodeItems(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, '"values":[],"rich":[]').length;
    expect(itemsRoom(limits)).toBe(1_000 - aroundItems);
  });
});

describe('the other lines to Python', () => {
  it.each([
    [encodeCredit(1, 2, 3), { type: 'credit', id: 1, items: 2, bytes: 3 }],
    [encodeAnswer(1, 2, '"value":3'), { type: 'answer', id: 1, number: 2, value: 3 }],
    [encodeAnswerError(1, 2, '{"name":"E"}'), { type: 'answer.error', id: 1, number: 2, error: { name: 'E' } }],
    [encodeItems(1, 2, '"values":[3]'), { type: 'items', id: 1, input: 2, values: [3] }],
    [encodeItemsEnd(1, 2), { type: 'items.end', id: 1, input: 2 }],
    [encodeItemsEnd(1, 2, '{"name":"E"}'), { type: 'items.end', id: 1, input: 2, error: { name: 'E' } }],
    [encodeCancel(1), { type: 'cancel', id: 1 }],
    [encodePing(1), { type: 'ping', number: 1 }],
    [encodeLeaseEnd(1), { type: 'lease.end', lease: 1 }],
    [encodeHandlesDrop([[1, 2]]), { type: 'handles.drop', handles: [[1, 2]] }],
    [
      encodeLoad({ path: ['/a'], userSite: null, modules: { '': 'm' } }),
      { type: 'load', protocol: PROTOCOL, path: ['/a'], userSite: null, modules: { '': 'm' } },
    ],
    [encodeFork(1, 'e'), { type: 'fork', seat: 1, epoch: 'e' }],
    [encodeSignal(1, 9, true), { type: 'signal', pid: 1, signal: 9, group: true }],
    [encodeSignal(1, 9, false), { type: 'signal', pid: 1, signal: 9, group: false }],
    [encodeKeptDrop(1), { type: 'kept.drop', kept: 1 }],
    [encodeStop(), { type: 'stop' }],
  ])('say what they are to say: %s', (line, message) => {
    expect(JSON.parse(line)).toEqual(message);
  });
});

describe('the line of init', () => {
  const init = {
    worker: 'worker-0',
    path: null,
    userSite: null,
    modules: { '': '/app.py' },
    expose: 'marked' as const,
    setup: { name: 'load', args: ['model.bin'], kwargs: { mmap: true } },
    teardown: null,
    limits: LIMITS,
    startMark: true,
    interrupts: true,
    stacks: true,
    validate: false,
    lane: 'asyncio' as const,
  };

  it('says what it was given, with the version of the protocol', () => {
    expect(JSON.parse(encodeInit(init))).toEqual({ type: 'init', protocol: 1, ...init });
  });

  it('lets an argument of setup be as deep as any other', () => {
    const limits = { ...LIMITS, depthMax: 2 };
    const setup = (args: unknown[]) => ({ ...init, limits, setup: { name: 'load', args, kwargs: {} } });
    expect(encodeInit(setup([[[1]]]))).toContain('[[[1]]]');
    expect(thrown(() => encodeInit(setup([[[[]]]])), ValueRefusedError).path).toBe('init.setup.args[0][0][0]');
  });

  it('names the path in teardown too, and minds the size', () => {
    const teardown = { name: 'unload', args: [], kwargs: { at: new Date(0) } };
    expect(thrown(() => encodeInit({ ...init, teardown }), ValueRefusedError).path).toBe('init.teardown.kwargs.at');
    const path = Array.from({ length: 100 }, () => '/a/long/path');
    expect(thrown(() => encodeInit({ ...init, path }), MessageTooLargeError).limit).toBe(1000);
  });
});

describe('the line that ends a session', () => {
  it('is one line for every id', () => {
    expect(JSON.parse(encodeSessionEnd('a"\nb'))).toEqual({ type: 'session.end', session: 'a"\nb' });
    expect(encodeSessionEnd('a"\nb')).not.toContain('\n');
  });
});

describe('decodeMessage', () => {
  it('does not take what hangs on Object.prototype for a field', () => {
    const decoded = polluted({ id: 7, value: 'stolen', level: 'INFO' }, () => [
      attempt('{"type":"reply","value":1}'),
      attempt('{"type":"reply","id":1}'),
      attempt('{"type":"log","stream":"stdout","call":null,"text":"x"}'),
    ]);
    expect(decoded).toEqual([
      expect.stringContaining('`id` is missing'),
      expect.stringContaining('`value` is missing'),
      { type: 'log', stream: 'stdout', call: null, text: 'x' },
    ]);
  });

  it('leaves __proto__ data, in a value and beside it', () => {
    const message = decodeMessage('{"type":"reply","id":1,"value":{"__proto__":{"polluted":1}},"__proto__":{"id":2}}');
    expect(Object.getPrototypeOf(message)).toBe(Object.prototype);
    expect(message).toMatchObject({ type: 'reply', id: 1 });
    const { value } = message as { value: object };
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(value).not.toHaveProperty('polluted');
  });

  it('keeps no field that it does not know', () => {
    const line = '{"type":"ready","functions":[],"later":1}';
    expect(decodeMessage(line)).toEqual({
      type: 'ready',
      functions: [],
      streams: [],
      interrupts: false,
      stacks: false,
    });
  });

  it('says what is wrong and how the line begins, but not all of it', () => {
    const error = thrown(() => decodeMessage(`{"type":"reply","id":"7","value":"${'x'.repeat(5000)}"}`), ProtocolError);
    expect(error.detail).toBe(
      `\`id\` is no safe integer, in "{\\"type\\":\\"reply\\",\\"id\\":\\"7\\",\\"value\\":\\"${'x'.repeat(46)}…"`,
    );
  });

  it.each([
    '{"type":"hello","protocol":"1","library":"0","python":"3","executable":"x","pid":1}',
    '{"type":"hello","protocol":1,"library":"0","python":"3","executable":"x","pid":0}',
    '{"type":"ready","functions":["a",1]}',
    '{"type":"ready","functions":"abc"}',
    '{"type":"ready","functions":[],"interrupts":1}',
    '{"type":"failed","stage":"lunch","error":{}}',
    '{"type":"failed","stage":"import","error":[]}',
    '{"type":"reply","id":9007199254740992,"value":1}',
    '{"type":"log","stream":"stdout","call":"7","text":"x"}',
    '{"type":"log","stream":"stdout","call":null,"text":"x","level":3}',
    JSON.stringify({ type: 'error', id: 1, error: wire({ code: 'ERR_VALUE' }) }),
    JSON.stringify({ type: 'error', id: 1, error: wire({ code: 'ERR_MESSAGE_TOO_LARGE', bytes: 5 }) }),
    JSON.stringify({ type: 'error', id: 1, error: wire({ code: 'ERR_NOT_EXPOSED' }) }),
    JSON.stringify({ type: 'error', id: 1, error: { ...wire({}), code: 'ERR_NEWER' } }),
    JSON.stringify({ type: 'error', id: 1, error: { ...wire({}), cause: 'none' } }),
    JSON.stringify({ type: 'error', id: 1, error: { ...wire({}), notes: [null] } }),
    JSON.stringify({ type: 'error', id: 1, error: { ...wire({}), mro: 'ValueError' } }),
    JSON.stringify({ type: 'error', id: 1, error: { ...wire({}), frames: [1] } }),
    JSON.stringify({ type: 'error', id: 1, error: { ...wire({}), frames: [{ file: '/app.py' }] } }),
    JSON.stringify({ type: 'error', id: 1, error: { ...wire({}), errors: {} } }),
    JSON.stringify({ type: 'error', id: 1, error: { ...wire({}), handling: 1 } }),
    JSON.stringify({ type: 'error', id: 1, error: { ...wire({}), thrown: 0 } }),
  ])('refuses %s', (line) => {
    expect(() => decodeMessage(line)).toThrow(ProtocolError);
  });

  it('reads sixteen groups in each other and no more', () => {
    let error = wire({ message: 'member 1000' });
    for (let index = 999; index >= 0; index--) error = wire({ message: `member ${index}`, errors: [error] });
    const message = decodeMessage(JSON.stringify({ type: 'error', id: 1, error }));
    let depth = 0;
    for (let at: WireError | undefined = (message as { error: WireError }).error; at; at = at.errors?.[0]) depth += 1;
    expect(depth).toBe(17);
  });

  it('reads sixteen causes of an error and leaves the rest to the traceback', () => {
    let error = wire({ message: 'cause 1000' });
    for (let index = 999; index >= 0; index--) error = wire({ message: `cause ${index}`, cause: error });
    const message = decodeMessage(JSON.stringify({ type: 'error', id: 1, error }));
    let cause: unknown = errorFromWire((message as { error: WireError }).error);
    const told: string[] = [];
    for (; cause instanceof PythonError; cause = cause.cause) told.push(cause.pythonMessage);
    expect(told).toEqual(Array.from({ length: 17 }, (_, index) => `cause ${index}`));
  });
});

/** What Python may say: all that it must hold, what else it may hold, and what comes of it where that is more. */
const SAID: readonly { must: Record<string, unknown>; may?: Record<string, unknown>; also?: object }[] = [
  { must: { type: 'reply', id: 1, value: 2 }, may: { tookUs: 7 } },
  { must: { type: 'reply', id: 1, value: null } },
  { must: { type: 'error', id: 1, error: wire({}) }, may: { started: false, tookUs: 7 } },
  { must: { type: 'part', id: 1, value: 2 }, also: { bytes: 32 } },
  { must: { type: 'mapped', id: 1, values: [1, 'a'], tookUs: 9, longestUs: 5 } },
  { must: { type: 'items', id: 1, values: [1, 'a'] }, also: { bytes: 40 } },
  { must: { type: 'callback', id: 1, function: 0, number: 2, args: [1], kwargs: { a: 1 } }, may: { blocks: true } },
  { must: { type: 'callback', id: 1, kept: 1, number: 2, args: [], kwargs: {} } },
  { must: { type: 'pull', id: 1, input: 0, items: 2 }, may: { blocks: true } },
  { must: { type: 'progress', id: 1, done: 0.5, total: 2, note: 'half' } },
  { must: { type: 'progress', id: 1, done: 0, total: null, note: null } },
  { must: { type: 'heartbeat', id: 1 } },
  { must: { type: 'pong', number: 1 } },
  ...['stdout', 'stderr', 'logging', 'warnings'].map((stream) => ({
    must: { type: 'log', stream, call: 1, text: 'x' },
    may: { level: 'INFO', logger: 'app' },
  })),
  { must: { type: 'log', stream: 'stdout', call: null, text: '' } },
  { must: { type: 'hello', protocol: 1, library: '0', python: '3', executable: '/p', pid: 7 } },
  {
    must: { type: 'ready', functions: ['a'] },
    may: { streams: ['a'], interrupts: true, stacks: true, shares: true, files: ['/a.py'] },
    also: { streams: [], interrupts: false, stacks: false },
  },
  { must: { type: 'ready', functions: [], streams: [], interrupts: false, stacks: false, shares: false } },
  ...['limits', 'import', 'setup', 'expose', 'protocol'].map((stage) => ({
    must: { type: 'failed', stage, error: wire({}) },
    may: { files: ['/a.py'] },
  })),
];

/** And what is wrong with a field that is something else, by its name. */
const NO_SUCH: Record<string, readonly (readonly [unknown, string])[]> = {
  id: [
    ['1', 'is no safe integer'],
    [0, 'is not positive'],
    [-1, 'is not positive'],
    [1.5, 'is no safe integer'],
  ],
  error: [
    [[], 'is no object'],
    [null, 'is no object'],
    ['x', 'is no object'],
  ],
  started: [[0, 'is no boolean']],
  tookUs: [[0.5, 'is no safe integer']],
  longestUs: [['5', 'is no safe integer']],
  values: [[{}, 'is no array']],
  function: [['0', 'is no safe integer']],
  kept: [[0, 'is not positive']],
  number: [[0, 'is not positive']],
  blocks: [[1, 'is no boolean']],
  args: [[{}, 'is no array']],
  kwargs: [
    [[], 'is no object'],
    [null, 'is no object'],
    [1, 'is no object'],
  ],
  input: [[null, 'is no safe integer']],
  items: [[-1, 'is negative']],
  done: [['0', 'is no number']],
  total: [['2', 'is no number']],
  note: [[2, 'is no string']],
  stream: [['stdin', 'is none of stdout, stderr, logging, warnings']],
  call: [[0, 'is not positive']],
  text: [[null, 'is no string']],
  level: [[20, 'is no string']],
  logger: [[null, 'is no string']],
  protocol: [['1', 'is no safe integer']],
  library: [[1, 'is no string']],
  python: [[3, 'is no string']],
  executable: [[null, 'is no string']],
  pid: [[0, 'is not positive']],
  functions: [
    ['a', 'is no list of strings'],
    [[1], 'is no list of strings'],
    [['a', 1], 'is no list of strings'],
  ],
  streams: [[[1], 'is no list of strings']],
  interrupts: [[1, 'is no boolean']],
  stacks: [[1, 'is no boolean']],
  shares: [[1, 'is no boolean']],
  files: [['/a.py', 'is no list of strings']],
  stage: [['lunch', 'is none of limits, import, setup, expose, protocol']],
};

describe('each message of a worker', () => {
  it.each(SAID)(
    'is read as it was said, with all that it may hold or without: $must',
    ({ must, may = {}, also = {} }) => {
      expect(decodeMessage(JSON.stringify(must))).toEqual({ ...also, ...must });
      expect(decodeMessage(JSON.stringify({ ...must, ...may }))).toEqual({ ...also, ...must, ...may });
      for (const [name, value] of Object.entries(may)) {
        expect(decodeMessage(JSON.stringify({ ...must, [name]: value }))).toEqual({ ...also, ...must, [name]: value });
      }
    },
  );

  it.each(SAID)(
    'is refused where something is missing or of another kind, by its name: $must',
    ({ must, may = {} }) => {
      const optional = must.type === 'ready' ? ['streams', 'interrupts', 'stacks', 'shares'] : [];
      for (const name of Object.keys(must)) {
        if (optional.includes(name)) continue;
        const { [name]: _, ...rest } = must;
        const missing = name === 'kept' ? 'function' : name;
        expect(attempt(JSON.stringify(rest)), name).toContain(`\`${missing}\` is missing, in "`);
      }
      for (const name of Object.keys({ ...must, ...may })) {
        for (const [value, problem] of NO_SUCH[name] ?? []) {
          expect(attempt(JSON.stringify({ ...must, ...may, [name]: value })), name).toContain(
            `\`${name}\` ${problem}, in "`,
          );
        }
      }
    },
  );

  it('is JSON, an object of a type that there is, or a reply', () => {
    expect(attempt('{')).toContain('a line is not JSON, in "{"');
    for (const line of ['[]', '[1]', '[1,2,3,4]']) {
      expect(attempt(line)).toContain(
        `a line is an array, but not of an id, a value and perhaps a time, in ${JSON.stringify(line)}`,
      );
    }
    for (const line of ['1', 'null', '"a"']) {
      expect(attempt(line)).toContain(`a line is JSON, but no object, in ${JSON.stringify(line)}`);
    }
    expect(attempt('[1,2,0.5]')).toContain('`tookUs` is no safe integer, in ');
    expect(attempt('{"type":"later"}')).toContain('there is no message of type "later", in ');
    expect(attempt('{"type":7}')).toContain('`type` is no string, in ');
  });

  it('is a reply where it is a list, of an id, a value and perhaps how long that took', () => {
    expect(decodeMessage('[1,[2]]')).toEqual({ type: 'reply', id: 1, value: [2] });
    expect(decodeMessage('[1,null,30]')).toEqual({ type: 'reply', id: 1, value: null, tookUs: 30 });
    for (const id of ['0', '-1', '1.5', '"1"', 'null']) {
      expect(attempt(`[${id},2]`)).toMatch(/`id` is (no safe integer|not positive), in /);
    }
    expect(attempt('[1,2,null]')).toContain('`tookUs` is no safe integer, in ');
  });

  it('is told of by its first eighty characters', () => {
    const line = (chars: number) => `{"type":"${'x'.repeat(chars - 11)}"}`;
    expect(attempt(line(80))).toContain(`in ${JSON.stringify(line(80))}`);
    expect(attempt(line(81))).toContain(`in ${JSON.stringify(`${line(81).slice(0, 80)}…`)}`);
    expect(String(attempt(line(1_000_000))).length).toBeLessThan(400);
  });

  it('announces raw bytes where parts of it are no JSON, and counts those of its items', () => {
    expect(announcedBy(parseLine('{"type":"reply","bin":[3]}'))).toBeUndefined();
    expect(announcedBy(parseLine('{"rich":[]}'))).toEqual([]);
    const named = [[['value'], 'bytes', 0]];
    expect(announcedBy(parseLine(JSON.stringify({ rich: named, bin: [3] })))).toEqual([3]);
    for (const rich of [[], {}, [0, 0], [[['value', 0], 'float'], ...named]]) {
      expect(() => announcedBy(parseLine(JSON.stringify({ rich, bin: [3, 0] })))).toThrow(ProtocolError);
    }
    for (const bin of [[-1], [1.5], ['1'], 3, null, {}]) {
      expect(() => announcedBy(parseLine(JSON.stringify({ rich: [], bin })))).toThrow('`bin` is no list of lengths');
    }
    const line = '{"type":"items","id":1,"values":[null],"rich":[[["values",0],"bytes",0]],"bin":[3]}';
    expect(messageOf(parseLine(line), [new Uint8Array([1, 2, 3])])).toEqual({
      type: 'items',
      id: 1,
      values: [new Uint8Array([1, 2, 3])],
      bytes: line.length + 3,
    });
    const foreign = '{"type":"items","id":1,"values":["é🐍"]}';
    expect(decodeMessage(foreign)).toMatchObject({ bytes: Buffer.byteLength(foreign) });
    const int = '{"type":"reply","id":1,"value":"ff","rich":[[["value"],"int"]]}';
    expect(decodeMessage(int)).toEqual({ type: 'reply', id: 1, value: 255n });
    const handle = '{"type":"reply","id":1,"value":null,"rich":[[["value"],"handle",7]]}';
    const resolve = (kind: string, data: readonly unknown[], id: unknown) => ({ kind, data, id });
    expect(messageOf(parseLine(handle), [], resolve)).toMatchObject({ value: { kind: 'handle', data: [7], id: 1 } });
  });
});

describe('a Python of another protocol', () => {
  it('is told of with both protocols, and the version of its library', () => {
    const hello = { type: 'hello', protocol: 2, library: '9.9', python: '3', executable: '/p', pid: 7 } as const;
    const said = `Python speaks protocol 2 (library 9.9), and this side speaks ${PROTOCOL}`;
    expect(otherProtocol(hello)).toBe(said);
  });
});

describe('each message of a template', () => {
  const read = (message: object) => templateMessageOf(parseLine(JSON.stringify(message)));

  it.each([
    { type: 'loaded' },
    { type: 'refused', reason: 'threads' },
    { type: 'forked', seat: 0, pid: 7 },
    { type: 'exited', seat: 0, pid: 7, code: -9 },
    { type: 'hello', protocol: 1, library: '0', python: '3', executable: '/p', pid: 7 },
    { type: 'failed', stage: 'import', error: wire({}) },
    { type: 'log', stream: 'stdout', call: null, text: 'x' },
  ])('is read as it was said: $type', (message) => {
    expect(read({ ...message, later: 1 })).toEqual(message);
  });

  it.each([
    [{ type: 'refused' }, '`reason` is missing'],
    [{ type: 'forked', pid: 7 }, '`seat` is missing'],
    [{ type: 'forked', seat: 0, pid: 0 }, '`pid` is not positive'],
    [{ type: 'exited', pid: 7, code: 0 }, '`seat` is missing'],
    [{ type: 'exited', seat: 0, code: 0 }, '`pid` is missing'],
    [{ type: 'exited', seat: 0, pid: 7 }, '`code` is missing'],
    [{ type: 'reply', id: 1, value: 1 }, 'there is no message of type "reply" from a template'],
  ])('is refused else: %o', (message, problem) => {
    expect(() => read(message)).toThrow(problem);
  });
});

describe('an error on the line', () => {
  const read = (error: object) => {
    const message = decodeMessage(JSON.stringify({ type: 'error', id: 1, error }));
    return (message as unknown as { error: WireError }).error;
  };
  const frame = { file: '/app.py', line: 3, function: 'mean', source: 'x' };

  it.each<Partial<WireError>>([
    {},
    { notes: ['a'], cause: wire({}) },
    {
      mro: ['m:E'],
      frames: [frame, { ...frame, line: null, source: null }],
      framesLeftOut: 2,
      handling: true,
      errors: [wire({})],
      thrown: 4,
    },
    { code: 'ERR_NOT_EXPOSED', functions: ['a'] },
    { code: 'ERR_VALUE', path: 'value' },
    { code: 'ERR_ARGUMENT', path: 'args[0]', expected: 'int', got: 'str' },
    { code: 'ERR_MESSAGE_TOO_LARGE', bytes: 5, limit: 4 },
    { code: 'ERR_MESSAGE_TOO_LARGE', bytes: 5, limit: 4, option: 'attachmentBytesMax', what: 'item 3' },
    { code: 'ERR_MESSAGE_TOO_LARGE', bytes: 5, limit: 4, option: 'messageBytesMax' },
  ])('is read as it was said, and nothing is made of what was not: %o', (fields) => {
    const error = read({ ...wire(fields), later: 1 });
    expect({ ...error }).toEqual(wire(fields));
    expect(Object.keys(error).sort()).toEqual(Object.keys(wire(fields)).sort());
  });

  it('has what is due to its code, and only that', () => {
    const all = { mro: ['m:E'], functions: ['a'], path: 'p', expected: 'e', got: 'g', bytes: 1, limit: 2 };
    for (const [code, names] of [
      ['ERR_PYTHON', ['mro']],
      ['ERR_NOT_EXPOSED', ['functions']],
      ['ERR_VALUE', ['path']],
      ['ERR_ARGUMENT', ['path', 'expected', 'got']],
      ['ERR_MESSAGE_TOO_LARGE', ['bytes', 'limit']],
    ] as const) {
      const read_ = read({ ...wire({ code }), ...all });
      expect(Object.keys(all).filter((name) => name in read_)).toEqual(names);
    }
  });

  it.each([
    ['code', 'ERR_NEWER', 'is none of ERR_PYTHON, ERR_NOT_EXPOSED, ERR_VALUE, ERR_ARGUMENT, ERR_MESSAGE_TOO_LARGE'],
    ['type', 1, 'is no string'],
    ['module', 1, 'is no string'],
    ['message', 1, 'is no string'],
    ['traceback', 1, 'is no string'],
    ['notes', [1], 'is no list of strings'],
    ['cause', 1, 'is no object'],
    ['mro', [1], 'is no list of strings'],
    ['frames', [1], 'is no list of objects'],
    ['frames', {}, 'is no list of objects'],
    ['framesLeftOut', 0, 'is not positive'],
    ['handling', 1, 'is no boolean'],
    ['errors', [1], 'is no list of objects'],
    ['thrown', 0, 'is not positive'],
    ['option', 'size', 'is none of messageBytesMax, attachmentBytesMax'],
    ['what', 1, 'is no string'],
  ])('is refused where `%s` is %o', (name, value, problem) => {
    expect(() => read({ ...wire({}), [name]: value })).toThrow(`\`${name}\` ${problem}, in `);
  });

  it.each([
    ['file', 1, 'is no string'],
    ['line', 0, 'is not positive'],
    ['function', 1, 'is no string'],
    ['source', 1, 'is no string'],
  ])('is refused where the `%s` of a frame is %o', (name, value, problem) => {
    expect(() => read(wire({ frames: [{ ...frame, [name]: value }] }))).toThrow(`\`${name}\` ${problem}, in `);
  });
});

describe('errorFromWire', () => {
  it('gives an ArgumentRefusedError with what was to come and what came', () => {
    const told = wire({ code: 'ERR_ARGUMENT', path: 'args[0]', expected: 'int', got: "'a'" });
    expect(errorFromWire(told, 'mean')).toMatchObject({
      code: 'ERR_ARGUMENT',
      path: 'args[0]',
      message: expect.stringContaining('The argument `args[0]` of "mean" must be int, and \'a\' came.'),
    });
  });

  it('gives a ValueRefusedError with what Python said where that begins with something else', () => {
    const told = wire({ code: 'ERR_VALUE', message: 'no such thing', path: 'value.a' });
    expect(errorFromWire(told, 'mean').message).toContain('`value.a` cannot cross: no such thing');
    expect(errorFromWire(wire({ code: 'ERR_VALUE', message: 'value is a set.' }))).toMatchObject({ path: 'value' });
  });

  it('names the option by which Python refused what is too large', () => {
    const told = wire({ code: 'ERR_MESSAGE_TOO_LARGE', bytes: 70, limit: 60, option: 'attachmentBytesMax' });
    expect(errorFromWire(told, 'mean')).toMatchObject({ option: 'attachmentBytesMax', bytes: 70, limit: 60 });
  });

  it('gives a PythonError with all that Python said, its cause too', () => {
    const cause = wire({ type: 'KeyError', message: "'rows'" });
    const error = errorFromWire(wire({ module: 'app.errors', notes: ['in rows.csv'], cause }), 'mean');
    expect(error).toBeInstanceOf(PythonError);
    expect(error).toMatchObject({
      message: 'ValueError: no rows',
      type: 'ValueError',
      module: 'app.errors',
      pythonMessage: 'no rows',
      notes: ['in rows.csv'],
      traceback: 'Traceback …',
      cause: { type: 'KeyError', message: "KeyError: 'rows'" },
    });
  });

  it('gives the classes, the frames and what was being handled', () => {
    const frame = { file: '/app.py', line: 3, function: 'mean', source: 'raise ValueError' };
    const cause = wire({ type: 'KeyError', frames: [{ ...frame, line: null, source: null }] });
    const mro = ['app:Odd', 'builtins:ValueError'];
    const error = errorFromWire(wire({ mro, frames: [frame], framesLeftOut: 2, cause, handling: true })) as PythonError;
    expect(error).toMatchObject({ mro, frames: [frame], framesLeftOut: 2, whileHandling: true });
    expect(error.cause).toMatchObject({
      whileHandling: false,
      frames: [{ ...frame, line: undefined, source: undefined }],
    });
    // It was not called from anywhere in Node.
    expect(error.cause?.stack).toBe('PythonError: KeyError: no rows\n    at mean (/app.py)');
  });

  it('gives a PythonError for each member of a group, groups in groups too', () => {
    const inner = wire({
      type: 'ExceptionGroup',
      errors: [wire({ type: 'OSError', cause: wire({ type: 'KeyError' }) })],
    });
    const error = errorFromWire(wire({ type: 'ExceptionGroup', errors: [wire({}), inner] })) as PythonError;
    expect(error.errors).toMatchObject([{ type: 'ValueError' }, { errors: [{ cause: { type: 'KeyError' } }] }]);
    expect(error.errors?.[0]).toBeInstanceOf(PythonError);
    expect(error.errors?.[0]?.errors).toBeUndefined();
  });

  it('gives the very error that JavaScript threw at Python in this call, and Python’s word for one of another', () => {
    const thrown = new ThrownErrors();
    const original = new TypeError('not mine');
    const number = thrown.tell(original).thrown as number;
    const error = wire({ type: 'JavaScriptError', thrown: number, cause: wire({ type: 'JavaScriptError' }) });
    expect(errorFromWire(error, 'mean', thrown).cause).toBe(original);
    expect((errorFromWire(wire({ cause: error }), 'mean', thrown).cause as PythonError).cause).toBe(original);
    expect(errorFromWire(error, 'mean', new ThrownErrors()).cause).toMatchObject({ type: 'JavaScriptError' });
    expect(errorFromWire(error).cause).toMatchObject({ type: 'JavaScriptError' });
  });

  it('gives a NotExposedError with the names there are', () => {
    const error = errorFromWire(wire({ code: 'ERR_NOT_EXPOSED', functions: ['mean'] }), 'maen');
    expect(error).toBeInstanceOf(NotExposedError);
    expect(error).toMatchObject({ call: 'maen', functions: ['mean'] });
  });

  it('keeps what Python said of a module that exposes nothing', () => {
    const said = 'Nothing in /app.py is marked with @expose.';
    expect(errorFromWire(wire({ code: 'ERR_NOT_EXPOSED', message: said, functions: [] })).message).toContain(said);
  });

  it('gives a ValueRefusedError that names the path once', () => {
    const message = "value['rows'][3] is a set.";
    const error = errorFromWire(wire({ code: 'ERR_VALUE', message, path: "value['rows'][3]" }), 'mean');
    expect(error).toMatchObject({ path: "value['rows'][3]", sender: 'python' });
    expect(error.message).toBe('In the answer of "mean", `value[\'rows\'][3]` is a set.');
  });

  it('gives a MessageTooLargeError with both sizes', () => {
    const error = errorFromWire(wire({ code: 'ERR_MESSAGE_TOO_LARGE', bytes: 70, limit: 60 }), 'mean');
    expect(error).toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE', bytes: 70, limit: 60, sender: 'python' });
    expect(error.message).toContain('The answer of "mean" takes 70 bytes, and a message may have 60.');
  });

  it('gives a MessageTooLargeError that says what of the call it was', () => {
    const told = wire({ code: 'ERR_MESSAGE_TOO_LARGE', bytes: 70, limit: 60, what: 'item 3 of the stream' });
    expect(errorFromWire(told, 'mean').message).toContain('In the call of "mean", item 3 of the stream takes 70 bytes');
  });
});

describe('what is said during a call', () => {
  const limits = { depthMax: 10, messageBytesMax: 200, attachmentBytesMax: 10 };
  const seen = { call: 'mean', what: 'what a function answers Python' };

  it('is a line within the limit, whatever its id and its characters', () => {
    for (const [character, fits] of [
      ['x', 100],
      ['€', 33],
      ['\n', 50],
    ] as const) {
      const { text } = encodeSaid({ value: character.repeat(fits) }, seen, limits, {});
      const line = encodeAnswer(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, text);
      expect(Buffer.byteLength(line)).toBeLessThanOrEqual(limits.messageBytesMax);
      const refused = () => encodeSaid({ value: character.repeat(2 * fits) }, seen, limits, {});
      expect(refused).toThrow('In the call of "mean", what a function answers Python takes');
    }
    const bytes = () => encodeSaid({ value: new Uint8Array(11) }, seen, limits, {});
    expect(bytes).toThrow('takes 11 raw bytes, and a message may have 10.');
  });

  it('is refused by its path where it is no value', () => {
    const refused = () => encodeSaid({ value: [1, undefined] }, seen, limits, {});
    expect(thrown(refused, ValueRefusedError).path).toBe('value[1]');
  });
});

/** What `act` gives while Object.prototype has these properties; nothing else runs meanwhile. */
function polluted<T>(properties: Record<string, unknown>, act: () => T): T {
  const prototype = Object.prototype as Record<string, unknown>;
  Object.assign(prototype, properties);
  try {
    return act();
  } finally {
    for (const key of Object.keys(properties)) delete prototype[key];
  }
}

function attempt(line: string): unknown {
  try {
    return decodeMessage(line);
  } catch (error) {
    return (error as Error).message;
  }
}

function wire(fields: Partial<WireError>): WireError {
  return {
    code: 'ERR_PYTHON',
    type: 'ValueError',
    module: 'builtins',
    message: 'no rows',
    traceback: 'Traceback …',
    notes: [],
    cause: null,
    ...fields,
  };
}
