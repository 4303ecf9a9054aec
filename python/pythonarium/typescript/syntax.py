"""What is asked of Python's syntax trees: of what is written in them, whatever it stands for."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def dotted_name(node: ast.AST | None) -> str | None:
    """Return the text of a name or of an attribute of one; None for any other expression."""
    words = []
    while isinstance(node, ast.Attribute):
        words.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(words)]) if isinstance(node, ast.Name) else None


def last_word(name: object) -> str:
    """Return the last word of a dotted name; nothing for what is no name."""
    return name.rpartition(".")[2] if isinstance(name, str) else ""


def docstring(node: ast.AST | None) -> str:
    """Return the docstring of a function, a class or a module, without its indentation."""
    return ast.get_docstring(node) or "" if isinstance(node, Block | ast.Module) else ""


def keywords(node: ast.AST | None) -> dict[str | None, ast.expr]:
    """Return what a call is given by keyword, or a class behind its bases; nothing for what is neither."""
    return {each.arg: each.value for each in getattr(node, "keywords", ())}


def decorators(node: ast.AST | None) -> list[ast.expr]:
    """Return what a function or a class is decorated with, without what that is given."""
    return [getattr(each, "func", each) for each in getattr(node, "decorator_list", ())]


def is_decorated(node: ast.AST | None, *names: str) -> bool:
    """Whether a function is decorated with one of these, by its last word."""
    return any(last_word(dotted_name(each)) in names for each in decorators(node))


def is_type_statement(node: ast.AST | None) -> bool:
    """Whether it is `type X = …`, for which older versions of Python have no class."""
    return type(node).__name__ == "TypeAlias"


def parsed(node: ast.AST) -> ast.expr:
    """Return the hint itself where it stands in quotes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value.strip()
        try:
            # Over several lines it is read as if it stood in parentheses.
            inner = ast.parse(f"({text})" if "\n" in text else text, mode="eval").body
        except (SyntaxError, ValueError):  # Of a NUL, or half of a character.
            return node
        for each in ast.walk(inner):
            if hasattr(each, "lineno"):
                each.lineno = node.lineno  # type: ignore[attr-defined]
        return parsed(inner)
    return node  # type: ignore[return-value]


def in_brackets(node: ast.AST | None) -> list[ast.expr]:
    """Return what stands in the brackets behind a name; nothing where there are none."""
    if not isinstance(node, ast.Subscript):
        return []
    inner = node.slice
    return list(inner.elts) if isinstance(inner, ast.Tuple) and inner.elts else [inner]


def first_in_brackets(node: ast.AST | None) -> ast.expr | None:
    """Return what stands first in the brackets behind a name; None where there are none."""
    return next(iter(in_brackets(node)), None)


def constant(node: ast.AST | None) -> object:
    """Return the value that is written out; None for any other expression."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = constant(node.operand)
        return -value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    return node.value if isinstance(node, ast.Constant) else None


def is_none(node: ast.AST | None) -> bool:
    """Whether it is a `None` that is written out."""
    return isinstance(node, ast.Constant) and node.value is None


def unpacked(node: ast.expr | None) -> ast.expr | None:
    """Return what `*X` and `Unpack[X]` unpack; None for any other hint."""
    node = node and parsed(node)
    if isinstance(node, ast.Starred):
        return node.value
    if isinstance(node, ast.Subscript) and last_word(dotted_name(node.value)) == "Unpack":
        return in_brackets(node)[0]
    return None


def all_arguments(given: ast.arguments) -> list[ast.arg]:
    """Return all that a function takes, what it collects last."""
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *(each for each in (given.vararg, given.kwarg) if each is not None)]


def by_position(given: ast.arguments) -> list[tuple[ast.arg, ast.expr | None]]:
    """Return what a function takes by position, each with its default or None."""
    ordered = [*given.posonlyargs, *given.args]
    return list(zip(ordered, [*[None] * (len(ordered) - len(given.defaults)), *given.defaults]))


def yields(node: Function) -> bool:
    """Whether it is a generator: whether its own body yields, not one inside of it."""
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        each = waiting.pop()
        if isinstance(each, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(each, Block | ast.Lambda):
            waiting += ast.iter_child_nodes(each)
    return False


def in_order(node: ast.AST) -> Iterator[ast.AST]:
    """Go over a hint as it is read, from left to right. `ast.walk` does not."""
    yield node
    for each in ast.iter_child_nodes(node):
        yield from in_order(each)


def pairs(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """Go over what is assigned: `self.a, self.b = a, b` are two."""
    if not isinstance(target, (ast.Tuple, ast.List)):
        yield target, value
        return
    values: list[ast.expr] = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
    is_told = len(values) == len(target.elts) and not any(isinstance(each, ast.Starred) for each in [*values, *target.elts])
    for index, each in enumerate(target.elts):
        yield from pairs(each.value if isinstance(each, ast.Starred) else each, values[index] if is_told else None)


Function = ast.FunctionDef | ast.AsyncFunctionDef
# What has a name and a body of its own.
Block = Function | ast.ClassDef
