"""What Python's own names are in TypeScript, those of its standard library and of numpy. `docs/values.md` says what becomes what; this says the same in types."""

from __future__ import annotations


def known_as(name: str) -> str:
    """Return the one name that the tables have for what has several: `typing_extensions.Self` is `typing.Self`."""
    module, _, last = name.rpartition(".")
    return f"{SAME_AS[module]}.{last}" if module in SAME_AS else name


def is_concrete(name: str | None) -> bool:
    """Whether objects of a class with this base cross as what the base is; those of an abstract one do not."""
    is_told = name in SHAPES or VALUES.get(name or "", UNKNOWN) != UNKNOWN
    return is_told and name is not None and (name.rpartition(".")[0] in CONCRETE or name in CONCRETE_NAMES)


def _typing(names: str, value: str) -> dict[str, str]:
    modules = ("typing", "collections", "collections.abc", "builtins")
    return {f"{module}.{name}": value for name in names.split() for module in modules}


# Modules that have what is another's, by the same names.
SAME_AS = {
    "typing_extensions": "typing",
    "pydantic.dataclasses": "dataclasses",
    "pydantic.fields": "pydantic",
    "pydantic.main": "pydantic",
    "pydantic.root_model": "pydantic",
    "pythonarium.expose": "pythonarium",
}
# What a value is in TypeScript, on its way to Python and on its way back.
VALUES: dict[str, tuple[str, str]] = {
    "builtins.int": ("number", "number"),
    "builtins.float": ("number", "number"),
    "builtins.bool": ("boolean", "boolean"),
    "builtins.str": ("string", "string"),
    "builtins.object": ("unknown", "unknown"),
    "builtins.bytes": ("Uint8Array", "Uint8Array"),
    "builtins.bytearray": ("Uint8Array", "Uint8Array"),
    "builtins.memoryview": ("ArrayBufferView", "ArrayBufferView"),
    "array.array": ("ArrayBufferView", "ArrayBufferView"),
    # One without a time zone is no moment, and comes as text.
    "datetime.datetime": ("Date", "Date | string"),
    "pydantic.AwareDatetime": ("Date", "Date"),
    "pydantic.NaiveDatetime": ("string", "string"),
    "datetime.date": ("string", "string"),
    "datetime.time": ("string", "string"),
    # Milliseconds.
    "datetime.timedelta": ("number", "number"),
    "decimal.Decimal": ("string", "string"),
    "uuid.UUID": ("string", "string"),
    "numpy.ndarray": ("NdArray", "NdArray"),
    "numpy.typing.NDArray": ("NdArray", "NdArray"),
    # Bytes are one text to numpy, and no numbers.
    "numpy.typing.ArrayLike": ("NdArray | number | readonly unknown[] | Exclude<TypedArray, Uint8Array>", "NdArray"),
    "types.NoneType": ("null", "null"),
    "os.PathLike": ("string", "string"),
    **{f"numbers.{name}": ("number", "number") for name in ("Number", "Complex", "Real", "Rational", "Integral")},
    **{f"pathlib.{name}": ("string", "string") for name in ("Path", "PurePath", "PosixPath", "PurePosixPath")},
    **{f"typing.{name}": values for name, values in {
        "Any": ("unknown", "unknown"),
        "AnyStr": ("string", "string"),
        "Text": ("string", "string"),
        "LiteralString": ("string", "string"),
        "ByteString": ("Uint8Array", "Uint8Array"),
        "NoReturn": ("never", "never"),
        "Never": ("never", "never"),
        "Hashable": ("unknown", "unknown"),
        "SupportsFloat": ("number", "number"),
        "SupportsInt": ("number", "number"),
        "SupportsIndex": ("number", "number"),
    }.items()},
    **{f"collections.abc.{name}": ("Uint8Array", "Uint8Array") for name in ("ByteString", "Buffer")},
    "collections.abc.Hashable": ("unknown", "unknown"),
    **{f"numpy.{name}": ("number", "number") for name in (
        "float16 float32 float64 half single double int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
        "byte short intc int_ long longlong intp ubyte ushort uintc uint ulong ulonglong uintp "
        "floating integer signedinteger unsignedinteger number"
    ).split()},
    **{f"numpy.{name}": ("boolean", "boolean") for name in ("bool", "bool_")},
    "numpy.str_": ("string", "string"),
    "numpy.bytes_": ("Uint8Array", "Uint8Array"),
}
UNKNOWN = ("unknown", "unknown")
CONCRETE = frozenset(["builtins", "collections", "datetime", "decimal", "pathlib", "pydantic", "uuid"])
# Names of classes of Python's own, by which one may derive from them.
CONCRETE_NAMES = frozenset(f"typing.{name}" for name in "Counter DefaultDict Dict FrozenSet List OrderedDict Set Tuple".split())
# Keys that are `str`, by the name of their class or of what stands for it.
TEXT = frozenset(["builtins.str", "enum.StrEnum", "numpy.str_", "typing.AnyStr", "typing.Text", "typing.LiteralString"])
MODEL = "pydantic.BaseModel"
# A model that crosses as what is at its root.
ROOT_MODEL = "pydantic.RootModel"
# What these are of is in brackets after them.
SHAPES: dict[str, str] = {
    **_typing("list List Sequence MutableSequence Collection Reversible", "list"),
    **_typing("set Set frozenset FrozenSet AbstractSet MutableSet", "set"),
    **_typing("dict Dict Mapping MutableMapping OrderedDict defaultdict DefaultDict", "dict"),
    **_typing("Counter", "counter"),
    **_typing("tuple Tuple", "tuple"),
    **_typing("Iterable Iterator Generator AsyncIterable AsyncIterator AsyncGenerator", "iterable"),
    # What comes of these is what stands last in the brackets.
    **_typing("Awaitable Coroutine", "last"),
    ROOT_MODEL: "last",
    **_typing("Callable", "callable"),
}
# A function with such a result is gone over, also when its body yields nothing itself.
STREAMS = frozenset(_typing("Iterator Generator AsyncIterable AsyncIterator AsyncGenerator", ""))
# A type of the library's own.
TYPED_ARRAY = "TypedArray"
TYPED_ARRAYS: dict[object, str] = {
    **{f"numpy.{name}": f"{name.capitalize()}Array" for name in "int8 uint8 int16 uint16 int32 uint32 float32 float64".split()},
    "numpy.int64": "BigInt64Array",
    "numpy.uint64": "BigUint64Array",
}
# Node has no typed array of these.
NO_TYPED_ARRAY = frozenset(f"numpy.{name}" for name in "bool bool_ float16 half complex64 complex128 csingle cdouble str_ bytes_ datetime64 timedelta64".split())
# Kinds of class by what it derives from: a handle stays in Python, a record is an object, an enum its value, a named tuple an array.
BASES = {
    "typing.TypedDict": "typeddict",
    "typing.NamedTuple": "namedtuple",
    "typing.Protocol": "protocol",
    **{f"enum.{name}": "enum" for name in ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag")},
    MODEL: "record",
}
# And of what a call makes, by the last word of what is called.
MADE = {"NamedTuple": "namedtuple", "namedtuple": "namedtuple", "TypedDict": "typeddict"}
