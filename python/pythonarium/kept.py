"""Functions of Node's that outlive their call, for as long as the lease or the session that they came by.

This module is imported when the first of them comes.
"""

from __future__ import annotations

from .exchange import Callback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .exchange import Exchange
    from .handle import Owner
    from .lane import Lane
    from .worker import Worker


class KeptStore:
    """The kept functions that Node has sent and not let go of."""

    def __init__(self, host: Worker | Lane) -> None:
        """`host` knows the call that runs where it is asked."""
        self._host = host
        # One number may have come by several leases, and is another function by each.
        self._known: dict[int, dict[Owner, KeptFunction]] = {}
        self._owned: dict[Owner, dict[int, KeptFunction]] = {}

    def get(self, owner: Owner, number: int) -> KeptFunction:
        """Return the function that has come by `owner` under that number: the same one each time."""
        owned = self._owned.setdefault(owner, {})
        function = owned.get(number)
        if function is None:
            function = owned[number] = KeptFunction(self, owner, number)
            self._known.setdefault(number, {})[owner] = function
        return function

    def forget(self, told: dict[str, Any]) -> None:
        """Let go of what Node says that it is done with: by number, or all that belongs to a lease or a session."""
        if told["type"] == "kept.drop":
            number = told["kept"]
            for owner, function in self._known.pop(number, {}).items():
                function.ended = "Node has released it. Have Node send another one"
                self._drop(self._owned, owner, number)
            return
        owner = told.get("lease", told.get("session"))
        for number, function in self._owned.pop(owner, {}).items():
            function.ended = f"{what(owner)} is over. Have Node send it again by another one"
            self._drop(self._known, number, owner)

    def exchange(self, owner: Owner) -> Exchange | None:
        """Return what a call of `owner` talks to Node by that runs here; None if there is none."""
        exchange = self._host.exchange()
        return None if exchange is None or exchange.handing.owner != owner else exchange

    def _drop(self, index: dict[Any, dict[Any, KeptFunction]], first: Any, second: Any) -> None:
        functions = index.get(first)
        if functions is not None:
            functions.pop(second, None)
            if not functions:
                del index[first]


class KeptFunction(Callback):
    """A function of Node's that may be called in any call of the lease or the session that it came by.

    Raises RuntimeError where no such call runs, and once Node has released it or its lease or session is over.
    """

    def __init__(self, store: KeptStore, owner: Owner, number: int) -> None:
        self._store = store
        self._owner = owner
        self._number = number
        # Why it can be called no longer.
        self.ended: str | None = None

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        if self.ended is not None:
            raise RuntimeError(f"This function of Node's is of no more use: {self.ended}.")
        exchange = self._store.exchange(self._owner)
        if exchange is None:
            raise RuntimeError(
                f"This function of Node's came by {what(self._owner)}, and no call of that runs here. "
                "Call it while one does, in the thread of that call."
            )
        return exchange.call_function(self._number, args, kwargs, is_kept=True)

    def __repr__(self) -> str:
        return f"<kept function {self._number} of Node's>"


def what(owner: Owner) -> str:
    """Return what a lease or a session is spoken of by."""
    return f"lease {owner}" if isinstance(owner, int) else f"the session {owner!r}"
