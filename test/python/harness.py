"""A client of one worker, as plain as can be: what Node does, without Node."""

from __future__ import annotations

import json
import mmap
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "python"
FIXTURES = Path(__file__).resolve().parent / "fixtures"
VECTORS = ROOT / "test" / "wire" / "vectors"
LANES = ("serial", "asyncio", "threads")

sys.path.insert(0, str(LIBRARY))

BOOTSTRAP = "import sys; sys.path.insert(0, sys.argv[1]); from pythonarium.worker import main; main()"
# Puts the two descriptors where a worker expects them, and becomes the worker.
LAUNCHER = """
import fcntl, os, sys
line, mark = (fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3])
os.dup2(line, 3); os.dup2(mark, 4); os.closerange(5, 64)
os.execv(sys.executable, [sys.executable, "-I", "-c", sys.argv[3], sys.argv[4]])
"""
# Nothing waits that long but what hangs.
PATIENCE_S = 30


def as_line(message):
    """Return what stands on the line for a message of Node's: a call is a list."""
    if message.get("type") != "call" or not {"id", "name", "args"} <= set(message):
        return message
    more = {key: value for key, value in message.items() if key not in ("type", "id", "name", "args")}
    return [message["id"], message["name"], message["args"], *([more] if more else [])]


def meaning_of(line):
    """Return the message that a line of the worker's stands for: most answers are lists."""
    if not isinstance(line, list):
        return line
    meaning = {"type": "reply", "id": line[0], "value": line[1]}
    return meaning if len(line) == 2 else {**meaning, "tookUs": line[2]}


def put_parts(answer, parts):
    """Put the `parts` of an answer, in the order in which they came, where its `rich` says that they belong."""
    parts = iter(parts)
    for path, kind, *count in answer.get("rich", ()):
        if kind != "part":
            continue
        *way, last = path
        holder = answer
        for step in way:
            holder = holder[step]
        assert holder[last] is None
        holder[last] = [item for _ in range(count[0]) for item in next(parts)] if count else next(parts)


class Worker:
    """A real worker process, its line and its start mark."""

    def __init__(self, modules="", *, handshake=True, **init):
        """Start a worker on `modules`, the name of a fixture or a record as in `init`, and shake hands."""
        if isinstance(modules, str):
            modules = {"": str(FIXTURES / modules) if modules.endswith(".py") else modules}
        self.init = {
            "type": "init",
            "protocol": 1,
            "worker": "worker-0",
            "path": None,
            "userSite": None,
            "modules": modules,
            "expose": "marked",
            "setup": None,
            "teardown": None,
            "startMark": True,
            **init,
            "limits": {
                "messageBytesMax": 64 * 1024 * 1024,
                "attachmentBytesMax": 1024**3,
                "depthMax": 200,
                **init.get("limits", {}),
            },
        }
        self.logs = []
        self._next_id = 0
        self._lines = b""
        self.line, theirs = socket.socketpair()
        self.line.settimeout(PATIENCE_S)
        self._mark_file = tempfile.TemporaryFile()
        self._mark_file.truncate(8192)
        self._stdout, self._stderr = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", LAUNCHER, str(theirs.fileno()), str(self._mark_file.fileno()), BOOTSTRAP, str(LIBRARY)],
            stdin=subprocess.DEVNULL,
            stdout=self._stdout,
            stderr=self._stderr,
            pass_fds=(theirs.fileno(), self._mark_file.fileno()),
        )
        theirs.close()
        self.hello = self.started = None
        if handshake:
            self.hello = self.receive()
            self.send(self.init)
            self.started = self.receive_but_logs()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.line.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(PATIENCE_S)
        for file in (self._mark_file, self._stdout, self._stderr):
            file.close()

    def send(self, message):
        self.send_bytes(json.dumps(as_line(message)).encode() + b"\n")

    def send_bytes(self, data):
        self.line.sendall(data)

    def receive_line(self):
        """Return the next line, or None once the worker has hung up."""
        while b"\n" not in self._lines:
            try:
                chunk = self.line.recv(1 << 20)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                return None
            self._lines += chunk
        line, self._lines = self._lines.split(b"\n", 1)
        return line

    def receive(self):
        line = self.receive_line()
        if line is None:
            return None
        assert line.isascii(), line
        return meaning_of(json.loads(line))

    def receive_but_logs(self):
        """Return the next message that is no log; logs are kept in `self.logs`. An answer has its parts where they belong."""
        parts = []
        while True:
            message = self.receive()
            if message is not None and message["type"] == "log":
                self.logs.append(message)
            elif message is not None and message["type"] == "part":
                parts.append(message)
            else:
                assert all(part["id"] == message["id"] for part in parts), (message, parts)
                if message is not None:
                    put_parts(message, [part["value"] for part in parts])
                return message

    def ask(self, name, *args, session=None, **kwargs):
        """Send a call and return its id."""
        self._next_id += 1
        message = {"type": "call", "id": self._next_id, "name": name, "args": list(args)}
        if kwargs:
            message["kwargs"] = kwargs
        if session is not None:
            message["session"] = session
        self.send(message)
        return self._next_id

    def call(self, name, *args, session=None, **kwargs):
        """Return the value that a call comes to; fail when it comes to an error."""
        answer = self.answer(name, *args, session=session, **kwargs)
        assert answer["type"] == "reply", answer
        return answer["value"]

    def error(self, name, *args, session=None, **kwargs):
        """Return the ERROR that a call comes to; fail when it comes to a value."""
        answer = self.answer(name, *args, session=session, **kwargs)
        assert answer["type"] == "error", answer
        return answer["error"]

    def answer(self, name, *args, session=None, **kwargs):
        call = self.ask(name, *args, session=session, **kwargs)
        answer = self.receive_but_logs()
        assert answer is not None, f"the worker died: {self.wait()}, {self.stderr()}"
        assert answer["id"] == call, answer
        return answer

    def texts(self, stream):
        """Return what came on one stream so far, line by line."""
        return [log["text"] for log in self.logs if log["stream"] == stream]

    def mark(self):
        """Return the id of the last request that was started."""
        with mmap.mmap(self._mark_file.fileno(), 4096) as page:
            return int.from_bytes(page[:8], "little")

    def held(self):
        """Return the replies that were given and are not written yet."""
        with mmap.mmap(self._mark_file.fileno(), 8192) as page:
            used = int.from_bytes(page[4096:4098], "little")
            return [meaning_of(json.loads(line)) for line in page[4104 : 4104 + used].splitlines()]

    def give_up(self, call):
        """Let the worker see that the caller of `call` has given up, before any line of it is read."""
        with mmap.mmap(self._mark_file.fileno(), 4096) as page:
            at = 8 * (1 + call % 509)
            page[at : at + 8] = call.to_bytes(8, "little")

    def give_up_alone(self, call):
        """Let the worker see that the caller of `call` has given up that one of a batch."""
        with mmap.mmap(self._mark_file.fileno(), 4096) as page:
            page[4080:4088] = call.to_bytes(8, "little")

    def halt(self):
        """Let the worker see that it is about to be killed."""
        with mmap.mmap(self._mark_file.fileno(), 4096) as page:
            page[4088] = 1

    def stop(self):
        """Ask the worker to stop and return its exit code; its last logs are kept."""
        self.send({"type": "stop"})
        assert self.receive_but_logs() is None
        return self.wait()

    def wait(self):
        return self.process.wait(PATIENCE_S)

    def stdout(self):
        return _read(self._stdout)

    def stderr(self):
        return _read(self._stderr)


class WorkerTestCase(unittest.TestCase):
    """A test that may start workers and leaves none behind."""

    def start(self, modules="", **init):
        worker = Worker(modules, **init)
        self.addCleanup(worker.__exit__)
        return worker

    def ready(self, modules="", **init):
        worker = self.start(modules, **init)
        self.assertEqual(worker.started and worker.started["type"], "ready", worker.started or worker.stderr())
        return worker

    def folder(self, **files):
        """Return a new folder that holds `files`, by their stems."""
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        path = Path(made.name).resolve()
        for stem, text in files.items():
            (path / f"{stem}.py").write_text(text, encoding="utf-8")
        return path


def _read(file):
    file.flush()
    return os.pread(file.fileno(), 1 << 20, 0).decode()
