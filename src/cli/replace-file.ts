import { randomUUID } from 'node:crypto';
import type { Stats } from 'node:fs';
import { access, chmod, chown, constants, lstat, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';

/**
 * Writes a file, in one step where that can be done: whoever reads it meanwhile has all that it was or all that it is.
 * Its mode and its owner stay, and so do links that lead to it.
 */
export async function replaceFile(file: string, text: string): Promise<void> {
  const named = await lstat(file).catch(() => undefined);
  const found = named && (await stat(file).catch(() => undefined));
  // Not a device, a file that has another name too, or a link that leads to nothing yet.
  const canBeReplaced = found === undefined ? named === undefined : found.isFile() && found.nlink === 1;
  if (!canBeReplaced || !(await replace(file, text, found))) await writeFile(file, text);
}

/** Whether that could be done; else nothing is changed. */
async function replace(file: string, text: string, found: Stats | undefined): Promise<boolean> {
  const place = found === undefined ? Buffer.from(file) : await realpath(file, 'buffer');
  const written = Buffer.concat([place, Buffer.from(`.${randomUUID()}.tmp`)]);
  try {
    // What nobody may write to is not replaced either.
    if (found !== undefined) await access(place, constants.W_OK);
    await writeFile(written, text, { flag: 'wx' });
    if (found !== undefined) {
      await chown(written, found.uid, found.gid);
      await chmod(written, found.mode & PERMISSIONS);
    }
    await rename(written, place);
    return true;
  } catch (error) {
    await rm(written, { force: true }).catch(() => {});
    if (IN_PLACE.has((error as NodeJS.ErrnoException).code)) return false;
    throw error;
  }
}

const PERMISSIONS = 0o7777;
/** The folder takes no new file or is not there, the owner cannot be kept, or the file is mounted by itself. */
const IN_PLACE = new Set<unknown>(['EACCES', 'EBUSY', 'ENAMETOOLONG', 'ENOENT', 'EPERM', 'EROFS']);
