"""Find and measure Python source files. Every worker of the census runs this."""

import ast
import os
import platform
import sys
import sysconfig
import warnings
from collections.abc import Iterator

from pythonarium import expose

LONGEST_MAX = 10
NOT_OURS = {"site-packages", "dist-packages"}


@expose
def sources(folder: str | None = None) -> dict:
    """Return which Python this is and the paths of all `.py` files in `folder`, by default its standard library.

    Each file is read once here, so that no later run pays for the disk and another does not.
    """
    root = os.path.abspath(folder or sysconfig.get_path("stdlib"))
    paths = []
    size = 0
    for parent, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_OURS]
        for name in names:
            path = os.path.join(parent, name)
            if name.endswith(".py") and os.path.isfile(path):
                paths.append(path)
                with open(path, "rb") as file:
                    size += len(file.read())
    return {
        "python": platform.python_version(),
        "executable": sys.executable,
        "root": root,
        "paths": sorted(paths),
        "bytes": size,
    }


@expose
def measure(path: str) -> dict:
    """Return what is in one source file, or `problem` for a file that does not parse."""
    with open(path, "rb") as file:
        source = file.read()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except SyntaxError as error:
        return {"path": path, "problem": f"line {error.lineno}: {error.msg}"}
    except (ValueError, RecursionError, MemoryError) as error:
        return {"path": path, "problem": str(error) or type(error).__name__}

    functions = []
    asynchronous = classes = 0
    for name, node in definitions(tree):
        if isinstance(node, ast.ClassDef):
            classes += 1
        else:
            asynchronous += isinstance(node, ast.AsyncFunctionDef)
            functions.append({"name": name, "line": node.lineno, "lines": node.end_lineno - node.lineno + 1})
    return {
        "path": path,
        "lines": len(source.splitlines()),
        "functions": len(functions),
        "asynchronous": asynchronous,
        "classes": classes,
        "longest": sorted(functions, key=lambda function: (-function["lines"], function["line"]))[:LONGEST_MAX],
        "imports": sorted(imported(tree)),
    }


def definitions(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield every function and class with its name as Python would qualify it, `Shelf.__init__`."""
    # A stack of our own: nesting in the files must not meet the recursion limit of the worker.
    pending = [(tree, "")]
    while pending:
        node, scope = pending.pop()
        for child in ast.iter_child_nodes(node):
            inner = scope
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield scope + child.name, child
                inner = f"{scope}{child.name}."
            pending.append((child, inner))


def imported(tree: ast.AST) -> set[str]:
    """Return the modules that a file imports by their full name; relative imports are its own package's affair."""
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            modules.add(node.module)
    return modules
