"""JSON made once and by C, where `json.loads` and `json.dumps` make it anew for every value: the fastest that Python has.

`_json` and not `json`: these are the same functions, and a worker of ours imports no more either.
"""

from _json import encode_basestring_ascii, make_encoder, make_scanner


class _Context:
    strict = True
    object_hook = None
    object_pairs_hook = None
    array_hook = None
    parse_float = float
    parse_int = int
    parse_constant = None
    memo: dict = {}


def _refuse(value):
    raise ValueError(f"{value!r} is not JSON")


scan = make_scanner(_Context())
chunks = make_encoder(None, _refuse, encode_basestring_ascii, None, ":", ",", False, False, False)
