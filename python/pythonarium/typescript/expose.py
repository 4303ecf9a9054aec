"""What Node may call of a module, by its source: what `pythonarium.expose` finds when the program runs."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from itertools import chain

from .hint import Hints, Warned
from .known import SHAPES, VALUES
from .module import Definition, Module, is_taken, statements
from .scope import Scope
from .syntax import Block, Function, dotted_name, keywords


def find_exposed(hints: Hints, module: Module, mode: str) -> dict[str, Definition]:
    """Return what Node may call of `module`, by the name that it calls it by; `mode` is "marked" or "all", as the pool has it.

    Raises NothingToDeclare for a module that has nothing.
    """
    found = _marked(hints, module) if mode == "marked" else _public(hints, module)
    if not found:
        raise NothingToDeclare(
            f"Nothing in {module.path} is marked with @expose. Mark what Node may call, or add `--expose all` for a module that is not yours."
            if mode == "marked"
            else f"There is no public function in {module.path} that has a source to read.",
            sorted(hints.warnings),
        )
    return found


class NothingToDeclare(Exception):
    """There is nothing in a module that Node could call; `warnings` are of what was left out."""

    def __init__(self, text: str, warnings: Sequence[Warned]) -> None:
        super().__init__(text)
        self.warnings = warnings


def _marked(hints: Hints, module: Module) -> dict[str, Definition]:
    """Return what is marked with @expose, and warn of what is marked where it is not known what that is."""
    # No other name is followed: that would be to read all that the module imports.
    ours = {name for name, own in module.names.items() if own.target.split(".")[0] == "pythonarium"}
    for node in _unread(module):
        if (dotted_name(node) or "").split(".")[0] in ours and hints.resolve(node, Scope(module)) == EXPOSE:
            hints.warn(module, node, "what is marked with @expose here is known only when the module runs: it is left out")
    found: dict[str, Definition] = {}
    for name, (mark, definition) in _marked_names(hints, module, frozenset()).items():
        if found.setdefault(mark or name, definition).node is not definition.node:
            hints.warn(definition.module, definition.node, f"{mark or name} is the name of two that are exposed: no pool starts with them")
    return found


def _marked_names(hints: Hints, module: Module, above: frozenset[Module]) -> dict[str, tuple[str, Definition]]:
    """Return the names of what is marked, each with the name that the mark gives, "" for none.

    `above` are the modules that take all that is in this one, as it may do with theirs.
    """
    found: dict[str, tuple[str, Definition]] = {}
    # What is marked by a call, `expose(f)`, is so whatever becomes of what that returns.
    calls = (_exposed_by(hints, module, "", getattr(node, "value", None)) for node, _ in statements(module.tree.body))
    marks = {definition.node: mark for mark, definition in filter(None, calls)}
    for name, own in module.names.items():
        by_call = None if own.is_gone else _exposed_by(hints, module, name, own.node)
        resolved = None if own.is_gone else hints.sources.resolve(module, name)
        if by_call is not None:
            found[name] = by_call
        elif isinstance(resolved, Definition):
            above_it = (_mark_of(hints, resolved.module, each) for each in getattr(resolved.node, "decorator_list", ()))
            # The outermost comes last, and its name takes the place of those below.
            mark = next((each for each in chain([marks.get(resolved.node)], above_it) if each is not None), None)
            if mark is not None:
                found[name] = mark, resolved
    above |= {module}
    for inner in map(hints.sources.find, module.stars):
        if inner is not None and inner not in above:
            for name, marked in _marked_names(hints, inner, above).items():
                if is_taken(inner, name):
                    found.setdefault(name, marked)
    return found


def _unread(module: Module) -> Iterator[ast.expr]:
    """Go over the names that stand neither above a function or a class nor in an assignment or a call of the module's own."""
    waiting: list[ast.AST] = [node for node, _ in statements(module.tree.body)]
    is_own = set(waiting)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Name, ast.Attribute)):
            yield node
        elif isinstance(node, (ast.Expr, ast.Assign, ast.AnnAssign)) and node in is_own:
            waiting += [each for each in ast.walk(node) if isinstance(each, ast.Lambda)]
        elif isinstance(node, Block) and node in is_own:
            waiting += node.body
            is_own.update(node.body if isinstance(node, ast.ClassDef) else ())
        else:
            waiting += ast.iter_child_nodes(node)


def _exposed_by(hints: Hints, module: Module, name: str, node: ast.AST | None) -> tuple[str, Definition] | None:
    """Return the name and the function of `expose(f)` and `expose(name="x")(f)`, which is called `name` in the module; None for all else."""
    mark = _mark_of(hints, module, node.func) if isinstance(node, ast.Call) and len(node.args) == 1 else None
    if mark is None:
        return None
    function = hints.resolve(node.args[0], Scope(module))
    return mark, function if isinstance(function, Definition) else Definition(module, name, node.args[0])


def _mark_of(hints: Hints, module: Module, decorator: ast.expr) -> str | None:
    """Return the name that a decorator gives, "" for none of its own; None if it is not @expose, or gives one that is not written out."""
    if hints.resolve(getattr(decorator, "func", decorator), Scope(module)) != EXPOSE:
        return None
    name = keywords(decorator).get("name", ast.Constant(None))
    if not isinstance(name, ast.Constant):
        hints.warn(module, decorator, "the name that @expose gives is made when the module runs: it is not known, and what has it is left out")
        return None
    return str(name.value) if name.value else ""


def _public(hints: Hints, module: Module) -> dict[str, Definition]:
    """Return what a module calls its own: what `__all__` names, or the public names that it or a module of its package defines."""
    names = list(module.listed)
    if not module.is_whole:
        if "__all__" in module.names:
            hints.warn(module, module.names["__all__"].node, "__all__ is made when the module runs: what else it lists is left out, unless it is the module's own")
        defined = [(name, each) for name, each in module.names.items() if not each.is_gone]
        own = [name for name, each in defined if each.node is not None or each.instead is not None or _is_inside(module, each.target)]
        stars = [hints.sources.find(star) for star in reversed(module.stars) if _is_inside(module, star)]
        taken = [name for star in stars if star is not None for name in _public(hints, star)]
        names += [name for name in [*own, *taken] if not name.startswith("_")]
    found: dict[str, Definition] = {}
    for name in dict.fromkeys(names):
        definition = hints.sources.resolve(module, name)
        if isinstance(definition, Definition) and _is_callable(hints, definition):
            found[name] = definition
        else:
            _tell(hints, module, name, definition, module.listed.get(name))
    return found


def _tell(hints: Hints, module: Module, name: str, definition: Definition | str | None, listed: ast.expr | None) -> None:
    """Warn of a name that is left out and may be that of a function; `listed` is where `__all__` has it.

    Of what is only assigned most is none, so that what a call makes is told of where it is listed.
    """
    if isinstance(definition, Definition):
        if _is_made(hints, definition) and (listed is not None or isinstance(definition.node, ast.Attribute)):
            hints.warn(definition.module, definition.node, f"{name} is made when the module runs: whether it can be called is not known, and it is left out")
        return
    own = module.names.get(name)
    is_taken = own is not None and (own.node is None or isinstance(own.node, ast.Attribute))
    if listed is None and not is_taken:
        return
    if definition not in VALUES and definition not in SHAPES and not name.startswith("__") and not _is_module(hints, module, name):
        where = listed or (own and own.node)
        hints.warn(module, where, f"{name} has no source to read: whether it can be called is not known, and it is left out")


def _is_module(hints: Hints, module: Module, name: str) -> bool:
    own = module.names.get(name)
    return hints.sources.find(own.target if own is not None and own.target else f"{module.name}.{name}") is not None


def _is_inside(package: Module, name: str) -> bool:
    """Whether it is a module of that package, or stands in one: what a package takes over from there is its own."""
    return package.package == package.name and name.startswith(f"{package.name}.")


def _is_callable(hints: Hints, definition: Definition) -> bool:
    if isinstance(definition.node, ast.ClassDef):
        is_exception = not EXCEPTIONS.isdisjoint(hints.roots(definition))
        return not is_exception and hints.kind(definition) not in ("enum", "typeddict", "protocol", "value")
    made = definition.node
    while isinstance(made, ast.Call):
        # `partial(f, 1)`, and `lru_cache(maxsize=3)(f)`.
        maker = hints.resolve(made.func, Scope(definition.module))
        if isinstance(maker, str) and maker in MAKERS:
            return True
        made = made.func
    return isinstance(definition.node, Function | ast.Lambda)


def _is_made(hints: Hints, definition: Definition) -> bool:
    """Whether it may be a function that the source does not tell, such as a method of an object."""
    if isinstance(definition.node, ast.Call):
        maker = hints.resolve(definition.node.func, Scope(definition.module))
        return not isinstance(maker, str) or not maker.startswith("typing.")
    return isinstance(definition.node, ast.Attribute)


EXPOSE = "pythonarium.expose"
# What makes a function of another.
MAKERS = frozenset(f"functools.{name}" for name in ("cache", "lru_cache", "partial", "singledispatch", "wraps"))
EXCEPTIONS = frozenset(f"builtins.{name}" for name, each in vars(builtins).items() if isinstance(each, type) and issubclass(each, BaseException))
