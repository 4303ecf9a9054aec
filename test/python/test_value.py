import importlib.util
import json
import random
import sys
import unittest

from harness import LIBRARY, VECTORS
from pythonarium import value as with_c

VALUES = json.loads((VECTORS / "values.json").read_text(encoding="utf-8"))
DEPTH_MAX = 200


def without_c():
    """Return the value module as it is where Python was built without the C helpers of json."""
    spec = importlib.util.spec_from_file_location("pythonarium.value_without_c", LIBRARY / "pythonarium" / "value.py")
    module = importlib.util.module_from_spec(spec)
    helper = sys.modules.get("_json")
    sys.modules["_json"] = None
    try:
        spec.loader.exec_module(module)
    finally:
        sys.modules["_json"] = helper
    return module


IMPLEMENTATIONS = {"with the C helpers": with_c, "without them": without_c()}
NAMES = {"__name__": "vectors"}
exec("\n".join(VALUES["prelude"]["python"]), NAMES)


class Vectors(unittest.TestCase):
    def test_what_node_sends_arrives_as_the_table_says(self):
        for how, value in IMPLEMENTATIONS.items():
            for case in VALUES["toPython"]:
                if case["column"] != "refused":
                    with self.subTest(case["name"], how=how):
                        arrived = value.decode(case["json"].encode())
                        self.assertTrue(is_exactly(arrived, eval(case["python"], NAMES)), arrived)

    def test_what_python_sends_is_written_as_the_table_says(self):
        for how, value in IMPLEMENTATIONS.items():
            for case in VALUES["toNode"]:
                if case["column"] != "refused":
                    with self.subTest(case["name"], how=how):
                        self.assertEqual(value.encode(eval(case["python"], NAMES), DEPTH_MAX), case["json"])

    def test_what_cannot_cross_is_refused_with_the_path_to_it(self):
        for how, value in IMPLEMENTATIONS.items():
            for case in VALUES["toNode"]:
                if case["column"] == "refused":
                    with self.subTest(case["name"], how=how):
                        with self.assertRaises(value.ValueRefused) as caught:
                            value.encode(eval(case["python"], NAMES), DEPTH_MAX)
                        self.assertEqual(caught.exception.path, case["path"])
                        self.assertTrue(str(caught.exception).startswith(case["path"] + " "), str(caught.exception))

    def test_what_is_the_same_comes_back_the_same(self):
        for case in VALUES["toPython"]:
            if case["column"] == "same":
                with self.subTest(case["name"]):
                    sent = eval(case["python"], NAMES)
                    self.assertTrue(is_exactly(with_c.decode(with_c.encode(sent, DEPTH_MAX).encode()), sent))


class Properties(unittest.TestCase):
    def test_any_value_comes_back_exactly_or_is_refused(self):
        seed = random.randrange(1 << 32)
        make = random.Random(seed)
        refused = 0
        for _ in range(3000):
            sent = any_value(make, 4)
            with self.subTest(seed=seed, sent=repr(sent)):
                try:
                    text = with_c.encode(sent, DEPTH_MAX)
                except with_c.ValueRefused as error:
                    refused += 1
                    self.assertFalse(may_cross(eval(error.path, {"value": sent})), error)
                else:
                    self.assertTrue(may_cross(sent))
                    self.assertTrue(is_exactly(with_c.decode(text.encode()), sent), text)
        self.assertTrue(0 < refused < 3000, refused)


class Refusals(unittest.TestCase):
    def test_a_refusal_says_what_to_do_instead(self):
        for text, advice in [
            ("{1}", "return a list"),
            ("datetime.date(2026, 1, 1)", ".isoformat()"),
            ("Point()", "dataclasses.asdict"),
            ("b''", "binary data is not part of this version"),
            ("(x for x in [])", "call it with stream()"),
            ("2 ** 60", "return str"),
            ("float('nan')", "None or a string"),
            ("Plain.ONE", ".value"),
            ("{1: 2}", "only strings can be keys"),
            ("range(3)", "return list"),
            ("type('Array', (), {'tolist': list})()", ".tolist()"),
        ]:
            with self.subTest(text), self.assertRaises(with_c.ValueRefused) as caught:
                with_c.encode(eval(text, NAMES), DEPTH_MAX)
            self.assertIn(advice, str(caught.exception))

    def test_a_limit_of_depth_that_python_cannot_follow_is_no_crash(self):
        with self.assertRaisesRegex(with_c.ValueRefused, "deeper than Python can follow"):
            with_c.encode(eval("nest(100_000)", NAMES), 1_000_000)

    def test_a_text_nested_deeper_than_python_can_follow_is_no_crash(self):
        with self.assertRaises(ValueError):
            with_c.decode(b"[" * 1_000_000 + b"]" * 1_000_000)


def is_exactly(one, other):
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(is_exactly, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(is_exactly(one[key], other[key]) for key in one)
    return repr(one) == repr(other)


def any_value(make, depth):
    kind = make.randrange(13 if depth else 9)
    if kind == 0:
        return make.choice([None, True, False])
    if kind in (1, 2):
        return make.choice([0, 1, -1, 2**31, 2**53 - 1, -(2**53 - 1), 2**53] if make.random() < 0.1 else [0, 7, -9])
    if kind == 3:
        return make.choice([0.5, -0.0, 1e300, 5e-324, 1.0, float("inf")] if make.random() < 0.1 else [0.25, -1.5])
    if kind < 9:
        characters = "ab\"\\\n\u00e9\u4e16\U0001f40d\ud83d\ude00"
        return "".join(make.choices(characters, weights=[9, 9, 3, 3, 3, 3, 3, 3, 1, 1], k=make.randrange(5)))
    if kind == 9:
        return {(key if make.random() < 0.99 else 1): any_value(make, depth - 1) for key in make.sample("abcdef", make.randrange(5))}
    if kind == 10:
        # Many rows of one kind: they are checked all at once.
        row = make.choice(
            [
                lambda: [any_value(make, 0)],
                lambda: {"a": any_value(make, 0), "b": 7},
                lambda: {2: 7} if make.random() < 0.02 else {},
                lambda: [[7]],
            ]
        )
        return [row() for _ in range(make.randrange(6, 12))]
    return [any_value(make, depth - 1) for _ in range(make.randrange(5))]


def may_cross(value):
    """Whether a value of `any_value` may cross, as simply as can be said."""
    if isinstance(value, list):
        return all(map(may_cross, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(may_cross, value.values()))
    if isinstance(value, str):
        return "\ud83d\ude00" not in value
    if isinstance(value, float):
        return abs(value) != float("inf")
    return not isinstance(value, int) or abs(value) < 2**53


if __name__ == "__main__":
    unittest.main()
