"""A site on which everything that the pages can show is shown at once, with the longest and rudest words."""

import asyncio
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from builders import (
    a_deployment,
    a_hosted,
    a_hosting,
    a_member,
    a_probe,
    a_record,
    a_remedy,
    a_service,
    a_state,
    a_watchlist,
    an_incident,
    key,
)

from devops_daemon.auditing import Audit, Remark, Weight
from devops_daemon.entrypoints.access import Tokens
from devops_daemon.entrypoints.status import Facts, PlatformShown
from devops_daemon.entrypoints.web import Server, Site, listening_socket
from devops_daemon.feedback import Entry, EntryState, FeedbackFigures
from devops_daemon.hosting import Became, Commit, Phase, PlatformNews
from devops_daemon.landing import Decision, PullRow, Verb
from devops_daemon.mending import Act, Evidence, EvidenceKind
from devops_daemon.model import EventKind, IncidentStatus, ProbeKind, Severity, Status, Symptom, TimelineEvent
from devops_daemon.ports import Day, Dossier, Hour, Overview, Punctuality
from devops_daemon.rollout.watch import PlatformView

LONG = "x" * 300
RUDE = "<script>alert(1)</script> " + "wrong-body:no-space-in-it-" * 12
NOW = datetime.now(UTC)
"""Taken once: the pages say how long ago things were."""


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def a_row(number: int, verb: Verb, reason: str, title: str = "Mend the cart") -> PullRow:
    decision = Decision(verb, reason, covered=True, green_since=ago(hours=2) if number % 2 else None)
    url = f"https://github.com/acme/shop/pull/{number}"
    return PullRow(number, title, url, "ada", "main", "a" * 40, decision, ago(minutes=number))


PULLS = [
    a_row(1, Verb.MERGE, "nothing holds it"),
    a_row(2, Verb.WAIT, "waiting for check `e2e`, required, never reported on 1a2b3c4; last seen 2 h ago"),
    a_row(3, Verb.REBASE, f"it conflicts with `main` in `{LONG}`; the Code Agent was asked to mend it at 12:00 UTC"),
    a_row(4, Verb.LEAVE, "it is labelled `hold`", RUDE),
    a_row(5, Verb.CLOSE, "main has all of it", LONG),
]
AUDIT = Audit(
    ago(days=2),
    ago(days=2),
    (
        Remark("secrets in logs", "backend", Weight.CRITICAL, RUDE, "do not log it"),
        Remark("recurring errors", f"backend: {LONG}", Weight.GAP, "40 times", LONG, (RUDE, LONG)),
        Remark("logs", "services", Weight.UNSEEN, f"Railway: {LONG}"),
        Remark("watched", "backend", Weight.OK, "is probed"),
    ),
    issue=12,
    issue_url="https://github.com/acme/shop/issues/12",
)
STATES = [
    a_state("backend", Status.DOWN, since=ago(minutes=3), checked_at=ago(seconds=4)),
    replace(a_state("backend/database", Status.DEGRADED, since=ago(hours=2), checked_at=ago(seconds=4)), detail=RUDE),
    a_state("backend/auth", Status.UP, since=ago(days=40), checked_at=ago(minutes=5)),
    a_state("backend/search", Status.UP, blind=True, since=ago(days=2), checked_at=ago(minutes=5)),
    replace(a_state("frontend", Status.UP, flapping=True, since=ago(days=2), checked_at=ago(seconds=4)), detail=LONG),
]
WATCHED = a_watchlist(
    a_service(
        "backend",
        probes=[
            *(a_probe(named) for named in ("backend", "backend/database", "backend/auth", "backend/search")),
            a_probe("backend/mail", off="needs CANARY_PASSWORD or DEVOPS_API_SECRET", kind=ProbeKind.SIGN_IN),
        ],
    ),
    a_service("frontend", depends_on=["backend"]),
    a_service("a-service-with-quite-a-long-name-that-nobody-has-looked-at"),
)
BURNING = an_incident(
    a_member("backend"),
    a_member("backend/database", Symptom.DEGRADED),
    a_member("frontend", Symptom.FLAPPING),
    named="261124-aaaa",
    opened_at=ago(minutes=3),
)
INCIDENTS = (
    BURNING,
    an_incident(named="261124-bbbb", severity=Severity.SEV2, status=IncidentStatus.MITIGATING, opened_at=ago(hours=1)),
    replace(an_incident(named="261124-cccc", severity=Severity.SEV3, opened_at=ago(days=1)), title=RUDE),
    an_incident(named="261124-cccd", status=IncidentStatus.ESCALATED, opened_at=ago(days=2)),
    an_incident(
        named="261120-dddd", status=IncidentStatus.RESOLVED, opened_at=ago(days=4), resolved_at=ago(days=3, hours=23)
    ),
)
TIMELINE = [
    TimelineEvent(ago(minutes=3), EventKind.OPENED, "SEV1: backend is down: connection refused"),
    TimelineEvent(ago(minutes=2), EventKind.JOINED, RUDE),
    TimelineEvent(ago(minutes=1), EventKind.RAISED, LONG),
    TimelineEvent(ago(seconds=30), EventKind.RECOVERED, "frontend is well again"),
]


def _days() -> tuple[Day, ...]:
    today = int(NOW.timestamp()) // 86400
    return tuple(
        Day(today - back, ok=288 - (back % 7 == 0) * 9, degraded=back % 5, failed=(back % 7 == 0) * 9, unknown=0)
        for back in range(80)
        if back not in (20, 21)
    )[::-1]


def _hours() -> tuple[Hour, ...]:
    this = int(NOW.timestamp()) // 3600
    return tuple(
        Hour(this - back, 120 + 80 * math.sin(back / 4), 400.0, 0) for back in range(47, -1, -1) if back not in (9, 10)
    )


HOSTED = a_hosting(
    a_hosted(
        "backend",
        a_deployment("d1", created=ago(hours=20)),
        latest=replace(a_deployment("d2", Phase.FAILED, ago(minutes=8)), commit=Commit("b" * 40, RUDE)),
    ),
    a_hosted("frontend", a_deployment("d3", replicas="x", created=ago(days=2))),
    a_hosted(LONG, a_deployment("d4", created=ago(days=30))),
    a_hosted("nightly", a_deployment("d5", created=ago(days=3)), cron="0 3 * * *"),
    a_hosted("preview", a_deployment("d6", Phase.SLEEPING, ago(days=3))),
    a_hosted("new", latest=a_deployment("d7", Phase.BUILDING, ago(minutes=1))),
    a_hosted("nothing"),
)
SHOWN = PlatformShown(
    PlatformView(HOSTED, PlatformNews(stable=False, text=RUDE), "Railway's gateway answered 502: " + LONG),
    ("RAILWAY_WORKSPACE_TOKEN is not known to Railway (any more): make a new one",),
)
DEPLOYMENTS = tuple(
    replace(a_record(f"r{number}", Phase.LIVE, became, created_at=ago(hours=number)), commit=Commit("c" * 40, words))
    for number, (became, words) in enumerate(zip(Became, ("plain", RUDE, LONG, "a", "b", "c", "d"), strict=True))
)


class Gallery:
    """The port `StatusLedger`, with everything in it."""

    problem: str | None = "database or disk is full"

    async def overview(self, _: datetime) -> Overview:
        return Overview(
            pulls=PULLS,
            feedback=FeedbackFigures(3, (Entry("7", EntryState.OPENED, NOW, NOW, 5, aside=True, error=LONG),)),
            states={state.key: state for state in STATES},
            days={key("backend"): _days(), key("frontend"): _days()},
            hours={key("backend"): _hours(), key("frontend"): _hours()},
            incidents=INCIDENTS,
            punctuality=Punctuality(288, 281, timedelta(seconds=41.5)),
            references={},
            deployments=DEPLOYMENTS,
            audit=AUDIT,
        )

    async def incident(self, identifier: str) -> Dossier | None:
        found = next((found for found in INCIDENTS if found.id == identifier), None)
        if found is None:
            return None
        told = replace(
            found,
            suspect_told=RUDE,
            stands="b" * 40,
            escalated_for=LONG,
            escalated_at=ago(minutes=1),
            acknowledged_by="ada",
            acknowledged_until=ago(minutes=-20),
            held=RUDE,
            issue_url="https://github.com/acme/shop/issues/7",
        )
        tried = [a_remedy(began=ago(minutes=2)), replace(a_remedy(2, Act.REDEPLOY), reason=RUDE, text=LONG)]
        seen = [
            Evidence(found.id, kind, f"{kind} of backend", f"{RUDE}\n{LONG}\n" * 40, "", ago(minutes=2))
            for kind in (EvidenceKind.LOGS, EvidenceKind.METRICS)
        ]
        return Dossier(told, TIMELINE, tried, seen)


@contextmanager
def gallery() -> Iterator[str]:
    """Serve it from a thread with a loop of its own; gives its address."""
    facts = Facts(
        version="1.2.3",
        watchlist=WATCHED,
        dry_run=True,
        integrations={"github": "off", "railway": LONG, "backend": "ok", "feedback": "off"},
        notes=("The store is lost at each deployment: there is neither a volume nor DEVOPS_DATABASE_URL.",),
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="gallery", daemon=True)
    thread.start()
    server = Server(
        Site(facts, Gallery(), lambda _: False, Tokens(), lambda: NOW, platform=lambda: SHOWN),
        listening_socket("127.0.0.1", 0),
    )
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
