/** What `/proc` says about this process and those that it has started. */
import { readdirSync, readFileSync } from 'node:fs';

/** The ids of all that `root` has started, and that those have started. */
export function descendants(root = process.pid) {
  const children = new Map();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = Number(fieldsOf(entry)?.[1]);
    if (!children.has(parent)) children.set(parent, []);
    children.get(parent).push(Number(entry));
  }
  const found = [];
  for (let ids = children.get(root) ?? []; ids.length > 0; ids = ids.flatMap((id) => children.get(id) ?? [])) {
    found.push(...ids);
  }
  return found;
}

/** Microseconds on a processor, of all threads of these processes and of the children that they have seen end. */
export function cpuOf(ids) {
  return ids.reduce((sum, id) => sum + runTime(id) + TICK_US * endedTicks(id), 0);
}

/** Microseconds on a processor, of the children of this process that have ended. */
export function cpuOfEnded() {
  return TICK_US * endedTicks(process.pid);
}

/** Kilobytes of memory, what is shared being split among those who share it. */
export function pssOf(ids) {
  return ids.reduce((sum, id) => sum + Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${id}/smaps_rollup`))?.[1] ?? 0), 0);
}

/** To the nanosecond where the kernel keeps that, else to the hundredth of a second. */
function runTime(id) {
  let threads;
  try {
    threads = readdirSync(`/proc/${id}/task`);
  } catch {
    return 0;
  }
  const times = threads.map((thread) => read(`/proc/${id}/task/${thread}/schedstat`));
  if (times.some((text) => text !== ''))
    return times.reduce((sum, text) => sum + Number.parseInt(text || '0', 10) / 1000, 0);
  const fields = fieldsOf(id);
  return fields === undefined ? 0 : TICK_US * (Number(fields[11]) + Number(fields[12]));
}

function endedTicks(id) {
  const fields = fieldsOf(id);
  return fields === undefined ? 0 : Number(fields[13]) + Number(fields[14]);
}

/** What follows the name, which may hold anything: the state, the parent, and so on. */
function fieldsOf(id) {
  const text = read(`/proc/${id}/stat`);
  return text === '' ? undefined : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** `sysconf(_SC_CLK_TCK)` is 100 on every Linux that Node runs on. */
const TICK_US = 10_000;
