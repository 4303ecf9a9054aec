import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Callee } from './callee.js';

/** A bare pipe to one bare Python: ids and promises, and nothing else that the pool does. */
export async function startFloor(python: string): Promise<Callee> {
  const script = fileURLToPath(new URL('./floor.py', import.meta.url));
  const child = spawn(python, ['-I', '-S', script], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
  const line = child.stdio[3] as Duplex;
  const pending = new Map<number, (value: unknown) => void>();
  let ids = 0;
  let rest = '';
  line.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() as string;
    for (const text of lines) {
      const { id, value } = JSON.parse(text) as { id: number; value: unknown };
      const resolve = pending.get(id);
      pending.delete(id);
      resolve?.(value);
    }
  });
  return {
    call: (_name, args) =>
      new Promise((resolve) => {
        ids += 1;
        pending.set(ids, resolve);
        line.write(`{"id":${ids},"args":${JSON.stringify(args)}}\n`);
      }),
    close: async () => {
      line.end();
      await once(child, 'exit');
    },
  };
}
