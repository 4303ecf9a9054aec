import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a file in `peers` says of itself; it may import its package only once it is started. */
export interface Peer {
  /** From this folder. */
  readonly file: string;
  readonly name: string;
  readonly kind:
    | 'python over a process border'
    | 'python inside of Node'
    | 'Node to Node'
    | 'Python to Python'
    | 'a pool of objects';
  /** Whether it has several calls under way on one process. */
  readonly pipelines: boolean;
  readonly note: string;
}

/** All files in `peers`: whoever adds one is measured. */
export async function findPeers(): Promise<Peer[]> {
  const files = readdirSync(PEERS).filter((file) => file.endsWith('.mjs'));
  return Promise.all(
    files.map(async (file) => {
      const { name, kind, pipelines, note } = (await import(new URL(`peers/${file}`, import.meta.url).href))
        .default as Peer;
      return { file: `peers/${file}`, name, kind, pipelines, note };
    }),
  );
}

/** Installs their packages, unless that was done. What cannot be installed is told of when it is to be measured. */
export async function preparePeers(python: string, progress: (text: string) => void): Promise<void> {
  const installed = join(PEERS, 'node_modules', '.package-lock.json');
  const wanted = join(PEERS, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return;
  const npm = (...args: string[]) => {
    const env = { ...process.env, PATH: `${dirname(python)}:${process.env.PATH}` };
    try {
      execFileSync('npm', [...args, '--no-audit', '--no-fund'], { cwd: PEERS, env, stdio: 'pipe' });
    } catch (error) {
      console.error(`npm ${args.join(' ')} failed in ${PEERS}:\n${(error as { stderr: Buffer }).stderr}`);
    }
  };
  progress('installing what is measured beside it');
  npm('ci', '--ignore-scripts');
  // It is the only one that has to be built, with the headers that came with this Node.
  npm('rebuild', 'node-calls-python', `--nodedir=${join(dirname(process.execPath), '..')}`);
}

const PEERS = fileURLToPath(new URL('./peers', import.meta.url));
