import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { signalGroup } from '../../../src/process/kill.js';
import { isAlive, until } from '../../support/processes.js';

describe('a signal to a group', () => {
  it('ends the worker and what it has started', async () => {
    const worker = spawn('/bin/sh', ['-c', 'sleep 1000 & echo $!; wait'], { detached: true });
    const grandchild = await numberFrom(worker);
    expect(isAlive(grandchild)).toBe(true);
    signalGroup(worker.pid as number, 'SIGKILL');
    expect(await once(worker, 'exit')).toEqual([null, 'SIGKILL']);
    await until(() => !isAlive(grandchild), 'the grandchild to end');
  });

  it('reaches one that leads no group yet', async () => {
    const worker = spawn('/bin/sleep', ['1000'], { stdio: 'ignore' });
    signalGroup(worker.pid as number, 'SIGTERM');
    expect(await once(worker, 'exit')).toEqual([null, 'SIGTERM']);
  });

  it('is nothing for one who is gone', async () => {
    const worker = spawn('/bin/true', { detached: true, stdio: 'ignore' });
    await once(worker, 'exit');
    expect(() => signalGroup(worker.pid as number, 'SIGKILL')).not.toThrow();
  });
});

async function numberFrom({ stdout }: ChildProcess): Promise<number> {
  const [line] = (await once(createInterface({ input: stdout as NonNullable<typeof stdout> }), 'line')) as [string];
  return Number(line);
}
