"""What one writes oneself next to python-shell: a loop and ids, or for bytes a loop and lengths."""

import json
import sys

sys.path.insert(0, __file__.rpartition("/")[0] + "/..")

import tasks

if sys.argv[1] == "binary":
    while head := sys.stdin.buffer.read(8):
        sys.stdout.buffer.write(tasks.give_back(sys.stdin.buffer.read(int.from_bytes(head, "little"))))
        sys.stdout.buffer.flush()
else:
    for line in sys.stdin:
        request = json.loads(line)
        value = getattr(tasks, request["name"])(*request["args"])
        print(json.dumps({"id": request["id"], "value": value}), flush=True)
