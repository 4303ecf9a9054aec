"""The fields of a dataclass, a named tuple, a TypedDict or a model of pydantic, and how its constructor takes them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from .known import BASES, MADE, ROOT_MODEL
from .module import Definition, members
from .scope import Scope
from .syntax import constant, docstring, first_in_brackets, in_brackets, keywords, parsed

if TYPE_CHECKING:
    from .classes import Classes


class Field(NamedTuple):
    """What one field is, by the class that has it."""

    owner: Definition
    annotation: ast.expr | None
    doc: str = ""
    # Whether a TypedDict has to have it.
    is_total: bool = True
    # How the constructor that is made of the fields takes it.
    is_taken: bool = True
    is_optional: bool = False
    is_keyword: bool = False
    # What a model of pydantic takes it by instead of its name; "" for none.
    alias: str = ""


def fields_of(classes: Classes, found: Definition, depth: int = 0) -> dict[str, Field]:
    """Return the annotated fields of a class, those of its bases first."""
    if isinstance(found.node, ast.Call):
        return made_fields(classes, found)
    fields: dict[str, Field] = {}
    is_model = classes.is_model(found)
    for base in reversed(classes.bases(found)) if depth < 20 else ():
        # What any other class annotates is no field of a dataclass that derives from it.
        if is_model or classes.kind(base, as_value=True) in ("record", "namedtuple", "typeddict"):
            fields.update(fields_of(classes, base, depth + 1))
    return {**fields, **_own_fields(classes, found, is_model)}


def made_fields(classes: Classes, found: Definition) -> dict[str, Field]:
    """Return the fields of what `NamedTuple("P", ...)`, `namedtuple("P", ...)` and `TypedDict("D", ...)` make, as far as they are written out."""
    call = found.node
    assert isinstance(call, ast.Call)
    given: dict[object, ast.expr] = {**dict(enumerate(call.args)), **keywords(call)}
    told = given.get(1, given.get("field_names"))
    hints: dict[object, ast.expr | None] = {}
    if classes.made_by(found) not in MADE:
        return {}
    if isinstance(told, ast.Dict):
        hints = {constant(key): hint for key, hint in zip(told.keys, told.values)}
    elif isinstance(told, (ast.List, ast.Tuple)):
        items = [each.elts if isinstance(each, ast.Tuple) and len(each.elts) == 2 else (each, None) for each in told.elts]
        hints = {constant(name): hint for name, hint in items}
    elif isinstance(constant(told), str):
        hints = dict.fromkeys(str(constant(told)).replace(",", " ").split())
    if not all(isinstance(name, str) for name in hints):
        return {}
    defaults = given.get("defaults")
    required = len(hints) - len(defaults.elts if isinstance(defaults, (ast.List, ast.Tuple)) else ())
    is_total = constant(given.get("total")) is not False
    return {str(name): Field(found, hint, is_total=is_total, is_optional=index >= required) for index, (name, hint) in enumerate(hints.items())}


def takes_names(classes: Classes, found: Definition) -> bool:
    """Whether a model takes its fields by their names also where they have an alias."""
    config = _config(classes, found)
    return any(constant(config.get(name)) is True for name in ("populate_by_name", "validate_by_name"))


def makes_aliases(classes: Classes, found: Definition) -> bool:
    """Whether a model takes its fields by what it makes of their names when it runs."""
    made = _config(classes, found).get("alias_generator", ast.Constant(None))
    return not isinstance(made, ast.Constant) and not takes_names(classes, found)


def _own_fields(classes: Classes, found: Definition, is_model: bool) -> dict[str, Field]:
    """Return the fields that a class annotates itself, and those of the calls that it derives from."""
    node = found.node
    assert isinstance(node, ast.ClassDef)
    fields: dict[str, Field] = {}
    bases = [(base, classes.base(base, found)) for base in node.bases]
    for base, name in bases:
        if isinstance(name, Definition) and isinstance(name.node, ast.Call):
            fields.update(made_fields(classes, name))
        if name == ROOT_MODEL:
            fields["root"] = Field(found, first_in_brackets(base))
    options = classes.record_options(found)
    if not is_model and not options and not any(name in BASES for _, name in bases) and classes.kind(found, as_value=True) in ("record", "namedtuple"):
        # No decorator has seen what it annotates itself.
        return fields
    scope = Scope(found.module)
    is_total = constant(keywords(node).get("total")) is not False
    is_root = ROOT_MODEL in classes.roots(found)
    is_keyword = is_model and not is_root or any(constant(each.get("kw_only")) is True for each in options)
    for each, following in zip(node.body, [*node.body[1:], None]):
        if is_model and isinstance(each, ast.FunctionDef):
            for told in classes.decorator_options(found, each, "pydantic.computed_field"):
                # In all that the model gives, and nothing that it has to be given.
                fields[each.name] = Field(found, told.get("return_type", each.returns), docstring(each), is_total=False, is_taken=False)
        if not isinstance(each, ast.AnnAssign) or not isinstance(each.target, ast.Name):
            continue
        if classes.resolve(parsed(each.annotation), scope) == "dataclasses.KW_ONLY":
            is_keyword = True
        # A model keeps some to itself, and takes them from nobody.
        elif not is_model or not each.target.id.startswith("_") and each.target.id != "model_config":
            told = _options(classes, each, scope)
            doc = constant(following.value) if isinstance(following, ast.Expr) else None
            own = constant(told.get("kw_only"))
            alias = constant(told.get("validation_alias", told.get("alias")))
            fields[each.target.id] = Field(
                found,
                each.annotation,
                doc if isinstance(doc, str) else "",
                # What a model leaves out of its `model_dump()` may be missing.
                is_total and not (is_model and constant(told.get("exclude")) is True),
                is_taken=constant(told.get("init")) is not False,
                # A model's `...` says that there is no default.
                is_optional=any(name in told and constant(told[name]) is not ... for name in ("default", "default_factory")),
                is_keyword=own if isinstance(own, bool) else is_keyword,
                alias=alias if isinstance(alias, str) else "",
            )
    return fields


def _options(classes: Classes, node: ast.AnnAssign, scope: Scope) -> dict[str | None, ast.expr]:
    """Return what `field(...)` says of a field, and `Field(...)` inside of `Annotated`; any other value is its default."""

    def told(value: ast.expr) -> dict[str | None, ast.expr] | None:
        if not isinstance(value, ast.Call) or classes.resolve(value.func, scope) not in FIELD_MAKERS:
            return None
        return {**({"default": value.args[0]} if value.args else {}), **keywords(value)}

    options: dict[str | None, ast.expr] = {}
    hint = parsed(node.annotation)
    for each in in_brackets(hint)[1:] if classes.resolve(hint, scope) == "typing.Annotated" else ():
        options.update(told(each) or {})
    if node.value is not None:
        own = told(node.value)
        options.update({"default": node.value} if own is None else own)
    return options


def _config(classes: Classes, found: Definition) -> dict[object, ast.expr]:
    """Return the `model_config` of a model, with what its bases have."""
    told: dict[object, ast.expr] = {}
    for each in reversed(classes.lineage(found)):
        config = members(each).get("model_config")
        node = config and config.node
        if isinstance(node, ast.Dict):
            told.update({constant(key): value for key, value in zip(node.keys, node.values)})
        told.update(keywords(node))
        told.update(keywords(each.node))
    return told


FIELD_MAKERS = ("dataclasses.field", "pydantic.Field")
