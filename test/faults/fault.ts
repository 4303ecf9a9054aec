import type { CallOptions } from '../../src/index.js';
import type { Harms } from './crowd.js';

/** One kind of fault, and what it may do to those who have nothing to do with it. */
export interface Fault {
  readonly name: string;
  /** What goes wrong by a call: one of these, by turns. */
  readonly calls?: readonly FaultyCall[];
  /** What is done to a worker from outside. */
  readonly strike?: Strike;
  /** Whether workers die of it. */
  readonly isDeadly: boolean;
  readonly harms: Harms;
  /** What it may do as well the first time: to those whom Python has begun behind it, as many as wait in a pipe. */
  readonly harmsAtFirst?: Harms;
}

export interface FaultyCall {
  readonly function: string;
  /** What its arguments are after its number. */
  readonly args?: readonly unknown[];
  readonly options?: CallOptions;
  /** What may come of it. */
  readonly outcomes: readonly string[];
}

/** Does something to the process of a worker. `later` runs what it is given after so many ms, if the worker still lives. */
export type Strike = (pid: number, chance: () => number, later: (ms: number, run: () => void) => void) => void;

/** The twelve kinds. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'KILL',
    strike: (pid) => send(pid, 'SIGKILL'),
    isDeadly: true,
    harms: harmsOfDeath(),
  },
  {
    name: 'STOP and CONT',
    strike: (pid, chance, later) => {
      send(pid, 'SIGSTOP');
      // One in five stays as it is, for the pool to find out.
      if (chance() > 0.2) later(5 + chance() * 300, () => send(pid, 'SIGCONT'));
    },
    isDeadly: true,
    harms: harmsOfSilence(),
  },
  {
    name: 'TERM',
    strike: (pid) => send(pid, 'SIGTERM'),
    isDeadly: true,
    harms: harmsOfDeath(),
  },
  {
    name: 'segfault',
    calls: [{ function: 'segfaults.read_nowhere', outcomes: ['ERR_WORKER_DIED'] }],
    isDeadly: true,
    harms: harmsOfAnothersDeath(),
  },
  {
    name: 'MemoryError',
    calls: [
      { function: 'runs_out_of_memory.ask_for_too_much', outcomes: ['ERR_PYTHON'] },
      { function: 'runs_out_of_memory.fill_up', outcomes: ['ERR_PYTHON'] },
    ],
    isDeadly: false,
    harms: {},
  },
  {
    name: 'sys.exit',
    calls: [
      { function: 'calls_sys_exit.leave', outcomes: ['ERR_PYTHON'] },
      { function: 'calls_sys_exit.leave_with_a_word', outcomes: ['ERR_PYTHON'] },
    ],
    isDeadly: false,
    harms: {},
  },
  {
    name: 'closed descriptors',
    calls: [
      { function: 'closes_descriptors.close_outputs', outcomes: ['served'] },
      { function: 'closes_descriptors.close_the_line', outcomes: ['ERR_WORKER_DIED'] },
      { function: 'closes_descriptors.close_all', outcomes: ['ERR_WORKER_DIED'] },
    ],
    isDeadly: true,
    harms: harmsOfAnothersDeath(),
  },
  {
    name: 'garbage',
    calls: [
      { function: 'writes_garbage.write_garbage', outcomes: ['ERR_PROTOCOL'] },
      { function: 'writes_garbage.write_noise', outcomes: ['ERR_PROTOCOL'] },
    ],
    isDeadly: true,
    harms: harmsOfAnothersDeath(),
  },
  {
    name: 'half replies',
    calls: [
      { function: 'gives_half_replies.half_and_die', outcomes: ['ERR_WORKER_DIED'] },
      { function: 'gives_half_replies.half_and_go_on', outcomes: ['ERR_PROTOCOL'] },
      {
        function: 'gives_half_replies.half_and_hang',
        options: { heartbeatTimeoutMs: 200 },
        outcomes: ['ERR_CALL_HUNG'],
      },
    ],
    isDeadly: true,
    harms: harmsOfAnothersDeath(),
  },
  {
    name: 'late replies',
    calls: [
      {
        function: 'replies_late.reply_late',
        // Later by far than Node may be late.
        args: [120_000],
        options: { timeoutMs: 40 },
        outcomes: ['ERR_CALL_TIMEOUT', 'ERR_QUEUE_TIMEOUT'],
      },
      // Where nobody was answered before, there is nothing to be said again.
      { function: 'replies_late.reply_again', outcomes: ['ERR_PROTOCOL', 'served'] },
    ],
    isDeadly: true,
    harms: harmsOfAnothersDeath(),
    // Where nobody was answered before it is served, so that it may be short by the time it first breaks a line.
    harmsAtFirst: { call: ['ERR_PROTOCOL'] },
  },
  {
    name: 'hang',
    calls: ['never_returns.loop', 'never_returns.hold_the_gil', 'never_returns.be_deaf'].flatMap((name) => [
      { function: name, options: { heartbeatTimeoutMs: 200 }, outcomes: ['ERR_CALL_HUNG'] },
      { function: name, options: { timeoutMs: 200 }, outcomes: ['ERR_CALL_TIMEOUT', 'ERR_QUEUE_TIMEOUT'] },
    ]),
    isDeadly: true,
    harms: harmsOfAnothersDeath(),
  },
  {
    name: 'slow',
    calls: [
      { function: 'is_slow.take_time', outcomes: ['served'] },
      { function: 'is_slow.be_busy', outcomes: ['served'] },
    ],
    isDeadly: false,
    harms: {},
  },
];

/** Its worker dies, whatever it does. */
export function harmsOfDeath(): Harms {
  const died = ['ERR_WORKER_DIED'];
  return {
    call: died,
    stream: died,
    hint: died,
    session: [...died, 'ERR_SESSION_LOST'],
    lease: [...died, 'ERR_LEASE_ENDED'],
  };
}

/** Its worker says nothing, until it is ended for that or goes on. */
function harmsOfSilence(): Harms {
  const silent = ['ERR_WORKER_DIED', 'ERR_CALL_HUNG'];
  return {
    call: silent,
    stream: silent,
    hint: silent,
    session: [...silent, 'ERR_SESSION_LOST'],
    lease: [...silent, 'ERR_LEASE_ENDED'],
  };
}

/** A worker dies by a call of somebody else's: nobody but those who had left something there knows of it. */
function harmsOfAnothersDeath(): Harms {
  return { session: ['ERR_SESSION_LOST'] };
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile, and that is still to be told.
  }
}
