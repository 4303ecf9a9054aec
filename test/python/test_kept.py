import sys
import unittest

from harness import WorkerTestCase


class KeptFunctions(WorkerTestCase):
    lane = "serial"

    def setUp(self):
        self.worker = self.ready("keeps.py", lane=self.lane)

    def send(self, name, *args, **more):
        self.worker._next_id += 1
        self.worker.send({"type": "call", "id": self.worker._next_id, "name": name, "args": list(args), **more})
        return self.worker._next_id

    def call(self, name, *args, **more):
        number = self.send(name, *args, **more)
        answer = self.worker.receive_but_logs()
        self.assertEqual((answer["type"], answer["id"]), ("reply", number), answer)
        return answer["value"]

    def hold(self, number, **owner):
        return self.call("hold", None, rich=[[["args", 0], "kept", number]], **owner)

    def use(self, name, number, **owner):
        """Let a plain call use the function that is held, and answer it."""
        call = self.send(name, 7, **owner)
        asked = {"type": "callback", "id": call, "kept": number, "number": 1, "args": [7], "kwargs": {}}
        # The loop stands still while a plain function waits, and goes on while a coroutine does.
        if self.lane == "asyncio" and name == "use":
            asked["blocks"] = True
        self.assertEqual(self.worker.receive_but_logs(), asked)
        self.worker.send({"type": "answer", "id": call, "number": 1, "value": 14})
        self.assertEqual(self.worker.receive_but_logs(), {"type": "reply", "id": call, "value": 14})

    def test_a_plain_call_of_the_same_lease_or_session_asks_for_it_by_its_number(self):
        for owner in ({"lease": 3}, {"session": "ann"}, {"lease": 4, "session": "ann"}):
            self.hold(5, **owner)
            for name in ("use", "use_later", "use"):
                self.use(name, 5, **owner)

    def test_one_number_is_one_object_for_each_lease(self):
        self.assertEqual([self.hold(number, lease=3) for number in (5, 5, 6, 5)], [1, 1, 2, 2])
        self.assertEqual(self.hold(5, lease=4), 3)

    def test_a_call_of_another_lease_or_of_none_says_whose_it_is(self):
        self.hold(5, lease=3)
        for owner in ({}, {"lease": 4}, {"session": "ann"}):
            self.assertIn("came by lease 3, and no call of that runs here", self.call("why", **owner))
        self.use("use", 5, lease=3)

    def test_it_says_when_it_was_released_and_the_others_go_on(self):
        self.hold(5, lease=3)
        self.hold(6, lease=3)
        self.worker.send({"type": "kept.drop", "kept": 5})
        self.worker.send({"type": "kept.drop", "kept": 99})
        self.assertIn("released", self.call("why", 0, lease=3))
        self.use("use", 6, lease=3)

    def test_it_says_when_its_lease_or_session_is_over_and_that_of_another_goes_on(self):
        self.hold(5, lease=3)
        self.hold(5, session="ann")
        self.hold(5, lease=4)
        self.worker.send({"type": "lease.end", "lease": 3})
        self.worker.send({"type": "session.end", "session": "ann"})
        self.assertIn("lease 3 is over", self.call("why", 0, lease=4))
        self.assertIn("the session 'ann' is over", self.call("why", 1, session="ann"))
        self.use("use", 5, lease=4)
        self.assertEqual(self.hold(5, lease=3), 4)
        self.use("use", 5, lease=3)

    def test_one_of_a_call_without_lease_and_session_breaks_the_protocol(self):
        self.send("hold", None, rich=[[["args", 0], "kept", 5]])
        self.assertIsNone(self.worker.receive_but_logs())
        self.assertEqual(self.worker.wait(), 2)

    def test_a_plain_call_that_waits_for_it_can_be_given_up(self):
        self.hold(5, lease=3)
        for name in ("use", "use_later"):
            call = self.send(name, lease=3)
            self.assertEqual(self.worker.receive_but_logs()["type"], "callback")
            self.worker.send({"type": "cancel", "id": call})
            self.assertEqual(self.worker.receive_but_logs()["error"]["type"], "CallCancelled")
        self.use("use", 5, lease=3)


class KeptFunctionsOnTheLoop(KeptFunctions):
    lane = "asyncio"


class KeptFunctionsInThreads(KeptFunctions):
    lane = "threads"


class TasksOfTheSetup(WorkerTestCase):
    def test_one_that_waits_for_a_call_that_is_over_takes_nothing_from_the_next(self):
        worker = self.ready("keeps.py", setup={"name": "watch", "args": [], "kwargs": {}})
        hold = {"type": "call", "id": 1, "name": "hold", "args": [None], "lease": 3, "rich": [[["args", 0], "kept", 5]]}
        worker.send(hold)
        self.assertEqual(worker.receive_but_logs()["type"], "reply")
        worker.send({"type": "call", "id": 2, "name": "lets_poll", "args": [], "lease": 3})
        self.assertEqual([worker.receive_but_logs()["type"] for _ in range(2)], ["callback", "reply"])
        worker.send({"type": "call", "id": 3, "name": "use_later", "args": [], "lease": 3})
        self.assertEqual(worker.receive_but_logs()["id"], 3)
        worker.send({"type": "answer", "id": 2, "number": 1, "value": "late"})
        worker.send({"type": "answer", "id": 3, "number": 1, "value": "mine"})
        self.assertEqual(worker.receive_but_logs(), {"type": "reply", "id": 3, "value": "mine"})
        worker.send({"type": "call", "id": 4, "name": "failures", "args": []})
        (failure,) = worker.receive_but_logs()["value"]
        self.assertIn("is over", failure)


class Progress(WorkerTestCase):
    def test_of_a_call_that_is_never_run_is_not_told_by_the_next(self):
        # An array needs numpy, which is not there: the call is refused before it is run.
        libraries = [path for path in sys.path if path.endswith(".zip") or "lib/python3" in path and "-packages" not in path]
        worker = self.ready("keeps.py", path=libraries)
        array = {"rich": [[["args", 0], "ndarray", 0, "float64", [0], "C"]], "bin": [0]}
        worker.send({"type": "call", "id": 1, "name": "tells", "args": [None], "progress": True, **array})
        self.assertEqual(worker.receive_but_logs()["error"]["type"], "ModuleNotFoundError")
        worker.send({"type": "call", "id": 2, "name": "tells", "args": []})
        self.assertEqual(worker.receive_but_logs(), {"type": "reply", "id": 2, "value": None})


if __name__ == "__main__":
    unittest.main()
