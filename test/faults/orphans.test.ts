import { expect, it } from 'vitest';
import * as birth from './birth.js';
import * as orphans from './orphans.js';
import { added, type Counts, effort, type Scenario } from './scenario.js';

it('row 3: 1,400 ends of a program, 700 of them with forked workers, leave nobody, whatever its worker was doing', async () => {
  const counts = await rounds(orphans.scenario, 10);
  console.log(counts);
  expect(counts).toMatchObject({ runs: 1_400, alive: 0 });
});

it('row 4: 1,000 programs killed while a worker is born, by a spawn or a fork, leave nobody', async () => {
  const counts = await rounds(birth.scenario, 10);
  expect(counts).toEqual({ runs: 1_000, orphans: 0 });
});

async function rounds({ round }: Scenario, times: number): Promise<Counts> {
  let counts: Counts = {};
  for (let seed = 1; seed <= times; seed += 1) counts = added(counts, await round(effort(seed)));
  return counts;
}
