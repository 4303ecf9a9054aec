"""Tasks that a worker may be given."""

import os

from pythonarium import expose


@expose
def answer():
    return 42


@expose
def leave():
    os._exit(3)


@expose
def spin():
    while True:
        pass


@expose
def identity():
    return os.getpid()
