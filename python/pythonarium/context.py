"""What the caller of the running call wants known about it: a request's id, a trace's."""

from __future__ import annotations

# The public name is collections.abc, but that brings all of `collections` along.
from _collections_abc import Mapping
from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Context(Mapping[str, "Any"]):  # In quotes, since `typing` is slow to import.
    """The values that Node gave along with the running call, by their names; empty where it gave none.

    A task of asyncio has those of the call that made it. A thread has none of its own: run its function by
    `contextvars.copy_context().run(...)`, or start it by `asyncio.to_thread(...)`, which does the same.
    """

    def __getitem__(self, key: str) -> Any:
        return current.get()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(current.get())

    def __len__(self) -> int:
        return len(current.get())

    def __repr__(self) -> str:
        return f"<context {current.get()!r}>"


NOTHING: dict[str, Any] = {}
# The dict of one call is never changed: what has been logged keeps what it was logged with.
current: ContextVar[dict[str, Any]] = ContextVar("pythonarium_context", default=NOTHING)

context = Context()
