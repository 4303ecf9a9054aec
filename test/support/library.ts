import { cpSync } from 'node:fs';
import { libraryPath } from '../../src/process/library.js';

/** Puts a copy of the Python side there, without what Python leaves in it, which comes and goes while others run it. */
export function copyLibrary(folder: string): void {
  cpSync(libraryPath(), folder, { recursive: true, filter: (path) => !path.endsWith('__pycache__') });
}
