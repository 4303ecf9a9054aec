"""What a class is by its source: of which kind, with which fields and bases, and what makes it."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from .known import MODEL, ROOT_MODEL, is_concrete
from .module import Definition, members
from .scope import Scope
from .syntax import constant, decorators, docstring, dotted_name, in_brackets, in_order, is_type_statement, keywords, last_word, local_variables, parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .source import Sources


class Classes:
    """Tells what names stand for, and of classes all that their sources tell."""

    def __init__(self, sources: Sources, is_handle: Callable[[Definition], bool]) -> None:
        self.sources = sources
        self._is_handle = is_handle

    def resolve(self, node: ast.AST | None, scope: Scope) -> Definition | str | None:
        """Return what a name or an attribute stands for, whatever is in brackets behind it; None for other expressions and for unknown names."""
        dotted = dotted_name(node.value if isinstance(node, ast.Subscript) else node)
        if dotted is None:
            return None
        if dotted in scope.names:
            return scope.names[dotted]
        return self.sources.resolve(scope.module, dotted)

    def kind(self, found: Definition, depth: int = 0, as_value: bool = False) -> str:
        """Return what a class is to those who call: see `BASES` below. `as_value` is what it would be if it were not exposed."""
        node = found.node
        if isinstance(node, ast.Call):
            return MADE.get(self.made_by(found), "other") if self._made_fields(found) else "other"
        if not isinstance(node, ast.ClassDef) or depth > 20:
            return "other"
        if not as_value and self._is_handle(found):
            return "handle"
        if self._record_options(found):
            return "record"
        scope = Scope(found.module)
        kind = "other"
        is_derived = False
        for base in node.bases:
            name = self._base(base, found)
            if isinstance(name, Definition):
                inherited = self.kind(name, depth + 1, as_value)
                is_derived |= inherited == "handle"
                # A class that keeps to a protocol is none itself.
                inherited = "other" if inherited == "protocol" else inherited
            else:
                inherited = BASES.get(name or "", "value" if is_concrete(name) else "other")
            # `class Color(str, Enum)` is text, and of all texts only some.
            if kind == "other" and inherited != "handle" or (kind, inherited) == ("value", "enum"):
                kind = inherited
        return "handle" if kind == "other" and is_derived else kind

    def fields(self, found: Definition, depth: int = 0) -> dict[str, Field]:
        """Return the annotated fields of a class, those of its bases first."""
        fields: dict[str, Field] = {}
        node = found.node
        if isinstance(node, ast.Call):
            return self._made_fields(found)
        if not isinstance(node, ast.ClassDef) or depth > 20:
            return fields
        scope = Scope(found.module)
        is_model = self._is_model(found)
        is_root = ROOT_MODEL in self.roots(found)
        for base in reversed(self.bases(found)):
            # What any other class annotates is no field of a dataclass that derives from it.
            if is_model or self.kind(base, as_value=True) in ("record", "namedtuple", "typeddict"):
                fields.update(self.fields(base, depth + 1))
        for base in node.bases:
            made = self._base(base, found)
            if isinstance(made, Definition) and isinstance(made.node, ast.Call):
                fields.update(self._made_fields(made))
            if made == ROOT_MODEL:
                hint = next(iter(in_brackets(base)), None)
                fields["root"] = Field(found, hint, "", is_total=True, is_taken=True, is_optional=False, is_keyword=False, alias="")
        is_derived = not is_model and not self._record_options(found) and not any(self._base(base, found) in BASES for base in node.bases)
        if is_derived and self.kind(found, as_value=True) in ("record", "namedtuple"):
            # No decorator has seen what it annotates itself.
            return fields
        total = constant(keywords(node).get("total")) is not False
        is_keyword = is_model and not is_root or any(constant(each.get("kw_only")) is True for each in self._record_options(found))
        for index, each in enumerate(node.body):
            if is_model and isinstance(each, ast.FunctionDef):
                for options in self._decorator_options(each, "pydantic.computed_field", scope):
                    # In all that the model gives, and nothing that it has to be given.
                    fields[each.name] = Field(found, options.get("return_type", each.returns), docstring(each), is_total=False, is_taken=False, is_optional=True, is_keyword=True, alias="")
            if not isinstance(each, ast.AnnAssign) or not isinstance(each.target, ast.Name):
                continue
            name = each.target.id
            if self.resolve(parsed(each.annotation), scope) == "dataclasses.KW_ONLY":
                is_keyword = True
                continue
            if is_model and (name.startswith("_") or name == "model_config"):
                continue  # What a model keeps to itself, and takes from nobody.
            following = node.body[index + 1] if index + 1 < len(node.body) else None
            doc = constant(following.value) if isinstance(following, ast.Expr) else None
            options = self._field_options(each, scope)
            own = constant(options.get("kw_only"))
            alias = constant(options.get("validation_alias", options.get("alias")))
            fields[name] = Field(
                found,
                each.annotation,
                doc if isinstance(doc, str) else "",
                # What a model leaves out of its `model_dump()` may be missing.
                total and not (is_model and constant(options.get("exclude")) is True),
                is_taken=constant(options.get("init")) is not False,
                # A model's `...` says that there is no default.
                is_optional=any(default is not None and constant(default) is not ... for default in (options.get("default"), options.get("default_factory"))),
                is_keyword=own if isinstance(own, bool) else is_keyword,
                alias=alias if isinstance(alias, str) else "",
            )
        return fields

    def _base(self, base: ast.expr, found: Definition) -> Definition | str | None:
        """Return what a class derives from: a name, also of the class around it, or what `namedtuple("P", "x y")` makes in its place."""
        if isinstance(base, ast.Call):
            return Definition(found.module, "", base)
        beside = self.names_in(found.outer) if found.outer is not None else {}
        return self.resolve(base, Scope(found.module, names={name: each for name, each in beside.items() if each.node is not found.node}))

    def _made_fields(self, found: Definition) -> dict[str, Field]:
        """Return the fields of what `NamedTuple("P", ...)`, `namedtuple("P", ...)` and `TypedDict("D", ...)` make, as far as they are written out."""
        call = found.node
        assert isinstance(call, ast.Call)
        given: dict[object, ast.expr] = {**dict(enumerate(call.args)), **keywords(call)}
        kind = MADE.get(self.made_by(found))
        told = given.get(1, given.get("field_names"))
        hints: dict[object, ast.expr | None] = {}
        if kind == "typeddict":
            hints = {constant(key): hint for key, hint in zip(told.keys, told.values)} if isinstance(told, ast.Dict) else {}
        elif kind == "namedtuple" and isinstance(told, (ast.List, ast.Tuple)):
            pairs = [each.elts if isinstance(each, ast.Tuple) and len(each.elts) == 2 else (each, None) for each in told.elts]
            hints = {constant(name): hint for name, hint in pairs}
        elif kind == "namedtuple":
            hints = {name: None for name in str(constant(told) or "").replace(",", " ").split()}
        defaults = given.get("defaults")
        required = len(hints) - len(defaults.elts if isinstance(defaults, (ast.List, ast.Tuple)) else ())
        is_total = constant(given.get("total")) is not False
        if not all(isinstance(name, str) for name in hints):
            return {}
        return {
            str(name): Field(found, hint, "", is_total, is_taken=True, is_optional=index >= required, is_keyword=False, alias="")
            for index, (name, hint) in enumerate(hints.items())
        }

    def root(self, found: Definition) -> Field | None:
        """Return what is at the root of a RootModel of pydantic; None for any other class."""
        return self.fields(found)["root"] if ROOT_MODEL in self.roots(found) else None

    def _is_model(self, found: Definition) -> bool:
        return not {MODEL, ROOT_MODEL}.isdisjoint(self.roots(found))

    def _record_options(self, found: Definition) -> list[dict[str | None, ast.expr]]:
        """Return what is given to each decorator that makes a dataclass of a class."""
        assert isinstance(found.node, ast.ClassDef)
        return self._decorator_options(found.node, "dataclasses.dataclass", Scope(found.module))

    def _decorator_options(self, node: ast.ClassDef | ast.FunctionDef, name: str, scope: Scope) -> list[dict[str | None, ast.expr]]:
        """Return what is given to each decorator of that name."""
        return [keywords(call) for call, each in zip(node.decorator_list, decorators(node)) if self.resolve(each, scope) == name]

    def _field_options(self, node: ast.AnnAssign, scope: Scope) -> dict[str | None, ast.expr]:
        """Return what `field(...)` says of a field, and `Field(...)` inside of `Annotated`; any other value is its default."""

        def told(value: ast.expr | None) -> dict[str | None, ast.expr] | None:
            if not isinstance(value, ast.Call) or self.resolve(value.func, scope) not in FIELD_MAKERS:
                return None
            return {**({"default": value.args[0]} if value.args else {}), **keywords(value)}

        options: dict[str | None, ast.expr] = {}
        hint = parsed(node.annotation)
        for each in in_brackets(hint)[1:] if self.resolve(hint, scope) == "typing.Annotated" else ():
            options.update(told(each) or {})
        own = told(node.value)
        if own is None and node.value is not None:
            own = {"default": node.value}
        return {**options, **(own or {})}

    def takes_names(self, found: Definition) -> bool:
        """Whether a model takes its fields by their names also where they have an alias."""
        config = self._config(found)
        return any(constant(config.get(name)) is True for name in ("populate_by_name", "validate_by_name"))

    def makes_aliases(self, found: Definition) -> bool:
        """Whether a model takes its fields by what it makes of their names when it runs."""
        made = self._config(found).get("alias_generator", ast.Constant(None))
        return not isinstance(made, ast.Constant) and not self.takes_names(found)

    def _config(self, found: Definition) -> dict[object, ast.expr]:
        """Return the `model_config` of a model, with what its bases have."""
        told: dict[object, ast.expr] = {}
        for each in reversed(self.lineage(found)):
            config = members(each).get("model_config")
            node = config.node if config is not None else None
            if isinstance(node, ast.Call):
                told.update(keywords(node))
            elif isinstance(node, ast.Dict):
                told.update({constant(key): value for key, value in zip(node.keys, node.values)})
            told.update(keywords(each.node))
        return told

    def bases(self, found: Definition) -> list[Definition]:
        """Return the bases of a class that have a source, each with what its type variables stand for there."""
        node = found.node
        assert isinstance(node, ast.ClassDef)
        bases: list[Definition] = []
        for base in node.bases:
            resolved = self._base(base, found)
            if isinstance(resolved, Definition) and isinstance(resolved.node, ast.ClassDef):
                told = self._told(resolved, in_brackets(base))
                bases.append(replace(resolved, given={name: (hint, found) for name, hint in told.items()}))
        return bases

    def lineage(self, found: Definition, depth: int = 0) -> list[Definition]:
        """Return a class and those it derives from that have a source, in the order in which Python looks into them."""
        behind: list[Definition] = []
        for base in reversed(self.bases(found)) if depth < 20 else ():
            known = {each.node for each in behind}
            behind = [*(each for each in self.lineage(base, depth + 1) if each.node not in known), *behind]
        return [found, *behind]

    def member(self, found: Definition, name: str) -> Definition | None:
        """Return what a class or the first of its bases that has it calls `name`."""
        for each in self.lineage(found):
            own = members(each).get(name)
            if own is not None:
                return replace(own, given=each.given)
        return None

    def maker(self, found: Definition) -> Definition | None:
        """Return what takes the arguments that a class is called with: a method, or the class whose fields they are.

        None for a class that takes none.
        """
        is_of_fields = self._is_model(found) or self.kind(found, as_value=True) == "namedtuple"
        return self._initializer(found) or self.member(found, "__new__") or (found if is_of_fields else None)

    def _initializer(self, found: Definition) -> Definition | None:
        """Return the `__init__` of a class or of the first of its bases that has one, or the dataclass that makes one."""
        for each in self.lineage(found):
            own = members(each).get("__init__")
            if own is not None:
                return replace(own, given=each.given)
            # It makes one whatever its bases have, but not in the place of its own.
            if any(constant(options.get("init")) is not False for options in self._record_options(each)):
                return each
        return None

    def is_made_elsewhere(self, found: Definition) -> bool:
        """Whether what a class without a maker takes is told by no source: it has a base without one, or attrs makes it."""
        if self._is_model(found):
            return False
        for _, name in self.bases_elsewhere(found):
            module, _, last = name.rpartition(".")
            if module not in TAKES_NOTHING or last in TAKES_SOMETHING:
                return True
        for each in self.lineage(found):
            makers = [self.resolve(one, Scope(each.module)) for one in decorators(each.node)]
            if any(isinstance(one, str) and one.startswith(("attr.", "attrs.")) for one in makers):
                return True
        return False

    def bases_elsewhere(self, found: Definition) -> list[tuple[str, str]]:
        """Return what a class, or one that it derives from, derives from that has no source: as it is written, and its whole name or ""."""
        told: list[tuple[str, str]] = []
        for each in self.lineage(found):
            for base in each.node.bases:  # type: ignore[union-attr]
                name = self._base(base, each)
                has_source = isinstance(name, Definition) and (isinstance(name.node, ast.ClassDef) or self.kind(name) != "other")
                if not has_source and name != "builtins.object":
                    told.append((ast.unparse(base), name if isinstance(name, str) else ""))
        return told

    def names_in(self, found: Definition) -> dict[str, Definition]:
        """Return what the body of a class defines that its hints may mean: types, but not its fields and methods.

        `date: date` is a field of the type that the module calls so.
        """

        def is_type(each: Definition) -> bool:
            if isinstance(each.node, (ast.List, ast.Dict, ast.Set, ast.Tuple)) or isinstance(each.node, ast.Constant) and not isinstance(each.node.value, str):
                return False  # The default of a field, `date = None`.
            if isinstance(each.node, ast.expr):
                mark = self.resolve(each.annotation, Scope(found.module))
                return each.annotation is None or last_word(mark) == "TypeAlias"
            return isinstance(each.node, ast.ClassDef) or is_type_statement(each.node)

        return {name: each for name, each in members(found).items() if is_type(each)}

    def place(self, member: Definition, scope: Scope) -> Scope:
        """Return where the hints of a member stand, which may be that of a base in another module."""
        around = member.outer
        if around is None:
            return replace(scope, module=member.module, given=member.given)
        return replace(scope, module=member.module, given=member.given, names=self.names_in(around), local=local_variables(around.node))

    def roots(self, found: Definition) -> list[str]:
        """Return what a class is built on in the end: those of its bases, and of theirs, that are known by name."""
        names = [self._base(base, each) for each in self.lineage(found) for base in each.node.bases]  # type: ignore[union-attr]
        return [name for name in names if isinstance(name, str)]

    def _told(self, found: Definition, arguments: Sequence[ast.expr]) -> dict[str, ast.expr]:
        """Return what stands for each type variable of a class or an alias that has these arguments in the brackets behind it."""
        variables = self._variables(found)
        left = [*arguments]
        told: dict[str, ast.expr] = {}
        for name, (_, _, kind) in variables.items():
            if kind == "TypeVarTuple":
                # It takes as many as the others leave.
                del left[: max(0, len(arguments) - len(variables) + 1)]
                continue
            hint = left.pop(0) if left else ANYTHING
            if kind == "TypeVar":
                told[name] = hint
        return told

    def _variables(self, found: Definition) -> dict[str, tuple[ast.AST | None, Scope, str]]:
        """Return the variables of a class or an alias, where each stands, and of which kind it is: only a TypeVar has a counterpart."""
        node = found.node
        scope = Scope(found.module, local=local_variables(node))
        variables: dict[str, tuple[ast.AST | None, Scope, str]] = {name: (each, scope, type(each).__name__) for name, each in scope.local.items()}
        if isinstance(node, ast.ClassDef):
            # `Generic[V, K]` says in which order they are told, wherever it stands.
            hints: Sequence[ast.AST] = sorted(node.bases, key=lambda base: self.resolve(base, scope) not in GENERIC)
        elif isinstance(node, ast.expr) and not isinstance(node, ast.Call):
            hints = [node]
        else:
            hints = []
        for hint in hints:
            for each in in_order(parsed(hint)):
                if isinstance(each, (ast.Name, ast.Attribute)):
                    variable = self.resolve(each, scope)
                    if isinstance(variable, Definition) and self.made_by(variable) in TYPE_VARIABLES:
                        variables.setdefault(variable.name, (variable.node, Scope(variable.module), self.made_by(variable)))
        return variables

    def made_by(self, found: Definition) -> str:
        """Return the last word of what is called to make it, such as `TypeVar`; nothing where none is."""
        return last_word(self.resolve(found.node.func, Scope(found.module))) if isinstance(found.node, ast.Call) else ""


class Field(NamedTuple):
    """A field of a dataclass, a TypedDict or a named tuple."""

    # The class that has it.
    owner: Definition
    annotation: ast.expr | None
    doc: str
    is_total: bool
    # How the constructor that is made of the fields takes it.
    is_taken: bool
    is_optional: bool
    is_keyword: bool
    # What a model of pydantic takes it by instead of its name; "" for none.
    alias: str


# What stands for a type variable where nothing is given for it.
ANYTHING = ast.Name("object", ast.Load())
FIELD_MAKERS = frozenset(["dataclasses.field", "pydantic.Field"])
# Kinds of class: a handle stays in Python, a record is an object, an enum its value, a named tuple an array.
BASES: dict[str, str] = {
    "typing.TypedDict": "typeddict",
    "typing.NamedTuple": "namedtuple",
    "typing.Protocol": "protocol",
    **{f"enum.{name}": "enum" for name in ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag")},
    MODEL: "record",
}
# What is made by a call.
MADE = {"NamedTuple": "namedtuple", "namedtuple": "namedtuple", "TypedDict": "typeddict"}
# Modules of classes to derive from whose constructors take nothing.
TAKES_NOTHING = frozenset(["abc", "collections.abc", "contextlib", "typing"])
# The others in these.
TAKES_SOMETHING = frozenset("ItemsView KeysView MappingView ValuesView aclosing closing nullcontext redirect_stderr redirect_stdout suppress chdir".split())
# Those of classes that have nothing but what is built in.
HAS_NOTHING = TAKES_NOTHING - {"collections.abc"}
GENERIC = ("typing.Generic", "typing.Protocol")
TYPE_VARIABLES = ("TypeVar", "ParamSpec", "TypeVarTuple")
