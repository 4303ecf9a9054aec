#!/usr/bin/env node
import { styleText } from 'node:util';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { PoolError } from '../errors.js';
import { packageVersion } from '../process/library.js';
import type { CallFlags } from './call.js';
import { parseDuration } from './duration.js';
import { AdvisedFailure, failureText } from './failure.js';
import { HELP } from './help.js';
import { Interrupt, interruptible } from './interrupt.js';
import { readJson } from './json.js';
import { parseTarget, type Target } from './target.js';
import type { TypesFlags } from './types.js';

process.exitCode = await main(process.argv);

/** Runs the command and returns its exit code: 0, 1 for a failure, 2 for a command line that makes no sense. */
async function main(argv: readonly string[]): Promise<number> {
  try {
    return await interruptible(async (signal) => {
      let exitCode = 0;
      await commands(signal, (code) => {
        exitCode = code;
      }).parseAsync(argv);
      return exitCode;
    });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof Interrupt) return error.exitCode;
    if (error instanceof PoolError) process.stderr.write(failureText(error));
    else if (error instanceof AdvisedFailure)
      process.stderr.write(`${failureText(error.failure)}pythonarium: ${error.message}\n`);
    else if (isSystemError(error)) process.stderr.write(`pythonarium: ${error.message}\n`);
    else throw error;
    return 1;
  }
}

/** What each command does is loaded when it runs, so that `--help` comes at once. */
function commands(signal: AbortSignal, exit: (code: number) => void): Command {
  const program = new Command('pythonarium')
    .description('Call Python functions from a shell, in warm worker processes that are handed out under leases.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print the help of a command')
    .showHelpAfterError('(--help tells more)')
    .addHelpText('after', HELP.program)
    .exitOverride();

  program
    .command('call')
    .summary('call one function once')
    .description('Call one Python function and print what it returns as JSON.')
    .argument('<module:function>', 'what to call', parseTarget)
    .argument('[args]', 'its positional arguments, a JSON array', parsePositional, [])
    .addOption(kwargsOption())
    .addOption(timeoutOption('how long the call may take once Python is up'))
    .addOption(exposeOption())
    .addOption(pythonOption())
    .addHelpText('after', HELP.call)
    .action(async (target: Target, args: unknown[], flags: CallFlags) => {
      const { runCall } = await import('./call.js');
      exit(await runCall(target, args, flags, signal));
    });

  program
    .command('map')
    .summary('call one function for each line of standard input')
    .description('Call one Python function for each line of standard input (NDJSON) and print the results likewise.')
    .argument('<module:function>', 'what to call', parseTarget)
    .option('--size <workers>', 'how many Python processes (default: one for each processor it may use)', parseSize)
    .option('--ordered', 'print results in the order of the lines (the default)')
    .addOption(new Option('--unordered', 'print results as they come').conflicts('ordered'))
    .addOption(timeoutOption('how long each call may take'))
    .option('--keep-going', 'note a line that fails on standard error and go on')
    .addOption(kwargsOption())
    .addOption(exposeOption())
    .addOption(pythonOption())
    .addHelpText('after', HELP.map)
    .action(
      async (
        target: Target,
        { unordered, keepGoing, ...flags }: CallFlags & { unordered?: true; keepGoing?: true },
      ) => {
        const { runMap } = await import('./map.js');
        exit(await runMap(target, { ...flags, ordered: !unordered, keepGoing: keepGoing ?? false }, signal));
      },
    );

  program
    .command('types')
    .summary('write TypeScript declarations from hints')
    .description(
      'Write TypeScript declarations of Python modules from their hints and docstrings. Nothing of them is run.',
    )
    .argument('<module...>', 'a .py file, a package folder, a dotted name, or key=module for several in one file')
    .option('--out <file>', 'where to write (default: app.py.d.ts beside app.py); - is standard output')
    .addOption(new Option('--check', 'only see whether the file is fresh').conflicts('watch'))
    .option('--watch', 'write again whenever the Python changes')
    .addOption(exposeOption('marked'))
    .addOption(pythonOption())
    .addHelpText('after', HELP.types)
    .action(async (modules: string[], flags: TypesFlags) => {
      const { runTypes, UsageError } = await import('./types.js');
      try {
        exit(await runTypes(modules, flags, signal));
      } catch (error) {
        if (error instanceof UsageError) program.error(`error: ${error.message}`, { exitCode: 2 });
        throw error;
      }
    });

  program
    .command('doctor')
    .summary('find out whether Python can be used, and what is wrong')
    .description(
      'Find out which Python a pool would run on and why, whether a worker starts and answers, and what to do if not.',
    )
    .addOption(pythonOption())
    .addHelpText('after', HELP.doctor)
    .action(async ({ python }: { python?: string }) => {
      const [{ formatDoctor, runDoctor }, { commandOf }] = await Promise.all([
        import('./doctor.js'),
        import('./pool.js'),
      ]);
      const report = await runDoctor({ signal, ...(python !== undefined && { python: commandOf(python) }) });
      process.stdout.write(`${formatDoctor(report, { colour: hasColour() })}\n`);
      exit(report.exitCode);
    });

  return program;
}

function kwargsOption(): Option {
  return new Option('--kwargs <json>', 'keyword arguments, a JSON object').argParser(parseKeyword);
}

function timeoutOption(what: string): Option {
  return new Option('--timeout <time>', `${what}: 500 (ms), 2s, 1.5m`).argParser(parseDuration);
}

function exposeOption(which: 'all' | 'marked' = 'all'): Option {
  return new Option('--expose <which>', 'which functions can be called').choices(['all', 'marked']).default(which);
}

function pythonOption(): Option {
  return new Option('--python <program>', "the Python to use: a path, a name, or a command such as 'uv run python'");
}

function parsePositional(text: string): unknown[] {
  const args = parseJson(text, 'the arguments', `Arguments are a JSON array, such as '[3, "text"]'.`);
  if (Array.isArray(args)) return args;
  throw new InvalidArgumentError(`Arguments are a JSON array: write '[${text}]' to pass this one.`);
}

function parseKeyword(text: string): Record<string, unknown> {
  const remedy = `Keyword arguments are a JSON object, such as '{"digits": 2}'.`;
  const kwargs = parseJson(text, 'the keyword arguments', remedy);
  if (typeof kwargs === 'object' && kwargs !== null && !Array.isArray(kwargs)) return kwargs as Record<string, unknown>;
  throw new InvalidArgumentError(remedy);
}

function parseJson(text: string, what: string, remedy: string): unknown {
  try {
    return readJson(text, what);
  } catch (error) {
    if (error instanceof SyntaxError) throw new InvalidArgumentError(`It is no JSON: ${error.message}. ${remedy}`);
    throw error;
  }
}

function parseSize(text: string): number {
  const size = Number(text);
  if (/^\d+$/.test(text) && size >= 1 && size <= 1024) return size;
  throw new InvalidArgumentError('Write a whole number from 1 to 1024.');
}

/** On a terminal, unless NO_COLOR, FORCE_COLOR or the like say otherwise: as Node has it for whatever is printed. */
function hasColour(): boolean {
  return styleText('dim', '.', { stream: process.stdout }) !== '.';
}

/** Standard input that cannot be read, standard output on a full disk. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}
