import unittest

from harness import WorkerTestCase
from pythonarium.busy_poll import BusyPoll

MODULE = """
import gc
from pythonarium import expose

@expose
def looks():
    return [type(each).__name__ for each in gc.get_objects() if type(each).__name__ == "BusyPoll"]
"""


class Line:
    """Looks and a clock, each look of which takes so many microseconds; something is there from a moment on."""

    def __init__(self, look_us=1.0):
        self.look_us = look_us
        self.now_us = 0.0
        self.comes_us = None
        self.looks = 0
        self.busy = BusyPoll(self.poll, lambda: self.now_us / 1e6)

    def poll(self, timeout):
        assert timeout == 0, "it slept"
        self.looks += 1
        self.now_us += self.look_us
        return [1] if self.comes_us is not None and self.now_us >= self.comes_us else []

    def wait(self, comes_in_us=None):
        """Return how often it looked."""
        self.comes_us = None if comes_in_us is None else self.now_us + comes_in_us
        before = self.looks
        self.busy.wait()
        return self.looks - before

    def left_out(self):
        """Return how many waits are left out before it looks again, for nothing."""
        waits = 0
        while not self.wait():
            waits += 1
        return waits


class BusyPolling(unittest.TestCase):
    def test_it_looks_until_something_comes(self):
        line = Line()
        for _ in range(3):
            self.assertEqual(line.wait(30), 30)

    def test_it_stops_after_50_us(self):
        self.assertEqual(Line().wait(), 52)

    def test_what_is_there_already_is_nothing_that_it_was_worth_it_for(self):
        line = Line()
        self.assertEqual([line.left_out() for _ in range(4)], [0, 1, 3, 7])
        for _ in range(15):
            self.assertEqual(line.wait(1), 0)
        for _ in range(20):
            self.assertEqual(line.wait(1), 1)
        self.assertEqual((line.left_out(), line.left_out()), (0, 31))

    def test_it_is_left_out_the_more_often_the_more_often_nothing_came_of_it(self):
        line = Line()
        self.assertEqual([line.left_out() for _ in range(5)], [0, 1, 3, 7, 15])
        for _ in range(10):
            line.left_out()
        self.assertEqual(line.left_out(), 1023)

    def test_it_is_left_out_less_often_once_something_comes_of_it(self):
        line = Line()
        for _ in range(5):
            line.left_out()
        for _ in range(31):
            self.assertEqual(line.wait(2), 0)
        for _ in range(5):
            self.assertEqual(line.wait(2), 2)
        self.assertEqual((line.left_out(), line.left_out()), (0, 1))

    def test_it_stops_as_soon_as_others_have_had_the_processor(self):
        for comes_in_us in (None, 42):
            line = Line(look_us=21)
            self.assertEqual(line.wait(comes_in_us), 2)
            self.assertEqual(line.wait(), 0)

class Workers(WorkerTestCase):
    def test_a_worker_looks_if_it_is_told_so(self):
        module = {"": str(self.folder(app=MODULE) / "app.py")}
        for told, found in [({}, []), ({"busyPoll": False}, []), ({"busyPoll": True}, ["BusyPoll"])]:
            with self.subTest(told):
                worker = self.ready(module, **told)
                for _ in range(20):
                    self.assertEqual(worker.call("looks"), found)

    def test_a_worker_of_another_lane_does_not(self):
        module = {"": str(self.folder(app=MODULE) / "app.py")}
        self.assertEqual(self.ready(module, lane="threads", busyPoll=True).call("looks"), [])


if __name__ == "__main__":
    unittest.main()
