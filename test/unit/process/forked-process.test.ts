import { expect, it, vi } from 'vitest';
import { ForkedProcess, type Templates } from '../../../src/process/forked-process.js';
import type { Launch, ProcessListeners } from '../../../src/process/python-process.js';
import type { TemplateOutcome } from '../../../src/process/template.js';

it('forks nobody for whom there is no more use in the very turn in which the template comes up', async () => {
  let settle!: (outcome: TemplateOutcome) => void;
  const outcome = new Promise<TemplateOutcome>((resolve) => {
    settle = resolve;
  });
  const [freeSeat, onExited] = [vi.fn(), vi.fn()];
  const template = { outcome, wait: () => {}, waitNoLonger: () => {}, freeSeat };
  const templates = { current: () => template } as unknown as Templates;
  const process = new ForkedProcess(templates, async () => ({}) as Launch, { onExited } as unknown as ProcessListeners);
  await new Promise(setImmediate);
  settle({ is: 'loaded' });
  process.signal('SIGKILL');
  await new Promise(setImmediate);
  expect(freeSeat).not.toHaveBeenCalled();
  expect(onExited).toHaveBeenCalledOnce();
});
