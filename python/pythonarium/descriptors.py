"""What a process has inherited: descriptors that whoever started Node left open, or Node itself."""

from __future__ import annotations

import os


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
