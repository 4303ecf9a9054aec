"""The keys of a dict, which decide whether it is an object or a map."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .known import TEXT, UNKNOWN, VALUES
from .module import Definition, type_parameters
from .scope import Scope
from .syntax import dotted_name, in_brackets, last_word
from .variable import VARIABLES, bounds_of

if TYPE_CHECKING:
    from .hint import Hints


def kind_of_keys(hints: Hints, node: ast.expr, scope: Scope) -> str:
    """Return what keys with this hint are in Python: "text" of any kind, "literals" of it, "other", "mixed" of these, or "variable" if it may be any.

    Their type in TypeScript does not tell: a date is text there, and a dict of dates a map. A dict is an object
    where all its keys are `str`.
    """
    kinds = _Kinds(hints).of([node], scope)
    if len(kinds) < 2:
        return next(iter(kinds), "other")
    return "text" if kinds == {"text", "literals"} else "mixed"


def dict_type(key: str, kind: str, value: str, way: str) -> str:
    """Return the type of a dict whose keys are of that type, and of that kind."""
    text = f"{{ [key: string]: {value} }}"
    if kind == "text" or key == "unknown":
        return text
    if kind == "literals":
        return f"{{ [key in {key}]?: {value} }}"
    other = f"{'ReadonlyMap' if way == 'in' else 'Map'}<{key}, {value}>"
    if kind == "other":
        return other
    # Which of the two it is shows where the variable is known, or only when it comes.
    either = f"{text} | {other}"
    if kind == "mixed" or way == "in":
        return either
    # Where it stands for more than text, as for `str | int` or for anything, the keys that come may all be text.
    return f"([{key}] extends [string] ? {text} : Extract<{key}, string> | Extract<string, {key}> extends never ? {other} : {either})"


class _Kinds:
    def __init__(self, hints: Hints) -> None:
        self._hints = hints
        # What has been read: an alias may name itself, and more than once.
        self._seen: set[ast.AST | None] = set()

    def of(self, nodes: Iterable[ast.expr], scope: Scope) -> set[str]:
        """Return the kinds of keys that have one of these hints."""
        return {kind for node in nodes for each in self._hints.alternatives(node, scope) for kind in self._of_one(each, scope)}

    def _of_one(self, node: ast.expr, scope: Scope) -> set[str]:
        given = self._hints.given_for(dotted_name(node) or "", scope)
        if given is not None:
            return self.of([given[0]], given[1])
        found = self._hints.resolve(node, scope)
        if isinstance(found, Definition):
            return self._of_defined(found)
        if last_word(found) == "Literal":
            return {kind for each in in_brackets(node) for kind in self._of_literal(each, scope)}
        return {"text" if found in TEXT else "variable" if VALUES.get(found or "") == UNKNOWN else "other"}

    def _of_defined(self, found: Definition) -> set[str]:
        scope = Scope(found.module, names=type_parameters(found))
        if isinstance(found.node, ast.ClassDef):
            is_text = not TEXT.isdisjoint(self._hints.roots(found))
            return {{"value": "text", "enum": "literals"}.get(self._hints.kind(found), "other") if is_text else "other"}
        is_variable = self._hints.made_by(found) in VARIABLES
        alias = self._hints.alias(found)
        meant = bounds_of(found.node) if is_variable else [alias] if alias is not None else []
        if not meant:
            return {"variable" if is_variable else "other"}
        if found.node in self._seen:
            return set()
        self._seen.add(found.node)
        return self.of(meant, scope)

    def _of_literal(self, node: ast.expr, scope: Scope) -> set[str]:
        """A member of an enum is text only where the enum is."""
        if isinstance(node, ast.Constant):
            return {"literals" if isinstance(node.value, str) else "other"}
        owner = self._hints.resolve(node.value, scope) if isinstance(node, ast.Attribute) else None
        is_member = isinstance(owner, Definition) and self._hints.kind(owner) == "enum"
        return self.of([node.value if is_member else node], scope)  # type: ignore[attr-defined]
