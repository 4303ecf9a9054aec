import unittest

from harness import WorkerTestCase
from pythonarium import context, session

MODULE = """
from pythonarium import context, expose

@expose
def told():
    return dict(context)

@expose
def modules():
    import sys
    return "logging" in sys.modules
"""


class OfACall(WorkerTestCase):
    def test_it_comes_with_the_message_and_ends_with_the_call(self):
        worker = self.ready({"": str(self.folder(app=MODULE) / "app.py")})
        worker.send({"type": "call", "id": 1, "name": "told", "args": [], "context": {"request": "7f3a"}})
        worker.send({"type": "call", "id": 2, "name": "told", "args": []})
        self.assertEqual([worker.receive()["value"] for _ in range(2)], [{"request": "7f3a"}, {}])

    def test_it_costs_a_worker_that_does_not_log_no_import_of_logging(self):
        worker = self.ready({"": str(self.folder(app=MODULE) / "app.py")})
        self.assertFalse(worker.call("modules"))

    def test_one_that_is_no_object_breaks_the_protocol(self):
        worker = self.ready({"": str(self.folder(app=MODULE) / "app.py")})
        worker.send({"type": "call", "id": 1, "name": "told", "args": [], "context": ["request"]})
        self.assertEqual(worker.wait(), 2)
        self.assertIn("`context` is not an object", worker.stderr())


class OutsideOfACall(unittest.TestCase):
    def test_it_is_empty_and_cannot_be_written(self):
        self.assertEqual((dict(context), context.get("request"), repr(context)), ({}, None, "<context {}>"))
        with self.assertRaises(TypeError):
            context["request"] = 1

    def test_it_and_a_session_say_what_their_values_are_to_whoever_checks_types_strictly(self):
        bases = [type(mapping).__orig_bases__[0] for mapping in (context, session)]
        self.assertEqual([base.__args__ for base in bases], [(str, "Any"), ("Any", "Any")])


if __name__ == "__main__":
    unittest.main()
