"""What one call says to Node, and hears from it, between its question and its answer."""

from __future__ import annotations

import sys
from _thread import get_ident

from . import error, message
from .cancel import GIVEN_UP, CallCancelled
from .message import MessageTooLarge
from .value import encode_members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable
    from typing import Any

    from .cancel import Cancellation
    from .handle import Handing, NoHanding
    from .inbox import Inbox
    from .lane import Mailbox
    from .worker import Worker


class Exchange:
    """One call that has more to say than an answer: it streams, is given functions or iterators, or waits for Node."""

    # Whether other calls stand still while this one is in `wait`.
    wait_blocks = False

    def __init__(
        self,
        call: int,
        worker: Worker,
        inbox: Inbox | Mailbox,
        cancellation: Cancellation,
        handing: Handing | NoHanding,
    ) -> None:
        self.call = call
        self.depth_max, self.bytes_max = worker._depth_max, worker._bytes_max
        self.cancellation = cancellation
        self.handing = handing
        # What is done with the messages that come for this call, by their type; each returns what has come.
        self.hear: dict[str, Callable[[dict[str, Any]], object]] = {}
        self._worker = worker
        # What it says has a name, for the error when it is too large.
        self.say: Callable[..., None] = worker.say
        self._inbox = inbox
        self._thread = get_ident()
        self._is_over = False
        # Node has said that its caller has given up, and says nothing more to it.
        self.is_given_up = False
        # One coroutine reads; the others wait until it has what they wait for, or reads no more.
        self._is_reading = False
        self._waiters: dict[object, list[Future[None]]] = {}
        self._answers: dict[int, dict[str, Any]] = {}
        self._numbers = 0
        self._inputs: dict[int, Input] = {}
        self.hear["answer"] = self.hear["answer.error"] = self._answered
        self.hear["items"] = self.hear["items.end"] = self._input_came

    def is_in_coroutine(self) -> bool:
        """Whether the code that runs is a coroutine's, whose loop must not be held up."""
        asyncio = sys.modules.get("asyncio")
        return asyncio is not None and asyncio._get_running_loop() is not None

    def begin(self) -> None:
        """Take note that the call runs in this thread from here on."""
        self._thread = get_ident()

    def end(self) -> None:
        """Take note that the call is answered: nothing that it was given is of use any more."""
        self._is_over = True
        # A task that the setup has made goes on in the next call.
        if self._is_reading:
            self._inbox.leave()
        # These lead back here. With all that has come for the call it would stay until somebody looks for such a ring.
        self.hear.clear()
        self._inputs.clear()
        del self.cancellation

    def wait(self, is_there: Callable[[], bool]) -> None:
        """Hear what comes until `is_there()`. Raises CallCancelled when the caller gives up meanwhile."""
        cancellation = self.cancellation
        # A message that is half read would be lost with the rest of the line.
        armed = cancellation.disarm()
        try:
            # In a function of its own, for the same reason as the loop over the items of a stream.
            self._hear_until(is_there)
        except CallCancelled:
            # Once only: what the call does to end in order is not interrupted again.
            armed = 0
            raise
        finally:
            # A signal handler of the user's may have raised, which the call may catch, and go on.
            cancellation.arm(armed)

    def _hear_until(self, is_there: Callable[[], bool]) -> None:
        while not is_there():
            self._check_may_wait()
            self._take(self._inbox.receive(self.call))

    async def wait_async(self, is_there: Callable[[], bool], what: object) -> None:
        """As `wait`, while the loop goes on. Looks again once something has come that `hear` says to be `what`."""
        from asyncio import get_running_loop

        try:
            while not is_there():
                if self._is_over:
                    raise RuntimeError("The call in which this function of Node's was called is over.")
                self._check_may_wait()
                if self._is_reading:
                    waiter = get_running_loop().create_future()
                    self._waiters.setdefault(what, []).append(waiter)
                    await waiter
                    continue
                self._is_reading = True
                try:
                    told = await self._inbox.receive_async(self.call)
                    if told is not None:
                        self._take(told)
                finally:
                    self._is_reading = False
        finally:
            # Whoever reads no more, for whatever reason, leaves that to another.
            if not self._is_reading:
                while self._waiters and not self._wake(next(iter(self._waiters))):
                    pass

    def _wake(self, what: object) -> bool:
        """Let those look again who wait for `what`. False: there is nobody, or all have been cancelled."""
        waiters = [waiter for waiter in self._waiters.pop(what, ()) if not waiter.done()]
        for waiter in waiters:
            waiter.set_result(None)
        return bool(waiters)

    def resolve(self, kind: str, data: list[Any]) -> Any:
        """Return what stands for a function or an iterable of Node's among the arguments, or the object of a handle."""
        (index,) = data
        if kind == "function":
            return Callback(self, index)
        if kind == "stream":
            if index not in self._inputs:
                self._inputs[index] = Input(self, index)
            return self._inputs[index]
        if kind == "handle":
            return self.handing.store.get(index)
        if kind == "kept" and self.handing.owner is not None:
            return self._worker.kept_store().get(self.handing.owner, index)
        raise ValueError(f"there is no kind {kind!r}")

    def check_use(self, what: str) -> None:
        """Raise RuntimeError where `what` the call was given cannot be used: once it is over, and in another thread."""
        if self._is_over:
            raise RuntimeError(f"The call that was given this {what} is over, and the {what} with it.")
        if get_ident() != self._thread:
            raise RuntimeError(f"This {what} of Node's can be used in the thread of its call alone, and this is another thread.")

    def call_function(self, function: int, args: tuple[Any, ...], kwargs: dict[str, Any], is_kept: bool = False) -> Any:
        """Return what a function of Node's returns, or in a coroutine an awaitable of it. Raises what it throws."""
        number = self.ask(function, args, kwargs, is_kept)
        if self.is_in_coroutine():
            return self._answer_async(number)
        self.wait(lambda: self.is_answered(number))
        return self.answer(number)

    def ask(self, function: int, args: tuple[Any, ...], kwargs: dict[str, Any], is_kept: bool) -> int:
        """Ask Node to call one of the functions, and return the number of the question."""
        self.check_use("function")
        handing, cancellation = self.handing, self.cancellation
        if cancellation.is_cancelled(self.call):
            # Once only, though the signal may be yet to come. That of a coroutine is for its task, which may not be the one that asks.
            if cancellation.interrupt is None:
                cancellation.disarm()
            raise CallCancelled(GIVEN_UP)
        self._numbers += 1
        blocks = self.wait_blocks and not self.is_in_coroutine()
        try:
            text, attachments = encode_members({"args": list(args), "kwargs": kwargs}, self.depth_max, handing, self.bytes_max)
            line = message.callback(self.call, function, self._numbers, text, is_kept, blocks)
        except BaseException as raised:
            handing.take_back()
            if isinstance(raised, MessageTooLarge):
                raise MessageTooLarge(QUESTION, raised.bytes, raised.limit, raised.option) from None
            raise
        # What is interrupted as it is written is written to its end all the same, and must not be taken back then.
        armed = cancellation.disarm()
        try:
            sending = handing.sending()
            self.say(QUESTION, line, attachments)
        except MessageTooLarge:
            handing.not_sent(sending)
            handing.take_back()
            raise
        finally:
            cancellation.arm(armed)
        return self._numbers

    def is_answered(self, number: int) -> bool:
        """Whether Node has answered that question."""
        return number in self._answers

    def answer(self, number: int) -> Any:
        """Return what the function returned. Raises what it threw, and what keeps that from being had here."""
        told = self._answers.pop(number)
        if "missing" in told:
            raise told.pop("missing")
        if told["type"] == "answer.error":
            raise error.of_javascript(told["error"])
        return told["value"]

    async def _answer_async(self, number: int) -> Any:
        await self.wait_async(lambda: self.is_answered(number), number)
        return self.answer(number)

    def _check_may_wait(self) -> None:
        """Raise what is to be told where Node will never say what is waited for."""
        if self.is_given_up:
            raise CallCancelled(GIVEN_UP)
        if not self._worker._writer.is_open:
            raise RuntimeError("This process was forked of a worker, and Node is heard in the worker alone.")

    def _take(self, told: dict[str, Any]) -> None:
        kind = told["type"]
        if kind == "cancel":
            self.is_given_up = True
            raise CallCancelled(GIVEN_UP)
        if "rich" in told:
            from .rich import restore

            try:
                restore(told, self.resolve)
            except (ImportError, OSError, MemoryError, RecursionError) as missing:
                # Told to whoever waits for that, which may be another coroutine than the one that reads, and takes it out of there: its
                # traceback leads back to what was told.
                told["missing"] = missing
        hear = self.hear.get(kind)
        if hear is not None:
            what = hear(told)
            if what in self._waiters:
                self._wake(what)

    def _answered(self, told: dict[str, Any]) -> int:
        number: int = told["number"]
        self._answers[number] = told
        return number

    def _input_came(self, told: dict[str, Any]) -> Input:
        given = self._inputs[told["input"]]
        given.came(told)
        return given


class Callback:
    """A function of Node's. In a coroutine it returns an awaitable, elsewhere it waits and returns the result.

    Valid until the call that it was given to is answered. Raises JavaScriptError with what the function throws.
    """

    def __init__(self, exchange: Exchange, function: int) -> None:
        self._exchange = exchange
        self._function = function

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._exchange.call_function(self._function, args, kwargs)

    def __repr__(self) -> str:
        return f"<function {self._function} of Node's>"


class Input:
    """An iterable of Node's: iterate over it with `for`, in a coroutine with `async for`, once.

    Node is asked for a few items ahead, and never for more than there is room for. Valid as a function of Node's is.
    """

    def __init__(self, exchange: Exchange, index: int) -> None:
        self._exchange = exchange
        self._index = index
        self._items: list[Any] = []
        self._end: dict[str, Any] | None = None
        # How many more Node may send. It holds back by itself what would be too many bytes.
        self._room = 0

    def came(self, told: dict[str, Any]) -> None:
        """Take in what Node has sent."""
        if self._end is not None:
            return  # What came before these is missing.
        if told["type"] == "items.end" or "missing" in told:
            self._end = told
            return
        values = told["values"]
        self._room -= len(values)
        values.reverse()
        self._items[:0] = values

    def __iter__(self) -> Input:
        return self

    def __next__(self) -> Any:
        self._exchange.check_use("iterable")
        if not self._items:
            self._ask_for_more(self._exchange.wait_blocks)
            self._exchange.wait(self._is_there)
        if self._items:
            return self._take()
        self._raise_end()
        raise StopIteration

    def __aiter__(self) -> Input:
        return self

    async def __anext__(self) -> Any:
        self._exchange.check_use("iterable")
        if not self._items:
            self._ask_for_more()
            await self._exchange.wait_async(self._comes, self)
        if self._items:
            return self._take()
        self._raise_end()
        raise StopAsyncIteration

    def _is_there(self) -> bool:
        return bool(self._items) or self._end is not None

    def _comes(self) -> bool:
        """Whether something is there. If not, it is asked for: what was may have gone to another coroutine."""
        if self._is_there():
            return True
        self._ask_for_more()
        return False

    def _take(self) -> Any:
        item = self._items.pop()
        # Where nothing is left, whoever comes for the next asks for more, and says whether that blocks.
        if self._items and self._room + len(self._items) <= ROOM_ITEMS // 2:
            self._ask_for_more()
        return item

    def _ask_for_more(self, blocks: bool = False) -> None:
        more = ROOM_ITEMS - self._room - len(self._items)
        # A coroutine may have asked for all that there is room for, of which Node cannot tell that the loop stands still now.
        if self._end is None and (more > 0 or blocks):
            # In this order: a signal handler of the user's may raise before Node is asked, and who goes on asks again.
            self._exchange.say("a pull", message.pull(self._exchange.call, self._index, more, blocks))
            self._room += more

    def _raise_end(self) -> None:
        # Once only: whoever goes on finds no more.
        end, self._end = self._end or {}, {"type": "items.end"}
        if "missing" in end:
            raise end.pop("missing")
        if end.get("error") is not None:
            raise error.of_javascript(end["error"])


# What is too large, for the error.
QUESTION = "what a function of Node's is called with"
ROOM_ITEMS = 256
