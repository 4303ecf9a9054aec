import { describe, expect, it } from 'vitest';
import { StackDump, StackDumps } from '../../../src/process/stack-dump.js';
import { TurnedClock } from '../../fake/turned-clock.js';

const LIBRARY = '/srv/library';
/** As Python 3.11 writes it, with the thread that waits for Node to hang up. */
const WRITTEN = `Thread 0x00007f01a2bff6c0 (most recent call first):
  File "/srv/library/pythonarium/worker.py", line 361 in watch

Current thread 0x00007f01a3f10740 (most recent call first):
  File "/srv/app/slow.py", line 7 in nap
  File "/srv/app/slow.py", line 12 in <module>
  File "/srv/library/pythonarium/worker.py", line 212 in _answer_call
  File "/srv/library/pythonarium/worker.py", line 58 in main
  File "<string>", line 1 in <module>`.split('\n');

describe('a worker that is asked where it stands', () => {
  function asked() {
    const clock = new TurnedClock();
    const told: (string | null)[] = [];
    const dumps = new StackDumps(clock, LIBRARY, () => {});
    dumps.ask((stack) => told.push(stack));
    return { clock, told, dumps };
  }

  it('has half a second to begin, since it may get no processor at once, and a tenth to go on', async () => {
    const { clock, told, dumps } = asked();
    await clock.turn(450);
    for (const line of WRITTEN.slice(0, 4)) dumps.take(line);
    await clock.turn(100);
    for (const line of WRITTEN.slice(4)) dumps.take(line);
    await clock.turn(149);
    expect(told).toEqual([]);
    await clock.turn(1);
    expect(told).toEqual([expect.stringMatching(/ in nap\n.* in <module>$/)]);
    expect(clock.timers).toBe(0);
  });

  it('is told of without a stack where it has not begun by then, as one that was stopped', async () => {
    const { clock, told } = asked();
    await clock.turn(499);
    expect(told).toEqual([]);
    await clock.turn(1);
    expect(told).toEqual([null]);
    expect(clock.timers).toBe(0);
  });

  it('is waited for no longer once it has ended', async () => {
    const { clock, told, dumps } = asked();
    for (const line of WRITTEN) dumps.take(line);
    dumps.end();
    expect(told).toEqual([expect.stringContaining(' in nap')]);
    expect(clock.timers).toBe(0);
    dumps.end();
    expect(told).toHaveLength(1);
  });
});

describe('a dump of stacks', () => {
  it('is what the user’s code stands in, without the library’s own', () => {
    const dump = new StackDump();
    expect(WRITTEN.map((line) => dump.take(line))).toEqual(WRITTEN.map(() => true));
    expect(dump.text(LIBRARY)).toBe(
      'Current thread 0x00007f01a3f10740 (most recent call first):\n' +
        '  File "/srv/app/slow.py", line 7 in nap\n' +
        '  File "/srv/app/slow.py", line 12 in <module>',
    );
  });

  it('knows the library’s own where its path is no ASCII, which Python writes with escapes', () => {
    const dump = new StackDump();
    const written = '/home/j\\xfcrgen/\\u0416/\\U0001f40d';
    for (const line of WRITTEN) dump.take(line.replace(LIBRARY, written));
    expect(dump.text('/home/jürgen/Ж/🐍')).toMatch(/^Current thread.*\n.* in nap\n.* in <module>$/);
  });

  it('leaves alone what else is written to standard error', () => {
    const dump = new StackDump();
    expect(dump.take('a warning')).toBe(false);
    expect(dump.take('')).toBe(false);
    expect(dump.take('  File "/srv/app.py", line 1 in f')).toBe(false);
    for (const line of WRITTEN) dump.take(line);
    expect(dump.take('another warning')).toBe(false);
  });

  it('takes deep stacks as they are cut, and what Python 3.14 says of threads', () => {
    const dump = new StackDump();
    expect(dump.take('Current thread 0x00007f01a3f10740 [python] (most recent call first):')).toBe(true);
    expect(dump.take('  File "/srv/app.py", line 1 in f')).toBe(true);
    expect(dump.take('  ...')).toBe(true);
    expect(dump.text(LIBRARY)).toMatch(/\[python\].*\n.* in f\n {2}\.\.\.$/);
  });

  it('is null if nothing came, and says so if nobody’s code runs', () => {
    const dump = new StackDump();
    expect(dump.text(LIBRARY)).toBeNull();
    for (const line of WRITTEN.slice(0, 2)) dump.take(line);
    expect(dump.text(LIBRARY)).toBe('No code but the library’s own runs.');
  });
});
