"""Which faults are on, and what a request to a server meets because of them."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

from devops_daemon.sandbox.answers import Answer
from devops_daemon.sandbox.database import Database
from devops_daemon.sandbox.faults import FAULTS, Fault, Server, find


class Switchboard:
    """The switches of all faults; a fault that lies in the rows goes off when the rows are in order again."""

    def __init__(self, database: Database) -> None:
        """Start with all faults off."""
        self._database = database
        self._on: dict[str, asyncio.Event] = {}

    @property
    def active(self) -> frozenset[str]:
        """The names of the faults that are on."""
        return frozenset(fault.name for fault in FAULTS if self._is_on(fault))

    def switch_on(self, name: str) -> None:
        """Break the product this way; raises UnknownFaultError."""
        fault = find(name)
        if self._is_on(fault):
            return
        if fault.condition:
            fault.condition.begin(self._database, datetime.now(UTC))
        self._on[name] = asyncio.Event()

    def switch_off(self, name: str) -> None:
        """End this fault, and let go whoever waits in it; raises UnknownFaultError."""
        fault = find(name)
        over = self._on.pop(name, None)
        if over is None:
            return
        if fault.condition:
            fault.condition.end(self._database)
        over.set()

    def refuses(self, server: Server) -> bool:
        """Say whether this server's port is to be closed."""
        return any(fault.refuses for fault in FAULTS if fault.server is server and self._is_on(fault))

    def answers(self, server: Server, path: str) -> Iterator[tuple[Fault, Answer, asyncio.Event]]:
        """Give what a request meets, each with the event of its end; lazily, for one may outlast the next."""
        for fault in FAULTS:
            answer = fault.answer(path)
            if fault.server is server and answer and self._is_on(fault):
                yield fault, answer, self._on[fault.name]

    def _is_on(self, fault: Fault) -> bool:
        if fault.name not in self._on:
            return False
        return fault.condition is None or fault.condition.lasts(self._database)
