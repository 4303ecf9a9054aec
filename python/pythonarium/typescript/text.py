"""How types are written in TypeScript: texts of types in, texts out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence


def union(types: Iterable[str]) -> str:
    """Return the type of what is one of several types, each named once."""
    parts: dict[str, None] = {}
    for each in types:
        parts.update(dict.fromkeys([each] if is_function(each) else split(each, " | ")))
    if "unknown" in parts:
        return "unknown"
    if {"true", "false"} <= parts.keys():
        parts = {("boolean" if each == "true" else each): None for each in parts if each != "false"}
    names = [f"({each})" if len(parts) > 1 and is_function(each) else each for each in parts if each != "never"]
    return " | ".join(names) or ("never" if parts else "")


def many(item: str, way: str) -> str:
    """Return the type of an array."""
    needs = len(split(item, " | ")) > 1 or is_function(item) or item.startswith("readonly ")
    return f"{'readonly ' if way == 'in' else ''}{f'({item})' if needs else item}[]"


def without_literals(variable: str, extends: str) -> str:
    """Return the type of a value that is of the same type as one that was given: for `N extends number` TypeScript takes `2` where 2 was."""
    parts = split(extends, " | ")
    with_literals = [each for each in parts if each in ("boolean", "number", "string")]
    if parts == with_literals and len(parts) == 1:
        return extends
    return f"({''.join(f'{variable} extends {each} ? {each} : ' for each in with_literals)}{variable})" if with_literals else variable


def is_function(text: str) -> bool:
    return len(split(text, " => ")) > 1


def split(text: str, by: str) -> list[str]:
    """Split where `by` stands outside of brackets and strings."""
    parts, depth, start, index, in_string = [], 0, 0, 0, False
    while index < len(text):
        char = text[index]
        if in_string:
            if char == "\\":
                index += 1
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif text.startswith(by, index) and depth == 0:
            parts.append(text[start:index])
            index += len(by)
            start = index
            continue
        elif text.startswith("=>", index):
            index += 1
        elif char in "([{<":
            depth += 1
        elif char in ")]}>":
            depth -= 1
        index += 1
    return [*parts, text[start:]]


def angled(variables: dict[str, str], names_only: bool = False) -> str:
    """Return `<T, K extends string>` for type variables, or nothing."""
    if not variables:
        return ""
    return f"<{', '.join(variable(name) if names_only or not extends else f'{variable(name)} extends {extends}' for name, extends in variables.items())}>"


def comment(lines: Sequence[str]) -> list[str]:
    """Return a comment that editors show; nothing for no lines."""
    if len(lines) < 2:
        return [f"/** {each} */" for each in lines]
    return ["/**", *(f" * {line}".rstrip() for line in lines), " */"]


def label(name: str) -> str:
    """Return a name for a parameter; the names of Python's that TypeScript reserves get an underscore."""
    return f"{name}_" if name in RESERVED else name


def variable(name: str) -> str:
    """Return a name for a type variable; one that means something to the file gets an underscore."""
    return f"{name}_" if name in GLOBALS else name


def property_name(name: str) -> str:
    # `\w` is more than a letter, such as `²`.
    return name if name.isidentifier() else quote(name)


def quote(text: str) -> str:
    return json.dumps(text)


RESERVED = frozenset(
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends "
    "false finally for function if implements import in instanceof interface let new null package private protected "
    "public return static super switch this throw true try typeof var void while with yield".split()
)
# What the proxy keeps for itself, since JavaScript asks every object for it.
NOT_CALLED = frozenset(["then", "catch", "finally", "toJSON", "constructor", "prototype", "toString", "valueOf"])
# What the file itself means by these names: a class of Python's has to have another.
GLOBALS = frozenset(
    "abstract any asserts bigint boolean declare infer is keyof never null number object readonly string symbol undefined unique unknown void "
    "Array ArrayBufferView AsyncDisposable AsyncIterable AsyncIterator Date Exclude Extract Handle Iterable Kwargs Map NdArray Promise Readonly ReadonlyMap ReadonlySet "
    "Record Set Symbol TypedArray Int8Array Uint8Array Int16Array Uint16Array Int32Array Uint32Array BigInt64Array BigUint64Array "
    "Float32Array Float64Array".split()
) | RESERVED
