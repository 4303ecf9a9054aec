import json
import os
import tempfile
import unittest
from unittest import mock

from harness import WorkerTestCase, as_line
from pythonarium import frame, joining
from pythonarium.frame import LineReader, LineWriter
from pythonarium.joining import Joining
from pythonarium.reply_page import ReplyPage


class Replies(WorkerTestCase):
    def setUp(self):
        self.worker = self.ready("joins.py", replyPage=True)
        # Whatever ran once behind another is known to be quick, but for `waits_at`.
        quick = [("add", 1, 2), ("waits", None), ("ends", None), ("tells", "x"), ("fails", None)]
        self.answers(self.send(*quick, ("add", 1, 2)))

    def send(self, *calls):
        """Send calls in one write, and return their ids."""
        worker, first = self.worker, self.worker._next_id + 1
        lines = [{"type": "call", "id": first + i, "name": name, "args": args} for i, (name, *args) in enumerate(calls)]
        worker._next_id += len(calls)
        worker.send_bytes(b"".join(json.dumps(as_line(line)).encode() + b"\n" for line in lines))
        return [line["id"] for line in lines]

    def answers(self, ids):
        """Return what comes until all of them are answered."""
        told = []
        while sum(each["type"] in ("reply", "error") for each in told) < len(ids):
            told.append(self.worker.receive())
        self.assertEqual([each["id"] for each in told if each["type"] in ("reply", "error")], ids)
        return told

    def has_said_nothing(self):
        self.assertEqual(self.worker._lines, b"")
        self.worker.line.setblocking(False)
        try:
            with self.assertRaises(BlockingIOError):
                self.worker.line.recv(1)
        finally:
            self.worker.line.settimeout(30)

    def holds_nothing(self):
        # The page is emptied after the write, and before the next call.
        self.worker.call("add", 1, 2)
        self.assertEqual(self.worker.held(), [])

    def gate(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "gate")
        os.mkfifo(path)
        return path

    def test_come_in_the_order_of_the_calls_however_many_wait(self):
        calls = [("add", number, 1) for number in range(500)]
        told = self.answers(self.send(*calls))
        self.assertEqual([each["value"] for each in told], [number + 1 for number in range(500)])
        self.holds_nothing()

    def test_are_written_before_a_function_that_was_never_seen(self):
        gate = self.gate()
        first, second = self.send(("add", 1, 2), ("waits_at", gate))
        self.assertEqual(self.worker.receive()["id"], first)
        with open(gate, "w") as pipe:
            self.assertEqual(self.worker.held(), [])
            pipe.write("open")
        self.assertEqual(self.worker.receive(), {"type": "reply", "id": second, "value": "open"})

    def test_are_written_before_a_function_that_was_slow_the_last_time(self):
        self.answers(self.send(("patience", 0), ("waits", None), ("add", 1, 2)))
        self.answers(self.send(("patience", 60), ("add", 1, 2), ("add", 1, 2)))
        gate = self.gate()
        first, _ = self.send(("add", 1, 2), ("waits", gate))
        self.assertEqual(self.worker.receive()["id"], first)
        with open(gate, "w") as pipe:
            pipe.write("open")

    def test_are_written_before_a_function_that_raised_the_last_time(self):
        self.send(("waits", "/no/such/gate"), ("add", 1, 2))
        self.assertEqual((self.worker.receive()["type"], self.worker.receive()["value"]), ("error", 3))
        gate = self.gate()
        first, _ = self.send(("add", 1, 2), ("waits", gate))
        self.assertEqual(self.worker.receive()["id"], first)
        with open(gate, "w") as pipe:
            pipe.write("open")

    def test_are_on_the_page_while_a_function_hangs_that_was_quick_and_on_the_line_after_it(self):
        gate = self.gate()
        ids = self.send(("add", 1, 2), ("add", 3, 4), ("waits", gate))
        with open(gate, "w") as pipe:
            self.has_said_nothing()
            self.assertEqual([each["value"] for each in self.worker.held()], [3, 7])
            pipe.write("open")
        self.assertEqual([each["value"] for each in self.answers(ids)], [3, 7, "open"])
        self.holds_nothing()

    def test_are_on_the_page_when_the_next_call_ends_the_process(self):
        first, second, _ = self.send(("add", 1, 2), ("ends", 5), ("add", 1, 2))
        self.assertIsNone(self.worker.receive())
        self.assertEqual(self.worker.wait(), 5)
        self.assertEqual(self.worker.held(), [{"type": "reply", "id": first, "value": 3}])
        self.assertEqual(self.worker.mark(), second)

    def test_keep_their_place_among_all_else_that_is_said(self):
        worker = self.worker
        first = worker._next_id + 1
        worker._next_id += 4
        worker.send_bytes(
            b'[%d,"add",[1,2]]\n{"type":"ping","number":7}\n'
            b'[%d,"tells",["a"]]\n[%d,"fails",["so"]]\n'
            b'{"type":"session.end","session":"s"}\n[%d,"tells",["b"]]\n[%d,"nobody",[]]\n'
            % (first, first + 1, first + 2, first + 3, first + 4)
        )
        told = [worker.receive() for _ in range(8)]
        self.assertEqual(
            [(each["type"], each.get("id", each.get("number", each.get("call")))) for each in told],
            [
                ("reply", first),
                ("pong", 7),
                ("log", first + 1),
                ("reply", first + 1),
                ("error", first + 2),
                ("log", first + 3),
                ("reply", first + 3),
                ("error", first + 4),
            ],
        )

    def test_are_written_once_when_a_call_forks(self):
        ids = self.send(("add", 1, 2), ("forks",), ("add", 1, 2), ("forks",), ("add", 1, 2))
        self.assertEqual([each["value"] for each in self.answers(ids)], [3, True, 3, True, 3])
        self.assertEqual(self.worker.call("add", 2, 2), 4)

    def test_are_written_once_by_a_call_that_prints_where_nothing_deeper_can_be_called(self):
        self.answers(self.send(("add", 1, 2), ("sinks",), ("add", 1, 2)))
        told = self.answers(self.send(("add", 1, 2), ("sinks", True), ("add", 3, 4)))
        self.assertEqual([each["value"] for each in told if each["type"] == "reply"], [3, None, 7])
        self.assertTrue(all(each["text"] == "too deep" for each in told if each["type"] == "log"))
        self.holds_nothing()

    def test_are_written_before_the_end(self):
        first = self.send(("add", 1, 2))
        self.worker.send_bytes(b'[99,"add",[1,2]]\n{"type":"stop"}\n')
        self.answers([*first, 99])
        self.assertIsNone(self.worker.receive())
        self.assertEqual(self.worker.wait(), 0)

    def test_do_not_wait_where_node_has_no_page_for_them(self):
        self.worker = self.ready("joins.py")
        gate = self.gate()
        self.answers(self.send(("waits", None), ("add", 1, 2), ("waits", None)))
        first, _ = self.send(("add", 1, 2), ("waits", gate))
        self.assertEqual(self.worker.receive()["id"], first)
        with open(gate, "w") as pipe:
            pipe.write("open")


class Held(unittest.TestCase):
    def setUp(self):
        reader, self.there = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, self.there)
        self.writes = []
        self.addCleanup(setattr, frame, "write", frame.write)
        frame.write = lambda _, part: self.writes.append(bytes(part)) or len(part)
        self.bytes = bytearray(64)
        self.page = ReplyPage(self.bytes, 0, 64)
        self.writer = LineWriter(self.there)
        self.writer.hold_in(self.page)
        self.reader = LineReader(reader, 100)
        self.addCleanup(setattr, joining, "AHEAD_S", joining.AHEAD_S)
        joining.AHEAD_S = 0

    def test_lines_go_with_the_next_in_one_write_and_then_are_gone(self):
        self.assertTrue(self.writer.hold(b"a\n") and self.writer.hold(b"b\n"))
        self.assertEqual((self.writes, self.page.lines()), ([], b"a\nb\n"))
        self.writer.write(b"c\n", [memoryview(b"raw")])
        self.writer.flush()
        self.assertEqual((b"".join(self.writes), self.page.used), (b"a\nb\nc\nraw", 0))
        self.writer.hold(b"d\n")
        self.writer.flush()
        self.assertEqual(self.writes[-1], b"d\n")

    def test_the_head_is_never_what_it_was_once_the_page_was_emptied(self):
        heads = set()
        for _ in range(3):
            self.writer.hold(b"a\n")
            heads.add(bytes(self.bytes[:8]))
            self.writer.flush()
            heads.add(bytes(self.bytes[:8]))
        self.assertEqual(len(heads), 6)

    def test_what_the_page_has_no_room_for_is_not_held(self):
        self.assertTrue(self.writer.hold(b"x" * 40 + b"\n"))
        self.assertFalse(self.writer.hold(b"y" * 40 + b"\n"))
        self.assertEqual(self.page.lines(), b"x" * 40 + b"\n")

    def test_the_page_may_be_full_to_the_last_byte(self):
        self.assertTrue(self.writer.hold(b"x" * 55 + b"\n"))
        self.assertFalse(self.writer.hold(b"\n"))
        self.assertEqual((self.page.lines(), len(self.bytes)), (b"x" * 55 + b"\n", 64))

    def test_lines_stay_on_the_page_when_the_line_is_gone(self):
        def gone(_, part):
            raise BrokenPipeError(32, "gone")

        self.writer.hold(b"a\n")
        frame.write = gone
        with self.assertRaises(BrokenPipeError):
            self.writer.write(b"b\n")
        self.assertEqual(self.page.lines(), b"a\n")

    def test_a_line_is_written_once_although_a_signal_handler_raises_after_it(self):
        class Raised(Exception):
            pass

        clear, raised = self.page.clear, []

        def raise_first():
            if not raised:
                raised.append(True)
                raise Raised
            clear()

        self.page.clear = raise_first
        self.writer.hold(b"a\n")
        with self.assertRaises(Raised):
            self.writer.write(b"b\n")
        self.writer.write(b"c\n")
        self.assertEqual(self.writes, [b"a\nb\n", b"c\n"])

    def test_a_reply_waits_no_longer_than_it_may(self):
        replies = Joining(self.reader, self.writer, self.page)
        self.reader.lines[:] = [b"more"] * 3
        for moment in (1, 1 + 100e-6):
            replies.begin("quick")
            replies.end("quick", 10e-6, moment, b"a\n")
        self.assertEqual((self.writes, self.page.used), ([], 4))
        replies.begin("quick")
        replies.end("quick", 10e-6, 1 + 125e-6, b"b\n")
        self.assertEqual((self.writes, self.page.used), ([b"a\na\nb\n"], 0))

    def test_a_reply_waits_longer_where_node_has_no_processor_of_its_own(self):
        for shares, writes in [(False, [b"a\na\n"]), (True, [])]:
            with self.subTest(shares=shares):
                self.setUp()
                replies = Joining(self.reader, self.writer, self.page, shares_processors=shares)
                self.reader.lines[:] = [b"more"] * 3
                for moment in (1, 1 + 100e-6):
                    replies.begin("quick")
                    replies.end("quick", 60e-6, moment, b"a\n")
                self.assertEqual(self.writes, writes)

    def test_the_last_reply_does_not_wait(self):
        replies = Joining(self.reader, self.writer, self.page)
        self.reader.lines[:] = [b"more"]
        replies.begin("quick")
        replies.end("quick", 10e-6, 1, b"a\n")
        self.reader.lines.clear()
        replies.begin("quick")
        replies.end("quick", 10e-6, 1, b"b\n")
        self.assertEqual(self.writes, [b"a\nb\n"])

    def test_no_reply_waits_where_the_calls_that_are_left_take_less_time_than_node(self):
        self.addCleanup(setattr, joining, "WAIT_S", joining.WAIT_S)
        joining.AHEAD_S = 100
        joining.WAIT_S = 10_000
        replies = Joining(self.reader, self.writer, self.page)
        for left, written in [(3, []), (1, [b"3\n1\n"]), (2, [b"3\n1\n", b"2\n"])]:
            self.reader.lines[:] = [b"more"] * left
            replies.end("quick", 45, 1, b"%d\n" % left)
            self.assertEqual(self.writes, written)

    def test_a_reply_waits_on_one_processor_while_there_is_any_other_call(self):
        processors = os.sched_getaffinity(0)
        self.addCleanup(os.sched_setaffinity, 0, processors)
        os.sched_setaffinity(0, {min(processors)})
        self.assertEqual(joining.find_ahead(), 0)

    def test_a_reply_waits_for_nothing_less_than_node_takes_on_several(self):
        with mock.patch.object(os, "sched_getaffinity", lambda _: {0, 1}):
            self.assertGreater(joining.find_ahead(), 0)

    def test_raw_bytes_are_not_waited_for_with_a_line_held_back(self):
        self.reader.before_wait = self.writer.flush
        self.writer.hold(b"a\n")
        self.reader._read = lambda: b"abc" if self.writes else self.fail("waited")
        self.reader.take([(3, False)])
        self.assertEqual(self.writes, [b"a\n"])


if __name__ == "__main__":
    unittest.main()
