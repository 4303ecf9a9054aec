"""The parent: the kernel kills a worker when Node is gone, even in C code that never looks at the line."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def end_with(parent: int) -> None:
    """Let this process be killed as soon as the thread that started it is gone, if that is a thread of `parent`.

    Where a wrapper stands between, or Node is gone already, the parent is another one. Nothing is armed then: a wrapper's
    end says nothing, and a worker that has lost its Node before it was asked for anything finds its line closed.

    Does nothing for 0, which stands for a Node whose thread may end before Node does, and on systems that know no such thing.
    """
    if parent == 0 or os.getppid() != parent or not sys.platform.startswith("linux"):
        return
    global _prctl
    try:
        if _prctl is None:
            from .libc import find

            _prctl = find("prctl")
        _prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    except Exception:
        return  # A Python without ctypes, or a system that does not let it be loaded.
    # It may have gone in between, unseen by the kernel.
    if os.getppid() != parent:
        os._exit(0)


# Whoever is forked finds it here.
_prctl: Any = None
PR_SET_PDEATHSIG = 1
SIGKILL = 9
