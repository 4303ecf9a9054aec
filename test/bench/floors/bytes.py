"""The least that Python can do to get some bytes and give them back: how many, in eight bytes, and then the bytes."""

import os


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


while True:
    head = read(8)
    data = read(int.from_bytes(head, "little"))
    write(head)
    write(data)
