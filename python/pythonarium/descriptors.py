"""Descriptors: those that a process has inherited, from whoever started Node or from Node itself, and where its own go."""

from __future__ import annotations

import os
from fcntl import F_DUPFD_CLOEXEC, fcntl


def close_inherited(kept: int) -> None:
    """Close all that came with the start of this process, but for the first `kept` descriptors.

    A file or a port of others would stay open for as long as this process lives. What was opened since stays: Python
    opens nothing that another program would inherit.
    """
    try:
        descriptors = os.listdir("/dev/fd")
    except OSError:
        return  # A system that does not tell.
    for descriptor in map(int, descriptors):
        try:
            if descriptor >= kept and os.get_inheritable(descriptor):
                os.close(descriptor)
        except OSError:
            pass  # That by which the folder was read.


def move_away(descriptor: int) -> int:
    """Return what `descriptor` is from now on: it is high up, unless so many are not allowed, and no subprocess inherits it."""
    try:
        # Out of the way of code that closes or counts on low numbers.
        moved = fcntl(descriptor, F_DUPFD_CLOEXEC, MOVED_TO)
    except OSError:
        os.set_inheritable(descriptor, False)
        return descriptor
    os.close(descriptor)
    return moved


MOVED_TO = 200
