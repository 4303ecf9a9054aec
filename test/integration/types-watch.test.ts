import { renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { runTypes } from '../../src/cli/types.js';
import { declareTypes } from '../../src/types/declare.js';
import { temporaryFolder } from '../support/folder.js';

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
});
