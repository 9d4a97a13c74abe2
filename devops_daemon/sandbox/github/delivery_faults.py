"""DELIVERY_FAULTS: what may become of a webhook on its way."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

DELIVERY_FAULTS: Mapping[str, str] = {
    "lose": "It is never sent, and listed as failed.",
    "vanish": "It is never sent, and listed nowhere.",
    "double": "It comes twice.",
    "late": "It comes after `lateness`.",
    "overtaken": "It comes only after another one, that was to come later.",
    "hold": "It comes when held ones are released.",
    "forged": "Its signature is not ours.",
}


@dataclass(slots=True)
class _Switched:
    name: str
    event: str | None
    left: int | None


class DeliveryFaults:
    """The switches; a fault may be about one kind of event, and end after so many times."""

    def __init__(self) -> None:
        """Start with all off."""
        self.lateness = timedelta(seconds=1)
        self._released = asyncio.Event()
        self._on: list[_Switched] = []

    @property
    def active(self) -> frozenset[str]:
        """The names of the faults that are on."""
        return frozenset(each.name for each in self._on)

    def switch_on(self, name: str, *, event: str | None = None, times: int | None = None) -> None:
        """Let deliveries fare so, for ever or so many times; raises ValueError for an unknown name or no time."""
        self._look_up(name)
        if times is not None and times < 1:
            raise ValueError(f"times: {times} is less than one")
        self._on.append(_Switched(name, event, times))

    def switch_off(self, name: str) -> None:
        """End this fault; raises ValueError."""
        self._look_up(name)
        self._on = [each for each in self._on if each.name != name]

    def mend(self) -> None:
        """End all; what is held is released."""
        self._on.clear()
        self.release()

    def release(self) -> None:
        """Let go what is held."""
        self._released.set()
        self._released = asyncio.Event()

    @property
    def gate(self) -> asyncio.Event:
        """What is set when what is held now is released."""
        return self._released

    def strike(self, event: str) -> str | None:
        """Give the fault that this delivery meets, and count it."""
        for each in self._on:
            if each.event in {None, event}:
                if each.left is not None:
                    each.left -= 1
                    self._on = [other for other in self._on if other.left != 0]
                return each.name
        return None

    def _look_up(self, name: str) -> None:
        if name not in DELIVERY_FAULTS:
            raise ValueError(f"unknown fault {name!r}; known are {', '.join(DELIVERY_FAULTS)}")
