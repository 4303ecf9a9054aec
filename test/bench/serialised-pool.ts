import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Callee } from './callee.js';

/**
 * The old way, kept for comparison: a pool whose manager does the exchange
 * itself. It has as many workers as one likes and picks one for each call, as
 * a pool does; but request and reply pass through the manager, which handles
 * one call at a time, so that every caller waits for every other.
 */
export async function startSerialisedPool(options: { python: string; module: string; size: number }): Promise<Callee> {
  const workers = await Promise.all(Array.from({ length: options.size }, () => startWorker(options)));
  let manager: Promise<unknown> = Promise.resolve();
  let calls = 0;
  return {
    call(name, args) {
      const exchange = async () => {
        calls += 1;
        const worker = workers[calls % workers.length] as Worker;
        worker.write([calls, name, args]);
        const answer = await worker.read();
        if (!Array.isArray(answer)) throw new Error(`the worker said ${JSON.stringify(answer)}`);
        return answer[1];
      };
      const answer = manager.then(exchange);
      manager = answer.catch(() => {});
      return answer;
    },
    close: async () => {
      await manager;
      await Promise.all(workers.map((worker) => worker.stop()));
    },
  };
}

/** A plain answer is an array of the id and the value. */
type Message = { readonly type: string } | readonly unknown[];

interface Worker {
  write(message: object): void;
  read(): Promise<Message>;
  stop(): Promise<void>;
}

async function startWorker({ python, module }: { python: string; module: string }): Promise<Worker> {
  const library = fileURLToPath(new URL('../../python', import.meta.url));
  const bootstrap = 'import sys; sys.path.insert(0, sys.argv[1]); from pythonarium.worker import main; main()';
  const child = spawn(python, ['-I', '-c', bootstrap, library], { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
  const gone = once(child, 'exit');
  const line = child.stdio[3] as Duplex;
  let rest = '';
  let onMessage: (message: Message) => void = () => {};
  let onEnd: (error: Error) => void = () => {};
  line.on('close', () => onEnd(new Error('the worker has ended')));
  line.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() as string;
    for (const text of lines) onMessage(JSON.parse(text) as Message);
  });
  const write = (message: object) => line.write(`${JSON.stringify(message)}\n`);
  // One exchange at a time: whoever reads is the only one who does.
  const read = () =>
    new Promise<Message>((resolve, reject) => {
      onMessage = resolve;
      onEnd = reject;
    });
  await read();
  write({
    type: 'init',
    protocol: 1,
    worker: 'serialised',
    path: null,
    userSite: null,
    modules: { '': module },
    expose: 'all',
    setup: null,
    teardown: null,
    limits: { messageBytesMax: 67_108_864, attachmentBytesMax: 1, depthMax: 200 },
    startMark: false,
  });
  const ready = await read();
  if (!('type' in ready) || ready.type !== 'ready') throw new Error(`the worker said ${JSON.stringify(ready)}`);
  return {
    write,
    read,
    stop: async () => {
      if (!line.destroyed) write({ type: 'stop' });
      await gone;
    },
  };
}
