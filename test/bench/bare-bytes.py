"""The least that a Python process can do to give bytes back through files in memory: their path comes over a socket pair."""

import os

while chunk := os.read(3, 256):
    path = chunk.decode()
    with open(path, "rb") as there:
        data = there.read()
    os.unlink(path)
    with open(path, "wb") as back:
        back.write(data)
    os.write(3, b"+")
