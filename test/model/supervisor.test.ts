import { describeTable } from './describe-table.js';
import { SUPERVISOR_TABLE } from './supervisor-table.js';

describeTable(SUPERVISOR_TABLE);
