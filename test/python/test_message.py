import json
import unittest

from harness import VECTORS, meaning_of
from pythonarium import message
from pythonarium.value import encode_unchecked

CASES = json.loads((VECTORS / "messages.json").read_text(encoding="utf-8"))
WRITE = {
    "hello": lambda m: message.hello(m["library"], m["python"], m["executable"], m["pid"]),
    "ready": lambda m: message.ready(m["functions"], m["streams"], m["interrupts"], m["stacks"], m.get("files"), m.get("shares")),
    "failed": lambda m: message.failed(m["stage"], encode_unchecked(m["error"]), m.get("files")),
    "reply": lambda m: reply(m["id"], encode_unchecked(m["value"]), m.get("tookUs")),
    "error": lambda m: message.error(m["id"], encode_unchecked(m["error"]), m.get("started", True), m.get("tookUs")),
    "items": lambda m: message.items(m["id"], f'"values":{encode_unchecked(m["values"])}'),
    "callback": lambda m: message.callback(
        m["id"],
        m["kept"] if "kept" in m else m["function"],
        m["number"],
        f'"args":{encode_unchecked(m["args"])},"kwargs":{encode_unchecked(m["kwargs"])}',
        "kept" in m,
        m.get("blocks", False),
    ),
    "pull": lambda m: message.pull(m["id"], m["input"], m["items"], m.get("blocks", False)),
    "progress": lambda m: message.progress(m["id"], *[encode_unchecked(m[name]) for name in ("done", "total", "note")]),
    "heartbeat": lambda m: message.heartbeat(m["id"]),
    "part": lambda m: message.part(m["id"], encode_unchecked(m["value"])),
    "mapped": lambda m: message.mapped(m["id"], encode_unchecked(m["values"])[1:-1], m["tookUs"], m["longestUs"]),
    "pong": lambda m: message.pong(m["number"]),
    "log": lambda m: message.log(m["stream"], m["call"], m["text"], m.get("level"), m.get("logger")),
}


def reply(call, value, took_us):
    return message.reply(call, value, True) if took_us is None else message.long_reply(call, value, True, took_us)


class Messages(unittest.TestCase):
    def test_every_message_of_node_is_read_as_it_is_meant(self):
        for case in CASES["messages"]:
            if case["from"] == "node":
                with self.subTest(case["name"]):
                    read = message.read_message(case["line"].encode())
                    if isinstance(read, list):
                        read = dict(zip(("type", "id", "name", "args"), ["call", *read]))
                    self.assertEqual(read, case["message"])

    def test_every_message_of_python_is_written_so_that_it_means_the_same(self):
        for case in CASES["messages"]:
            if case["from"] == "python":
                with self.subTest(case["name"]):
                    line = WRITE[case["message"]["type"]](case["message"])
                    self.assertTrue(line.isascii() and line.endswith(b"\n") and line.count(b"\n") == 1, line)
                    self.assertEqual(meaning_of(json.loads(line)), case["message"])

    def test_a_line_that_is_no_message_is_refused(self):
        for case in CASES["malformed"]:
            if case["from"] == "node":
                with self.subTest(case["name"]), self.assertRaises(message.ProtocolError):
                    message.read_message(case["line"].encode())

    def test_a_refusal_shows_the_beginning_of_the_line(self):
        with self.assertRaises(message.ProtocolError) as caught:
            message.read_message(b'{"type":"dance","and":"' + b"x" * 1000)
        self.assertIn('{"type":"dance"', str(caught.exception))
        self.assertLess(len(str(caught.exception)), 400)


if __name__ == "__main__":
    unittest.main()
