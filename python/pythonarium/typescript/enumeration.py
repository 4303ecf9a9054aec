"""The members of an enum, with the literals of their values."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from .known import VALUES
from .module import Definition, members
from .scope import Scope
from .syntax import constant, is_none
from .text import quote

if TYPE_CHECKING:
    from .hint import Hints


def enum_values(hints: Hints, found: Definition) -> list[tuple[str, str]]:
    """Return the members of an enum, by name, with the type of each."""
    scope = Scope(found.module)

    def is_member(name: str, node: ast.AST | None) -> bool:
        is_other = NO_MEMBER.fullmatch(name) or isinstance(node, ast.Lambda) or isinstance(node, ast.Call) and hints.resolve(node.func, scope) == "enum.nonmember"
        return isinstance(node, ast.expr) and not is_other

    # One with a hint is a member, too, once it has a value.
    own: dict[str, ast.expr] = {name: each.node for name, each in members(found).items() if is_member(name, each.node)}  # type: ignore[misc]
    roots = hints.roots(found)
    if not FLAGS.isdisjoint(roots):
        # Flags are combined.
        return [(name, "number") for name in own]
    # What the members are besides, as in `class Color(str, Enum)`.
    mixed_in = next((MIXED_IN.get(name, name) for name in roots if MIXED_IN.get(name, name) in VALUES), "builtins.object")
    # What is known of a value that the source does not tell.
    other = hints.value(mixed_in, scope)
    # A `__new__` of its own may make another of what is written.
    is_written = hints.member(found, "__new__") is None
    is_automatic = hints.member(found, "_generate_next_value_") is None
    told: dict[ast.expr, str] = {}
    last = 0
    for name, node in own.items():
        if node in told:
            continue  # Another name of the same.
        value = constant(node)
        if isinstance(node, ast.Call) and hints.resolve(node.func, scope) == "enum.auto" and is_automatic:
            last += 1
            value = name.lower() if "enum.StrEnum" in roots else last
        told[node] = other
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**53 and is_written:
            last = int(value)
            told[node] = quote(str(value)) if mixed_in == "builtins.str" else repr(value)
        elif isinstance(value, str) and mixed_in in ("builtins.str", "builtins.object") and is_written:
            told[node] = quote(value)
        elif (isinstance(value, (bool, bytes)) or is_none(node)) and mixed_in == "builtins.object" and is_written:
            told[node] = hints.literal(node, scope)
    return [(name, told[node]) for name, node in own.items()]


FLAGS = frozenset(["enum.Flag", "enum.IntFlag"])
# Names in the body of an enum that are none of its members: `_ignore_`, `__str__`, `__private`.
NO_MEMBER = re.compile(r"_.*_|__.*")
MIXED_IN = {"enum.StrEnum": "builtins.str", "enum.IntEnum": "builtins.int", "enum.IntFlag": "builtins.int"}
