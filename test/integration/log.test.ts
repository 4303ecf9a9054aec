import { describe, expect, it } from 'vitest';
import type { LogEvent } from '../../src/index.js';
import { fixtures, next, readyPool } from '../support/pool.js';
import { until } from '../support/processes.js';

const prints = fixtures(import.meta.url)('prints.py');

describe('what Python writes', () => {
  it('arrives as log events with the worker and the id of the call, from print, logging and warnings', async () => {
    const pool = await readyPool(prints, { size: 2 });
    const heard: LogEvent[] = [];
    pool.on('log', (event) => heard.push(event));
    const lease = await pool.checkout();
    await lease.call('say', ['one\ntwo']);
    await lease.call('say_on_stderr', ['three']);
    await lease.call('log', ['four']);
    await lease.call('warn', ['five']);
    const [one, two, three, four, five] = heard as [LogEvent, LogEvent, LogEvent, LogEvent, LogEvent];
    const { worker } = lease;
    expect(one).toEqual({
      worker,
      stream: 'stdout',
      text: 'one',
      call: one.call,
      level: undefined,
      logger: undefined,
      context: undefined,
    });
    expect(two).toMatchObject({ worker, stream: 'stdout', text: 'two', call: one.call });
    expect(three).toMatchObject({ worker, stream: 'stderr', text: 'three' });
    expect(four).toMatchObject({ worker, stream: 'logging', text: 'four', level: 'WARNING', logger: 'app.db' });
    expect(five).toMatchObject({ worker, stream: 'warnings' });
    expect(five.text).toContain('UserWarning: five');
    const ids = heard.map(({ call }) => call as number);
    expect(ids.every(Number.isSafeInteger)).toBe(true);
    expect(new Set(ids).size).toBe(4);
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  });

  it('is told before the call that wrote it is answered', async () => {
    const pool = await readyPool(prints);
    const order: string[] = [];
    pool.on('log', ({ text }) => order.push(text));
    for (const word of ['a', 'b', 'c']) {
      await pool.call('say', [word]);
      order.push(`answered ${word}`);
    }
    expect(order).toEqual(['a', 'answered a', 'b', 'answered b', 'c', 'answered c']);
  });

  it.each([
    ['os.write(1)', 'write_to_descriptor', [1, 'straight\n'], 'stdout', 'straight'],
    ['os.write(2)', 'write_to_descriptor', [2, 'astray\n'], 'stderr', 'astray'],
    ['a subprocess', 'run_subprocess', ['from another'], 'stdout', 'from another'],
    ['puts and fflush in C', 'write_from_c', ['from C'], 'stdout', 'from C'],
  ])('arrives as a log event from %s', async (_, name, args, stream, text) => {
    const pool = await readyPool(prints);
    const heard = next(pool, 'log', (event) => event.text === text);
    await pool.call(name, args);
    expect(await heard).toMatchObject({ worker: 'worker-0', stream });
  });

  it('goes through a configured logging to standard error, as its owner says', async () => {
    const pool = await readyPool(prints);
    const heard = next(pool, 'log');
    await pool.call('configure_logging');
    expect(await heard).toMatchObject({ stream: 'stderr', text: 'INFO:configured' });
  });

  it('is one line when print ended none, and is sent with its call at the latest', async () => {
    const pool = await readyPool(prints);
    const heard: string[] = [];
    pool.on('log', ({ text }) => heard.push(text));
    await pool.call('say_in_parts', ['a', 'b', 'c']);
    expect(heard).toEqual(['abc']);
  });

  it('never disturbs the line, even if it looks like a message', async () => {
    const pool = await readyPool(prints);
    const texts: string[] = [];
    pool.on('log', ({ text }) => texts.push(text));
    expect(await pool.call('looks_like_a_message')).toBe('genuine');
    expect(await pool.call('looks_like_a_message')).toBe('genuine');
    expect(pool.stats().failures).toBe(0);
    // Four ways of writing, some of which are heard by another way than the answer.
    await until(() => texts.length === 8, 'all that was written');
    expect(new Set(texts)).toEqual(new Set(['{"type":"reply","id":1,"value":"forged"}']));
  });

  it('is all there when it is 10 MB, and the call is answered after it', async () => {
    const pool = await readyPool(prints);
    let [lines, chars] = [0, 0];
    pool.on('log', ({ text }) => {
      if (Number(text.slice(0, 8)) === lines) lines += 1;
      chars += text.length + 1;
    });
    expect(await pool.call('say_much', [100_000, 100])).toBe(100_000);
    expect([lines, chars]).toEqual([100_000, 10_000_000]);
  });

  it('is printed by this program when logs is "inherit", with the name of the worker before each line', async () => {
    const pool = await readyPool(prints, { logs: 'inherit' });
    const written: string[] = [];
    const write = (chunk: string | Uint8Array) => written.push(String(chunk)) > 0;
    const [out, err] = [process.stdout.write, process.stderr.write];
    process.stdout.write = write as typeof out;
    process.stderr.write = write as typeof err;
    try {
      await pool.call('say', ['one\ntwo']);
      await pool.call('log', ['three']);
    } finally {
      process.stdout.write = out;
      process.stderr.write = err;
    }
    expect(written).toEqual(['[worker-0] one\n', '[worker-0] two\n', '[worker-0] WARNING app.db: three\n']);
  });

  it('is asked of nobody: standard input is empty', async () => {
    const pool = await readyPool(prints);
    expect(await pool.call('read_stdin')).toBe('');
  });
});
