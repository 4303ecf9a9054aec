"""Mark the functions that Node may call, keep state for a session, and see when a caller has given up.

    from pythonarium import expose, session
"""

from .cancel import CallCancelled, cancelled
from .context import context
from .error import JavaScriptError
from .expose import expose
from .fork_hooks import on_fork
from .progress import heartbeat, progress
from .session import session

__version__ = "0.1.0"
__all__ = [
    "CallCancelled",
    "JavaScriptError",
    "__version__",
    "cancelled",
    "context",
    "expose",
    "heartbeat",
    "on_fork",
    "progress",
    "session",
]
