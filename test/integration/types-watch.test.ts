import { mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { runTypes } from '../../src/cli/types.js';
import { declareTypes } from '../../src/types/declare.js';
import { temporaryFolder } from '../support/folder.js';
import { until } from '../support/processes.js';
import { PYTHON } from '../support/python.js';

vi.mock('../../src/types/declare.js', () => ({ declareTypes: vi.fn() }));
const { declareTypes: declare } =
  await vi.importActual<typeof import('../../src/types/declare.js')>('../../src/types/declare.js');

describe('pythonarium types --watch', () => {
  it('reads again where an older file was put in the place of one that Python had just read', async () => {
    const folder = temporaryFolder();
    const [file, older] = ['app.py', 'older.py'].map((name) => join(folder, name)) as [string, string];
    writeFileSync(file, 'def f() -> int: ...\n');
    writeFileSync(older, 'def g() -> int: ...\n');
    utimesSync(older, 1, 1);
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    onTestFinished(() => write.mockRestore());
    vi.mocked(declareTypes)
      .mockImplementationOnce(async (options) => {
        const declared = await declare(options);
        // Nobody watches it yet.
        renameSync(older, file);
        return declared;
      })
      .mockRejectedValueOnce(new Error('It is read again.'));
    const watching = runTypes([file], { expose: 'all', watch: true }, new AbortController().signal);
    await expect(watching).rejects.toThrow('It is read again.');
  });

  // Elsewhere every path is text.
  const isLinux = process.platform === 'linux';
  it.skipIf(!isLinux)('reads what has a path that is no text when it changes, and only then', async () => {
    const folder = temporaryFolder();
    const odd = Buffer.concat([Buffer.from(`${folder}/`), Buffer.of(0xff)]);
    const hints = Buffer.concat([odd, Buffer.from('/hints.py')]);
    mkdirSync(odd);
    writeFileSync(hints, 'Size = int\n');
    const near = join(folder, 'near.py');
    const far = join(folder, 'far.py');
    const python = join(folder, 'python');
    writeFileSync(near, 'def f() -> int: ...\n');
    writeFileSync(far, 'from hints import Size\ndef f() -> Size: ...\n');
    const path = `PYTHONPATH="$(printf '${folder}/\\377')"`;
    writeFileSync(python, `#!/bin/sh\nexport ${path}\nexec ${PYTHON} "$@"\n`, { mode: 0o755 });
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const texts: Record<string, (string | undefined)[]> = { [near]: [], [far]: [] };
    vi.mocked(declareTypes).mockImplementation(async (options) => {
      const declared = await declare(options);
      texts[options.modules[''] as string]?.push(declared.text);
      return declared;
    });
    onTestFinished(() => {
      write.mockRestore();
      vi.mocked(declareTypes).mockReset();
    });
    const stop = new AbortController();
    const watching = runTypes([near, far], { expose: 'all', python, watch: true }, stop.signal);
    // Meanwhile whoever finds nothing as it was reads as often.
    for (const name of ['g', 'h', 'i', 'j']) {
      writeFileSync(near, `def ${name}() -> int: ...\n`);
      await until(() => texts[near]?.at(-1)?.includes(`function ${name}(`) === true, `${name}()`);
    }
    await until(() => texts[far]?.length !== 0, 'a first reading');
    expect(texts[far]).toEqual([expect.stringContaining('f(): Promise<number>')]);
    writeFileSync(hints, 'Size = str\n');
    await until(() => texts[far]?.at(-1)?.includes('f(): Promise<string>') === true, 'the other type');
    stop.abort();
    await watching;
  });
});
