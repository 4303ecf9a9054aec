from __future__ import annotations

import unittest
from typing import Annotated, Any, NewType, Optional, TypeVar, Union

import harness  # noqa: F401  (it puts the library on sys.path)
from aliases import ARE_READ, aliased
from pythonarium.hints import alternatives, hints_of


class Alternatives(unittest.TestCase):
    def test_they_are_what_unions_names_marks_and_variables_stand_for(self):
        user = NewType("user", int)
        bound, either, free = TypeVar("bound", bound=str), TypeVar("either", int, str), TypeVar("free")
        for hint, expected in {
            int: {int},
            list[int]: {list},
            Union[int, list[str]]: {int, list},
            Optional[user]: {int, type(None)},
            Annotated[Union[bytes, str], "either"]: {bytes, str},
            bound: {str},
            either: {int, str},
            free: {Any},
        }.items():
            with self.subTest(str(hint)):
                self.assertEqual(set(alternatives(hint)), expected)

    def test_what_stands_for_itself_adds_nothing_and_may_be_anything_where_that_is_all(self):
        variables = {
            "def f[T: T](): ...\nA, = f.__type_params__": {Any},
            "def f[T: Missing](): ...\nA, = f.__type_params__": {Any},
        }
        for code, expected in {
            "type A = list[A] | int": {list, int},
            "type A = A": {Any},
            "type A = A | A": {Any},
            "type A = B\ntype B = A": {Any},
            "type A = B | int\ntype B = A | str": {int, str},
            "type A = typing.Annotated[A, 1]": {Any},
            "type A = Missing | int": {Any},
            "type A = B | str\ntype B = Missing": {Any, str},
            **(variables if ARE_READ else {}),
        }.items():
            with self.subTest(code):
                self.assertEqual(set(alternatives(aliased(code))), expected)


class Late(type):
    """Makes classes whose hints are worked out when they are asked for, as Python 3.14 does, and stand for nothing."""

    @property
    def __annotations__(cls):
        raise NameError("name 'Unknown' is not defined")


class OfAClass(unittest.TestCase):
    def test_those_that_cannot_even_be_asked_for_are_none(self):
        class Fields(metaclass=Late):
            field: Unknown  # noqa: F821

        self.assertEqual(hints_of(Fields), {})


if __name__ == "__main__":
    unittest.main()
