"""What a module must do in each worker anew, because a fork does not carry it over."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    Hook = TypeVar("Hook", bound=Callable[[], Any])


def on_fork(function: Hook) -> Hook:
    """Run `function()` once in each worker, after it was forked and before its `setup`, in the order of the definitions.

    For what must not be shared by processes, such as a connection or a thread: open it there, and not as the module is
    imported. With `start: 'spawn'` it runs at the same point, after the modules were imported. What it raises fails the
    start of the worker. It may be `async def`. Outside of a worker nothing runs it. Returns `function`, so that it can be used as a
    decorator.

    Raises TypeError when `function` is not callable.
    """
    if not callable(function):
        raise TypeError(f"on_fork() takes a function without parameters, not {type(function).__qualname__}")
    _hooks.append(function)
    return function


def run_fork_hooks(complete: Callable[[Any], object]) -> None:
    """Run what `on_fork` was given, and `complete` with what each returns. Raises what the first of them raises that fails."""
    for hook in _hooks:
        complete(hook())


_hooks: list[Callable[[], Any]] = []
