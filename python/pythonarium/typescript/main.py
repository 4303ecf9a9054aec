"""One run of `pythonarium types`: a request on standard input, what came of it on standard output."""

from __future__ import annotations

import json
import os
import sys

from .declaration import declare
from .expose import NothingToDeclare
from .source import SourceMissing, Sources


def main() -> None:
    """Read a request, `{ path, modules, expose, title }`, and write its declarations or what is wrong."""
    request = json.load(sys.stdin)
    sources = Sources(request["path"])
    answer: dict[str, object]
    try:
        modules = {prefix: sources.load(source) for prefix, source in request["modules"].items()}
        declared = declare(sources, modules, request["expose"], request["title"])
        answer = {"text": declared.text, "functions": declared.functions, "warnings": [each._asdict() for each in declared.warnings]}
    except SyntaxError as error:
        answer = {"problem": f"{error.filename}:{error.lineno or 1}: {error.msg}"}
    except NothingToDeclare as error:
        answer = {"problem": str(error), "warnings": [each._asdict() for each in error.warnings]}
    except SourceMissing as error:
        answer = {"problem": str(error)}
    except OSError as error:
        answer = {"problem": f"{error.filename} cannot be read: {error.strerror}" if error.filename else str(error)}
    except RecursionError:
        answer = {"problem": f"Something in {', '.join(request['modules'].values())}, or in what is imported there, is nested deeper than Python can follow."}
    # By the bytes of their paths: what is no UTF-8 would be another path where it is looked for.
    answer["files"] = {os.fsencode(file).decode("latin-1"): version for file, version in sources.files.items()}
    # A line of its own: what Python runs as it starts may have printed something, and not to the end of a line.
    print()
    json.dump(answer, sys.stdout)
