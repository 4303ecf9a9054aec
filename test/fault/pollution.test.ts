import { describe, expect, it } from 'vitest';
import { NodeScript } from '../support/node-script.js';
import { fixtures, PYTHON } from '../support/pool.js';

const here = fixtures(import.meta.url);

describe('a polluted Object.prototype', () => {
  it('says nothing to a pool, whatever option of the pool, of a call or of a process, or variable, is polluted', async () => {
    const script = (which: string) => new NodeScript(here('pollution.ts'), [here('observes.py'), PYTHON, which]);
    const baseline = (await script('none').told<Told>()).seen;
    expect(baseline).toMatchObject({ given: { args: ['1', '[1. 2.]'] }, calledBack: 0 });
    const cases = await script('list').told<[string, string][]>();
    expect(cases.length).toBeGreaterThanOrEqual(60);
    const polluted = script('all');
    for (const [kind, name] of cases) {
      const told = await polluted.told<Told>();
      expect([told.kind, told.name]).toEqual([kind, name]);
      expect(told.seen, `${kind}: ${name}`).toEqual(baseline);
    }
    expect(await polluted.ended).toBe(0);
  }, 240_000);
});

describe('frozen prototypes', () => {
  it('change nothing: values cross, and every failure reaches its caller', async () => {
    const script = new NodeScript(here('frozen.ts'), [here('dies.py'), PYTHON]);
    expect(await script.told()).toEqual({
      given: true,
      told: [
        ['NotExposedError', 'ERR_NOT_EXPOSED', true],
        ['PythonError', 'ERR_PYTHON', true],
        ['WorkerDiedError', 'ERR_WORKER_DIED', true],
        ['ValueRefusedError', 'ERR_VALUE', true],
      ],
    });
    expect(await script.ended).toBe(0);
    expect(await script.stderr).toBe('');
  });
});

interface Told {
  readonly kind: string;
  readonly name: string;
  readonly seen: Record<string, unknown>;
}
