import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { ProcessGroup } from '../../../src/process/group.js';
import { LiveProcesses } from '../../../src/process/live.js';
import { isAlive, until } from '../../support/processes.js';

describe('the live processes', () => {
  it('are all killed at once, whatever has become of the charts', async () => {
    const live = new LiveProcesses();
    const workers = [1, 2].map(() => spawn('/bin/sleep', ['1000'], { detached: true, stdio: 'ignore' }));
    const groups = workers.map(({ pid }) => new ProcessGroup(pid as number));
    for (const group of groups) live.add(group);
    expect(live.size).toBe(2);
    const ends = Promise.all(workers.map((worker) => once(worker, 'exit')));
    live.killAll();
    expect(await ends).toEqual([
      [null, 'SIGKILL'],
      [null, 'SIGKILL'],
    ]);
    for (const group of groups) live.delete(group);
    expect(live.size).toBe(0);
  });

  it('are not signalled any more once their end was seen, since the pid may be somebody else’s', async () => {
    const live = new LiveProcesses();
    const worker = spawn('/bin/sleep', ['1000'], { detached: true, stdio: 'ignore' });
    const group = new ProcessGroup(worker.pid as number);
    live.add(group);
    live.delete(group);
    live.killAll();
    // SIGKILL would have been the end of it, before this one is.
    worker.kill('SIGTERM');
    expect(await once(worker, 'exit')).toEqual([null, 'SIGTERM']);
  });

  it('listen for the end of the program only while there are any', () => {
    const live = new LiveProcesses();
    const before = process.listenerCount('exit');
    const [one, other] = [new ProcessGroup(2 ** 22 + 1), new ProcessGroup(2 ** 22 + 2)];
    live.add(one);
    live.add(other);
    expect(process.listenerCount('exit')).toBe(before + 1);
    live.delete(one);
    live.delete(one);
    expect(process.listenerCount('exit')).toBe(before + 1);
    live.delete(other);
    expect(process.listenerCount('exit')).toBe(before);
  });

  it('go with a program that leaves by process.exit', async () => {
    const source = (name: string) => new URL(`../../../src/process/${name}.ts`, import.meta.url).pathname;
    const program = `
      import { spawn } from 'node:child_process';
      import { ProcessGroup } from ${JSON.stringify(source('group'))};
      import { LiveProcesses } from ${JSON.stringify(source('live'))};
      const worker = spawn('/bin/sleep', ['1000'], { detached: true, stdio: 'ignore' });
      new LiveProcesses().add(new ProcessGroup(worker.pid));
      console.log(worker.pid);
      process.exit(0);
    `;
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', program],
      { encoding: 'utf8' },
    );
    expect(status, stderr).toBe(0);
    await until(() => !isAlive(Number(stdout)), 'the process to go with its program');
  });
});
