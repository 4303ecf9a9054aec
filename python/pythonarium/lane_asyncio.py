"""The lane `asyncio`: each call is a task, and all share one event loop in the main thread, which reads the line too."""

from __future__ import annotations

import asyncio
from _functools import partial
from collections import deque
from contextvars import copy_context

from . import message
from .cancel import GIVEN_UP, CallCancelled
from .event_loop import cancel_all, note_tasks
from .exchange import Exchange
from .lane import Job, Lane, Mailbox, running
from .stream import Stream
from .value import NO_ATTACHMENTS, PLAIN, encode
from .worker import NO_KWARGS, items_of, leave, leave_child, leave_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any

    from .message import Message


class AsyncioLane(Lane):
    """Runs coroutines side by side; what is no coroutine holds up the others while it runs."""

    jobs: dict[int, AsyncioJob]  # type: ignore[assignment]

    def answer(self, messages: Iterator[Message]) -> None:
        """Answer all calls among `messages`; return once `stop` has come and all are answered."""
        self._messages = messages
        self._reader = self.worker._reader
        self._broken: BaseException | None = None
        self._is_over = False
        # Somebody has waited for the line and read it, though the loop may still mean to do so.
        self._was_read = False
        # What the setup has left; no call finds here what another one has set.
        self._context = copy_context()
        loop = self._loop = self.worker._loop.open()
        note_tasks(loop, _note)
        loop.add_reader(self._reader.descriptor, self._on_readable)
        # What came along with the handshake makes no descriptor readable.
        if self._reader.has_line:
            self._take_all()
        while not self._is_over:
            try:
                loop.run_forever()
            except (SystemExit, KeyboardInterrupt):
                # Raised in a task of a call, of which whoever waits for that task is told; or where none runs, which as in the
                # other lanes is meant for the process.
                if not self.jobs:
                    raise
        loop.remove_reader(self._reader.descriptor)
        # The teardown has its tasks made whatever a call has done to that.
        loop.set_task_factory(None)
        if self._broken is not None:
            raise self._broken

    def read(self) -> None:
        """Wait for the line, and take in what comes. All else stands still meanwhile."""
        self._was_read = True
        # At once, since the call may catch what is raised, and go on to wait for what was lost.
        self._reader.take_next(self._take_all, leave_for)

    def make_job(self, message: dict[str, Any], function: Callable[..., Any]) -> AsyncioJob:
        """Return what stands for a call of `function`."""
        return AsyncioJob(message, function, self.worker._mark)

    def make_exchange(self, job: Job) -> Exchange:
        """Give `job` its mailbox, and return what it talks to Node by."""
        mailbox = job.mailbox = LoopMailbox(self)
        return LoopExchange(job.call, self.worker, mailbox, job, job.handing)

    def start(self, job: AsyncioJob) -> None:  # type: ignore[override]
        """Make a task of `job`. Tasks start in the order in which they are made."""
        # Not by the loop's own factory of tasks, which may be the user's and may run them at once.
        job.task = self._context.run(CallTask, self._run(job), loop=self._loop)

    def cancel(self, job: AsyncioJob, told: dict[str, Any]) -> None:  # type: ignore[override]
        """Cancel the task of `job`, if it has come to an `await`; what waits for Node otherwise is told."""
        if job.exchange is not None:
            job.exchange.is_given_up = True
        may_cancel = job.is_awaiting and self.interrupts
        if job.mailbox is not None and (running.get() is job or not may_cancel):
            job.mailbox.put(told)
            # Its own task has read this: it waits for Node where it stands, and would only hear of it after that.
            may_cancel = may_cancel and asyncio.current_task(self._loop) is not job.task
        if may_cancel:
            job.task.cancel()

    def _on_readable(self) -> None:
        if self._was_read:
            # If more is there, the loop says so again.
            self._was_read = False
            return
        try:
            self._take_all()
        except BaseException as bug:
            self._break(bug)

    def _take_all(self) -> None:
        # What can be read ends a line soon: Node writes whole ones.
        while True:
            told = next(self._messages, None)
            if told is None:
                leave(0)
            self.take(told)
            if not self._reader.has_line:
                break
        self._stop_if_done()

    def _stop_if_done(self) -> None:
        if self.is_stopping and not self.jobs:
            self._is_over = True
            self._loop.stop()

    def _break(self, bug: BaseException) -> None:
        self._broken = bug
        self._is_over = True
        self._loop.stop()

    async def _run(self, job: AsyncioJob) -> None:
        try:
            await self._answer_call(job)
        except BaseException as bug:
            self._break(bug)
        else:
            # The task keeps its context, and the context the job.
            del self.jobs[job.call], job.task
            self._stop_if_done()

    async def _answer_call(self, job: AsyncioJob) -> None:
        worker, call = self.worker, job.message
        job.task.has_begun = True
        self.enter(job)
        refused, answer, attachments = None, b"", []
        try:
            job.started = not job.is_cancelled(job.call)
            if not job.started:
                raise CallCancelled(GIVEN_UP)
            if worker._mark is not None:
                worker._mark.write(job.call)
            value = job.run_plain(self._call, job)
            job.is_awaiting = True
            if job.given_up:
                raise CallCancelled(GIVEN_UP)
            if type(value) not in PLAIN and hasattr(type(value), "__await__"):
                value = await value
            if "stream" in call:
                value = await self._stream(job, value)
            job.is_awaiting = False
            text, attachments = encode(value, worker._depth_max, job.handing, worker._bytes_max, partial(worker.say_part, job.call))
            answer = message.reply(job.call, text, attachments is NO_ATTACHMENTS)
        except BaseException as raised:
            job.is_awaiting = False
            refused = worker._refusal(raised)
        if not worker._writer.is_open:
            leave_child(None)
        await job.end_tasks()
        self.leave(job)
        worker._send_answer(job.call, refused, answer, attachments, job.handing, job.started)

    def _call(self, job: AsyncioJob) -> Any:
        args, kwargs = job.message["args"], job.message.get("kwargs", NO_KWARGS)
        if self.worker._check is not None:
            self.worker._check(job.function, args, kwargs)
        return job.function(*args, **kwargs)

    async def _stream(self, job: AsyncioJob, value: Any) -> None:
        is_async, items = items_of(value)
        await Stream(job.exchange, job.message["stream"]).send_async(items if is_async else _one_by_one(job, items))  # type: ignore[arg-type]


class AsyncioJob(Job):
    """A call and its task."""

    task: CallTask
    # It can be cancelled as a task is.
    is_awaiting = False
    # What runs now is no coroutine.
    is_plain = False

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        # Those that it has made.
        self.tasks: set[asyncio.Task[Any]] = set()

    def run_plain(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return what `function` returns, which may wait for Node where it stands."""
        self.is_plain = True
        try:
            return function(*args)
        finally:
            self.is_plain = False

    async def end_tasks(self) -> None:
        """Cancel the tasks that the call leaves behind, as in the other lanes."""
        if self.tasks:
            try:
                await cancel_all(self.tasks)
            except asyncio.CancelledError:
                pass  # By one of them, or by the call itself: it is answered all the same.


class CallTask(asyncio.Task):  # type: ignore[type-arg]
    """The task of a call. Nobody can cancel it before it has begun: nothing of it would run, and the call would never be answered."""

    has_begun = False

    def cancel(self, msg: Any = None) -> bool:
        """As any task is cancelled, once it has begun."""
        return self.has_begun and super().cancel(msg)


class LoopExchange(Exchange):
    """What a call on the shared loop says and hears."""

    cancellation: AsyncioJob
    # The loop that all share stands still.
    wait_blocks = True

    def is_in_coroutine(self) -> bool:
        """Whether the code that runs is a coroutine's: there is a loop in this lane for plain functions too."""
        return not self.cancellation.is_plain

    async def wait_async(self, is_there: Callable[[], bool], what: object) -> None:
        """Hear what comes until `is_there()`, while the loop goes on."""
        # A stream that always has room would let nobody else go on.
        await asyncio.sleep(0)
        await super().wait_async(is_there, what)


class LoopMailbox(Mailbox):
    """What the loop has read for one call."""

    def __init__(self, lane: AsyncioLane) -> None:
        self._lane = lane
        self._came: deque[dict[str, Any]] = deque()
        self._waiter: asyncio.Future[None] | None = None

    def put(self, told: dict[str, Any]) -> None:
        """Let the call have what was told."""
        if told["type"] == "cancel":
            # Ahead of what came before it, after which the call may not wait for Node again.
            self._came.appendleft(told)
        else:
            self._came.append(told)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def receive(self, call: int) -> dict[str, Any]:
        """Wait for the next message, and return it. All else stands still meanwhile."""
        while not self._came:
            self._lane.read()
        return self._came.popleft()

    async def receive_async(self, call: int) -> dict[str, Any] | None:
        """As `receive`, while the loop goes on. None: somebody who waited where they stood has taken what came."""
        if not self._came:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._came.popleft() if self._came else None


def _note(task: asyncio.Task[Any]) -> None:
    """Have the call that has made `task` end it."""
    job: AsyncioJob | None = running.get()  # type: ignore[assignment]
    if job is not None:
        job.tasks.add(task)
        task.add_done_callback(job.tasks.discard)


async def _one_by_one(job: AsyncioJob, iterator: Iterator[Any]) -> AsyncIterator[Any]:
    try:
        while (item := job.run_plain(next, iterator, END)) is not END:
            yield item
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            job.run_plain(close)


END = object()
