"""Arguments against hints, before a call: imported only by workers of a pool with `validate: true`.

What is checked is what has come over the line, and it stays as it came: a dict stands for a dataclass, a list for a
tuple, text for a path or a date (`docs/values.md`).
"""

from __future__ import annotations

import array
import collections.abc as abc
import dataclasses
import datetime
import decimal
import enum
import inspect
import os
import types
import typing
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from .error import ArgumentRefused
from .handle import Member
from .hints import bounds_of, hints_of, is_of_itself, signature_of, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class Mismatch(NamedTuple):
    """Where a value is not what its hint says."""

    path: str
    expected: str
    got: str


if TYPE_CHECKING:
    Check = Callable[[Any], Mismatch | None]


class Validator:
    """Checks the arguments of calls. What a function's hints ask for is worked out once."""

    def __init__(self) -> None:
        self._signatures: dict[int, tuple[inspect.Signature, dict[str, Check]] | None] = {}

    def check(self, function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        """Raise ArgumentRefused for the first argument that is not what its hint says.

        Arguments that the function does not take at all are left to Python, which says it better.
        """
        if type(function) is Member:
            if function.method is None:
                return
            function = function.method
        # By its number: the worker keeps it, and not everything that can be called can be a key. A method is made anew each time.
        number = -id(function.__func__) if type(function) is types.MethodType else id(function)
        if number not in self._signatures:
            self._signatures[number] = _checks_of(function)
        known = self._signatures[number]
        if known is None:
            return
        signature, checks = known
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return
        for name, check in checks.items():
            kind = signature.parameters[name].kind
            if name not in bound.arguments and kind not in NONE_GIVEN:
                continue
            found = check(bound.arguments.get(name, NONE_GIVEN.get(kind)))
            if found is not None:
                raise ArgumentRefused(*found)


def _checks_of(function: Callable[..., Any]) -> tuple[inspect.Signature, dict[str, Check]] | None:
    """Return a signature and what to check of its parameters; None where there is nothing to check."""
    known = signature_of(function)
    if known is None:
        return None
    signature, hints = known
    build = _Builder()
    checks = {name: build.parameter(each, hints[name]) for name, each in signature.parameters.items() if name in hints}
    return (signature, checks) if checks else None


class _Builder:
    """Makes checks of hints, one for each hint, so that a type may hold itself."""

    def __init__(self) -> None:
        self._made: dict[Any, Check | None] = {}

    def parameter(self, parameter: inspect.Parameter, hint: Any) -> Check:
        """Return the check of all that a parameter takes. The path of what it finds begins with the argument's name."""
        name, unpacked = parameter.name, _unpacked(hint)
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            # Each has come under a name of its own.
            if unpacked is None:
                item = self.check(hint)
                return lambda value: _first(_inside(item(each), key) for key, each in value.items())
            fields = self.check(unpacked)

            def check(value: Any) -> Mismatch | None:
                found = fields(value)
                return None if found is None else found._replace(path=found.path.removeprefix(".") or name)

            return check
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            whole = self._items("a list", (tuple,), (hint,)) if unpacked is None else self.check(unpacked)
        else:
            whole = self.check(hint)
        if parameter.default is None:
            return lambda value: None if value is None else _inside(whole(value), name)
        return lambda value: _inside(whole(value), name)

    def check(self, hint: Any) -> Check:
        try:
            known = hint in self._made
        except TypeError:
            return self._make(hint)
        if not known:
            self._made[hint] = None
            self._made[hint] = self._make(hint)
        made = self._made[hint]
        # Itself, in the middle of being made.
        return made if made is not None else lambda value: self._made[hint](value)  # type: ignore[misc]

    def _make(self, hint: Any) -> Check:
        if isinstance(hint, str) or hint in (Any, object):
            return _anything
        if hint is None:
            hint = type(None)
        supertype = getattr(hint, "__supertype__", None)
        if supertype is not None:
            return self.check(supertype)
        if type(hint).__name__ == "TypeAliasType":
            return _anything if is_of_itself(hint) else self.check(value_of(hint))
        if isinstance(hint, typing.TypeVar):
            alternatives = bounds_of(hint)
            return self._union(alternatives) if alternatives and not is_of_itself(hint) else _anything
        bare, _ = _unmarked(hint)
        if bare is not hint:
            return self.check(bare)
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Union, types.UnionType):
            return self._union(arguments)
        if origin is typing.Literal:
            return _literal(arguments)
        return self._of_class(origin or hint, arguments)

    def _of_class(self, kind: Any, arguments: tuple[Any, ...]) -> Check:
        # Before all else: what is no type may be no key either, as the hint `[int]` is.
        if not isinstance(kind, type):
            return _anything
        if kind in PLAIN:
            return _instance(*PLAIN[kind])
        if kind in TEXTS or issubclass(kind, os.PathLike):
            return _text(kind, TEXTS.get(kind, str))
        if _is_typed_dict(kind):
            hints = hints_of(kind)
            return self._fields(kind, _required(kind, hints), {name: hints.get(name, Any) for name in kind.__required_keys__ | kind.__optional_keys__})
        if issubclass(kind, enum.Enum):
            return _enum(kind)
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            hints = hints_of(kind)
            return self._tuple([self.check(hints.get(name, Any)) for name in kind._fields], len(kind._field_defaults))
        if dataclasses.is_dataclass(kind):
            made = [each for each in dataclasses.fields(kind) if each.init]
            required = {each.name for each in made if each.default is each.default_factory is dataclasses.MISSING}
            hints = hints_of(kind)
            return self._fields(kind, required, {each.name: hints.get(each.name, Any) for each in made})
        value_under = _value_under(kind)
        if value_under is not None:
            check = self.check(value_under)
            return lambda value: None if isinstance(value, kind) else check(value)
        if kind is tuple:
            # How many there are of what is unpacked inside is not known.
            if not arguments or any(_unpacked(each) is not None for each in arguments):
                return _instance("a list", (list, tuple))
            if len(arguments) == 2 and arguments[1] is ...:
                return self._items("a list", (list, tuple), arguments[:1])
            return self._tuple([self.check(each) for each in arguments], 0)
        if issubclass(kind, abc.Set):
            return self._items("a set", (set, frozenset), arguments)
        if issubclass(kind, abc.Mapping):
            return self._dict(arguments)
        if kind in (abc.Callable, types.FunctionType):
            return lambda value: None if callable(value) else Mismatch("", "a function", _name(value))
        if kind in ITERABLES:
            return lambda value: None if hasattr(type(value), "__iter__") or hasattr(type(value), "__aiter__") else Mismatch("", "an iterable", _name(value))
        # To name it would be a warning by now, and one day an error.
        if kind.__module__ == "collections.abc" and kind.__name__ == "ByteString":
            return self.check(bytes)
        if issubclass(kind, abc.Collection) and kind.__module__ in ("builtins", "collections", "collections.abc"):
            return self._list(kind, arguments)
        if kind.__module__.split(".")[0] == "numpy":
            return _numpy(kind)
        # A model of pydantic checks what it is made from better than this could.
        stand_ins = (kind, dict) if hasattr(kind, "model_validate") else (kind,)
        return _instance(f"a {kind.__qualname__}", stand_ins)

    def _union(self, alternatives: Iterable[Any]) -> Check:
        checks = [self.check(each) for each in alternatives]

        def check(value: Any) -> Mismatch | None:
            mismatches = []
            for each in checks:
                found = each(value)
                if found is None:
                    return None
                mismatches.append(found)
            # Where one alternative fits but for a part inside, that part is what is wrong.
            deeper = [each for each in mismatches if each.path]
            if len(deeper) == 1:
                return deeper[0]
            return Mismatch("", " or ".join(dict.fromkeys(each.expected for each in mismatches if not each.path)) or "something else", _name(value))

        return check

    def _list(self, kind: type, arguments: tuple[Any, ...]) -> Check:
        check = self._items("a list", (list, tuple), arguments)
        # Text is a sequence of text, and no list of it.
        if arguments and arguments[0] is str and issubclass(str, kind):
            return lambda value: None if isinstance(value, str) else check(value)
        return check

    def _items(self, expected: str, kinds: tuple[type, ...], arguments: tuple[Any, ...]) -> Check:
        item = self.check(arguments[0]) if arguments else _anything

        def check(value: Any) -> Mismatch | None:
            if not isinstance(value, kinds):
                return Mismatch("", expected, _name(value))
            if item is _anything:
                return None
            # No generator, which would be three frames more for each level of a type that holds itself.
            for index, each in enumerate(value):
                found = item(each)
                if found is not None:
                    return _inside(found, f"[{index}]")
            return None

        return check

    def _dict(self, arguments: tuple[Any, ...]) -> Check:
        key_check, item_check = (self.check(each) for each in arguments) if len(arguments) == 2 else (_anything, _anything)

        def check(value: Any) -> Mismatch | None:
            if not isinstance(value, dict):
                return Mismatch("", "a dict", _name(value))
            for key, item in value.items():
                found = key_check(key)
                if found is not None:
                    return Mismatch("", f"a dict whose keys are each {found.expected}", f"one with a key that is {found.got}")
                found = item_check(item)
                if found is not None:
                    return _inside(found, f"[{key!r:.60}]")
            return None

        return check

    def _tuple(self, checks: list[Check], optional: int) -> Check:
        count = len(checks)

        def check(value: Any) -> Mismatch | None:
            if not isinstance(value, (list, tuple)):
                return Mismatch("", f"a list of {count}", _name(value))
            if not count - optional <= len(value) <= count:
                return Mismatch("", f"a list of {count}", f"one of {len(value)}")
            for index, (each, item) in enumerate(zip(checks, value)):
                found = each(item)
                if found is not None:
                    return _inside(found, f"[{index}]")
            return None

        return check

    def _fields(self, kind: type, required: Iterable[str], hints: dict[str, Any]) -> Check:
        checks: dict[str, Check] = {}
        needed = frozenset(required)
        has_instances = not _is_typed_dict(kind)
        more = getattr(kind, "__extra_items__", None)
        # An item of the type `Never` is one that is not there.
        is_closed = more is None or type(more).__name__.endswith("NoExtraItemsType") or getattr(more, "_name", "") in ("Never", "NoReturn")
        other = None if is_closed else self.check(more)

        def check(value: Any) -> Mismatch | None:
            if not checks:
                # Now, and not when it was made: a type may hold itself.
                checks.update({name: self.check(hint) for name, hint in hints.items()})
            if has_instances and isinstance(value, kind):
                return None
            if not isinstance(value, dict):
                return Mismatch("", f"a dict with the fields of {kind.__name__}", _name(value))
            for name in needed:
                if name not in value:
                    return Mismatch("", f"a dict with {name!r}, as {kind.__name__} has it", "one without")
            for key, item in value.items():
                each = checks.get(key, other)
                if each is None:
                    return Mismatch("", f"a dict with the fields of {kind.__name__} alone", f"one with {key!r:.60}")
                found = each(item)
                if found is not None:
                    return _inside(found, f".{key}")
            return None

        return check


def _is_typed_dict(kind: Any) -> bool:
    # That of `typing_extensions` is none to `typing`.
    return hasattr(kind, "__required_keys__")


def _required(kind: Any, hints: dict[str, Any]) -> set[str]:
    """Return the keys that a TypedDict has to have."""
    required = set(kind.__required_keys__)
    # Annotations that were text when the class was made have told Python nothing of their marks.
    for name, hint in hints.items():
        _, marks = _unmarked(hint)
        if "NotRequired" in marks:
            required.discard(name)
        elif "Required" in marks:
            required.add(name)
    return required


def _unmarked(hint: Any) -> tuple[Any, list[str]]:
    """Take off what says something about a field and not about its type, as `NotRequired[X]` does, and say what that was."""
    marks = []
    while (origin := typing.get_origin(hint)) is not None:
        mark = "Annotated" if origin is typing.Annotated else getattr(origin, "_name", "")
        if mark not in MARKS:
            break
        marks.append(mark)
        hint = typing.get_args(hint)[0]
    return hint, marks


def _unpacked(hint: Any) -> Any:
    """Return what `Unpack[X]` and `*X` unpack; None for any other hint."""
    if getattr(typing.get_origin(hint), "_name", "") == "Unpack":
        return typing.get_args(hint)[0]
    return hint.__origin__[hint.__args__] if getattr(hint, "__unpacked__", False) is True else None


def _value_under(kind: type) -> Any:
    """Return the value that a class is built on, as `class Names(list[str])` is; None for a value itself, and for any other class."""
    if _is_value(kind):
        return None
    for base in vars(kind).get("__orig_bases__", kind.__bases__):
        origin = typing.get_origin(base) or base
        if _is_value(origin):
            return base
        under = _value_under(origin) if isinstance(origin, type) else None
        if under is not None:
            return under
    return None


def _is_value(kind: Any) -> bool:
    return kind in PLAIN or kind in TEXTS or (isinstance(kind, type) and issubclass(kind, abc.Collection) and kind.__module__ in ("builtins", "collections"))


def _anything(value: Any) -> Mismatch | None:
    return None


def _instance(expected: str, kinds: tuple[type, ...]) -> Check:
    # True is an int for Python; to those who call it is none.
    excludes_bool = int in kinds and bool not in kinds
    try:
        isinstance(None, kinds)
    except TypeError:
        return _anything  # A protocol that cannot be asked.

    def check(value: Any) -> Mismatch | None:
        if isinstance(value, kinds) and not (excludes_bool and isinstance(value, bool)):
            return None
        return Mismatch("", expected, _name(value))

    return check


def _text(kind: type, parse: Callable[[str], Any]) -> Check:
    expected = f"text that is a {kind.__name__}"

    def check(value: Any) -> Mismatch | None:
        if isinstance(value, kind):
            return None
        if not isinstance(value, str):
            return Mismatch("", expected, _name(value))
        try:
            parse(value)
        except (ValueError, ArithmeticError):
            return Mismatch("", expected, "other text")
        return None

    return check


def _literal(values: tuple[Any, ...]) -> Check:
    allowed = [each.value if isinstance(each, enum.Enum) else each for each in values]

    def check(value: Any) -> Mismatch | None:
        # An array is compared item by item, and is none of them.
        if not hasattr(type(value), "__array__") and any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in allowed):
            return None
        return Mismatch("", " or ".join(map(repr, allowed)), f"another {_kind_of(value)}" if any(type(value) is type(each) for each in allowed) else _name(value))

    return check


def _enum(kind: type[enum.Enum]) -> Check:
    if issubclass(kind, enum.Flag):
        return _instance("an int", (int,))
    literal = _literal(tuple(kind))
    return lambda value: None if isinstance(value, kind) else literal(value)


def _numpy(kind: type) -> Check:
    if kind.__name__ == "ndarray":
        return lambda value: None if isinstance(value, (kind, memoryview)) else Mismatch("", "an array", _name(value))
    if kind.__name__ in ("bool", "bool_"):
        return _instance("a bool", (bool, kind))
    return _instance("a number", (int, float, kind))


def _inside(found: Mismatch | None, step: str) -> Mismatch | None:
    return None if found is None else found._replace(path=step + found.path)


def _first(mismatches: Iterable[Mismatch | None]) -> Mismatch | None:
    return next((each for each in mismatches if each is not None), None)


def _name(value: Any) -> str:
    """Name the kind of a value; the value itself may be a secret."""
    if value is None:
        return "None"
    kind = _kind_of(value)
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _kind_of(value: Any) -> str:
    return type(value).__qualname__


# Each with what it is called and what stands for it.
PLAIN: dict[Any, tuple[str, tuple[type, ...]]] = {
    int: ("an int", (int,)),
    float: ("a float", (int, float)),
    complex: ("a number", (int, float, complex)),
    bool: ("a bool", (bool,)),
    str: ("a str", (str,)),
    type(None): ("None", (type(None),)),
    bytes: ("bytes", (bytes, bytearray, memoryview)),
    bytearray: ("bytes", (bytes, bytearray, memoryview)),
    memoryview: ("bytes", (bytes, bytearray, memoryview)),
    array.array: ("an array", (array.array, bytes, bytearray, memoryview)),
    datetime.datetime: ("a datetime", (datetime.datetime,)),
    datetime.timedelta: ("a timedelta, in milliseconds", (datetime.timedelta, int, float)),
}
TEXTS: dict[Any, Callable[[str], Any]] = {
    datetime.date: datetime.date.fromisoformat,
    datetime.time: datetime.time.fromisoformat,
    decimal.Decimal: decimal.Decimal,
    uuid.UUID: uuid.UUID,
}
ITERABLES = frozenset([abc.Iterable, abc.Iterator, abc.Generator, abc.AsyncIterable, abc.AsyncIterator, abc.AsyncGenerator])
MARKS = ("Annotated", "ClassVar", "Final", "NotRequired", "ReadOnly", "Required")
# What came to a parameter that takes any number, where nothing did.
NONE_GIVEN: dict[Any, Any] = {inspect.Parameter.VAR_POSITIONAL: (), inspect.Parameter.VAR_KEYWORD: {}}
