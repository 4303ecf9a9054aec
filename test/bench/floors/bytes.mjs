import { spawnBare } from './line.mjs';

/** Bytes there and back: how many, and then the bytes themselves. */
export default {
  name: 'floor: raw bytes',
  async start({ python }) {
    let take;
    const { line, close } = spawnBare(python, './bytes.py', (buffer, length) => take(buffer, length));
    return {
      bytes: (data) =>
        new Promise((resolve) => {
          const back = Buffer.allocUnsafeSlow(data.length + HEAD_BYTES);
          let filled = 0;
          take = (buffer, length) => {
            filled += buffer.copy(back, filled, 0, length);
            if (filled === back.length) resolve(back.subarray(HEAD_BYTES));
          };
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
