import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { replaceFile } from '../../../src/cli/replace-file.js';
import { temporaryFolder } from '../../support/folder.js';

describe('a file that is replaced', () => {
  it('is whole for whoever has opened it, keeps its mode, and leaves nothing beside it', async () => {
    const { folder, file, reader } = held('old');
    chmodSync(file, 0o640);
    await replaceFile(file, 'new');
    expect([readFileSync(reader, 'utf8'), readFileSync(file, 'utf8')]).toEqual(['old', 'new']);
    expect(statSync(file).mode & 0o7777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('is the one that a link leads to, which stays a link', async () => {
    const { folder, file, reader } = held('old');
    mkdirSync(join(folder, 'links'));
    const link = join(folder, 'links', 'link');
    symlinkSync('../file', link);
    await replaceFile(link, 'new');
    expect([readFileSync(reader, 'utf8'), readFileSync(file, 'utf8')]).toEqual(['old', 'new']);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['file', 'links']);
    expect(readdirSync(join(folder, 'links'))).toEqual(['link']);
  });

  it('need not be there, also where a link leads', async () => {
    const folder = temporaryFolder();
    const [file, link, far] = ['file', 'link', 'far'].map((name) => join(folder, name)) as [string, string, string];
    symlinkSync(far, link);
    for (const path of [file, link]) await replaceFile(path, 'new');
    expect([file, far].map((path) => readFileSync(path, 'utf8'))).toEqual(['new', 'new']);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['far', 'file', 'link']);
  });

  it('is written in place where it has another name, so that it is the same under both', async () => {
    const { folder, file, reader } = held('old');
    linkSync(file, join(folder, 'other'));
    await replaceFile(file, 'new');
    expect([readFileSync(reader, 'utf8'), readFileSync(join(folder, 'other'), 'utf8')]).toEqual(['new', 'new']);
  });

  it('is written in place where its folder takes no other', async () => {
    const { folder, file } = held('old');
    chmodSync(folder, 0o500);
    onTestFinished(() => chmodSync(folder, 0o700));
    beSomebody(folder, file);
    await replaceFile(file, 'new');
    expect(readFileSync(file, 'utf8')).toBe('new');
  });

  it('is left alone where nobody may write to it', async () => {
    const { folder, file } = held('old');
    chmodSync(file, 0o400);
    beSomebody(folder, file);
    await expect(replaceFile(file, 'new')).rejects.toMatchObject({ code: 'EACCES', path: file });
    expect([readFileSync(file, 'utf8'), readdirSync(folder)]).toEqual(['old', ['file']]);
  });

  it('is named where it cannot be written', async () => {
    const folder = temporaryFolder();
    const nowhere = join(folder, 'nowhere', 'file');
    await expect(replaceFile(nowhere, 'new')).rejects.toMatchObject({ code: 'ENOENT', path: nowhere });
    await expect(replaceFile(folder, 'new')).rejects.toMatchObject({ code: 'EISDIR' });
  });
});

/** A file with that text in a folder of its own, and the descriptor of somebody who has opened it. */
function held(text: string): { folder: string; file: string; reader: number } {
  const folder = temporaryFolder();
  const file = join(folder, 'file');
  writeFileSync(file, text);
  const reader = openSync(file, 'r');
  onTestFinished(() => closeSync(reader));
  return { folder, file, reader };
}

/** Root may write everywhere: for the rest of the test it is somebody else, whose these files are. */
function beSomebody(...files: string[]): void {
  if (process.geteuid?.() !== 0) return;
  for (const file of files) chownSync(file, SOMEBODY, SOMEBODY);
  process.seteuid?.(SOMEBODY);
  onTestFinished(() => process.seteuid?.(0));
}

const SOMEBODY = 65_534;
