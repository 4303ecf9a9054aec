import type { WireError } from '../../src/wire/error.js';
import type { Misbehaviour } from './cases.js';
import type { FakeProcess, PlayedRequest, Script } from './fake-python.js';

/** What `cases.py` and the modules that misbehave do, played. */
export function playedCases(module?: Misbehaviour): Script {
  return {
    pace: 'itself',
    functions: Object.keys(FUNCTIONS),
    boot: BOOTS[module ?? 'cases'],
    serve: (request, process) => queueMicrotask(() => (FUNCTIONS[request.name] ?? unknown)(process, request)),
  };
}

const FUNCTIONS: Record<string, (process: FakeProcess, request: PlayedRequest) => void> = {
  echo: (process, { args, kwargs }) => process.answer(args[0] ?? kwargs.value),
  pid: (process) => process.answer(process.pid),
  raise_value_error: (process, { args }) => process.raise(raised('ValueError', String(args[0]))),
  leave: (process, { args }) => process.die({ exitCode: args[0] as number, signal: null }),
  never: (process) => process.print('never'),
  later: (process, { args }) => void setTimeout(() => process.answer(null), 1_000 * (args[0] as number)),
  break_line: (process) => process.breakLine(),
  remember: (process, { args: [key, value], state }) => {
    state.set(String(key), value);
    process.answer(Object.fromEntries(state));
  },
};

const BOOTS: Record<Misbehaviour | 'cases', (process: FakeProcess) => void> = {
  cases: (process) => {
    process.boot();
    // A teardown that never ends, as far as the played module is concerned.
    process.ignoresStop = process.init?.teardown?.name === 'never';
  },
  'raises-at-import': (process) => {
    load(process);
    process.refuse('import', raised('RuntimeError', 'not today'));
  },
  'leaves-at-import': (process) => {
    load(process);
    process.die({ exitCode: 7, signal: null });
  },
  'hangs-at-import': (process) => {
    load(process);
    process.ignoresTerm = true;
    process.print('hanging');
  },
};

function load(process: FakeProcess): void {
  process.spawn();
  process.hello();
}

function raised(type: string, message: string): Partial<WireError> {
  return { type, message, traceback: `Traceback (most recent call last):\n${type}: ${message}\n` };
}

function unknown(process: FakeProcess, { name }: PlayedRequest): void {
  process.raise({
    code: 'ERR_NOT_EXPOSED',
    message: `There is no function ${name}.`,
    functions: Object.keys(FUNCTIONS),
  });
}
