import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { ProtocolError } from '../../src/errors.js';
import { parseLine } from '../../src/wire/fields.js';
import { LineReader } from '../../src/wire/frame.js';
import { announcedBy, messageOf } from '../../src/wire/message.js';
import { diceOf } from '../simulation/dice.js';
import { askPython, nodeVerdict, pythonVerdicts } from '../wire/decoders.js';
import { VALUES } from '../wire/rfc8259.js';
import { added, type Counts, type Scenario } from './scenario.js';

/** Bytes that no Python and no Node would send, cut wherever chance wants: a message, or refused by ERR_PROTOCOL. */
export const scenario: Scenario = {
  row: 13,
  title: 'bad bytes at the decoders of both sides: mutated frames, random splits',
  async round({ seed }) {
    // Python is asked first, and works while this side does.
    const frames = [2 * seed, 2 * seed + 1].map((each) =>
      askPython(['mutated', String(each), String(FRAMES / 2)], linesFrom('node').join('\n')),
    );
    const splits = askPython(['split', String(seed), String(SPLITS)]);
    const [node, nodeSplits] = [mutatedAtNode(seed, FRAMES), splitAtNode(seed, SPLITS)];
    const python = (await Promise.all(frames)).map((text) => JSON.parse(text) as Counts).reduce(added);
    const pythonSplits = JSON.parse(await splits) as Counts;
    const agreed = await agreedUpon(seed, AGREED);
    return {
      ...named('at Node', node),
      ...named('at Python', python),
      splits: nodeSplits + pythonSplits.splits!,
      ...agreed,
    };
  },
};

/** How long one line of so many bytes takes, in the time of the processor, and how much of a line without an end is held. */
export async function longLine(bytes: number): Promise<Record<'node' | 'python', { ms: number; held: number }>> {
  const chunk = Buffer.alloc(65_536, 'x');
  const reader = new LineReader(bytes);
  const startedAt = process.cpuUsage();
  let length = 0;
  for (let at = 0; at < bytes; at += chunk.length) reader.push(chunk, () => {});
  reader.push(Buffer.from('\n'), (line) => {
    length = line.length;
  });
  const { user, system } = process.cpuUsage(startedAt);
  if (length !== bytes) throw new Error(`A line of ${bytes} bytes came as one of ${length}`);
  const endless = new LineReader(bytes / 4);
  let held = 0;
  try {
    for (;;) {
      endless.push(chunk, () => {});
      held = endless.heldBytes;
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
  const python = JSON.parse(await askPython(['long', String(bytes)])) as { ms: number; held: number };
  return { node: { ms: (user + system) / 1000, held }, python };
}

function mutatedAtNode(seed: number, count: number): Counts {
  const dice = diceOf(seed);
  const seeds = linesFrom('python').map((line) => Buffer.from(line));
  const counts = { frames: 0, messages: 0, refused: 0 };
  // What comes after a frame that was refused is never looked at, and not counted.
  for (; counts.frames < count; counts.frames = counts.messages + counts.refused) {
    const frames = Array.from({ length: 1 + dice(3) }, () => mutated(seeds, dice));
    const reader = new LineReader(4096);
    try {
      for (const piece of cut(Buffer.concat(frames.flatMap((frame) => [frame, NEWLINE])), dice)) {
        reader.push(piece, (line) => {
          const parsed = parseLine(line);
          const lengths = announcedBy(parsed);
          const tell = (bin?: readonly Uint8Array[]) => {
            messageOf(parsed, bin, () => null);
            counts.messages += 1;
          };
          if (lengths === undefined) return tell();
          if (lengths.reduce((sum, length) => sum + length, 0) > 1 << 20)
            throw new ProtocolError({ detail: 'too much' });
          reader.expect(lengths, tell);
        });
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      counts.refused += 1;
    }
  }
  return counts;
}

function splitAtNode(seed: number, count: number): number {
  const dice = diceOf(seed);
  const texts = ['{"a":1}', '', 'äö🐍🐍', '\u2028"\\ud83d"', 'x'.repeat(200)];
  for (let at = 0; at < count; at += 1) {
    const lines = Array.from({ length: 1 + dice(5) }, () => texts[dice(texts.length)] as string);
    const raw = lines.map(() => Uint8Array.from({ length: dice(20) }, () => dice(256)));
    const whole = Buffer.concat(lines.flatMap((line, index) => [Buffer.from(line), NEWLINE, raw[index] as Uint8Array]));
    const reader = new LineReader(4096);
    const [gotLines, gotRaw]: [string[], Uint8Array[]] = [[], []];
    for (const piece of cut(whole, dice)) {
      reader.push(piece, (line) => {
        reader.expect([raw[gotLines.length]!.length], (bin) => gotRaw.push(...bin));
        gotLines.push(line);
      });
    }
    if (!isDeepStrictEqual([gotLines, gotRaw], [lines, raw]))
      throw new Error(`Split ${at} of seed ${seed} came out wrong`);
  }
  return count;
}

/** JSON that is nearly right: both sides read the same, or one refuses it, or neither would ever write it. */
async function agreedUpon(seed: number, count: number): Promise<Counts> {
  const dice = diceOf(seed);
  const seeds = VALUES.map(({ bytes }) => bytes).filter(({ length }) => length > 0 && length < 200);
  // A value that closes the array it is put into says nothing about itself.
  const values = Array.from({ length: count }, () => mutated(seeds, dice)).filter((each) => !each.includes(NEWLINE));
  const told = await pythonVerdicts(values);
  const counts = {
    'values read alike': 0,
    'values refused by both': 0,
    'values refused by one': 0,
    'values never written': 0,
  };
  for (const [at, value] of values.entries()) {
    const [node, python] = [nodeVerdict(value), told[at]!];
    if (node.reads === python.reads)
      counts[node.reads === 'refused' ? 'values refused by both' : 'values read alike'] += 1;
    else if (node.reads === 'refused' || python.reads === 'refused') counts['values refused by one'] += 1;
    else if (node.writes !== value.toString() && python.writes !== value.toString())
      counts['values never written'] += 1;
    else throw new Error(`${value} is ${node.reads} to Node and ${python.reads} to Python`);
  }
  return counts;
}

/** Some bytes of it changed, left out, put in, repeated, or taken from another. */
function mutated(seeds: readonly Buffer[], dice: (below: number) => number): Buffer {
  let bytes = seeds[dice(seeds.length)] as Buffer;
  for (let times = [0, 1, 1, 1, 2, 5][dice(6)] as number; times > 0; times -= 1) {
    const at = dice(bytes.length + 1);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    const token = Buffer.from(TOKENS[dice(TOKENS.length)] as string, 'latin1');
    const other = seeds[dice(seeds.length)] as Buffer;
    bytes = Buffer.concat(
      [
        () => [before, Buffer.of(dice(256)), after.subarray(1)],
        () => [before, Buffer.of(dice(256), dice(256)), after],
        () => [before, after.subarray(1 + dice(8))],
        () => [before, token, after],
        () => [before, other.subarray(dice(other.length + 1))],
        () => [before, after.subarray(0, 1).map((byte) => byte ^ (1 << dice(8))), after.subarray(1)],
        () => [before, ...Array.from({ length: 1 + dice(30) }, () => before.subarray(-20)), after],
      ][dice(7)]!(),
    );
  }
  return bytes;
}

function cut(whole: Buffer, dice: (below: number) => number): Buffer[] {
  const size = [1, 2, 7, 30, 1000][dice(5)] as number;
  const pieces: Buffer[] = [];
  for (let at = 0; at < whole.length; ) {
    const next = at + 1 + dice(size);
    // As Node reuses what it reads into, nothing may refer to it afterwards.
    pieces.push(Buffer.from(whole.subarray(at, next)));
    at = next;
  }
  return pieces;
}

/** The messages that one side sends, without those that raw bytes follow. */
function linesFrom(side: 'node' | 'python'): string[] {
  const path = new URL('../wire/vectors/messages.json', import.meta.url);
  const { messages } = JSON.parse(readFileSync(path, 'utf8')) as { messages: { from: string; line: string }[] };
  return messages.filter(({ from }) => from === side).map(({ line }) => line);
}

function named(where: string, counts: Counts): Counts {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [`${name} ${where}`, count]));
}

const NEWLINE = Buffer.from('\n');
// As the bytes that they are.
const TOKENS = [
  ...[
    '[',
    ']',
    '{',
    '}',
    ',',
    ':',
    '"',
    '\\',
    '\n',
    'null',
    'true',
    '-0',
    '1e999',
    'NaN',
    '\\ud83d',
    '"rich":[[["value"],"bytes",0]],',
  ],
  ...[
    '"bin":[3],',
    '\xef\xbb\xbf',
    '\xed\xa0\x80',
    '9007199254740993',
    '['.repeat(2000),
    '"type":"reply",',
    '[1,',
    '"id":-1,',
    '"__proto__":',
  ],
];
const FRAMES = 500_000;
const SPLITS = 50_000;
const AGREED = 100_000;
