import Table from 'cli-table3';
import { type Result, type Scenario, shown } from './scenario.js';

/** A scenario's outcome at a terminal. */
export function print({ name, row, title }: Scenario, { tables, checks }: Result): void {
  console.log(`\n${row === undefined ? '' : `${row}. `}${title} (${name})`);
  for (const { title, head, rows } of tables) {
    const table = new Table({ head: [...head], style: { head: [] } });
    for (const cells of rows) table.push([...cells]);
    console.log(`${title}:\n${table}`);
  }
  for (const { what, is, bar, holds } of checks) {
    console.log(`${holds ? 'holds' : 'FAILS'}  ${what}: ${shown(is)} (bar: ${bar})`);
  }
}
