import json
import socket
import subprocess
import sys
import unittest
from unittest import mock

from harness import LIBRARY, PATIENCE_S
from pythonarium.template import why_not_to_fork

BOOTSTRAP = "import sys; sys.path.insert(0, sys.argv[1]); from pythonarium.template import main; main()"
# Puts the control line and the four descriptors of a seat where a template expects them, and becomes the template.
LAUNCHER = """
import fcntl, os, resource, sys
control, nothing = (fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (int(sys.argv[1]), os.open(os.devnull, os.O_RDWR)))
os.dup2(control, 3)
for descriptor in range(4, 8):
    os.dup2(nothing, descriptor)
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
os.execv(sys.executable, [sys.executable, "-I", "-c", sys.argv[2], sys.argv[3], "0", "1"])
"""


class TemplateWithFewDescriptors(unittest.TestCase):
    def test_comes_up_where_no_descriptor_can_be_moved_as_high_as_its_own_are(self):
        line, theirs = socket.socketpair()
        with line:
            with theirs:
                command = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(theirs.fileno()), BOOTSTRAP, str(LIBRARY)]
                template = subprocess.Popen(command, stderr=subprocess.PIPE, pass_fds=(theirs.fileno(),))
            line.settimeout(PATIENCE_S)
            with line.makefile() as lines:
                said = lines.readline()
        _, stderr = template.communicate(timeout=PATIENCE_S)
        self.assertEqual(json.loads(said or '{"type": null}')["type"], "hello", stderr.decode())
        self.assertEqual(template.returncode, 0, stderr.decode())


class WhyNotToFork(unittest.TestCase):
    def test_what_is_kept_from_being_imported_is_no_reason(self):
        with mock.patch("os.listdir", lambda _: ["1"]):
            with mock.patch.dict(sys.modules, jax=None):
                self.assertIsNone(why_not_to_fork())
            with mock.patch.dict(sys.modules, jax=mock.Mock()):
                self.assertEqual(why_not_to_fork(), "jax was imported, which does not work after a fork")
            with mock.patch("sys.platform", "darwin"):
                with mock.patch.dict(sys.modules, tkinter=None):
                    self.assertIsNone(why_not_to_fork())
                with mock.patch.dict(sys.modules, tkinter=mock.Mock()):
                    self.assertEqual(why_not_to_fork(), "tkinter was imported, which does not work after a fork on macOS")


if __name__ == "__main__":
    unittest.main()
