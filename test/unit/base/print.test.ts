import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { print } from '../../../src/base/print.js';

const MIB = 1024 * 1024;

describe('what is printed where nobody reads', () => {
  it('is left out from 16 MiB on, which is said once there is room again', async () => {
    const { out, taken, takeAll } = unread();
    const errors: unknown[] = [];
    for (let line = 0; line < 100; line += 1) print(out, `${'x'.repeat(MIB - 1)}\n`, (error) => errors.push(error));
    expect(out.writableLength).toBeLessThanOrEqual(17 * MIB);
    await takeAll();
    expect(taken.slice(-1)).toEqual([
      '[pythonarium] 83 times something was printed here and left out: nobody had read what came before.\n',
    ]);
    expect(taken).toHaveLength(18);
    print(out, 'after\n', (error) => errors.push(error));
    await takeAll();
    expect(taken.at(-1)).toBe('after\n');
    expect(out.listenerCount('drain')).toBe(0);
    expect(errors).toEqual([]);
  });
});

/** A stream of which nothing is taken until it is asked to. */
function unread() {
  const taken: string[] = [];
  let isOpen = false;
  let go = () => {};
  const out = new Writable({
    write: (chunk: Buffer, _, done) => {
      taken.push(String(chunk));
      if (isOpen) done();
      else go = done;
    },
  });
  const takeAll = async () => {
    isOpen = true;
    go();
    go = () => {};
    do await new Promise((resolve) => setImmediate(resolve));
    while (out.writableLength > 0);
  };
  return { out, taken, takeAll };
}
