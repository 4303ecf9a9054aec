"""Python's own pool of processes under the same loads: a request on each line, its figures on the next."""

import json
import resource
import sys
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait

sys.path.insert(0, __file__.rpartition("/")[0] + "/..")

import tasks


def sequential(pool, ms):
    return repeated(ms, lambda: pool.submit(tasks.add, 1, 2).result())


def callers(pool, ms, callers):
    until = time.perf_counter() + ms / 1000
    start = time.perf_counter()
    pending = {pool.submit(tasks.add, 1, 2) for _ in range(callers)}
    calls = 0
    while pending:
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        calls += len(done)
        if time.perf_counter() < until:
            pending |= {pool.submit(tasks.add, 1, 2) for _ in done}
    return {"calls": calls, "perSecond": calls / (time.perf_counter() - start)}


def map_(pool, ms, concurrency):
    return callers(pool, ms, concurrency)


def json_(pool, ms, rows):
    value = [
        {"id": i, "name": f"row number {i}", "price": i + 0.25, "isOpen": i % 2 == 0, "tags": ["red", "green"]}
        for i in range(rows)
    ]
    return repeated(ms, lambda: pool.submit(tasks.give_back, value).result())


def bytes_(pool, ms, size):
    data = bytes(size)
    return repeated(ms, lambda: pool.submit(tasks.give_back, data).result())


def repeated(ms, once):
    times = []
    until = time.perf_counter() + ms / 1000
    start = time.perf_counter()
    while not times or time.perf_counter() < until:
        before = time.perf_counter()
        once()
        times.append(1e6 * (time.perf_counter() - before))
    took = time.perf_counter() - start
    times.sort()
    return {
        "calls": len(times),
        "perSecond": len(times) / took,
        "p50Us": times[len(times) // 2],
        "p99Us": times[int(0.99 * len(times))],
    }


LOADS = {"sequential": sequential, "callers": callers, "map": map_, "json": json_, "bytes": bytes_}

if __name__ == "__main__":
    with ProcessPoolExecutor(1) as pool:
        for line in sys.stdin:
            request = json.loads(line)
            run = LOADS[request["load"]]
            run(pool, **{**request["params"], "ms": request["warmMs"]})
            before = resource.getrusage(resource.RUSAGE_SELF)
            figures = run(pool, **request["params"])
            after = resource.getrusage(resource.RUSAGE_SELF)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            figures["callerCpuUs"] = 1e6 * used / figures["calls"]
            print(json.dumps(figures), flush=True)
