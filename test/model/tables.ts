import { CLIENT_TABLE } from './client-table.js';
import { COORDINATOR_TABLE } from './coordinator-table.js';
import { SUPERVISOR_TABLE } from './supervisor-table.js';
import type { Table } from './table.js';
import type { UNHEARD } from './unheard.js';
import { WORKER_TABLE } from './worker-table.js';

/** What each chart promises. */
export const TABLES: Readonly<Record<keyof typeof UNHEARD, Table<never>>> = {
  client: CLIENT_TABLE as never,
  coordinator: COORDINATOR_TABLE as never,
  worker: WORKER_TABLE as never,
  supervisor: SUPERVISOR_TABLE as never,
};
