"""The floor: the least that a Python process and a socket pair can do for a call with arguments and a result."""

import json
import os


def add(a: int, b: int) -> int:
    return a + b


loads = json.JSONDecoder().decode
dumps = json.JSONEncoder(separators=(",", ":")).encode
rest = b""
while chunk := os.read(3, 65536):
    *lines, rest = (rest + chunk).split(b"\n")
    answers = []
    for line in lines:
        request = loads(line.decode())
        answers.append('{"id":%d,"value":%s}\n' % (request["id"], dumps(add(*request["args"]))))
    if answers:
        os.write(3, "".join(answers).encode())
