import { afterEach, beforeEach, vi } from 'vitest';

/**
 * What nobody may see, collected while each test of this file runs: rejections
 * that nobody handles, what the pool says of code of its own that threw, and
 * messages to actors that are no more.
 */
export function watchFaults(): string[] {
  const faults: string[] = [];
  const onRejection = (reason: unknown) => faults.push(`Unhandled: ${reason}`);
  const onWarning = (warning: Error & { code?: string }) => {
    if (warning.code === 'PYTHONARIUM_FAULT') faults.push(warning.message);
  };
  // XState says it of a child's own end too, and to a pool that has ended one may say that it is to end.
  const onDeadLetter = (text: string) => {
    if (!/^Event "(xstate\.done\.actor|pool)\./.test(text)) faults.push(text);
  };
  beforeEach(() => {
    faults.splice(0);
    process.on('unhandledRejection', onRejection);
    process.on('warning', onWarning);
    vi.spyOn(console, 'warn').mockImplementation(onDeadLetter);
  });
  afterEach(() => {
    process.off('unhandledRejection', onRejection);
    process.off('warning', onWarning);
    vi.restoreAllMocks();
  });
  return faults;
}
