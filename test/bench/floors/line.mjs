import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A Python that does nothing but what `script` says, on descriptor 3. Detached, as the pool's workers are. */
export function spawnBare(python, script, args = []) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(python, ['-I', '-S', path, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    detached: true,
  });
  const line = child.stdio[3];
  const close = async () => {
    const exit = once(child, 'exit');
    line.destroy();
    await exit;
  };
  return { line, close };
}

/**
 * One bare Python behind ids and promises, and nothing else that a pool does: `[id,args]` there, `[id,value]` back.
 *
 * @param coalesces Whether what is written in one turn of the microtasks is written at once.
 * @param looks Whether both sides look for what comes before they sleep: Python for a moment, Node while it waits.
 * @param check Looks at the arguments before they are sent, if they are to be looked at.
 */
export function startLine({ python, script, name, coalesces, check, looks = false }) {
  const { line, close } = spawnBare(python, script, looks ? [name, 'looks'] : [name]);
  const pending = new Map();
  const parts = [];
  let ids = 0;
  line.on('data', (chunk) => {
    const text = chunk.latin1Slice(0, chunk.length);
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      let whole = text.slice(start, end);
      start = end + 1;
      if (parts.length > 0) {
        parts.push(whole);
        whole = parts.join('');
        parts.length = 0;
      }
      const [id, value] = JSON.parse(whole);
      const resolve = pending.get(id);
      pending.delete(id);
      resolve(value);
    }
    if (start < text.length) parts.push(text.slice(start));
  });
  let isLooking = false;
  const look = () => {
    if (pending.size > 0) return void setImmediate(look);
    isLooking = false;
  };
  let unsent = '';
  const flush = () => {
    line.write(unsent, 'latin1');
    unsent = '';
  };
  const write = (text) => {
    if (!coalesces) return line.write(text, 'latin1');
    if (unsent === '') queueMicrotask(flush);
    unsent += text;
  };
  const call = (args) =>
    new Promise((resolve) => {
      check?.(args);
      ids += 1;
      pending.set(ids, resolve);
      if (looks && !isLooking) {
        isLooking = true;
        setImmediate(look);
      }
      write(`[${ids},${JSON.stringify(args)}]\n`);
    });
  return { call, close };
}
