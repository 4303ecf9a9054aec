import os
import platform
import sys
import unittest
from unittest import mock

from harness import BOOTSTRAP, FIXTURES, LIBRARY, WorkerTestCase
from pythonarium import __version__


class Handshake(WorkerTestCase):
    def test_hello_says_who_is_there(self):
        worker = self.ready("basic.py")
        pid = worker.hello.pop("pid")
        self.assertEqual(
            worker.hello,
            {
                "type": "hello",
                "protocol": 1,
                "library": __version__,
                "python": platform.python_version(),
                "executable": sys.executable,
            },
        )
        self.assertEqual(pid, worker.process.pid)

    def test_ready_names_the_functions(self):
        self.assertEqual(self.ready("basic.py").started["functions"], ["add", "echo", "stats.mean", "later"])

    def test_several_modules_have_their_prefix(self):
        worker = self.ready({"": "textwrap", "m": "math", "app": str(FIXTURES / "basic.py")}, expose="all")
        self.assertLessEqual({"dedent", "m.sqrt", "app.add", "app.hidden", "app.stats"} - {"app.stats"}, set(worker.started["functions"]))
        self.assertEqual([worker.call("m.sqrt", 9), worker.call("app.add", 1, 2), worker.call("dedent", "  x")], [3, 3, "x"])

    def test_modules_that_know_nothing_of_us_work_as_they_are(self):
        worker = self.ready({"": "statistics", "math": "math", "textwrap": "textwrap"}, expose="all")
        self.assertEqual(worker.call("mean", [1, 2, 6]), 3)
        self.assertEqual(worker.call("math.gcd", 12, 18), 6)
        self.assertEqual(worker.call("textwrap.shorten", "Hello  world!", width=12), "Hello world!")

    def test_calls_sent_before_ready_are_answered_after_it(self):
        worker = self.start("basic.py", handshake=False)
        worker.send(worker.init)
        worker.ask("add", 1, 2)
        self.assertEqual([worker.receive_but_logs()["type"] for _ in range(3)], ["hello", "ready", "reply"])


class FailedStarts(WorkerTestCase):
    def failed(self, stage, modules, **init):
        """Return the ERROR of a start that fails at `stage` and then ends with 1."""
        worker = self.start(modules, **init)
        self.assertEqual((worker.started["type"], worker.started["stage"]), ("failed", stage), worker.started)
        self.assertIsNone(worker.receive())
        self.assertEqual(worker.wait(), 1)
        self.logs = worker.logs
        return worker.started["error"]

    def test_an_import_that_raises_tells_where(self):
        folder = self.folder(app="import os\n\nprint('so far')\nraise ValueError('no model')\n")
        error = self.failed("import", {"": f"{folder}/app.py"})
        self.assertEqual((error["code"], error["type"], error["message"]), ("ERR_PYTHON", "ValueError", "no model"))
        self.assertIn(f'File "{folder}/app.py", line 4, in <module>', error["traceback"])
        self.assertNotIn("importlib", error["traceback"])
        self.assertNotIn(str(LIBRARY), error["traceback"])
        self.assertEqual([log["text"] for log in self.logs], ["so far"])

    def test_a_syntax_error_tells_the_line(self):
        folder = self.folder(app="def f():\n    return (1,\n\nx = = 2\n")
        error = self.failed("import", {"": f"{folder}/app.py"})
        self.assertEqual(error["type"], "SyntaxError")
        self.assertRegex(error["traceback"], rf'File "{folder}/app.py", line \d')

    def test_what_is_not_there_is_named(self):
        self.assertIn("/nowhere/app.py", self.failed("import", {"": "/nowhere/app.py"})["message"])
        self.assertEqual(self.failed("import", {"": "no_such_module"})["type"], "ModuleNotFoundError")
        folder = self.folder()
        self.assertIn("__init__.py", self.failed("import", {"": str(folder)})["message"])
        (folder / "data.txt").write_text("x")
        self.assertIn(".py", self.failed("import", {"": f"{folder}/data.txt"})["message"])

    def test_a_file_that_would_take_the_place_of_another_module_is_refused(self):
        folder = self.folder(os="x = 1")
        error = self.failed("import", {"": f"{folder}/os.py"})
        self.assertRegex(error["message"], "imported as 'os', and another module of that name is already there.*Rename")

    def test_a_file_that_means_to_be_in_a_package_is_told_its_name_there(self):
        folder = self.folder()
        (folder / "app" / "models").mkdir(parents=True)
        for package in ("app", "app/models"):
            (folder / package / "__init__.py").touch()
        (folder / "loose").mkdir()
        for path, name in (("app/main.py", "app.main"), ("app/models/tree.py", "app.models.tree"), ("loose/main.py", "loose.main")):
            file = folder / path
            file.write_text("from .weights import load\n")
            error = self.failed("import", {"": str(file)})
            self.assertRegex(error["message"], f"no known parent package: .* Name it '{name}', with '{folder}' in `pythonPath`.")
            self.assertIn(f'File "{file}", line 1, in <module>', error["traceback"])

    def test_an_import_that_exits_is_a_failed_start(self):
        folder = self.folder(app="import sys\nsys.exit(3)\n")
        error = self.failed("import", {"": f"{folder}/app.py"})
        self.assertEqual(error["type"], "SystemExit")
        self.assertIn("sys.exit(3)", error["message"])

    def test_a_thread_of_the_module_does_not_keep_a_failed_start_alive(self):
        folder = self.folder(app="import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n1 / 0\n")
        self.assertEqual(self.failed("import", {"": f"{folder}/app.py"})["type"], "ZeroDivisionError")

    def test_a_module_without_marks_fails_at_expose(self):
        folder = self.folder(app="def f(): pass\n")
        error = self.failed("expose", {"": f"{folder}/app.py"})
        self.assertEqual(error["code"], "ERR_NOT_EXPOSED")
        self.assertIn(f"Nothing in {folder}/app.py is marked with @expose.", error["message"])

    def test_a_setup_that_raises_or_is_missing_fails_at_setup(self):
        error = self.failed("setup", "lives.py", setup={"name": "fail", "args": ["no model"], "kwargs": {}})
        self.assertEqual((error["code"], error["message"]), ("ERR_PYTHON", "no model"))
        for step in ("setup", "teardown"):
            error = self.failed("setup", "lives.py", **{step: {"name": "gone", "args": [], "kwargs": {}}})
            self.assertEqual(error["code"], "ERR_NOT_EXPOSED")
            self.assertIn("'gone'", error["message"])

    def test_a_limit_that_the_system_does_not_let_be_set_fails_at_limits(self):
        refuses = "import resource\ndef refuse(*_): raise ValueError('not here')\nresource.setrlimit = refuse\n"
        with mock.patch("harness.BOOTSTRAP", refuses + BOOTSTRAP):
            error = self.failed("limits", "basic.py", resources={"files": 100})
        self.assertEqual((error["type"], error["message"]), ("ValueError", "not here"))

    def test_another_version_of_the_protocol_is_refused(self):
        error = self.failed("protocol", "basic.py", protocol=2)
        self.assertEqual((error["code"], error["type"]), ("ERR_PYTHON", "VersionMismatch"))
        self.assertRegex(error["message"], "version 2 .* version 1")

    def test_an_error_too_large_for_the_limit_is_told_in_brief(self):
        folder = self.folder(app="raise ValueError('x' * 100_000)\n")
        error = self.failed("import", {"": f"{folder}/app.py"}, limits={"messageBytesMax": 2000, "depthMax": 200})
        self.assertEqual((error["type"], error["traceback"]), ("ValueError", ""))
        self.assertIn("characters left out", error["message"])


class Modules(WorkerTestCase):
    def test_the_path_is_exactly_what_node_says_and_the_library_comes_last(self):
        stdlib = [folder for folder in sys.path if folder.startswith(sys.base_prefix)]
        folder = self.folder(
            app="import sys\nimport sibling\nfrom pythonarium import expose\n@expose\ndef path(): return sys.path",
            sibling="",
        )
        worker = self.ready({"": f"{folder}/app.py"}, path=[str(folder), *stdlib])
        self.assertEqual(worker.call("path"), [str(folder), *stdlib, str(LIBRARY)])

    def test_a_user_site_brings_its_pth_files(self):
        site, elsewhere = self.folder(), self.folder(far_away="def f(): return 1")
        (site / "more.pth").write_text(f"{elsewhere}\n")
        self.assertEqual(self.ready({"": "far_away"}, userSite=str(site), expose="all").call("f"), 1)

    def test_a_file_is_a_module_of_its_own_name(self):
        folder = self.folder(
            app="import dataclasses, pickle, sys\nfrom pythonarium import expose\n"
            "@dataclasses.dataclass\nclass Point:\n    x: 'int'\n"
            "@expose\ndef told(): return [__name__, pickle.loads(pickle.dumps(Point(3))).x, sys.modules['app'].Point is Point]\n"
        )
        self.assertEqual(self.ready({"": f"{folder}/app.py"}).call("told"), ["app", 3, True])

    def test_a_package_is_loaded_by_its_folder_with_what_it_takes_over(self):
        folder = self.folder()
        (folder / "shop").mkdir()
        (folder / "shop" / "__init__.py").write_text("from .cart import add\n")
        (folder / "shop" / "cart.py").write_text("from pythonarium import expose\n@expose\ndef add(a, b): return a + b\n")
        self.assertEqual(self.ready({"": f"{folder}/shop"}).call("add", 1, 2), 3)
        self.assertEqual(self.ready({"": "shop.cart"}, path=[str(folder), *sys.path]).call("add", 1, 2), 3)

    def test_a_library_that_reads_its_arguments_finds_none(self):
        folder = self.folder(app="import sys\nfrom pythonarium import expose\n@expose\ndef arguments(): return sys.argv[1:]")
        self.assertEqual(self.ready({"": f"{folder}/app.py"}).call("arguments"), [])

    def test_one_file_under_two_prefixes_is_imported_once(self):
        app = str(FIXTURES / "lives.py")
        worker = self.ready({"a": app, "b": app}, setup={"name": "a.load", "args": ["x"], "kwargs": {}})
        self.assertEqual(worker.call("b.names"), ["x"])


class Lives(WorkerTestCase):
    def test_setup_runs_once_before_ready_and_need_not_be_exposed(self):
        worker = self.ready("lives.py", setup={"name": "load", "args": ["a", "b"], "kwargs": {"upper": True}})
        self.assertEqual(worker.logs, [{"type": "log", "stream": "stdout", "call": None, "text": "loading"}])
        self.assertEqual(worker.call("names"), ["A", "B"])
        self.assertNotIn("load", worker.started["functions"])
        self.assertEqual(worker.error("load")["code"], "ERR_NOT_EXPOSED")

    def test_an_async_setup_is_awaited_and_its_tasks_live_on(self):
        worker = self.ready("lives.py", setup={"name": "load_later", "args": ["a"], "kwargs": {}})
        self.assertEqual([worker.call("names"), worker.call("task_of_setup")], [["a"], "task of setup"])

    def test_what_is_run_at_a_fork_may_be_async_and_its_tasks_live_on(self):
        folder = self.folder(
            app="import asyncio\nfrom pythonarium import expose, on_fork\n"
            "@on_fork\nasync def connect():\n    global task\n    task = asyncio.create_task(asyncio.sleep(0, 'connected'))\n"
            "@expose\nasync def connected(): return await task\n"
        )
        for lane in ("serial", "asyncio"):
            self.assertEqual(self.ready({"": f"{folder}/app.py"}, lane=lane).call("connected"), "connected")

    def test_stop_runs_teardown_and_exit_handlers_and_ends_with_0(self):
        worker = self.ready("lives.py", teardown={"name": "unload", "args": [], "kwargs": {"word": "gone"}})
        self.assertEqual(worker.call("names"), [])
        self.assertEqual(worker.stop(), 0)
        self.assertEqual(worker.texts("stdout"), ["gone", "at exit"])
        self.assertEqual((worker.stdout(), worker.stderr()), ("", ""))

    def test_a_teardown_that_fails_is_told_as_a_log(self):
        worker = self.ready("lives.py", teardown={"name": "fail", "args": ["stuck"], "kwargs": {}})
        self.assertEqual(worker.stop(), 0)
        self.assertEqual(worker.texts("stderr")[0], "pythonarium: the teardown failed:")
        self.assertEqual(worker.texts("stderr")[-1], "ValueError: stuck")

    def test_a_teardown_that_fails_is_told_where_the_streams_were_taken_away_too(self):
        folder = self.folder(
            app="import sys\nfrom pythonarium import expose\n@expose\ndef fine(): ...\n"
            "def finish():\n    print('begun', end='')\n    sys.stdout = sys.stderr = None\n"
            "    raise ValueError('stuck')\n"
        )
        worker = self.ready({"": f"{folder}/app.py"}, teardown={"name": "finish", "args": [], "kwargs": {}})
        self.assertEqual(worker.stop(), 0)
        self.assertEqual(worker.texts("stderr")[0], "pythonarium: the teardown failed:")
        self.assertEqual(worker.texts("stdout"), ["begun"])

    def test_calls_before_stop_are_answered_first(self):
        worker = self.ready("basic.py")
        worker.send_bytes(b'[1,"add",[1,2]]\n{"type":"stop"}\n')
        self.assertEqual(worker.receive(), {"type": "reply", "id": 1, "value": 3})
        self.assertIsNone(worker.receive())
        self.assertEqual(worker.wait(), 0)

    def test_a_task_that_a_call_leaves_behind_is_cancelled_with_it(self):
        worker = self.ready("lives.py")
        for indirectly in (False, True):
            with self.subTest(indirectly=indirectly):
                worker.logs.clear()
                self.assertEqual(worker.call("leaves_task", indirectly), "left")
                self.assertEqual(worker.texts("stdout"), ["cancelled"])
                self.assertEqual(worker.logs[-1]["call"], worker.mark())

    def test_what_a_thread_of_a_call_has_run_on_the_loop_is_cancelled_with_it(self):
        worker = self.ready("lives.py", setup={"name": "serve"})
        self.assertEqual(worker.call("leaves_task_of_a_thread"), "left")
        self.assertEqual(worker.texts("stdout"), ["cancelled"])

    def test_a_call_whose_loop_is_stopped_under_it_does_not_go_on_in_the_next(self):
        worker = self.ready("lives.py")
        self.assertIn("loop stopped", worker.error("stops_loop")["message"])
        self.assertEqual(worker.texts("stdout"), ["cancelled"])

    def test_a_loop_that_a_function_has_closed_is_made_anew(self):
        worker = self.ready("lives.py", teardown={"name": "unload"})
        for _ in range(2):
            self.assertEqual(worker.call("leaves_task"), "left")
            worker.call("closes_loop")
        self.assertEqual(worker.stop(), 0)
        self.assertEqual((worker.texts("stdout"), worker.texts("stderr")), (["cancelled", "cancelled", "unloaded", "at exit"], []))

    def test_whoever_makes_the_tasks_those_of_a_call_are_cancelled_with_it(self):
        worker = self.ready("lives.py", setup={"name": "make_tasks_itself"})
        self.assertEqual(worker.call("leaves_task"), "left")
        self.assertEqual(worker.texts("stdout"), ["cancelled"])
        self.assertIn("made", worker.call("names"))

    def test_a_task_that_one_of_the_setup_starts_during_a_call_outlives_it(self):
        worker = self.ready("lives.py", setup={"name": "serve"})
        worker.call("asks_for_work")
        self.assertEqual(worker.call("lets_work_end"), "worked")


@unittest.skipUnless(os.path.isdir("/proc/self/fd"), "descriptors are counted in /proc")
class Descriptors(WorkerTestCase):
    def test_no_process_that_is_started_inherits_the_line_or_the_mark(self):
        self.assertEqual(self.ready("forks.py").call("inherited"), "['0', '1', '2']\n")


if __name__ == "__main__":
    unittest.main()
