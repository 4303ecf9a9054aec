import { COORDINATOR_TABLE } from './coordinator-table.js';
import { describeTable } from './describe-table.js';

describeTable(COORDINATOR_TABLE);
