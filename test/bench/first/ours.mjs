/** A whole program: from its start to the first answer of each of so many workers. */
import { fileURLToPath } from 'node:url';
import { createPool } from 'pythonarium';

const [, , python, workers] = process.argv;
const imported = performance.now();
const module = fileURLToPath(new URL('../tasks.py', import.meta.url));
const size = Number(workers);
const pool = createPool({ module, expose: 'all', python, size, logs: 'events' });
// Each holds its worker until all have answered, so that no worker answers twice.
const leases = await Promise.all(Array.from({ length: size }, () => pool.checkout()));
await Promise.all(leases.map((lease) => lease.call('add', [1, 2])));
const answered = performance.now();
console.log(JSON.stringify({ answeredMs: answered, fromCreateMs: answered - imported }));
await Promise.all(leases.map((lease) => lease.checkin()));
await pool.close();
