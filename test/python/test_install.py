import importlib.util
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from harness import LIBRARY
from pythonarium import __version__


@unittest.skipUnless(importlib.util.find_spec("pip"), "this Python has no pip")
class Install(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.target = Path(made.name, "site")

    def pip(self, *arguments):
        command = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", *arguments]
        told = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(told.returncode, 0, told.stdout + told.stderr)

    def python(self, code):
        told = subprocess.run(
            [sys.executable, "-I", "-c", f"import site; site.addsitedir({str(self.target)!r})\n{code}"],
            capture_output=True,
            text=True,
        )
        self.assertEqual(told.returncode, 0, told.stderr)
        return told.stdout.split()

    def test_pip_installs_the_folder_without_a_network(self):
        self.pip("install", "--no-index", "--target", str(self.target), str(LIBRARY))
        told = self.python(
            "import importlib.metadata, pythonarium; from pythonarium import expose, session\n"
            "print(importlib.metadata.version('pythonarium'), pythonarium.__version__, pythonarium.__file__)"
        )
        self.assertEqual(told, [__version__, __version__, str(self.target / "pythonarium" / "__init__.py")])
        installed, ours = (
            {path.relative_to(folder) for path in (folder / "pythonarium").rglob("*") if path.suffix in (".py", ".typed")}
            for folder in (self.target, LIBRARY)
        )
        self.assertEqual(installed, ours)

    def test_an_editable_install_leads_here(self):
        self.pip("install", "--no-index", "--no-build-isolation", "--target", str(self.target), "-e", str(LIBRARY))
        self.assertEqual(self.python("import pythonarium; print(pythonarium.__file__)"), [str(LIBRARY / "pythonarium" / "__init__.py")])


if __name__ == "__main__":
    unittest.main()
