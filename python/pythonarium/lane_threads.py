"""The lane `threads`: each call has a thread to itself while it runs, and the main thread reads the line."""

from __future__ import annotations

from _functools import partial
from _queue import SimpleQueue
from collections import deque
from contextvars import copy_context
from threading import Condition, Lock, Thread

from . import message
from .cancel import GIVEN_UP, CallCancelled
from .event_loop import EventLoop
from .exchange import Exchange
from .lane import Job, Lane, Mailbox
from .value import NO_ATTACHMENTS, PLAIN, encode
from .worker import NO_KWARGS, leave, leave_child, leave_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .message import Message


class ThreadsLane(Lane):
    """Runs as many calls side by side as Node sends; a thread that is done takes the next."""

    def answer(self, messages: Iterator[Message]) -> None:
        """Answer all calls among `messages`; return once `stop` has come and all are answered."""
        # What the setup has left; no call finds here what another one has set.
        self._context = copy_context()
        self._lock = Lock()
        # These come with the lock: somebody waits for a call, or for the last one.
        self._one_waits = Condition(self._lock)
        self._one_ended = Condition(self._lock)
        self._waiting: deque[Job] = deque()
        self._threads: list[Thread] = []
        # How many of the threads look for a call next, or do so already; below zero, how many calls wait for one of them.
        self._free = 0
        self._is_over = False

        while not self.is_stopping:
            self._take_next(messages)
        # Those that still run may be waiting for something on the line.
        Thread(target=self._read_on, args=(messages,), daemon=True).start()
        with self._lock:
            while self.jobs:
                self._one_ended.wait()
            self._is_over = True
            self._one_waits.notify_all()
        for thread in self._threads:
            thread.join()

    def make_exchange(self, job: Job) -> Exchange:
        """Give `job` its mailbox, and return what it talks to Node by."""
        mailbox = job.mailbox = ThreadMailbox()
        return Exchange(job.call, self.worker, mailbox, job, job.handing)

    def start(self, job: Job) -> None:
        """Leave `job` to a thread that is free, or to a new one."""
        with self._lock:
            self._waiting.append(job)
            if self._free > 0:
                self._free -= 1
                self._one_waits.notify()
                return
        # No daemon, or a thread that a call starts would be one as well, and not be waited for in the end.
        thread = Thread(target=self._work, name=f"pythonarium-{len(self._threads)}", daemon=False)
        try:
            thread.start()
        except RuntimeError:
            # The system allows no more of them: the next that is done takes the call.
            if not self._threads:
                raise
            with self._lock:
                self._free -= 1
            return
        self._threads.append(thread)

    def cancel(self, job: Job, told: dict[str, Any]) -> None:
        """Tell `job` where it waits for Node, and cancel its coroutine, if it is one. Else it has to look by itself."""
        if job.mailbox is not None:
            job.mailbox.put(told)
        if self.interrupts:
            # In this order, and it looks in the other: one of the two sees what the other does.
            job.missed = True
            interrupt = job.interrupt
            if interrupt is not None:
                interrupt()

    def _take_next(self, messages: Iterator[Message]) -> None:
        told = next(messages, None)
        if told is None:
            leave(0)
        self.take(told)

    def _read_on(self, messages: Iterator[Message]) -> None:
        try:
            while True:
                self._take_next(messages)
        except BaseException as bug:
            leave_for(bug)

    def _work(self) -> None:
        # Each thread has a loop of its own, if it comes to a coroutine.
        loop = EventLoop()
        try:
            while (job := self._next()) is not None:
                self._context.copy().run(self._run, job, loop)
                # Its arguments may be large, and the next may be long in coming.
                del job
        except BaseException as bug:
            leave_for(bug)
        loop.close()

    def _next(self) -> Job | None:
        with self._lock:
            while not self._waiting:
                if self._is_over:
                    return None
                self._one_waits.wait()
            job = self._waiting.popleft()
            # Under the lock, so that calls start in the order in which they came: a mark stands for all before it.
            job.started = not job.is_cancelled(job.call)
            if job.started and self.worker._mark is not None:
                self.worker._mark.write(job.call)
            job.armed = job.call if job.started else 0
            return job

    def _run(self, job: Job, loop: EventLoop) -> None:
        worker, call = self.worker, job.message
        self.enter(job)
        refused, answer, attachments = None, b"", []
        try:
            if not job.started:
                raise CallCancelled(GIVEN_UP)
            args, kwargs = call["args"], call.get("kwargs", NO_KWARGS)
            if worker._check is not None:
                worker._check(job.function, args, kwargs)
            value = job.function(*args, **kwargs)
            if type(value) not in PLAIN and hasattr(type(value), "__await__"):
                value = loop.run(value, job)
            if "stream" in call:
                value = worker._stream(job.exchange, call["stream"], value, loop)  # type: ignore[arg-type]
            text, attachments = encode(value, worker._depth_max, job.handing, worker._bytes_max, partial(worker.say_part, job.call))
            answer = message.reply(job.call, text, attachments is NO_ATTACHMENTS)
        except BaseException as raised:
            refused = worker._refusal(raised)
        if not worker._writer.is_open:
            leave_child(None)
        self.leave(job)
        # Once its answer is there, another thread may be asked what is left of it.
        call = args = kwargs = value = None
        with self._lock:
            # Node may send the next as soon as it has the answer.
            self._free += 1
        worker._send_answer(job.call, refused, answer, attachments, job.handing, job.started)
        with self._lock:
            del self.jobs[job.call]
            self._one_ended.notify()


class ThreadMailbox(Mailbox):
    """What the main thread has read for the call of another one."""

    def __init__(self) -> None:
        self._came: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._wake: Callable[[], object] | None = None

    def put(self, told: dict[str, Any]) -> None:
        """Let the call have what was told."""
        self._came.put(told)
        wake = self._wake
        if wake is not None:
            wake()

    def receive(self, call: int) -> dict[str, Any]:
        """Wait for the next message, and return it."""
        return self._came.get()

    async def receive_async(self, call: int) -> dict[str, Any] | None:
        """As `receive`, while the loop goes on. None: somebody who waited where they stood has taken what came."""
        from asyncio import get_running_loop

        loop = get_running_loop()
        woken = loop.create_future()

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(_resolve, woken)
            except RuntimeError:
                pass  # A loop of the call's own that it has closed since: nobody waits there.

        self._wake = wake
        try:
            # What came before it could be woken is there now.
            if self._came.empty():
                await woken
        finally:
            self._wake = None
        return None if self._came.empty() else self._came.get()


def _resolve(woken: Any) -> None:
    if not woken.done():
        woken.set_result(None)
