"""Modules as their sources say they are: what each name stands for, without running anything."""

from __future__ import annotations

import ast
import builtins
import os
import sys
import tokenize
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

from .known import SHAPES, VALUES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(eq=False)
class Module:
    """A module that was read."""

    name: str
    path: str
    tree: ast.Module
    names: dict[str, Definition] = field(default_factory=dict)
    # The modules that all is imported from, in the order in which they are asked for a name: the last in the file first.
    stars: list[str] = field(default_factory=list)
    # What `listed_names` has found.
    listed: tuple[dict[str, ast.expr], bool] | None = None

    @property
    def package(self) -> str:
        """What relative imports are relative to."""
        return self.name if os.path.basename(self.path) == "__init__.py" else self.name.rpartition(".")[0]


@dataclass(eq=False)
class Definition:
    """What a name of a module stands for.

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


class Sources:
    """Finds and reads modules on a path, each of them once.

    `files` are those that were read, and those that would be if they were there, each with the version of it that was found:
    one that is put in its place while it is read is another.
    """

    def __init__(self, path: Sequence[str]) -> None:
        self.files: dict[str, str | None] = {}
        self._path = list(path)
        self._modules: dict[str, Module | None] = {}

    def load(self, source: str) -> Module:
        """Return the module of a .py file, of a package folder (absolute paths) or of a dotted name.

        Raises SourceMissing when there is no source to read, and SyntaxError when it is no Python.
        """
        if not os.path.isabs(source):
            module = self.find(source)
            if module is None:
                raise SourceMissing(f"There is no Python source of the module {source!r}: it was not found, or it is not written in Python.")
            return module
        is_folder = os.path.isdir(source)
        file = os.path.join(source, "__init__.py") if is_folder else source
        self.files.setdefault(file, version_of(file))
        if not os.path.isfile(file):
            raise SourceMissing(f"There is no file {file}.")
        name = os.path.basename(source.rstrip(os.sep)) if is_folder else os.path.splitext(os.path.basename(source))[0]
        module = self._modules[name] = _read(name, file)
        return module

    def find(self, name: str) -> Module | None:
        """Return the module of that dotted name, or None if it has no source here."""
        if name not in self._modules:
            self._modules[name] = None
            file = self._file_of(name)
            if file is not None:
                self.files.setdefault(file, version_of(file))
                self._modules[name] = _read(name, file)
        return self._modules[name]

    def resolve(self, module: Module, dotted: str) -> Definition | str | None:
        """Return what `dotted` stands for in `module`.

        That is where a source defines it, or a qualified name such as "typing.Optional" for what is known by its name
        or has no source; None for a name that is nowhere.
        """
        return self._resolve(module, dotted.split("."), frozenset())

    def _resolve(self, module: Module, words: list[str], seen: frozenset[tuple[str, str]]) -> Definition | str | None:
        head, rest = words[0], words[1:]
        if (module.name, head) in seen:
            return None
        seen |= {(module.name, head)}
        found = module.names.get(head)
        known = f"{module.name}.{head}"
        if known in VALUES or known in SHAPES:
            return ".".join([known, *rest])
        if found is None:
            for star in module.stars:
                inner = self.find(star) if _is_read(star, module) else None
                if inner is not None and not is_taken(inner, head):
                    continue
                from_star = self._look_up([*star.split("."), *words], seen, module) if _is_read(star, module) else None
                if isinstance(from_star, Definition) or (from_star is not None and is_known(from_star)):
                    return from_star
            submodule = self.find(f"{module.name}.{head}") if rest and module.package == module.name else None
            if submodule is not None:
                return self._resolve(submodule, rest, seen)
            known = "builtins" if hasattr(builtins, head) else _star_with(head, module)
            return known and ".".join([known, *words])
        return self._inside(found, rest, seen)

    def _inside(self, found: Definition, words: list[str], seen: frozenset[tuple[str, str]]) -> Definition | str | None:
        """Return what the words lead to behind a name, into classes and their bases."""
        if found.node is None:
            target = self._look_up([*found.target.split("."), *words], seen, found.module)
            if found.instead is None or isinstance(target, Definition) or target is not None and is_known(target):
                return target
            return self._inside(found.instead, words, seen)
        # Another name for the same thing.
        if isinstance(found.node, (ast.Name, ast.Attribute)) and found.annotation is None:
            alias = dotted_name(found.node)
            target = alias and self._resolve(found.module, [*alias.split("."), *words], seen)
            return target or (None if words else found)
        if not words:
            return found
        own = members(found).get(words[0])
        if own is not None:
            return self._inside(own, words[1:], seen)
        for base in getattr(found.node, "bases", ()):
            dotted = dotted_name(base.value if isinstance(base, ast.Subscript) else base)
            inherited = dotted and self._resolve(found.module, [*dotted.split("."), *words], seen)
            if isinstance(inherited, Definition):
                return inherited
        return None

    def _look_up(self, words: list[str], seen: frozenset[tuple[str, str]], asking: Module) -> Definition | str | None:
        if _is_read(words[0], asking):
            for count in range(len(words) - 1, 0, -1):
                module = self.find(".".join(words[:count]))
                if module is not None:
                    return self._resolve(module, words[count:], seen)
        return ".".join(words)

    def _file_of(self, name: str) -> str | None:
        parent, _, last = name.rpartition(".")
        path = self._folders_of(parent)
        places = [os.path.join(folder, end) for folder in path for end in (os.path.join(last, "__init__.py"), f"{last}.py")]
        # Before the module is looked for: what comes to one of them afterwards is not what was found.
        versions = {place: version_of(place) for place in places}
        spec = PathFinder.find_spec(last, path)
        file = spec.origin if spec is not None and spec.has_location and str(spec.origin).endswith(".py") else None
        for place, version in versions.items():
            if place == file:
                break
            self.files.setdefault(place, version)
        return file

    def _folders_of(self, package: str) -> Sequence[str]:
        """Return where the modules of a package are looked for, and of "" all others."""
        if not package:
            return self._path
        found = self.find(package)
        if found is not None:
            return [os.path.dirname(found.path)] if found.package == found.name else []
        # Without an `__init__.py` it is all the folders of its name.
        parent, _, last = package.rpartition(".")
        spec = PathFinder.find_spec(last, self._folders_of(parent))
        return list((spec and spec.submodule_search_locations) or [])


class SourceMissing(Exception):
    """There is no source to read."""


def version_of(file: str) -> str | None:
    """Return what is another for every other version of a file, older ones too; None where there is no file.

    `versionOf` in `src/cli/types.ts` compares with it.
    """
    try:
        found = os.stat(file)
    except OSError:
        return None
    return f"{found.st_mtime_ns} {found.st_size} {found.st_ino}"


def is_known(name: str) -> bool:
    """Whether names of that module speak for themselves, so that its source is not asked."""
    return name.split(".")[0] in KNOWN


def _is_read(name: str, asking: Module) -> bool:
    """Whether the source of a name is asked: one that is known speaks for itself, but not to its own package."""
    return not is_known(name) or name.split(".")[0] == asking.name.split(".")[0]


def dotted_name(node: ast.AST | None) -> str | None:
    """Return the text of a name or of an attribute of one; None for any other expression."""
    words = []
    while isinstance(node, ast.Attribute):
        words.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(words)]) if isinstance(node, ast.Name) else None


def docstring(node: ast.AST | None) -> str:
    """Return the docstring of a function, a class or a module, without its indentation."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)):
        return ast.get_docstring(node) or ""
    return ""


def members(found: Definition) -> dict[str, Definition]:
    """Return what the body of a class defines, by name; nothing for what is no class."""
    names: dict[str, Definition] = {}
    if isinstance(found.node, ast.ClassDef):
        _collect(found.module, found.node.body, names)
    for each in names.values():
        each.outer = found
    return names


def listed_names(module: Module) -> tuple[dict[str, ast.expr], bool]:
    """Return what `__all__` lists, as far as it is written out, and whether that is all of it."""
    if module.listed is not None:
        return module.listed
    listed: dict[str, ast.expr] = {}
    is_whole = False

    def add(value: ast.expr | None) -> bool:
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
            return add(value.left) & add(value.right)
        items = value.elts if isinstance(value, (ast.List, ast.Tuple)) else []
        names = {each.value: each for each in items if isinstance(each, ast.Constant) and isinstance(each.value, str)}
        listed.update(names)
        return len(names) == len(items) > 0

    for node, _ in statements(module.tree.body):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        call = node.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
        if dotted_name(target) == "__all__":
            if isinstance(node, ast.AugAssign):
                is_whole &= add(node.value)
            else:
                listed.clear()
                is_whole = add(getattr(node, "value", None))
        elif call is not None and call.args and dotted_name(call.func) == "__all__.append":
            is_whole &= add(ast.List(call.args))
        elif call is not None and call.args and dotted_name(call.func) == "__all__.extend":
            is_whole &= add(call.args[0])
    module.listed = listed, is_whole
    return module.listed


def is_taken(module: Module, name: str) -> bool:
    """Whether a star takes what a module calls so."""
    listed, is_whole = listed_names(module)
    return name in listed or not is_whole and not name.startswith("_")


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


def _read(name: str, file: str) -> Module:
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
    module.stars = _collect(module, tree.body, module.names)
    return module


def _collect(module: Module, body: Sequence[ast.stmt], names: dict[str, Definition]) -> list[str]:
    """Put what the statements define into `names`; return the modules that all is imported from."""
    stars: list[str] = []
    for node, is_second in statements(body):
        for target in node.targets if isinstance(node, ast.Delete) and not is_second else ():
            if isinstance(target, ast.Name) and target.id in names:
                names[target.id].is_gone = True
        own: list[str] = []
        for defined in _definitions(module, node, own):
            before = names.get(defined.name)
            is_function = isinstance(defined.node, (ast.FunctionDef, ast.AsyncFunctionDef))
            # Overloads that only a type checker reads are of a function that stands elsewhere.
            is_theirs = is_function and before is not None and isinstance(before.node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _is_overload(before.node)
            if is_second and before is not None and not is_theirs:
                if before.node is None and before.instead is None and _has_body(defined):
                    before.instead = defined
                continue
            if before is not None and defined.node is None:
                defined.instead = before if _has_body(before) else before.instead
            if before is not None and _decorates(defined, before.node):
                continue
            if isinstance(defined.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if before is not None and isinstance(before.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    if _is_accessor(defined.node):
                        continue
                    defined.overloads = before.overloads
                if _is_overload(defined.node):
                    defined.overloads = [*defined.overloads, defined.node]
            names[defined.name] = defined
        stars = [*stars, *own] if is_second else [*own, *stars]
    return stars


def _definitions(module: Module, node: ast.stmt, stars: list[str]) -> Iterator[Definition]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield Definition(module, node.name, node)
    elif isinstance(node, ast.Import):
        for alias in node.names:
            # `import a.b` binds `a`.
            yield Definition(module, alias.asname or alias.name.split(".")[0], target=alias.name if alias.asname else alias.name.split(".")[0])
    elif isinstance(node, ast.ImportFrom):
        package = node.module or ""
        if node.level:
            around = module.package.split(".")
            base = around[: len(around) - node.level + 1]
            package = ".".join([*base, *([package] if package else [])])
        for alias in node.names:
            if alias.name == "*":
                stars.append(package)
            else:
                yield Definition(module, alias.asname or alias.name, target=f"{package}.{alias.name}")
    elif isinstance(node, ast.Assign):
        for target, value in [pair for one in node.targets for pair in pairs(one, node.value)]:
            if isinstance(target, ast.Name):
                # What is taken apart is known when the module runs, as what a call makes.
                yield Definition(module, target.id, value or ast.copy_location(ast.Call(node.value, [], []), node))
    elif isinstance(node, ast.AnnAssign):
        if isinstance(node.target, ast.Name):
            yield Definition(module, node.target.id, node.value or node, annotation=node.annotation)
    elif type(node).__name__ == "TypeAlias":
        yield Definition(module, node.name.id, node)  # type: ignore[attr-defined]


def pairs(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """Go over what is assigned: `self.a, self.b = a, b` are two."""
    if not isinstance(target, (ast.Tuple, ast.List)):
        yield target, value
        return
    values: list[ast.expr] = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
    is_told = len(values) == len(target.elts) and not any(isinstance(each, ast.Starred) for each in [*values, *target.elts])
    for index, each in enumerate(target.elts):
        yield from pairs(each.value if isinstance(each, ast.Starred) else each, values[index] if is_told else None)


def _star_with(name: str, module: Module) -> str | None:
    """Return the known module from which a name comes that stands in no source; one that is not loaded may have it."""
    known = [each for each in module.stars if not _is_read(each, module)]
    having = [each for each in known if hasattr(sys.modules.get(each), name)]
    unasked = [each for each in known if each not in sys.modules]
    return next(iter(having or unasked), None)


def _decorates(defined: Definition, before: ast.AST | None) -> bool:
    """Whether it is `f = expose(f)`, which does what a decorator does. It is made one of what the name stood for."""
    node = defined.node
    if not isinstance(before, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or not isinstance(node, ast.Call):
        return False
    if node.keywords or len(node.args) != 1 or dotted_name(node.args[0]) != defined.name:
        return False
    if node.func not in before.decorator_list:
        before.decorator_list.insert(0, node.func)
    return True


def _has_body(defined: Definition) -> bool:
    return isinstance(defined.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))


def _is_overload(node: Function) -> bool:
    return any((dotted_name(each) or "").split(".")[-1] == "overload" for each in node.decorator_list)


def _is_accessor(node: Function) -> bool:
    """Whether it is the setter or the deleter of a property, which has the property's own name."""
    return any(isinstance(each, ast.Attribute) and each.attr in ("setter", "deleter") for each in node.decorator_list)


# What is never so in a worker: it is imported, and not on Windows.
NEVER = frozenset(["__name__ == '__main__'", "sys.platform == 'win32'", "os.name == 'nt'"])
# Reading them would tell no more than their names do.
KNOWN = frozenset(
    "abc array attr attrs builtins collections contextlib dataclasses datetime decimal enum fractions functools "
    "ipaddress numbers numpy os pathlib pydantic pythonarium types typing typing_extensions uuid".split()
)
