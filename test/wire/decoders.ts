import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ProtocolError, ValueRefusedError } from '../../src/errors.js';
import { parseLine } from '../../src/wire/fields.js';
import { LineReader } from '../../src/wire/frame.js';
import { messageOf, type ReplyMessage } from '../../src/wire/message.js';
import { encodeFields } from '../../src/wire/value.js';
import { PYTHON } from '../support/python.js';

/** What one side makes of the bytes of one JSON value. */
export interface Verdict {
  /** What it has read, in words that are the same on both sides; `refused` if that is no message. */
  readonly reads: string;
  /** How it would send that itself: the JSON text, or `undefined` if it would not, or not as JSON alone. */
  readonly writes: string | undefined;
}

/** What Node makes of each value in a reply. */
export function nodeVerdict(value: Buffer): Verdict {
  const line = Buffer.concat([Buffer.from('{"type":"reply","id":1,"value":['), value, Buffer.from(']}\n')]);
  try {
    const [text] = linesOf([line]);
    const [read, ...more] = (messageOf(parseLine(text as string)) as ReplyMessage).value as unknown[];
    if (read === undefined || more.length > 0) return REFUSED;
    const isDeep = depthOf(read) > 1_000;
    return { reads: isDeep ? DEEP : sorted(read), writes: isDeep ? undefined : written(read) };
  } catch (error) {
    if (error instanceof ProtocolError) return REFUSED;
    throw error;
  }
}

/** What Python makes of each value in a call. */
export async function pythonVerdicts(values: readonly Buffer[]): Promise<Verdict[]> {
  const lines = values.map((value) =>
    Buffer.concat([Buffer.from('[1,"f",['), value, Buffer.from(']]')]).toString('hex'),
  );
  const told = await askPython(['verdicts'], `${lines.join('\n')}\n`);
  return told
    .trimEnd()
    .split('\n')
    .map((verdict): Verdict => {
      if (verdict === 'refused') return REFUSED;
      const { value, rich } = JSON.parse(`{"value":${verdict}}`) as { value: unknown; rich?: unknown };
      const isDeep = depthOf(value) > 1_000;
      if (rich === undefined) return { reads: isDeep ? DEEP : sorted(value), writes: verdict };
      return { reads: JSON.stringify(rich), writes: undefined };
    });
}

/** As Node sends it, if it does and JSON has words for it. */
function written(value: unknown): string | undefined {
  try {
    const { text } = encodeFields({ value }, undefined, {
      depthMax: 2_000,
      messageBytesMax: 1 << 30,
      attachmentBytesMax: 0,
    });
    return 'rich' in JSON.parse(`{${text}}`) ? undefined : text.slice('"value":'.length);
  } catch (error) {
    if (error instanceof ValueRefusedError) return undefined;
    throw error;
  }
}

/** What test/wire/fixtures/frames.py prints when it is told to do that. */
export function askPython(args: readonly string[], input: string | Buffer = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      PYTHON,
      ['-X', 'utf8', fileURLToPath(new URL('fixtures/frames.py', import.meta.url)), ...args],
      {
        env: { ...process.env, PYTHONPATH: fileURLToPath(new URL('../../python', import.meta.url)) },
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    );
    let [told, wrong] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => {
      told += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      wrong += text;
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(told) : reject(new Error(`Python ended with ${code}: ${wrong}`)),
    );
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** The lines of those pieces, to the end. */
export function linesOf(pieces: readonly Buffer[], bytesMax = 1 << 30): string[] {
  const reader = new LineReader(bytesMax);
  const lines: string[] = [];
  for (const piece of pieces) reader.push(piece, (line) => lines.push(line));
  return lines;
}

/** JSON with the names of objects in one order, since those like `7` come first in JavaScript. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.entries(each).sort(([one], [other]) => (one < other ? -1 : 1))
      : each,
  );
}

/** How deep its first innermost part is. */
function depthOf(value: unknown): number {
  let depth = 0;
  for (let at = value; typeof at === 'object' && at !== null; at = Object.values(at)[0]) depth += 1;
  return depth;
}

const REFUSED: Verdict = { reads: 'refused', writes: undefined };
/** More would overflow the stacks of what writes JSON. */
const DEEP = 'something deep';
