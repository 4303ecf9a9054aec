import { onTestFinished, vi } from 'vitest';

/** Tells which signals this process has sent to that one, or to its group, since it was asked for. */
export function signalsTo(pid: number): () => unknown[] {
  const kill = vi.spyOn(process, 'kill');
  onTestFinished(() => kill.mockRestore());
  return () => kill.mock.calls.flatMap(([to, signal]) => (Math.abs(to) === pid ? [signal] : []));
}
