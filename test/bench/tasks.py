"""What the benches call. Plain functions: exposed with `expose: 'all'`, and by the serialised pool by name."""

import time


def add(a: int, b: int) -> int:
    return a + b


def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def bare_naps(count: int, seconds: float) -> float:
    """Sleep `count` times with nobody in between, and return how many seconds that took."""
    start = time.perf_counter()
    for _ in range(count):
        time.sleep(seconds)
    return time.perf_counter() - start
