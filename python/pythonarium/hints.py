"""The hints of functions, as the objects that they stand for when the program runs."""

from __future__ import annotations

import functools
import inspect
import sys
import types
import typing
from typing import TYPE_CHECKING, Any

if sys.version_info >= (3, 14):
    from annotationlib import Format, get_annotations
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def hints_of(function: Any) -> dict[str, Any]:
    """Return the hints of a function or a class's fields with all their marks, less those that stand for nothing when the program runs."""
    function = inspect.unwrap(function)
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:
        pass
    scope = getattr(function, "__globals__", None) or getattr(sys.modules.get(getattr(function, "__module__", "")), "__dict__", {})
    hints = {}
    for name, hint in _as_written(function).items():
        try:
            hint = getattr(hint, "__forward_arg__", hint)
            # A name that only a type checker imports is no reason to check nothing else.
            hints[name] = eval(hint, scope) if isinstance(hint, str) else hint
        except Exception:
            continue
    return hints


def alternatives(hint: Any) -> list[Any]:
    """Return what a hint is made of: the members of a union, and what names, marks and type variables stand for.

    What stands for itself adds nothing there. Where there is nothing else, it may be anything.
    """
    return [typing.get_origin(each) or each for each in (hint, *_below(hint)) if _meant_by(each) is None] or [Any]


def is_of_itself(hint: Any) -> bool:
    """Whether a hint is one of its own alternatives, as that of `type A = A | int` is: no value can be held against it."""
    return any(each is hint for each in _below(hint))


def value_of(alias: Any) -> Any:
    """Return what an alias of `type A = …` stands for.

    Python works that out when it is asked; what fails, as a name does that only a type checker imports, may be anything.
    """
    try:
        return alias.__value__
    except Exception:
        return Any


def bounds_of(variable: typing.TypeVar) -> Sequence[Any]:
    """Return the types that a type variable stands for one of: none if it may be anything, or they cannot be worked out."""
    try:
        return variable.__constraints__ or (() if variable.__bound__ is None else (variable.__bound__,))
    except Exception:
        return ()


def _as_written(function: Any) -> dict[str, Any]:
    """Return the hints of a function or a class's fields before their text is looked up; none where they cannot be had."""
    try:
        if sys.version_info >= (3, 14):
            # Worked out only when they are asked for: one that stands for nothing would otherwise be an error in the place of all.
            return get_annotations(function, format=Format.FORWARDREF)
        return getattr(function, "__annotations__", {})  # type: ignore[no-any-return]
    except Exception:
        return {}


def _below(hint: Any) -> Iterator[Any]:
    """Go over what a hint stands for, and what that stands for in its turn: each once, since it may be the hint itself."""
    seen: set[int] = set()
    waiting = list(_meant_by(hint) or ())
    while waiting:
        each = waiting.pop()
        meant = _meant_by(each)
        if meant is not None:
            # By its number: a mark may hold what can be no key.
            if id(each) in seen:
                continue
            seen.add(id(each))
            waiting.extend(meant)
        yield each


def _meant_by(hint: Any) -> Sequence[Any] | None:
    """Return what a union, a name, a mark or a type variable stands for; None for any other hint, which stands for no other."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return typing.get_args(hint)
    if hasattr(hint, "__metadata__"):
        return [hint.__origin__]
    if hasattr(hint, "__supertype__"):
        return [hint.__supertype__]
    if type(hint).__name__ == "TypeAliasType":
        return [value_of(hint)]
    if isinstance(hint, typing.TypeVar):
        return bounds_of(hint) or [Any]
    return None


def signature_of(function: Any) -> tuple[inspect.Signature, dict[str, Any]] | None:
    """Return the parameters of what can be called, without `self`, and their hints; None where that cannot be found out."""
    try:
        signature = inspect.signature(function, **HINTS_UNREAD)
        owner = inspect.unwrap(function)
        while isinstance(owner, functools.partial):
            owner = inspect.unwrap(owner.func)
        if isinstance(owner, type):
            owner = getattr(owner, "__init__", owner)
        elif not inspect.isroutine(owner):
            # It has annotations, too: those of the fields of its class.
            owner = type(owner).__call__
        return signature, hints_of(owner)
    except Exception:
        return None  # Objects can be made so that they cannot be asked.


# What a signature says of the hints is not asked for, and from Python 3.14 on one that stands for nothing would be an error.
HINTS_UNREAD: dict[str, Any] = {}
if sys.version_info >= (3, 14):
    HINTS_UNREAD["annotation_format"] = Format.STRING
