"""One call: the request comes on standard input, the answer goes to standard output."""

import json
import sys

sys.path.insert(0, __file__.rpartition("/")[0] + "/..")

import tasks

name, args = json.load(sys.stdin)
json.dump(getattr(tasks, name)(*args), sys.stdout)
