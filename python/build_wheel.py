"""Builds the wheel of this folder for pip (PEP 517 and 660), with the standard library alone.

A build backend from elsewhere would have to be downloaded first, and `pip install
./node_modules/pythonarium/python` shall work without a network.
"""

from __future__ import annotations

import base64
import hashlib
import re
import tarfile
import zipfile
from pathlib import Path


def build_wheel(wheel_directory: str, config_settings: object = None, metadata_directory: object = None) -> str:
    """Write the wheel into `wheel_directory` and return its file name."""
    files = {path.relative_to(HERE).as_posix(): path.read_bytes() for path in PACKAGE}
    return _write_wheel(wheel_directory, files)


def build_editable(wheel_directory: str, config_settings: object = None, metadata_directory: object = None) -> str:
    """Write a wheel that only points here, for `pip install -e`, and return its file name."""
    return _write_wheel(wheel_directory, {f"{NAME}.pth": f"{HERE}\n".encode()})


def build_sdist(sdist_directory: str, config_settings: object = None) -> str:
    """Write the source archive into `sdist_directory` and return its file name."""
    base = f"{NAME}-{VERSION}"
    with tarfile.open(Path(sdist_directory, f"{base}.tar.gz"), "w:gz") as archive:
        for path in [*PACKAGE, HERE / "pyproject.toml", HERE / "README.md", Path(__file__)]:
            archive.add(path, f"{base}/{path.relative_to(HERE).as_posix()}")
    return f"{base}.tar.gz"


def _write_wheel(directory: str, files: dict[str, bytes]) -> str:
    info = f"{NAME}-{VERSION}.dist-info"
    files = {**files, f"{info}/METADATA": METADATA.encode(), f"{info}/WHEEL": WHEEL.encode()}
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    wheel = f"{NAME}-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(Path(directory, wheel), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return wheel


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _setting(name: str) -> str:
    found = re.search(rf'^{name} = "(.*)"$', PROJECT, re.MULTILINE)
    assert found is not None, f"pyproject.toml has no {name}"
    return found[1]


HERE = Path(__file__).resolve().parent
PACKAGE = sorted(path for path in (HERE / "pythonarium").rglob("*") if path.suffix == ".py" or path.name == "py.typed")
PROJECT = (HERE / "pyproject.toml").read_text(encoding="utf-8")
NAME = _setting("name")
VERSION = _setting("version")
METADATA = f"""Metadata-Version: 2.1
Name: {NAME}
Version: {VERSION}
Summary: {_setting("description")}
License: MIT
Requires-Python: {_setting("requires-python")}
Description-Content-Type: text/markdown

{(HERE / "README.md").read_text(encoding="utf-8")}"""
WHEEL = """Wheel-Version: 1.0
Generator: pythonarium
Root-Is-Purelib: true
Tag: py3-none-any
"""
