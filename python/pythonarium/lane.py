"""What the lanes have in common in which a worker runs several calls at a time.

A lane is a part of the worker in a file of its own, so that the worker that runs one call after the other pays
nothing for it.
"""

from __future__ import annotations

from _thread import get_ident
from contextvars import ContextVar

from . import error
from .cancel import Cancellation, be_asked
from .context import current as current_context
from .exchange import Exchange
from .inbox import DURING_A_CALL
from .logs import Logs
from .message import ProtocolError, pong
from .progress import Progress
from .progress import enter as enter_progress
from .worker import EXTRAS, FORGETS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from .handle import Handing, NoHanding
    from .message import Message
    from .start_mark import StartMark
    from .worker import Worker


class Job(Cancellation):
    """One call under way, which can be given up for itself alone."""

    def __init__(self, message: dict[str, Any], function: Callable[..., Any], mark: StartMark | None) -> None:
        super().__init__()
        self.call = message["id"]
        self.message = message
        self.function = function
        self.given_up = False
        # False once it is known that it never will be.
        self.started = True
        self.is_over = False
        # In which its code runs.
        self.thread = 0
        # These are there for a call that has more to say than an answer.
        self.exchange: Exchange | None = None
        self.mailbox: Mailbox | None = None
        self.progress: Progress | None = None
        self.handing: Handing | NoHanding
        self._mark = mark

    def is_cancelled(self, call: int) -> bool:
        """Whether the caller has given up; the page tells it before the line is read."""
        return self.given_up or super().is_cancelled(call)


class Mailbox:
    """What has come for one call: an inbox of its own."""

    def put(self, told: dict[str, Any]) -> None:
        """Let the call have what was told."""
        raise NotImplementedError

    def receive(self, call: int) -> dict[str, Any]:
        """Wait for the next message, and return it."""
        raise NotImplementedError

    async def receive_async(self, call: int) -> dict[str, Any] | None:
        """As `receive`, while the loop goes on. None: somebody who waited where they stood has taken what came."""
        raise NotImplementedError

    def leave(self) -> None:
        """Nothing: whoever waits is a task of the call's own, and has been cancelled."""


class Lane:
    """Takes the messages of the line to the calls that they are meant for."""

    def __init__(self, worker: Worker, interrupts: bool) -> None:
        """`interrupts`: a call whose caller has given up is to be ended, as far as that can be done here."""
        self.worker = worker
        self.interrupts = interrupts
        self.logs = LogsByCall(worker._writer)
        self.jobs: dict[int, Job] = {}
        self.is_stopping = False
        be_asked(self)
        enter_progress(self)

    def answer(self, messages: Iterator[Message]) -> None:
        """Answer all calls among `messages`; return once `stop` has come and all are answered."""
        raise NotImplementedError

    def make_job(self, message: dict[str, Any], function: Callable[..., Any]) -> Job:
        """Return what stands for a call of `function`."""
        return Job(message, function, self.worker._mark)

    def make_exchange(self, job: Job) -> Exchange:
        """Give `job` its mailbox, and return what it talks to Node by."""
        raise NotImplementedError

    def start(self, job: Job) -> None:
        """Have `job` run, after those that were started before."""
        raise NotImplementedError

    def cancel(self, job: Job, told: dict[str, Any]) -> None:
        """End `job`, as far as that can be done: its caller has given up."""
        raise NotImplementedError

    def is_given_up(self) -> bool:
        """Whether the caller of the call that asks has given up."""
        job = running.get()
        return job is not None and job.is_cancelled(job.call)

    def beat(self) -> None:
        """Say that the call that says so goes on, if somebody counts that."""
        job = running.get()
        if job is not None and job.progress is not None and not job.is_over:
            job.progress.beat()

    def exchange(self) -> Exchange | None:
        """Return what the call that runs here talks to Node by, made now for a plain one; None if none runs in this thread."""
        job = running.get()
        if job is None or job.is_over or get_ident() != job.thread:
            return None
        if job.exchange is None:
            job.exchange = self.make_exchange(job)
        return job.exchange

    def tell(self, done: float, total: float | None, note: str | None) -> None:
        """Tell the progress of the call that tells it, if somebody listens."""
        job = running.get()
        if job is not None and job.progress is not None and not job.is_over:
            job.progress.tell(done, total, note)

    def take(self, told: Message) -> None:
        """Do what a message says, or pass it on to its call."""
        if type(told) is list:
            self._begin({"id": told[0], "name": told[1], "args": told[2]})
            return
        kind = told["type"]
        if kind == "call":
            self._begin(told)
        elif kind in DURING_A_CALL:
            job = self.jobs.get(told["id"])
            if job is None:
                pass  # It was answered before this was read.
            elif kind == "cancel":
                # Once only: what the call does to end in order is not interrupted again.
                if not job.given_up:
                    job.given_up = True
                    self.cancel(job, told)
            elif job.mailbox is not None:
                if "rich" in told:
                    # The next that is read may say that Node is done with them, before the call takes this.
                    from .rich import restore_handles

                    restore_handles(told, job.exchange.resolve)  # type: ignore[union-attr]
                job.mailbox.put(told)
        elif kind in FORGETS:
            self.worker.forget(told)
        elif kind == "ping":
            self.worker._writer.write(pong(told["number"]))
        elif kind == "stop":
            self.is_stopping = True
        else:
            raise ProtocolError(f"a second {kind!r}")

    def enter(self, job: Job) -> None:
        """Let the code that runs here from now on be that of `job`."""
        running.set(job)
        job.thread = get_ident()
        session = job.message.get("session")
        if session is not None:
            self.worker._sessions.enter(session)
        context = job.message.get("context")
        if context is not None:
            current_context.set(context)
        if job.exchange is not None:
            job.exchange.begin()

    def leave(self, job: Job) -> None:
        """Take note that the code of `job` has come to its end, where it ran."""
        self.logs.end_call()
        job.is_over = True
        # Its arguments may be large, and what it has left behind may keep its context.
        job.message = {}
        del job.function
        if job.exchange is not None:
            job.exchange.end()

    def _begin(self, message: dict[str, Any]) -> None:
        worker = self.worker
        number, name = message["id"], message["name"]
        function = worker._functions.get(name) if "on" not in message else worker._handles.find(message)
        if function is None:
            worker._send_error(number, error.of_unknown(name, list(worker._functions)), started=False)
            return
        job = self.make_job(message, function)
        job.handing = worker._handles.handing(message.get("lease", message.get("session")))
        if not EXTRAS.isdisjoint(message):
            job.exchange = self.make_exchange(job)
            if "progress" in message or "heartbeatMs" in message:
                job.progress = Progress(job.exchange, message)
        if "rich" in message:
            from .rich import restore_call

            try:
                restore_call(message, function, job.exchange.resolve)  # type: ignore[union-attr]
            except (ImportError, OSError, MemoryError) as missing:
                worker._send_error(number, error.of_exception(missing), started=False)
                return
        self.jobs[number] = job
        self.start(job)


class LogsByCall(Logs):
    """Logs that know by the context they are written in which call they belong to."""

    def running(self) -> int | None:
        """Return the call whose code says something now; None once that is answered."""
        job = running.get()
        return None if job is None or job.is_over else job.call

    def speaker(self) -> Sequence[int | None]:
        """Return what tells apart who each have a line of their own: calls may share a thread, and threads a call."""
        return get_ident(), self.running()

    def end_call(self) -> None:
        """Send the lines that the call which ends here has begun."""
        call = self.running()
        for stream in (self._stdout, self._stderr):
            if stream.held:
                for speaker in list(stream.held):
                    if speaker[1] == call:
                        stream.flush_of(speaker)


# The call whose code runs: tasks have that of the call that made them, threads that run in a copy of its context too.
running: ContextVar[Job | None] = ContextVar("pythonarium_running", default=None)
