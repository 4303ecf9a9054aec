"""Runs `async def` functions, one at a time, on a loop that is made when the first of them comes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable
    from typing import Any

    from .cancel import Cancellation


class EventLoop:
    """One asyncio loop for the life of the worker, so that a connection opened in one call serves the next."""

    def __init__(self, cancellation: Cancellation | None = None) -> None:
        # What knows when the call that runs is given up.
        self.cancellation = cancellation
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, awaitable: Awaitable[Any], call: int = 0, keep_tasks: bool = False) -> Any:
        """Return what `awaitable` comes to, or raise what it raises.

        `call` can be cancelled meanwhile. Tasks that it leaves behind are cancelled, unless `keep_tasks`: they would run
        on in the time of somebody else's call.
        """
        # Nothing of ours is to be interrupted, and an exception raised by a signal would tear through the loop.
        cancellation = self.cancellation
        cancellation.armed = 0
        import asyncio

        loop = self.open()
        before = asyncio.all_tasks(loop)
        task = loop.create_task(_outcome(awaitable))
        cancellation.interrupt = lambda: loop.call_soon_threadsafe(task.cancel)
        cancellation.armed = call
        if cancellation.missed and cancellation.is_cancelled(call):
            loop.call_soon(task.cancel)
        try:
            result, raised = loop.run_until_complete(task)
        finally:
            cancellation.armed = 0
            cancellation.interrupt = None
            if not keep_tasks:
                _cancel(loop, asyncio.all_tasks(loop) - before)
        if raised is not None:
            raise raised
        return result

    def open(self) -> asyncio.AbstractEventLoop:
        """Return the loop, which is made if it is not there."""
        if self._loop is None:
            import asyncio

            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop

    def close(self) -> None:
        """Cancel what still runs and close the loop, if there is one."""
        if self._loop is None:
            return
        import asyncio

        loop, self._loop = self._loop, None
        try:
            _cancel(loop, asyncio.all_tasks(loop))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


async def _outcome(awaitable: Awaitable[Any]) -> tuple[Any, BaseException | None]:
    # Caught in here, so that the traceback has no frames of asyncio, and so that a
    # SystemExit does not tear through the loop.
    try:
        return await awaitable, None
    except BaseException as raised:
        return None, raised


def _cancel(loop: asyncio.AbstractEventLoop, tasks: set[asyncio.Task[Any]]) -> None:
    if not tasks:
        return
    import asyncio

    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
