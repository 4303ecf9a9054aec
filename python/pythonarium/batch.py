"""Calls of one function that came in one message, one for each item, and their answers in as few: short ones cost little else.

This module is imported when the first such message comes.
"""

from __future__ import annotations

from _functools import partial
from time import perf_counter

from . import error, message
from .cancel import GIVEN_UP, CallCancelled
from .context import NOTHING
from .context import current as current_context
from .message import MessageTooLarge
from .value import ATOMS, NO_ATTACHMENTS, PLAIN, decode, encode, encode_plain, encode_unchecked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .worker import Worker


def answer_items(worker: Worker, told: dict[str, Any]) -> None:
    """Answer every call of the message `told`, one after the other: each is begun when the one before has ended."""
    first, items, name = told["id"], told["items"], told["name"]
    function = worker._functions.get(name)
    if function is None:
        _refuse_all(worker, told, error.of_unknown(name, list(worker._functions)))
        return
    kwargs = told.get("kwargs", {})
    try:
        if "missing" in told:
            raise told.pop("missing")
        # A list or a dict is each call's own: what one does to it, the next does not find.
        own = {name: value for name, value in kwargs.items() if type(value) not in ATOMS}
        of_each = encode_unchecked(own).encode() if own else None
    except MemoryError as missing:
        _refuse_all(worker, told, error.of_exception(missing))
        return
    context = told.get("context")
    if context is not None:
        current_context.set(context)
    answers = Answers(worker, first)
    # Looked up once: for a short function, all of this is as long as the call.
    atoms, plain, values, writer = ATOMS, PLAIN, answers.values, worker._writer
    cancellation, logs, mark, check = worker._cancellation, worker._logs, worker._mark, worker._check
    out, err = logs._stdout.held, logs._stderr.held
    # They are given up together, and what is said of that is said of the first; or the one that runs by itself. The signal
    # may have come while something else ran, so that it is looked up once in any case.
    cancellation.call = first
    is_suspect = True
    number = first - 1
    begun = then = perf_counter()
    for item in items:
        number += 1
        if (is_suspect or cancellation.missed) and cancellation.is_cancelled(first):
            answers.flush()
            given_up = error.of_exception(CallCancelled(GIVEN_UP))
            for never_begun in range(number, first + len(items)):
                worker._send_error(never_begun, given_up, started=False)
            break
        logs.call = cancellation.item = number
        if mark is not None:
            mark.write(number)
        try:
            if of_each is not None:
                kwargs.update(decode(of_each))
            try:
                cancellation.armed = first
                if cancellation.missed:
                    cancellation.arm(first)
                if check is not None:
                    check(function, [item], kwargs)
                value = function(item, **kwargs) if kwargs else function(item)
                kind = type(value)
                if kind not in plain and hasattr(kind, "__await__"):
                    value = worker._loop.run(value, cancellation)
                    kind = type(value)
            finally:
                # An interruption that this one has had, and perhaps not heeded, is meant for those behind it as well.
                is_suspect = cancellation.is_deaf or not cancellation.armed
                cancellation.armed = 0
        # Everything: SystemExit and KeyboardInterrupt end a call and not its worker.
        except BaseException as raised:
            worker._end_call(raised)
            # An interruption may have come between the two lines above.
            is_suspect = True
            # By how long both took, Node knows how many may go together.
            answers.flush(then - begun)
            answers.refuse(raised, then)
            begun = then = perf_counter()
        else:
            if not writer.is_open or out or err or worker._talk is not None:
                worker._end_call()
            # What cannot change is made text of with the others.
            if kind in atoms and (kind is not str or len(value) <= SHORT_CHARS):
                values.append(value)
            else:
                answers.add(value)
        now = perf_counter()
        if now - then > answers.longest:
            answers.longest = now - then
        then = now
        if now - begun > LATEST_SECONDS:
            answers.flush(now - begun)
            begun = now
    logs.call = None
    cancellation.call = cancellation.item = 0
    if context is not None:
        current_context.set(NOTHING)
    answers.flush(then - begun)


def _refuse_all(worker: Worker, told: dict[str, Any], refused: dict[str, Any]) -> None:
    for number in range(told["id"], told["id"] + len(told["items"])):
        worker._send_error(number, refused, started=False)


class Answers:
    """The answers of calls whose ids follow each other, as far as they have not been sent."""

    def __init__(self, worker: Worker, first: int) -> None:
        self._worker = worker
        self._handing = worker._handing = worker._handles.handing(None)
        # The last results, of which no text is made yet.
        self.values: list[Any] = []
        # How long the longest call took of those that have not been told, in seconds.
        self.longest = 0.0
        # The text of the results before those, and whose they are: the call `first` and those that follow it.
        self._texts: list[str] = []
        self._chars = 0
        self._first = first
        self._count = 0

    def add(self, value: Any) -> None:
        """Answer the next call."""
        if self.values:
            self._write_values()
        self._add(value)

    def refuse(self, raised: BaseException, since: float) -> None:
        """Let the next call fail by `raised`, once all before it are answered; `since`: when it was begun."""
        told = error.of_exception(raised)
        took_us = int((perf_counter() - since) * 1e6)
        self._worker._send_error(self._first, told, took_us=took_us)
        self._first += 1

    def flush(self, took: float = 0.0) -> None:
        """Send what there is, which took so many seconds."""
        if self.values:
            self._write_values()
        self._send(took)

    def _write_values(self) -> None:
        values = self.values.copy()
        self.values.clear()
        text = encode_plain(values, self._worker._depth_max + 1)
        if text is None:
            for value in values:
                self._add(value)
        else:
            self._put(text[1:-1], len(values))

    def _add(self, value: Any) -> None:
        worker, attachments = self._worker, NO_ATTACHMENTS
        try:
            try:
                text = encode_plain(value, worker._depth_max, JOINED_CHARS)
                if text is None:
                    # What it stands for may be JSON, as that of a date or a dataclass is.
                    text, attachments = encode(value, worker._depth_max, self._handing, JOINED_CHARS)
            except MessageTooLarge:
                text = None
            if text is not None and attachments is NO_ATTACHMENTS and len(text) < JOINED_CHARS:
                self._put(text, 1)
                return
            # What is large, or more than JSON, has a message of its own.
            self._send()
            if text is None or attachments is NO_ATTACHMENTS:
                say_part = partial(worker.say_part, self._first)
                text, attachments = encode(value, worker._depth_max, self._handing, worker._bytes_max, say_part)
        except BaseException as raised:
            self._send()
            self._refuse(raised)
            return
        answer = message.reply(self._first, text, attachments is NO_ATTACHMENTS)
        self._worker._send_answer(self._first, None, answer, attachments, self._handing)
        self._first += 1

    def _put(self, text: str, count: int) -> None:
        self._texts.append(text)
        self._count += count
        self._chars += len(text)
        if self._chars >= JOINED_CHARS:
            self._send()

    def _refuse(self, raised: BaseException) -> None:
        self._worker._send_error(self._first, error.of_exception(raised))
        self._first += 1

    def _send(self, took: float = 0.0) -> None:
        count = self._count
        if not count:
            return
        first, texts, longest = self._first, self._texts.copy(), self.longest
        self._texts.clear()
        self._first += count
        self._count = self._chars = 0
        self.longest = 0.0
        line = message.mapped(first, ",".join(texts), int(took * 1e6), int(longest * 1e6))
        if len(line) <= self._worker._bytes_max:
            self._worker._writer.write(line)
        else:
            self._send_apart(first, ",".join(texts))

    def _send_apart(self, first: int, texts: str) -> None:
        for number, value in enumerate(decode(f"[{texts}]".encode()), first):
            answer = message.reply(number, encode_unchecked(value), True)
            self._worker._send_answer(number, None, answer, [], self._handing)


# For longer no answer waits for others.
LATEST_SECONDS = 0.0002
# Longer text is made JSON of at once, so that what waits is never large.
SHORT_CHARS = 256
# Messages of that length are no cheaper for being longer.
JOINED_CHARS = 32_768
