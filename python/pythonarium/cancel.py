"""Interrupting a call whose caller has given up: by a signal that knows which call it is meant for."""

from __future__ import annotations

from _signal import SIG_BLOCK, SIG_DFL, SIGUSR1, getsignal, pthread_sigmask, signal  # type: ignore[import-not-found]  # `signal` is slow to import.
from sys import maxsize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .lane import Lane
    from .start_mark import StartMark


class CallCancelled(BaseException):
    """Raised in a call whose caller has given up, wherever it is, so that it ends and its worker lives on.

    Derived from BaseException, so that `except Exception` does not swallow it. Let it through: a call that goes on all
    the same has `cancelGraceMs` to end before its worker is killed.
    """


class Cancellation:
    """Interrupts the call that runs, when Node says so of this very call.

    From `arm` to `disarm` its own code runs, and a signal interrupts it: once, since what it does to end in order is not
    interrupted again. All else is our code, which must not be, or the line would break. A signal that comes then is missed,
    and looked up by the next `arm`. What answers one call after the other does by the attributes what the two do, since to
    call a function would be a good part of a short one.
    """

    def __init__(self) -> None:
        # The call that runs, 0 for none.
        self.call = 0
        # Where that is a batch, the call of it that runs: it may be given up by itself.
        self.item = 0
        # The call that a signal would interrupt, 0 for none.
        self.armed = 0
        # A signal came that interrupted nothing: what it is meant for may be yet to come.
        self.missed = False
        # No signal will come: whether a call was given up in the pipe has to be looked up before it starts.
        self.is_deaf = True
        # What ends the call instead of an exception here: a coroutine is cancelled through its loop.
        self.interrupt: Callable[[], object] | None = None
        self._mark: StartMark | None = None
        # What the kernel calls for the signal.
        self._handler = b""

    def watch(self, mark: StartMark) -> None:
        """Read from `mark` which calls are given up."""
        self._mark = mark
        be_asked(self)

    def listen(self) -> None:
        """Hear the signal from here on, unless a module does that a template has imported. Must run in the main thread."""
        if getsignal(SIGUSR1) == SIG_DFL and not any(handler_of(SIGUSR1)):
            signal(SIGUSR1, self._on_signal)
            self._handler = handler_of(SIGUSR1)

    def find_hearing(self) -> bool:
        """Find out whether the signal comes here, and is neither taken by a handler of the user's nor blocked; return that."""
        is_ours = getsignal(SIGUSR1) == self._on_signal and handler_of(SIGUSR1) == self._handler
        self.is_deaf = not is_ours or SIGUSR1 in pthread_sigmask(SIG_BLOCK, ())
        return not self.is_deaf

    def is_cancelled(self, call: int) -> bool:
        """Whether the caller of `call` has given up; nobody of 0, which is no call, and what the page is full of at first."""
        return call != 0 and self._mark is not None and self._mark.is_cancelled(call)

    def is_given_up(self) -> bool:
        """Whether the caller of the call that asks has given up."""
        return self.is_cancelled(self.call) or self._is_item_cancelled()

    def _is_item_cancelled(self) -> bool:
        return self.item != 0 and self._mark is not None and self._mark.is_cancelled_alone(self.item)

    def arm(self, call: int) -> None:
        """Let `call` be interrupted from here on, and at once if it was to be before; 0: there is nothing to interrupt.

        Raises CallCancelled then, but where a coroutine runs, which is cancelled through its loop.
        """
        self.armed = call
        if call and self.missed:
            # In this order, or a signal in between would be forgotten.
            self.missed = False
            # Those behind it may have been given up with it, by signals that were heard as one.
            if self._mark is not None and self._mark.is_cancelled_after(call):
                self.missed = True
            if self.armed and (self.is_cancelled(call) or self._is_item_cancelled()):
                self.armed = 0
                if self.interrupt is None:
                    raise CallCancelled(GIVEN_UP)
                self.interrupt()

    def disarm(self) -> int:
        """Let nothing be interrupted from here on, and return what could be, for `arm`: 0 if that was interrupted before."""
        armed, self.armed = self.armed, 0
        return armed

    def _on_signal(self, _number: int, _frame: Any) -> None:
        self.missed = True
        self.arm(self.armed)


def handler_of(number: int) -> bytes:
    """Return the address of what the kernel calls for a signal, nothing but zeros for none; empty where that cannot be found out.

    Python itself knows of no handler in C, as `faulthandler.register` has one.
    """
    global _sigaction, _action
    try:
        if _sigaction is None:
            from .libc import find, store

            # Larger than on any system. It begins with the address.
            _action = store(1024)
            _sigaction = find("sigaction")
        _sigaction(number, None, _action)
        return bytes(_action[:ADDRESS_BYTES])
    except Exception:
        return b""


def cancelled() -> bool:
    """Return whether the caller of the call that runs has given up, so that a long loop can end by itself.

    Outside of a call, as in a setup, and outside of a worker nobody gives up, and it returns False.
    """
    return _watching is not None and _watching.is_given_up()


def be_asked(cancellation: Cancellation | Lane) -> None:
    """Let `cancelled()` ask `cancellation` from here on."""
    global _watching
    _watching = cancellation


GIVEN_UP = "The caller of this call has given up: it timed out, was aborted, or left the loop over its results."
_watching: Cancellation | Lane | None = None
# What asks the kernel for a signal's handler, and what it answers into. Whoever is forked finds them here.
_sigaction: Any = None
_action: Any = None
ADDRESS_BYTES = (maxsize.bit_length() + 1) // 8
