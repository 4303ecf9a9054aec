"""A large answer in parts, each in a message of its own: Node reads one while the next is written.

This module is imported when the first such answer is given.
"""

from __future__ import annotations

from .message import MessageTooLarge, part
from .rows import are_distinct
from .value import DICT_ONLY, INT_MAX, LISTS, encode_unchecked, write_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


def encode_parts(
    value: Any, chars: int, bytes_max: float, say: Callable[[str], None], entries: Sequence[list[Any]] = ()
) -> str | None:
    """Say what is large in `value`, of about so many characters, and return what `value.encode` does of the rest.

    `say` is given the text of each part. `entries` are what `rich` tells of the value once its parts are where they belong.
    None: a part is more than JSON, and what was said of the others is of no use.
    Raises MessageTooLarge where all messages together would have more than `bytes_max` bytes, of which no more are sent.
    """
    parting = Parting(bytes_max, say)
    try:
        rest = parting.write(parting.cut(value, ["value"], chars // PART_CHARS))
    except (NotPlain, RecursionError):
        return None
    text = f'{rest},"rich":{encode_unchecked([*parting.rich, *entries])}'
    size = parting.bytes + len(text)
    if size > bytes_max:
        raise MessageTooLarge("", size, bytes_max)  # type: ignore[arg-type]
    return text


class Parting:
    """What has been said of a value in parts."""

    def __init__(self, bytes_max: float, say: Callable[[str], None]) -> None:
        self._bytes_max = bytes_max
        self._say = say
        # Where the parts belong, in the order in which they were said.
        self.rich: list[list[Any]] = []
        self.bytes = 0

    def cut(self, value: Any, path: list[str | int], room: int) -> Any:
        """Say a container in about so many parts, and return what is left of it."""
        is_dict, is_list = type(value) is dict, type(value) in LISTS
        if room > 1 and is_list and len(value) > FEW:
            # Looked at once: another thread may lengthen it meanwhile, and a part more than was told would be taken for another's.
            starts = range(0, len(value), -(-len(value) // room))
            self.rich.append([path, "part", len(starts)])
            for start in starts:
                self._part(value[start : start + starts.step])
            return None
        if room > 1 and (is_dict or is_list) and len(value) <= FEW:
            inner = [(at, held) for at, held in (value.items() if is_dict else enumerate(value)) if held and type(held) in CUT]
            if inner:
                if is_dict and not are_distinct(value):
                    raise NotPlain  # Two parts would have one place.
                rest = dict(value) if is_dict else list(value)
                for at, held in inner:
                    rest[at] = self.cut(held, [*path, at], room // len(inner))
                return rest
        self.rich.append([path, "part"])
        self._part(value)
        return None

    def write(self, value: Any) -> str:
        """Return the JSON text of `value`. Raises NotPlain."""
        text = write_plain(value)
        if text is None:
            raise NotPlain
        return text

    def _part(self, value: Any) -> None:
        text = self.write(value)
        self.bytes += PART_HEAD_BYTES + len(text)
        # What is too large is counted to its end all the same, for the error.
        if self.bytes <= self._bytes_max:
            self._say(text)


class NotPlain(Exception):
    """There is something that JSON has no words for, which shows only as it is written."""


# About what Node reads while Python writes as much.
PART_CHARS = 64 * 1024
# What may be cut further; a class of one's own is one part.
CUT = LISTS | DICT_ONLY
# What is around a part in its message, with the longest id.
PART_HEAD_BYTES = len(part(INT_MAX, "")) - 1
# A container of no more is cut into what it holds, and a longer list into lists.
FEW = 64
