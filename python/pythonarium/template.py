"""The template: imports the modules of the pool once, and forks workers of itself.

It has one thread, so that what it forks finds every lock as it should be. Where a module has started another, or is known
not to survive a fork, it says so, and forks nothing. It alone signals its workers, since it alone knows which of them it
has not reaped yet.
"""

from __future__ import annotations

import gc
import os
import sys
from _signal import SIG_DFL, SIGCHLD, SIGKILL, SIGUSR1, set_wakeup_fd, signal  # type: ignore[import-not-found]
from select import POLLIN, poll

from . import error, message
from .cancel import handler_of
from .descriptors import move_away
from .frame import LineWriter
from .message import PROTOCOL, ProtocolError
from .modules import files_behind, load_modules
from .parent import end_with
from .value import decode
from .worker import (
    LINE,
    MESSAGE_BYTES_MAX,
    End,
    VersionMismatch,
    Worker,
    begin,
    leave,
    leave_child,
    leave_for,
    take_line,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, NoReturn


def main() -> None:
    """Be a template on descriptor 3 until Node hangs up; in what it forks, be a worker.

    `sys.argv[3]` is how many seats there are. The descriptors of each follow that of the control line, four by four: the
    worker's line, its standard output, its standard error, and the page for its start mark.
    """
    seats = int(sys.argv[3])
    begin(kept=LINE + 1 + 4 * seats)
    try:
        worker = Template(take_line(LINE), [Seat(LINE + 1 + 4 * number) for number in range(seats)]).run()
        worker.run()
    except BaseException as raised:
        leave_for(raised)


class Seat:
    """Four descriptors that one worker after the other has. No subprocess inherits them, and no code happens upon them."""

    def __init__(self, first: int) -> None:
        self.line, self.stdout, self.stderr, self.start_mark = map(move_away, range(first, first + 4))
        os.set_blocking(self.line, True)

    def close(self) -> None:
        """Let go of all four."""
        for descriptor in (self.line, self.stdout, self.stderr, self.start_mark):
            os.close(descriptor)

    def begin(self, epoch: str) -> None:
        """Read away what was meant for whoever had the seat before, and tell Node where this one begins."""
        mark = epoch.encode() + b"\n"
        tail = b""
        while not tail.endswith(mark):
            came = os.read(self.line, 65_536)
            if not came:
                leave(0)
            tail = (tail + came)[-len(mark) :]
        LineWriter(self.line).write(mark)


class Template(End):
    """Python's end of the control line."""

    def __init__(self, control: int, seats: list[Seat]) -> None:
        super().__init__(control)
        self.modules: dict[str, ModuleType] = {}
        self._seats = seats
        self._lines = iter(self._reader)
        # By pid: the seats of those that have not been reaped.
        self._living: dict[int, int] = {}

    def run(self) -> Worker:
        """Load what Node says, and fork when it says. Returns in a forked child alone: the worker to be there."""
        self._greet()
        self._load(self._read())
        wake, woken = os.pipe()
        for end in (wake, woken):
            os.set_blocking(end, False)
        self._on_child = signal(SIGCHLD, lambda *_: None)
        set_wakeup_fd(woken, warn_on_full_buffer=False)
        poller = poll()
        for descriptor in (self._line, wake):
            poller.register(descriptor, POLLIN)
        while True:
            for descriptor, _ in poller.poll():
                if descriptor == wake:
                    os.read(wake, 4096)
                    self._reap()
                    continue
                while True:
                    order = self._read()
                    if order["type"] == "fork":
                        if self._fork(order) == 0:
                            for end in (wake, woken):
                                os.close(end)
                            return self._become_worker(order)
                    elif order["type"] == "signal":
                        self._signal(order)
                    else:
                        raise ProtocolError(f"there is no order of the type {order['type']!r}")
                    if not self._reader.has_line:
                        break

    def _read(self) -> dict[str, Any]:
        line = next(self._lines, None)
        if line is None:
            self._leave()
        return decode(line)  # type: ignore[no-any-return]

    def _load(self, order: dict[str, Any]) -> None:
        """Import what Node wants, and tell it how that went."""
        if order["protocol"] != PROTOCOL:
            self._fail("protocol", error.of_exception(VersionMismatch(order["protocol"])))
        self._logs.install(MESSAGE_BYTES_MAX)
        # The threads of these libraries do not survive a fork; a pool has its processes to be parallel with.
        for name in THREAD_COUNTS:
            os.environ.setdefault(name, "1")
        try:
            self.modules = load_modules(order)
        except BaseException as raised:
            self._fail("import", error.of_exception(raised), files_behind(raised, order))
        if not self._writer.is_open:
            leave_child(None)
        self._logs.flush()
        reason = why_not_to_fork()
        if reason is not None:
            self._writer.write(message.refused(reason))
            leave(0)
        # What else a worker loads when it comes to it. Here it is loaded once.
        from . import exchange, limits, rich, serial, shared_file, stream  # noqa: F401

        handler_of(SIGUSR1)
        # A cache holds the names that types were asked for, which lie everywhere, and each that gave way in a worker would have it
        # copy a page. From 3.12 on such names are not counted.
        if sys.version_info < (3, 12):
            sys._clear_type_cache()
        # What is there now is not gone over by any worker's collector, which would make copies of its pages.
        gc.collect()
        gc.freeze()
        self._writer.write(message.loaded())

    def _fork(self, order: dict[str, Any]) -> int:
        """Fork, and return what `os.fork` does; -1 if the system refuses, which is a failure of that start alone."""
        me = os.getpid()
        try:
            pid = os.fork()
        except OSError as raised:
            os.write(self._seats[order["seat"]].stderr, f"The template could not fork a worker: {raised}\n".encode())
            self._writer.write(message.exited(order["seat"], me, os.EX_OSERR))
            return -1
        if pid == 0:
            end_with(me)
        else:
            self._living[pid] = order["seat"]
            self._writer.write(message.forked(order["seat"], pid))
        return pid

    def _become_worker(self, order: dict[str, Any]) -> Worker:
        os.setsid()
        set_wakeup_fd(-1)
        signal(SIGCHLD, self._on_child if self._on_child is not None else SIG_DFL)
        seat = self._seats.pop(order["seat"])
        for other in self._seats:
            other.close()
        os.dup2(seat.stdout, 1)
        os.dup2(seat.stderr, 2)
        os.close(seat.stdout)
        os.close(seat.stderr)
        seat.begin(order["epoch"])
        draw_anew()
        return Worker(seat.line, seat.start_mark, self)

    def _signal(self, order: dict[str, Any]) -> None:
        """Signal a worker, or with `group` all that it has started too; if it has not been reaped."""
        pid = order["pid"]
        if pid not in self._living:
            return
        if order["group"]:
            try:
                os.killpg(pid, order["signal"])
                return
            except OSError:
                pass  # It has not become the leader of its group yet.
        try:
            os.kill(pid, order["signal"])
        except OSError:
            pass  # It runs as another user by now.

    def _reap(self) -> None:
        """Tell Node of all workers that have ended."""
        # Without reaping. On macOS Python before 3.13 cannot: the number is nobody else's then for as long as anybody of the group lives.
        can_look = hasattr(os, "waitid")
        for pid, seat in list(self._living.items()):
            if can_look:
                if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                    continue
                # As long as it is not reaped its number is its own.
                kill_group(pid)
            reaped, status = os.waitpid(pid, os.WNOHANG)
            if not reaped:
                continue
            if not can_look:
                kill_group(pid)
            del self._living[pid]
            self._writer.write(message.exited(seat, pid, os.waitstatus_to_exitcode(status)))

    def _leave(self) -> NoReturn:
        """End, and all workers with it: Node is gone, or has no use for them any more."""
        for pid in self._living:
            kill_group(pid)
        leave(0)


def why_not_to_fork() -> str | None:
    """Return why a fork of this process might not work; None if it will."""
    try:
        threads = len(os.listdir("/proc/self/task"))
    except OSError:
        threads = sys.modules["threading"].active_count() if "threading" in sys.modules else 1
    if threads > 1:
        return f"the modules have started {threads - 1} thread{'s' * (threads > 2)}, which a fork would not have"
    for name in UNSAFE:
        # None is there to keep it from being imported.
        if sys.modules.get(name) is not None:
            return f"{name} was imported, which does not work after a fork"
    if sys.platform == "darwin":
        for name in UNSAFE_ON_MACOS:
            if sys.modules.get(name) is not None:
                return f"{name} was imported, which does not work after a fork on macOS"
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return "torch has opened a GPU, which does not work after a fork"
    return None


def draw_anew() -> None:
    """Give this process random numbers of its own. `random` and `secrets` see to that themselves."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        # All of the state, since what `seed()` draws it from would be 0.2 MB of memory more for each worker.
        state = sys.modules["numpy"].frombuffer(os.urandom(4 * 624), "uint32")
        try:
            numpy_random.set_state(("MT19937", state, 624))
        except ValueError:  # It has a generator of another kind by now.
            numpy_random.seed()
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.seed()


def kill_group(pid: int) -> None:
    """End what is left of the process group of `pid`."""
    try:
        os.killpg(pid, SIGKILL)
    except OSError:
        pass  # Nobody is.


THREAD_COUNTS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
UNSAFE = ("tensorflow", "jax", "grpc", "cupy", "pycuda")
UNSAFE_ON_MACOS = ("objc", "_scproxy", "tkinter", "torch")
