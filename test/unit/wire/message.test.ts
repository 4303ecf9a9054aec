import { describe, expect, it } from 'vitest';
import {
  MessageTooLargeError,
  NotExposedError,
  ProtocolError,
  PythonError,
  ValueRefusedError,
} from '../../../src/errors.js';
import {
  callLine,
  decodeMessage,
  encodeAnswer,
  encodeInit,
  encodeRequest,
  encodeSaid,
  encodeSessionEnd,
  errorFromWire,
  type WireError,
} from '../../../src/wire/message.js';
import { ThrownErrors } from '../../../src/wire/thrown.js';

const LIMITS = { depthMax: 200, messageBytesMax: 1000, attachmentBytesMax: 1000 };

describe('the line of a call', () => {
  it('leaves out the keyword arguments and the session that are not there', () => {
    expect(callLine(8, encodeRequest({ name: 'ping', args: [] }, LIMITS).text)).toBe(
      '{"type":"call","id":8,"name":"ping","args":[]}',
    );
  });

  it('is one line, whatever the names and values are', () => {
    const call = { name: 'a\n"b"\u2028', args: ['\n'], kwargs: { '\r\n': 1 }, session: '\ud800\n' };
    const line = callLine(1, encodeRequest(call, LIMITS).text);
    expect(line).not.toMatch(/[\r\n]/);
    expect(JSON.parse(line)).toEqual({ type: 'call', id: 1, ...call });
    // The session's lone surrogate would not survive as UTF-8.
    expect(Buffer.from(line).toString()).toBe(line);
  });

  it('keeps what was asked for, whatever becomes of the arguments before a worker is granted', () => {
    const rows = [1, 2];
    const request = encodeRequest({ name: 'mean', args: [rows] }, LIMITS).text;
    rows.push(3);
    expect(callLine(1, request)).toContain('"args":[[1,2]]');
  });

  it('names the path to a refused argument, keyword arguments too', () => {
    const refused = (args: unknown[], kwargs: Record<string, unknown>) =>
      thrown(() => encodeRequest({ name: 'mean', args, kwargs }, LIMITS), ValueRefusedError);
    expect(refused([1, [undefined]], {}).path).toBe('args[1][0]');
    expect(refused([], { digits: undefined }).path).toBe('kwargs.digits');
    expect(refused([], { digits: undefined }).message).toContain('In the call of "mean"');
  });

  it('may have just as many bytes as the limit says, counted in UTF-8 and with the longest id', () => {
    const request = { name: 'f', args: ['grüß 世界 🐍'] };
    const bytes = Buffer.byteLength(callLine(Number.MAX_SAFE_INTEGER, encodeRequest(request, LIMITS).text));
    expect(encodeRequest(request, { ...LIMITS, messageBytesMax: bytes }).text).toContain('🐍');
    const limits = { ...LIMITS, messageBytesMax: bytes - 1 };
    const error = thrown(() => encodeRequest(request, limits), MessageTooLargeError);
    expect(error).toMatchObject({ bytes, limit: bytes - 1, sender: 'node' });
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
    expect(thrown(() => encodeInit(setup([[[[]]]])), ValueRefusedError).path).toBe('setup.args[0][0][0]');
  });

  it('names the path in teardown too, and minds the size', () => {
    const teardown = { name: 'unload', args: [], kwargs: { at: new Date(0) } };
    expect(thrown(() => encodeInit({ ...init, teardown }), ValueRefusedError).path).toBe('teardown.kwargs.at');
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

describe('errorFromWire', () => {
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

function thrown<E extends Error>(act: () => unknown, kind: abstract new (...args: never[]) => E): E {
  try {
    act();
  } catch (error) {
    if (error instanceof kind) return error;
    throw error;
  }
  throw new Error(`no ${kind.name} was thrown`);
}
