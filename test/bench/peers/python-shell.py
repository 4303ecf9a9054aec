"""What one writes oneself next to python-shell: a loop, ids, and bytes as text."""

import json
import sys

sys.path.insert(0, __file__.rpartition("/")[0] + "/..")

import tasks

for line in sys.stdin:
    request = json.loads(line)
    value = getattr(tasks, request["name"])(*request["args"])
    print(json.dumps({"id": request["id"], "value": value}), flush=True)
