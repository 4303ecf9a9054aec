"""Busy polling: looking again and again for what is about to come, before it is waited for asleep."""

from __future__ import annotations

from time import perf_counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class BusyPoll:
    """Looks for what comes for a moment, since to sleep and to be woken takes longer than Node needs for a short call.

    Looking that comes to nothing is left out the more often, the more often it does. So is it where others want the
    processor, which shows by the time between two looks.
    """

    def __init__(self, poll: Callable[[int], object], clock: Callable[[], float] = perf_counter) -> None:
        self._poll = poll
        self._clock = clock
        # How many waits are left out from here on, and how many were the last time.
        self._left = self._skips = 0

    def wait(self) -> None:
        """Return once there is something, or when it is time to wait for it asleep."""
        if self._left:
            self._left -= 1
            return
        poll, clock = self._poll, self._clock
        if poll(0):
            return  # It would have come anyway.
        began = last = clock()
        while True:
            has_come = poll(0)
            now = clock()
            if now - last > PREEMPTED_S:
                break
            if has_come:
                self._skips >>= 1
                return
            if now - began > MOMENT_S:
                break
            last = now
        self._left = self._skips = min(2 * self._skips + 1, SKIPS_MAX)


# About as long as to sleep and to be woken takes: so what is spent for nothing is never more than what it would have saved.
MOMENT_S = 50e-6
# Two looks are about 1 µs apart.
PREEMPTED_S = 20e-6
SKIPS_MAX = 1023
