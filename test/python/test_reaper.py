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
        self.reaper = subprocess.Popen([sys.executable, "-I", "-S", REAPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for end in (self.reaper.stdin.close, self.reaper.stdout.close, self.reaper.wait, self.reaper.kill):
            self.addCleanup(end)

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

    def test_it_tells_of_the_end_of_those_whose_parent_may_not_though_nobody_has_reaped_them(self):
        gone, lives, other = self.process(), self.process(), self.process()
        gone.kill()
        self.assertTrue(eventually(lambda: state(gone.pid) == "Z"))
        self.tell(*(f"* {each.pid} {start_time(each.pid)}" for each in (gone, lives, other)))
        self.assertEqual(self.reaper.stdout.readline(), f"- {gone.pid}\n".encode())
        lives.kill()
        self.assertEqual(self.reaper.stdout.readline(), f"- {lives.pid}\n".encode())
        self.assertEqual((state(gone.pid), state(lives.pid)), ("Z", "Z"))
        self.hang_up()
        self.assertEqual(other.wait(10), -signal.SIGKILL)

    def test_it_tells_of_the_end_of_nobody_else(self):
        unwatched, seen, somebody_else, last = (self.process() for _ in range(4))
        self.tell(
            f"+ {unwatched.pid} {start_time(unwatched.pid)}",
            f"* {seen.pid} {start_time(seen.pid)}",
            f"- {seen.pid}",
            f"* {somebody_else.pid} {int(start_time(somebody_else.pid)) - 1}",
            f"* {last.pid} {start_time(last.pid)}",
        )
        for process in (unwatched, seen, somebody_else, last):
            process.kill()
            self.assertTrue(eventually(lambda: state(process.pid) == "Z"))
        self.hang_up()
        self.assertEqual(self.reaper.stdout.read(), f"- {last.pid}\n".encode())

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
