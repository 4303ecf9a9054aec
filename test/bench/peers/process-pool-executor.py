"""Python's own pool of processes under the same loads: for each line one once it is warm, and for the next the figures."""

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from queue import SimpleQueue
from statistics import median

sys.path.insert(0, __file__.rpartition("/")[0] + "/..")

import tasks


def sequential(pool, ms):
    return repeated(ms, lambda: pool.submit(tasks.add, 1, 2).result())


def callers(pool, ms, callers):
    done = SimpleQueue()

    def ask():
        pool.submit(tasks.add, 1, 2).add_done_callback(done.put)

    start = time.perf_counter()
    until = start + ms / 1000
    for _ in range(callers):
        ask()
    calls, left = 0, callers
    while left:
        assert done.get().result() == 3
        calls += 1
        if time.perf_counter() < until:
            ask()
        else:
            left -= 1
    return {"calls": calls, "perSecond": calls / (time.perf_counter() - start)}


def json_(pool, ms, value):
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
    return {"calls": len(times), "perSecond": len(times) / took, "p50Us": median(times)}


LOADS = {"sequential": sequential, "callers": callers, "json": json_, "bytes": bytes_}

if __name__ == "__main__":
    with ProcessPoolExecutor(1) as pool:
        for line in sys.stdin:
            request = json.loads(line)
            run = LOADS[request["load"]]
            run(pool, **{**request["params"], "ms": request["warmMs"]})
            print("{}", flush=True)
            sys.stdin.readline()
            print(json.dumps(run(pool, **request["params"])), flush=True)
