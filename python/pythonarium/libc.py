"""Functions of the C library, for what Python has no word for.

By the module that `ctypes` is made of, whose own types are slow to import: a worker needs none of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def find(name: str) -> Callable[..., int]:
    """Return the C function of that name, which takes integers, None and stores, and returns an `int`.

    Raises whatever it likes where there is no such function, or none can be had.
    """
    from _ctypes import FUNCFLAG_CDECL, CFuncPtr, dlopen, dlsym  # type: ignore[import-not-found]

    class Function(CFuncPtr):  # type: ignore[misc]
        _flags_ = FUNCFLAG_CDECL

    return Function(dlsym(dlopen(None, 0), name))  # type: ignore[no-any-return]


def store(size: int) -> Any:
    """Return so many bytes that a C function can be given to write to. A slice of them is `bytes`."""
    from _ctypes import Array, _SimpleCData

    class Byte(_SimpleCData):  # type: ignore[misc]
        _type_ = "c"

    class Store(Array):  # type: ignore[misc]
        _type_ = Byte
        _length_ = size

    return Store()
