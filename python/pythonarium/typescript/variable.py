"""Type variables: which ones a class or an alias has, and what stands for each where it is used."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .module import Definition, type_parameters
from .scope import Scope
from .syntax import in_order, keywords, parsed

if TYPE_CHECKING:
    from .classes import Classes


def variables_of(classes: Classes, found: Definition) -> dict[str, Definition]:
    """Return the variables of a class or an alias, by name, in the order in which they are told."""
    node = found.node
    variables = type_parameters(found)
    scope = Scope(found.module, names={**variables})
    hints: Sequence[ast.expr] = []
    if isinstance(node, ast.ClassDef):
        # `Generic[V, K]` says in which order they are told, wherever it stands.
        hints = sorted(node.bases, key=lambda base: classes.resolve(base, scope) not in GENERIC)
    elif isinstance(node, ast.expr) and not isinstance(node, ast.Call):
        hints = [node]
    elif isinstance(node, ast.Call):
        # `TypeAliasType` is told them.
        hints = [each for name, each in keywords(node).items() if name == "type_params"]
    for each in [one for hint in hints for one in in_order(parsed(hint))]:
        variable = classes.resolve(each, scope) if isinstance(each, (ast.Name, ast.Attribute)) else None
        if isinstance(variable, Definition) and classes.made_by(variable) in VARIABLES:
            variables.setdefault(variable.name, variable)
    return variables


def told_of(classes: Classes, found: Definition, arguments: Sequence[ast.expr], here: Definition) -> dict[str, tuple[ast.expr, Definition]]:
    """Return what stands for each type variable of a class or an alias that has these arguments in the brackets behind it, and where that stands: `here`, or where the variable was made."""
    variables = variables_of(classes, found)
    left = [*arguments]
    told: dict[str, tuple[ast.expr, Definition]] = {}
    for name, variable in variables.items():
        if classes.made_by(variable) == "TypeVarTuple":
            # It takes as many as the others leave.
            del left[: max(0, len(arguments) - len(variables) + 1)]
        else:
            told[name] = (left.pop(0), here) if left else (_default_of(variable.node), variable)
    return {name: each for name, each in told.items() if classes.made_by(variables[name]) == "TypeVar"}


def bounds_of(node: ast.AST | None) -> list[ast.expr]:
    """Return what a type variable has to be, which is one of these; nothing if it may be anything."""
    if isinstance(node, ast.Call):
        return node.args[1:] or [value for name, value in keywords(node).items() if name == "bound"]
    bound = getattr(node, "bound", None)
    return bound.elts if isinstance(bound, ast.Tuple) else [] if bound is None else [bound]


def _default_of(node: ast.AST | None) -> ast.expr:
    default = keywords(node).get("default", ANYTHING) if isinstance(node, ast.Call) else getattr(node, "default_value", None)
    return default or ANYTHING


# What stands for a type variable where nothing is given for it, and that has no default.
ANYTHING = ast.Name("object", ast.Load())
VARIABLES = ("TypeVar", "ParamSpec", "TypeVarTuple")
GENERIC = ("typing.Generic", "typing.Protocol")
