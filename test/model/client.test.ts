import { CLIENT_TABLE } from './client-table.js';
import { describeTable } from './describe-table.js';

describeTable(CLIENT_TABLE);
