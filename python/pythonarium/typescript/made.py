"""What functools makes of a function, as the function that it is to those who call it."""

from __future__ import annotations

import ast
from copy import copy
from dataclasses import replace

from .hint import Hints
from .module import Definition
from .scope import Scope
from .syntax import Function, by_position, keywords


def made_function(hints: Hints, definition: Definition) -> Definition | None:
    """Return the function that `partial(f, 1)`, `cache(f)` or `lru_cache(maxsize=3)(f)` makes; None where no source tells of it."""
    call, scope = definition.node, Scope(definition.module)
    if not isinstance(call, ast.Call) or not call.args:
        return None
    function = hints.resolve(call.args[0], scope)
    if not isinstance(function, Definition) or not isinstance(function.node, Function) or function.outer is not None:
        return None
    if hints.resolve(getattr(call.func, "func", call.func), scope) in CACHES:
        return function
    if hints.resolve(call.func, scope) != "functools.partial" or None in keywords(call) or any(isinstance(each, ast.Starred) for each in call.args):
        return None
    node = copy(function.node)
    node.args = _left(node.args, len(call.args) - 1, keywords(call))
    return replace(function, node=node, overloads=[])


def _left(given: ast.arguments, count: int, named: dict[str | None, ast.expr]) -> ast.arguments:
    """Return what is left to be taken once so many are given by position, and these by name, which may be given another value."""
    positional = by_position(given)[count:]
    # What stands behind one that has its value by name can be given by name alone.
    end = next((index for index, (each, _) in enumerate(positional) if each.arg in named), len(positional))
    first, others = positional[:end], [*positional[end:], *zip(given.kwonlyargs, given.kw_defaults)]
    only = max(0, len(given.posonlyargs) - count)
    return ast.arguments(
        posonlyargs=[each for each, _ in first[:only]],
        args=[each for each, _ in first[only:]],
        vararg=given.vararg if end == len(positional) else None,
        kwonlyargs=[each for each, _ in others],
        kw_defaults=[named.get(each.arg, default) for each, default in others],
        kwarg=given.kwarg,
        defaults=[default for _, default in first if default is not None],
    )


CACHES = ("functools.cache", "functools.lru_cache")
