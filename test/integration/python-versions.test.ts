import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { kw } from '../../src/index.js';
import { failure, fixtures, next, readyPool } from '../support/pool.js';

const here = fixtures(import.meta.url);

/** One Python of each version that a pool may meet on this machine. */
const pythons = ['python3', 'python3.10', 'python3.11', 'python3.12', 'python3.13', 'python3.14', 'python3.15']
  .flatMap((name) => {
    const { status, stdout } = spawnSync(name, ['-c', 'import sys; print(*sys.version_info[:2], sep=".")'], {
      encoding: 'utf8',
    });
    const version = stdout?.trim() ?? '';
    return status === 0 && Number(version.split('.')[1]) >= 10 ? [{ name, version }] : [];
  })
  .filter((python, at, all) => all.findIndex(({ version }) => version === python.version) === at);

describe.each(pythons)('on $name ($version)', ({ name }) => {
  it('calls, raises, prints, keeps sessions, dies and comes back all the same', async () => {
    const pool = await readyPool(
      { app: here('app.py'), raises: here('raises.py'), prints: here('prints.py') },
      { python: name },
    );
    expect(await pool.call('app.greet', ['Ann', kw({ mark: '.' })])).toBe('Hello, Ann.');
    expect(await pool.call('app.later', [{ rows: [1, 2.5, null, 'ü'] }])).toEqual({ rows: [1, 2.5, null, 'ü'] });
    expect(await failure(pool.call('raises.raise_chained'))).toMatchObject({
      type: 'OrderError',
      cause: { type: 'KeyError' },
    });
    expect(await failure(pool.call('raises.recurse'))).toMatchObject({ type: 'RecursionError' });
    expect(await failure(pool.call('raises.return_object'))).toMatchObject({ path: "value['rows'][1]" });
    for (const say of ['say', 'say_on_stderr', 'log', 'warn', 'run_subprocess', 'write_from_c']) {
      const heard = next(pool, 'log', ({ text }) => text.includes('from within'));
      await pool.call(`prints.${say}`, ['from within']);
      await heard;
    }
    expect(await pool.session('ann').call('app.remember', ['a', 1])).toEqual({ a: 1 });
    const dead = next(pool, 'worker.dead');
    process.kill(await pool.call<number>('app.pid'), 'SIGKILL');
    await dead;
    expect(await pool.call('app.echo', ['back'])).toBe('back');
    await pool.close();
  });

  it('lives on, in whatever moment its streams are left', async () => {
    const pool = await readyPool(here('streams.py'), { python: name, interrupt: true });
    const pid = await pool.call('pid');
    for (let round = 0; round < 1_000; round += 1) {
      let read = 0;
      for await (const _ of pool.stream('count', [2_000])) if (++read > round % 13) break;
    }
    expect(await pool.call('pid')).toBe(pid);
  });
});

it('finds at least one Python to try', () => {
  expect(pythons.length).toBeGreaterThan(0);
});
