import dis
import json
import unittest

from harness import WorkerTestCase
from pythonarium.exchange import Exchange
from pythonarium.stream import Stream

ROOMY = {"items": 1_000_000, "bytes": 1_000_000_000}


class Streams(WorkerTestCase):
    def setUp(self):
        self.worker = self.ready("streams.py")

    def stream(self, name, *args, room=ROOMY):
        self.worker._next_id += 1
        call = {"type": "call", "id": self.worker._next_id, "name": name, "args": list(args), "stream": room}
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
            number = self.stream(name, 1_000, room={"items": 10, "bytes": 1_000_000})
            received = []
            for _ in range(100):
                room = len(received) + 10
                while len(received) < room:
                    received += self.worker.receive()["values"]
                self.assertEqual(len(received), room)
                self.worker.send({"type": "credit", "id": number, "items": 10, "bytes": 100})
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

    def test_items_that_have_grown_large_are_sent_before_many_of_them_are_gathered(self):
        for name in ("grows", "grows_later"):
            for kind in ("dict", "list", "list in a list"):
                with self.subTest(name, kind=kind):
                    number = self.stream(name, kind, 300, 300)
                    items = largest = 0
                    while items < 600:
                        line = self.worker.receive_line()
                        told = json.loads(line)
                        self.assertEqual((told["type"], told["id"]), ("items", number))
                        items += len(told["values"])
                        largest = max(largest, len(line))
                    self.assertEqual(self.worker.receive_but_logs()["type"], "reply")
                    # Of the 256 that may be gathered, some forty are small.
                    self.assertLess(largest, 400_000)

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


class Interruptions(unittest.TestCase):
    def test_none_passes_by_what_ends_a_stream_or_a_wait_in_order(self):
        # What is raised at the end of a turn of a loop does so, from Python 3.13 on, in the function that has the loop.
        for function in (Stream.send, Exchange.wait):
            turns = [each for each in dis.get_instructions(function) if "JUMP" in each.opname and each.argval < each.offset]
            self.assertEqual(turns, [], function.__qualname__)


if __name__ == "__main__":
    unittest.main()
