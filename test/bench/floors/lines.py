"""Cuts what comes on descriptor 3 into lines."""

import os

parts: list[bytes] = []


def next_lines() -> list[bytes]:
    """Return the lines that the next read ends; none once Node has hung up.

    64 KiB at a time: above 128 KiB the allocator gives every chunk back to the kernel.
    """
    while chunk := os.read(3, 65536):
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
