import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it, vi } from 'vitest';
import { isDying, isEnding, ProcessGroup, startTimeOf } from '../../../src/process/group.js';
import { isAlive, until } from '../../support/processes.js';

/** What a kernel says of processes that there are not. */
const told = vi.hoisted(() => new Map<string, string>());
vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  return { ...real, readFileSync: (path: string, how: 'latin1') => told.get(path) ?? real.readFileSync(path, how) };
});

describe('a signal to a group', () => {
  it('ends the worker and what it has started', async () => {
    const worker = spawn('/bin/sh', ['-c', 'sleep 1000 & echo $!; wait'], { detached: true });
    const grandchild = await numberFrom(worker);
    expect(isAlive(grandchild)).toBe(true);
    new ProcessGroup(worker.pid as number).signal('SIGKILL');
    expect(await once(worker, 'exit')).toEqual([null, 'SIGKILL']);
    await until(() => !isAlive(grandchild), 'the grandchild to end');
  });

  it('reaches one that leads no group yet', async () => {
    const worker = spawn('/bin/sleep', ['1000'], { stdio: 'ignore' });
    new ProcessGroup(worker.pid as number).signal('SIGTERM');
    expect(await once(worker, 'exit')).toEqual([null, 'SIGTERM']);
  });

  it('is nothing for one who is gone', async () => {
    const worker = spawn('/bin/true', { detached: true, stdio: 'ignore' });
    const group = new ProcessGroup(worker.pid as number);
    await once(worker, 'exit');
    for (const send of [() => group.signal('SIGKILL'), () => group.killRest(), () => group.interrupt()]) {
      expect(send).not.toThrow();
    }
  });

  it('never reaches somebody else who was given its number', async () => {
    const stranger = spawn('/bin/sleep', ['1000'], { detached: true, stdio: 'ignore' });
    const group = new ProcessGroup(stranger.pid as number);
    // As if the one that it was made for had been started at another time.
    Object.defineProperty(group, 'startTime', { value: String(Number(group.startTime) - 1) });
    group.signal('SIGKILL');
    group.killRest();
    group.interrupt();
    group.dumpStacks();
    // Any of those would have been the end of it, before this one is.
    stranger.kill('SIGTERM');
    expect(await once(stranger, 'exit')).toEqual([null, 'SIGTERM']);
  });

  it('still reaches those who are left of it, when its leader is gone', async () => {
    const worker = spawn('/bin/sh', ['-c', 'sleep 1000 & echo $!; read go'], { detached: true });
    const group = new ProcessGroup(worker.pid as number);
    const grandchild = await numberFrom(worker);
    worker.stdin?.end('go\n');
    await once(worker, 'exit');
    expect(isAlive(grandchild)).toBe(true);
    group.killRest();
    await until(() => !isAlive(grandchild), 'the grandchild to end');
  });
});

describe('the start time', () => {
  it('is the same as long as a process lives, whatever its name', async () => {
    const mine = startTimeOf(process.pid);
    expect(mine).toMatch(/^\d+$/);
    const title = process.title;
    process.title = 'a ) b ( 7';
    expect(startTimeOf(process.pid)).toBe(mine);
    process.title = title;
  });

  it('is unknown where there is no such process', () => {
    expect(startTimeOf(2 ** 22 + 1)).toBeUndefined();
  });
});

describe('a process that was killed', () => {
  const PID = 2 ** 22 + 1;
  const tell = (state: string, { flags = 0, threads = 1, pending = 0 }) => {
    const fields = new Array(50).fill(0);
    [fields[0], fields[6], fields[17], fields[28]] = [state, flags, threads, pending];
    told.set(`/proc/${PID}/stat`, `${PID} (a ) b) ${fields.join(' ')}`);
  };

  it.each([
    ['D', { pending: 0x100 }, true],
    ['R', { flags: 0x40_0004 }, true],
    ['Z', { flags: 0x4, threads: 2 }, true],
    ['Z', { flags: 0x4 }, false],
    ['S', { flags: 0x40_0000, threads: 9, pending: 0x8000 }, false],
  ])('is dying as long as the kernel says so: %s %j', (state, says, expected) => {
    tell(state, says);
    expect(isDying(PID)).toBe(expected);
    told.clear();
  });

  it('is not dying when it lives or is gone', async () => {
    expect(isDying(process.pid)).toBe(false);
    expect(isDying(PID)).toBe(false);
    const zombie = spawn('/bin/sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 1000']);
    const pid = await numberFrom(zombie);
    await until(() => !isAlive(pid), 'a process to end that nobody reaps');
    expect(isDying(pid)).toBe(false);
    expect(isEnding(pid)).toBe(true);
    zombie.kill();
  });

  it.each([
    ['D', { pending: 0x100 }, false],
    ['R', { flags: 0x40_0004 }, true],
    ['Z', { flags: 0x4 }, true],
    ['S', { flags: 0x40_0000 }, false],
  ])('is ending once it runs no code any more: %s %j', (state, says, expected) => {
    tell(state, says);
    expect(isEnding(PID)).toBe(expected);
    told.clear();
    expect([isEnding(PID), isEnding(process.pid)]).toEqual([false, false]);
  });
});

async function numberFrom({ stdout }: ChildProcess): Promise<number> {
  const [line] = (await once(createInterface({ input: stdout as NonNullable<typeof stdout> }), 'line')) as [string];
  return Number(line);
}
