"""Mark the functions that Node may call, and keep state for a session.

    from pythonarium import expose, session
"""

from .expose import expose
from .session import session

__version__ = "0.1.0"
__all__ = ["__version__", "expose", "session"]
