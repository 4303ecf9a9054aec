import json
import unittest
from dataclasses import dataclass
from types import SimpleNamespace
from unittest.mock import patch

from harness import LANES, WorkerTestCase
from pythonarium import expose
from pythonarium.cancel import CallCancelled, Cancellation
from pythonarium.exchange import Exchange
from pythonarium.handle import HandleStore, NoHanding
from pythonarium.message import MessageTooLarge, ProtocolError
from pythonarium.stream import Stream
from pythonarium.value import ValueRefused, encode


@expose
@dataclass
class Elsewhere:
    x: int


class Handles(WorkerTestCase):
    def setUp(self):
        self.worker = self.ready("shop.py")

    def answer(self, name, *args, **more):
        self.worker._next_id += 1
        self.worker.send({"type": "call", "id": self.worker._next_id, "name": name, "args": list(args), **more})
        return self.worker.receive_but_logs()

    def count(self):
        return self.worker.call("count")

    def test_an_object_of_an_exposed_class_is_a_number_and_the_name_of_its_class(self):
        reply = self.answer("Basket", "ann", lease=7)
        self.assertEqual(reply, {"type": "reply", "id": 1, "value": None, "rich": [[["value"], "handle", 1, "Basket"]]})
        self.assertEqual(self.answer("owner", on=1, get=True, lease=7)["value"], "ann")
        self.assertEqual(self.answer("add", "pear", on=1, lease=7, kwargs={"count": 2})["rich"], [[["value"], "handle", 1, "Basket"]])
        self.assertEqual(self.answer("size", on=1, get=True, lease=7)["value"], 2)
        self.assertEqual(self.answer("later", 5, on=1, lease=7)["value"], 5)
        self.assertEqual(self.answer("double", 4, on=1, lease=7)["value"], 8)

    def test_one_of_a_class_derived_from_an_exposed_one_too_and_a_dataclass_that_is_exposed(self):
        self.assertEqual(self.answer("special", lease=1)["rich"], [[["value"], "handle", 1, "Basket"]])
        self.assertEqual(self.answer("Label", "x", lease=1)["rich"], [[["value"], "handle", 2, "Label"]])
        self.assertEqual(self.answer("text", on=2, get=True, lease=1)["value"], "x")

    def test_an_object_of_a_class_that_is_exposed_in_other_pools_alone_is_a_value_here(self):
        self.assertEqual(encode(Elsewhere(1), 200, NoHanding(HandleStore())), ('{"x":1}', []))

    def test_an_argument_is_the_object_itself(self):
        self.answer("Basket", "ann", lease=1)
        rich = [[["args", 0, 0], "handle", 1]]
        self.assertEqual(self.answer("owners", [None], rich=rich, lease=1)["value"], ["ann"])
        rich = [[["args", 0], "handle", 1], [["args", 1], "handle", 1]]
        self.assertEqual(self.answer("same", None, None, rich=rich, lease=1)["value"], True)

    def test_nothing_that_begins_with_an_underscore_is_reached(self):
        self.answer("Basket", lease=1)
        for more in ({}, {"get": True}):
            for name in ("_items", "__class__", "__init__"):
                self.assertEqual(self.answer(name, on=1, lease=1, **more)["error"]["code"], "ERR_NOT_EXPOSED")

    def test_what_a_member_raises_is_its_error(self):
        self.answer("Basket", "ann", lease=1)
        self.assertEqual(self.answer("fails", on=1, lease=1)["error"]["type"], "ValueError")
        self.assertEqual(self.answer("broken", on=1, get=True, lease=1)["error"]["type"], "LookupError")
        self.assertEqual(self.answer("nothing", on=1, lease=1)["error"]["type"], "AttributeError")
        self.assertEqual(self.answer("add", on=1, get=True, lease=1)["error"]["code"], "ERR_VALUE")

    def test_a_stream_of_a_method_and_of_the_object_itself(self):
        self.answer("Basket", "ann", ["a", "b"], lease=1)
        room = {"items": 10, "bytes": 1000}
        self.assertEqual(self.answer("rows", 1, on=1, lease=1, stream=room)["values"], [0])
        self.worker.receive()
        self.assertEqual(self.answer("", on=1, get=True, lease=1, stream=room)["values"], ["a"])

    def test_the_methods_that_are_generators_are_told(self):
        self.assertEqual(self.worker.started["streams"], ["Basket.rows", "Basket.copies"])

    def test_an_object_is_let_go_when_node_has_dropped_it_as_often_as_it_came(self):
        self.answer("Basket", lease=1)
        self.answer("add", "x", on=1, lease=1)
        self.worker.send({"type": "handles.drop", "handles": [[1, 1]]})
        self.assertEqual(self.count(), 1)
        self.worker.send({"type": "handles.drop", "handles": [[1, 1], [9, 1]]})
        self.assertEqual(self.count(), 0)

    def test_what_a_call_is_given_while_it_runs_is_there_although_node_drops_it_at_once(self):
        of_call = {"id": 2}
        drop = {"type": "handles.drop", "handles": [[1, 1]]}
        answer = {"type": "answer", **of_call, "number": 1, "value": None, "rich": [[["value"], "handle", 1]]}
        rich = [[["values", 0, 0, 1], "handle", 1], [["values", 0], "map"]]
        items = {"type": "items", **of_call, "input": 0, "values": [[[5, None]]], "rich": rich}
        end = {"type": "items.end", **of_call, "input": 0}
        for lane in LANES:
            for name, kind, said in (("owner_of", "function", (answer, drop)), ("owners_of", "stream", (items, drop, end))):
                with self.subTest(lane=lane, name=name):
                    self.worker = self.ready("shop.py", lane=lane)
                    self.answer("Basket", "ann", lease=1)
                    reply = self.answer(name, None, lease=1, rich=[[["args", 0], kind, 0]])
                    # In one piece, so that all of it may be read before the call takes any.
                    self.worker.send_bytes(b"".join(json.dumps(one).encode() + b"\n" for one in said))
                    while reply["type"] in ("callback", "pull"):
                        reply = self.worker.receive_but_logs()
                    self.assertEqual(reply.get("value"), "ann" if kind == "function" else {"5": "ann"}, reply)
                    self.assertEqual(self.count(), 0)

    def test_what_belongs_to_a_lease_or_a_session_goes_with_it(self):
        self.answer("baskets", 3, lease=1)
        self.answer("baskets", 2, lease=2, session="s")
        self.answer("baskets", 1, session="s")
        self.assertEqual(self.count(), 6)
        self.worker.send({"type": "lease.end", "lease": 1})
        self.assertEqual(self.count(), 3)
        self.worker.send({"type": "session.end", "session": "s"})
        self.assertEqual(self.count(), 2)
        self.worker.send({"type": "lease.end", "lease": 2})
        self.worker.send({"type": "lease.end", "lease": 3})
        self.assertEqual(self.count(), 0)

    def test_an_answer_that_fails_keeps_nothing(self):
        for name, args in (("half", [3]), ("huge", [])):
            worker = self.ready("shop.py", limits={"messageBytesMax": 1_000_000})
            worker.send({"type": "call", "id": 1, "name": name, "args": args, "lease": 1})
            self.assertEqual(worker.receive()["type"], "error")
            worker._next_id = 1
            self.assertEqual(worker.call("count"), 0)

    def test_without_a_lease_or_a_session_it_is_refused_and_not_kept(self):
        error = self.answer("baskets", 2)["error"]
        self.assertEqual((error["code"], error["path"]), ("ERR_VALUE", "value['all'][0]"))
        self.assertIn("lease", error["message"])
        self.assertEqual(self.count(), 0)

    def test_a_number_that_node_cannot_have_breaks_the_protocol(self):
        self.worker.send({"type": "call", "id": 1, "name": "size", "args": [], "on": 4, "get": True})
        self.assertIsNone(self.worker.receive())

    def test_arguments_of_methods_are_checked_too(self):
        self.worker = self.ready("shop.py", validate=True)
        self.answer("Basket", lease=1)
        self.assertEqual(self.answer("add", 5, on=1, lease=1)["error"]["code"], "ERR_ARGUMENT")
        self.assertEqual(self.answer("add", "x", on=1, lease=1)["type"], "reply")
        self.assertEqual(self.answer("merge", None, on=1, lease=1, rich=[[["args", 0], "handle", 1]])["type"], "reply")
        self.assertEqual(self.answer("merge", 1, on=1, lease=1)["error"]["code"], "ERR_ARGUMENT")


class Impatient(Cancellation):
    """Of a call whose caller gives up when the test says so."""

    has_given_up = False

    def is_cancelled(self, call):
        return self.has_given_up

    def give_up(self):
        self.has_given_up = True
        self._on_signal(0, None)


class Interrupting(list):
    """The items that a stream has gathered: each is sent by the thread that watches, and then the call is given up."""

    def __init__(self, stream, cancellation):
        super().__init__()
        self.stream = stream
        self.cancellation = cancellation

    def append(self, item):
        super().append(item)
        self.stream._send_batch()
        self.cancellation.give_up()


class Interrupted(unittest.TestCase):
    """An object that Node has, and that a call which is interrupted is about to send once more."""

    def setUp(self):
        self.store = HandleStore()
        self.store.expose({"Elsewhere": Elsewhere})
        self.value = Elsewhere(1)
        self.number = self.store.hold(self.value, 7)
        self.handing = self.store.handing(7)
        self.cancellation = Impatient()
        self.cancellation.call = self.cancellation.armed = 1

    def exchange(self, say):
        worker = SimpleNamespace(_depth_max=200, _bytes_max=1_000_000, _writer=SimpleNamespace(is_open=True), say=say)
        return Exchange(1, worker, None, self.cancellation, self.handing)

    def ask(self, say):
        self.exchange(say).ask(0, (self.value,), {}, False)

    def stream(self):
        """Return a stream and the list of what it has sent."""
        said = []
        return Stream(self.exchange(lambda *each: said.append(each)), {"items": 10, "bytes": 1_000}), said

    def is_held_by_node(self):
        """Whether it is there when Node has let go of it once, and the worker of what the call has not sent."""
        self.handing.take_back()
        self.store.drop(self.number, 1)
        return self.number in self.store._held

    def test_what_is_written_as_its_caller_gives_up_counts_as_sent(self):
        with self.assertRaises(CallCancelled):
            self.ask(lambda *_: self.cancellation.give_up())
        self.assertTrue(self.is_held_by_node())

    def test_what_is_written_as_a_handler_of_a_signal_raises_counts_as_sent_and_the_call_can_be_interrupted_as_before(self):
        with self.assertRaises(TimeoutError):
            self.ask(raising(TimeoutError("an alarm")))
        self.assertEqual(self.cancellation.armed, 1)
        self.assertTrue(self.is_held_by_node())

    def test_a_call_that_waits_for_node_as_a_handler_of_a_signal_raises_can_be_interrupted_as_before(self):
        exchange = self.exchange(raising(AssertionError("nothing is to be said")))
        exchange._inbox = SimpleNamespace(receive=raising(TimeoutError("an alarm")))
        with self.assertRaises(TimeoutError):
            exchange.wait(lambda: False)
        self.assertEqual(self.cancellation.armed, 1)
        exchange._inbox.receive = lambda call: {"type": "cancel", "id": call}
        with self.assertRaises(CallCancelled):
            exchange.wait(lambda: False)
        self.assertEqual(self.cancellation.armed, 0)

    def test_in_a_coroutine_its_task_is_cancelled_and_nothing_is_raised(self):
        cancelled = []
        self.cancellation.interrupt = lambda: cancelled.append(True)
        self.ask(lambda *_: self.cancellation.give_up())
        self.assertEqual(cancelled, [True])
        self.assertTrue(self.is_held_by_node())

    def test_an_item_that_was_sent_by_what_watches_as_its_caller_gives_up_counts_as_sent(self):
        stream, said = self.stream()
        stream._batch = Interrupting(stream, self.cancellation)
        with self.assertRaises(CallCancelled):
            stream.send(iter([self.value]))
        self.assertEqual(len(said), 1)
        self.assertTrue(self.is_held_by_node())

    def test_an_item_that_is_written_as_a_handler_of_a_signal_raises_counts_as_sent(self):
        stream = Stream(self.exchange(raising(TimeoutError("an alarm"))), {"items": 10, "bytes": 1_000})
        with self.assertRaises(TimeoutError):
            stream.send(iter([self.value]))
        self.assertTrue(self.is_held_by_node())

    def test_no_item_is_written_while_the_call_could_be_interrupted_though_its_generator_has_raised(self):
        armed = []
        stream = Stream(self.exchange(lambda *_: armed.append(self.cancellation.armed)), {"items": 10, "bytes": 1_000})
        stream._is_fast = True

        def fails():
            yield 1
            raise LookupError("no more")

        with self.assertRaises(LookupError):
            stream.send(fails())
        self.assertEqual(armed, [0])

    def test_an_item_that_is_too_large_is_taken_back(self):
        stream = Stream(self.exchange(raising(MessageTooLarge("an item", 2, 1))), {"items": 10, "bytes": 1_000})
        with self.assertRaises(MessageTooLarge):
            stream.send(iter([self.value]))
        self.assertFalse(self.is_held_by_node())

    def test_an_item_that_is_refused_is_taken_back(self):
        stream, said = self.stream()
        with self.assertRaises(ValueRefused):
            stream.send(iter([[self.value, object()]]))
        self.assertEqual(said, [])
        self.assertFalse(self.is_held_by_node())

    def test_what_is_too_large_to_be_sent_is_taken_back(self):
        with self.assertRaises(MessageTooLarge):
            self.ask(raising(MessageTooLarge("a question", 2, 1)))
        self.assertEqual(self.handing.unsent, [])
        self.assertFalse(self.is_held_by_node())

    def test_a_question_with_a_view_that_is_too_large_to_be_copied_is_refused_by_the_right_limit(self):
        ask = self.exchange(raising(AssertionError("nothing is to be said"))).ask
        with patch("pythonarium.message.attachment_bytes_max", 20):
            with self.assertRaisesRegex(MessageTooLarge, "^What a function .* 30 raw bytes, .* `attachmentBytesMax` is 20"):
                ask(0, (self.value, memoryview(bytes(60))[::2]), {}, False)
        self.assertFalse(self.is_held_by_node())

    def test_what_is_interrupted_before_it_is_written_is_taken_back(self):
        with patch("pythonarium.message.callback", raising(CallCancelled())), self.assertRaises(CallCancelled):
            self.ask(raising(AssertionError("nothing is to be said")))
        self.assertEqual(self.handing.unsent, [])
        self.assertFalse(self.is_held_by_node())

    def test_nothing_is_taken_back_twice(self):
        self.handing.unsent += [self.number, self.number]
        with patch.object(self.store, "drop", raising(CallCancelled())), self.assertRaises(CallCancelled):
            self.handing.take_back()
        self.assertEqual(self.handing.unsent, [self.number])

    def test_what_was_not_yet_held_is_held_the_next_time(self):
        with patch("pythonarium.handle._Held", raising(CallCancelled())), self.assertRaises(CallCancelled):
            self.store.hold(self.value, 8)
        number = self.store.hold(self.value, 8)
        self.store.forget({"type": "lease.end", "lease": 8})
        with self.assertRaises(ProtocolError):
            self.store.get(number)


def raising(raised):
    """Return what raises that, whatever it is called with."""

    def fail(*_):
        raise raised

    return fail


if __name__ == "__main__":
    unittest.main()
