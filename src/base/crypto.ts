/** `node:crypto`, for the few who have use for it: to import it takes 4 ms and 270 KB of a program. */
export function crypto() {
  return process.getBuiltinModule('node:crypto');
}
