"""What a class is by its source: of which kind, with which bases and members, and what makes it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace

from .field import made_fields
from .known import BASES, MADE, MODEL, ROOT_MODEL, is_concrete
from .module import Definition, members, type_parameters
from .scope import Scope
from .source import Sources
from .syntax import constant, decorators, dotted_name, in_brackets, is_type_statement, keywords, last_word
from .variable import VARIABLES, told_of


class Classes:
    """Tells what names stand for, and of classes all that their sources tell."""

    def __init__(self, sources: Sources, is_handle: Callable[[Definition], bool]) -> None:
        self.sources = sources
        self._is_handle = is_handle

    def resolve(self, node: ast.AST | None, scope: Scope) -> Definition | str | None:
        """Return what a name or an attribute stands for, whatever is in brackets behind it; None for other expressions and for unknown names."""
        dotted = dotted_name(node.value if isinstance(node, ast.Subscript) else node)
        if dotted is None:
            return None
        if dotted in scope.names:
            return scope.names[dotted]
        return self.sources.resolve(scope.module, dotted)

    def made_by(self, found: Definition | str | None) -> str:
        """Return the last word of what is called to make it, such as `TypeVar`, also where `[T]` does; nothing where none is."""
        if not isinstance(found, Definition):
            return ""
        if isinstance(found.node, ast.Call):
            return last_word(self.resolve(found.node.func, Scope(found.module)))
        name = type(found.node).__name__
        return name if name in VARIABLES else ""

    def kind(self, found: Definition | str | None, depth: int = 0, as_value: bool = False) -> str:
        """Return what a class is to those who call: see `BASES`. `as_value` is what it would be if it were not exposed.

        What is known by its name is of the kind that it makes of what derives from it.
        """
        if not isinstance(found, Definition):
            return BASES.get(found or "", "value" if is_concrete(found) else "other")
        node = found.node
        if isinstance(node, ast.Call):
            return MADE[self.made_by(found)] if made_fields(self, found) else "other"
        if not isinstance(node, ast.ClassDef) or depth > 20:
            return "other"
        if not as_value and self._is_handle(found):
            return "handle"
        if self.record_options(found):
            return "record"
        bases = [self.base(each, found) for each in node.bases]
        kinds = [(each, self.kind(each, depth + 1, as_value)) for each in bases]
        # A class that keeps to a protocol is none itself.
        told = [kind for each, kind in kinds if kind != "protocol" or not isinstance(each, Definition)]
        first = next((each for each in told if each not in ("handle", "other")), "handle" if "handle" in told else "other")
        # `class Color(str, Enum)` is text, and of all texts only some.
        return "enum" if first == "value" and "enum" in told else first

    def is_model(self, found: Definition) -> bool:
        """Whether it is a model of pydantic."""
        return not {MODEL, ROOT_MODEL}.isdisjoint(self.roots(found))

    def record_options(self, found: Definition) -> list[dict[str | None, ast.expr]]:
        """Return what is given to each decorator that makes a dataclass of a class."""
        return self.decorator_options(found, found.node, "dataclasses.dataclass")

    def decorator_options(self, found: Definition, node: ast.AST | None, name: str) -> list[dict[str | None, ast.expr]]:
        """Return what is given to each decorator of that name, of a class or of one of its methods."""
        scope = Scope(found.module)
        return [keywords(call) for call, each in zip(getattr(node, "decorator_list", ()), decorators(node)) if self.resolve(each, scope) == name]

    def base(self, base: ast.expr, found: Definition) -> Definition | str | None:
        """Return what a class derives from: a name, also of the class around it, or what `namedtuple("P", "x y")` makes in its place."""
        if isinstance(base, ast.Call):
            return Definition(found.module, "", base)
        beside = self.names_in(found.outer) if found.outer is not None else {}
        return self.resolve(base, Scope(found.module, names={name: each for name, each in beside.items() if each.node is not found.node}))

    def bases(self, found: Definition) -> list[Definition]:
        """Return the bases of a class that have a source, each with what its type variables stand for there."""
        bases: list[Definition] = []
        for base in getattr(found.node, "bases", ()):
            resolved = self.base(base, found)
            if isinstance(resolved, Definition) and isinstance(resolved.node, ast.ClassDef):
                bases.append(replace(resolved, given=told_of(self, resolved, in_brackets(base), found)))
        return bases

    def lineage(self, found: Definition, depth: int = 0) -> list[Definition]:
        """Return a class and those it derives from that have a source, in the order in which Python looks into them."""
        behind: list[Definition] = []
        for base in reversed(self.bases(found)) if depth < 20 else ():
            known = {each.node for each in behind}
            behind = [*(each for each in self.lineage(base, depth + 1) if each.node not in known), *behind]
        return [found, *behind]

    def roots(self, found: Definition) -> list[str]:
        """Return what a class is built on in the end: those of its bases, and of theirs, that are known by name."""
        return [name for _, name in self._all_bases(found) if isinstance(name, str)]

    def bases_elsewhere(self, found: Definition) -> list[tuple[str, str]]:
        """Return what a class, or one that it derives from, derives from that has no source: as it is written, and its whole name or ""."""
        told: list[tuple[str, str]] = []
        for base, name in self._all_bases(found):
            has_source = isinstance(name, Definition) and (isinstance(name.node, ast.ClassDef) or self.kind(name) != "other")
            if not has_source and name != "builtins.object":
                told.append((ast.unparse(base), name if isinstance(name, str) else ""))
        return told

    def _all_bases(self, found: Definition) -> Iterator[tuple[ast.expr, Definition | str | None]]:
        for each in self.lineage(found):
            for base in getattr(each.node, "bases", ()):
                yield base, self.base(base, each)

    def member(self, found: Definition, name: str) -> Definition | None:
        """Return what a class or the first of its bases that has it calls `name`."""
        return next((own[name] for own in map(members, self.lineage(found)) if name in own), None)

    def maker(self, found: Definition) -> Definition | None:
        """Return what takes the arguments that a class is called with: a method, or the class whose fields they are.

        None for a class that takes none.
        """
        for each in self.lineage(found):
            own = members(each).get("__init__")
            # A dataclass makes one whatever its bases have, but not in the place of its own.
            if own is not None or any(constant(options.get("init")) is not False for options in self.record_options(each)):
                return own or each
        is_of_fields = self.is_model(found) or self.kind(found, as_value=True) == "namedtuple"
        return self.member(found, "__new__") or (found if is_of_fields else None)

    def is_made_elsewhere(self, found: Definition) -> bool:
        """Whether what a class without a maker takes is told by no source: it has a base without one, or attrs makes it."""
        if self.is_model(found):
            return False
        if any(name.rpartition(".")[0] not in TAKES_NOTHING or last_word(name) in TAKES_SOMETHING for _, name in self.bases_elsewhere(found)):
            return True
        makers = [self.resolve(one, Scope(each.module)) for each in self.lineage(found) for one in decorators(each.node)]
        return any(isinstance(each, str) and each.startswith(("attr.", "attrs.")) for each in makers)

    def names_in(self, found: Definition) -> dict[str, Definition]:
        """Return what the body of a class defines that its hints may mean: types, but not its fields and methods.

        `date: date` is a field of the type that the module calls so.
        """

        def is_type(each: Definition) -> bool:
            if isinstance(each.node, (ast.List, ast.Dict, ast.Set, ast.Tuple)) or isinstance(each.node, ast.Constant) and not isinstance(each.node.value, str):
                return False  # The default of a field, `date = None`.
            if isinstance(each.node, ast.expr):
                return each.annotation is None or last_word(self.resolve(each.annotation, Scope(found.module))) == "TypeAlias"
            return isinstance(each.node, ast.ClassDef) or is_type_statement(each.node)

        return {name: each for name, each in members(found).items() if is_type(each)}

    def inside(self, found: Definition | None, scope: Scope) -> Scope:
        """Return where the hints in the body of a class stand, which may be a base in another module; `scope` for no class."""
        if found is None:
            return scope
        return replace(scope, module=found.module, names={**self.names_in(found), **type_parameters(found)}, given=found.given)


# Modules of classes to derive from whose constructors take nothing.
TAKES_NOTHING = frozenset(["abc", "collections.abc", "contextlib", "typing"])
# The others in these.
TAKES_SOMETHING = frozenset("ItemsView KeysView MappingView ValuesView aclosing closing nullcontext redirect_stderr redirect_stdout suppress chdir".split())
