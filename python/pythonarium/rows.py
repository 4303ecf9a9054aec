"""Long lists of dicts that have the same keys, which cross as columns: less text, made and read in less time.

docs/decisions/rows.md has the figures. This module is imported when the first such list is met.
"""

from __future__ import annotations

from itertools import chain, repeat

from .value import encode_plain, encode_unchecked, may_be_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def encode_rows(value: Any, depth_max: int) -> str | None:
    """Return `value` as JSON text, and behind it what the columns in it stand for; None if it has no rows, or is more than JSON.

    Looked for are rows that `value`, a list or a dict, is itself or has for members.
    """
    entries: list[list[Any]] = []
    if type(value) is list:
        stands = _stand_in(value, ["value"], entries)
    else:
        stands = {key: _stand_in(item, ["value", key], entries) for key, item in value.items()}
    if not entries:
        return None
    text, rich = encode_plain(stands, depth_max), encode_unchecked(entries)
    # As `encode_plain` looks for surrogates in the keys that stay in the text.
    return None if text is None or "\\ud" in rich else f'{text},"rich":{rich}'


def _stand_in(value: Any, path: list[Any], entries: list[list[Any]]) -> Any:
    found = columns_of(value) if type(value) is list and may_be_rows(value) else None
    if found is None:
        return value
    keys, columns = found
    entries.append([path, "rows", keys])
    return columns


def columns_of(rows: list[Any]) -> tuple[list[str], list[list[Any]]] | None:
    """Return the keys of `rows`, and of each the list of its values; None unless all are dicts of the same keys in the same order.

    They may be rows, as far as can be told from the first.
    """
    first, width, height = rows[0], len(rows[0]), len(rows)
    if set(map(type, rows)) != {dict} or set(map(len, rows)) != {width}:
        return None
    try:
        keys = SEPARATOR.join(first)
        if len(keys) * height > KEYS_CHARS_MAX or keys.count(SEPARATOR) != width - 1:
            return None
        # Of as many keys each, so that no other row can have the separator in a key and be the same text.
        if keys != SEPARATOR.join(rows[-1]) or SEPARATOR.join(chain.from_iterable(rows)) != SEPARATOR.join(repeat(keys, height)):
            return None
    except TypeError:
        return None  # A key is no text.
    values = list(chain.from_iterable(map(dict.values, rows)))
    # Another thread may have changed one of them meanwhile.
    return (list(first), [values[at::width] for at in range(width)]) if len(values) == width * height else None


def rows_of(columns: list[list[Any]], keys: list[str]) -> list[dict[str, Any]]:
    """Return the dicts that these columns stand for. Raises ValueError where they stand for none."""
    if type(keys) is not list or set(map(type, keys)) != {str} or len(set(keys)) != len(keys):
        raise ValueError("the keys of rows are no list of different strings")
    if len(columns) != len(keys) or set(map(type, columns)) != {list} or len(set(map(len, columns))) != 1:
        raise ValueError("the columns of rows are not lists of one length, one for each key")
    # With room for all keys from the beginning.
    blank = dict.fromkeys(keys).copy
    rows: list[dict[str, Any]] = [blank() for _ in columns[0]]
    for key, column in zip(keys, columns):
        for row, item in zip(rows, column):
            row[key] = item
    return rows


SEPARATOR = "\0"
# The keys of all rows together. Beyond that the rows themselves would hardly fit into a message.
KEYS_CHARS_MAX = 64 * 1024 * 1024
