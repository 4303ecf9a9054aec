"""The types that a file names: classes and aliases as TypeScript declares them, but for handles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from .docstring import read_docstring
from .enumeration import enum_values
from .field import fields_of
from .hint import Hints, answer, may_miss
from .module import Definition, type_parameters
from .scope import Scope
from .syntax import Function, by_position, is_decorated, keywords, unpacked
from .text import angled, comment, label, many, property_name, union


def named_type(hints: Hints, found: Definition, name: str) -> list[str]:
    """Return the lines that declare a class or an alias by that name."""
    node = found.node
    kind, alias = hints.kind(found), hints.alias(found)
    # What a class is built on is given in its place, so that nothing is given to its name.
    parameters = {} if kind == "value" else hints.parameters(found)
    scope = Scope(found.module, declared=frozenset(parameters), owner=name + angled(parameters, names_only=True), names=type_parameters(found))
    if alias is not None:
        text = hints.render(alias, replace(scope, alias=node, body=found))
    elif kind == "value":
        text = hints.built_on(found, scope)
    elif kind == "enum":
        text = union(value for _, value in enum_values(hints, found)) or "never"
    elif kind == "namedtuple":
        items = [f"{label(key)}: {hints.field(each, scope)[0]}" for key, each in fields_of(hints, found).items()]
        text = f"[{', '.join(items)}]"
    elif kind == "protocol":
        text = _protocol(hints, found, scope)
    elif isinstance(node, ast.ClassDef):
        properties = [line for doc, text in _properties(hints, found, scope) for line in [*doc, f"{text};"]]
        return [f"export interface {name}{angled(parameters)} {{", *(f"  {line}" for line in properties), "}"]
    elif kind == "typeddict":
        text = f"{{ {'; '.join(each for _, each in _properties(hints, found, scope))} }}"
    else:
        text = NOT_WRITTEN_OUT.get(hints.made_by(found), "unknown")
    return [f"export type {name}{angled(parameters)} = {text};"]


def _properties(hints: Hints, found: Definition, scope: Scope) -> Iterator[tuple[list[str], str]]:
    """Go over what an object of a class has, each with its comment."""
    texts: list[str] = []
    for key, each in fields_of(hints, found).items():
        text, marks = hints.field(each, scope)
        if marks.isdisjoint(["ClassVar", "InitVar"]) and (hints.kind(found) != "record" or not key.startswith("__")):
            is_optional = may_miss(each, marks)
            texts += [text, "undefined"] if is_optional else [text]
            yield comment(read_docstring(each.doc).lines([])), f"{property_name(key)}{'?' if is_optional else ''}: {text}"
    # The first of a TypedDict and its bases says what else there may be.
    for each in hints.lineage(found) if hints.kind(found) == "typeddict" else ():
        hint = keywords(each.node).get("extra_items")
        if hint is not None:
            place = hints.inside(each, scope)
            text = hints.render(hints.wrapped(hint, place)[0], place)
            if text != "never":
                # An index has to take in what the keys beside it take.
                yield [], f"[key: string]: {union([text, *texts])}"
            return


def _protocol(hints: Hints, found: Definition, scope: Scope) -> str:
    call = hints.member(found, "__call__")
    assert call is not None
    place = hints.inside(call.outer, scope)
    calls = [_call(hints, each, place) for each in call.overloads or [call.node]]
    # What is given has to take all that Python may call it with.
    return " & ".join(f"({each})" for each in calls) if len(calls) > 1 else calls[0]


def _call(hints: Hints, call: ast.AST | None, scope: Scope) -> str:
    """Return the type of a function that Python calls as this `__call__`."""
    if not isinstance(call, Function):
        return "(...args: any[]) => unknown"
    out = replace(scope, way="out")
    given = call.args
    parameters = [f"{label(each.arg)}{'' if default is None else '?'}: {hints.render(each.annotation, out)}" for each, default in by_position(given)[0 if is_decorated(call, "staticmethod") else 1 :]]
    if given.kwarg is not None or given.kwonlyargs and (given.defaults or given.vararg):
        # What Python gives by keyword comes in one object behind all others, however many those are.
        parameters = ["...args: any[]"]
    elif given.vararg is not None:
        whole = unpacked(given.vararg.annotation)
        parameters.append(f"...{label(given.vararg.arg)}: {many(hints.render(given.vararg.annotation, out), 'both') if whole is None else hints.array(whole, out)}")
    elif given.kwonlyargs:
        keys = [f"{property_name(each.arg)}{'' if default is None else '?'}: {hints.render(each.annotation, out)}" for each, default in zip(given.kwonlyargs, given.kw_defaults)]
        parameters.append(f"kwargs{'' if None in given.kw_defaults else '?'}: {{ {'; '.join(keys)} }}")
    result = hints.render(call.returns, replace(scope, way="in", is_answer=True))
    return f"({', '.join(parameters)}) => {answer(result)}"


# What a call makes that does not write out its fields.
NOT_WRITTEN_OUT = {"TypedDict": "{ [key: string]: unknown }", "NamedTuple": "unknown[]", "namedtuple": "unknown[]"}
