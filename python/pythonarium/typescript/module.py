"""A module as its source says that it is: what each of its names is defined as."""

from __future__ import annotations

import ast
import os
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .syntax import Block, Function, dotted_name, is_decorated, is_type_statement, pairs


@dataclass(eq=False)
class Module:
    """A module that was read."""

    name: str
    path: str
    tree: ast.Module
    names: dict[str, Definition] = field(default_factory=dict)
    # The modules that all is imported from, in the order in which they are asked for a name: the last in the file first.
    stars: list[str] = field(default_factory=list)
    # What `__all__` lists, as far as it is written out, and whether that is all of it.
    listed: dict[str, ast.expr] = field(default_factory=dict)
    is_whole: bool = False

    @property
    def package(self) -> str:
        """What relative imports are relative to."""
        return self.name if os.path.basename(self.path) == "__init__.py" else self.name.rpartition(".")[0]


@dataclass(eq=False)
class Definition:
    """What a name of a module or of a class stands for.

    `node` is the function, the class, or the value that was assigned; for an import it is None, and `target` says what
    was imported. A function has its overloads too, those before it in the file.
    """

    module: Module
    name: str
    node: ast.AST | None = None
    target: str = ""
    annotation: ast.expr | None = None
    overloads: list[Function] = field(default_factory=list)
    # What the type variables of a base stand for in the class that derives from it, and that class.
    given: dict[str, tuple[ast.expr, Definition]] = field(default_factory=dict)
    # The function or class that has the name as well, where what is imported by it has no source.
    instead: Definition | None = None
    # The class that it stands in.
    outer: Definition | None = None
    # It is deleted further down, though hints above that may mean it.
    is_gone: bool = False


def read_module(name: str, file: str) -> Module:
    """Return the module of that name in that file. Raises SyntaxError when it is no Python."""
    try:
        with tokenize.open(file) as stream:
            text = stream.read()
        tree = ast.parse(text, file)
    except SyntaxError as error:
        # An encoding that is unknown is told without the file.
        error.filename = error.filename or file
        raise
    except (UnicodeDecodeError, ValueError) as error:
        raise SyntaxError(str(error), (file, 1, 0, "")) from None
    module = Module(name, file, tree)
    module.names, module.stars = _defined(module, tree.body)
    for node, _ in statements(tree.body):
        _list(module, node)
    return module


def members(found: Definition) -> dict[str, Definition]:
    """Return what the body of a class defines, by name; nothing for what is no class."""
    names, _ = _defined(found.module, found.node.body) if isinstance(found.node, ast.ClassDef) else ({}, [])
    for each in names.values():
        each.outer = found
    return names


def type_parameters(found: Definition) -> dict[str, Definition]:
    """Return the type variables that `def f[T]()`, `class C[T]` and `type X[T]` declare."""
    return {each.name: Definition(found.module, each.name, each) for each in getattr(found.node, "type_params", ())}


def is_taken(module: Module, name: str) -> bool:
    """Whether a star takes what a module calls so."""
    return name in module.listed or not module.is_whole and not name.startswith("_")


def statements(body: Sequence[ast.stmt]) -> Iterator[tuple[ast.stmt, bool]]:
    """Go over what a body runs, into `if`, `try` and `with`, and say of each whether it is only a second choice."""
    for node in body:
        if isinstance(node, ast.If):
            first, second = (node.orelse, []) if ast.unparse(node.test) in NEVER else (node.body, node.orelse)
        elif isinstance(node, ast.Try):
            first, second = [*node.body, *node.orelse, *node.finalbody], [each for one in node.handlers for each in one.body]
        elif isinstance(node, ast.With):
            first, second = node.body, []
        else:
            yield node, False
            continue
        yield from statements(first)
        for each, _ in statements(second):
            yield each, True


def _defined(module: Module, body: Sequence[ast.stmt]) -> tuple[dict[str, Definition], list[str]]:
    """Return what statements define, by name, and the modules that all is imported from."""
    names: dict[str, Definition] = {}
    stars: list[str] = []
    for node, is_second in statements(body):
        for target in node.targets if isinstance(node, ast.Delete) and not is_second else ():
            if isinstance(target, ast.Name) and target.id in names:
                names[target.id].is_gone = True
        for defined in _definitions(module, node):
            if defined.name == "*":
                stars.insert(len(stars) if is_second else 0, defined.target)
            else:
                _add(names, defined, is_second)
    return names, stars


def _add(names: dict[str, Definition], defined: Definition, is_second: bool) -> None:
    """Let a name stand for what it is defined as now, or leave it as it is."""
    before = names.get(defined.name)
    if before is not None:
        are_functions = isinstance(before.node, Function) and isinstance(defined.node, Function)
        # Overloads that only a type checker reads are of a function that stands elsewhere.
        if is_second and not (are_functions and is_decorated(before.node, "overload")):
            if before.node is None and before.instead is None and isinstance(defined.node, Block):
                before.instead = defined
            return
        if defined.node is None:
            defined.instead = before if isinstance(before.node, Block) else before.instead
        # The setter and the deleter of a property have its name.
        if _decorates(defined, before.node) or are_functions and is_decorated(defined.node, "setter", "deleter"):
            return
        if are_functions:
            defined.overloads = before.overloads
    if isinstance(defined.node, Function) and is_decorated(defined.node, "overload"):
        defined.overloads = [*defined.overloads, defined.node]
    names[defined.name] = defined


def _definitions(module: Module, node: ast.stmt) -> Iterator[Definition]:
    """Go over what a statement defines; the name of all that it imports from a module is `*`."""
    if isinstance(node, Block):
        yield Definition(module, node.name, node)
    elif isinstance(node, ast.Import):
        for alias in node.names:
            # `import a.b` binds `a`.
            target = alias.name if alias.asname else alias.name.split(".")[0]
            yield Definition(module, alias.asname or target, target=target)
    elif isinstance(node, ast.ImportFrom):
        package = node.module or ""
        if node.level:
            around = module.package.split(".")
            package = ".".join([*around[: len(around) - node.level + 1], *([package] if package else [])])
        for alias in node.names:
            yield Definition(module, alias.asname or alias.name, target=package if alias.name == "*" else f"{package}.{alias.name}")
    elif isinstance(node, ast.Assign):
        for target, value in [pair for one in node.targets for pair in pairs(one, node.value)]:
            if isinstance(target, ast.Name):
                # What is taken apart is known when the module runs, as what a call makes.
                yield Definition(module, target.id, value or ast.copy_location(ast.Call(node.value, [], []), node))
    elif isinstance(node, ast.AnnAssign):
        if isinstance(node.target, ast.Name):
            yield Definition(module, node.target.id, node.value or node, annotation=node.annotation)
    elif is_type_statement(node):
        yield Definition(module, node.name.id, node)  # type: ignore[attr-defined]


def _list(module: Module, node: ast.stmt) -> None:
    """Add what a statement does to `__all__`."""

    def add(value: ast.expr | None) -> bool:
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
            return add(value.left) & add(value.right)
        items = value.elts if isinstance(value, (ast.List, ast.Tuple)) else []
        names = {each.value: each for each in items if isinstance(each, ast.Constant) and isinstance(each.value, str)}
        module.listed.update(names)
        return len(names) == len(items) > 0

    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    value = getattr(node, "value", None)
    called = dotted_name(value.func) if isinstance(node, ast.Expr) and isinstance(value, ast.Call) and value.args else None
    if called == "__all__.append":
        module.is_whole &= add(ast.List(value.args))
    elif called == "__all__.extend":
        module.is_whole &= add(value.args[0])
    elif dotted_name(target) == "__all__" and isinstance(node, ast.AugAssign):
        module.is_whole &= add(value)
    elif dotted_name(target) == "__all__":
        module.listed.clear()
        module.is_whole = add(value)


def _decorates(defined: Definition, before: ast.AST | None) -> bool:
    """Whether it is `f = expose(f)`, which does what a decorator does. It is made one of what the name stood for."""
    node = defined.node
    if not isinstance(before, Block) or not isinstance(node, ast.Call):
        return False
    if node.keywords or len(node.args) != 1 or dotted_name(node.args[0]) != defined.name:
        return False
    if node.func not in before.decorator_list:
        before.decorator_list.insert(0, node.func)
    return True


# What is never so in a worker: it is imported, and not on Windows.
NEVER = frozenset(["__name__ == '__main__'", "sys.platform == 'win32'", "os.name == 'nt'"])
