"""What Python code prints, logs or warns of, sent to Node as `log` messages.

Descriptors 1 and 2 stay what they are, pipes to Node: what is written to them directly
arrives there, and never touches the line.
"""

from __future__ import annotations

import io
import os
import sys
from _thread import get_ident

from . import message
from .context import current
from .value import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType
    from typing import Any, BinaryIO, TextIO

    from .frame import LineWriter


class Logs:
    """Takes the place of `sys.stdout` and `sys.stderr`, and sends what comes there."""

    def __init__(self, writer: LineWriter) -> None:
        self.writer = writer
        # The call that runs now. What a thread prints after its call has ended
        # belongs to whichever runs then, or to none.
        self.call: int | None = None
        self.chars_max = CHARS_MAX
        self._stdout = LogStream(self, "stdout", 1)
        self._stderr = LogStream(self, "stderr", 2)

    def install(self, bytes_max: int) -> None:
        """Catch everything that is printed, logged without a handler, or warned of, from here on.

        No message is made longer than `bytes_max`.
        """
        self.chars_max = max(1, min(CHARS_MAX, (bytes_max - ENVELOPE_BYTES) // CHAR_BYTES_MAX))
        sys.stdout = sys.__stdout__ = self._stdout  # type: ignore[misc, assignment]
        sys.stderr = sys.__stderr__ = self._stderr  # type: ignore[misc, assignment]
        _catch_warnings(self)
        _catch_logging(self)

    def running(self) -> int | None:
        """Return the call that what is said now belongs to."""
        return self.call

    def speaker(self) -> Any:
        """Return what tells those apart who each have a line of their own that has not ended."""
        return get_ident()

    def end_call(self) -> None:
        """Send the lines that have not ended, as they are, and belong to no call any more."""
        if self._stdout.held or self._stderr.held:
            self.flush()
        self.call = None

    def flush(self) -> None:
        """Send the lines that have not ended, as they are, whichever thread began them."""
        self._stdout.flush_all()
        self._stderr.flush_all()

    def abandon(self) -> None:
        """Drop, in a forked child, what its parent has printed in part and will send itself."""
        self._stdout.held.clear()
        self._stderr.held.clear()

    def hand_over(self, logs: Logs) -> None:
        """Let `logs` send, in a forked worker, what still comes here: who imported the streams by name has these."""
        self._stdout._logs = self._stderr._logs = logs
        self.send = logs.send  # type: ignore[method-assign]

    def send(self, stream: str, texts: Iterable[str], level: str | None = None, logger: str | None = None) -> None:
        """Send each of `texts` as a message, in pieces where one is too long."""
        # As Python ends, a thread that is a daemon may have stopped for good with the lock of the line.
        if not self.writer.is_open or sys.is_finalizing():
            for text in texts:
                write_raw(1 if stream == "stdout" else 2, text + "\n")
            return
        size = self.chars_max
        pieces = [text[start : start + size] for text in texts for start in range(0, len(text) or 1, size)]
        call = self.running()
        self.writer.write(b"".join([message.log(stream, call, piece, level, logger) for piece in pieces]))


class LogStream(io.TextIOBase):
    """A text stream that sends each line as it ends, and what is left when it is flushed.

    `buffer` and `fileno()` lead to the descriptor of the same name, for who needs bytes or hands it to a process.
    """

    encoding = "utf-8"
    errors = "backslashreplace"
    line_buffering = True
    write_through = False
    newlines = None
    mode = "w"

    def __init__(self, logs: Logs, stream: str, descriptor: int) -> None:
        super().__init__()
        self.name = f"<{stream}>"
        # By thread: `print` writes a line and its end one after the other, and
        # another thread may come between.
        self.held: dict[Any, str] = {}
        self._logs = logs
        self._stream = stream
        self._descriptor = descriptor
        self._buffer: BinaryIO | None = None

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__qualname__}")
        if not self._logs.writer.is_open:
            write_raw(self._descriptor, text)
            return len(text)
        # No lock is held while sending: a signal handler that prints could wait for
        # a thread that waits for it.
        speaker = self._logs.speaker()
        held = self.held.pop(speaker, "") + text
        if "\n" in text:
            *lines, held = held.split("\n")
            self._logs.send(self._stream, lines)
        if len(held) >= self._logs.chars_max:
            self._logs.send(self._stream, (held,))
        elif held:
            self.held[speaker] = self.held.get(speaker, "") + held
        return len(text)

    def flush(self) -> None:
        """Send the line that this thread has begun."""
        self.flush_of(self._logs.speaker())

    def flush_all(self) -> None:
        """Send the lines that all threads have begun, each for itself."""
        for speaker in list(self.held):
            self.flush_of(speaker)

    def flush_of(self, speaker: Any) -> None:
        """Send the line that `speaker` has begun."""
        begun = self.held.pop(speaker, "")
        if begun:
            self._logs.send(self._stream, (begun,))

    @property
    def buffer(self) -> BinaryIO:
        # Whoever wraps it closes it in the end, if only as the wrapper is collected.
        if self._buffer is None or self._buffer.closed:
            self._buffer = ByteStream(io.FileIO(self._descriptor, "wb", closefd=False))
        return self._buffer

    def detach(self) -> BinaryIO:
        """Return what is for bytes, and stay as it is: who asks for it puts a stream of their own in its place."""
        return self.buffer

    def fileno(self) -> int:
        return self._descriptor

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def close(self) -> None:
        """Stay open: whoever closes standard output means the end of their own output."""
        self.flush()

    def reconfigure(self, **_options: Any) -> None:
        """Accept what programs ask of a text stream; the encoding of a log message is settled."""


class ByteStream(io.BufferedWriter):
    """Takes all bytes, as the one of any standard output does, and keeps none of them back."""

    def write(self, data: Any, /) -> int:
        count = super().write(data)
        self.flush()
        return count


def write_raw(descriptor: int, text: str) -> None:
    """Write to a pipe of our own: in a forked child, to whom the line does not belong."""
    left = text.encode("utf-8", "backslashreplace")
    while left:
        left = left[os.write(descriptor, left) :]


def _catch_warnings(logs: Logs) -> None:
    import warnings

    show = warnings.showwarning

    def showwarning(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if file is not None:
            show(message, category, filename, lineno, file, line)
        else:
            logs.send("warnings", (warnings.formatwarning(message, category, filename, lineno, line).rstrip("\n"),))

    warnings.showwarning = showwarning


def _catch_logging(logs: Logs) -> None:
    if "logging" in sys.modules:
        _fit_logging(sys.modules["logging"], logs)
    else:
        sys.meta_path.insert(0, _LoggingImport(logs))


class _LoggingImport:
    """Waits for the first import of `logging`, which a worker that does not use it should not pay for."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        # It asks the others.
        self._is_asking = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "logging" or self._is_asking:
            return None
        from importlib.util import find_spec

        self._is_asking = True
        try:
            spec = find_spec(name)
        finally:
            self._is_asking = False
        loader: Any = spec and spec.loader
        if loader is None:
            return None
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            # The loader may be that of all modules of a zip file.
            if module.__name__ != "logging":
                return
            # Not before: whoever asks for it may only want to know whether it is there.
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            _fit_logging(module, self._logs)

        loader.exec_module = exec_module
        return spec


def _fit_logging(logging: Any, logs: Logs) -> None:
    _replace_last_resort(logging, logs)
    _add_context(logging)


def _add_context(logging: Any) -> None:
    """Give every record of a logger the attribute `context`, so that any handler and format can show it."""
    make = logging.Logger.makeRecord

    # Not by a record factory: an `extra` of the same name would then be refused.
    def makeRecord(self: Any, *given: Any, **named: Any) -> Any:
        record = make(self, *given, **named)
        record.__dict__.setdefault("context", dict(current.get()))
        return record

    logging.Logger.makeRecord = makeRecord


def _replace_last_resort(logging: Any, logs: Logs) -> None:
    """Send what no handler takes, with its level and logger; a configured `logging` goes where its owner says."""

    class LineHandler(logging.Handler):  # type: ignore[misc]
        def emit(self, record: Any) -> None:
            try:
                level, logger = _short(record.levelname, LEVEL_CHARS_MAX), _short(record.name, LOGGER_CHARS_MAX)
                logs.send("logging", (self.format(record),), level, logger)
            except Exception:
                self.handleError(record)

    logging.lastResort = LineHandler(logging.WARNING)


def _short(name: str, chars_max: int) -> str:
    """Return as much of `name` as takes no more than so many characters of JSON: who makes one up may make it long."""
    short = name[:chars_max]
    return short if len(quote(short)) <= chars_max + 2 else short[: chars_max // CHAR_BYTES_MAX]


CHARS_MAX = 65_536
# Beyond 16 bits a character is two escapes.
CHAR_BYTES_MAX = 12
ENVELOPE_BYTES = 512
# Both fit into the envelope.
LOGGER_CHARS_MAX = 200
LEVEL_CHARS_MAX = 100
