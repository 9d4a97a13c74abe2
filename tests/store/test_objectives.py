"""The five objectives of a ledger that was worked out by hand: rows on a store, to what `/status.json` says.

The ledger, seen from NOW; `x` is what breaks the promise, `-` what does not count:

detection (5 min): A 20 s, B 40 s, D 30 s, E 10 s, F 15 s within a week; H 50 s, C 360 s x before; G was declared -
sev1_response (10 min): A 45 s, B 720 s x, F is open for 900 s without an answer x; D was quiet -
auto_recovery (over half): A alone; B a person was called for x; before it C alone, H ada saw to it x; D was quiet -,
  E and G are no outages -, F goes on -
pr_staleness (1 h): #7 600 s, #9 waits for 5400 s x; before it #8 7200 s x; #10 waits for 1200 s -, #11 is held -
diagnostic (5 min): 4 s, 400 s x, one waits for 3600 s x; before it 299 s; one waits for 2 min -, an act -, silence -
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from builders import a_member, an_incident, the_product
from store.conftest import NOW
from store.test_pulls import LANDING, ROW

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.history import HistoryRows
from devops_daemon.adapters.store.incidents import IncidentRows
from devops_daemon.adapters.store.pulls import PullRows
from devops_daemon.adapters.store.requests import RequestRows
from devops_daemon.asking import Request, RequestState
from devops_daemon.entrypoints.status import Facts, as_data
from devops_daemon.landing import Landing, Stage
from devops_daemon.model import DECLARED, Incident, IncidentStatus, Member, ProbeKey, Severity, Symptom, Watchlist

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
REPOSITORY = "https://github.example/acme/shop"


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def outage(
    named: str, ago: timedelta, *, detected: float, lasted: timedelta | None = None, bad: int = 1, **more: Any
) -> Incident:
    """One that began so long ago, was detected so many seconds later, and ended after so long."""
    began = NOW - ago
    ended = began + lasted if lasted else None
    symptom = more.pop("symptom", Symptom.DOWN)
    found = an_incident(
        a_member(symptom=symptom, since=began, recovered_at=ended),
        named=f"26{named * 4}-{named * 4}",
        severity=Severity(f"SEV{bad}"),
        status=IncidentStatus.RESOLVED if ended else IncidentStatus.OPEN,
        opened_at=began,
        detected_at=began + seconds(detected),
        resolved_at=ended,
    )
    return replace(found, **more)


def declared(ago: timedelta) -> Incident:
    began, ended = NOW - ago, NOW - ago + timedelta(hours=5)
    word = Member(ProbeKey("backend", DECLARED), Symptom.DECLARED, began, ended)
    return replace(outage("g", ago, detected=0, lasted=timedelta(hours=5), bad=2), members=(word,), resolved_by="ada")


INCIDENTS = (
    outage("i", 31 * DAY, detected=9000, lasted=4 * timedelta(hours=1)),
    outage("h", 20 * DAY, detected=50, lasted=20 * MINUTE, bad=2, acknowledged_by="ada"),
    outage("c", 10 * DAY, detected=360, lasted=15 * MINUTE, bad=2),
    declared(5 * DAY),
    outage("d", 4 * DAY, detected=30, lasted=2 * timedelta(hours=1), quiet_until=NOW - 4 * DAY + timedelta(hours=2)),
    outage(
        *("b", 3 * DAY),
        detected=40,
        lasted=30 * MINUTE,
        addressed_at=NOW - 3 * DAY + seconds(720),
        escalated_at=NOW - 3 * DAY + seconds(720),
    ),
    outage("a", 2 * DAY, detected=20, lasted=5 * MINUTE, addressed_at=NOW - 2 * DAY + seconds(45)),
    outage("e", 1 * DAY, detected=10, lasted=5 * MINUTE, bad=3, symptom=Symptom.DEGRADED),
    outage("f", seconds(900), detected=15),
)


def asked(number: int, ago: timedelta, answered: float | None, **more: Any) -> Request:
    """A comment of so long ago, and after how many seconds its results were there."""
    request = Request(
        id=f"comment:{number}",
        issue=3,
        comment_id=number,
        author="ada",
        by_agent=False,
        hop=0,
        words="status",
        asked_at=NOW - ago,
        state=RequestState.ASKED if answered is None else RequestState.ANSWERED,
        answered_at=None if answered is None else NOW - ago + seconds(answered),
        outcome=None if answered is None else "done",
    )
    return replace(request, **more)


REQUESTS = (
    asked(101, 12 * DAY, 299),
    asked(102, 2 * DAY, 400),
    asked(103, 1 * DAY, 4),
    asked(104, 1 * DAY, 400, act="restart", target="backend"),
    asked(105, 1 * DAY, 900, outcome="silent"),
    asked(106, 1 * DAY, 900, issue=0, comment_id=0),
    asked(107, seconds(3600), None),
    asked(108, seconds(120), None),
)


async def merged(rows: PullRows, number: int, at: datetime, waited: timedelta) -> None:
    begun = await rows.begin(replace(LANDING, number=number, began_at=at, ready_since=at - waited), lambda _: None)
    assert isinstance(begun, Landing)
    await rows.change(replace(begun, stage=Stage.ENDED, merged_at=at, ended_at=at))


async def kept(store: Database) -> dict[str, dict[str, Any]]:
    """Keep the ledger; gives what is said of it, by objective."""
    for incident in INCIDENTS:
        await IncidentRows(store).save(incident, [])
    for request in REQUESTS:
        await RequestRows(store).open(request)
    pulls = PullRows(store)
    await merged(pulls, 8, NOW - 9 * DAY, seconds(7200))
    await merged(pulls, 7, NOW - 2 * DAY, seconds(600))
    waiting = {9: NOW - seconds(5400), 10: NOW - seconds(1200), 11: None}
    await pulls.keep([replace(ROW, number=number, ready_since=since) for number, since in waiting.items()], {})
    overview = await HistoryRows(store, 5 * MINUTE).overview(NOW)
    facts = Facts("1", Watchlist(the_product()), repository_url=REPOSITORY)
    return {each["name"]: each for each in as_data(facts, overview, NOW)["objectives"]}


def share_by_week(objective: dict[str, Any]) -> list[float | None]:
    return [week["share_met"] for week in objective["weeks"]]


async def test_each_objective_is_what_the_ledger_says_by_hand(store: Database) -> None:
    found = await kept(store)
    windows = {name: (each["windows"]["7d"], each["windows"]["30d"]) for name, each in found.items()}
    assert windows == {
        "detection": ({"worst": 40, "share_met": 1}, {"worst": 360, "share_met": 6 / 7}),
        "sev1_response": ({"worst": 900, "share_met": 1 / 3}, {"worst": 900, "share_met": 1 / 3}),
        "auto_recovery": ({"worst": 1 / 2, "share_met": 1 / 2}, {"worst": 2 / 4, "share_met": 2 / 4}),
        "pr_staleness": ({"worst": 5400, "share_met": 1 / 2}, {"worst": 7200, "share_met": 1 / 3}),
        "diagnostic": ({"worst": 3600, "share_met": 1 / 3}, {"worst": 3600, "share_met": 2 / 4}),
    }
    assert {name: (each["actual"], each["met"]) for name, each in found.items()} == {
        "detection": (40, True),
        "sev1_response": (900, False),
        "auto_recovery": (0.5, False),
        "pr_staleness": (5400, False),
        "diagnostic": (3600, False),
    }


async def test_the_weeks_are_those_of_the_ledger(store: Database) -> None:
    assert {name: share_by_week(each) for name, each in (await kept(store)).items()} == {
        "detection": [None, 1, 0, 1],
        "sev1_response": [None, None, None, 1 / 3],
        "auto_recovery": [None, 0, 1, 1 / 2],
        "pr_staleness": [None, None, 0, 1 / 2],
        "diagnostic": [None, None, 1, 1 / 3],
    }


async def test_the_worst_case_of_each_is_led_to(store: Database) -> None:
    worst = {name: each["worst_case"] for name, each in (await kept(store)).items()}
    assert {name: (case["about"], case["value"], case["url"]) for name, case in worst.items()} == {
        "detection": ("incident 26cccc-cccc", 360, "/incidents/26cccc-cccc"),
        "sev1_response": ("incident 26ffff-ffff", 900, "/incidents/26ffff-ffff"),
        "auto_recovery": ("incident 26bbbb-bbbb", 0, "/incidents/26bbbb-bbbb"),
        "pr_staleness": ("#8", 7200, f"{REPOSITORY}/issues/8"),
        "diagnostic": ("#3", 3600, f"{REPOSITORY}/issues/3#issuecomment-107"),
    }


async def test_more_outages_than_a_page_shows_are_measured_all(store: Database) -> None:
    rows = IncidentRows(store)
    for number in range(60):
        late = 900 if number == 0 else 10
        began = NOW - 6 * DAY + number * timedelta(hours=1)
        await rows.save(
            an_incident(
                a_member(since=began, recovered_at=began + MINUTE),
                named=f"260101-a{number:03}",
                status=IncidentStatus.RESOLVED,
                opened_at=began,
                detected_at=began + seconds(late),
                resolved_at=began + seconds(1000),
            ),
            [],
        )
    overview = await HistoryRows(store, 5 * MINUTE).overview(NOW)
    data = as_data(Facts("1", Watchlist(the_product())), overview, NOW)
    assert len(data["incidents"]) == 50
    assert data["objectives"][0]["actual"] == 900
