"""What Node has sent, in its order; what it says to the call that runs can be taken out of turn."""

from __future__ import annotations

from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, NoReturn

    from .frame import LineReader


class Inbox:
    """The messages of the line, one after the other."""

    def __init__(self, messages: Iterable[dict[str, Any]], reader: LineReader, hung_up: Callable[[], NoReturn]) -> None:
        """`messages` are those that come by `reader`; `hung_up` is called when Node has, and does not return."""
        self._messages = iter(messages)
        self._reader = reader
        self._hung_up = hung_up
        # What came while a call took what was meant for it.
        self._kept: deque[dict[str, Any]] = deque()
        # Somebody waits in a coroutine.
        self._readable: Future[None] | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield what no call has taken, until Node has hung up."""
        kept = self._kept
        for message in self._messages:
            yield message
            # It may be large, and the next may be long in coming.
            del message
            while kept:
                yield kept.popleft()

    def receive(self, call: int) -> dict[str, Any]:
        """Wait for the next message that is meant for `call`, which runs, and return it."""
        for message in self._messages:
            if message["type"] not in DURING_A_CALL:
                self._kept.append(message)
            elif message["id"] == call:
                return message
        self._hung_up()

    async def receive_async(self, call: int) -> dict[str, Any]:
        """As `receive`, while the loop goes on."""
        from asyncio import get_running_loop

        loop = get_running_loop()
        while True:
            if not self._reader.has_line:
                readable = self._readable = loop.create_future()
                loop.add_reader(self._reader.descriptor, _resolve, readable)
                try:
                    await readable
                finally:
                    self._readable = None
                    loop.remove_reader(self._reader.descriptor)
            # What can be read ends a line soon: Node writes whole ones.
            message = next(self._messages, None)
            if message is None:
                self._hung_up()
            elif message["type"] not in DURING_A_CALL:
                self._kept.append(message)
            elif message["id"] == call:
                return message


    def leave(self) -> None:
        """Let nobody wait in `receive_async` any longer, for the next messages are the next call's."""
        if self._readable is not None and not self._readable.done():
            self._readable.set_exception(RuntimeError("The call in which this function of Node's was called is over."))


def _resolve(readable: Any) -> None:
    if not readable.done():
        readable.set_result(None)


DURING_A_CALL = frozenset(("cancel", "credit", "items", "items.end", "answer", "answer.error"))
