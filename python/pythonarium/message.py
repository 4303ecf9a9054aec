"""The messages of the line: read and checked when they come, written when they go.

`docs/protocol.md` says what each of them means.
"""

from __future__ import annotations

from .value import INT_MAX, decode, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .frame import LineReader

    # A list for a call that is no more than its id, a name and its arguments; an object for all else.
    Message = dict[str, Any] | list[Any]


def read_message(line: bytes, reader: LineReader | None = None) -> Message:
    """Return the message of one line, with the attachments that follow it on `reader` as its `bin`.

    A call that is a function's name and a list of arguments, as most are, is the list of its id and those two; one that is
    more has the type "call". What the parts of it stand for that its `rich` names, `rich.restore` puts in their places. Raises ProtocolError
    when it is no message that Node may send.
    """
    try:
        message = decode(line)
    except ValueError as error:
        raise ProtocolError(f"a line is not JSON ({error})", line) from None
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
    more = "" if files is None else f',"files":[{",".join(map(quote, files))}]'
    if shares is not None:
        more += f',"shares":{"true" if shares else "false"}'
    return f'{{"type":"ready","functions":[{names}],"streams":[{generators}],"interrupts":{heard},"stacks":{told}{more}}}\n'.encode()


def failed(stage: str, error: str) -> bytes:
    """Return the line that ends the handshake badly; `error` is the JSON text of an ERROR."""
    return f'{{"type":"failed","stage":{quote(stage)},"error":{error}}}\n'.encode()


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
    if sum(sizes) > reader.attachment_bytes_max:
        return f"`bin` announces {sum(sizes)} bytes, and `attachmentBytesMax` is {reader.attachment_bytes_max}"
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


def _check_cancel(message: dict[str, Any]) -> str | None:
    return None if _is_limit(message.get("id")) else "`id` is not a positive safe integer"


def _check_credit(message: dict[str, Any]) -> str | None:
    if not _is_limit(message.get("id")):
        return "`id` is not a positive safe integer"
    for field in ("items", "bytes"):
        if type(message.get(field)) is not int or message[field] < 0:
            return f"`{field}` is not an integer of 0 or more"
    return None


def _check_answer(message: dict[str, Any]) -> str | None:
    if not _is_limit(message.get("id")) or not _is_limit(message.get("number")):
        return "`id` or `number` is not a positive safe integer"
    return None if "value" in message else "`value` is missing"


def _check_answer_error(message: dict[str, Any]) -> str | None:
    if not _is_limit(message.get("id")) or not _is_limit(message.get("number")):
        return "`id` or `number` is not a positive safe integer"
    return None if is_javascript_error(message.get("error")) else "`error` is not one of JavaScript"


def _check_items(message: dict[str, Any]) -> str | None:
    if not _is_limit(message.get("id")) or type(message.get("input")) is not int:
        return "`id` or `input` is not an integer"
    return None if type(message.get("values")) is list else "`values` is not an array"


def _check_items_end(message: dict[str, Any]) -> str | None:
    if not _is_limit(message.get("id")) or type(message.get("input")) is not int:
        return "`id` or `input` is not an integer"
    error = message.get("error")
    return None if error is None or is_javascript_error(error) else "`error` is not one of JavaScript"


def _check_session_end(message: dict[str, Any]) -> str | None:
    return None if type(message.get("session")) is str else "`session` is not a string"


def _check_lease_end(message: dict[str, Any]) -> str | None:
    return None if _is_limit(message.get("lease")) else "`lease` is not a positive safe integer"


def _check_handles_drop(message: dict[str, Any]) -> str | None:
    handles = message.get("handles")
    if type(handles) is list and all(type(each) is list and len(each) == 2 and all(map(_is_limit, each)) for each in handles):
        return None
    return "`handles` is not an array of pairs of positive safe integers"


def _check_ping(message: dict[str, Any]) -> str | None:
    return None if _is_limit(message.get("number")) else "`number` is not a positive safe integer"


def _check_kept_drop(message: dict[str, Any]) -> str | None:
    return None if _is_limit(message.get("kept")) else "`kept` is not a positive safe integer"


def _check_stop(message: dict[str, Any]) -> str | None:
    return None


def _check_init(message: dict[str, Any]) -> str | None:
    get = message.get
    # Nothing else can be relied upon in another version, not even its fields.
    if type(get("protocol")) is not int or get("protocol") != PROTOCOL:
        return None if type(get("protocol")) is int else "`protocol` is not an integer"
    if type(get("worker")) is not str:
        return "`worker` is not a string"
    for field in ("path", "userSite", "setup", "teardown"):
        if field not in message:
            return f"`{field}` is missing"
    if get("path") is not None and not _is_list_of_strings(get("path")):
        return "`path` is neither null nor an array of strings"
    if get("userSite") is not None and type(get("userSite")) is not str:
        return "`userSite` is neither null nor a string"
    modules = get("modules")
    if type(modules) is not dict or not modules or not _is_list_of_strings(list(modules.values())):
        return "`modules` is not an object of strings with at least one entry"
    if get("expose") not in ("marked", "all"):
        return "`expose` is neither 'marked' nor 'all'"
    for field in ("setup", "teardown"):
        step = get(field)
        if step is not None and not _is_step(step):
            return f"`{field}` is neither null nor an object with `name`, `args` and `kwargs`"
    limits = get("limits")
    if type(limits) is not dict or not all(map(_is_limit, map(limits.get, LIMITS))):
        return f"`limits` does not have positive integers for {', '.join(LIMITS)}"
    if "resources" in message and not _is_resources(message["resources"]):
        return "`resources` is not an object of integers by the names of resources"
    if "watch" in message and not _is_list_of_strings(message["watch"]):
        return "`watch` is not an array of strings"
    if type(get("startMark")) is not bool:
        return "`startMark` is not a boolean"
    if "shortUs" in message and not _is_limit(message["shortUs"]):
        return "`shortUs` is not a positive safe integer"
    if "share" in message:
        share = message["share"]
        if type(share) is not dict or not _is_limit(share.get("pid")) or type(share.get("mark")) is not int or share["mark"] < 0:
            return "`share` does not have a `pid` and a descriptor as `mark`"
    if type(get("interrupts", False)) is not bool:
        return "`interrupts` is not a boolean"
    if type(get("busyPoll", False)) is not bool:
        return "`busyPoll` is not a boolean"
    if type(get("batchScheduling", False)) is not bool:
        return "`batchScheduling` is not a boolean"
    if type(get("stacks", False)) is not bool:
        return "`stacks` is not a boolean"
    if type(get("validate", False)) is not bool:
        return "`validate` is not a boolean"
    if get("lane", "serial") not in LANES:
        return f"`lane` is none of {', '.join(LANES)}"
    return None


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


def _is_step(value: Any) -> bool:
    return (
        type(value) is dict
        and type(value.get("name")) is str
        and type(value.get("args", [])) is list
        and type(value.get("kwargs", {})) is dict
    )


# How many Node takes, in any message. The worker sets it.
attachment_bytes_max: int = INT_MAX
PROTOCOL = 1
SHOWN_BYTES = 200
# The id, the name and the arguments.
CALL_ITEMS_MIN = 3
RESOURCES = ("memoryBytes", "cpuSeconds", "files", "fileBytes", "coreBytes")
LIMITS = ("messageBytesMax", "attachmentBytesMax", "depthMax")
LANES = ("serial", "asyncio", "threads")
CHECKS = {
    "init": _check_init,
    "map": _check_map,
    "cancel": _check_cancel,
    "credit": _check_credit,
    "answer": _check_answer,
    "answer.error": _check_answer_error,
    "items": _check_items,
    "items.end": _check_items_end,
    "session.end": _check_session_end,
    "lease.end": _check_lease_end,
    "handles.drop": _check_handles_drop,
    "ping": _check_ping,
    "kept.drop": _check_kept_drop,
    "stop": _check_stop,
}
# What `reply` makes of a call and a text that is plain.
REPLY = "[%d,%s]\n"
