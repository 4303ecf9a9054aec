from __future__ import annotations

import array
import collections
import datetime
import decimal
import enum
import functools
import pathlib
import subprocess
import sys
import typing
import unittest
import uuid
from collections.abc import Callable, Collection, Iterable, MutableSequence, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict, TypeVar, Union

import harness
from aliases import ARE_READ, aliased
from pythonarium.error import ArgumentRefused, of_exception
from pythonarium.validate import Validator

try:
    import typing_extensions
except ImportError:
    typing_extensions = None

if TYPE_CHECKING:
    from nowhere import Unknown

T = TypeVar("T", bound=int)
UserId = NewType("UserId", int)
# Python has them from 3.11 on.
NotRequired, Required, Unpack = (getattr(typing, name, None) for name in ("NotRequired", "Required", "Unpack"))


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


class Box(TypedDict, total=False):
    inner: Box
    size: Size


class Point(NamedTuple):
    x: int
    y: int = 0


@dataclass
class Item:
    name: str
    price: float = 0
    parts: list[Item] = field(default_factory=list)


class Entry(TypedDict):
    name: str
    note: NotRequired[str]
    tag: Annotated[NotRequired[str], "short"]


class Filed(Entry, total=False):
    place: Required[str]
    size: int


class Sealed(Filed):
    seal: str


class Options(TypedDict):
    currency: str
    digits: NotRequired[int]


class Number(int): ...


class Account(Number): ...


class Slug(str): ...


class Money(decimal.Decimal): ...


class Mixin: ...


class Names(Mixin, list[str]): ...


class Prices(dict[str, float]): ...


class Pair(tuple[int, str]): ...


class Failure(Exception): ...


@dataclass
class Route:
    start: str
    _: KW_ONLY
    end: str = ""


def refusal(hint, value):
    """What is wrong with a value for a parameter `x` of that hint; None if nothing is."""

    def function(x): ...

    function.__annotations__ = {"x": hint}
    try:
        Validator().check(function, [value], {})
    except ArgumentRefused as refused:
        return str(refused)
    return None


def of_variables(*bounds):
    """Code of a type variable of each bound, where Python works that out when it is asked for."""
    return [f"def f[T: {bound}](): ...\nA, = f.__type_params__" for bound in bounds] if ARE_READ else []


class Grid:
    """As one of numpy: whether it is equal to something is no yes or no."""

    def __array__(self): ...

    def __eq__(self, other):
        return self

    def __bool__(self):
        raise ValueError("ambiguous")


class Partly(TypedDict):
    known: int
    unknown: "Unknown"  # noqa: F821


# What `Unknown` is only a type checker knows.
LATE = """
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

@dataclass
class Part:
    known: int
    unknown: Unknown

class Row(TypedDict, total=False):
    known: int
    unknown: list[Unknown]

class Pair(NamedTuple):
    known: int
    unknown: Unknown | None

def function(a: Unknown, b: int, c: dict[str, Unknown] = {}): ...
def build(part: Part, row: Row = {}, pair: Pair = (1, 2)): ...
"""


class Hints(unittest.TestCase):
    def test_what_a_hint_says_passes(self):
        for hint, values in [
            (int, [1]),
            (float, [1, 1.5]),
            (bool, [True]),
            (str, [""]),
            (None, [None]),
            (Any, [1, None, object()]),
            (object, [1]),
            (bytes, [b"", bytearray(), memoryview(b"")]),
            (Optional[int], [1, None]),
            (Union[int, str], [1, "a"]),
            ("int | None", [1, None]),
            (Literal["a", 1], ["a", 1]),
            (Annotated[int, "x"], [1]),
            (list[int], [[], [1], (1, 2)]),
            (list, [[1, "a"]]),
            (Sequence[str], [["a"], "text"]),
            (Collection[str], [["a"], "text"]),
            (Number, [1, Number(2)]),
            (Account, [1]),
            (Slug, ["a", Slug("a")]),
            (Money, ["1.50", Money(1)]),
            (Names, [["a"], Names(["a"])]),
            (Prices, [{"a": 1}]),
            (Pair, [[1, "a"], Pair([1, "a"])]),
            (Failure, [Failure()]),
            (array.array, [memoryview(b""), b"", array.array("d")]),
            (datetime.timedelta, [1.5, datetime.timedelta(1)]),
            (Route, [{"start": "a"}, {"start": "a", "end": "b"}]),
            (Iterable[int], [[1], iter([1]), {1}]),
            (set[int], [{1}, frozenset()]),
            (tuple[int, str], [[1, "a"], (1, "a")]),
            (tuple[int, ...], [[], [1, 2]]),
            (dict[str, int], [{}, {"a": 1}]),
            (dict[int, str], [{1: "a"}]),
            (Callable[[int], str], [len]),
            (Size, ["s", Size.LARGE]),
            (Literal[Size.SMALL], ["s"]),
            (Box, [{}, {"size": "s"}, {"inner": {"inner": {}}}]),
            (Point, [[1], [1, 2], Point(1)]),
            (Item, [{"name": "a"}, {"name": "a", "parts": [{"name": "b", "price": 2}]}, Item("a")]),
            (UserId, [1]),
            (T, [1]),
            (datetime.datetime, [datetime.datetime(2024, 1, 1)]),
            (datetime.date, ["2024-02-29", datetime.date(2024, 1, 1)]),
            (decimal.Decimal, ["1.50"]),
            (uuid.UUID, ["12345678-1234-5678-1234-567812345678"]),
            (pathlib.Path, ["/tmp/x"]),
        ]:
            for value in values:
                with self.subTest(hint=hint, value=value):
                    self.assertIsNone(refusal(hint, value))

    def test_anything_else_is_refused_with_the_place_what_was_expected_and_what_came(self):
        for hint, value, said in [
            (int, "1", "x must be an int, and a str came."),
            (int, True, "x must be an int, and a bool came."),
            (int, 1.5, "x must be an int, and a float came."),
            (str, None, "x must be a str, and None came."),
            (Optional[int], "1", "x must be an int or None, and a str came."),
            (Literal["a", "b"], "c", "x must be 'a' or 'b', and another str came."),
            (Literal["a"], 1, "x must be 'a', and an int came."),
            (list[int], [1, "2"], "x[1] must be an int, and a str came."),
            (list[int], 1, "x must be a list, and an int came."),
            (Optional[list[int]], [1, "2"], "x[1] must be an int, and a str came."),
            (set[int], [1], "x must be a set, and a list came."),
            (tuple[int, str], [1], "x must be a list of 2, and one of 1 came."),
            (tuple[int, str], [1, 2], "x[1] must be a str, and an int came."),
            (dict[str, int], {"a": "b"}, "x['a'] must be an int, and a str came."),
            (dict[int, int], {"a": 1}, "x must be a dict whose keys are each an int, and one with a key that is a str came."),
            (Callable[[], int], 1, "x must be a function, and an int came."),
            (Iterable[int], 1, "x must be an iterable, and an int came."),
            (Size, "m", "x must be 's' or 'l', and another str came."),
            (Size, Grid(), "x must be 's' or 'l', and a Grid came."),
            (Literal[0], Grid(), "x must be 0, and a Grid came."),
            (Box, {"size": "m"}, "x.size must be 's' or 'l', and another str came."),
            (Box, {"depth": 1}, "x must be a dict with the fields of Box alone, and one with 'depth' came."),
            (Point, ["1"], "x[0] must be an int, and a str came."),
            (Item, {"price": 1}, "x must be a dict with 'name', as Item has it, and one without came."),
            (list[Item], [{"name": "a", "parts": [{"name": 1}]}], "x[0].parts[0].name must be a str, and an int came."),
            (T, "a", "x must be an int, and a str came."),
            (datetime.datetime, "2024-01-01", "x must be a datetime, and a str came."),
            (datetime.date, "2024-02-30", "x must be text that is a date, and other text came."),
            (decimal.Decimal, "one", "x must be text that is a Decimal, and other text came."),
            (uuid.UUID, 1, "x must be text that is a UUID, and an int came."),
            (list[str], "text", "x must be a list, and a str came."),
            (tuple[str, ...], "text", "x must be a list, and a str came."),
            (MutableSequence[str], "text", "x must be a list, and a str came."),
            (collections.deque[str], "text", "x must be a list, and a str came."),
            (Number, True, "x must be an int, and a bool came."),
            (Account, "1", "x must be an int, and a str came."),
            (Slug, 1, "x must be a str, and an int came."),
            (Money, "one", "x must be text that is a Decimal, and other text came."),
            (Names, ["a", 1], "x[1] must be a str, and an int came."),
            (Prices, {"a": "b"}, "x['a'] must be a float, and a str came."),
            (Pair, [1], "x must be a list of 2, and one of 1 came."),
            (Failure, "a", "x must be a Failure, and a str came."),
            (array.array, [1], "x must be an array, and a list came."),
            (datetime.timedelta, True, "x must be a timedelta, in milliseconds, and a bool came."),
            (Route, {"start": "a", "_": 1}, "x must be a dict with the fields of Route alone, and one with '_' came."),
            (subprocess.Popen, {}, "x must be a Popen, and a dict came."),
        ]:
            with self.subTest(hint=hint, value=value):
                self.assertEqual(refusal(hint, value), said)

    def test_bytes_are_a_byte_string(self):
        hint = getattr(collections.abc, "ByteString", bytes)
        self.assertIsNone(refusal(hint, b""))
        self.assertEqual(refusal(hint, [1]), "x must be bytes, and a list came.")

    def test_a_truth_value_of_numpy_is_a_bool(self):
        hint = type("bool_", (), {"__module__": "numpy"})
        self.assertIsNone(refusal(hint, True))
        self.assertEqual(refusal(hint, 1), "x must be a bool, and an int came.")

    @unittest.skipIf(NotRequired is None, "Python has it from 3.11 on")
    def test_a_mark_says_whether_a_key_may_be_missing_though_annotations_are_text(self):
        for hint, value, said in [
            (Entry, {"name": "a"}, None),
            (Entry, {"name": "a", "note": 1}, "x.note must be a str, and an int came."),
            (Entry, {"note": "b"}, "x must be a dict with 'name', as Entry has it, and one without came."),
            (Filed, {"name": "a", "place": "b"}, None),
            (Filed, {"name": "a"}, "x must be a dict with 'place', as Filed has it, and one without came."),
            (Sealed, {"name": "a", "place": "b", "seal": "c"}, None),
            (Sealed, {"name": "a", "seal": "c"}, "x must be a dict with 'place', as Sealed has it, and one without came."),
            (Sealed, {"name": "a", "place": "b"}, "x must be a dict with 'seal', as Sealed has it, and one without came."),
        ]:
            with self.subTest(hint=hint, value=value):
                self.assertEqual(refusal(hint, value), said)

    def test_an_alias_that_holds_itself_is_checked_as_deep_as_the_value_goes(self):
        tree = aliased("type A = list[A] | int")
        self.assertIsNone(refusal(tree, [1, [2, [[]]]]))
        self.assertEqual(refusal(tree, [1, [2, ["a"]]]), "x[1][1][0] must be a list or an int, and a str came.")
        deep = []
        for _ in range(199):
            deep = [deep]
        self.assertIsNone(refusal(tree, deep))
        chain = aliased("type A = tuple[int, B]\ntype B = A | None")
        deep = None
        for _ in range(199):
            deep = [1, deep]
        self.assertIsNone(refusal(chain, deep))
        rows = aliased("type A = dict[str, B]\ntype B = A | int")
        self.assertIsNone(refusal(rows, {"a": {"b": 1}}))
        self.assertEqual(refusal(rows, {"a": {"b": "c"}}), "x['a']['b'] must be a dict or an int, and a str came.")

    def test_what_is_only_itself_may_be_anything(self):
        for code in ("type A = A", "type A = A | A | int", "type A = B | int\ntype B = A | str", "type A = typing.Annotated[A, 1]", *of_variables("T")):
            with self.subTest(code):
                self.assertIsNone(refusal(aliased(code), "any text"))
                self.assertEqual(refusal(list[aliased(code)], 1), "x must be a list, and an int came.")

    def test_what_names_something_that_is_not_there_may_be_anything(self):
        for code in ("type A = Missing | int", "type A = B\ntype B = Missing", *of_variables("Missing", "(int, Missing)")):
            with self.subTest(code):
                self.assertIsNone(refusal(aliased(code), "any text"))
                self.assertEqual(refusal(list[aliased(code)], 1), "x must be a list, and an int came.")

    @unittest.skipUnless(hasattr(typing_extensions, "NoExtraItems"), "a later typing_extensions' own")
    def test_a_typed_dict_of_typing_extensions_is_one(self):
        fields = {"size": int, "note": "typing_extensions.ReadOnly[typing_extensions.NotRequired[str]]"}
        closed = typing_extensions.TypedDict("Options", fields)
        self.assertIsNone(refusal(closed, {"size": 1}))
        self.assertEqual(refusal(closed, {"size": "1"}), "x.size must be an int, and a str came.")
        self.assertEqual(refusal(closed, {}), "x must be a dict with 'size', as Options has it, and one without came.")
        self.assertEqual(refusal(closed, {"size": 1, "more": 2}), "x must be a dict with the fields of Options alone, and one with 'more' came.")
        more = typing_extensions.TypedDict("More", fields, extra_items=int)
        self.assertIsNone(refusal(more, {"size": 1, "more": 2}))
        self.assertEqual(refusal(more, {"size": 1, "more": "2"}), "x.more must be an int, and a str came.")
        none = typing_extensions.TypedDict("Alone", fields, extra_items=typing_extensions.Never)
        self.assertIsNone(refusal(none, {"size": 1}))
        self.assertEqual(refusal(none, {"size": 1, "more": 2}), "x must be a dict with the fields of Alone alone, and one with 'more' came.")

    @unittest.skipIf(Unpack is None, "Python has it from 3.11 on")
    def test_a_tuple_with_any_number_of_some_is_a_list(self):
        hint = tuple[int, Unpack[tuple[str, ...]]]
        self.assertIsNone(refusal(hint, [1, "a", "b"]))
        self.assertEqual(refusal(hint, "ab"), "x must be a list, and a str came.")


class Calls(unittest.TestCase):
    def check(self, function, *args, **kwargs):
        Validator().check(function, args, kwargs)

    def refused(self, function, *args, **kwargs):
        with self.assertRaises(ArgumentRefused) as raised:
            self.check(function, *args, **kwargs)
        return raised.exception

    def test_each_parameter_is_checked_however_it_is_given(self):
        def function(a: int, /, b: str = "", *rest: int, c: bool = False, **more: float): ...

        self.check(function, 1, "b", 2, 3, c=True, d=1.5)
        self.assertEqual(self.refused(function, "1").path, "a")
        self.assertEqual(self.refused(function, 1, b=2).path, "b")
        self.assertEqual(self.refused(function, 1, "b", 2, "3").path, "rest[1]")
        self.assertEqual(self.refused(function, 1, c=1).path, "c")
        self.assertEqual(self.refused(function, 1, d="x").path, "d")

    def test_none_passes_where_it_is_the_default(self):
        def function(a: int = None, *, b: list[str] = None): ...

        self.check(function, None, b=None)
        self.assertEqual(self.refused(function, "1").path, "a")
        self.assertEqual(self.refused(function, b=["a", None]).path, "b[1]")

    @unittest.skipIf(Unpack is None, "Python has it from 3.11 on")
    def test_keywords_that_a_typed_dict_names_are_held_against_it(self):
        def function(a: int = 0, **options: Unpack[Options]): ...

        self.check(function, 1, currency="EUR")
        self.check(function, a=1, currency="EUR", digits=2)
        self.assertEqual(self.refused(function, currency=1).path, "currency")
        self.assertEqual(self.refused(function, currency="EUR", digits="2").path, "digits")
        self.assertEqual(str(self.refused(function, 1)), "options must be a dict with 'currency', as Options has it, and one without came.")
        self.assertEqual(str(self.refused(function, currency="", tax=1)), "options must be a dict with the fields of Options alone, and one with 'tax' came.")

    @unittest.skipIf(Unpack is None, "Python has it from 3.11 on")
    def test_arguments_that_a_tuple_lists_are_held_against_it(self):
        def function(*rest: Unpack[tuple[int, str]]): ...

        self.check(function, 1, "a")
        self.assertEqual(self.refused(function, 1, 2).path, "rest[1]")
        self.assertEqual(str(self.refused(function)), "rest must be a list of 2, and one of 0 came.")

    def test_arguments_that_it_does_not_take_are_left_for_python_to_refuse(self):
        def function(a: int): ...

        self.check(function)
        self.check(function, 1, 2)
        self.check(function, b="x")

    def test_a_hint_that_stands_for_nothing_when_the_program_runs_is_passed_over(self):
        def function(a: Unknown, b: int): ...

        self.check(function, object(), 1)
        self.assertEqual(self.refused(function, 1, "x").path, "b")
        self.assertIsNone(refusal(Partly, {"known": 1, "unknown": object()}))
        self.assertIn("x must be a dict with 'unknown'", refusal(Partly, {"known": 1}))
        self.assertIn("x.known must be an int", refusal(Partly, {"known": "1", "unknown": 1}))

    @unittest.skipIf(sys.version_info < (3, 14), "before that, Python works hints out as it makes what has them")
    def test_nor_is_one_that_python_works_out_when_it_is_asked_for_in_the_way_of_the_others(self):
        names = {"__name__": __name__}
        # Without what this file imports from `__future__`.
        exec(compile(LATE, "late", "exec", dont_inherit=True), names)
        function, build = names["function"], names["build"]
        self.check(function, object(), 1, {"a": object()})
        self.assertEqual(self.refused(function, object(), "1").path, "b")
        self.assertEqual(self.refused(function, object(), 1, []).path, "c")
        for kind in (dict, names["Part"]):
            self.check(build, kind(known=1, unknown=object()), {"known": 1, "unknown": [object()]}, [1, object()])
        self.assertEqual(self.refused(build, {"known": "1", "unknown": 1}).path, "part.known")
        self.assertEqual(self.refused(build, {"known": 1, "unknown": 1}, {"known": "1"}).path, "row.known")
        self.assertEqual(self.refused(build, {"known": 1, "unknown": 1}, {}, ["1", 2]).path, "pair[0]")

    def test_a_hint_that_is_no_type_is_passed_over(self):
        for hint in ([int], {"a": int}, 3):
            with self.subTest(hint):
                self.assertIsNone(refusal(hint, "any text"))

    def test_a_class_is_checked_by_what_makes_its_objects(self):
        class Model:
            def __init__(self, path: str): ...

        self.check(Model, "a")
        self.assertEqual(self.refused(Model, 1).path, "path")

    def test_an_object_that_can_be_called_is_checked_by_what_is_called(self):
        class Scale:
            factor: int = 2

            def __call__(self, number: int): ...

        self.check(Scale(), 1)
        self.assertEqual(self.refused(Scale(), "1").path, "number")

    def test_an_object_in_the_place_of_a_function_is_checked_as_that(self):
        class Logged:
            calls: int = 0

            def __init__(self, function):
                functools.update_wrapper(self, function)

            def __call__(self, *args): ...

        @Logged
        def function(number: int): ...

        for each in (function, functools.partial(function), functools.lru_cache(function)):
            self.check(each, 1)
            self.assertEqual(self.refused(each, "1").path, "number")

    def test_what_has_no_hints_is_not_checked(self):
        self.check(lambda x: x, object())
        self.check(len, object())
        self.check(dict, 1, 2, 3)

    def test_the_error_has_what_node_needs_and_no_value(self):
        def function(token: int): ...

        told = of_exception(self.refused(function, "secret"))
        self.assertEqual((told["code"], told["path"], told["expected"], told["got"]), ("ERR_ARGUMENT", "token", "an int", "a str"))
        self.assertNotIn("secret", str(told))

    def test_no_worker_pays_for_it_that_does_not_use_it(self):
        code = "import sys; sys.path.insert(0, sys.argv[1]); import pythonarium.worker; print('pythonarium.validate' in sys.modules)"
        told = subprocess.run([sys.executable, "-I", "-c", code, str(harness.LIBRARY)], capture_output=True, text=True, check=True)
        self.assertEqual(told.stdout, "False\n")


if __name__ == "__main__":
    unittest.main()
