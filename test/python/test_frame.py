import json
import os
import socket
import sys
import threading
import unittest
from _thread import _count as count_threads
from contextlib import contextmanager
from unittest.mock import patch

from harness import VECTORS
from pythonarium.frame import CHUNK_BYTES, LineEnded, LineReader, LineTooLong, LineWriter, poll_of, widen
from pythonarium.reply_page import ReplyPage, pack_into

CASES = json.loads((VECTORS / "frames.json").read_text(encoding="utf-8"))["cases"]
UNLIMITED = 1 << 30


class Frames(unittest.TestCase):
    def test_lines_come_out_as_the_vectors_say(self):
        for case in CASES:
            with self.subTest(case["name"]):
                lines, raw, held, refused = read([bytes.fromhex(chunk) for chunk in case["chunks"]], case)
                self.assertEqual((lines, raw, refused), (case["lines"], case.get("attachments"), case.get("refused")))
                if not refused:
                    self.assertEqual(held.hex(), case["held"])

    def test_lines_are_the_same_however_the_bytes_are_cut(self):
        for case in CASES:
            whole = b"".join(map(bytes.fromhex, case["chunks"]))
            one_by_one = [whole[i : i + 1] for i in range(len(whole))]
            for chunks in [one_by_one, *([whole[:i], whole[i:]] for i in range(len(whole)))]:
                with self.subTest(case["name"], cut=[len(chunk) for chunk in chunks[:2]]):
                    lines, raw, held, refused = read(chunks, case)
                    self.assertEqual(refused, case.get("refused"))
                    if not refused:
                        self.assertEqual((lines, raw, held.hex()), (case["lines"], case.get("attachments"), case["held"]))

    def test_a_line_that_is_too_long_says_how_long_and_what_the_limit_is(self):
        with self.assertRaisesRegex(LineTooLong, "9 bytes .* 8 bytes") as caught:
            list(Fed([b"123456789"], 8))
        self.assertEqual((caught.exception.bytes, caught.exception.limit), (9, 8))

    def test_reading_ends_when_the_other_side_hangs_up(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.write(writer, b"one\ntwo\nthr")
        os.close(writer)
        self.assertEqual(list(LineReader(reader, UNLIMITED)), [b"one", b"two"])

    def test_nothing_is_kept_of_a_line_that_was_handed_on(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        os.write(writer, b"one\ntwo\n")
        lines = iter(LineReader(reader, UNLIMITED))
        next(lines)
        last = next(lines)
        self.assertLessEqual(sys.getrefcount(last), 2)  # `last` and the argument.


    def test_what_is_raised_as_a_line_is_waited_for_takes_nothing_away_unless_that_is_said(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        lines = LineReader(reader, UNLIMITED)
        os.write(writer, b"one\ntw")
        lines.await_line()
        self.assertEqual((lines.lines, lines.held, lines.is_taking), ([b"one"], b"tw", False))
        self.assertEqual(lines.line(), b"one")
        lines.wait_by(raising(TimeoutError("an alarm")), threads_max=1_000)
        with self.assertRaises(TimeoutError):
            lines.await_line()
        self.assertEqual((lines.held, lines.is_taking), (b"tw", False))
        lines.wait_by(lambda: None, threads_max=1_000)
        os.write(writer, b"o\nthree\n")
        lines.await_line()
        self.assertEqual((lines.line(), lines.line(), lines.is_taking), (b"two", b"three", False))
        os.write(writer, b"four\n")
        with patch.object(lines, "_split", raising(TimeoutError("an alarm"))), self.assertRaises(TimeoutError):
            lines.await_line()
        self.assertTrue(lines.is_taking)
        os.close(writer)
        lines.await_line()
        self.assertEqual((lines.line(), lines.is_taking), (None, False))

    def test_a_line_that_is_too_long_is_not_waited_for(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        lines = LineReader(reader, 8)
        os.write(writer, b"123456789")
        lines.await_line()
        with self.assertRaises(LineTooLong):
            lines.line()

    def test_it_waits_in_a_poll_unless_other_threads_run(self):
        near, far = socket.socketpair()
        with near, far:
            reader = LineReader(near.fileno(), UNLIMITED)
            poll = poll_of(near.fileno())
            polled = []
            reader.wait_by(lambda: polled.append(poll()), threads_max=count_threads())
            far.sendall(b"one\n")
            self.assertEqual((reader.line(), len(polled)), (b"one", 1))
            over = threading.Event()
            other = threading.Thread(target=over.wait)
            other.start()
            self.addCleanup(other.join)
            self.addCleanup(over.set)
            far.sendall(b"two\n")
            self.assertEqual((reader.line(), len(polled)), (b"two", 1))

    def test_a_poll_ends_when_the_other_side_hangs_up(self):
        near, far = socket.socketpair()
        with near:
            reader = LineReader(near.fileno(), UNLIMITED)
            reader.wait_by(poll_of(near.fileno()), threads_max=1_000)
            far.sendall(b"one\ntw")
            far.close()
            self.assertEqual(list(reader), [b"one"])

    def test_raw_bytes_that_never_come_are_the_end(self):
        for is_writable in (False, True):
            reader = Fed([b"line\nab"], UNLIMITED)
            next(iter(reader))
            with self.assertRaises(LineEnded):
                reader.take([(3, is_writable)])

    def test_many_raw_bytes_are_cut_from_each_chunk_that_came_with_them_once(self):
        count = 50_000
        raw = os.urandom(16 * count)
        reader = Fed([b"line\n" + raw[:60_000], *(raw[at : at + CHUNK_BYTES] for at in range(60_000, len(raw), CHUNK_BYTES)), b"next\n"], UNLIMITED)
        lines = iter(reader)
        next(lines)
        taken = reader.take((16, number % 2 == 0) for number in range(count))
        self.assertEqual(b"".join(taken), raw)
        self.assertEqual(reader.reads, 1 + -(-(len(raw) - 60_000) // CHUNK_BYTES))
        self.assertEqual(list(lines), [b"next"])

    def test_large_raw_bytes_come_whole_and_the_next_line_after_them(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        sent = os.urandom(1 << 20)
        out = LineWriter(writer)
        thread = threading.Thread(target=lambda: [out.write(b"line\n", [memoryview(sent), memoryview(b"x"), memoryview(sent)]), out.write(b"next\n"), os.close(writer)])
        thread.start()
        lines = LineReader(reader, 100)
        each = iter(lines)
        self.assertEqual(next(each), b"line")
        taken = lines.take([(len(sent), False), (1, False), (len(sent), True)])
        self.assertEqual(list(each), [b"next"])
        thread.join()
        self.assertEqual(taken, [sent, b"x", sent])
        self.assertEqual(list(map(type, taken)), [bytes, bytes, bytearray])


class Writing(unittest.TestCase):
    def test_lines_of_many_threads_never_mix(self):
        reader, writer = os.pipe()
        out = LineWriter(writer)
        texts = [bytes([65 + number]) * 100_000 for number in range(8)]
        threads = [threading.Thread(target=lambda text=text: [out.write(text + b"\n") for _ in range(5)]) for text in texts]
        closer = threading.Thread(target=lambda: [thread.join() for thread in threads] and os.close(writer))
        for thread in [*threads, closer]:
            thread.start()
        lines = list(LineReader(reader, UNLIMITED))
        closer.join()
        os.close(reader)
        self.assertEqual(sorted(lines), sorted(texts * 5))

    def test_a_line_becomes_wider_with_the_first_large_bytes_and_blocks_as_before(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            wide = patch("pythonarium.frame.WIDE_BYTES", 2 * room_of(ours))
            out = LineWriter(ours.fileno())
            before = room_of(ours)
            with wide, sent_to(theirs) as came:
                out.write(b"x" * 1_000_000 + b"\n")
                out.write(b"line\n", [b"small"])
                self.assertEqual(room_of(ours), before)
                out.write(b"line\n", [b"l" * 200_000])
                self.assertGreater(room_of(ours), before)
                self.assertTrue(os.get_blocking(ours.fileno()))
                out.write(b"line\n", [b"l" * 200_000])
                ours.shutdown(socket.SHUT_WR)
            self.assertEqual(len(came[0]), 1_000_001 + 10 + 2 * 200_005)

    def test_a_line_stays_as_it_is_where_it_is_no_socket_or_would_not_block_any_more(self):
        widen(-1)
        reader, writer = os.pipe()
        with open(reader, "rb") as pipe:
            widen(writer)
            os.close(writer)
            self.assertEqual(pipe.read(), b"")
        ours, theirs = socket.socketpair()
        with ours, theirs:
            before = room_of(ours)
            self.addCleanup(socket.setdefaulttimeout, None)
            socket.setdefaulttimeout(5)
            widen(ours.fileno())
            self.assertEqual(room_of(ours), before)
            self.assertTrue(os.get_blocking(ours.fileno()))

    def test_a_line_stays_as_it_is_and_is_written_where_nobody_may_have_a_socket(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            free = next_descriptor()
            with patch("_socket.socket", raising(RuntimeError("no sockets here"))), sent_to(theirs) as came:
                LineWriter(ours.fileno()).write(b"line\n", [bytes(200_000)])
                ours.shutdown(socket.SHUT_WR)
            self.assertEqual(len(came[0]), 200_005)
            self.assertEqual(next_descriptor(), free)

    def test_a_limit_of_time_that_ends_as_a_line_becomes_wider_is_raised_once_all_is_written(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            with patch("os.dup", raising(TimeoutError("an alarm"))), sent_to(theirs) as came:
                with self.assertRaisesRegex(TimeoutError, "an alarm"):
                    LineWriter(ours.fileno()).write(b"line\n", [bytes(200_000)])
                ours.shutdown(socket.SHUT_WR)
            self.assertEqual(len(came[0]), 200_005)

    def test_no_line_is_held_while_another_is_written_since_it_would_be_cleared_with_that(self):
        out, read, _ = self.holding()
        held = []

        def write(descriptor, part):
            held.append(out.hold(b"reply\n"))
            return os.write(descriptor, part)

        with patch("pythonarium.frame.write", write):
            out.write(b"line\n")
        out.flush()
        self.assertEqual((held, read()), ([False], b"line\n"))

    def test_a_line_that_comes_as_another_is_held_waits_for_it(self):
        out, read, page = self.holding()
        put = page.put

        def printing(line):
            with patch("pythonarium.reply_page.pack_into", lambda *told: [out.write(b"printed\n"), pack_into(*told)]):
                return put(line)

        with patch.object(page, "put", printing):
            self.assertTrue(out.hold(b"reply\n"))
        out.flush()
        self.assertEqual(read(), b"reply\nprinted\n")

    def test_what_is_raised_as_a_line_is_held_keeps_no_other_from_being_written(self):
        out, read, page = self.holding()
        with patch.object(page, "put", raising(TimeoutError("an alarm"))), self.assertRaises(TimeoutError):
            out.hold(b"reply\n")
        out.write(b"line\n")
        self.assertTrue(out.hold(b"reply\n"))
        out.flush()
        self.assertEqual(read(), b"line\nreply\n")

    def test_a_child_holds_no_line(self):
        out, _, page = self.holding()
        out.abandon()
        self.assertFalse(out.hold(b"reply\n"))
        self.assertEqual(page.used, 0)

    def holding(self):
        """Return what writes to a pipe and may hold lines back, what reads all that is there, and the page."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.set_blocking(reader, False)
        page = ReplyPage(bytearray(64), 0, 64)
        out = LineWriter(writer)
        self.addCleanup(out.abandon)
        out.hold_in(page)
        return out, lambda: os.read(reader, 100), page

    def test_an_abandoned_line_takes_nothing_and_is_closed(self):
        reader, writer = os.pipe()
        out = LineWriter(writer)
        out.abandon()
        out.write(b"lost\n")
        self.assertEqual(os.read(reader, 100), b"")
        os.close(reader)

    def test_what_a_child_forks_does_not_close_what_has_taken_the_number_of_the_line(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        out = LineWriter(writer)
        out.abandon()
        os.dup2(reader, writer)
        out.abandon()
        # Raises where it is closed already.
        os.close(writer)


def room_of(line):
    return line.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)


def next_descriptor():
    """Return the number that the next descriptor would have."""
    descriptor = os.dup(1)
    os.close(descriptor)
    return descriptor


@contextmanager
def sent_to(line):
    """Read all that comes on a socket; a list of it, once it has ended."""
    came = []
    thread = threading.Thread(target=lambda: came.append(b"".join(iter(lambda: line.recv(1 << 20), b""))))
    thread.start()
    yield came
    thread.join()


class Fed(LineReader):
    """A reader that gets just these chunks."""

    def __init__(self, chunks, bytes_max):
        super().__init__(-1, bytes_max)
        self.chunks = [chunk for chunk in chunks if chunk]
        self.reads = 0

    def _read(self):
        self.reads += 1
        return self.chunks.pop(0) if self.chunks else b""

    def _read_into(self, view):
        chunk = self._read()
        taken = min(len(view), len(chunk))
        view[:taken] = chunk[:taken]
        if chunk[taken:]:
            self.chunks.insert(0, chunk[taken:])
        return taken


def raising(error):
    """Return what raises `error`, whatever it is called with."""

    def raises(*_):
        raise error

    return raises


def read(chunks, case):
    """Return the lines as text, what came raw after each, what is held, and why reading was refused."""
    reader = Fed(chunks, case.get("messageBytesMax", UNLIMITED))
    announced = case.get("attachments")
    lines, raw = [], None if announced is None else []
    try:
        for line in reader:
            if announced is not None:
                wanted = announced[len(lines)]
                raw.append(wanted and [one.hex() for one in reader.take((len(one) // 2, at % 2 == 1) for at, one in enumerate(wanted))])
            lines.append(line.decode())
    except LineTooLong:
        return lines, raw, None, "too-long"
    except UnicodeDecodeError:
        return lines, raw, None, "utf-8"
    return lines, raw, reader.held, None


if __name__ == "__main__":
    unittest.main()
