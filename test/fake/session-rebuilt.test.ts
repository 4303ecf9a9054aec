import { expect, it } from 'vitest';
import { failure } from '../support/pool.js';
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

it('a session whose lease to rebuild it ends in the turn it comes in lets nobody wait for an `onLost` that hangs', async () => {
  const played = new PlayedPool({}, { serve: (request, process) => process.answer(request.args[0]) });
  await played.boot();
  const { pool } = played;
  const session = pool.session('ann', { onLost: () => new Promise(() => {}) });
  await session.call('played', ['first']);
  played.process.die();
  await played.settle();
  const lease = await pool.checkout();
  const waiting = failure(session.call('played', ['second']));
  await heard();
  void lease.checkin();
  void played.destroy();
  expect(await waiting).toMatchObject({ code: 'ERR_POOL_CLOSED' });
});
