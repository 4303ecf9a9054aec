import socket
import sys
import unittest
from traceback import clear_frames
from unittest import mock

import harness  # noqa: F401  It puts the library on the path.
from pythonarium.message import read_message
from pythonarium.serial import answer_calls
from pythonarium.worker import Worker


class CallsInTurn(unittest.TestCase):
    def setUp(self):
        self.node, line = socket.socketpair()
        self.addCleanup(self.node.close)
        self.addCleanup(line.close)
        self.worker = Worker(line.fileno(), -1)
        self.worker._depth_max = 10

    def answer(self, lines, *functions):
        """Return what other messages there are among `lines`, each of which is bytes or a function that returns them."""
        self.worker._functions.update((function.__name__, function) for function in functions)
        left = iter(lines)

        def line():
            return next((each() if callable(each) else each for each in left), None)

        told = []
        self.worker._reader.line = line
        with mock.patch.object(self.worker, "_take", told.append):
            self.assertFalse(answer_calls(self.worker))
        return told

    def test_each_is_answered_in_its_turn_and_what_else_comes_is_told(self):
        def double(number):
            return 2 * number

        told = self.answer([b'[1,"double",[3]]', b'{"type":"ping","number":7}', b'[2,"double",["ab"]]'], double)
        self.assertEqual(told, [{"type": "ping", "number": 7}])
        self.assertEqual(self.node.recv(100), b'[1,6]\n[2,"abab"]\n')

    def test_what_it_was_given_and_returned_is_let_go_of_before_the_next_is_waited_for(self):
        seen = []
        counts = []

        def keep(rows):
            seen.append(rows)
            seen.append([1, 2])
            return seen[1]

        def fail(rows):
            seen.append(rows)
            raise ValueError

        def refuse(rows):
            seen.append(rows)
            seen.append([1, object()])
            return seen[-1]

        def count():
            # Each by `seen`, `each` and the argument.
            counts.extend(sys.getrefcount(each) - 3 for each in seen)
            return None

        for function in (keep, fail, refuse):
            with self.subTest(function.__name__):
                seen.clear()
                counts.clear()
                self.answer([f'[1,"{function.__name__}",[[3]]]'.encode(), count], function)
                self.assertEqual(counts, [0] * len(seen))
                self.assertNotEqual(seen, [])

    def test_what_one_was_given_that_is_never_run_is_let_go_of_as_soon(self):
        seen = []
        counts = []

        def never():
            self.fail("was given up")

        def read(line, reader):
            told = read_message(line, reader)
            seen.append(told[2])
            return told

        def count():
            counts.extend(sys.getrefcount(each) - 3 for each in seen)
            return None

        self.worker._cancellation.is_cancelled = lambda call: True
        for name in ("never", "missing"):
            with self.subTest(name), mock.patch("pythonarium.serial.read_message", read):
                seen.clear()
                counts.clear()
                self.answer([f'[1,"{name}",[[3]]]'.encode(), count], never)
                self.assertEqual(counts, [0])

    def test_whoever_clears_the_frames_of_what_a_call_has_raised_ends_nothing(self):
        kept = []

        def fail():
            kept.append(ValueError())
            raise kept[-1]

        def double(number):
            return 2 * number

        def cleared():
            clear_frames(kept[0].__traceback__)
            return b'[2,"double",[3]]'

        self.answer([b'[1,"fail",[]]', cleared], fail, double)
        refused, answered = self.node.recv(10_000).splitlines()
        self.assertIn(b"ValueError", refused)
        self.assertEqual(answered, b"[2,6]")

    def test_of_several_that_wait_the_first_is_the_first_that_a_call_has_left_behind(self):
        def double(number):
            return 2 * number

        self.worker._inbox.kept.extend([[1, "double", [1]], {"type": "stop"}, [2, "double", [2]]])
        self.assertEqual(self.answer([b'[3,"double",[3]]'], double), [{"type": "stop"}])
        self.assertEqual(self.node.recv(100), b"[1,2]\n[2,4]\n[3,6]\n")


if __name__ == "__main__":
    unittest.main()
