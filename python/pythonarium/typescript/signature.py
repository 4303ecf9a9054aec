"""The signatures of a function, a method or a constructor."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from .docstring import read_docstring
from .field import fields_of, makes_aliases, takes_names
from .hint import Hints
from .made import made_function
from .module import Definition, type_parameters
from .scope import Scope
from .syntax import Function, all_arguments, by_position, decorators, docstring, first_in_brackets, is_decorated, is_none, unpacked, yields
from .text import angled, comment, label, many, property_name, union, variable, without_literals


def declared_function(hints: Hints, definition: Definition, declare: str) -> Iterator[str]:
    """Write what a name of a module is called by; `declare` is what stands before the parameters."""
    if isinstance(definition.node, ast.ClassDef):
        yield from _constructor(hints, definition, declare)
        return
    function = as_function(definition) or made_function(hints, definition)
    if function is None:
        hints.warn(definition.module, definition.node, f"{definition.name} is made when the module runs: what it takes and returns is unknown")
        yield f"{declare}(...args: unknown[]): Promise<unknown>;"
        return
    # `load = Model.load` has its class already where it is a class method.
    is_bound = function.outer is not None and is_decorated(function.node, "classmethod")
    yield from comment_of(function.node)
    yield from signatures(hints, function, declare, hints.inside(function.outer, Scope(function.module)), skip=int(is_bound))


def as_function(definition: Definition) -> Definition | None:
    """Return a function, and a lambda as the one that it is under its name; None for what is neither."""
    node = definition.node
    if isinstance(node, ast.Lambda):
        named = ast.FunctionDef(definition.name, node.args, [], [], None, None)
        return replace(definition, node=ast.copy_location(named, node))
    return definition if isinstance(node, Function) else None


def comment_of(node: ast.AST | None, names: Sequence[str] | None = None) -> list[str]:
    """Return the docstring of a function as a comment, or that of a class whose constructor takes these names."""
    own = [each.arg for each in all_arguments(node.args)] if isinstance(node, Function) else []
    return comment(read_docstring(docstring(node)).lines(own if names is None else names))


def signatures(hints: Hints, definition: Definition, declare: str, scope: Scope, skip: int, made: str | None = None, of_class: dict[str, str] | None = None) -> Iterator[str]:
    """Write each overload of a function, or the function, without the first `skip` of what it takes.

    `made` is what a constructor makes, whatever it returns; it has the type variables `of_class` before its own.
    """
    body = definition.node
    assert isinstance(body, Function)
    told: dict[tuple[str, ...], None] = {}
    for node in definition.overloads or [body]:
        variables = dict(of_class or {})
        own = replace(scope, way="in", variables=variables, names={**scope.names, **type_parameters(replace(definition, node=node))})
        missing: list[str] = []
        arguments = _arguments(hints, node.args, skip, own, missing)
        result = made if made is not None else _result(hints, node, body, own, missing)
        if missing:
            hints.warn(scope.module, node, f"{node.name}() has no hint for {_listed(missing)}: unknown")
        told.update(dict.fromkeys(_signatures(hints, declare, variables, arguments, result)))
    yield from (line for each in told for line in each)


def _arguments(hints: Hints, given: ast.arguments, skip: int, scope: Scope, missing: list[str]) -> _Arguments:
    """Return what a function takes; what has no hint is added to `missing`."""

    def read(argument: ast.arg, default: ast.expr | None = None) -> _Parameter:
        text = "unknown"
        if argument.annotation is None:
            missing.append(f"`{argument.arg}`")
        else:
            text = hints.parameter(argument.annotation, scope)
            text = union([text, "null"]) if is_none(default) else text
        return _Parameter(argument.arg, text, default is not None)

    positional = [read(*pair) for pair in by_position(given)[skip:]]
    only = max(0, len(given.posonlyargs) - skip)
    rest = None
    if given.vararg is not None:
        whole = unpacked(given.vararg.annotation)
        rest = _Parameter(given.vararg.arg, many(read(given.vararg).type, "both") if whole is None else hints.array(whole, scope), False)
    keyword_only = [read(*pair) for pair in zip(given.kwonlyargs, given.kw_defaults)]
    keywords = None
    if given.kwarg is not None:
        whole = unpacked(given.kwarg.annotation)
        keys = None if whole is None else hints.keys(whole, scope)
        if keys is None:
            keywords = read(given.kwarg).type
        else:
            keyword_only += [_Parameter(name, *key) for name, key in keys.items()]
    return _Arguments(positional[:only], positional[only:], rest, keyword_only, keywords)


def _result(hints: Hints, node: Function, body: Function, scope: Scope, missing: list[str]) -> str:
    """Return what a call of a function gives; that there is no hint for that is added to `missing`."""
    scope = replace(scope, way="out")
    if not CONTEXT_MANAGERS.isdisjoint(hints.resolve(each, scope) for each in decorators(body)):
        hints.warn(scope.module, node, f"{node.name}() returns a context manager, which cannot cross: unknown")
        return "Promise<unknown>"
    is_generator = yields(body)
    if node.returns is None:
        missing.append("what it yields" if is_generator else "its result")
        return "AsyncIterable<unknown>" if is_generator else "Promise<unknown>"
    items = hints.stream(node.returns, scope)
    if items is None and is_generator:
        items = hints.render(first_in_brackets(hints.wrapped(node.returns, scope)[0]), scope)
    return f"Promise<{hints.render(node.returns, scope)}>" if items is None else f"AsyncIterable<{items}>"


def _constructor(hints: Hints, definition: Definition, declare: str) -> Iterator[str]:
    """Write the function that makes an object, which is what a class is to those who call it."""
    assert definition.node is not None
    variables = hints.parameters(definition)
    given = ", ".join(without_literals(variable(name), extends) for name, extends in variables.items())
    made = f"{hints.name_of(definition)}{f'<{given}>' if given else ''}"
    result = f"Promise<{made}>"
    scope = hints.inside(definition, Scope(definition.module, way="in", owner=made, declared=frozenset(variables)))
    maker = hints.maker(definition)
    function = maker.node if maker is not None else None
    yield from comment_of(definition.node, [each.arg for each in all_arguments(function.args)] if isinstance(function, Function) else list(fields_of(hints, definition)))
    if maker is not None and isinstance(function, Function):
        yield from signatures(hints, maker, declare, hints.inside(maker.outer, scope), 1, result, variables)
        return
    problem = ""
    if hints.is_made_elsewhere(definition) if maker is None else not isinstance(function, ast.ClassDef):
        problem = "is made by what has no source"
    elif makes_aliases(hints, definition):
        problem = "takes its fields by names that it makes when it runs"
    if problem:
        hints.warn(definition.module, definition.node, f"{definition.name} {problem}: what it takes is unknown")
        yield f"{declare}{angled(variables)}(...args: unknown[]): {result};"
    else:
        yield from (line for each in _signatures(hints, declare, variables, _fields(hints, maker, scope), result) for line in each)


def _fields(hints: Hints, maker: Definition | None, scope: Scope) -> _Arguments:
    """Return what a constructor takes that is made of the fields of a class; nothing where `maker` is none."""
    taken = _Arguments([], [], None, [], None)
    for key, each in fields_of(hints, maker).items() if maker is not None else ():
        place = hints.inside(each.owner, scope)
        hint, marks = hints.wrapped(each.annotation, place) if each.annotation else (None, set())
        if "ClassVar" not in marks and each.is_taken:
            text = "unknown" if hint is None else hints.parameter(hint, place)
            # What is given by position has a name in TypeScript, and an alias need be none.
            by_alias = each.alias and not takes_names(hints, maker) and (each.is_keyword or each.alias.isidentifier())
            (taken.keyword_only if each.is_keyword else taken.positional).append(_Parameter(each.alias if by_alias else key, text, each.is_optional))
    return taken


def _signatures(hints: Hints, declare: str, variables: dict[str, str], arguments: _Arguments, result: str) -> Iterator[tuple[str, ...]]:
    """Go over the lines of each signature: first as it is called by position, then with ever more of it by keyword."""
    head = f"{declare}{angled(variables)}"
    for parameters in arguments.ways():
        if any("Kwargs<" in each for each in parameters):
            hints.imports.add("Kwargs")
        line = f"{head}({', '.join(parameters)}): {result};"
        yield (line,) if len(line) <= WIDTH else (f"{head}(", *(f"  {each}," for each in parameters), f"): {result};")


class _Parameter(NamedTuple):
    """One of what a function takes, with its type."""

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
        ordered = [*self.positional_only, *self.positional]
        labels = self._labels()
        required = sum(not each.is_optional for each in ordered)
        fewest = sum(not each.is_optional for each in self.positional_only)
        for count in range(len(ordered), fewest - 1, -1):
            if len(ordered) > WAYS_MAX and required + 2 < count < len(ordered):
                continue  # Nobody gives seven by position and the eighth by keyword.
            # What is positional-only can be given by position or be left out.
            first, others = ordered[:count], [*ordered[max(count, len(self.positional_only)) :], *self.keyword_only]
            must = any(not each.is_optional for each in self.keyword_only)
            is_all = count == len(ordered)
            keywords = self._kwargs(others, labels[KWARGS], is_optional=is_all and not must and self.rest is None)
            # Nobody leaves out an optional one and gives what stands after it.
            is_strict = not is_all or must
            parameters = [f"{labels[each.name]}{'?' if each.is_optional and not is_strict else ''}: {each.type}" for each in first]
            if not is_all or self.rest is None:
                if is_all or keywords:
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


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


CONTEXT_MANAGERS = frozenset(["contextlib.contextmanager", "contextlib.asynccontextmanager"])
WIDTH = 120
# What stands for keyword arguments among parameters.
KWARGS = ""
WAYS_MAX = 7
