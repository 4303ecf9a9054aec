"""Many dicts, in a list or under a key each, which cross as columns, a list for each key: less text, made and read in less time.

Dicts of different keys are first put into a list for each of the kinds there are.

docs/decisions/rows.md has the figures. This module is imported when the first such list is met.
"""

from __future__ import annotations

from itertools import chain, repeat

from .value import ATOMS, CELLS_MIN, LEVEL_MAX, are_keys, chars_of, may_be_keyed, may_be_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any


def find_rows(value: Any, depth_max: int, bytes_max: float = float("inf")) -> tuple[Any, int, list[list[Any]]] | None:
    """Return `value`, a list or a dict, with columns in the place of its rows, about how many characters that is, and what `rich` tells of it.

    Looked for are rows that it is itself or has for members, in a list or under a key each. None if there are none. So many
    characters are -1 if there is more than JSON in the columns, and not only what text stands for.
    Raises MessageTooLarge as `value.encode` does: as it is `value` would take more.
    """
    entries: list[list[Any]] = []
    if type(value) is list:
        stands = _stand_in(value, ["value"], entries)
    elif may_be_keyed(value):
        stands = _keyed_stand_in(value, ["value"], entries)
    else:
        # The same list may be there many times over, and columns would take memory where it takes none.
        if sum(map(_cells, value.values())) > LEVEL_MAX:
            return None
        stands = {key: _stand_in(item, ["value", key], entries) for key, item in value.items()}
    if not entries or type(stands) is dict and not (are_keys(stands) and are_distinct(stands)):
        return None
    chars = chars_of(stands, depth_max, bytes_max)
    if chars < 0 and _put_json(stands, entries):
        chars = chars_of(stands, depth_max, bytes_max)
    return stands, chars, entries


def _put_json(stands: Any, entries: list[list[Any]]) -> bool:
    """Put the text of dates, of `Decimal`s and the like in their places, in each column where nothing else is more than JSON.

    Return whether there is such a column. They are all of our own making.
    """
    from .rich import json_of

    is_any = False
    for path, kind, *_ in entries:
        if kind != "rows":
            continue
        columns = stands
        for step in path[1:]:
            columns = columns[step]
        for at, column in enumerate(columns):
            kinds = {kind: json_of(kind) for kind in set(map(type, column)) - ATOMS}
            if not kinds or None in kinds.values():
                continue
            texts = [item if type(item) in ATOMS else kinds[type(item)](item) for item in column]
            if texts.count(None) == column.count(None):
                columns[at] = texts
                is_any = True
    return is_any


def _cells(value: Any) -> int:
    """Return how many values there are in rows, as the first tells; 0 for all else."""
    if type(value) is list and may_be_rows(value):
        return len(value) * len(value[0])
    return len(value) * len(next(iter(value.values()))) if type(value) is dict and may_be_keyed(value) else 0


def _stand_in(value: Any, path: list[Any], entries: list[list[Any]]) -> Any:
    if type(value) is dict:
        return _keyed_stand_in(value, path, entries) if may_be_keyed(value) else value
    if type(value) is not list or not may_be_rows(value):
        return value
    found = columns_of(value)
    if found is None:
        return _merged_stand_in(value, path, entries)
    keys, columns = found
    entries.append([path, "rows", keys])
    return columns


def _keyed_stand_in(value: dict[Any, Any], path: list[Any], entries: list[list[Any]]) -> Any:
    """Return what stands for rows under a key each; `value` itself if there are no columns, or a key is more than text."""
    # Another thread may change it meanwhile.
    held = value.copy()
    keys, rows = list(held), list(held.values())
    if set(map(type, keys)) != {str}:
        return value
    stands = _stand_in(rows, [*path, 1], entries)
    if stands is rows:
        return value
    entries.append([path, "keyed"])
    return [keys, stands]


def _merged_stand_in(value: list[Any], path: list[Any], entries: list[list[Any]]) -> list[Any]:
    """Return what stands for rows of several kinds; `value` itself if less than half of them gain by it."""
    found = kinds_of(value)
    if found is None:
        return value
    which, kinds = found
    if sum([len(rows) for keys, rows in kinds if keys is not None]) < len(which) / 2:
        return value
    stands: list[Any] = [which]
    for keys, rows in kinds:
        columns = None if keys is None else _columns(rows, len(keys))
        if columns is None:
            stands.append(rows)
        else:
            entries.append([[*path, len(stands)], "rows", keys])
            stands.append(columns)
    entries.append([path, "merged"])
    return stands


def columns_of(rows: list[Any]) -> tuple[list[str], list[list[Any]]] | None:
    """Return the keys of `rows`, and of each the list of its values; None unless all are dicts of the same keys in the same order.

    They may be rows, as far as can be told from the first.
    """
    first, width, height = rows[0], len(rows[0]), len(rows)
    if set(map(type, rows)) != {dict} or set(map(len, rows)) != {width}:
        return None
    try:
        joined = SEPARATOR.join(first)
        keys = joined.split(SEPARATOR)
        if len(joined) * height > KEYS_CHARS_MAX or len(keys) != width or not are_distinct(keys):
            return None
        # Of as many keys each, so that no other row can have the separator in a key and be the same text.
        if joined != SEPARATOR.join(rows[-1]) or SEPARATOR.join(chain.from_iterable(rows)) != SEPARATOR.join(repeat(joined, height)):
            return None
    except TypeError:
        return None  # A key is no text.
    columns = _columns(rows, width)
    return None if columns is None else (keys, columns)


def kinds_of(rows: list[Any]) -> tuple[list[int], list[tuple[list[str] | None, list[Any]]]] | None:
    """Return of each of `rows` the number of its kind, and of each kind the keys, in their order, and the rows that have these.

    A kind has no keys where columns gain nothing; so have all that are of none of the first `KINDS_MAX` kinds, and follow
    those. None if the rows are not all dicts whose keys are text, are too few or too many, are of one kind, or of hardly any two the same.
    """
    # Another thread may change it meanwhile.
    rows = rows.copy()
    height = len(rows)
    if not rows or set(map(type, rows)) != {dict} or height * len(rows[0]) < KINDS_CELLS_MIN or sum(map(len, rows)) > LEVEL_MAX:
        return None
    numbers: dict[str, int] = {}
    try:
        sample = set(map(SEPARATOR.join, rows[:SAMPLE]))
        if len(sample) > KINDS_MAX or max(map(len, sample)) * height > KEYS_CHARS_MAX:
            return None
        which = [numbers.setdefault(keys, len(numbers)) for keys in map(SEPARATOR.join, rows)]
    except TypeError:
        return None  # A key is no text.
    if len(numbers) == 1:
        return None
    if len(numbers) > KINDS_MAX:
        which = [min(number, KINDS_MAX) for number in which]
    lists: list[list[Any]] = [[] for _ in range(min(len(numbers), KINDS_MAX + 1))]
    put = [each.append for each in lists]
    for number, row in zip(which, rows):
        put[number](row)
    return which, [(None if number == KINDS_MAX else _keys_of(each, joined), each) for number, (joined, each) in enumerate(zip(numbers, lists))]


def _keys_of(rows: list[Any], joined: str) -> list[str] | None:
    """Return the keys of rows that are the text `joined`; None where columns gain nothing, or they may be different all the same."""
    keys = joined.split(SEPARATOR)
    is_fine = len(keys) * len(rows) >= CELLS_MIN and set(map(len, rows)) == {len(keys)} and are_distinct(keys)
    return keys if is_fine else None


def are_distinct(keys: Collection[str]) -> bool:
    """Whether no two of them are the same text, as those of a class may be that says itself what is equal."""
    return len(set(map(SEPARATOR.join, zip(keys)))) == len(keys)


def _columns(rows: list[Any], width: int) -> list[list[Any]] | None:
    """Return the list of values for each of the `width` keys that all of `rows` have."""
    values = list(chain.from_iterable(map(dict.values, rows)))
    # Another thread may have changed one of them meanwhile.
    return [values[at::width] for at in range(width)] if len(values) == width * len(rows) else None


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


def merged_of(which: list[int], lists: list[list[Any]]) -> list[Any]:
    """Return the items of `lists` as one list: `which` says of each item from which of them it is, and there it is the next.

    Raises ValueError where that cannot be.
    """
    if set(map(type, (which, *lists))) != {list} or not set(map(type, which)) <= {int} or (which and min(which) < 0):
        raise ValueError("no list of numbers, and the lists that they choose from")
    if sum(map(len, lists)) != len(which):
        raise ValueError("the lists have not as many items as are chosen")
    takes = [iter(each).__next__ for each in lists]
    try:
        return [takes[number]() for number in which]
    except (IndexError, StopIteration):
        raise ValueError("an item is chosen that is not there") from None


def keyed_of(keys: list[str], items: list[Any]) -> dict[str, Any]:
    """Return the dict of these keys and items. Raises ValueError where there is none."""
    if type(keys) is not list or set(map(type, keys)) != {str} or type(items) is not list or len(items) != len(keys):
        raise ValueError("no list of keys, and one of as many items")
    keyed = dict(zip(keys, items))
    if len(keyed) != len(keys):
        raise ValueError("two keys are one")
    return keyed


SEPARATOR = "\0"
# The keys of all rows together. Beyond that the rows themselves would hardly fit into a message.
KEYS_CHARS_MAX = 64 * 1024 * 1024
# What has four members that may be there or not is of sixteen kinds.
KINDS_MAX = 16
# Fewer values gain nothing by being put into several lists.
KINDS_CELLS_MIN = 2_048
# Where so many of the first rows are of more kinds than these, hardly any two are to be alike.
SAMPLE = 32
