"""What an object that stays in Python offers: its methods, and its attributes as promises."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from typing import NamedTuple

from .classes import TAKES_NOTHING
from .field import Field, fields_of
from .hint import Hints
from .known import BASES, ROOT_MODEL
from .module import Definition, members
from .scope import Scope
from .signature import as_function, comment_of, signatures
from .syntax import Function, by_position, dotted_name, is_decorated, is_none, pairs, unpacked
from .text import NOT_CALLED, angled, property_name, quote


def handle_type(hints: Hints, found: Definition, name: str) -> Iterator[str]:
    """Write the handle of a class, by that name."""
    hints.imports.add("Handle")
    for base, whole in hints.bases_elsewhere(found):
        if whole not in BASES and whole != ROOT_MODEL and whole.rpartition(".")[0] not in HAS_NOTHING:
            hints.warn(found.module, found.node, f"{found.name} derives from {base}, which has no source to read: what it has from there is left out")
    parameters = hints.parameters(found)
    scope = Scope(found.module, declared=frozenset(parameters), owner=name + angled(parameters, names_only=True))
    attributes, methods = _offered(hints, found, scope)
    yield f"export interface {name}{angled(parameters)} extends Handle {{"
    for key, attribute in attributes.items():
        if _is_offered(hints, found, key):
            text, marks = hints.field(attribute, replace(scope, way="out"))
            # Only the constructor has an InitVar.
            if "InitVar" not in marks:
                yield f"  readonly {property_name(key)}: Promise<{text}>;"
    for key, method in methods.items():
        if key in ("__iter__", "__aiter__"):
            items = hints.stream(method.function.returns, method.place)
            yield f"  [Symbol.asyncIterator](): AsyncIterator<{items or 'unknown'}>;"
        if _is_offered(hints, found, key):
            yield from (f"  {line}" for line in _method_lines(hints, key, method))
    yield "}"


class _Method(NamedTuple):
    definition: Definition
    function: Function
    # The class that has it.
    owner: str
    place: Scope


def _offered(hints: Hints, found: Definition, scope: Scope) -> tuple[dict[str, Field], dict[str, _Method]]:
    """Return the attributes and the methods of a class, those of its bases first."""
    attributes: dict[str, Field] = {}
    methods: dict[str, _Method] = {}
    for each in reversed(hints.lineage(found)):
        own, place = members(each), hints.inside(each, scope)
        for key, member in own.items():
            attributes.pop(key, None)
            methods.pop(key, None)
            is_type = key in place.names and (member.annotation is not None or not isinstance(member.node, ast.expr))
            if member.is_gone or is_type:
                continue
            method = _method(hints, member, own, place)
            if method is not None:
                assert isinstance(method.node, Function)
                methods[key] = _Method(method, method.node, each.name, replace(place, module=method.module))
            else:
                attributes[key] = Field(each, member.annotation)
        for key, hint in _assigned(each.node).items():
            # What the body says of it is meant, whatever a parameter may be before it is assigned.
            if key not in methods and (key not in own or own[key].annotation is None):
                attributes[key] = Field(each, hint) if hint is not None else attributes.get(key, Field(each, None))
    for key, field in fields_of(hints, found).items():
        # What is named in the brackets or the call that a class derives from.
        if hints.member(found, key) is None:
            attributes.setdefault(key, field)
    return attributes, methods


def _method(hints: Hints, member: Definition, beside: dict[str, Definition], scope: Scope) -> Definition | None:
    """Return the function that a name of a class stands for, also where it is another name of one; None for what is none."""
    node = member.node
    if isinstance(node, ast.Call) and dotted_name(node.func) in ("staticmethod", "classmethod") and len(node.args) == 1:
        inner = _method(hints, replace(member, node=node.args[0]), beside, scope)
        if inner is None:
            return None
        function = copy(inner.node)
        function.decorator_list = [*function.decorator_list, node.func]  # type: ignore[union-attr]
        return replace(inner, node=function)
    if isinstance(node, (ast.Name, ast.Attribute)) and member.annotation is None:
        named = beside.get(dotted_name(node) or "") or hints.resolve(node, scope)
        member = named if isinstance(named, Definition) else member
    return as_function(member)


def _is_offered(hints: Hints, found: Definition, key: str) -> bool:
    if key in NOT_CALLED:
        hints.warn(found.module, found.node, f"{found.name}.{key} means something else in JavaScript: it is left out")
    return not key.startswith("_") and key not in NOT_CALLED


def _method_lines(hints: Hints, key: str, method: _Method) -> Iterator[str]:
    function = method.function
    if not is_decorated(function, "property", "cached_property", "computed_field"):
        # `new(): C` would say what `new` makes.
        called = quote(key) if key == "new" else property_name(key)
        yield from comment_of(function)
        yield from signatures(hints, method.definition, called, method.place, skip=0 if is_decorated(function, "staticmethod") else 1)
        return
    if function.returns is None:
        hints.warn(method.definition.module, function, f"{method.owner}.{key} has no hint: unknown")
    yield from comment_of(function)
    yield f"readonly {property_name(key)}: Promise<{hints.render(function.returns, replace(method.place, way='out'))}>;"


def _assigned(node: ast.AST | None) -> dict[str, ast.expr | None]:
    """Return what methods assign to `self`, with the hint that stands there or that the parameter has."""
    found: dict[str, ast.expr | None] = {}
    for method in getattr(node, "body", ()):
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


# Modules of classes that have nothing but what is built in.
HAS_NOTHING = TAKES_NOTHING - {"collections.abc"}
