"""Named SQLite databases in memory, a set of them for each session."""

import sqlite3

from pythonarium import expose, session


@expose
def create(name: str, script: str) -> None:
    if name in databases():
        raise ValueError(f"there is a database {name!r} already")
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.executescript(script)
    databases()[name] = connection


@expose
def call(name: str, statement: str, values: list | dict) -> dict:
    # One transaction: a statement that fails leaves nothing behind.
    with opened(name) as connection:
        cursor = connection.execute(statement, values)
        rows = [dict(row) for row in cursor]
    return {"rows": rows, "changed": max(cursor.rowcount, 0)}


@expose(name="list")
def list_names() -> list[str]:
    return sorted(databases())


@expose
def delete(name: str) -> bool:
    connection = databases().pop(name, None)
    if connection is not None:
        connection.close()
    return connection is not None


@expose
def dump(name: str) -> str | None:
    """The statements that build the database as it is now; None if there is none."""
    return "\n".join(opened(name).iterdump()) if name in databases() else None


def databases() -> dict[str, sqlite3.Connection]:
    return session.setdefault("databases", {})


def opened(name: str) -> sqlite3.Connection:
    if name not in databases():
        raise KeyError(f"there is no database {name!r}")
    return databases()[name]
