"""Aliases of `type A = …` for tests, under every Python."""

from __future__ import annotations

import sys
import typing
from typing import Any

#: Whether this Python reads `type A = …`, and parameters such as those of `def f[T: int]()`.
ARE_READ = sys.version_info >= (3, 12)


class TypeAliasType:
    """An alias as Python 3.12 makes it, told by the name of its class: its value is worked out when it is asked for."""

    def __init__(self, value: str, names: dict[str, Any]) -> None:
        self._value = value
        self._names = names

    @property
    def __value__(self) -> Any:
        return eval(self._value, self._names)

    def __call__(self) -> None:
        """Never be called: Python 3.10 takes nothing for a type that cannot be."""

    def __or__(self, other: Any) -> Any:
        return typing.Union[self, other]

    def __ror__(self, other: Any) -> Any:
        return typing.Union[other, self]


def aliased(code: str, name: str = "A") -> Any:
    """Return what is called so by code of nothing but aliases, a line each, or by any code where this Python reads it."""
    names: dict[str, Any] = {"typing": typing}
    if ARE_READ:
        exec(code, names)
        return names[name]
    for line in code.splitlines():
        alias, value = line.removeprefix("type ").split(" = ")
        names[alias] = TypeAliasType(value, names)
    return names[name]
