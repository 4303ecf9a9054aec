/**
 * The loads, the same for every side. Each is given what a side started and how long to go on, checks the answers, and
 * returns plain figures; `calls` is how many calls the processor time of the load is shared by.
 *
 * A side offers what it can: `call(name, args)`, `at(place)` for callers that stay with one worker, `map(items, concurrency)`,
 * `bytes(data)`, `lease()` and `release`.
 */
export const LOADS = { sequential, callers, map, json, bytes, atOnce, leases, queued };

/** One call after the other. */
async function sequential({ call }, params) {
  const times = [];
  const start = performance.now();
  let before = start;
  for (let n = 0; goesOn(params, before - start, n); n++) {
    same(await call('add', [n, 1]), n + 1);
    const now = performance.now();
    times.push(now - before);
    before = now;
  }
  return { calls: times.length, perSecond: rate(times.length, start), ...latencies(times) };
}

/** So many callers, each with one call under way. */
async function callers(callee, params) {
  const { callers: count, name = 'add', args, argsOf = (n) => [n, 1] } = params;
  let isOver = false;
  let calls = 0;
  const caller = async (_, place) => {
    const { call } = callee.at?.(place) ?? callee;
    while (!isOver) {
      const n = calls++;
      if (args === undefined) same(await call(name, argsOf(n)), n + 1);
      else same(await call(name, args), args[0]);
    }
  };
  const start = performance.now();
  const timer = setInterval(() => {
    isOver = !goesOn(params, performance.now() - start, calls);
  }, LOOK_EVERY_MS);
  await Promise.all(Array.from({ length: count }, caller));
  clearInterval(timer);
  return { calls, perSecond: rate(calls, start) };
}

/** Many calls that are known beforehand, `concurrency` of them under way. */
async function map(callee, params) {
  const { concurrency } = params;
  if (callee.map === undefined) {
    return callers(callee, { ...params, callers: concurrency, name: 'increment', argsOf: (n) => [n] });
  }
  let isOver = false;
  function* numbers() {
    for (let n = 0; !isOver; n++) yield n;
  }
  const start = performance.now();
  const timer = setInterval(() => {
    isOver = !goesOn(params, performance.now() - start, calls);
  }, LOOK_EVERY_MS);
  let calls = 0;
  for await (const value of callee.map('increment', numbers(), concurrency)) same(value, ++calls);
  clearInterval(timer);
  return { calls, perSecond: rate(calls, start) };
}

/** Rows there and back, one call after the other. */
async function json({ call }, { ms, ...what }) {
  const value = jsonValue(what);
  const last = Object.keys(value).at(-1);
  return repeated(ms, async () => {
    const back = await call('give_back', [value]);
    same(back.length, value.length);
    same(back[last].name, value[last].name);
  });
}

/** So many rows in one of the shapes. */
export function jsonValue({ rows, shape }) {
  return SHAPES[shape](rows);
}

/** Bytes there and back, one call after the other. */
async function bytes(callee, { ms, size }) {
  const data = Buffer.allocUnsafeSlow(size);
  for (let at = 0; at + 4 <= size; at += 4) data.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
  const send = callee.bytes ?? ((bytes) => callee.call('give_back', [bytes]));
  return repeated(ms, async () => {
    const back = await send(data);
    same(back.length, size);
    for (const at of [0, 1, size >> 1, size - 1]) same(back[at], data[at]);
  });
}

/** So many calls asked for at once, of which each takes a known time: how near to the ideal they come. */
async function atOnce({ call }, { calls, workers, name, callMs }) {
  const seconds = callMs / 1000;
  const start = performance.now();
  await Promise.all(Array.from({ length: calls }, async () => same(await call(name, [seconds]), seconds)));
  const took = performance.now() - start;
  return { calls, ms: took, ofIdeal: (Math.ceil(calls / workers) * callMs) / took };
}

/** Take and give back, with nothing in between. */
async function leases({ lease, release }, { clients, leases: count }) {
  let left = count;
  const client = async () => {
    while (left-- > 0) await release(await lease());
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: clients }, client));
  return { calls: count, perSecond: rate(count, start) };
}

/** What a call costs while so many others wait. The time that it takes to get there, and to serve them in the end, is not in it. */
async function queued({ call, waiting }, { calls: count, waiters }) {
  // By then all who asked at first are answered: what the collector has to do for so many at once is of the way there.
  const from = Math.max(waiters, 1_000);
  let [answered, isOver] = [0, false];
  let start, cpu, measured;
  const caller = async () => {
    while (!isOver) {
      same(await call('add', [1, 1]), 2);
      answered += 1;
      if (answered === from) [start, cpu] = [performance.now(), process.cpuUsage()];
      if (answered !== from + count) continue;
      isOver = true;
      const { user, system } = process.cpuUsage(cpu);
      const took = performance.now() - start;
      measured = { usPerCall: (1000 * took) / count, nodeUsPerCall: (user + system) / count, queued: waiting() };
    }
  };
  await Promise.all(Array.from({ length: waiters }, caller));
  return { calls: answered, ...measured };
}

/** At least so long, and to warm up also at least so many calls, unless that takes too long. */
function goesOn({ ms, callsMin = 0, msMax = ms }, tookMs, calls) {
  return tookMs < ms || (calls < callsMin && tookMs < msMax);
}

/** A thousand rows are about 83 KB of JSON. */
function table(rows, more = () => undefined) {
  return Array.from({ length: rows }, (_, id) => ({
    id,
    name: `row number ${id}`,
    price: id + 0.25,
    isOpen: id % 2 === 0,
    tags: ['red', 'green'],
    ...more(id),
  }));
}

const SHAPES = {
  /** Such as a database gives. */
  even: table,
  /** Such as documents, of which every third has a field more. */
  uneven: (rows) => table(rows, (id) => id % 3 === 0 && { note: null }),
  /** In an object, each under a key of its own. */
  keyed: (rows) => Object.fromEntries(table(rows).map((row) => [`row ${row.id}`, row])),
  /** In a tree, as much text of fewer. */
  tree: (rows) => parted(table(Math.ceil((2 / 3) * rows))),
};

function parted(rows) {
  if (rows.length === 1) return rows[0];
  const middle = rows.length >> 1;
  return { name: `part of ${rows.length}`, left: parted(rows.slice(0, middle)), right: parted(rows.slice(middle)) };
}

async function repeated(ms, once) {
  const times = [];
  const start = performance.now();
  let before = start;
  do {
    await once();
    const now = performance.now();
    times.push(now - before);
    before = now;
  } while (before - start < ms);
  // Of a second no more than a few dozen are made, of which no hundredth can be told.
  return { calls: times.length, p50Us: latencies(times).p50Us };
}

/** @param times In milliseconds. */
export function latencies(times) {
  const sorted = times.toSorted((a, b) => a - b);
  const { length } = sorted;
  const middle = (sorted[(length - 1) >> 1] + sorted[length >> 1]) / 2;
  return { p50Us: 1000 * middle, p99Us: 1000 * sorted[Math.floor(0.99 * length)] };
}

function rate(calls, start) {
  return (1000 * calls) / (performance.now() - start);
}

function same(got, expected) {
  if (got !== expected) throw new Error(`the answer was ${got} and should have been ${expected}`);
}

const LOOK_EVERY_MS = 10;
