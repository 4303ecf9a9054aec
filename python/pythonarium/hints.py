"""The hints of functions, as the objects that they stand for when the program runs."""

from __future__ import annotations

import functools
import inspect
import sys
import types
import typing
from typing import Any


def hints_of(function: Any) -> dict[str, Any]:
    """Return the hints of a function or a class's fields with all their marks, less those that stand for nothing when the program runs."""
    function = inspect.unwrap(function)
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:
        pass
    scope = getattr(function, "__globals__", None) or getattr(sys.modules.get(getattr(function, "__module__", "")), "__dict__", {})
    hints = {}
    for name, hint in getattr(function, "__annotations__", {}).items():
        try:
            hint = getattr(hint, "__forward_arg__", hint)
            # A name that only a type checker imports is no reason to check nothing else.
            hints[name] = eval(hint, scope) if isinstance(hint, str) else hint
        except Exception:
            continue
    return hints


def alternatives(hint: Any) -> list[Any]:
    """Return what a hint is made of: the members of a union, and what names, marks and type variables stand for."""
    found: list[Any] = []
    waiting = [hint]
    while waiting:
        each = waiting.pop()
        origin, arguments = typing.get_origin(each), typing.get_args(each)
        if origin in (typing.Union, types.UnionType):
            waiting.extend(arguments)
        elif hasattr(each, "__metadata__"):
            waiting.append(each.__origin__)
        elif hasattr(each, "__supertype__"):
            waiting.append(each.__supertype__)
        elif type(each).__name__ == "TypeAliasType":
            waiting.append(each.__value__)
        elif isinstance(each, typing.TypeVar):
            waiting.extend(each.__constraints__ or ([each.__bound__] if each.__bound__ is not None else [Any]))
        elif len(found) < ALTERNATIVES_MAX:
            found.append(origin if origin is not None else each)
        else:
            break  # An alias of itself.
    return found


def signature_of(function: Any) -> tuple[inspect.Signature, dict[str, Any]] | None:
    """Return the parameters of what can be called, without `self`, and their hints; None where that cannot be found out."""
    try:
        signature = inspect.signature(function)
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


ALTERNATIVES_MAX = 100
