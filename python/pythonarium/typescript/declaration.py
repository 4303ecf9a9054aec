"""The declarations of a file: what Node may call, as `pool.py` has it, and the types that it needs."""

from __future__ import annotations

import ast
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from .classes import BASES, HAS_NOTHING
from .docstring import read_docstring
from .expose import find_exposed
from .hint import Hints, Warned
from .known import ROOT_MODEL
from .module import Definition, Module, members
from .scope import Scope
from .syntax import Function, all_arguments, by_position, decorators, docstring, dotted_name, in_brackets, is_decorated, is_none, local_variables, pairs, unpacked, yields
from .text import RESERVED, angled, comment, label, many, property_name, quote, union, without_literals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .source import Sources


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
            yield list(self._function(definition, own[name], declare if name in renamed else export))
        for name, inner in space.spaces.items():
            lines = [line for each in self._space(inner, is_inner=True) for line in each]
            yield [f"{declare if name in renamed else export}namespace {own[name]} {{", *(f"  {line}".rstrip() for line in lines), "}"]
        for name, local in renamed.items():
            yield [f"export {{ {local} as {name if name.isidentifier() else quote(name)} }};"]

    def _function(self, definition: Definition, name: str, export: str) -> Iterator[str]:
        declare = f"{export}function {name}"
        if isinstance(definition.node, ast.ClassDef):
            yield from self._constructor(definition, declare)
            return
        scope = Scope(definition.module)
        if isinstance(definition.node, ast.Lambda):
            definition = _named(definition)
        if not isinstance(definition.node, Function):
            self._hints.warn(definition.module, definition.node, f"{definition.name} is made when the module runs: what it takes and returns is unknown")
            yield f"{declare}(...args: unknown[]): Promise<unknown>;"
            return
        # `load = Model.load` has its class already where it is a class method.
        is_bound = definition.outer is not None and is_decorated(definition.node, "classmethod")
        yield from self._callable(definition, declare, self._hints.place(definition, scope), skip=int(is_bound))

    def _callable(self, definition: Definition, declare: str, scope: Scope, skip: int) -> Iterator[str]:
        """Write the signatures of a function: those of its overloads if it has any."""
        node = definition.node
        assert isinstance(node, Function)
        yield from self._comment(node)
        yield from self._variants(definition, declare, scope, skip)

    def _variants(self, definition: Definition, declare: str, scope: Scope, skip: int, made: str | None = None, of_class: dict[str, str] | None = None) -> Iterator[str]:
        """Write each overload of a function, or the function.

        `made` is what a constructor makes, whatever it returns; it has the type variables `of_class` before its own.
        """
        body = definition.node
        assert isinstance(body, Function)
        lines: dict[str, None] = {}
        for node in definition.overloads or [body]:
            variables = dict(of_class or {})
            own = replace(scope, way="in", variables=variables, local={**scope.local, **local_variables(node)})
            missing: list[str] = []
            arguments = self._arguments(node, skip, own, missing)
            result = made if made is not None else self._result(node, body, own, missing)
            if missing:
                self._hints.warn(scope.module, node, f"{node.name}() has no hint for {_listed(missing)}: unknown")
            lines.update(dict.fromkeys(self._lines(declare, variables, arguments, result)))
        yield from lines

    def _arguments(self, node: Function, skip: int, scope: Scope, missing: list[str]) -> _Arguments:
        """Return what a function takes; what has no hint is added to `missing`."""
        given = node.args

        def read(argument: ast.arg, default: ast.expr | None = None) -> _Parameter:
            if argument.annotation is None:
                missing.append(f"`{argument.arg}`")
            return _Parameter(argument.arg, self._parameter(argument.annotation, default, scope), default is not None)

        positional = [read(*pair) for pair in by_position(given)[skip:]]
        only = max(0, len(given.posonlyargs) - skip)
        rest = None
        if given.vararg is not None:
            whole = unpacked(given.vararg.annotation)
            if whole is None:
                item = read(given.vararg)
                rest = item._replace(type=many(item.type, "both"))
            else:
                rest = _Parameter(given.vararg.arg, self._hints.array(whole, scope), False)
        keyword_only = [read(*pair) for pair in zip(given.kwonlyargs, given.kw_defaults)]
        keywords = None
        if given.kwarg is not None:
            whole = unpacked(given.kwarg.annotation)
            keys = None if whole is None else self._hints.keys(whole, scope)
            if keys is None:
                keywords = read(given.kwarg).type
            else:
                keyword_only += [_Parameter(name, *key) for name, key in keys.items()]
        return _Arguments(positional[:only], positional[only:], rest, keyword_only, keywords)

    def _lines(self, declare: str, variables: dict[str, str], arguments: _Arguments, result: str) -> Iterator[str]:
        """Write one signature: first as it is called by position, then with ever more of it by keyword."""
        head = f"{declare}{angled(variables)}"
        for parameters in arguments.ways():
            if any("Kwargs<" in each for each in parameters):
                self._hints.imports.add("Kwargs")
            line = f"{head}({', '.join(parameters)}): {result};"
            yield line if len(line) <= WIDTH else "\n".join([f"{head}(", *(f"  {each}," for each in parameters), f"): {result};"])

    def _parameter(self, hint: ast.expr | None, default: ast.expr | None, scope: Scope) -> str:
        if hint is None:
            return "unknown"
        text = self._hints.parameter(hint, scope)
        return union([text, "null"]) if is_none(default) else text

    def _result(self, node: Function, body: Function, scope: Scope, missing: list[str]) -> str:
        scope = replace(scope, way="out")
        if not CONTEXT_MANAGERS.isdisjoint(self._hints.resolve(each, scope) for each in decorators(body)):
            self._hints.warn(scope.module, node, f"{node.name}() returns a context manager, which cannot cross: unknown")
            return "Promise<unknown>"
        items = self._hints.stream(node.returns, scope)
        if items is None and yields(body):
            items = "unknown"
            if node.returns is None:
                missing.append("what it yields")
            else:
                returns, _ = self._hints.wrapped(node.returns, scope)
                if isinstance(returns, ast.Subscript):
                    items = self._hints.render(in_brackets(returns)[0], scope)
        if items is not None:
            return f"AsyncIterable<{items}>"
        if node.returns is None:
            missing.append("its result")
            return "Promise<unknown>"
        return f"Promise<{self._hints.render(node.returns, scope)}>"

    def _constructor(self, definition: Definition, declare: str) -> Iterator[str]:
        """Write the function that makes an object, which is what a class is to those who call it."""
        hints = self._hints
        node = definition.node
        assert isinstance(node, ast.ClassDef)
        variables = hints.parameters(definition)
        given = ", ".join(without_literals(name, extends) for name, extends in variables.items())
        made = f"{hints.name_of(definition)}{f'<{given}>' if given else ''}"
        result = f"Promise<{made}>"
        scope = Scope(definition.module, way="in", owner=made, names=hints.names_in(definition), local=local_variables(node), declared=frozenset(variables))
        maker = hints.maker(definition)
        function = maker.node if maker is not None else None
        names = [each.arg for each in all_arguments(function.args)] if isinstance(function, Function) else list(hints.fields(definition))
        lines = read_docstring(docstring(node)).lines(names)
        if lines:
            yield from comment(lines)
        if maker is not None and isinstance(function, Function):
            yield from self._variants(maker, declare, hints.place(maker, scope), 1, result, variables)
        elif (maker is None and hints.is_made_elsewhere(definition)) or (maker is not None and not isinstance(function, ast.ClassDef)):
            hints.warn(definition.module, node, f"{definition.name} is made by what has no source: what it takes is unknown")
            yield f"{declare}{angled(variables)}(...args: unknown[]): {result};"
        elif hints.makes_aliases(definition):
            hints.warn(definition.module, node, f"{definition.name} takes its fields by names that it makes when it runs: what it takes is unknown")
            yield f"{declare}{angled(variables)}(...args: unknown[]): {result};"
        else:
            yield from self._lines(declare, variables, self._fields(maker, scope), result)

    def _fields(self, maker: Definition | None, scope: Scope) -> _Arguments:
        """Return what a constructor takes that is made of the fields of a class; nothing where `maker` is none."""
        hints = self._hints
        taken = _Arguments([], [], None, [], None)
        if maker is not None and isinstance(maker.node, ast.ClassDef):
            takes_names = hints.takes_names(maker)
            for key, each in hints.fields(maker).items():
                place = replace(scope, module=each.owner.module, local=local_variables(each.owner.node), given=each.owner.given)
                hint, marks = hints.wrapped(each.annotation, place) if each.annotation else (None, set())
                if "ClassVar" not in marks and each.is_taken:
                    text = "unknown" if hint is None else hints.parameter(hint, place)
                    # What is given by position has a name in TypeScript, and an alias need be none.
                    by_alias = each.alias and not takes_names and (each.is_keyword or each.alias.isidentifier())
                    parameter = _Parameter(each.alias if by_alias else key, text, each.is_optional)
                    (taken.keyword_only if each.is_keyword else taken.positional).append(parameter)
        return taken

    def _type(self, found: Definition, name: str) -> list[str]:
        if isinstance(found.node, ast.ClassDef) and self._hints.kind(found) == "handle":
            # What the class is about stands at its constructor.
            return list(self._handle(found, name))
        doc = read_docstring(docstring(found.node))
        lines = comment(doc.body) if doc.body else []
        return [*lines, *self._hints.declaration(found, name)]

    def _handle(self, found: Definition, name: str) -> Iterator[str]:
        """Write what an object that stays in Python offers: its methods, and its attributes as promises."""
        hints = self._hints
        hints.imports.add("Handle")
        parameters = hints.parameters(found)
        scope = Scope(found.module, declared=frozenset(parameters), owner=name + angled(parameters, names_only=True))
        assert found.node is not None
        for base, whole in hints.bases_elsewhere(found):
            if whole not in BASES and whole != ROOT_MODEL and whole.rpartition(".")[0] not in HAS_NOTHING:
                hints.warn(found.module, found.node, f"{found.name} derives from {base}, which has no source to read: what it has from there is left out")
        yield f"export interface {name}{angled(parameters)} extends Handle {{"
        offered: dict[str, tuple[Definition, ast.ClassDef, Scope]] = {}
        attributes: dict[str, tuple[Scope, ast.expr | None]] = {}
        for each in reversed(hints.lineage(found)):
            node = each.node
            assert isinstance(node, ast.ClassDef)
            own, types = members(each), hints.names_in(each)
            place = replace(scope, module=each.module, names=types, local=local_variables(node), given=each.given)
            for key, member in own.items():
                attributes.pop(key, None)
                offered.pop(key, None)
                if member.is_gone or key in types and (member.annotation is not None or not isinstance(member.node, ast.expr)):
                    continue
                method = self._method(member, own, place)
                if method is not None:
                    offered[key] = (method, node, replace(place, module=method.module))
                else:
                    attributes[key] = (place, member.annotation)
            for key, hint in _assigned(node).items():
                # What the body says of it is meant, whatever a parameter may be before it is assigned.
                if key not in offered and (key not in own or own[key].annotation is None):
                    attributes[key] = (place, hint) if hint is not None else attributes.get(key, (place, None))
        for key, each in hints.fields(found).items():
            # What is named in the brackets or the call that a class derives from.
            if hints.member(found, key) is None:
                attributes.setdefault(key, (replace(scope, module=each.owner.module, local=local_variables(each.owner.node), given=each.owner.given), each.annotation))
        for key, (place, hint) in attributes.items():
            if key.startswith("_") or self._means_else(found, key):
                continue
            if hint is None:
                yield f"  readonly {property_name(key)}: Promise<unknown>;"
                continue
            inner, marks = hints.wrapped(hint, place)
            if "InitVar" in marks:
                continue  # Only the constructor has it.
            yield f"  readonly {property_name(key)}: Promise<{hints.render(inner, replace(place, way='out'))}>;"
        for key, (member, node, place) in offered.items():
            function = member.node
            assert isinstance(function, Function)
            if key in ("__iter__", "__aiter__"):
                items = hints.stream(function.returns, place)
                yield f"  [Symbol.asyncIterator](): AsyncIterator<{items or 'unknown'}>;"
            if key.startswith("_") or self._means_else(found, key):
                continue
            if is_decorated(function, "property", "cached_property", "computed_field"):
                for line in self._comment(function):
                    yield f"  {line}"
                text = hints.render(function.returns, replace(place, way="out")) if function.returns else "unknown"
                if function.returns is None:
                    hints.warn(member.module, function, f"{node.name}.{key} has no hint: unknown")
                yield f"  readonly {property_name(key)}: Promise<{text}>;"
                continue
            # `new(): C` would say what `new` makes.
            called = quote(key) if key == "new" else property_name(key)
            lines = self._callable(member, called, place, skip=0 if is_decorated(function, "staticmethod") else 1)
            for line in "\n".join(lines).split("\n"):
                yield f"  {line}"
        yield "}"

    def _method(self, member: Definition, beside: dict[str, Definition], scope: Scope) -> Definition | None:
        """Return the function that a name of a class stands for, also where it is another name of one; None for what is none."""
        node = member.node
        if isinstance(node, ast.Call) and dotted_name(node.func) in ("staticmethod", "classmethod") and len(node.args) == 1:
            inner = self._method(replace(member, node=node.args[0]), beside, scope)
            if inner is None:
                return None
            function = copy(inner.node)
            function.decorator_list = [*function.decorator_list, node.func]  # type: ignore[union-attr]
            return replace(inner, node=function)
        if isinstance(node, (ast.Name, ast.Attribute)) and member.annotation is None:
            named = beside.get(dotted_name(node) or "") or self._hints.resolve(node, scope)
            member = named if isinstance(named, Definition) else member
        if isinstance(member.node, ast.Lambda):
            return _named(member)
        return member if isinstance(member.node, Function) else None

    def _means_else(self, found: Definition, name: str) -> bool:
        if name in NOT_CALLED:
            assert found.node is not None
            self._hints.warn(found.module, found.node, f"{found.name}.{name} means something else in JavaScript: it is left out")
        return name in NOT_CALLED

    def _comment(self, node: Function) -> list[str]:
        doc = read_docstring(docstring(node))
        names = [each.arg for each in all_arguments(node.args)]
        lines = doc.lines(names)
        return comment(lines) if lines else []


class _Parameter(NamedTuple):
    name: str
    type: str
    is_optional: bool


@dataclass
class _Arguments:
    """What a function takes, and the ways to give it."""

    positional_only: list[_Parameter]
    positional: list[_Parameter]
    # With the type of all of them, which is an array.
    rest: _Parameter | None
    keyword_only: list[_Parameter]
    # The type of what `**kwargs` takes.
    keywords: str | None

    def ways(self) -> Iterator[list[str]]:
        """Go over the lists of parameters: all by position, then with one more by keyword each time."""
        by_position = [*self.positional_only, *self.positional]
        labels = self._labels()
        required = sum(not each.is_optional for each in by_position)
        fewest = sum(not each.is_optional for each in self.positional_only)
        for count in range(len(by_position), fewest - 1, -1):
            if len(by_position) > WAYS_MAX and required + 2 < count < len(by_position):
                continue  # Nobody gives seven by position and the eighth by keyword.
            # What is positional-only can be given by position or be left out.
            first, others = by_position[:count], [*by_position[max(count, len(self.positional_only)) :], *self.keyword_only]
            must = any(not each.is_optional for each in self.keyword_only)
            is_last = count == len(by_position)
            keywords = self._kwargs(others, labels[KWARGS], is_optional=is_last and not must and self.rest is None)
            # Nobody leaves out an optional one and gives what stands after it.
            is_strict = not is_last or must
            parameters = [f"{labels[each.name]}{'?' if each.is_optional and not is_strict else ''}: {each.type}" for each in first]
            if not is_last or self.rest is None:
                if is_last or keywords:
                    yield [*parameters, *keywords]
                continue
            rest = f"...{labels[self.rest.name]}: "
            items = self.rest.type
            if not must:
                yield [*parameters, rest + items]
            if keywords:
                # Keywords stand last, behind any number of others.
                strict = [f"{labels[each.name]}: {each.type}" for each in first]
                yield [*strict, f"{rest}[{rest}{items}, {keywords[0]}]"]

    def _labels(self) -> dict[str, str]:
        """Return what each parameter is called in TypeScript, no two of them alike."""
        labels: dict[str, str] = {}
        rest = [self.rest] if self.rest is not None else []
        for name in [*(each.name for each in [*self.positional_only, *self.positional, *rest]), KWARGS]:
            own = label(name or "kwargs")
            while own in labels.values():
                own += "_"
            labels[name] = own
        return labels

    def _kwargs(self, parameters: Sequence[_Parameter], name: str, is_optional: bool) -> list[str]:
        if not parameters and self.keywords is None:
            return []
        parts = [f"{property_name(each.name)}{'?' if each.is_optional else ''}: {each.type}" for each in parameters]
        if self.keywords is not None:
            # An index has to take in what the names before it take.
            missing = ["undefined"] if any(each.is_optional for each in parameters) else []
            text = union([self.keywords, *(each.type for each in parameters), *missing])
            parts.append(f"[name: string]: {text}")
        return [f"{name}{'?' if is_optional else ''}: Kwargs<{{ {'; '.join(parts)} }}>"]


def _named(definition: Definition) -> Definition:
    """Return a lambda as the function that it is under its name."""
    assert isinstance(definition.node, ast.Lambda)
    node = ast.FunctionDef(definition.name, definition.node.args, [], [], None, None)
    return Definition(definition.module, definition.name, ast.copy_location(node, definition.node))


def _assigned(node: ast.ClassDef) -> dict[str, ast.expr | None]:
    """Return what methods assign to `self`, with the hint that stands there or that the parameter has."""
    found: dict[str, ast.expr | None] = {}
    for method in node.body:
        if not isinstance(method, Function):
            continue
        ordered = [*method.args.posonlyargs, *method.args.args]
        if not ordered or is_decorated(method, "staticmethod"):
            continue
        own, hints = ordered[0].arg, _hints_inside(method.args)
        for each in ast.walk(method):
            targets = each.targets if isinstance(each, ast.Assign) else [each.target] if isinstance(each, ast.AnnAssign) else []
            for target, value in [pair for one in targets for pair in pairs(one, getattr(each, "value", None))]:
                if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == own:
                    hint = each.annotation if isinstance(each, ast.AnnAssign) else hints.get(value.id) if isinstance(value, ast.Name) else None
                    found[target.attr] = found.get(target.attr) or hint
    return found


def _hints_inside(arguments: ast.arguments) -> dict[str, ast.expr | None]:
    """Return the hints of parameters as what they are in the function: `*names: str` is a tuple of text there."""

    def of(name: str, *items: ast.expr) -> ast.expr:
        return ast.Subscript(ast.Name(name, ast.Load()), ast.Tuple([*items], ast.Load()), ast.Load())

    hints: dict[str, ast.expr | None] = {}
    for each, default in [*by_position(arguments), *zip(arguments.kwonlyargs, arguments.kw_defaults)]:
        may_be_none = each.annotation is not None and is_none(default)
        hints[each.arg] = ast.BinOp(each.annotation, ast.BitOr(), default) if may_be_none else each.annotation
    rest, more = arguments.vararg, arguments.kwarg
    if rest is not None and rest.annotation is not None and unpacked(rest.annotation) is None:
        hints[rest.arg] = of("tuple", rest.annotation, ast.Constant(...))
    if more is not None and more.annotation is not None and unpacked(more.annotation) is None:
        hints[more.arg] = of("dict", ast.Name("str", ast.Load()), more.annotation)
    return hints


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


# What stands for keyword arguments among parameters.
KWARGS = ""
# What the proxy keeps for itself, since JavaScript asks every object for it.
NOT_CALLED = frozenset(["then", "catch", "finally", "toJSON", "constructor", "prototype", "toString", "valueOf"])
# Global values that no declaration may shadow, since the file speaks of them, and what it imports.
BUILT_IN = frozenset(["globalThis", "undefined", "Handle", "Kwargs", "NdArray", "Symbol", "TypedArray"])
CONTEXT_MANAGERS = frozenset(["contextlib.contextmanager", "contextlib.asynccontextmanager"])
WIDTH = 120
WAYS_MAX = 7
