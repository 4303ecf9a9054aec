"""Where a hint stands, which decides what its names mean and which way its values go."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Literal

from .module import Definition, Module

# "in" is from Node to Python, "out" is back; "both" is the inside of a named type, which serves either way.
Way = Literal["in", "out", "both"]


@dataclass(frozen=True)
class Scope:
    """The module of a hint, and what is around it there."""

    module: Module
    way: Way = "both"
    # The type variables met so far, with what they extend; None where none can be declared.
    variables: dict[str, str] | None = None
    # Those that the class or alias around has declared.
    declared: frozenset[str] = frozenset()
    # What `Self` is.
    owner: str = ""
    # What the class around defines and its hints may use, and the type variables of `def f[T]()`, `class C[T]` and `type X[T]`.
    names: dict[str, Definition] = field(default_factory=dict)
    # What the type variables of a base stand for in the class that derives from it, and that class.
    given: dict[str, tuple[ast.expr, Definition]] = field(default_factory=dict)
    # The alias that is being written: it may not be its own alternative.
    alias: ast.AST | None = None
    # The alias in whose body it is: another than the one that is being written, where it stands in its place.
    body: Definition | None = None
    # It is what a function of Node's answers, which goes in as well.
    is_answer: bool = False
