import functools
import math
import subprocess
import sys
import types
import unittest
from unittest import mock

from harness import FIXTURES, LIBRARY
from pythonarium import cancelled, context, expose, heartbeat, progress, session
from pythonarium.expose import NameTaken, NothingExposed, find_callable, find_exposed, find_generators


def module(**names):
    made = types.ModuleType("app")
    vars(made).update(names)
    return made


class Marking(unittest.TestCase):
    def test_a_marked_function_is_the_function_itself(self):
        def double(x):
            return 2 * x

        self.assertIs(expose(double), double)
        self.assertIs(expose(name="twice")(double), double)
        self.assertEqual((double(4), double.__name__), (8, "double"))

    def test_a_module_with_marks_runs_by_itself(self):
        code = "import sys; sys.path[:0] = sys.argv[1:]; import basic; print(basic.add(1, 2))"
        told = subprocess.run(
            [sys.executable, "-c", code, str(LIBRARY), str(FIXTURES)],
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertEqual(told.stdout, "3\n")

    def test_only_what_can_carry_a_mark_is_marked(self):
        for wrong in (3, "mean", None):
            with self.assertRaisesRegex(TypeError, "marks functions|positional"):
                expose(name="x")(wrong)
        with self.assertRaisesRegex(TypeError, "cannot carry the mark .* Wrap it"):
            expose(math.sqrt)
        for name in ("", 3):
            with self.assertRaisesRegex(TypeError, "must be a string"):
                expose(name=name)(lambda: None)

    def test_a_session_outside_of_a_worker_says_that_there_is_none(self):
        with self.assertRaisesRegex(RuntimeError, "There is no session here"):
            session["x"] = 1
        self.assertEqual(repr(session), "<no session>")


class OutsideOfAWorker(unittest.TestCase):
    def test_a_function_of_a_session_is_tested_with_a_dict_in_its_place(self):
        app = module(session=session)
        exec("def add(item):\n    session.setdefault('items', []).append(item)\n    return len(session['items'])", vars(app))
        with self.assertRaises(RuntimeError):
            app.add("apples")
        with mock.patch.object(app, "session", {}):
            self.assertEqual([app.add("apples"), app.add("pears")], [1, 2])

    def test_there_is_nobody_to_tell_and_nobody_who_gives_up(self):
        self.assertEqual((cancelled(), heartbeat(), progress(1, 2, "half"), dict(context)), (False, None, None, {}))
        with self.assertRaises(TypeError):
            progress("half")
        with self.assertRaises(ValueError):
            progress(math.nan)


class Finding(unittest.TestCase):
    def test_marked_functions_are_found_by_their_own_name_or_the_given_one(self):
        one, other = expose(lambda: 1), expose(name="a.b")(lambda: 2)
        app = module(one=one, _other=other, third=lambda: 3)
        self.assertEqual(find_exposed({"": app}, "marked"), {"one": one, "a.b": other})
        self.assertEqual(find_exposed({"app": app}, "marked"), {"app.one": one, "app.a.b": other})

    def test_a_decorator_above_the_mark_counts(self):
        @expose
        def inner():
            return 1

        @functools.wraps(inner)
        def outer():
            return 2

        self.assertIs(find_exposed({"": module(f=outer)}, "marked")["f"], outer)

    def test_objects_that_answer_to_any_name_or_to_none_are_no_functions(self):
        class Anything:
            def __getattr__(self, name):
                return "yes"

            def __call__(self):
                pass

        class Nothing(Anything):
            @property
            def __dict__(self):
                raise RuntimeError("not there yet")

        marked = expose(lambda: 1)
        self.assertEqual(find_exposed({"": module(a=Anything(), n=Nothing(), f=marked)}, "marked"), {"f": marked})

    def test_all_means_every_public_callable(self):
        def listed(): ...
        def also(): ...
        def _private(): ...

        app = module(listed=listed, also=also, _private=_private, number=3, __all__=["listed", "number", "gone"])
        self.assertEqual(find_exposed({"": app}, "all"), {"listed": listed, "also": also})

    def test_a_module_with_nothing_to_call_is_refused_in_a_clear_sentence(self):
        with self.assertRaisesRegex(NothingExposed, "the module 'app' is marked with @expose.*from pythonarium import expose.*'all'"):
            find_exposed({"": module(f=lambda: 1)}, "marked")
        with self.assertRaisesRegex(NothingExposed, "no public function"):
            find_exposed({"": module(_f=lambda: 1)}, "all")
        with self.assertRaisesRegex(NothingExposed, "the module 'Replaced' is marked"):
            find_exposed({"": type("Replaced", (), {})()}, "marked")

    def test_two_functions_of_one_name_are_refused(self):
        app = module(one=expose(name="same")(lambda: 1), other=expose(name="same")(lambda: 2))
        with self.assertRaisesRegex(NameTaken, "'same'"):
            find_exposed({"": app}, "marked")

    def test_one_function_may_have_two_names(self):
        marked = expose(lambda: 1)
        self.assertEqual(list(find_exposed({"": module(a=marked, b=marked)}, "marked")), ["a", "b"])

    def test_a_step_is_found_whether_it_is_exposed_or_not(self):
        def load(): ...

        marked = expose(name="x.y")(lambda: 1)
        modules = {"": module(f=marked), "app": module(load=load, number=3)}
        exposed = {"x.y": marked}
        self.assertIs(find_callable(modules, exposed, "x.y"), marked)
        self.assertIs(find_callable(modules, exposed, "app.load"), load)
        for missing in ("load", "app.number", "app.gone", "app", ""):
            self.assertIsNone(find_callable(modules, exposed, missing))

    def test_a_generator_is_known_behind_decorators_and_with_some_of_its_arguments(self):
        def rows(count):
            yield from range(count)

        async def later(count):
            yield count

        def passed_on(function):
            @functools.wraps(function)
            def outer(*args):
                return function(*args)

            return outer

        exposed = {
            "rows": rows,
            "later": later,
            "once": passed_on(rows),
            "twice": passed_on(passed_on(later)),
            "three": functools.partial(rows, 3),
            "all": passed_on(functools.partial(passed_on(rows), 3)),
        }
        self.assertEqual(find_generators({**exposed, "plain": passed_on(passed_on(len)), "part": functools.partial(len)}), list(exposed))

    def test_a_method_that_is_a_generator_is_known_whether_it_is_of_the_object_or_of_the_class(self):
        class Table:
            def rows(self):
                yield self

            @staticmethod
            def numbers():
                yield 1

            @classmethod
            def columns(cls):
                yield cls

            @staticmethod
            def plain(): ...

        self.assertEqual(find_generators({"Table": Table}), ["Table.rows", "Table.numbers", "Table.columns"])

    def test_a_function_that_says_it_wraps_itself_is_no_generator(self):
        def one(): ...
        def other(): ...

        one.__wrapped__, other.__wrapped__ = other, one
        self.assertEqual(find_generators({"one": one}), [])


if __name__ == "__main__":
    unittest.main()
