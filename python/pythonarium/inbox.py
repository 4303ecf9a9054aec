"""What Node has sent, in its order; what it says to the call that runs can be taken out of turn."""

from __future__ import annotations

from collections import deque

from .message import read_message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable
    from typing import Any, NoReturn

    from .cancel import Cancellation
    from .frame import LineReader
    from .message import Message


class Inbox:
    """The messages of the line, one after the other."""

    def __init__(
        self,
        reader: LineReader,
        cancellation: Cancellation,
        hung_up: Callable[[], NoReturn],
        broke: Callable[[BaseException], NoReturn],
    ) -> None:
        """While a call waits for Node, `hung_up` is called when that has, and `broke` with what was raised over a message. Neither returns."""
        self._reader = reader
        self._cancellation = cancellation
        self._hung_up = hung_up
        self._broke = broke
        # What came while a call took what was meant for it, and is next.
        self.kept: deque[Message] = deque()
        # Somebody waits in a coroutine, and somebody who waited where they stood has read since.
        self._readable: Future[None] | None = None
        self._was_read = False

    def read(self) -> Message | None:
        """Return the next message of the line; None once Node has hung up."""
        line = self._reader.line()
        return None if line is None else read_message(line, self._reader)

    def receive(self, call: int) -> dict[str, Any]:
        """Wait for the next message that is meant for `call`, which runs, and return it."""
        while True:
            message = self._reader.take_next(lambda: self._take(call), self._broke)
            self._was_read = True
            if self._readable is not None:
                _resolve(self._readable)
            if message is not None:
                return message

    async def receive_async(self, call: int) -> dict[str, Any] | None:
        """As `receive`, while the loop goes on. None: somebody who waited where they stood has read what came."""
        from asyncio import get_running_loop

        loop = get_running_loop()
        while True:
            if not self._reader.has_line:
                self._was_read = False
                readable = self._readable = loop.create_future()
                loop.add_reader(self._reader.descriptor, _resolve, readable)
                try:
                    await readable
                finally:
                    self._readable = None
                    loop.remove_reader(self._reader.descriptor)
                if self._was_read:
                    return None
            # On a loop of the call's own, in a plain function, it is interrupted by an exception.
            armed = self._cancellation.disarm()
            try:
                # What can be read ends a line soon: Node writes whole ones.
                message = self._reader.take_next(lambda: self._take(call), self._broke)
            finally:
                self._cancellation.arm(armed)
            if message is not None:
                return message

    def _take(self, call: int) -> dict[str, Any] | None:
        """Return the next message if it is meant for `call`; what is meant for no call that runs is kept."""
        message = self.read()
        if message is None:
            self._hung_up()
        if type(message) is list or message["type"] not in DURING_A_CALL:
            self.kept.append(message)
        elif message["id"] == call:
            return message
        return None

    def leave(self) -> None:
        """Let nobody wait in `receive_async` any longer, for the next messages are the next call's."""
        if self._readable is not None and not self._readable.done():
            self._readable.set_exception(RuntimeError("The call in which this function of Node's was called is over."))


def _resolve(readable: Any) -> None:
    if not readable.done():
        readable.set_result(None)


DURING_A_CALL = frozenset(("cancel", "credit", "items", "items.end", "answer", "answer.error"))
