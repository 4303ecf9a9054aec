import json
import os
import sys
import threading
import unittest

from harness import VECTORS
from pythonarium.frame import LineSplitter, LineTooLong, LineWriter, read_lines

CASES = json.loads((VECTORS / "frames.json").read_text(encoding="utf-8"))["cases"]
UNLIMITED = 1 << 30


class Frames(unittest.TestCase):
    def test_lines_come_out_as_the_vectors_say(self):
        for case in CASES:
            with self.subTest(case["name"]):
                lines, held, refused = split([bytes.fromhex(chunk) for chunk in case["chunks"]], case.get("messageBytesMax"))
                self.assertEqual((lines, refused), (case["lines"], case.get("refused")))
                if not refused:
                    self.assertEqual(held.hex(), case["held"])

    def test_lines_are_the_same_however_the_bytes_are_cut(self):
        for case in CASES:
            whole = b"".join(map(bytes.fromhex, case["chunks"]))
            one_by_one = [whole[i : i + 1] for i in range(len(whole))]
            for chunks in [one_by_one, *([whole[:i], whole[i:]] for i in range(len(whole)))]:
                with self.subTest(case["name"], cut=[len(chunk) for chunk in chunks[:2]]):
                    lines, held, refused = split(chunks, case.get("messageBytesMax"))
                    self.assertEqual(refused, case.get("refused"))
                    if not refused:
                        self.assertEqual((lines, held.hex()), (case["lines"], case["held"]))

    def test_a_line_that_is_too_long_says_how_long_and_what_the_limit_is(self):
        with self.assertRaisesRegex(LineTooLong, "9 bytes .* 8 bytes") as caught:
            LineSplitter(8).feed(b"123456789")
        self.assertEqual((caught.exception.bytes, caught.exception.limit), (9, 8))

    def test_reading_ends_when_the_other_side_hangs_up(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.write(writer, b"one\ntwo\nthr")
        os.close(writer)
        self.assertEqual(list(read_lines(reader, LineSplitter(UNLIMITED))), [b"one", b"two"])

    def test_nothing_is_kept_of_a_line_that_was_handed_on(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        os.write(writer, b"one\ntwo\n")
        lines = read_lines(reader, LineSplitter(UNLIMITED))
        next(lines)
        last = next(lines)
        self.assertLessEqual(sys.getrefcount(last), 2)  # `last` and the argument.


class Writing(unittest.TestCase):
    def test_lines_of_many_threads_never_mix(self):
        reader, writer = os.pipe()
        out = LineWriter(writer)
        texts = [bytes([65 + number]) * 100_000 for number in range(8)]
        threads = [threading.Thread(target=lambda text=text: [out.write(text + b"\n") for _ in range(5)]) for text in texts]
        closer = threading.Thread(target=lambda: [thread.join() for thread in threads] and os.close(writer))
        for thread in [*threads, closer]:
            thread.start()
        lines = list(read_lines(reader, LineSplitter(UNLIMITED)))
        closer.join()
        os.close(reader)
        self.assertEqual(sorted(lines), sorted(texts * 5))

    def test_an_abandoned_line_takes_nothing_and_is_closed(self):
        reader, writer = os.pipe()
        out = LineWriter(writer)
        out.abandon()
        out.write(b"lost\n")
        self.assertEqual(os.read(reader, 100), b"")
        os.close(reader)


def split(chunks, bytes_max):
    """Return the lines as text, what is held, and why reading was refused."""
    splitter = LineSplitter(bytes_max or UNLIMITED)
    lines = []
    try:
        for chunk in chunks:
            for line in splitter.feed(chunk):
                lines.append(line.decode())
    except LineTooLong:
        return lines, None, "too-long"
    except UnicodeDecodeError:
        return lines, None, "utf-8"
    return lines, splitter.held, None


if __name__ == "__main__":
    unittest.main()
