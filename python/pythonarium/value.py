"""What may cross to Node, to and from JSON text.

A value that would arrive as something else than `docs/values.md` says is refused by
its sender, with the path to it. The check runs at C speed for each container; only
when it says no is the value walked slowly, in `rich.py`: to say what its parts stand
for that JSON has no word for, or where it cannot cross.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import chain, islice
from sys import getrecursionlimit, setrecursionlimit

from .expose import MARK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from typing import Any

    Hook = Callable[[Any], "tuple[Any, ...] | str | None"]


def encode(
    value: Any,
    depth_max: int,
    hook: Hook | None = None,
    bytes_max: float = float("inf"),
    say: Callable[[str], None] | None = None,
) -> tuple[str, list[memoryview]]:
    """Return `value` as ASCII JSON text, and the attachments that belong to it.

    What JSON has no word for is told behind the value: the text is to be put where `"value":` has been written, and
    may go on with `,"rich":[...],"bin":[...]`. What is no value at all goes to `hook`, which returns a kind of `rich`
    with its data, or None. Parts of what is large go to `say`, as `parts.encode_parts` has it. Raises ValueRefused, with the
    path to the first part that cannot cross, and MessageTooLarge, with no name, before it writes what is certain to take
    more than `bytes_max`.
    """
    kind = type(value)
    if kind is list and may_be_rows(value) or kind is dict and (may_be_keyed(value) or _has_rows(value)):
        from .rows import find_rows

        rows = find_rows(value, depth_max, bytes_max)
        if rows is not None:
            stands, chars, entries = rows
            encoded = encode_checked(stands, chars, entries, bytes_max, say) or _encode_more_rows(stands, entries, depth_max, bytes_max)
            if encoded is not None:
                return encoded
            # What shows only as it is written that it is no JSON is none without columns either, and of an answer no part may be
            # said twice.
            if chars >= 0:
                return _encode_more(value, depth_max, hook, bytes_max)
    if kind in ATOMS:
        text = encode_atom(value)
        if text is not None:
            return text, NO_ATTACHMENTS
    else:
        encoded = encode_checked(value, chars_of(value, depth_max, bytes_max), (), bytes_max, say)
        if encoded is not None:
            return encoded
    return _encode_more(value, depth_max, hook, bytes_max)


def encode_members(
    members: dict[str, Any], depth_max: int, hook: Hook | None = None, bytes_max: float = float("inf")
) -> tuple[str, list[memoryview]]:
    """Return the `members` of a message, such as `args` and `kwargs`, as `encode` does: `"args":[...],"kwargs":{...}`.

    Each member is a list or a dict of values, and no level of depth itself.
    """
    texts = []
    for name, value in members.items():
        text = encode_plain(value, depth_max + 1, bytes_max)
        if text is None:
            from .rich import encode_rich

            return encode_rich(members, depth_max, None, hook, bytes_max)
        texts.append(f"{_quote(name)}:{text}")
    return ",".join(texts), NO_ATTACHMENTS


def encode_plain(value: Any, depth_max: int, bytes_max: float = float("inf")) -> str | None:
    """Return `value` as JSON text if JSON has words for all of it, else None. Raises MessageTooLarge as `encode` does."""
    if type(value) in ATOMS:
        return encode_atom(value)
    return None if chars_of(value, depth_max, bytes_max) < 0 else write_plain(value)


def encode_atom(value: Any) -> str | None:
    """Return what is no container, and of one of JSON's own kinds, as JSON text; None if JSON has no words for it."""
    kind = type(value)
    if kind is str:
        return None if not value.isascii() and has_joined_surrogates(value) else _quote(value)
    if kind is int:
        return str(value) if INT_MIN <= value <= INT_MAX else None
    return write_plain(value)


def chars_of(value: Any, depth_max: int, bytes_max: float) -> int:
    """Return about how many characters a container takes as JSON text; -1 if JSON has no words for all of it.

    NaN, infinities and surrogates are found as it is written. Raises MessageTooLarge as `encode` does.
    """
    kind = type(value)
    try:
        if kind is list:
            return _may_cross(value, depth_max, bytes_max)
        if kind is dict:
            return _may_cross(value.values(), depth_max, bytes_max) if are_keys(value) else -1
        return _may_cross((value,), depth_max + 1, bytes_max)
    except RecursionError:
        return -1


def encode_checked(
    value: Any, chars: int, entries: Sequence[list[Any]], bytes_max: float, say: Callable[[str], None] | None
) -> tuple[str, list[memoryview]] | None:
    """Return what `encode` does of a container of which `chars_of` said so much; None where JSON has no words for all of it.

    `entries` are what `rich` tells of it.
    """
    if chars < 0:
        return None
    rich = encode_unchecked(entries) if entries else ""
    # As they are looked for in what is written.
    if "\\ud" in rich:
        return None
    if chars >= PARTED_MIN and say is not None:
        from .parts import encode_parts

        text = encode_parts(value, chars, bytes_max, say, entries)
        return None if text is None else (text, PARTED)
    text = write_plain(value)
    if text is None:
        return None
    return (f'{text},"rich":{rich}', []) if rich else (text, NO_ATTACHMENTS)


def _encode_more(value: Any, depth_max: int, hook: Hook | None, bytes_max: float) -> tuple[str, list[memoryview]]:
    """Return what `encode` does of what is more than JSON."""
    from .rich import encode_rich

    text, attachments = encode_rich({"value": value}, depth_max, "value", hook, bytes_max)
    return text[8:], attachments


def _encode_more_rows(stands: Any, entries: list[list[Any]], depth_max: int, bytes_max: float) -> tuple[str, list[memoryview]] | None:
    """Return what `encode` does of columns in which there is more than JSON; None where something is no value, or cannot cross."""
    from .rich import encode_rich

    # As they are looked for in what is written.
    if "\\ud" in encode_unchecked(entries):
        return None
    try:
        # Neither what stays here nor what is refused is told of by its place in a column.
        text, attachments = encode_rich({"value": stands}, depth_max, "value", lambda value: "stays here", bytes_max, entries)
    except ValueRefused:
        return None
    return text[8:], attachments


def write_plain(value: Any) -> str | None:
    """Return the JSON text of what may cross; None where JSON has no words for it after all, which shows only now."""
    try:
        text = _encode(value)
    except (ValueError, RecursionError):
        return None  # NaN or an infinity somewhere: the encoder says that, but not where.
    # In JSON two surrogates in a row would be read as the one character they
    # stand for. Hardly any text has an escape of that kind at all, and one
    # character is looked for much faster than three.
    return None if "\\" in text and "\\ud" in text else text


def encode_unchecked(value: Any) -> str:
    """Return something of our own as ASCII JSON text."""
    return _encode(value)


def quote(text: str) -> str:
    """Return `text` as an ASCII JSON string, whatever it holds."""
    return _quote(text)


def decode(line: bytes) -> Any:
    """Return what one line of JSON in UTF-8 means. Raises ValueError when it means nothing."""
    text = line.decode()
    try:
        try:
            value, end = _scan(text, 0)
        except StopIteration:
            value, end = _scan_padded(text)
    except RecursionError:
        value, end = _scan_with_room(text)
    if end != len(text) and text[end:].strip(JSON_SPACE):
        raise ValueError("more than one JSON text in a line")
    return value


class ValueRefused(Exception):
    """A value cannot cross; `path` leads to the part that is to blame."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}")
        self.path = path


def _may_cross(values: Collection[Any], room: int, bytes_max: float) -> int:
    """Return about how many characters `values` take, the contents of one container; -1 if they may not cross.

    NaN, infinities and surrogates are found later. Raises MessageTooLarge for what is certain to take more than `bytes_max`.
    """
    # What containers of one length hold is mostly of one kind at each place, and such a part of it is looked through faster.
    parts: list[Collection[Any]] = [values]
    # The contents of those on one level that are looked at one by one.
    each: list[Collection[Any]] = []
    # About the fewest characters that are to be written.
    chars = 0
    # And how many values there are.
    count = len(values)
    deep = room + 1 - DEEP
    while room:
        # Many containers: the contents of all of them at once, at C speed for the level and not for each.
        many: list[tuple[Collection[Any], int, Callable[[Any], Collection[Any]] | None]] = []
        for part in parts:
            kinds = set(map(type, part))
            if int in kinds and not _ints_fit(part, kinds):
                return -1
            if len(part) > EVERY and str in kinds:
                chars += _chars_by_some(islice(part, 0, None, EVERY))
            if kinds <= ATOMS:
                continue
            if len(part) >= LEVEL_MIN and kinds <= PLAIN:
                if dict in kinds:
                    dicts = part if len(kinds) == 1 else [item for item in part if type(item) is dict]
                    many.append((dicts, sum(map(len, dicts)), dict.values))
                if not kinds.isdisjoint(LISTS):
                    lists = part if kinds <= LISTS else [item for item in part if type(item) in LISTS]
                    many.append((lists, sum(map(len, lists)), None))
                continue
            for item in part:
                kind = type(item)
                if kind in ATOMS:
                    continue
                if kind not in PLAIN and _says_more(kind):
                    return -1
                # By their types alone, since a stand-in, such as a mock, may say that it is of another class.
                if kind is dict or issubclass(kind, dict):
                    if not are_keys(item):
                        return -1
                    each.append(item.values())
                elif issubclass(kind, (list, tuple)):
                    each.append(item)
                elif issubclass(kind, int):
                    if not INT_MIN <= item <= INT_MAX:
                        return -1
                elif not issubclass(kind, (str, float)):
                    return -1
        if not each and not many:
            if chars > bytes_max:
                limit_weight(values, bytes_max)
            return chars + VALUE_CHARS * count
        held = size = sum(map(len, each))
        for containers, held_there, contents in many:
            size += held_there
            if contents is not None and len(containers) > EVERY:
                chars += _chars_by_some(chain.from_iterable(islice(containers, 0, None, EVERY)))
        chars += 2 * size
        count += size
        # So much, or so many parts so deep, may be few that hold each other.
        if chars > bytes_max or room <= deep and size > SHARED_MIN:
            limit_weight(values, bytes_max)
            bytes_max, deep = UNLIMITED, 0
        # Few at the top of a tree, whose leaves may be many.
        parts = each if len(each) < LEVEL_MIN else _places(each, held)
        for containers, held_there, contents in many:
            if contents is not None and not are_keys(chain.from_iterable(containers)):
                return -1
            parts += _places(containers, held_there, contents)
        each = []
        room -= 1
    return -1


def _chars_by_some(items: Iterable[Any]) -> int:
    """Return about how many characters there are in texts, of which `items` has every so many-th."""
    return EVERY * sum([len(item) for item in items if type(item) is str])


def limit_weight(values: Collection[Any], bytes_max: float) -> None:
    """Raise MessageTooLarge where `values` take more than `bytes_max`, and RecursionError where they hold themselves."""
    weight = weigh(values, {})
    if weight > bytes_max:
        from .message import MessageTooLarge

        raise MessageTooLarge("", weight, bytes_max)  # type: ignore[arg-type]


def weigh(holder: Collection[Any], weights: dict[int, int]) -> int:
    """Return how many characters the contents of a container take at the least, as far as JavaScript can count.

    `weights` has what is known, by id: what is held many times over is looked into once. Raises RecursionError where the
    container holds itself.
    """
    weight = weights.get(id(holder))
    if weight is None:
        weights[id(holder)] = UNDER_WAY
        items, weight = holder, 2 * len(holder)
        if isinstance(holder, dict):
            items = holder.values()
            weight += 3 * len(holder) + sum([len(key) for key in holder if type(key) is str])
        kinds = set(map(type, items))
        if str in kinds:
            weight += sum([len(item) for item in items if type(item) is str])
        if not kinds <= ATOMS:
            # No more than one frame of Python's for each level.
            for item in items:
                if _is_container(type(item)):
                    weight += weigh(item, weights)
        weights[id(holder)] = weight = min(weight, INT_MAX)
    elif weight == UNDER_WAY:
        raise RecursionError("it holds itself")
    return weight


def _is_container(kind: type) -> bool:
    """Whether the instances of `kind` are lists or dicts to JSON."""
    return kind not in ATOMS and (kind in PLAIN or issubclass(kind, (list, tuple, dict)) and not _says_more(kind))


def _says_more(kind: type) -> bool:
    """Whether `kind` says more than the class that it is derived from, or itself what is in its instances."""
    if hasattr(kind, MARK) or hasattr(kind, "__dataclass_fields__"):
        return True
    if issubclass(kind, dict):
        return not all(getattr(kind, name) in DICT_SAYS for name in SAYS)
    return issubclass(kind, (list, tuple)) and kind.__iter__ not in LIST_SAYS


def _places(
    containers: Collection[Any], size: int, contents: Callable[[Any], Collection[Any]] | None = None
) -> list[Collection[Any]]:
    """Return the `size` items that they all hold, as `contents` has it: each by itself if these are long, else a list for each place, or one for all."""
    each = containers if contents is None else map(contents, containers)
    if size >= len(containers) * PLACE_MIN:
        return list(each)  # Such as the columns of rows, each of which is of one kind.
    values = list(chain.from_iterable(each))
    width = len(next(iter(containers), ()))
    is_worth_it = 1 < width <= WIDTH_MAX and len(values) >= width * PLACE_MIN and len(values) % width == 0
    return [values[at::width] for at in range(width)] if is_worth_it else [values]


def may_be_rows(values: list[Any]) -> bool:
    """Whether `values` begin as rows do, and are so many that they had better cross as columns."""
    height = len(values)
    if height < ROWS_MIN:
        return False
    return _may_be_row(values[0], height)


def may_be_keyed(value: dict[Any, Any]) -> bool:
    """Whether the members of `value` are dicts, begin as rows do, and are so many that they had better cross as columns."""
    height = len(value)
    if height < ROWS_MIN:
        return False
    return _may_be_row(next(iter(value.values())), height) and set(map(type, value.values())) == DICT_ONLY


def _may_be_row(first: Any, height: int) -> bool:
    return type(first) is dict and CELLS_MIN <= height * len(first) <= LEVEL_MAX


def _has_rows(value: dict[Any, Any]) -> bool:
    for item in value.values():
        if type(item) is list and may_be_rows(item) or type(item) is dict and may_be_keyed(item):
            return True
    return False


def _ints_fit(values: Collection[Any], kinds: set[type]) -> bool:
    ints = values if len(kinds) == 1 else [item for item in values if type(item) is int]
    return min(ints) >= INT_MIN and max(ints) <= INT_MAX


def are_keys(keys: Iterable[Any]) -> bool:
    """Whether all of them are text, or of a class derived from it."""
    try:
        # 0.9 ms for 60,000 of them, where a set of their types takes 1.6.
        "".join(keys)
    except TypeError:
        return False
    return True


def has_joined_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        pairs = zip(text, text[1:])
        return any("\ud800" <= high <= "\udbff" and "\udc00" <= low <= "\udfff" for high, low in pairs)
    return False


def name_with_article(kind: type) -> str:
    module = getattr(kind, "__module__", "builtins")  # A class made without one has none.
    name = kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def advice(value: Any) -> str:
    """Return what to do instead, as the end of a sentence."""
    kind = type(value)
    if kind.__name__ in ADVICE:
        return ADVICE[kind.__name__]
    # Class attributes are asked for, since an instance may answer to any name.
    if hasattr(kind, "tolist"):
        return "; return .tolist() of it"
    if hasattr(kind, "isoformat"):
        return "; return .isoformat() of it"
    if hasattr(kind, "__next__") or hasattr(kind, "__anext__"):
        return ": call it with stream(), or return list(...) of it"
    if hasattr(kind, "keys") and hasattr(kind, "__getitem__"):
        return "; return dict(...) of it"
    if hasattr(kind, "__iter__"):
        return "; return list(...) of it"
    return ""


def _scan_padded(text: str) -> tuple[Any, int]:
    """Read a JSON text that begins with spaces, which the scanner itself does not pass over."""
    start = len(text) - len(text.lstrip(JSON_SPACE))
    try:
        return _scan(text, start)
    except StopIteration:
        raise ValueError("not JSON") from None


def _scan_with_room(text: str) -> tuple[Any, int]:
    """Read a JSON text for which too few calls may be left: up to Python 3.11 the scanner takes one of them for each level."""
    limit = getrecursionlimit()
    try:
        setrecursionlimit(limit + TEXT_DEEP)
        return _scan_padded(text)
    except RecursionError:
        raise ValueError("nested deeper than Python can follow") from None
    finally:
        setrecursionlimit(limit)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class _ScannerContext:
    """What the C scanner asks for."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    # From Python 3.15 on.
    array_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_refuse_constant)
    memo: dict[str, str] = {}


def _refuse_object(value: Any) -> Any:
    raise ValueError("not JSON")


INT_MAX = 2**53 - 1
INT_MIN = -INT_MAX
ATOMS = frozenset((str, int, float, bool, type(None)))
LISTS = frozenset((list, tuple))
DICT_ONLY = frozenset((dict,))
# By which a dict says what is in it. An `OrderedDict` says the same, in its own order.
SAYS = ("__iter__", "items", "values")
DICT_SAYS = tuple(getattr(kind, name) for kind in (dict, OrderedDict) for name in SAYS)
LIST_SAYS = (tuple.__iter__, list.__iter__)
PLAIN = ATOMS | LISTS | DICT_ONLY
NO_ATTACHMENTS: list[memoryview] = []
# Those of an answer of which parts were said before it.
PARTED: list[memoryview] = []
# From so many characters on, at a guess, an answer is said in parts.
PARTED_MIN = 256 * 1024
# What a value takes besides, at a guess: most of them are numbers.
VALUE_CHARS = 8
JSON_SPACE = " \t\r\n"
# More levels than `depthMax` lets a message have.
TEXT_DEEP = 1_000
SURROGATES = "holds two surrogates in a row, which JSON would join into one character; return bytes"
# With fewer containers it is no faster to look into them all at once.
LEVEL_MIN = 8
# More values are no rows: one might be there many times over, and columns would take memory where it takes none.
LEVEL_MAX = 4_000_000
# From so many levels, and so many parts of one, on it is looked whether they hold each other.
DEEP = 8
SHARED_MIN = 65_536
# One in so many texts tells how long they are: to ask each would take long where they are short.
EVERY = 61
UNLIMITED = float("inf")
UNDER_WAY = -1
# Shorter lists take longer one by one than all together, and of more places each step to the next item is a long one.
WIDTH_MAX = 64
PLACE_MIN = 256
# Fewer rows or values gain nothing by crossing as columns.
ROWS_MIN = 16
CELLS_MIN = 512
ADVICE = {
    "Fraction": "; return str(...) or float(...) of it",
    "complex": "; return its .real and .imag",
    # Of numpy, whose `tolist()` gives what is refused as well.
    "complex64": "; return its .real and .imag",
    "complex128": "; return its .real and .imag",
    "float128": "; return float(...) of it",
    "longdouble": "; return float(...) of it",
    "complex256": "; return float(...) of its .real and .imag",
    "clongdouble": "; return float(...) of its .real and .imag",
    "generator": ": call it with stream(), or return list(...) of it",
    "async_generator": ": call it with stream(), or return a list",
    # Of pandas, where `dict(...)` has columns that cannot cross either.
    "DataFrame": '; return its rows as dicts, in pandas .to_dict("records"), or its columns as arrays',
    "coroutine": "; await it",
}

try:
    # Made once, where `json` makes them anew for every value; and `json` itself
    # is slow to import.
    from _json import encode_basestring_ascii as _quote
    from _json import make_encoder, make_scanner

    _scan = make_scanner(_ScannerContext())  # type: ignore[arg-type]
    _chunks = make_encoder(None, _refuse_object, _quote, None, ":", ",", False, False, False)

    def _encode(value: Any) -> str:
        return "".join(_chunks(value, 0))

except (ImportError, AttributeError, TypeError):
    # There are none, or they are those of a later Python, which wants to be told more: `json` knows what that is.
    from json.decoder import JSONDecoder
    from json.encoder import JSONEncoder
    from json.encoder import encode_basestring_ascii as _quote

    _scan = JSONDecoder(parse_constant=_refuse_constant).scan_once  # type: ignore[attr-defined]
    _encode = JSONEncoder(  # type: ignore[assignment]
        check_circular=False, allow_nan=False, separators=(",", ":")
    ).encode
