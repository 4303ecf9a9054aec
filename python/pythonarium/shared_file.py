"""Files of Node's: attachments that are mapped here instead of being read from the line."""

from __future__ import annotations

import os
import sys
from mmap import ACCESS_COPY, mmap

from .message import ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class NodeFiles:
    """The files that Node has open, by their descriptors there."""

    def __init__(self, pid: int) -> None:
        self._folder = f"/proc/{pid}/fd/"

    def can_be_opened(self, descriptor: int, here: int) -> bool:
        """Return whether Node's `descriptor` can be opened here and is the file that is `here`: whether `pid` is Node indeed."""
        try:
            opened = os.open(f"{self._folder}{descriptor}", os.O_RDONLY)
        except OSError:
            return False  # Another system, another namespace of processes, another user.
        try:
            return os.path.sameopenfile(opened, here)
        except OSError:
            return False
        finally:
            os.close(opened)

    def file(self, descriptor: int, inode: int, size: int) -> SharedFile:
        """Return what stands for `size` bytes of Node's until they are mapped."""
        return SharedFile(f"{self._folder}{descriptor}", inode, size)


class SharedFile:
    """One attachment that is in a file."""

    def __init__(self, path: str, inode: int, size: int) -> None:
        self._path = path
        self._inode = inode
        self._size = size

    def map(self) -> mmap:
        """Return its bytes, which can be written to and stay as long as they are held. Raises OSError when they cannot be had.

        What is written is seen here alone, and not by what this process may fork: as with any other memory.
        """
        opened = os.open(self._path, os.O_RDONLY)
        try:
            found = os.fstat(opened)
            if (found.st_ino, found.st_size) != (self._inode, self._size):
                raise ProtocolError(f"{self._path} is not the file of {self._size} bytes that `share` tells of")
            return mmap(opened, self._size, access=ACCESS_COPY, **WITHOUT_DESCRIPTOR)
        finally:
            os.close(opened)


def map_shared(message: dict[str, Any]) -> None:
    """Map those attachments of `message` that its `share` names. Raises OSError when they cannot be had."""
    for number, _, _ in message.pop("share"):
        message["bin"][number] = message["bin"][number].map()


# Before 3.13 each map has a descriptor of its own for as long as it is held.
WITHOUT_DESCRIPTOR: dict[str, Any] = {"trackfd": False} if sys.version_info >= (3, 13) else {}
