export default {
  name: 'tarn',
  kind: 'a pool of objects',
  pipelines: false,
  note: 'no charts, no processes, no ids of leases, and nothing that a pool of workers has to do',
  async start({ workers = 1 }) {
    const { Pool } = await import('tarn');
    const pool = new Pool({ create: () => ({}), destroy: () => {}, min: workers, max: workers });
    return {
      lease: () => pool.acquire().promise,
      release: (resource) => pool.release(resource),
      close: () => pool.destroy(),
    };
  },
};
