"""The fastest loop for one call at a time: each answer is written as soon as there is one."""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])

import functions
from codec import chunks, scan
from lines import next_lines, send

function = getattr(functions, sys.argv[1])
while lines := next_lines():
    for line in lines:
        (ident, args), _ = scan(line.decode(), 0)
        send(("[%d,%s]\n" % (ident, "".join(chunks(function(*args), 0)))).encode())
