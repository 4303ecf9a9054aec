"""The least that a Python process can do to give bytes back: over a socket pair, or through files in memory."""

import os


def read(size: int) -> bytearray:
    store = bytearray(size)
    view = memoryview(store)
    while view:
        view = view[os.readv(3, (view,)) :]
    return store


def write(data: object) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(3, view) :]


rest = b""
while chunk := os.read(3, 256):
    how, size, *path = chunk.decode().split()
    if how == "pipe":
        os.write(3, b"+")
        write(read(int(size)))
    else:
        with open(path[0], "rb") as there:
            data = there.read()
        os.unlink(path[0])
        with open(path[0], "wb") as back:
            back.write(data)
        os.write(3, b"+")
