import { describe, expect, it } from 'vitest';
import { failureRecord, failureText } from '../../../src/cli/failure.js';
import { logLine } from '../../../src/cli/log.js';
import { BootError, PythonError } from '../../../src/errors.js';

const HOSTILE = '\u001b[2J\u001b[31mred\u001b[0m\tand\u202emore\nof it';
const HARMLESS = '\\u001b[2J\u001b[31mred\u001b[0m\tand\\u202emore\nof it';

describe('what the command shows of Python on standard error', () => {
  it('moves no cursor and turns no text around where Python prints or logs it; lines, tabs and colours stay', () => {
    const printed = { worker: 'worker-0', stream: 'stdout', call: 1, text: HOSTILE, context: undefined } as const;
    expect(logLine({ ...printed, level: undefined, logger: undefined })).toBe(`${HARMLESS}\n`);
    const logged = logLine({ ...printed, stream: 'logging', level: 'ERROR', logger: 'a\u001b[2Jb' }, 'worker-0');
    expect(logged).toBe(`[worker-0] ERROR a\\u001b[2Jb: ${HARMLESS}\n`);
  });

  it('is as harmless where Python raises it, and told to programs as it was', () => {
    const traceback = `Traceback (most recent call last):\nValueError: ${HOSTILE}`;
    const raised = { type: 'ValueError', module: 'builtins', pythonMessage: HOSTILE, traceback, notes: [] };
    const error = new PythonError(raised);
    const shown = `ValueError: ${HARMLESS}\n`;
    expect(failureText(error, 'line 3')).toBe(
      `pythonarium: line 3: ERR_PYTHON: ${shown}Traceback (most recent call last):\n${shown}`,
    );
    expect(failureRecord(error, 3)).toMatchObject({ message: `ValueError: ${HOSTILE}`, traceback });
  });

  it('points to the traceback that stands below, and not to an object that nobody there has', () => {
    const cause = new PythonError({
      type: 'KeyError',
      module: 'builtins',
      pythonMessage: '',
      traceback: 'Traceback',
      notes: [],
    });
    const boot = { worker: 'worker-0', exitCode: null, signal: null, stderr: [] };
    const setup = new BootError({ ...boot, stage: 'setup', cause });
    expect(failureText(setup)).toMatch(/`setup` failed\. KeyError\. See below for the traceback\.\nTraceback\n$/);
    const limits = new BootError({ ...boot, stage: 'limits', cause: new Error('no such limit') });
    expect(failureText(limits)).toMatch(/no such limit\. Raise the one that it names, or leave it out\.\n$/);
  });

  it('is told as it was where Python says the same in its own words', () => {
    const pythonMessage = 'no. See `cause` of it';
    const raised = { type: 'KeyError', module: 'builtins', pythonMessage, traceback: 'Traceback', notes: [] };
    const cause = new PythonError(raised);
    expect(failureText(cause)).toContain(`KeyError: ${pythonMessage}\n`);
    const setup = new BootError({
      worker: 'worker-0',
      exitCode: null,
      signal: null,
      stderr: [],
      stage: 'setup',
      cause,
    });
    expect(failureText(setup)).toContain(`KeyError: ${pythonMessage}. See below for the traceback.`);
  });
});
