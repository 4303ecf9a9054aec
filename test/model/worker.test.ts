import { describeTable } from './describe-table.js';
import { WORKER_TABLE } from './worker-table.js';

describeTable(WORKER_TABLE);
