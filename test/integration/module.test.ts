import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { failure, fixtures, next, readyPool, startPool } from '../support/pool.js';

const here = fixtures(import.meta.url);

describe('the option module', () => {
  it('takes a path, a URL and a path relative to cwd for the same file', async () => {
    const path = here('app.py');
    for (const options of [
      { module: path },
      { module: pathToFileURL(path) },
      { module: './app.py', cwd: here('') },
      { module: 'app.py', cwd: here('') },
    ]) {
      const pool = startPool(options.module, options);
      expect(await pool.call('add', [1, 2])).toBe(3);
    }
  });

  it('takes a record, whose keys go before the names of the functions', async () => {
    const pool = startPool({ app: here('app.py'), lives: here('lives.py') });
    expect(await pool.call('app.add', [1, 2])).toBe(3);
    expect(await pool.call('app.text.shout', ['a'])).toBe('A');
    expect(await pool.call('lives.loaded')).toEqual({});
    expect(await failure(pool.call('add', [1, 2]))).toMatchObject({ code: 'ERR_NOT_EXPOSED', call: 'add' });
  });

  it('takes modules one does not own, unmodified: math, statistics and textwrap', async () => {
    const pool = startPool({ math: 'math', stats: 'statistics', text: 'textwrap' }, { expose: 'all' });
    expect(await pool.call('math.gcd', [12, 18])).toBe(6);
    expect(await pool.call('math.hypot', [3, 4])).toBe(5);
    expect(await pool.call('stats.mean', [[1, 2, 3, 4]])).toBe(2.5);
    expect(await pool.call('text.shorten', ['a long line of text'], { kwargs: { width: 12 } })).toBe('a long [...]');
    expect(await pool.call('text.dedent', ['  a\n  b'])).toBe('a\nb');
  });

  it('exposes with "all" what is public, and with "marked" only what is marked', async () => {
    const marked = startPool(here('app.py'));
    const refused = await failure(marked.call('hidden'));
    expect(refused).toMatchObject({ code: 'ERR_NOT_EXPOSED', call: 'hidden' });
    expect((refused as unknown as { functions: string[] }).functions).toContain('add');
    const all = startPool(here('app.py'), { expose: 'all' });
    expect(await all.call('hidden')).toBe('not for Node');
    expect(await failure(all.call('_shout', ['a']))).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
    expect(await failure(all.call('__import__', ['os']))).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
  });

  it('is checked before anything starts: ERR_OPTION for what is not there', () => {
    expect(() => startPool('./nowhere.py')).toThrow(expect.objectContaining({ code: 'ERR_OPTION', option: 'module' }));
    expect(() => startPool({ 'two words': 'math' })).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
    expect(() => startPool({})).toThrow(expect.objectContaining({ code: 'ERR_OPTION', option: 'module' }));
    expect(() => startPool('math', { sise: 2 } as never)).toThrow(expect.objectContaining({ option: 'sise' }));
  });
});

describe('setup and teardown', () => {
  it('run once in each worker, before its first call and after its last', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pythonarium-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const pool = startPool(here('lives.py'), {
      setup: { name: 'load', args: ['resnet'], kwargs: { size: 50 } },
      teardown: { name: 'unload', args: [join(folder, 'end')] },
    });
    const loading = next(pool, 'log');
    const first = await pool.call<{ pid: number }>('loaded');
    expect(first).toMatchObject({ name: 'resnet', size: 50 });
    expect(await pool.call('loaded')).toEqual(first);
    expect(await loading).toMatchObject({ text: 'loading resnet', stream: 'stdout', worker: 'worker-0', call: null });

    const unloading = next(pool, 'log');
    const dead = next(pool, 'worker.dead');
    await pool.close();
    expect(readFileSync(join(folder, 'end'), 'utf8')).toBe('unloaded resnet');
    expect(await unloading).toMatchObject({ text: 'unloading', call: null });
    expect(await dead).toMatchObject({ exitCode: 0, signal: null, reason: 'stopped' });
  });

  it('may be async def, and need no @expose', async () => {
    const pool = startPool(here('lives.py'), { setup: { name: 'load_later', args: ['later'] } });
    expect(await pool.call('loaded')).toMatchObject({ name: 'later' });
    expect(await failure(pool.call('load_later', ['x']))).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
  });

  it('say ERR_BOOT with the stage and the Python error when setup fails', async () => {
    const pool = startPool(here('lives.py'), { setup: { name: 'fail' } });
    const refused = await failure(pool.ready());
    expect(refused).toMatchObject({
      code: 'ERR_BOOT',
      stage: 'setup',
      worker: 'worker-0',
      cause: { code: 'ERR_PYTHON', type: 'RuntimeError', pythonMessage: 'no model here' },
    });
    expect(refused.message).toContain('no model here');
  });

  it('say ERR_BOOT with the names there are when there is no such function', async () => {
    const pool = startPool(here('lives.py'), { setup: { name: 'lode' } });
    expect(await failure(pool.ready())).toMatchObject({
      code: 'ERR_BOOT',
      stage: 'setup',
      cause: { code: 'ERR_NOT_EXPOSED', functions: ['loaded'] },
    });
  });

  it('end the worker well although the teardown raises, and print why', async () => {
    const pool = await readyPool(here('lives.py'), { teardown: { name: 'fail' } });
    const texts: string[] = [];
    pool.on('log', ({ text }) => texts.push(text));
    const dead = next(pool, 'worker.dead');
    await pool.close();
    expect(await dead).toMatchObject({ exitCode: 0, reason: 'stopped' });
    expect(texts).toContain('RuntimeError: no model here');
  });
});
