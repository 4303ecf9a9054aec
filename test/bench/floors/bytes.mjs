import { spawnBare } from './line.mjs';

/** Bytes there and back: how many, and then the bytes themselves, which are read into their place. */
export default {
  name: 'floor: raw bytes',
  async start({ python }) {
    let [back, filled, resolve] = [Buffer.alloc(0), 0];
    const hear = (buffer, length) => {
      // Node asks for the place of a read as the one before ends: at the first nobody knew of these bytes.
      if (buffer.buffer !== back.buffer) buffer.copy(back, filled, 0, length);
      filled += length;
      if (filled === back.length) resolve(back.subarray(HEAD_BYTES));
    };
    const place = () => (filled < back.length ? back.subarray(filled) : undefined);
    const { line, close } = spawnBare(python, './bytes.py', hear, { place });
    return {
      bytes: (data) =>
        new Promise((settle) => {
          [back, filled, resolve] = [Buffer.allocUnsafeSlow(data.length + HEAD_BYTES), 0, settle];
          const head = Buffer.alloc(HEAD_BYTES);
          head.writeBigUInt64LE(BigInt(data.length));
          line.cork();
          line.write(head);
          line.write(data);
          line.uncork();
        }),
      close,
    };
  },
};

const HEAD_BYTES = 8;
