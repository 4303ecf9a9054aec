"""The least that Python can do to get some bytes and give them back: how many, in eight bytes, and then the bytes."""

import os
import socket


def read(size: int) -> bytearray:
    store = bytearray(size)
    view = memoryview(store)
    while view:
        count = os.readv(3, (view,))
        if not count:
            raise SystemExit
        view = view[count:]
    return store


def write(data: object) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(3, view) :]


# The kernel takes more at once: half as long again for ten megabytes without.
with socket.socket(fileno=os.dup(3)) as line:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
while True:
    head = read(8)
    data = read(int.from_bytes(head, "little"))
    write(head)
    write(data)
