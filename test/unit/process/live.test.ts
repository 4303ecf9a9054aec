import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { LiveProcesses } from '../../../src/process/live.js';
import { isAlive, until } from '../../support/processes.js';

describe('the live processes', () => {
  it('are all killed at once, whatever has become of the charts', async () => {
    const live = new LiveProcesses();
    const workers = [1, 2].map(() => spawn('/bin/sleep', ['1000'], { detached: true, stdio: 'ignore' }));
    for (const { pid } of workers) live.add(pid as number);
    expect(live.size).toBe(2);
    const ends = Promise.all(workers.map((worker) => once(worker, 'exit')));
    live.killAll();
    expect(await ends).toEqual([
      [null, 'SIGKILL'],
      [null, 'SIGKILL'],
    ]);
    for (const { pid } of workers) live.delete(pid as number);
    expect(live.size).toBe(0);
  });

  it('are not signalled any more once their end was seen, since the pid may be somebody else’s', async () => {
    const live = new LiveProcesses();
    const worker = spawn('/bin/sleep', ['1000'], { detached: true, stdio: 'ignore' });
    live.add(worker.pid as number);
    live.delete(worker.pid as number);
    live.killAll();
    expect(isAlive(worker.pid as number)).toBe(true);
    worker.kill('SIGKILL');
    await once(worker, 'exit');
  });

  it('listen for the end of the program only while there are any', () => {
    const live = new LiveProcesses();
    const before = process.listenerCount('exit');
    live.add(2 ** 22 + 1);
    live.add(2 ** 22 + 2);
    expect(process.listenerCount('exit')).toBe(before + 1);
    live.delete(2 ** 22 + 1);
    live.delete(2 ** 22 + 1);
    expect(process.listenerCount('exit')).toBe(before + 1);
    live.delete(2 ** 22 + 2);
    expect(process.listenerCount('exit')).toBe(before);
  });

  it('go with a program that leaves by process.exit', async () => {
    const module = new URL('../../../src/process/live.ts', import.meta.url).pathname;
    const program = `
      import { spawn } from 'node:child_process';
      import { LiveProcesses } from ${JSON.stringify(module)};
      const worker = spawn('/bin/sleep', ['1000'], { detached: true, stdio: 'ignore' });
      new LiveProcesses().add(worker.pid);
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
