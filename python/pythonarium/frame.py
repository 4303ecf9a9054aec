"""Lines on a descriptor: bytes in, bytes out. Nothing here knows what a line means."""

from __future__ import annotations

import os
from _thread import RLock
from errno import EBADF, ECONNRESET, EPIPE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def read_lines(descriptor: int, splitter: LineSplitter) -> Iterator[bytes]:
    """Yield each line without its newline, and end once Node has hung up.

    Raises LineTooLong as soon as a line is known to be over the splitter's limit.
    """
    while True:
        try:
            chunk = os.read(descriptor, CHUNK_BYTES)
        except ConnectionResetError:
            return  # Node closed its end with bytes of ours still unread.
        if not chunk:
            return
        # Nothing is kept of a line that was handed on: it may be large, and the
        # next one may be long in coming.
        lines = splitter.feed(chunk)
        lines.reverse()
        while lines:
            yield lines.pop()


class LineSplitter:
    """Cuts chunks into lines, in time linear in the bytes however they are cut."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self._parts: list[bytes] = []
        self._parts_bytes = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that end in this chunk, without their newlines."""
        lines = chunk.split(b"\n")
        rest = lines.pop()
        if lines:
            if self._parts:
                self._parts.append(lines[0])
                lines[0] = b"".join(self._parts)
                self._parts.clear()
                self._parts_bytes = 0
            for line in lines:
                if len(line) > self.bytes_max:
                    raise LineTooLong(len(line), self.bytes_max)
        if rest:
            self._parts.append(rest)
            self._parts_bytes += len(rest)
            if self._parts_bytes > self.bytes_max:
                raise LineTooLong(self._parts_bytes, self.bytes_max)
        return lines

    @property
    def held(self) -> bytes:
        """The beginning of a line that has not ended yet."""
        return b"".join(self._parts)


class LineTooLong(Exception):
    """A line is over the limit; `bytes` of it had come so far."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"a line of {size} bytes or more is over the limit of {limit} bytes")
        self.bytes = size
        self.limit = limit


class LineWriter:
    """Writes whole lines from any thread, one after the other."""

    def __init__(self, descriptor: int) -> None:
        self._to = (descriptor,)
        self._lock = RLock()
        self._waiting: list[bytes] = []
        self._writing = False
        self.is_open = True

    def write(self, lines: bytes) -> None:
        """Send `lines`, which end with a newline; in a forked child, send nothing.

        Raises OSError once the line is gone.
        """
        with self._lock:
            if not self.is_open:
                return
            self._waiting.append(lines)
            # A signal handler or a finaliser that prints can come in here while
            # this very thread is half-way through a line: its own line waits.
            if self._writing:
                return
            try:
                self._writing = True
                while self._waiting:
                    self._write_all(self._waiting.pop(0))
            finally:
                self._writing = False

    def abandon(self) -> None:
        """Let go of the line in a forked child: it belongs to the parent alone."""
        self._lock = RLock()  # Another thread of the parent may have held the old one.
        self._writing = False
        self._waiting.clear()
        self.is_open = False
        try:
            os.close(self._to[0])
        except OSError:
            pass

    def _write_all(self, lines: bytes) -> None:
        # A signal handler may raise (a time limit by `signal.alarm`, for one) in the
        # middle of a line, and what is half sent must be sent to its end first. From
        # the system call to the list there is no Python code in which a handler could
        # run, so that `taken` is right whenever one has.
        taken: list[int] = []
        left = len(lines)
        raised: BaseException | None = None
        while left:
            try:
                taken.extend(map(os.write, self._to, (memoryview(lines)[-left:] if taken else lines,)))
            except BaseException as error:
                if isinstance(error, OSError) and error.errno in LINE_GONE:
                    raise
                raised = error
            left = len(lines) - sum(taken)
        if raised is not None:
            raise raised


LINE_GONE = (EPIPE, ECONNRESET, EBADF)
# Above 128 KiB the allocator gives each chunk back to the kernel, which costs
# more than the whole exchange.
CHUNK_BYTES = 65_536
