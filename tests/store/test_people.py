"""What people declare and take back, while looks go on and other replicas say the same."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from builders import a_member, a_trouble, an_incident, the_product
from store.conftest import NOW

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.history import HistoryRows
from devops_daemon.adapters.store.incidents import IncidentRows
from devops_daemon.adapters.store.signals import SignalRows
from devops_daemon.incidents.people import People
from devops_daemon.incidents.respond import Respond
from devops_daemon.model import DECLARED, Incident, Member, ProbeKey, Severity, Signal, Symptom, Trouble
from devops_daemon.ports import LostRaceError, RefusedError, SignalLedger
from devops_daemon.response.signals import Standing

PRODUCT = the_product()


class Clock:
    """Goes on by a second each time it is read."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@dataclass
class Watched:
    """The rows of signals, and what happens right after one was written."""

    rows: SignalRows
    then: Callable[[], Awaitable[object]]

    async def signals(self) -> list[Signal]:
        return await self.rows.signals()

    async def keep(self, signals: Sequence[Signal]) -> None:
        await self.rows.keep(signals)
        await self.then()


def people(store: Database, clock: Clock, signals: SignalLedger | None = None) -> People:
    history = HistoryRows(store, timedelta(minutes=5))
    return People(IncidentRows(store), history, signals or SignalRows(store), PRODUCT, clock)


async def look(store: Database, clock: Clock) -> None:
    """One look, where every probe is well."""
    signals = await Standing(SignalRows(store), PRODUCT).current()
    await respond(store, clock, signals)


async def respond(store: Database, clock: Clock, signals: Sequence[Signal]) -> None:
    well: dict[ProbeKey, datetime] = {probe.key: NOW for service in PRODUCT for probe in service.probes}
    well |= {each.key: each.since for each in signals if each.since and not each.trouble}
    troubles = [each.trouble for each in signals if each.trouble]
    await Respond(IncidentRows(store), PRODUCT).to(troubles, well, clock())


async def everything(store: Database) -> list[Incident]:
    return await IncidentRows(store).current(NOW - timedelta(days=1))


async def test_what_two_replicas_declare_at_once_is_one_incident(store: Database, second: Database) -> None:
    clock = Clock()
    said = [people(each, clock).declare("backend", Severity.SEV2, "ada") for each in (store, second) for _ in range(3)]
    found = await asyncio.gather(*said)
    assert len({each.id for each in found}) == 1
    assert [each.id for each in await everything(store)] == [found[0].id]


async def test_a_look_that_finds_the_word_before_it_has_its_incident_opens_the_same(store: Database) -> None:
    clock = Clock()
    between = Watched(SignalRows(store), lambda: look(store, clock))
    found = await people(store, clock, between).declare("backend", Severity.SEV1, "ada", "it is slow")
    assert [each.id for each in await everything(store)] == [found.id]
    await look(store, clock)
    assert [(each.id, each.resolved_at) for each in await everything(store)] == [(found.id, None)]


async def test_a_look_that_has_read_before_the_word_was_said_ends_nothing(store: Database) -> None:
    clock = Clock()
    read = await SignalRows(store).signals()
    found = await people(store, clock).declare("backend", Severity.SEV2, "ada")
    await respond(store, clock, read)
    assert [(each.id, each.resolved_at) for each in await everything(store)] == [(found.id, None)]


async def test_a_look_between_a_word_s_end_and_its_incident_s_is_no_refusal(store: Database) -> None:
    clock = Clock()
    found = await people(store, clock).declare("backend", Severity.SEV2, "ada")
    between = Watched(SignalRows(store), lambda: look(store, clock))
    ended = await people(store, clock, between).resolve(found.id, "ada")
    assert ended.resolved_at is not None
    with pytest.raises(RefusedError, match="it has ended"):
        await people(store, clock).resolve(found.id, "ada")


async def test_a_look_that_has_read_the_word_before_it_was_taken_back_opens_nothing(store: Database) -> None:
    clock = Clock()
    found = await people(store, clock).declare("backend", Severity.SEV2, "ada")
    read = await SignalRows(store).signals()
    await people(store, clock).resolve(found.id, "ada")
    await respond(store, clock, read)
    assert [each.id for each in await everything(store)] == [found.id]
    again = await people(store, clock).declare("backend", Severity.SEV2, "ada")
    assert again.id != found.id


async def test_a_word_of_an_outage_is_not_declared_a_second_time_elsewhere(store: Database) -> None:
    clock = Clock()
    rows = IncidentRows(store)
    word = Member(ProbeKey("backend", DECLARED), Symptom.DECLARED, NOW)
    await rows.save(replace(an_incident(a_member(since=NOW), word), opened_at=NOW), [])
    with pytest.raises(LostRaceError):
        await rows.save(an_incident(word, named="260105-bbbb"), [])
    assert (await people(store, clock).declare("backend", Severity.SEV1, "ada")).id == "260105-aaaa"


async def test_where_an_incident_may_not_be_ended_its_word_stands(store: Database) -> None:
    clock = Clock()
    found = await people(store, clock).declare("backend", Severity.SEV2, "ada", "it is slow")

    async def fails() -> None:
        down = a_trouble("backend", since=clock())
        word = Trouble(ProbeKey("backend", DECLARED), Symptom.DECLARED, Severity.SEV2, NOW, "")
        await Respond(IncidentRows(store), PRODUCT).to([down, word], {}, clock())

    once = [fails]
    between = Watched(SignalRows(store), lambda: once.pop()() if once else asyncio.sleep(0))
    with pytest.raises(RefusedError, match="backend still fails"):
        await people(store, clock, between).resolve(found.id, "ada")
    [word] = await SignalRows(store).signals()
    assert (word.severity, "it is slow" in word.detail) == (Severity.SEV2, True)
