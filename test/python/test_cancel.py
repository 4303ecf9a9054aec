"""What is given up in the pipe, behind a call that runs."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import tempfile
import unittest
from struct import pack_into
from unittest.mock import patch

from harness import WorkerTestCase
from pythonarium.cancel import CallCancelled, Cancellation
from pythonarium.event_loop import EventLoop
from pythonarium.start_mark import ALONE, CANCELLED_MAX, PAGE_BYTES, StartMark


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

    def test_is_that_of_a_batch_which_runs_and_no_other_of_it(self) -> None:
        self.cancellation.call, self.cancellation.item = 5, 6
        pack_into("<Q", self.mark._page, ALONE, 7)
        self.cancellation.arm(5)
        self.cancellation._on_signal(0, None)
        self.assertFalse(self.cancellation.is_given_up())
        self.cancellation.item = 7
        self.assertTrue(self.cancellation.is_given_up())
        with self.assertRaises(CallCancelled):
            self.cancellation._on_signal(0, None)
        # It is no later call: those behind it need not look whether they are meant.
        self.assertFalse(self.cancellation.missed)
        self.cancellation.item = 8
        self.cancellation.arm(5)

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

    def test_is_interrupted_once_though_another_signal_comes_as_it_is_looked_for(self) -> None:
        interrupted: list[int] = []
        self.cancellation.interrupt = lambda: interrupted.append(self.cancellation.armed)
        signals = [0]
        looks = StartMark.is_cancelled_after

        def as_a_signal_comes(mark: StartMark, call: int) -> bool:
            while signals:
                self.cancellation._on_signal(signals.pop(), None)
            return looks(mark, call)

        self.give_up(2)
        with patch.object(StartMark, "is_cancelled_after", as_a_signal_comes):
            self.cancellation.arm(2)
        self.assertEqual(interrupted, [0])

    def test_is_nothing_that_runs_in_no_call(self) -> None:
        self.assertFalse(self.cancellation.is_given_up())
        self.cancellation.arm(1)
        self.give_up(2)
        self.cancellation.armed = 0
        loop = EventLoop()
        self.addCleanup(loop.close)
        self.assertEqual(loop.run(teardown(), self.cancellation), "torn down")


class TakenSignal(WorkerTestCase):
    def test_that_has_a_handler_in_c_is_left_to_it(self) -> None:
        faulthandler.register(signal.SIGUSR1)
        self.addCleanup(faulthandler.unregister, signal.SIGUSR1)
        cancellation = Cancellation()
        cancellation.listen()
        self.assertEqual((cancellation.find_hearing(), signal.getsignal(signal.SIGUSR1)), (False, signal.SIG_DFL))


    def test_is_asked_for_without_ctypes_which_is_slow_to_import(self) -> None:
        source = "import sys\nfrom pythonarium import expose\n@expose\ndef has_ctypes(): return 'ctypes' in sys.modules\n"
        worker = self.ready({"": f"{self.folder(app=source)}/app.py"}, interrupts=True)
        self.assertEqual((worker.started["interrupts"], worker.call("has_ctypes")), (True, False))


class InterruptedOnce(WorkerTestCase):
    """A call that ends in order as it is interrupted, as other signals come, which are not for it."""

    def setUp(self) -> None:
        folder = self.folder(app=APP)
        self.worker = self.ready({"": f"{folder}/app.py"}, interrupts=True)
        # Nothing is looked up before the first signal.
        self.worker.give_up(1)

    def receive(self, name: str, args: list[object], **more: object) -> dict[str, object]:
        self.worker.send({"type": "call", "id": 1, "name": name, "args": args, **more})
        return self.worker.receive_but_logs()

    def test_is_not_interrupted_in_the_coroutine_that_it_returns_then(self) -> None:
        self.assertEqual(self.receive("in_coroutine", [])["value"], "ended")

    def test_is_not_interrupted_between_items_of_its_generator(self) -> None:
        items = self.receive("in_generator", [], stream={"items": 9, "bytes": 999})
        self.assertEqual([items["values"], self.worker.receive_but_logs()["values"]], [["interrupted"], ["ended"]])

    def test_is_interrupted_in_the_generator_that_its_coroutine_has_returned(self) -> None:
        told = self.receive("in_coroutine_of_generator", [], stream={"items": 9, "bytes": 999})
        self.assertEqual(told["error"]["type"], "CallCancelled")

    def test_is_not_interrupted_by_the_signal_of_what_it_has_met_as_it_asked_node(self) -> None:
        self.assertEqual(self.receive("in_asking", [None], rich=[[["args", 0], "function", 0]])["value"], "ended")


APP = """
import asyncio, os, signal
from pythonarium import CallCancelled, expose

def signal_comes():
    os.kill(os.getpid(), signal.SIGUSR1)

async def end():
    signal_comes()
    for _ in range(3):
        await asyncio.sleep(0)
    return "ended"

@expose
def in_coroutine():
    try:
        signal_comes()
    except CallCancelled:
        return end()

@expose
def in_generator():
    try:
        signal_comes()
    except CallCancelled:
        yield "interrupted"
        signal_comes()
        yield "ended"

@expose
async def in_coroutine_of_generator():
    return (signal_comes() for _ in range(1))

@expose
def in_asking(ask):
    try:
        ask()
    except CallCancelled:
        signal_comes()
        return "ended"
"""


async def teardown() -> str:
    await asyncio.sleep(0)
    return "torn down"


if __name__ == "__main__":
    unittest.main()
