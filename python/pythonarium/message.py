"""The messages of the line: read and checked when they come, written when they go.

`docs/protocol.md` says what each of them means.
"""

from __future__ import annotations

from .value import INT_MAX, decode, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .frame import LineReader

    # A list for a call that is no more than its id, a name and its arguments; an object for all else.
    Message = dict[str, Any] | list[Any]
    # Whether a value is fine, and what it has to be.
    Kind = tuple[Callable[[Any], bool], str]
    # Says what is wrong with a message.
    Check = Callable[[dict[str, Any]], str | None]


def read_message(line: bytes, reader: LineReader | None = None) -> Message:
    """Return the message of one line, with the attachments that follow it on `reader` as its `bin`.

    A call that is a function's name and a list of arguments, as most are, is the list of its id and those two; one that is
    more has the type "call". What the parts of it stand for that its `rich` names, `rich.restore` puts in their places. Raises ProtocolError
    when it is no message that Node may send, and MemoryError when there is no memory to read it, unless a call can be told so.
    """
    try:
        message = decode(line)
    except ValueError as error:
        raise ProtocolError(f"a line is not JSON ({error})", line) from None
    except MemoryError:
        lost = _without_memory(line)
        if lost is None:
            raise
        return lost
    if type(message) is list:
        # Most lines are as short as that.
        if len(message) == CALL_ITEMS_MIN:
            # A call of a function for it would take a fifth of what reading the line takes; that one says what is wrong.
            call, name, args = message
            if type(call) is int and 0 < call <= INT_MAX and type(name) is str and type(args) is list:
                return message
            raise ProtocolError(f"in a call, {_check_bare_call(*message)}", line)
        message = _long_call(message, line)
        kind, check = "call", _check_call
    elif type(message) is dict:
        kind = message.get("type")
        check = CHECKS.get(kind) if type(kind) is str else None
    else:
        raise ProtocolError("a message is neither an object nor an array", line)
    if check is None:
        raise ProtocolError(f"there is no message of the type {kind!r}" if kind is not None else "a message has no type", line)
    wrong = check(message)
    if wrong is None and "rich" in message:
        wrong = _take_attachments(message, reader)
    if wrong is not None:
        raise ProtocolError(f"in a message of the type {kind!r}, {wrong}", line)
    return message


def hello(library: str, python: str, executable: str, pid: int) -> bytes:
    """Return the first line of a worker."""
    return (
        f'{{"type":"hello","protocol":{PROTOCOL},"library":{quote(library)},"python":{quote(python)},'
        f'"executable":{quote(executable)},"pid":{pid}}}\n'
    ).encode()


def ready(
    functions: Sequence[str],
    streams: Sequence[str],
    interrupts: bool,
    stacks: bool,
    files: Sequence[str] | None = None,
    shares: bool | None = None,
) -> bytes:
    """Return the line that ends the handshake well.

    `streams` are those functions that are generators. `interrupts`: SIGUSR1 interrupts the call that runs. `stacks`:
    SIGUSR2 lets the worker write where it stands. `files`: what the modules came from, and `shares`: whether files of
    Node's can be opened, each if Node has asked.
    """
    names, generators = (",".join(map(quote, each)) for each in (functions, streams))
    heard, told = ("true" if each else "false" for each in (interrupts, stacks))
    more = _files(files)
    if shares is not None:
        more += f',"shares":{"true" if shares else "false"}'
    return f'{{"type":"ready","functions":[{names}],"streams":[{generators}],"interrupts":{heard},"stacks":{told}{more}}}\n'.encode()


def failed(stage: str, error: str, files: Sequence[str] | None = None) -> bytes:
    """Return the line that ends the handshake badly; `error` is the JSON text of an ERROR.

    `files`: what has been loaded and what it failed by came from, if Node has asked.
    """
    return f'{{"type":"failed","stage":{quote(stage)},"error":{error}{_files(files)}}}\n'.encode()


def _files(files: Sequence[str] | None) -> str:
    return "" if files is None else f',"files":[{",".join(map(quote, files))}]'


def loaded() -> bytes:
    """Return the line of a template that has imported the modules, and can fork."""
    return b'{"type":"loaded"}\n'


def refused(reason: str) -> bytes:
    """Return the line of a template that has imported the modules, and had better not fork."""
    return f'{{"type":"refused","reason":{quote(reason)}}}\n'.encode()


def forked(seat: int, pid: int) -> bytes:
    """Return the line of a template that says which process now has a seat."""
    return f'{{"type":"forked","seat":{seat},"pid":{pid}}}\n'.encode()


def exited(seat: int, pid: int, code: int) -> bytes:
    """Return the line of a template that says how a worker has ended; the `code` of a signal is negative."""
    return f'{{"type":"exited","seat":{seat},"pid":{pid},"code":{code}}}\n'.encode()


def reply(call: int, value: str, is_plain: bool) -> bytes:
    """Return the line that answers `call`; `value` is the text that `value.encode` has made of the result, and `is_plain` whether that is all JSON."""
    return (REPLY % (call, value)).encode() if is_plain else f'{{"type":"reply","id":{call},"value":{value}}}\n'.encode()


def long_reply(call: int, value: str, is_plain: bool, took_us: int) -> bytes:
    """Return the same for a call that was not short, and took so many microseconds."""
    if is_plain:
        return f"[{call},{value},{took_us}]\n".encode()
    return f'{{"type":"reply","id":{call},"value":{value},"tookUs":{took_us}}}\n'.encode()


def part(call: int, value: str) -> bytes:
    """Return the line that carries a part of the answer of `call`, which comes later; `value` is its JSON text."""
    return f'{{"type":"part","id":{call},"value":{value}}}\n'.encode()


def mapped(first: int, values: str, took_us: int, longest_us: int) -> bytes:
    """Return the line that answers `first` and the calls that follow it, with their results; in microseconds, how long all took and the longest."""
    return f'{{"type":"mapped","id":{first},"values":[{values}],"tookUs":{took_us},"longestUs":{longest_us}}}\n'.encode()


def error(call: int, error: str, started: bool = True, took_us: int | None = None) -> bytes:
    """Return the line that says how `call` failed, or that it was not even started; `error` is the JSON text of an ERROR.

    `took_us`: how long it took in microseconds, if it was not short.
    """
    more = "" if started else ',"started":false'
    if took_us is not None:
        more += f',"tookUs":{took_us}'
    return f'{{"type":"error","id":{call},"error":{error}{more}}}\n'.encode()


def items(call: int, values: str) -> bytes:
    """Return the line that carries items of the stream of `call`; `values` is the member of that name."""
    return f'{{"type":"items","id":{call},{values}}}\n'.encode()


def callback(
    call: int, function: int, number: int, values: str, is_kept: bool = False, blocks: bool = False
) -> bytes:
    """Return the line that asks Node to call a function that it gave to `call`, or a kept one; `values` are its arguments.

    `blocks`: no call of this worker goes on before it is answered.
    """
    kind = "kept" if is_kept else "function"
    still = '"blocks":true,' if blocks else ""
    return f'{{"type":"callback","id":{call},"{kind}":{function},"number":{number},{still}{values}}}\n'.encode()


def pull(call: int, index: int, items: int, blocks: bool = False) -> bytes:
    """Return the line that asks for so many more items of an iterable that Node gave to `call`.

    `blocks`: no call of this worker goes on before the next of them comes, or their end; that may be all there is to say.
    """
    still = ',"blocks":true' if blocks else ""
    return f'{{"type":"pull","id":{call},"input":{index},"items":{items}{still}}}\n'.encode()


def progress(call: int, done: str, total: str, note: str) -> bytes:
    """Return the line that tells how far `call` has come; all three are JSON texts."""
    return f'{{"type":"progress","id":{call},"done":{done},"total":{total},"note":{note}}}\n'.encode()


def heartbeat(call: int) -> bytes:
    """Return the line that says that `call` goes on."""
    return f'{{"type":"heartbeat","id":{call}}}\n'.encode()


def pong(number: int) -> bytes:
    """Return the line that answers the ping of that number."""
    return f'{{"type":"pong","number":{number}}}\n'.encode()


def log(stream: str, call: int | None, text: str, level: str | None = None, logger: str | None = None) -> bytes:
    """Return the line that carries something printed or logged."""
    number = "null" if call is None else call
    more = "" if level is None else f',"level":{quote(level)}'
    if logger is not None:
        more += f',"logger":{quote(logger)}'
    return f'{{"type":"log","stream":"{stream}","call":{number},"text":{quote(text)}{more}}}\n'.encode()


class MessageTooLarge(ValueError):
    """The answer of a call, or what else `what` names, is over the limit that `option` sets."""

    def __init__(self, what: str, size: int, limit: int, option: str = "messageBytesMax") -> None:
        amount = "bytes" if option == "messageBytesMax" else "raw bytes"
        super().__init__(
            f"{what[:1].upper()}{what[1:] or 'The answer'} would take {size} {amount}, and the limit `{option}` is {limit}. "
            "Send less, write it to a file and pass the path, or raise the limit."
        )
        # A view may be of more than JavaScript can count.
        self.what, self.bytes, self.limit, self.option = what, min(size, INT_MAX), limit, option


def check_attachments(what: str, size: int) -> None:
    """Raise MessageTooLarge if Node would not take so many raw bytes with one message."""
    if size > attachment_bytes_max:
        raise MessageTooLarge(what, size, attachment_bytes_max, "attachmentBytesMax")


class ProtocolError(Exception):
    """Node sent a line that means nothing here: the two sides no longer understand each other."""

    def __init__(self, detail: str, line: bytes = b"") -> None:
        shown = f": {line[:SHOWN_BYTES]!r}{'...' if len(line) > SHOWN_BYTES else ''}" if line else ""
        super().__init__(f"{detail}{shown}")


def _without_memory(line: bytes) -> dict[str, Any] | None:
    """Return, for a message that there is no memory to read, one that fails for itself alone, since what it carries cannot be made.

    That is a call, many calls for what they share, what a function of Node's returns, or items of an iterable. None for what
    may be followed by raw bytes, however many, for what may call a member of an object, and for all else.
    """
    if line.startswith(MAP):
        return _map_without_memory(line)
    # The arguments of a call end with a bracket, and what may be behind them, or behind any value, with a brace.
    if not line.endswith(b"]]") and (b'"bin":' in line or line.startswith(b"[") and b'"on":' in line):
        return None
    try:
        if line.startswith(b"["):
            call, name = decode(line[: line.index(b",[")] + b"]")
            lost, carries, check = {"type": "call", "id": call, "name": name, "args": []}, "args", _check_call
        else:
            lost = decode(line[: line.index(b',"value')] + b"}")
            carries, check = CARRIES[lost["type"]], CHECKS[lost["type"]]
            lost[carries] = []
    except (ValueError, KeyError):
        return None
    return {**lost, "rich": [[[carries], "bytes", 0]], "bin": [None]} if check(lost) is None else None


def _map_without_memory(line: bytes) -> dict[str, Any] | None:
    # The items of one message are few bytes. What they share stands behind them, and may be as large as any message.
    shared = line.find(b'],"kwargs":{')
    if shared == -1:
        shared = line.find(b'],"context":{')
    try:
        told: dict[str, Any] = {**decode(line[:shared] + b"]}"), "missing": MemoryError()}
    except ValueError:
        return None
    return told if _check_map(told) is None else None


def _take_attachments(message: dict[str, Any], reader: LineReader | None) -> str | None:
    rich = message["rich"]
    if type(rich) is not list or not all(type(entry) is list and len(entry) > 1 and type(entry[0]) is list for entry in rich):
        return "`rich` is not an array of entries"
    sizes = message.get("bin", [])
    if type(sizes) is not list or not all(type(size) is int and 0 <= size <= INT_MAX for size in sizes):
        return "`bin` is not an array of lengths"
    if not sizes:
        return None
    if reader is None:
        return "`bin` announces bytes that do not follow"
    if sum(sizes) > attachment_bytes_max:
        return f"`bin` announces {sum(sizes)} bytes, and `attachmentBytesMax` is {attachment_bytes_max}"
    # What becomes `bytes` is read as such, and all else so that it can be written to.
    fixed = {entry[2] for entry in rich if entry[1] == "bytes" and len(entry) > 2 and type(entry[2]) is int}
    shared: dict[int, Any] = {}
    if "share" in message:
        share, files = message["share"], reader.files
        if files is None:
            return "`share` names files of Node's, which cannot be opened here"
        if type(share) is not list or not all(_is_share(each, sizes) for each in share) or not fixed.isdisjoint(each[0] for each in share):
            return "`share` is not an array of an array's attachment, a descriptor and an inode each"
        shared = {number: files.file(descriptor, inode, sizes[number]) for number, descriptor, inode in share}
    taken = iter(reader.take((size, number not in fixed) for number, size in enumerate(sizes) if number not in shared))
    message["bin"] = [shared[number] if number in shared else next(taken) for number in range(len(sizes))]
    return None


def _is_share(value: Any, sizes: list[int]) -> bool:
    if type(value) is not list or len(value) != 3 or not all(type(each) is int and 0 <= each <= INT_MAX for each in value):
        return False
    return value[0] < len(sizes) and sizes[value[0]] > 0


def _long_call(items: list[Any], line: bytes) -> dict[str, Any]:
    if len(items) != CALL_ITEMS_MIN + 1 or type(items[-1]) is not dict:
        raise ProtocolError("an array is not a call: an id, a name, the arguments and, if there is more, an object", line)
    call, name, args, more = items
    return {**more, "type": "call", "id": call, "name": name, "args": args}


def _check_bare_call(call: Any, name: Any, args: Any) -> str | None:
    if type(call) is not int or not 0 < call <= INT_MAX:
        return "`id` is not a positive safe integer"
    if type(name) is not str:
        return "`name` is not a string"
    if type(args) is not list:
        return "`args` is not an array"
    return None


def _check_call(message: dict[str, Any]) -> str | None:
    wrong = _check_bare_call(message["id"], message["name"], message["args"])
    if wrong is not None:
        return wrong
    if "kwargs" in message and type(message["kwargs"]) is not dict:
        return "`kwargs` is not an object"
    if "session" in message and type(message["session"]) is not str:
        return "`session` is not a string"
    if "stream" in message:
        room = message["stream"]
        if type(room) is not dict or not _is_limit(room.get("items")) or not _is_limit(room.get("bytes")):
            return "`stream` does not have positive integers for `items` and `bytes`"
    if "heartbeatMs" in message and not _is_limit(message["heartbeatMs"]):
        return "`heartbeatMs` is not a positive safe integer"
    if "context" in message and type(message["context"]) is not dict:
        return "`context` is not an object"
    if "lease" in message and not _is_limit(message["lease"]):
        return "`lease` is not a positive safe integer"
    if "on" in message:
        if not _is_limit(message["on"]):
            return "`on` is not a positive safe integer"
        if message.get("get", True) is not True:
            return "`get` is not true"
    return None


def _check_map(message: dict[str, Any]) -> str | None:
    get = message.get
    first, items = get("id"), get("items")
    if type(items) is not list or not items:
        return "`items` is not an array with at least one item"
    if type(first) is not int or not 0 < first <= INT_MAX + 1 - len(items):
        return "`id`, or one of those that follow it, is not a positive safe integer"
    if type(get("name")) is not str:
        return "`name` is not a string"
    for field in ("kwargs", "context"):
        if field in message and type(message[field]) is not dict:
            return f"`{field}` is not an object"
    return None


def _check_init(message: dict[str, Any]) -> str | None:
    # Nothing else can be relied upon in another version, not even its fields.
    is_theirs = type(message.get("protocol")) is int and message["protocol"] != PROTOCOL
    return None if is_theirs else INIT(message)


def _fields(needed: dict[str, Kind], more: dict[str, Kind] | None = None) -> Check:
    """Return what says which field of a message is not what it has to be; those of `more` may be absent."""
    kinds = {**needed, **(more or {})}

    def check(message: dict[str, Any]) -> str | None:
        for name, (is_fine, what) in kinds.items():
            if not is_fine(message[name]) if name in message else name in needed:
                return f"`{name}` is not {what}"
        return None

    return check


def _or_null(kind: Kind) -> Kind:
    is_fine, what = kind
    return lambda value: value is None or is_fine(value), f"null or {what}"


def is_javascript_error(value: Any) -> bool:
    """Return whether `value` is a JSERROR, its causes included."""
    while type(value) is dict:
        texts = [value.get(name) for name in ("name", "message", "stack")]
        if value.get("code", 0) is not None:
            texts.append(value.get("code"))
        if not all(type(text) is str for text in texts) or type(value.get("thrown", 0)) is not int or "cause" not in value:
            return False
        value = value["cause"]
        if value is None:
            return True
    return False


def _is_list_of_strings(value: Any) -> bool:
    return type(value) is list and all(type(item) is str for item in value)


def _is_limit(value: Any) -> bool:
    return type(value) is int and 0 < value <= INT_MAX


def _is_resources(value: Any) -> bool:
    return type(value) is dict and all(name in RESOURCES and type(value[name]) is int and 0 <= value[name] <= INT_MAX for name in value)


def _is_drops(value: Any) -> bool:
    return type(value) is list and all(type(each) is list and len(each) == 2 and all(map(_is_limit, each)) for each in value)


def _is_step(value: Any) -> bool:
    return (
        type(value) is dict
        and type(value.get("name")) is str
        and type(value.get("args", [])) is list
        and type(value.get("kwargs", {})) is dict
    )


# How many bytes may follow one line, from Node and to it. The worker sets it.
attachment_bytes_max: int = INT_MAX
PROTOCOL = 1
SHOWN_BYTES = 200
# The id, the name and the arguments.
CALL_ITEMS_MIN = 3
RESOURCES = ("memoryBytes", "cpuSeconds", "files", "fileBytes", "coreBytes")
# What a field has to be: what tells, and what that is called.
INTEGER: Kind = (lambda value: type(value) is int, "an integer")
COUNT: Kind = (lambda value: type(value) is int and value >= 0, "an integer of 0 or more")
LIMIT: Kind = (_is_limit, "a positive safe integer")
BOOLEAN: Kind = (lambda value: type(value) is bool, "a boolean")
TEXT: Kind = (lambda value: type(value) is str, "a string")
TEXTS: Kind = (_is_list_of_strings, "an array of strings")
LIST: Kind = (lambda value: type(value) is list, "an array")
VALUE: Kind = (lambda value: True, "there")
THROWN: Kind = (is_javascript_error, "one of JavaScript")
STEP: Kind = (_is_step, "an object with `name`, `args` and `kwargs`")
INIT = _fields(
    {
        "protocol": INTEGER,
        "worker": TEXT,
        "path": _or_null(TEXTS),
        "userSite": _or_null(TEXT),
        "modules": (
            lambda value: type(value) is dict and bool(value) and _is_list_of_strings(list(value.values())),
            "an object of strings with at least one entry",
        ),
        "expose": (("marked", "all").__contains__, "'marked' or 'all'"),
        "setup": _or_null(STEP),
        "teardown": _or_null(STEP),
        "limits": (
            lambda value: type(value) is dict and all(map(_is_limit, map(value.get, ("messageBytesMax", "attachmentBytesMax", "depthMax")))),
            "an object with positive integers for messageBytesMax, attachmentBytesMax and depthMax",
        ),
        "startMark": BOOLEAN,
    },
    {
        "resources": (_is_resources, "an object of integers by the names of resources"),
        "watch": TEXTS,
        "shortUs": LIMIT,
        "share": (
            lambda value: type(value) is dict and _is_limit(value.get("pid")) and COUNT[0](value.get("mark")),
            "an object with a `pid`, and a descriptor as `mark`",
        ),
        "lane": (("serial", "asyncio", "threads").__contains__, "one of serial, asyncio, threads"),
        **dict.fromkeys(("replyPage", "interrupts", "busyPoll", "batchScheduling", "sharesProcessors", "stacks", "validate"), BOOLEAN),
    },
)
# Where what is told to a call that runs has its values.
CARRIES = {"answer": "value", "items": "values"}
CHECKS: dict[str, Check] = {
    "init": _check_init,
    "map": _check_map,
    "cancel": _fields({"id": LIMIT}),
    "credit": _fields({"id": LIMIT, "items": COUNT, "bytes": COUNT}),
    "answer": _fields({"id": LIMIT, "number": LIMIT, "value": VALUE}),
    "answer.error": _fields({"id": LIMIT, "number": LIMIT, "error": THROWN}),
    "items": _fields({"id": LIMIT, "input": INTEGER, "values": LIST}),
    "items.end": _fields({"id": LIMIT, "input": INTEGER}, {"error": _or_null(THROWN)}),
    "session.end": _fields({"session": TEXT}),
    "lease.end": _fields({"lease": LIMIT}),
    "handles.drop": _fields({"handles": (_is_drops, "an array of pairs of positive safe integers")}),
    "ping": _fields({"number": LIMIT}),
    "kept.drop": _fields({"kept": LIMIT}),
    "stop": _fields({}),
}
# What the line of a `map` begins with.
MAP = b'{"type":"map",'
# What `reply` makes of a call and a text that is plain.
REPLY = "[%d,%s]\n"
