"""Whose turn it is: one incident holds up no other, what breaks is tried again, and nothing spins."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from builders import START, an_incident

from devops_daemon.model import Incident
from devops_daemon.ports import LostRaceError, UnavailableError
from devops_daemon.response.care import PAUSE_AFTER_FAILURE, PAUSE_AFTER_RACE, Care

MINUTE = timedelta(minutes=1)


@dataclass
class Listed:
    """The port `Turns`, with what a test puts into it."""

    due: list[Incident] = field(default_factory=list)
    takes: int = 0
    gone: dict[str, datetime | None] = field(default_factory=dict)

    async def take(self, owner: str, lease: timedelta, now: datetime) -> list[Incident]:
        del owner, lease, now
        self.takes += 1
        return list(self.due)

    async def let_go(self, taken: Incident, owner: str, next_at: datetime | None) -> None:
        del owner
        self.due = [each for each in self.due if each.id != taken.id]
        self.gone[taken.id] = next_at

    async def next_due(self, owner: str) -> datetime | None:
        del owner
        return START - MINUTE if self.due else None


@dataclass
class Steps:
    """What is done in a turn."""

    held: asyncio.Event = field(default_factory=asyncio.Event)
    begun: list[str] = field(default_factory=list)
    errors: dict[str, Exception] = field(default_factory=dict)

    async def step(self, incident: Incident) -> tuple[Incident, datetime | None]:
        self.begun.append(incident.id)
        if incident.id in self.errors:
            raise self.errors[incident.id]
        if incident.id == "held":
            await self.held.wait()
        return incident, None


@asynccontextmanager
async def caring(turns: Listed, steps: Steps) -> AsyncIterator[Care]:
    care = Care(turns, steps.step, "me", lambda: START)
    await care.start()
    try:
        yield care
    finally:
        steps.held.set()
        await care.stop()


async def until_gone(turns: Listed, *names: str) -> None:
    async with asyncio.timeout(5):
        while not set(names) <= turns.gone.keys():  # noqa: ASYNC110 # nobody sets an event for onlookers
            await asyncio.sleep(0.01)


async def test_one_that_takes_long_holds_up_no_other_and_is_not_begun_again() -> None:
    turns, steps = Listed([an_incident(named="held"), an_incident(named="quick")]), Steps()
    async with caring(turns, steps) as care:
        await until_gone(turns, "quick")
        turns.due.append(an_incident(named="later"))
        care.changed()
        await until_gone(turns, "later")
        assert steps.begun == ["held", "quick", "later"]
        assert "held" not in turns.gone
        steps.held.set()
        await until_gone(turns, "held")


async def test_while_one_is_in_hand_the_others_are_looked_for_now_and_then_and_not_without_end() -> None:
    turns, steps = Listed([an_incident(named="held")]), Steps()
    async with caring(turns, steps):
        await asyncio.sleep(0.5)
        assert turns.takes <= 2


@pytest.mark.parametrize(
    ("error", "again_at"),
    [
        (LostRaceError("changed"), START + PAUSE_AFTER_RACE),
        (UnavailableError("the store is locked"), START + PAUSE_AFTER_FAILURE),
        (ZeroDivisionError(), START + PAUSE_AFTER_FAILURE),
    ],
)
async def test_one_that_breaks_is_tried_again_and_is_the_only_one(error: Exception, again_at: datetime) -> None:
    turns, steps = Listed([an_incident(named="bad"), an_incident(named="good")]), Steps(errors={"bad": error})
    async with caring(turns, steps):
        await until_gone(turns, "bad", "good")
    assert turns.gone == {"bad": again_at, "good": None}
