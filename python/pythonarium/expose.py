"""Which functions Node may call, and under which names."""

from __future__ import annotations

# `functools` is slow to import.
from _functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any, TypeVar, overload

    Function = TypeVar("Function", bound=Callable[..., Any])
else:

    def overload(function):  # `typing` is slow to import.
        return function


@overload
def expose(function: Function, /) -> Function: ...
@overload
def expose(*, name: str | None = None) -> Callable[[Function], Function]: ...
def expose(function: Any = None, /, *, name: str | None = None) -> Any:
    """Mark a function so that Node may call it, under its own name or under `name`.

    Returns the function itself, marked and otherwise as it was:

        @expose
        def mean(values): ...

        @expose(name="stats.mean")
        def _mean(values): ...

    Raises TypeError when what is decorated is not callable or cannot carry a mark, or `name` is no text or empty.
    """
    if function is None:
        return lambda decorated: _mark(decorated, name)
    return _mark(function, name)


def find_exposed(modules: dict[str, ModuleType], mode: str) -> dict[str, Callable[..., Any]]:
    """Return the functions that Node may call, by the names that it calls them by.

    `modules` are the loaded modules by their prefix ("" for none). With the mode "marked" these are the functions
    marked with @expose, with "all" every public callable. Raises NothingExposed for a module that has none, and
    NameTaken when two functions want one name.
    """
    exposed: dict[str, Callable[..., Any]] = {}
    for prefix, module in modules.items():
        found = _marked(module) if mode == "marked" else _public(module)
        if not found:
            raise NothingExposed(module, mode)
        for name, function in found:
            full = f"{prefix}.{name}" if prefix else name
            if exposed.setdefault(full, function) is not function:
                raise NameTaken(full)
    return exposed


def find_callable(modules: dict[str, ModuleType], exposed: dict[str, Callable[..., Any]], name: str) -> Callable[..., Any] | None:
    """Return the function called `name`, exposed or just there in its module; None if there is none."""
    if name in exposed:
        return exposed[name]
    for prefix, module in modules.items():
        if prefix and not name.startswith(prefix + "."):
            continue
        function = getattr(module, name[len(prefix) + 1 :] if prefix else name, None)
        if callable(function):
            return function  # type: ignore[no-any-return]
    return None


def find_generators(exposed: dict[str, Callable[..., Any]]) -> list[str]:
    """Return the names of those functions whose calls give a generator, plain or asynchronous; of classes, `Class.method`."""
    found = []
    for name, function in exposed.items():
        if isinstance(function, type):
            members = {key: member for base in reversed(function.__mro__) for key, member in vars(base).items()}
            found += [f"{name}.{key}" for key, member in members.items() if not key.startswith("_") and _flags(member) & GENERATORS]
        elif _flags(function) & GENERATORS:
            found.append(name)
    return found


def _flags(function: Any) -> int:
    # Some objects answer to any name, and some to none.
    try:
        seen: set[int] = set()
        while id(function) not in seen:
            seen.add(id(function))
            if isinstance(function, partial):
                function = function.func
            elif isinstance(function, (staticmethod, classmethod)):
                function = function.__func__
            elif "__wrapped__" in vars(function):
                function = function.__wrapped__
        flags = function.__code__.co_flags
    except Exception:
        return 0
    return flags if isinstance(flags, int) else 0


class NothingExposed(Exception):
    """A module has nothing that Node could call."""

    def __init__(self, module: ModuleType, mode: str) -> None:
        where = getattr(module, "__file__", None) or f"the module {getattr(module, '__name__', type(module).__name__)!r}"
        super().__init__(
            f"Nothing in {where} is marked with @expose. Write `from pythonarium import expose` and put @expose "
            "above the functions that Node may call. For a module that is not yours, create the pool with expose: 'all', "
            "or use the command with --expose all."
            if mode == "marked"
            else f"There is no public function in {where}: every name in it begins with an underscore or cannot be called."
        )


class NameTaken(Exception):
    """Two functions are exposed under one name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Two functions are exposed under the name {name!r}. Give one of them another: @expose(name=...).")


def _mark(function: Any, name: str | None) -> Any:
    if not callable(function):
        raise TypeError(f"@expose marks functions, and this is a {type(function).__qualname__}.")
    if name is not None and (not isinstance(name, str) or not name):
        raise TypeError(f"The name given to @expose must be a string that is not empty, and it is {name!r}.")
    try:
        setattr(function, MARK, name or "")
    except AttributeError:
        raise TypeError(
            f"{function!r} is not written in Python and cannot carry the mark of @expose. "
            "Wrap it: @expose above a function of your own that calls it."
        ) from None
    return function


def _marked(module: ModuleType) -> list[tuple[str, Callable[..., Any]]]:
    # The module's names are read, and no list is kept by @expose: so a decorator
    # above @expose counts (functools.wraps copies the mark), and so does a
    # function that a package takes over from one of its own modules.
    found = []
    for name, value in list(vars(module).items()):
        mark = _read_mark(value) if callable(value) else None
        if mark is not None:
            found.append((mark or name, value))
    return found


def _read_mark(value: Any) -> str | None:
    # Only a mark of its own counts: an instance must not inherit one from its
    # class, some objects answer to any name at all, and some to none (a proxy
    # whose object is not there yet).
    try:
        mark = value.__dict__.get(MARK)
    except Exception:
        return None
    return mark if isinstance(mark, str) else None


def _public(module: ModuleType) -> list[tuple[str, Callable[..., Any]]]:
    names = dict.fromkeys(name for name in vars(module) if not name.startswith("_"))
    names.update(dict.fromkeys(getattr(module, "__all__", ())))
    values = [(name, getattr(module, name, None)) for name in names]
    # Our own decorator, imported there, is nothing to call from outside.
    return [(name, value) for name, value in values if callable(value) and value is not expose]


# CO_GENERATOR and CO_ASYNC_GENERATOR; `inspect` is slow to import.
GENERATORS = 0x20 | 0x200
MARK = "__pythonarium_exposed_as__"
