import asyncio
import gc
import unittest
import weakref
from types import SimpleNamespace
from unittest.mock import Mock

from harness import PATIENCE_S, WorkerTestCase
from pythonarium.cancel import CallCancelled, Cancellation
from pythonarium.exchange import Callback, Exchange, Input
from pythonarium.handle import HandleStore, Member, NoHanding
from pythonarium.kept import KeptFunction


class PlayedInbox:
    """Has what Node is said to have told."""

    def __init__(self):
        self.came = asyncio.Queue()

    async def receive_async(self, _call):
        return await self.came.get()

    def leave(self):
        pass


class CountedExchange(Exchange):
    """Knows how often somebody has looked whether an answer is there."""

    looks = 0

    def is_answered(self, number):
        self.looks += 1
        return super().is_answered(number)


class Coroutines(unittest.TestCase):
    """Many of one call that each wait for an answer of Node's."""

    async def asked(self, count):
        """Let so many ask, with the numbers from 1 on. The first of them reads."""
        self.inbox = PlayedInbox()
        writer = SimpleNamespace(is_open=True)
        worker = SimpleNamespace(_depth_max=200, _bytes_max=1_000_000, _writer=writer, say=lambda *_said: None)
        self.exchange = CountedExchange(1, worker, self.inbox, Cancellation(), NoHanding(HandleStore()))
        asked = [asyncio.ensure_future(self.exchange.call_function(0, (), {})) for _ in range(count)]
        await asyncio.sleep(0)
        return asked

    def answer(self, number):
        self.inbox.came.put_nowait({"type": "answer", "id": 1, "number": number, "value": number})

    async def outcomes(self, asked):
        return await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), PATIENCE_S)

    def test_each_is_woken_for_its_own_answer_and_to_read_and_for_no_other(self):
        async def answer_in(order):
            asked = await self.asked(200)
            for number in order:
                self.answer(number)
                for _ in range(3):
                    await asyncio.sleep(0)
            return await self.outcomes(asked)

        for order in (range(1, 201), range(200, 0, -1)):
            with self.subTest(order):
                self.assertEqual(asyncio.run(answer_in(order)), list(range(1, 201)))
                self.assertLessEqual(self.exchange.looks, 4 * 200)

    def test_another_reads_on_where_the_one_that_reads_is_cancelled_and_where_the_next_is(self):
        async def cancel_some():
            asked = await self.asked(5)
            asked[0].cancel()
            asked[1].cancel()
            await asyncio.sleep(0)
            # This one was woken to read on, and has not come to it.
            asked[2].cancel()
            self.answer(5)
            self.answer(4)
            return await self.outcomes(asked)

        *cancelled, fourth, fifth = asyncio.run(cancel_some())
        self.assertEqual([type(one) for one in cancelled], [asyncio.CancelledError] * 3)
        self.assertEqual((fourth, fifth), (4, 5))

    def test_all_are_told_that_the_call_is_given_up(self):
        async def give_up():
            asked = await self.asked(5)
            self.inbox.came.put_nowait({"type": "cancel", "id": 1})
            return await self.outcomes(asked)

        self.assertEqual([type(one) for one in asyncio.run(give_up())], [CallCancelled] * 5)

    def test_all_are_told_that_the_call_is_over(self):
        async def end():
            asked = await self.asked(5)
            self.exchange.end()
            self.answer(1)
            return await self.outcomes(asked)

        self.assertEqual([type(one) for one in asyncio.run(end())], [RuntimeError] * 5)

    def test_what_cannot_be_had_here_is_told_to_the_one_that_waits_for_it(self):
        async def answer_one_in_vain(lost):
            asked = await self.asked(3)
            self.inbox.came.put_nowait({"type": "answer", "id": 1, "number": 2, **lost})
            self.answer(1)
            self.answer(3)
            return await self.outcomes(asked)

        # A key for which too few calls are left to make it.
        deep = []
        for _ in range(2_000):
            deep = [deep]
        for lost, raised in (
            ({"value": None, "rich": [[["value"], "bytes", 0]], "bin": [None]}, MemoryError),
            ({"value": [[deep, 1]], "rich": [[["value"], "map"]]}, RecursionError),
        ):
            with self.subTest(raised.__name__):
                first, second, third = asyncio.run(answer_one_in_vain(lost))
                self.assertEqual((first, type(second), third), (1, raised, 3))

    def test_items_that_cannot_be_had_here_are_told_to_the_one_that_takes_them_and_are_the_last(self):
        async def take_all():
            asked = await self.asked(1)
            given = self.exchange.resolve("stream", [0])
            lost = {"rich": [[["values", 0], "bytes", 0]], "bin": [None]}
            for value, more in (("first", {}), (None, lost), ("third", {})):
                self.inbox.came.put_nowait({"type": "items", "id": 1, "input": 0, "values": [value], **more})
            self.answer(1)
            answered = await self.outcomes(asked)
            item = await given.__anext__()
            with self.assertRaises(MemoryError):
                await given.__anext__()
            with self.assertRaises(StopAsyncIteration):
                await given.__anext__()
            return answered, item

        self.assertEqual(asyncio.run(take_all()), ([1], "first"))


class InVain(unittest.TestCase):
    """Something of Node's that cannot be had here."""

    def setUp(self):
        gc.disable()
        self.addCleanup(gc.enable)

    def held_by(self, wait):
        """Return what is left of what a function held that waited so, and caught what was raised."""
        mine = {"something"}
        # Not by `assertRaises`, which empties the frames of what was raised.
        try:
            wait()
        except MemoryError:
            return weakref.ref(mine)

    def test_keeps_nothing_of_the_call_that_has_waited_for_it(self):
        lost = {"rich": [[["values"], "bytes", 0]], "bin": [None]}
        for told in (
            {"type": "answer", "id": 1, "number": 1, "values": None, **lost},
            {"type": "items", "id": 1, "input": 0, "values": [], **lost},
        ):
            with self.subTest(told["type"]):
                inbox = SimpleNamespace(receive=lambda _call, told=told: dict(told))
                worker = SimpleNamespace(_depth_max=200, _bytes_max=1_000, _writer=SimpleNamespace(is_open=True), say=lambda *_said: None)
                exchange = Exchange(1, worker, inbox, Cancellation(), NoHanding(HandleStore()))
                given = exchange.resolve("stream", [0])
                wait = (lambda: exchange.call_function(0, (), {})) if told["type"] == "answer" else given.__next__
                self.assertIsNone(self.held_by(wait)())


class Names(unittest.TestCase):
    def test_an_argument_may_be_called_self(self):
        exchange = Mock()
        Callback(exchange, 3)(1, self=2)
        exchange.call_function.assert_called_once_with(3, (1,), {"self": 2})
        KeptFunction(Mock(exchange=lambda owner: exchange), 7, 5)(self=2)
        exchange.call_function.assert_called_with(5, (), {"self": 2}, is_kept=True)
        given = SimpleNamespace(names=lambda **named: named)
        self.assertEqual(Member(given, "names", False)(self=2), {"self": 2})


class Inputs(unittest.TestCase):
    """An iterable of Node's that is read while a signal handler of the user's raises."""

    def test_items_are_asked_for_again_where_that_raises_before_node_is_asked(self):
        said = []

        def say(_what, line):
            said.append(line)
            if len(said) == 1:
                raise TimeoutError("an alarm")

        def wait(_is_there):
            numbers.came({"type": "items", "values": [1]})

        exchange = SimpleNamespace(call=1, wait_blocks=False, check_use=lambda _what: None, say=say, wait=wait)
        numbers = Input(exchange, 0)
        with self.assertRaises(TimeoutError):
            next(numbers)
        self.assertEqual((next(numbers), said[1]), (1, said[0]))


class TooDeep(WorkerTestCase):
    """A function that calls itself, and one of Node's, until Python lets it go no deeper."""

    def test_it_fails_by_that_and_no_other_call_is_lost_that_comes_meanwhile(self):
        folder = self.folder(
            app="from pythonarium import expose\n"
            "@expose\ndef digs(tell, deep=0):\n    tell(deep)\n    return digs(tell, deep + 1)\n"
            "@expose\ndef fine(number, _): return number\n"
        )
        # As deep as the JSON of a message may be, which Python counts as calls up to 3.11.
        nested = b"[" * 190 + b"]" * 190
        for lane in ("serial", "asyncio"):
            for value in (b"null", nested):
                with self.subTest(lane, value=value[:4]):
                    worker = self.ready({"": f"{folder}/app.py"}, lane=lane)
                    worker.send({"type": "call", "id": 1, "name": "digs", "args": [None], "rich": [[["args", 0], "function", 0]]})
                    told, last = worker.receive_but_logs(), 1
                    while told is not None and told["type"] == "callback":
                        last += 1
                        worker.send_bytes(b'[%d,"fine",[%d,%s]]\n{"type":"answer","id":1,"number":%d,"value":%s}\n' % (last, last, value, told["number"], value))
                        told = worker.receive_but_logs()
                    self.assertIsNotNone(told, worker.stderr())
                    self.assertEqual((told["id"], told["error"]["type"]), (1, "RecursionError"))
                    self.assertEqual([worker.receive_but_logs()["value"] for _ in range(1, last)], list(range(2, last + 1)))


if __name__ == "__main__":
    unittest.main()
