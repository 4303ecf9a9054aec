"""What is given up in the pipe, behind a call that runs."""

from __future__ import annotations

import asyncio
import os
import tempfile
import unittest
from struct import pack_into

import harness  # noqa: F401  (it makes the library importable)
from pythonarium.cancel import CallCancelled, Cancellation
from pythonarium.event_loop import EventLoop
from pythonarium.start_mark import CANCELLED_MAX, PAGE_BYTES, StartMark


class GivenUpInThePipe(unittest.TestCase):
    def setUp(self) -> None:
        with tempfile.TemporaryFile() as file:
            file.truncate(PAGE_BYTES)
            self.mark = StartMark(os.dup(file.fileno()))
        self.cancellation = Cancellation()
        self.cancellation.watch(self.mark)

    def write(self, call: int) -> None:
        pack_into("<Q", self.mark._page, 8 * (1 + call % CANCELLED_MAX), call)

    def give_up(self, call: int) -> None:
        """As Node does it: the page first, and then the signal."""
        self.write(call)
        self.cancellation._on_signal(0, None)

    def test_is_still_looked_for_when_another_call_comes_first(self) -> None:
        self.cancellation.arm(1)
        self.give_up(3)
        self.cancellation.armed = 0
        self.cancellation.arm(2)
        self.assertTrue(self.cancellation.missed)
        with self.assertRaises(CallCancelled):
            self.cancellation.arm(3)

    def test_is_looked_for_no_longer_than_it_may_come(self) -> None:
        self.cancellation.arm(1)
        self.give_up(3)
        self.cancellation.arm(4)
        self.assertFalse(self.cancellation.missed)

    def test_is_each_of_several(self) -> None:
        self.cancellation.arm(10)
        for call in (11, 13):
            self.give_up(call)
        with self.assertRaises(CallCancelled):
            self.cancellation.arm(11)
        self.cancellation.arm(12)
        self.assertTrue(self.cancellation.missed)
        with self.assertRaises(CallCancelled):
            self.cancellation.arm(13)
        self.assertFalse(self.cancellation.missed)

    def test_is_looked_for_where_its_signal_is_heard_as_one_with_that_of_the_call_that_runs(self) -> None:
        self.cancellation.arm(1)
        self.write(2)
        with self.assertRaises(CallCancelled):
            self.give_up(1)
        self.assertTrue(self.cancellation.missed)
        with self.assertRaises(CallCancelled):
            self.cancellation.arm(2)
        self.assertFalse(self.cancellation.missed)

    def test_is_nothing_that_runs_in_no_call(self) -> None:
        self.assertFalse(self.cancellation.is_given_up())
        self.cancellation.arm(1)
        self.give_up(2)
        self.cancellation.armed = 0
        loop = EventLoop(self.cancellation)
        self.addCleanup(loop.close)
        self.assertEqual(loop.run(teardown()), "torn down")


async def teardown() -> str:
    await asyncio.sleep(0)
    return "torn down"


if __name__ == "__main__":
    unittest.main()
