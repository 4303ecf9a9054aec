import os
import sys
import tempfile
import unittest

from harness import WorkerTestCase

APP = """
import os
from pythonarium import expose

kept = []

@expose
def look(array):
    kept.append(array)
    return [array.readonly, array.tolist(), type(array.obj).__name__]

@expose
def add_one():
    kept[-1][0] += 1
    return kept[-1].tolist()
"""


@unittest.skipUnless(sys.platform == "linux", "files are shared on Linux alone")
class SharedFiles(WorkerTestCase):
    """Here this process is Node: its files are what the worker maps."""

    def worker(self, pid=None, mark=None, **init):
        folder = self.folder(app=APP)
        worker = self.start({"": f"{folder}/app.py"}, handshake=False, startMark=True, **init)
        worker.receive()
        mark = worker._mark_file.fileno() if mark is None else mark
        worker.send({**worker.init, "share": {"pid": pid or os.getpid(), "mark": mark}})
        worker.started = worker.receive_but_logs()
        return worker

    def shared(self, *numbers):
        """Return a file that holds `numbers` as bytes, and the entry of `share` for it as the first attachment."""
        file = tempfile.TemporaryFile()
        self.addCleanup(file.close)
        file.write(bytes(numbers))
        file.flush()
        return file, [0, file.fileno(), os.fstat(file.fileno()).st_ino]

    def send(self, worker, share, size, kind=("array", 0, "uint8")):
        worker._next_id += 1
        worker.send(
            {
                "type": "call",
                "id": worker._next_id,
                "name": "look",
                "args": [None],
                "rich": [[["args", 0], *kind]],
                "bin": [size],
                "share": [share],
            }
        )
        return worker.receive_but_logs()

    def test_a_worker_says_that_it_can_open_what_node_has_open(self):
        self.assertIs(self.worker().started["shares"], True)

    def test_a_worker_says_that_it_cannot_where_the_process_is_another_or_the_file_is(self):
        for given in ({"pid": 1}, {"pid": 2**31 - 1}, {"mark": 0}, {"mark": 9_999}):
            with self.subTest(**given):
                self.assertIs(self.worker(**given).started["shares"], False)
        self.assertNotIn("shares", self.ready("basic.py").started)

    def test_an_array_is_mapped_for_this_process_alone_and_stays(self):
        worker = self.worker()
        file, share = self.shared(1, 2, 3)
        self.assertEqual(self.send(worker, share, 3)["value"], [False, [1, 2, 3], "mmap"])
        descriptors = os.listdir(f"/proc/{worker.process.pid}/fd")
        self.assertEqual(worker.call("add_one"), [2, 2, 3])
        self.assertEqual(os.pread(file.fileno(), 3, 0), b"\1\2\3")
        file.close()
        self.assertEqual(worker.call("add_one"), [3, 2, 3])
        self.assertEqual(os.listdir(f"/proc/{worker.process.pid}/fd"), descriptors)

    def test_an_array_that_is_kept_keeps_no_descriptor_where_a_map_can_do_without(self):
        worker = self.worker()
        # By then it has read all of its own files, which it may still do as it is ready.
        self.send(worker, self.shared(7)[1], 1)
        before = len(os.listdir(f"/proc/{worker.process.pid}/fd"))
        for number in range(3):
            self.assertEqual(self.send(worker, self.shared(number)[1], 1)["value"][1], [number])
        kept = 0 if sys.version_info >= (3, 13) else 3
        self.assertEqual(len(os.listdir(f"/proc/{worker.process.pid}/fd")) - before, kept)

    def test_a_file_that_cannot_be_opened_fails_its_call_and_no_other(self):
        worker = self.worker()
        file, share = self.shared(1)
        file.close()
        answer = self.send(worker, share, 1)
        self.assertEqual((answer["type"], answer["error"]["type"]), ("error", "FileNotFoundError"))
        self.assertEqual(worker.mark(), 0)
        _, share = self.shared(4)
        self.assertEqual(self.send(worker, share, 1)["value"][1], [4])

    def test_another_file_than_the_one_that_is_meant_breaks_the_protocol(self):
        for wrong in ("inode", "size"):
            with self.subTest(wrong):
                worker = self.worker()
                _, (number, descriptor, inode) = self.shared(1, 2)
                self.assertIsNone(self.send(worker, [number, descriptor, inode + (wrong == "inode")], 2 + (wrong == "size")))
                self.assertEqual(worker.wait(), 2)
                self.assertIn("is not the file of", worker.stderr())

    def test_what_is_no_entry_breaks_the_protocol(self):
        _, share = self.shared(1)
        for wrong in ([1, *share[1:]], share[:2], [-1, *share[1:]], [0, "3", 4], 3):
            with self.subTest(wrong):
                worker = self.worker()
                self.assertIsNone(self.send(worker, wrong, 1))
                self.assertEqual(worker.wait(), 2)

    def test_bytes_are_not_shared_since_they_cannot_be_written_to(self):
        worker = self.worker()
        _, share = self.shared(1)
        self.assertIsNone(self.send(worker, share, 1, kind=("bytes", 0)))
        self.assertEqual(worker.wait(), 2)

    def test_no_file_is_taken_that_was_not_agreed_upon(self):
        worker = self.worker(pid=1)
        _, share = self.shared(1)
        self.assertIsNone(self.send(worker, share, 1))
        self.assertEqual(worker.wait(), 2)


if __name__ == "__main__":
    unittest.main()
