"""The lane `serial`: calls are run one after the other, by the thread that reads them, and each is answered in one function.

Where many workers take turns, each finds the caches of its processor full of what the others needed, and has every function
that runs and every object that is looked into brought there anew: that is most of what a call costs then.
"""

from __future__ import annotations

from time import perf_counter

from . import error
from .cancel import GIVEN_UP, CallCancelled
from .context import NOTHING
from .context import current as current_context
from .message import REPLY, read_message
from .value import ATOMS, NO_ATTACHMENTS, PLAIN, encode, encode_atom
from .worker import EXTRAS, NO_KWARGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .worker import Worker


def answer_calls(worker: Worker) -> bool:
    """Answer the calls, each in its turn, and let `worker` take every other message; return True at `stop`, and False once Node has hung up."""
    reader, kept = worker._reader, worker._inbox.kept
    writer, logs, functions = worker._writer, worker._logs, worker._functions
    cancellation, mark, joining, check = worker._cancellation, worker._mark, worker._joining, worker._check
    out, err = logs._stdout.held, logs._stderr.held
    bytes_max, depth_max, short_s, small_bytes = worker._bytes_max, worker._depth_max, worker._short_s, worker._small_bytes

    def say_part(text: str) -> None:
        worker.say_part(cancellation.call, text)

    # All of a call that is more than a name and arguments.
    call: dict[str, Any] | None
    value: Any
    text: Any
    while True:
        if kept:
            received = kept.popleft()
        else:
            line = reader.line()
            if line is None:
                return False
            received = read_message(line, reader)
            # It may be as long as what is in it.
            del line
        if type(received) is list:
            number, name, args = received
            call = session = context = owner = exchange = None
            function = functions.get(name)
        elif received["type"] == "call":
            call, exchange = received, None
            number, name, args, session, context = call["id"], call["name"], call["args"], call.get("session"), call.get("context")
            owner = call.get("lease", session)
            function = functions.get(name) if "on" not in call else worker._handles.find(call)
        elif worker._take(received):
            return True
        else:
            del received
            continue
        if function is None:
            worker._send_error(number, error.of_unknown(name, list(functions)), started=False)
            del received, call, args
            continue
        handing = worker._handing
        if handing.owner != owner or handing.unsent:
            handing = worker._handing = worker._handles.handing(owner)
        never_begun: BaseException | None = None
        if call is not None and not EXTRAS.isdisjoint(call):
            try:
                exchange = worker._begin_talk(call, function, handing)
                args = call["args"]
            except (ImportError, OSError, MemoryError) as missing:
                never_begun = missing
        if never_begun is None and (cancellation.missed or cancellation.is_deaf) and cancellation.is_cancelled(number):
            never_begun = CallCancelled(GIVEN_UP)
        if never_begun is not None:
            worker._end_talk()
            worker._send_error(number, error.of_exception(never_begun), started=False)
            del received, call, args, exchange, never_begun
            continue
        may_wait = False
        if joining is not None and (joining.lines or joining.page.used):
            may_wait = exchange is None and (call is None or "on" not in call)
            began = joining.begin(name if may_wait else None)
        else:
            began = perf_counter()
        if session is not None:
            worker._sessions.enter(session)
        if context is not None:
            current_context.set(context)
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
                    check(function, args, NO_KWARGS if call is None else call.get("kwargs", NO_KWARGS))
                value = function(*args) if call is None else function(*args, **call.get("kwargs", NO_KWARGS))
                kind = type(value)
                if kind not in PLAIN and hasattr(kind, "__await__"):
                    value = worker._loop.run(value, cancellation)
                    kind = type(value)
                if exchange is not None and "stream" in call:  # type: ignore[operator]
                    worker._stream(exchange, call["stream"], value, worker._loop)  # type: ignore[index]
                    value, kind = None, type(None)
            finally:
                # Whatever raises in between comes from the one interruption that a call may have.
                cancellation.armed = 0
            text = encode_atom(value) if kind in ATOMS else None
            if text is None:
                text, attachments = encode(value, depth_max, handing, bytes_max, say_part)
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
        cancellation.call = 0
        if not writer.is_open or out or err or worker._talk is not None:
            worker._end_call()
        else:
            logs.call = None
        if session is not None:
            worker._sessions.leave()
        if context is not None:
            current_context.set(NOTHING)
        # Most answers are as plain as that.
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
        del received, call, args, function, exchange, value, text, answer, attachments, refused
