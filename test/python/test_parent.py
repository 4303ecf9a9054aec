import os
import subprocess
import sys
import unittest

from harness import LIBRARY

ASK = f"""
import sys
sys.path.insert(0, {str(LIBRARY)!r})
from pythonarium.parent import end_with
end_with(int(sys.argv[1]))
from ctypes import CDLL, byref, c_int
signal = c_int()
CDLL(None).prctl(2, byref(signal))  # PR_GET_PDEATHSIG
print(signal.value)
"""


class EndingWithTheParent(unittest.TestCase):
    def armed(self, parent, *wrapper):
        command = [*wrapper, sys.executable, "-I", "-c", ASK, str(parent)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def test_it_is_armed_with_what_cannot_be_masked(self):
        self.assertEqual(self.armed(os.getpid()), 9)

    def test_it_is_not_armed_where_a_thread_may_end_before_its_process(self):
        self.assertEqual(self.armed(0), 0)

    def test_it_is_not_armed_against_a_wrapper_that_stands_between(self):
        # The command after it keeps the shell from becoming Python.
        self.assertEqual(self.armed(os.getpid(), "sh", "-c", '"$@"; exit $?', "sh"), 0)

    def test_it_ends_if_the_parent_goes_while_it_is_armed(self):
        code = f"""
import os, sys
sys.path.insert(0, {str(LIBRARY)!r})
from pythonarium import parent
parents = [7, 1]
parent.os.getppid = lambda: parents.pop(0)
parent.end_with(7)
print("it goes on")
"""
        ended = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
        self.assertEqual((ended.returncode, ended.stdout), (0, ""))

    def test_it_does_without_where_ctypes_cannot_be_loaded(self):
        code = f"""
import os, sys
sys.path.insert(0, {str(LIBRARY)!r})
sys.modules["_ctypes"] = None
from pythonarium.parent import end_with
end_with(os.getppid())
print("it goes on")
"""
        ended = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
        self.assertEqual(ended.stdout, "it goes on\n")


if __name__ == "__main__":
    unittest.main()
