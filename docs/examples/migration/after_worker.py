"""The same commands for pythonarium. There is no loop any more: the library has it."""

import importlib.util

from pythonarium import expose, session

work = None


def load(path: str) -> None:
    """Run once in each worker before it takes calls."""
    global work
    spec = importlib.util.spec_from_file_location("work", path)
    work = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(work)


@expose
def execute(command: str, args: list):
    return getattr(work, command)(session, *args)


@expose
def execute_alone(command: str, args: list):
    """Without a session there is nothing to keep."""
    return getattr(work, command)({}, *args)
