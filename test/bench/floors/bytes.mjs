import { spawnBare } from './line.mjs';

/** Bytes there and back: how many, and then the bytes themselves. */
export default {
  name: 'floor: raw bytes',
  async start({ python }) {
    const { line, close } = spawnBare(python, './bytes.py');
    return {
      bytes: (data) =>
        new Promise((resolve) => {
          const back = Buffer.allocUnsafeSlow(data.length + HEAD_BYTES);
          let filled = 0;
          const take = (chunk) => {
            filled += chunk.copy(back, filled);
            if (filled < back.length) return;
            line.off('data', take);
            resolve(back.subarray(HEAD_BYTES));
          };
          line.on('data', take);
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
