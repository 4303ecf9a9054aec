"""Docstrings as the comments that TypeScript's editors show: Google's, NumPy's and Sphinx's way of writing them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from inspect import cleandoc


@dataclass
class Doc:
    """What a docstring says, by what it says it of."""

    body: list[str] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    returns: str = ""
    raises: list[str] = field(default_factory=list)

    def lines(self, parameters: Sequence[str]) -> list[str]:
        """Return the lines of a comment, for a function with these parameters."""
        tags = [f"@param {name} - {text}" for name, text in self.parameters.items() if name in parameters]
        tags += [f"@returns {self.returns}"] if self.returns else []
        tags += [f"@throws {text}" for text in self.raises]
        return [*self.body, *([""] if self.body and tags else []), *tags]


def read_docstring(text: str) -> Doc:
    """Return what a docstring says. Nothing of it can end the comment or begin a tag."""
    doc = Doc()
    body: list[str] = []
    lines = cleandoc(text).split("\n") if text.strip() else []
    index = 0
    while index < len(lines):
        line = lines[index]
        following = lines[index + 1] if index + 1 < len(lines) else ""
        google = re.fullmatch(r"(\w+(?: \w+)?):", line)
        numpy = line.strip() in NUMPY and re.fullmatch(r"-{3,}", following.strip())
        sphinx = re.match(r":(\w+)(?: [^:]*?)?(\w+)?: *(.*)", line)
        if google is not None and google[1] in GOOGLE:
            inner, index = _indented(lines, index + 1)
            _section(doc, GOOGLE[google[1]], _entries(inner, r"\*{0,2}(\w+)(?: ?\([^)]*\))?: *(.*)"), inner)
        elif numpy:
            inner, index = _until_section(lines, index + 2)
            _section(doc, NUMPY[line.strip()], _entries(inner, r"\*{0,2}(\w+)(?:, \w+)*(?: *:.*)?()"), inner)
        elif sphinx is not None and sphinx[1] in SPHINX:
            inner, index = _indented(lines, index + 1, blank=False)
            _section(doc, SPHINX[sphinx[1]], [(sphinx[2] or "", _joined([sphinx[3], *inner]))], [sphinx[3], *inner])
        else:
            body.append(line)
            index += 1
    doc.body = [_escaped(line) for line in _with_fences(body)]
    return doc


def _section(doc: Doc, kind: str, entries: list[tuple[str, str]], lines: Sequence[str]) -> None:
    if kind == "parameters":
        doc.parameters.update({name: _escaped(text) for name, text in entries if text})
    elif kind == "raises":
        doc.raises += [_escaped(f"{name}: {text}" if text else name) for name, text in entries if name]
    elif kind == "returns":
        doc.returns = _escaped(_joined(lines))


def _entries(lines: Sequence[str], pattern: str) -> list[tuple[str, str]]:
    """Return what stands of each name: a name begins a line, what is said of it may go on in deeper lines."""
    entries: list[tuple[str, list[str]]] = []
    for line in lines:
        found = None if line.startswith(" ") else re.match(pattern, line)
        if found is not None:
            entries.append((found[1], [found[2]]))
        elif entries:
            entries[-1][1].append(line)
    return [(name, _joined(texts)) for name, texts in entries]


def _indented(lines: Sequence[str], start: int, blank: bool = True) -> tuple[list[str], int]:
    """Return the lines that stand deeper than the margin from `start` on, and where they end."""
    end = start
    while end < len(lines) and (lines[end].startswith(" ") or (blank and not lines[end].strip())):
        end += 1
    return cleandoc("\n" + "\n".join(lines[start:end])).split("\n"), end


def _until_section(lines: Sequence[str], start: int) -> tuple[list[str], int]:
    end = start
    while end < len(lines) and not (end + 1 < len(lines) and lines[end].strip() and re.fullmatch(r"-{3,}", lines[end + 1].strip())):
        end += 1
    return list(lines[start:end]), end


def _joined(lines: Sequence[str]) -> str:
    return " ".join(" ".join(lines).split())


def _with_fences(lines: Sequence[str]) -> list[str]:
    """Put examples as Python's shell shows them into blocks of code."""
    out: list[str] = []
    margin: int | None = None
    for line in [*lines, ""]:
        if margin is None and line.lstrip().startswith(">>> "):
            out.append("```python")
            margin = len(line) - len(line.lstrip())
        elif margin is not None and not line.strip():
            out.append("```")
            margin = None
        out.append((line if margin is None or line[:margin].strip() else line[margin:]).rstrip())
    while out and not out[-1]:
        out.pop()
    while out and not out[0]:
        out.pop(0)
    return out


def _escaped(text: str) -> str:
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029]", " ", text)
    return re.sub(r"(^|[\s{])@", r"\1\\@", text.replace("*/", "*\\/"))


GOOGLE = {
    **dict.fromkeys(["Args", "Arguments", "Parameters", "Params", "Keyword Args", "Keyword Arguments"], "parameters"),
    **dict.fromkeys(["Returns", "Return", "Yields"], "returns"),
    **dict.fromkeys(["Raises", "Throws"], "raises"),
}
NUMPY = {"Parameters": "parameters", "Other Parameters": "parameters", "Returns": "returns", "Yields": "returns", "Raises": "raises"}
SPHINX = {
    **dict.fromkeys(["param", "parameter", "arg", "argument", "key", "keyword"], "parameters"),
    **dict.fromkeys(["return", "returns", "yields"], "returns"),
    **dict.fromkeys(["raise", "raises", "except", "exception"], "raises"),
    **dict.fromkeys(["type", "rtype"], "type"),
}
