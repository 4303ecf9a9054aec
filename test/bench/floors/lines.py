"""Cuts what comes on descriptor 3 into lines."""

import os
from select import POLLIN, poll

parts: list[bytes] = []
# What sleeps in a read is woken too when Node has read an answer. Where the two take turns, that is for nothing; where
# each has a processor, it is awake when the next request comes, and the faster for it.
wait = None
if len(os.sched_getaffinity(0)) == 1:
    poller = poll()
    poller.register(3, POLLIN)
    wait = poller.poll


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
