import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { childEnvironment } from '../../../src/process/environment.js';
import { libraryPath } from '../../../src/process/library.js';
import { LiveProcesses } from '../../../src/process/live.js';
import type { Launch, ProcessListeners } from '../../../src/process/python-process.js';
import type { Seat } from '../../../src/process/seat.js';
import { Template } from '../../../src/process/template.js';
import { encodeLoad } from '../../../src/wire/message.js';
import { temporaryFolder } from '../../support/folder.js';
import { PYTHON } from '../../support/python.js';

describe('a template that nobody waits for any more', () => {
  it('has whoever comes before it is gone be forked of another, once it is', async () => {
    const live = new LiveProcesses();
    const template = new Template(live, LAUNCH, 1, () => '');
    onTestFinished(async () => {
      template.kill();
      await template.gone;
      await live.close();
    });
    const [first, second] = [someone(), someone()];
    template.wait(first);
    template.waitNoLonger(first);
    expect(template.isOver).toBe(false);
    template.wait(second);
    expect(await template.outcome).toEqual({ is: 'retired' });
    expect(template.isOver).toBe(true);
    expect(live.size).toBe(0);
  });
});

describe('a template that is retired', () => {
  it('stays until the end of its last worker is told, by the page that says what that had started', async () => {
    const { template } = made(1);
    expect(await template.outcome).toEqual({ is: 'loaded' });
    const seat = template.freeSeat() as Seat;
    let tell!: () => void;
    const told = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const exited = new Promise<void>((resolve) => {
      const onForked = (pid: number) => {
        template.retire();
        template.signal(pid, 'SIGKILL');
      };
      const onExited = () => {
        resolve();
        return told;
      };
      seat.begin(template.fork(seat, { onForked, onUnreaped: () => {}, onExited }), {
        onBegun: () => {},
        onOutput: () => {},
      });
    });
    await exited;
    await setTimeout(200);
    expect(seat.mark?.read()).toBe(0);
    tell();
    await template.gone;
    expect(seat.mark?.read()).toBeUndefined();
  });
});

describe('a template that is gone', () => {
  it('was killed since it hung, or has ended in another way, which is one bad start', async () => {
    const live = new LiveProcesses();
    const killed = new Template(live, LAUNCH, 1, () => '');
    const ended = new Template(live, { ...LAUNCH, flags: ['-c', ''] }, 1, () => '');
    onTestFinished(async () => {
      for (const template of [killed, ended]) template.kill();
      await Promise.all([killed.gone, ended.gone]);
      await live.close();
    });
    killed.killHung();
    expect(await killed.outcome).toMatchObject({ is: 'ended', end: { signal: 'SIGKILL' } });
    expect(await ended.outcome).toMatchObject({ is: 'ended', end: { exitCode: 0 } });
    expect([killed.isHung, ended.isHung]).toEqual([true, false]);
    expect([ended.takeBlame(), ended.takeBlame()]).toEqual([true, false]);
  });

  it('tells first of the worker that it has forked last, which has hardly proven itself', async () => {
    const { live, template } = made(2);
    expect(await template.outcome).toEqual({ is: 'loaded' });
    const told: number[] = [];
    for (const _ of [0, 1]) {
      const seat = template.freeSeat() as Seat;
      const onExited = async () => void told.push(seat.number);
      await new Promise<void>((resolve) => {
        const epoch = template.fork(seat, { onForked: () => resolve(), onUnreaped: () => {}, onExited });
        seat.begin(epoch, { onBegun: () => {}, onOutput: () => {} });
      });
    }
    template.kill();
    await template.gone;
    expect(told).toEqual([1, 0]);
    expect(live.size).toBe(0);
  });
});

/** A template of so many seats, which somebody waits for. */
function made(seats: number): { live: LiveProcesses; template: Template } {
  const app = join(temporaryFolder(), 'app.py');
  writeFileSync(app, '');
  const live = new LiveProcesses();
  const load = encodeLoad({ path: null, userSite: null, modules: { '': app } });
  const template = new Template(live, LAUNCH, seats, () => load);
  onTestFinished(async () => {
    template.kill();
    await template.gone;
    await live.close();
  });
  template.wait(someone());
  return { live, template };
}

function someone(): ProcessListeners {
  return { onLoading: () => {} } as unknown as ProcessListeners;
}

const LAUNCH: Launch = {
  executable: PYTHON,
  flags: [],
  libraryPath: libraryPath(),
  environment: childEnvironment(undefined),
  cwd: '/',
  messageBytesMax: 1_000_000,
  attachmentBytesMax: 1_000_000,
};
