import { execFileSync } from 'node:child_process';

/** Debian's Python, where it has scikit-learn: its package `python3-sklearn`. */
export const SKLEARN_PYTHON = has('/usr/bin/python3') ? '/usr/bin/python3' : undefined;

/** For the titles of what is skipped without it. */
export const withoutSklearn =
  SKLEARN_PYTHON === undefined
    ? ' (skipped: /usr/bin/python3 has no scikit-learn; apt-get install python3-sklearn)'
    : '';

function has(python: string): boolean {
  try {
    execFileSync(python, ['-c', 'import sklearn'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
