"""Telling how far a long call has come, or only that it goes on."""

from __future__ import annotations

from math import isfinite
from time import monotonic

from . import message
from .value import INT_MAX, encode_unchecked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .exchange import Exchange
    from .lane import Lane


class Progress:
    """What one call has told of its progress."""

    def __init__(self, exchange: Exchange, call: dict[str, Any]) -> None:
        """`call` says whether somebody listens, and whether heartbeats are counted."""
        self._exchange = exchange
        self._is_heard = call.get("progress", False)
        beat_ms = call.get("heartbeatMs")
        self._beat_s = None if beat_ms is None else beat_ms / 1000
        self._told_at = 0.0
        self._beat_at = 0.0

    def tell(self, done: float, total: float | None, note: str | None) -> None:
        """Say it to Node, unless something was said a moment ago and this is not the end."""
        now = monotonic()
        if not self._is_heard or (now - self._told_at < BETWEEN_S and done != total):
            self.beat()
            return
        self._told_at = self._beat_at = now
        texts = map(encode_unchecked, (done, total, note))
        self._exchange.say("the progress", message.progress(self._exchange.call, *texts))

    def beat(self) -> None:
        """Say that the call goes on, unless that was said a moment ago or nobody counts it."""
        if self._beat_s is None:
            return
        now = monotonic()
        if now - self._beat_at >= self._beat_s:
            self._beat_at = now
            self._exchange.say("a heartbeat", message.heartbeat(self._exchange.call))


def heartbeat() -> None:
    """Say that this call goes on, where it was made with `heartbeatTimeoutMs` and would otherwise be taken for hung.

    `progress()` and the items of a stream say so too. It can be called as often as one likes: it says something four
    times in that time at most. Where nobody counts, and outside of a worker, nothing happens.
    """
    if _current is not None:
        _current.beat()


def progress(done: float, total: float | None = None, note: str | None = None) -> None:
    """Tell the caller how far this call has come: `done` of `total` (if that is known), and a word about it.

    It reaches `onProgress` of the call in Node, at most some twenty times a second, and whenever `done` is `total`, and
    is a `heartbeat()` as well. A `total` that is infinite or NaN is not known. Where nobody listens, and outside of a
    worker, nothing happens.

    Raises TypeError when `done` or `total` is not a number or `note` is not a string, and ValueError when `done` is none
    that JavaScript can count to.
    """
    done, total = _number("done", done), None if total is None else _number("total", total)
    if done is None:
        raise ValueError("`done` must be a finite number.")
    if note is not None and not isinstance(note, str):
        raise TypeError(f"`note` must be a string, and it is a {type(note).__qualname__}.")
    if _current is not None:
        _current.tell(done, total, note)


def _number(name: str, value: float) -> float | None:
    """Return it as a number that JSON has a word for, in JavaScript as in Python; None if there is none."""
    if not isinstance(value, (int, float)):
        from numbers import Real

        # Those of numpy are, as it counts a loop or the items of an array.
        if not isinstance(value, Real):
            raise TypeError(f"`{name}` must be a number, and it is a {type(value).__qualname__}.")
    elif -INT_MAX <= value <= INT_MAX:
        return +value  # A truth value is a number, too.
    try:
        rounded = float(value)
    except OverflowError:
        return None
    return rounded if isfinite(rounded) else None


def enter(current: Progress | Lane | None) -> None:
    """Make `current` what `progress()` tells; None: nobody listens."""
    global _current
    _current = current


BETWEEN_S = 0.05
_current: Progress | Lane | None = None
