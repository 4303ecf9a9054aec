"""The reaper: kills the workers of a pool, and what they have started, once Node is gone.

A process of its own, since Node may be killed and run nothing more. Node tells it by lines on standard input: `+ PID START`
when a worker lives, the leader of a group, with its start time as the kernel counts, or without where Node does
not know it; `- PID` when its end was seen. When Node is gone, however it ended, there is nothing more to read.

With `* PID START` Node is not the parent of the worker, and its parent may not get to tell of its end: this process says
`- PID` on standard output once it has ended, reaped or not.

Run as a script, without the package and without `site`: it is to be small.
"""

from __future__ import annotations

import os
from _signal import SIG_IGN, SIGHUP, SIGINT, SIGKILL, SIGTERM, signal  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def main() -> None:
    """Follow which workers live until Node is gone, and then kill those."""
    # What ends all processes of a service at once is for Node to act upon: it may let calls finish.
    for number in (SIGHUP, SIGINT, SIGTERM):
        signal(number, SIG_IGN)
    close_inherited()
    groups: dict[int, bytes] = {}
    watch = Watch()
    for line in lines_beside(watch):
        sign, pid, *start_time = line.split()
        number, start = int(pid), start_time[0] if start_time else b""
        watch.drop(number)
        groups.pop(number, None)
        if sign != b"-":
            groups[number] = start
        if sign == b"*":
            watch.add(number, start)
    for number, start in groups.items():
        kill_group(number, start)


class Watch:
    """Those of whose end Node is told from here. Where the kernel does not offer that, nobody is."""

    def __init__(self) -> None:
        # By pid: what can be read of once that process has ended.
        self._descriptors: dict[int, int] = {}
        # Absent until there is somebody to be watched.
        self._poller: Any = None

    def add(self, pid: int, start_time: bytes) -> None:
        """Tell of the end of that process, which may have been already."""
        try:
            from select import POLLIN, poll

            descriptor = os.pidfd_open(pid)
        except (AttributeError, ImportError, OSError):
            return  # There is no such service; or it has been reaped, by whoever tells of it.
        if start_time_of(pid) != start_time:
            os.close(descriptor)
            return
        if self._poller is None:
            self._poller = poll()
            self._poller.register(STDIN, POLLIN)
        self._descriptors[pid] = descriptor
        self._poller.register(descriptor, POLLIN)

    def drop(self, pid: int) -> None:
        """Say nothing of its end, if it was to be told."""
        descriptor = self._descriptors.pop(pid, None)
        if descriptor is not None:
            self._poller.unregister(descriptor)
            os.close(descriptor)

    def tell(self) -> None:
        """Tell of those who end until there is something to be read."""
        while self._poller is not None:
            ready = {descriptor for descriptor, _ in self._poller.poll()}
            for pid, descriptor in list(self._descriptors.items()):
                if descriptor in ready:
                    self.drop(pid)
                    say(b"- %d\n" % pid)
            if STDIN in ready:
                return


def lines_beside(watch: Watch) -> Iterator[bytes]:
    """Yield what Node says until it is gone, and tell it of those who end meanwhile."""
    rest = b""
    while True:
        watch.tell()
        came = os.read(STDIN, 65_536)
        if not came:
            return  # If a line was begun, Node was killed as it wrote.
        *lines, rest = (rest + came).split(b"\n")
        yield from lines


def say(line: bytes) -> None:
    """Tell Node, if that is there."""
    try:
        os.write(STDOUT, line)
    except OSError:
        pass  # That it is gone is about to be read.


def close_inherited() -> None:
    """Let go of what others left open: it would stay so for as long as this process lives."""
    try:
        descriptors = os.listdir("/dev/fd")
    except OSError:
        return  # A system that does not tell.
    for descriptor in map(int, descriptors):
        try:
            if descriptor > 2:
                os.close(descriptor)
        except OSError:
            pass  # That by which the folder was read.


def kill_group(pid: int, start_time: bytes) -> None:
    """Kill the group that the process `pid` leads, which may be gone already, unless that number is somebody else's.

    As long as anybody of the group lives its number is given to nobody: a process of that number with another start
    time says that none of the group is left.
    """
    now = start_time_of(pid)
    if start_time and now and now != start_time:
        return
    try:
        os.killpg(pid, SIGKILL)
    except OSError:
        pass  # Nobody is left.


def start_time_of(pid: int) -> bytes:
    """Return when the process was started, or nothing if there is none, or no `/proc`."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            # The name in parentheses may hold spaces and parentheses itself. What follows begins with the third field.
            return stat.read().rpartition(b") ")[2].split()[START_TIME - 3]
    except OSError:
        return b""


START_TIME = 22
STDIN, STDOUT = 0, 1

if __name__ == "__main__":
    main()
