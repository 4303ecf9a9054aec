"""As plain.py, with the checks of keys and numbers that our codec makes before a value may leave."""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])

import functions
from codec import chunks, scan
from lines import next_lines, send

INT_MAX = 2**53 - 1
ATOMS = frozenset((str, int, float, bool, type(None)))


def may_cross(values) -> bool:
    """Whether all of `values`, the contents of one list or dict, arrive in Node as what they are."""
    kinds = set(map(type, values))
    if int in kinds and not all(-INT_MAX <= value <= INT_MAX for value in values if type(value) is int):
        return False
    if kinds <= ATOMS:
        return True
    for value in values:
        kind = type(value)
        if kind is dict:
            if not (set(map(type, value)) <= {str} and may_cross(value.values())):
                return False
        elif kind is list:
            if not may_cross(value):
                return False
        elif kind not in ATOMS:
            return False
    return True


function = getattr(functions, sys.argv[1])
while lines := next_lines():
    for line in lines:
        (ident, args), _ = scan(line.decode(), 0)
        value = function(*args)
        if not may_cross((value,)):
            raise ValueError("this cannot cross")
        text = "".join(chunks(value, 0))
        # Two surrogates in a row would be read as the one character that they stand for.
        if "\\ud" in text:
            raise ValueError("this cannot cross")
        send(("[%d,%s]\n" % (ident, text)).encode())
