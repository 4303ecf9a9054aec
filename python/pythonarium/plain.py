"""Plain calls, which are a function's name and its arguments and nothing more: each is run and answered in one function.

Most calls are. Where many workers take turns, each finds the caches of its processor full of what the others needed, and
has every function that runs and every object that is looked into brought there anew: that is most of what a call costs then.
"""

from __future__ import annotations

from time import perf_counter

from . import error
from .cancel import GIVEN_UP, CallCancelled
from .message import REPLY, read_message
from .value import ATOMS, NO_ATTACHMENTS, PLAIN, encode, encode_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .worker import Worker


def answer_plain(worker: Worker) -> Iterator[dict[str, Any]]:
    """Answer the plain calls, each in its turn, and yield every other message; end once Node has hung up."""
    reader, kept = worker._reader, worker._inbox.kept
    writer, logs, functions = worker._writer, worker._logs, worker._functions
    cancellation, mark, joining, check = worker._cancellation, worker._mark, worker._joining, worker._check
    out, err = logs._stdout.held, logs._stderr.held
    bytes_max, depth_max, short_s, small_bytes = worker._bytes_max, worker._depth_max, worker._short_s, worker._small_bytes
    value: Any
    text: Any
    while True:
        if kept:
            received = kept.popleft()
        else:
            line = reader.line()
            if line is None:
                return
            received = read_message(line, reader)
            # It may be as long as what is in it.
            del line
        if type(received) is dict:
            yield received
            del received
            continue
        number, name, args = received
        function = functions.get(name)
        if function is None:
            worker._send_error(number, error.of_unknown(name, list(functions)), started=False)
            del received, args
            continue
        if (cancellation.missed or cancellation.is_deaf) and cancellation.is_cancelled(number):
            # Given up before it was started: it is never run.
            worker._send_error(number, error.of_exception(CallCancelled(GIVEN_UP)), started=False)
            del received, args
            continue
        handing = worker._handing
        if handing.owner is not None:
            handing = worker._handing = worker._handles.handing(None)
        may_wait = joining is not None and bool(joining.lines or joining.page.used)
        began = joining.begin(name) if may_wait else perf_counter()  # type: ignore[union-attr]
        logs.call = cancellation.call = number
        if mark is not None:
            mark.write(number)
        value = text = None
        answer, attachments = b"", NO_ATTACHMENTS
        refused = None
        try:
            try:
                cancellation.armed = number
                if cancellation.missed:
                    cancellation.arm(number)
                if check is not None:
                    check(function, args, {})
                value = function(*args)
                kind = type(value)
                if kind not in PLAIN and hasattr(kind, "__await__"):
                    value = worker._loop.run(value, number)
                    kind = type(value)
            finally:
                # Whatever raises in between comes from the one interruption that a call may have.
                cancellation.armed = 0
            text = encode_plain(value, depth_max) if kind in ATOMS else None
            if text is None:
                text, attachments = encode(value, depth_max, handing)
            now = perf_counter()
            took = now - began
            if took < short_s and attachments is NO_ATTACHMENTS and len(text) <= small_bytes:
                answer = (REPLY % (number, text)).encode()
            else:
                answer = worker._reply(number, text, attachments, took)
        # Everything: SystemExit and KeyboardInterrupt end a call and not its worker.
        except BaseException as raised:
            took = perf_counter() - began
            refused = worker._refusal(raised)
        if not writer.is_open or out or err or worker._talk is not None:
            worker._end_call()
        else:
            logs.call = None
            cancellation.call = 0
        if refused is None and not attachments and len(answer) <= bytes_max:
            # What stands for an object may only be sent once.
            if may_wait and attachments is NO_ATTACHMENTS:
                joining.end(name, took, now, answer)  # type: ignore[union-attr]
            else:
                writer.write(answer)
        else:
            if may_wait:
                joining.failed(name)  # type: ignore[union-attr]
            worker._send_answer(number, refused, answer, attachments, handing, took=took)
        # They may be large, and the next may be long in coming.
        del received, args, value, text, answer, attachments, refused
