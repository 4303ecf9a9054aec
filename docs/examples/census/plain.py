"""The same census in one process and without pythonarium: `python3 plain.py [folder]` prints its totals as JSON.

It shares no code with census.py, so that a mistake there is not made here too.
"""

import ast
import collections
import json
import pathlib
import sys
import sysconfig
import warnings

warnings.simplefilter("ignore")
root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else sysconfig.get_path("stdlib")).absolute()
totals = collections.Counter(files=0, unparsed=0, lines=0, functions=0, asynchronous=0, classes=0)
imports = collections.Counter()
longest = []

for path in root.rglob("*.py"):
    if not path.is_file() or {"site-packages", "dist-packages"} & set(path.relative_to(root).parts):
        continue
    totals["files"] += 1
    source = path.read_bytes()
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        totals["unparsed"] += 1
        continue
    totals["lines"] += len(source.splitlines())
    modules = set()
    for node in nodes:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                totals["functions"] += 1
                totals["asynchronous"] += isinstance(node, ast.AsyncFunctionDef)
                length = node.end_lineno - node.lineno + 1
                longest.append((-length, str(path), node.lineno))
            case ast.ClassDef():
                totals["classes"] += 1
            case ast.Import(names=names):
                modules |= {alias.name for alias in names}
            case ast.ImportFrom(module=module, level=0):
                modules.add(module)
    imports.update(modules)

json.dump(
    {
        **totals,
        "longest": [[path, line, -length] for length, path, line in sorted(longest)[:10]],
        "imports": sorted(imports.items(), key=lambda item: (-item[1], item[0]))[:10],
    },
    sys.stdout,
)
