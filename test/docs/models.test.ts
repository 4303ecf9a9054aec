import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type NdArray, ndarray, type PoolOptions } from 'pythonarium';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createModelsPool,
  type Lost,
  Models,
  type ModelsOptions,
  NoSuchModelError,
  NotFittedError,
  type Recipe,
} from '../../docs/examples/models/models.js';
import { declareTypes } from '../../src/types/declare.js';
import { nextBegun } from '../support/begun.js';
import { SKLEARN_PYTHON, withoutSklearn } from './sklearn.js';

type ModelsPool = ReturnType<typeof createModelsPool>;

const whereInstalled = describe.skipIf(SKLEARN_PYTHON === undefined);

const FOREST: Recipe = { estimator: 'RandomForestClassifier', params: { n_estimators: 20 } };
const LOGISTIC: Recipe = { estimator: 'LogisticRegression', scale: true };

whereInstalled(`the models of one owner${withoutSklearn}`, () => {
  it('are fit, predict and are scored, with arrays there and back', async () => {
    const { pool, models } = start();
    const { features, target, classes } = await pool.py.dataset('iris');
    expect([features.dtype, features.shape, target.dtype, target.shape]).toEqual(['float64', [150, 4], 'int64', [150]]);
    expect(classes).toEqual(['setosa', 'versicolor', 'virginica']);
    await models.create('iris', LOGISTIC);
    await models.fit('iris', features, target);
    expect(await models.score('iris', features, target)).toBeGreaterThan(0.95);

    const flowers = ndarray(Float64Array.of(5.1, 3.5, 1.4, 0.2, 6.3, 3.3, 6, 2.5), { shape: [2, 4] });
    expect((await models.predict('iris', flowers)).data).toEqual(BigInt64Array.of(0n, 2n));
    const { shape, data } = await models.probabilities('iris', flowers);
    expect(shape).toEqual([2, 3]);
    expect(data[0]! + data[1]! + data[2]!).toBeCloseTo(1);
  });

  it('can be regressors, whose predictions are quantities', async () => {
    const { pool, models } = start();
    const { features, target, classes } = await pool.py.dataset('diabetes');
    expect(classes).toBe(null);
    await models.create('progression', { estimator: 'Ridge', params: { alpha: 0.1 } });
    await models.fit('progression', features, target);
    expect(await models.predict('progression', features)).toMatchObject({ dtype: 'float64', shape: [442] });
    expect(await models.score('progression', features, target)).toBeGreaterThan(0.4);
  });

  it('are listed and deleted by name, and are nobody else’s', async () => {
    const { pool, models } = start();
    const others = new Models(pool, 'bob');
    await models.create('b', FOREST);
    await models.create('a', LOGISTIC);
    expect(await models.list()).toEqual(['a', 'b']);
    expect(await others.list()).toEqual([]);
    expect(await models.delete('b')).toBe(true);
    expect(await models.delete('b')).toBe(false);
    expect(await models.list()).toEqual(['a']);
  });

  it('are gone at the end of the block', async () => {
    const { pool } = start();
    {
      await using models = new Models(pool, 'eve');
      await models.create('a', FOREST);
    }
    expect(await new Models(pool, 'eve').list()).toEqual([]);
  });

  it('say by errors of the adapter’s own that they are not fit, or not there', async () => {
    const { pool, models } = start();
    const { features, target } = await pool.py.dataset('iris');
    await models.create('iris', FOREST);
    const unfitted = await models.predict('iris', features).catch((error) => error);
    expect(unfitted).toBeInstanceOf(NotFittedError);
    expect(unfitted).toMatchObject({ code: 'ERR_PYTHON', type: 'NotFittedError' });
    expect(unfitted.message).toContain('is not fitted yet');
    await expect(models.fit('rose', features, target)).rejects.toThrow(NoSuchModelError);
    await expect(models.score('rose', features, target)).rejects.toThrow("there is no model 'rose'");
  });

  it('are what they were after a fit that failed', async () => {
    const { pool, models } = start();
    const { features, target } = await pool.py.dataset('iris');
    await models.create('iris', FOREST);
    await models.fit('iris', features, target);
    const before = await models.predict('iris', features);
    await expect(models.fit('iris', features, ndarray(new Float64Array(3)))).rejects.toMatchObject({
      type: 'ValueError',
    });
    expect(await models.predict('iris', features)).toEqual(before);
  });
});

whereInstalled(`a cross-validation${withoutSklearn}`, () => {
  it('tells of its folds as it goes, and comes to a score for each', async () => {
    const { pool, models } = start();
    const { features, target } = await pool.py.dataset('wine');
    const told: { done: number; total: number | null; note: string | null }[] = [];
    const onProgress = (progress: (typeof told)[0]) => told.push(progress);
    const scores = await models.crossValidate(FOREST, features, target, { folds: 4, onProgress });
    expect(scores).toHaveLength(4);
    for (const score of scores) expect(score).toBeGreaterThan(0.8);
    expect(told.at(-1)).toEqual({ done: 4, total: 4, note: `score ${scores[3]!.toFixed(3)}` });
    expect(told.map(({ done }) => done)).toEqual(told.map(({ done }) => done).sort());
  });

  it('ends when its caller gives up, and its worker serves on', async () => {
    const { pool, models } = start({ cancelGraceMs: 60_000 });
    const { features, target } = await pool.py.dataset('digits');
    const giveUp = new AbortController();
    const endless = models.crossValidate({ ...FOREST, params: { n_estimators: 200 } }, features, target, {
      folds: 100,
      signal: giveUp.signal,
      onProgress: () => giveUp.abort(new Error('enough')),
    });
    await expect(endless).rejects.toThrow('enough');
    expect(await models.list()).toEqual([]);
    expect(pool.stats().cancelled).toEqual({ kept: 1, killed: 0 });
  });
});

whereInstalled(`when the worker of an owner dies${withoutSklearn}`, () => {
  it('fits the models anew, to the same, and says so', async () => {
    const lost: Lost[] = [];
    const { pool, models, kill } = start({}, { onLost: (each) => lost.push(each) });
    const { features, target } = await pool.py.dataset('wine');
    await models.create('wine', FOREST);
    await models.fit('wine', features, target);
    await models.create('old', FOREST);
    await models.delete('old');
    await models.create('new', LOGISTIC);
    const before = await models.probabilities('wine', features);
    await kill();
    expect(await models.probabilities('wine', features)).toEqual(before);
    expect(await models.list()).toEqual(['new', 'wine']);
    expect(lost).toEqual([{ reason: 'worker-died', fitAnew: ['wine'], unfitted: ['new'] }]);
  });

  it('keeps the models and says which have to be fit again, where their data are not kept', async () => {
    const lost: Lost[] = [];
    const { pool, models, kill } = start({}, { keepData: false, onLost: (each) => lost.push(each) });
    const { features, target } = await pool.py.dataset('iris');
    await models.create('iris', LOGISTIC);
    await models.fit('iris', features, target);
    await kill();
    await expect(models.predict('iris', features)).rejects.toThrow(NotFittedError);
    expect(lost).toEqual([{ reason: 'worker-died', fitAnew: [], unfitted: ['iris'] }]);
    await models.fit('iris', features, target);
    expect(await models.score('iris', features, target)).toBeGreaterThan(0.95);
  });
});

whereInstalled(`a fit that was given up${withoutSklearn}`, () => {
  it.each([
    ['even if Python has done it', { interrupt: false, cancelGraceMs: 60_000 }],
    ['where Python was interrupted', { cancelGraceMs: 60_000 }],
    ['where its worker was ended over it', { cancelGraceMs: 0 }],
  ])('counts as not done, %s', async (_, options) => {
    const { pool, models } = start(options);
    const { features, target } = await pool.py.dataset('digits');
    await models.create('digits', { estimator: 'RandomForestClassifier', params: { n_estimators: 100 } });
    await models.fit('digits', head(features, 100), head(target, 100));
    const before = await models.predict('digits', features);
    const [begun, abort] = [nextBegun(pool), new AbortController()];
    const given = models.fit('digits', features, target, { signal: abort.signal });
    await begun();
    abort.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    expect(await models.predict('digits', features)).toEqual(before);
  });
});

describe('the declarations', () => {
  it('are those of the Python', async () => {
    const file = (name: string) => fileURLToPath(new URL(`../../docs/examples/models/${name}`, import.meta.url));
    const modules = { '': file('models.py') };
    const { text } = await declareTypes({ modules, expose: 'marked', title: 'pythonarium types models.py' });
    expect(text).toBe(readFileSync(file('models.py.d.ts'), 'utf8'));
  });
});

const pools: ModelsPool[] = [];

afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.close())));

/** A pool of one worker, the models of Ada, and how to kill the worker that has them. */
function start(options: Partial<PoolOptions> = {}, modelsOptions: ModelsOptions = {}) {
  const pool = createModelsPool({ ...options, size: 1, logs: 'events', python: SKLEARN_PYTHON });
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
  return { pool, models: new Models(pool, 'ada', modelsOptions), kill };
}

/** The first rows of an array. */
function head({ data, shape: [, ...rest] }: NdArray, rows: number): NdArray {
  const items = rows * rest.reduce((product, length) => product * length, 1);
  return ndarray((data as Float64Array).subarray(0, items), { shape: [rows, ...rest] });
}
