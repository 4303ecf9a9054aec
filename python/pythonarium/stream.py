"""The items of a generator on their way to Node: many in one message, and never more than Node has room for."""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread
from itertools import chain
from time import monotonic, sleep

from . import message
from .cancel import CallCancelled
from .message import MessageTooLarge
from .value import ATOMS, DICT_ONLY, LISTS, NO_ATTACHMENTS, ValueRefused, are_keys, encode, encode_members, encode_plain, encode_unchecked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any

    from .exchange import Exchange
    from .rich import Hook


class Stream:
    """One call's items. Node says how many more, and how many bytes of them, it has room for."""

    def __init__(self, exchange: Exchange, room: dict[str, int]) -> None:
        self._exchange = exchange
        self._items = room["items"]
        self._bytes = room["bytes"]
        self._depth_max, self._bytes_max = exchange.depth_max, exchange.bytes_max
        exchange.hear["credit"] = self._make_room
        # What was yielded and not sent: what cannot change any more, or its JSON text.
        self._batch: list[Any] = []
        self._lock = allocate_lock()
        self._is_over = False
        # One item after the other, as long as they come slowly.
        self._is_fast = False
        self._quick = 0
        self._sent_at = 0.0
        self._failure: BaseException | None = None
        # How many have been sent.
        self._sent = 0
        # How large an item was in the last message.
        self._item_bytes = 1.0

    def send(self, iterator: Iterator[Any]) -> None:
        """Send all items of `iterator`, and close it whatever happens. Raises what it raises, once the items before are sent."""
        cancellation = self._exchange.cancellation
        armed = cancellation.disarm()
        try:
            # In a function of its own: from Python 3.13 on, what interrupts a loop at the end of a turn passes by all that is
            # around the loop in the same function (https://github.com/python/cpython/issues/130279).
            self._send_all(iterator if hasattr(type(iterator), "__iter__") else _Each(iterator), armed)
        except BaseException as raised:
            cancellation.disarm()
            self._end(raised)
            raise
        finally:
            self._close()
            close = getattr(iterator, "close", None)
            if close is not None:
                close()

    def _send_all(self, items: Iterator[Any] | _Each, armed: int) -> None:
        cancellation = self._exchange.cancellation
        batch = self._batch
        append = batch.append
        while True:
            self._exchange.wait(self._has_room)
            rest = self._batch_max()
            left = rest if rest < LOOK_ITEMS else LOOK_ITEMS
            chars = 0
            chars_max = min(BATCH_BYTES, self._bytes)
            cancellation.arm(armed)
            for item in items:
                kind = type(item)
                if kind is dict and are_atoms(map(type, item.values())):
                    append(item.copy())
                elif kind is str:
                    append(item)
                    chars += len(item)
                    if chars > chars_max:
                        break
                elif kind in NUMBERS:
                    append(item)
                else:
                    item = _fixed(item, kind, self._depth_max, self._exchange.handing, self._bytes_max)
                    append(item)
                    kind = type(item)
                    if kind is _Rich:
                        break
                    if kind is _Text:
                        chars += len(item)
                        if chars > chars_max:
                            break
                left -= 1
                if not left:
                    rest -= LOOK_ITEMS
                    if rest <= 0:
                        break
                    left = rest if rest < LOOK_ITEMS else LOOK_ITEMS
                    # To look into each row would slow all the small ones: one stands for those since the last look.
                    if kind is dict or kind in LISTS:
                        chars += LOOK_ITEMS * _chars_of(item)
                        if chars > chars_max:
                            break
            else:
                cancellation.disarm()
                self._flush()
                return
            armed = cancellation.disarm()
            self._flush()

    async def send_async(self, iterator: AsyncIterator[Any]) -> None:
        """As `send`, for an asynchronous iterator, on the loop that runs."""
        items = iterator if hasattr(type(iterator), "__aiter__") else _Each(iterator)
        left = chars = 0
        try:
            async for item in items:
                kind = type(item)
                if kind is str:
                    chars += len(item)
                elif kind not in NUMBERS:
                    item = _fixed(item, kind, self._depth_max, self._exchange.handing, self._bytes_max)
                    kind = type(item)
                    if kind is _Rich:
                        left = 0
                    elif kind is _Text:
                        chars += len(item)
                    elif not left % LOOK_ITEMS:
                        chars += LOOK_ITEMS * _chars_of(item)
                self._batch.append(item)
                left -= 1
                if left <= 0 or chars > BATCH_BYTES:
                    self._flush()
                    await self._exchange.wait_async(self._has_room, self)
                    left = self._batch_max()
                    chars = 0
            self._flush()
        except BaseException as raised:
            self._end(raised)
            raise
        finally:
            self._close()
            close = getattr(iterator, "aclose", None)
            if close is not None:
                await close()

    def _has_room(self) -> bool:
        return self._items > 0 and self._bytes > 0

    def _batch_max(self) -> int:
        if not self._is_fast:
            return 1
        # As large as those before, the items of a batch fill no more than a message of a good size.
        return max(1, min(self._items, BATCH_ITEMS, int(min(self._bytes, BATCH_BYTES) / self._item_bytes)))

    def _make_room(self, told: dict[str, Any]) -> Stream:
        self._items += told["items"]
        self._bytes += told["bytes"]
        return self

    def _end(self, raised: BaseException) -> None:
        """Send what was yielded before `raised`; nobody is there for it if the call was given up."""
        if not isinstance(raised, CallCancelled):
            self._flush()
        # What was not even written would have been the next.
        if isinstance(raised, MessageTooLarge) and not raised.what:
            raise MessageTooLarge(f"item {self._sent} of the stream", raised.bytes, raised.limit, raised.option) from None

    def _close(self) -> None:
        with self._lock:
            self._is_over = True
            self._batch.clear()

    def _flush(self) -> None:
        now = monotonic()
        if not self._is_fast:
            # Only a generator that is quick several times in a row is: each message costs more than an item.
            self._quick = self._quick + 1 if now - self._sent_at < QUICK_S else 0
            if self._quick > QUICK_ITEMS:
                try:
                    start_new_thread(self._watch, ())
                    self._is_fast = True
                except RuntimeError:
                    # The system allows no more of them: nothing may lie there unwatched, and each item goes by itself.
                    self._quick = 0
        self._sent_at = now
        self._send_batch()
        if self._failure is not None:
            raise self._failure

    def _watch(self) -> None:
        """Send what lies there while the generator takes its time over the next item."""
        sent_at = 0.0
        while not self._is_over:
            sleep(WATCH_S)
            if self._batch and sent_at == self._sent_at:
                self._send_batch()
            sent_at = self._sent_at

    def _send_batch(self) -> None:
        batch = self._batch
        with self._lock:
            count = len(batch)
            if not count or self._is_over or self._failure is not None:
                return
            items = batch[:count]
            del batch[:count]
            sent_before = self._sent
            try:
                try:
                    self._send_items(items)
                except ValueRefused:
                    # Those before the one that cannot cross are sent, and none of them twice.
                    left = items[self._sent - sent_before :]
                    count, refused = _find_refused(left, self._depth_max)
                    self._send_items(left[:count])
                    self._failure = refused
            # Everything: in the thread that watches, nobody would hear of it.
            except BaseException as raised:
                self._failure = raised

    def _send_items(self, items: list[Any]) -> None:
        at = 0
        for text, attachments, count in _messages(items, self._depth_max):
            line = message.items(self._exchange.call, text)
            # By the thread that sends it, under the lock: a call that is interrupted meanwhile waits for that in
            # `_close`, before it takes back what is unsent. Not with other items: while they are sent, the next one may
            # be half encoded, and its objects are unsent.
            handing = self._exchange.handing
            sending = handing.sending() if type(items[at]) is _Rich else []
            try:
                self._exchange.say(f"item {self._sent} of the stream", line, attachments)
            except MessageTooLarge:
                handing.not_sent(sending)
                if count == 1:
                    raise
                # Each may be small enough for a message of its own.
                self._send_items(items[at : at + count // 2])
                self._send_items(items[at + count // 2 : at + count])
            else:
                # As large as it is for Node, which sees no newline: what is taken and never given back is missing in the end.
                size = len(line) - 1 + sum([one.nbytes for one in attachments])
                self._items -= count
                self._bytes -= size
                self._item_bytes = size / count
                self._sent += count
            at += count


class _Each:
    """What is asked for no more than the next item, as a `for` asks what `iter()` has returned, and can be gone over in parts."""

    def __init__(self, iterator: Any) -> None:
        self._iterator = iterator

    def __iter__(self) -> _Each:
        return self

    def __next__(self) -> Any:
        return self._iterator.__next__()

    def __aiter__(self) -> _Each:
        return self

    def __anext__(self) -> Any:
        return self._iterator.__anext__()


def _fixed(item: Any, kind: type, depth_max: int, hook: Hook, bytes_max: int) -> Any:
    """Return `item` as it is now: the generator may change it before its batch is sent. Raises ValueRefused and MessageTooLarge."""
    # A copy is all that a flat row needs, and the rows of a batch are encoded much faster together.
    if kind is dict and are_atoms(map(type, item.values())):
        return item.copy()
    if kind in LISTS and are_atoms(map(type, item)):
        return item[:]
    text = encode_plain(item, depth_max, bytes_max)
    if text is not None:
        return _Text(text)
    rich = _Rich(item, depth_max, hook, bytes_max)
    # A date or a dataclass is JSON all the same, and goes with the others.
    return rich if rich.attachments is not NO_ATTACHMENTS else _Text(rich.text[len(VALUES) : -1])


def _chars_of(row: Any) -> int:
    """Return about how many characters the JSON of a flat row takes.

    Rather too few than too many: small rows are not to be sent in smaller numbers because of a guess.
    """
    values = row.values() if type(row) is dict else row
    return CELL_CHARS * len(row) + sum([len(value) for value in values if type(value) is str])


class _Text(str):
    """An item that is JSON already."""

    __slots__ = ()


class _Rich:
    """An item that has a message of its own, for the sake of what JSON has no word for. It is sent at once."""

    def __init__(self, item: Any, depth_max: int, hook: Hook | None = None, bytes_max: float = float("inf")) -> None:
        try:
            self.text, self.attachments = encode_members({"values": [item]}, depth_max, hook, bytes_max)
        except ValueRefused:
            encode(item, depth_max, hook, bytes_max)  # Refused with the path in the item.
            raise


def _messages(items: list[Any], depth_max: int) -> Iterator[tuple[str, list[memoryview], int]]:
    """Yield the messages that carry `items`: the member `values`, its attachments, how many items it has."""
    kinds = set(map(type, items))
    if not items:
        return
    if kinds == DICT_ONLY:
        text = _encode_rows(items)
        if text is not None:
            yield f'"values":{text}', [], len(items)
            return
    if _Text not in kinds and _Rich not in kinds:
        yield (*encode_members({"values": items}, depth_max), len(items))
        return
    texts: list[str] = []
    for item in items:
        text = item if type(item) is _Text else None if type(item) is _Rich else encode_plain(item, depth_max)
        if text is not None:
            texts.append(text)
            continue
        if texts:
            yield f'"values":[{",".join(texts)}]', [], len(texts)
            texts = []
        rich = item if type(item) is _Rich else _Rich(item, depth_max)
        yield rich.text, rich.attachments, 1
    if texts:
        yield f'"values":[{",".join(texts)}]', [], len(texts)


def _encode_rows(rows: list[dict[Any, Any]]) -> str | None:
    """Return dicts of nothing but atoms as JSON, or None if they have to be looked at one by one."""
    global _long_integer
    if not are_keys(chain.from_iterable(rows)):
        return None
    try:
        text = encode_unchecked(rows)
    except ValueError:
        return None  # NaN or an infinity.
    if _long_integer is None:
        from re import compile

        # Sixteen digits may be more than a JavaScript number can hold.
        _long_integer = compile(r":-?\d{16}").search
    return None if _long_integer(text) or "\\ud" in text else text


def _find_refused(items: list[Any], depth_max: int) -> tuple[int, ValueRefused | None]:
    """Return the index of the first item that cannot cross, and why."""
    for index, item in enumerate(items):
        # What is JSON already, or has a message of its own, was looked at as it was yielded.
        if type(item) is not _Text and type(item) is not _Rich:
            try:
                encode(item, depth_max)
            except ValueRefused as refused:
                return index, refused
    return len(items), None


are_atoms = ATOMS.issuperset
_long_integer: Callable[[str], object] | None = None
NUMBERS = frozenset((int, float, bool, type(None)))
# What stands before a single item in its message.
VALUES = '"values":['
BATCH_ITEMS = 256
BATCH_BYTES = 64 * 1024
# So many rows may be gathered before it is seen that they have grown.
LOOK_ITEMS = 32
# What a cell takes that is no text, or around one that is.
CELL_CHARS = 4
QUICK_S = 0.000_2
QUICK_ITEMS = 4
WATCH_S = 0.001
