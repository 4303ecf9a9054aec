"""The reaper: kills the workers of a pool, and what they have started, once Node is gone.

A process of its own, since Node may be killed and run nothing more. Node tells it by lines on standard input: `+ PID START`
when a worker lives, the leader of a group, with its start time as the kernel counts, or without where Node does
not know it; `- PID` when its end was seen. When Node is gone, however it ended, there is nothing more to read.

Run as a script, without the package and without `site`: it is to be small.
"""

from __future__ import annotations

import os
import sys
from _signal import SIG_IGN, SIGHUP, SIGINT, SIGKILL, SIGTERM, signal  # type: ignore[import-not-found]


def main() -> None:
    """Follow which workers live until Node is gone, and then kill those."""
    # What ends all processes of a service at once is for Node to act upon: it may let calls finish.
    for number in (SIGHUP, SIGINT, SIGTERM):
        signal(number, SIG_IGN)
    close_inherited()
    groups: dict[int, bytes] = {}
    for line in sys.stdin.buffer:
        if not line.endswith(b"\n"):
            break  # Node was killed as it wrote.
        sign, pid, *start_time = line.split()
        if sign == b"+":
            groups[int(pid)] = start_time[0] if start_time else b""
        else:
            groups.pop(int(pid), None)
    for number, start in groups.items():
        kill_group(number, start)


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

if __name__ == "__main__":
    main()
