import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { checkOptions, type PoolOptions } from '../../src/options.js';
import { wallClock } from '../../src/time/clock.js';
import { processors } from '../../src/time/processors.js';

let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pythonarium-options-'));
  file = join(folder, 'app.py');
  writeFileSync(file, '');
  mkdirSync(join(folder, 'package'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('options', () => {
  it('have the defaults that are promised', () => {
    expect(checkOptions({ module: 'statistics' })).toMatchObject({
      expose: 'marked',
      validate: false,
      sizeMin: processors().count,
      sizeMax: processors().count,
      elastic: undefined,
      recycle: undefined,
      recycleConcurrencyMax: 1,
      sessionDrainMs: 30_000,
      failuresMax: 5,
      slots: 1,
      lane: 'serial',
      python: undefined,
      start: 'spawn',
      pythonPath: [],
      isolated: false,
      cwd: process.cwd(),
      env: undefined,
      setup: null,
      teardown: null,
      errors: undefined,
      timeoutMs: undefined,
      queueMax: 10_000,
      queueMaxPerKey: Number.MAX_SAFE_INTEGER,
      ageAfterMs: 10_000,
      shed: null,
      leakAfterMs: undefined,
      leaseTimeoutMs: undefined,
      queueTimeoutMs: undefined,
      bootTimeoutMs: 30_000,
      cancelGraceMs: 1_000,
      softLimitMs: undefined,
      hardLimitMs: undefined,
      heartbeatTimeoutMs: undefined,
      pingEveryMs: undefined,
      pingTimeoutMs: 5_000,
      watch: false,
      interrupt: true,
      evictGraceMs: 5_000,
      prefetchMax: 3,
      prefetchBelowMs: 1,
      busyPoll: true,
      batchScheduling: true,
      stopGraceMs: 2_000,
      termGraceMs: 1_000,
      resources: { coreBytes: 0 },
      closeTimeoutMs: 10_000,
      sessionsMax: 10_000,
      retryRatio: 0.2,
      retryDelayMs: 100,
      poisonDeaths: 3,
      poisonMs: 60_000,
      idempotencyTtlMs: 60_000,
      idempotencyKeysMax: 10_000,
      compile: true,
      inspect: undefined,
      limits: { messageBytesMax: 64 * 1024 * 1024, attachmentBytesMax: 1024 ** 3, depthMax: 200 },
      logs: 'inherit',
      clock: wallClock,
      random: Math.random,
    });
  });

  it('take undefined for what is left out', () => {
    const undefinedOnes = Object.fromEntries(
      Object.keys(VALUES).map((option) => [option, undefined]),
    ) as Partial<PoolOptions>;
    expect(checkOptions({ ...undefinedOnes, module: 'statistics' })).toEqual(checkOptions({ module: 'statistics' }));
  });

  it('keep what is given', () => {
    const { size, depthMax, messageBytesMax, attachmentBytesMax, ...others } = VALUES;
    const limits = { depthMax, messageBytesMax, attachmentBytesMax };
    expect(checkOptions({ module: 'statistics', size, ...others, ...limits })).toMatchObject({
      ...others,
      sizeMin: size,
      sizeMax: size,
      setup: { name: 'load', args: [1], kwargs: {} },
      teardown: { name: 'unload', args: [], kwargs: { hard: true } },
      limits,
    });
  });

  it('take the folders of `pythonPath` from `cwd`, and each by one name', () => {
    const pythonPath = ['lib', '../shared/', '/opt/lib/'];
    expect(checkOptions({ module: 'statistics', cwd: folder, pythonPath }).pythonPath).toEqual([
      join(folder, 'lib'),
      join(dirname(folder), 'shared'),
      '/opt/lib',
    ]);
  });

  it('take `libraryPath` from `cwd` too', () => {
    mkdirSync(join(folder, 'copied', 'pythonarium'), { recursive: true });
    writeFileSync(join(folder, 'copied', 'pythonarium', '__init__.py'), '');
    const { libraryPath } = checkOptions({ module: 'statistics', cwd: folder, libraryPath: 'copied' });
    expect(libraryPath).toBe(join(folder, 'copied'));
  });

  it('take for `cwd` a folder that is there, and no file', () => {
    expect(checkOptions({ module: 'statistics', cwd: folder }).cwd).toBe(folder);
    for (const cwd of [file, join(folder, 'missing'), join(file, 'below')]) {
      expect(() => checkOptions({ module: 'statistics', cwd })).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION', option: 'cwd' }),
      );
    }
  });

  it('make a pool of no fixed size of a range, and a fixed one where both ends are the same', () => {
    const sizes = (size: PoolOptions['size']) => {
      const { sizeMin, sizeMax, elastic } = checkOptions({ module: 'statistics', size });
      return { sizeMin, sizeMax, elastic };
    };
    const elastic = { growAfterMs: 100, shrinkAfterMs: 60_000 };
    expect(sizes({ min: 1, max: 4 })).toEqual({ sizeMin: 1, sizeMax: 4, elastic });
    const own = { growAfterMs: 5, shrinkAfterMs: 7 };
    expect(sizes({ min: 2, max: 3, ...own })).toEqual({ sizeMin: 2, sizeMax: 3, elastic: own });
    expect(sizes({ min: 2, max: 2 })).toEqual({ sizeMin: 2, sizeMax: 2, elastic: undefined });
  });

  it.each(OPTIONS)('refuse null and a symbol for `%s`: undefined alone leaves it out', (option) => {
    for (const value of [null, Symbol('nothing')]) {
      expect(() => checkOptions({ module: 'statistics', [option]: value } as never)).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION', option }),
      );
    }
  });

  it.each(NUMBERS)('refuse for `%s` what is no number, less than nothing, or text', (option) => {
    for (const value of [Number.NaN, -1, Number.NEGATIVE_INFINITY, '5']) {
      expect(() => checkOptions({ module: 'statistics', [option]: value } as never)).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION', option }),
      );
    }
  });

  it.each([
    ['size.min', { size: { min: 0, max: 2 } }],
    ['size.max', { size: { min: 3, max: 2 } }],
    ['size.max', { size: { min: 1 } }],
    ['size.growAfterMs', { size: { min: 1, max: 2, growAfterMs: 0 } }],
    ['size.shrinkAfterMs', { size: { min: 1, max: 2, shrinkAfterMs: -1 } }],
    ['least', { size: { least: 1, max: 2 } }],
    ['recycle', { recycle: {} }],
    ['recycle', { recycle: 100 }],
    ['after', { recycle: { after: 100 } }],
    ['recycle.leases', { recycle: { leases: 0 } }],
    ['recycle.rssBytes', { recycle: { rssBytes: 1.5 } }],
    ['recycle.ageMs', { recycle: { ageMs: 0 } }],
    ['recycle.idleMs', { recycle: { idleMs: 'long' } }],
    ['recycleConcurrencyMax', { recycleConcurrencyMax: 0 }],
    ['sessionDrainMs', { sessionDrainMs: -1 }],
    ['failuresMax', { failuresMax: 0 }],
    ['arg', { setup: { name: 'load', arg: ['resnet'] } }],
    ['limits.memory', { limits: { memory: 2 ** 30 } }],
    ['limits.memoryBytes', { limits: { memoryBytes: 1 } }],
    ['limits.cpuSeconds', { limits: { cpuSeconds: 0.5 } }],
    ['limits.files', { limits: { files: Number.NaN } }],
    ['limits.fileBytes', { limits: { fileBytes: Number.POSITIVE_INFINITY } }],
    ['limits.coreBytes', { limits: { coreBytes: null } }],
    ['shed.targetMs', { shed: {} }],
    ['shed.intervalMs', { shed: { targetMs: 1, intervalMs: Number.NaN } }],
    ['after', { shed: { targetMs: 1, after: 1 } }],
    ['env.MODE', { env: { MODE: 1 } }],
    ['env.MODE', { env: { only: ['PATH'], MODE: 'fast' } }],
    ['errors.NotFound', { errors: { NotFound: Map } }],
    ['keywords', { teardown: { name: 'unload', keywords: { hard: true } } }],
  ])('are refused by the name %s in %o', (option, given) => {
    const refused = () => checkOptions({ module: 'statistics', ...given } as never);
    expect(refused).toThrow(expect.objectContaining({ code: 'ERR_OPTION', option }));
  });

  it.each([
    ['expose', 'everything'],
    ['validate', 'yes'],
    ['start', 'forkserver'],
    ['env', ['PATH']],
    ['errors', [Error]],
    ['limits', []],
    ['watch', 1],
    ['interrupt', 'no'],
    ['prefetchMax', 64],
    ['prefetchMax', 0.5],
    ['prefetchBelowMs', 2 ** 31],
    ['busyPoll', 0],
    ['batchScheduling', 'SCHED_BATCH'],
    ['evictGraceMs', Number.POSITIVE_INFINITY],
    ['retryRatio', 1.01],
    ['retryDelayMs', Number.POSITIVE_INFINITY],
    ['poisonDeaths', 1_001],
    ['poisonMs', Number.POSITIVE_INFINITY],
    ['idempotencyTtlMs', 2 ** 31],
    ['idempotencyKeysMax', 0],
    ['compile', 'yes'],
    ['size', 0],
    ['size', 1.5],
    ['size', 1025],
    ['size', '4'],
    ['slots', 0],
    ['slots', 1_001],
    ['lane', 'async'],
    ['lane', null],
    ['pythonPath', '/lib'],
    ['pythonPath', [1]],
    ['cwd', 7],
    ['timeoutMs', -1],
    ['timeoutMs', Number.NaN],
    ['timeoutMs', '100'],
    ['timeoutMs', null],
    ['queueMax', -1],
    ['queueMaxPerKey', 0],
    ['ageAfterMs', -1],
    ['shed', 100],
    ['leakAfterMs', 'soon'],
    ['leaseTimeoutMs', -1],
    ['queueTimeoutMs', Number.POSITIVE_INFINITY],
    ['bootTimeoutMs', 2 ** 31],
    ['cancelGraceMs', 'soon'],
    ['softLimitMs', -1],
    ['hardLimitMs', Number.POSITIVE_INFINITY],
    ['heartbeatTimeoutMs', 'often'],
    ['pingEveryMs', Number.NaN],
    ['pingTimeoutMs', null],
    ['stopGraceMs', -0.1],
    ['termGraceMs', -1],
    ['closeTimeoutMs', {}],
    ['sessionsMax', 0],
    ['messageBytesMax', 1_023],
    ['messageBytesMax', 2 ** 29],
    ['attachmentBytesMax', 1_023],
    ['attachmentBytesMax', Number.MAX_SAFE_INTEGER],
    ['depthMax', 901],
    ['logs', 'none'],
    ['setup', 'load'],
    ['setup', {}],
    ['teardown', null],
    ['libraryPath', ''],
    ['python', ''],
    ['python', []],
    ['python', ['python3', 7]],
    ['isolated', 'no'],
    ['inspect', {}],
    ['clock', { now: () => 0 }],
    ['random', 0.5],
    ['sizes', 4],
  ])('are refused with ERR_OPTION and the name %s for %o', (option, value) => {
    expect(() => checkOptions({ module: 'statistics', [option]: value } as never)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', option }),
    );
  });

  it.each([
    [{}, { lane: 'serial', slots: 1 }],
    [{ slots: 3 }, { lane: 'serial', slots: 3 }],
    [{ lane: 'asyncio' }, { lane: 'asyncio', slots: 100 }],
    [{ lane: 'threads' }, { lane: 'threads', slots: 8 }],
    [
      { lane: 'threads', slots: 2 },
      { lane: 'threads', slots: 2 },
    ],
  ] as const)('have as many slots as suit the lane: %o', (options, settings) => {
    expect(checkOptions({ module: 'statistics', ...options })).toMatchObject(settings);
  });

  it.each(['asyncio', 'threads'] as const)('refuse one slot with the lane %s, which would be of no use', (lane) => {
    expect(() => checkOptions({ module: 'statistics', lane, slots: 1 })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', option: 'slots', message: expect.stringContaining(`'${lane}'`) }),
    );
  });

  it('name the place inside an option that is wrong', () => {
    const args = { name: 'load', args: 'none' } as never;
    expect(() => checkOptions({ module: 'statistics', setup: args })).toThrow(
      expect.objectContaining({ option: 'setup.args' }),
    );
    expect(() => checkOptions({ module: { stats: 7 } as never })).toThrow(
      expect.objectContaining({ option: 'module.stats' }),
    );
  });

  it('refuse arguments of `setup` and `teardown` that cannot cross, before any worker is started', () => {
    const setup = { name: 'load', args: [1, new Date()] };
    expect(() => checkOptions({ module: 'statistics', setup })).toThrow(
      expect.objectContaining({ code: 'ERR_VALUE', path: 'setup.args[1]' }),
    );
    const teardown = { name: 'unload', kwargs: { path: undefined } };
    expect(() => checkOptions({ module: 'statistics', teardown })).toThrow(
      expect.objectContaining({ code: 'ERR_VALUE', path: 'teardown.kwargs.path' }),
    );
    expect(() => checkOptions({ module: 'statistics', teardown: { name: 'unload', kwargs: [] as never } })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', option: 'teardown.kwargs' }),
    );
  });

  it.each([[undefined], [null], ['statistics']])('are refused when they are %o', (options) => {
    expect(() => checkOptions(options as never)).toThrow(expect.objectContaining({ option: 'options' }));
  });

  it('are no more workers than there may be, of however many processors', async () => {
    vi.doMock('../../src/time/processors.js', () => ({ processors: () => ({ count: 2_000, isQuota: false }) }));
    vi.resetModules();
    onTestFinished(() => {
      vi.doUnmock('../../src/time/processors.js');
      vi.resetModules();
    });
    const options = await import('../../src/options.js');
    expect(options.checkOptions({ module: 'statistics' }).sizeMax).toBe(1_024);
  });

  it('are those the caller wrote, whatever hangs on Object.prototype', () => {
    const prototype = Object.prototype as { size?: unknown; python?: unknown };
    prototype.size = 'polluted';
    prototype.python = '/tmp/evil';
    try {
      const { sizeMin, python } = checkOptions({ module: 'statistics' });
      expect(sizeMin).toBe(processors().count);
      expect(python).toBeUndefined();
    } finally {
      delete prototype.size;
      delete prototype.python;
    }
  });
});

describe('the option `module`', () => {
  it.each(['statistics', 'os.path', '_private.module1'])('takes %s for the name of a module', (name) => {
    expect(checkOptions({ module: name })).toMatchObject({ modules: { '': name }, moduleFolders: [] });
  });

  it('takes a path of a file or a package folder, from `cwd`, and a URL', () => {
    const expected = { modules: { '': file }, moduleFolders: [folder] };
    expect(checkOptions({ module: file })).toMatchObject(expected);
    expect(checkOptions({ module: 'app.py', cwd: folder })).toMatchObject(expected);
    expect(checkOptions({ module: './app.py', cwd: relative(process.cwd(), folder) })).toMatchObject(expected);
    expect(checkOptions({ module: pathToFileURL(file) })).toMatchObject(expected);
    // As `import.meta.resolve` gives it.
    expect(checkOptions({ module: pathToFileURL(file).href })).toMatchObject(expected);
    expect(checkOptions({ module: './package', cwd: folder })).toMatchObject({
      modules: { '': join(folder, 'package') },
    });
    const here = fileURLToPath(import.meta.url);
    expect(checkOptions({ module: new URL('.', import.meta.url) }).moduleFolders).toEqual([dirname(dirname(here))]);
  });

  it('takes several, by the key that goes before the names of their functions', () => {
    const { modules, moduleFolders } = checkOptions({ module: { stats: 'statistics', app: file } });
    expect({ ...modules }).toEqual({ stats: 'statistics', app: file });
    expect(moduleFolders).toEqual([folder]);
    expect(Object.getPrototypeOf(modules)).toBeNull();
  });

  it.each([
    [undefined],
    [null],
    [''],
    [7],
    [{}],
    ['no such module'],
    ['two..dots'],
    ['1st'],
    ['/no/such/file.py'],
    ['missing.py'],
    ['file:///no/such/file.py'],
    ['file://example.org/app.py'],
    [new URL('file://example.org/app.py')],
    [new URL('https://example.org/app.py')],
    [{ 'not-a-name': 'statistics' }],
    [{ '': 'statistics' }],
    [{ stats: '' }],
  ])('refuses %o, with ERR_OPTION', (module) => {
    expect(() => checkOptions({ module: module as never })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', option: expect.stringMatching(/^module/) }),
    );
  });

  it('names a URL that is of no file, as `import.meta.url` is where a test plays a browser', () => {
    const module = new URL('./app.py', 'http://localhost:3000/test/app.test.ts');
    expect(() => checkOptions({ module })).toThrow(/file: URL.*"http:\/\/localhost:3000\/test\/app\.py"/);
  });
});

const VALUES = {
  expose: 'all',
  validate: true,
  size: 3,
  recycleConcurrencyMax: 4,
  sessionDrainMs: 17,
  slots: 5,
  lane: 'threads',
  python: ['uv', 'run', 'python'],
  start: 'fork',
  pythonPath: ['/lib'],
  isolated: true,
  setup: { name: 'load', args: [1] },
  teardown: { name: 'unload', kwargs: { hard: true } },
  timeoutMs: 0,
  queueMax: 0,
  queueMaxPerKey: 1,
  ageAfterMs: 12,
  shed: { targetMs: 13, intervalMs: 14 },
  leakAfterMs: 15,
  leaseTimeoutMs: 16,
  queueTimeoutMs: 1,
  bootTimeoutMs: 2,
  failuresMax: 18,
  cancelGraceMs: 3,
  softLimitMs: 7,
  hardLimitMs: 8,
  heartbeatTimeoutMs: 9,
  pingEveryMs: 10,
  pingTimeoutMs: 11,
  watch: true,
  interrupt: false,
  evictGraceMs: 19,
  prefetchBelowMs: 20,
  busyPoll: false,
  batchScheduling: false,
  stopGraceMs: 4,
  termGraceMs: 5,
  closeTimeoutMs: 5,
  sessionsMax: 6,
  messageBytesMax: 2_048,
  attachmentBytesMax: 4_096,
  depthMax: 10,
  logs: 'events',
  retryRatio: 0.5,
  retryDelayMs: 21,
  poisonDeaths: 22,
  poisonMs: 23,
  idempotencyTtlMs: 24,
  idempotencyKeysMax: 25,
  compile: false,
} as const satisfies Partial<PoolOptions>;

/** Those that no setting has as they are given, or not beside the others. */
const OTHERS = {
  module: undefined,
  recycle: undefined,
  cwd: undefined,
  env: undefined,
  errors: undefined,
  prefetchMax: 1,
  limits: undefined,
  libraryPath: undefined,
  inspect: undefined,
  clock: undefined,
  random: undefined,
};

/** Whatever option there is: one that is left out here is a mistake of type. */
const ALL = { ...VALUES, ...OTHERS } satisfies Record<keyof PoolOptions, unknown>;
const OPTIONS = Object.keys(ALL);
const NUMBERS = Object.entries(ALL).flatMap(([option, value]) => (typeof value === 'number' ? [option] : []));
