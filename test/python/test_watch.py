import sys
import unittest

from harness import LIBRARY, WorkerTestCase

APP = """
import sys
import statistics
import near
import far
import installed
from pythonarium import expose

@expose
def compiles():
    return not sys.dont_write_bytecode
"""


class Watched(WorkerTestCase):
    def test_ready_names_the_files_of_the_modules_that_are_no_packages_of_others(self):
        folder, elsewhere = self.folder(app=APP, near="", unused=""), self.folder(far="")
        site = folder / "env" / "site-packages"
        site.mkdir(parents=True)
        (site / "installed.py").write_text("")
        path = [str(folder), str(elsewhere), str(site), *(entry for entry in sys.path if entry and entry != str(LIBRARY))]
        worker = self.ready({"": str(folder / "app.py")}, path=path, watch=[str(folder), str(elsewhere)])
        files = [str(folder / "app.py"), str(folder / "near.py"), str(elsewhere / "far.py")]
        self.assertEqual(worker.started["files"], sorted(files))

    def test_failed_names_the_files_too_and_the_one_that_it_failed_by_though_no_module_came_of_it(self):
        broken = {"does not parse": "def f(:", "raises": "raise ValueError", "imports what is not there": "import no_such_module"}
        for name, text in broken.items():
            with self.subTest(name):
                folder = self.folder(app="import pack.part", near="")
                (folder / "pack").mkdir()
                part = folder / "pack" / "part.py"
                part.write_text(f"import near, statistics\n{text}\n")
                path = [str(folder), *(entry for entry in sys.path if entry and entry != str(LIBRARY))]
                worker = self.start({"": str(folder / "app.py")}, path=path, watch=[str(folder)])
                self.assertEqual(worker.started["type"], "failed")
                self.assertIn(str(part), worker.started["files"])
                self.assertLessEqual(set(worker.started["files"]), {str(folder / "app.py"), str(folder / "near.py"), str(part)})

    def test_failed_names_none_unless_it_was_asked_to(self):
        folder = self.folder(app="raise ValueError")
        self.assertNotIn("files", self.start({"": str(folder / "app.py")}).started)

    def test_a_dotted_module_is_followed_where_it_was_found(self):
        folder = self.folder(own="from pythonarium import expose\n@expose\ndef f(): pass\n")
        path = [str(folder), *(entry for entry in sys.path if entry)]
        worker = self.ready({"": "own", "m": "math", "s": "statistics"}, path=path, expose="all", watch=[])
        self.assertEqual(worker.started["files"], [str(folder / "own.py")])

    def test_nothing_compiled_is_kept_that_a_second_change_could_be_taken_for(self):
        folder = self.folder(app=APP.replace("import near\nimport far\nimport installed\n", ""))
        self.assertFalse(self.ready({"": str(folder / "app.py")}, watch=[]).call("compiles"))
        self.assertTrue(self.ready({"": str(folder / "app.py")}).call("compiles"))

    def test_what_a_module_puts_in_its_own_place_need_be_none(self):
        folder = self.folder(
            app="import sys\nfrom pythonarium import expose\nclass Api: pass\napi = sys.modules[__name__] = Api()\napi.fine = expose(lambda: 5)\n"
        )
        worker = self.ready({"": f"{folder}/app.py"}, watch=[str(folder)])
        self.assertEqual((worker.started["functions"], worker.started["files"]), (["fine"], []))

    def test_a_worker_that_is_not_watched_names_none(self):
        self.assertNotIn("files", self.ready("basic.py").started)


if __name__ == "__main__":
    unittest.main()
