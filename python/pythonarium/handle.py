"""Objects that stay in Python, and the numbers by which Node knows them."""

from __future__ import annotations

from _thread import allocate_lock
from itertools import count

from .message import ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Owner = int | str


class HandleStore:
    """The instances of exposed classes that Node holds. Each belongs to a lease (its id) or a session (its name)."""

    def __init__(self) -> None:
        self._names: dict[type, str] = {}
        self._held: dict[int, _Held] = {}
        # By owner, and by the `id` of the object, which is nobody else's while it is held.
        self._owned: dict[Owner, dict[int, int]] = {}
        self._next = count(1).__next__
        # Calls may run in threads.
        self._lock = allocate_lock()
        self._no_handing = NoHanding(self)

    def expose(self, functions: dict[str, Callable[..., Any]]) -> None:
        """Take note of the classes among what Node may call."""
        for name, function in functions.items():
            if isinstance(function, type):
                self._names.setdefault(function, name)

    def name_of(self, value: Any) -> str | None:
        """Return the name of the exposed class that `value` is an instance of; None if there is none."""
        for base in type(value).__mro__:
            name = self._names.get(base)
            if name is not None:
                return name
        return None

    def hold(self, value: Any, owner: Owner) -> int:
        """Keep `value` for once more that its number is sent to Node, and return the number."""
        with self._lock:
            owned = self._owned.setdefault(owner, {})
            number = owned.get(id(value))
            if number is None:
                number = self._next()
                # In this order: the call may be interrupted between the two, and what is known has to be there.
                self._held[number] = _Held(value, owner)
                owned[id(value)] = number
            self._held[number].sent += 1
            return number

    def get(self, number: int) -> Any:
        """Return the object itself. Raises ProtocolError if Node cannot have the number."""
        held = self._held.get(number)
        if held is None:
            raise ProtocolError(f"there is no handle {number!r}")
        return held.value

    def drop(self, number: int, times: int) -> None:
        """Take note that Node has let go of a number that it was sent so many times."""
        with self._lock:
            held = self._held.get(number)
            if held is None:
                return
            held.sent -= times
            # Otherwise it is on its way to Node once more.
            if held.sent <= 0:
                owned = self._owned[held.owner]
                # In this order, as above.
                del owned[id(held.value)]
                del self._held[number]
                if not owned:
                    del self._owned[held.owner]

    def forget(self, told: dict[str, Any]) -> None:
        """Let go of what Node says that it is done with: by number, or all that belongs to a lease or a session."""
        if told["type"] == "handles.drop":
            for number, times in told["handles"]:
                self.drop(number, times)
            return
        with self._lock:
            numbers = self._owned.pop(told.get("lease", told.get("session")), {})
            # They end outside of the lock, since that may run the user's code.
            ended = [self._held.pop(number) for number in numbers.values()]
        ended.clear()

    def handing(self, owner: Owner | None) -> Handing | NoHanding:
        """Return the hook for the values of a call that belongs to a lease, to a session, or to neither."""
        return self._no_handing if owner is None else Handing(self, owner)

    def find(self, call: dict[str, Any]) -> Member | None:
        """Return what a call to a member of an object runs; None for what is not to be reached."""
        name = call["name"]
        return None if name.startswith("_") else Member(self.get(call["on"]), name, "get" in call)


class Handing:
    """Hands objects to Node in one call: the hook of what encodes its values."""

    def __init__(self, store: HandleStore, owner: Owner) -> None:
        self.store = store
        self.owner = owner
        # What was encoded and may never be sent.
        self.unsent: list[int] = []

    def __call__(self, value: Any) -> tuple[Any, ...] | None:
        name = self.store.name_of(value)
        if name is None:
            return None
        number = self.store.hold(value, self.owner)
        self.unsent.append(number)
        return "handle", number, name

    def sending(self) -> list[int]:
        """Take note that all that was encoded is about to be sent, and return it for `not_sent`.

        Before it is, since a signal handler of the user's may raise as it is written, and what Node has must not be let
        go of then.
        """
        sending, self.unsent = self.unsent, []
        return sending

    def not_sent(self, numbers: list[int]) -> None:
        """Take note that what was about to be sent cannot be."""
        self.unsent += numbers

    def take_back(self) -> None:
        """Let go of what was encoded and never sent."""
        # One by one: interrupted in between, none of them is let go of twice.
        while self.unsent:
            self.store.drop(self.unsent.pop(), 1)


class NoHanding:
    """The hook of a call that belongs to no lease and no session: nobody would say when an object is done with."""

    owner = None
    unsent = ()

    def __init__(self, store: HandleStore) -> None:
        self.store = store

    def __call__(self, value: Any) -> str | None:
        name = self.store.name_of(value)
        if name is None:
            return None
        return (
            f"is an object of the class {name}, which stays in Python and needs a lease or a session to live as long as: "
            "in Node, call it by one (`const lease = await pool.checkout()`)"
        )

    def sending(self) -> list[int]:
        """Nothing was handed."""
        return []

    def not_sent(self, numbers: list[int]) -> None:
        """Nothing was handed."""

    def take_back(self) -> None:
        """Nothing was handed."""


class Member:
    """One member of an object, read or called; the empty name is the object itself.

    It is looked up when the call runs, since that may run the user's code.
    """

    def __init__(self, value: Any, name: str, is_read: bool) -> None:
        self._value = value
        self._name = name
        self._is_read = is_read

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        member = getattr(self._value, self._name) if self._name else self._value
        return member if self._is_read else member(*args, **kwargs)

    @property
    def method(self) -> Callable[..., Any] | None:
        """The method that is called, if it is one of the class, found without running anything."""
        for base in type(self._value).__mro__:
            if self._name in vars(base):
                found = vars(base)[self._name]
                is_method = type(found) is FUNCTION or type(found) in METHODS and type(found.__func__) is FUNCTION
                return found.__get__(self._value, base) if is_method and not self._is_read else None
        return None


class _Held:
    __slots__ = ("owner", "sent", "value")

    def __init__(self, value: Any, owner: Owner) -> None:
        self.value = value
        self.owner = owner
        self.sent = 0


FUNCTION = type(_Held.__init__)
METHODS = (staticmethod, classmethod)
