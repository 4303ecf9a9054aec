"""Sources: where modules are found, and what a name stands for, without running anything."""

from __future__ import annotations

import ast
import builtins
import os
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder

from .known import SHAPES, VALUES, known_as
from .module import Definition, Module, is_taken, members, read_module
from .syntax import dotted_name


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
        module = self._modules[name] = read_module(name, file)
        return module

    def find(self, name: str) -> Module | None:
        """Return the module of that dotted name, or None if it has no source here."""
        if name not in self._modules:
            self._modules[name] = None
            file = self._file_of(name)
            if file is not None:
                self.files.setdefault(file, version_of(file))
                self._modules[name] = read_module(name, file)
        return self._modules[name]

    def resolve(self, module: Module, dotted: str) -> Definition | str | None:
        """Return what `dotted` stands for in `module`.

        That is where a source defines it, or a qualified name such as "typing.Optional" for what is known by its name
        or has no source; None for a name that is nowhere.
        """
        found = self._resolve(module, dotted.split("."), frozenset())
        return known_as(found) if isinstance(found, str) else found

    def _resolve(self, module: Module, words: list[str], seen: frozenset[tuple[str, str]]) -> Definition | str | None:
        head, rest = words[0], words[1:]
        if (module.name, head) in seen:
            return None
        seen |= {(module.name, head)}
        known = known_as(f"{module.name}.{head}")
        if known in VALUES or known in SHAPES:
            return ".".join([known, *rest])
        found = module.names.get(head)
        if found is not None:
            return self._inside(found, rest, seen)
        for star in module.stars:
            if _is_read(star, module):
                inner = self.find(star)
                target = self._look_up([*star.split("."), *words], seen, module) if inner is None or is_taken(inner, head) else None
                if _is_told(target):
                    return target
        submodule = self.find(f"{module.name}.{head}") if rest and module.package == module.name else None
        if submodule is not None:
            return self._resolve(submodule, rest, seen)
        source = "builtins" if hasattr(builtins, head) else _star_with(head, module)
        return source and ".".join([source, *words])

    def _inside(self, found: Definition, words: list[str], seen: frozenset[tuple[str, str]]) -> Definition | str | None:
        """Return what the words lead to behind a name, into classes and their bases."""
        if found.node is None:
            target = self._look_up([*found.target.split("."), *words], seen, found.module)
            return target if found.instead is None or _is_told(target) else self._inside(found.instead, words, seen)
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

    `versionOf` in `src/cli/change.ts` compares with it.
    """
    try:
        found = os.stat(file)
    except OSError:
        return None
    return f"{found.st_mtime_ns} {found.st_size} {found.st_ino}"


def _is_told(target: Definition | str | None) -> bool:
    """Whether a source tells what it is, or its name does."""
    return isinstance(target, Definition) or target is not None and _is_known(target)


def _is_known(name: str) -> bool:
    """Whether names of that module speak for themselves, so that its source is not asked."""
    return name.split(".")[0] in KNOWN


def _is_read(name: str, asking: Module) -> bool:
    """Whether the source of a name is asked: one that is known speaks for itself, but not to its own package."""
    return not _is_known(name) or name.split(".")[0] == asking.name.split(".")[0]


def _star_with(name: str, module: Module) -> str | None:
    """Return the known module from which a name comes that stands in no source; one that is not loaded may have it."""
    known = [each for each in module.stars if not _is_read(each, module)]
    having = [each for each in known if hasattr(sys.modules.get(each), name)]
    unasked = [each for each in known if each not in sys.modules]
    return next(iter(having or unasked), None)


# Reading them would tell no more than their names do.
KNOWN = frozenset(
    "abc array attr attrs builtins collections contextlib dataclasses datetime decimal enum fractions functools "
    "ipaddress numbers numpy os pathlib pydantic pythonarium types typing typing_extensions uuid".split()
)
