import pool from './ours.mjs';

/** Calls under one lease, which follow each other to its worker without waiting for answers. */
export default {
  name: 'pythonarium, one lease',
  async start(options) {
    const { lease: take, release, close } = await pool.start(options);
    const lease = await take();
    return {
      call: (name, args) => lease.call(name, args),
      close: async () => {
        await release(lease);
        await close();
      },
    };
  },
};
