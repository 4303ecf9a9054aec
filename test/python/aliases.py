"""What Python 3.12 reads and those before do not, `type A = …` and `def f[T]()`, for tests, under every Python."""

from __future__ import annotations

import ast
import re
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


class TypeAlias(ast.stmt):
    """`type A[T] = …` as it is read, told by the name of its class."""

    _fields = ("name", "type_params", "value")


class TypeVar(ast.AST):
    """The `T: int` of `def f[T: int]()` as it is read."""

    _fields = ("name", "bound")


def parse(code: str, *more: Any, **named: Any) -> ast.AST:
    """Return what `ast.parse` of Python 3.12 returns for code whose aliases, and whose variables of functions, classes and aliases, are on a line each."""
    if ARE_READ:
        return real_parse(code, *more, **named)
    lines = code.split("\n")
    declared: dict[int, tuple[str, list[TypeVar]]] = {}
    for at, line in enumerate(lines):
        found = DECLARATION.fullmatch(line)
        if found is not None:
            indent, word, name, variables, rest = found.groups()
            declared[at + 1] = word, [_variable(each) for each in (variables or "").split(", ") if each]
            lines[at] = f"{indent}{'' if word == 'type' else f'{word} '}{name}{rest}"
    tree = real_parse("\n".join(lines), *more, **named)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for at, each in enumerate(body if isinstance(body, list) else ()):
            word, variables = declared.get(each.lineno, ("", []))
            if word == "type":
                body[at] = ast.copy_location(TypeAlias(name=each.targets[0], type_params=variables, value=each.value), each)
            elif word:
                each.type_params = variables
    return tree


def _variable(text: str) -> TypeVar:
    name, _, bound = text.partition(": ")
    return TypeVar(name=name, bound=real_parse(bound, mode="eval").body if bound else None)


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


real_parse = ast.parse
DECLARATION = re.compile(r"( *)(type|def|class) (\w+)(?:\[(.*?)\])?(.*)")
