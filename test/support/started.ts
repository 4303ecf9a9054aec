import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { onTestFinished } from 'vitest';

/** Every process that Node starts from now until the end of the test, whoever asks it to. */
export function startedProcesses(): readonly ChildProcess[] {
  const started: ChildProcess[] = [];
  const onStarted = (message: unknown) => void started.push((message as { process: ChildProcess }).process);
  subscribe('child_process', onStarted);
  onTestFinished(() => void unsubscribe('child_process', onStarted));
  return started;
}
