"""What `doctor` finds at GitHub, on the sandbox: every credential, right and webhook that is wrong, with its cure."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from adapters.github_world import (
    FACTS,
    OPERATOR,
    REPOSITORY,
    World,
    asked_of,
    description,
    github_at,
    on,
    open_world,
    resolved,
)
from adapters.servers import RawServer, Request, answer, dead_port, document, says, utc_now
from pydantic import SecretStr

from devops_daemon.adapters.github.asked import WEBHOOK_PATH, AppKey
from devops_daemon.adapters.github.checkup import check_up
from devops_daemon.adapters.github.forge import GitHub
from devops_daemon.adapters.github.rights import EVENTS, RIGHTS
from devops_daemon.model import Finding, Grade
from devops_daemon.sandbox.github.hooks import Hook

SECRET = "of the webhook"
ROOT = Path(__file__).parents[2]
FINE = {
    "metadata": "read",
    "issues": "write",
    "pull_requests": "write",
    "contents": "write",
    "checks": "read",
    "statuses": "read",
    "actions": "write",
    "workflows": "write",
    "repository_hooks": "read",
}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened


@pytest.fixture
async def daemon() -> AsyncIterator[RawServer]:
    async with RawServer(says(answer(202, b"{}"))) as server:
        yield server


async def hooked(world: World, daemon: RawServer, secret: str | None = SECRET, **differs: Any) -> Hook:
    return await world.github.hook(f"{daemon.url}{WEBHOOK_PATH}", secret, **differs)


async def found(forge: GitHub) -> list[Finding]:
    findings = [finding async for finding in check_up(forge, utc_now)]
    assert all(finding.cure for finding in findings if finding.grade in {Grade.WARNING, Grade.FAILED})
    return findings


async def looked(world: World, **asked: Any) -> list[Finding]:
    async with world.another(**{"webhook_secret_set": True} | asked) as forge:
        return await found(forge)


def about(findings: list[Finding], name: str) -> Finding:
    (one,) = [finding for finding in findings if finding.about == name]
    return one


NOT_PLAYED = {"permission Actions"}
"""The sandbox has no runs of Actions that could be read: there they are always missing."""


def wrong(findings: list[Finding]) -> list[tuple[Grade, str, str]]:
    """What is not well."""
    told = [each for each in findings if each.about not in NOT_PLAYED]
    return [(each.grade, each.about, each.text) for each in told if each.grade is not Grade.OK]


def app_of(world: World) -> AppKey:
    told = world.github.world.app
    return AppKey(str(told.id), SecretStr(told.private_key))


# --- all is well


async def test_of_a_classic_token_all_is_well(world: World, daemon: RawServer) -> None:
    await hooked(world, daemon)
    findings = await looked(world, public_url=daemon.url)
    assert wrong(findings) == []
    assert [(each.about, each.text) for each in findings][:3] == [
        ("GITHUB_TOKEN", f"a classic personal token; it writes as {OPERATOR}"),
        ("GITHUB_REPOSITORY", "acme/shop, public; its default branch is main"),
        ("scopes", "repo, workflow"),
    ]
    assert about(findings, "webhook").text == f"{daemon.url}{WEBHOOK_PATH}: all deliveries of the last 3 days arrived"
    assert re.fullmatch(r"\d+ of 5000 are left in this hour", about(findings, "GitHub requests").text)
    assert about(findings, "GitHub clock").text == "agrees with GitHub's"


async def test_of_a_fine_grained_token_all_is_well_as_far_as_reading_tells(world: World, daemon: RawServer) -> None:
    await hooked(world, daemon)
    world.github.world.options.private = True
    world.github.add_token(OPERATOR, "github_pat_good", permissions=FINE)
    findings = await looked(world, token="github_pat_good")
    assert wrong(findings) == []
    assert about(findings, "GITHUB_TOKEN").text == f"a fine-grained personal token; it writes as {OPERATOR}"


@pytest.mark.parametrize(
    ("private", "read"), [(True, "can be read"), (False, "can be read (anybody can, on a public repository)")]
)
async def test_where_everything_can_be_read_it_is_said_what_that_proves(read: str, *, private: bool) -> None:
    product = {"id": 1, "full_name": REPOSITORY, "private": private, "default_branch": "main"}
    told = {"/user": {"login": "ops"}, f"/repos/{REPOSITORY}": product}

    async def reply(request: Request, writer: asyncio.StreamWriter) -> None:
        await says(document(told.get(request.target, [])))(request, writer)

    async with RawServer(reply) as server, github_at(asked_of(server.url)) as forge:
        text = about(await found(forge), "permissions").text
    assert text == f"all that the daemon needs {read}; whether it may be written is told when something is"


async def test_of_an_app_all_is_well(world: World, daemon: RawServer) -> None:
    await hooked(world, daemon, of_app=True)
    world.github.world.app.events = tuple(EVENTS)
    findings = await looked(world, app=app_of(world), token=None)
    assert wrong(findings) == []
    told = world.github.world.app
    assert about(findings, "GITHUB_APP_ID").text == f"App {told.id}; it writes as {told.login}"
    assert about(findings, "permissions").text == "the App has all that the daemon needs"


async def test_it_only_reads(world: World, daemon: RawServer) -> None:
    await hooked(world, daemon)
    await looked(world, app=app_of(world), token=None, trigger_token=SecretStr(world.github.user_token))
    await looked(world)
    writes = {each.name for each in world.github.heard if each.method != "GET"}
    assert writes == {"POST /app/installations/{installation_id}/access_tokens"}


# --- credentials


async def test_a_dead_token_ends_the_look(world: World) -> None:
    findings = await looked(world, token="ghp_dead")
    first, clock = findings
    assert (first.grade, first.about) == (Grade.FAILED, "GitHub")
    assert first.text.startswith("GITHUB_TOKEN is not accepted")
    assert clock.about == "GitHub clock"


async def test_a_github_that_cannot_be_reached_ends_the_look(world: World) -> None:
    with dead_port() as port:
        (only,) = await looked(world, url=f"http://127.0.0.1:{port}")
    assert (only.grade, only.cure) == (Grade.FAILED, "try again; is GitHub reachable?")


async def test_a_token_beside_an_app_is_not_used(world: World) -> None:
    findings = await looked(world, app=app_of(world))
    assert about(findings, "GITHUB_TOKEN").text == "is not used: the App is"


async def test_a_repository_that_is_not_to_be_seen_is_said_once(world: World) -> None:
    findings = await looked(world, repository="acme/nothing")
    assert [(each.grade, each.about) for each in findings if each.grade is Grade.FAILED] == [
        (Grade.FAILED, "GITHUB_REPOSITORY")
    ]


async def test_whose_the_trigger_token_is_is_told(world: World) -> None:
    world.github.add_token("ada", "ghp_ada")
    world.github.add_account("shop[bot]", "write")
    world.github.add_token("shop[bot]", "ghp_bot")
    asked = {text: SecretStr(text) for text in ("ghp_ada", "ghp_bot", "ghp_dead", world.github.user_token)}
    told = [about(await looked(world, trigger_token=token), "GITHUB_TRIGGER_TOKEN") for token in asked.values()]
    assert [(each.grade, each.text) for each in told] == [
        (Grade.OK, "wakes agents as ada"),
        (Grade.WARNING, "is a bot's, shop[bot]: agents that refuse bots refuse it"),
        (
            Grade.FAILED,
            "GITHUB_TRIGGER_TOKEN is not accepted (GitHub answered 401: Bad credentials): make a new one",
        ),
        (Grade.OK, f"wakes agents as {OPERATOR} (as the daemon does)"),
    ]


# --- rights


@pytest.mark.parametrize("right", [right for right in RIGHTS if right.for_app], ids=lambda right: right.permission)
async def test_a_permission_that_an_app_lacks_is_named_with_what_is_not_done_without_it(
    world: World, right: Any
) -> None:
    app = world.github.world.app
    app.permissions = {name: level for name, level in app.permissions.items() if name != right.permission}
    findings = await looked(world, app=app_of(world), token=None)
    told = about(findings, f"permission {right.words}")
    assert told.grade is (Grade.FAILED if right.essential else Grade.WARNING)
    assert told.text == f"{right.asked} is missing: the daemon cannot {right.duty}"
    assert told.cure == "grant it to the App, and let the owner accept that in the installation"


async def test_to_read_is_not_enough_where_something_is_written(world: World) -> None:
    app = world.github.world.app
    app.permissions = {**app.permissions, "issues": "read"}
    findings = await looked(world, app=app_of(world), token=None)
    assert about(findings, "permission Issues").text.startswith("Issues: read and write is missing")


@pytest.mark.parametrize(
    "right",
    # everything comes with metadata, and issues may be listed by whoever may read pull requests
    [right for right in RIGHTS if right.tried_by and right.permission not in {"metadata", "issues"}],
    ids=lambda right: right.permission,
)
async def test_a_permission_that_a_fine_grained_token_lacks_is_found_by_reading(world: World, right: Any) -> None:
    held = {name: level for name, level in FINE.items() if name != right.permission}
    world.github.add_token(OPERATOR, "github_pat_poor", permissions=held)
    findings = await looked(world, token="github_pat_poor")
    assert about(findings, f"permission {right.words}").cure == f"give the token {right.asked}"


@pytest.mark.parametrize(
    ("scopes", "private", "lacking"),
    [
        ({"repo"}, True, ["scope workflow"]),
        ({"public_repo", "workflow"}, False, []),
        ({"workflow"}, False, ["scope repo"]),
    ],
)
async def test_scopes_that_a_classic_token_lacks_are_named(
    world: World, scopes: set[str], lacking: list[str], *, private: bool
) -> None:
    world.github.world.options.private = private
    world.github.add_token(OPERATOR, "ghp_scopes", scopes=frozenset(scopes))
    findings = await looked(world, token="ghp_scopes")
    assert [each.about for each in findings if each.about.startswith("scope ")] == lacking


async def test_a_token_of_somebody_who_may_not_write_is_worth_nothing(world: World) -> None:
    world.github.add_account("bea", "read")
    world.github.add_token("bea", "ghp_bea", scopes=frozenset({"repo", "workflow"}))
    findings = await looked(world, token="ghp_bea")
    assert (
        about(findings, "GitHub account").text
        == "the account may not push here: nothing can be merged, rebased or labelled"
    )


# --- the webhook


async def test_no_webhook_is_a_warning_that_tells_how_to_make_one(world: World, daemon: RawServer) -> None:
    told = about(await looked(world, public_url=daemon.url), "webhook")
    assert told.grade is Grade.WARNING
    assert f"{daemon.url}{WEBHOOK_PATH}" in told.cure
    assert all(event in told.cure for event in EVENTS)


SECRETS: Mapping[tuple[bool, bool], str] = {
    (True, False): "GITHUB_WEBHOOK_SECRET is not set: every delivery is answered 404",
    (False, True): "it has no secret: every delivery is turned away as unsigned",
    (False, False): "neither the webhook nor GITHUB_WEBHOOK_SECRET has a secret: every delivery is answered 404",
}


@pytest.mark.parametrize(("of_hook", "of_settings"), SECRETS)
async def test_secrets_that_do_not_agree_are_told(
    world: World, daemon: RawServer, *, of_hook: bool, of_settings: bool
) -> None:
    await hooked(world, daemon, SECRET if of_hook else None)
    findings = await looked(world, webhook_secret_set=of_settings)
    assert wrong(findings) == [(Grade.FAILED, "webhook", SECRETS[of_hook, of_settings])]


async def test_what_is_wrong_with_a_webhook_is_told_all_at_once(world: World, daemon: RawServer) -> None:
    hook = await hooked(world, daemon, events=("push", "issues"), content_type="xml")
    hook.active = False
    texts = [each.text for each in await looked(world) if each.about == "webhook"]
    missing = [name for name in EVENTS if name not in {"push", "issues"}]
    assert texts == [
        "it is switched off",
        "its content type is 'xml'",
        "; ".join(f"{name} is not sent ({EVENTS[name]})" for name in missing),
    ]


async def test_an_apps_events_are_those_of_the_app(world: World, daemon: RawServer) -> None:
    await hooked(world, daemon, of_app=True)
    world.github.world.app.events = tuple(name for name in EVENTS if name != "workflow_run")
    told = about([each for each in await looked(world, app=app_of(world), token=None) if each.cure], "webhook")
    assert told.cure == "tick these events: workflow_run"


async def test_deliveries_that_never_arrived_are_counted(world: World, daemon: RawServer) -> None:
    await hooked(world, daemon)
    daemon.reply = says(answer(401, b"{}"))
    number = (await world.github.open_issue("ada", "slow")).number
    await world.github.settled()
    await world.github.comment("ada", number, "hi")
    await world.github.settled()
    told = about(await looked(world), "webhook")
    assert told.grade is Grade.WARNING
    assert re.match(r"2 deliveries of the last 3 days never arrived, the last \(issue_comment\) at 20", told.text)


async def test_webhooks_that_may_not_be_read_are_a_warning(world: World) -> None:
    world.github.add_token(
        OPERATOR, "github_pat_poor", permissions={k: v for k, v in FINE.items() if k != "repository_hooks"}
    )
    told = about(await looked(world, token="github_pat_poor"), "webhook")
    assert (told.grade, told.cure) == (
        Grade.WARNING,
        "give it, or do without: what no webhook brings is found by the sweeps",
    )


# --- the rest


async def test_a_limit_that_is_nearly_used_up_is_a_warning(world: World) -> None:
    told = about(await looked(world), "GitHub requests")
    left = int(told.text.split()[0])
    world.github.limits.limits["core"] = 2 * (5000 - left) + 1  # enough for another look, and hardly more
    told = about(await looked(world), "GitHub requests")
    assert told.grade is Grade.WARNING
    assert "all tokens of a user share one limit" in told.cure


@pytest.mark.parametrize(("ahead", "word"), [(timedelta(minutes=5), "ahead of"), (timedelta(minutes=-5), "behind")])
async def test_a_clock_that_is_wrong_is_a_warning(world: World, ahead: timedelta, word: str) -> None:
    async with github_at(on(world.github), now=lambda: utc_now() + ahead) as forge:
        told = about(await found(forge), "GitHub clock")
    assert told.grade is Grade.WARNING
    assert re.fullmatch(rf"this machine's is (299|300|301) s {word} GitHub's", told.text)


async def test_an_outage_amid_the_look_fails_the_part_that_it_struck(world: World) -> None:
    world.github.faults.switch_on("unavailable", route="*/hooks")
    world.github.add_token(OPERATOR, "ghp_x", scopes=frozenset({"repo", "workflow"}))
    told = about(await looked(world, token="ghp_x"), "webhook")
    assert (told.grade, told.cure) == (Grade.FAILED, "try again; is GitHub reachable?")


# --- the App's manifest


def manifest() -> Any:
    return json.loads((ROOT / "deploy/github-app.json").read_text(encoding="utf-8"))


def test_the_manifest_asks_for_the_permissions_that_the_code_knows_and_no_more() -> None:
    assert manifest()["default_permissions"] == {right.permission: right.level for right in RIGHTS if right.for_app}


def test_the_manifest_asks_for_the_events_that_the_code_knows_and_no_more() -> None:
    assert manifest()["default_events"] == list(EVENTS)


def test_the_manifest_makes_a_private_app_whose_webhook_leads_to_the_daemon() -> None:
    told = manifest()
    assert told["public"] is False
    assert told["hook_attributes"]["url"] == f"{told['url']}{WEBHOOK_PATH}"
    assert told["redirect_url"].startswith(told["url"])


def test_every_permission_is_one_of_githubs_at_a_level_that_it_has() -> None:
    known = description() or pytest.skip(f"GitHub's description is not here: {FACTS} (or set CONFORMANCE_DATA)")
    permissions = resolved(known["components"]["schemas"]["app-permissions"])["properties"]
    for right in RIGHTS:
        assert right.level in permissions[right.permission]["enum"]


def test_the_document_tells_of_every_permission_and_every_event() -> None:
    text = (ROOT / "docs/github.md").read_text(encoding="utf-8")
    for right in RIGHTS:
        assert f"| {right.words} | {'read and write' if right.level == 'write' else 'read'} |" in text
    for event in EVENTS:
        assert f"`{event}`" in text


def test_the_files_and_tests_that_the_document_names_are_there() -> None:
    text = (ROOT / "docs/github.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:devops_daemon|tests|deploy)/[\w/.-]+)`", text))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests/adapters").glob("test_github_*.py"))
    assert [name for name in re.findall(r"`(test_\w+)`", text) if f"def {name}(" not in source] == []
