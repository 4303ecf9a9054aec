"""What went wrong, as the ERROR object of the protocol, in bounded size whatever was raised."""

from __future__ import annotations

import os

from .message import MessageTooLarge
from .value import ValueRefused, encode_unchecked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from traceback import TracebackException
    from typing import Any


class JavaScriptError(Exception):
    """What a JavaScript function threw that Python had called.

    Caught or not, it can be told by `name` (`"TypeError"`), `message`, `stack` (the text, which is also its note) and
    `code` (`None` where it had none). Its `__cause__` is the `cause` of the JavaScript error. If it leaves the call, Node
    gets the very object back that was thrown.
    """

    __module__ = __package__

    def __init__(self, name: str, message: str, stack: str = "", code: str | None = None) -> None:
        super().__init__(name, message, stack, code)
        self.name = name
        self.message = message
        self.stack = stack
        self.code = code
        self._thrown: int | None = None
        if stack:
            self.__notes__ = [stack]  # Where there is no `add_note` yet (3.10), Node shows it all the same.

    def __str__(self) -> str:
        return f"{self.name}: {self.message}" if self.message else self.name


def of_javascript(told: dict[str, Any]) -> JavaScriptError:
    """Return the exception for a JSERROR of the protocol, to be raised where Python called."""
    raised = JavaScriptError(told["name"], told["message"], told["stack"], told["code"])
    raised._thrown = told.get("thrown")
    if told["cause"] is not None:
        raised.__cause__ = of_javascript(told["cause"])
    return raised


class ArgumentRefused(TypeError):
    """An argument is not what its hint says, found before the function was started."""

    def __init__(self, path: str, expected: str, got: str) -> None:
        super().__init__(f"{path} must be {expected}, and {got} came.")
        self.path, self.expected, self.got = path, expected, got


def of_exception(raised: BaseException) -> dict[str, Any]:
    """Return the ERROR of something raised: as Python would have printed it, without our own frames.

    Its causes follow (`raise ... from ...`, or what was being handled) and the members of a group, up to a bounded
    depth and number.
    """
    try:
        return _of_exception(raised)
    except BaseException as second:
        # Its class lets nobody look at it.
        message = f"({name_of(type(raised))}, of which no more can be told: {name_of(type(second))})"
        return {**_error("ERR_PYTHON", "", message), **_classes(type(raised)), "frames": []}


def of_unknown(name: str, functions: list[str]) -> dict[str, Any]:
    """Return the ERROR of a call to something that Node may not call."""
    return _error("ERR_NOT_EXPOSED", "LookupError", f"There is no exposed function {name!r}.", functions=functions)


def of_names(message: str, functions: list[str]) -> dict[str, Any]:
    """Return the ERROR of a start that cannot find what it shall expose or run."""
    return _error("ERR_NOT_EXPOSED", "LookupError", message, functions=functions)


def to_json(error: dict[str, Any], bytes_max: int) -> str:
    """Return an ERROR as JSON text; over `bytes_max` bytes, without what makes it long."""
    text = encode_unchecked(error)
    if len(text) <= bytes_max:
        return text
    brief = {**error, "traceback": "", "notes": [], "cause": None}
    for long in ("frames", "errors", "functions"):
        if long in error:
            brief[long] = []
    brief.pop("framesLeftOut", None)
    brief.pop("handling", None)
    chars_max = BRIEF_CHARS_MAX
    # A character may take twelve bytes.
    while len(text) > bytes_max and chars_max > 1:
        brief.update((field, _cut(error[field], chars_max)) for field in TEXTS if field in error)
        text = encode_unchecked(brief)
        if "mro" in error:
            brief["mro"] = [_cut(error["mro"][0], chars_max)]
        chars_max //= 2
    return text


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


def _of_exception(raised: BaseException) -> dict[str, Any]:
    if isinstance(raised, ValueRefused):
        return _error("ERR_VALUE", "TypeError", str(raised), path=raised.path)
    if isinstance(raised, ArgumentRefused):
        return _error("ERR_ARGUMENT", "TypeError", str(raised), path=raised.path, expected=raised.expected, got=raised.got)
    if isinstance(raised, MessageTooLarge):
        seen = {"bytes": raised.bytes, "limit": raised.limit, "option": raised.option}
        if raised.what:
            seen["what"] = raised.what
        return _error("ERR_MESSAGE_TOO_LARGE", "ValueError", str(raised), **seen)
    return _from_tree(raised, [], [EXCEPTIONS_MAX], None)


def _from_tree(raised: BaseException, above: list[BaseException], left: list[int], printed: _Printed | None) -> dict[str, Any]:
    """Return the ERROR of `raised`. `above` are those it is told under, `left` how many more may be told in all.

    `printed` is what Python prints of it, where that is known.
    """
    left[0] -= 1
    kind = type(raised)
    printed = printed or _printed(raised)
    traceback, frames, left_out = printed.traceback(raised)
    told: dict[str, Any] = {
        "code": "ERR_PYTHON",
        **_classes(kind),
        "message": _plain(_message(raised), MESSAGE_CHARS_MAX),
        "traceback": traceback,
        "notes": _notes(raised),
        "cause": None,
        "frames": frames,
    }
    if left_out:
        told["framesLeftOut"] = left_out
    above = [*above, raised]
    cause = raised.__cause__
    handling = cause is None and not raised.__suppress_context__
    if handling:
        cause = raised.__context__
    if cause is not None and _is_to_tell(cause, above, left):
        told["cause"] = _from_tree(cause, above, left, printed.of_cause(handling))
        if handling:
            told["handling"] = True
    if any(one.__name__ == "BaseExceptionGroup" for one in kind.__mro__):
        told["errors"] = [_from_tree(one, above, left, None) for one in _members(raised) if _is_to_tell(one, above, left)]
    if isinstance(raised, JavaScriptError) and raised._thrown is not None:
        told["thrown"] = raised._thrown
    return told


def _is_to_tell(raised: BaseException, above: list[BaseException], left: list[int]) -> bool:
    return left[0] > 0 and len(above) < CAUSES_MAX and not any(raised is one for one in above)


def _members(group: BaseException) -> list[BaseException]:
    members = getattr(group, "exceptions", ())
    return [one for one in members if isinstance(one, BaseException)] if isinstance(members, (tuple, list)) else []


def _classes(kind: type) -> dict[str, Any]:
    """Return those fields of an ERROR that tell of what class it is."""
    return {
        "type": _plain(name_of(kind), NAME_CHARS_MAX),
        "module": _plain(_module_of(kind), NAME_CHARS_MAX),
        "mro": [_full_name(one) for one in bases_of(kind)[:CLASSES_MAX] if one is not object],
    }


def _full_name(kind: type) -> str:
    """Return a class's name behind its module and a colon, so that the dots of either cannot be mixed up."""
    return _plain(f"{_module_of(kind)}:{name_of(kind)}", NAME_CHARS_MAX)


def _module_of(kind: type) -> Any:
    try:
        return module_of(kind)
    except AttributeError:
        return "builtins"  # A class made without one has none.


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


class _Printed:
    """What Python prints of an exception, in parts: of those that it came of, then how they are tied, and last of itself.

    So what is printed of a cause is where that of the exception begins, and the parts of a chain are made once for all in it.
    """

    def __init__(self, told: TracebackException | None, parts: list[str]) -> None:
        # None where it cannot be had; `parts` says why.
        self._told = told
        self._parts = parts

    def of_cause(self, is_handling: bool) -> _Printed | None:
        """Return what is printed of what it came of; None if that is not printed here. To be asked once."""
        told = self._told
        if told is None:
            return None
        cause = told.__context__ if is_handling else told.__cause__
        if cause is None:
            return None
        told.__cause__ = told.__context__ = None
        own = sum(1 for _ in told.format())
        return _Printed(cause, self._parts[: -own - 1])

    def traceback(self, raised: BaseException) -> tuple[str, list[dict[str, Any]], int]:
        """Return it as text, the frames as the protocol has them, and how many of those are left out."""
        try:
            frames, left_out = ([], 0) if self._told is None else _frames(self._told, raised)
            return _plain("".join(self._parts), TRACEBACK_CHARS_MAX), frames, left_out
        except BaseException as second:
            return _why_not(second), [], 0


def _printed(raised: BaseException) -> _Printed:
    # Slow to import, and most workers never need it.
    try:
        from traceback import TracebackException

        told = TracebackException(type(raised), raised, raised.__traceback__, compact=True)
        _drop_our_frames(told)
        return _Printed(told, list(told.format()))
    except BaseException as second:
        return _Printed(None, [_why_not(second)])


def _why_not(second: BaseException) -> str:
    return f"Traceback (cannot be had: {type(second).__qualname__})\n"


def _frames(told: TracebackException, raised: BaseException) -> tuple[list[dict[str, Any]], int]:
    """Return where `raised` came through, the innermost first, and how many are left out in the middle."""
    frames = [(frame.filename, frame.lineno, frame.name, frame.line) for frame in reversed(told.stack)]
    if isinstance(raised, SyntaxError) and raised.filename is not None:
        # What does not parse has no frame, though it has a place.
        frames.insert(0, (raised.filename, raised.lineno, "<module>", raised.text))
    left_out = max(0, len(frames) - FRAMES_MAX)
    if left_out:
        frames[FRAMES_MAX // 2 : -FRAMES_MAX // 2] = []
    return [
        {
            "file": _plain(file, FILE_CHARS_MAX),
            "line": line if type(line) is int and line > 0 else None,
            "function": _plain(name, NAME_CHARS_MAX),
            "source": _plain(source.strip().partition("\n")[0], SOURCE_CHARS_MAX) if isinstance(source, str) and source.strip() else None,
        }
        for file, line, name, source in frames
    ], left_out


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
# As `type` has them, since a class of classes may answer to any name as it likes, and raise.
name_of, module_of, bases_of = (vars(type)[name].__get__ for name in ("__qualname__", "__module__", "__mro__"))
CAUSES_MAX = 16
EXCEPTIONS_MAX = 64
CLASSES_MAX = 32
FRAMES_MAX = 64
FILE_CHARS_MAX = 1_024
SOURCE_CHARS_MAX = 400
NAME_CHARS_MAX = 200
MESSAGE_CHARS_MAX = 16_384
TRACEBACK_CHARS_MAX = 65_536
BRIEF_CHARS_MAX = 200
TEXTS = ("type", "module", "message", "path", "expected", "got")
NOTES_MAX = 32
NOTE_CHARS_MAX = 4_096
