"""The declarations of a file: what Node may call, as `pool.py` has it, and the types that it needs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .docstring import read_docstring
from .expose import find_exposed
from .handle import handle_type
from .hint import Hints, Warned
from .module import Definition, Module
from .named import named_type
from .signature import declared_function
from .source import Sources
from .syntax import docstring
from .text import NOT_CALLED, RESERVED, comment, quote


class Declared(NamedTuple):
    """A file of declarations."""

    text: str
    functions: int
    warnings: list[Warned]


def declare(sources: Sources, modules: dict[str, Module], expose: str, title: str) -> Declared:
    """Return the declarations of what Node may call in `modules`, which stand by their prefix ("" for none).

    `expose` is "marked" or "all", as the pool has it. Raises NothingToDeclare for a module that has nothing.
    """
    return _File(sources, modules, expose).write(title)


@dataclass
class _Space:
    """What stands under one prefix: functions, and further prefixes."""

    functions: dict[str, Definition] = field(default_factory=dict)
    spaces: dict[str, _Space] = field(default_factory=dict)


class _File:
    def __init__(self, sources: Sources, modules: dict[str, Module], expose: str) -> None:
        self._root = _Space()
        self._count = 0
        handles: set[ast.AST | None] = set()
        # What derives from a class with @expose stays in Python like it, a dataclass, too.
        self._hints = Hints(sources, lambda found: any(each.node in handles for each in (self._hints.lineage(found) if expose == "marked" else [found])))
        for prefix, module in modules.items():
            for name, definition in find_exposed(self._hints, module, expose).items():
                self._add(f"{prefix}.{name}" if prefix else name, definition)
                if isinstance(definition.node, ast.ClassDef) and (expose == "marked" or self._hints.kind(definition) == "other"):
                    handles.add(definition.node)

    def write(self, title: str) -> Declared:
        functions = [line for lines in self._space(self._root) for line in [*lines, ""]]
        types: list[str] = []
        while self._hints.waiting:
            found, name = self._hints.waiting.pop(0)
            types += [*self._type(found, name), ""]
        imports = sorted(self._hints.imports)
        head = [f"// Written by `{title}`: change the Python and run it again."]
        if imports:
            head.append(f"import type {{ {', '.join(imports)} }} from 'pythonarium' with {{ 'resolution-mode': 'import' }};")
        text = "\n".join([*head, "", *functions, *types, "export {};", ""])
        return Declared(text, self._count, sorted(self._hints.warnings))

    def _add(self, full: str, definition: Definition) -> None:
        *prefixes, name = full.split(".")
        if not NOT_CALLED.isdisjoint([*prefixes, name]):
            self._hints.warn(definition.module, definition.node, f"pool.py.{full} means something else in JavaScript: it is left out, and pool.call({quote(full)}) calls it")
            return
        space = self._root
        for prefix in prefixes:
            space = space.spaces.setdefault(prefix, _Space())
        space.functions[name] = definition

    def _space(self, space: _Space, is_inner: bool = False) -> Iterator[list[str]]:
        """Write the functions of one prefix, then the prefixes in it, each as a namespace."""
        taken = {*space.functions, *space.spaces}

        def own_name(name: str) -> str:
            """Return the name to declare it by: a word that TypeScript reserves is given at the export."""
            if name.isidentifier() and name not in RESERVED and name not in BUILT_IN:
                return name
            local = "".join(char if f"_{char}".isidentifier() else "_" for char in name) + "_"
            while local in taken or not local.isidentifier():
                local = f"_{local}"
            taken.add(local)
            return local

        own = {name: own_name(name) for name in dict.fromkeys([*space.functions, *space.spaces])}
        renamed = {name: local for name, local in own.items() if local != name}
        # A namespace exports all that is in it, but not once it has an `export` of its own.
        declare, export = ("", "export " if renamed else "") if is_inner else ("declare ", "export ")
        for name, definition in space.functions.items():
            self._count += 1
            yield list(declared_function(self._hints, definition, f"{declare if name in renamed else export}function {own[name]}"))
        for name, inner in space.spaces.items():
            lines = [line for each in self._space(inner, is_inner=True) for line in each]
            yield [f"{declare if name in renamed else export}namespace {own[name]} {{", *(f"  {line}".rstrip() for line in lines), "}"]
        for name, local in renamed.items():
            yield [f"export {{ {local} as {name if name.isidentifier() else quote(name)} }};"]

    def _type(self, found: Definition, name: str) -> list[str]:
        if isinstance(found.node, ast.ClassDef) and self._hints.kind(found) == "handle":
            # What the class is about stands at its constructor.
            return list(handle_type(self._hints, found, name))
        return [*comment(read_docstring(docstring(found.node)).body), *named_type(self._hints, found, name)]


# Global values that no declaration may shadow, since the file speaks of them, and what it imports.
BUILT_IN = frozenset(["globalThis", "undefined", "Handle", "Kwargs", "NdArray", "Symbol", "TypedArray"])
