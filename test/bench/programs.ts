import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Runs a program of this folder in plain Node, and returns the figures that it prints. */
export async function program(file: string, ...args: string[]): Promise<Record<string, number>> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const path = fileURLToPath(new URL(file, import.meta.url));
  const { stdout } = await run(process.execPath, [path, ...args], { env, timeout: 120_000 });
  return JSON.parse(stdout) as Record<string, number>;
}

/** What Python has imported before `tasks.py` and the worker's own package, as far as another can import it. */
export async function importsOfWorker(python: string): Promise<string[]> {
  const { createPool } = await import('pythonarium');
  await using pool = createPool({
    module: fileURLToPath(new URL('./tasks.py', import.meta.url)),
    expose: 'all',
    python,
    size: 1,
    logs: 'events',
  });
  const names = await pool.call<string[]>('imported');
  const foreign = names.filter((name) => !/^(pythonarium|tasks|__main__|__mp_main__|sitecustomize)/.test(name));
  const check = `import importlib, json, sys
found = []
for name in json.loads(sys.argv[1]):
    try:
        importlib.import_module(name)
        found.append(name)
    except ImportError:
        pass
print(json.dumps(found))`;
  const { stdout } = await run(python, ['-I', '-c', check, JSON.stringify(foreign)]);
  return JSON.parse(stdout) as string[];
}

/** Microseconds that each module takes by itself when a worker imports it, as Python measures that. */
export async function importTimes(python: string): Promise<[string, number][]> {
  const library = fileURLToPath(new URL('../../python', import.meta.url));
  const source = 'import sys; sys.path.insert(0, sys.argv[1]); import pythonarium.worker';
  const { stderr } = await run(python, ['-I', '-X', 'importtime', '-c', source, library]);
  const lines = [...stderr.matchAll(/^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$/gm)];
  // What comes before, every Python imports.
  const ours = lines.slice(lines.findIndex(([, , name]) => name === 'site') + 1);
  return ours.map(([, us, name]) => [name!, Number(us)]);
}
