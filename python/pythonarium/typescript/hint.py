"""What a hint is in TypeScript."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from .classes import Classes
from .enumeration import enum_values
from .field import Field, fields_of
from .keys import dict_type, kind_of_keys
from .known import MADE, NO_TYPED_ARRAY, ROOT_MODEL, SHAPES, STREAMS, TYPED_ARRAY, TYPED_ARRAYS, VALUES
from .module import Definition, Module, type_parameters
from .scope import Scope
from .source import Sources
from .syntax import constant, dotted_name, first_in_brackets, in_brackets, in_order, is_none, is_type_statement, last_word, parsed, unpacked
from .text import GLOBALS, many, quote, union, variable, without_literals
from .variable import VARIABLES, bounds_of, told_of, variables_of


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
        # What is being read, and may speak of itself.
        self._under_way: set[ast.AST] = set()
        # How many aliases are being written out where they are named, one in the other.
        self._in_place = 0
        self.waiting: list[tuple[Definition, str]] = []
        self.imports: set[str] = set()
        self.warnings: list[Warned] = []

    def warn(self, module: Module, node: ast.AST | None, text: str) -> None:
        warned = Warned(module.path, getattr(node, "lineno", 1), text)
        if warned not in self.warnings:
            self.warnings.append(warned)

    def _unknown(self, node: ast.AST, scope: Scope, text: str) -> str:
        """Tell why a hint has no type, and return what it is then."""
        self.warn(scope.module, node, f"{text}: it is unknown")
        return "unknown"

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
        variables = {name: each for name, each in variables_of(self, found).items() if self.made_by(each) == "TypeVar"}
        assert found.node is not None
        if found.node in self._under_way:
            # A bound speaks of the class that it is for, and `any` keeps to every bound.
            return dict.fromkeys(variables, "any")
        self._under_way.add(found.node)
        try:
            return {name: self._bound(each.node, Scope(each.module, names=type_parameters(found))) for name, each in variables.items()}
        finally:
            self._under_way.remove(found.node)

    # What a hint is made of.

    def wrapped(self, node: ast.expr, scope: Scope) -> tuple[ast.expr, set[str]]:
        """Take off what says something about a field and not about its type: `NotRequired[X]`, `ClassVar[X]`."""
        marks: set[str] = set()
        while True:
            node = parsed(node)
            last = last_word(self.resolve(node, scope))
            if last in WRAPPERS:
                marks.add(last)
            if not isinstance(node, ast.Subscript) or last != "Annotated" and last not in WRAPPERS:
                return node, marks
            node = in_brackets(node)[0]

    def alternatives(self, node: ast.expr, scope: Scope) -> list[ast.expr]:
        """Return what a union is made of, with nothing around it; whatever is no union is its own only alternative."""
        node, _ = self.wrapped(node, scope)
        last = last_word(self.resolve(node, scope)) if isinstance(node, ast.Subscript) else ""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            nodes = [node.left, node.right]
        elif last == "Optional":
            nodes = [*in_brackets(node), ast.Constant(None)]
        elif last == "Union":
            nodes = in_brackets(node)
        else:
            return [node]
        return [one for each in nodes for one in self.alternatives(each, scope)]

    def alias(self, found: Definition | str | None) -> ast.expr | None:
        """Return the hint that a name stands for: that of a `type` statement, of NewType, or one that is assigned; None for what is no alias."""
        node = found.node if isinstance(found, Definition) else None
        if self.made_by(found) in ALIASES:
            return next(iter(node.args[1:]), None)  # type: ignore[union-attr]
        value = getattr(node, "value", None) if is_type_statement(node) else node
        if isinstance(value, (ast.Call, ast.List, ast.Dict)) or isinstance(value, ast.Constant) and not isinstance(value.value, (str, type(None))):
            return None
        return value if isinstance(value, ast.expr) else None

    def _through_aliases(self, node: ast.expr, scope: Scope, seen: set[ast.AST]) -> Iterator[tuple[ast.expr, Definition | str | None, Scope]]:
        """Go over the alternatives of a hint and of the aliases among them, with what each stands for: an alias may name itself, and more than once."""
        for each in self.alternatives(node, scope):
            found = self.resolve(each, scope)
            yield each, found, scope
            alias = self.alias(found)
            if isinstance(found, Definition) and alias is not None and alias not in seen:
                seen.add(alias)
                yield from self._through_aliases(alias, Scope(found.module), seen)

    def given_for(self, name: str, scope: Scope) -> tuple[ast.expr, Scope] | None:
        """Return what a type variable of a base stands for, and where that stands; None for any other name."""
        if name not in scope.given:
            return None
        hint, deriving = scope.given[name]
        return hint, replace(scope, module=deriving.module, names=type_parameters(deriving), given=deriving.given, body=deriving)

    # Hints of parameters, results and fields.

    def parameter(self, node: ast.expr, scope: Scope) -> str:
        """Return the type that a parameter takes: also the typed arrays of which an array of numpy is made there."""
        arrays = list(dict.fromkeys(self._typed_arrays(node, scope)))
        if TYPED_ARRAY in arrays:
            self.imports.add(TYPED_ARRAY)
            arrays = [TYPED_ARRAY]
        return union([self.render(node, scope), *arrays])

    def _typed_arrays(self, node: ast.expr, scope: Scope) -> Iterator[str]:
        for each, found, place in self._through_aliases(node, scope, set()):
            if found in ("numpy.ndarray", "numpy.typing.NDArray"):
                item = self.resolve(in_brackets(each)[0], place) if found != "numpy.ndarray" and in_brackets(each) else None
                if item not in NO_TYPED_ARRAY:
                    yield TYPED_ARRAYS.get(item, TYPED_ARRAY)

    def stream(self, node: ast.expr | None, scope: Scope, depth: int = 0) -> str | None:
        """Return the type of the items that a function with this result yields, or None if it is no iterator."""
        if node is None:
            return None
        node, _ = self.wrapped(node, scope)
        found = self.resolve(node, scope)
        alias = self.alias(found)
        if isinstance(found, Definition) and alias is not None and depth < 20:
            items = self.stream(alias, Scope(found.module, "out", names=type_parameters(found)), depth + 1)
            # Where it has type variables, what is given for them is known to the alias.
            return f"{self.render(node, replace(scope, way='out'))}[number]" if items is not None and self.parameters(found) else items
        if not isinstance(found, str) or found not in STREAMS:
            return None
        return self.render(first_in_brackets(node), replace(scope, way="out"))

    def field(self, each: Field, scope: Scope) -> tuple[str, set[str]]:
        """Return the type of a field, read where its class stands, and the marks around its hint."""
        if each.annotation is None:
            return "unknown", set()
        place = self.inside(each.owner, scope)
        hint, marks = self.wrapped(each.annotation, place)
        return self.render(hint, place), marks

    def keys(self, node: ast.expr, scope: Scope) -> dict[str, tuple[str, bool]] | None:
        """Return the keys of a TypedDict with their types, and whether each may be missing; None for any other hint."""
        found = self.resolve(parsed(node), scope)
        if not isinstance(found, Definition) or self.kind(found) != "typeddict":
            return None
        told = {key: (each, *self.field(each, Scope(found.module, scope.way))) for key, each in fields_of(self, found).items()}
        return {key: (text, may_miss(each, marks)) for key, (each, text, marks) in told.items()}

    def array(self, node: ast.expr, scope: Scope) -> str:
        """Return the type of what `*tuple[int, str]` unpacks."""
        text = self.render(node, scope)
        return text if text.endswith("]") else "unknown[]"

    # One hint.

    def render(self, node: ast.expr | None, scope: Scope) -> str:
        """Return the type that a hint is; what has none is unknown."""
        if node is None:
            return "unknown"
        node, *others = self.alternatives(node, scope)
        if others:
            return self._union([node, *others], scope)
        if is_none(node):
            return "null"
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
            return self._named_by(node, scope)
        self.warn(scope.module, node, f"{ast.unparse(node)} is no hint that is understood")
        return "unknown"

    def _union(self, nodes: Sequence[ast.expr], scope: Scope) -> str:
        return union(self.render(each, scope) for each in nodes)

    def _named_by(self, node: ast.expr, scope: Scope) -> str:
        """Return the type of a name, with what stands in brackets behind it."""
        name = node.value if isinstance(node, ast.Subscript) else node
        arguments = in_brackets(node)
        found = self.resolve(name, scope)
        last = last_word(found)
        if isinstance(found, Definition):
            return self._defined(found, arguments, node, scope)
        if last == "Self" and scope.owner:
            return scope.owner
        if found == "typing.AnyStr" and scope.variables is not None:
            return self._variable("AnyStr", TEXT_OR_BYTES, scope, scope.module)
        if found in SHAPES:
            return self._shaped(found, arguments, node, scope)
        if last == "Literal" and arguments:
            return union(self.literal(each, scope) for each in arguments)
        if last in ("TypeGuard", "TypeIs") and arguments:
            return "boolean"
        if found in VALUES:
            return self.value(found, scope)
        if last in WRAPPERS or self._is_of_parameters(name, scope):
            return "unknown"
        return self._unknown(name, scope, f"{ast.unparse(name)} {'is not defined where it is used' if found is None else 'has no counterpart in TypeScript'}")

    def value(self, name: str, scope: Scope) -> str:
        """Return the type of a value that is known by its name."""
        into, out = VALUES[name]
        text = into if scope.way == "in" else out
        self.imports.update(each for each in ("NdArray", TYPED_ARRAY) if each in text)
        return text

    def _is_of_parameters(self, node: ast.expr, scope: Scope) -> bool:
        """Whether it is `P.args` or `P.kwargs` of a ParamSpec, which may be any."""
        return isinstance(node, ast.Attribute) and node.attr in ("args", "kwargs") and self.made_by(self.resolve(node.value, scope)) == "ParamSpec"

    def _shaped(self, name: str, arguments: Sequence[ast.expr], node: ast.expr, scope: Scope) -> str:
        """Return the type of what is of something: what stands in its brackets."""
        shape = SHAPES[name]
        if scope.way == "out" and (shape == "callable" or name in STREAMS):
            what = "a function, which cannot cross to Node" if shape == "callable" else "an iterator, which cannot cross as a value"
            return self._unknown(node, scope, f"{ast.unparse(node)} is {what}")
        inner = replace(scope, alias=None)

        def item(index: int) -> str:
            return self.render(arguments[index] if index < len(arguments) else None, inner)

        if shape == "list":
            return many(item(0), scope.way)
        if shape == "set":
            return f"{'Readonly' if scope.way == 'in' else ''}Set<{item(0)}>"
        if shape in ("dict", "counter"):
            key, kind = (item(0), kind_of_keys(self, arguments[0], inner)) if arguments else ("string", "text")
            return dict_type(key, kind, "number" if shape == "counter" else item(1), scope.way)
        if shape == "iterable":
            # An iterator of this call in one direction; inside of a result, and in an answer, only a list can be meant.
            each = item(0)
            return f"Iterable<{each}> | AsyncIterable<{each}>" if scope.way == "in" and not scope.is_answer else many(each, scope.way)
        if shape == "last":
            return item(max(0, len(arguments) - 1))
        return self._tuple(arguments, inner) if shape == "tuple" else self._callable(arguments, inner)

    def _tuple(self, arguments: Sequence[ast.expr], scope: Scope) -> str:
        if not arguments:
            return many("unknown", scope.way)
        if len(arguments) == 2 and constant(arguments[1]) is ...:
            return many(self.render(arguments[0], scope), scope.way)
        items = []
        for each in arguments:
            node, inner = parsed(each), unpacked(each)
            # `tuple[()]` has none.
            if not isinstance(node, ast.Tuple) or node.elts:
                items.append(self.render(node, scope) if inner is None else f"...{self.array(inner, scope)}")
        return f"{'readonly ' if scope.way == 'in' else ''}[{', '.join(items)}]"

    def _callable(self, arguments: Sequence[ast.expr], scope: Scope) -> str:
        # What Python gives a function goes out, and what comes of it goes in.
        out = replace(scope, way="out")
        given = parsed(arguments[0]) if arguments else None
        result = self.render(arguments[1] if len(arguments) > 1 else None, replace(scope, way="in", is_answer=True))
        if isinstance(given, ast.List) and not any(map(unpacked, given.elts[:-1])):
            told = [(_letter(index), each, unpacked(each)) for index, each in enumerate(given.elts)]
            parameters = ", ".join(f"{name}: {self.render(each, out)}" if rest is None else f"...{name}: {self.array(rest, out)}" for name, each, rest in told)
        else:
            # Any function will do, whatever it takes.
            parameters = "...args: any[]"
        return f"({parameters}) => {answer(result)}"

    def literal(self, node: ast.expr, scope: Scope) -> str:
        """Return the type of one of the values in a `Literal`."""
        value = constant(node)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return quote(value)
        if isinstance(value, int):
            return str(value) if abs(value) < 2**53 else "bigint"
        if isinstance(value, bytes):
            return "Uint8Array"
        if isinstance(node, ast.Attribute):
            owner = self.resolve(node.value, scope)
            if isinstance(owner, Definition) and self.kind(owner) == "enum":
                return dict(enum_values(self, owner)).get(node.attr, "unknown")
        # A Literal in a Literal stands for what is in it.
        return self.render(node, scope) if is_none(node) or self.resolve(node, scope) is not None else "unknown"

    def _defined(self, found: Definition, arguments: Sequence[ast.expr], node: ast.expr, scope: Scope) -> str:
        """Return what a name stands for that a source defines: a class, an alias, a type variable."""
        made, alias = self.made_by(found), self.alias(found)
        if made in VARIABLES:
            return self._variable(found.name, found.node if made == "TypeVar" else None, scope, found.module)
        if made in MADE or made == "NewType":
            return self.name_of(found)
        if isinstance(found.node, ast.ClassDef):
            kind = self.kind(found)
            if kind == "value":
                return self.built_on(found, scope)
            if kind == "other" or kind == "protocol" and (scope.way == "out" or self.member(found, "__call__") is None):
                return self._unknown(node, scope, f"{found.name} is a class whose objects cannot cross (a dataclass can, or one with @expose)")
        elif alias is None:
            return self._unknown(node, scope, f"{ast.unparse(node)} is no type")
        elif scope.way == "out" and self._may_be_function(found, alias):
            return self._unknown(node, scope, f"{found.name} is a function, which cannot cross to Node")
        if scope.alias is not None and scope.body is not None:
            if scope.body.node is found.node or self._in_place > IN_PLACE_MAX or self._leads_to(found, scope.alias):
                return self._unknown(node, scope, f"{found.name} stands for itself")
            if alias is not None and self.parameters(found) and self._speaks_of(node, scope, set()):
                return self._in_its_place(found, alias, arguments, scope, scope.body)
        name = self.name_of(found)
        parameters = self.parameters(found)
        if not parameters:
            return name
        inner, here = replace(scope, alias=None), Definition(scope.module, "")
        told = told_of(self, found, arguments, here)
        given = {name: self.render(hint, inner if place is here else Scope(place.module, scope.way)) for name, (hint, place) in told.items()}
        # What is not told is what the variable extends, since no more than that would be taken.
        texts = [given[name] if given[name] not in ("", "unknown") else extends or "unknown" for name, extends in parameters.items()]
        return f"{name}<{', '.join(texts)}>"

    def _in_its_place(self, found: Definition, alias: ast.expr, arguments: Sequence[ast.expr], scope: Scope, around: Definition) -> str:
        """Return what an alias stands for. TypeScript makes one at once of what it is given, and `type Tree = Many<Tree>` would need what it declares."""
        body = replace(found, given=told_of(self, found, arguments, around))
        self._in_place += 1
        try:
            return self.render(alias, replace(scope, module=body.module, names=type_parameters(body), given=body.given, body=body))
        finally:
            self._in_place -= 1

    def _leads_to(self, found: Definition, alias: ast.AST) -> bool:
        """Whether `found` is the alias, or a plain alternative in it: `A = int | B` and `B = str | A`."""
        value = self.alias(found)
        inside = self._through_aliases(value, Scope(found.module), {value}) if value is not None else ()
        return found.node is alias or any(isinstance(each, Definition) and each.node is alias for _, each, _ in inside)

    def _speaks_of(self, node: ast.expr, scope: Scope, seen: set[ast.AST]) -> bool:
        """Whether a hint, or an alias that it names, has the alias in it that is being written."""
        for each in in_order(parsed(node)):
            if parsed(each) is not each:
                if self._speaks_of(parsed(each), scope, seen):
                    return True
            elif isinstance(each, (ast.Name, ast.Attribute)):
                given, found = self.given_for(dotted_name(each) or "", scope), self.resolve(each, scope)
                if given is not None and self._speaks_of(*given, seen):
                    return True
                if isinstance(found, Definition) and found.node is not None and found.node is scope.alias:
                    return True
                alias = self.alias(found)
                if isinstance(found, Definition) and alias is not None and alias not in seen:
                    seen.add(alias)
                    if self._speaks_of(alias, replace(scope, module=found.module, names=type_parameters(found), given={}), seen):
                        return True
        return False

    def _may_be_function(self, found: Definition, alias: ast.expr) -> bool:
        inside = self._through_aliases(alias, Scope(found.module, names=type_parameters(found)), {alias})
        return any(isinstance(each, str) and SHAPES.get(each) == "callable" for _, each, _ in inside)

    def built_on(self, found: Definition, scope: Scope) -> str:
        """Return what a class crosses as whose base is a value: as what that is. Inside of itself, it has a name."""
        assert isinstance(found.node, ast.ClassDef)
        if found.node in self._under_way:
            return self.name_of(found)
        self._under_way.add(found.node)
        try:
            inner = Scope(found.module, scope.way)
            if ROOT_MODEL in self.roots(found):
                return self.field(fields_of(self, found)["root"], inner)[0]
            return self.render(next((each for each in found.node.bases if self.kind(self.base(each, found)) == "value"), None), inner)
        finally:
            self._under_way.remove(found.node)

    def _variable(self, name: str, node: ast.AST | None, scope: Scope, module: Module) -> str:
        """Return what stands for a type variable, which `node` declares; None where that has no counterpart."""
        given = self.given_for(name, scope)
        if given is not None:
            return self.render(*given)
        if name in scope.declared:
            return variable(name)
        if node is None or scope.variables is None:
            return "unknown"
        if name not in scope.variables:
            scope.variables[name] = ""
            # What it extends is read where it was made.
            scope.variables[name] = self._bound(node, replace(scope, variables=None, module=module))
        extends = scope.variables[name]
        return without_literals(variable(name), extends) if scope.way == "out" else variable(name)

    def _bound(self, node: ast.AST | None, scope: Scope) -> str:
        """Return what the values of a type variable have to be; nothing if it may be anything."""
        text = self._union(bounds_of(node), scope)
        return "" if text == "unknown" else text


def may_miss(each: Field, marks: set[str]) -> bool:
    """Whether a key with these marks may be missing from a TypedDict."""
    return "Required" not in marks and ("NotRequired" in marks or not each.is_total)


def answer(result: str) -> str:
    """Return what a function of Node's may answer Python with."""
    result = "void" if result == "null" else result
    return union([result, f"Promise<{result}>"])


def _letter(index: int) -> str:
    return "abcdefghijklmnopqrstuvwxyz"[index] if index < 26 else f"a{index}"


TEXT_OR_BYTES = ast.parse("TypeVar('AnyStr', str, bytes)", mode="eval").body
# Those that go on for longer name each other.
IN_PLACE_MAX = 8
# What is called to make an alias.
ALIASES = ("NewType", "TypeAliasType")
WRAPPERS = frozenset(["ClassVar", "Final", "InitVar", "NotRequired", "ReadOnly", "Required", "Unpack"])
