import { constants } from 'node:fs';

/**
 * `O_TMPFILE`, which Node has no name for: opens a file in a folder that never has a name, so that nothing is left of it,
 * whoever is killed when. A kernel that does not know it refuses to open a folder so.
 */
export const UNNAMED = 0o20000000 | (constants.O_DIRECTORY ?? 0) | constants.O_RDWR;
