"""The reply page: a page shared with Node for replies that have been given and are not written yet."""

from __future__ import annotations

from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mmap import mmap


class ReplyPage:
    """Whole lines, one behind the other, in a page that outlives this process: whatever becomes of it, they are not lost."""

    def __init__(self, page: mmap, start: int, size: int) -> None:
        """The page is the `size` bytes of `page` from `start` on."""
        self._page = page
        self._head = start
        self._begin = start + HEAD.size
        self._room = size - HEAD.size
        # How many bytes of lines are there.
        self.used = 0
        # How often it was emptied, so that Node can tell whether what is there is what was there; as it is in the head.
        self._turn = 0

    def put(self, line: bytes) -> bool:
        """Add a line. False: there is no room for it."""
        used = self.used + len(line)
        if used > self._room:
            return False
        begin = self._begin
        self._page[begin + self.used : begin + used] = line
        # From here on it is there for Node.
        pack_into(self._page, self._head, self._turn + used)
        self.used = used
        return True

    def lines(self) -> bytes:
        """Return all that is there."""
        # By `bytes`, though it is that already: Python 3.10 counts a call of what is written in C as a level, too. Whoever gets
        # through this has to get through `clear` as well, or what was written would never be cleared.
        return bytes(self._page[self._begin : self._begin + self.used])

    def clear(self) -> None:
        """Take note that all that was there has been written. Done twice, it is as good as once."""
        self._turn += TURN
        pack_into(self._page, self._head, self._turn)
        self.used = 0


HEAD = Struct("<Q")
pack_into = HEAD.pack_into
# Below it in the head is how many bytes are there.
TURN = 1 << 16
