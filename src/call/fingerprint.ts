import { crypto } from '../base/crypto.js';
import type { EncodedRequest } from '../wire/request.js';

/**
 * What two requests share that ask the same function the same, whoever asks and under whatever context: the
 * name and the encoded arguments, or a hash of them where they are long.
 *
 * @param bytesMax Of raw bytes that belong to the arguments, how many of each attachment count, besides its length.
 */
export function fingerprint(request: EncodedRequest, bytesMax = Number.POSITIVE_INFINITY): string {
  const text = request.text.slice(0, request.keyChars);
  if (text.length <= TEXT_CHARS_MAX && request.bin.length === 0) return text;
  const hash = crypto().createHash('sha256').update(text);
  for (const bytes of request.bin) {
    hash.update(`\n${bytes.byteLength}\n`);
    // There is no part of what was transferred since it was encoded.
    if (bytes.byteLength > 0) hash.update(bytes.subarray(0, Math.min(bytesMax, bytes.byteLength)));
  }
  return hash.digest('base64');
}

/** A shorter text, which no hash is like, is told apart sooner than it is hashed. */
const TEXT_CHARS_MAX = 256;
