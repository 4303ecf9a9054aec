import type { PoolOptions } from '../../src/index.js';
import { checkOptions } from '../../src/options.js';
import { Pool } from '../../src/pool.js';
import { Runtime } from '../../src/runtime.js';
import type { PoolClock } from '../../src/time/clock.js';
import { type FakeProcess, FakePython, type Script } from './fake-python.js';
import { heard, TurnedClock } from './turned-clock.js';

/** A pool of one worker on a played Python and a turned clock. */
export class PlayedPool {
  readonly clock = new TurnedClock();
  readonly python: FakePython;
  readonly runtime: Runtime;
  readonly pool: Pool;

  /** @param seen The clock as the pool sees it. */
  constructor(
    options: Partial<PoolOptions> = {},
    script: Script = {},
    seen: (clock: TurnedClock) => PoolClock = (clock) => clock,
  ) {
    const settings = checkOptions({
      module: 'played',
      size: 1,
      logs: 'events',
      clock: seen(this.clock),
      random: () => 0.5,
      ...options,
    });
    const slots = settings.slots + settings.prefetchMax;
    this.python = new FakePython({ slots, now: () => this.clock.now(), ...script });
    this.runtime = new Runtime(settings, this.python.start);
    this.pool = new Pool(this.runtime);
  }

  /** The process that was started last. */
  get process(): FakeProcess {
    return this.python.processes.at(-1) as FakeProcess;
  }

  /** Boots all that are starting. */
  async boot(): Promise<void> {
    for (const each of this.python.living) if (each.isBooting) each.boot();
    await heard();
  }

  /** Whoever should end has ended, and those who follow are ready. */
  async settle(): Promise<void> {
    for (let round = 0; round < 10; round += 1) {
      this.python.reap();
      await this.clock.turn(RESTART_MS);
      await this.boot();
    }
  }

  /** Ends the pool, whatever its state, and no timer may be left then. */
  async destroy(): Promise<void> {
    const gone = this.pool.destroy();
    await heard();
    this.python.reap();
    await gone;
    if (this.clock.timers > 0) throw new Error(`After its end ${this.clock.timers} timers are set`);
  }
}

/** Longer than the back-off after one bad start. */
const RESTART_MS = 200;
