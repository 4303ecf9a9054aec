"""Runs `async def` functions, one at a time, on a loop that is made when the first of them comes."""

from __future__ import annotations

from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any

    from .cancel import Cancellation


class EventLoop:
    """One asyncio loop for the life of the worker, so that a connection opened in one call serves the next."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._make_task: Callable[..., Any] | None = None
        # Those that the setup or its tasks have made.
        self._kept: set[asyncio.Task[Any]] = set()

    def run(self, awaitable: Awaitable[Any], cancellation: Cancellation, keep_tasks: bool = False) -> Any:
        """Return what `awaitable` comes to, or raise what it raises.

        The call of `cancellation` can be interrupted meanwhile, and is disarmed in the end. Tasks that it leaves behind are
        cancelled, unless `keep_tasks`: they would run on in the time of somebody else's call. So are those that nobody knows
        who has made; those that the setup's tasks have made meanwhile are not.
        """
        # Nothing of ours is to be interrupted, and an exception raised by a signal would tear through the loop.
        armed = cancellation.disarm()
        import asyncio

        loop = self.open()
        before = asyncio.all_tasks(loop)
        raised: list[BaseException] = []
        task = loop.create_task(_result(awaitable, raised))
        cancellation.interrupt = lambda: loop.call_soon_threadsafe(task.cancel)
        try:
            cancellation.arm(armed)
            result = loop.run_until_complete(task)
        finally:
            cancellation.disarm()
            cancellation.interrupt = None
            if not keep_tasks and (tasks := asyncio.all_tasks(loop) - before - self._kept):
                loop.run_until_complete(cancel_all(tasks))
        if raised:
            # It has no name here, nor is it the task's any more: the frames of its traceback lead to both, and all that they hold
            # would stay until somebody looks for such a ring.
            raise raised.pop()
        return result

    def open(self) -> asyncio.AbstractEventLoop:
        """Return the loop, which is made if it is not there, and notes the tasks that are to be kept."""
        # A function that found it as the loop of this thread may have closed it.
        if self._loop is None or self._loop.is_closed():
            import asyncio

            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        # The setup alone has such tasks. Code of the user's may have put something else there that makes them.
        known = self._make_task
        if is_setups.get() if known is None else self._loop.get_task_factory() is not known:
            self._make_task = note_tasks(self._loop, self._note)
        return self._loop

    def _note(self, task: asyncio.Task[Any]) -> None:
        if is_setups.get():
            self._kept.add(task)
            task.add_done_callback(self._kept.discard)

    def close(self) -> None:
        """Cancel what still runs and close the loop, if there is one."""
        if self._loop is None or self._loop.is_closed():
            return
        import asyncio

        loop, self._loop = self._loop, None
        try:
            if tasks := asyncio.all_tasks(loop):
                loop.run_until_complete(cancel_all(tasks))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def cancel_all(tasks: set[asyncio.Task[Any]]) -> asyncio.Future[Any]:
    """Cancel `tasks`, and return what comes when all of them have ended."""
    from asyncio import gather

    # What one of them waits for may make others as it is cancelled.
    ending = list(tasks)
    for task in ending:
        task.cancel()
    return gather(*ending, return_exceptions=True)


async def _result(awaitable: Awaitable[Any], raised: list[BaseException]) -> Any:
    # Caught in here, so that the traceback has no frames of asyncio, and so that a
    # SystemExit does not tear through the loop.
    try:
        return await awaitable
    except BaseException as error:
        raised.append(error)


def note_tasks(
    loop: asyncio.AbstractEventLoop, note: Callable[[asyncio.Task[Any]], object]
) -> Callable[..., asyncio.Task[Any]]:
    """Have each task that is made on `loop` noted by the code that makes it, and return what makes tasks from here on."""
    from asyncio import Task

    make = loop.get_task_factory() or (lambda loop, coroutine, **named: Task(coroutine, loop=loop, **named))

    def make_task(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **named: Any) -> asyncio.Task[Any]:
        task = make(loop, coroutine, **named)
        note(task)  # type: ignore[arg-type]
        return task  # type: ignore[return-value]

    loop.set_task_factory(make_task)  # type: ignore[arg-type]
    return make_task


# Whether the code that runs is that of the setup, or of what `on_fork` was given. A task has that from the one that made it,
# whosever call it runs in.
is_setups: ContextVar[bool] = ContextVar("pythonarium_is_setups", default=False)
