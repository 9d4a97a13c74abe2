"""Actions, the list of deliveries and what the pages say of both, over real HTTP with a real store."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from adapters.servers import AGENT, LOOPBACK
from builders import a_watchlist, an_incident
from structlog.testing import capture_logs
from typer.testing import CliRunner

from devops_daemon.adapters.exchange import Exchange
from devops_daemon.adapters.probes import HttpProber
from devops_daemon.adapters.store.db import SqliteDatabase
from devops_daemon.adapters.store.history import HistoryRows
from devops_daemon.adapters.store.inbox import InboxRows
from devops_daemon.adapters.store.incidents import IncidentRows
from devops_daemon.adapters.store.requests import RequestRows
from devops_daemon.adapters.store.signals import SignalRows
from devops_daemon.adapters.store.silences import SilenceRows
from devops_daemon.adapters.store.switches import SwitchRows
from devops_daemon.asking import DESK, Request, RequestState
from devops_daemon.auditing import Audit, Remark, Weight
from devops_daemon.cli.main import cli
from devops_daemon.commands.followers import Followers
from devops_daemon.commands.means import Means
from devops_daemon.commands.orders import Orders
from devops_daemon.commands.undertake import Undertake
from devops_daemon.commands.voice import Manners, Voice
from devops_daemon.entrypoints.access import Tokens
from devops_daemon.entrypoints.actions import Action, Actions, Field, WrongFieldError, checked
from devops_daemon.entrypoints.desk import actions
from devops_daemon.entrypoints.intake import Intake
from devops_daemon.entrypoints.status import Facts
from devops_daemon.entrypoints.web import Server, Site, listening_socket
from devops_daemon.evidence.secrets import Secrets
from devops_daemon.inbox import Arrival, DeliveryState, Sorted
from devops_daemon.incidents.hushing import Hushing
from devops_daemon.incidents.lifecycle import ACKNOWLEDGED_FOR
from devops_daemon.incidents.people import People
from devops_daemon.model import Incident, Member, Service
from devops_daemon.ports import PAUSED, Switch, UnavailableError
from devops_daemon.redaction import Redactor

VIEWER, OPERATOR = "viewer-token-0123456789", "operator-token-0123456789"
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOSTILE = "<script>alert(1)</script>"
AUDITED = (
    Remark("own watch", "store", Weight.CRITICAL, "its store is lost", "attach a volume"),
    Remark("recurring errors", "backend: x", Weight.GAP, "40 times", "mend it", ("\x1b[31mboom",)),
    Remark("watched", "backend", Weight.OK, "is probed"),
)


@dataclass(frozen=True, slots=True)
class Got:
    """An answer, whole."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Desk:
    """A daemon's door for people who act, with a store behind it."""

    port: int
    session: aiohttp.ClientSession
    rows: InboxRows
    switches: SwitchRows
    store: SqliteDatabase
    now: datetime = NOW
    orders: Orders | None = None
    woken: list[str] = field(default_factory=list)
    broken: bool = False

    async def audit(self) -> Audit:
        if self.broken:
            raise UnavailableError("the store is full")
        return Audit(self.now, self.now, AUDITED)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = OPERATOR,
        data: bytes | BytesIO | None = None,
        **headers: str,
    ) -> Got:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            named.setdefault("Authorization", f"Bearer {token}")
        async with self.session.request(
            method, f"http://{LOOPBACK}:{self.port}{path}", headers=named, data=data, skip_auto_headers=["Content-Type"]
        ) as answer:
            return Got(answer.status, answer.headers, await answer.text())

    async def act(self, action: str, document: object = None, **asked: Any) -> Got:
        body = b"" if document is None else json.dumps(document).encode()
        asked.setdefault("Content_Type", "application/json")
        return await self.ask("POST", f"/api/actions/{action}", data=body, **asked)

    async def failed(self, guid: str = "g1") -> None:
        """Keep a delivery that nobody can read."""
        await self.rows.keep(Arrival(guid, "issue_comment", b"{", form=False, received_at=NOW))
        await self.rows.sort([Sorted(guid, DeliveryState.FAILED, note="the body is not JSON")], NOW)


@asynccontextmanager
async def desk(folder: Path, tokens: Tokens | None = None) -> AsyncIterator[Desk]:
    store = SqliteDatabase(folder / "store.db")
    await store.open()
    rows, switches, history = InboxRows(store), SwitchRows(store), HistoryRows(store, timedelta(minutes=5))
    async with aiohttp.ClientSession() as session:
        made = Desk(0, session, rows, switches, store)

        def now() -> datetime:
            return made.now

        async def look(_: Service) -> None:
            raise AssertionError("nothing is looked at here")

        services = a_watchlist().services
        people = People(
            IncidentRows(store), history, SignalRows(store), services, now, lambda: made.woken.append("incident")
        )
        hushing = Hushing(SilenceRows(store), {"backend", "frontend"}, now, lambda: made.woken.append("silence"))
        exchange = Exchange(AGENT)
        means = Means(
            watchlist=a_watchlist(),
            prober=HttpProber(exchange, Redactor(()), now),
            ledger=history,
            switches=switches,
            people=people,
            hushing=hushing,
            secrets=Secrets(Redactor, now),
            now=now,
            look=look,
        )
        requests = RequestRows(store)
        voice = Voice(None, requests, Redactor(()), Manners(), now)
        followers = Followers(means, requests, voice, lambda: MINUTE)
        orders = made.orders = Orders(
            means, requests, Undertake(means, requests, voice, followers, lambda: timedelta(milliseconds=50))
        )
        site = Site(
            Facts("1", a_watchlist()),
            history,
            lambda _: False,
            tokens or Tokens(VIEWER, OPERATOR),
            now,
            inbox=rows,
            intake=Intake(rows, (), now),
            actions=actions(
                rows,
                made.audit,
                means,
                orders,
                lambda: made.woken.append("woken"),
            ),
        )
        server = Server(site, listening_socket(LOOPBACK, 0))
        await server.start()
        made.port = server.port
        try:
            yield made
        finally:
            await server.stop()
            await store.close()


# Who may


@pytest.mark.parametrize("token", [None, "", "wrong", VIEWER, OPERATOR[:-1]])
async def test_only_the_operator_s_token_acts(tmp_path: Path, token: str | None) -> None:
    async with desk(tmp_path) as here:
        got = await here.act("pause", token=token)
        assert got.status == 401
        assert "operator" in got.json["error"]
        assert got.headers["WWW-Authenticate"] == "Bearer"
        assert await here.switches.read(PAUSED) is None


async def test_a_password_that_a_browser_sends_by_itself_does_not_act(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        basic = "Basic " + base64.b64encode(f"x:{OPERATOR}".encode()).decode()
        assert (await here.act("pause", Authorization=basic)).status == 401
        assert (await here.ask("GET", "/api/deliveries", Authorization=basic)).status == 200


@pytest.mark.parametrize("tokens", [Tokens(), Tokens(viewer=VIEWER)])
async def test_without_that_token_nobody_acts_on_this_machine_either(tmp_path: Path, tokens: Tokens) -> None:
    async with desk(tmp_path, tokens) as here:
        for token in (None, VIEWER, OPERATOR):
            got = await here.act("pause", token=token)
            assert got.status == 403
            assert "OPERATOR_TOKEN" in got.json["error"]


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json5", ""]
)
async def test_what_a_page_elsewhere_could_send_is_not_taken(tmp_path: Path, kind: str) -> None:
    async with desk(tmp_path) as here:
        got = await here.act("pause", {}, Content_Type=kind)
        assert (got.status, await here.switches.read(PAUSED)) == (415, None)


async def test_every_answer_is_careful(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        answers = [
            await here.act("pause"),
            await here.act("pause", token=None),
            await here.act("nothing"),
            await here.act("replay", {}),
        ]
    assert [got.status for got in answers] == [200, 401, 404, 422]
    assert {got.headers["X-Content-Type-Options"] for got in answers} == {"nosniff"}
    assert {got.headers["Cache-Control"] for got in answers} == {"no-store"}


# What is asked


@pytest.mark.parametrize("name", ["nothing", "Pause", "pause ", HOSTILE.replace("/", "%2F")])
async def test_an_unknown_action_names_those_that_there_are(tmp_path: Path, name: str) -> None:
    async with desk(tmp_path) as here:
        got = await here.act(name, {})
        assert got.status == 404
        assert "script" not in got.text
        assert got.json["choices"] == [
            *("acknowledge", "audit", "diagnose", "incident-response", "manage-variables", "pause"),
            *("provision-infrastructure", "replay", "resolve", "restart-service", "resume", "severity", "silence"),
            *("unsilence", "view-logs"),
        ]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_an_action_is_posted(tmp_path: Path, method: str) -> None:
    async with desk(tmp_path) as here:
        assert (await here.ask(method, "/api/actions/pause")).status == 405


@pytest.mark.parametrize(
    ("action", "body", "named"),
    [
        ("pause", b"[]", None),
        ("pause", b"null", None),
        ("pause", b'"x"', None),
        ("pause", b"{", None),
        ("pause", b"\xff", None),
        ("pause", b"[" * 100_000, None),
        ("pause", b'{"reason": "x"}', "reason"),
        ("pause", b'{"description": 7}', "description"),
        ("pause", b'{"description": "%s"}' % (b"x" * 1001), "description"),
        ("resume", b'{"description": "x"}', "description"),
        ("replay", b"", "delivery"),
        ("replay", b'{"delivery": ""}', "delivery"),
        ("replay", b'{"delivery": null}', "delivery"),
        ("replay", b'{"delivery": true}', "delivery"),
        ("replay", b'{"delivery": {"$ne": 1}}', "delivery"),
        ("replay", b'{"delivery": "nowhere"}', "delivery"),
        ("replay", b'{"delivery": "\\u0000\\ud800"}', "delivery"),
        ("incident-response", b'{"severity": "SEV1"}', "service"),
        ("incident-response", b'{"service": "backend"}', "severity"),
        ("incident-response", b'{"service": "backend", "severity": "sev1"}', "severity"),
        ("incident-response", b'{"service": "nowhere", "severity": "SEV1"}', "service"),
        ("restart-service", b'{"description": "x"}', "service"),
        ("restart-service", b'{"service": "backend", "severity": "bad"}', "severity"),
        ("manage-variables", b'{"set": ["A"]}', "set"),
        ("manage-variables", b'{"set": {"A": "b"}}', "service"),
        ("provision-infrastructure", b'{"kind": "database", "name": "postgres"}', "description"),
        ("provision-infrastructure", b'{"kind": "queue", "name": "x", "description": "y"}', "kind"),
        ("provision-infrastructure", b'{"kind": "service", "description": "y"}', "name"),
        ("provision-infrastructure", b'{"kind": "database", "name": "oracle", "description": "y"}', "name"),
        ("provision-infrastructure", b'{"kind": "service", "name": "a b", "description": "y"}', "name"),
    ],
)
async def test_a_wrong_body_is_told_by_its_field(tmp_path: Path, action: str, body: bytes, named: str | None) -> None:
    async with desk(tmp_path) as here:
        got = await here.ask("POST", f"/api/actions/{action}", data=body, Content_Type="application/json")
        assert (got.status, got.json.get("field")) == (422, named)
        assert got.json["error"]
        assert await here.switches.read(PAUSED) is None


async def test_a_body_of_more_than_a_mebibyte_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        body = BytesIO(b'{"description": "%s"}' % (b"x" * 1024 * 1024))
        got = await here.ask("POST", "/api/actions/pause", data=body, Content_Type="application/json")
        assert (got.status, got.json) == (413, {"error": "the body has a mebibyte at most"})


def test_fields_of_every_kind_are_checked() -> None:
    fields = (Field("lines", int), Field("build", bool), Field("set", dict), Field("severity", choices=("SEV1",)))
    given = {"lines": 7, "build": False, "set": {"A": "b"}, "severity": "SEV1"}
    assert checked(fields, given) == given
    assert checked(fields, {}) == dict.fromkeys(given)
    wrong: list[dict[str, Any]] = [{"lines": True}, {"lines": "7"}, {"build": 0}, {"set": []}, {"severity": "SEV9"}]
    for document in wrong:
        with pytest.raises(WrongFieldError, match=next(iter(document))):
            checked(fields, document)


async def test_a_wrong_choice_names_those_that_there_are(tmp_path: Path) -> None:
    async def act(_: object) -> dict[str, Any]:
        return {"text": "done"}

    store = HistoryRows(SqliteDatabase(tmp_path / "a.db"), MINUTE)
    table = Actions({"severity": Action(act, (Field("severity", required=True, choices=("SEV1", "SEV2")),))})
    site = Site(
        Facts("1", a_watchlist()), store, lambda _: False, Tokens(operator=OPERATOR), lambda: NOW, actions=table
    )
    server = Server(site, listening_socket(LOOPBACK, 0))
    await server.start()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {OPERATOR}"}) as session:
        url = f"http://{LOOPBACK}:{server.port}/api/actions/severity"
        async with session.post(url, json={"severity": "bad"}) as answer:
            told = await answer.json()
    await server.stop()
    assert told == {
        "error": "severity is none of SEV1, SEV2", "field": "severity", "choices": ["SEV1", "SEV2"],
    }  # fmt: skip


# Replay


async def test_a_delivery_that_failed_is_tried_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        await here.failed()
        got = await here.act("replay", {"delivery": "g1"})
        assert got.status == 200
        assert (got.json["action"], got.json["status"]) == ("replay", "done")
        assert got.json["result"]["delivery"]["state"] == "failed"
        assert here.woken == ["woken"]
        assert [arrival.guid for arrival in await here.rows.unread(10)] == ["g1"]
        again = await here.act("replay", {"delivery": "g1"})
        assert again.status == 409
        assert "received" in again.json["error"]


async def test_a_delivery_that_is_finished_is_not_tried_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        await here.rows.keep(Arrival("g1", "ping", b"{}", form=False, received_at=NOW))
        await here.rows.sort([Sorted("g1", DeliveryState.DONE, note="nothing waits for ping")], NOW)
        got = await here.act("replay", {"delivery": "g1"})
        assert (got.status, here.woken) == (409, [])
        assert "done" in got.json["error"]


# Pause


async def test_a_pause_is_kept_and_ends(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        first = await here.act("pause", {"description": "a migration"})
        here.now += MINUTE
        second = await here.act("pause")
        since = {"since": "2026-11-24T02:00:00.000Z", "by": "an operator: a migration"}
        assert first.json["result"] == {"text": "paused", "paused": since}
        assert second.json["result"] == {"text": "it was paused already", "paused": since}
        assert await here.switches.read(PAUSED) == Switch(PAUSED, NOW, "an operator: a migration")
        assert (await here.act("resume")).json["result"] == {"text": "the pause has ended", "was": since}
        assert (await here.act("resume", {})).json["result"] == {"text": "it was not paused", "was": None}


async def test_the_pages_tell_of_a_pause(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        before = await here.ask("GET", "/status.json")
        await here.act("pause", {"description": HOSTILE})
        after, page = await here.ask("GET", "/status.json"), await here.ask("GET", "/status")
        metrics = await here.ask("GET", "/metrics")
    assert [before.json["paused"], after.json["paused"]] == [False, True]
    assert "Paused by an operator: &lt;script&gt;" in page.text
    assert HOSTILE not in page.text
    assert "devops_daemon_paused 1.0" in metrics.text


# The inbox


async def test_deliveries_are_listed_to_whoever_may_view(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        await here.failed()
        for token in (VIEWER, OPERATOR):
            got = await here.ask("GET", "/api/deliveries", token=token)
            assert got.json == {
                "deliveries": [
                    {
                        "id": "g1",
                        "event": "issue_comment",
                        "state": "failed",
                        "attempts": 0,
                        "error": "the body is not JSON",
                        "note": "the body is not JSON",
                        "received_at": "2026-11-24T02:00:00.000Z",
                        "ended_at": "2026-11-24T02:00:00.000Z",
                        "subject": None,
                    }
                ]
            }
        assert (await here.ask("GET", "/api/deliveries", token=None)).status == 401


async def test_the_pages_tell_of_the_inbox(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        await here.failed()
        await here.rows.keep(Arrival("g2", "ping", b"{}", form=False, received_at=NOW))
        here.now += MINUTE
        data, page = await here.ask("GET", "/status.json"), await here.ask("GET", "/status")
        metrics = await here.ask("GET", "/metrics")
    assert data.json["inbox"] == {"pending": 1, "failed": 1, "oldest_pending_s": 60.0}
    assert "1 failed" in page.text
    assert "devops_daemon_inbox_failed 1.0" in metrics.text
    assert "devops_daemon_inbox_oldest_pending_seconds 60.0" in metrics.text


async def test_an_inbox_that_nobody_works_off_is_stuck(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        await here.rows.keep(Arrival("g1", "ping", b"{}", form=False, received_at=NOW))
        here.now += 15 * MINUTE
        assert (await here.ask("GET", "/readyz")).status == 200
        here.now += MINUTE
        got = await here.ask("GET", "/readyz")
        page = await here.ask("GET", "/status")
        assert (got.status, got.json["problems"]) == (
            503,
            ["inbox: stuck, the oldest of 1 deliveries is due for 16 min"],
        )
        assert "inbox: stuck" in page.text
        await here.rows.sort([Sorted("g1", DeliveryState.DONE)], here.now)
        assert (await here.ask("GET", "/readyz")).status == 200


# The command line


async def test_the_command_line_lists_replays_pauses_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def types(*words: str) -> tuple[int, str]:
        told = await asyncio.to_thread(CliRunner().invoke, cli, words)
        return told.exit_code, told.output

    # the daemon's log goes where the command's answer does
    with capture_logs():
        async with desk(tmp_path) as here:
            monkeypatch.setenv("DEVOPS_DAEMON_URL", f"http://{LOOPBACK}:{here.port}")
            monkeypatch.setenv("OPERATOR_TOKEN", OPERATOR)
            monkeypatch.setenv("COLUMNS", "200")
            monkeypatch.chdir(tmp_path)
            await here.failed()
            code, listed = await types("deliveries")
            rows = json.loads((await types("deliveries", "--json"))[1])
            replayed = [await types("deliveries", "replay", "g1") for _ in range(2)]
            misused = [await types("deliveries", "replay"), await types("deliveries", "delete", "g1")]
            paused, resumed = await types("pause", "--reason", "a migration"), await types("resume", "--json")
            monkeypatch.setenv("OPERATOR_TOKEN", VIEWER)
            refused = await types("pause")
            monkeypatch.setenv("DEVOPS_DAEMON_URL", f"http://{LOOPBACK}:9")
            unreachable = await types("pause")
    assert (code, "g1" in listed, "the body is not JSON" in listed) == (0, True, True)
    assert [row["id"] for row in rows] == ["g1"]
    assert replayed[0] == (0, "it is tried again\n")
    assert (replayed[1][0], "409 the delivery has not failed, it is received" in replayed[1][1]) == (1, True)
    assert [code for code, _ in misused] == [2, 2]
    assert paused == (0, "paused (by an operator: a migration, since 2026-11-24T02:00:00.000Z)\n")
    assert json.loads(resumed[1])["result"]["text"] == "the pause has ended"
    assert (refused[0], "set OPERATOR_TOKEN" in refused[1]) == (1, True)
    assert unreachable[0] == 3


# Incidents


async def opened(here: Desk, *members: Member) -> Incident:
    incident = replace(an_incident(*members), opened_at=NOW, detected_at=NOW)
    await IncidentRows(here.store).save(incident, [])
    return incident


async def test_a_person_sees_to_an_incident_and_says_how_bad_it_is(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        incident = await opened(here)
        got = await here.act("acknowledge", {"incident": incident.id})
        assert (got.status, got.json["result"]) == (
            200,
            {
                "text": f"until {NOW + ACKNOWLEDGED_FOR:%H:%M} UTC nothing is done about it by itself",
                "incident": incident.id,
                "status": "open",
                "severity": "SEV1",
            },
        )
        got = await here.act("severity", {"incident": incident.id, "severity": "SEV2"})
        assert (got.status, got.json["result"]["text"]) == (200, "it is a SEV2 now")
        [kept] = await IncidentRows(here.store).current(NOW)
        assert (kept.severity, kept.severity_by, kept.acknowledged_by) == ("SEV2", "an operator", "an operator")
        assert here.woken == ["incident", "incident"]


async def test_a_person_ends_what_is_well_and_nothing_else(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        incident = await opened(here)
        got = await here.act("resolve", {"incident": incident.id})
        assert (got.status, here.woken) == (409, [])
        assert "backend still fails" in got.json["error"]
        well = [replace(member, recovered_at=NOW) for member in incident.members]
        await IncidentRows(here.store).save(replace(incident, members=tuple(well), stands="b" * 40, version=2), [])
        got = await here.act("resolve", {"incident": incident.id})
        assert (got.status, got.json["result"]["status"]) == (200, "resolved")
        again = await here.act("resolve", {"incident": incident.id})
        assert (again.status, "has ended" in again.json["error"]) == (409, True)


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("acknowledge", {}, "incident"),
        ("resolve", {"incident": "260105-zzzz"}, "incident"),
        ("severity", {"incident": "260105-aaaa"}, "severity"),
        ("severity", {"incident": "260105-aaaa", "severity": "SEV4"}, "severity"),
        ("severity", {"incident": "260105-aaaa", "severity": "sev1"}, "severity"),
    ],
)
async def test_a_wrong_incident_or_severity_is_named(
    tmp_path: Path, action: str, body: dict[str, str], field: str
) -> None:
    async with desk(tmp_path) as here:
        await opened(here)
        got = await here.act(action, body)
        assert (got.status, got.json["field"], here.woken) == (422, field, [])


async def test_an_audit_is_taken_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with capture_logs():  # the daemon's log goes where the command's answer does
        await _audited(tmp_path, monkeypatch)


async def _audited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    async with desk(tmp_path) as here:
        got = await here.act("audit", {})
        assert got.status == 200
        result = got.json["result"]
        assert result["text"] == "\u274c Critical Issues: 2 of 3 findings want somebody"
        assert [each["weight"] for each in result["findings"]] == ["critical", "gap", "ok"]
        assert result["findings"][1] == {
            "rule": "recurring errors",
            "about": "backend: x",
            "weight": "gap",
            "found": "40 times",
            "cure": "mend it",
            "lines": ["\x1b[31mboom"],
        }
        monkeypatch.setenv("DEVOPS_DAEMON_URL", f"http://{LOOPBACK}:{here.port}")
        monkeypatch.setenv("OPERATOR_TOKEN", OPERATOR)
        told = await asyncio.to_thread(CliRunner().invoke, cli, ("audit",))
        assert told.exit_code == 1, "something is critical"
        assert "own watch: store" in told.output
        assert "is probed" not in told.output
        assert "is probed" in (await asyncio.to_thread(CliRunner().invoke, cli, ("audit", "--all"))).output
        told = await asyncio.to_thread(CliRunner().invoke, cli, ("audit", "--json"))
        assert json.loads(told.output) == result
        here.broken = True
        assert (await here.act("audit", {})).status == 503


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"lines": 0}, 422, "lines is between 1 and 200"),
        ({"lines": "many"}, 422, "lines is to be a whole number"),
        ({"build": "yes"}, 422, "build is to be true or false"),
        ({"servce": "backend"}, 422, "there is no such field; there are lines, build, service, severity, description"),
        ({}, 409, "Railway is not configured"),
        ({"service": "backend"}, 409, "Railway is not configured"),
    ],
)
async def test_logs_that_cannot_be_shown_are_told_why(
    tmp_path: Path, body: dict[str, Any], status: int, said: str
) -> None:
    async with desk(tmp_path) as here:
        got = await here.act("view-logs", body)
    assert got.status == status
    assert said in got.json["error"]


async def test_an_order_that_was_interrupted_is_told_so_and_not_begun_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        rows = RequestRows(here.store)
        acting = Request(
            id="action:abc",
            issue=DESK,
            comment_id=DESK,
            author="an operator",
            by_agent=False,
            hop=0,
            words="restart backend",
            asked_at=NOW,
            state=RequestState.ACTING,
            act="restart",
            target="backend",
            acting_since=NOW - 3 * MINUTE,
        )
        opened, _ = await rows.open(acting)
        assert (await here.ask("GET", "/api/actions/abc")).json["status"] == "running"
        assert here.orders is not None
        await here.orders.look()
        got = (await here.ask("GET", "/api/actions/abc")).json
        assert (opened.version, got["status"]) == (1, "failed")
        assert "Whether it was begun cannot be told" in got["result"]["text"]
        assert (await here.ask("GET", "/api/actions/abd")).status == 404
        assert (await here.ask("GET", "/api/actions/abc", token=VIEWER)).status in {401, 403}


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ({"state": RequestState.ASKED}, "It was interrupted before it was begun."),
        ({"state": RequestState.DECIDED, "outcome": "refused", "headline": "It is paused."}, "It is paused."),
        ({"state": RequestState.DECIDED, "outcome": "failed", "headline": "No.", "act": "restart"}, "No."),
    ],
)
async def test_an_order_that_a_daemon_left_in_the_middle_comes_to_its_end(
    tmp_path: Path, left: dict[str, Any], said: str
) -> None:
    async with desk(tmp_path) as here:
        told = {"id": "action:abc", "issue": DESK, "comment_id": DESK, "author": "an operator", "by_agent": False}
        order = Request(**told, hop=0, words="restart backend", asked_at=NOW - 20 * MINUTE, **left)  # type: ignore[arg-type] # of several kinds
        await RequestRows(here.store).open(order)
        assert here.orders is not None
        await here.orders.look()
        got = (await here.ask("GET", "/api/actions/abc")).json
        assert (got["status"], got["action"]) == ("failed", "restart-service")
        assert got["result"]["text"].startswith(said)
