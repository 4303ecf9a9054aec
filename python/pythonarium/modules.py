"""The modules of a pool: found, imported and registered as any import would."""

from __future__ import annotations

import os
import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType
    from typing import Any


def set_path(path: list[str] | None, user_site: str | None) -> None:
    """Make `sys.path` what Node says, with the folder of this library last.

    `path` None leaves it as it is. `user_site` is added as Python itself adds it, with the .pth files in it.
    """
    library = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    wanted = sys.path if path is None else [path_of(folder) for folder in path]
    sys.path[:] = [folder for folder in wanted if folder != library] + [library]
    if user_site is not None:
        from site import addsitedir

        addsitedir(path_of(user_site))


def path_of(text: str) -> str:
    """Return the path that Node calls `text`: there all paths are UTF-8, and here they are what the locale says."""
    return os.fsdecode(text.encode("utf-8", "surrogateescape"))


def load_modules(wanted: dict[str, Any]) -> dict[str, ModuleType]:
    """Return what Node wants to have imported, by the prefixes of the names: the members of `init` of the same names.

    Raises whatever a module raises, and ImportError when there is none.
    """
    set_path(wanted["path"], wanted["userSite"])
    if "watch" in wanted:
        # What is compiled is known by its source's size and the second in which that was written: a file that is
        # saved twice in a second would be loaded as it was the first time.
        sys.dont_write_bytecode = True
    return {prefix: load_module(path_of(source)) for prefix, source in wanted["modules"].items()}


def load_module(source: str) -> ModuleType:
    """Return the module of a .py file, of a package folder (both as absolute paths) or of a dotted name.

    A file is registered under its stem before it runs, like any import, so that pickling, dataclasses and
    imports between siblings work. Raises whatever the module raises, and ImportError when there is none.
    """
    if not os.path.isabs(source):
        return import_module(source)
    if os.path.isdir(source):
        name = os.path.basename(source.rstrip(os.sep))
        file = os.path.join(source, "__init__.py")
        folders = [source]
        if not os.path.isfile(file):
            raise ImportError(f"{source} is a folder without an __init__.py, and so no package.", name=name, path=source)
    else:
        name = os.path.splitext(os.path.basename(source))[0]
        file = source
        folders = None
        if not os.path.isfile(file):
            raise ImportError(f"There is no file {file}.", name=name, path=file)

    loaded = sys.modules.get(name)
    if loaded is not None:
        if _is_same_file(getattr(loaded, "__file__", None), file):
            return loaded
        raise ImportError(
            f"{file} would be imported as {name!r}, and another module of that name is already there "
            f"({getattr(loaded, '__file__', None) or 'built into Python'}). Rename the file.",
            name=name,
            path=file,
        )

    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(name, file, submodule_search_locations=folders)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no file that Python can import: its name should end in .py.", name=name, path=file)
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        sys.modules.pop(name, None)
        if isinstance(error, ImportError) and "no known parent package" in str(error.msg):
            error.msg = f"{error.msg}: {_in_its_package(file)}"
        raise
    # A module may put something else in its own place.
    return sys.modules.get(name, module)


def _in_its_package(file: str) -> str:
    """Return what to say of a file that means to be a member of a package, and was named by its path."""
    folder, name = os.path.split(os.path.splitext(file)[0])
    while package := os.path.basename(folder):
        folder = os.path.dirname(folder)
        name = f"{package}.{name}"
        if not os.path.isfile(os.path.join(folder, "__init__.py")):
            break
    return f"a file that is named by its path is a module of its own. Name it {name!r}, with {folder!r} in `pythonPath`."


def files_behind(failure: BaseException, wanted: dict[str, Any]) -> list[str] | None:
    """Return the files, as `files_below` does, one of which is to be mended after such a failure; None if Node does not watch.

    A module that could not be imported is there no more, and may have been the first of its folder.
    """
    if "watch" not in wanted:
        return None
    names = {source.partition(".")[0] for source in wanted["modules"].values()}
    return files_below(wanted["watch"], [sys.modules[name] for name in names if name in sys.modules], _files_of(failure))


def _files_of(raised: BaseException) -> Iterator[str]:
    """Yield the files that it came through, and the one that is no Python."""
    traceback = raised.__traceback__
    while traceback is not None:
        yield traceback.tb_frame.f_code.co_filename
        traceback = traceback.tb_next
    if isinstance(raised, SyntaxError):
        yield _text_of(raised, "filename")


def files_below(folders: list[str], modules: Iterable[ModuleType], others: Iterable[str] = ()) -> list[str]:
    """Return the files that the modules of this process came from, and `others`, below `folders` and where `modules` are.

    Those of installed packages, of the standard library and of this library are left out.
    """
    tops = [sys.modules.get(_text_of(module, "__name__").partition(".")[0], module) for module in modules]
    own = [_file_of(top) for top in tops if _text_of(top, "__name__") not in sys.stdlib_module_names]
    roots = tuple(os.path.join(folder, "") for folder in (*folders, *(os.path.dirname(file) for file in own if file)))
    library = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")
    found = {_file_of(module) for module in list(sys.modules.values())}.union(others)
    return sorted(
        file
        for file in found
        if file and file.startswith(roots) and not file.startswith(library) and not INSTALLED.intersection(file.split(os.sep))
    )


def _file_of(module: ModuleType) -> str:
    return _text_of(module, "__file__")


def _text_of(named: object, name: str) -> str:
    try:
        text = getattr(named, name)
    except Exception:
        return ""  # Anything may stand among the modules.
    return text if isinstance(text, str) else ""


def _is_same_file(one: str | None, other: str) -> bool:
    try:
        return one is not None and os.path.samefile(one, other)
    except OSError:
        return False


INSTALLED = frozenset(("site-packages", "dist-packages"))
