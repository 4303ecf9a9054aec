import json
import signal
import sys
import unittest

from harness import FIXTURES, LANES, LIBRARY, VECTORS, WorkerTestCase, as_line

VALUES = json.loads((VECTORS / "values.json").read_text(encoding="utf-8"))


class Calls(WorkerTestCase):
    def test_positional_and_keyword_arguments_arrive(self):
        worker = self.ready("basic.py")
        self.assertEqual(worker.call("add", 1, 2), 3)
        self.assertEqual(worker.call("add", "a", b="b"), "ab")
        self.assertEqual(worker.call("stats.mean", [1, 2, 4], digits=2), 2.33)

    def test_async_functions_are_awaited(self):
        worker = self.ready("basic.py")
        self.assertEqual([worker.call("later", 1), worker.call("later", [2])], [1, [2]])

    def test_every_value_that_may_cross_comes_back_through_a_worker(self):
        worker = self.ready("basic.py")
        for case in VALUES["toPython"]:
            if case["column"] != "refused":
                with self.subTest(case["name"]):
                    worker.send_bytes(b'[1,"echo",[%s]]\n' % case["json"].encode())
                    self.assertEqual(worker.receive_line(), b"[1,%s]" % case["json"].encode())

    def test_an_idle_worker_keeps_nothing_of_the_last_call(self):
        worker = self.ready("returns.py")
        worker.call("watches", ["kept or freed"] * 1000)
        self.assertEqual(worker.receive()["text"], "freed")

    def test_megabytes_come_back_whole(self):
        worker = self.ready("basic.py")
        value = {"rows": [list(range(1000))] * 400, "text": "\u4e16" * 300_000}
        self.assertEqual(worker.call("echo", value), value)

    def test_an_answer_says_how_long_it_took_unless_that_was_short(self):
        worker = self.ready({"": str(FIXTURES / "returns.py"), "e": str(FIXTURES / "raises.py")}, replyPage=True, shortUs=1)
        for name, *args in (("text", 1), ("e.with_cause",), ("rows_with_an_object",)):
            with self.subTest(name):
                self.assertGreaterEqual(worker.answer(name, *args)["tookUs"], 1)
        first, second = worker.ask("text", 1), worker.ask("text", 1)
        self.assertEqual([(each["id"], "tookUs" in each) for each in (worker.receive(), worker.receive())], [(first, True), (second, True)])
        self.assertNotIn("tookUs", worker.answer("hidden"))  # It never ran.

    def test_a_short_answer_says_nothing_of_it_unless_it_is_long_to_read(self):
        worker = self.ready("returns.py", replyPage=True, shortUs=3_600_000_000)
        self.assertNotIn("tookUs", worker.answer("text", 65_534))
        self.assertIn("tookUs", worker.answer("text", 65_535))
        self.assertNotIn("tookUs", worker.answer("rows_with_an_object"))
        self.assertIn("tookUs", worker.answer("raw", 65_536))

    def test_nothing_is_said_of_it_where_node_did_not_ask(self):
        worker = self.ready("returns.py", replyPage=True)
        self.assertNotIn("tookUs", worker.answer("text", 65_535))

    def test_pipelined_calls_are_answered_in_order(self):
        worker = self.ready("basic.py")
        calls = [{"type": "call", "id": number, "name": "add", "args": [number, 1]} for number in range(1, 101)]
        worker.send_bytes(b"".join(json.dumps(as_line(call)).encode() + b"\n" for call in calls))
        for number in range(1, 101):
            self.assertEqual(worker.receive(), {"type": "reply", "id": number, "value": number + 1})


class Errors(WorkerTestCase):
    def setUp(self):
        self.worker = self.ready("raises.py")

    def tearDown(self):
        self.assertEqual(self.worker.call("fine"), "fine")

    def test_an_error_is_told_as_python_would_print_it_without_our_frames(self):
        error = self.worker.error("from_none")
        self.assertNotIn("handling", error)
        path = FIXTURES / "raises.py"
        number = path.read_text().split("raise ValueError(\"no rows\") from None")[0].count("\n") + 1
        self.assertEqual(
            error,
            {
                "code": "ERR_PYTHON",
                "type": "ValueError",
                "module": "builtins",
                "message": "no rows",
                "traceback": "Traceback (most recent call last):\n"
                f'  File "{path}", line {number}, in from_none\n'
                '    raise ValueError("no rows") from None\n'
                "ValueError: no rows\n",
                "notes": [],
                "cause": None,
                "mro": ["builtins:ValueError", "builtins:Exception", "builtins:BaseException"],
                "frames": [
                    {"file": str(path), "line": number, "function": "from_none", "source": 'raise ValueError("no rows") from None'},
                ],
            },
        )

    def test_the_cause_comes_along(self):
        error = self.worker.error("with_cause")
        self.assertEqual((error["cause"]["type"], error["cause"]["message"]), ("KeyError", "'rows'"))
        self.assertNotIn("handling", error)
        self.assertIn("direct cause", error["traceback"])
        self.assertNotIn(str(LIBRARY), error["traceback"])

    def test_what_was_being_handled_comes_along_as_the_cause(self):
        error = self.worker.error("while_handling")
        self.assertEqual((error["cause"]["type"], error["handling"]), ("KeyError", True))
        self.assertIn("During handling", error["traceback"])

    def test_a_chain_without_end_is_cut(self):
        for name, args in (("chain", [100]), ("ring", [])):
            error, length = self.worker.error(name, *args), 0
            while error is not None:
                error, length = error["cause"], length + 1
            self.assertLessEqual(length, 16)
            self.assertGreater(length, 1)

    def test_the_type_is_named_with_its_module(self):
        error = self.worker.error("nested_class")
        self.assertEqual((error["type"], error["module"]), ("Outer.Refused", "raises"))

    def test_an_error_that_cannot_be_printed_is_still_told(self):
        error = self.worker.error("unprintable")
        self.assertEqual(error["type"], "Unprintable")
        self.assertIn("RuntimeError", error["message"])
        self.assertIn("in unprintable", error["traceback"])

    def test_an_error_that_cannot_be_looked_at_is_still_told(self):
        error = self.worker.error("unreadable")
        self.assertEqual((error["code"], error["type"]), ("ERR_PYTHON", "Unreadable"))
        self.assertIn("no more can be told: RuntimeError", error["message"])
        self.assertEqual(self.worker.call("fine"), "fine")

    def test_notes_come_along_and_odd_ones_do_no_harm(self):
        self.assertEqual(self.worker.error("noted", ["in rows.csv", "line 3"])["notes"], ["in rows.csv", "line 3"])
        self.assertEqual(self.worker.error("noted", ["kept", 3])["notes"], ["kept"])
        self.assertEqual(self.worker.error("noted", 7)["notes"], [])

    def test_a_long_message_is_cut(self):
        error = self.worker.error("long_message", 10_000_000)
        self.assertLess(len(json.dumps(error)), 200_000)
        self.assertRegex(error["message"], r"^x+\n\.\.\. \d+ characters left out \.\.\.\nx+$")

    def test_sys_exit_ends_the_call_and_not_the_worker(self):
        for code, shown in ((None, "sys.exit()"), (3, "sys.exit(3)"), ("bye", "sys.exit('bye')")):
            error = self.worker.error("exits", code)
            self.assertEqual((error["code"], error["type"]), ("ERR_PYTHON", "SystemExit"))
            self.assertIn(f"{shown} was called", error["message"])
        self.assertIn("sys.exit(4)", self.worker.error("exits_later")["message"])

    def test_whatever_is_raised_ends_the_call_only(self):
        for name, kind in (("interrupts", "KeyboardInterrupt"), ("stops_iterating", "StopIteration"), ("recurses", "RecursionError")):
            self.assertEqual(self.worker.error(name)["type"], kind)

    def test_an_async_error_has_no_frames_but_its_own(self):
        error = self.worker.error("raises_later")
        self.assertEqual(error["message"], "later")
        self.assertEqual(error["traceback"].count("  File "), 1, error["traceback"])

    def test_a_function_that_is_not_exposed_is_named_with_those_that_are(self):
        for name in ("fin", "os", "sys.exit", "__builtins__", "Outer", ""):
            error = self.worker.error(name)
            self.assertEqual(error["code"], "ERR_NOT_EXPOSED")
            self.assertIn(repr(name), error["message"])
            self.assertIn("fine", error["functions"])

    def test_wrong_arguments_are_an_error_of_python(self):
        self.assertIn("takes 0 positional arguments", self.worker.error("fine", 1)["message"])


class Results(WorkerTestCase):
    def test_a_result_that_cannot_cross_is_refused_with_the_path(self):
        worker = self.ready("returns.py")
        error = worker.error("rows_with_an_object")
        self.assertEqual((error["code"], error["path"]), ("ERR_VALUE", "value['rows'][3]"))
        self.assertTrue(error["message"].startswith("value['rows'][3] is an object"), error["message"])

    def test_a_result_is_as_deep_as_the_limit_and_no_deeper(self):
        worker = self.ready("returns.py", limits={"messageBytesMax": 1 << 20, "depthMax": 5})
        self.assertEqual(worker.call("nested", 5), [[[[[]]]]])
        self.assertEqual(worker.error("nested", 6)["path"], "value[0][0][0][0][0]")
        self.assertEqual(worker.error("nested", 100_000)["code"], "ERR_VALUE")

    def test_a_depth_that_python_cannot_follow_is_an_error_of_the_call(self):
        worker = self.ready("returns.py", limits={"messageBytesMax": 1 << 30, "depthMax": 1 << 30})
        self.assertIn("deeper than Python can follow", worker.error("nested", 100_000)["message"])
        self.assertEqual(worker.call("size_of", "abc"), 3)

    def test_streams_are_refused_for_now(self):
        worker = self.ready("returns.py")
        for name in ("numbers", "numbers_later"):
            error = worker.error(name)
            self.assertEqual(error["code"], "ERR_VALUE")
            self.assertIn("call it with stream()", error["message"])

    def test_a_reply_over_the_limit_says_both_sizes_and_one_at_the_limit_passes(self):
        limit = 1000
        worker = self.ready("returns.py", limits={"messageBytesMax": limit, "depthMax": 200})
        around = len('[1,""]')
        self.assertEqual(len(worker.call("text", limit - around)), limit - around)
        error = worker.error("text", limit - around + 1)
        self.assertEqual((error["code"], error["bytes"], error["limit"]), ("ERR_MESSAGE_TOO_LARGE", limit + 1, limit))


class Arrays(WorkerTestCase):
    def test_one_for_which_numpy_does_not_load_ends_its_call_alone(self):
        stdlib = [path for path in sys.path if path.startswith(sys.base_prefix) and "-packages" not in path]
        app = "from pythonarium import expose\n@expose\ndef echo(value): return value\n"
        array = {"rich": [[["args", 0], "ndarray", 0, "float64", [0], "C"]], "bin": [0]}
        for raised in ("RuntimeError", "ValueError", "ImportError"):
            folder = self.folder(app=app, numpy=f"raise {raised}('made for another processor')\n")
            for lane in LANES:
                with self.subTest(raised, lane=lane):
                    worker = self.ready({"": f"{folder}/app.py"}, path=[str(folder), *stdlib], lane=lane)
                    worker.send({"type": "call", "id": 1, "name": "echo", "args": [None], **array})
                    told = worker.receive_but_logs()
                    self.assertEqual((told["type"], told["started"]), ("error", False))
                    self.assertEqual(told["error"]["type"], "ImportError")
                    self.assertIn("made for another processor", told["error"]["message"])
                    worker._next_id = 1
                    self.assertEqual(worker.call("echo", 5), 5)


class Memory(WorkerTestCase):
    def test_bytes_that_there_is_none_for_are_an_error_of_their_call(self):
        most = 256 * 1024 * 1024
        folder = self.folder(app="from pythonarium import expose\n@expose\ndef size(value): return len(value)\n")
        for lane in ("serial", "asyncio"):
            worker = self.ready({"": f"{folder}/app.py"}, lane=lane, resources={"memoryBytes": most})
            for call, kind in enumerate((["bytes", 0], ["array", 0, "uint8"]), 1):
                with self.subTest(lane, kind=kind):
                    worker.send({"type": "call", "id": call, "name": "size", "args": [None], "rich": [[["args", 0], *kind]], "bin": [most]})
                    for _ in range(256):
                        worker.send_bytes(bytes(most // 256))
                    told = worker.receive_but_logs()
                    self.assertIsNotNone(told, worker.stderr())
                    self.assertEqual((told["error"]["type"], told["started"], worker.mark()), ("MemoryError", False, 0))
            worker._next_id = 2
            self.assertEqual(worker.call("size", "abc"), 3)

    def test_a_line_that_there_is_none_for_is_an_error_of_its_call(self):
        folder = self.folder(app="from pythonarium import expose\n@expose\ndef size(value, **more): return len(value)\n")
        # Four million lists, each of 72 bytes and one of eight for it.
        value = b"[%s[]]" % (b"[]," * 4_000_000)
        for lane in ("serial", "asyncio"):
            worker = self.ready({"": f"{folder}/app.py"}, lane=lane, resources={"memoryBytes": 256 * 1024 * 1024})
            for call, more in enumerate((b"", b',{"rich":[[["kwargs","x"],"float"]],"kwargs":{"x":"nan"}}'), 1):
                with self.subTest(lane, more=more):
                    worker.send_bytes(b'[%d,"size",[%s]%s]\n' % (call, value, more))
                    told = worker.receive_but_logs()
                    self.assertIsNotNone(told, worker.stderr())
                    self.assertEqual((told["id"], told["error"]["type"], told["started"], worker.mark()), (call, "MemoryError", False, 0))
            worker._next_id = 2
            self.assertEqual(worker.call("size", "abc"), 3)
            # Nobody can tell how many bytes come behind it.
            worker.send_bytes(b'[4,"size",[%s],{"rich":[[["kwargs","x"],"bytes",0]],"bin":[1],"kwargs":{"x":null}}]\nx' % value)
            self.assertEqual((worker.receive_but_logs(), worker.wait()), (None, 3))

    def test_what_a_function_or_an_iterable_gives_that_there_is_none_for_is_an_error_where_it_is_waited_for(self):
        folder = self.folder(
            app="from pythonarium import expose\n@expose\ndef size(get=None, given=()):\n"
            "    try:\n        return get() if get else next(given)\n    except MemoryError:\n        return 'none'\n"
        )
        value = b"[%s[]]" % (b"[]," * 4_000_000)
        for lane in ("serial", "asyncio"):
            worker = self.ready({"": f"{folder}/app.py"}, lane=lane, resources={"memoryBytes": 256 * 1024 * 1024})
            for call, kind, told in (
                (1, "function", b'{"type":"answer","id":1,"number":1,"value":%s}\n'),
                (2, "stream", b'{"type":"items","id":2,"input":0,"values":%s}\n'),
            ):
                with self.subTest(lane, kind=kind):
                    kwargs = {"get" if kind == "function" else "given": None}
                    rich = [[["kwargs", *kwargs], kind, 0]]
                    worker.send({"type": "call", "id": call, "name": "size", "args": [], "kwargs": kwargs, "rich": rich})
                    self.assertIn(worker.receive_but_logs()["type"], ("callback", "pull"))
                    worker.send_bytes(told % value)
                    answer = worker.receive_but_logs()
                    self.assertIsNotNone(answer, worker.stderr())
                    self.assertEqual((answer["id"], answer["value"]), (call, "none"))

    def test_what_a_call_has_held_that_fails_is_let_go_of_at_once(self):
        folder = self.folder(
            app="import asyncio, gc, weakref\nfrom pythonarium import expose\ngc.disable()\n"
            "class Large: ...\nheld = weakref.WeakSet()\n"
            "@expose\ndef fail():\n    mine = Large()\n    held.add(mine)\n    raise ValueError\n"
            "@expose\nasync def fail_later():\n    mine = Large()\n    held.add(mine)\n    await asyncio.sleep(0)\n    raise ValueError\n"
            "@expose\ndef count(): return len(held)\n"
        )
        for lane in LANES:
            worker = self.ready({"": f"{folder}/app.py"}, lane=lane)
            for name in ("fail", "fail_later"):
                with self.subTest(lane, name=name):
                    self.assertEqual((worker.error(name)["type"], worker.call("count")), ("ValueError", 0))

    def test_of_a_call_that_has_talked_to_node_nothing_is_left_for_the_collector(self):
        folder = self.folder(
            app="import gc\nfrom pythonarium import expose, progress\ngc.disable()\n"
            "@expose\ndef ask(function): return function()\n"
            "@expose\ndef take(items): return next(items)\n"
            "@expose\ndef give(): yield 1\n"
            "@expose\ndef tell(): progress(1)\n"
            "@expose\ndef collect(): return gc.collect()\n"
        )
        for lane in LANES:
            worker = self.ready({"": f"{folder}/app.py"}, lane=lane)
            calls = (
                ("ask", {"args": [None], "rich": [[["args", 0], "function", 0]]}, {"type": "answer", "number": 1, "value": 1}),
                ("take", {"args": [None], "rich": [[["args", 0], "stream", 0]]}, {"type": "items", "input": 0, "values": [1, 2]}),
                ("give", {"stream": {"items": 9, "bytes": 999}}, None),
                ("tell", {"progress": True}, None),
            )
            # The first of each makes what is made once.
            for turn in range(2):
                for name, more, told in calls:
                    with self.subTest(lane, name=name):
                        number = worker._next_id = worker._next_id + 1
                        worker.send({"type": "call", "id": number, "name": name, "args": [], **more})
                        said = worker.receive_but_logs()["type"]
                        self.assertEqual(said, {"ask": "callback", "take": "pull", "give": "items", "tell": "progress"}[name])
                        if told is not None:
                            worker.send({**told, "id": number})
                        self.assertEqual(worker.receive_but_logs()["type"], "reply")
                        unreachable = worker.call("collect")
                        self.assertTrue(turn == 0 or unreachable == 0, unreachable)


class StartMarks(WorkerTestCase):
    def test_the_mark_is_the_last_request_that_was_started(self):
        worker = self.ready("raises.py")
        self.assertEqual(worker.mark(), 0)
        worker.call("fine")
        self.assertEqual(worker.mark(), 1)
        worker.error("with_cause")
        self.assertEqual(worker.mark(), 2)

    def test_what_is_not_exposed_never_starts(self):
        worker = self.ready("raises.py")
        worker.error("gone")
        self.assertEqual(worker.mark(), 0)

    def test_the_mark_outlives_a_worker_that_dies_in_a_call(self):
        worker = self.ready("raises.py")
        # In one piece, since the worker may be gone before another is sent.
        worker.send_bytes(b'[1,"exits_at_once",[7]]\n[2,"fine",[]]\n')
        self.assertIsNone(worker.receive())
        self.assertEqual(worker.wait(), 7)
        self.assertEqual(worker.mark(), 1)

    def test_a_worker_without_a_mark_works(self):
        worker = self.ready("raises.py", startMark=False)
        self.assertEqual((worker.call("fine"), worker.mark()), ("fine", 0))


class Sessions(WorkerTestCase):
    def setUp(self):
        self.worker = self.ready("sessions.py")

    def test_two_sessions_never_see_each_other(self):
        self.worker.call("add", 1, session="a")
        self.worker.call("add", 2, session="b")
        self.assertEqual(self.worker.call("add", 3, session="a"), [1, 3])
        self.assertEqual(self.worker.call("add_later", 4, session="b"), [2, 4])

    def test_a_session_is_a_dict(self):
        self.worker.call("add", 1, session="a")
        self.assertEqual(
            self.worker.call("peek", session="a"),
            {"keys": ["items"], "length": 1, "has": True, "repr": "<session {'items': [1]}>"},
        )
        self.worker.call("drop", session="a")
        self.assertEqual(self.worker.call("peek", session="a")["length"], 0)
        self.assertEqual(self.worker.error("drop", session="a")["type"], "KeyError")

    def test_what_a_dict_does_in_one_step_is_one_step_of_a_session_and_no_other_thread_comes_between(self):
        for method, *args in (("setdefault", 1), ("setdefault", 2), ("pop", 3), ("setdefault", 1), ("pop",)):
            self.assertEqual(self.worker.call("by_key", method, *args, session="a"), [1, 1])
        self.assertEqual(self.worker.call("by_key", "pop", 3, session="a")[0], 3)
        self.assertEqual(self.worker.call("by_key", "pop", session="a", default=3)[0], 3)
        self.assertEqual(self.worker.error("by_key", "pop", session="a")["type"], "KeyError")
        self.worker.call("add", 1, session="b")
        self.assertEqual(self.worker.call("emptied", session="b"), [["items", [1]], None, 0])

    def test_a_session_that_ended_begins_empty(self):
        self.worker.call("add", 1, session="a")
        self.worker.call("add", 2, session="b")
        self.worker.send({"type": "session.end", "session": "a"})
        self.worker.send({"type": "session.end", "session": "never met"})
        self.assertEqual(self.worker.call("add", 3, session="a"), [3])
        self.assertEqual(self.worker.call("add", 4, session="b"), [2, 4])

    def test_a_call_without_a_session_has_none_even_after_one_that_had(self):
        self.worker.call("add", 1, session="a")
        for name, args in (("add", [2]), ("add_later", [2])):
            error = self.worker.error(name, *args)
            self.assertEqual(error["type"], "RuntimeError")
            self.assertIn("There is no session here", error["message"])

    def test_a_thread_is_in_no_session(self):
        self.worker.call("add", 1, session="a")
        self.assertIn("There is no session here", self.worker.call("peek_in_thread", session="a"))


class GivenUpBefore(WorkerTestCase):
    def test_a_call_is_never_begun_in_any_lane_with_or_without_interrupts(self):
        for lane in LANES:
            for interrupts in (True, False):
                with self.subTest(lane=lane, interrupts=interrupts):
                    worker = self.ready("keeps.py", lane=lane, interrupts=interrupts)
                    worker.call("hold", None)
                    worker.give_up(2)
                    if lane == "serial" and interrupts:
                        # The signal says that there is something to look up.
                        worker.process.send_signal(signal.SIGUSR1)
                    error = worker.answer("hold", 6)
                    self.assertEqual((error["error"]["type"], error["started"], worker.mark()), ("CallCancelled", False, 1))
                    self.assertNotIn("started", worker.answer("use"))
                    self.assertEqual(worker.call("hold", 7), 2)

    def test_a_call_is_never_begun_where_a_module_has_taken_the_signal_for_itself(self):
        worker = self.ready("takes_the_signal.py", interrupts=True)
        self.assertFalse(worker.started["interrupts"])
        self.assertEqual(worker.call("begin", 1), [1])
        worker.give_up(2)
        error = worker.answer("begin", 2)
        self.assertEqual((error["error"]["type"], error["started"], worker.mark()), ("CallCancelled", False, 1))
        self.assertEqual(worker.call("begin", 3), [1, 3])

    def test_nor_where_a_module_has_blocked_it_or_has_a_handler_in_c(self):
        for heard_by in ("signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})", "faulthandler.register(signal.SIGUSR1)"):
            with self.subTest(heard_by):
                app = f"import faulthandler, signal\nfrom pythonarium import expose\n{heard_by}\n@expose\ndef fine(): ...\n"
                worker = self.ready({"": f"{self.folder(app=app)}/app.py"}, interrupts=True)
                self.assertFalse(worker.started["interrupts"])
                worker.give_up(1)
                error = worker.answer("fine")
                self.assertEqual((error["error"]["type"], error["started"], worker.mark()), ("CallCancelled", False, 0))

    def test_nor_where_a_function_has_taken_it_once_a_call_was_given_up_in_vain(self):
        worker = self.ready("prints.py", interrupts=True)
        worker.call("raises_from_signals")
        worker.send({"type": "cancel", "id": 1})
        worker.give_up(2)
        error = worker.answer("long_text", 3)
        self.assertEqual((error["error"]["type"], error["started"], worker.mark()), ("CallCancelled", False, 1))


if __name__ == "__main__":
    unittest.main()
