"""One call: the request comes on standard input, the answer goes to standard output. Of bytes the name is an argument."""

import json
import sys

sys.path.insert(0, __file__.rpartition("/")[0] + "/..")

import tasks

if len(sys.argv) > 1:
    sys.stdout.buffer.write(getattr(tasks, sys.argv[1])(sys.stdin.buffer.read()))
else:
    name, args = json.load(sys.stdin)
    json.dump(getattr(tasks, name)(*args), sys.stdout)
