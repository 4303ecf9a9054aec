import asyncio
import json
import os
import signal
import time
import unittest

from harness import PATIENCE_S, WorkerTestCase, as_line
from pythonarium.lane_threads import ThreadMailbox

ROOMY = {"items": 1_000_000, "bytes": 1_000_000_000}


class Lanes(WorkerTestCase):
    """Several calls under way on one worker."""

    def in_lane(self, lane, **init):
        worker = self.ready("lanes.py", lane=lane, **{"interrupts": True, **init})
        self.worker = worker
        self.answers, self.said = {}, []
        self.assertFalse(worker.started["interrupts"])
        return worker

    def ask(self, name, *args, rich=None, **more):
        self.worker._next_id += 1
        call = {"type": "call", "id": self.worker._next_id, "name": name, "args": list(args), **more}
        if rich is not None:
            call["rich"] = rich
        self.worker.send(call)
        return call["id"]

    def ask_with(self, kind, name, *args, **more):
        """Ask with a function or an iterable of ours as the first argument."""
        return self.ask(name, None, *args, rich=[[["args", 0], kind, 0]], **more)

    def hear(self):
        """Take in one more message."""
        message = self.worker.receive_but_logs()
        self.assertIsNotNone(message, self.worker.stderr())
        if message["type"] in ("reply", "error"):
            self.answers[message["id"]] = message
        else:
            self.said.append(message)
        return message

    def answer_to(self, call):
        while call not in self.answers:
            self.hear()
        return self.answers.pop(call)

    def value_of(self, call):
        answer = self.answer_to(call)
        self.assertEqual(answer["type"], "reply", answer)
        return answer["value"]

    def call(self, name, *args):
        return self.value_of(self.ask(name, *args))

    def until(self, name, is_it, *args):
        """Call `name` until what it returns is right."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_it(value := self.call(name, *args)):
            self.assertLess(time.monotonic(), deadline, value)

    def logged(self, call):
        return [log["text"] for log in self.worker.logs if log["call"] == call]


class Asyncio(Lanes):
    def setUp(self):
        self.in_lane("asyncio")

    def test_two_hundred_sleepers_sleep_at_once(self):
        calls = [self.ask("sleeper", 200) for _ in range(200)]
        self.assertEqual({self.value_of(call) for call in calls}, {200})

    def test_a_plain_function_is_answered_while_a_coroutine_waits(self):
        first = self.ask("wait_at", "a")
        self.assertEqual(self.call("echo", 1), 1)
        self.assertNotIn(first, self.answers)
        self.call("open_door", "a")
        self.assertEqual(self.value_of(first), "a")

    def test_calls_that_came_in_one_piece_are_all_answered(self):
        lines = b"".join(
            b'[%d,"echo_later",[%d]]\n' % (number, number) for number in range(1, 501)
        )
        self.worker.send_bytes(lines)
        self.assertEqual([self.value_of(number) for number in range(1, 501)], list(range(1, 501)))

    def test_calls_that_come_before_the_worker_is_ready_are_answered_too(self):
        worker = self.start("lanes.py", handshake=False)
        worker.receive()
        call = {"type": "call", "id": 1, "name": "echo_later", "args": ["early"]}
        worker.send_bytes(b"".join(json.dumps(as_line(one)).encode() + b"\n" for one in ({**worker.init, "lane": "asyncio"}, call)))
        self.assertEqual(worker.receive_but_logs()["type"], "ready")
        self.assertEqual(worker.receive_but_logs()["value"], "early")

    def test_what_is_said_belongs_to_the_call_that_says_it(self):
        calls = {name: self.ask("says", name, "door") for name in "ab"}
        self.until("door_names", lambda names: names == ["door"])
        self.call("open_door", "door")
        for name, call in calls.items():
            self.value_of(call)
            self.assertEqual(self.logged(call), [f"{name} one", f"{name} two", f"{name} left"])

    def test_each_call_has_its_session_and_its_context(self):
        calls = {name: self.ask("remembers", name, session=name, context={"id": name}) for name in "abc"}
        for name, call in calls.items():
            self.assertEqual(self.value_of(call), [{}, {"value": name}, {"id": name}])
        again = self.ask("remembers", "x", session="b")
        self.assertEqual(self.value_of(again)[0], {"value": "b"})
        self.assertEqual(self.answer_to(self.ask("remembers", "x"))["error"]["type"], "RuntimeError")

    def test_a_call_finds_no_context_variable_that_another_has_set(self):
        self.in_lane("asyncio", setup={"name": "prepare"})
        self.assertEqual([self.call("sets_var", n) for n in (1, 2)], [self.call("sets_var", 3)] * 2)

    def test_progress_is_that_of_the_call_and_of_its_threads(self):
        calls = [self.ask("tells", 10 * n, progress=True) for n in (1, 2)]
        silent = self.ask("tells", 50)
        for call in (*calls, silent):
            self.value_of(call)
        told = sorted((one["id"], one["done"]) for one in self.said)
        self.assertEqual(told, [(calls[0], 10), (calls[0], 11), (calls[1], 20), (calls[1], 21)])

    def test_functions_of_several_calls_are_answered_each_to_its_own(self):
        calls = [self.ask_with("function", "asks", 10 * n) for n in (1, 2, 3)]
        self.answer_backwards(calls)
        self.assertEqual([self.value_of(call) for call in calls], [[[n * 10, c], [n * 10 + 1, c]] for n, c in zip((1, 2, 3), calls)])

    def answer_backwards(self, calls):
        """Answer all that is asked at once, the last one first, with the argument and the call."""
        while not self.answers.keys() >= set(calls):
            while len(self.said) < len(calls) and not self.answers.keys() >= set(calls):
                self.hear()
            for asked in reversed(self.said):
                self.worker.send(
                    {"type": "answer", "id": asked["id"], "number": asked["number"], "value": [*asked["args"], asked["id"]]}
                )
            self.said = []

    def test_one_call_may_ask_several_at_once(self):
        call = self.ask_with("function", "asks_at_once", 3)
        while len(self.said) < 3:
            self.hear()
        for asked in reversed(self.said):
            self.worker.send({"type": "answer", "id": call, "number": asked["number"], "value": asked["args"][0] * 2})
        self.assertEqual(self.value_of(call), [0, 2, 4])

    def test_a_plain_function_waits_where_it_stands_and_what_comes_meanwhile_is_not_lost(self):
        waits = self.ask_with("function", "asks", 1)
        asked_first = self.hear()
        plain = self.ask_with("function", "asks_plainly", 5)
        asked = self.hear()
        self.assertEqual((asked["id"], asked["args"]), (plain, [5]))
        # All of this comes while the loop stands still, in one piece: a call, an answer for another, and its own.
        other = self.worker._next_id = plain + 1
        self.worker.send_bytes(
            b"".join(
                json.dumps(as_line(one)).encode() + b"\n"
                for one in (
                    {"type": "answer", "id": plain, "number": 1, "value": "p1"},
                    {"type": "call", "id": other, "name": "echo_later", "args": ["other"]},
                    {"type": "answer", "id": waits, "number": asked_first["number"], "value": "w1"},
                )
            )
        )
        asked = self.hear()
        self.assertEqual((asked["id"], asked["args"]), (plain, [6]))
        self.worker.send({"type": "answer", "id": plain, "number": 2, "value": "p2"})
        self.assertEqual(self.value_of(plain), ["p1", "p2"])
        self.assertEqual(self.value_of(other), "other")
        while not self.said or self.said[-1]["id"] != waits or self.said[-1]["number"] != 2:
            self.hear()
        self.worker.send({"type": "answer", "id": waits, "number": 2, "value": "w2"})
        self.assertEqual(self.value_of(waits), ["w1", "w2"])

    def test_a_plain_function_may_catch_what_a_signal_handler_raises_as_it_waits_and_no_other_call_is_lost(self):
        waits = self.ask("wait_at", "a")
        asks = self.ask_with("function", "asks_until_the_alarm")
        self.hear()
        os.kill(self.worker.process.pid, signal.SIGALRM)
        self.assertEqual(self.value_of(asks), "too late")
        self.worker.send({"type": "answer", "id": asks, "number": 1, "value": "later"})
        self.call("open_door", "a")
        self.assertEqual(self.value_of(waits), "a")

    def test_it_ends_at_once_of_what_a_signal_handler_raises_as_a_message_is_taken_in_though_a_plain_function_goes_on(self):
        call = self.ask_with("stream", "sums_again_once_items_were_lost")
        self.pulled()
        self.worker.send({"type": "items", "id": call, "input": 0, "values": [1]})
        self.assertIsNone(self.worker.receive_but_logs())
        self.assertEqual(self.worker.wait(), 3)

    def test_iterables_of_several_calls_go_each_to_its_own(self):
        for name in ("sums", "sums_plainly"):
            with self.subTest(name):
                calls = [self.ask_with("stream", name) for _ in range(2)]
                for call in reversed(calls) if name == "sums" else calls:
                    self.worker.send({"type": "items", "id": call, "input": 0, "values": [call, call]})
                    self.worker.send({"type": "items.end", "id": call, "input": 0})
                self.assertEqual([self.value_of(call) for call in calls], [2 * call for call in calls])

    def test_what_waits_for_items_where_it_stands_says_that_it_holds_up_the_others(self):
        for name, blocks in (("sums", False), ("sums_plainly", True), ("sums_on_the_loop", True)):
            with self.subTest(name):
                call = self.ask_with("stream", name)
                self.assertEqual(self.pulled(), (256, blocks))
                for count, asks in ((128, [(128, blocks)]), (129, [(128, False), (1, blocks)]), (1, [(1, blocks)])):
                    self.worker.send({"type": "items", "id": call, "input": 0, "values": [1] * count})
                    self.assertEqual([self.pulled() for _ in asks], asks)
                self.worker.send({"type": "items.end", "id": call, "input": 0})
                self.assertEqual(self.value_of(call), 258)

    def test_that_it_holds_up_the_others_is_said_where_a_task_has_asked_for_all_that_there_is_room_for(self):
        call = self.ask_with("stream", "sums_in_a_task_and_on_the_loop")
        self.assertEqual([self.pulled(), self.pulled()], [(256, False), (0, True)])
        self.worker.send({"type": "items", "id": call, "input": 0, "values": [1, 2]})
        self.assertEqual(self.value_of(call), 3)

    def pulled(self):
        asked = self.hear()
        self.assertEqual(asked["type"], "pull")
        return asked["items"], asked.get("blocks", False)

    def test_streams_of_several_calls_come_side_by_side_each_within_its_room(self):
        for name in ("counts", "counts_plainly"):
            with self.subTest(name):
                self.said = []
                stuck = self.ask(name, 100, stream={"items": 5, "bytes": 1_000_000})
                free = self.ask(name, 5_000, stream=ROOMY)
                self.value_of(free)
                self.assertEqual(self.items_of(free), list(range(5_000)))
                self.assertEqual(self.items_of(stuck), list(range(5)))
                self.worker.send({"type": "credit", "id": stuck, "items": 1_000, "bytes": 1_000})
                self.value_of(stuck)
                self.assertEqual(self.items_of(stuck), list(range(100)))

    def items_of(self, call):
        return [value for one in self.said if one["type"] == "items" and one["id"] == call for value in one["values"]]

    def test_one_stream_that_always_has_room_lets_the_others_go_on(self):
        for name in ("counts", "counts_plainly"):
            with self.subTest(name):
                endless = self.ask(name, 10**9, stream={"items": 10**9, "bytes": 10**12})
                self.assertEqual(self.call("echo", 1), 1)
                self.worker.send({"type": "cancel", "id": endless})
                self.assertEqual(self.answer_to(endless)["type"], "error")
        self.assertEqual(self.call("have_ended"), ["counts"])

    def test_an_iterator_that_is_no_generator_is_closed_with_its_stream(self):
        call = self.ask("ones", stream={"items": 2, "bytes": 1_000})
        self.assertEqual([self.hear()["values"] for _ in range(2)], [[1], [1]])
        self.worker.send({"type": "cancel", "id": call})
        self.assertEqual(self.answer_to(call)["type"], "error")
        self.assertEqual(self.call("have_ended"), ["closed"])

    def test_one_of_many_is_cancelled_and_the_others_go_on(self):
        calls = {name: self.ask("wait_at", name) for name in "abc"}
        self.call("echo", 0)
        self.worker.send({"type": "cancel", "id": calls["b"]})
        self.assertEqual(self.answer_to(calls["b"])["error"]["type"], "CancelledError")
        self.assertEqual(self.call("have_ended"), ["b"])
        for name in "ac":
            self.call("open_door", name)
            self.assertEqual(self.value_of(calls[name]), name)

    def test_one_that_has_not_begun_is_never_started_and_one_that_was_answered_is_left_alone(self):
        lines = [{"type": "call", "id": 1, "name": "wait_at", "args": ["a"]}, {"type": "cancel", "id": 1}, {"type": "cancel", "id": 1}]
        self.worker.send_bytes(b"".join(json.dumps(as_line(one)).encode() + b"\n" for one in lines))
        self.worker._next_id = 1
        self.assertEqual(self.answer_to(1)["error"]["type"], "CallCancelled")
        self.assertEqual(self.worker.mark(), 0)
        self.worker.send({"type": "cancel", "id": 1})
        self.assertEqual(self.call("have_ended"), [])

    def test_one_that_waits_for_node_is_told_there_whether_it_is_a_coroutine_or_not(self):
        for name, kind in (("asks", "CancelledError"), ("asks_plainly", "CallCancelled")):
            with self.subTest(name):
                call = self.ask_with("function", name, 1)
                self.hear()
                self.worker.send({"type": "cancel", "id": call})
                self.assertEqual(self.answer_to(call)["error"]["type"], kind)

    def test_one_that_asks_node_again_as_it_is_cancelled_is_told_there_since_nobody_answers(self):
        for kind, name in (("function", "asks_again"), ("stream", "reads_again")):
            with self.subTest(name):
                call = self.ask_with(kind, name)
                self.hear()
                self.worker.send({"type": "cancel", "id": call})
                self.assertEqual(self.answer_to(call)["error"]["type"], "CallCancelled")

    def test_one_that_holds_the_loop_while_it_waits_for_node_is_told_there(self):
        for name, kind, more in (
            ("asks_and_counts", "function", {"stream": ROOMY}),
            ("passes_on", "stream", {"stream": ROOMY}),
            ("sums_on_the_loop", "stream", {}),
        ):
            with self.subTest(name):
                call = self.ask_with(kind, name, **more)
                # It has asked, and nobody will answer.
                self.hear()
                self.worker.send({"type": "cancel", "id": call})
                self.assertEqual(self.answer_to(call)["error"]["type"], "CallCancelled")
        self.assertEqual(self.call("have_ended"), ["asked", "passed", "summed"])

    def test_one_whose_task_holds_the_loop_is_told_there_and_where_it_waits_itself(self):
        call = self.ask_with("stream", "has_summed_on_the_loop")
        self.hear()
        self.worker.send({"type": "cancel", "id": call})
        self.assertEqual(self.answer_to(call)["error"]["type"], "CancelledError")
        self.assertEqual(sorted(self.call("have_ended")), ["slept", "summed"])

    def test_one_that_holds_the_loop_is_told_before_it_has_an_answer_that_came_at_once_with_that(self):
        call = self.ask_with("function", "asks_and_counts", stream=ROOMY)
        asked = self.hear()
        # It never waits for Node again.
        lines = [{"type": "answer", "id": call, "number": asked["number"], "value": 0}, {"type": "cancel", "id": call}]
        self.worker.send_bytes(b"".join(json.dumps(as_line(one)).encode() + b"\n" for one in lines))
        self.assertEqual(self.answer_to(call)["error"]["type"], "CallCancelled")
        self.assertEqual(self.call("have_ended"), ["asked"])

    def test_nothing_is_cancelled_where_node_does_not_want_it(self):
        self.in_lane("asyncio", interrupts=False)
        call = self.ask("wait_at", "a")
        self.call("echo", 0)
        self.worker.send({"type": "cancel", "id": call})
        self.call("open_door", "a")
        self.assertEqual(self.value_of(call), "a")

    def test_tasks_that_a_call_leaves_behind_are_cancelled_and_those_of_the_setup_are_not(self):
        self.in_lane("asyncio", setup={"name": "prepare"})
        waits = self.ask("wait_at", "a")
        self.call("leaves_a_task")
        self.assertEqual(self.call("have_ended"), ["left"])
        before = self.call("tick_count")
        self.until("tick_count", lambda ticks: ticks > before)
        self.call("open_door", "a")
        self.assertEqual(self.value_of(waits), "a")

    def test_a_call_that_has_not_begun_is_answered_though_another_cancels_every_task_that_there_is(self):
        self.worker.send_bytes(b'[1,"cancels_all",[]]\n[2,"echo_later",["heard"]]\n')
        self.assertEqual([self.value_of(call) for call in (1, 2)], [None, "heard"])

    def test_an_exit_in_a_task_ends_its_call_and_no_other(self):
        waits = self.ask("wait_at", "a")
        self.assertEqual(self.answer_to(self.ask("exits_in_a_task"))["error"]["type"], "SystemExit")
        self.call("open_door", "a")
        self.assertEqual(self.value_of(waits), "a")

    def test_what_a_call_does_to_the_making_of_tasks_changes_no_other_call_and_no_teardown(self):
        self.in_lane("asyncio", teardown={"name": "finish_in_a_task"})
        self.call("allows_no_tasks")
        self.assertEqual(self.call("echo_later", 1), 1)
        # Nor the teardown.
        self.worker.stop()
        self.assertEqual(self.logged(None), ["torn down []"])

    def test_the_mark_is_the_last_that_was_started_and_all_before_it_were(self):
        calls = [self.ask("wait_at", name) for name in "abc"]
        self.assertEqual(self.answer_to(self.ask("no_such_name"))["error"]["code"], "ERR_NOT_EXPOSED")
        self.assertIn(self.worker.mark(), (0, *calls))
        self.call("have_ended")
        self.assertEqual(self.worker.mark(), self.worker._next_id)

    def test_an_exception_has_no_frames_of_ours(self):
        error = self.answer_to(self.ask("fails"))["error"]
        self.assertEqual([frame["function"] for frame in error["frames"]], ["fails"])

    def test_a_fork_that_comes_back_has_no_part_in_the_line(self):
        self.assertEqual(self.call("forks"), 0)

    def test_stop_waits_for_those_that_run_and_then_tears_down(self):
        self.in_lane("asyncio", teardown={"name": "finish"})
        call = self.ask_with("function", "asks", 1)
        asked = self.hear()
        self.worker.send({"type": "stop"})
        for number in (asked["number"], 2):
            self.worker.send({"type": "answer", "id": call, "number": number, "value": number})
        self.assertEqual(self.value_of(call), [1, 2])
        self.assertIsNone(self.worker.receive_but_logs())
        self.assertEqual(self.worker.wait(), 0)
        self.assertEqual(self.logged(None), ["torn down []"])

    def test_what_is_no_message_ends_it(self):
        self.ask("wait_at", "a")
        self.worker.send_bytes(b"what?\n")
        self.assertIsNone(self.worker.receive_but_logs())
        self.assertEqual(self.worker.wait(), 2)
        self.assertIn("no longer understand each other", self.worker.stderr())

    def test_it_leaves_when_node_hangs_up(self):
        self.ask("wait_at", "a")
        self.call("echo", 1)
        self.worker.line.close()
        self.assertEqual(self.worker.wait(), 0)


class Threads(Lanes):
    def setUp(self):
        self.in_lane("threads")

    def test_calls_run_at_once_each_in_a_thread(self):
        calls = [self.ask("meet", 3) for _ in range(3)]
        self.assertEqual([self.value_of(call) for call in calls], [True] * 3)

    def test_coroutines_run_at_once_each_on_the_loop_of_its_thread(self):
        calls = [self.ask("remembers", n, session=str(n)) for n in range(3)]
        self.assertEqual([self.value_of(call)[1] for call in calls], [{"value": n} for n in range(3)])

    def test_a_thread_that_is_done_takes_the_next_call(self):
        for n in range(200):
            self.assertEqual(self.call("echo", n), n)
        with open(f"/proc/{self.worker.hello['pid']}/status", encoding="ascii") as status:
            threads = next(int(line.split()[1]) for line in status if line.startswith("Threads:"))
        # The main one, the one that waits for the hang-up, and one or two that run calls.
        self.assertLessEqual(threads, 4)

    def test_nothing_of_a_call_is_kept_once_its_answer_is_there_since_another_thread_may_look(self):
        self.assertEqual(self.call("notes_what_is_freed"), [1])
        self.assertEqual(self.call("was_freed"), [True])

    def test_a_call_for_which_there_can_be_no_thread_waits_for_one_that_is_done(self):
        self.call("refuses_threads", 3)
        asks = self.ask_with("function", "asks_plainly", 1)
        self.hear()
        waiting = [self.ask("echo", n) for n in range(2)]
        self.answer_twice(asks)
        self.assertEqual([self.value_of(call) for call in waiting], [0, 1])
        # The last that is refused does not wait for this one: the next call has a thread, which does both.
        asks = self.ask_with("function", "asks_plainly", 1)
        self.hear()
        waiting = [self.ask("echo", n) for n in range(2)]
        self.assertEqual([self.value_of(call) for call in waiting], [0, 1])
        self.answer_twice(asks)
        # From then on none waits that need not.
        for _ in range(2):
            self.test_calls_run_at_once_each_in_a_thread()

    def answer_twice(self, asks):
        for number in (1, 2):
            self.worker.send({"type": "answer", "id": asks, "number": number, "value": number})
        self.assertEqual(self.value_of(asks), [1, 2])

    def test_what_is_said_belongs_to_the_call_that_says_it(self):
        calls = {name: self.ask("says_in_thread", name) for name in "abc"}
        for name, call in calls.items():
            self.value_of(call)
            self.assertEqual(self.logged(call), [f"{name} one", f"{name} two"])

    def test_each_call_has_its_session_and_its_context(self):
        calls = {name: self.ask("remembers_in_thread", name, session=name, context={"id": name}) for name in "abc"}
        for name, call in calls.items():
            self.assertEqual(self.value_of(call), [{}, {"value": name}, {"id": name}])
        self.assertEqual(self.answer_to(self.ask("remembers_in_thread", "x"))["error"]["type"], "RuntimeError")

    def test_calls_ask_and_stream_side_by_side(self):
        calls = [self.ask_with("function", name, n) for n, name in enumerate(("asks_plainly", "asks", "asks_plainly"))]
        sums = [self.ask_with("stream", name) for name in ("sums", "sums_plainly")]
        stuck = self.ask("counts_plainly", 100, stream={"items": 5, "bytes": 1_000_000})
        while len(self.said) < 6:
            self.hear()
        for call in reversed(sums):
            self.worker.send({"type": "items", "id": call, "input": 0, "values": [call, call]})
            self.worker.send({"type": "items.end", "id": call, "input": 0})
        self.assertEqual([self.value_of(call) for call in sums], [2 * call for call in sums])
        for number in (1, 2):
            for call in reversed(calls):
                self.worker.send({"type": "answer", "id": call, "number": number, "value": [call, number]})
        self.assertEqual([self.value_of(call) for call in calls], [[[call, 1], [call, 2]] for call in calls])
        self.worker.send({"type": "credit", "id": stuck, "items": 1_000, "bytes": 1_000})
        self.value_of(stuck)
        items = [value for one in self.said if one["type"] == "items" for value in one["values"]]
        self.assertEqual(items, list(range(100)))

    def test_one_that_has_not_begun_is_never_started(self):
        self.call("refuses_threads", 1)
        asks = self.ask_with("function", "asks_plainly", 1)
        self.hear()
        # There is no thread for it before that one is done.
        given_up = self.ask("echo", 1)
        self.worker.send({"type": "cancel", "id": given_up})
        self.answer_twice(asks)
        answer = self.answer_to(given_up)
        self.assertEqual((answer["error"]["type"], answer["started"]), ("CallCancelled", False))
        self.assertEqual(self.worker.mark(), asks)

    def test_one_that_looks_is_cancelled_and_the_others_go_on(self):
        other = self.ask("wait_in_thread", "other")
        call = self.ask("loops_until_cancelled", "a")
        self.until("door_names", lambda names: names == ["a", "other"])
        self.worker.send({"type": "cancel", "id": call})
        self.assertIsNone(self.value_of(call))
        self.call("open_door", "other")
        self.assertEqual(self.value_of(other), "other")

    def test_a_coroutine_is_cancelled_as_a_task_is(self):
        call = self.ask("wait_at", "a")
        self.until("door_names", lambda names: names == ["a"])
        self.worker.send({"type": "cancel", "id": call})
        self.assertEqual(self.answer_to(call)["error"]["type"], "CancelledError")
        self.assertEqual(self.call("have_ended"), ["a"])

    def test_one_that_waits_for_node_and_a_stream_are_told_there(self):
        asks = self.ask_with("function", "asks_plainly", 1)
        streams = self.ask("counts_plainly", 10**9, stream={"items": 10**9, "bytes": 10**12})
        # Both have begun. A generator that has not has nothing to end.
        while {one["id"] for one in self.said} < {asks, streams}:
            self.hear()
        for call in (asks, streams):
            self.worker.send({"type": "cancel", "id": call})
            self.assertEqual(self.answer_to(call)["error"]["type"], "CallCancelled")
        self.assertEqual(self.call("have_ended"), ["counts"])

    def test_the_mark_is_the_last_that_was_started_and_all_before_it_were(self):
        calls = [self.ask("wait_in_thread", name) for name in "abc"]
        self.until("door_names", lambda names: names == list("abc"))
        self.assertGreaterEqual(self.worker.mark(), calls[-1])
        self.assertEqual(self.worker.mark(), self.worker._next_id)

    def test_a_fork_that_comes_back_has_no_part_in_the_line(self):
        self.assertEqual(self.call("forks"), 0)

    def test_stop_waits_for_those_that_run_and_then_tears_down(self):
        self.in_lane("threads", teardown={"name": "finish"})
        call = self.ask_with("function", "asks_plainly", 1)
        self.hear()
        self.worker.send({"type": "stop"})
        for number in (1, 2):
            self.worker.send({"type": "answer", "id": call, "number": number, "value": number})
        self.assertEqual(self.value_of(call), [1, 2])
        self.assertIsNone(self.worker.receive_but_logs())
        self.assertEqual(self.worker.wait(), 0)
        self.assertEqual(self.logged(None), ["torn down []"])

    def test_what_is_no_message_ends_it(self):
        self.ask("wait_in_thread", "a")
        self.worker.send_bytes(b"what?\n")
        self.assertIsNone(self.worker.receive_but_logs())
        self.assertEqual(self.worker.wait(), 2)

    def test_it_leaves_when_node_hangs_up(self):
        self.ask("wait_in_thread", "a")
        self.call("echo", 1)
        self.worker.line.close()
        self.assertEqual(self.worker.wait(), 0)


class Mailboxes(unittest.TestCase):
    def test_what_comes_as_the_loop_that_waited_for_it_is_closed_is_there_for_who_asks_next(self):
        mailbox = ThreadMailbox()

        async def give_up():
            waiting = asyncio.ensure_future(mailbox.receive_async(1))
            await asyncio.sleep(0)
            waiting.cancel()
            return mailbox._wake

        # The thread that reads has looked for it before, and calls it after.
        mailbox._wake = asyncio.run(give_up())
        mailbox.put({"type": "answer"})
        self.assertEqual(mailbox.receive(1), {"type": "answer"})


class Unknown(WorkerTestCase):
    def test_a_lane_that_is_none_breaks_the_protocol(self):
        worker = self.start("lanes.py", lane="bowling")
        self.assertIsNone(worker.started)
        self.assertEqual(worker.wait(), 2)
        self.assertIn("`lane` is not one of serial, asyncio, threads", worker.stderr())


if __name__ == "__main__":
    unittest.main()
