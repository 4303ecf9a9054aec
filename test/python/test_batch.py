import json
import signal
import time
import unittest
from types import SimpleNamespace

from harness import FIXTURES, VECTORS, WorkerTestCase
from pythonarium.batch import answer_items
from pythonarium.cancel import CallCancelled, Cancellation
from pythonarium.rich import restore

VALUES = json.loads((VECTORS / "values.json").read_text(encoding="utf-8"))


def answers(worker, first, name, items, **more):
    """Send one message for all items, and return what came for each, by its id."""
    worker.send({"type": "map", "id": first, "name": name, "items": items, **more})
    return receive(worker, first, len(items))


def receive(worker, first, count):
    told = []
    while len(told) < count:
        answer = worker.receive_but_logs()
        assert answer is not None, f"the worker died: {worker.wait()}, {worker.stderr()}"
        # Each is answered once, in the order of their ids.
        assert answer["id"] == first + len(told), answer
        if answer["type"] == "mapped":
            assert 0 <= answer["longestUs"] and 0 <= answer["tookUs"], answer
            told += [{"type": "reply", "value": value} for value in answer["values"]]
        else:
            del answer["id"]
            told.append(answer)
    assert len(told) == count, told
    return told


def values(told):
    return [answer["value"] for answer in told]


class Batches(WorkerTestCase):
    def test_each_item_is_one_call_and_they_share_the_keywords(self):
        worker = self.ready("items.py")
        self.assertEqual(values(answers(worker, 7, "gather", [1, 2])), [[1], [1, 2]])
        self.assertEqual(values(answers(worker, 9, "gather", [3], kwargs={"by": 2})), [[1, 2, 6]])
        self.assertEqual(worker.mark(), 9)

    def test_what_a_call_does_to_its_keywords_no_other_finds(self):
        worker = self.ready("items.py")
        into = {"lists": [[0]], "none": None}
        told = values(answers(worker, 1, "fills", [1, 2], kwargs={"into": into}))
        self.assertEqual(told, [{"lists": [[0, item]], "none": None} for item in (1, 2)])
        self.assertEqual(worker.call("fills", 3, into=into), {"lists": [[0, 3]], "none": None})

    def test_a_text_beside_a_list_is_not_made_anew_for_each_call(self):
        worker = self.ready("items.py")
        told = answers(worker, 1, "same", [1, 2, 3], kwargs={"text": "as long as it likes", "into": []})
        self.assertEqual(values(told), [True] * 3)

    def test_keywords_may_be_as_deep_as_values_may_be(self):
        worker = self.ready("items.py", limits={"depthMax": 900})
        into = []
        for _ in range(890):
            into = [into]
        told = values(answers(worker, 1, "fills", [1, 2], kwargs={"into": {"lists": [[]], "deep": into}}))
        self.assertEqual([answer["lists"] for answer in told], [[[1]], [[2]]])

    def test_what_a_function_changes_later_is_told_as_it_was(self):
        worker = self.ready("items.py")
        self.assertEqual(values(answers(worker, 1, "gather", [0] * 5)), [[0] * n for n in range(1, 6)])

    def test_whatever_may_come_back_from_a_call_comes_back_from_a_batch(self):
        cases = [case for case in VALUES["toNode"] if "{" not in case["name"]]
        prelude = "\n".join(VALUES["prelude"]["python"])
        table = ",\n".join(f"lambda: ({case['python']})" for case in cases)
        source = f"from pythonarium import expose\n{prelude}\nVALUES = [\n{table}\n]\n@expose\ndef value_of(number):\n    return VALUES[number]()\n"
        worker = self.ready({"": str(self.folder(table=source) / "table.py")})
        numbers = [number for number in range(len(cases)) for _ in range(2)]
        alone = []
        for number in numbers:
            answer = worker.answer("value_of", number)
            alone.append(strip(answer, worker))
        worker._next_id += 1
        worker.send({"type": "map", "id": worker._next_id, "name": "value_of", "items": numbers})
        together = []
        while len(together) < len(numbers):
            answer = worker.receive_but_logs()
            if answer["type"] == "mapped":
                together += [{"type": "reply", "value": value} for value in answer["values"]]
            else:
                together.append(strip(answer, worker))
        # As text, since NaN is never the same.
        self.assertEqual(*([json.dumps(answer, sort_keys=True) for answer in answers] for answers in (together, alone)))

    def test_what_stands_for_json_is_told_with_the_others(self):
        worker = self.ready("items.py")
        worker.send({"type": "map", "id": 1, "name": "dated", "items": [1, 2, 3, 4]})
        told = []
        while len(told) < 4:
            answer = worker.receive()
            self.assertEqual(answer["type"], "mapped")
            told += answer["values"]
        self.assertEqual(told, [{"n": n, "on": "2026-01-01"} for n in (1, 2, 3, 4)])

    def test_an_error_is_that_item_s_alone(self):
        worker = self.ready("items.py")
        told = answers(worker, 1, "act", ["a", "system exit", "b"])
        self.assertEqual([answer["type"] for answer in told], ["reply", "error", "reply"])
        self.assertEqual(told[1]["error"]["type"], "SystemExit")
        self.assertNotIn("batch.py", told[1]["error"]["traceback"])
        told = answers(worker, 4, "later", [1, "raise", 2])
        self.assertEqual([answer.get("value") for answer in told], [1, None, 2])
        self.assertEqual(told[1]["error"]["type"], "ValueError")

    def test_how_long_one_took_is_told_with_its_error_and_of_those_before_it_with_their_results(self):
        worker = self.ready("items.py")
        worker.send({"type": "map", "id": 1, "name": "naps_and_raises", "items": [0.2, None, 0, None]})
        told = [worker.receive_but_logs() for _ in range(4)]
        self.assertEqual([answer["type"] for answer in told], ["error", "mapped", "error", "mapped"])
        self.assertEqual([answer["tookUs"] >= 200_000 for answer in told], [True, False, False, False])
        self.assertLess(max(told[1]["longestUs"], told[3]["longestUs"]), 200_000)
        # Those that were never begun took no time.
        self.assertTrue(all("tookUs" not in answer for answer in answers(worker, 5, "gone", [1, 2])))

    def test_what_is_not_exposed_is_never_begun(self):
        worker = self.ready("items.py")
        told = answers(worker, 1, "gone", [1, 2, 3])
        self.assertEqual([(answer["error"]["code"], answer["started"]) for answer in told], [("ERR_NOT_EXPOSED", False)] * 3)
        self.assertEqual(worker.mark(), 0)

    def test_what_they_share_that_there_is_no_memory_for_is_an_error_of_each(self):
        worker = self.ready("items.py", resources={"memoryBytes": 256 * 1024 * 1024})
        shared = b"[%s[]]" % (b"[]," * 4_000_000)
        for first, more in ((1, b'"kwargs":{"into":%s}'), (4, b'"context":{"into":%s}')):
            items = b'[[1],{"a":2},"]"]'
            worker.send_bytes(b'{"type":"map","id":%d,"name":"gather","items":%s,%s}\n' % (first, items, more % shared))
            told = receive(worker, first, 3)
            self.assertEqual([(answer["error"]["type"], answer["started"]) for answer in told], [("MemoryError", False)] * 3)
        self.assertEqual(worker.mark(), 0)
        # There is room for it, and none for one of each call's own.
        worker.send_bytes(b'{"type":"map","id":7,"name":"gather","items":[1,2],"kwargs":{"into":[%s[]]}}\n' % (b"[]," * 1_500_000))
        told = receive(worker, 7, 2)
        self.assertEqual([answer["error"]["type"] for answer in told], ["MemoryError"] * 2)
        self.assertEqual(values(answers(worker, 9, "gather", [1])), [[1]])

    def test_what_is_printed_belongs_to_its_item(self):
        worker = self.ready("items.py")
        answers(worker, 1, "prints", ["x", "y"])
        self.assertEqual([(log["call"], log["text"]) for log in worker.logs], [(1, "x"), (1, "half x"), (2, "y"), (2, "half y")])
        worker.logs.clear()
        answers(worker, 3, "complains", ["x", "y"])
        self.assertEqual([(log["call"], log["text"]) for log in worker.logs], [(3, "half x"), (4, "half y")])

    def test_what_runs_after_all_of_them_is_no_call_of_theirs(self):
        worker = self.ready("items.py", teardown={"name": "finish"})
        answers(worker, 1, "act", ["a", "b"])
        worker.give_up(1)
        worker.stop()
        self.assertEqual([(log["call"], log["text"]) for log in worker.logs], [(None, "torn down False")])

    def test_one_that_asks_for_what_is_for_the_calls_of_a_lease_leaves_nothing_behind_for_these(self):
        worker = self.ready("keeps.py")
        worker.send({"type": "call", "id": 1, "name": "hold", "args": [None], "rich": [[["args", 0], "kept", 5]], "lease": 3})
        self.assertEqual(worker.receive_but_logs()["type"], "reply")
        (told,) = values(answers(worker, 2, "why", [0]))
        self.assertIn("no call of that runs here", told)
        worker.send({"type": "call", "id": 3, "name": "use", "args": [7], "lease": 3})
        asked = {"type": "callback", "id": 3, "kept": 5, "number": 1, "args": [7], "kwargs": {}}
        self.assertEqual(worker.receive_but_logs(), asked)

    def test_the_context_is_that_of_all(self):
        worker = self.ready("items.py")
        self.assertEqual(values(answers(worker, 1, "told", [1, 2], context={"requestId": "7f"})), [[1, "7f"], [2, "7f"]])
        self.assertEqual(worker.call("told", 3), [3, None])

    def test_messages_are_no_longer_than_node_takes_them(self):
        worker = self.ready("items.py", limits={"messageBytesMax": 1000, "depthMax": 200})
        told = answers(worker, 1, "text", [200] * 8 + [2000] + [200])
        self.assertEqual([len(answer.get("value", "")) for answer in told], [200] * 8 + [0, 200])
        self.assertEqual(told[8]["error"]["code"], "ERR_MESSAGE_TOO_LARGE")
        # Those that are long go by themselves, in their places.
        worker = self.ready("items.py")
        lengths = [1, 20_000, 40_000, 300, 2, 20_000]
        self.assertEqual(list(map(len, values(answers(worker, 1, "text", lengths)))), lengths)

    def test_one_that_stands_for_more_than_there_is_memory_is_refused_before_it_is_written(self):
        # Else it would come to a MemoryError.
        worker = self.ready("items.py", resources={"memoryBytes": 1 << 30})
        told = answers(worker, 1, "held", [1, 40, 2])
        self.assertEqual([answer["type"] for answer in told], ["reply", "error", "reply"])
        self.assertEqual((told[1]["error"]["code"], told[1]["error"]["limit"]), ("ERR_MESSAGE_TOO_LARGE", 64 * 1024 * 1024))

    def test_answers_do_not_wait_for_a_long_call_but_for_a_moment(self):
        worker = self.ready("items.py", interrupts=True)
        worker.send({"type": "map", "id": 1, "name": "act", "items": ["a", "b"] * 2_000 + ["sleep"]})
        told = receive_some(worker)
        self.assertGreater(told, 0)
        while worker.mark() < 4_001:
            time.sleep(0.001)
        self.assertIsNone(worker.process.poll())

    def test_how_long_the_longest_call_took_is_told_with_its_own_answer_alone(self):
        worker = self.ready("items.py")
        worker.send({"type": "map", "id": 1, "name": "naps", "items": [1, 0, 0, 0]})
        slow = worker.receive_but_logs()
        self.assertEqual((len(slow["values"]), slow["longestUs"] >= 1_000_000), (1, True))
        answered = 1
        while answered < 4:
            quick = worker.receive_but_logs()
            answered += len(quick["values"])
            self.assertLess(quick["longestUs"], 1_000_000)

    def test_a_forked_child_says_nothing_and_ends(self):
        worker = self.ready("items.py")
        self.assertEqual(values(answers(worker, 1, "act", ["a", "fork", "b"])), ["a", "fork", "b"])
        worker._next_id = 3
        self.assertEqual(worker.call("status_of_child"), 0)

    def test_arguments_are_checked_where_that_was_asked_for(self):
        module = self.folder(hints="from pythonarium import expose\n@expose\ndef double(n: int) -> int:\n    return 2 * n\n")
        worker = self.ready({"": str(module / "hints.py")}, validate=True)
        told = answers(worker, 1, "double", [1, "x", 2])
        self.assertEqual([answer.get("value") for answer in told], [2, None, 4])
        self.assertEqual(told[1]["error"]["code"], "ERR_ARGUMENT")


class Deaths(WorkerTestCase):
    def test_the_mark_says_how_far_it_came(self):
        worker = self.ready("items.py")
        worker.send({"type": "map", "id": 11, "name": "act", "items": ["a", "b", "exit", "c"]})
        self.assertEqual((worker.wait(), worker.mark()), (7, 13))

    def test_it_works_without_a_mark(self):
        worker = self.ready("items.py", startMark=False)
        self.assertEqual(values(answers(worker, 1, "act", ["a", "b"])), ["a", "b"])


class GivenUp(WorkerTestCase):
    def give_up(self, item, interrupts, modules="items.py"):
        """Give up a batch whose second item runs; return what came for all of it."""
        worker = self.ready(modules, interrupts=interrupts)
        worker.send({"type": "map", "id": 1, "name": "act", "items": ["a", item, "b", "c"]})
        # The mark is written before it is begun.
        while b"it runs" not in worker._lines:
            worker._lines += worker.line.recv(1 << 20)
        worker.give_up(1)
        if interrupts:
            worker.process.send_signal(signal.SIGUSR1)
        worker.send({"type": "cancel", "id": 1})
        told = receive(worker, 1, 4)
        self.assertEqual(told[0], {"type": "reply", "value": "a"})
        self.assertEqual([(answer["error"]["type"], answer.get("started")) for answer in told[2:]], [("CallCancelled", False)] * 2)
        worker._next_id = 4
        self.assertEqual((worker.mark(), worker.call("begun_so_far")), (2, ["a", item]))
        return told[1]

    def give_up_alone(self, item, interrupts, modules="items.py"):
        """Give up the second item of a batch, which runs, and no other; return what came for it."""
        worker = self.ready(modules, interrupts=interrupts)
        worker.send({"type": "map", "id": 1, "name": "act", "items": ["a", item, "b", "c"]})
        while b"it runs" not in worker._lines:
            worker._lines += worker.line.recv(1 << 20)
        worker.give_up_alone(2)
        if interrupts:
            worker.process.send_signal(signal.SIGUSR1)
        worker.send({"type": "cancel", "id": 2})
        told = receive(worker, 1, 4)
        self.assertEqual([told[0], *told[2:]], [{"type": "reply", "value": value} for value in ("a", "b", "c")])
        worker._next_id = 4
        self.assertEqual((worker.mark(), worker.call("begun_so_far")), (4, ["a", item, "b", "c"]))
        return told[1]

    def test_what_runs_is_interrupted_alone_and_those_behind_it_go_on(self):
        told = self.give_up_alone("sleep", interrupts=True)
        self.assertEqual((told["error"]["type"], told.get("started")), ("CallCancelled", None))

    def test_those_behind_one_that_heeds_no_interruption_go_on_once_it_has_ended(self):
        self.assertEqual(self.give_up_alone("swallow", interrupts=True), {"type": "reply", "value": "swallowed"})

    def test_without_signals_one_that_is_given_up_alone_looks_it_up(self):
        self.assertEqual(self.give_up_alone("look", interrupts=False), {"type": "reply", "value": "look"})

    def test_one_that_is_given_up_alone_and_has_ended_keeps_nothing_from_those_behind_it(self):
        worker = self.ready("items.py", interrupts=True)
        worker.give_up_alone(1)
        worker.process.send_signal(signal.SIGUSR1)
        self.assertEqual(values(answers(worker, 2, "act", ["a", "b"])), ["a", "b"])

    def test_what_runs_is_interrupted_and_what_is_behind_it_never_begun(self):
        self.assertEqual(self.give_up("sleep", interrupts=True)["error"]["type"], "CallCancelled")

    def test_a_function_that_heeds_no_interruption_has_its_result_and_those_behind_it_are_never_begun(self):
        self.assertEqual(self.give_up("swallow", interrupts=True), {"type": "reply", "value": "swallowed"})

    def test_without_signals_it_is_looked_up(self):
        self.assertEqual(self.give_up("look", interrupts=False), {"type": "reply", "value": "look"})

    def test_where_a_module_has_taken_the_signal_for_itself_it_is_looked_up(self):
        modules = {"": str(FIXTURES / "items.py"), "takes": str(FIXTURES / "takes_the_signal.py")}
        self.assertEqual(self.give_up("look", interrupts=True, modules=modules), {"type": "reply", "value": "look"})

    def test_one_that_waits_behind_another_is_never_begun(self):
        for interrupts in (True, False):
            with self.subTest(interrupts=interrupts):
                worker = self.ready("items.py", interrupts=interrupts)
                worker.give_up(3)
                if interrupts:
                    worker.process.send_signal(signal.SIGUSR1)
                    time.sleep(0.05)
                batches = [{"type": "map", "id": first, "name": "act", "items": [first, first + 1]} for first in (1, 3, 5)]
                worker.send_bytes(b"".join(json.dumps(each).encode() + b"\n" for each in batches))
                told = receive(worker, 1, 6)
                self.assertEqual([answer.get("value") for answer in told], [1, 2, None, None, 5, 6])
                worker._next_id = 6
                self.assertEqual(worker.call("begun_so_far"), [1, 2, 5, 6])


class Interruptions(unittest.TestCase):
    def test_one_that_comes_as_the_function_has_returned_is_meant_for_those_behind_it_as_well(self):
        begun, told = [], []
        cancellation = LateCancellation()
        worker = SimpleNamespace(
            _functions={"act": begun.append},
            _handles=SimpleNamespace(handing=lambda _: None),
            _writer=SimpleNamespace(is_open=True),
            _cancellation=cancellation,
            _logs=SimpleNamespace(_stdout=QUIET, _stderr=QUIET),
            _end_call=lambda _: None,
            _mark=None,
            _check=None,
            _talk=None,
            _send_error=lambda number, _, started=True, took_us=None: told.append((number, started)),
        )
        answer_items(worker, {"id": 5, "name": "act", "items": ["a", "b", "c"]})
        self.assertEqual((begun, told), (["a"], [(5, True), (6, False), (7, False)]))


    def test_one_that_comes_before_the_next_item_has_begun_keeps_that_from_it(self):
        for comes_as, expected in (("one has ended", [(6, False), (7, False)]), ("the next is marked", [(6, True), (7, False)])):
            with self.subTest(comes_as):
                begun, told, given_up = [], [], []
                cancellation = Cancellation()
                cancellation.is_deaf = False
                cancellation._mark = SimpleNamespace(is_cancelled=lambda _: given_up, is_cancelled_after=lambda _: False, is_cancelled_alone=lambda _: False)

                def come(moment):
                    if moment == comes_as and begun == ["a"] and not given_up:
                        given_up.append(moment)
                        cancellation._on_signal(0, None)

                worker = SimpleNamespace(
                    _functions={"act": begun.append},
                    _handles=SimpleNamespace(handing=lambda _: None),
                    _writer=Writer(lambda: come("one has ended")),
                    _cancellation=cancellation,
                    _logs=SimpleNamespace(_stdout=QUIET, _stderr=QUIET),
                    _mark=SimpleNamespace(write=lambda _: come("the next is marked")),
                    _end_call=lambda _: None,
                    _check=None,
                    _talk=None,
                    _depth_max=64,
                    _bytes_max=1_000,
                    _send_error=lambda number, _, started=True, took_us=None: told.append((number, started)),
                )
                answer_items(worker, {"id": 5, "name": "act", "items": ["a", "b", "c"]})
                self.assertEqual((begun, told), (["a"], expected))


QUIET = SimpleNamespace(held=[])


class Writer:
    """Takes whatever is written, and tells when it is asked whether it does."""

    def __init__(self, asked):
        self.asked = asked

    @property
    def is_open(self):
        self.asked()
        return True

    def write(self, line):
        pass


class LateCancellation:
    """Has its call interrupted by a signal that comes just before it could be no more."""

    missed = is_deaf = is_given_up = False
    call = _armed = 0

    @property
    def armed(self):
        return self._armed

    @armed.setter
    def armed(self, call):
        was_armed, self._armed = self._armed, call
        if was_armed and not call:
            self.is_given_up = True
            raise CallCancelled("enough")

    def is_cancelled(self, _):
        return self.is_given_up


def receive_some(worker):
    told = worker.receive_but_logs()
    return len(told["values"])


def strip(answer, worker):
    """The answer without its id; the raw bytes that follow it are read."""
    del answer["id"]
    # Together, it is told of each error.
    answer.pop("tookUs", None)
    attachments = sum(answer.get("bin", []))
    while len(worker._lines) < attachments:
        worker._lines += worker.line.recv(1 << 20)
    if attachments:
        answer["bytes"], worker._lines = worker._lines[:attachments].hex(), worker._lines[attachments:]
    # By itself a result may come as columns.
    if any(kind == "rows" for _, kind, *_ in answer.get("rich", [])):
        restore(answer)
    return answer


if __name__ == "__main__":
    unittest.main()
