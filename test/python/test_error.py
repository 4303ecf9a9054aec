import json
import sys
import traceback
import unittest
from unittest import mock

import harness  # noqa: F401
import pythonarium
from pythonarium import error
from pythonarium.message import is_javascript_error
from pythonarium.value import ValueRefused


class Missing(LookupError):
    pass


def told(raised):
    """Return the ERROR of `raised`, which is raised here."""
    try:
        raise raised
    except BaseException as caught:
        return error.of_exception(caught)


class Classes(unittest.TestCase):
    def test_the_classes_are_named_from_the_nearest_to_the_farthest(self):
        names = [f"{__name__}:Missing", "builtins:LookupError", "builtins:Exception", "builtins:BaseException"]
        self.assertEqual(told(Missing())["mro"], names)

    def test_a_class_with_odd_names_and_many_bases_is_still_told(self):
        kind = Exception
        for number in range(100):
            kind = type("E" * 1000, (kind,), {"__module__": number})
        self.assertEqual(len(told(kind())["mro"]), 32)
        self.assertLess(len(json.dumps(told(kind())["mro"])), 32 * 300)

    def test_one_that_is_asked_in_vain_for_its_names_is_still_told_by_them(self):
        class Asked(type):
            def __getattribute__(cls, name):
                raise LookupError(name)

        kind = Asked("Silent", (Missing,), {"__module__": "nowhere"})
        found = told(kind())
        self.assertEqual((found["code"], found["type"], found["module"]), ("ERR_PYTHON", "Silent", "nowhere"))
        self.assertEqual(found["mro"][:2], ["nowhere:Silent", f"{__name__}:Missing"])
        self.assertIn("Silent, of which no more can be told: LookupError", found["message"])


class Frames(unittest.TestCase):
    def test_the_innermost_comes_first_with_its_line(self):
        def inner():
            raise Missing("x")  # here

        def outer():
            inner()

        try:
            outer()
        except Missing as raised:
            frames = error.of_exception(raised)["frames"]
        self.assertEqual([frame["source"] for frame in frames], ['raise Missing("x")  # here', "inner()", "outer()"])
        self.assertEqual([frame["function"] for frame in frames], ["inner", "outer", "test_the_innermost_comes_first_with_its_line"])
        self.assertEqual({frame["file"] for frame in frames}, {__file__})
        self.assertTrue(all(frame["line"] > 0 for frame in frames))

    def test_many_are_left_out_in_their_middle(self):
        def recurse():
            recurse()

        try:
            recurse()
        except RecursionError as raised:
            found = error.of_exception(raised)
        self.assertEqual(len(found["frames"]), 64)
        self.assertGreater(found["framesLeftOut"], 100)
        self.assertEqual(found["frames"][-1]["function"], "test_many_are_left_out_in_their_middle")

    def test_what_does_not_parse_has_its_place(self):
        try:
            compile("x = 1\ndef f(:\n", "/srv/app.py", "exec")
        except SyntaxError as raised:
            first = error.of_exception(raised)["frames"][0]
        self.assertEqual(first, {"file": "/srv/app.py", "line": 2, "function": "<module>", "source": "def f(:"})

    def test_a_line_that_cannot_be_read_or_is_long_does_no_harm(self):
        scope = {}
        exec(compile("def f(): raise ValueError", "<made>", "exec"), scope)
        try:
            scope["f"]()
        except ValueError as raised:
            first = error.of_exception(raised)["frames"][0]
        self.assertEqual(first, {"file": "<made>", "line": 1, "function": "f", "source": None})


class Causes(unittest.TestCase):
    def chain(self, length):
        """Return the last of so many exceptions that came of each other, every second one on purpose."""
        raised = ValueError("0")
        for number in range(1, length):
            try:
                try:
                    raise raised
                except ValueError as caught:
                    if number % 2:
                        raise ValueError(str(number)) from caught
                    raise ValueError(str(number))
            except ValueError as caught:
                raised = caught
        return raised

    def test_each_has_what_python_would_print_of_it(self):
        raised = self.chain(20)
        found, count = error.of_exception(raised), 0
        while found is not None:
            printed = traceback.format_exception(type(raised), raised, raised.__traceback__)
            self.assertEqual(found["traceback"], "".join(printed))
            found, raised, count = found["cause"], raised.__cause__ or raised.__context__, count + 1
        self.assertEqual(count, 16)

    def test_one_of_many_is_looked_at_once(self):
        looked = []
        look = traceback.TracebackException.__init__

        def counted(*args, **kwargs):
            looked.append(args[0])
            look(*args, **kwargs)

        raised = self.chain(300)
        with mock.patch.object(traceback.TracebackException, "__init__", counted):
            found = error.of_exception(raised)
        self.assertEqual(len(looked), 300)
        self.assertIn("characters left out", found["traceback"])

    def test_what_is_printed_already_is_told_all_the_same(self):
        first, second = ValueError("first"), ValueError("second")
        first.__cause__, second.__cause__ = second, first
        found = told(first)
        self.assertEqual((found["cause"]["message"], found["cause"]["cause"]), ("second", None))
        self.assertIn("ValueError: second", found["cause"]["traceback"])


@unittest.skipIf(sys.version_info < (3, 11), "there are no exception groups")
class Groups(unittest.TestCase):
    def test_every_member_is_an_error_with_its_own_causes_and_members(self):
        member = ValueError("one")
        member.__cause__ = KeyError("rows")
        group = told(ExceptionGroup("all", [member, ExceptionGroup("some", [OSError("two")])]))  # noqa: F821
        self.assertEqual(group["message"], "all (2 sub-exceptions)")
        self.assertEqual(group["mro"][1], "builtins:BaseExceptionGroup")
        self.assertEqual([one["type"] for one in group["errors"]], ["ValueError", "ExceptionGroup"])
        self.assertEqual(group["errors"][0]["cause"]["type"], "KeyError")
        self.assertEqual(group["errors"][1]["errors"][0]["message"], "two")
        self.assertNotIn("errors", group["errors"][0])

    def test_a_group_of_thousands_is_bounded_and_so_is_one_deep_in_itself(self):
        group = ExceptionGroup("all", [ValueError(str(number)) for number in range(5_000)])  # noqa: F821
        self.assertEqual(len(told(group)["errors"]), 63)
        for _ in range(30):
            group = ExceptionGroup("deeper", [group])  # noqa: F821
        found, depth = told(group), 0
        while found.get("errors"):
            found, depth = found["errors"][0], depth + 1
        self.assertEqual(depth, 15)

    def test_over_the_limit_the_classes_are_kept_and_what_is_long_is_not(self):
        whole = told(ExceptionGroup("x" * 1000, [ValueError("y" * 10_000)]))  # noqa: F821
        brief = json.loads(error.to_json(whole, 2_000))
        self.assertEqual((brief["errors"], brief["frames"], brief["traceback"]), ([], [], ""))
        self.assertEqual(brief["mro"], whole["mro"])
        self.assertEqual(json.loads(error.to_json(whole, 400))["mro"], whole["mro"][:1])

    def test_over_a_small_limit_it_is_cut_until_it_fits_whatever_characters_it_has(self):
        for raised in (ValueError("\U0001f40d" * 1000), type("K" * 500, (Exception,), {"__module__": "m" * 500})("x" * 1000)):
            whole = told(raised)
            brief = error.to_json(whole, 896)
            self.assertLessEqual(len(brief), 896)
            self.assertIn("characters left out", json.loads(brief)["message"])
        refused = error.of_exception(ValueRefused("value" + "[0]" * 500, "\u00fc" * 500))
        self.assertLessEqual(len(error.to_json(refused, 896)), 896)


class JavaScript(unittest.TestCase):
    WIRE = {
        "name": "TypeError",
        "message": "x is not a function",
        "stack": "TypeError: x is not a function\n    at main.js:3",
        "code": "E_X",
        "cause": {"name": "Error", "message": "", "stack": "", "code": None, "cause": None},
        "thrown": 12,
    }

    def test_what_was_thrown_there_is_raised_here_with_all_that_it_said(self):
        raised = error.of_javascript(self.WIRE)
        self.assertIsInstance(raised, pythonarium.JavaScriptError)
        self.assertEqual((raised.name, raised.message, raised.code), ("TypeError", "x is not a function", "E_X"))
        self.assertEqual(str(raised), "TypeError: x is not a function")
        self.assertEqual(str(raised.__cause__), "Error")
        self.assertIn("at main.js:3", raised.stack)

    def test_its_stack_stands_in_the_notes_and_what_python_prints(self):
        found = told(error.of_javascript(self.WIRE))
        self.assertEqual(found["notes"], [self.WIRE["stack"]])
        if sys.version_info >= (3, 11):
            self.assertIn("at main.js:3", found["traceback"])

    def test_node_is_told_which_one_it_was_even_as_a_cause(self):
        found = told(error.of_javascript(self.WIRE))
        self.assertEqual((found["mro"][0], found["thrown"]), ("pythonarium:JavaScriptError", 12))
        wrapped = ValueError()
        wrapped.__cause__ = error.of_javascript(self.WIRE)
        self.assertEqual(told(wrapped)["cause"]["thrown"], 12)

    def test_one_that_python_made_itself_stands_for_none(self):
        self.assertNotIn("thrown", told(pythonarium.JavaScriptError("Error", "mine")))

    def test_it_can_be_pickled(self):
        import pickle

        copy = pickle.loads(pickle.dumps(error.of_javascript(self.WIRE)))
        self.assertEqual((copy.name, copy.code, str(copy)), ("TypeError", "E_X", "TypeError: x is not a function"))

    def test_what_is_none_is_told_apart(self):
        self.assertTrue(is_javascript_error(self.WIRE))
        for wrong in (
            None,
            "text",
            {**self.WIRE, "name": 1},
            {**self.WIRE, "stack": None},
            {**self.WIRE, "code": 7},
            {**self.WIRE, "code": 0},
            {**self.WIRE, "thrown": "12"},
            {**self.WIRE, "cause": "text"},
            {**self.WIRE, "cause": {}},
            *({key: value for key, value in self.WIRE.items() if key != name} for name in ("code", "cause")),
        ):
            self.assertFalse(is_javascript_error(wrong), wrong)


if __name__ == "__main__":
    unittest.main()
