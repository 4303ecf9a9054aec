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
    imports = set()
    for node, scope in walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                asynchronous += isinstance(node, ast.AsyncFunctionDef)
                lines = node.end_lineno - node.lineno + 1
                functions.append({"name": scope + node.name, "line": node.lineno, "lines": lines})
            case ast.ClassDef():
                classes += 1
            case ast.Import():
                imports.update(alias.name for alias in node.names)
            case ast.ImportFrom(level=0):  # Relative imports are their own package's affair.
                imports.add(node.module)
    return {
        "path": path,
        "lines": len(source.splitlines()),
        "functions": len(functions),
        "asynchronous": asynchronous,
        "classes": classes,
        "longest": sorted(functions, key=lambda function: (-function["lines"], function["line"]))[:LONGEST_MAX],
        "imports": sorted(imports),
    }


def walk(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Yield every node with the scope it stands in, `Shelf.` for the methods of a class Shelf."""
    # A stack of our own: nesting in the files must not meet the recursion limit of the worker.
    pending = [(tree, "")]
    while pending:
        node, scope = pending.pop()
        yield node, scope
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            scope = f"{scope}{node.name}."
        pending.extend((child, scope) for child in ast.iter_child_nodes(node))
