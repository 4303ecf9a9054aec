import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { watchFaults } from '../fake/faults.js';
import { effort } from './effort.js';
import { MOVES, type Move, WORLDS } from './moves.js';
import { World } from './world.js';

const faults = watchFaults();

describe('whatever is asked of a pool, and whatever its workers do', () => {
  it('keeps every promise that it makes, comes to rest, and leaves nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(
        WORLDS.arbitrary,
        fc.commands(steps(), { maxCommands: 120, size: 'max' }),
        fc.constantFrom('go on', 'drain', 'close', 'destroy'),
        fc.commands(steps(), { maxCommands: 30, size: 'max' }),
        fc.boolean(),
        async (options, before, then, after, isUp) => {
          const world = new World(options);
          if (isUp) for (const process of world.python.living) process.boot();
          const real = () => ({ model: world, real: world });
          await fc.asyncModelRun(real, before);
          if (then !== 'go on') world.end(then);
          await world.check();
          await fc.asyncModelRun(real, after);
          await world.comeToRest();
          await world.close();
          expect(faults.splice(0)).toEqual([]);
        },
      ),
      effort(300),
    );
  });
});

type Step = fc.AsyncCommand<World, World>;

function steps(): fc.Arbitrary<Step>[] {
  return MOVES.flatMap((move) => Array.from({ length: move.weight }, () => step(move)));
}

function step({ name, given, of, run }: Move): fc.Arbitrary<Step> {
  return given.arbitrary.map((args) => ({
    check: (world) => of(world as World, args) !== undefined,
    run: async (world) => {
      await run(world, of(world, args), args);
      await world.check();
    },
    toString: () => `${name} ${fc.stringify(args)}`,
  }));
}
