import dis
import json
import unittest

from harness import VECTORS, WorkerTestCase
from pythonarium.exchange import Exchange
from pythonarium.stream import Stream

ROOMY = {"items": 1_000_000, "bytes": 1_000_000_000}
VALUES = json.loads((VECTORS / "values.json").read_text(encoding="utf-8"))


class Streams(WorkerTestCase):
    def setUp(self):
        self.worker = self.ready("streams.py")

    def stream(self, name, *args, room=ROOMY, **more):
        self.worker._next_id += 1
        call = {"type": "call", "id": self.worker._next_id, "name": name, "args": list(args), "stream": room, **more}
        self.worker.send(call)
        return call["id"]

    def collect(self, name, *args, room=ROOMY):
        """Return all items, how many messages they came in, and the answer."""
        number = self.stream(name, *args, room=room)
        items, messages = [], 0
        while (received := self.worker.receive_but_logs())["type"] == "items":
            self.assertEqual(received["id"], number)
            items += received["values"]
            messages += 1
        self.assertEqual(received["id"], number)
        return items, messages, received

    def test_items_come_in_order_and_then_the_answer(self):
        items, messages, answer = self.collect("count", 10_000)
        self.assertEqual(items, list(range(10_000)))
        self.assertLess(messages, 200)
        self.assertEqual((answer["type"], answer["value"]), ("reply", None))

    def test_items_that_stand_for_json_come_with_the_others(self):
        for name in ("dated", "dated_later"):
            items, messages, _ = self.collect(name, 1_000)
            self.assertEqual(items, [{"n": n, "on": "2026-01-01"} for n in range(1_000)])
            self.assertLess(messages, 500)

    def test_items_come_one_by_one_where_the_system_allows_no_more_threads(self):
        items, messages, answer = self.collect("count_without_threads", 1_000)
        self.assertEqual((items, messages, answer["type"]), (list(range(1_000)), 1_000, "reply"))

    def test_no_items_are_an_answer_alone(self):
        self.assertEqual(self.collect("count", 0)[:2], ([], 0))

    def test_any_iterable_can_be_streamed_and_a_text_cannot(self):
        self.assertEqual(self.collect("listed", 3)[0], [0, 1, 2])
        self.assertEqual(self.collect("later", 1_000)[0], list(range(1_000)))
        for name in ("bare_iterator", "bare_async_iterator"):
            self.assertEqual(self.collect(name, 1_000)[0], list(range(1_000)))
        _, _, answer = self.collect("text")
        self.assertEqual(answer["error"]["code"], "ERR_VALUE")
        self.assertIn("no items to stream", answer["error"]["message"])

    def test_an_item_is_what_it_was_when_it_was_yielded(self):
        items, _, _ = self.collect("same_list", 50)
        self.assertEqual(items, [list(range(n + 1)) for n in range(50)])
        for name in ("same_row", "same_row_later"):
            self.assertEqual(self.collect(name, 1_000)[0], [{"n": n} for n in range(1_000)])

    def test_an_exception_comes_after_the_items_before_it(self):
        items, _, answer = self.collect("fails", 1_000)
        self.assertEqual((items, answer["error"]["message"]), (list(range(1_000)), "no more"))

    def test_an_item_that_cannot_cross_comes_after_the_items_before_it(self):
        for count in (0, 3, 1_000):
            items, _, answer = self.collect("refused", count)
            self.assertEqual((items, answer["error"]["code"]), (list(range(count)), "ERR_VALUE"))

    def test_a_flat_row_that_cannot_cross_comes_after_the_rows_before_it(self):
        for name in ("refused_row", "refused_row_later"):
            for rest in (0, 1):
                # The generator takes its time after the row, so that what watches sends it, or goes on.
                for pause in (0, 0.05):
                    with self.subTest(name, rest=rest, pause=pause):
                        items, _, answer = self.collect(name, 50, rest, pause)
                        self.assertEqual(items, [{"n": n} for n in range(50)])
                        self.assertEqual(answer.get("error", answer)["code"], "ERR_VALUE")
                        self.assertIn("list(value)[0]", answer["error"]["message"])

    def test_it_never_runs_ahead_of_its_room(self):
        for name in ("count", "later"):
            # More than are gathered before a look at how large they are, too.
            for ahead in (10, 40):
                with self.subTest(name, ahead=ahead):
                    number = self.stream(name, 1_000, room={"items": ahead, "bytes": 1_000_000})
                    received = []
                    for _ in range(1_000 // ahead):
                        room = len(received) + ahead
                        while len(received) < room:
                            received += self.worker.receive()["values"]
                        self.assertEqual(len(received), room)
                        self.worker.send({"type": "credit", "id": number, "items": ahead, "bytes": 10 * ahead})
                    self.assertEqual(received, list(range(1_000)))
                    self.assertEqual(self.worker.receive_but_logs()["type"], "reply")

    def test_large_items_need_room_in_bytes(self):
        number = self.stream("words", 100, room={"items": 1_000, "bytes": 1})
        for index in range(100):
            line = self.worker.receive_line()
            self.assertEqual(json.loads(line)["values"], [f"word {index}"])
            # As Node gives it back: a line is as large as it is without its newline.
            self.worker.send({"type": "credit", "id": number, "items": 1, "bytes": len(line)})
        self.assertEqual(self.worker.receive_but_logs()["type"], "reply")

    def test_raw_bytes_need_room_as_well_and_are_not_gathered(self):
        for name in ("buffers", "buffers_later"):
            with self.subTest(name):
                # Small ones first, so that many are expected to fit.
                number = self.stream(name, 100, 100, room={"items": 1_000, "bytes": 50_000})
                # Read as soon as there is no more room.
                self.worker.send({"type": "cancel", "id": number})
                sent = 0
                while (told := self.worker.receive_but_logs())["type"] == "items":
                    sent += len(raw_of(told, self.worker))
                self.assertEqual(told["error"]["type"], "CallCancelled")
                self.assertLess(sent, 60_000)

    def test_items_that_have_grown_large_are_sent_before_many_of_them_are_gathered(self):
        for name in ("grows", "grows_later"):
            for kind in ("dict", "list", "list in a list", "text"):
                with self.subTest(name, kind=kind):
                    number = self.stream(name, kind, 300, 300)
                    items, sizes = 0, []
                    while items < 600:
                        line = self.worker.receive_line()
                        told = json.loads(line)
                        self.assertEqual((told["type"], told["id"]), ("items", number))
                        items += len(told["values"])
                        sizes.append(len(line))
                    self.assertEqual(self.worker.receive_but_logs()["type"], "reply")
                    # Of the 256 that may be gathered, some forty are small.
                    self.assertLess(max(sizes), 400_000)
                    # From then on it is known how large they are.
                    self.assertLessEqual(len([size for size in sizes if size > 100_000]), 3)
                    self.assertLess(len(sizes), 200)

    def test_items_lie_for_no_longer_than_a_moment_while_their_generator_waits_for_the_next(self):
        number = self.stream("asks_after", None, 100, rich=[[["args", 0], "function", 0]])
        items, question = [], None
        # It is not answered before all that were yielded have come.
        while question is None or len(items) < 100:
            told = self.worker.receive_but_logs()
            if told["type"] == "callback":
                question = told["number"]
            else:
                items += told["values"]
        self.assertEqual(items, list(range(100)))
        self.worker.send({"type": "answer", "id": number, "number": question, "value": None})
        self.assertEqual(self.worker.receive_but_logs()["type"], "reply")

    def test_a_stream_that_is_cancelled_while_it_waits_for_room_is_closed(self):
        for name in ("words", "later"):
            number = self.stream(name, 1_000, room={"items": 1, "bytes": 1_000})
            self.worker.receive()
            self.worker.send({"type": "cancel", "id": number})
            self.assertEqual(self.worker.receive_but_logs()["error"]["type"], "CallCancelled")
            self.assertEqual(self.worker.call("what"), ["closed"] * (1 if name == "words" else 2))

    def test_calls_that_come_meanwhile_are_answered_after_it(self):
        number = self.stream("count", 2, room={"items": 1, "bytes": 1_000})
        self.worker.receive()
        other = self.worker.ask("what")
        self.worker.send({"type": "credit", "id": number, "items": 5, "bytes": 5})
        self.assertEqual([self.worker.receive()["id"] for _ in range(3)], [number, number, other])


class Rows(WorkerTestCase):
    def test_what_is_in_a_row_crosses_as_in_one_that_is_returned_or_is_refused_as_there(self):
        # Columns are for what is returned alone.
        cases = [case["python"] for case in VALUES["toNode"] if COLUMNS.isdisjoint(kind for _, kind, *_ in case.get("rich", []))]
        prelude = "\n".join(VALUES["prelude"]["python"])
        table = ",\n".join(f"lambda: ({case})" for case in cases)
        source = f"from pythonarium import expose\n{prelude}\nVALUES = [\n{table}\n]\n{ROWS}"
        worker = self.ready({"": str(self.folder(table=source) / "table.py")})
        for number, case in enumerate(cases):
            with self.subTest(case):
                returned = worker.answer("row", number)
                expected = outcome_of(returned, returned.get("value"), "value", worker)
                call = worker._next_id = worker._next_id + 1
                worker.send({"type": "call", "id": call, "name": "rows", "args": [number], "stream": ROOMY})
                yielded = worker.receive_but_logs()
                self.assertEqual(outcome_of(yielded, yielded.get("values", [None])[0], "values", worker), expected)
                if yielded["type"] == "items":
                    self.assertEqual(worker.receive_but_logs()["type"], "reply")


COLUMNS = {"rows", "merged", "keyed"}
ROWS = """
@expose
def row(number):
    return {"n": VALUES[number]()}

@expose
def rows(number):
    yield {"n": VALUES[number]()}
"""


def outcome_of(told, value, member, worker):
    """Return the value that was told, what `rich` says of it and its raw bytes; or why it was refused."""
    if told["type"] == "error":
        return told["error"]["code"], told["error"].get("path")
    # The path of an item begins with its place in the message.
    rich = [[path[1 if member == "value" else 2 :], *more] for path, *more in told.get("rich", [])]
    return value, rich, raw_of(told, worker)


def raw_of(told, worker):
    """Return the raw bytes that follow a message."""
    count = sum(told.get("bin", []))
    while len(worker._lines) < count:
        worker._lines += worker.line.recv(1 << 20)
    raw, worker._lines = worker._lines[:count], worker._lines[count:]
    return raw


class Interruptions(unittest.TestCase):
    def test_none_passes_by_what_ends_a_stream_or_a_wait_in_order(self):
        # What is raised at the end of a turn of a loop does so, from Python 3.13 on, in the function that has the loop.
        for function in (Stream.send, Exchange.wait):
            turns = [each for each in dis.get_instructions(function) if "JUMP" in each.opname and each.argval < each.offset]
            self.assertEqual(turns, [], function.__qualname__)


if __name__ == "__main__":
    unittest.main()
