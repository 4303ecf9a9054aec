"""What went wrong, as the ERROR object of the protocol, in bounded size whatever was raised."""

from __future__ import annotations

import os

from .value import ValueRefused, encode_unchecked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from traceback import TracebackException
    from typing import Any


def of_exception(raised: BaseException) -> dict[str, Any]:
    """Return the ERROR of something raised: as Python would have printed it, without our own frames.

    Its causes follow (`raise ... from ...`, or what was being handled), up to a bounded depth.
    """
    if isinstance(raised, ValueRefused):
        return _error("ERR_VALUE", "TypeError", str(raised), path=raised.path)
    return _from_chain(raised, [])


def of_unknown(name: str, functions: list[str]) -> dict[str, Any]:
    """Return the ERROR of a call to something that Node may not call."""
    return _error("ERR_NOT_EXPOSED", "LookupError", f"There is no exposed function {name!r}.", functions=functions)


def of_names(message: str, functions: list[str]) -> dict[str, Any]:
    """Return the ERROR of a start that cannot find what it shall expose or run."""
    return _error("ERR_NOT_EXPOSED", "LookupError", message, functions=functions)


def of_size(size: int, limit: int, option: str = "messageBytesMax") -> dict[str, Any]:
    """Return the ERROR of a reply that is over the limit which `option` sets."""
    what = "be a message of" if option == "messageBytesMax" else "carry raw bytes,"
    message = (
        f"The reply would {what} {size} bytes, and the limit `{option}` is {limit}. "
        "Return less, write it to a file and return the path, or raise the limit."
    )
    return _error("ERR_MESSAGE_TOO_LARGE", "ValueError", message, bytes=size, limit=limit, option=option)


def to_json(error: dict[str, Any], bytes_max: int) -> str:
    """Return an ERROR as JSON text; over `bytes_max` bytes, without what makes it long."""
    text = encode_unchecked(error)
    if len(text) <= bytes_max:
        return text
    brief = {**error, "message": _cut(error["message"], BRIEF_CHARS_MAX), "traceback": "", "notes": [], "cause": None}
    if "path" in error:
        brief["path"] = _cut(error["path"], BRIEF_CHARS_MAX)
    if "functions" in error:
        brief["functions"] = []
    return encode_unchecked(brief)


def _error(code: str, kind: str, message: str, **more: Any) -> dict[str, Any]:
    return {
        "code": code,
        "type": kind,
        "module": "builtins",
        "message": message,
        "traceback": "",
        "notes": [],
        "cause": None,
        **more,
    }


def _from_chain(raised: BaseException, above: list[BaseException]) -> dict[str, Any]:
    kind = type(raised)
    cause = raised.__cause__
    if cause is None and not raised.__suppress_context__:
        cause = raised.__context__
    above.append(raised)
    told = cause is None or len(above) >= CAUSES_MAX or any(cause is one for one in above)
    return {
        "code": "ERR_PYTHON",
        "type": _plain(kind.__qualname__, NAME_CHARS_MAX),
        "module": _plain(getattr(kind, "__module__", "builtins"), NAME_CHARS_MAX),
        "message": _plain(_message(raised), MESSAGE_CHARS_MAX),
        "traceback": _plain(_traceback(raised), TRACEBACK_CHARS_MAX),
        "notes": _notes(raised),
        "cause": None if told else _from_chain(cause, above),  # type: ignore[arg-type]
    }


def _message(raised: BaseException) -> str:
    if isinstance(raised, SystemExit):
        return f"sys.exit({_message_of_exit(raised)}) was called, which in a worker is an error like any other."
    try:
        return str(raised)
    except BaseException as second:
        return f"({type(raised).__qualname__}, whose text cannot be had: {type(second).__qualname__})"


def _message_of_exit(raised: SystemExit) -> str:
    try:
        return "" if raised.code is None else repr(raised.code)
    except BaseException:
        return "..."


def _traceback(raised: BaseException) -> str:
    # Slow to import, and most workers never need it.
    try:
        from traceback import TracebackException

        told = TracebackException(type(raised), raised, raised.__traceback__, compact=True)
        _drop_our_frames(told)
        return "".join(told.format())
    except BaseException as second:
        return f"Traceback (cannot be had: {type(second).__qualname__})\n"


def _drop_our_frames(told: TracebackException) -> None:
    """Leave out the frames of this library and of the import system, here and along the chain."""
    chain: list[TracebackException | None] = [told]
    while chain:
        one = chain.pop()
        if one is None:
            continue
        if one.stack is not None:
            one.stack[:] = [frame for frame in one.stack if not frame.filename.startswith(OURS)]
        chain += (one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or ()))


def _notes(raised: BaseException) -> list[str]:
    try:
        notes = raised.__notes__  # type: ignore[attr-defined]
        return [_plain(note, NOTE_CHARS_MAX) for note in list(notes)[:NOTES_MAX] if isinstance(note, str)]
    except BaseException:
        return []  # There are none, or they are no list.


def _plain(text: Any, chars_max: int) -> str:
    return _cut(text if isinstance(text, str) else repr(text), chars_max)


def _cut(text: str, chars_max: int) -> str:
    if len(text) <= chars_max:
        return text
    half = chars_max // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"


OURS = (os.path.dirname(os.path.abspath(__file__)) + os.sep, "<frozen importlib")
CAUSES_MAX = 16
NAME_CHARS_MAX = 200
MESSAGE_CHARS_MAX = 16_384
TRACEBACK_CHARS_MAX = 65_536
BRIEF_CHARS_MAX = 200
NOTES_MAX = 32
NOTE_CHARS_MAX = 4_096
