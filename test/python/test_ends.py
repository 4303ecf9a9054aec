import multiprocessing
import os
import signal
import subprocess
import sys
import unittest

from harness import LANES, LIBRARY, WorkerTestCase


class NodeGone(WorkerTestCase):
    def end_of(self, worker):
        worker.line.close()
        return worker.wait()

    def test_an_idle_worker_leaves_when_node_hangs_up(self):
        self.assertEqual(self.end_of(self.ready("lives.py")), 0)

    def test_whoever_watches_for_that_takes_no_closed_descriptor_for_it(self):
        code = """
import os, sys, _thread
sys.path.insert(0, sys.argv[1])
from pythonarium import worker
line, other = os.pipe()
os.close(line)
begun = _thread.allocate_lock()
begun.acquire()
worker.pthread_sigmask = lambda *_: begun.release()
worker.watch_for_hang_up(line)
begun.acquire()
while _thread._count():
    os.sched_yield()
os._exit(3)
"""
        watched = subprocess.run([sys.executable, "-I", "-c", code, str(LIBRARY)], check=False, timeout=60)
        self.assertEqual(watched.returncode, 3)

    def test_a_sleeping_worker_leaves_when_node_hangs_up(self):
        worker = self.ready("lives.py")
        worker.ask("sleeps", 600)
        self.assertEqual(worker.receive()["text"], "asleep")
        self.assertEqual(self.end_of(worker), 0)

    def test_a_worker_in_a_python_loop_leaves_when_node_hangs_up(self):
        worker = self.ready("lives.py")
        worker.ask("spins")
        self.assertEqual(worker.receive()["text"], "spinning")
        self.assertEqual(self.end_of(worker), 0)

    def test_a_worker_that_is_still_importing_leaves_when_node_hangs_up(self):
        folder = self.folder(app="import time\nprint('importing')\ntime.sleep(600)\n")
        worker = self.start({"": f"{folder}/app.py"}, handshake=False)
        worker.receive()
        worker.send(worker.init)
        self.assertEqual(worker.receive()["text"], "importing")
        self.assertEqual(self.end_of(worker), 0)

    def test_a_worker_that_never_got_init_leaves_when_node_hangs_up(self):
        worker = self.start("lives.py", handshake=False)
        worker.receive()
        self.assertEqual(self.end_of(worker), 0)

    def test_a_worker_leaves_when_node_sends_no_more(self):
        worker = self.ready("lives.py")
        worker.line.shutdown(1)
        self.assertIsNone(worker.receive())
        self.assertEqual(worker.wait(), 0)


class AboutToBeKilled(WorkerTestCase):
    def test_a_worker_begins_nothing_more(self):
        for lane in LANES:
            with self.subTest(lane=lane):
                worker = self.ready("lives.py", lane=lane)
                worker.halt()
                call = worker.ask("names")
                self.assertIsNone(worker.receive())
                self.assertEqual(worker.wait(), 0)
                self.assertEqual(worker.mark(), call)

    def test_nor_does_it_begin_what_came_in_one_message(self):
        worker = self.ready("lives.py")
        worker.halt()
        worker.send({"type": "map", "id": 1, "name": "sleeps", "items": [0, 0]})
        self.assertIsNone(worker.receive())
        self.assertEqual((worker.wait(), worker.mark()), (0, 1))


class Stopped(WorkerTestCase):
    def test_a_worker_waits_for_what_its_calls_have_begun_in_threads_of_their_own(self):
        folder = self.folder(
            app="from threading import Timer\nfrom pythonarium import expose\n"
            "@expose\ndef begin(): Timer(0.2, print, ['done']).start()\n"
        )
        for lane in LANES:
            with self.subTest(lane):
                worker = self.ready({"": f"{folder}/app.py"}, lane=lane)
                worker.call("begin")
                self.assertEqual((worker.stop(), worker.texts("stdout")), (0, ["done"]))


class BrokenLine(WorkerTestCase):
    def last_words(self, *lines, **init):
        """Return what a worker says on standard error as it ends with 2 over `lines`."""
        worker = self.ready("basic.py", **init)
        worker.send_bytes(b"".join(lines))
        self.assertIsNone(worker.receive())
        self.assertEqual(worker.wait(), 2)
        return worker.stderr()

    def test_a_line_that_is_no_message_ends_the_worker(self):
        for line, why in (
            (b"hello\n", "not JSON"),
            (b"\n", "not JSON"),
            (b'{"type":"dance"}\n', "no message of the type 'dance'"),
            (b'[0,"add",[]]\n', "`id` is not a positive safe integer"),
            (b'"\xff"\n', "not JSON"),
        ):
            with self.subTest(line):
                words = self.last_words(line)
                self.assertIn("no longer understand each other", words)
                self.assertIn(why, words)

    def test_a_second_init_ends_the_worker(self):
        worker = self.ready("basic.py")
        worker.send(worker.init)
        self.assertIsNone(worker.receive())
        self.assertEqual(worker.wait(), 2)

    def test_a_call_before_init_ends_the_worker(self):
        worker = self.start("basic.py", handshake=False)
        worker.receive()
        worker.ask("add", 1, 2)
        self.assertIsNone(worker.receive())
        self.assertEqual(worker.wait(), 2)
        self.assertIn("the first message is 'call'", worker.stderr())

    def test_a_message_over_the_limit_ends_the_worker(self):
        self.assertIn("over the limit of 1000 bytes", self.last_words(b"x" * 1001, limits={"messageBytesMax": 1000, "depthMax": 200}))

    def test_a_worker_started_by_hand_says_that_it_is_none(self):
        import subprocess

        from harness import BOOTSTRAP, LIBRARY

        told = subprocess.run([sys.executable, "-I", "-c", BOOTSTRAP, str(LIBRARY)], capture_output=True, text=True)
        self.assertEqual(told.returncode, 1)
        self.assertIn("there is no line on descriptor 3", told.stderr)

    def test_a_worker_that_breaks_ends_although_there_is_no_memory_to_say_why(self):
        code = """
import sys, threading
sys.path.insert(0, sys.argv[1])
from pythonarium import worker
threading.Thread(target=threading.Event().wait).start()
sys.modules["traceback"] = None
worker.leave_for(MemoryError())
"""
        broken = subprocess.run([sys.executable, "-I", "-c", code, str(LIBRARY)], capture_output=True, check=False, timeout=60)
        self.assertEqual((broken.returncode, broken.stderr), (3, b"pythonarium: the worker itself broke\n"))


class Signals(WorkerTestCase):
    def test_ctrl_c_is_for_node_to_handle(self):
        worker = self.ready("lives.py")
        call = worker.ask("sleeps", 0.2)
        self.assertEqual(worker.receive()["text"], "asleep")
        os.kill(worker.process.pid, signal.SIGINT)
        self.assertEqual(worker.receive(), {"type": "reply", "id": call, "value": "slept"})

    def test_what_a_function_starts_can_be_interrupted_by_it(self):
        self.assertEqual(self.ready("lives.py").call("interrupts_process"), -signal.SIGINT)

    def test_sigterm_ends_a_worker_at_once(self):
        worker = self.ready("lives.py")
        worker.ask("spins")
        worker.receive()
        worker.process.terminate()
        self.assertEqual(worker.wait(), -signal.SIGTERM)

    def test_a_crash_in_c_code_says_which_line_it_came_from(self):
        worker = self.ready("raises.py")
        worker.ask("crashes")
        self.assertIsNone(worker.receive())
        self.assertEqual(worker.wait(), -signal.SIGSEGV)
        self.assertRegex(worker.stderr(), r"Segmentation fault[\s\S]*raises\.py\", line \d+ in crashes")

    def test_a_signal_handler_that_raises_outside_of_a_call_ends_the_worker_loudly(self):
        worker = self.ready("prints.py")
        worker.call("raises_from_signals")
        os.kill(worker.process.pid, signal.SIGUSR1)
        self.assertIsNone(worker.receive())
        self.assertEqual(worker.wait(), 3)
        self.assertIn("TimeoutError: too late", worker.stderr())

    def test_a_signal_handler_that_exits_outside_of_a_call_ends_the_worker_as_it_says(self):
        folder = self.folder(
            app="import signal, sys\nfrom pythonarium import expose\n@expose\ndef fine(): ...\n"
            "signal.signal(signal.SIGALRM, lambda *_: sys.exit(5))\n"
        )
        for lane in LANES:
            with self.subTest(lane):
                worker = self.ready({"": f"{folder}/app.py"}, lane=lane)
                worker.call("fine")
                os.kill(worker.process.pid, signal.SIGALRM)
                self.assertIsNone(worker.receive())
                self.assertEqual((worker.wait(), worker.stderr()), (5, ""))


class Forks(WorkerTestCase):
    def setUp(self):
        self.worker = self.ready("forks.py")

    def test_a_forked_child_that_comes_back_gives_no_answer(self):
        self.assertGreater(self.worker.call("forks_and_both_return"), 0)
        self.assertEqual(self.worker.stdout(), "from the child\n")
        self.assertEqual(self.worker.logs, [])
        self.assertEqual(self.worker.call("fine"), "fine")

    def test_a_forked_child_that_raises_or_exits_ends_as_any_process_would(self):
        self.assertEqual(self.worker.call("forks_and_child_raises"), 1)
        self.assertIn("ValueError: in the child", self.worker.stderr())
        self.assertEqual(self.worker.call("forks_and_child_exits", 5), 5)

    def test_a_forked_child_that_exits_with_words_says_them_and_no_more(self):
        self.assertEqual(self.worker.call("forks_and_child_exits", "in vain"), 1)
        self.assertEqual(self.worker.stderr(), "in vain\n")

    def test_a_forked_child_is_told_that_node_cannot_be_asked_there(self):
        for lane in LANES:
            with self.subTest(lane):
                worker = self.ready("forks.py", lane=lane)
                worker.send({"type": "call", "id": 1, "name": "forks_and_child_asks", "args": [None], "rich": [[["args", 0], "function", 0]]})
                self.assertEqual(worker.receive_but_logs(), {"type": "reply", "id": 1, "value": 1})
                self.assertIn("RuntimeError: This process was forked of a worker", worker.stderr())

    def test_what_a_forked_child_logs_goes_to_standard_error(self):
        self.worker.call("forks_and_child_logs")
        self.assertEqual(self.worker.texts("logging"), ["from the parent"])
        self.assertEqual(self.worker.stderr(), "from the child\n")

    def test_a_child_that_is_forked_by_the_import_or_the_setup_leaves_quietly(self):
        folder = self.folder(
            app="import os\nfrom pythonarium import expose\npid = os.fork()\n"
            "@expose\ndef wait(): return [pid > 0, os.waitpid(pid, 0)[1]]"
        )
        for lane in LANES:
            with self.subTest(lane):
                worker = self.ready({"": f"{folder}/app.py"}, lane=lane)
                self.assertEqual(worker.call("wait"), [True, 0])
                self.assertEqual(worker.stderr(), "")

    def test_a_forked_child_that_stays_does_not_hold_the_line_open(self):
        child = self.worker.call("forks_and_child_stays")
        self.worker.process.kill()
        try:
            self.assertIsNone(self.worker.receive())
        finally:
            os.kill(child, signal.SIGKILL)

    def test_multiprocessing_works_in_a_worker(self):
        worker = self.ready("forks.py", path=[str(__import__("harness").FIXTURES), *sys.path])
        for method in multiprocessing.get_all_start_methods():
            with self.subTest(method):
                self.assertEqual(worker.call("squares", method, [1, 2, 3]), [1, 4, 9])

    def test_what_is_printed_as_python_ends_waits_for_no_thread_that_has_stopped_as_it_printed(self):
        folder = self.folder(
            app="from threading import Thread\nfrom pythonarium import expose\n"
            "class Last:\n    def __del__(self): print('the last word')\n"
            "def go_on():\n    while True: print('on and on')\n"
            "@expose\ndef begin():\n    global last\n    last = Last()\n    Thread(target=go_on, daemon=True).start()\n"
        )
        worker = self.ready({"": f"{folder}/app.py"})
        worker.call("begin")
        self.assertEqual((worker.stop(), worker.stdout()), (0, "the last word\n"))

    def test_code_that_closes_low_descriptors_does_not_meet_the_line(self):
        for descriptor in range(3, 20):
            self.worker.answer("closes", descriptor)
        self.assertEqual(self.worker.call("fine"), "fine")

    def test_code_that_closes_every_descriptor_ends_the_worker_with_the_reason(self):
        self.worker.ask("closes_everything")
        self.assertIsNone(self.worker.receive())
        self.assertEqual(self.worker.wait(), 3)
        self.assertIn("has closed the descriptor of its line", self.worker.stderr())


if __name__ == "__main__":
    unittest.main()
