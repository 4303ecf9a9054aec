"""State that Python keeps for a session: one dict for each session in each worker."""

from __future__ import annotations

# The public name is collections.abc, but that brings all of `collections` along.
from _collections_abc import MutableMapping
from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


# Up here, since the class needs it as it is made.
_NONE_GIVEN: Any = object()


class Session(MutableMapping["Any", "Any"]):  # In quotes, since `typing` is slow to import.
    """The dict of the session that the current call belongs to.

    It starts empty, lives as long as the session and this worker, and never crosses
    to Node. Outside of a session every use raises RuntimeError.
    """

    def __getitem__(self, key: Any) -> Any:
        return _state()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        _state()[key] = value

    def __delitem__(self, key: Any) -> None:
        del _state()[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(_state())

    def __len__(self) -> int:
        return len(_state())

    def __contains__(self, key: object) -> bool:
        return key in _state()

    def __repr__(self) -> str:
        state = _current.get()
        return "<no session>" if state is None else f"<session {state!r}>"

    # Each in one step, as a dict does it: calls of a session may run in several threads, and come between two.

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """Return what is there for `key`, which is `default` from now on if nothing was."""
        return _state().setdefault(key, default)

    def pop(self, key: Any, default: Any = _NONE_GIVEN) -> Any:
        """Take out what is there for `key`, and return it; `default` if nothing is. Raises KeyError without one."""
        return _state().pop(key) if default is _NONE_GIVEN else _state().pop(key, default)

    def popitem(self) -> tuple[Any, Any]:
        """Take out the last key, and return it with what was there for it. Raises KeyError if there is none."""
        return _state().popitem()

    def clear(self) -> None:
        """Take out all."""
        _state().clear()


class SessionStore:
    """The state of every session that this worker has met and that has not ended."""

    def __init__(self) -> None:
        self._states: dict[str, dict[Any, Any]] = {}

    def enter(self, name: str) -> None:
        """Make `name` the session of the code that runs from here on."""
        state = self._states.get(name)
        if state is None:
            # Another thread may have come to the same thought.
            state = self._states.setdefault(name, {})
        _current.set(state)

    def leave(self) -> None:
        """Be in no session from here on."""
        _current.set(None)

    def end(self, name: str) -> None:
        """Drop what is kept for `name`."""
        self._states.pop(name, None)


def _state() -> dict[Any, Any]:
    state = _current.get()
    if state is None:
        raise RuntimeError(
            "There is no session here. The call was made without one (in Node: pool.session(id).call(...)), "
            "or this code runs in a thread of its own, which belongs to no call."
        )
    return state


# A context variable and not a global: a thread or a task that outlives its call
# must never find itself in the session of the next one.
_current: ContextVar[dict[Any, Any] | None] = ContextVar("pythonarium_session", default=None)

session = Session()
