"""How the adapter asks Railway: each of its faults, its limits, the tokens, and what changes in its schema."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest
from adapters.railway_world import (
    TOKENS,
    WAITS,
    Steady,
    World,
    asked_of,
    connection,
    open_world,
)
from adapters.servers import AGENT, RawServer, Reply, Request, answer, dead_port, document, says, utc_now
from graphql import FieldNode, OperationDefinitionNode, build_schema, introspection_from_schema
from pydantic import SecretStr
from structlog.testing import capture_logs

from devops_daemon.adapters.railway.answers import Why
from devops_daemon.adapters.railway.api import Api
from devops_daemon.adapters.railway.asked import Asked
from devops_daemon.adapters.railway.documents import document as document_of
from devops_daemon.adapters.railway.documents import names
from devops_daemon.adapters.railway.platform import Railway as Adapter
from devops_daemon.adapters.railway.platform import connected
from devops_daemon.adapters.railway.quota import PER_SECOND, Quota, ThrottledError
from devops_daemon.adapters.railway.scope import PROJECT_TOKEN, WORKSPACE_TOKEN
from devops_daemon.adapters.railway.transport import LostAnswerError, NotSentError, SaidNoError
from devops_daemon.hosting import Engine, HostedService, Hosting, Phase
from devops_daemon.ports import RefusedError, UnavailableError, UnclearError
from devops_daemon.redaction import MASK, Redactor
from devops_daemon.sandbox.railway.access import TokenKind
from devops_daemon.sandbox.railway.api_faults import API_FAULTS, NEW_STATUS, TRACE
from devops_daemon.sandbox.railway.places import Project
from devops_daemon.sandbox.railway.railway import Railway
from devops_daemon.sandbox.railway.seed import (
    OTHER_WORKSPACE_ID,
    PRODUCTION_ID,
    PROJECT_ID,
    STAGING_ID,
    WORKSPACE_ID,
    service_id,
)

HANDED = f"(traceId {TRACE})"
DEAD = "0f0e0d0c-dead-4a4a-8b8b-001122334455"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        await opened.api.scope()
        yield opened


async def measure(world: World) -> object:
    """Read by the document `Metrics`, as good as any."""
    return await world.platform.metrics(None, utc_now() - timedelta(hours=1))


async def restart(world: World) -> object:
    """Write by the document `RestartDeployment`, without the look for a lost answer."""
    return await world.api.write("RestartDeployment", {"id": world.serving("backend").id})


def times(world: World, operation: str) -> int:
    return world.railway.calls[operation]


# --- each fault

EACH_FAULT: Mapping[str, tuple[type[Exception], str, int, int]] = {
    "edge-429": (
        ThrottledError,
        "Railway: Railway's edge refuses requests for now (429: text/plain: error code: 1015); free again in 5 min",
        1,
        1,
    ),
    "edge-403": (
        ThrottledError,
        (
            "Railway: Railway's edge refused the request (403: text/html: 403 Forbidden 403 Forbidden);"
            " free again in 5 min"
        ),
        1,
        1,
    ),
    "rate-limited": (
        ThrottledError,
        "Railway: Railway's limit of requests is used up (429); free again in 38 s",
        1,
        1,
    ),
    "gateway-502": (
        LostAnswerError,
        "Railway: Railway's gateway answered 502 (text/html: 502 Bad Gateway 502 Bad Gateway)",
        3,
        1,
    ),
    "gateway-504": (
        LostAnswerError,
        "Railway: Railway's gateway answered 504 (text/html: 504 Gateway Timeout 504 Gateway Timeout)",
        3,
        1,
    ),
    "lost-answer": (
        LostAnswerError,
        "Railway's answer was lost: connection closed: the server hung up without an answer",
        3,
        1,
    ),
    "lost-request": (
        LostAnswerError,
        "Railway's answer was lost: connection closed: the server hung up without an answer",
        3,
        1,
    ),
    "slow": (
        LostAnswerError,
        "Railway: Railway's gateway answered 504 (text/html: 504 Gateway Timeout 504 Gateway Timeout)",
        3,
        1,
    ),
    "not-json": (LostAnswerError, "Railway: the answer is not GraphQL (text/html: Railway Railway)", 3, 1),
    "problem-processing": (LostAnswerError, f"Railway: Problem processing request {HANDED}", 3, 1),
    "not-authorized": (
        RefusedError,
        (
            "RAILWAY_TOKEN_SW_FACTORY is a project token that works, but has no right to {operation}"
            f" (Not Authorized {HANDED}); RAILWAY_WORKSPACE_TOKEN is a workspace token that works, but has no right to"
            f" {{operation}} (Not Authorized {HANDED})"
        ),
        2,
        2,
    ),
    "token-dead": (
        RefusedError,
        (
            "RAILWAY_TOKEN_SW_FACTORY is a project token that works, but has no right to {operation}"
            f" (Project Token not found {HANDED}); RAILWAY_WORKSPACE_TOKEN is a workspace token that works, but has no"
            f" right to {{operation}} (Project Token not found {HANDED})"
        ),
        2,
        2,
    ),
    "two-factor": (SaidNoError, f"Two Factor Authentication Required {HANDED}", 1, 1),
    "throttled-deploy": (
        ThrottledError,
        f"Railway: Service deployment rate limit exceeded {HANDED}; free again in 60 s",
        1,
        1,
    ),
    "throttled-create": (
        ThrottledError,
        f"Railway: You are creating services too quickly. Please try again in 25 seconds. {HANDED}; free again in 25 s",
        1,
        1,
    ),
    "schema-drift": (
        RefusedError,
        (
            'Railway\'s API has changed: {operation} is switched off (Cannot query field "meta" on type "Deployment".);'
            " a newer devops-daemon may know it"
        ),
        1,
        1,
    ),
}
"""The exception, its words, and how often a read and a write are sent."""
APART = {"hang", "partial", "unknown-status", "stuck-cursor", "bare", "platform-incident"}
each_fault = pytest.mark.parametrize("fault", EACH_FAULT)


def test_every_fault_of_the_sandbox_is_met_here() -> None:
    assert {fault.name for fault in API_FAULTS} == set(EACH_FAULT) | APART


@each_fault
async def test_a_read_that_fails_says_why_and_is_tried_three_times_where_that_may_help(
    world: World, fault: str
) -> None:
    kind, text, reads, _ = EACH_FAULT[fault]
    world.railway.faults.switch_on(fault, operation="Metrics")
    with pytest.raises(kind) as raised:
        await measure(world)
    assert str(raised.value) == text.format(operation="Metrics")
    assert times(world, "Metrics") == reads


@each_fault
async def test_a_write_that_fails_says_why_and_is_never_sent_twice_by_a_token(world: World, fault: str) -> None:
    kind, text, _, writes = EACH_FAULT[fault]
    world.railway.faults.switch_on(fault, operation="RestartDeployment")
    with pytest.raises(kind) as raised:
        await restart(world)
    assert str(raised.value) == text.format(operation="RestartDeployment")
    assert times(world, "RestartDeployment") == writes


@pytest.mark.parametrize(
    "fault",
    ["gateway-502", "gateway-504", "lost-answer", "lost-request", "not-json", "problem-processing"],
)
async def test_a_read_succeeds_at_the_third_try(world: World, fault: str) -> None:
    world.railway.faults.switch_on(fault, operation="Metrics", times=2)
    assert await measure(world)
    assert times(world, "Metrics") == 3


async def test_what_is_never_answered_is_given_up(world: World) -> None:
    world.railway.faults.switch_on("hang")
    with pytest.raises(LostAnswerError, match=r"^Railway did not answer within 0\.05 s$"):
        await world.api.transport.execute(document_of("PlatformStatus"), seconds=0.05)


async def test_data_that_lack_what_was_asked_for_are_not_taken_for_an_answer(world: World) -> None:
    world.railway.faults.switch_on("bare")
    with pytest.raises(UnavailableError, match=r"^Railway's answer to Deployment is not as expected: "):
        await world.platform.deployment("some")
    with pytest.raises(UnavailableError, match=r"^Railway's answer to Services is not as expected: "):
        await world.platform.hosting()


@pytest.mark.parametrize("bare", ["ProjectToken", "TokenWorkspaces", "Project", "Projects"])
async def test_answers_about_tokens_that_lack_what_was_asked_for_break_nothing(bare: str) -> None:
    async with open_world(
        project_token=None if bare.startswith("Project") and bare != "ProjectToken" else DEAD
    ) as world:
        world.railway.faults.switch_on("bare", operation=bare)
        with pytest.raises((UnavailableError, RefusedError)):
            await world.api.scope()


async def test_an_answer_that_lacks_a_part_is_used_and_the_lack_is_logged(world: World) -> None:
    world.railway.faults.switch_on("partial", operation="Services")
    with capture_logs() as logs:
        hosting = await world.platform.hosting()
    assert len(hosting.services) == 6
    assert logs == [
        {
            "event": "railway.partial",
            "log_level": "warning",
            "document": "Services",
            "reason": f"Problem with one of them {HANDED}",
        }
    ]


async def test_a_status_that_is_not_known_counts_as_under_way(world: World) -> None:
    world.railway.faults.switch_on("unknown-status")
    latest = (await world.service("backend")).latest
    assert latest is not None
    assert (latest.status, latest.phase) == (NEW_STATUS, Phase.UNKNOWN)


async def test_a_cursor_that_does_not_move_on_is_the_end(world: World) -> None:
    whole = await world.platform.hosting()
    world.railway.faults.switch_on("stuck-cursor")
    again = await world.platform.hosting()
    assert again.services == whole.services, "no service comes twice"
    assert times(world, "Services") == 1 + 2


async def test_railways_own_trouble_is_no_fault_of_the_answer(world: World) -> None:
    world.railway.faults.switch_on("platform-incident", operation="PlatformStatus")
    assert not (await world.platform.news()).stable


async def test_a_server_that_nobody_runs_was_not_reached_and_nothing_was_done() -> None:
    with dead_port() as port:
        async with open_world(url=f"http://127.0.0.1:{port}/graphql/v2") as world:
            with pytest.raises(NotSentError, match=r"^Railway could not be reached: connection refused$") as raised:
                await world.platform.hosting()
            assert not isinstance(raised.value, UnclearError)


@pytest.mark.parametrize("url", ["http://", "nonsense", "http://127.0.0.1:99999/"])
async def test_an_address_that_is_none_is_unavailable_and_breaks_nothing(url: str) -> None:
    async with open_world(url=url) as world:
        with pytest.raises(UnavailableError):
            await world.platform.hosting()


async def test_a_write_that_did_not_leave_is_not_looked_up(world: World) -> None:
    service = await world.service("backend")
    with dead_port() as port:
        await world.platform.deployment(service.latest.id if service.latest else "")
        unreachable = replace(world.api.asked, url=f"http://127.0.0.1:{port}/")
        async with connection(unreachable) as api:
            with pytest.raises(NotSentError):
                await Adapter(api, utc_now).restart(service)


async def test_a_connection_that_is_closed_sends_nothing(world: World) -> None:
    async with connection(asked_of(world.railway)) as api:
        pass
    with pytest.raises(UnavailableError, match=r"^the connection to Railway is closed$"):
        await Adapter(api, utc_now).news()


async def test_a_token_is_not_carried_to_where_a_redirect_leads() -> None:
    async with RawServer(says(answer(200, b"{}"))) as elsewhere:
        async with RawServer(says(answer(302, Location=elsewhere.url))) as server, open_world(url=server.url) as world:
            with pytest.raises(RefusedError, match=r"status 302 .* RAILWAY_API_URL is not Railway's GraphQL API$"):
                await world.platform.hosting()
        assert elsewhere.requests == []


async def test_nothing_is_subscribed_to(world: World) -> None:
    with pytest.raises(TypeError, match="nothing is subscribed to"):
        world.api.transport.subscribe(document_of("PlatformStatus"))


async def test_each_request_bears_our_name(world: World) -> None:
    await world.platform.hosting()
    await world.platform.news()
    assert {(each.user_agent, each.query_string) for each in world.railway.heard} == {(AGENT, "source=devops-daemon")}


# --- secrets


def echoing(reply: Callable[[str], bytes]) -> Reply:
    """Say in the answer what the request's token was."""

    async def echo(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(request.headers.get("project-access-token") or request.headers["authorization"][7:]))
        await writer.drain()

    return echo


FILLER = "x" * 70
ECHOES: Mapping[str, Callable[[str], bytes]] = {
    "gateway": lambda token: answer(502, f"<p>{FILLER} {token}</p>".encode(), content_type="text/html"),
    "edge": lambda token: answer(429, f"{FILLER} {token}".encode()),
    "forbidden": lambda token: answer(403, f"{FILLER} {token}".encode()),
    "content type": lambda token: answer(200, b"?", content_type=f"{FILLER}/{token}"),
    "redirect": lambda token: answer(302, f"{FILLER} {token}".encode(), Location=f"http://127.0.0.1:9/{token}"),
    "refusal": lambda token: document({"errors": [{"message": f"{FILLER} {token} is not right"}]}),
    "trace": lambda token: document({"errors": [{"message": "no", "traceId": f"{FILLER} {token}"}]}),
    "failure": lambda token: document({"errors": [{"message": f"Problem processing request {FILLER[:40]} {token}"}]}),
    "throttle": lambda token: document(
        {"errors": [{"message": f"creating services too quickly, 9 s {FILLER[:40]} {token}"}]}
    ),
    "drift": lambda token: document(
        {"errors": [{"message": f"{FILLER} {token}", "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}]}, 400
    ),
    "no dict": lambda token: document({"errors": [f"{FILLER} {token}"]}),
}


@pytest.mark.parametrize("echo", ECHOES)
async def test_no_part_of_a_token_is_in_an_errors_text_or_in_the_log(echo: str) -> None:
    async with RawServer(echoing(ECHOES[echo])) as server, open_world(url=server.url, workspace_token=None) as world:
        with capture_logs() as logs, pytest.raises((UnavailableError, RefusedError)) as raised:
            await world.platform.hosting()
    told = f"{raised.value} {logs}"
    assert not any(token[:8] in told for token in TOKENS)


@each_fault
async def test_no_token_is_in_the_text_of_a_fault(world: World, fault: str) -> None:
    world.railway.faults.switch_on(fault)
    with capture_logs() as logs, pytest.raises((UnavailableError, RefusedError)) as raised:
        await measure(world)
    told = f"{raised.value!r} {raised.value.__cause__!r} {logs} {world.api.notes} {world.api.asked}"
    assert not any(token in told for token in TOKENS)


async def test_what_is_masked_is_seen_to_be() -> None:
    echo = echoing(lambda token: answer(502, f"token {token}".encode()))
    async with RawServer(echo) as server, open_world(url=server.url) as world:
        with pytest.raises(UnavailableError) as raised:
            await world.platform.hosting()
    assert MASK in str(raised.value)


# --- limits


@pytest.mark.parametrize(("fault", "seconds"), [("edge-429", 300), ("edge-403", 300), ("rate-limited", 37.5)])
async def test_while_railway_lets_nothing_through_nothing_is_sent(world: World, fault: str, seconds: float) -> None:
    world.railway.faults.switch_on(fault, times=1)
    with pytest.raises(ThrottledError) as raised:
        await measure(world)
    assert raised.value.wait == timedelta(seconds=seconds)
    sent = world.calls
    world.steady.passes(seconds - 20)
    for ask in (measure, restart):
        with pytest.raises(ThrottledError) as raised:
            await ask(world)
        assert timedelta(seconds=10) < raised.value.wait < timedelta(seconds=20)
    assert world.calls == sent
    world.steady.passes(20)
    assert await measure(world)


async def test_the_hour_that_is_used_up_closes_for_as_long_as_railway_says(world: World) -> None:
    world.railway.limits.hour_limit = world.calls
    with pytest.raises(ThrottledError, match=r"limit of requests is used up \(429\); free again in 60 min$") as raised:
        await measure(world)
    assert timedelta(minutes=59) < raised.value.wait <= timedelta(hours=1)


async def test_a_throttle_of_one_operation_leaves_the_others_alone(world: World) -> None:
    world.railway.faults.switch_on("throttled-create", operation="CreateService")
    with pytest.raises(ThrottledError):
        await world.platform.add_service("worker")
    assert await measure(world)


def in_turn(*replies: bytes) -> Reply:
    """Reply with one after another, and with the last again and again."""
    left = list(replies)

    async def reply(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()

    return reply


WELL = document({"data": {"platformStatus": {"isStable": True, "incident": None, "maintenance": None}}})
SHORT_LIMIT = answer(429, b"Too Many Requests", X_RateLimit_Limit="1000", X_RateLimit_Remaining="0", Retry_After="0.05")
SHORT_THROTTLE = document({"errors": [{"message": "You are creating services too quickly. Try again in 0 seconds."}]})


@pytest.mark.parametrize("throttle", [SHORT_LIMIT, SHORT_THROTTLE], ids=["429", "200"])
async def test_a_short_wait_is_waited_out(throttle: bytes) -> None:
    async with RawServer(in_turn(throttle, throttle, WELL)) as server:
        began = time.monotonic()
        async with connected(Asked(server.url), AGENT, Redactor([]), utc_now, waits=WAITS) as api:
            assert (await Adapter(api, utc_now).news()).stable
        assert len(server.requests) == 3
        assert time.monotonic() - began >= (0.1 if throttle is SHORT_LIMIT else 0)


async def test_a_short_wait_that_comes_again_and_again_is_given_up() -> None:
    async with RawServer(says(SHORT_LIMIT)) as server:
        async with connected(Asked(server.url), AGENT, Redactor([]), utc_now, waits=WAITS) as api:
            with pytest.raises(ThrottledError):
                await Adapter(api, utc_now).news()
        assert len(server.requests) == 3


async def test_no_second_has_more_than_five_requests() -> None:
    quota, at = Quota(utc_now), []

    async def one() -> None:
        await quota.admit(unasked=False)
        at.append(time.monotonic())

    await asyncio.gather(*(one() for _ in range(2 * PER_SECOND + 1)))
    assert all(later - earlier >= 0.99 for earlier, later in zip(at, at[PER_SECOND:], strict=False))


def hour(limit: int, left: int, resets: datetime) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": str(int(resets.timestamp())),
    }


async def test_what_is_not_asked_for_stops_at_half_of_the_hour() -> None:
    steady = Steady()
    quota = Quota(utc_now, steady)
    quota.note(hour(100, 100, utc_now() + timedelta(hours=1)))
    for _ in range(50):
        await quota.admit(unasked=True)
    with pytest.raises(ThrottledError, match=r"^our own half of Railway's 100 requests an hour is used; free again in"):
        await quota.admit(unasked=True)
    await quota.admit(unasked=False)
    steady.passes(3600)
    await quota.admit(unasked=True)


async def test_the_last_tenth_of_the_hour_is_kept_for_people() -> None:
    now = [utc_now().replace(microsecond=0)]
    quota = Quota(lambda: now[0], Steady())
    quota.note(hour(100, 10, now[0] + timedelta(minutes=10)))
    with pytest.raises(ThrottledError, match=r"kept for people and remedies; free again in 10 min$"):
        await quota.admit(unasked=True)
    await quota.admit(unasked=False)
    now[0] += timedelta(minutes=10)
    await quota.admit(unasked=True)


async def test_until_railway_has_told_its_smallest_paid_plan_is_assumed() -> None:
    quota = Quota(utc_now, Steady())
    assert (quota.limit, quota.pace) == (1000, timedelta(seconds=7.2))
    quota.note({"Content-Type": "application/json"})
    assert quota.allowance is None
    quota.note(hour(10_000, 9_000, utc_now()))
    assert (quota.limit, quota.pace) == (10_000, timedelta(seconds=0.72))


async def test_the_longer_of_two_closures_counts() -> None:
    quota = Quota(utc_now, Steady())
    quota.close(timedelta(minutes=5), "the edge")
    quota.close(timedelta(seconds=10), "the hour")
    with pytest.raises(ThrottledError, match=r"^the edge; free again in 5 min$"):
        await quota.admit(unasked=False)


async def test_what_railway_says_of_the_hour_is_noted(world: World) -> None:
    allowance = world.api.quota.allowance
    assert allowance is not None
    assert (allowance.limit, allowance.left) == (1000, 1000 - world.calls)
    assert allowance.resets_at is not None
    assert timedelta(minutes=59) < allowance.resets_at - utc_now() <= timedelta(hours=1)


async def test_the_daemons_own_asking_leaves_half_of_the_hour_to_people(world: World) -> None:
    world.railway.limits.hour_limit = 20
    asking = Adapter(world.api, utc_now, unasked=True)
    for _ in range(10):
        await asking.metrics(None, utc_now() - timedelta(hours=1))
    await measure(world)
    sent = world.calls
    with pytest.raises(ThrottledError):
        await asking.metrics(None, utc_now() - timedelta(hours=1))
    assert world.calls == sent
    assert await measure(world)


# --- tokens


async def scoped(**asked: Any) -> tuple[Hosting, tuple[str, ...], list[TokenKind]]:
    """What is read with these tokens, what a person is told, and by which tokens it was read."""
    async with open_world(**asked) as world:
        hosting = await world.platform.hosting()
        return hosting, world.api.notes, [each.token for each in world.railway.heard if each.operation == "Services"]


async def refused(**asked: Any) -> str:
    async with open_world(**asked) as world:
        with pytest.raises(RefusedError) as raised:
            await world.platform.hosting()
        return str(raised.value)


async def test_the_token_with_the_least_rights_speaks_first() -> None:
    hosting, notes, spoke = await scoped()
    assert (hosting.environment, notes, spoke) == ("production", (), [TokenKind.PROJECT])


async def test_swapped_tokens_are_used_as_what_they_are_and_that_is_said() -> None:
    hosting, notes, spoke = await scoped(project_token=Railway.workspace_token, workspace_token=Railway.project_token)
    assert (hosting.environment, spoke) == ("production", [TokenKind.PROJECT])
    assert notes == (
        "RAILWAY_TOKEN_SW_FACTORY holds a workspace token, not a project token; it is used as what it is",
        "RAILWAY_WORKSPACE_TOKEN holds a project token, not a workspace token; it is used as what it is",
    )


async def test_a_workspace_token_alone_finds_its_only_project() -> None:
    hosting, notes, spoke = await scoped(project_token=None)
    assert (hosting.project, hosting.environment) == ("shop", "production")
    assert (notes, spoke) == ((), [TokenKind.WORKSPACE])


async def test_a_workspace_token_that_may_not_say_what_it_is_still_works() -> None:
    async with open_world(project_token=None) as world:
        world.railway.denied[TokenKind.WORKSPACE].add("apiToken")
        assert (await world.platform.hosting()).project == "shop"


async def test_a_workspace_token_alone_asks_which_of_several_projects_is_meant() -> None:
    async with open_world(project_token=None) as world:
        world.records.projects["second"] = Project("second", "blog", WORKSPACE_ID, "")
        with pytest.raises(RefusedError) as raised:
            await world.platform.hosting()
        assert str(raised.value) == (
            "PRODUCT_PROJECT_ID: RAILWAY_WORKSPACE_TOKEN cannot tell which project is meant; it reaches:"
            f" shop ({PROJECT_ID}), blog (second)"
        )


@pytest.mark.parametrize(
    ("asked", "environment"),
    [
        ({"project_id": PROJECT_ID}, "production"),
        ({"project_id": PROJECT_ID, "environment_id": STAGING_ID}, "staging"),
        ({"workspace_id": WORKSPACE_ID}, "production"),
    ],
)
async def test_a_workspace_token_is_told_which_environment_is_meant(asked: dict[str, Any], environment: str) -> None:
    hosting, notes, _ = await scoped(project_token=None, **asked)
    assert (hosting.environment, notes) == (environment, ())


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (
            {"environment_id": "nowhere"},
            (
                "PRODUCT_ENVIRONMENT_ID: names no environment of the project; there are:"
                f" production ({PRODUCTION_ID}), staging ({STAGING_ID})"
            ),
        ),
        (
            {"project_id": "nothing"},
            (
                f"PRODUCT_PROJECT_ID: RAILWAY_WORKSPACE_TOKEN reaches no project nothing (Project not found {HANDED});"
                " set the id that the dashboard shows with Ctrl-K, Copy Project ID"
            ),
        ),
        (
            {"workspace_id": OTHER_WORKSPACE_ID},
            (
                "RAILWAY_WORKSPACE_ID: RAILWAY_WORKSPACE_TOKEN may not list the projects of the workspace"
                f" {OTHER_WORKSPACE_ID} (Not Authorized {HANDED}); set the id of the workspace that it was made in, or"
                " PRODUCT_PROJECT_ID"
            ),
        ),
        (
            {"workspace_token": Railway.other_workspace_token, "project_id": PROJECT_ID},
            (
                f"PRODUCT_PROJECT_ID: RAILWAY_WORKSPACE_TOKEN reaches no project {PROJECT_ID}"
                f" (Not Authorized {HANDED}); set the id that the dashboard shows with Ctrl-K, Copy Project ID"
            ),
        ),
    ],
    ids=["environment", "project", "workspace", "token of another workspace"],
)
async def test_a_workspace_token_that_cannot_reach_what_is_meant_names_the_setting(
    asked: dict[str, Any], text: str
) -> None:
    assert await refused(project_token=None, **asked) == text


async def test_where_no_environment_is_the_first_one_it_has_to_be_named() -> None:
    async with open_world(project_token=None) as world:
        world.records.projects[PROJECT_ID] = replace(world.records.projects[PROJECT_ID], primary_environment_id="")
        with pytest.raises(RefusedError, match=r"^PRODUCT_ENVIRONMENT_ID: names no environment of the project;"):
            await world.platform.hosting()


STAGING = (
    "RAILWAY_TOKEN_SW_FACTORY is for the environment staging of the project shop, not for the one that"
    " PRODUCT_ENVIRONMENT_ID names, and is not used: make a new one in the project's settings, Tokens, for that"
    " environment"
)


async def test_a_token_of_another_environment_is_not_used_and_that_is_said() -> None:
    staging = {"project_token": Railway.staging_token, "environment_id": PRODUCTION_ID}
    assert await refused(**staging, workspace_token=None) == STAGING
    hosting, notes, spoke = await scoped(**staging)
    assert (hosting.environment, notes, spoke) == ("production", (STAGING,), [TokenKind.WORKSPACE])


async def test_a_token_of_another_project_is_not_used() -> None:
    told = await refused(project_id="another", workspace_token=None)
    assert "not for the one that PRODUCT_PROJECT_ID names, and is not used" in told


async def test_a_dead_token_is_told_with_its_cure() -> None:
    assert await refused(project_token=DEAD, workspace_token=None) == (
        "RAILWAY_TOKEN_SW_FACTORY is not known to Railway (any more): make a new one in the project's settings, Tokens"
    )
    told = await refused(project_token=DEAD, workspace_token=DEAD)
    assert [part.split()[0] for part in told.split("; ")] == [PROJECT_TOKEN, WORKSPACE_TOKEN]
    assert DEAD not in told


async def test_a_dead_project_token_is_not_replaced_by_one_that_would_choose_another_environment() -> None:
    told = await refused(project_token=DEAD)
    assert "RAILWAY_TOKEN_SW_FACTORY is not known to Railway" in told
    assert "set PRODUCT_PROJECT_ID and PRODUCT_ENVIRONMENT_ID to go on with RAILWAY_WORKSPACE_TOKEN alone" in told


async def test_beside_a_dead_token_the_other_one_works_where_the_environment_is_named() -> None:
    named = {"project_id": PROJECT_ID, "environment_id": PRODUCTION_ID}
    hosting, notes, spoke = await scoped(project_token=DEAD, **named)
    assert (hosting.environment, spoke) == ("production", [TokenKind.WORKSPACE])
    assert [note.split(":")[0] for note in notes] == ["RAILWAY_TOKEN_SW_FACTORY is not known to Railway (any more)"]


async def test_dead_tokens_are_not_tried_again_and_again() -> None:
    async with open_world(project_token=DEAD, workspace_token=None) as world:
        for _ in range(3):
            with pytest.raises(RefusedError, match="is not known to Railway"):
                await world.platform.hosting()
        assert world.calls == 3, "under each header once, and the projects in case the first question is not for it"


async def test_without_any_token_the_settings_are_named() -> None:
    told = await refused(project_token=None, workspace_token=None)
    assert told == "neither RAILWAY_TOKEN_SW_FACTORY nor RAILWAY_WORKSPACE_TOKEN is set"


async def test_a_token_that_dies_is_told_apart_from_a_missing_right() -> None:
    async with open_world(workspace_token=None) as world:
        await world.platform.hosting()
        world.railway.project_token = "another one"
        with pytest.raises(RefusedError) as raised:
            await measure(world)
        assert str(raised.value) == "RAILWAY_TOKEN_SW_FACTORY is not known to Railway any more: make a new one"


async def test_when_a_token_dies_the_other_one_takes_over(world: World) -> None:
    world.railway.project_token = "another one"
    assert await measure(world)
    assert (await world.platform.hosting()).project == "shop"
    assert [note.split(" is ")[0] for note in world.api.notes] == [PROJECT_TOKEN]


async def test_the_environment_stays_when_its_token_dies() -> None:
    async with open_world(project_token=Railway.staging_token) as world:
        assert (await world.platform.hosting()).environment == "staging"
        world.railway.staging_token = "another one"
        for _ in range(2):
            assert (await world.platform.hosting()).environment == "staging"


async def test_a_right_that_was_missing_is_remembered_and_only_for_that(world: World) -> None:
    world.railway.denied[TokenKind.PROJECT].add("metrics")
    await measure(world)
    await measure(world)
    await world.platform.hosting()
    spoke = [(each.operation, each.token) for each in world.railway.heard if each.operation in {"Metrics", "Services"}]
    assert spoke == [
        ("Metrics", TokenKind.PROJECT),
        ("Metrics", TokenKind.WORKSPACE),
        ("Metrics", TokenKind.WORKSPACE),
        ("Services", TokenKind.PROJECT),
    ]


def test_me_is_never_asked_for_it_fails_for_workspace_tokens() -> None:
    assert "me" not in {root_of(name) for name in names()}


async def test_a_refusal_says_of_which_kind_it_is(world: World) -> None:
    with pytest.raises(SaidNoError) as raised:
        await world.platform.deployment("nothing")
    assert raised.value.why is Why.NOT_FOUND


# --- the schema


async def test_a_document_that_no_longer_fits_is_switched_off_and_it_alone(world: World) -> None:
    world.railway.faults.switch_on("schema-drift", operation="Metrics", times=1)
    for _ in range(3):
        with pytest.raises(RefusedError, match=r"^Railway's API has changed: Metrics is switched off"):
            await measure(world)
    assert times(world, "Metrics") == 1
    assert len((await world.platform.hosting()).services) == 6
    assert [note.partition(" (")[0] for note in world.api.notes] == [
        "Railway's API has changed: Metrics is switched off"
    ]


async def test_a_write_that_no_longer_fits_was_not_done_and_is_not_looked_up(world: World) -> None:
    service, before = await world.service("backend"), world.history("backend")
    world.railway.faults.switch_on("schema-drift", operation="DeployService")
    with pytest.raises(RefusedError, match="DeployService is switched off"):
        await world.platform.deploy(service)
    assert world.history("backend") == before


async def test_every_document_fits_the_schema_that_is_served(world: World) -> None:
    assert await world.api.drifted() == {}


async def test_documents_that_do_not_fit_the_schema_that_is_served_are_named() -> None:
    sdl = files("devops_daemon.sandbox.railway").joinpath("schema.graphql").read_text(encoding="utf-8")
    assert sdl.count("unmergedChangesCount") == 1
    changed = introspection_from_schema(build_schema(sdl.replace("unmergedChangesCount", "changesCount")))
    async with serving({"IntrospectionQuery": [document({"data": changed})]}) as api:
        assert await api.drifted() == {
            "Services": "Cannot query field 'unmergedChangesCount' on type 'Environment'. Did you mean 'changesCount'?"
        }


async def test_a_schema_that_is_none_is_unavailable(world: World) -> None:
    world.railway.faults.switch_on("bare", operation="IntrospectionQuery")
    with pytest.raises(UnavailableError, match=r"^Railway's answer to IntrospectionQuery is not as expected"):
        await world.api.drifted()


IDENTITY = {
    "name": "t",
    "projectId": "p",
    "environmentId": "e",
    "project": {"name": "shop", "workspaceId": "w"},
    "environment": {"name": "production"},
}


@asynccontextmanager
async def serving(replies: Mapping[str, Sequence[bytes]]) -> AsyncIterator[Api]:
    """Open a connection to an API that knows whose token it is, and answers each operation so, in turn."""
    known = {"ProjectToken": in_turn(document({"data": {"projectToken": IDENTITY}}))}
    known |= {name: in_turn(*each) for name, each in replies.items()}

    async def reply(request: Request, writer: asyncio.StreamWriter) -> None:
        await known[json.loads(request.body)["operationName"]](request, writer)

    async with RawServer(reply) as server, connection(Asked(server.url, SecretStr("t"))) as api:
        yield api


def root_of(name: str) -> str:
    """Name the field that a document asks for first."""
    operation = document_of(name).document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    field = operation.selection_set.selections[0]
    assert isinstance(field, FieldNode)
    return field.name.value


READS: Mapping[str, Callable[[Adapter], Awaitable[object]]] = {
    "Services": lambda platform: platform.hosting(),
    "Deployments": lambda platform: platform.deployments(service_id("backend"), 5),
    "Deployment": lambda platform: platform.deployment("some"),
    "DeploymentSteps": lambda platform: platform.steps("some"),
    "VariableNames": lambda platform: platform.variables(None),
    "Variables": lambda platform: platform.values(None),
    "Metrics": lambda platform: platform.metrics(None, utc_now()),
    "PlatformStatus": lambda platform: platform.news(),
    "Volumes": lambda platform: platform.volumes(),
}
ODD: Mapping[str, object] = {
    "nothing": {},
    "null": None,
    "text": "text",
    "list": [None],
    "empty edges": {"edges": [None]},
    "null within": {"serviceInstances": None, "variables": None, "volumeInstances": None, "pageInfo": None},
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", READS)
async def test_data_of_another_shape_are_unavailable_and_never_a_crash(name: str, odd: str) -> None:
    async with serving({name: [document({"data": {root_of(name): ODD[odd]}})]}) as api:
        with suppress(UnavailableError):  # some shapes are as good as an empty answer
            await READS[name](Adapter(api, utc_now))


# --- what takes its time

NOT_FOUND = document({"data": None, "errors": [{"message": "Deployment not found"}]})
NEW = {"id": "new", "status": "INITIALIZING", "createdAt": "2026-09-01T12:00:00Z"}
NONE_YET = document({"data": {"deployments": {"edges": []}}})
DEPLOYED = document({"data": {"serviceInstanceDeployV2": "new"}})
NOTHING_RUNS = document(
    {
        "data": {
            "environment": {
                "unmergedChangesCount": 0,
                "serviceInstances": {"edges": [], "pageInfo": {"hasNextPage": False, "endCursor": None}},
            }
        }
    }
)
BACKEND = HostedService("s", "backend")
DEPLOYS = {"Services": [NOTHING_RUNS], "Deployments": [NONE_YET], "DeployService": [DEPLOYED]}


async def test_what_was_just_made_may_not_be_found_yet() -> None:
    found = document({"data": {"deployment": NEW}})
    replies = DEPLOYS | {"Deployment": [NOT_FOUND, NOT_FOUND, found]}
    async with serving(replies) as api:
        assert (await Adapter(api, utc_now).deploy(BACKEND)).id == "new"


async def test_what_was_answered_but_never_appears_is_unclear() -> None:
    replies = DEPLOYS | {"Deployment": [NOT_FOUND]}
    async with serving(replies) as api:
        api.waits = replace(WAITS, patience=0.05)
        with pytest.raises(UnclearError, match=r"^deploy: Deployment not found$"):
            await Adapter(api, utc_now).deploy(BACKEND)


async def test_a_refusal_while_it_is_waited_for_ends_the_wait_and_is_unclear_for_railway_took_it() -> None:
    no = document({"data": None, "errors": [{"message": "Two Factor Authentication Required"}]})
    replies = DEPLOYS | {"Deployment": [NOT_FOUND, no]}
    async with serving(replies) as api:
        text = "deploy: Railway took it, but a look at it was refused: Two Factor Authentication Required"
        with pytest.raises(UnclearError, match=f"^{text}$"):
            await Adapter(api, utc_now).deploy(BACKEND)


@pytest.mark.parametrize("odd", [{}, {"serviceInstanceDeployV2": None}, {"serviceInstanceDeployV2": True}])
async def test_an_answer_without_an_id_is_looked_up_and_unclear_where_nothing_shows(odd: object) -> None:
    async with serving(DEPLOYS | {"DeployService": [document({"data": odd})]}) as api:
        api.waits = replace(WAITS, patience=0.05)
        with pytest.raises(UnclearError, match=r"^deploy: "):
            await Adapter(api, utc_now).deploy(BACKEND)


async def test_a_workflow_that_failed_says_why() -> None:
    replies = {
        "Services": [NOTHING_RUNS],
        "Template": [document({"data": {"template": {"id": "t", "serializedConfig": {}}}})],
        "DeployTemplate": [document({"data": {"templateDeployV2": {"workflowId": "w"}}})],
        "Workflow": [
            document({"data": {"workflowStatus": {"status": "NotFound", "error": None}}}),
            document({"data": {"workflowStatus": {"status": "Running", "error": None}}}),
            document({"data": {"workflowStatus": {"status": "Error", "error": "no room"}}}),
        ],
    }
    async with serving(replies) as api:
        with pytest.raises(RefusedError, match=r"^Railway could not add it: no room$"):
            await Adapter(api, utc_now).add_database(Engine.REDIS)


# --- a plain no, and words of a fault on their side

A_TOKEN = document(
    {
        "data": {
            "projectToken": {
                "name": "t",
                "projectId": "p",
                "environmentId": "e",
                "project": {"name": "shop", "workspaceId": None},
                "environment": {"name": "production"},
            }
        }
    }
)


async def test_a_plain_no_is_no_success() -> None:
    no = document({"data": {"deploymentRestart": False}})
    async with RawServer(in_turn(A_TOKEN, no)) as server:
        asked = Asked(server.url, SecretStr("a-project-token"))
        async with connected(asked, AGENT, Redactor([]), utc_now, waits=WAITS) as api:
            with pytest.raises(RefusedError, match="answered no to RestartDeployment"):
                await api.write("RestartDeployment", {"id": "d"})


@pytest.mark.parametrize(
    "words", ["Request timed out", "Internal server error", "fetch failed", "Something went wrong"]
)
async def test_after_words_of_a_fault_of_theirs_a_write_may_have_been_done(words: str) -> None:
    fault = document({"data": None, "errors": [{"message": words, "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]})
    async with RawServer(in_turn(A_TOKEN, fault)) as server:
        asked = Asked(server.url, SecretStr("a-project-token"))
        async with connected(asked, AGENT, Redactor([]), utc_now, waits=WAITS) as api:
            with pytest.raises(LostAnswerError):
                await api.write("RestartDeployment", {"id": "d"})
        assert len(server.requests) == 2


async def test_a_write_that_is_throttled_in_words_is_never_sent_again() -> None:
    async with RawServer(in_turn(A_TOKEN, SHORT_THROTTLE)) as server:
        asked = Asked(server.url, SecretStr("a-project-token"))
        async with connected(asked, AGENT, Redactor([]), utc_now, waits=WAITS) as api:
            with pytest.raises(ThrottledError):
                await api.write("RestartDeployment", {"id": "d"})
        assert len(server.requests) == 2
