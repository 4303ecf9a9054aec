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

  it('has half a second to begin, since it may get no processor at once, and is told of with its last line', async () => {
    const { clock, told, dumps } = asked();
    await clock.turn(450);
    for (const line of WRITTEN.slice(0, 4)) dumps.take(line);
    await clock.turn(600);
    expect(told).toEqual([]);
    // It got no processor in the middle of it.
    expect(WRITTEN.slice(4).map((line) => dumps.take(line))).toEqual(WRITTEN.slice(4).map(() => true));
    expect(told).toEqual([expect.stringMatching(/ in nap\n.* in <module>$/)]);
    expect(clock.timers).toBe(0);
    expect(dumps.take('  File "/srv/app.py", line 1 in f')).toBe(false);
  });

  it('is told of as far as it has come where its last line does not', async () => {
    const { clock, told, dumps } = asked();
    for (const line of WRITTEN.slice(0, -1)) dumps.take(line);
    await clock.turn(1_099);
    expect(told).toEqual([]);
    await clock.turn(1);
    expect(told).toEqual([expect.stringMatching(/ in nap\n.* in <module>$/)]);
    expect(clock.timers).toBe(0);
  });

  it('has a tenth to go on where a stack was cut, which may have been the last', async () => {
    const { clock, told, dumps } = asked();
    for (const line of WRITTEN.slice(0, 5)) dumps.take(line);
    for (let frames = 1; frames < 99; frames += 1) dumps.take(WRITTEN[5] as string);
    await clock.turn(600);
    expect(told).toEqual([]);
    // Python 3.13 says no word of those that it leaves out, and others a line of three dots.
    dumps.take(WRITTEN[5] as string);
    dumps.take('  ...');
    await clock.turn(199);
    expect(told).toEqual([]);
    await clock.turn(1);
    expect(told).toEqual([expect.stringMatching(/ in <module>\n {2}\.\.\.$/)]);
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
    for (const line of WRITTEN.slice(0, -1)) dumps.take(line);
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

  it('ends with the outermost call of the main thread, and not with what looks like it in code that was made from text', () => {
    const dump = new StackDump();
    dump.take('Current thread 0x00007f01a3f10740 (most recent call first):');
    dump.take('  File "<string>", line 1 in <module>');
    expect(dump.end).toBe('to come');
    dump.take('  File "/srv/library/pythonarium/template.py", line 53 in main');
    dump.take('  File "<string>", line 1 in <module>');
    expect(dump.end).toBe('here');
  });

  it('ends where Python writes of no more threads', () => {
    const dump = new StackDump();
    for (const line of WRITTEN.slice(0, 3)) dump.take(line);
    expect([dump.take('...'), dump.end]).toEqual([true, 'here']);
  });

  it('takes what Python says of a thread that collects garbage', () => {
    const dump = new StackDump();
    dump.take('Current thread 0x00007f01a3f10740 (most recent call first):');
    expect(dump.take('  Garbage-collecting')).toBe(true);
    dump.take('  File "/srv/app.py", line 1 in __del__');
    expect(dump.text(LIBRARY)).toMatch(/\n {2}Garbage-collecting\n.* in __del__$/);
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
