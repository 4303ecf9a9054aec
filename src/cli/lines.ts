/** One line of the input. */
export interface Line {
  /** 1 for the first line. */
  readonly number: number;
  /** Its bytes without the newline, or `undefined` if they are more than allowed: such a line is passed over. */
  readonly bytes: Buffer | undefined;
  /** How many bytes it has, without the newline; of one that is passed over, at the least. */
  readonly byteLength: number;
  /** How many bytes of the input are read when it is given. */
  readonly endByte: number;
}

/**
 * The lines of a stream, empty ones included, each as soon as its newline has arrived. What follows the last newline
 * is a line too, unless it is nothing. One that has too many is given as soon as that is known, since its end may never
 * come. No more than one chunk and one line of `lineBytesMax` bytes are ever held.
 */
export async function* readLines(chunks: AsyncIterable<Buffer>, lineBytesMax: number): AsyncGenerator<Line> {
  const rest: Buffer[] = [];
  let byteLength = 0;
  let number = 0;
  let endByte = 0;
  /** What comes is the rest of a line that was given. */
  let isGiven = false;

  const hold = (part: Buffer) => {
    if (isGiven) return;
    byteLength += part.length;
    if (byteLength > lineBytesMax) rest.length = 0;
    else if (part.length > 0) rest.push(part);
  };
  const finish = (): Line => {
    const bytes = byteLength > lineBytesMax ? undefined : rest.length === 1 ? rest[0] : Buffer.concat(rest);
    number += 1;
    const line = { number, bytes, byteLength, endByte };
    rest.length = 0;
    byteLength = 0;
    return line;
  };

  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      hold(chunk.subarray(start, end));
      endByte += end + 1 - start;
      start = end + 1;
      if (!isGiven) yield finish();
      isGiven = false;
    }
    hold(chunk.subarray(start));
    endByte += chunk.length - start;
    if (byteLength <= lineBytesMax) continue;
    isGiven = true;
    yield finish();
  }
  if (byteLength > 0) yield finish();
}

const NEWLINE = 10;
