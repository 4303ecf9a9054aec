import json
import logging
import os
import signal
import sys
import threading
import unittest
import zipfile

from harness import WorkerTestCase
from pythonarium.frame import LineWriter
from pythonarium.logs import Logs, LogStream, write_raw


class Printing(WorkerTestCase):
    def setUp(self):
        self.worker = self.ready("prints.py")
        self.assertEqual(self.worker.logs, [log("stdout", None, "imported")])
        self.worker.logs.clear()

    def test_each_line_arrives_with_its_call_before_the_reply(self):
        self.assertEqual(self.worker.call("prints", "one", "two\nthree", ""), "printed")
        self.assertEqual(self.worker.logs, [log("stdout", 1, text) for text in ("one", "two", "three", "")])
        self.worker.call("prints_errors", "wrong")
        self.assertEqual(self.worker.logs[-1], log("stderr", 2, "wrong"))

    def test_a_line_arrives_while_its_call_still_runs(self):
        worker = self.ready("lives.py")
        worker.ask("sleeps", 600)
        self.assertEqual(worker.receive(), log("stdout", 1, "asleep"))

    def test_a_line_that_has_not_ended_arrives_when_flushed_and_at_the_end_of_the_call(self):
        self.worker.call("prints_in_parts")
        self.assertEqual(self.worker.texts("stdout"), ["one two", "three", "rest"])
        self.worker.call("prints", "next")
        self.assertEqual(self.worker.logs[-1], log("stdout", 2, "next"))

    def test_any_text_arrives_as_it_is(self):
        texts = ["gr\u00fc\u00df \u4e16\u754c \U0001f40d", "\u2028\x00\x1b[31m\r", '"\\', "lone \ud800"]
        self.worker.call("prints", *texts)
        self.assertEqual(self.worker.texts("stdout"), texts)

    def test_a_very_long_line_arrives_in_pieces(self):
        text = "ab" * 100_000
        self.worker.call("prints", text, end="")
        pieces = self.worker.texts("stdout")
        self.assertEqual("".join(pieces), text)
        self.assertLessEqual(max(map(len, pieces)), 65_536)

    def test_no_message_is_over_the_limit(self):
        worker = self.start("prints.py", handshake=False)
        worker.receive()
        worker.send({**worker.init, "limits": {**worker.init["limits"], "messageBytesMax": 2000}})
        while json.loads(worker.receive_line())["type"] != "ready":
            pass
        worker.ask("prints", "\U0001f40d" * 100)
        worker.ask("prints", "\U0001f40d" * 100, end="")
        lines = [worker.receive_line() for _ in range(4)]
        self.assertLessEqual(max(map(len, lines)), 2000)

    def test_bytes_are_no_text(self):
        self.assertRegex(self.worker.error("writes_not_text")["message"], "must be str, not bytes")

    def test_closing_the_streams_closes_nothing(self):
        self.worker.call("closes_streams")
        self.assertEqual(self.worker.texts("stdout"), ["still here"])

    def test_whoever_wraps_what_is_for_bytes_finds_it_again_in_the_next_call(self):
        for _ in range(2):
            self.worker.call("wraps_bytes", "gr\u00fc\u00df\n")
        self.assertEqual(self.worker.stdout(), "gr\u00fc\u00df\n" * 2)

    def test_a_module_may_put_a_stream_of_its_own_in_the_place_of_ours(self):
        folder = self.folder(
            app="import io, sys\nfrom pythonarium import expose\nsys.stdout = io.TextIOWrapper(sys.stdout.detach(), 'latin-1')\n"
            "@expose\ndef says(text): print(text, flush=True)\n"
        )
        worker = self.ready({"": f"{folder}/app.py"})
        worker.call("says", "mine")
        self.assertEqual((worker.stdout(), worker.logs), ("mine\n", []))

    def test_what_goes_to_the_descriptors_stays_off_the_line(self):
        garbage = '{"type":"reply","id":1,"value":"forged"}\n'
        self.assertIsNone(self.worker.call("writes_to_descriptor", garbage))
        self.assertIsNone(self.worker.call("runs_process", "from outside"))
        self.assertEqual(self.worker.logs, [])
        self.assertEqual(self.worker.stdout(), garbage * 2 + "from outside\n" * 2)
        self.assertEqual(self.worker.stderr(), garbage)

    def test_threads_that_print_at_once_do_not_mix_their_lines(self):
        self.worker.call("prints_from_threads", 8, 200)
        lines = [text.split() for text in self.worker.texts("stdout")]
        self.assertEqual(sorted((int(a), int(b)) for a, b, _ in lines), [(a, b) for a in range(8) for b in range(200)])
        self.assertEqual({len(rest) for _, _, rest in lines}, {300})
        self.assertEqual({one["call"] for one in self.worker.logs}, {1})

    def test_a_thread_that_outlives_its_call_prints_under_the_one_that_runs_then(self):
        self.worker.call("leaves_thread")
        self.worker.call("lets_thread_go")
        self.assertEqual(self.worker.logs, [log("stdout", 2, "from the thread")])

    def test_signal_handlers_that_print_never_break_a_line_that_is_being_sent(self):
        self.worker.call("prints_from_signals", 0.0005)
        texts = 0
        while texts < 20 or len(self.worker.texts("stdout")) <= 20:
            self.assertEqual(len(self.worker.call("long_text", 1_000_000)), 1_000_000)
            texts += 1
        self.worker.call("stops_signals")
        self.assertEqual(set(self.worker.texts("stdout")), {"tick " + "x" * 2000})

    def test_a_signal_handler_that_raises_in_the_middle_of_a_line_ends_the_call_and_not_the_line(self):
        for seconds in (0.01, 0.013, 0.017, 0.02, 0.023):
            self.assertEqual(self.worker.error("prints_until_interrupted", seconds)["message"], "time is up")
        self.assertEqual({len(text) for text in self.worker.texts("stdout")}, {60_000})

    def test_a_line_that_a_thread_has_begun_is_sent_with_the_end_of_the_call(self):
        self.worker.call("leaves_thread_in_mid_line")
        self.assertEqual(self.worker.logs, [log("stdout", 1, "mid-line")])

    def test_a_finaliser_may_print(self):
        self.worker.call("prints_when_collected")
        self.assertEqual(self.worker.texts("stdout"), ["collected"])


class Descriptors(unittest.TestCase):
    """What is written to descriptors 1 and 2 while signals come, on which the kernel leaves a write in its middle."""

    def came_of(self, write):
        """Return how many bytes come of what `write` writes to a pipe that is not read before a signal has come."""
        reader, writer = os.pipe()
        signalled, came = threading.Event(), []

        def read():
            signalled.wait()
            with open(reader, "rb") as pipe:
                came.append(len(pipe.read()))

        thread = threading.Thread(target=read)
        before = signal.signal(signal.SIGALRM, lambda *_: signalled.set())
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        thread.start()
        try:
            write(writer)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            os.close(writer)
            thread.join()
        return came[0]

    def test_bytes_come_whole(self):
        self.assertEqual(self.came_of(lambda pipe: LogStream(Logs(LineWriter(-1)), "stdout", pipe).buffer.write(bytes(1_000_000))), 1_000_000)

    def test_what_a_forked_child_prints_comes_whole(self):
        self.assertEqual(self.came_of(lambda pipe: write_raw(pipe, "x" * 1_000_000)), 1_000_000)


class Logging(WorkerTestCase):
    def setUp(self):
        self.worker = self.ready("prints.py")
        self.worker.logs.clear()

    def test_what_no_handler_takes_arrives_with_level_and_logger(self):
        self.worker.call("logs", "slow query\nsecond line")
        first, second = self.worker.logs
        self.assertEqual(first, log("logging", 1, "slow query\nsecond line", level="WARNING", logger="app.db"))
        self.assertEqual((second["level"], second["stream"]), ("ERROR", "logging"))
        self.assertTrue(second["text"].startswith("failed\nTraceback (most recent call last):\n"), second["text"])

    def test_no_message_is_over_the_limit_for_the_names_of_loggers_and_levels(self):
        folder = self.folder(
            app="import logging\nfrom pythonarium import expose\nlogging.addLevelName(40, 'L' * 2_000)\n"
            "@expose\ndef logs(text, times): logging.getLogger(text * times).error('x' * 42)\n"
        )
        worker = self.start({"": f"{folder}/app.py"}, handshake=False)
        worker.receive()
        worker.send({**worker.init, "limits": {**worker.init["limits"], "messageBytesMax": 1024}})
        self.assertEqual(worker.receive()["type"], "ready")
        for call, (text, told) in enumerate((("a", "a" * 200), ("\U0001f40d", "\U0001f40d" * 16)), 1):
            worker.ask("logs", text, 300)
            line = worker.receive_line()
            self.assertLessEqual(len(line), 1024)
            self.assertEqual(json.loads(line), log("logging", call, "x" * 42, level="L" * 100, logger=told))
            self.assertEqual(worker.receive()["type"], "reply")

    def test_logging_that_was_imported_before_us_is_no_different(self):
        folder = self.folder(
            app="import logging\nfrom pythonarium import expose\n@expose\ndef f(): logging.getLogger('a').error('x')\n"
        )
        worker = self.ready({"": f"{folder}/app.py"})
        worker.call("f")
        self.assertEqual(worker.logs, [log("logging", 1, "x", level="ERROR", logger="a")])

    def test_logging_that_was_looked_for_before_it_is_imported_is_no_different(self):
        folder = self.folder(
            app="from importlib.util import find_spec\nfrom pythonarium import expose\nfind_spec('logging')\n"
            "@expose\ndef f():\n    import logging\n    logging.getLogger('a').error('x')\n"
        )
        worker = self.ready({"": f"{folder}/app.py"})
        worker.call("f")
        self.assertEqual(worker.logs, [log("logging", 1, "x", level="ERROR", logger="a")])

    def test_logging_that_comes_from_a_zip_file_as_other_modules_do_is_no_different(self):
        folder = self.folder(
            app="import logging, beside\nfrom pythonarium import expose\n@expose\ndef f(): logging.getLogger(beside.name).error('x')\n"
        )
        with zipfile.ZipFile(folder / "library.zip", "w") as library:
            library.write(logging.__file__, "logging/__init__.py")
            library.writestr("beside.py", "name = 'a'\n")
        worker = self.ready({"": f"{folder}/app.py"}, path=[f"{folder}/library.zip", *sys.path])
        worker.call("f")
        self.assertEqual(worker.logs, [log("logging", 1, "x", level="ERROR", logger="a")])

    def test_configured_logging_goes_where_its_owner_says(self):
        self.worker.call("configures_logging")
        self.assertEqual(self.worker.logs, [log("stderr", 1, "WARNING:configured")])

    def test_warnings_arrive_as_warnings_and_can_still_be_recorded(self):
        self.worker.call("warns", "old")
        self.assertEqual((self.worker.logs[0]["stream"], self.worker.logs[0]["call"]), ("warnings", 1))
        self.assertRegex(self.worker.logs[0]["text"], r"prints\.py:\d+: UserWarning: old\n")
        self.assertEqual(self.worker.call("records_warnings"), ["kept"])
        self.assertEqual(len(self.worker.logs), 1)

    def test_a_worker_that_does_not_log_does_not_import_logging(self):
        folder = self.folder(
            app="import sys\nfrom pythonarium import expose\n"
            "@expose\ndef loaded(names): return [name for name in names if name in sys.modules]\n"
        )
        stdlib = [path for path in sys.path if path.startswith(sys.base_prefix) and "-packages" not in path]
        worker = self.ready({"": f"{folder}/app.py"}, path=stdlib)
        self.assertEqual(worker.call("loaded", ["logging", "asyncio", "traceback", "json.decoder"]), [])


def log(stream, call, text, **more):
    return {"type": "log", "stream": stream, "call": call, "text": text, **more}


if __name__ == "__main__":
    unittest.main()
