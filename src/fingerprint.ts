import { createHash } from 'node:crypto';
import type { EncodedRequest } from './wire/message.js';

/**
 * What two requests share that ask the same function the same, whoever asks and under whatever context: a hash of the
 * name and of the encoded arguments.
 *
 * @param bytesMax Of raw bytes that belong to the arguments, how many of each attachment count, besides its length.
 */
export function fingerprint(request: EncodedRequest, bytesMax = Number.POSITIVE_INFINITY): string {
  const hash = createHash('sha256').update(request.text.slice(0, request.keyChars));
  for (const bytes of request.bin) {
    hash.update(`\n${bytes.byteLength}\n`).update(bytes.subarray(0, Math.min(bytesMax, bytes.byteLength)));
  }
  return hash.digest('base64');
}
