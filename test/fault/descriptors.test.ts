import { describe, expect, it } from 'vitest';
import { NodeScript } from '../support/node-script.js';
import { fixtures, PYTHON } from '../support/pool.js';

const here = fixtures(import.meta.url);

describe('a descriptor that Node was started with', () => {
  it.each([
    ['spawn', 2],
    ['fork', 3],
  ])('is held by no process of the pool, which has no use for it: %s', async (start, processes) => {
    const args = [new URL('../integration/fixtures/app.py', import.meta.url).pathname, PYTHON, start];
    const script = new NodeScript(here('holds-a-descriptor.ts'), args, `set -- ${PYTHON} -c '${OPEN_AT_200}' "$@"`);
    const [inNode, ...others] = await script.told<number[]>();
    expect(inNode).toBe(1);
    expect(others).toEqual(Array.from({ length: processes }, () => 0));
    expect(await script.ended).toBe(0);
  });
});

/** Node closes what it has inherited as it starts another, but only up to the first gap after 15. */
const OPEN_AT_200 =
  'import os, sys; os.dup2(os.open("/etc/hostname", os.O_RDONLY), 200); os.execvp(sys.argv[1], sys.argv[1:])';
