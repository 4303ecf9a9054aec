"""Typed arrays of Node's, made arrays of numpy where the hint of their parameter asks for one.

This module is imported when the first typed array comes to a worker that has numpy.
"""

from __future__ import annotations

import collections.abc
import types
from inspect import Parameter
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy

from .handle import Member
from .hints import alternatives, signature_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Wanted:
    """The parameters of one function that ask for an array: what comes to them, and is to stay as it is."""

    def __init__(self, function: Any) -> None:
        self.positional: list[frozenset[type] | None] = []
        self.named: dict[str, frozenset[type] | None] = {}
        self.rest: frozenset[type] | None = None
        self.others: frozenset[type] | None = None
        signature, hints = signature_of(function) or (None, {})
        for name, each in signature.parameters.items() if signature is not None else ():
            stays = _stays(hints.get(name))
            if each.kind is Parameter.VAR_POSITIONAL:
                self.rest = stays
            elif each.kind is Parameter.VAR_KEYWORD:
                self.others = stays
            else:
                if each.kind is not Parameter.KEYWORD_ONLY:
                    self.positional.append(stays)
                if each.kind is not Parameter.POSITIONAL_ONLY:
                    self.named[name] = stays
        asking = [*self.positional, *self.named.values(), self.rest, self.others]
        self.is_nothing = all(each is None for each in asking)

    def at(self, step: int | str) -> frozenset[type] | None:
        """Return what stays as it is of what comes to one parameter; None if that asks for no array."""
        if isinstance(step, str):
            return self.named.get(step, self.others)
        return self.positional[step] if step < len(self.positional) else self.rest


def convert(call: dict[str, Any], function: Callable[..., Any], paths: Sequence[Sequence[Any]]) -> None:
    """Make arrays of numpy of those arguments of `call`, at `paths`, whose parameters ask for one.

    Nothing is copied but `bytes`, which cannot be written to as they are.
    """
    wanted = _wanted(function)
    if wanted.is_nothing:
        return
    for holder, step in paths:
        stays = wanted.at(step)
        value = call[holder][step]
        if stays is None or type(value) in stays:
            continue
        if type(value) is memoryview:
            call[holder][step] = numpy.asarray(value)
        elif type(value) is bytes:
            call[holder][step] = numpy.frombuffer(bytearray(value), numpy.uint8)


def _wanted(function: Any) -> Wanted:
    if type(function) is Member:
        function = function.method
    # A method is made anew each time, and shares its function with whoever calls that with `self`.
    known, key = (METHODS, function.__func__) if type(function) is types.MethodType else (FUNCTIONS, function)
    try:
        wanted = known.get(key)
        if wanted is None:
            wanted = known[key] = Wanted(function)
    except TypeError:
        return Wanted(function)  # It can be no key.
    return wanted


def _stays(hint: Any) -> frozenset[type] | None:
    """Return which of `memoryview` and `bytes` a parameter takes too; None if it asks for no array."""
    try:
        kinds = alternatives(hint)
        if not any(each is numpy.ndarray for each in kinds):
            return None
        return frozenset(each for each in (memoryview, bytes) if any(_takes(kind, each) for kind in kinds))
    except Exception:
        return None  # Objects can be made so that they cannot be asked.


def _takes(kind: Any, value: type) -> bool:
    return kind in (Any, object, value) or kind is getattr(collections.abc, "Buffer", None)


FUNCTIONS: WeakKeyDictionary[Any, Wanted] = WeakKeyDictionary()
METHODS: WeakKeyDictionary[Any, Wanted] = WeakKeyDictionary()
