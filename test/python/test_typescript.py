import io
import json
import os
import re
import sys
import tempfile
import textwrap
import tokenize
import unittest
from pathlib import Path
from unittest import mock

import aliases
import harness  # noqa: F401  (it puts the library on sys.path)
from pythonarium.typescript.declaration import declare
from pythonarium.typescript.docstring import read_docstring
from pythonarium.typescript.expose import NothingToDeclare
from pythonarium.typescript.main import main
from pythonarium.typescript.source import SourceMissing, Sources, version_of

# Python has those itself from 3.11 on.
HEAD = "from __future__ import annotations\nfrom typing import *; from typing_extensions import Never, NotRequired, Required, Self, Unpack\nfrom dataclasses import dataclass\nfrom pythonarium import expose\n"


def declared(code, expose="marked", title="pythonarium types app.py", head=HEAD, **files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {"app": head + textwrap.dedent(code), **files}.items():
            Path(folder, f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        sources = Sources([folder, *sys.path])
        with mock.patch("ast.parse", aliases.parse):
            return declare(sources, {"": sources.load(str(Path(folder, "app.py")))}, expose, title)


def functions(code, **more):
    """What stands between the imports and the end of the file, without its empty lines."""
    lines = declared(code, **more).text.split("\n")
    return [line for line in lines if line and not line.startswith(("// ", "import ")) and line != "export {};"]


def parameter(hint, code="", **more):
    """The type of a parameter with that hint."""
    return functions(f"{textwrap.dedent(code)}\n@expose\ndef f(x: {hint}, /) -> None: ...", **more)[0].removeprefix("export function f(x: ").removesuffix("): Promise<null>;")


def result(hint, code="", **more):
    """The type of a result with that hint."""
    return functions(f"{textwrap.dedent(code)}\n@expose\ndef f() -> {hint}: ...", **more)[0].removeprefix("export function f(): ").removesuffix(";")


def types(hint, code):
    """The lines of the types that a parameter with that hint needs."""
    return functions(f"{textwrap.dedent(code)}\n@expose\ndef f(x: {hint}, /) -> None: ...")[1:]


class Values(unittest.TestCase):
    def test_a_hint_becomes_what_its_values_become(self):
        for hint, expected in {
            "int": "number",
            "float | None": "number | null",
            "Optional[str]": "string | null",
            "Union[int, float, str]": "number | string",
            "bool | int": "boolean | number",
            "Any": "unknown",
            "object | None": "unknown",
            "Literal['a', 1, True, None, -2]": '"a" | 1 | true | null | -2',
            "Literal[True, False]": "boolean",
            "Annotated[int, 'how many']": "number",
            "'list[\"int\"]'": "readonly number[]",
            "'''\n    int |\n    str\n'''": "number | string",
            "list": "readonly unknown[]",
            "list[int | None]": "readonly (number | null)[]",
            "list[list[int]]": "readonly (readonly number[])[]",
            "Sequence[str]": "readonly string[]",
            "set[int]": "ReadonlySet<number>",
            "dict[str, list[int]]": "{ [key: string]: readonly number[] }",
            "dict": "{ [key: string]: unknown }",
            "Mapping[int, str]": "ReadonlyMap<number, string>",
            "dict[Literal['a', 'b'], int]": '{ [key in "a" | "b"]?: number }',
            "tuple[int, str]": "readonly [number, string]",
            "tuple[int, ...]": "readonly number[]",
            "tuple[()]": "readonly []",
            "Iterable[int]": "Iterable<number> | AsyncIterable<number>",
            "AsyncIterator[bytes]": "Iterable<Uint8Array> | AsyncIterable<Uint8Array>",
            "Callable[[int, str], float]": "(a: number, b: string) => number | Promise<number>",
            "Callable[..., None]": "(...args: any[]) => void | Promise<void>",
            "Callable[[int], Awaitable[str]] | None": "((a: number) => string | Promise<string>) | null",
            "Callable[[list[int]], list[int]]": "(a: number[]) => readonly number[] | Promise<readonly number[]>",
            # What a function answers crosses as a whole.
            "Callable[[int], Iterable[str]]": "(a: number) => readonly string[] | Promise<readonly string[]>",
            "Never": "never",
        }.items():
            with self.subTest(hint):
                self.assertEqual(parameter(hint), expected)

    def test_a_result_is_the_callers_own(self):
        for hint, expected in {
            "None": "Promise<null>",
            "list[int]": "Promise<number[]>",
            "set[int]": "Promise<Set<number>>",
            "dict[int, str]": "Promise<Map<number, string>>",
            "tuple[int, str]": "Promise<[number, string]>",
            "TypeGuard[int]": "Promise<boolean>",
            "Coroutine[Any, Any, int]": "Promise<number>",
            "Iterator[int]": "AsyncIterable<number>",
            "Generator[str, None, int]": "AsyncIterable<string>",
            "AsyncGenerator[str, None]": "AsyncIterable<string>",
            "Iterable[int]": "Promise<number[]>",
        }.items():
            with self.subTest(hint):
                self.assertEqual(result(hint), expected)

    def test_what_cannot_come_back_is_unknown_and_warned_of(self):
        for hint, expected in {
            "Callable[[int], str]": "Promise<unknown>",
            "list[Callable]": "Promise<unknown[]>",
            "Iterator[int] | None": "Promise<unknown>",
            "dict[str, Generator[int, None, None]]": "Promise<{ [key: string]: unknown }>",
        }.items():
            with self.subTest(hint):
                made = declared(f"@expose\ndef f() -> {hint}: ...")
                self.assertIn(f"export function f(): {expected};", made.text)
                self.assertRegex(made.warnings[0].text, "is a function, which cannot cross to Node|is an iterator, which cannot cross as a value")
        made = declared("@expose\nclass C:\n    @property\n    def rows(self) -> Iterator[int]: ...\n    def __iter__(self) -> Iterator[int]: ...")
        self.assertEqual(re.findall(r"^  .*", made.text, re.M), ["  readonly rows: Promise<unknown>;", "  [Symbol.asyncIterator](): AsyncIterator<number>;"])
        self.assertEqual([each.text for each in made.warnings], ["Iterator[int] is an iterator, which cannot cross as a value: it is unknown"])
        made = declared("class Call(Protocol):\n    def __call__(self) -> None: ...\n@expose\ndef f(x: Call, /) -> Call: ...")
        self.assertIn("export function f(x: Call): Promise<unknown>;", made.text)
        self.assertIn("Call is a class whose objects cannot cross", made.warnings[0].text)
        # An Iterable may be a list.
        self.assertEqual(result("Iterable[int] | None"), "Promise<number[] | null>")

    def test_a_dict_is_an_object_where_its_keys_are_text_in_python_and_a_map_elsewhere(self):
        code = """
            import datetime as dt, decimal, enum, pathlib, uuid
            from collections import Counter, defaultdict
            Currency = Literal["EUR", "USD"]
            Id = NewType("Id", str)
            Number = NewType("Number", int)
            Name: TypeAlias = "str"
            T = TypeVar("T", bound=str)
            class UserId(str): ...
            class Day(dt.date): ...
            class Colour(enum.StrEnum):
                RED = "red"
            class Plain(enum.Enum):
                A = "a"
        """
        for hint, expected in {
            "dict[dt.date, float]": "Map<string, number>",
            "dict[dt.time | dt.date, float]": "Map<string, number>",
            "dict[uuid.UUID, int]": "Map<string, number>",
            "dict[pathlib.Path, int]": "Map<string, number>",
            "dict[decimal.Decimal, int]": "Map<string, number>",
            "dict[Day, int]": "Map<string, number>",
            "Counter[dt.date]": "Map<string, number>",
            "dict[Number, int]": "Map<Number, number>",
            "dict[Plain, int]": "Map<Plain, number>",
            "dict[Literal[Plain.A], int]": 'Map<"a", number>',
            "dict[Literal[Colour.RED, 'b'], int]": '{ [key in "red" | "b"]?: number }',
            "dict[Literal[Currency, 'GBP'], int]": '{ [key in Currency | "GBP"]?: number }',
            "dict[UserId, int]": "{ [key: string]: number }",
            "dict[Id, int]": "{ [key: string]: number }",
            "dict[Name, int]": "{ [key: string]: number }",
            "dict[T, int]": "{ [key: string]: number }",
            "dict[Annotated[str, 'a name'], int]": "{ [key: string]: number }",
            "dict[Id | Literal['all'], int]": "{ [key: string]: number }",
            "dict[Currency, int]": "{ [key in Currency]?: number }",
            "dict['Currency', int]": "{ [key in Currency]?: number }",
            "dict[Currency | Literal['GBP'], int]": '{ [key in Currency | "GBP"]?: number }',
            "Mapping[Colour, int]": "{ [key in Colour]?: number }",
            "Counter[Currency]": "{ [key in Currency]?: number }",
            "defaultdict[Colour, int]": "{ [key in Colour]?: number }",
            "dict[Literal['say \"a\"', 'b'], int]": '{ [key in "say \\"a\\"" | "b"]?: number }',
        }.items():
            with self.subTest(hint):
                self.assertEqual(result(hint, code).split("): ")[-1], f"Promise<{expected}>")

    def test_a_dict_whose_keys_need_not_be_text_is_an_object_as_long_as_they_are(self):
        code = """
            import datetime as dt, enum
            Key = Union["Name", int]
            Name = NewType("Name", str)
            class Plain(enum.Enum):
                A = "a"
        """
        for hint, key in {
            "dict[str | int, float]": "string | number",
            "dict[str | dt.date, float]": "string",
            "dict[str | None, float]": "string | null",
            "dict[Optional[str], float]": "string | null",
            "dict[Literal['a', 1], float]": '"a" | 1',
            "dict[Literal[Plain.A, 'b'], float]": '"a" | "b"',
            "dict[Key, float]": "Key",
        }.items():
            with self.subTest(hint):
                self.assertEqual(result(hint, code).split("): ")[-1], f"Promise<{{ [key: string]: number }} | Map<{key}, number>>")
        self.assertEqual(parameter("dict[str | int, bytes]"), "{ [key: string]: Uint8Array } | ReadonlyMap<string | number, Uint8Array>")

    def test_a_dict_with_a_variable_for_its_keys_is_what_that_turns_out_to_be(self):
        head = "K = TypeVar('K')\nH = TypeVar('H', bound=Hashable)\nN = TypeVar('N', bound=int)\n"
        turns_out = "([K] extends [string] ? { [key: string]: number } : Extract<K, string> | Extract<string, K> extends never ? Map<K, number> : { [key: string]: number } | Map<K, number>)"
        for code, expected in {
            "def f() -> dict[K, int]: ...": f"f<K>(): Promise<{turns_out}>",
            "def f(x: dict[H, int], /) -> None: ...": "f<H>(x: { [key: string]: number } | ReadonlyMap<H, number>): Promise<null>",
            "def f(x: dict[N, str], /) -> None: ...": "f<N extends number>(x: ReadonlyMap<N, string>): Promise<null>",
            "def f(x: dict[Any, int], /) -> None: ...": "f(x: { [key: string]: number }): Promise<null>",
        }.items():
            with self.subTest(code):
                self.assertEqual("".join(functions(f"{head}@expose\n{code}")), f"export function {expected};")
        self.assertEqual(types("Index[str]", f"{head}Index = dict[K, int]"), [f"export type Index<K> = {turns_out};"])

    def test_what_is_annotated_is_what_it_is_without_that(self):
        self.assertEqual(result("Annotated[Iterator[int], 'x']"), "AsyncIterable<number>")
        self.assertEqual(functions("@expose\ndef f() -> Annotated[Iterable[int], 'x']:\n    yield 1"), ["export function f(): AsyncIterable<number>;"])
        self.assertEqual(functions("@expose\ndef f() -> 'Iterable[int]':\n    yield 1"), ["export function f(): AsyncIterable<number>;"])
        self.assertEqual(types("A", "class A(TypedDict):\n    a: Annotated[NotRequired[int], 'x']"), ["export interface A {", "  a?: number;", "}"])
        self.assertEqual(types("A", "@dataclass\nclass A:\n    a: Annotated[ClassVar[int], 'x'] = 1\n    b: Annotated[int, 'x'] = 1"), ["export interface A {", "  b: number;", "}"])

    def test_what_the_standard_library_has_for_values(self):
        code = "import datetime as dt, decimal, uuid, pathlib\nfrom pathlib import Path"
        for hint, into, out in [
            ("bytes", "Uint8Array", "Uint8Array"),
            ("dt.datetime", "Date", "Date | string"),
            ("dt.date", "string", "string"),
            ("dt.timedelta", "number", "number"),
            ("decimal.Decimal", "string", "string"),
            ("uuid.UUID", "string", "string"),
            ("Path", "string", "string"),
            ("pathlib.Path", "string", "string"),
        ]:
            with self.subTest(hint):
                self.assertEqual(parameter(hint, code), into)
                self.assertEqual(result(hint, code), f"Promise<{out}>")

    def test_arrays_of_numpy_are_known_without_numpy(self):
        code = "import numpy as np\nfrom numpy.typing import NDArray"
        self.assertEqual(result("NDArray[np.float64]", code), "Promise<NdArray>")
        for hint, expected in {
            "np.str_ | np.bytes_": "string | Uint8Array",
            "dict[np.str_, int]": "{ [key: string]: number }",
            "np.ndarray": "NdArray | TypedArray",
            "np.ndarray | None": "NdArray | null | TypedArray",
            "NDArray[np.float64]": "NdArray | Float64Array",
            "Optional[NDArray[np.int64]]": "NdArray | null | BigInt64Array",
            "Annotated[NDArray[np.uint8], 'pixels']": "NdArray | Uint8Array",
            "NDArray[np.float32] | NDArray[np.int8]": "NdArray | Float32Array | Int8Array",
            "NDArray[np.complex128]": "NdArray",
            "NDArray[T]": "NdArray | TypedArray",
            "Matrix": "Matrix | Float32Array",
            "Image": "Image | Uint8Array",
            # Inside of something else an array is no parameter.
            "list[np.ndarray]": "readonly NdArray[]",
        }.items():
            with self.subTest(hint):
                self.assertEqual(parameter(hint, f"{code}\nfrom typing import *\nT = TypeVar('T')\nMatrix = NDArray[np.float32]\nImage = NewType('Image', NDArray[np.uint8])"), expected)
        self.assertIn("import type { Kwargs, NdArray, TypedArray } from 'pythonarium'", declared(f"{code}\n@expose\ndef f(a: np.ndarray): ...").text)
        # A memoryview may come there, and bytes may not: they would be one text.
        like = "NdArray | number | readonly unknown[] | Exclude<TypedArray, Uint8Array>"
        self.assertEqual(parameter("npt.ArrayLike | None", "import numpy.typing as npt"), f"{like} | null")
        # It is on a line of its own there.
        self.assertIn(f"readonly ({like})[]", declared("from numpy.typing import ArrayLike\n@expose\ndef f(a: list[ArrayLike], /): ...").text)
        self.assertEqual(result("ArrayLike", "from numpy.typing import ArrayLike"), "Promise<NdArray>")
        self.assertIn("import type { NdArray, TypedArray } from 'pythonarium'", declared("from numpy.typing import ArrayLike\n@expose\ndef f(a: ArrayLike, /): ...").text)
        for name in ("int64", "int_", "intp", "double", "unsignedinteger"):
            self.assertEqual(result(f"np.{name}", code), "Promise<number>")
        for name in ("bool", "bool_"):
            self.assertEqual(result(f"np.{name}", code), "Promise<boolean>")
        self.assertIn("import type { NdArray } from 'pythonarium'", declared(f"{code}\n@expose\ndef f() -> np.ndarray: ...").text)


class NamedTypes(unittest.TestCase):
    def test_a_dataclass_is_an_interface_with_those_of_its_bases(self):
        self.assertEqual(
            types(
                "Circle",
                '''
                @dataclass
                class Shape:
                    name: str
                    kind: ClassVar[str] = "shape"
                @dataclass
                class Circle(Shape):
                    """A round one."""
                    radius: float = 1
                    """In metres."""
                    tags: list[str] | None = None
                ''',
            ),
            [
                "/** A round one. */",
                "export interface Circle {",
                "  name: string;",
                "  /** In metres. */",
                "  radius: number;",
                "  tags: string[] | null;",
                "}",
            ],
        )

    def test_what_is_no_field_is_none(self):
        head = "import dataclasses\nfrom pydantic import BaseModel, PrivateAttr\n"
        self.assertEqual(types("C", head + "@dataclass\nclass C:\n    a: int\n    _: dataclasses.KW_ONLY\n    b: int"), ["export interface C {", "  a: number;", "  b: number;", "}"])
        self.assertEqual(types("C", head + "class C(BaseModel):\n    a: int\n    _cache: dict = PrivateAttr()"), ["export interface C {", "  a: number;", "}"])
        self.assertEqual(types("C", head + "@dataclass\nclass Base:\n    a: int\nclass C(Base):\n    b: int"), ["export interface C {", "  a: number;", "}"])
        for base in ("class Base:", "class Base(Protocol):"):
            code = f"{base}\n    b: int\n@dataclass\nclass C(Base):\n    a: int"
            self.assertEqual(types("C", code), ["export interface C {", "  a: number;", "}"])
            self.assertEqual(functions(code.replace("@dataclass", "@expose\n@dataclass"))[0], "export function C(a: number): Promise<C>;")

    def test_what_a_model_leaves_out_of_its_dump_may_be_missing(self):
        head = "from pydantic import BaseModel, ConfigDict, Field\n"
        model = "class C(BaseModel):\n    model_config: ConfigDict = ConfigDict(frozen=True)\n    name: str\n    key: Annotated[str, Field(exclude=True)]\n    password: str = Field(exclude=True)\n"
        self.assertEqual(types("C", head + model), ["export interface C {", "  name: string;", "  key?: string;", "  password?: string;", "}"])
        made = functions(f"{head}@expose\n{model}")[0]
        self.assertEqual(made, "export function C(kwargs: Kwargs<{ name: string; key: string; password: string }>): Promise<C>;")

    def test_what_a_model_computes_is_in_its_dump_and_need_not_be_given(self):
        head = "import pydantic\nfrom functools import cached_property\nfrom pydantic import BaseModel, computed_field\n"
        model = '''class Base(BaseModel):
    width: float
    @computed_field
    @property
    def area(self) -> float:
        """In square metres."""
        return self.width ** 2
    @property
    def half(self) -> float: ...
class C(Base):
    @pydantic.computed_field(return_type=str, alias="Name")
    def name(self): ...
    @computed_field
    @cached_property
    def other(self): ...
'''
        lines = ["  width: number;", "  /** In square metres. */", "  area?: number;", "  name?: string;", "  other?: unknown;", "}"]
        self.assertEqual(types("C", head + model), ["export interface C {", *lines])
        exposed = functions(head + model.replace("class C", "@expose\nclass C"))
        self.assertEqual(exposed[0], "export function C(kwargs: Kwargs<{ width: number }>): Promise<C>;")
        self.assertIn("  readonly name: Promise<unknown>;", exposed)

    def test_a_root_model_is_what_is_at_its_root(self):
        head = "import pydantic\nfrom pydantic import BaseModel, Field, RootModel\n"
        for code, expected in {
            "class Ids(RootModel[list[int]]): ...": "number[]",
            "class Ids(pydantic.RootModel):\n    root: dict[str, bytes] = Field(default={})": "{ [key: string]: Uint8Array }",
            "class Base(RootModel[list[int]]):\n    root: list[float]\nclass Ids(Base): ...": "number[]",
        }.items():
            with self.subTest(code):
                made = declared(f"{head}{code}\n@expose\ndef f() -> Ids: ...")
                self.assertIn(f"export function f(): Promise<{expected}>;", made.text)
                self.assertEqual(made.warnings, [])
        self.assertEqual(parameter("RootModel[list[int]]", head), "readonly number[]")
        self.assertEqual(types("C", f"{head}class Ids(RootModel[list[int]]): ...\nclass C(BaseModel):\n    ids: Ids"), ["export interface C {", "  ids: number[];", "}"])
        self.assertEqual(types("Tree", f"{head}class Tree(RootModel[dict[str, 'Tree']]): ..."), ["export type Tree = { [key: string]: Tree };"])

    def test_nothing_in_the_docstring_of_a_field_ends_its_comment(self):
        code = '@dataclass\nclass C:\n    a: str\n    """A glob such as **/*.py.\n\n    See @param.\n    """\n    b: int'
        self.assertEqual(
            types("C", code),
            ["export interface C {", "  /**", "   * A glob such as **\\/*.py.", "   *", "   * See \\@param.", "   */", "  a: string;", "  b: number;", "}"],
        )

    def test_a_field_or_a_method_named_like_a_type_hides_none(self):
        head = "from datetime import date\n"
        self.assertEqual(types("E", head + "@dataclass\nclass E:\n    date: date"), ["export interface E {", "  date: string;", "}"])
        self.assertEqual(
            types("E", head + "@dataclass\nclass E:\n    date: date | None = None\n    until: date | None = None"),
            ["export interface E {", "  date: string | null;", "  until: string | null;", "}"],
        )
        code = "@expose\nclass C:\n    def list(self) -> list[int]: ...\n    def dict(self, x: list[bytes], /) -> dict[str, int]: ...\n    def bytes(self) -> bytes: ..."
        self.assertEqual(
            functions(code)[2:-1],
            ["  list(): Promise<number[]>;", "  dict(x: readonly Uint8Array[]): Promise<{ [key: string]: number }>;", "  bytes(): Promise<Uint8Array>;"],
        )
        # But a type that stands in a class is the one that is meant there.
        code = "@dataclass\nclass E:\n    Id = int\n    @dataclass\n    class Part:\n        size: int\n    id: Id\n    part: Part"
        self.assertEqual(types("E", code)[:4], ["export interface E {", "  id: Id;", "  part: Part;", "}"])
        self.assertIn("  f(name: Name): Promise<null>;", functions("@expose\nclass C:\n    Name: TypeAlias = 'str'\n    def f(self, name: Name, /) -> None: ..."))

    def test_a_class_in_a_class_is_found_through_what_derives_from_that_and_by_another_name(self):
        code = "class Base:\n    class Part(TypedDict):\n        a: int\nclass Middle(Base, Generic[AnyStr]): ...\nclass Sub(Middle[str]): ...\nOther = Sub\n"
        for hint in ("Base.Part", "Sub.Part", "Other.Part", "'Other.Part'"):
            with self.subTest(hint):
                self.assertEqual(types(hint, code), ["export interface Part {", "  a: number;", "}"])
        made = declared(f"{code}class A(B): ...\nclass B(A): ...\n@expose\ndef f(x: A.Part, y: Other.Whole, /) -> None: ...")
        self.assertEqual([each.text for each in made.warnings], [f"{each} is not defined where it is used: it is unknown" for each in ("A.Part", "Other.Whole")])

    def test_a_class_in_a_class_may_derive_from_one_beside_it(self):
        code = "class Api:\n    class Base(TypedDict):\n        a: int\n    class Part(Base):\n        b: str\nclass Base: ...\n"
        self.assertEqual(types("Api.Part", code), ["export interface Part {", "  a: number;", "  b: string;", "}"])
        # What it has from there is of the types that stand there.
        code = "@dataclass\nclass Base:\n    class Part(TypedDict):\n        a: int\n    part: Part\n@dataclass\nclass C(Base):\n    b: int\n"
        self.assertEqual(types("C", code)[:4], ["export interface C {", "  part: Part;", "  b: number;", "}"])
        # One of its own name stands outside.
        code = "@dataclass\nclass Part:\n    a: int\nclass Api:\n    @dataclass\n    class Part(Part):\n        b: str\n"
        self.assertEqual(types("Api.Part", code), ["export interface Part {", "  a: number;", "  b: string;", "}"])

    def test_a_typed_dict_says_which_keys_may_be_missing(self):
        code = "class A(TypedDict):\n    a: int\n    b: NotRequired[str]\nclass B(A, total=False):\n    c: Required[int]\n    d: int"
        self.assertEqual(types("B", code), ["export interface B {", "  a: number;", "  b?: string;", "  c: number;", "  d?: number;", "}"])
        code = "M = TypedDict('M', {'a-b': int, 'c': NotRequired[str]})"
        self.assertEqual(types("M", code), ['export type M = { "a-b": number; c?: string };'])

    def test_a_typed_dict_says_what_else_it_may_have(self):
        head = "from typing_extensions import Never, NotRequired, TypedDict\n"
        more = f"{head}class A(TypedDict, extra_items=int):\n    a: str\n    b: NotRequired[bool]\n"
        interface = ["  a: string;", "  b?: boolean;", "  [key: string]: number | string | boolean | undefined;", "}"]
        self.assertEqual(types("A", more), ["export interface A {", *interface])
        self.assertEqual(types("B", f"{more}class B(A): ..."), ["export interface B {", *interface])
        self.assertEqual(types("A", f"{head}A = TypedDict('A', {{'a': str}}, extra_items=int)"), ["export type A = { a: string; [key: string]: number | string };"])
        for told in ("extra_items=Never", "closed=True"):
            self.assertEqual(types("A", f"{head}class A(TypedDict, {told}):\n    a: str"), ["export interface A {", "  a: string;", "}"])

    def test_a_key_that_is_no_identifier_is_quoted(self):
        self.assertEqual(types("M", "M = TypedDict('M', {'m²': int, 'größe': int, '1a': int, 'a b': int})"), ['export type M = { "m\\u00b2": number; größe: number; "1a": number; "a b": number };'])

    def test_a_named_tuple_is_an_array(self):
        self.assertEqual(types("P", "class P(NamedTuple):\n    x: int\n    new: str = ''"), ["export type P = [x: number, new_: string];"])
        self.assertEqual(types("P", "from collections import namedtuple\nP = namedtuple('P', 'x y')"), ["export type P = [x: unknown, y: unknown];"])

    def test_a_class_may_derive_from_what_a_call_makes(self):
        head = "from collections import namedtuple\nfrom typing_extensions import NotRequired, Unpack\nBase = TypedDict('Base', {'in': int, 'a-b': NotRequired[str]})\nPair = namedtuple('Pair', 'x, y', defaults=[1])\n"
        for code, expected in {
            "class C(Base):\n    c: bytes": ["export interface C {", "  in: number;", '  "a-b"?: string;', "  c: Uint8Array;", "}"],
            "class C(Pair):\n    def norm(self): ...": ["export type C = [x: unknown, y: unknown];"],
            "class C(namedtuple('C', ['x', 'y'])): ...": ["export type C = [x: unknown, y: unknown];"],
            "class C(NamedTuple('C', [('x', int), ('y', 'list[str]')])): ...": ["export type C = [x: number, y: string[]];"],
        }.items():
            with self.subTest(code):
                made = declared(f"{head}{code}\n@expose\ndef f(x: C, /) -> None: ...")
                self.assertEqual(made.text.split("\n")[4:-3], expected)
                self.assertEqual(made.warnings, [])
        made = functions(f"{head}@expose\nclass C(Pair):\n    def norm(self) -> float: ...")
        self.assertEqual(made[0], "export function C(x: unknown, y?: unknown): Promise<C>;")
        self.assertEqual(made[-5:], ["export interface C extends Handle {", *(f"  readonly {name}: Promise<unknown>;" for name in "xy"), "  norm(): Promise<number>;", "}"])
        self.assertEqual(functions(f"{head}@expose\ndef f(**more: Unpack[Base]) -> None: ..."), ['export function f(kwargs: Kwargs<{ in: number; "a-b"?: string }>): Promise<null>;'])

    def test_what_a_call_makes_of_what_is_not_written_out_is_of_its_kind(self):
        head = "from collections import namedtuple\nFIELDS = {}\n"
        for code, expected in {
            "C = TypedDict('C', FIELDS)": "{ [key: string]: unknown }",
            "C = TypedDict('C', {**FIELDS, 'a': int})": "{ [key: string]: unknown }",
            "C = namedtuple('C', FIELDS)": "unknown[]",
        }.items():
            with self.subTest(code):
                self.assertEqual(types("C", head + code), [f"export type C = {expected};"])

    def test_an_enum_is_its_values(self):
        head = "import enum\n"
        self.assertEqual(types("C", head + "class C(enum.Enum):\n    RED = 'red'\n    ONE = 1"), ['export type C = "red" | 1;'])
        self.assertEqual(types("C", head + "class C(enum.Enum):\n    A = enum.auto()\n    B = enum.auto()"), ["export type C = 1 | 2;"])
        self.assertEqual(types("C", head + "class C(enum.StrEnum):\n    RED = enum.auto()"), ['export type C = "red";'])
        self.assertEqual(types("C", head + "class C(enum.IntFlag):\n    A = 1\n    B = 2"), ["export type C = number;"])
        self.assertEqual(parameter("Literal[C.RED]", head + "class C(enum.Enum):\n    RED = 'red'"), '"red"')

    def test_a_member_of_an_enum_may_be_a_truth_value_bytes_or_none_and_not_all_is_a_member(self):
        head = "import enum\n"
        self.assertEqual(types("C", head + "class C(enum.Enum):\n    A = True\n    B = None\n    C = b'x'"), ["export type C = true | null | Uint8Array;"])
        self.assertEqual(types("C", head + "class C(enum.Enum):\n    A = 'a'\n    b = enum.nonmember(3)\n    c = lambda self: 1"), ['export type C = "a";'])
        self.assertEqual(types("C", head + "class C(int, enum.Enum):\n    A = True"), ["export type C = number;"])

    def test_a_member_of_an_enum_may_have_a_hint_or_two_names(self):
        head = "import enum\n"
        self.assertEqual(types("C", head + "class C(enum.Enum):\n    A: int = 1\n    B: str = 'b'\n    size: int\n    _ignore_ = []\n    _c = 3"), ['export type C = 1 | "b" | 3;'])
        self.assertEqual(types("C", head + "class C(enum.IntEnum):\n    A: int = enum.auto()\n    B: Final = enum.auto()"), ["export type C = 1 | 2;"])
        self.assertEqual(types("C", head + "class C(enum.Enum):\n    A, B = 1, 2"), ["export type C = 1 | 2;"])
        self.assertEqual(types("C", head + "class C(str, enum.Enum):\n    A, B = 'ab'\n    C = 'c'"), ['export type C = string | "c";'])
        self.assertEqual(parameter("Literal[C.A, C.B]", head + "class C(enum.Enum):\n    A: str = 'a'\n    B = OTHER = 'b'"), '"a" | "b"')
        self.assertEqual(parameter("Literal[C.OTHER]", head + "class C(enum.Enum):\n    B = OTHER = 'b'"), '"b"')
        self.assertEqual(types("C", head + "class C(enum.Enum):\n    A = B = enum.auto()\n    D = enum.auto()"), ["export type C = 1 | 2;"])

    def test_an_enum_of_text_or_of_numbers_is_its_values_too(self):
        head = "import enum\n"
        self.assertEqual(types("C", head + "class C(str, enum.Enum):\n    RED = 'red'\n    BLUE = 'blue'"), ['export type C = "red" | "blue";'])
        self.assertEqual(types("C", head + "class C(int, enum.Enum):\n    A = 1\n    B = 2"), ["export type C = 1 | 2;"])
        self.assertEqual(types("C", head + "class Base(str, enum.Enum): ...\nclass C(Base):\n    RED = 'red'"), ['export type C = "red";'])
        self.assertEqual(parameter("Literal[C.RED]", head + "class C(str, enum.Enum):\n    RED = 'red'"), '"red"')
        self.assertEqual(result("dict[C, int]", head + "class C(str, enum.Enum):\n    RED = 'red'"), "Promise<{ [key in C]?: number }>")
        # What is not written out is still what the enum is besides.
        self.assertEqual(types("C", head + "class C(int, enum.Enum):\n    A = 1 << 3"), ["export type C = number;"])

    def test_what_an_enum_makes_of_its_values_by_itself_is_not_what_is_written(self):
        head = "import enum\n"
        own = "    def __new__(cls, value):\n        self = str.__new__(cls, value.upper())\n        self._value_ = value.upper()\n        return self\n"
        self.assertEqual(types("C", f"{head}class C(str, enum.Enum):\n{own}    RED = 'red'"), ["export type C = string;"])
        self.assertEqual(types("C", f"{head}class Base(enum.Enum):\n{own}class C(Base):\n    RED = 'red'\n    B = enum.auto()"), ["export type C = unknown;"])

    def test_only_an_enum_of_text_makes_its_names_values_by_itself(self):
        head = "import enum\n"
        own = "    def _generate_next_value_(name, start, count, last): return name\n"
        self.assertEqual(types("C", head + "class C(str, enum.Enum):\n    RED = enum.auto()\n    BLUE = enum.auto()"), ['export type C = "1" | "2";'])
        self.assertEqual(types("C", head + "class Base(enum.StrEnum): ...\nclass C(Base):\n    RED = enum.auto()"), ['export type C = "red";'])
        self.assertEqual(types("C", f"{head}class Base(str, enum.Enum):\n{own}class C(Base):\n    RED = enum.auto()"), ["export type C = string;"])

    def test_an_alias_keeps_its_name_and_may_hold_itself(self):
        self.assertEqual(types("Id", "Id = NewType('Id', int)"), ["export type Id = number;"])
        head = "from typing_extensions import TypeAliasType\n"
        self.assertEqual(types("A", f"{head}A = TypeAliasType('A', 'int | list[A]')"), ["export type A = number | A[];"])
        self.assertEqual(result("dict[A, int]", f"{head}A = TypeAliasType('A', str)"), "Promise<{ [key: string]: number }>")
        self.assertEqual(types("A", "A: TypeAlias = 'int | list[A]'"), ["export type A = number | A[];"])
        self.assertEqual(
            types("Json", "Json = Union[None, str, list['Json'], dict[str, 'Json']]"),
            ["export type Json = null | string | Json[] | { [key: string]: Json };"],
        )

    def test_an_alias_that_is_given_itself_has_what_it_is_given_to_written_out(self):
        # TypeScript makes one at once of what it is given.
        head = "T = TypeVar('T')\nU = TypeVar('U')\nNames = Dict[str, T]\nMaybe = Optional[T]\nMany = Union[T, List['Many[T]']]\n"
        for code, expected in {
            "A = Union[Names['A'], int]": "{ [key: string]: A } | number",
            "A = Names[Union[Maybe['A'], int]]": "{ [key: string]: Maybe<A> | number }",
            "A = Maybe[Names['A']]": "{ [key: string]: A } | null",
            "A = Maybe[Maybe[List['A']]]": "A[] | null",
            "A = Names['B']\nB = Names[A]": "{ [key: string]: B }",
            "Both = Union[Names[T], List[U]]\nA = Both['A', int]": "{ [key: string]: A } | number[]",
            "Node = Union[T, List['A']]\nA = Node[int]": "number | A[]",
            "Node = Union[T, List['B']]\nA = Node[int]\nB = Optional[A]": "number | B[]",
            "A = Names[int]": "Names<number>",
            # These stand for themselves, whatever else they are.
            "A = Maybe['A']": "unknown",
            "A = Many['A']": "unknown",
            "One = Union[T, 'Other[T]', int]\nOther = Union[One[T], One[T], str]\nA = One['A']": "unknown",
            "Ever = Union[T, 'Ever[T]', int]\nA = Ever['A']": "unknown",
        }.items():
            with self.subTest(code):
                self.assertEqual(types("A", head + code)[0], f"export type A = {expected};")
        self.assertEqual(types("A", "type Names[T] = dict[str, T]\ntype Inner[U] = Names[U] | None\ntype A = Inner[A] | int"), ["export type A = { [key: string]: A } | null | number;"])
        self.assertEqual(types("A[str]", f"{head}A = Union[Names['A[U]'], U]")[0], "export type A<U> = { [key: string]: A<U> } | U;")

    def test_an_alias_made_by_a_call_has_type_variables(self):
        head = "from typing_extensions import TypeAliasType\nT = TypeVar('T')\n"
        self.assertEqual(parameter("A[int]", f"{head}A = TypeAliasType('A', List[T], type_params=(T,))"), "A<number>")
        self.assertEqual(types("A[int]", f"{head}A = TypeAliasType('A', 'list[T] | dict[str, A[T]]', type_params=(T,))"), ["export type A<T> = T[] | { [key: string]: A<T> };"])
        self.assertEqual(types("A", f"{head}A = TypeAliasType('A', 'A | int')"), ["export type A = unknown;"])

    def test_an_alias_of_a_function_does_not_come_back(self):
        code = "Handler = Callable[[int], str]\nEither = Optional[Handler]\n"
        for hint in ("Handler", "Either", "list[Handler]", "dict[str, Either]"):
            with self.subTest(hint):
                made = declared(f"{code}@expose\ndef f() -> {hint}: ...")
                self.assertIn("is a function, which cannot cross to Node", made.warnings[0].text)
        self.assertEqual(result("Handler", code), "Promise<unknown>")
        self.assertEqual(parameter("Either", code), "Either")

    def test_an_alias_that_is_only_itself_is_unknown_and_warned_of(self):
        made = declared("A = Union['B', int]\nB = Union[A, str]\n@expose\ndef f(x: A, /) -> None: ...")
        self.assertIn("export type A = unknown;", made.text)
        self.assertIn("stands for itself", made.warnings[0].text)

    def test_aliases_that_name_themselves_more_than_once_come_to_an_end(self):
        # Each naming doubled what there was to be read.
        for code in ("A = Union['A', 'A', 'A']", "A = Union['B', 'C']\nB = Union['C', 'B', 'C']\nC = Union['B', 'C', 'B']"):
            with self.subTest(code):
                made = declared(f"{code}\n@expose\ndef f(x: A, y: dict[A, int], /) -> None: ...")
                self.assertIn("f(x: A, y: ReadonlyMap<A, number>)", made.text)
                self.assertIn("export type B = unknown;" if "B" in code else "export type A = unknown;", made.text)

    def test_an_alias_without_a_declaration_may_hold_itself_and_is_unknown_where_it_is_only_itself(self):
        self.assertEqual(types("A", "type A = list[A] | int"), ["export type A = A[] | number;"])
        for code in ("type A = A", "type A = A | A | int", "type A = B | int\ntype B = A | str", "type A = Annotated[A, 1]"):
            with self.subTest(code):
                self.assertEqual(types("A", code), ["export type A = unknown;"])
        # TypeScript takes none that stand for nothing but each other.
        self.assertEqual(types("G[int]", "type G[T] = H[T]\ntype H[T] = G[T]"), ["export type G<T> = unknown;"])

    def test_type_variables_go_where_they_map(self):
        head = "T = TypeVar('T')\nK = TypeVar('K', bound=str)\nN = TypeVar('N', int, str)\nP = ParamSpec('P')\n"
        self.assertEqual(
            functions(head + "@expose\ndef f(x: T, k: K, n: N, /) -> dict[K, T]: ..."),
            ["export function f<T, K extends string, N extends number | string>(x: T, k: K, n: N): Promise<{ [key: string]: T }>;"],
        )
        self.assertEqual(
            types("Box[int]", head + "@dataclass\nclass Box(Generic[T]):\n    value: T\n    inner: Box[T] | None"),
            ["export interface Box<T> {", "  value: T;", "  inner: Box<T> | null;", "}"],
        )
        self.assertEqual(parameter("Box[int]", head + "@dataclass\nclass Box(Generic[T]):\n    value: T"), "Box<number>")
        self.assertEqual(parameter("Pair", head + "Pair = tuple[T, T]"), "Pair<unknown>")
        self.assertEqual(parameter("Callable[P, int]", head), "(...args: any[]) => number | Promise<number>")

    def test_a_class_has_what_a_generic_base_has_with_what_is_given_to_it(self):
        head = "import datetime as dt\nT = TypeVar('T')\nU = TypeVar('U')\n"
        base = f"{head}@dataclass\nclass Base(Generic[T]):\n    value: T\n    by: dict[T, int]\n"
        for derived, expected in {
            "class C(Base[str])": ["export interface C {", "  value: string;", "  by: { [key: string]: number };"],
            "class C(Base[dt.date])": ["export interface C {", "  value: string;", "  by: Map<string, number>;"],
            "class C(Base[list[U]], Generic[U])": ["export interface C<U> {", "  value: U[];", "  by: Map<U[], number>;"],
            "class B(Base[list[T]], Generic[T]): ...\n@dataclass\nclass C(B[int])": ["export interface C {", "  value: number[];", "  by: Map<number[], number>;"],
        }.items():
            with self.subTest(derived):
                self.assertEqual(types("C", f"{base}@dataclass\n{derived}: ..."), [*expected, "}"])
        handle = f"{head}class Base(Generic[T]):\n    seen: list[T]\n    def __init__(self, first: T, /) -> None: ...\n    def get(self) -> T: ...\n    def __iter__(self) -> Iterator[T]: ...\n"
        self.assertEqual(
            functions(f"{handle}@expose\nclass C(Base[int]): ..."),
            [
                "export function C(first: number): Promise<C>;",
                "export interface C extends Handle {",
                "  readonly seen: Promise<number[]>;",
                "  get(): Promise<number>;",
                "  [Symbol.asyncIterator](): AsyncIterator<number>;",
                "}",
            ],
        )
        # What is not told is unknown, and no variable that nobody declares.
        self.assertEqual(functions(f"{handle}@expose\nclass C(Base): ...")[3:-1], ["  get(): Promise<unknown>;", "  [Symbol.asyncIterator](): AsyncIterator<unknown>;"])

    def test_what_is_given_is_for_the_variable_in_whose_place_it_stands(self):
        head = "from typing_extensions import TypeVarTuple\nT = TypeVar('T')\nR = TypeVar('R')\nP = ParamSpec('P')\nTs = TypeVarTuple('Ts')\n"
        job = f"{head}@dataclass\nclass Job(Generic[P, R]):\n    value: R\nHandler = Callable[P, R]\n"
        for hint, expected in {
            "Job[[int, str], bool]": "Job<boolean>",
            "Job[..., bool]": "Job<boolean>",
            "Job[P, bool]": "Job<boolean>",
            "Job": "Job<unknown>",
            "Handler[[int], bool]": "Handler<boolean>",
            "Handler[P, list[bool]]": "Handler<readonly boolean[]>",
        }.items():
            with self.subTest(hint):
                made = declared(f"{job}@expose\ndef f(x: {hint}, /) -> None: ...")
                self.assertIn(f"export function f(x: {expected}): Promise<null>;", made.text)
                self.assertEqual(made.warnings, [])
        self.assertEqual(types("C", f"{job}@dataclass\nclass C(Job[[int], str]): ..."), ["export interface C {", "  value: string;", "}"])
        for hint, expected in {"A[int, str, bool]": "boolean", "A[bool]": "boolean", "A": "unknown", "A[Unpack[Ts], bool]": "boolean"}.items():
            with self.subTest(hint):
                self.assertEqual(parameter(hint, f"{head}@dataclass\nclass A(Generic[Unpack[Ts], T]):\n    x: T"), f"A<{expected}>")

    def test_type_variables_of_a_base_without_a_declaration(self):
        base = "@dataclass\nclass Base[T]:\n    value: T\n    def get(self) -> T: ...\n@dataclass\nclass C(Base[int]): ...\n"
        self.assertEqual(types("C", base), ["export interface C {", "  value: number;", "}"])
        self.assertEqual(functions(base.replace("@dataclass\nclass C", "@expose\nclass C"))[-4:], ["export interface C extends Handle {", "  readonly value: Promise<number>;", "  get(): Promise<number>;", "}"])

    def test_what_comes_back_for_a_variable_of_numbers_or_of_text_is_no_literal(self):
        # TypeScript would say that `double(2)` is 2.
        head = "N = TypeVar('N', int, float)\nS = TypeVar('S', int, str)\nO = TypeVar('O', bound='int | None')\nC = TypeVar('C', bound=Literal['a', 'b'])\nM = TypeVar('M', str, bytes)\n"
        self.assertEqual(
            functions(f"{head}@expose\ndef f(x: S, /) -> S: ..."),
            ["export function f<S extends number | string>(", "  x: S,", "): Promise<(S extends number ? number : S extends string ? string : S)>;"],
        )
        for code, expected in {
            "def f(x: N, /) -> N: ...": "f<N extends number>(x: N): Promise<number>",
            "def f(x: O, /) -> O: ...": "f<O extends number | null>(x: O): Promise<(O extends number ? number : O)>",
            "def f(x: N, by: Callable[[N], N], /) -> None: ...": "f<N extends number>(x: N, by: (a: number) => N | Promise<N>): Promise<null>",
            "def f(x: M, /) -> list[M]: ...": "f<M extends string | Uint8Array>(x: M): Promise<(M extends string ? string : M)[]>",
            "def f(x: AnyStr, /) -> AnyStr: ...": "f<AnyStr extends string | Uint8Array>(x: AnyStr): Promise<(AnyStr extends string ? string : AnyStr)>",
            "class f(Generic[M]):\n    def __init__(self, x: M, /) -> None: ...": "f<M extends string | Uint8Array>(x: M): Promise<f<(M extends string ? string : M)>>",
            "def f(x: C, /) -> C: ...": 'f<C extends "a" | "b">(x: C): Promise<C>',
            "class f(Generic[N]):\n    def __init__(self, x: N, /) -> None: ...": "f<N extends number>(x: N): Promise<f<number>>",
        }.items():
            with self.subTest(code):
                self.assertEqual(functions(f"{head}@expose\n{code}")[0], f"export function {expected};")

    def test_a_type_variable_that_means_something_to_typescript_has_another_name(self):
        head = "Promise = TypeVar('Promise')\nnumber = TypeVar('number', bound=int)\nDate = TypeVar('Date')\n"
        self.assertEqual(
            functions(f"{head}@expose\ndef f(x: Promise, y: number, /) -> list[Promise]: ..."),
            ["export function f<Promise_, number_ extends number>(x: Promise_, y: number_): Promise<Promise_[]>;"],
        )
        self.assertEqual(types("Box[int]", f"{head}@dataclass\nclass Box(Generic[Date]):\n    x: Date\n    next: Box[Date] | None"), ["export interface Box<Date_> {", "  x: Date_;", "  next: Box<Date_> | null;", "}"])
        self.assertEqual(functions(f"{head}@expose\nclass Box(Generic[Date]):\n    def __init__(self, x: Date, /) -> None: ...\n    def same(self) -> Self: ...")[:3], ["export function Box<Date_>(x: Date_): Promise<Box<Date_>>;", "export interface Box<Date_> extends Handle {", "  same(): Promise<Box<Date_>>;"])

    def test_a_type_variable_that_nothing_is_given_for_is_its_default(self):
        head = "from typing_extensions import TypeVar\nT = TypeVar('T', default=int)\n"
        box = f"{head}@dataclass\nclass Box(Generic[T]):\n    x: T\n"
        for hint, expected in {"Box": "Box<number>", "Box[str]": "Box<string>", "Box[Any]": "Box<unknown>", "list[Box]": "readonly Box<number>[]"}.items():
            with self.subTest(hint):
                self.assertEqual(parameter(hint, box), expected)
        self.assertEqual(parameter("Many", f"{head}Many = list[T]"), "Many<number>")
        self.assertEqual(types("C", f"{box}@dataclass\nclass C(Box): ..."), ["export interface C {", "  x: number;", "}"])
        # It is read where the variable was made.
        inner = f"{HEAD}from typing_extensions import TypeVar\n@dataclass\nclass Item:\n    x: int\nT = TypeVar('T', default=Item)\n@dataclass\nclass Box(Generic[T]):\n    x: T\n"
        self.assertEqual(functions("from inner import Box\n@expose\ndef f(x: Box, /) -> None: ...", inner=inner)[0], "export function f(x: Box<Item>): Promise<null>;")

    def test_type_variables_are_in_the_order_in_which_python_reads_them(self):
        head = "A = TypeVar('A')\nR = TypeVar('R')\n"
        for alias, expected in {
            "Callable[[A], R]": "X<A, R> = (a: A) => R | Promise<R>",
            "tuple[list[A], R]": "X<A, R> = [A[], R]",
            "list[A] | None | R": "X<A, R> = A[] | null | R",
            "dict[str, tuple[list[A], R]]": "X<A, R> = { [key: string]: [A[], R] }",
        }.items():
            with self.subTest(alias):
                self.assertEqual(types("X[int, str]", f"{head}X = {alias}"), [f"export type {expected};"])
                self.assertEqual(parameter("X[int, str]", f"{head}X = {alias}"), "X<number, string>")
        base = f"{head}@dataclass\nclass Base(Generic[A, R]):\n    a: A\n    r: R\n"
        self.assertEqual(types("C[int, str]", f"{base}@dataclass\nclass C(Base[A, R], Generic[R, A]):\n    b: list[A]\n")[0], "export interface C<R, A> {")

    def test_type_variables_without_a_declaration(self):
        self.assertEqual(functions("@expose\ndef f[T: int](x: list[T], /) -> T: ..."), ["export function f<T extends number>(x: readonly T[]): Promise<number>;"])
        self.assertEqual(types("A[int]", "type A[T] = list[T] | T"), ["export type A<T> = T[] | T;"])

    def test_what_a_type_variable_extends_is_read_where_it_was_made(self):
        inner = f"{HEAD}N = TypeVar('N', bound='Node')\n@dataclass\nclass Node:\n    x: int\n"
        for node in ("", "class Node(TypedDict):\n    other: str\n"):
            made = functions(f"from inner import N\n{node}@expose\ndef f(x: N, /) -> N: ...", inner=inner)
            self.assertEqual(made, ["export function f<N extends Node>(x: N): Promise<N>;", "export interface Node {", "  x: number;", "}"])

    def test_a_type_may_speak_of_itself_in_its_bounds_and_its_bases(self):
        node = "N = TypeVar('N', bound='Node')\n@dataclass\nclass Node(Generic[N]):\n    parent: N | None"
        interface = ["export interface Node<N extends Node<any>> {", "  parent: N | null;", "}"]
        self.assertEqual(types("Node", node), interface)
        self.assertEqual(types("Node", node.replace("bound='Node'", "bound='Node[N]'")), interface)
        self.assertEqual(functions(f"{node}\n@expose\ndef f(x: N, /) -> N: ...")[0], "export function f<N extends Node<Node<any>>>(x: N): Promise<N>;")
        tree = "class Tree(dict[str, 'Tree']): ..."
        self.assertEqual(types("Tree", tree), ["export type Tree = { [key: string]: Tree };"])
        self.assertEqual(result("Tree", tree), "Promise<{ [key: string]: Tree }>")
        self.assertEqual(types("Many", "class Many(list['Many']): ..."), ["export type Many = Many[];"])
        self.assertEqual(result("A", "A: TypeAlias = 'A'"), "Promise<A>")

    def test_what_a_variable_may_not_be_is_not_given_for_it(self):
        # TypeScript would not take `Box<unknown>`.
        self.assertEqual(result("Box[Any]", "T = TypeVar('T', bound=str)\n@dataclass\nclass Box(Generic[T]):\n    x: T"), "Promise<Box<string>>")

    def test_a_class_that_crosses_as_what_it_is_built_on(self):
        self.assertEqual(parameter("UserId", "class UserId(int): ..."), "number")
        self.assertEqual(parameter("Names", "class Mixin: ...\nclass Names(Mixin, list[str]): ..."), "readonly string[]")
        for base, expected in {"List[str]": "string[]", "Dict[str, int]": "{ [key: string]: number }", "typing.Tuple[int, str]": "[number, string]", "typing.FrozenSet[int]": "Set<number>"}.items():
            with self.subTest(base):
                made = declared(f"import typing\nclass Names({base}): ...\n@expose\ndef f() -> Names: ...")
                self.assertIn(f"f(): Promise<{expected}>;", made.text)
                self.assertEqual(made.warnings, [])
        for base in ("Sequence[str]", "Mapping[str, int]", "AbstractSet[int]"):
            self.assertEqual(parameter("Names", f"class Names({base}): ..."), "unknown")

    def test_a_protocol_is_a_function_that_takes_what_python_calls_it_with(self):
        for parameters, expected in {
            "x: int, y: list[str]": "(x: number, y: string[])",
            "x: int, y: int = 0, /": "(x: number, y?: number)",
            "*values: str": "(...values: string[])",
            "*values: Unpack[tuple[int, str]]": "(...values: [number, string])",
            "x: int, *, done: int, total: int | None = None": "(x: number, kwargs: { done: number; total?: number | null })",
            "x: int, *, new: int = 0": "(x: number, kwargs?: { new?: number })",
            # What is named comes behind all others, so that its place is not known.
            "x: int = 0, *, done: int": "(...args: any[])",
            "*values: int, done: int": "(...args: any[])",
            "x: int, **more: int": "(...args: any[])",
        }.items():
            with self.subTest(parameters):
                self.assertEqual(types("P", f"class P(Protocol):\n    def __call__(self, {parameters}) -> None: ..."), [f"export type P = {expected} => void | Promise<void>;"])
        self.assertEqual(types("P", "class P(Protocol):\n    def __call__(self) -> Iterator[int]: ..."), ["export type P = () => readonly number[] | Promise<readonly number[]>;"])

    def test_a_protocol_may_be_called_without_its_object(self):
        self.assertEqual(types("P", "class P(Protocol):\n    @staticmethod\n    def __call__(x: int) -> int: ..."), ["export type P = (x: number) => number | Promise<number>;"])

    def test_a_protocol_is_called_as_the_one_that_it_derives_from(self):
        base = "T = TypeVar('T')\nclass Base(Protocol[T]):\n    def __call__(self, x: T) -> None: ...\n"
        self.assertEqual(types("P", f"{base}class P(Base[int], Protocol): ..."), ["export type P = (x: number) => void | Promise<void>;"])
        self.assertEqual(types("P[str]", f"{base}class P(Base[list[T]], Protocol[T]): ..."), ["export type P<T> = (x: T[]) => void | Promise<void>;"])

    def test_a_protocol_is_called_in_all_the_ways_that_it_has(self):
        code = "class P(Protocol):\n    @overload\n    def __call__(self, x: int) -> int: ...\n    @overload\n    def __call__(self, x: str) -> str: ...\n"
        self.assertEqual(types("P", code), ["export type P = ((x: number) => number | Promise<number>) & ((x: string) => string | Promise<string>);"])

    def test_a_class_named_like_a_type_of_typescript_gets_another_name(self):
        self.assertEqual(types("Date", "@dataclass\nclass Date:\n    day: int"), ["export interface Date2 {", "  day: number;", "}"])

    def test_a_class_that_cannot_cross_is_unknown_and_warned_of_by_its_line(self):
        made = declared("class Engine: ...\n@expose\ndef f(x: int, e: Engine, /) -> None: ...")
        self.assertIn("f(x: number, e: unknown)", made.text)
        self.assertEqual((made.warnings[0].line, Path(made.warnings[0].file).name), (7, "app.py"))
        self.assertIn("Engine is a class whose objects cannot cross", made.warnings[0].text)


class Functions(unittest.TestCase):
    def test_what_may_be_given_by_keyword_may_be_given_so(self):
        self.assertEqual(
            functions("@expose\ndef f(a: int, /, b: int = 2, *, c: str = '') -> int: ..."),
            [
                "export function f(a: number, b?: number, kwargs?: Kwargs<{ c?: string }>): Promise<number>;",
                "export function f(a: number, kwargs: Kwargs<{ b?: number; c?: string }>): Promise<number>;",
            ],
        )

    def test_what_has_to_be_given_by_keyword_has_to(self):
        self.assertEqual(
            functions("@expose\ndef f(a: int = 1, /, *, c: str) -> int: ..."),
            [f"export function f({a}kwargs: Kwargs<{{ c: string }}>): Promise<number>;" for a in ("a: number, ", "")],
        )

    def test_what_is_positional_only_may_be_left_out_before_keywords_where_it_has_a_default(self):
        self.assertEqual(
            functions("@expose\ndef f(a: int, b: int = 1, /, c: str = '') -> int: ..."),
            [
                "export function f(a: number, b?: number, c?: string): Promise<number>;",
                "export function f(a: number, b: number, kwargs: Kwargs<{ c?: string }>): Promise<number>;",
                "export function f(a: number, kwargs: Kwargs<{ c?: string }>): Promise<number>;",
            ],
        )
        self.assertEqual(functions("@expose\ndef f(a: int = 1, /) -> int: ..."), ["export function f(a?: number): Promise<number>;"])
        self.assertEqual(
            functions("@expose\ndef f(a: int = 1, /, *xs: int, c: str) -> int: ..."),
            [
                "export function f(a: number, ...xs: [...xs: number[], kwargs: Kwargs<{ c: string }>]): Promise<number>;",
                "export function f(kwargs: Kwargs<{ c: string }>): Promise<number>;",
            ],
        )

    def test_any_number_of_arguments_and_of_keywords(self):
        self.assertEqual(functions("@expose\ndef f(*xs: int) -> int: ..."), ["export function f(...xs: number[]): Promise<number>;"])
        self.assertEqual(
            functions("@expose\ndef f(*xs: int, k: bool = True) -> int: ..."),
            [
                "export function f(...xs: number[]): Promise<number>;",
                "export function f(...xs: [...xs: number[], kwargs: Kwargs<{ k?: boolean }>]): Promise<number>;",
            ],
        )
        self.assertEqual(
            functions("@expose\ndef f(*, a: int = 1, **more: str) -> int: ..."),
            ["export function f(kwargs?: Kwargs<{ a?: number; [name: string]: string | number | undefined }>): Promise<number>;"],
        )
        # What stands last is never left out, and what is in it may be.
        self.assertEqual(
            functions("@expose\ndef f(*xs: int, k: bool, b: str = '') -> int: ..."),
            ["export function f(...xs: [...xs: number[], kwargs: Kwargs<{ k: boolean; b?: string }>]): Promise<number>;"],
        )

    def test_what_a_function_is_called_with_that_is_handed_on_may_be_anything(self):
        made = declared("P = ParamSpec('P')\n@expose\ndef f(g: Callable[P, int], /, *args: P.args, **kwargs: P.kwargs) -> int: ...")
        self.assertIn("export function f(g: (...args: any[]) => number | Promise<number>, ...args: unknown[]): Promise<number>;", made.text)
        self.assertEqual(made.warnings, [])

    def test_a_function_that_is_called_with_what_is_unpacked_takes_all_of_it(self):
        for given, expected in {
            "[int, Unpack[Ts]]": "(a: number, ...b: unknown[])",
            "[Unpack[tuple[int, list[str]]]]": "(...a: [number, string[]])",
            # TypeScript takes a rest at the end alone.
            "[Unpack[Ts], int]": "(...args: any[])",
        }.items():
            with self.subTest(given):
                made = declared(f"from typing_extensions import TypeVarTuple\nTs = TypeVarTuple('Ts')\n@expose\ndef f(g: Callable[{given}, int], /) -> None: ...")
                self.assertIn(f"f(g: {expected} => number | Promise<number>)", made.text)
                self.assertEqual(made.warnings, [])

    def test_keywords_that_a_typed_dict_names(self):
        options = "class Options(TypedDict, total=False):\n    size: Required[int]\n    name: str | None\n"
        self.assertEqual(
            functions(options + "@expose\ndef f(x: int, /, *, k: bool = True, **options: Unpack[Options]) -> int: ..."),
            ["export function f(x: number, kwargs: Kwargs<{ k?: boolean; size: number; name?: string | null }>): Promise<number>;"],
        )
        self.assertEqual(
            functions("O = TypedDict('O', {'a': int, 'b': NotRequired[list[str]]})\n@expose\ndef f(**options: 'Unpack[O]') -> int: ..."),
            ["export function f(kwargs: Kwargs<{ a: number; b?: readonly string[] }>): Promise<number>;"],
        )

    def test_arguments_that_a_tuple_names(self):
        for hint, expected in {
            "tuple[int, list[str]]": "readonly [number, readonly string[]]",
            "tuple[int, ...]": "readonly number[]",
            "Ts": "unknown[]",
        }.items():
            with self.subTest(hint):
                self.assertEqual(functions(f"Ts = TypeVarTuple('Ts')\n@expose\ndef f(*xs: Unpack[{hint}]) -> int: ..."), [f"export function f(...xs: {expected}): Promise<number>;"])
        self.assertEqual(
            functions("@expose\ndef f(*xs: Unpack[tuple[int, str]], k: bool) -> int: ..."),
            ["export function f(...xs: [...xs: readonly [number, string], kwargs: Kwargs<{ k: boolean }>]): Promise<number>;"],
        )

    def test_none_as_the_default_may_be_given(self):
        self.assertEqual(functions("@expose\ndef f(a: int = None, /) -> int: ..."), ["export function f(a?: number | null): Promise<number>;"])

    def test_none_as_the_default_is_told_where_only_a_part_may_be_none(self):
        self.assertEqual(functions("@expose\ndef f(a: dict[str, int | None | str] = None, /) -> int: ..."), ["export function f(a?: { [key: string]: number | null | string } | null): Promise<number>;"])
        self.assertEqual(functions("@expose\ndef f(a: int | None | str = None, /) -> int: ..."), ["export function f(a?: number | null | string): Promise<number>;"])
        self.assertEqual(functions("@expose\ndef f(a: Callable[[int], None] = None, /) -> int: ..."), ["export function f(a?: ((a: number) => void | Promise<void>) | null): Promise<number>;"])

    def test_a_function_of_a_class_that_the_module_has_by_a_name_of_its_own(self):
        code = "class C:\n    Id: TypeAlias = int\n    @classmethod\n    def load(cls, id: Id, /) -> int: ...\n    @staticmethod\n    def kinds(id: Id, /) -> int: ...\nload = C.load\nkinds = C.kinds"
        made = functions(code, expose="all")
        self.assertEqual([each for each in made if "function load" in each or "function kinds" in each], ["export function load(id: Id): Promise<number>;", "export function kinds(id: Id): Promise<number>;"])

    def test_each_overload_is_one_and_the_implementation_is_none(self):
        self.assertEqual(
            functions(
                """
                @overload
                def f(x: int, /) -> int: ...
                @overload
                def f(x: str, /) -> str: ...
                @expose
                def f(x, /):
                    return x
                """
            ),
            ["export function f(x: number): Promise<number>;", "export function f(x: string): Promise<string>;"],
        )

    def test_async_makes_no_difference_and_a_generator_does(self):
        self.assertEqual(functions("@expose\nasync def f() -> int: ..."), ["export function f(): Promise<number>;"])
        self.assertEqual(functions("@expose\ndef f() -> Iterable[int]:\n    yield 1"), ["export function f(): AsyncIterable<number>;"])
        self.assertEqual(functions("@expose\nasync def f() -> AsyncIterator[str]:\n    yield ''"), ["export function f(): AsyncIterable<string>;"])
        for alias in ("Rows = Iterator[int]", "type Rows = Iterator[int]", "from typing_extensions import TypeAliasType\nRows = TypeAliasType('Rows', Iterator[int])"):
            self.assertEqual(functions(f"{alias}\n@expose\ndef f() -> Rows: ..."), ["export function f(): AsyncIterable<number>;"])
        for alias in ("T = TypeVar('T')\nRows = Iterator[list[T]]", "type Rows[T] = Iterator[list[T]]"):
            made = functions(f"{alias}\nMore = Rows[int]\nU = TypeVar('U')\n@expose\ndef f(x: U, /) -> Rows[U]: ...\n@expose\ndef g() -> More: ...")
            self.assertEqual(made, ["export function f<U>(x: U): AsyncIterable<Rows<U>[number]>;", "export function g(): AsyncIterable<Rows<number>[number]>;", "export type Rows<T> = T[][];"])

    def test_no_hint_is_unknown_and_warned_of_with_file_and_line(self):
        made = declared("@expose\ndef f(a, b: int, /): ...")
        self.assertIn("export function f(a: unknown, b: number): Promise<unknown>;", made.text)
        (warned,) = made.warnings
        self.assertEqual((Path(warned.file).name, warned.line, warned.text), ("app.py", 6, "f() has no hint for `a` and its result: unknown"))

    def test_names_that_typescript_reserves(self):
        self.assertEqual(
            functions("@expose\ndef delete(new: int, function: int) -> int: ..."),
            [
                "declare function delete_(new_: number, function_: number): Promise<number>;",
                "declare function delete_(new_: number, kwargs: Kwargs<{ function: number }>): Promise<number>;",
                "declare function delete_(kwargs: Kwargs<{ new: number; function: number }>): Promise<number>;",
                "export { delete_ as delete };",
            ],
        )
        self.assertEqual(
            functions("@expose(name='a-b')\ndef f() -> int: ..."),
            ["declare function a_b_(): Promise<number>;", 'export { a_b_ as "a-b" };'],
        )

    def test_a_name_that_the_file_speaks_of_is_given_at_the_export(self):
        self.assertEqual(functions("@expose\ndef Symbol() -> int: ..."), ["declare function Symbol_(): Promise<number>;", "export { Symbol_ as Symbol };"])

    def test_a_name_that_javascript_asks_every_object_for_is_left_out_and_told(self):
        made = declared("@expose\ndef then() -> int: ...\n@expose\ndef f() -> int: ...")
        self.assertNotIn("then(", made.text)
        self.assertIn('pool.call("then") calls it', made.warnings[0].text)
        # What stands before a dot is asked for as well, and what is called is the whole.
        made = declared("@expose(name='prototype.run')\ndef f() -> int: ...\n@expose(name='app.toJSON')\ndef g() -> int: ...\n@expose\ndef h() -> int: ...")
        self.assertEqual(re.findall(r"function \w+|namespace \w+", made.text), ["function h"])
        self.assertEqual([re.search(r"pool\.call\(.*?\)", each.text)[0] for each in made.warnings], ['pool.call("prototype.run")', 'pool.call("app.toJSON")'])

    def test_dotted_names_are_namespaces(self):
        self.assertEqual(
            functions("@expose(name='stats.mean')\ndef f() -> int: ..."),
            ["export namespace stats {", "  function mean(): Promise<number>;", "}"],
        )

    def test_a_renamed_one_in_a_namespace_hides_none_beside_it(self):
        # TypeScript exports nothing by itself from a namespace that has an `export {}`.
        self.assertEqual(
            functions("@expose(name='app.mean')\ndef f() -> int: ...\n@expose(name='app.delete')\ndef g() -> int: ...\n@expose(name='app.deep.h')\ndef h() -> int: ..."),
            [
                "export namespace app {",
                "  export function mean(): Promise<number>;",
                "  function delete_(): Promise<number>;",
                "  export namespace deep {",
                "    function h(): Promise<number>;",
                "  }",
                "  export { delete_ as delete };",
                "}",
            ],
        )

    def test_a_long_signature_stands_in_a_namespace_as_all_else(self):
        made = functions(f"@expose(name='app.f')\ndef f({', '.join(f'number_{index}: int' for index in range(6))}, /) -> int: ...")
        self.assertEqual(made, ["export namespace app {", "  function f(", *(f"    number_{index}: number," for index in range(6)), "  ): Promise<number>;", "}"])

    def test_a_function_and_a_namespace_may_have_one_name(self):
        self.assertEqual(
            functions("@expose\ndef delete() -> int: ...\n@expose(name='delete.all')\ndef g() -> int: ..."),
            [
                "declare function delete_(): Promise<number>;",
                "declare namespace delete_ {",
                "  function all(): Promise<number>;",
                "}",
                "export { delete_ as delete };",
            ],
        )

    def test_docstrings_are_comments(self):
        code = '''
            @expose
            def f(x: int, /) -> int:
                """Double it.

                Args:
                    x: What to
                        double.

                Returns:
                    Twice as much.

                Raises:
                    ValueError: if it is odd */.
                """
        '''
        self.assertEqual(
            functions(code)[:-1],
            [
                "/**",
                " * Double it.",
                " *",
                " * @param x - What to double.",
                " * @returns Twice as much.",
                " * @throws ValueError: if it is odd *\\/.",
                " */",
            ],
        )


class Classes(unittest.TestCase):
    CODE = '''
        @expose
        class Model:
            """Learns."""
            rate: float
            def __init__(self, path: str, *, size: int = 3) -> None:
                self.path = path
                self._secret = 1
            def predict(self, row: list[float], /) -> list[float]:
                """Tell."""
            @classmethod
            async def load(cls, path: str, /) -> Self: ...
            @staticmethod
            def kinds() -> list[str]: ...
            @property
            def name(self) -> str: ...
            def __iter__(self) -> Iterator[int]: ...
            def _private(self): ...
    '''

    def test_an_exposed_class_is_a_function_that_gives_a_handle(self):
        self.assertEqual(
            functions(self.CODE),
            [
                "/** Learns. */",
                "export function Model(path: string, kwargs?: Kwargs<{ size?: number }>): Promise<Model>;",
                "export function Model(kwargs: Kwargs<{ path: string; size?: number }>): Promise<Model>;",
                "export interface Model extends Handle {",
                "  readonly rate: Promise<number>;",
                "  readonly path: Promise<string>;",
                "  /** Tell. */",
                "  predict(row: readonly number[]): Promise<number[]>;",
                "  load(path: string): Promise<Model>;",
                "  kinds(): Promise<string[]>;",
                "  readonly name: Promise<string>;",
                "  [Symbol.asyncIterator](): AsyncIterator<number>;",
                "}",
            ],
        )

    def test_what_a_class_is_made_of_is_what_its_constructor_takes(self):
        head = "import dataclasses\nfrom dataclasses import field, KW_ONLY\nfrom pydantic import BaseModel, Field, PrivateAttr\n"
        for code, expected in {
            "@expose\n@dataclass\nclass C:\n    a: int\n    b: str = ''": "a: number, b?: string",
            "@expose\nclass C(NamedTuple):\n    a: int\n    b: str = ''": "a: number, b?: string",
            "@dataclass\nclass Base:\n    a: int\n@expose\nclass C(Base):\n    other: int": "a: number",
            "@expose\nclass C(BaseModel):\n    a: int\n    b: str = ''\n    c: float = Field(gt=0)\n    d: int = ...\n    e: int = Field(1, gt=0)\n    _f: dict = PrivateAttr()": "kwargs: Kwargs<{ a: number; b?: string; c: number; d: number; e?: number }>",
            "@expose\n@dataclass\nclass C:\n    a: int = field(init=False)\n    b: int = field()\n    c: int = field(repr=False)\n    d: list[int] = field(default_factory=list)": "b: number, c: number, d?: readonly number[]",
            "@expose\n@dataclass(kw_only=True)\nclass C:\n    a: int\n    b: int = 1": "kwargs: Kwargs<{ a: number; b?: number }>",
            "@expose\n@dataclasses.dataclass\nclass C:\n    a: int\n    _: KW_ONLY\n    b: int\n    c: int = dataclasses.field(kw_only=False)": "a: number, c: number, kwargs: Kwargs<{ b: number }>",
            "@expose\n@dataclass\nclass C:\n    a: int = field(kw_only=True, default=1)\n    b: ClassVar[int] = 2": "kwargs?: Kwargs<{ a?: number }>",
        }.items():
            with self.subTest(code):
                self.assertEqual(functions(head + code)[0], f"export function C({expected}): Promise<C>;")

    def test_a_model_takes_a_field_by_its_alias_and_gives_it_by_its_name(self):
        head = "from pydantic import BaseModel, ConfigDict, Field\n"
        for code, expected in {
            "class C(BaseModel):\n    a: int = Field(alias='A')\n    b: int = Field(1, alias='x', validation_alias='user-id')": '{ A: number; "user-id"?: number }',
            "class C(BaseModel):\n    a: Annotated[int, Field(alias='A', gt=0)]\n    b: Annotated[list[int], Field(default_factory=list)]": "{ A: number; b?: readonly number[] }",
            "class C(BaseModel):\n    model_config = ConfigDict(populate_by_name=True)\n    a: int = Field(alias='A')": "{ a: number }",
            "class C(BaseModel, validate_by_name=True):\n    a: int = Field(alias='A')": "{ a: number }",
            "class C(BaseModel):\n    a: int = Field(serialization_alias='A')": "{ a: number }",
        }.items():
            with self.subTest(code):
                self.assertEqual(functions(f"{head}@expose\n{code}")[0], f"export function C(kwargs: Kwargs<{expected}>): Promise<C>;")
        self.assertEqual(types("C", f"{head}class C(BaseModel):\n    a: int = Field(alias='A')"), ["export interface C {", "  a: number;", "}"])

    def test_a_model_that_makes_its_aliases_takes_what_is_unknown(self):
        head = "from pydantic import BaseModel, ConfigDict\nfrom pydantic.alias_generators import to_camel\n"
        for code, is_known in {
            "class C(BaseModel):\n    model_config = ConfigDict(alias_generator=to_camel)\n    a_b: int": False,
            "class C(BaseModel):\n    model_config = {'alias_generator': to_camel}\n    a_b: int": False,
            "class C(BaseModel, alias_generator=to_camel):\n    a_b: int": False,
            "class C(BaseModel, alias_generator=to_camel):\n    model_config = {'populate_by_name': True}\n    a_b: int": True,
            "class C(BaseModel, alias_generator=None):\n    a_b: int": True,
        }.items():
            for derived in ("", "class D(C): ..."):
                with self.subTest(code + derived):
                    made = declared(f"{head}{code}\n@expose\n{derived}" if derived else f"{head}@expose\n{code}")
                    self.assertIn(f"({'kwargs: Kwargs<{ a_b: number }>' if is_known else '...args: unknown[]'}): Promise<", made.text)
                    self.assertEqual(["makes when it runs" in each.text for each in made.warnings], [] if is_known else [True])

    def test_a_root_model_takes_what_is_at_its_root(self):
        head = "import pydantic\nfrom pydantic import BaseModel, Field, RootModel\nT = TypeVar('T')\n"
        for code, takes, has in (
            ("class C(RootModel[list[int]]): ...", "C(root: readonly number[]): Promise<C>", "number[]"),
            ("class C(pydantic.RootModel):\n    root: list[int] = Field(default=[])\n    _seen: int = 0", "C(root?: readonly number[]): Promise<C>", "number[]"),
            ("class Base(RootModel[int]): ...\n@expose\nclass C(Base):\n    def double(self) -> int: ...", "C(root: number): Promise<C>", "number"),
            ("class C(RootModel[list[T]], Generic[T]): ...", "C<T>(root: readonly T[]): Promise<C<T>>", "T[]"),
            ("class C(RootModel): ...", "C(root: unknown): Promise<C>", "unknown"),
        ):
            with self.subTest(code):
                made = declared(f"{head}@expose\n{code}" if "@expose" not in code else f"{head}{code}")
                lines = made.text.split("\n")
                self.assertIn(f"export function {takes};", lines)
                self.assertEqual([each for each in lines if each.startswith("  readonly ")], [f"  readonly root: Promise<{has}>;"])
                self.assertEqual(made.warnings, [])

    def test_what_a_class_takes_is_unknown_where_no_source_tells(self):
        for code in (
            "@expose\nclass C(dict): ...",
            "from nowhere import Base\n@expose\nclass C(Base): ...",
            "from collections.abc import KeysView\n@expose\nclass C(KeysView): ...",
            "import contextlib\n@expose\nclass C(contextlib.closing): ...",
            "from collections import namedtuple\nNAMES = ['x', 'y']\n@expose\nclass C(namedtuple('P', NAMES)): ...",
            "import attrs\n@expose\n@attrs.define\nclass C:\n    a: int",
            "import functools\ndef make(self, x): ...\n@expose\nclass C:\n    __init__ = functools.partialmethod(make)",
        ):
            with self.subTest(code):
                made = declared(code)
                self.assertIn("export function C(...args: unknown[]): Promise<C>;", made.text)
                self.assertIn("C is made by what has no source: what it takes is unknown", [each.text for each in made.warnings])
        for code in ("class C: ...", "class C(Generic[AnyStr]): ...", "class C(Protocol): ...", "class C(contextlib.ContextDecorator): ..."):
            self.assertEqual(declared(f"import contextlib\n@expose\n{code}").warnings, [])

    def test_a_constructor_is_made_of_fields_where_python_makes_one(self):
        base = "class Base:\n    def __init__(self, path: str, /) -> None: ...\n"
        for code, expected in {
            "@expose\n@dataclass(init=False)\nclass C:\n    a: int = 1": "",
            "@expose\n@dataclass(init=False)\nclass C:\n    a: int\n    def __init__(self, path: str, /) -> None: ...": "path: string",
            "@dataclass\nclass Base:\n    a: int\n@expose\n@dataclass(init=False)\nclass C(Base):\n    b: int = 1": "a: number",
            f"{base}@expose\n@dataclass(init=False)\nclass C(Base):\n    a: int = 1": "path: string",
            f"{base}@expose\n@dataclass\nclass C(Base):\n    a: int": "a: number",
            f"{base}@dataclass\nclass Made(Base):\n    a: int\n@expose\nclass C(Made):\n    b: int": "a: number",
            "@dataclass\nclass Base:\n    a: int\n@expose\nclass C(Base):\n    def __init__(self, path: str, /) -> None: ...": "path: string",
        }.items():
            with self.subTest(code):
                self.assertEqual(functions(code)[0], f"export function C({expected}): Promise<C>;")

    def test_a_constructor_has_the_type_variables_of_its_class_and_its_own_in_one_list(self):
        code = "T = TypeVar('T')\nU = TypeVar('U', bound=int)\n@expose\nclass Box(Generic[T]):\n    def __init__(self, x: T, u: U, /) -> None: ...\n    def map(self, f: Callable[[T], U], /) -> list[U]: ..."
        self.assertEqual(
            functions(code),
            [
                "export function Box<T, U extends number>(x: T, u: U): Promise<Box<T>>;",
                "export interface Box<T> extends Handle {",
                "  map<U extends number>(f: (a: T) => U | Promise<U>): Promise<number[]>;",
                "}",
            ],
        )

    def test_what_a_class_has_from_its_bases_is_read_where_it_stands(self):
        inner = f"{HEAD}Config = int\nclass Base:\n    Id: TypeAlias = bytes\n    def __init__(self, config: Config, id: Id, /) -> None: ...\nclass Call(Protocol):\n    Id: TypeAlias = bytes\n    def __call__(self, config: Config, id: Id) -> None: ...\n"
        code = "from inner import Base, Call\n@expose\nclass C(Base):\n    class Config: ...\n"
        self.assertEqual(functions(code, inner=inner)[0], "export function C(config: number, id: Id): Promise<C>;")
        code = "from inner import Base, Call\nclass P(Call, Protocol):\n    class Config: ...\n@expose\ndef f(x: P, /) -> None: ..."
        self.assertEqual(functions(code, inner=inner)[1:], ["export type P = (config: number, id: Id) => void | Promise<void>;", "export type Id = Uint8Array;"])

    def test_a_constructor_may_take_one_of_its_own_kind(self):
        for code, expected in {
            "class C:\n    def __init__(self, of: Self | None, /) -> None: ...": "C(of: C | null): Promise<C>",
            "class C:\n    def __new__(cls, of: 'Self', /) -> Self: ...": "C(of: C): Promise<C>",
            "@dataclass\nclass C:\n    of: list[Self]": "C(of: readonly C[]): Promise<C>",
            "class C(Generic[T]):\n    def __init__(self, of: Self, x: T, /) -> None: ...": "C<T>(of: C<T>, x: T): Promise<C<T>>",
            "class Base:\n    def __init__(self, of: Self, /) -> None: ...\n@expose\nclass C(Base): ...": "C(of: C): Promise<C>",
        }.items():
            with self.subTest(code):
                made = declared(f"from typing_extensions import Self\nT = TypeVar('T')\n{'' if 'Base' in code else '@expose'}\n{code}")
                self.assertIn(f"export function {expected};", made.text)
                self.assertEqual(made.warnings, [])

    def test_a_handle_is_what_a_function_may_take_and_return(self):
        self.assertIn("export function f(m: readonly Model[]): Promise<Model>;", functions(textwrap.dedent(self.CODE) + "@expose\ndef f(m: list[Model], /) -> Model: ..."))

    def test_what_is_assigned_to_self_is_an_attribute_however_it_is(self):
        code = """
            @expose
            class C:
                def __init__(self, host: str, port: int, /, *names: str, **more: int) -> None:
                    self.host, self.port = host, port
                    self.first, *self.others = names
                    self.names = names
                    self.more = more
                @staticmethod
                def put(other: list[int], /) -> None:
                    other.x = 1
        """
        expected = {"host": "string", "port": "number", "first": "unknown", "others": "unknown", "names": "string[]", "more": "{ [key: string]: number }"}
        made = [each for each in functions(code) if each.startswith("  readonly ")]
        self.assertEqual(made, [f"  readonly {name}: Promise<{each}>;" for name, each in expected.items()])

    def test_an_attribute_is_null_where_what_is_assigned_may_be(self):
        code = "@expose\nclass C:\n    def __init__(self, a: int, b: 'str' = None, /, c: int | None = None, *, d: int = None, e: int = 1):\n        self.a, self.b, self.c, self.d, self.e = a, b, c, d, e"
        made = [each for each in functions(code) if each.startswith("  readonly ")]
        expected = {"a": "number", "b": "string | null", "c": "number | null", "d": "number | null", "e": "number"}
        self.assertEqual(made, [f"  readonly {name}: Promise<{each}>;" for name, each in expected.items()])

    def test_what_the_body_says_of_an_attribute_is_meant(self):
        code = "class Base:\n    b: object\n@expose\nclass C(Base):\n    a: str\n    def __init__(self, a: str | None = None, b: int = 1):\n        self.a, self.b = a, b"
        self.assertEqual([each for each in functions(code) if each.startswith("  readonly ")], ["  readonly b: Promise<number>;", "  readonly a: Promise<string>;"])

    def test_a_type_that_stands_in_a_class_is_no_attribute(self):
        made = declared("import enum\n@expose\nclass C:\n    class Kind(enum.Enum):\n        A = 1\n    Id: TypeAlias = int\n    size = SIZE\n    kind: Kind\n    id: Id")
        self.assertEqual(re.findall(r"^  .*", made.text, re.M), ["  readonly size: Promise<unknown>;", "  readonly kind: Promise<Kind>;", "  readonly id: Promise<Id>;"])
        self.assertEqual(made.warnings, [])

    def test_a_method_has_all_the_names_that_it_is_given(self):
        code = "import inner\ndef _scale(self, by: int, /) -> int: ...\n@expose\nclass C:\n    def put(self, x: int, /) -> int: ...\n    insert = put\n    scale = _scale\n    load = inner.load\n    half = lambda self: 1\n    path = staticmethod(_scale)\n    made = classmethod(inner.load)\n    size = SIZE\n    limit = inner.LIMIT\nSIZE = 3"
        inner = f"{HEAD}Text = str\ndef load(self, path: Text, /) -> None: ...\nLIMIT = 3"
        self.assertEqual(
            functions(code, inner=inner)[2:-1],
            [
                *(f"  readonly {name}: Promise<unknown>;" for name in ("size", "limit")),
                *(f"  {name}(x: number): Promise<number>;" for name in ("put", "insert")),
                "  scale(by: number): Promise<number>;",
                "  load(path: string): Promise<null>;",
                "  half(): Promise<unknown>;",
                "  path(self: unknown, by: number): Promise<number>;",
                "  made(path: string): Promise<null>;",
            ],
        )

    def test_a_member_that_javascript_asks_every_object_for_is_left_out_and_told(self):
        made = declared("@expose\nclass C:\n    constructor: int\n    def then(self) -> int: ...\n    def f(self) -> int: ...")
        self.assertEqual(re.findall(r"^  .*", made.text, re.M), ["  f(): Promise<number>;"])
        self.assertEqual([each.text for each in made.warnings], [f"C.{name} means something else in JavaScript: it is left out" for name in ("constructor", "then")])

    def test_what_only_the_constructor_has_is_no_attribute(self):
        made = functions("from dataclasses import InitVar\n@expose\n@dataclass\nclass C:\n    a: int\n    b: InitVar[int]")
        self.assertEqual(made[:1] + made[-3:], ["export function C(a: number, b: number): Promise<C>;", "export interface C extends Handle {", "  readonly a: Promise<number>;", "}"])

    def test_a_method_named_new_is_no_constructor_of_typescript(self):
        code = "@expose\nclass C:\n    @classmethod\n    def new(cls, x: int, /) -> Self: ..."
        self.assertEqual(functions(code)[2:-1], ['  "new"(x: number): Promise<C>;'])

    def test_what_derives_from_an_exposed_class_is_a_handle_too(self):
        shape = "@expose\n@dataclass\nclass Shape:\n    name: str\n"
        handle = ["export interface Circle extends Handle {", "  readonly name: Promise<string>;", "  readonly radius: Promise<number>;", "}"]
        for code in ("@dataclass\nclass Circle(Shape):\n    radius: float\n", "class Circle(Shape):\n    radius: float\n"):
            with self.subTest(code):
                made = functions(f"{shape}{code}@expose\ndef f() -> Circle: ...")
                self.assertIn("export function f(): Promise<Circle>;", made)
                self.assertEqual(made[-4:], handle)
        # With `expose: 'all'` a dataclass crosses as a value, whatever it derives from.
        made = functions("class Shape:\n    name: str\n@dataclass\nclass _Circle(Shape):\n    radius: float\nclass _Other(Shape): ...\ndef f() -> _Circle: ...\ndef g() -> _Other: ...", expose="all")
        self.assertIn("export interface _Circle {", made)
        self.assertIn("export interface _Other extends Handle {", made)

    def test_a_class_has_nothing_of_a_base_without_a_source_which_is_told(self):
        head = "import abc, pydantic\nfrom collections import namedtuple\nfrom collections.abc import MutableMapping\nfrom nowhere import Base\n"
        for base, is_told in {
            "MutableMapping[str, int]": True,
            "Base": True,
            "dict": True,
            "Middle": True,
            "object": False,
            "abc.ABC": False,
            "Generic[AnyStr]": False,
            "Protocol": False,
            "NamedTuple": False,
            "namedtuple('P', 'x')": False,
            "pydantic.BaseModel": False,
            "pydantic.RootModel[int]": False,
        }.items():
            with self.subTest(base):
                made = declared(f"{head}class Middle(MutableMapping): ...\n@expose\nclass C({base}):\n    def __init__(self) -> None: ...")
                told = base if base != "Middle" else "MutableMapping"
                self.assertEqual([each.text for each in made.warnings], [f"C derives from {told}, which has no source to read: what it has from there is left out"] * is_told)

    def test_a_class_has_what_its_bases_have(self):
        code = "class Base:\n    def one(self) -> int: ...\n    def two(self) -> int: ...\n@expose\nclass Sub(Base):\n    def two(self) -> str: ..."
        self.assertEqual(
            functions(code),
            ["export function Sub(): Promise<Sub>;", "export interface Sub extends Handle {", "  one(): Promise<number>;", "  two(): Promise<string>;", "}"],
        )

    def test_a_constructor_is_that_of_the_first_class_that_python_looks_into(self):
        for name, own in (("__init__", "self"), ("__new__", "cls")):
            with self.subTest(name):
                code = f"class Base:\n    def {name}({own}, a: int, /): ...\nclass Left(Base): ...\nclass Right(Base):\n    def {name}({own}, b: str, /): ...\n"
                self.assertEqual(functions(f"{code}@expose\nclass C(Left, Right): ...")[0], "export function C(b: string): Promise<C>;")
                code = f"T = TypeVar('T')\nclass Base(Generic[T]):\n    def {name}({own}, a: T, /): ...\n"
                self.assertEqual(functions(f"{code}@expose\nclass C(Base[int]): ...")[0], "export function C(a: number): Promise<C>;")


class Modules(unittest.TestCase):
    def test_types_of_other_modules_are_read_from_their_sources(self):
        shapes = HEAD + "@dataclass\nclass Point:\n    x: Size\nSize = int | None\n"
        for code in ("from shapes import Point as P\n@expose\ndef f(p: P, /) -> None: ...", "import shapes\n@expose\ndef f(p: shapes.Point, /) -> None: ...", "from shapes import *\n@expose\ndef f(p: Point, /) -> None: ..."):
            with self.subTest(code):
                self.assertEqual(
                    functions(code, shapes=shapes),
                    ["export function f(p: Point): Promise<null>;", "export interface Point {", "  x: Size;", "}", "export type Size = number | null;"],
                )

    def test_a_folder_without_an_init_is_a_package_as_it_is_to_python(self):
        files = {
            "app.py": f"{HEAD}from models.user import User, load\nfrom pkg.sub.size import Size\n@expose\ndef f(u: User, s: Size, /) -> None: ...",
            "models/user.py": f"{HEAD}@dataclass\nclass User:\n    name: str\n@expose\ndef load() -> User: ...",
            "pkg/__init__.py": "",
            "pkg/sub/size.py": "Size = int | None",
        }
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
                Path(folder, name).write_text(text, encoding="utf-8")
            sources = Sources([folder, *sys.path])
            made = declare(sources, {"": sources.load(str(Path(folder, "app.py")))}, "marked", "pythonarium types app.py")
        self.assertEqual(made.warnings, [])
        for line in ("export function load(): Promise<User>;", "export function f(u: User, s: Size): Promise<null>;", "export interface User {", "export type Size = number | null;"):
            self.assertIn(line, made.text.split("\n"))

    def test_what_a_module_hands_on_by_a_star_is_known(self):
        made = functions("from inner import *\n@expose\ndef f(x: Maybe[int], /) -> None: ...", inner="from typing import Optional as Maybe", head="from pythonarium import expose\n")
        self.assertEqual(made, ["export function f(x: number | null): Promise<null>;"])

    def test_modules_may_hand_on_by_a_star_what_each_other_has(self):
        inner = "from app import *\nfrom pythonarium import expose\n@expose\ndef one() -> int: ...\n"
        made = functions("from inner import *\n@expose\ndef two() -> int: ...", inner=inner)
        self.assertEqual(sorted(made), ["export function one(): Promise<number>;", "export function two(): Promise<number>;"])

    def test_a_name_is_of_that_of_several_stars_that_has_it(self):
        for stars in ("from collections.abc import *\nfrom typing import *", "from typing import *\nfrom collections.abc import *"):
            made = functions("@expose\ndef f(x: P, y: Any, /) -> None: ...\nclass P(NamedTuple):\n    x: Sequence[int]", head=f"{stars}\nfrom numpy import *\nfrom pythonarium import expose\n")
            self.assertEqual(made, ["export function f(x: P, y: unknown): Promise<null>;", "export type P = [x: number[]];"])

    def test_a_name_is_of_the_last_star_that_takes_it(self):
        head = "from pythonarium import expose\n"
        one, two = "Size = int\nOther = int", "Size = str\nOther = str\n__all__ = ['Size']"
        for stars in ("from one import *\nfrom two import *", "try:\n    from two import *\nexcept ImportError:\n    from one import *"):
            with self.subTest(stars):
                self.assertEqual(functions(f"{stars}\n@expose\ndef f(x: Size, y: Other, /) -> None: ...", head=head, one=one, two=two), ["export function f(x: string, y: number): Promise<null>;"])
        made = declared("from one import *\n@expose\ndef f(x: _Size, /) -> None: ...", head=head, one="_Size = int")
        self.assertEqual([each.text for each in made.warnings], ["_Size is not defined where it is used: it is unknown"])

    def test_two_types_of_one_name_are_two(self):
        other = HEAD + "@dataclass\nclass Point:\n    y: int\n"
        made = functions("import a, b\n@expose\ndef f(p: a.Point, q: b.Point, /) -> None: ...", a=other, b=other)
        self.assertEqual(made[0], "export function f(p: Point, q: Point2): Promise<null>;")

    def test_marked_functions_of_other_modules_are_found_as_the_pool_finds_them(self):
        inner = HEAD + "@expose\ndef one() -> int: ...\n@expose(name='deux')\ndef two() -> int: ...\n"
        self.assertEqual(functions("from inner import one, two", inner=inner), ["export function one(): Promise<number>;", "export function deux(): Promise<number>;"])
        self.assertEqual(functions("import inner\ntwo = expose(inner.one)", inner=inner), ["export function two(): Promise<number>;"])

    def test_a_star_takes_what_python_takes_by_it(self):
        inner = f"{HEAD}@expose\ndef one() -> int: ...\n@expose(name='deux')\ndef two() -> int: ...\n@expose(name='three')\ndef _three() -> int: ...\n"
        for listed, expected in {"": ["one", "deux"], "__all__ = ['two', '_three']": ["deux", "three"], "__all__ = ['_three'] + more": ["one", "deux", "three"]}.items():
            with self.subTest(listed):
                made = declared("from inner import *\n@expose\ndef four() -> int: ...", inner=inner + listed).text
                self.assertEqual(sorted(re.findall(r"function (\w+)", made)), sorted(["four", *expected]))
        # What the module calls so itself is what it has.
        self.assertEqual(re.findall(r"function (\w+)", declared("from inner import *\n@expose(name='mine')\ndef two() -> int: ...", inner=inner).text), ["mine", "one"])

    def test_what_is_marked_by_a_call_is_found_by_each_of_its_names(self):
        code = "def f(x: int, /) -> int: ...\nexpose(f)\ndef _g() -> int: ...\nexpose(name='g')(_g)\ndef h(x: int, /) -> int: ...\nh = expose(h)\ndef one() -> int: ...\ntwo = expose(one)"
        self.assertEqual(
            functions(code),
            [f"export function {each}: Promise<number>;" for each in ("f(x: number)", "g()", "h(x: number)", "one()", "two()")],
        )

    def test_what_is_marked_twice_has_the_last_name(self):
        for code in ("@expose(name='a')\n@expose(name='b')\ndef f() -> int: ...", "@expose(name='b')\ndef f() -> int: ...\nexpose(name='a')(f)"):
            self.assertEqual(functions(code), ["export function a(): Promise<number>;"])

    def test_a_name_that_two_have_is_told(self):
        made = declared("@expose\ndef mean() -> int: ...\n@expose(name='mean')\ndef other() -> str: ...\nagain = mean")
        self.assertEqual([(each.line, each.text) for each in made.warnings], [(8, "mean is the name of two that are exposed: no pool starts with them")])
        self.assertEqual(declared("@expose(name='mean')\ndef f() -> int: ...\ng = f").warnings, [])

    def test_a_name_that_is_made_when_the_module_runs_is_told_and_left_out(self):
        made = declared("AT = 'stats'\n@expose(name=f'{AT}.mean')\ndef mean() -> int: ...\ndef _g() -> int: ...\nexpose(name=AT)(_g)\n@expose(name=None)\ndef h() -> int: ...")
        self.assertEqual(re.findall(r"function \w+", made.text), ["function h"])
        self.assertEqual([(each.line, each.text[:27]) for each in made.warnings], [(6, "the name that @expose gives"), (9, "the name that @expose gives")])

    def test_what_is_marked_where_it_is_not_known_what_that_is_is_told(self):
        known = "mark = expose\n@mark\ndef f() -> int: ...\ntyped: object = expose(f)\n@expose\nclass C:\n    @expose\n    def g(self) -> int: ...\nexpose(name='h')(f)\n"
        self.assertEqual(declared(known).warnings, [])
        for code in (
            "def api(f):\n    return expose(f)\n@api\ndef g() -> int: ...",
            "def make():\n    @expose\n    def g() -> int: ...\n    return g\ng = make()",
            "def g() -> int: ...\nfor each in (g,):\n    expose(each)",
            "mark_as = lambda name: expose(name=name)\n@mark_as('g')\ndef g() -> int: ...",
        ):
            with self.subTest(code):
                made = declared(known + code)
                self.assertNotIn("function g", made.text)
                self.assertEqual([each.text.split(":")[0] for each in made.warnings], ["what is marked with @expose here is known only when the module runs"])

    def test_overloads_that_only_a_type_checker_reads(self):
        overloads = "    @overload\n    def f(x: int, /) -> int: ...\n    @overload\n    def f(x: str, /) -> str: ...\n"
        for code in (f"if TYPE_CHECKING:\n{overloads}else:\n    @expose\n    def f(x, /): ...", f"class C(Protocol):\n{overloads.replace('(x', '(self, x')}\n@expose\nclass D(C): ..."):
            with self.subTest(code):
                made = [each.strip().removeprefix("export function ") for each in functions(code)]
                self.assertEqual([each for each in made if each.startswith("f(")], ["f(x: number): Promise<number>;", "f(x: string): Promise<string>;"])

    def test_all_tells_what_it_leaves_out(self):
        self.assertEqual(
            functions("class Store(Protocol):\n    def get(self) -> int: ...\nclass Disk(Store): ...", expose="all"),
            ["export function Disk(): Promise<Disk>;", "export interface Disk extends Handle {", "  get(): Promise<number>;", "}"],
        )
        made = declared("from random import Random\nT = TypeVar('T')\npick = Random().choice\ndef f() -> int: ...\n__all__ = ['f', 'pick', 'T']", expose="all")
        self.assertEqual([each.text.split(":")[0] for each in made.warnings], ["pick is made when the module runs"])

    def test_all_means_what_functools_makes_too_and_tells_what_another_object_has(self):
        code = """
            import functools, math, model, re
            from functools import lru_cache
            def add(a: int, b: int) -> int: ...
            one = functools.partial(add, 1)
            kept = lru_cache(maxsize=3)(add)
            predict = model.MODEL.predict
            root = math.sqrt
            total = model.add
            SIZE = model.SIZE
            WORD = re.compile("a")
        """
        made = declared(code, expose="all", model="class Model: ...\nMODEL = Model()\nSIZE = 3\ndef add() -> int: ...")
        self.assertEqual(re.findall(r"function (\w+)\((?!kw|a: number, kw)", made.text), ["add", "one", "kept", "total"])
        self.assertEqual(
            [(each.line, each.text.split(":")[0]) for each in made.warnings],
            [
                (11, "predict is made when the module runs"),
                (12, "root has no source to read"),
            ],
        )

    def test_what_functools_makes_of_a_function_is_called_as_that_without_what_it_was_given(self):
        head = "import functools, math\nfrom functools import cache, lru_cache, partial\ndef _f(a: int, /, b: str, *rest: int, c: bool = True, **more: float) -> int: ...\ndef _g(a: int, b: int = 1) -> Iterator[str]:\n    '''Say all.'''\n"
        for made, expected in {
            "partial(_f, 1)": ["(b: string, ...rest: number[])", "(b: string, ...rest: [...rest: number[], kwargs: Kwargs<{ c?: boolean; [name: string]: number | boolean | undefined }>])"],
            "partial(_f, 1, 'b', 3)": ["(...rest: number[])"],
            "partial(_f, c=False, d=1)": ["(a: number, b: string, ...rest: number[])"],
            "partial(_f, b='b')": ["(a: number, kwargs?: Kwargs<{ b?: string; c?: boolean; [name: string]: number | string | boolean | undefined }>)"],
            "functools.partial(_g, a=1)": ["(kwargs?: Kwargs<{ a?: number; b?: number }>)"],
            "lru_cache(maxsize=3)(_g)": ["(a: number, b?: number)"],
            "lru_cache(_g)": ["(a: number, b?: number)"],
            "cache(_g)": ["(a: number, b?: number)"],
            # What none of these is told by.
            "partial(_f, *[1])": ["(...args: unknown[])"],
            "partial(_f, **{})": ["(...args: unknown[])"],
            "partial(math.sqrt, 2)": ["(...args: unknown[])"],
            "functools.singledispatch(_g)": ["(...args: unknown[])"],
        }.items():
            with self.subTest(made):
                written = declared(f"{head}f = {made}", expose="all", head=HEAD).text
                flat = re.sub(r"\(\s+", "(", re.sub(r",?\s+\)", ")", re.sub(r",\n\s+", ", ", written)))
                result = "Promise<unknown>" if "unknown" in expected[0] else "AsyncIterable<string>" if "_g" in made else "Promise<number>"
                for each in expected:
                    self.assertIn(f"export function f{each}: {result};", flat)
                self.assertEqual("Say all." in written, "_g" in made and "unknown" not in expected[0])
        made = declared(f"{head}expose(name='g')(partial(_g, 1))\nh = expose(partial(_g, 1))")
        self.assertIn("export function h(b?: number): AsyncIterable<string>;", made.text)
        self.assertEqual(made.warnings, [])

    def test_all_tells_what_is_listed_and_has_no_source(self):
        code = "import textwrap\nfrom itertools import chain\nfrom uuid import UUID\nimport shutil as files\ndef f() -> int: ...\n__all__ = ['f', 'chain', 'lazy', 'UUID', 'textwrap', 'files', '__doc__']"
        made = declared(code, expose="all")
        self.assertEqual([(each.line, each.text.split(":")[0]) for each in made.warnings], [(10, "chain has no source to read"), (10, "lazy has no source to read")])
        made = declared("import textwrap\ndef f() -> int: ...\n__all__ = textwrap.__all__ + ['f']", expose="all")
        self.assertEqual([(each.line, each.text.split(":")[0]) for each in made.warnings], [(7, "__all__ is made when the module runs")])
        with self.assertRaisesRegex(NothingToDeclare, "There is no public function in .*app.py that has a source to read"):
            declared("from itertools import chain\n__all__ = ['chain']", expose="all")

    def test_all_means_what_is_listed_however_it_is(self):
        code = "import textwrap\ndef f() -> int: ...\ndef g() -> int: ...\ndef h() -> int: ...\n"
        for listed, expected in {
            "__all__ = ['f']\n__all__.append('g')": "fg",
            "__all__ = ['f']\n__all__.extend(['h', 'g'])": "fhg",
            "__all__ = ('f',) + ('g',)": "fg",
            "__all__: list[str] = ['f']\nif True:\n    __all__ += ['g']": "fg",
            # What is not written out may be any of the others.
            "__all__ = ['f']\n__all__ += textwrap.__all__": "fgh",
            "__all__ = ['g']\n__all__.extend(textwrap.__all__)": "gfh",
            "__all__ = [*textwrap.__all__, 'h']": "hfg",
            "__all__ = textwrap.__all__ + ['h']": "hfg",
        }.items():
            with self.subTest(listed):
                self.assertEqual("".join(re.findall(r"function (\w)", declared(code + listed, expose="all").text)), expected)

    def test_names_that_are_assigned_together_are_names(self):
        code = "import inner\ndef f() -> int: ...\nload, (save, other) = inner.load, (f, 3)\nfirst, second = inner.both()\n__all__ = ['load', 'save', 'other', 'first']"
        made = declared(code, expose="all", inner="def load() -> str: ...")
        self.assertEqual(re.findall(r"function (\w+\(\): \w+<\w+>)", made.text), ["load(): Promise<string>", "save(): Promise<number>"])
        self.assertEqual([each.text.split(":")[0] for each in made.warnings], ["first is made when the module runs"])
        made = functions("@expose\nclass C:\n    width, height = 3, 4\n    a, *b = SIZES\nSIZES = [1, 2]")
        self.assertEqual(made[2:-1], [f"  readonly {name}: Promise<unknown>;" for name in ("width", "height", "a", "b")])

    def test_all_means_what_the_module_calls_its_own(self):
        code = "from shutil import copy\nimport enum\nclass Oops(Exception, Generic[AnyStr]): ...\nclass Worse(Oops[str]): ...\nclass C(enum.Enum):\n    A = 1\ndef f() -> int: ...\ndef _g() -> int: ...\nLIMIT = 3\ng = f\n"
        self.assertEqual(
            functions(code, expose="all"),
            ["export function f(): Promise<number>;", "export function g(): Promise<number>;"],
        )
        self.assertEqual(functions(code + "__all__ = ['_g']\n__all__ += ['f']", expose="all"), ["export function _g(): Promise<number>;", "export function f(): Promise<number>;"])

    def test_all_means_what_a_package_takes_over_from_its_own_modules_too(self):
        files = {
            "shop/__init__.py": "from os.path import join\nfrom textwrap import *\nfrom . import core\nfrom .core import total, _hidden\nfrom ._fast import quick\nfrom .core import fast\nfrom .more import *\nfrom .more.deep import Item as Thing",
            "shop/core.py": f"{HEAD}from . import _fast\nfast = _fast.fast\nSIZE = 3\ndef total() -> int: ...\ndef other() -> int: ...\ndef _hidden() -> int: ...",
            "shop/more/__init__.py": "from .deep import *\n__all__ = ['longest']\ndef longest() -> str: ...\ndef shortest() -> str: ...",
            "shop/more/deep.py": f"{HEAD}@dataclass\nclass Item:\n    name: str",
        }
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
                Path(folder, name).write_text(text, encoding="utf-8")
            sources = Sources([folder, *sys.path])
            made = declare(sources, {"": sources.load("shop")}, "all", "pythonarium types shop")
        self.assertEqual(re.findall(r"function (\w+)", made.text), ["total", "Thing", "Thing", "longest"])
        self.assertEqual([each.text.split(":")[0] for each in made.warnings], ["quick has no source to read", "fast is made when the module runs"])

    def test_a_module_that_others_know_by_its_name_is_read_where_it_is_declared_itself(self):
        files = {
            "attr/__init__.py": "from .few import *\nfrom .core import *\nfrom . import more\nfrom .more import Size as Other",
            "attr/few.py": "from attr.more import *",
            "attr/core.py": "from attr.more import Size\ndef total(x: Size, /) -> int: ...",
            "attr/more.py": "Size = int | None",
            "uuid.py": "class UUID:\n    def __init__(self, text: str, /) -> None: ...\ndef uuid4() -> UUID: ...\ndef of(x: list[UUID], /) -> None: ...",
        }
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
                Path(folder, name).write_text(text, encoding="utf-8")
            for module, expected in {
                "attr": ["total(x: Size): Promise<number>"],
                # What crosses as text is no handle there either.
                "uuid": ["uuid4(): Promise<string>", "of(x: readonly string[]): Promise<null>"],
            }.items():
                sources = Sources([folder, *sys.path])
                made = declare(sources, {"": sources.load(module)}, "all", module)
                self.assertEqual([line.removeprefix("export function ").removesuffix(";") for line in made.text.split("\n") if "function" in line], expected)
                self.assertEqual(made.warnings, [])

    def test_nothing_is_run(self):
        self.assertEqual(functions("raise SystemExit(1)\n@expose\ndef f() -> int: ..."), ["export function f(): Promise<number>;"])

    def test_branches_are_looked_into(self):
        code = "import sys\nif sys.platform == 'win32':\n    @expose\n    def f() -> int: ...\nelse:\n    @expose\n    def f() -> str: ...\ntry:\n    from fast import Speed\nexcept ImportError:\n    Speed = int\n@expose\ndef g(s: Speed, /) -> None: ..."
        made = functions(code)
        self.assertEqual(made, ["export function f(): Promise<string>;", "export function g(s: unknown): Promise<null>;"])

    def test_no_branch_is_taken_that_no_worker_takes(self):
        code = "import os, sys\nif os.name == 'nt':\n    @expose\n    def f() -> int: ...\n    from inner import *\nelif sys.version_info >= (3, 9):\n    @expose\n    def f() -> str: ...\nif __name__ == '__main__':\n    @expose\n    def g() -> int: ..."
        self.assertEqual(functions(code, inner=f"{HEAD}@expose\ndef h() -> int: ..."), ["export function f(): Promise<string>;"])

    def test_what_a_module_deletes_is_not_there(self):
        code = "Size = int\ndef f(x: Size, /) -> int: ...\n@expose\ndef g() -> int: ...\n@expose\ndef h() -> int: ...\ndel f, Size, h\ndef f(x: Size, /) -> str: ...\ndel (g)\n"
        self.assertEqual(functions(f"{code}@expose\ndef i() -> int: ..."), ["export function i(): Promise<number>;"])
        self.assertEqual(functions(code, expose="all"), ["export function f(x: number): Promise<string>;"])
        self.assertEqual(functions("@expose\nclass C:\n    def f(self) -> int: ...\n    def g(self) -> int: ...\n    del f")[2:-1], ["  g(): Promise<number>;"])

    def test_a_function_stands_for_one_of_its_name_that_has_no_source(self):
        for code in (
            "def f(x: int, /) -> int: ...\ntry:\n    from _fast import f\nexcept ImportError:\n    pass",
            "try:\n    from _fast import f\nexcept ImportError:\n    def f(x: int, /) -> int: ...",
            "try:\n    from _faster import f\nexcept ImportError:\n    try:\n        from _fast import f\n    except ImportError:\n        def f(x: int, /) -> int: ...",
        ):
            for listed in ("", "\n__all__ = ['f']"):
                with self.subTest(code + listed):
                    made = declared(code + listed, expose="all")
                    self.assertIn("export function f(x: number): Promise<number>;", made.text)
                    self.assertEqual(made.warnings, [])
        # What has a source is what Python takes first.
        code = "try:\n    from inner import f\nexcept ImportError:\n    def f(x: int, /) -> int: ..."
        self.assertEqual(functions(code, expose="all", inner="def f(x: str, /) -> int: ..."), ["export function f(x: string): Promise<number>;"])

    def test_what_cannot_be_declared_says_why(self):
        with self.assertRaisesRegex(NothingToDeclare, "app.py is marked with @expose"):
            declared("def f(): ...")
        with self.assertRaisesRegex(SourceMissing, "math"):
            Sources(sys.path).load("math")
        with self.assertRaises(SyntaxError) as raised:
            declared("def f(:")
        self.assertEqual((Path(raised.exception.filename).name, raised.exception.lineno), ("app.py", 5))


class Runs(unittest.TestCase):
    """What `pythonarium types` gets for an answer."""

    def run_on(self, text, encoding="utf-8"):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "app.py")
            file.write_text(text, encoding=encoding)
            request = {"path": [folder, *sys.path], "modules": {"": str(file)}, "expose": "all", "title": "app.py"}
            with mock.patch("sys.stdin", io.StringIO(json.dumps(request))), mock.patch("sys.stdout", io.StringIO()) as out:
                main()
            return json.loads(out.getvalue()), str(file)

    def test_a_file_that_cannot_be_read_is_a_problem_that_names_it(self):
        def refuse(file):
            raise PermissionError(13, "Permission denied", file)

        with mock.patch("tokenize.open", refuse):
            answer, file = self.run_on("def f() -> int: ...")
        self.assertEqual(answer, {"problem": f"{file} cannot be read: Permission denied", "files": {file: mock.ANY}})

    def test_what_was_left_out_is_told_also_where_nothing_is_left(self):
        answer, file = self.run_on("from itertools import chain\n__all__ = ['chain']")
        self.assertIn("There is no public function", answer["problem"])
        self.assertEqual([(each["file"], each["line"]) for each in answer["warnings"]], [(file, 2)])

    def test_an_encoding_that_is_unknown_is_told_with_the_file(self):
        answer, file = self.run_on("# coding: klingon\ndef f() -> int: ...")
        self.assertTrue(answer["problem"].startswith(f"{file}:1: unknown encoding"), answer["problem"])
        self.assertEqual(list(answer["files"]), [file])

    def test_a_path_is_told_by_its_bytes(self):
        for name in (b"gr\xc3\xbcn.py", b"gr\xfcn.py"):
            with mock.patch("pythonarium.typescript.main.Sources") as sources:
                sources.return_value.files = {os.fsdecode(name): None}
                sources.return_value.load.side_effect = SourceMissing("There is none.")
                answer, _ = self.run_on("")
            self.assertEqual(answer["files"], {name.decode("latin-1"): None})

    def test_what_is_nested_too_deep_is_a_problem(self):
        answer, file = self.run_on(f"def f() -> {' | '.join(['int'] * 3000)}: ...")
        self.assertIn(file, answer["problem"])
        self.assertIn("nested deeper than Python can follow", answer["problem"])

    def test_its_files_are_those_that_were_read_and_those_that_would_be_if_they_were_there(self):
        answer, file = self.run_on("from nowhere_yet import Size\ndef f(x: Size) -> int: ...")
        self.assertIn(file, answer["files"])
        for place in ("nowhere_yet.py", "nowhere_yet/__init__.py"):
            self.assertIn(str(Path(file).parent / place), answer["files"])
        sources = Sources(["/nowhere", *sys.path])
        self.assertIsNotNone(sources.find("textwrap"))
        self.assertLessEqual({"/nowhere/textwrap/__init__.py", "/nowhere/textwrap.py", textwrap.__file__}, sources.files.keys())
        with self.assertRaises(SourceMissing):
            sources.load("nowhere_yet")
        self.assertIn("/nowhere/nowhere_yet.py", sources.files)

    def test_a_file_that_comes_or_is_replaced_by_an_older_one_while_it_is_read_is_another_version(self):
        def replace(file):
            stream = read(file)
            os.utime(older, (1, 1))
            os.replace(older, file)
            later.touch()
            return stream

        read = tokenize.open
        with tempfile.TemporaryDirectory() as folder:
            file, older, later = (Path(folder, name) for name in ("app.py", "older.py", "later.py"))
            file.write_text("from later import Size", encoding="utf-8")
            older.write_text("", encoding="utf-8")
            sources = Sources([folder])
            self.assertIsNone(sources.find("later"))
            with mock.patch("tokenize.open", replace):
                sources.load(str(file))
            for each in (file, later):
                self.assertNotEqual(sources.files[str(each)], version_of(str(each)))


class Docstrings(unittest.TestCase):
    def test_the_three_ways_of_writing_them(self):
        google = "Sum.\n\nArgs:\n    a (int): First.\n    b: Second,\n        and more.\n\nRaises:\n    ValueError: Never.\n\nNote the rest."
        numpy = "Sum.\n\nParameters\n----------\na : int\n    First.\nb\n    Second,\n    and more.\n\nRaises\n------\nValueError\n    Never.\n"
        sphinx = "Sum.\n\n:param int a: First.\n:param b: Second,\n    and more.\n:raises ValueError: Never.\n:rtype: int\n"
        for text in (google, numpy, sphinx):
            with self.subTest(text):
                doc = read_docstring(text)
                self.assertEqual(doc.parameters, {"a": "First.", "b": "Second, and more."})
                self.assertEqual(doc.raises, ["ValueError: Never."])
                self.assertEqual(doc.body[0], "Sum.")
        self.assertIn("Note the rest.", read_docstring(google).body)

    def test_nothing_in_them_ends_the_comment_or_is_a_tag(self):
        self.assertEqual(read_docstring("Use */ and\n@param x").body, ["Use *\\/ and", "\\@param x"])

    def test_examples_of_the_shell_are_code(self):
        self.assertEqual(read_docstring("Add.\n\n    >>> add(1, 2)\n    3\n\nThat is all.").body, ["Add.", "", "```python", ">>> add(1, 2)", "3", "```", "", "That is all."])


if __name__ == "__main__":
    unittest.main()
