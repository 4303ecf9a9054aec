import os
import signal
import subprocess
import sys
import time
import unittest

from harness import LIBRARY

REAPER = LIBRARY / "pythonarium" / "reaper.py"


class Reaping(unittest.TestCase):
    def setUp(self):
        self.reaper = subprocess.Popen([sys.executable, "-I", "-S", REAPER], stdin=subprocess.PIPE)
        self.addCleanup(self.reaper.communicate)
        self.addCleanup(self.reaper.kill)

    def process(self, *command):
        """Return a process that leads a group of its own."""
        process = subprocess.Popen(command or ["sleep", "1000"], start_new_session=True, stdout=subprocess.PIPE, text=True)

        def end():
            process.kill()
            process.communicate()

        self.addCleanup(end)
        return process

    def tell(self, *lines):
        self.reaper.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self.reaper.stdin.flush()

    def hang_up(self):
        self.reaper.stdin.close()
        self.assertEqual(self.reaper.wait(10), 0)

    def assert_was_let_be(self, process):
        """It ends by what it is told here, and by nothing that it was told before."""
        process.terminate()
        self.assertEqual(process.wait(10), -signal.SIGTERM)

    def test_it_kills_those_who_live_when_node_is_gone(self):
        one, other = self.process(), self.process()
        self.tell(f"+ {one.pid} {start_time(one.pid)}", f"+ {other.pid} {start_time(other.pid)}")
        self.hang_up()
        self.assertEqual((one.wait(10), other.wait(10)), (-signal.SIGKILL, -signal.SIGKILL))

    def test_it_kills_what_they_have_started_though_they_are_gone_themselves(self):
        leader = self.process("sh", "-c", "sleep 1000 & echo $!")
        grandchild = int(leader.stdout.readline())
        start = start_time(grandchild)
        self.tell(f"+ {leader.pid} {start}")
        leader.wait()
        self.assertEqual(start_time(grandchild), start)
        self.hang_up()
        self.assertTrue(eventually(lambda: start_time(grandchild) != start or state(grandchild) == "Z"))

    def test_it_lets_those_be_whose_end_was_seen(self):
        process = self.process()
        self.tell(f"+ {process.pid} {start_time(process.pid)}", f"- {process.pid}")
        self.hang_up()
        self.assert_was_let_be(process)

    def test_it_lets_somebody_else_be_who_was_given_the_number(self):
        process = self.process()
        self.tell(f"+ {process.pid} {int(start_time(process.pid)) - 1}")
        self.hang_up()
        self.assert_was_let_be(process)

    def test_it_takes_the_number_for_enough_where_no_start_time_is_known(self):
        process = self.process()
        self.tell(f"+ {process.pid} ")
        self.hang_up()
        self.assertEqual(process.wait(10), -signal.SIGKILL)

    def test_it_stays_when_all_of_a_service_is_asked_to_end(self):
        process = self.process()
        self.tell(f"+ {process.pid} {start_time(process.pid)}")
        # It has come up once it has read that.
        self.assertTrue(eventually(lambda: ignores(self.reaper.pid, signal.SIGTERM)))
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            self.reaper.send_signal(number)
        self.hang_up()
        self.assertEqual(process.wait(10), -signal.SIGKILL)

    def test_it_does_its_work_though_the_last_line_was_cut(self):
        process, other = self.process(), self.process()
        self.tell(f"+ {process.pid} {start_time(process.pid)}")
        self.reaper.stdin.write(f"+ {other.pid}".encode())
        self.hang_up()
        self.assertEqual(process.wait(10), -signal.SIGKILL)
        self.assert_was_let_be(other)


def start_time(pid):
    fields = stat(pid)
    return fields[19] if fields else None


def state(pid):
    fields = stat(pid)
    return fields[0] if fields else None


def stat(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(") ")[2].split()
    except OSError:
        return None


def ignores(pid, number):
    with open(f"/proc/{pid}/status") as file:
        mask = next(line.split()[1] for line in file if line.startswith("SigIgn"))
    return bool(int(mask, 16) >> (number - 1) & 1)


def eventually(is_so):
    deadline = time.monotonic() + 10
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


if __name__ == "__main__":
    unittest.main()
