"""Cuts what comes on descriptor 3 into lines."""

import os
import sys
from select import POLLIN, poll
from time import perf_counter

parts: list[bytes] = []
# What sleeps in a read is woken too when Node has read an answer. Where the two take turns, that is for nothing; where
# each has a processor, it is awake when the next request comes, and the faster for it.
wait = None
poller = poll()
poller.register(3, POLLIN)
if len(os.sched_getaffinity(0)) == 1:
    wait = poller.poll
elif "looks" in sys.argv:
    # To look for it a moment is faster than to sleep, unless others want the processor, or it comes to nothing.
    LOOK_S, GAP_S, SKIPS_MAX = 50e-6, 20e-6, 1023
    skips = left = 0

    def wait() -> bool:
        global skips, left
        if left:
            left -= 1
            return True
        began = last = perf_counter()
        while not poller.poll(0):
            now = perf_counter()
            if now - began > LOOK_S or now - last > GAP_S:
                left = skips = min(2 * skips + 1, SKIPS_MAX)
                return True
            last = now
        skips >>= 1
        return True


def next_lines() -> list[bytes]:
    """Return the lines that the next read ends; none once Node has hung up.

    64 KiB at a time: above 128 KiB the allocator gives every chunk back to the kernel.
    """
    while (wait is None or wait()) and (chunk := os.read(3, 65536)):
        lines = chunk.split(b"\n")
        rest = lines.pop()
        if lines and parts:
            parts.append(lines[0])
            lines[0] = b"".join(parts)
            parts.clear()
        if rest:
            parts.append(rest)
        if lines:
            return lines
    return []


def send(data: bytes) -> None:
    sent = os.write(3, data)
    while sent < len(data):
        data = data[sent:]
        sent = os.write(3, data)
