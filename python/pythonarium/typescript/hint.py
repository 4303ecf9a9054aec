"""What a hint is in TypeScript."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from .classes import MADE, TYPE_VARIABLES, Classes, Field
from .docstring import read_docstring
from .known import NO_TYPED_ARRAY, SHAPES, STREAMS, TEXT, TYPED_ARRAY, TYPED_ARRAYS, UNKNOWN, VALUES, is_concrete
from .module import Definition, Module
from .scope import Scope
from .syntax import Function, constant, dotted_name, in_brackets, is_none, is_type_statement, keywords, last_word, local_variables, parsed, unpacked
from .text import GLOBALS, angled, comment, label, many, property_name, quote, union, without_literals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .source import Sources


class Warned(NamedTuple):
    """Something that could not be told in TypeScript, and where."""

    file: str
    line: int
    text: str


class Hints(Classes):
    """Turns hints into TypeScript, and keeps what they need: named types, imports, warnings."""

    def __init__(self, sources: Sources, is_handle: Callable[[Definition], bool]) -> None:
        super().__init__(sources, is_handle)
        self._named: dict[ast.AST, str] = {}
        self._kinds_of_keys: dict[ast.AST | None, str] = {}
        # What is being read, and may speak of itself.
        self._under_way: set[ast.AST] = set()
        self.waiting: list[tuple[Definition, str]] = []
        self.imports: set[str] = set()
        self.warnings: list[Warned] = []

    def warn(self, module: Module, node: ast.AST | None, text: str) -> None:
        warned = Warned(module.path, getattr(node, "lineno", 1), text)
        if warned not in self.warnings:
            self.warnings.append(warned)

    def parameter(self, node: ast.expr, scope: Scope) -> str:
        """Return the type that a parameter takes: also the typed arrays of which an array of numpy is made there."""
        arrays = list(dict.fromkeys(self._typed_arrays(node, scope)))
        if not arrays:
            return self.render(node, scope)
        if TYPED_ARRAY in arrays:
            self.imports.add(TYPED_ARRAY)
            arrays = [TYPED_ARRAY]
        return union([self.render(node, scope), *arrays])

    def _typed_arrays(self, node: ast.expr, scope: Scope, seen: set[ast.AST] | None = None) -> Iterator[str]:
        # An alias may name itself, and more than once.
        seen = set() if seen is None else seen
        for each in _alternatives(node):
            found = self.resolve(each, scope)
            if isinstance(found, Definition):
                alias = _aliased(found.node)
                if alias is not None and not isinstance(alias, ast.Call) and alias not in seen:
                    seen.add(alias)
                    yield from self._typed_arrays(alias, Scope(found.module), seen)
            elif found == "numpy.typing.NDArray" and isinstance(each, ast.Subscript):
                item = self.resolve(in_brackets(each)[0], scope)
                if item in TYPED_ARRAYS:
                    yield TYPED_ARRAYS[item]
                elif not isinstance(item, str) or item not in NO_TYPED_ARRAY:
                    yield TYPED_ARRAY
            elif found in ("numpy.ndarray", "numpy.typing.NDArray"):
                yield TYPED_ARRAY

    def name_of(self, found: Definition) -> str:
        """Return the name that a class or an alias has in the file, which is written there in its turn."""
        assert found.node is not None
        if found.node not in self._named:
            taken = {*self._named.values(), *GLOBALS}
            name = found.name
            count = 1
            while name in taken:
                count += 1
                name = f"{found.name}{count}"
            self._named[found.node] = name
            self.waiting.append((found, name))
        return self._named[found.node]

    def parameters(self, found: Definition) -> dict[str, str]:
        """Return the type variables of a class or an alias, with what each extends."""
        variables = {name: (node, scope) for name, (node, scope, kind) in self._variables(found).items() if kind == "TypeVar"}
        assert found.node is not None
        if found.node in self._under_way:
            # A bound speaks of the class that it is for, and `any` keeps to every bound.
            return dict.fromkeys(variables, "any")
        self._under_way.add(found.node)
        try:
            return {name: self._bound(*variable) for name, variable in variables.items()}
        finally:
            self._under_way.remove(found.node)

    def wrapped(self, node: ast.expr, scope: Scope) -> tuple[ast.expr, set[str]]:
        """Take off what says something about a field and not about its type: `NotRequired[X]`, `ClassVar[X]`."""
        marks: set[str] = set()
        while True:
            node = parsed(node)
            name = self.resolve(node, scope)
            last = last_word(name)
            if last in WRAPPERS:
                marks.add(last)
            if not isinstance(node, ast.Subscript) or last != "Annotated" and last not in WRAPPERS:
                return node, marks
            node = in_brackets(node)[0]

    def stream(self, node: ast.expr | None, scope: Scope, depth: int = 0) -> str | None:
        """Return the type of the items that a function with this result yields, or None if it is no iterator."""
        if node is None:
            return None
        node, _ = self.wrapped(node, scope)
        name = self.resolve(node, scope)
        alias = _aliased(name.node) if isinstance(name, Definition) else None
        if isinstance(name, Definition) and alias is not None and depth < 20:
            inner = Scope(name.module, "out", local=local_variables(name.node))
            items = self.stream(alias, inner, depth + 1)
            # Where it has type variables, what is given for them is known to the alias.
            return f"{self.render(node, replace(scope, way='out'))}[number]" if items is not None and self.parameters(name) else items
        if not isinstance(name, str) or name not in STREAMS:
            return None
        return self.render(in_brackets(node)[0], replace(scope, way="out")) if isinstance(node, ast.Subscript) else "unknown"

    def keys(self, node: ast.expr, scope: Scope) -> dict[str, tuple[str, bool]] | None:
        """Return the keys of a TypedDict with their types, and whether each may be missing; None for any other hint."""
        node = parsed(node)
        found = self.resolve(node, scope)
        if not isinstance(found, Definition):
            return None
        place = Scope(found.module, scope.way)
        return self._keys(found, place) if self.kind(found) == "typeddict" else None

    def _keys(self, found: Definition, scope: Scope) -> dict[str, tuple[str, bool]]:
        told = {key: (each, *self._field(each, scope)) for key, each in self.fields(found).items()}
        return {key: (text, _may_miss(marks, each.is_total)) for key, (each, text, marks) in told.items()}

    def array(self, node: ast.expr, scope: Scope) -> str:
        """Return the type of what `*tuple[int, str]` unpacks."""
        text = self.render(node, scope)
        return text if text.endswith("]") else "unknown[]"

    def render(self, node: ast.expr, scope: Scope) -> str:
        """Return the type that a hint is."""
        node = parsed(node)
        if is_none(node):
            return "null"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._union([node.left, node.right], scope)
        if isinstance(node, ast.Subscript):
            return self._subscript(node, scope)
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._name(node, scope)
        self.warn(scope.module, node, f"{ast.unparse(node)} is no hint that is understood")
        return "unknown"

    def _name(self, node: ast.expr, scope: Scope) -> str:
        if isinstance(node, ast.Name) and (node.id in scope.local or node.id in scope.given):
            return self._variable(node.id, scope.local.get(node.id), scope)
        found = self.resolve(node, scope)
        if isinstance(found, Definition):
            return self._defined(found, [], node, scope)
        if last_word(found) == "Self" and scope.owner:
            return scope.owner
        if found == "typing.AnyStr" and scope.variables is not None:
            return self._variable("AnyStr", TEXT_OR_BYTES, scope)
        if found in VALUES:
            return self._value(found, scope)
        if found in SHAPES:
            return self._shaped(found, [], node, scope)
        if last_word(found) in WRAPPERS or self._is_of_parameters(node, scope):
            return "unknown"
        why = "is not defined where it is used" if found is None else "has no counterpart in TypeScript"
        self.warn(scope.module, node, f"{ast.unparse(node)} {why}: it is unknown")
        return "unknown"

    def _is_of_parameters(self, node: ast.expr, scope: Scope) -> bool:
        """Whether it is `P.args` or `P.kwargs` of a ParamSpec, which may be any."""
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name) or node.attr not in ("args", "kwargs"):
            return False
        found = self.resolve(node.value, scope)
        return node.value.id in scope.local or isinstance(found, Definition) and self.made_by(found) == "ParamSpec"

    def _subscript(self, node: ast.Subscript, scope: Scope) -> str:
        found = self.resolve(node.value, scope)
        arguments = in_brackets(node)
        if isinstance(found, Definition):
            return self._defined(found, arguments, node, scope)
        last = last_word(found)
        if found in SHAPES:
            return self._shaped(found, arguments, node, scope)
        if last in ("Union", "Optional"):
            return self._union([*arguments, *([ast.Constant(None)] if last == "Optional" else [])], scope)
        if last == "Literal":
            return union(self._literal(each, scope) for each in arguments)
        if last == "Annotated" or last in WRAPPERS:
            return self.render(arguments[0], scope)
        if last in ("TypeGuard", "TypeIs"):
            return "boolean"
        if found in VALUES:
            return self._value(found, scope)
        return self._name(node.value, scope)

    def _value(self, name: str, scope: Scope) -> str:
        into, out = VALUES[name]
        text = into if scope.way == "in" else out
        if "NdArray" in text:
            self.imports.add("NdArray")
        return text

    def _union(self, nodes: Sequence[ast.expr], scope: Scope) -> str:
        return union(self.render(each, scope) for each in nodes)

    def _shaped(self, name: str, arguments: Sequence[ast.expr], node: ast.expr, scope: Scope) -> str:
        shape = SHAPES[name]
        if scope.way == "out" and (shape == "callable" or name in STREAMS):
            what = "a function, which cannot cross to Node" if shape == "callable" else "an iterator, which cannot cross as a value"
            self.warn(scope.module, node, f"{ast.unparse(node)} is {what}: it is unknown")
            return "unknown"
        return self._shape(shape, arguments, scope)

    def _shape(self, shape: str, arguments: Sequence[ast.expr], scope: Scope) -> str:
        inner = replace(scope, alias=None)

        def argument(index: int, scope: Scope = inner) -> str:
            return self.render(arguments[index], scope) if index < len(arguments) else "unknown"

        if shape == "list":
            return many(argument(0), scope.way)
        if shape == "set":
            return f"{'Readonly' if scope.way == 'in' else ''}Set<{argument(0)}>"
        if shape in ("dict", "counter"):
            key, kind = (argument(0), self._kind_of_keys(arguments[0], inner)) if arguments else ("string", "text")
            return self._dict(key, kind, "number" if shape == "counter" else argument(1), scope)
        if shape == "tuple":
            return self._tuple(arguments, inner)
        if shape == "iterable":
            # An iterator of this call in one direction; inside of a result, and in an answer, only a list can be meant.
            item = argument(0)
            return f"Iterable<{item}> | AsyncIterable<{item}>" if scope.way == "in" and not scope.is_answer else many(item, scope.way)
        if shape == "last":
            return argument(len(arguments) - 1 if arguments else 0)
        assert shape == "callable"
        # What Python gives a function goes out, and what comes of it goes in.
        given = parsed(arguments[0]) if arguments else None
        result = argument(1, replace(inner, way="in", is_answer=True))
        if isinstance(given, ast.List) and not any(map(unpacked, given.elts[:-1])):
            out = replace(inner, way="out")
            told = [(_letter(index), each, unpacked(each)) for index, each in enumerate(given.elts)]
            parameters = ", ".join(f"{name}: {self.render(each, out)}" if rest is None else f"...{name}: {self.array(rest, out)}" for name, each, rest in told)
        else:
            # Any function will do, whatever it takes.
            parameters = "...args: any[]"
        return f"({parameters}) => {_answer(result)}"

    def _dict(self, key: str, kind: str, value: str, scope: Scope) -> str:
        """Return the type of a dict; `kind` is what `_kind_of_keys` says."""
        text = f"{{ [key: string]: {value} }}"
        if kind == "text" or key == "unknown":
            return text
        if kind == "literals":
            return f"{{ [key in {key}]?: {value} }}"
        other = f"{'ReadonlyMap' if scope.way == 'in' else 'Map'}<{key}, {value}>"
        if kind == "other":
            return other
        # Which of the two it is shows where the variable is known, or only when it comes.
        either = f"{text} | {other}"
        if kind == "mixed" or scope.way == "in":
            return either
        # Where it stands for more than text, as for `str | int` or for anything, the keys that come may all be text.
        return f"([{key}] extends [string] ? {text} : Extract<{key}, string> | Extract<string, {key}> extends never ? {other} : {either})"

    def _kind_of_keys(self, node: ast.expr, scope: Scope, depth: int = 0) -> str:
        """Return what keys with this hint are in Python: "text" of any kind, "literals" of it, "other", "mixed" of these, or "variable" if it may be any.

        Their type in TypeScript does not tell: a date is text there, and a dict of dates a map. A dict is an object
        where all its keys are `str`.
        """
        if depth > 20:
            return "other"

        def together(nodes: Iterable[ast.expr], scope: Scope) -> str:
            return _together({self._kind_of_keys(each, scope, depth + 1) for each in nodes})

        node = parsed(node)
        if isinstance(node, ast.BinOp):
            return together([node.left, node.right], scope)
        given = self._given(node.id, scope) if isinstance(node, ast.Name) else None
        if given is not None:
            return self._kind_of_keys(*given, depth + 1)
        if isinstance(node, ast.Name) and node.id in scope.local:
            return together(_bounds(scope.local[node.id]), scope)
        found = self.resolve(node, scope)
        if isinstance(found, Definition):
            inner = Scope(found.module, local=local_variables(found.node))
            if isinstance(found.node, ast.ClassDef):
                is_text = not TEXT.isdisjoint(self.roots(found))
                return {"value": "text", "enum": "literals"}.get(self.kind(found), "other") if is_text else "other"
            if found.node not in self._kinds_of_keys:
                # As long as it is being read: an alias may name itself, and more than once.
                self._kinds_of_keys[found.node] = "other"
                self._kinds_of_keys[found.node] = together(_meant_by(found.node, self.made_by(found)), inner)
            return self._kinds_of_keys[found.node]
        last = last_word(found)
        if isinstance(node, ast.Subscript):
            if last in ("Union", "Optional"):
                return together([*in_brackets(node), *([ast.Constant(None)] if last == "Optional" else [])], scope)
            if last == "Literal":
                return _together({self._kind_of_literal(each, scope, depth + 1) for each in in_brackets(node)})
            if last == "Annotated" or last in WRAPPERS:
                return together(in_brackets(node)[:1], scope)
        return "text" if found in TEXT else "variable" if VALUES.get(found or "") == UNKNOWN else "other"

    def _kind_of_literal(self, node: ast.expr, scope: Scope, depth: int) -> str:
        """Return what a key is that is this literal, as `_kind_of_keys` does: a member of an enum is text only where the enum is."""
        if isinstance(node, ast.Constant):
            return "literals" if isinstance(node.value, str) else "other"
        if isinstance(node, ast.Attribute):
            owner = self.resolve(node.value, scope)
            if isinstance(owner, Definition) and self.kind(owner) == "enum":
                return self._kind_of_keys(node.value, scope, depth)
        return self._kind_of_keys(node, scope, depth)

    def _tuple(self, arguments: Sequence[ast.expr], scope: Scope) -> str:
        readonly = "readonly " if scope.way == "in" else ""
        if not arguments:
            return many("unknown", scope.way)
        if len(arguments) == 2 and constant(arguments[1]) is ...:
            return many(self.render(arguments[0], scope), scope.way)
        items = []
        for each in arguments:
            node = parsed(each)
            if isinstance(node, ast.Tuple) and not node.elts:
                continue
            inner = unpacked(node)
            items.append(self.render(node, scope) if inner is None else f"...{self.array(inner, scope)}")
        return f"{readonly}[{', '.join(items)}]"

    def _literal(self, node: ast.expr, scope: Scope) -> str:
        value = constant(node)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return quote(value)
        if isinstance(value, int):
            return str(value) if abs(value) < 2**53 else "bigint"
        if isinstance(value, bytes):
            return "Uint8Array"
        if is_none(node):
            return "null"
        if isinstance(node, ast.Attribute):
            owner = self.resolve(node.value, scope)
            if isinstance(owner, Definition) and isinstance(owner.node, ast.ClassDef) and self.kind(owner) == "enum":
                return dict(self._enum_values(owner)).get(node.attr, "unknown")
        # A Literal in a Literal stands for what is in it.
        if self.resolve(node, scope) is not None:
            return self.render(node, scope)
        return "unknown"

    def _defined(self, found: Definition, arguments: Sequence[ast.expr], node: ast.expr, scope: Scope) -> str:
        """Return what a name stands for that a source defines: a class, an alias, a type variable."""
        called = self.made_by(found)
        if called in TYPE_VARIABLES:
            return self._variable(found.name, found.node if called == "TypeVar" else None, scope, found.module)
        if called in FACTORIES:
            return self.name_of(found)
        kind, value = self.kind(found), _aliased(found.node)
        if isinstance(found.node, ast.ClassDef):
            if kind == "value":
                return self._built_on(found, scope)
            call = self.member(found, "__call__") if kind == "protocol" else None
            if kind == "other" or (kind == "protocol" and (call is None or scope.way == "out")):
                self.warn(scope.module, node, f"{found.name} is a class whose objects cannot cross (a dataclass can, or one with @expose): it is unknown")
                return "unknown"
        elif value is None or isinstance(value, (ast.Call, ast.List, ast.Dict)) or isinstance(value, ast.Constant) and not isinstance(value.value, (str, type(None))):
            self.warn(scope.module, node, f"{ast.unparse(node)} is no type: it is unknown")
            return "unknown"
        if scope.alias is not None and self._leads_to(found, scope.alias):
            self.warn(scope.module, node, f"{found.name} stands for itself: it is unknown")
            return "unknown"
        name = self.name_of(found)
        parameters = self.parameters(found)
        if not parameters:
            return name
        inner = replace(scope, alias=None)
        given = {name: self.render(each, inner) for name, each in self._told(found, arguments).items()}
        # What is not told is what the variable extends, since no more than that would be taken.
        texts = [given[name] if given[name] not in ("", "unknown") else extends or "unknown" for name, extends in parameters.items()]
        return f"{name}<{', '.join(texts)}>"

    def _built_on(self, found: Definition, scope: Scope) -> str:
        """Return what a class crosses as whose base is a value: as what that is. Inside of itself, it has a name."""
        assert isinstance(found.node, ast.ClassDef)
        if found.node in self._under_way:
            return self.name_of(found)
        self._under_way.add(found.node)
        try:
            inner = Scope(found.module, scope.way)
            root = self.root(found)
            if root is not None:
                return self._field(root, inner)[0]
            bases = [base for base in found.node.bases if self._is_value(base, inner)]
            return self.render(bases[0], inner) if bases else "unknown"
        finally:
            self._under_way.remove(found.node)

    def _is_value(self, base: ast.expr, scope: Scope) -> bool:
        found = self.resolve(base, scope)
        return self.kind(found) == "value" if isinstance(found, Definition) else is_concrete(found)

    def _given(self, name: str, scope: Scope) -> tuple[ast.expr, Scope] | None:
        """Return what a type variable of a base stands for, and where that stands."""
        if name not in scope.given:
            return None
        hint, deriving = scope.given[name]
        return hint, replace(scope, module=deriving.module, local=local_variables(deriving.node), given=deriving.given, names={})

    def _variable(self, name: str, node: ast.AST | None, scope: Scope, module: Module | None = None) -> str:
        given = self._given(name, scope)
        if given is not None:
            return self.render(*given)
        if name in scope.declared:
            return name
        if node is None or scope.variables is None or (type(node).__name__ in ("ParamSpec", "TypeVarTuple")):
            return "unknown"
        if name not in scope.variables:
            scope.variables[name] = ""
            # What it extends is read where it was made.
            scope.variables[name] = self._bound(node, replace(scope, variables=None, module=module or scope.module))
        extends = scope.variables[name]
        return without_literals(name, extends) if scope.way == "out" else name

    def _bound(self, node: ast.AST | None, scope: Scope) -> str:
        """Return what the values of a type variable have to be; nothing if they may be anything."""
        text = self._union(_bounds(node), scope)
        return "" if text == "unknown" else text

    def _leads_to(self, found: Definition, alias: ast.AST, seen: set[ast.AST] | None = None) -> bool:
        """Whether `found` is the alias, or a plain alternative in it: `A = int | B` and `B = str | A`."""
        node = found.node
        seen = set() if seen is None else seen
        if node is alias:
            return True
        value = _aliased(node)
        if value is None or isinstance(value, ast.Call) or value in seen:
            return False
        seen.add(value)
        for each in _alternatives(value):
            inner = self.resolve(each, Scope(found.module))
            if isinstance(inner, Definition) and self._leads_to(inner, alias, seen):
                return True
        return False

    # Named types.

    def declaration(self, found: Definition, name: str) -> list[str]:
        """Return the lines that declare a class or an alias, but for those of handles."""
        node = found.node
        parameters = self.parameters(found)
        scope = Scope(found.module, local=local_variables(node), declared=frozenset(parameters), owner=name + angled(parameters, names_only=True))
        head = f"{name}{angled(parameters)}"
        if isinstance(node, ast.ClassDef):
            kind = self.kind(found)
            scope = replace(scope, names=self.names_in(found))
            if kind == "value":
                return [f"export type {name} = {self._built_on(found, scope)};"]
            if kind == "enum":
                return [f"export type {head} = {union(value for _, value in self._enum_values(found)) or 'never'};"]
            if kind == "namedtuple":
                items = [f"{label(key)}: {self._field(each, scope)[0]}" for key, each in self.fields(found).items()]
                return [f"export type {head} = [{', '.join(items)}];"]
            if kind == "protocol":
                call = self.member(found, "__call__")
                assert call is not None
                scope = self.place(call, scope)
                calls = [self._protocol(each, scope) for each in call.overloads or [call.node]]
                # What is given has to take all that Python may call it with.
                return [f"export type {head} = {' & '.join(f'({each})' for each in calls) if len(calls) > 1 else calls[0]};"]
            return [f"export interface {head} {{", *self._interface(found, kind, scope), "}"]
        value = _aliased(node)
        if isinstance(value, ast.Call):
            return [f"export type {head} = {self._made(found, value, scope)};"]
        assert value is not None
        return [f"export type {head} = {self.render(value, replace(scope, alias=node))};"]

    def _interface(self, found: Definition, kind: str, scope: Scope) -> Iterator[str]:
        texts: list[str] = []
        for key, each in self.fields(found).items():
            text, marks = self._field(each, scope)
            if "ClassVar" in marks or "InitVar" in marks or (kind == "record" and key.startswith("__")):
                continue
            may_miss = _may_miss(marks, each.is_total)
            doc = read_docstring(each.doc).lines([])
            if doc:
                yield from (f"  {line}" for line in comment(doc))
            yield f"  {property_name(key)}{'?' if may_miss else ''}: {text};"
            texts += [text, *(["undefined"] if may_miss else [])]
        hint, module = self._extra_items(found) if kind == "typeddict" else (None, found.module)
        for index in self._other_keys(hint, texts, replace(scope, module=module)):
            yield f"  {index};"

    def _extra_items(self, found: Definition) -> tuple[ast.expr | None, Module]:
        """Return the hint of what a TypedDict may have under other keys than its own, and where that stands."""
        told = ((keywords(each.node)["extra_items"], each.module) for each in self.lineage(found) if "extra_items" in keywords(each.node))
        return next(told, (None, found.module))

    def _other_keys(self, hint: ast.expr | None, texts: Iterable[str], scope: Scope) -> list[str]:
        """Return the index of a type whose other keys have this hint; it has to take in what the keys beside it take."""
        text = "never" if hint is None else self.render(self.wrapped(hint, scope)[0], scope)
        return [] if text == "never" else [f"[key: string]: {union([text, *texts])}"]

    def _field(self, each: Field, scope: Scope) -> tuple[str, set[str]]:
        if each.annotation is None:
            return "unknown", set()
        # The field of a base is read where the base stands.
        owner = each.owner
        place = replace(scope, module=owner.module, local=local_variables(owner.node), given=owner.given)
        hint, marks = self.wrapped(each.annotation, place)
        return self.render(hint, place), marks

    def _protocol(self, call: ast.AST | None, scope: Scope) -> str:
        if not isinstance(call, Function):
            return "(...args: any[]) => unknown"
        into, out = replace(scope, way="in", is_answer=True), replace(scope, way="out")

        def hint(each: ast.arg) -> str:
            return self.render(each.annotation, out) if each.annotation else "unknown"

        given = call.args
        names = [*given.posonlyargs, *given.args][1:]
        required = len(names) - len(given.defaults)
        parameters = [f"{label(each.arg)}{'' if index < required else '?'}: {hint(each)}" for index, each in enumerate(names)]
        if given.kwarg is not None or given.kwonlyargs and (given.defaults or given.vararg):
            # What Python gives by keyword comes in one object behind all others, however many those are.
            parameters = ["...args: any[]"]
        elif given.vararg is not None:
            whole = unpacked(given.vararg.annotation)
            parameters.append(f"...{label(given.vararg.arg)}: {many(hint(given.vararg), 'both') if whole is None else self.array(whole, out)}")
        elif given.kwonlyargs:
            keys = [f"{property_name(each.arg)}{'' if default is None else '?'}: {hint(each)}" for each, default in zip(given.kwonlyargs, given.kw_defaults)]
            parameters.append(f"kwargs{'' if None in given.kw_defaults else '?'}: {{ {'; '.join(keys)} }}")
        result = self.render(call.returns, into) if call.returns else "unknown"
        return f"({', '.join(parameters)}) => {_answer(result)}"

    def _made(self, found: Definition, call: ast.Call, scope: Scope) -> str:
        """Return what `NewType`, `TypeAliasType`, `TypedDict`, `NamedTuple` and `namedtuple` make."""
        factory = self.made_by(found)
        if factory in ("NewType", "TypeAliasType"):
            return self.render(call.args[1], scope) if len(call.args) > 1 else "unknown"
        if factory != "TypedDict":
            items = [f"{label(key)}: {self._field(each, scope)[0]}" for key, each in self.fields(found).items()]
            return f"[{', '.join(items)}]" if items else many("unknown", scope.way)
        keys = self._keys(found, scope)
        parts = [f"{property_name(key)}{'?' if may_miss else ''}: {text}" for key, (text, may_miss) in keys.items()]
        extra = keywords(call).get("extra_items")
        parts += self._other_keys(extra, [*(text for text, _ in keys.values()), *(["undefined"] if any(may_miss for _, may_miss in keys.values()) else [])], scope)
        return f"{{ {'; '.join(parts)} }}" if parts else "{ [key: string]: unknown }"

    def _enum_values(self, found: Definition) -> list[tuple[str, str]]:
        """Return the members of an enum with the literals of their values."""
        node = found.node
        assert isinstance(node, ast.ClassDef)
        names = self.roots(found)
        is_flag = not FLAGS.isdisjoint(names)
        # What the members are besides, as in `class Color(str, Enum)`.
        mixed_in = next((MIXED_IN.get(name, name) for name in names if MIXED_IN.get(name, name) in VALUES), "builtins.object")
        # What is known of a value that the source does not tell.
        other = self._value(mixed_in, Scope(found.module))
        is_automatic = self.member(found, "_generate_next_value_") is None
        # A `__new__` of its own may make another of what is written.
        is_written = self.member(found, "__new__") is None
        values: list[tuple[str, str]] = []
        last = 0
        for each in node.body:
            # One with a hint is a member, too, once it has a value.
            if not isinstance(each, (ast.Assign, ast.AnnAssign)) or each.value is None:
                continue
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            # `A, B = 1, 2` are two of them.
            parts = [one for target in targets for one in (target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target])]
            keys = [one.id for one in parts if isinstance(one, ast.Name) and not NO_MEMBER.fullmatch(one.id)]
            if not keys:
                continue
            value = constant(each.value) if parts == targets else None
            if isinstance(each.value, ast.Call) and self.resolve(each.value.func, Scope(found.module)) == "enum.auto":
                value = last = last * 2 or 1 if is_flag else last + 1
                if not is_automatic:
                    value = None
                elif "enum.StrEnum" in names:
                    value = keys[0].lower()
            if not is_written:
                value = None
            text = other
            if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**53:
                last = int(value)
                text = quote(str(value)) if mixed_in == "builtins.str" else repr(value)
            elif isinstance(value, str) and mixed_in in ("builtins.str", "builtins.object"):
                text = quote(value)
            values += [(key, text) for key in keys]
        # Flags are combined.
        return [(key, "number") for key, _ in values] if is_flag else values


def _answer(result: str) -> str:
    """Return what a function of Node's may answer Python with."""
    result = "void" if result == "null" else result
    return union([result, f"Promise<{result}>"])


def _alternatives(node: ast.expr) -> Iterator[ast.expr]:
    """Go over what a union is made of; whatever is no union is its own only alternative."""
    node = parsed(node)
    if isinstance(node, ast.BinOp):
        yield from _alternatives(node.left)
        yield from _alternatives(node.right)
    elif isinstance(node, ast.Subscript) and last_word(dotted_name(node.value)) in ("Union", "Optional", "Annotated"):
        for each in in_brackets(node):
            yield from _alternatives(each)
    else:
        yield node


def _may_miss(marks: set[str], is_total: bool) -> bool:
    """Whether a key with these marks may be missing from a TypedDict."""
    return "Required" not in marks and ("NotRequired" in marks or not is_total)


def _together(kinds: set[str]) -> str:
    """Return what keys are that are each of one of these kinds."""
    if len(kinds) < 2:
        return next(iter(kinds), "variable")
    return "text" if kinds == {"text", "literals"} else "mixed"


def _meant_by(node: ast.AST | None, called: str) -> list[ast.expr]:
    """Return what an alias or a type variable stands for, which is one of these; nothing if it may be anything."""
    if called in TYPE_VARIABLES:
        return _bounds(node)
    if isinstance(node, ast.Call) and called in ("NewType", "TypeAliasType"):
        return node.args[1:2]
    return [_aliased(node) or ast.Constant(None)]


def _aliased(node: ast.AST | None) -> ast.expr | None:
    """Return what an alias stands for, that of a `type` statement or one that is assigned; None for what is no alias."""
    value = getattr(node, "value", None) if is_type_statement(node) else node
    return value if isinstance(value, ast.expr) else None


def _bounds(node: ast.AST | None) -> list[ast.expr]:
    """Return what a type variable has to be, which is one of these; nothing if it may be anything."""
    if isinstance(node, ast.Call):
        return node.args[1:] or [value for name, value in keywords(node).items() if name == "bound"]
    bound = getattr(node, "bound", None)
    return bound.elts if isinstance(bound, ast.Tuple) else [] if bound is None else [bound]


def _letter(index: int) -> str:
    return "abcdefghijklmnopqrstuvwxyz"[index] if index < 26 else f"a{index}"


TEXT_OR_BYTES = ast.parse("TypeVar('AnyStr', str, bytes)", mode="eval").body
FLAGS = frozenset(["enum.Flag", "enum.IntFlag"])
# Names in the body of an enum that are none of its members: `_ignore_`, `__str__`, `__private`.
NO_MEMBER = re.compile(r"_.*_|__.*")
MIXED_IN = {"enum.StrEnum": "builtins.str", "enum.IntEnum": "builtins.int", "enum.IntFlag": "builtins.int"}
FACTORIES = ("NewType", "TypeAliasType", *MADE)
WRAPPERS = frozenset(["ClassVar", "Final", "InitVar", "NotRequired", "ReadOnly", "Required", "Unpack"])
