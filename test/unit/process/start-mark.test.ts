import { spawnSync } from 'node:child_process';
import { fstatSync, readdirSync, readFileSync, readlinkSync, rmSync, watch, writeFileSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StartMark } from '../../../src/process/start-mark.js';

describe('the start mark', () => {
  it('says that nothing has been started before anything is written', () => {
    const mark = StartMark.create();
    expect(mark?.read()).toBe(0);
    mark?.close();
  });

  it('reads the id that another process has written, with the lowest byte first', () => {
    const mark = StartMark.create() as StartMark;
    const ids = [1, 256, 2 ** 40 + 3, Number.MAX_SAFE_INTEGER];
    for (const id of ids) {
      const script = `import mmap; mmap.mmap(3, 4096)[0:8] = (${id}).to_bytes(8, "little")`;
      const { status } = spawnSync('/usr/bin/python3', ['-I', '-c', script], {
        stdio: ['ignore', 'ignore', 'inherit', mark.descriptor],
      });
      expect(status).toBe(0);
      expect(mark.read()).toBe(id);
    }
    mark.close();
  });

  it('lets a process see that it is about to be killed, until another one has it', () => {
    const mark = StartMark.create() as StartMark;
    const last = () => readFileSync(`/proc/self/fd/${mark.descriptor}`)[4088];
    expect(last()).toBe(0);
    mark.halt();
    expect(last()).toBe(1);
    mark.release();
    expect(last()).toBe(0);
    mark.close();
    mark.halt();
  });

  it('is two pages large, and has no name that could be left behind', () => {
    const before = namesOfMarks();
    const mark = StartMark.create() as StartMark;
    expect(fstatSync(mark.descriptor)).toMatchObject({ size: 8192, nlink: 0 });
    expect(namesOfMarks()).toEqual(before);
    expect(readlinkSync(`/proc/self/fd/${mark.descriptor}`)).toContain('(deleted)');
    mark.close();
  });

  it.skipIf(process.platform !== 'linux')(
    'has none for a moment either, in which a program that is killed would leave it for good',
    async () => {
      const last = `pythonarium-test-${process.pid}`;
      const seen = new Set<string | null>();
      await new Promise<void>((resolve) => {
        const watcher = watch('/dev/shm', (_, name) => {
          seen.add(name);
          if (name !== last) return;
          watcher.close();
          resolve();
        });
        (StartMark.create() as StartMark).close();
        writeFileSync(`/dev/shm/${last}`, '');
        rmSync(`/dev/shm/${last}`);
      });
      expect([...seen].filter((name) => name?.startsWith(`pythonarium-${process.pid}-`))).toEqual([]);
    },
  );

  it('has all its room from the beginning, since a page that is not to be had later would end the worker', () => {
    const mark = StartMark.create() as StartMark;
    expect(512 * fstatSync(mark.descriptor).blocks).toBeGreaterThanOrEqual(8192);
    mark.close();
  });

  it('can be closed twice without closing what has got its descriptor since', () => {
    const mark = StartMark.create() as StartMark;
    mark.close();
    const other = StartMark.create() as StartMark;
    expect(other.descriptor).toBe(mark.descriptor);
    mark.close();
    writeSync(other.descriptor, Buffer.from([5]), 0, 1, 0);
    expect(other.read()).toBe(5);
    other.close();
  });
});

function namesOfMarks(): string[] {
  // Those of other programs come and go.
  return readdirSync('/dev/shm').filter((name) => name.startsWith(`pythonarium-${process.pid}-`));
}
