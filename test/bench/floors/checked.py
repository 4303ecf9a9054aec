"""As plain.py, with the checks of keys and numbers that our codec makes before a value may leave."""

import sys
from itertools import chain

sys.path.insert(0, __file__.rpartition("/")[0])

import functions
from codec import chunks, scan
from lines import next_lines, send

INT_MAX = 2**53 - 1
ATOMS = frozenset((str, int, float, bool, type(None)))


def may_cross(values) -> bool:
    """Whether all of `values`, the contents of one list or dict, arrive in Node as what they are: level by level."""
    while True:
        kinds = set(map(type, values))
        if int in kinds:
            ints = values if len(kinds) == 1 else [value for value in values if type(value) is int]
            if min(ints) < -INT_MAX or max(ints) > INT_MAX:
                return False
        if kinds <= ATOMS:
            return True
        if not kinds <= ATOMS | {list, dict}:
            return False
        dicts = values if kinds == {dict} else [value for value in values if type(value) is dict]
        if not set(map(type, chain.from_iterable(dicts))) <= {str}:
            return False
        lists = [value for value in values if type(value) is list] if list in kinds else ()
        values = list(chain(chain.from_iterable(map(dict.values, dicts)), chain.from_iterable(lists)))


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
