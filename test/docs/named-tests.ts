import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './pages.js';

/**
 * Which of the tests that a page names are not there. One is named by its file and its title, with what the test is
 * about before it or without: `` `test/….test.ts`: a pool › listens on nothing ``.
 */
export function missingTests(named: readonly string[]): string[] {
  return named.filter((each) => {
    const [, file, title] = /^`(test\/[^`]+)`: (.+)$/.exec(each) ?? [];
    if (file === undefined || title === undefined || !existsSync(join(ROOT, file))) return true;
    const source = readFileSync(join(ROOT, file), 'utf8');
    return file.endsWith('.py') ? !source.includes(`def ${title}(self`) : !hasTitle(source, title.split(' › '));
  });
}

/** Each part is there as a text of its own, in this order. */
function hasTitle(source: string, parts: readonly string[]): boolean {
  let at = 0;
  for (const part of parts) {
    const places = ["'", '"', '`'].map((quote) => source.indexOf(`${quote}${part}${quote}`, at));
    at = Math.min(...places.filter((place) => place !== -1));
    if (at === Number.POSITIVE_INFINITY) return false;
  }
  return true;
}
