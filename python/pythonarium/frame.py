"""Lines on a descriptor, and raw bytes after them: bytes in, bytes out. Nothing here knows what a line means."""

from __future__ import annotations

import os
from _thread import RLock, _count as count_threads
from collections import deque
from errno import EBADF, ECONNRESET, EPIPE
from io import BytesIO
from select import POLLIN, poll
from sys import getrecursionlimit, setrecursionlimit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, TypeVar

    from .reply_page import ReplyPage
    from .shared_file import NodeFiles

    Taken = TypeVar("Taken")


class LineReader:
    """Cuts what comes on a descriptor into lines, in time linear in the bytes; iterating ends once Node has hung up.

    Raises LineTooLong as soon as a line is known to be over `bytes_max`.
    """

    def __init__(self, descriptor: int, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        # Where attachments may be that do not follow their line.
        self.files: NodeFiles | None = None
        self.descriptor = descriptor
        # Whole lines that have come, the last one first, without their newlines.
        self.lines: list[bytes] = []
        # Something has been read that is lost if anything is raised. Only `await_line` and `take_next` keep it.
        self.is_taking = False
        # What is done before raw bytes are waited for.
        self.before_wait: Callable[[], None] | None = None
        # What comes before a read that may have to wait; absent where nothing does.
        self._wait: Callable[[], object] | None = None
        self._threads_max = 0
        # The beginning of a line that has not ended yet.
        self._parts: list[bytes] = []
        self._parts_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        """Yield each line without its newline."""
        return iter(self.line, None)  # type: ignore[arg-type]

    def line(self) -> bytes | None:
        """Return the next line without its newline; None once Node has hung up."""
        lines = self.lines
        while not lines:
            if self._parts_bytes > self.bytes_max:
                raise LineTooLong(self._parts_bytes, self.bytes_max)
            chunk = self._read()
            if not chunk:
                return None
            self._split(chunk)
        line = lines.pop()
        if len(line) > self.bytes_max:
            raise LineTooLong(len(line), self.bytes_max)
        return line

    def await_line(self) -> None:
        """Return once the next line is here, or `line` would say that it never will be.

        A signal handler of the user's may raise meanwhile. It takes nothing away, unless `is_taking` is True then.
        """
        while not self.lines and self._parts_bytes <= self.bytes_max:
            if self._wait is not None and count_threads() <= self._threads_max:
                self._wait()
            try:
                # From the system call to the mark there is no Python code in which a handler could run.
                (chunk,) = map(os.read, (self.descriptor,), (CHUNK_BYTES,))
                self.is_taking = True
            except ConnectionResetError:
                return
            if chunk:
                self._split(chunk)
            self.is_taking = False
            if not chunk:
                return

    def take_next(self, take: Callable[[], Taken], broke: Callable[[BaseException], object]) -> Taken:
        """Wait for the next line, in the middle of a call, and return what `take` makes of it.

        A signal handler of the user's may raise, which the call may catch, and go on. As this waits, that takes nothing
        away. As a line is taken in, it would take that away, and with it perhaps calls that nobody would ever answer:
        `broke` is called with what was raised then. Raises RecursionError before anything is taken where that could be.
        """
        have_room()
        try:
            self.await_line()
            self.is_taking = True
            taken = take()
            self.is_taking = False
        except BaseException as raised:
            if self.is_taking:
                broke(raised)
            raise
        return taken

    def wait_by(self, wait: Callable[[], object], threads_max: int) -> None:
        """Have `wait` called before each read from here on, as long as there are no more threads than so many beside the main one.

        Between the two the lock of the interpreter is let go, and has to be had again from threads that compute.
        """
        self._wait = wait
        self._threads_max = threads_max

    def take(self, wanted: Iterable[tuple[int, bool]]) -> list[bytes | bytearray | None]:
        """Return the raw bytes between two lines: for each size as `bytes`, or if it is to be written to as a `bytearray`.

        None stands for those that there is no memory for. Raises LineEnded when Node hangs up before that.
        """
        # What was taken for lines, all of one chunk, is made the bytes again that it was.
        came = memoryview(b"\n".join([*reversed(self.lines), self.held]))
        self.lines.clear()
        self._parts.clear()
        self._parts_bytes = 0
        if self.before_wait is not None:
            self.before_wait()
        taken: list[bytes | bytearray | None] = []
        for size, is_writable in wanted:
            if not is_writable and size <= len(came):
                taken.append(bytes(came[:size]))
                came = came[size:]
                continue
            store = store_of(size, is_writable)
            if store is None:
                came = self._pass_over(size, came)
                taken.append(None)
            elif isinstance(store, bytearray):
                with memoryview(store) as view:
                    came = self._fill(view, came)
                taken.append(store)
            else:
                with store.getbuffer() as view:
                    came = self._fill(view, came)
                taken.append(store.getvalue())
        self._split(bytes(came))
        return taken

    @property
    def has_line(self) -> bool:
        """Whether the next line has come already."""
        return bool(self.lines)

    @property
    def held(self) -> bytes:
        """The beginning of a line that has not ended yet."""
        return b"".join(self._parts)

    def _split(self, chunk: bytes) -> None:
        lines = chunk.split(b"\n")
        rest = lines.pop()
        if lines:
            if self._parts:
                self._parts.append(lines[0])
                lines[0] = b"".join(self._parts)
                self._parts.clear()
                self._parts_bytes = 0
            lines.reverse()
            self.lines.extend(lines)
        if rest:
            self._parts.append(rest)
            self._parts_bytes += len(rest)

    def _fill(self, view: memoryview, came: memoryview) -> memoryview:
        """Fill `view` with what came and with what comes; return what came and is left."""
        filled = 0
        while True:
            count = min(len(came), len(view) - filled)
            view[filled : filled + count] = came[:count]
            filled += count
            came = came[count:]
            # What is large is read to where it belongs, what is small together with what follows.
            while len(view) - filled >= CHUNK_BYTES:
                count = self._read_into(view[filled:])
                if not count:
                    raise LineEnded
                filled += count
            if filled == len(view):
                return came
            came = memoryview(self._read())
            if not came:
                raise LineEnded

    def _pass_over(self, size: int, came: memoryview) -> memoryview:
        """Read so many bytes away; return what came and is left."""
        while size > len(came):
            size -= len(came)
            came = memoryview(self._read())
            if not came:
                raise LineEnded
        return came[size:]

    def _read(self) -> bytes:
        try:
            if self._wait is not None and count_threads() <= self._threads_max:
                self._wait()
            return os.read(self.descriptor, CHUNK_BYTES)
        except ConnectionResetError:
            return b""  # Node closed its end with bytes of ours still unread.

    def _read_into(self, view: memoryview) -> int:
        try:
            return os.readv(self.descriptor, (view,))
        except ConnectionResetError:
            return 0


def store_of(size: int, is_writable: bool) -> bytearray | BytesIO | None:
    """Return what so many bytes can be read to; None if there is no memory for it."""
    try:
        if is_writable:
            return bytearray(size)
        # The one way to fill a `bytes` object in place: no copy of it is ever made.
        buffer = BytesIO()
        buffer.seek(size - 1)
        buffer.write(b"\0")
    except MemoryError:
        return None
    return buffer


def have_room() -> None:
    """Raise RecursionError unless all can be called from here on that takes in a message."""
    limit = getrecursionlimit()
    try:
        # Python refuses a limit that it is beyond, which costs less than to try. In one go: no signal handler comes between the two.
        any(map(setrecursionlimit, (max(1, limit - CALLS_DEEP), limit)))
    except RecursionError:
        raise RecursionError("maximum recursion depth exceeded") from None


def poll_of(descriptor: int) -> Callable[..., object]:
    """Return what waits until there is something to read, or as many milliseconds as it is told.

    Linux wakes who sleeps in a read of a socket when the other side has read from its end, too, so that Python wakes for
    nothing as Node takes an answer; a poll hears of what it waits for alone.
    """
    poller = poll()
    poller.register(descriptor, POLLIN)
    return poller.poll


class LineEnded(Exception):
    """Node hung up in the middle of raw bytes."""


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
        self._waiting: deque[Any] = deque()
        self._writing = False
        # Where lines are held back that may be written with the next.
        self._page: ReplyPage | None = None
        self._is_wide = False
        self.is_open = True

    def write(self, lines: bytes, attachments: Sequence[Any] = ()) -> None:
        """Send `lines`, which end with a newline, and the raw bytes that belong to the last of them; in a forked child, nothing.

        Raises OSError once the line is gone.
        """
        with self._lock:
            if not self.is_open:
                return
            # A signal handler or a finaliser that prints can come in here while
            # this very thread is half-way through a line: its own line waits.
            if self._writing or attachments:
                self._waiting.extend((lines, *attachments))
                if self._writing:
                    return
                lines = b""
            self._writing = True
            try:
                self._write(lines, self._waiting)
            finally:
                self._writing = False

    def hold_in(self, page: ReplyPage) -> None:
        """Let lines be held in `page` from here on."""
        self._page = page

    def hold(self, line: bytes) -> bool:
        """Hold a line back until the next is written, or `flush`. False: that cannot be, and it is to be written."""
        with self._lock:
            if self._writing or self._page is None:
                return False
            self._writing = True
            try:
                return self._page.put(line)
            finally:
                self._writing = False

    def flush(self) -> None:
        """Write what is held back."""
        if self._waiting or self._page is not None and self._page.used:
            self.write(b"")

    def abandon(self) -> None:
        """Let go of the line in a forked child: it belongs to the parent alone."""
        self._lock = RLock()  # Another thread of the parent may have held the old one.
        self._writing = False
        self._waiting.clear()
        # The page is the parent's too.
        self._page = None
        # What a child forks comes here too, and by then the number may be that of something else.
        if not self.is_open:
            return
        self.is_open = False
        try:
            os.close(self._to[0])
        except OSError:
            pass

    def _write(self, part: Any, waiting: deque[Any]) -> None:
        # A signal handler may raise (a time limit by `signal.alarm`, for one) in the
        # middle of a line, and what is half sent must be sent to its end first. From
        # the system call to the difference there is no Python code in which a handler
        # could run, so that `left` is right whenever one has.
        held = self._page
        if held is not None and held.used:
            # In here, where it is as deep a call as the one that empties the page: where functions call each other as deep as
            # Python lets them, nothing is written that could not be taken note of.
            part = held.lines() + part
        whole = left = len(part)
        raised: BaseException | None = None
        while True:
            try:
                while True:
                    if left:
                        (count,) = map(write, self._to, (part if left == whole else memoryview(part)[-left:],))
                        left -= count
                    elif held is not None and held.used:
                        held.clear()
                    elif waiting:
                        part = waiting[0]
                        whole = left = len(part)
                        del waiting[0]
                        if whole >= LARGE_BYTES and not self._is_wide:
                            self._is_wide = True
                            widen(self._to[0])
                    else:
                        break
                break
            except BaseException as error:
                if isinstance(error, OSError) and error.errno in LINE_GONE:
                    raise
                raised = error
        if raised is not None:
            raise raised


def widen(descriptor: int) -> None:
    """Let the kernel take more at once of what is written to a socket, as far as a process may ask for that.

    A signal handler of the user's may raise meanwhile, which is the caller's to hear.
    """
    try:
        import _socket

        # By a limit of time for all sockets that come, the line would not block any more.
        if _socket.getdefaulttimeout() is not None:
            return
        # One of its own: a signal handler that raises here may have it closed.
        own = os.dup(descriptor)
        making = map(_socket.socket, (-1,), (-1,), (-1,), (own,))
        try:
            # No handler can run in here: this is no socket, or an audit hook lets nobody have one, and raises what it likes.
            (line,) = making
        except Exception:
            os.close(own)
            return
        try:
            line.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, WIDE_BYTES)
        finally:
            line.close()
    except TimeoutError:
        raise  # Of a handler: nothing here has a limit of time.
    except (ImportError, OSError):
        pass  # It is slower as it is, and nothing else.


write = os.write
LINE_GONE = (EPIPE, ECONNRESET, EBADF)
# Above 128 KiB the allocator gives each chunk back to the kernel, which costs
# more than the whole exchange.
CHUNK_BYTES = 65_536
# As many as the taking in of a message needs where it needs most of them, and some more.
CALLS_DEEP = 64
# From here on a message is worth a wider line.
LARGE_BYTES = 128 * 1024
# Half of it would be as good, and the kernel may give less.
WIDE_BYTES = 1 << 20
