"""The worker: says hello, imports the modules of the pool, and answers calls, one after the other.

The main thread does all of it, reading and running. A thread between the line and the
functions would cost half as much again as the whole exchange. Where Node asks for several calls
at a time, a lane takes the place of `answer_calls`.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from _signal import SIG_BLOCK, SIG_DFL, SIGINT, SIGUSR1, SIGUSR2, getsignal, pthread_sigmask, signal  # type: ignore[import-not-found]  # `signal` is slow to import.
from _thread import get_ident, start_new_thread
from errno import EBADF

from . import __version__, error, message
from .busy_poll import BusyPoll
from .cancel import Cancellation
from .descriptors import close_inherited, move_away
from .event_loop import EventLoop, is_setups
from .expose import NameTaken, NothingExposed, find_callable, find_exposed, find_generators
from .fork_hooks import run_fork_hooks
from .frame import LineEnded, LineReader, LineTooLong, LineWriter, poll_of
from .handle import HandleStore
from .inbox import DURING_A_CALL, Inbox
from .joining import Joining, has_one_processor
from .logs import Logs
from .message import PROTOCOL, MessageTooLarge, ProtocolError
from .modules import files_behind, files_below, load_modules
from .parent import end_with
from .session import SessionStore
from .start_mark import StartMark
from .value import NO_ATTACHMENTS, PARTED, ValueRefused, name_with_article

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType
    from typing import Any, NoReturn

    from .exchange import Exchange
    from .handle import Handing, NoHanding
    from .kept import KeptStore
    from .lane import Lane
    from .reply_page import ReplyPage
    from .shared_file import NodeFiles
    from .template import Template


def main() -> None:
    """Be a worker on descriptor 3 until Node says stop.

    Returns after `stop`, for Python to end as it always does. Otherwise ends the process at once: with 0 when Node is
    gone, 1 when the start failed, 2 when Node sent what is no message, 3 when the worker itself broke.
    """
    begin(kept=START_MARK + 1)
    try:
        Worker(take_line(LINE), START_MARK).run()
    except BaseException as raised:
        leave_for(raised)


def begin(kept: int) -> None:
    """Make of this process what Node expects, before any code of the user's; the first `kept` descriptors are its own."""
    if len(sys.argv) > 2:
        end_with(int(sys.argv[2]))
    close_inherited(kept)
    # Ctrl-C in a terminal reaches every process of its group; what it means is for Node to say. By a handler, since what a
    # function starts would inherit SIG_IGN, and could not be interrupted by that function.
    signal(SIGINT, ignore)
    # A crash in C code then says on standard error which Python line it came from.
    faulthandler.enable(2)
    # What a library that reads its arguments would find there is ours.
    del sys.argv[1:]
    # To free a block of that size has glibc take blocks as large from the heap, and leave twice as much there when it is
    # free. Else it gives the kernel all that a message of a megabyte took, and has it back, page by page, for the next.
    bytes(KEPT_BLOCK_BYTES)


def ignore(_number: int, _frame: Any) -> None:
    """Be the handler of a signal that is not for this process to act upon."""


def be_batch_work() -> None:
    """Have this thread take no processor from others when it is woken, unless somebody has chosen another policy for it.

    The threads and processes that it starts from then on are scheduled so, too: the kernel has no word for leaving them out.
    """
    try:
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except (AttributeError, OSError):
        pass  # Another system than Linux, or a sandbox that does not let it.


class End:
    """Python's end of a line to Node: what a worker and a template have in common."""

    def __init__(self, line: int) -> None:
        self._line = line
        self._reader = LineReader(line, MESSAGE_BYTES_MAX)
        self._writer = LineWriter(line)
        self._logs = Logs(self._writer)
        self._bytes_max = MESSAGE_BYTES_MAX

    def _greet(self) -> None:
        """Say who answers here. What this process forks from then on lets go of the line."""
        os.register_at_fork(after_in_child=self._leave_line_to_parent)
        python = ".".join(map(str, sys.version_info[:3]))
        self._writer.write(message.hello(__version__, python, sys.executable, os.getpid()))

    def _fail(self, stage: str, told: dict[str, Any], files: Sequence[str] | None = None) -> NoReturn:
        """Tell Node how the start has failed, and end."""
        if not self._writer.is_open:
            leave(1, told["traceback"])
        self._logs.flush()
        self._writer.write(message.failed(stage, error.to_json(told, self._bytes_max - ENVELOPE_BYTES), files))
        # At once, since a thread that a module has started may never end.
        leave(1)

    def _leave_line_to_parent(self) -> None:
        self._writer.abandon()
        self._logs.abandon()


class Worker(End):
    """Python's end of the line, and what is needed to answer on it.

    `start_mark` is the descriptor of the page for it. `template`: what this process was forked of, which has imported
    the modules.
    """

    def __init__(self, line: int, start_mark: int, template: Template | None = None) -> None:
        super().__init__(line)
        self._start_mark = start_mark
        self._template = template
        self._cancellation = Cancellation()
        self._inbox = Inbox(self._reader, self._cancellation, lambda: leave(0), leave_for)
        self._loop = EventLoop()
        self._sessions = SessionStore()
        self._handles = HandleStore()
        # Absent until the first function has come that is kept.
        self._kept: KeptStore | None = None
        # Of the call that runs here, or the last one: what hands its objects to Node, and what it talks to Node by if it does.
        self._handing: Handing | NoHanding = self._handles.handing(None)
        self._talk: Exchange | None = None
        self._thread = get_ident()
        self._modules: dict[str, ModuleType] = {}
        self._functions: dict[str, Callable[..., Any]] = {}
        self._check: Callable[..., None] | None = None
        self._teardown: Callable[[], None] = nothing
        self._mark: StartMark | None = None
        # Absent where every reply is written at once.
        self._joining: Joining | None = None
        # An answer that took as long says so, and one of more bytes.
        self._short_s = self._small_bytes = float("inf")
        # Nothing where calls run one after the other.
        self._lane: Lane | None = None
        self._depth_max = 0

    def run(self) -> None:
        """Shake hands, answer calls until `stop`, tear down."""
        watch_for_hang_up(self._line)
        self._greet()

        init = self._inbox.read()
        if init is None:
            leave(0)
        kind = "call" if type(init) is list else init["type"]
        if kind != "init":
            raise ProtocolError(f"the first message is {kind!r} and not 'init'")
        self._start(init)
        if not self._writer.is_open:
            leave_child(None)
        if self._lane is None:
            if init.get("batchScheduling", False):
                be_batch_work()
            poll = poll_of(self._line)
            if init.get("busyPoll", False):
                self._reader.wait_by(BusyPoll(poll).wait, OWN_THREADS)
            elif has_one_processor():
                # Where Python has a processor of its own, to be woken for nothing is to be awake when the next call comes.
                self._reader.wait_by(poll, OWN_THREADS)
            from .serial import answer_calls

            if not answer_calls(self):
                leave(0)
        else:
            self._lane.answer(iter(self._inbox.read, None))
        self._stop()

    def _start(self, init: dict[str, Any]) -> None:
        """Import, expose and set up as `init` says, and tell Node how that went."""
        if init["protocol"] != PROTOCOL:
            self._fail("protocol", error.of_exception(VersionMismatch(init["protocol"])))
        self._bytes_max = self._reader.bytes_max = init["limits"]["messageBytesMax"]
        message.attachment_bytes_max = init["limits"]["attachmentBytesMax"]
        self._depth_max = init["limits"]["depthMax"]
        lane = init.get("lane", "serial")
        if lane != "serial":
            self._lane = make_lane(lane, self, init.get("interrupts", False))
            self._logs = self._lane.logs
        self._logs.install(self._bytes_max)
        if self._template is not None:
            self._template._logs.hand_over(self._logs)
        if init.get("stacks") and getsignal(SIGUSR2) == SIG_DFL:
            # From C code, so that it comes from a thread too that runs no Python or holds the interpreter.
            faulthandler.register(SIGUSR2, 2)
        stage = "protocol"
        try:
            if init["startMark"]:
                if "share" in init:
                    self._reader.files = find_files(init["share"], self._start_mark)
                self._mark = StartMark(self._start_mark, init.get("replyPage", False))
                if self._lane is None:
                    self._cancellation.watch(self._mark)
                    if self._mark.replies is not None:
                        self._join(self._mark.replies, init.get("sharesProcessors", False))
                        if "shortUs" in init:
                            self._short_s, self._small_bytes = init["shortUs"] / 1e6, SMALL_BYTES
                    if init.get("interrupts"):
                        self._cancellation.listen()
            stage = "limits"
            if "resources" in init:
                from .limits import limit

                limit(init["resources"])
            stage = "import"
            if self._template is None:
                self._modules = load_modules(init)
            else:
                self._modules = self._template.modules
            of_setup = is_setups.set(True)
            run_fork_hooks(self._complete)
            stage = "expose"
            self._functions = find_exposed(self._modules, init["expose"])
            self._handles.expose(self._functions)
            if init.get("validate"):
                from .validate import Validator

                self._check = Validator().check
            stage = "setup"
            setup = self._find_step(init["setup"])
            self._teardown = self._find_step(init["teardown"])
            setup()
            is_setups.reset(of_setup)
        except (NothingExposed, NameTaken, StepMissing) as reason:
            self._fail(stage, error.of_names(str(reason), list(self._functions)), files_behind(reason, init))
        except BaseException as raised:
            self._fail(stage, error.of_exception(raised), files_behind(raised, init))
        self._logs.flush()
        names, generators = list(self._functions), find_generators(self._functions)
        files = files_below(init["watch"], self._modules.values()) if "watch" in init else None
        shares = self._reader.files is not None if "share" in init else None
        # A module that has taken a signal for itself is left in peace.
        stacks = init.get("stacks", False) and getsignal(SIGUSR2) == SIG_DFL
        heard = self._cancellation.find_hearing()
        self._writer.write(message.ready(names, generators, heard, stacks, files, shares))

    def _take(self, told: dict[str, Any]) -> bool:
        """Do what a message says that is no call. Returns whether it is `stop`."""
        kind = told["type"]
        self._writer.flush()
        if kind == "map":
            from .batch import answer_items

            answer_items(self, told)
        elif kind in FORGETS:
            self.forget(told)
        elif kind == "ping":
            self._writer.write(message.pong(told["number"]))
        elif kind in DURING_A_CALL:
            # Its call was answered before this was read: given up in vain, perhaps, by a signal that a function has taken for itself.
            self._cancellation.find_hearing()
        elif kind != "stop":
            raise ProtocolError(f"a second {kind!r}")
        return bool(kind == "stop")

    def _begin_talk(self, call: dict[str, Any], function: Callable[..., Any], handing: Handing | NoHanding) -> Exchange | None:
        """Put in the arguments what only the call can make of them, and return what it talks to Node by, if it does.

        Raises ImportError, OSError and MemoryError for what cannot be had here.
        """
        if not TALKS.isdisjoint(call):
            self._exchange(call, handing)
        if "rich" in call:
            from .rich import restore_call

            # Values need no more than that. What is more than a value is what the call will talk to Node about.
            restore_call(call, function, lambda kind, data: (self._talk or self._exchange(call, handing)).resolve(kind, data))
        return self._talk

    def _reply(self, number: int, text: str, attachments: list[memoryview], took: float) -> bytes:
        """Return the line with the answer of a call that took so long."""
        is_plain = attachments is NO_ATTACHMENTS
        if took >= self._short_s or attachments is PARTED or len(text) + (0 if is_plain else size_of(attachments)) > self._small_bytes:
            return message.long_reply(number, text, is_plain, int(took * 1e6))
        return message.reply(number, text, is_plain)

    def _refusal(self, raised: BaseException) -> dict[str, Any]:
        """Return what Node is told of a call that came to `raised`; in a forked child, end."""
        if not self._writer.is_open:
            leave_child(raised)
        return error.of_exception(raised)

    def _end_call(self, raised: BaseException | None = None) -> None:
        """Take note that a call has come to its end, by `raised` or well, and has left more behind than a result; in a forked child, end."""
        if not self._writer.is_open:
            leave_child(raised)
        self._logs.end_call()
        self._end_talk()

    def _join(self, page: ReplyPage, shares_processors: bool) -> None:
        """Let replies wait for each other in `page`, from here on."""
        self._writer.hold_in(page)
        self._reader.before_wait = self._writer.flush
        self._joining = Joining(self._reader, self._writer, page, shares_processors=shares_processors)

    def _send_answer(
        self,
        number: int,
        refused: dict[str, Any] | None,
        answer: bytes,
        attachments: list[memoryview],
        handing: Handing | NoHanding,
        started: bool = True,
        took: float = 0.0,
    ) -> None:
        """Send the answer of a call, or the error that it came to; or that it is too large to be sent."""
        if refused is None:
            try:
                self.say("", answer, attachments)
                return
            except MessageTooLarge as too_large:
                refused = error.of_exception(too_large)
        handing.take_back()
        self._send_error(number, refused, started, int(took * 1e6) if took >= self._short_s else None)

    def say(self, what: str, line: bytes, attachments: Any = ()) -> None:
        """Send something of a call's: its answer, or `what` is named. Raises MessageTooLarge if Node would not take it."""
        if len(line) - 1 > self._bytes_max:
            raise MessageTooLarge(what, len(line) - 1, self._bytes_max)
        if attachments:
            message.check_attachments(what, size_of(attachments))
        self._writer.write(line, attachments)

    def say_part(self, call: int, text: str) -> None:
        """Send a part of the answer of `call`."""
        self._writer.write(message.part(call, text))

    def _exchange(self, call: dict[str, Any], handing: Handing | NoHanding) -> Exchange:
        from .exchange import Exchange

        exchange = self._talk = Exchange(call["id"], self, self._inbox, self._cancellation, handing)
        if "progress" in call or "heartbeatMs" in call:
            from .progress import Progress, enter

            enter(Progress(exchange, call))
        return exchange

    def _end_talk(self) -> None:
        """Take note that the call that runs, or was to run, is answered."""
        if self._talk is None:
            return
        from .progress import enter

        self._talk.end()
        self._talk = None
        enter(None)

    def exchange(self) -> Exchange | None:
        """Return what the call that runs talks to Node by, made now for a plain one; None if none runs in this thread."""
        call = self._cancellation.call
        if not call or get_ident() != self._thread:
            return None
        if self._talk is None:
            self._exchange({"id": call}, self._handing)
        return self._talk

    def kept_store(self) -> KeptStore:
        """Return what holds the functions of Node's that are kept."""
        if self._kept is None:
            from .kept import KeptStore

            self._kept = KeptStore(self._lane or self)
        return self._kept

    def forget(self, told: dict[str, Any]) -> None:
        """Let go of what Node says that it is done with."""
        kind = told["type"]
        if kind == "session.end":
            self._sessions.end(told["session"])
        if kind != "kept.drop":
            self._handles.forget(told)
        if kind != "handles.drop" and self._kept is not None:
            self._kept.forget(told)

    def _stream(self, exchange: Exchange, room: dict[str, int], value: Any, loop: EventLoop) -> None:
        """Send the items of `value`. Raises what it raises, and ValueRefused if it has none."""
        from .stream import Stream

        # A coroutine that has returned `value` has left it disarmed.
        exchange.cancellation.arm(exchange.call)
        is_async, items = items_of(value)
        stream = Stream(exchange, room)
        if is_async:
            loop.run(stream.send_async(items), exchange.cancellation)
        else:
            stream.send(items)

    def _stop(self) -> None:
        """Run the teardown. What goes wrong in it is printed, since nobody waits for an answer any more."""
        try:
            try:
                self._teardown()
            finally:
                self._loop.close()
        except BaseException as raised:
            # Not by `sys.stderr`, which may be something of the user's by now, or nothing.
            self._logs._stderr.write("pythonarium: the teardown failed:\n" + error.of_exception(raised)["traceback"])
        self._logs.flush()

    def _find_step(self, step: dict[str, Any] | None) -> Callable[[], None]:
        """Return what runs `setup` or `teardown`. Raises StepMissing when there is no such function."""
        if step is None:
            return nothing
        function = find_callable(self._modules, self._functions, step["name"])
        if function is None:
            raise StepMissing(step["name"])

        def run() -> None:
            self._complete(function(*step.get("args", ()), **step.get("kwargs", NO_KWARGS)))

        return run

    def _complete(self, value: Any) -> None:
        """Run what a step has returned, if it is a coroutine. The tasks that it makes live on."""
        if hasattr(type(value), "__await__"):
            self._loop.run(value, self._cancellation, keep_tasks=True)

    def _send_error(self, number: int, told: dict[str, Any], started: bool = True, took_us: int | None = None) -> None:
        self._writer.write(message.error(number, error.to_json(told, self._bytes_max - ENVELOPE_BYTES), started, took_us))


class VersionMismatch(Exception):
    """Node speaks another version of the protocol."""

    def __init__(self, theirs: int) -> None:
        super().__init__(
            f"Node speaks version {theirs} of the protocol and this Python side version {PROTOCOL}: "
            "the worker was started with the Python folder of another release of pythonarium."
        )


class StepMissing(Exception):
    """There is no function of the name that `setup` or `teardown` gives."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no function {name!r} in the modules of this pool.")


def take_line(descriptor: int) -> int:
    """Return a descriptor for the line that no subprocess inherits and no ordinary code will happen upon."""
    try:
        os.set_inheritable(descriptor, False)
        os.set_blocking(descriptor, True)
    except OSError:
        leave(1, f"pythonarium: there is no line on descriptor {descriptor}. A worker is started by Node, not by hand.")
    return move_away(descriptor)


def watch_for_hang_up(line: int) -> None:
    """End the process when Node is gone, even while a function sleeps or loops for ever."""
    from select import POLLNVAL, poll

    poller = poll()
    poller.register(line, 0)  # No event is asked for: a hang-up is always told.

    def watch() -> None:
        # Signals are for the main thread: only there do they end a sleep.
        pthread_sigmask(SIG_BLOCK, (SIGUSR1, SIGUSR2))
        ((_, events),) = poller.poll()
        # Where code in this worker has closed the descriptor, the main thread will find that, and say so.
        if not events & POLLNVAL:
            os._exit(0)

    # Not a `threading` one: that is slow to import, and the interpreter would wait for it.
    start_new_thread(watch, ())


def find_files(share: dict[str, int], start_mark: int) -> NodeFiles | None:
    """Return what Node has open, if that can be opened here; the start mark, which both have, is the proof."""
    from .shared_file import NodeFiles

    files = NodeFiles(share["pid"])
    return files if files.can_be_opened(share["mark"], start_mark) else None


def make_lane(name: str, worker: Worker, interrupts: bool) -> Lane:
    """Return the lane of that name, which nobody pays for who does not ask for it."""
    if name == "asyncio":
        from .lane_asyncio import AsyncioLane

        return AsyncioLane(worker, interrupts)
    from .lane_threads import ThreadsLane

    return ThreadsLane(worker, interrupts)


def items_of(value: Any) -> tuple[bool, Any]:
    """Return whether the items of `value` come asynchronously, and the iterator over them. Raises ValueRefused if it has none."""
    kind = type(value)
    if hasattr(kind, "__aiter__"):
        return True, value.__aiter__()
    if hasattr(kind, "__iter__") and not isinstance(value, WHOLE):
        return False, iter(value)
    raise ValueRefused("value", f"is {name_with_article(kind)}, which has no items to stream; use call() for it")


def size_of(attachments: list[memoryview]) -> int:
    """Return how many bytes they are together."""
    return sum([one.nbytes for one in attachments])


def nothing() -> None:
    """Be the setup or the teardown where there is none."""


def leave(code: int, text: str = "") -> NoReturn:
    """End the process now, with a last word on standard error."""
    try:
        if text:
            os.write(2, text.encode("utf-8", "backslashreplace") + b"\n")
    finally:
        # Nobody is there to read it, or there is no memory for it: the end comes all the same.
        os._exit(code)


def leave_for(raised: BaseException) -> NoReturn:
    """End the process as it has to end when that was raised, and not by a call."""
    if isinstance(raised, (ProtocolError, LineTooLong)):
        leave(2, f"pythonarium: Node and Python no longer understand each other: {raised}")
    if isinstance(raised, (BrokenPipeError, ConnectionResetError, LineEnded)):
        leave(0)
    if isinstance(raised, OSError) and raised.errno == EBADF:
        leave(3, "pythonarium: code in this worker has closed the descriptor of its line to Node.")
    if isinstance(raised, SystemExit):
        leave_by(raised)  # Of a signal handler of the user's: the process is to end.
    text = "pythonarium: the worker itself broke"
    try:
        from traceback import format_exception

        text = f"{text}:\n{''.join(format_exception(type(raised), raised, raised.__traceback__))}"
    finally:
        # There may be no memory for that.
        leave(3, text)


def leave_child(raised: BaseException | None) -> NoReturn:
    """End a forked child whose function has come back: the answer is its parent's to give."""
    if raised is None:
        leave(0)
    leave_by(raised)


def leave_by(raised: BaseException) -> NoReturn:
    """End the process as any would that lets this through."""
    if not isinstance(raised, SystemExit):
        leave(1, error.of_exception(raised)["traceback"])
    if raised.code is None or isinstance(raised.code, int):
        leave((raised.code or 0) & 0xFF)
    leave(1, str(raised.code))


LINE = 3
START_MARK = 4
# That which watches for the end of Node.
OWN_THREADS = 1
MESSAGE_BYTES_MAX = 64 * 1024 * 1024
# No memory, since no byte of it is ever touched.
KEPT_BLOCK_BYTES = 4 * 1024 * 1024
# What is around an ERROR in its message, generously.
ENVELOPE_BYTES = 128
# What Node says that it is done with.
FORGETS = frozenset(("session.end", "lease.end", "handles.drop", "kept.drop"))
# The members of a call that make it more than a question and an answer.
EXTRAS = frozenset(("rich", "stream", "progress", "heartbeatMs"))
# And those that make it one for certain.
TALKS = EXTRAS - {"rich"}
# These could be iterated over, and are meant as one value.
WHOLE = (str, bytes, bytearray, memoryview, dict)
NO_KWARGS: dict[str, Any] = {}
# About one write; what is larger takes a while on its way, too.
SMALL_BYTES = 64 * 1024
