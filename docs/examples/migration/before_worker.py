"""The serialised pool's end of the pipe: a loop on standard input and output."""

import importlib.util
import json
import sys

spec = importlib.util.spec_from_file_location("work", sys.argv[1])
work = importlib.util.module_from_spec(spec)
spec.loader.exec_module(work)
sessions: dict[str, dict] = {}

for line in sys.stdin:
    request = json.loads(line)
    name = request["session"]
    state = {} if name is None else sessions.setdefault(name, {})
    try:
        result = getattr(work, request["command"])(state, *request["args"])
        reply = {"ok": True, "result": result}
    except Exception as error:
        reply = {"ok": False, "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), flush=True)
