"""Which replies wait for others, so that one write takes several of them to Node."""

from __future__ import annotations

import os
from time import perf_counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .frame import LineReader, LineWriter
    from .reply_page import ReplyPage


class Joining:
    """Lets a reply wait while there is enough to do, of calls that were quick when they ran last."""

    def __init__(self, reader: LineReader, writer: LineWriter, page: ReplyPage, *, shares_processors: bool = False) -> None:
        """Have replies wait in `page`, for longer if the workers may use all processors, so that Node has to wait for one."""
        # What Node wants next, and where the replies wait.
        self.lines = reader.lines
        self.page = page
        self._writer = writer
        self._patience = SHARED_PATIENCE if shares_processors else 1
        # The functions whose last run was quick.
        self._quick: set[str] = set()
        # When the last call ended, and when the oldest reply was given that waits.
        self._ended = self._since = 0.0

    def begin(self, name: str | None) -> float:
        """Write what waits, unless a quick function begins. Returns the moment. `name` is None for a call that says more than an answer."""
        if self.page.used:
            if name in self._quick:
                return self._ended
            self._writer.flush()
        return perf_counter()

    def end(self, name: str, took: float, now: float, reply: bytes) -> None:
        """Write the reply of the call, which took so long and ended now, and what waits; or let it wait too."""
        self._ended = now
        if took < QUICK_S:
            self._quick.add(name)
        else:
            self._quick.discard(name)
        if not self.page.used:
            self._since = now
        # Those that are here are taken to be as long.
        if len(self.lines) * took <= AHEAD_S or now - self._since + took > self._patience * WAIT_S or not self._writer.hold(reply):
            self._writer.write(reply)

    def failed(self, name: str) -> None:
        """Take note that a call came to something that is not a short reply."""
        self._quick.discard(name)


def find_ahead() -> float:
    """Return how much there must be left to do for a reply to wait, in seconds.

    Node needs about so long to wake, to take a reply in and to send another call: if replies wait although the calls that
    are left take less, first Node has nothing to do and then Python. On one processor they take turns anyway, and the
    fewer the better.
    """
    return 0.0 if has_one_processor() else 50e-6


def has_one_processor() -> bool:
    """Return whether Node and this process can only run in turn, as far as the system says."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return processors == 1


# A write costs from 3 to 25 µs, most of it to wake Node.
QUICK_S = 100e-6
AHEAD_S = find_ahead()
# How old a reply may become. Of four calls of 50 µs that are there, the first three are answered together.
WAIT_S = 130e-6
# How many times as old where Node has no processor of its own: then all four are, and a worker that has nothing left to
# do leaves it one.
SHARED_PATIENCE = 2
