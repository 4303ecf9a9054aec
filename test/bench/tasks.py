"""What the benches call. Plain functions: exposed with `expose: 'all'`, and by the serialised pool by name."""

import os
import sys
import time
from base64 import b64decode, b64encode


def add(a: int, b: int) -> int:
    return a + b


def pid() -> int:
    return os.getpid()


def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def bare_naps(count: int, seconds: float) -> float:
    """Sleep `count` times with nobody in between, and return how many seconds that took."""
    start = time.perf_counter()
    for _ in range(count):
        time.sleep(seconds)
    return time.perf_counter() - start


def give_back(data: object) -> object:
    return data


def give_back_base64(text: str) -> str:
    """Do what one has to where there is nothing but text."""
    return b64encode(b64decode(text)).decode()


def numbers(count: int):
    """Yield `count` numbers."""
    yield from range(count)


def rows(count: int):
    """Yield `count` small rows."""
    for number in range(count):
        yield {"id": number, "name": "a row"}


def increment(number: int) -> int:
    return number + 1


def work(microseconds: float) -> float:
    """Keep the processor busy for so many microseconds by the clock."""
    until = time.perf_counter_ns() + 1000 * microseconds
    while time.perf_counter_ns() < until:
        pass
    return microseconds


def spin(seconds: float) -> float:
    """Use a processor for so long, however often it is taken away meanwhile."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass
    return seconds


def imported() -> list[str]:
    """Return the modules that are in memory, in the order in which they came."""
    return list(sys.modules)
