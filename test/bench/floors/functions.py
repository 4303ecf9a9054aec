"""What a floor calls, by name, once: nothing is looked up for a call."""

import time


def add(a, b):
    return a + b


def increment(number):
    return number + 1


def give_back(value):
    return value


def work(microseconds):
    """Keep the processor busy for so long."""
    until = time.perf_counter_ns() + 1000 * microseconds
    while time.perf_counter_ns() < until:
        pass
    return microseconds
