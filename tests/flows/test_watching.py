"""The flow Health, through `Daemon`: from a look at the product to an incident in the store and back."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
import time_machine
from builders import START, a_probe, a_service, a_watchlist, at, key, thresholds

from devops_daemon.adapters.store import schema
from devops_daemon.adapters.store.db import SqliteDatabase
from devops_daemon.adapters.store.health import HealthRows
from devops_daemon.adapters.store.history import HistoryRows
from devops_daemon.adapters.store.incidents import IncidentRows
from devops_daemon.daemon import Daemon
from devops_daemon.health.watch import LONGEST_BACKLOG, Watch
from devops_daemon.incidents.respond import Respond
from devops_daemon.model import (
    Incident,
    IncidentStatus,
    Outcome,
    Probe,
    ProbeKey,
    ProbeState,
    Result,
    Severity,
    Signal,
    Status,
    TimelineEvent,
    Watchlist,
)
from devops_daemon.ports import HealthLedger, IncidentLedger, Look, UnavailableError

REFERENCE = "https://api.github.com"
BACKEND = ("backend", "backend/database", "backend/auth")
EVERYTHING = (*BACKEND, "frontend")
MINUTE = 60
ROUND = 300


class Hands:
    """A clock whose hands the test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Product:
    """The port Prober: a product and the references beside it, with what a look at each would find."""

    def __init__(self, clock: Hands) -> None:
        self.looked_at: list[str] = []
        self.asked: list[str] = []
        self.silent_references: set[str] = set()
        self.while_it_answers: Callable[[], None] | None = None
        self.takes = 0.0
        self.most_at_once = 0
        self._clock = clock
        self._outcomes: dict[ProbeKey, tuple[Outcome, bool]] = {}
        self._at_once = 0
        self._broken: set[ProbeKey] = set()
        self._hanging: set[ProbeKey] = set()
        self._asked_in_vain = asyncio.Event()
        self._answers_at_last = asyncio.Event()

    def works(self, *names: str) -> None:
        self._outcomes |= {key(name): (Outcome.OK, True) for name in names}
        self._broken -= {key(name) for name in names}
        self._hanging -= {key(name) for name in names}
        self._answers_at_last.set()

    def fails(self, *names: str, answered: bool = False) -> None:
        self._outcomes |= {key(name): (Outcome.FAILED, answered) for name in names}

    def is_slow(self, *names: str) -> None:
        self._outcomes |= {key(name): (Outcome.DEGRADED, True) for name in names}

    def has_a_broken_probe(self, name: str) -> None:
        self._broken.add(key(name))

    def hangs(self, *names: str) -> None:
        self._asked_in_vain.clear()
        self._answers_at_last.clear()
        self._hanging |= {key(name) for name in names}

    async def until_it_hangs(self) -> None:
        await asyncio.wait_for(self._asked_in_vain.wait(), 5)

    async def run(self, probe: Probe) -> Result:
        self.looked_at.append(str(probe.key))
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await asyncio.sleep(0)
        try:
            return await self._look(probe)
        finally:
            self._at_once -= 1

    async def _look(self, probe: Probe) -> Result:
        if probe.key in self._broken:
            raise ZeroDivisionError("a bug in the probe")
        if probe.key in self._hanging:
            self._asked_in_vain.set()
            await self._answers_at_last.wait()
        if self.while_it_answers:
            self.while_it_answers()
        if self.takes:
            await asyncio.sleep(self.takes)
        outcome, answered = self._outcomes.get(probe.key, (Outcome.OK, True))
        return Result(probe.key, self._clock(), outcome, f"it {outcome}", None, answered)

    async def answers(self, url: str) -> bool:
        self.asked.append(url)
        return url not in self.silent_references


class Shaky:
    """What a store that fails has in common: which calls fail, and which do their work and lose the answer."""

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.losing: set[str] = set()

    def before(self, call: str) -> None:
        if call in self.failing:
            raise UnavailableError("the disk is full")

    def behind(self, call: str) -> None:
        if call in self.losing:
            raise UnavailableError("the connection was lost")


class ShakyHealth(Shaky):
    """The port HealthLedger, on the real one, whose calls fail when they are told to."""

    CALLS = ("states", "claim", "keep", "references")

    def __init__(self, real: HealthLedger) -> None:
        super().__init__()
        self.real = real
        self.leases: list[timedelta] = []
        self.handed_in: list[int] = []
        """How many looks there were to keep each time."""

    async def states(self) -> list[ProbeState]:
        self.before("states")
        return await self.real.states()

    async def claim(self, keys: Sequence[ProbeKey], now: datetime, lease: timedelta) -> frozenset[ProbeKey]:
        self.before("claim")
        self.leases.append(lease)
        taken = await self.real.claim(keys, now, lease)
        self.behind("claim")
        return taken

    async def keep(self, looks: Sequence[Look]) -> None:
        self.handed_in.append(len(looks))
        self.before("keep")
        await self.real.keep(looks)
        self.behind("keep")

    async def references(self) -> dict[str, datetime]:
        self.before("references")
        return await self.real.references()


class ShakyIncidents(Shaky):
    """The port IncidentLedger, on the real one, whose calls fail when they are told to."""

    CALLS = ("current", "save")

    def __init__(self, real: IncidentLedger) -> None:
        super().__init__()
        self.real = real
        self.meanwhile: dict[str, Callable[[], Awaitable[object]]] = {}
        """What somebody else does just before a call, once."""

    async def current(self, ended_since: datetime) -> list[Incident]:
        self.before("current")
        await self.let_others_act("current")
        return await self.real.current(ended_since)

    async def let_others_act(self, call: str) -> None:
        if act := self.meanwhile.pop(call, None):
            await act()

    async def save(self, incident: Incident, events: Sequence[TimelineEvent]) -> None:
        self.before("save")
        await self.let_others_act("save")
        await self.real.save(incident, events)
        self.behind("save")


class Pulse:
    """The port Heart: counts its beats."""

    def __init__(self) -> None:
        self.beats = 0

    async def beat(self) -> None:
        self.beats += 1


class Told:
    """What is told of the signals beside the probes; nothing while it cannot be read."""

    def __init__(self) -> None:
        self.signals: Sequence[Signal] | None = ()

    async def __call__(self) -> Sequence[Signal]:
        if self.signals is None:
            raise UnavailableError("the rows cannot be read")
        return self.signals


class House:
    """One daemon on a real store."""

    def __init__(self, store: SqliteDatabase, product: Product, clock: Hands, watchlist: Watchlist, owner: str) -> None:
        self.product = product
        self.clock = clock
        self.heart = Pulse()
        self.told = Told()
        self.health = ShakyHealth(HealthRows(store, owner))
        self.ledger = ShakyIncidents(IncidentRows(store))
        self._store = store
        self._history = HistoryRows(store, timedelta(seconds=ROUND))
        self.daemon = Daemon(
            Watch(watchlist, thresholds(), product, self.health, clock),
            Respond(self.ledger, watchlist.services),
            self.heart,
            clock,
            signals=self.told,
        )

    async def round(self, later: float = 0) -> datetime | None:
        """Let time pass and look at everything."""
        self.clock.move(later)
        return await self.daemon.look(whole=True)

    async def confirm(self, later: float = 10) -> datetime | None:
        """Let time pass and look at what is due."""
        self.clock.move(later)
        return await self.daemon.look(whole=False)

    async def incidents(self) -> list[Incident]:
        """Read all incidents, oldest first."""
        return list((await self._history.overview(self.clock())).incidents)[::-1]

    async def open(self) -> list[Incident]:
        return [incident for incident in await self.incidents() if incident.status is not IncidentStatus.RESOLVED]

    async def statuses(self) -> dict[str, Status]:
        return {str(state.key): state.status for state in await self.health.real.states()}

    async def state(self, name: str) -> ProbeState:
        return next(state for state in await self.health.real.states() if state.key == key(name))

    async def results(self, name: str) -> list[tuple[datetime, str]]:
        """Read what the store keeps of one probe, oldest first."""
        table = schema.result
        mine = sa.select(table.c.at, table.c.outcome).where(
            table.c.service == key(name).service, table.c.name == key(name).name
        )
        return await self._store.read(lambda db: [(row.at, row.outcome) for row in db.execute(mine.order_by("at"))])

    async def counted(self, name: str) -> int:
        """Read how many results of one probe the history by hour has counted."""
        hourly = schema.hourly
        total = sa.select(sa.func.sum(hourly.c.ok + hourly.c.degraded + hourly.c.failed + hourly.c.unknown)).where(
            hourly.c.service == key(name).service, hourly.c.name == key(name).name
        )
        return await self._store.read(lambda db: int(db.execute(total).scalar() or 0))


class Street:
    """Opens houses on one file, one after the other or side by side."""

    def __init__(self, path: Path) -> None:
        self.clock = Hands()
        self.product = Product(self.clock)
        self._path = path

    @asynccontextmanager
    async def opened(self, watchlist: Watchlist, *owners: str) -> AsyncIterator[list[House]]:
        store = SqliteDatabase(self._path)
        await store.open()
        try:
            yield [House(store, self.product, self.clock, watchlist, owner) for owner in owners]
        finally:
            await store.close()

    @asynccontextmanager
    async def house(self, watchlist: Watchlist | None = None) -> AsyncIterator[House]:
        async with self.opened(watchlist or a_watchlist(), "the only process") as (house,):
            yield house

    @asynccontextmanager
    async def replicas(self) -> AsyncIterator[tuple[House, House]]:
        async with self.opened(a_watchlist(), "one", "other") as (one, other):
            yield one, other


@pytest.fixture(scope="module")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a store with its tables made, to copy from: to make them takes longer than most of these tests."""
    path = tmp_path_factory.mktemp("new") / "devops-daemon.db"

    async def make() -> None:
        store = SqliteDatabase(path)
        await store.open()
        await store.close()

    asyncio.run(make())
    return path


@pytest.fixture
def street(tmp_path: Path, new_store: Path) -> Street:
    return Street(Path(shutil.copy(new_store, tmp_path)))


@pytest.fixture
async def house(street: Street) -> AsyncIterator[House]:
    async with street.house() as house:
        yield house


@pytest.fixture
async def known_reference(street: Street) -> AsyncIterator[House]:
    """Give a house that has a reference, which answered ten minutes ago; all was well then."""
    async with street.house(a_watchlist(references=[REFERENCE])) as house:
        await house.round()
        street.clock.move(10 * MINUTE)
        yield house


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def told(logs: Sequence[Any], event: str) -> list[Any]:
    return [line for line in logs if line["event"] == event]


# --- one outage, from its first failure to its end


async def test_while_all_is_well_nothing_is_opened_and_no_sooner_look_is_asked_for(house: House) -> None:
    assert (await house.round(), await house.incidents()) == (None, [])


async def test_one_failed_look_opens_nothing_but_is_confirmed_soon(house: House) -> None:
    await house.round()
    house.product.fails("backend")
    soon = await house.round(ROUND)
    assert (soon, await house.incidents()) == (at(ROUND + 10), [])


async def test_two_failed_looks_open_one_incident(house: House) -> None:
    await house.round()
    house.product.fails("backend", answered=True)
    await house.round(ROUND)
    await house.confirm()
    (incident,) = await house.incidents()
    assert replace(incident, id="") == Incident(
        id="",
        severity=Severity.SEV1,
        status=IncidentStatus.OPEN,
        cause=key("backend"),
        title="backend is down",
        members=incident.members,
        opened_at=at(ROUND),
        detected_at=at(ROUND + 10),
        version=1,
    )


async def test_further_failures_open_nothing_more(house: House) -> None:
    house.product.fails("backend")
    await house.round()
    for _ in range(8):
        await house.confirm()
    await house.round(ROUND)
    assert len(await house.incidents()) == 1


async def test_what_fails_once_and_works_again_opens_nothing(house: House) -> None:
    await house.round()
    house.product.fails("backend")
    await house.round(ROUND)
    house.product.works("backend")
    await house.confirm()
    assert (await house.confirm(), await house.incidents()) == (None, [])


async def test_recovery_resolves_the_incident_with_the_last_success_needed(house: House) -> None:
    house.product.fails("backend")
    await house.round()
    await house.confirm()
    house.product.works("backend")
    await house.confirm()
    assert len(await house.open()) == 1
    await house.confirm()
    assert [(i.status, i.opened_at, i.resolved_at) for i in await house.incidents()] == [
        (IncidentStatus.RESOLVED, START, at(30))
    ]


async def test_an_outage_that_ends_in_slowness_is_resolved_with_the_last_success_needed(house: House) -> None:
    for outcome in (house.product.fails, house.product.fails, house.product.is_slow, house.product.is_slow):
        outcome("backend")
        await house.round(10)
    assert [(i.severity, i.resolved_at) for i in await house.incidents()] == [
        (Severity.SEV1, at(40)),
        (Severity.SEV3, None),
    ]


async def test_a_failure_soon_after_the_end_is_the_same_incident_and_a_later_one_is_new(house: House) -> None:
    for outcome in (house.product.fails, house.product.works, house.product.fails, house.product.works):
        outcome("backend")
        await house.round(10)
        await house.round(10)
    assert [(i.opened_at, i.resolved_at) for i in await house.incidents()] == [(at(10), at(80))]
    house.product.fails("backend")
    await house.round(11 * MINUTE)
    await house.round(10)
    assert [(i.opened_at, i.resolved_at) for i in await house.incidents()] == [(at(10), at(80)), (at(740), None)]


async def test_the_backend_going_down_takes_the_frontend_along_in_one_incident(house: House) -> None:
    house.product.fails(*BACKEND)
    house.product.fails("frontend", answered=True)
    await house.round()
    await house.confirm()
    assert [(i.severity, i.cause, len(i.members)) for i in await house.incidents()] == [
        (Severity.SEV1, key("backend"), 4)
    ]


async def test_slow_answers_open_a_sev3_once_they_are_confirmed(house: House) -> None:
    await house.round()
    house.product.is_slow("frontend")
    await house.round(ROUND)
    assert await house.incidents() == []
    await house.confirm()
    assert [(i.severity, i.opened_at) for i in await house.incidents()] == [(Severity.SEV3, at(ROUND))]


async def test_a_probe_that_flapped_recovers_when_it_has_settled(house: House) -> None:
    for outcome in (house.product.works, house.product.fails) * 6:
        outcome("frontend")
        await house.round(10)
    assert [incident.title for incident in await house.open()] == ["frontend is flapping"]
    house.product.works("frontend")
    while await house.open():
        await house.round(10)
    assert [incident.resolved_at for incident in await house.incidents()] == [house.clock()]


async def test_a_service_that_is_watched_no_longer_holds_no_incident_open(street: Street) -> None:
    watchlist = a_watchlist(a_service("backend"), a_service("blog"))
    street.product.fails("blog")
    async with street.house(watchlist) as house:
        await house.round()
        await house.confirm()
    async with street.house(a_watchlist(a_service("backend"))) as house:
        await house.round(10)
        assert [incident.status for incident in await house.incidents()] == [IncidentStatus.RESOLVED]


# --- what is looked at, and when


async def test_a_round_looks_at_every_probe_that_is_on(street: Street) -> None:
    backend = a_service(probes=[a_probe(), a_probe("backend/auth", off="switched off in devops.toml")])
    async with street.house(a_watchlist(backend, a_service("frontend"))) as house:
        await house.round()
    assert sorted(street.product.looked_at) == ["backend", "frontend"]


async def test_between_rounds_only_what_is_due_is_looked_at(house: House) -> None:
    await house.round()
    house.product.fails("backend/auth", answered=True)
    await house.round(ROUND)
    house.product.looked_at.clear()
    await house.confirm()
    assert house.product.looked_at == ["backend/auth"]


async def test_what_is_not_due_yet_is_left_alone(house: House) -> None:
    house.product.fails("backend", answered=True)
    await house.round()
    house.product.looked_at.clear()
    await house.confirm(9)
    assert house.product.looked_at == []


async def test_all_probes_of_a_service_that_is_not_up_are_looked_at_sooner(house: House) -> None:
    house.product.fails("backend", answered=True)
    await house.round()
    await house.confirm()
    house.product.looked_at.clear()
    await house.confirm()
    assert sorted(house.product.looked_at) == sorted(BACKEND)


async def test_the_next_look_is_asked_for_when_the_first_of_the_probes_is_due(house: House) -> None:
    house.product.fails("backend", answered=True)
    for _ in range(9):
        slow = await house.round(MINUTE)
    house.product.fails("frontend", answered=True)
    quick = await house.round(MINUTE)
    assert (slow, quick) == (at(10 * MINUTE), at(10 * MINUTE + 10))


@pytest.mark.parametrize(("later", "incidents"), [(0, 0), (4.9, 0), (5, 1)])
async def test_two_rounds_of_one_moment_do_not_confirm_each_other(house: House, later: float, incidents: int) -> None:
    await house.round()
    house.product.fails("backend", answered=True)
    await house.round(ROUND)
    await house.round(later)
    assert len(await house.incidents()) == incidents


async def test_a_look_that_comes_too_early_asks_for_the_same_time_again(house: House) -> None:
    house.product.fails("backend", answered=True)
    await house.round()
    assert await house.confirm(4) == at(10)


async def test_at_most_a_hundred_probes_run_at_once_and_their_claim_lasts_for_all_of_them(street: Street) -> None:
    probes = [a_probe(f"backend/{number}") for number in range(200)]
    patient = a_probe("backend/patient", timeout=timedelta(seconds=20))
    async with street.house(a_watchlist(a_service(probes=[*probes, patient]))) as house:
        await house.round()
    assert (street.product.most_at_once, house.health.leases) == (100, [timedelta(seconds=3 * 20 + 30)])


# --- the references


async def test_every_round_asks_the_references(known_reference: House) -> None:
    assert known_reference.product.asked == [REFERENCE]


@pytest.mark.parametrize(("answered", "asked"), [(True, []), (False, [REFERENCE])])
async def test_between_rounds_they_are_asked_only_where_no_probe_got_an_answer(
    known_reference: House,
    answered: bool,  # noqa: FBT001 # a table
    asked: list[str],
) -> None:
    house = known_reference
    house.product.fails("backend/auth")
    house.product.fails("backend", answered=answered)
    await house.round()
    house.product.asked.clear()
    await house.confirm()
    assert house.product.asked == asked


async def test_a_look_that_has_nothing_to_look_at_asks_nobody(known_reference: House) -> None:
    known_reference.product.asked.clear()
    await known_reference.confirm()
    assert known_reference.product.asked == []


async def test_a_reference_that_never_answered_is_not_asked_between_rounds(street: Street) -> None:
    street.product.silent_references.add(REFERENCE)
    street.product.fails(*EVERYTHING)
    async with street.house(a_watchlist(references=[REFERENCE])) as house:
        await house.round()
        street.product.asked.clear()
        await house.confirm()
    assert street.product.asked == []


# --- a restart


@pytest.mark.parametrize("restarts", [{2}, {3}, {5}, {1, 2, 3, 4, 5}], ids=str)
async def test_a_restart_opens_nothing_twice_and_loses_no_count(street: Street, restarts: set[int]) -> None:
    story: list[Callable[[str], None]] = [
        street.product.works,
        street.product.fails,
        street.product.fails,
        street.product.fails,
        street.product.works,
        street.product.works,
    ]
    for number, chapter in enumerate(_chapters(len(story), restarts)):
        async with street.house() as house:
            for place in chapter:
                story[place]("backend")
                await house.round(10)
            found = [(i.severity, i.opened_at, i.detected_at, i.resolved_at) for i in await house.incidents()]
        assert len(found) <= 1, f"after restart {number}"
    assert found == [(Severity.SEV1, at(20), at(30), at(60))]


def _chapters(length: int, restarts: set[int]) -> list[range]:
    """Cut a story before each of the places at which the daemon restarts."""
    cuts = [0, *sorted(restarts), length]
    return [range(one, other) for one, other in pairwise(cuts)]


# --- our own network


async def test_everything_gone_without_a_reference_is_a_sev1(house: House) -> None:
    await house.round()
    house.product.fails(*EVERYTHING)
    await house.round(ROUND)
    await house.confirm()
    assert [(i.severity, i.cause, i.opened_at) for i in await house.incidents()] == [
        (Severity.SEV1, key("backend"), at(ROUND))
    ]


async def test_a_reference_that_never_answered_hides_no_outage(street: Street) -> None:
    street.product.silent_references.add(REFERENCE)
    street.product.fails(*EVERYTHING)
    async with street.house(a_watchlist(references=[REFERENCE])) as house:
        await house.round()
        await house.confirm()
        assert [incident.severity for incident in await house.incidents()] == [Severity.SEV1]


async def test_a_reference_that_answers_shows_that_it_is_the_product(known_reference: House) -> None:
    known_reference.product.fails(*EVERYTHING)
    await known_reference.round()
    await known_reference.confirm()
    assert [incident.severity for incident in await known_reference.incidents()] == [Severity.SEV1]


async def test_when_a_known_reference_is_gone_too_all_is_unknown_and_nothing_is_opened(known_reference: House) -> None:
    house = known_reference
    house.product.fails(*EVERYTHING)
    house.product.silent_references.add(REFERENCE)
    await house.round()
    await house.confirm()
    assert (await house.statuses(), await house.incidents()) == (dict.fromkeys(EVERYTHING, Status.UNKNOWN), [])


async def test_what_was_found_while_blind_is_kept_as_unknown(known_reference: House) -> None:
    known_reference.product.fails(*EVERYTHING)
    known_reference.product.silent_references.add(REFERENCE)
    await known_reference.round()
    assert await known_reference.results("backend") == [(START, "ok"), (at(10 * MINUTE), "unknown")]


async def test_what_could_not_be_measured_says_why(known_reference: House) -> None:
    known_reference.product.fails(*EVERYTHING)
    known_reference.product.silent_references.add(REFERENCE)
    await known_reference.round()
    assert (await known_reference.state("backend")).detail == (
        "our own network: no probe and none of 1 references got an answer (it failed)"
    )


async def test_an_outage_does_not_end_while_we_are_blind(known_reference: House) -> None:
    house = known_reference
    house.product.fails("backend", answered=True)
    await house.round()
    await house.confirm()
    house.product.fails(*EVERYTHING)
    house.product.silent_references.add(REFERENCE)
    await house.round(ROUND)
    assert [incident.status for incident in await house.incidents()] == [IncidentStatus.OPEN]


async def test_an_outage_that_began_before_we_were_blind_keeps_its_beginning(known_reference: House) -> None:
    house = known_reference
    house.product.fails("backend", answered=True)
    await house.round()
    house.product.fails(*EVERYTHING)
    house.product.silent_references.add(REFERENCE)
    await house.confirm()
    house.product.works(*EVERYTHING)
    house.product.fails("backend", answered=True)
    house.product.silent_references.clear()
    await house.confirm()
    assert [(i.opened_at, i.detected_at) for i in await house.incidents()] == [(at(600), at(620))]


async def test_between_rounds_the_rest_has_its_chance_before_the_network_is_blamed(known_reference: House) -> None:
    house = known_reference
    house.product.fails(*BACKEND)
    await house.round()
    house.product.silent_references.add(REFERENCE)
    house.product.looked_at.clear()
    await house.confirm()
    assert (house.product.looked_at[-1], [i.opened_at for i in await house.incidents()]) == ("frontend", [at(600)])


async def test_between_rounds_we_are_blind_when_the_rest_is_silent_too(known_reference: House) -> None:
    house = known_reference
    house.product.fails(*BACKEND)
    await house.round()
    house.product.fails("frontend")
    house.product.silent_references.add(REFERENCE)
    await house.confirm()
    assert (set((await house.statuses()).values()), await house.incidents()) == ({Status.UNKNOWN}, [])


@pytest.mark.parametrize(("rounds", "times"), [(2, 0), (3, 1), (5, 1)])
async def test_blindness_is_told_once_after_three_rounds_and_once_when_it_ends(
    known_reference: House, logs: list[Any], rounds: int, times: int
) -> None:
    house = known_reference
    house.product.fails(*EVERYTHING)
    house.product.silent_references.add(REFERENCE)
    for _ in range(rounds):
        await house.round(ROUND)
        await house.confirm()
    house.product.works(*EVERYTHING)
    await house.round(ROUND)
    await house.round(ROUND)
    assert (len(told(logs, "watch.blind")), len(told(logs, "watch.sees_again"))) == (times, times)


async def test_a_look_during_which_we_stood_still_says_nothing_against_the_product(street: Street) -> None:
    hasty = a_service(probes=[a_probe(timeout=timedelta(seconds=0.2))])
    patient = a_service("frontend", probes=[a_probe("frontend", timeout=timedelta(minutes=1))])
    async with street.house(a_watchlist(hasty, patient)) as house:
        house.product.while_it_answers = partial(time.sleep, 0.25)
        house.product.takes = 0.01
        house.product.fails("backend")
        await house.round()
        assert (await house.state("backend")).detail.startswith("our own side: this process stood still for 0.")


async def test_what_was_answered_counts_although_we_stood_still(street: Street) -> None:
    hasty = a_service(probes=[a_probe(timeout=timedelta(seconds=0.2))])
    async with street.house(a_watchlist(hasty)) as house:
        house.product.while_it_answers = partial(time.sleep, 0.25)
        house.product.takes = 0.01
        house.product.fails("backend", answered=True)
        await house.round()
        assert (await house.state("backend")).failures == 1


async def test_a_look_that_takes_long_while_we_do_not_stand_still_counts(street: Street) -> None:
    async with street.house(a_watchlist(a_service(probes=[a_probe(timeout=timedelta(seconds=4))]))) as house:
        house.product.takes = 0.25
        house.product.fails("backend")
        await house.round()
        assert (await house.state("backend")).failures == 1


async def test_a_look_during_which_the_machine_was_suspended_says_nothing_against_the_product(house: House) -> None:
    with time_machine.travel(START, tick=True) as wall_clock:
        house.product.while_it_answers = partial(wall_clock.shift, 60)
        house.product.fails("backend")
        await house.round()
    assert (await house.state("backend")).detail == (
        "our own side: the machine was suspended for 240 s (it failed)"  # a minute for each of four probes
    )


# --- a probe that is broken itself


async def test_a_probe_that_raises_is_unknown_and_takes_nothing_else_down(house: House, logs: list[Any]) -> None:
    house.product.has_a_broken_probe("backend/auth")
    await house.round()
    assert await house.statuses() == {
        "backend": Status.UP,
        "backend/database": Status.UP,
        "backend/auth": Status.UNKNOWN,
        "frontend": Status.UP,
    }
    assert [line["probe"] for line in told(logs, "probe.broken")] == ["backend/auth"]


async def test_what_is_down_is_seen_although_another_probe_raises(house: House) -> None:
    house.product.has_a_broken_probe("backend/auth")
    house.product.fails("backend", answered=True)
    await house.round()
    await house.confirm()
    assert [[str(m.key) for m in i.members] for i in await house.incidents()] == [["backend"]]


# --- a store that fails


async def test_while_the_store_fails_looks_go_on(house: House) -> None:
    await house.round()
    house.health.failing |= {"states", "claim", "keep", "references"}
    house.product.fails("backend", answered=True)
    await house.round(ROUND)
    house.product.looked_at.clear()
    await house.confirm()
    await house.confirm()
    assert house.product.looked_at.count("backend") == 2


async def test_when_the_store_works_again_every_result_is_kept_and_the_incident_has_its_true_beginning(
    house: House,
) -> None:
    await house.round()
    house.health.failing |= {"states", "claim", "keep", "references"}
    house.product.fails("backend", answered=True)
    await house.round(ROUND)
    for _ in range(3):
        await house.confirm()
    assert await house.incidents() == []
    house.health.failing.clear()
    await house.confirm()
    failed = [(at(ROUND + 10 * count), "failed") for count in range(5)]
    assert await house.results("backend") == [(START, "ok"), *failed]
    assert [(i.opened_at, i.detected_at) for i in await house.incidents()] == [(at(ROUND), at(ROUND + 40))]


async def test_a_look_that_was_kept_is_not_handed_in_again(house: House) -> None:
    await house.round()
    house.health.failing = {"keep"}
    await house.round(10)
    house.health.failing.clear()
    await house.round(10)
    await house.round(10)
    assert house.health.handed_in == [1, 1, 2, 1]


async def test_an_outage_that_ended_while_the_store_failed_is_still_in_the_results(house: House) -> None:
    await house.round()
    house.health.failing |= {"states", "claim", "keep"}
    for outcome in (house.product.fails, house.product.fails, house.product.works, house.product.works):
        outcome("backend")
        await house.round(10)
    house.health.failing.clear()
    await house.round(10)
    assert [outcome for _, outcome in await house.results("backend")] == ["ok", "failed", "failed", "ok", "ok", "ok"]


@pytest.mark.parametrize("new", [False, True], ids=["a store with rows", "a new store"])
@pytest.mark.parametrize("failing_at", range(2))
@pytest.mark.parametrize("call", ShakyHealth.CALLS)
async def test_one_call_that_fails_once_changes_nothing(
    house: House,
    call: str,
    failing_at: int,
    new: bool,  # noqa: FBT001 # a table
) -> None:
    if not new:
        await house.round()
    house.product.fails("backend", answered=True)
    house.clock.move(ROUND)
    for number in range(3):
        house.health.failing = {call} if number == failing_at else set()
        await house.round(10)
    assert [(i.status, i.opened_at) for i in await house.incidents()] == [(IncidentStatus.OPEN, at(ROUND + 10))]


@pytest.mark.parametrize("fault", ["failing", "losing"])
@pytest.mark.parametrize("call", ShakyIncidents.CALLS)
async def test_an_incident_that_could_not_be_written_is_written_at_the_next_look(
    house: House, call: str, fault: str
) -> None:
    house.product.fails("backend", answered=True)
    await house.round()
    setattr(house.ledger, fault, {call})
    await house.confirm()
    setattr(house.ledger, fault, set())
    await house.confirm()
    assert [(i.status, i.opened_at) for i in await house.incidents()] == [(IncidentStatus.OPEN, START)]


async def test_a_recovery_that_could_not_be_written_is_written_at_the_next_look(house: House) -> None:
    house.product.fails("backend", answered=True)
    await house.round()
    await house.confirm()
    house.product.works("backend")
    house.ledger.failing = {"save"}
    await house.confirm()
    await house.confirm()
    house.ledger.failing.clear()
    await house.round(ROUND)
    assert [incident.resolved_at for incident in await house.incidents()] == [at(30)]


async def test_a_look_after_one_that_could_not_be_kept_looks_at_the_same_probes(house: House) -> None:
    house.product.fails("backend", answered=True)
    await house.round()
    house.health.failing = {"keep"}
    await house.confirm()
    house.product.looked_at.clear()
    await house.confirm()
    assert "backend" in house.product.looked_at


async def test_a_look_whose_keeping_lost_its_answer_is_counted_once(house: House) -> None:
    house.health.losing = {"keep"}
    await house.round()
    house.health.losing.clear()
    await house.round(10)
    assert (len(await house.results("backend")), await house.counted("backend")) == (2, 2)


async def test_an_outage_outlives_a_store_that_was_away_for_longer_than_the_backlog(
    street: Street, logs: list[Any]
) -> None:
    async with street.house(a_watchlist(a_service("backend"))) as house:
        await house.round()
        house.health.failing |= {"states", "claim", "keep"}
        house.product.fails("backend", answered=True)
        for _ in range(LONGEST_BACKLOG + 3):
            await house.round(10)
        house.health.failing.clear()
        await house.round(10)
        await house.round(10)
        assert [(i.status, i.opened_at) for i in await house.incidents()] == [(IncidentStatus.OPEN, at(10))]
    assert [line["looks"] for line in told(logs, "results.lost")] == [1, 1, 1]


async def test_an_outage_outlives_a_new_store_in_which_the_first_rows_could_not_be_made(house: House) -> None:
    house.product.fails("backend", answered=True)
    house.health.failing = {"claim", "keep"}
    await house.round()
    house.health.failing = {"claim"}
    await house.round(10)
    house.health.failing.clear()
    await house.round(10)
    assert [(i.status, i.opened_at) for i in await house.incidents()] == [(IncidentStatus.OPEN, START)]


# --- what is told

A_LINE = {"probes": 4, "seconds": 0.0, "troubles": [], "blind": None, "kept": True}


async def test_a_round_is_told_in_one_line(house: House, logs: list[Any]) -> None:
    await house.round()
    assert logs == [{"event": "round.done", "log_level": "info", **A_LINE}]


async def test_a_look_between_rounds_is_told_to_those_who_debug(house: House, logs: list[Any]) -> None:
    await house.confirm()
    assert logs == [{"event": "look.done", "log_level": "debug", **A_LINE, "probes": 0}]


async def test_each_change_of_an_incident_is_told_bad_news_as_a_warning(house: House, logs: list[Any]) -> None:
    for outcome in (house.product.fails, house.product.fails, house.product.works, house.product.works):
        outcome("backend")
        await house.round(10)
    lines = [line for line in logs if line["event"].startswith("incident.")]
    assert [(line["event"], line["log_level"], line["reason"]) for line in lines] == [
        ("incident.opened", "warning", "SEV1: backend is down: it failed"),
        ("incident.recovered", "info", "backend is well again"),
        ("incident.resolved", "info", "after 0:00:30"),
    ]


async def test_a_change_of_an_incident_is_told_with_its_id_title_and_severity(house: House, logs: list[Any]) -> None:
    house.product.fails("backend")
    await house.round()
    await house.confirm()
    (incident,) = await house.incidents()
    (line,) = told(logs, "incident.opened")
    assert (line["incident"], line["title"], line["severity"]) == (incident.id, "backend is down", Severity.SEV1)


async def test_an_outage_that_cannot_be_recorded_is_told_once_for_each_time_the_store_is_away(
    house: House, logs: list[Any]
) -> None:
    house.product.fails("backend", answered=True)
    await house.round()
    times = []
    for failing in (True, True, False, True):
        house.health.failing = {"keep"} if failing else set()
        await house.round(10)
        times.append(len(told(logs, "outage.not_recorded")))
    assert times == [1, 1, 1, 2]


async def test_a_round_that_cannot_be_kept_while_all_is_well_tells_of_no_outage(house: House, logs: list[Any]) -> None:
    house.health.failing = {"keep"}
    await house.round()
    assert told(logs, "outage.not_recorded") == []


async def test_an_answer_that_must_wait_for_the_store_is_told(house: House, logs: list[Any]) -> None:
    house.ledger.failing = {"current"}
    await house.round()
    assert [line["reason"] for line in told(logs, "incidents.delayed")] == ["the disk is full"]


# --- the heart


async def test_the_heart_beats_after_a_good_round(house: House) -> None:
    await house.round()
    assert house.heart.beats == 1


async def test_the_heart_beats_although_the_product_is_down(house: House) -> None:
    house.product.fails(*EVERYTHING)
    await house.round()
    await house.round(10)
    assert (len(await house.open()), house.heart.beats) == (1, 2)


async def test_the_heart_does_not_beat_after_a_look_between_rounds(house: House) -> None:
    house.product.fails("backend")
    await house.round()
    await house.confirm()
    assert house.heart.beats == 1


async def test_the_heart_does_not_beat_after_a_blind_round(known_reference: House) -> None:
    known_reference.product.fails(*EVERYTHING)
    known_reference.product.silent_references.add(REFERENCE)
    before = known_reference.heart.beats
    await known_reference.round()
    assert known_reference.heart.beats == before


async def test_the_heart_does_not_beat_after_a_round_that_was_not_kept(house: House) -> None:
    house.health.failing = {"keep"}
    await house.round()
    assert house.heart.beats == 0


async def test_the_heart_does_not_beat_when_incidents_cannot_be_answered_for(house: House) -> None:
    house.ledger.failing = {"current"}
    await house.round()
    assert house.heart.beats == 0


# --- giving up


async def give_up_while_it_hangs(house: House) -> None:
    """Begin a round, and end it when a probe hangs."""
    task = asyncio.create_task(house.daemon.look(whole=True))
    await house.product.until_it_hangs()
    await asyncio.sleep(0.05)  # the others have answered by then
    house.daemon.give_up()
    await asyncio.wait_for(task, 5)


async def test_giving_up_keeps_what_was_found(house: House) -> None:
    house.product.hangs("frontend")
    await give_up_while_it_hangs(house)
    kept = {name: [outcome for _, outcome in await house.results(name)] for name in EVERYTHING}
    assert kept == {"backend": ["ok"], "backend/database": ["ok"], "backend/auth": ["ok"], "frontend": []}


async def test_giving_up_says_nothing_of_what_had_not_answered_yet(house: House) -> None:
    await house.round()
    house.product.hangs("frontend")
    house.clock.move(ROUND)
    await give_up_while_it_hangs(house)
    assert (await house.state("frontend")).checked_at == START


async def test_giving_up_opens_the_incident_that_was_found(house: House) -> None:
    house.product.fails("backend", answered=True)
    await house.round()
    house.product.hangs("frontend")
    house.clock.move(10)
    await give_up_while_it_hangs(house)
    assert [incident.opened_at for incident in await house.incidents()] == [START]


async def test_what_was_given_up_is_looked_at_by_the_next_process(street: Street) -> None:
    async with street.house() as house:
        house.product.hangs("frontend")
        await give_up_while_it_hangs(house)
    street.product.works("frontend")
    street.product.looked_at.clear()
    async with street.house() as house:
        await house.round(10)
    assert sorted(street.product.looked_at) == sorted(EVERYTHING)


async def test_a_look_that_was_killed_is_made_up_for_by_the_next_process(street: Street) -> None:
    async with street.house() as house:
        street.product.hangs("frontend")
        task = asyncio.create_task(house.daemon.look(whole=True))
        await street.product.until_it_hangs()
        task.cancel()
        await asyncio.wait({task})
        house.daemon.give_up()  # the loop lives on, unlike that of a process that was killed
    street.product.works("frontend")
    street.product.looked_at.clear()
    async with street.house() as house:
        await house.round(10)
    assert sorted(street.product.looked_at) == sorted(EVERYTHING)


# --- several replicas


async def test_two_replicas_open_one_incident(street: Street) -> None:
    async with street.replicas() as (one, other):
        street.product.fails(*BACKEND, answered=True)
        for _ in range(4):
            await asyncio.gather(one.round(10), other.round())
        assert [(i.severity, i.opened_at) for i in await one.incidents()] == [(Severity.SEV1, at(10))]


async def look_with_what_was_known_before_the_other_one_looked(late: House, early: House) -> None:
    """Let `early` look while `late`, which began at the same time, has read its rows but no incidents yet."""
    early.product.hangs("frontend")
    task = asyncio.create_task(early.round(10))
    await early.product.until_it_hangs()

    async def the_other_one_ends_its_look() -> None:
        early.product.works("frontend")
        await task

    late.ledger.meanwhile["current"] = the_other_one_ends_its_look
    await late.round()


async def test_a_replica_that_knows_less_does_not_end_what_another_one_has_just_opened(street: Street) -> None:
    async with street.replicas() as (one, other):
        street.product.fails("backend", answered=True)
        await one.round()
        await look_with_what_was_known_before_the_other_one_looked(other, one)
        assert [(i.status, i.opened_at) for i in await one.incidents()] == [(IncidentStatus.OPEN, START)]


async def test_a_replica_that_knows_less_does_not_open_again_what_another_one_has_just_ended(street: Street) -> None:
    async with street.replicas() as (one, other):
        street.product.fails("backend", answered=True)
        await one.round()
        await one.round(10)
        street.product.works("backend")
        await one.round(10)
        await look_with_what_was_known_before_the_other_one_looked(other, one)
        assert [incident.resolved_at for incident in await one.incidents()] == [at(30)]


async def test_what_another_replica_has_opened_first_is_left_to_it(street: Street, logs: list[Any]) -> None:
    async with street.replicas() as (one, other):
        street.product.fails("backend", answered=True)
        await one.round()
        other.ledger.meanwhile["save"] = one.round
        await other.round(10)
        assert (len(await one.incidents()), len(told(logs, "incident.left_to_another_replica"))) == (1, 1)


async def test_what_another_replica_is_looking_at_is_left_to_it(street: Street) -> None:
    async with street.replicas() as (one, other):
        street.product.hangs("frontend")
        task = asyncio.create_task(one.round())
        await street.product.until_it_hangs()
        street.product.looked_at.clear()
        await other.round()
        one.daemon.give_up()
        await task
    assert street.product.looked_at == []


async def test_a_replica_does_not_ask_at_once_again_for_what_another_one_is_looking_at(street: Street) -> None:
    async with street.replicas() as (one, other):
        street.product.fails("backend", answered=True)
        await one.round()
        street.product.hangs("backend")
        task = asyncio.create_task(one.confirm())
        await street.product.until_it_hangs()
        soon = await other.confirm(0)
        one.daemon.give_up()
        await task
    assert soon is None or soon > street.clock()


async def test_what_is_told_of_a_signal_opens_an_incident_and_ends_it_and_silence_does_neither(street: Street) -> None:
    signal = ProbeKey("backend", "error rate")
    async with street.house() as house:
        house.told.signals = [Signal(signal, Severity.SEV1, START, START, "12.0% of 1,340 requests", START)]
        await house.round()
        [incident] = await house.open()
        assert (incident.severity, [member.key for member in incident.members]) == (Severity.SEV1, [signal])
    async with street.house() as anew:
        anew.told.signals = None
        await anew.round(ROUND)
        assert await anew.open() == [incident]
        assert anew.heart.beats == 0, "a round that could not answer for what is wrong is no good one"
        anew.told.signals = [Signal(signal, None, street.clock(), START, "0.0% of 1,340 requests", street.clock())]
        await anew.round(ROUND)
        assert await anew.open() == []
        assert anew.heart.beats == 1
