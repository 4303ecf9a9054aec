"""The start mark: a page shared with Node. It tells Node which request was started last, and Python which are not wanted."""

from __future__ import annotations

import os
from mmap import mmap
from struct import Struct

from .reply_page import ReplyPage


class StartMark:
    """A page shared with Node that outlives this process."""

    def __init__(self, descriptor: int, has_reply_page: bool = False) -> None:
        """Map the file behind `descriptor` and close the descriptor. Raises OSError or ValueError when it is no such file.

        `has_reply_page`: a second page follows, for replies.
        """
        self._page = _map_without_descriptor(descriptor, PAGE_BYTES * (1 + has_reply_page))
        self.replies = ReplyPage(self._page, PAGE_BYTES, PAGE_BYTES) if has_reply_page else None

    def write(self, call: int) -> None:
        """Say that `call` is about to start. From here on, it may have had effects.

        Does not return if Node is about to kill this process, which may have read already that the call was not begun.
        """
        _pack_into(self._page, 0, call)
        if self._page[KILLED]:
            os._exit(0)

    def is_cancelled(self, call: int) -> bool:
        """Whether Node has written that the caller of `call` has given up."""
        return _unpack_from(self._page, 8 * (1 + call % CANCELLED_MAX))[0] == call  # type: ignore[no-any-return]

    def is_cancelled_alone(self, call: int) -> bool:
        """Whether Node has written that the caller of `call` has given up that one of a batch, and none of the others."""
        return _unpack_from(self._page, ALONE)[0] == call  # type: ignore[no-any-return]

    def is_cancelled_after(self, call: int) -> bool:
        """Whether Node has written that of a later call. Looks at all of them, which takes some microseconds."""
        with memoryview(self._page) as page, page[8:ALONE] as words, words.cast("Q") as calls:
            return max(calls) > call


def _map_without_descriptor(descriptor: int, size: int) -> mmap:
    """Map the file, and leave no descriptor of it behind for other code to happen upon."""
    # `mmap` keeps a duplicate of its own, under the lowest number that is free.
    duplicate = os.dup(descriptor)
    os.close(duplicate)
    page = mmap(descriptor, size)
    try:
        is_kept = os.path.sameopenfile(duplicate, descriptor)
    except OSError:
        is_kept = False
    os.close(descriptor)
    if is_kept:
        # The number stays taken, by what does no harm, since `mmap` closes it one day.
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, duplicate, inheritable=False)
        os.close(nothing)
    return page


PAGE_BYTES = 4096
# The last word says whether the process is about to be killed.
KILLED = PAGE_BYTES - 8
# The one before: of a batch, the call that is given up while the others of it are not. It runs, so that there is never a second.
ALONE = KILLED - 8
# The words between the mark and that one. Of two calls that share one, the later is seen as given up: Node lets no two do so
# that it has sent here and are unanswered, unless those are more than that.
CANCELLED_MAX = PAGE_BYTES // 8 - 3
_pack_into = Struct("<Q").pack_into
_unpack_from = Struct("<Q").unpack_from
