import type { PoolOptions } from 'pythonarium';
import { afterEach, describe, expect, it } from 'vitest';
import { createDatabasesPool, Databases } from '../../docs/examples/databases/databases.js';
import { nextBegun } from '../support/begun.js';

type DatabasesPool = ReturnType<typeof createDatabasesPool>;

const SHOP = 'create table fruit (name text primary key, count integer not null)';

describe('the databases of one owner', () => {
  it('are created, called, listed and deleted by name', async () => {
    const { databases } = start();
    await databases.create('shop', SHOP);
    await databases.create('empty');
    expect(await databases.call('shop', 'insert into fruit values (?, ?)', ['fig', 3])).toEqual({
      rows: [],
      changed: 1,
    });
    await databases.call('shop', 'insert into fruit values (:name, :count)', { name: 'plum', count: 5 });
    const { rows } = await databases.call<{ name: string }>('shop', 'select * from fruit order by count desc');
    expect(rows).toEqual([
      { name: 'plum', count: 5 },
      { name: 'fig', count: 3 },
    ]);
    expect(await databases.list()).toEqual(['empty', 'shop']);
    expect(await databases.delete('empty')).toBe(true);
    expect(await databases.delete('empty')).toBe(false);
    expect(await databases.list()).toEqual(['shop']);
  });

  it('are nobody else’s, under the same names too', async () => {
    const { pool, databases } = start();
    const others = new Databases(pool, 'bob');
    await databases.create('shop', SHOP);
    await others.create('shop', 'create table cloth (metres real)');
    expect((await others.call('shop', 'select name from sqlite_schema')).rows).toEqual([{ name: 'cloth' }]);
    await expect(others.call('shop', 'select * from fruit')).rejects.toMatchObject({ type: 'OperationalError' });
  });

  it('are gone at the end of the block, and the owner starts anew', async () => {
    const { pool } = start();
    {
      await using databases = new Databases(pool, 'ada');
      await databases.create('shop', SHOP);
    }
    expect(await new Databases(pool, 'ada').list()).toEqual([]);
    expect(pool.stats().sessions).toBe(1);
  });

  it('say what Python says when a name is taken or unknown', async () => {
    const { databases } = start();
    await databases.create('shop');
    await expect(databases.create('shop')).rejects.toMatchObject({ code: 'ERR_PYTHON', type: 'ValueError' });
    await expect(databases.call('shoe', 'select 1')).rejects.toMatchObject({ code: 'ERR_PYTHON', type: 'KeyError' });
  });

  it('keep nothing of a statement that failed, and answer with bytes and large integers as they are', async () => {
    const { databases } = start();
    await databases.create('shop', SHOP);
    await expect(databases.call('shop', 'insert into fruit values (?, ?)', ['fig', null])).rejects.toMatchObject({
      type: 'IntegrityError',
    });
    const { rows } = await databases.call('shop', "select x'00ff' as bytes, 9007199254740993 as large");
    expect(rows).toEqual([{ bytes: new Uint8Array([0, 255]), large: 9007199254740993n }]);
    expect((await databases.call('shop', 'select * from fruit')).rows).toEqual([]);
  });
});

describe('when the worker of an owner dies', () => {
  it('builds the databases anew on another, with everything that was acknowledged', async () => {
    const { pool, databases, kill } = start();
    await databases.create('shop', SHOP);
    await databases.create('old');
    await databases.call('shop', 'insert into fruit values (?, ?)', ['fig', 3]);
    await databases.call('shop', 'update fruit set count = count + 1');
    await databases.delete('old');
    await kill();
    expect((await databases.call('shop', 'select * from fruit')).rows).toEqual([{ name: 'fig', count: 4 }]);
    expect(await databases.list()).toEqual(['shop']);
    expect(pool.stats().calls.failed).toBe(0);
  });

  it('builds them once for all calls that come meanwhile', async () => {
    const { databases, kill } = start();
    await databases.create('shop', SHOP);
    await kill();
    const names = Array.from({ length: 20 }, (_, index) => `fruit ${index}`);
    await Promise.all(names.map((name) => databases.call('shop', 'insert into fruit values (?, 1)', [name])));
    const { rows } = await databases.call<{ sum: number }>('shop', 'select sum(count) as sum from fruit');
    expect(rows).toEqual([{ sum: names.length }]);
  });

  it('builds them from a checkpoint and what came after it', async () => {
    const { databases, kill } = start();
    await databases.create('shop', SHOP);
    await databases.call('shop', "insert into fruit values ('fig', abs(random() % 1000))");
    await databases.checkpoint('shop');
    await databases.call('shop', 'insert into fruit values (?, ?)', ['plum', 2]);
    const before = await databases.call('shop', 'select * from fruit order by name');
    await kill();
    expect(await databases.call('shop', 'select * from fruit order by name')).toEqual(before);
  });
});

describe('a call that was given up', () => {
  it('counts as done if Python has done it, even when its worker dies later', async () => {
    const { pool, databases, kill } = start({ cancelGraceMs: 60_000, interrupt: false });
    await databases.create('shop', SHOP);
    const slowly = `insert into fruit
      with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000) select 'fig', max(i) from n`;
    await giveUp(pool, databases, slowly);
    expect((await databases.call('shop', 'select name from fruit')).rows).toEqual([{ name: 'fig' }]);
    await kill();
    expect((await databases.call('shop', 'select name from fruit')).rows).toEqual([{ name: 'fig' }]);
  });

  it('counts as not done if Python was interrupted, since the transaction is rolled back', async () => {
    const { pool, databases, kill } = start({ cancelGraceMs: 60_000 });
    await databases.create('shop', SHOP);
    const slowly = `insert into fruit
      with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000) select 'fig', max(i) from n`;
    await giveUp(pool, databases, slowly);
    expect((await databases.call('shop', 'select name from fruit')).rows).toEqual([]);
    await kill();
    expect((await databases.call('shop', 'select name from fruit')).rows).toEqual([]);
  });

  it('counts as not done if its worker was ended over it', async () => {
    const { databases } = start({ cancelGraceMs: 0 });
    await databases.create('shop', SHOP);
    const endless = `insert into fruit
      with recursive n(i) as (select 1 union all select i + 1 from n) select 'fig', max(i) from n`;
    await expect(databases.call('shop', endless, [], { timeoutMs: 30 })).rejects.toMatchObject({
      code: 'ERR_CALL_TIMEOUT',
    });
    expect((await databases.call('shop', 'select name from fruit')).rows).toEqual([]);
  });

  /** Calls, and gives that up as soon as Python has begun. */
  async function giveUp(pool: DatabasesPool, databases: Databases, statement: string): Promise<void> {
    const [begun, abort] = [nextBegun(pool), new AbortController()];
    const given = databases.call('shop', statement, [], { signal: abort.signal });
    await begun();
    abort.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
  }
});

describe('when there is no room for an owner any more', () => {
  it('builds the databases anew as soon as they are wanted', async () => {
    const { pool, databases } = start({ sessionsMax: 1 });
    await databases.create('shop', SHOP);
    await databases.call('shop', 'insert into fruit values (?, ?)', ['fig', 3]);
    expect(await new Databases(pool, 'bob').list()).toEqual([]);
    expect((await databases.call('shop', 'select count from fruit')).rows).toEqual([{ count: 3 }]);
  });
});

const pools: DatabasesPool[] = [];

afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.close())));

/** A pool, the databases of Ada, and how to kill the worker that has them. */
function start(options: Omit<PoolOptions, 'module'> = {}) {
  const pool = createDatabasesPool({ ...options, size: 1, logs: 'events' });
  pools.push(pool);
  let pid: number | undefined;
  pool.on('worker.ready', (ready) => {
    pid = ready.pid;
  });
  const kill = async () => {
    const dead = new Promise<void>((resolve) => pool.once('worker.dead', () => resolve()));
    process.kill(pid as number, 'SIGKILL');
    await dead;
  };
  return { pool, databases: new Databases(pool, 'ada'), kill };
}
