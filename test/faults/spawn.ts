import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createPool } from '../../src/index.js';
import { copyLibrary } from '../support/library.js';
import { fixtures, PYTHON } from '../support/python.js';
import { withFolder } from '../support/scratch.js';
import type { Scenario } from './scenario.js';

const here = fixtures(import.meta.url);

/** The system refuses to start a worker, for each reason there is, and allows it again. */
export const scenario: Scenario = {
  row: 12,
  title: 'spawn failures: ENOENT, EACCES, E2BIG, bad cwd, NUL, EAGAIN, EMFILE, ENOMEM',
  async round({ signal }) {
    let typed = 0;
    for (const [fault, { errno, limit }] of Object.entries(FAULTS)) {
      if (signal.aborted) break;
      await run(fault, errno, limit);
      typed += 1;
    }
    if (!signal.aborted) {
      refusesNul();
      typed += 1;
    }
    return { typed };
  },
};

interface Limit {
  readonly name: string;
  readonly tight: string;
  readonly wide: string;
}

async function run(fault: string, errno: string, limit: Limit | undefined): Promise<void> {
  await withFolder(async (folder) => {
    // Whoever the program becomes can read what Python needs.
    chmodSync(folder, 0o777);
    copyLibrary(join(folder, 'lib'));
    cpSync(here('states.py'), join(folder, 'states.py'));
    const args = [here('fails-to-spawn.js'), fault, join(folder, 'states.py'), PYTHON, join(folder, 'lib'), folder];
    const program = spawn(
      '/bin/sh',
      ['-c', 'ulimit -n 256; ulimit -s 65536; exec "$@"', 'sh', process.execPath, ...args],
      {
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    );
    let stderr = '';
    program.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    const exited = once(program, 'exit');
    const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
    const told = async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${fault}: the program ended early: ${stderr}`);
      return JSON.parse(value) as Record<string, unknown>;
    };
    try {
      const { worker } = await told();
      if (limit) setLimit(program.pid!, limit.name, limit.tight);
      program.stdin.write('impose\n');
      await told();
      process.kill(worker as number, 'SIGKILL');
      const error = await told();
      if (error.code !== 'ERR_SPAWN' || error.errno !== errno) throw new Error(`${fault}: ${JSON.stringify(error)}`);
      if (limit) setLimit(program.pid!, limit.name, limit.wide);
      program.stdin.write('lift\n');
      const { served } = await told();
      const [code] = await exited;
      if (!served || code !== 0 || stderr !== '')
        throw new Error(`${fault}: afterwards: ${served}, ${code}, ${stderr}`);
    } finally {
      program.kill('SIGKILL');
    }
  });
}

function setLimit(pid: number, name: string, value: string): void {
  // Of another user's process, even root may have no say.
  const id = (which: string) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(`${which}:\\t(\\d+)`)?.[1]);
  execFileSync('prlimit', ['--pid', String(pid), `--${name}=${value}`], { uid: id('Uid'), gid: id('Gid') });
}

/** No process could be asked for with a NUL in a word: that is refused before anything is tried. */
function refusesNul(): void {
  const module = here('states.py');
  for (const options of [{ env: { NAME: 'a\0b' } }, { python: 'pyth\0n' }, { env: { 'a\0b': '' } }]) {
    try {
      void createPool({ module, ...options }).destroy();
    } catch (error) {
      if ((error as { code?: string }).code === 'ERR_OPTION') continue;
      throw error;
    }
    throw new Error(`NUL was let through in ${Object.keys(options)}`);
  }
}

const FAULTS: Readonly<Record<string, { readonly errno: string; readonly limit?: Limit }>> = {
  ENOENT: { errno: 'ENOENT' },
  EACCES: { errno: 'EACCES' },
  'bad cwd': { errno: 'ENOENT' },
  EMFILE: { errno: 'EMFILE' },
  ENOMEM: { errno: 'ENOMEM' },
  E2BIG: { errno: 'E2BIG', limit: { name: 'stack', tight: '8388608:', wide: '67108864:' } },
  EAGAIN: { errno: 'EAGAIN', limit: { name: 'nproc', tight: '1:', wide: '10000:' } },
};
