import asyncio
import os
import tempfile
import unittest
from unittest.mock import patch

from harness import PATIENCE_S
from pythonarium.cancel import CallCancelled, Cancellation
from pythonarium.frame import LineReader
from pythonarium.inbox import Inbox
from pythonarium.message import read_message
from pythonarium.start_mark import PAGE_BYTES, StartMark

CALL = b'[2,"next",[]]\n'
ANSWER = b'{"type":"answer","id":1,"number":1,"value":2}\n'
ANSWERED = {"type": "answer", "id": 1, "number": 1, "value": 2}


class DuringACall(unittest.TestCase):
    """What a call is told that runs as a signal handler of the user's raises."""

    def setUp(self):
        descriptor, self.node = os.pipe()
        self.addCleanup(os.close, descriptor)
        self.addCleanup(os.close, self.node)
        self.reader = LineReader(descriptor, 1 << 20)
        self.broken = []
        self.cancellation = Cancellation()
        self.inbox = Inbox(self.reader, self.cancellation, self.fail, self.broken.append)

    def receive_async(self, call):
        """As the inbox does, on a loop."""
        return asyncio.run(self.inbox.receive_async(call))

    def raise_in_waits(self, *which):
        """Have those waits raise, counted from 1."""
        waits = []

        def wait():
            waits.append(None)
            if len(waits) in which:
                raise TimeoutError("an alarm")

        self.reader.wait_by(wait, threads_max=1_000)

    def test_it_may_catch_what_is_raised_as_it_waits_and_has_missed_nothing(self):
        self.raise_in_waits(2)
        os.write(self.node, CALL + ANSWER[:10])
        with self.assertRaises(TimeoutError):
            self.inbox.receive(1)
        os.write(self.node, ANSWER[10:])
        self.assertEqual(self.inbox.receive(1), ANSWERED)
        self.assertEqual((list(self.inbox.kept), self.broken), ([[2, "next", []]], []))

    def test_the_worker_ends_of_what_is_raised_as_a_message_is_taken_in(self):
        for receive in (self.inbox.receive, self.receive_async):
            for what in ("pythonarium.frame.LineReader._split", "pythonarium.inbox.read_message"):
                with self.subTest(what, receive=receive.__name__):
                    alarm = TimeoutError("an alarm")
                    os.write(self.node, ANSWER)
                    with patch(what, side_effect=alarm), self.assertRaises(TimeoutError):
                        receive(1)
                    self.assertEqual(self.broken, [alarm])
                    self.broken.clear()
                    self.reader.is_taking = False

    def test_an_interruption_waits_for_a_message_that_is_taken_in_on_a_loop_of_the_call_s_own(self):
        with tempfile.TemporaryFile() as page:
            page.truncate(PAGE_BYTES)
            self.cancellation.watch(StartMark(os.dup(page.fileno())))
            # As Node says that the caller of the call 1 has given up.
            os.pwrite(page.fileno(), (1).to_bytes(8, "little"), 16)

        def read_as_it_comes(line, reader):
            self.cancellation._on_signal(0, None)
            return read_message(line, reader)

        os.write(self.node, CALL + ANSWER)
        self.cancellation.arm(1)
        with patch("pythonarium.inbox.read_message", read_as_it_comes), self.assertRaises(CallCancelled):
            self.receive_async(1)
        self.assertEqual((list(self.inbox.kept), self.broken), ([[2, "next", []]], []))
        self.assertEqual(self.receive_async(1), ANSWERED)

    def test_nothing_is_left_to_be_lost_once_it_was_told(self):
        for receive in (self.inbox.receive, self.receive_async):
            os.write(self.node, ANSWER)
            self.assertEqual((receive(1), self.reader.is_taking), (ANSWERED, False))

    def test_who_waits_in_a_coroutine_is_told_that_another_has_read_what_came(self):
        async def wait_twice():
            waiting = asyncio.ensure_future(self.inbox.receive_async(1))
            await asyncio.sleep(0)
            os.write(self.node, ANSWER)
            return self.inbox.receive(1), await asyncio.wait_for(waiting, PATIENCE_S)

        self.assertEqual(asyncio.run(wait_twice()), (ANSWERED, None))


if __name__ == "__main__":
    unittest.main()
