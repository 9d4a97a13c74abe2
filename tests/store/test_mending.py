"""Rows of what is done and told in incidents, on both databases: limits hold whoever begins, and nothing is twice."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import a_remedy, an_incident
from store.conftest import NOW

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.gauges import GaugeRows
from devops_daemon.adapters.store.incidents import IncidentRows, TurnRows
from devops_daemon.adapters.store.mending import MendingRows
from devops_daemon.adapters.store.requests import RequestRows
from devops_daemon.adapters.store.switches import SwitchRows
from devops_daemon.asking import Request, RequestState
from devops_daemon.mending import (
    Attempt,
    Came,
    Duty,
    Effect,
    EffectState,
    Evidence,
    EvidenceKind,
    Refusal,
    Remedy,
    Stage,
)
from devops_daemon.model import EventKind, Incident, IncidentStatus, TimelineEvent
from devops_daemon.ports import PAUSED, LostRaceError, Switch

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SINCE = NOW - HOUR


async def opened(store: Database, named: str = "260105-aaaa", service: str = "backend") -> Incident:
    found = replace(an_incident(named=named), opened_at=NOW, detected_at=NOW)
    members = tuple(replace(member, key=member.key._replace(service=service)) for member in found.members)
    found = replace(found, members=members)
    await IncidentRows(store).save(found, [])
    return found


def begun(incident: Incident) -> Incident:
    return replace(incident, status=IncidentStatus.MITIGATING, version=incident.version + 1)


def new(incident: Incident, number: int = 1, service: str = "backend") -> Remedy:
    return a_remedy(number, came=None, incident=incident.id, service=service, began=NOW, stage=Stage.STARTED)


def never(*_: object) -> Refusal | None:
    return None


def one_at_a_time(others: Sequence[Remedy], people: Sequence[Request], paused: Switch | None) -> Refusal | None:
    if paused:
        return Refusal(f"paused by {paused.by}", final=False)
    if people:
        return Refusal(f"{people[0].author} is at it", final=False)
    return Refusal(f"{others[0].id} is there", final=True) if others else None


async def test_a_remedy_and_what_its_incident_becomes_are_written_together(store: Database) -> None:
    rows, incident = MendingRows(store), await opened(store)
    event = TimelineEvent(NOW, EventKind.REMEDY, "restart backend")
    written, refusal = await rows.begin(new(incident), begun(incident), [event], SINCE, one_at_a_time)
    assert (refusal, written) == (None, replace(new(incident), version=1))
    assert await rows.remedies(incident.id) == [written]
    assert await IncidentRows(store).current(NOW) == [begun(incident)]


async def test_what_is_forbidden_changes_nothing(store: Database) -> None:
    rows, incident = MendingRows(store), await opened(store)
    await rows.begin(new(incident), begun(incident), [], SINCE, never)
    second = new(incident, 2)
    found = await rows.begin(second, begun(begun(incident)), [], SINCE, one_at_a_time)
    assert found == (second, Refusal("260105-aaaa/1 is there", final=True))
    assert [remedy.number for remedy in await rows.remedies(incident.id)] == [1]
    assert await IncidentRows(store).current(NOW) == [begun(incident)]


async def test_those_of_the_service_and_of_the_incident_are_seen_and_others_are_not(store: Database) -> None:
    rows, one, two = MendingRows(store), await opened(store), await opened(store, "other", "frontend")
    await rows.begin(new(one), begun(one), [], SINCE, never)
    assert (await rows.begin(new(two), begun(two), [], SINCE, one_at_a_time))[1] is not None, "one service"
    assert (await rows.begin(new(two, service="frontend"), begun(two), [], SINCE, one_at_a_time))[1] is None
    late = replace(new(one, 2, "frontend"), began_at=NOW + 2 * HOUR)
    found = await rows.begin(late, begun(begun(one)), [], NOW + HOUR, one_at_a_time)
    assert found[1] == Refusal("260105-aaaa/1 is there", final=True), "of its own incident, however long ago"


async def test_the_pause_and_what_people_do_are_seen_where_it_is_written_down(store: Database) -> None:
    rows, incident, requests = MendingRows(store), await opened(store), RequestRows(store)
    asked, _ = await requests.open(
        Request("comment:1", 7, 1, "ada", by_agent=False, hop=0, words="restart backend", asked_at=NOW)
    )
    acting = replace(asked, state=RequestState.ACTING, act="restart", target="backend", acting_since=NOW)
    await requests.begin(acting, SINCE, never)  # type: ignore[arg-type] # it forbids nothing either
    refusal = (await rows.begin(new(incident), begun(incident), [], SINCE, one_at_a_time))[1]
    assert refusal == Refusal("ada is at it", final=False)
    await SwitchRows(store).turn_on(PAUSED, "max", NOW)
    refusal = (await rows.begin(new(incident), begun(incident), [], SINCE, one_at_a_time))[1]
    assert refusal == Refusal("paused by max", final=False)


async def test_a_person_does_not_begin_what_the_daemon_is_doing(store: Database) -> None:
    rows, incident, requests = MendingRows(store), await opened(store), RequestRows(store)
    remedy, _ = await rows.begin(new(incident), begun(incident), [], SINCE, never)
    asked, _ = await requests.open(
        Request("comment:1", 7, 1, "ada", by_agent=False, hop=0, words="restart backend", asked_at=NOW)
    )
    acting = replace(asked, state=RequestState.ACTING, act="restart", target="backend", acting_since=NOW)

    def own(_: Sequence[Request], mending: str | None, __: Switch | None) -> str | None:
        return mending

    assert (await requests.begin(acting, SINCE, own))[1] == "restart for incident 260105-aaaa"
    await rows.change(replace(remedy, stage=Stage.ENDED, ended_at=NOW, came=Came.HELPED))
    assert (await requests.begin(acting, SINCE, own))[1] is None


async def test_of_many_who_begin_at_once_one_does(store: Database, second: Database) -> None:
    incident = await opened(store)
    rows = [MendingRows(store), MendingRows(second)]
    tries = [rows[number % 2].begin(new(incident), begun(incident), [], SINCE, one_at_a_time) for number in range(8)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, tuple) and each[1] is None for each in found) == 1
    assert all(isinstance(each, tuple | LostRaceError) for each in found)
    assert len(await rows[0].remedies(incident.id)) == 1


async def test_two_services_of_two_incidents_do_not_wait_for_each_other(store: Database, second: Database) -> None:
    one, two = await opened(store), await opened(store, "other", "frontend")
    found = await asyncio.gather(
        MendingRows(store).begin(new(one), begun(one), [], SINCE, one_at_a_time),
        MendingRows(second).begin(new(two, service="frontend"), begun(two), [], SINCE, one_at_a_time),
    )
    assert [refusal for _, refusal in found] == [None, None]


async def test_an_incident_that_has_changed_gets_no_remedy(store: Database) -> None:
    rows, incident = MendingRows(store), await opened(store)
    await IncidentRows(store).save(replace(incident, held="for now", version=2), [])
    with pytest.raises(LostRaceError):
        await rows.begin(new(incident), begun(incident), [], SINCE, never)
    assert await rows.remedies(incident.id) == []


async def test_a_change_of_a_remedy_and_of_its_incident_is_one(store: Database) -> None:
    rows, incident = MendingRows(store), await opened(store)
    remedy, _ = await rows.begin(new(incident), begun(incident), [], SINCE, never)
    ended = replace(remedy, stage=Stage.ENDED, came=Came.NO_HELP, ended_at=NOW, text="it still fails")
    with pytest.raises(LostRaceError):
        await rows.change(ended, begun(incident), [])
    assert await rows.remedies(incident.id) == [remedy]
    third = replace(begun(incident), held="for now", version=3)
    assert await rows.change(ended, third, [TimelineEvent(NOW, EventKind.OUTCOME, "no")]) == replace(ended, version=2)
    assert await IncidentRows(store).current(NOW) == [third]
    with pytest.raises(LostRaceError):
        await rows.change(ended)


def an_effect(incident: Incident, name: str = "issue") -> Effect:
    return Effect(incident.id, name, EffectState.STARTED, NOW, NOW + MINUTE, tries=1)


async def test_what_is_told_is_begun_by_one(store: Database, second: Database) -> None:
    incident = await opened(store)
    rows = [MendingRows(store), MendingRows(second)]
    found = await asyncio.gather(
        *(rows[number % 2].tell(an_effect(incident)) for number in range(6)), return_exceptions=True
    )
    assert sum(isinstance(each, Effect) for each in found) == 1
    [kept] = await rows[0].effects(incident.id)
    done = replace(kept, state=EffectState.DONE, done_at=NOW, reference="7 http://x", digest="ab", error=None)
    assert await rows[0].tell(done) == replace(done, version=2)
    with pytest.raises(LostRaceError):
        await rows[1].tell(done)
    await rows[1].tell(an_effect(incident, "agent:1"))
    assert {each.name: each.version for each in await rows[0].effects(incident.id)} == {"issue": 2, "agent:1": 1}


async def test_evidence_is_kept_once(store: Database) -> None:
    rows, incident = MendingRows(store), await opened(store)
    seen = [
        Evidence(incident.id, kind, f"{kind} of backend", "ERROR x\n\u202e", "ERROR", NOW, "ERROR x", kind == "logs")
        for kind in (EvidenceKind.LOGS, EvidenceKind.STEPS)
    ]
    await rows.keep_evidence([], NOW)
    await rows.keep_evidence(seen, NOW)
    await rows.keep_evidence(seen, NOW)
    assert await rows.evidence(incident.id) == seen
    assert await rows.evidence("another") == []


# Whose turn it is


async def test_an_incident_is_seen_to_by_one(store: Database, second: Database) -> None:
    incident, rows = await opened(store), [TurnRows(each, Duty.MEND) for each in (store, second)]
    taken = await asyncio.gather(*(rows[n % 2].take(f"replica {n}", MINUTE, NOW) for n in range(6)))
    assert sorted(map(len, taken)) == [0, 0, 0, 0, 0, 1]
    mine = next(n for n, found in enumerate(taken) if found)
    assert await rows[0].take(f"replica {mine}", MINUTE, NOW) == [incident], "its own it may take again"
    assert await rows[0].take("another", MINUTE, NOW + MINUTE) == [incident], "the one who had it has died"


async def test_it_is_due_again_when_that_was_said_or_when_it_changes(store: Database) -> None:
    incident, rows = await opened(store), TurnRows(store, Duty.MEND)
    assert await rows.next_due("me") == NOW
    await rows.take("me", MINUTE, NOW)
    await rows.let_go(incident, "me", NOW + 5 * MINUTE)
    assert await rows.next_due("me") == NOW + 5 * MINUTE
    assert await rows.take("me", MINUTE, NOW + 4 * MINUTE) == []
    assert await rows.take("me", MINUTE, NOW + 5 * MINUTE) == [incident]
    await rows.let_go(incident, "me", None)
    assert (await rows.next_due("me"), await rows.take("me", MINUTE, NOW + 9 * HOUR)) == (None, [])
    changed = replace(incident, held="why", version=2)
    await IncidentRows(store).save(changed, [])
    assert await rows.take("me", MINUTE, NOW) == [changed]


async def test_what_changed_in_the_meantime_is_due_at_once(store: Database) -> None:
    incident, rows = await opened(store), TurnRows(store, Duty.MEND)
    await rows.take("me", MINUTE, NOW)
    changed = replace(incident, held="why", version=2)
    await IncidentRows(store).save(changed, [])
    await rows.let_go(incident, "me", None)
    assert await rows.take("another", MINUTE, NOW) == [changed]


async def test_each_duty_has_its_own_turns_and_new_evidence_is_told(store: Database) -> None:
    incident, mend, tell = await opened(store), TurnRows(store, Duty.MEND), TurnRows(store, Duty.TELL)
    assert [await rows.take("me", MINUTE, NOW) for rows in (mend, tell)] == [[incident], [incident]]
    for rows in (mend, tell):
        await rows.let_go(incident, "me", None)
    seen = Evidence(incident.id, EvidenceKind.LOGS, "logs", "x", "", NOW)
    await MendingRows(store).keep_evidence([seen], NOW)
    assert [await rows.take("me", MINUTE, NOW) for rows in (mend, tell)] == [[], [incident]]


async def test_what_is_usual_is_the_median_of_the_week(store: Database) -> None:
    rows = GaugeRows(store)
    assert await rows.usual("sessions", NOW) is None
    for days, value in ((9, 9000), (3, 10), (2, 30), (1, 20), (0, 7)):
        await rows.add("sessions", value, NOW - timedelta(days=days))
    await rows.add("users", 1, NOW - HOUR)
    await rows.add("users", 2, NOW - HOUR)
    assert await rows.usual("sessions", NOW) == 20
    assert await rows.usual("users", NOW) == 1


async def test_an_attempt_is_kept_once_with_what_its_incident_becomes(store: Database) -> None:
    rows, incident = MendingRows(store), await opened(store)
    attempt = Attempt(incident.id, 7, "c" * 40, NOW)
    noted, event = begun(incident), TimelineEvent(NOW, EventKind.ATTEMPT, "#7 was merged")
    await rows.keep_attempt(attempt, noted, [event])
    failed = replace(attempt, failed_at=NOW + MINUTE, text="it did not help")
    with pytest.raises(LostRaceError):
        await rows.keep_attempt(failed, noted, [])
    assert await rows.attempts(incident.id) == [attempt]
    await rows.keep_attempt(failed, replace(noted, version=noted.version + 1), [])
    assert await rows.attempts(incident.id) == [failed]
