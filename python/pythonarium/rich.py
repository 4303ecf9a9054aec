"""What JSON has no word for: raw bytes, arrays, moments, maps, sets, large integers, NaN.

Such a part stands in the JSON of its message as something that JSON has, and an entry of `rich` says what it
stands for: `[path, kind, ...]`, children before parents. `docs/protocol.md` has the kinds, `docs/values.md` what
becomes what. This module is imported when the first such value is met.
"""

from __future__ import annotations

import os
import sys
from math import isfinite, prod

from .expose import MARK
from .message import MessageTooLarge, ProtocolError, check_attachments
from .value import (
    EVERY,
    INT_MAX,
    INT_MIN,
    LISTS,
    NO_ATTACHMENTS,
    SURROGATES,
    ValueRefused,
    advice,
    are_keys,
    encode_unchecked,
    has_joined_surrogates,
    limit_weight,
    name_with_article,
    quote,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    # Returns a kind with its data, why not, or None for what it does not know.
    Hook = Callable[[Any], "tuple[Any, ...] | str | None"]
    Resolve = Callable[[str, "list[Any]"], Any]


def encode_rich(
    members: dict[str, Any], depth_max: int, root: str | None, hook: Hook | None, bytes_max: float, entries: Sequence[list[Any]] = ()
) -> tuple[str, list[Any]]:
    """Return the members of a message as JSON text, with `rich` and `bin` behind them, and its attachments.

    `root` names the one member that is a value; the members of all others are values each. `entries` are what `rich` tells of
    what stands for them already. Without `rich` the attachments are `NO_ATTACHMENTS`: what stands for the values is all
    that there is to tell. Raises ValueRefused, and MessageTooLarge
    for what is certain to take more than `bytes_max`.
    """
    walk = _Walk(depth_max, hook, bytes_max)
    try:
        texts = [f"{quote(name)}:{walk.member(name, value, depth_max + (name != root))}" for name, value in members.items()]
    except RecursionError:
        raise ValueRefused(next(iter(members)), "is nested deeper than Python can follow; flatten it") from None
    rich = [*walk.rich, *entries]
    if not rich:
        return ",".join(texts), NO_ATTACHMENTS
    texts.append(f'"rich":{encode_unchecked(rich)}')
    if walk.attachments:
        texts.append(f'"bin":{encode_unchecked([one.nbytes for one in walk.attachments])}')
    return ",".join(texts), walk.attachments


def json_of(kind: type) -> Callable[[Any], Any] | None:
    """Return what makes of an instance of `kind` the text that stands for it, or None where `rich` has more to tell of that one.

    None for a kind of which that is not all.
    """
    return JSON_OF.get(_converter(kind))


def restore(message: dict[str, Any], resolve: Resolve | None = None) -> None:
    """Put what the parts of `message` stand for in their places, as its `rich` says.

    The kinds that mean nothing here (`function`, `stream`, `handle`) go to `resolve`, with their data. Raises
    ProtocolError, ImportError for an array where numpy is not there or does not load, OSError for a file of Node's
    that cannot be mapped, and MemoryError for bytes that there is no memory for.
    """
    if "share" in message:
        from .shared_file import map_shared

        map_shared(message)
    attachments = message.get("bin", ())
    for entry in message.pop("rich"):
        try:
            path, kind, *data = entry
            holder = message
            for step in path[:-1]:
                holder = holder[step]
            last = path[-1]
            convert = RESTORERS.get(kind)
            if convert is not None:
                holder[last] = convert(holder[last], attachments, *data)
            elif resolve is not None:
                holder[last] = resolve(kind, data)
            else:
                raise ValueError(f"there is no kind {kind!r}")
        except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
            raise ProtocolError(f"an entry of `rich` means nothing here: {entry!r:.200} ({error})") from None


def restore_handles(message: dict[str, Any], resolve: Resolve) -> None:
    """Put the objects of handles in their places, and leave the other parts of `message` to `restore`. Raises ProtocolError."""
    entries = message["rich"]
    # No part is inside a handle, so none has to be there before it.
    message["rich"] = [entry for entry in entries if entry[1] == "handle"]
    restore(message, resolve)
    message["rich"] = [entry for entry in entries if entry[1] != "handle"]


def restore_call(call: dict[str, Any], function: Callable[..., Any], resolve: Resolve) -> None:
    """Restore the arguments of a call of `function`, as `restore` does; typed arrays as its hints want them."""
    entries = call["rich"]
    restore(call, resolve)
    # numpy is nothing that we would import; None is there to keep it from being imported.
    if sys.modules.get("numpy") is not None:
        paths = [path for path, kind, *_ in entries if kind in ("array", "bytes") and len(path) == 2]
        if paths:
            from .array_hint import convert

            convert(call, function, paths)


class _Walk:
    """One walk over the values of a message, which builds what stands for them or refuses."""

    def __init__(self, depth_max: int, hook: Hook | None, bytes_max: float = float("inf")) -> None:
        self.rich: list[list[Any]] = []
        self.attachments: list[memoryview] = []
        self._raw_bytes = 0
        self._depth_max = depth_max
        self._hook = hook
        self._bytes_max = bytes_max
        # The fewest characters that what was made so far takes.
        self._chars = 0
        # Where the walk is: on the wire, and as Python would write it.
        self.path: list[Any] = []
        # As text, an index, or the index of a key in a tuple.
        self._shown: list[str | int | tuple[int]] = []
        self._above: list[int] = []

    def member(self, name: str, value: Any, room: int) -> str:
        self.path.append(name)
        self._shown.append(name)
        stands = self._value(value, room)
        # The texts among so many values may be few that are there many times over.
        if self._chars > EVERY:
            limit_weight((stands,), self._bytes_max)
        text = encode_unchecked(stands)
        self.path.pop()
        self._shown.pop()
        return text

    def refuse(self, reason: str) -> ValueRefused:
        path = ""
        for step in self._shown:
            if type(step) is tuple:
                path = f"list({path})[{step[0]}]"
            else:
                path += f"[{step}]" if type(step) is int else step
        return ValueRefused(path, reason)

    def stands_for(self, kind: str, *data: Any) -> None:
        self.rich.append([list(self.path), kind, *data])
        self._count(2 * len(self.path) + len(kind) + ENTRY_CHARS)

    def attach(self, data: Any) -> int:
        """Add raw bytes, which are not copied, and return their number."""
        raw = memoryview(data)
        self.attachments.append(raw)
        self._raw_bytes += raw.nbytes
        return len(self.attachments) - 1

    def check_copy(self, size: int) -> None:
        """Raise MessageTooLarge if so many bytes more are too many: a view may be of more than there is memory to copy it to."""
        check_attachments("", self._raw_bytes + size)

    def _value(self, value: Any, room: int) -> Any:
        kind = type(value)
        convert = CONVERTERS.get(kind)
        if convert is None:
            if len(CONVERTERS) >= CONVERTERS_MAX:
                CONVERTERS.clear()
            convert = CONVERTERS[kind] = _converter(kind)
        return convert(self, value, room)

    def step(self, step: Any, shown: Any, value: Any, room: int) -> Any:
        """Return what stands for one part of a container."""
        self.path.append(step)
        self._shown.append(shown)
        stands = self._value(value, room)
        self.path.pop()
        self._shown.pop()
        return stands

    def key(self, step: Any, index: int, value: Any, room: int, seen: set[str]) -> Any:
        """Return what stands for a key of a map or a member of a set; refuse two that would be one in JavaScript."""
        entries = len(self.rich)
        stands = self.step(step, (index,), value, room)
        # What is told in `rich`, a list and a record are each an object of its own, unless it is a number, or a handle: a class of
        # sets may say one object twice.
        _, kind, *data = self.rich[-1] if len(self.rich) > entries else ((), "")
        if type(stands) not in (list, dict) and kind in KEY_KINDS:
            meant = data[0] if kind == "handle" else int(stands) if isinstance(stands, float) and stands.is_integer() else stands
            text = kind + encode_unchecked(meant)
            if text in seen:
                raise self.refuse(ONE_IN_JAVASCRIPT)
            seen.add(text)
        return stands

    def inside(self, shown: str, value: Any, room: int) -> Any:
        """Return what stands for a value that takes the place of its holder."""
        self._shown.append(shown)
        stands = self._value(value, room)
        self._shown.pop()
        return stands

    def enter(self, value: Any, room: int, levels: int = 1) -> None:
        if id(value) in self._above:
            raise self.refuse("holds itself, and a cycle cannot cross to Node; break it")
        if room < levels:
            raise self.refuse(f"lies deeper than {self._depth_max} levels; flatten the value, or raise `depthMax`")
        self._above.append(id(value))

    def leave(self, chars: int) -> None:
        """Be done with a container, whose contents take so many characters at the least."""
        self._above.pop()
        self._count(chars)

    def _count(self, chars: int) -> None:
        """Take note that so many are written: few parts that hold each other can stand for more than there is memory."""
        self._chars += chars
        if self._chars > self._bytes_max:
            raise MessageTooLarge("", self._chars, self._bytes_max)  # type: ignore[arg-type]

    def hand(self, value: Any) -> bool:
        """Let what is no value cross as the hook says; return whether the hook knows it."""
        data = None if self._hook is None else self._hook(value)
        if type(data) is str:
            raise self.refuse(data)
        if data is not None:
            self.stands_for(*data)
        return data is not None


def _converter(kind: type) -> Callable[[_Walk, Any, int], Any]:
    """Return what converts the instances of `kind`."""
    convert = _value_converter(kind)
    if not any(MARK in base.__dict__ for base in kind.__mro__):
        return convert
    # Exposed, so that it stays here, whatever else it is; unless it is exposed somewhere else only.
    return lambda walk, value, room: None if walk.hand(value) else convert(walk, value, room)


def _value_converter(kind: type) -> Callable[[_Walk, Any, int], Any]:
    """Return what converts the instances of `kind`: by the first of its classes that has a word in it."""
    for base in kind.__mro__:
        convert = BY_NAME.get(f"{base.__module__}.{base.__qualname__}")
        if convert is not None:
            return convert
        # Class attributes are asked for, since an instance may answer to any name.
        if callable(getattr(base, "model_dump", None)):
            return _model
        if "__dataclass_fields__" in base.__dict__:
            return _dataclass
    return _path if hasattr(kind, "__fspath__") else _unknown


def _itself(walk: _Walk, value: Any, room: int) -> Any:
    return value


def _unknown(walk: _Walk, value: Any, room: int) -> Any:
    if not walk.hand(value):
        raise walk.refuse(f"is {name_with_article(type(value))}, which cannot cross to Node{advice(value)}")


def _str(walk: _Walk, value: str, room: int) -> Any:
    if has_joined_surrogates(value):
        raise walk.refuse(SURROGATES)
    return value


def _int(walk: _Walk, value: int, room: int) -> Any:
    if INT_MIN <= value <= INT_MAX:
        return value
    walk.stands_for("int")
    return int.__format__(value, "x")


def _float(walk: _Walk, value: float, room: int) -> Any:
    if isfinite(value):
        return value
    walk.stands_for("float")
    return float.__repr__(value)


def _list(walk: _Walk, value: Any, room: int) -> Any:
    walk.enter(value, room)
    # A class of lists may say itself what is in it.
    items = value if type(value) in LISTS else list(value)
    # Many numbers are looked at all at once.
    kinds = set(map(type, items))
    if kinds == {float} and all(map(isfinite, items)) or kinds == {int} and min(items) >= INT_MIN and max(items) <= INT_MAX:
        walk.leave(2 * len(items))
        return items
    stands = [item if _is_plain(item) else walk.step(index, index, item, room - 1) for index, item in enumerate(items)]
    walk.leave(2 * len(stands))
    return stands


def _is_plain(value: Any) -> bool:
    """Whether JSON has a word for an atom: most parts are such, and need no step of their own."""
    kind = type(value)
    if kind is str:
        return value.isascii()
    if kind is int:
        return INT_MIN <= value <= INT_MAX
    return value is None or kind is bool or kind is float and isfinite(value)


def _dict(walk: _Walk, value: dict[Any, Any], room: int) -> Any:
    # A class of dicts may say itself what is in it, each time anew.
    pairs = value.items() if type(value) is dict else list(value.items())
    if not are_keys([key for key, _ in pairs]):
        return _map(walk, value, pairs, room)
    walk.enter(value, room)
    stands = {}
    for key, item in pairs:
        if has_joined_surrogates(key):
            raise walk.refuse(f"has the key {_short_repr(key)}, and a key {SURROGATES}")
        if type(key) is not str:
            key = str.__str__(key)  # Its class may say itself what is equal.
        stands[key] = item if _is_plain(item) else walk.step(key, f"[{str.__repr__(key)}]", item, room - 1)
    # A class of dicts may say one of them twice, and a class of text tell two apart that are the same text.
    if len(stands) < len(pairs):
        raise walk.refuse(ONE_IN_JAVASCRIPT)
    walk.leave(5 * len(stands))
    return stands


def _map(walk: _Walk, value: dict[Any, Any], pairs: Iterable[tuple[Any, Any]], room: int) -> Any:
    walk.enter(value, room, 2)
    stands = []
    keys: set[str] = set()
    for index, (key, item) in enumerate(pairs):
        walk.path.append(index)
        key_stands = walk.key(0, index, key, room - 2, keys)
        stands.append([key_stands, walk.step(1, f"[{_short_repr(key)}]", item, room - 2)])
        walk.path.pop()
    walk.leave(6 * len(stands))
    walk.stands_for("map")
    return stands


def _set(walk: _Walk, value: Iterable[Any], room: int) -> Any:
    walk.enter(value, room)
    keys: set[str] = set()
    stands = [walk.key(index, index, item, room - 1, keys) for index, item in enumerate(value)]
    walk.leave(2 * len(stands))
    walk.stands_for("set")
    return stands


def _dataclass(walk: _Walk, value: Any, room: int) -> Any:
    from dataclasses import fields

    walk.enter(value, room)
    stands = {one.name: walk.step(one.name, f".{one.name}", getattr(value, one.name), room - 1) for one in fields(value)}
    walk.leave(5 * len(stands))
    return stands


def _model(walk: _Walk, value: Any, room: int) -> Any:
    return walk.inside(".model_dump()", value.model_dump(), room)


def _enum(walk: _Walk, value: Any, room: int) -> Any:
    return walk.inside(".value", value.value, room)


def _text(walk: _Walk, value: Any, room: int) -> Any:
    return str(value)


def _path(walk: _Walk, value: Any, room: int) -> Any:
    return walk.inside(".__fspath__()", os.fspath(value), room)


def _iso(walk: _Walk, value: Any, room: int) -> Any:
    return value.isoformat()


def _datetime(walk: _Walk, value: Any, room: int) -> Any:
    # A moment of pandas: NaT is none, and nanoseconds are more than a datetime has.
    if value != value or getattr(value, "nanosecond", 0):
        raise walk.refuse(f"is {_short_repr(value)}, which JavaScript has no date for; return str(...) of it")
    if value.utcoffset() is None:
        return value.isoformat()
    micros = _micros(value - _epoch())
    walk.stands_for("datetime", *((micros % 1000,) if micros % 1000 else ()))
    return micros // 1000


def _naive(value: Any) -> str | None:
    # One of pandas may be none, or have nanoseconds.
    return value.isoformat() if type(value).__module__ == "datetime" and value.tzinfo is None else None


def _timedelta(walk: _Walk, value: Any, room: int) -> Any:
    if value != value or getattr(value, "nanoseconds", 0):
        raise walk.refuse(f"is {_short_repr(value)}, which a number of milliseconds cannot hold exactly; return str(...) of it")
    micros = _micros(value)
    if not INT_MIN <= micros <= INT_MAX:
        raise walk.refuse("is longer than 285 years, which a number of milliseconds cannot hold exactly; return str(...) of it")
    return micros // 1000 if micros % 1000 == 0 else micros / 1000


def _bytes(walk: _Walk, value: Any, room: int) -> Any:
    walk.stands_for("bytes", walk.attach(value))


def _memoryview(walk: _Walk, value: Any, room: int) -> Any:
    view = memoryview(value)
    kind = _array_kind(view)
    if kind is None:
        raise walk.refuse(f"has items of the format {view.format!r} or more dimensions than one; return bytes(...) of it")
    if not view.c_contiguous:
        walk.check_copy(view.nbytes)
        view = memoryview(view.tobytes())
    number = walk.attach(view.cast("B") if view.nbytes else b"")
    if kind == "uint8":
        walk.stands_for("bytes", number)
    else:
        walk.stands_for("array", number, kind)


def _ndarray(walk: _Walk, value: Any, room: int) -> Any:
    import numpy

    dtype = value.dtype
    # A dtype of somebody else's (2) has the letter of one of numpy's, and other bits.
    if dtype.hasobject or dtype.names is not None or dtype.str[1:2] not in DTYPE_KINDS or dtype.isbuiltin == 2:
        raise walk.refuse(f"is an array of {dtype}, which has no form outside of Python; return .tolist() of it, or an array for each field")
    if value.ndim > DIMENSIONS_MAX or value.itemsize * prod(length or 1 for length in value.shape) > INT_MAX:
        raise walk.refuse(f"is an array of more than {DIMENSIONS_MAX} dimensions, or of 2^53 bytes if none of them were 0; return .reshape(...) of it")
    array = value.view(numpy.ndarray)
    if not array.flags.forc:
        walk.check_copy(array.nbytes)
        array = numpy.ascontiguousarray(array)
    order = "C" if array.flags.c_contiguous else "F"
    flat = (array if order == "C" else array.T).reshape(-1)
    number = walk.attach(flat.view("u1") if flat.nbytes else b"")
    name = dtype.name if dtype.isnative and dtype.name in DTYPE_NAMES else dtype.str
    walk.stands_for("ndarray", number, name, list(value.shape), order)


def _masked(walk: _Walk, value: Any, room: int) -> Any:
    raise walk.refuse("is a masked array, whose mask would be lost; return .filled(...) of it, or its .data and .mask")


def _scalar(walk: _Walk, value: Any, room: int) -> Any:
    kind = value.dtype.kind
    item = value.item()
    if kind in "biuf" and type(item) in (bool, int, float) or kind in "mM" and type(item) not in (int, type(None)):
        return walk.inside(".item()", item, room)
    return _unknown(walk, value, room)


def _array_kind(view: memoryview) -> str | None:
    code = view.format.lstrip(NATIVE)
    if view.ndim != 1 or len(code) != 1:
        return None
    if code in "bhilqn":
        return f"int{8 * view.itemsize}"
    if code in "BHILQNc":
        return f"uint{8 * view.itemsize}"
    return f"float{8 * view.itemsize}" if code in "fd" else None


def _attachment(attachments: Any, number: int) -> Any:
    attachment = attachments[number]
    if attachment is None:
        raise MemoryError("There is no memory for the bytes that came here.")
    return attachment


def _restore_bytes(stands: Any, attachments: Any, number: int) -> Any:
    return _attachment(attachments, number)


def _restore_array(stands: Any, attachments: Any, number: int, kind: str) -> Any:
    return memoryview(_attachment(attachments, number)).cast(FORMATS[kind])


def _restore_ndarray(stands: Any, attachments: Any, number: int, dtype: str, shape: list[int], order: str) -> Any:
    try:
        import numpy
    except ImportError:
        raise
    except Exception as raised:
        # Such as of a numpy that was made for another processor: no fault of the message.
        raise ImportError(f"numpy cannot be loaded: {raised}", name="numpy") from raised
    return numpy.ndarray(shape, dtype, _attachment(attachments, number), order=order)


def _restore_datetime(stands: int, attachments: Any, micros: int = 0) -> Any:
    from datetime import timedelta

    return _epoch() + timedelta(milliseconds=stands, microseconds=micros)


def _restore_map(stands: Any, attachments: Any) -> Any:
    restored = {_hashable(key): item for key, item in stands}
    if len(restored) != len(stands):
        raise ValueError("two keys are one in Python")
    return restored


def _restore_set(stands: Any, attachments: Any) -> Any:
    restored = set(map(_hashable, stands))
    if len(restored) != len(stands):
        raise ValueError("two members are one in Python")
    return restored


def _restore_rows(stands: Any, attachments: Any, keys: list[str]) -> Any:
    from .rows import rows_of

    return rows_of(stands, keys)


def _restore_merged(stands: Any, attachments: Any) -> Any:
    from .rows import merged_of

    which, *lists = stands
    return merged_of(which, lists)


def _restore_keyed(stands: Any, attachments: Any) -> Any:
    from .rows import keyed_of

    keys, items = stands
    return keyed_of(keys, items)


def _hashable(value: Any) -> Any:
    if type(value) is not list:
        return value
    # By calls of its own alone: some Pythons count a comprehension, or what C calls, as levels more, and there may be 900.
    items = []
    for item in value:
        items.append(_hashable(item))
    return tuple(items)


def _epoch() -> Any:
    from datetime import datetime, timezone

    return datetime(1970, 1, 1, tzinfo=timezone.utc)


def _micros(delta: Any) -> int:
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _short_repr(value: Any) -> str:
    try:
        text = ascii(value)
    except Exception:
        text = "(unprintable)"
    return text if len(text) <= 60 else text[:57] + "..."


# The dtypes that Node knows by name; all others have numpy's `dtype.str`.
DTYPE_NAMES = frozenset(
    "bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64 complex64 complex128".split()
)
DTYPE_KINDS = frozenset("biufcSUVmM")
# As many as every numpy has.
DIMENSIONS_MAX = 32
# An entry of `rich` with a path of one step, `[["args"],""],`, but for its kind and the two characters of any step.
ENTRY_CHARS = 12
# How a format says that its items are in the byte order of the machine. Those of `ctypes` say which that is.
NATIVE = "@=<" if sys.byteorder == "little" else "@=>"
FORMATS = {
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
}
# By name, since the modules need not have been imported for that.
BY_NAME: dict[str, Callable[[_Walk, Any, int], Any]] = {
    "builtins.bool": _itself,
    "builtins.NoneType": _itself,
    "builtins.str": _str,
    "builtins.int": _int,
    "builtins.float": _float,
    "builtins.list": _list,
    "builtins.tuple": _list,
    "builtins.dict": _dict,
    "builtins.set": _set,
    "builtins.frozenset": _set,
    "builtins.bytes": _bytes,
    "builtins.bytearray": _bytes,
    "builtins.memoryview": _memoryview,
    "array.array": _memoryview,
    "numpy.ndarray": _ndarray,
    "numpy.ma.core.MaskedArray": _masked,
    "numpy.ma.MaskedArray": _masked,
    "numpy.generic": _scalar,
    "datetime.datetime": _datetime,
    "datetime.date": _iso,
    "datetime.time": _iso,
    "datetime.timedelta": _timedelta,
    "decimal.Decimal": _text,
    "uuid.UUID": _text,
    "enum.Enum": _enum,
}
# What is made of a value by itself, wherever it is.
JSON_OF: dict[Callable[[_Walk, Any, int], Any], Callable[[Any], Any]] = {
    _text: str,
    _iso: lambda value: value.isoformat(),
    _datetime: _naive,
}
CONVERTERS: dict[type, Callable[[_Walk, Any, int], Any]] = {}
# A program may make classes for as long as it runs.
CONVERTERS_MAX = 1_000
ONE_IN_JAVASCRIPT = "has two keys or members that would be one in JavaScript, such as '1' and Decimal('1'); return a list"
# What two keys may be one by in JavaScript: what JSON has a word for, numbers, and handles.
KEY_KINDS = frozenset(("", "int", "float", "handle"))
RESTORERS: dict[str, Callable[..., Any]] = {
    "bytes": _restore_bytes,
    "array": _restore_array,
    "ndarray": _restore_ndarray,
    "int": lambda stands, attachments: int(stands, 16),
    "float": lambda stands, attachments: float(stands),
    "datetime": _restore_datetime,
    "map": _restore_map,
    "set": _restore_set,
    "rows": _restore_rows,
    "merged": _restore_merged,
    "keyed": _restore_keyed,
}
