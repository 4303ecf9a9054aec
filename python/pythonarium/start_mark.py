"""The start mark: the last request that was started, for Node to read when the worker is dead."""

from __future__ import annotations

import os
from mmap import mmap
from struct import Struct


class StartMark:
    """A page shared with Node that outlives this process."""

    def __init__(self, descriptor: int) -> None:
        """Map the file behind `descriptor` and close the descriptor. Raises OSError or ValueError when it is no such file."""
        self._page = mmap(descriptor, PAGE_BYTES)
        os.close(descriptor)

    def write(self, call: int) -> None:
        """Say that `call` is about to start. From here on, it may have had effects."""
        _pack_into(self._page, 0, call)


PAGE_BYTES = 4096
_pack_into = Struct("<Q").pack_into
