import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as errors from '../../src/errors.js';
import { PoolError, PythonError, type PythonRaised } from '../../src/errors.js';

describe('every error', () => {
  it.each(samples())('$name says $facts', ({ name, code, error, facts }) => {
    expect(error).toBeInstanceOf(PoolError);
    expect(error).toBeInstanceOf(Error);
    expect(error.code).toBe(code);
    expect(Object.hasOwn(error, 'name') && error.name).toBe(name);
    for (const fact of facts) expect(error.message).toContain(String(fact));
  });

  it.each(samples())('$name begins its stack with its own name, so that a log shows it', ({ name, error }) => {
    expect(error.stack).toMatch(new RegExp(`^${name}: `));
    expect(inspect(error)).toContain(error.code);
  });

  it.each(samples())('$name has a heading in docs/errors.md, with its fields', ({ name, code, error }) => {
    const section = sections().get(code);
    expect(section).toContain(`\`${name}\``);
    for (const field of Object.getOwnPropertyNames(error).filter((key) => !COMMON.has(key))) {
      expect(section).toContain(`\`${field}\``);
    }
    expect(section).toMatch(/Try: |The message says what it may be/);
  });

  it('says what a call that has hung had promised', () => {
    const { message } = new errors.CallHungError({ call: 'mean', by: 'heartbeat', limitMs: 500, ranMs: 7_200 });
    for (const part of ['"mean"', 500, 7_200, '`heartbeatTimeoutMs`', '`pythonarium.heartbeat()`']) {
      expect(message).toContain(String(part));
    }
  });

  it('has a sample here, and so has every heading of docs/errors.md', () => {
    const classes = Object.values(errors).filter((thing) => typeof thing === 'function' && thing !== PoolError);
    expect(new Set(samples().map(({ error }) => error.constructor))).toEqual(new Set(classes));
    expect(new Set(sections().keys())).toEqual(new Set(samples().map(({ code }) => code)));
  });
});

describe('a PythonError', () => {
  it('reads as one trace from where Python raised it to where Node called', () => {
    const lines = raised('ValueError', 'no rows').stack?.split('\n') ?? [];
    expect(lines.slice(0, 5)).toEqual([
      'PythonError: ValueError: no rows',
      '    at mean (/app.py:3)',
      '        raise ValueError("no rows")',
      '    at <module> (/app.py:9)',
      expect.stringMatching(/^ {4}at .*errors\.test\.ts/),
    ]);
  });

  it('keeps the frames of both when the message has several lines', () => {
    const error = raised('ValueError', 'first\nsecond');
    expect(error.stack).toMatch(/^PythonError: ValueError: first\nsecond\n {4}at mean \(\/app\.py:3\)\n/);
    expect(error.stack).toMatch(/\n {4}at .*errors\.test\.ts/);
  });

  it('shows its notes between the message and the frames, as Python does', () => {
    const error = raised('ValueError', 'no rows', { notes: ['in rows.csv\nof today'] });
    expect(error.stack).toMatch(/no rows\n {4}in rows\.csv\n {4}of today\n {4}at mean/);
  });

  it('says where frames are left out', () => {
    const error = raised('RecursionError', '', { framesLeftOut: 900 });
    expect(error.stack).toMatch(/\(\/app\.py:3\)\n.*\n {4}\.\.\. 900 more of Python \.\.\.\n {4}at <module>/);
  });

  it('shows no file or line that could move a cursor', () => {
    const frame = { file: '/a\u001b[2J.py', line: undefined, function: 'f\n    at g', source: '\u001b[31mred' };
    const { stack } = raised('ValueError', '', { frames: [frame] });
    expect(stack).toContain('\n    at f\\u000a    at g (/a\\u001b[2J.py)\n        \\u001b[31mred\n');
  });

  it('prints its cause and its members, and nothing twice', () => {
    const cause = raised('KeyError', "'rows'");
    const group = raised('ExceptionGroup', 'two', {
      cause,
      errors: [raised('OSError', 'one'), raised('OSError', 'two')],
    });
    const printed = inspect(group);
    expect(printed).toContain("[cause]: PythonError: KeyError: 'rows'");
    expect(printed).toMatch(/\[errors\]: \[\s+PythonError: OSError: one/);
    expect(printed).not.toContain('Traceback');
    expect(printed.match(/PythonError: OSError: two/g)).toHaveLength(1);
  });

  it('is called by its type alone when it has no message', () => {
    expect(raised('KeyboardInterrupt', '').message).toBe('KeyboardInterrupt');
  });

  it('has a cause only if Python had one', () => {
    const cause = raised('KeyError', "'rows'");
    const error = raised('ValueError', '', { cause });
    expect(error.cause).toBe(cause);
    expect(Object.hasOwn(cause, 'cause')).toBe(false);
  });

  it('is of its class and of those it derives from, by name or by module and name', () => {
    const mro = ['app.errors:Outer.NotFound', 'builtins:LookupError', 'builtins:Exception', 'builtins:BaseException'];
    const error = raised('Outer.NotFound', '', { module: 'app.errors', mro });
    for (const name of [
      'Outer.NotFound',
      'app.errors.Outer.NotFound',
      'LookupError',
      'builtins.LookupError',
      'Exception',
    ]) {
      expect(error.is(name), name).toBe(true);
    }
    for (const name of [
      'NotFound',
      'errors.Outer.NotFound',
      'KeyError',
      'Error',
      'other.Outer.NotFound',
      '',
      'builtins',
    ]) {
      expect(error.is(name), name).toBe(false);
    }
  });

  it('is of its own class even where nobody said what that derives from', () => {
    const error = raised('NotFound', '', { module: 'app' });
    expect([error.is('NotFound'), error.is('app.NotFound'), error.is('Exception')]).toEqual([true, true, false]);
  });
});

describe('a WorkerDiedError', () => {
  const died = (seen: Partial<ConstructorParameters<typeof errors.WorkerDiedError>[0]>) =>
    new errors.WorkerDiedError({
      worker: 'worker-2',
      exitCode: null,
      signal: 'SIGKILL',
      stderr: [],
      started: true,
      ...seen,
    }).message;

  it('says that repeating is safe only if the call had not started, and nothing of it if there was no call', () => {
    expect(died({ call: 'f', started: false })).toContain('safe to repeat');
    expect(died({ call: 'f', started: true })).not.toContain('safe to repeat');
    expect(died({ call: 'f', started: 'unknown' })).not.toContain('safe to repeat');
    expect(died({ started: false })).not.toContain('repeat');
  });

  it('quotes of a crash where it was, and not the frames of the worker around it', () => {
    const stderr = [
      'Fatal Python error: Segmentation fault',
      'Current thread 0x0 (most recent call first):',
      '  File "/home/ann/model.py", line 13 in load',
      ...[1, 2, 3, 4].map((line) => `  File "/opt/python/pythonarium/worker.py", line ${line} in main`),
      '  File "<string>", line 1 in <module>',
    ];
    const message = died({ signal: 'SIGSEGV', stderr });
    expect(message).toContain('model.py", line 13 in load');
    expect(message).not.toContain('worker.py');
  });

  it('quotes of a deep crash its innermost calls, and not what is written behind them', () => {
    const frame = (line: number) => `  File "/home/ann/model.py", line ${line} in load`;
    const stderr = [
      'Thread 0x00007f878e3a06c0 (most recent call first):',
      '  File "/opt/python/pythonarium/worker.py", line 473 in watch',
      '',
      'Current thread 0x00007f878e7b22c0 (most recent call first):',
      ...[1, 2, 3, 4, 5, 6].map(frame),
      '  File "/opt/python/pythonarium/serial.py", line 110 in answer_calls',
      '',
      'Extension modules: numpy.core._multiarray_umath (total: 1)',
    ];
    const crashed = died({ signal: 'SIGSEGV', stderr });
    for (const line of [1, 2, 3, 4]) expect(crashed).toContain(frame(line));
    for (const left of [frame(5), 'serial.py', 'Extension modules']) expect(crashed).not.toContain(left);
    // A shallow one is not filled up by them.
    const shallow = died({ signal: 'SIGSEGV', stderr: [...stderr.slice(0, 5), ...stderr.slice(-3)] });
    expect(shallow).toContain(frame(1));
    expect(shallow).not.toContain('serial.py');
  });

  it('says of a session that has nobody to build it that one goes on from nothing', () => {
    const { message } = new errors.SessionLostError({ session: 's1', reason: 'worker-died' });
    expect(message).toContain('its worker died');
    expect(message).toContain('starts on a fresh one');
    expect(message).not.toContain('onLost');
  });

  it('points to memory after SIGKILL, to native code after SIGSEGV and to os._exit after a code', () => {
    expect(died({ signal: 'SIGKILL' })).toContain('memory');
    expect(died({ signal: 'SIGSEGV' })).toContain('faulthandler');
    expect(died({ signal: null, exitCode: 3 })).toMatch(/exit code 3.*os\._exit/);
  });

  it('quotes the last five lines of standard error, long ones cut', () => {
    const message = died({ stderr: ['one', 'two', 'three', 'four', 'five', 'x'.repeat(1000)] });
    expect(message).not.toContain('one\n');
    expect(message).toContain('\n  two\n  three\n  four\n  five\n  xxx');
    expect(message.length).toBeLessThan(600);
  });
});

describe('a PythonNotFoundError', () => {
  it('proposes to correct what somebody has chosen, since no other place is looked at then', () => {
    const chosen = { where: 'option python', what: 'python9', why: 'there is no such program on the PATH' };
    expect(new errors.PythonNotFoundError({ tried: [chosen] }).message).toMatch(/\nCorrect it, or leave it out: /);
  });

  it('is printed with each place once', () => {
    const error = new errors.PythonNotFoundError({
      tried: [{ where: 'PATH', what: 'python9', why: 'it is not there' }],
    });
    expect(inspect(error).match(/python9/g)).toHaveLength(1);
    expect(error.tried).toMatchObject([{ what: 'python9' }]);
  });
});

describe('a NotExposedError', () => {
  const asked = (call: string, functions: string[]) => new errors.NotExposedError({ call, functions }).message;

  it('proposes the name that was probably meant', () => {
    expect(asked('maen', ['median', 'mean', 'mode'])).toContain('Did you mean "mean"?');
    expect(asked('stats.meen', ['stats.mean'])).toContain('Did you mean "stats.mean"?');
  });

  it('proposes nothing for a name that is like none', () => {
    expect(asked('load', ['mean', 'mode'])).not.toContain('Did you mean');
    expect(asked('f', ['g'])).not.toContain('Did you mean');
    expect(asked('', ['mean'])).not.toContain('Did you mean');
  });

  it('lists a dozen names and counts the rest', () => {
    const names = Array.from({ length: 20 }, (_, index) => `f${index}`);
    expect(asked('load', names)).toContain('f11 and 8 more.');
    expect(asked('load', [])).toContain('It exposes nothing at all.');
  });

  it('says what can be called, and proposes no option that the pool may have already', () => {
    expect(asked('load', ['mean'])).toMatch(/ It exposes mean\. A function needs `@expose`, or a public name and `/);
    expect(asked('load', ['mean'])).not.toContain('create the pool');
  });

  it('is printed without the names that its message lists, which are there for programs', () => {
    const error = new errors.NotExposedError({ call: 'load', functions: ['mean', 'mode'] });
    expect(inspect(error).match(/mode/g)).toHaveLength(1);
    expect(error.functions).toEqual(['mean', 'mode']);
  });

  it('says what Python said, and no more, when no name was called', () => {
    const detail = 'Nothing in /app.py is marked with @expose.';
    const cause = new errors.NotExposedError({ functions: [], detail });
    expect(cause.message).toBe(detail);
    const boot = { worker: 'worker-0', stage: 'expose', exitCode: 1, signal: null, stderr: [], cause } as const;
    const failed = 'worker-0 did not become ready: its functions could not be exposed.';
    expect(new errors.BootError(boot).message).toBe(`${failed} ${detail}`);
  });
});

describe('a MessageTooLargeError', () => {
  it('says what of the call it is, where it is neither the call nor its answer', () => {
    const limits = { bytes: 11, limit: 10, option: 'attachmentBytesMax', sender: 'node' } as const;
    const error = new errors.MessageTooLargeError({ ...limits, call: 'mean', what: 'item 3 of an iterable' });
    expect(error.message).toMatch(/^In the call of "mean", item 3 of an iterable takes 11 raw bytes, .* have 10\./);
    expect(error.message).toContain('`attachmentBytesMax`');
    expect(error.option).toBe('attachmentBytesMax');
  });
});

describe('text of others in a message', () => {
  it('can move no cursor, forge no line and turn no text around', () => {
    const error = new errors.WorkerDiedError({
      worker: 'worker-0',
      exitCode: 1,
      signal: null,
      stderr: ['\u001b[2J\u0007\r\u202egood\u0000\u2028\u009b'],
      started: true,
      call: 'a\nb\u001b"',
    });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(error.message.replace(/\n {2}/, ' ')).not.toMatch(/[\u0000-\u001f\u0080-\u009f\u2028\u202e]/);
    expect(error.message).toContain('\\u001b[2J\\u0007\\u000d\\u202egood\\u0000\\u2028\\u009b');
    expect(error.message).toContain('"a\\nb\\u001b\\""');
  });

  it.each([
    ['a fairness key', new errors.QueueFullError({ queueMax: 1, fairnessKey: HOSTILE })],
    ['the name of a call', new errors.DeadlockError({ chain: ['apply', HOSTILE], slots: 1 })],
    ['what came over the line', new errors.ProtocolError({ detail: `no message, in ${HOSTILE}` })],
    ['a value', new errors.ValueRefusedError({ path: 'value', problem: `is ${HOSTILE}.`, sender: 'python' })],
  ])('does nothing of that as %s either', (_, { message }) => {
    expect(message).toContain('good');
    expect(message).not.toMatch(HARMFUL);
  });

  it('keeps its lines where it is what a start failed by, each of them without that power', () => {
    const cause = raised('ValueError', `${HOSTILE}\nno model`);
    const boot = { worker: 'worker-0', stage: 'import', exitCode: 1, signal: null, stderr: [], cause } as const;
    const [, ...rest] = new errors.BootError(boot).message.split('\n');
    expect(rest).toHaveLength(2);
    for (const line of rest) expect(line).toMatch(/^ {2}\S/);
    expect(rest.join('')).toContain('no model. See `cause`');
    expect(rest.join('')).not.toMatch(HARMFUL);
  });
});

describe('a CallTimeoutError', () => {
  it('advises by what the time went on: more workers where that was waiting for one, and less to do where it was not', () => {
    const of = (waitedMs: number, more = {}) =>
      new errors.CallTimeoutError({ call: 'mean', timeoutMs: 500, waitedMs, ranMs: 500 - waitedMs, ...more }).message;
    expect(of(490)).toMatch(/ 490 ms went on waiting for a worker, 10 ms on running\. Raise `size`, .*`timeoutMs`\.$/);
    expect(of(10)).toMatch(/ 490 ms on running\. Give the function less to do, or allow a longer `timeoutMs`\.$/);
    expect(of(490, { attempts: 2 })).toMatch(/ and on the attempts before, 10 ms on running\. .* Give the function/);
  });
});

describe('a QueueTimeoutError', () => {
  it('asks for no larger pool where no worker was up', () => {
    const seen = { waitedMs: 250, leased: 0, waiting: 3, isNobodyUp: true };
    const { message } = new errors.QueueTimeoutError(seen);
    expect(message).toMatch(/^No worker was up within 250 ms: 0 leased, 3 waiting\. .*`pool\.ready\(\)`/);
    expect(message).not.toContain('`size`');
    expect(new errors.QueueTimeoutError({ ...seen, waitedFor: 'closed' }).message).toContain('not closed within');
    expect(new errors.QueueTimeoutError({ ...seen, waitedFor: 'reloaded' }).message).toContain('replaced within');
  });
});

describe('a QueueFullError and a SessionLimitError', () => {
  it('count one as one, and show no more of a key than one can read', () => {
    const key = 'x'.repeat(1_000);
    const { message } = new errors.QueueFullError({ queueMax: 1, fairnessKey: key });
    expect(message).toMatch(/^1 caller of the key "x+…" waits already/);
    expect(message.length).toBeLessThan(500);
    expect(new errors.QueueFullError({ queueMax: 0 }).message).toMatch(/^0 callers wait already/);
    expect(new errors.SessionLimitError({ sessionsMax: 1 }).message).toMatch(/^1 session lives already/);
  });
});

describe('an OptionError', () => {
  it.each([
    [0, 'it is 0.'],
    [-0, 'it is -0.'],
    ['two', 'it is "two".'],
    [undefined, 'it is undefined.'],
    [null, 'it is null.'],
    [3n, 'it is 3n.'],
    [Symbol('s'), 'it is a symbol.'],
    [() => 1, 'it is a function.'],
    [[1, 2], 'it is an array of 2.'],
    [{ password: 'secret' }, 'it is an object.'],
  ])('names %o without what an object holds', (got, words) => {
    const { message } = new errors.OptionError({ option: 'size', expected: 'an integer from 1 to 1024', got });
    expect(message).toBe(`Option \`size\` must be an integer from 1 to 1024, but ${words}`);
  });

  it('of a name that there is not proposes the one that was meant, and lists them all only where it knows none', () => {
    const said = (option: string) => new errors.OptionError({ option, known: ['size', 'slots', 'lane'] }).message;
    expect(said('sise')).toBe('There is no option `sise`. Did you mean "size"?');
    expect(said('workers')).toBe('There is no option `workers`. There are: size, slots, lane.');
  });
});

describe('a BootError', () => {
  it.each(['start', 'load', 'import', 'setup', 'expose', 'protocol', 'timeout'] as const)(
    'of the stage %s says what to try',
    (stage) => {
      const error = new errors.BootError({ worker: 'worker-0', stage, exitCode: null, signal: null, stderr: [] });
      expect(error.stage).toBe(stage);
      expect(error.message).toMatch(
        /^worker-0 did not become ready: .+\. \w.+\. It wrote nothing to standard error\.$/,
      );
    },
  );

  it('says what Python said, and nothing of an orderly end and of what was not written', () => {
    const boot = { worker: 'worker-0', stage: 'setup', exitCode: 1, signal: null, stderr: [] } as const;
    const { message } = new errors.BootError({ ...boot, cause: raised('KeyError', 'model') });
    expect(message).toBe(
      'worker-0 did not become ready: `setup` failed. KeyError: model. See `cause` for the traceback.',
    );
    // It may have written why before.
    const cause = raised('SystemExit', '1');
    expect(new errors.BootError({ ...boot, stderr: ['no licence'], cause }).message).toContain('\n  no licence');
    expect(new errors.BootError({ ...boot, exitCode: 3, cause }).message).toContain('exit code 3');
    expect(new errors.BootError(boot).message).toMatch(/exit code 1.* It wrote nothing to standard error\.$/);
  });

  it('names the Python that it ran on, where another one may have what it wants', () => {
    const python = { executable: '/usr/bin/pyth\u202eon3', python: '3.11.2' };
    const of = (stage: 'import' | 'setup' | 'expose') =>
      new errors.BootError({ worker: 'worker-0', stage, exitCode: null, signal: null, stderr: [], python });
    for (const stage of ['import', 'setup'] as const) {
      expect(of(stage).message).toContain(' It ran on Python 3.11.2, /usr/bin/pyth\\u202eon3. It wrote nothing');
    }
    expect(of('expose').message).not.toContain('3.11.2');
    expect(of('expose').python).toBe(python.executable);
  });
});

describe('a PoolDegradedError', () => {
  it('says of the failed start that it quotes whose `cause` has the traceback', () => {
    const boot = { worker: 'worker-0', stage: 'setup', exitCode: 1, signal: null, stderr: [] } as const;
    const cause = new errors.BootError({ ...boot, cause: raised('KeyError', 'model') });
    const { message } = new errors.PoolDegradedError({ failures: 1, cause });
    expect(message).toMatch(/`cause` is the last failure: .*`setup` failed.*See its `cause` for the traceback\.$/);
    expect(cause.message).toContain(' See `cause` for the traceback.');
  });

  it('leaves what Python wrote last to the failure where it is printed', () => {
    const boot = { worker: 'worker-0', stage: 'load', exitCode: 1, signal: null, stderr: ['no licence'] } as const;
    const error = new errors.PoolDegradedError({ failures: 5, cause: new errors.BootError(boot) });
    expect(error.stderr).toEqual(['no licence']);
    expect(Object.keys(error)).not.toContain('stderr');
    expect(error.message).toContain('no licence');
  });
});

describe('a SpawnError', () => {
  it('names the limit for what the system says', () => {
    const of = (errno: string) => new errors.SpawnError({ errno, command: 'python3' }).message;
    expect(of('EMFILE')).toContain('ulimit -n');
    expect(of('ENFILE')).toContain('fs.file-max');
    expect(of('EAGAIN')).toContain('ulimit -u');
    expect(of('EWEIRD')).toContain('EWEIRD. See whether');
    expect(of('constructor')).toContain('constructor. See whether');
  });
});

function raised(type: string, pythonMessage: string, more: Partial<PythonRaised> = {}): PythonError {
  const traceback = `Traceback (most recent call last):\n  File "/app.py", line 3, in mean\n${type}: ${pythonMessage}\n`;
  const frames = [
    { file: '/app.py', line: 3, function: 'mean', source: 'raise ValueError("no rows")' },
    { file: '/app.py', line: 9, function: '<module>', source: undefined },
  ];
  return new PythonError({ type, module: 'builtins', pythonMessage, traceback, notes: [], frames, ...more });
}

interface Sample {
  name: string;
  code: string;
  error: PoolError;
  /** What the message must tell. */
  facts: (string | number)[];
}

/** One error of each class. */
function samples(): Sample[] {
  const all: [string, PoolError, (string | number)[]][] = [
    ['ERR_PYTHON', raised('ValueError', 'no rows'), ['ValueError: no rows']],
    [
      'ERR_WORKER_DIED',
      new errors.WorkerDiedError({
        worker: 'worker-2',
        exitCode: null,
        signal: 'SIGSEGV',
        stderr: ['Fatal Python error'],
        started: true,
        call: 'mean',
        attempts: 3,
      }),
      ['worker-2', 'SIGSEGV', 'tried 3 times', '"mean"', 'had started', 'Fatal Python error'],
    ],
    [
      'ERR_CALL_TIMEOUT',
      new errors.CallTimeoutError({ call: 'mean', timeoutMs: 500, waitedMs: 12, ranMs: 488 }),
      ['"mean"', 500, 12, 488, '`timeoutMs`'],
    ],
    [
      'ERR_CALL_HUNG',
      new errors.CallHungError({ call: 'mean', by: 'hard-limit', limitMs: 500, ranMs: 501 }),
      ['"mean"', 500, 501, '`hardLimitMs`', '`call.hung`'],
    ],
    [
      'ERR_QUEUE_TIMEOUT',
      new errors.QueueTimeoutError({ waitedMs: 250, leased: 4, waiting: 31 }),
      [250, '4 leased', '31 waiting', '`size`'],
    ],
    [
      'ERR_DEADLOCK',
      new errors.DeadlockError({ chain: ['apply', 'total'], slots: 4 }),
      ['apply → total', 'all 4 slots', '`size`'],
    ],
    [
      'ERR_DEADLOCK',
      new errors.DeadlockError({ chain: ['apply', 'checkin()'], slots: undefined }),
      ['apply → checkin()', 'the end of a call', 'do not await it'],
    ],
    [
      'ERR_DEADLOCK',
      new errors.DeadlockError({ chain: ['onLost', 'session.end()'], slots: undefined, isOnLost: true }),
      ['onLost → session.end()', 'the end of `onLost`', 'do not await it'],
    ],
    [
      'ERR_DEADLOCK',
      new errors.DeadlockError({ chain: ['onLost', 'total'], slots: 1, isOnLost: true }),
      ['onLost → total', 'the state that `onLost` builds', 'the lease that it is given'],
    ],
    [
      'ERR_POISON',
      new errors.PoisonError({ call: 'parse', deaths: 3, sinceMs: 1_200, refusedMs: 59_000 }),
      ['"parse"', '3 workers', 1_200, 59_000, '`poisonDeaths`'],
    ],
    [
      'ERR_IDEMPOTENCY_KEY',
      new errors.IdempotencyKeyError({ key: 'order-17', call: 'pay', reason: 'other-request' }),
      ['"pay"', '"order-17"', 'another function'],
    ],
    ['ERR_QUEUE_FULL', new errors.QueueFullError({ queueMax: 10_000 }), [10_000, '`queueMax`']],
    ['ERR_OVERLOADED', new errors.OverloadedError({ waitedMs: 512, targetMs: 200 }), [512, 200, '`shed.targetMs`']],
    ['ERR_POOL_CLOSED', new errors.PoolClosedError({ by: 'drain' }), ['`drain()`']],
    [
      'ERR_POOL_DEGRADED',
      new errors.PoolDegradedError({ failures: 5, cause: new Error('exit code 1') }),
      [5, 'exit code 1'],
    ],
    [
      'ERR_BOOT',
      new errors.BootError({
        worker: 'worker-0',
        stage: 'timeout',
        exitCode: 7,
        signal: null,
        stderr: ['still loading'],
        bootTimeoutMs: 30_000,
        cause: new Error('why'),
      }),
      ['worker-0', 30_000, 'exit code 7', 'still loading', 'why', '`bootTimeoutMs`'],
    ],
    [
      'ERR_NOT_EXPOSED',
      new errors.NotExposedError({ call: 'maen', functions: ['mean'] }),
      ['"maen"', 'mean', '@expose'],
    ],
    [
      'ERR_VALUE',
      new errors.ValueRefusedError({ path: 'args[0].x', problem: 'is NaN.', sender: 'node', call: 'mean' }),
      ['args[0].x', 'is NaN', '"mean"'],
    ],
    [
      'ERR_ARGUMENT',
      new errors.ArgumentRefusedError({ path: 'items[3].price', expected: 'a float', got: 'a str', call: 'total' }),
      ['`items[3].price`', 'a float', 'a str', '"total"', 'not started'],
    ],
    [
      'ERR_RESULT',
      new errors.ResultRefusedError({
        call: 'total',
        issues: [{ message: 'Expected a number', path: ['rows', 3, { key: 'x' }] }, { message: 'Too short' }],
      }),
      ['"total"', '2 places', 'rows[3].x: Expected a number', 'Too short', 'has run'],
    ],
    [
      'ERR_SCHEMA_TIMEOUT',
      new errors.SchemaTimeoutError({ call: 'total', timeoutMs: 200 }),
      ['"total"', '200 ms', 'has run', '`timeoutMs`'],
    ],
    [
      'ERR_MESSAGE_TOO_LARGE',
      new errors.MessageTooLargeError({ bytes: 70_000_000, limit: 67_108_864, sender: 'python', call: 'mean' }),
      ['The answer', '"mean"', 70_000_000, 67_108_864, '`messageBytesMax`'],
    ],
    [
      'ERR_SESSION_LOST',
      new errors.SessionLostError({ session: 's1', reason: 'evicted', onLostTimeoutMs: 30_000 }),
      ['"s1"', 'longest unused', '30000 ms', '`onLostTimeoutMs`'],
    ],
    ['ERR_SESSION_LIMIT', new errors.SessionLimitError({ sessionsMax: 10_000 }), [10_000, '`sessionsMax`']],
    ['ERR_LEASE_ENDED', new errors.LeaseEndedError({ lease: 41, reason: 'checked-in' }), ['Lease 41', 'checked in']],
    [
      'ERR_HANDLE_ENDED',
      new errors.HandleEndedError({ handle: 'Model', reason: 'closed', path: 'args[0]', call: 'score' }),
      ['"Model"', '`args[0]`', '"score"', 'was closed'],
    ],
    [
      'ERR_FUNCTION_RELEASED',
      new errors.FunctionReleasedError({ path: 'args[0].on', call: 'score' }),
      ['`args[0].on`', '"score"', 'was released', 'keep another one'],
    ],
    [
      'ERR_OPTION',
      new errors.OptionError({ option: 'size', expected: 'an integer from 1 to 1024', got: 0 }),
      ['`size`', 'an integer from 1 to 1024', 'is 0'],
    ],
    [
      'ERR_PYTHON_NOT_FOUND',
      new errors.PythonNotFoundError({
        tried: [
          { where: 'VIRTUAL_ENV', what: '/venv/bin/python', why: 'no such file' },
          { where: 'PATH', what: 'python3', why: 'version 3.8' },
        ],
      }),
      ['2 places', 'VIRTUAL_ENV: /venv/bin/python: no such file', 'PATH: python3: version 3.8', 'PYTHONARIUM_PYTHON'],
    ],
    [
      'ERR_SPAWN',
      new errors.SpawnError({ errno: 'ENOENT', command: '/usr/bin/python9', cause: new Error('spawn') }),
      ['ENOENT', '/usr/bin/python9'],
    ],
    ['ERR_PLATFORM', new errors.PlatformError({ platform: 'win32' }), ['win32', 'WSL']],
    [
      'ERR_PROTOCOL',
      new errors.ProtocolError({ detail: 'a line is not JSON', worker: 'worker-1', started: true, attempts: 2 }),
      ['worker-1', 'a line is not JSON', 'had started', 'tried 2 times'],
    ],
  ];
  return all.map(([code, error, facts]) => ({ name: error.constructor.name, code, error, facts }));
}

const HOSTILE = '\u001b[2J\u0007\r\n\u202egood\u2028\u009b';
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const HARMFUL = /[\u0000-\u001f\u0080-\u009f\u2028\u202e]/;

/** What every error has. */
const COMMON = new Set(['name', 'code', 'message', 'stack']);

/** The text below each heading of the page that is a code. */
function sections(): Map<string, string> {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const found = page.split(/^## /m).slice(1);
  return new Map(found.map((section) => [section.slice(0, section.indexOf('\n')), section]));
}
