"""Where a hint stands, which decides what its names mean and which way its values go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast
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
    # Those of `def f[T]()`, `class C[T]` and `type X[T]`, which are no names of the module.
    local: dict[str, ast.AST] = field(default_factory=dict)
    # What `Self` is.
    owner: str = ""
    # Names that the class around defines, which its hints may use.
    names: dict[str, Definition] = field(default_factory=dict)
    # What the type variables of a base stand for in the class that derives from it, and that class.
    given: dict[str, tuple[ast.expr, Definition]] = field(default_factory=dict)
    # The alias that is being written: it may not be its own alternative.
    alias: ast.AST | None = None
    # It is what a function of Node's answers, which goes in as well.
    is_answer: bool = False
