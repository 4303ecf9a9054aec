import json
import math
import sys
import unittest
from fractions import Fraction
from types import SimpleNamespace
from unittest import mock

import harness  # noqa: F401  It puts the library on the path.
import pythonarium
from pythonarium.progress import Progress, enter


class OfACall(unittest.TestCase):
    def setUp(self):
        # By its name the package has the function.
        played = mock.patch.object(sys.modules["pythonarium.progress"], "monotonic", lambda: self.now)
        played.start()
        self.addCleanup(played.stop)
        self.said = []

    def progress(self, **call):
        exchange = SimpleNamespace(call=7, say=lambda _, line: self.said.append(json.loads(line)))
        return Progress(exchange, call)

    def heard(self, tell):
        """Return at which ms of a second something is said, in each of which `tell` is called."""
        heard = []
        for ms in range(1_000):
            self.now = 1_000 + ms / 1_000
            before = len(self.said)
            tell(ms)
            heard += [ms] * (len(self.said) - before)
        return heard

    def types(self):
        return {told["type"] for told in self.said}

    def test_beats_are_said_as_often_as_they_are_counted_and_no_more_often(self):
        progress = self.progress(heartbeatMs=250)
        self.assertEqual(self.heard(lambda _: progress.beat()), [0, 250, 500, 750])
        self.assertEqual(self.said, [{"type": "heartbeat", "id": 7}] * 4)

    def test_progress_is_told_some_twenty_times_a_second_and_once_all_is_done(self):
        progress = self.progress(progress=True)
        heard = self.heard(lambda ms: progress.tell(ms, 999, None))
        self.assertLessEqual({later - before for before, later in zip(heard[:-1], heard[1:-1])}, {50, 51})
        self.assertEqual((heard[0], heard[-1], len(heard) >= 20), (0, 999, True))
        self.assertEqual(self.said[-1], {"type": "progress", "id": 7, "done": 999, "total": 999, "note": None})

    def test_progress_is_a_beat_where_nobody_listens_to_it(self):
        progress = self.progress(heartbeatMs=250)
        self.assertEqual(self.heard(lambda ms: progress.tell(ms, None, "on")), [0, 250, 500, 750])
        self.assertEqual(self.types(), {"heartbeat"})

    def test_no_beat_is_said_beside_progress_that_was_just_told(self):
        progress = self.progress(progress=True, heartbeatMs=250)
        self.heard(lambda ms: progress.tell(ms, None, None))
        self.assertEqual(self.types(), {"progress"})

    def test_nothing_is_said_where_nobody_asked_for_it(self):
        progress = self.progress()
        self.assertEqual(self.heard(lambda ms: (progress.tell(ms, 999, None), progress.beat())), [])


    def test_numbers_of_other_kinds_are_told_as_those_of_javascript(self):
        enter(self.progress(progress=True))
        self.addCleanup(enter, None)
        self.now = 1_000
        pythonarium.progress(Fraction(3, 2), Fraction(3))
        self.assertEqual(self.said, [{"type": "progress", "id": 7, "done": 1.5, "total": 3, "note": None}])


class OutsideOfACall(unittest.TestCase):
    def test_nothing_happens(self):
        self.assertEqual((pythonarium.heartbeat(), pythonarium.progress(1, math.inf, "on")), (None, None))

    def test_what_is_no_progress_is_refused_there_too(self):
        for told, kind in [
            (("1",), TypeError),
            ((1, "2"), TypeError),
            ((1, 2, 3), TypeError),
            ((1j,), TypeError),
            ((math.nan,), ValueError),
            ((Fraction(10**400),), ValueError),
            ((10**400,), ValueError),
        ]:
            with self.subTest(told), self.assertRaises(kind):
                pythonarium.progress(*told)


if __name__ == "__main__":
    unittest.main()
