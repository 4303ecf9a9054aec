import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

/**
 * A Python that does nothing but what `script` says, on descriptor 3. Detached, as the pool's workers are.
 *
 * @param hear Is called with a buffer and how much has come in it, which the next read overwrites.
 * @param place Says into which other buffer the next read is to go, if into any.
 */
export function spawnBare(python, script, hear, { args = [], place } = {}) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(python, ['-I', '-S', path, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    detached: true,
  });
  const line = readIntoOneBuffer(child.stdio[3], hear, place);
  const close = async () => {
    const exit = once(child, 'exit');
    line.destroy();
    await exit;
  };
  return { line, close };
}

/** Node would make a buffer of 64 KiB for each read, which is a tenth of what a bare call takes, and for what is written a socket will do. */
function readIntoOneBuffer(made, hear, place) {
  const handle = made._handle;
  made._handle = null;
  made.destroy();
  const callback = (length, buffer) => {
    hear(buffer, length);
    return true;
  };
  const one = Buffer.allocUnsafeSlow(65_536);
  const buffer = place === undefined ? one : () => place() ?? one;
  const line = new Socket({ handle, onread: { buffer, callback } });
  return line.resume();
}

/**
 * One bare Python behind ids and promises, and nothing else that a pool does: `[id,args]` there, `[id,value]` back.
 *
 * @param coalesces Whether what is written in one turn of the microtasks is written at once.
 * @param looks Whether both sides look for what comes before they sleep: Python for a moment, Node while it waits.
 * @param check Looks at the arguments before they are sent, if they are to be looked at.
 */
export function startLine({ python, script, name, coalesces, check, looks = false }) {
  // By id. A `Map` that calls come to and leave is made anew again and again, and each survives with all that it held.
  const pending = [];
  const parts = [];
  let ids = 0;
  let answered = 0;
  const hear = (buffer, length) => {
    const text = buffer.latin1Slice(0, length);
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
      answered += 1;
      pending[id % UNDER_WAY_MAX](value);
    }
    if (start < text.length) parts.push(text.slice(start));
  };
  const { line, close } = spawnBare(python, script, hear, { args: looks ? [name, 'looks'] : [name] });
  let isLooking = false;
  const look = () => {
    if (answered < ids) return void setImmediate(look);
    isLooking = false;
  };
  let unsent = '';
  const flush = () => {
    line.write(unsent, 'latin1');
    unsent = '';
  };
  const write = (text) => {
    if (!coalesces) return line.write(text, 'latin1');
    if (unsent === '') void NOW.then(flush);
    unsent += text;
  };
  const call = (args) =>
    new Promise((resolve) => {
      check?.(args);
      ids += 1;
      pending[ids % UNDER_WAY_MAX] = resolve;
      if (looks && !isLooking) {
        isLooking = true;
        setImmediate(look);
      }
      write(`[${ids},${JSON.stringify(args)}]\n`);
    });
  return { call, close };
}

/** More than any load has under way. */
const UNDER_WAY_MAX = 1024;

const NOW = Promise.resolve();
