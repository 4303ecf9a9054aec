import datetime
import json
import random
import sys
import unittest
from collections import OrderedDict
from unittest.mock import patch

from harness import LANES, WorkerTestCase, put_parts
from pythonarium.message import MessageTooLarge
from pythonarium.parts import Parting
from pythonarium.rich import restore
from pythonarium.value import NO_ATTACHMENTS, PARTED, ValueRefused, encode

HEAD = len('{"type":"part","id":9007199254740991,"value":}')


class Said:
    """An answer as it was said, with its parts and how long each message was."""

    def __init__(self, value, bytes_max=float("inf")):
        self.parts = []
        self.sizes = []
        self.text, self.attachments = encode(value, 64, None, bytes_max, self._say)
        self.is_parted = self.attachments is PARTED

    def _say(self, text):
        self.parts.append(json.loads(text))
        self.sizes.append(HEAD + len(text))

    def value(self):
        answer = json.loads(f'{{"value":{self.text}}}')
        put_parts(answer, self.parts)
        answer["rich"] = [entry for entry in answer.get("rich", ()) if entry[1] != "part"]
        restore(answer)
        return answer["value"]


def tree(depth, leaf=0):
    if depth == 0:
        return {"id": leaf, "name": f"leaf {leaf}", "of": [leaf, None, leaf / 7]}
    return {"left": tree(depth - 1, 2 * leaf), "right": tree(depth - 1, 2 * leaf + 1), "depth": depth}


def in_shapes(rows):
    """Return the rows in each of the shapes that cross as columns, by its name."""
    return {
        "rows": rows,
        "uneven": [{**row, "more": n} if n % 3 else row for n, row in enumerate(rows)],
        "keyed": {f"key {n}": row for n, row in enumerate(rows)},
        "with a total": {"rows": rows, "total": len(rows)},
    }


def told(worker):
    """Return what a worker says up to an answer."""
    messages = [worker.receive()]
    while messages[-1]["type"] == "part":
        messages.append(worker.receive())
    return messages


class Parts(unittest.TestCase):
    def test_all_of_a_large_value_is_there_once(self):
        numbers = [n / 7 for n in range(50_000)]
        cases = {
            "a tree": tree(13),
            "a list": numbers,
            "a tuple": tuple(numbers),
            "columns": {"a": numbers, "b": [str(n) for n in range(50_000)], "count": 2},
            "a matrix": [[n] * 100 for n in range(2_000)],
            "one long list among short ones": [[], [1], {"a": numbers}, {}, [[[numbers]]]],
            "many keys": {"counts": {f"word {n}": n for n in range(40_000)}},
            "a dict of one's own": OrderedDict(first=numbers, second=[OrderedDict(third=numbers)]),
            "one list many times over": [numbers] * 3,
            "deep": {"a": {"b": [{"c": {"d": [[{"e": numbers}]]}}]}},
        }
        for name, value in cases.items():
            with self.subTest(name):
                said = Said(value)
                self.assertTrue(said.is_parted)
                self.assertEqual(said.value(), json.loads(json.dumps(value)))

    def test_all_of_any_value_is_there_however_it_is_cut(self):
        seed = random.randrange(2**32)
        draw = random.Random(seed)

        def any_value(depth):
            kind = draw.choice(["list", "tuple", "dict", "atom"] if depth else ["atom"])
            if kind == "atom":
                return draw.choice([None, True, 7, "text", 0.5, [], {}, ()])
            inner = [any_value(depth - 1) for _ in range(draw.choice([0, 1, 2, 3, 4, 5, 9, 30]))]
            return {f"key {at}": each for at, each in enumerate(inner)} if kind == "dict" else tuple(inner) if kind == "tuple" else inner

        parted = 0
        with patch.multiple("pythonarium.parts", PART_CHARS=200, FEW=4), patch("pythonarium.value.PARTED_MIN", 400):
            for _ in range(400):
                value = any_value(4)
                said = Said(value)
                parted += said.is_parted
                self.assertEqual(said.value(), json.loads(json.dumps(value)), f"seed {seed}")
        self.assertGreater(parted, 50, f"seed {seed}")

    def test_parts_are_about_as_long_as_each_other_where_that_can_be_had(self):
        for name, value in {"a tree": tree(13), "a list": list(range(100_000)), "columns": {"a": [0.5] * 90_000, "b": ["text"] * 90_000}}.items():
            with self.subTest(name):
                said = Said(value)
                self.assertGreater(len(said.parts), 5)
                self.assertLess(max(said.sizes), 3 * sum(said.sizes) / len(said.sizes))
                self.assertLess(max(said.sizes), 256 * 1024)

    def test_rows_are_columns_of_parts(self):
        rows = [{"id": n, "name": f"row {n}", "value": n / 7} for n in range(20_000)]
        for name, value in in_shapes(rows).items():
            with self.subTest(name):
                said = Said(value)
                self.assertTrue(said.is_parted)
                self.assertLess(max(said.sizes), 256 * 1024)
                self.assertEqual(said.value(), value)

    def test_what_is_not_large_is_said_at_once(self):
        for value in [[n / 7 for n in range(10_000)], "x" * 1_000_000, 5, tree(8)]:
            said = Said(value)
            self.assertIs(said.attachments, NO_ATTACHMENTS)
            self.assertEqual(said.parts, [])

    def test_a_list_that_another_thread_lengthens_meanwhile_has_as_many_parts_as_are_told_of_it(self):
        value = {"longer": [0.5] * 100_000, "other": [0.25] * 100_000}

        def lengthen(frame, event, _):
            if frame.f_code is not Parting.cut.__code__ or frame.f_locals["value"] is not value["longer"]:
                return None
            # It may be another thread's turn before each line.
            if event == "line" and len(value["longer"]) < 400_000:
                value["longer"].extend([0.5] * 30_000)
            return lengthen

        sys.settrace(lengthen)
        try:
            said = Said(value)
        finally:
            sys.settrace(None)
        self.assertTrue(said.is_parted)
        self.assertGreater(len(value["longer"]), 100_000)
        self.assertTrue(said.value()["other"] == value["other"])

    def test_what_it_is_made_of_is_not_changed(self):
        value = {"a": [{"b": list(range(100_000))}, (1, 2)]}
        Said(value)
        self.assertEqual(value, {"a": [{"b": list(range(100_000))}, (1, 2)]})

    def test_nan_at_the_end_is_told_in_an_answer_without_parts(self):
        said = Said([0.5] * 100_000 + [float("nan")])
        self.assertFalse(said.is_parted)
        self.assertTrue(said.text.endswith('"nan"],"rich":[[["value",100000],"float"]]'), said.text[-60:])

    def test_no_part_of_rows_is_said_twice_where_that_shows_at_their_end(self):
        rows = [{"id": n, "name": f"row {n}", "value": n / 7} for n in range(20_000)]
        rows[-1]["value"] = float("nan")
        for name, value in in_shapes(rows).items():
            with self.subTest(name):
                fits = len(Said(value).text)
                said = Said(value, fits)
                self.assertFalse(said.is_parted)
                self.assertGreater(len(said.parts), 5)
                # Node ends a worker that says more.
                self.assertLessEqual(sum(said.sizes), fits)

    def test_what_is_more_than_json_has_no_parts(self):
        said = Said([0.5] * 100_000 + [datetime.datetime(2020, 1, 1)])
        self.assertEqual((said.is_parted, said.parts), (False, []))

    def test_what_is_deeper_than_python_can_follow_is_refused(self):
        value = [n / 7 for n in range(50_000)]
        for _ in range(5_000):
            value = [value]
        with self.assertRaisesRegex(ValueRefused, "deeper than Python can follow"):
            encode(value, 10_000, None, float("inf"), lambda text: None)

    def test_two_of_one_place_are_refused_as_keys_that_would_be_one_in_javascript(self):
        Tagged = type("Tagged", (str,), {"__eq__": lambda self, other: self is other, "__hash__": lambda self: id(self)})
        numbers = [n / 7 for n in range(50_000)]
        with self.assertRaisesRegex(ValueRefused, "would be one in JavaScript"):
            Said({Tagged("a"): {"b": numbers}, Tagged("a"): {"c": numbers}})
        self.assertEqual(Said({Tagged("a"): {"b": numbers}, Tagged("c"): numbers}).value(), {"a": {"b": numbers}, "c": numbers})

    def test_together_they_are_no_larger_than_a_message_may_be(self):
        value = [n / 7 for n in range(50_000)]
        fits = Said(value)
        size = sum(fits.sizes) + len(fits.text)
        self.assertTrue(Said(value, size).is_parted)
        for limit in (size - 1, size // 2, 10):
            with self.subTest(limit=limit):
                sizes = []
                with self.assertRaises(MessageTooLarge) as caught:
                    encode(value, 64, None, limit, lambda text: sizes.append(HEAD + len(text)))
                self.assertLessEqual(sum(sizes), limit)
                self.assertEqual(caught.exception.bytes, size)


class Answers(WorkerTestCase):
    def test_a_large_answer_comes_in_parts_and_a_short_one_does_not(self):
        for lane in LANES:
            with self.subTest(lane):
                worker = self.ready("basic.py", lane=lane)
                value = {"rows": [[n, n / 7] for n in range(20_000)], "more": tree(12)}
                call = worker.ask("echo", value)
                *parts, answer = told(worker)
                self.assertEqual({part["id"] for part in parts} | {answer["id"]}, {call})
                self.assertGreater(len(parts), 5)
                put_parts(answer, [part["value"] for part in parts])
                self.assertEqual(answer["value"], value)
                worker.ask("echo", [1])
                self.assertEqual([each["type"] for each in told(worker)], ["reply"])

    def test_one_that_is_too_large_is_an_error_and_the_next_call_is_answered(self):
        worker = self.ready("returns.py", limits={"messageBytesMax": 300_000})
        error = worker.error("sevenths", 60_000)
        self.assertEqual((error["code"], error["option"]), ("ERR_MESSAGE_TOO_LARGE", "messageBytesMax"))
        self.assertEqual(worker.call("sevenths", 2), [0.0, 1 / 7])

    def test_it_says_how_long_it_took_however_quick_that_was(self):
        worker = self.ready("returns.py", replyPage=True, shortUs=3_600_000_000)
        self.assertIn("tookUs", worker.answer("sevenths", 100_000))
        self.assertNotIn("tookUs", worker.answer("sevenths", 1))


if __name__ == "__main__":
    unittest.main()
