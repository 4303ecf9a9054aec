import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { ProcessGroup, startTimeOf } from '../../../src/process/group.js';
import { isAlive, until } from '../../support/processes.js';

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
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isAlive(stranger.pid as number)).toBe(true);
    stranger.kill('SIGKILL');
    await once(stranger, 'exit');
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

async function numberFrom({ stdout }: ChildProcess): Promise<number> {
  const [line] = (await once(createInterface({ input: stdout as NonNullable<typeof stdout> }), 'line')) as [string];
  return Number(line);
}
