"""The forge fails, the daemon dies, strangers write what they like: one reply comes out, and nothing in it is live."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from adapters.servers import utc_now
from builders import a_member, an_incident, at
from flows.conversation_world import World, open_conversation, until
from hostile import HOSTILE
from markdown_it import MarkdownIt

from devops_daemon.adapters.store.incidents import IncidentRows
from devops_daemon.forge import Mark
from devops_daemon.inbox import DeliveryState

COMMENT, COMMENTS = "*/issues/{issue_number}/comments", "*/issues/comments/{comment_id}"
REACTIONS, ROLE = "*/issues/comments/{comment_id}/reactions", "*/collaborators/{username}/permission"
LONGEST = 60_000
LIVE = {"link_open", "image", "html_inline"}
SECRET = "hunter2-kestrel-quarry"  # of a product that holds nothing
pytestmark = pytest.mark.chaos


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_conversation(tmp_path) as opened:
        yield opened


# The forge


async def test_a_reply_whose_answer_was_lost_is_found_by_its_mark(world: World) -> None:
    world.github.faults.switch_on("bad-gateway-done", method="POST", route=COMMENT, times=1)
    request = await world.ended(await world.says("tom", "@devops status"))
    (reply,) = world.replies()
    assert (request.reply_id, request.outcome) == (reply.id, "done")


@pytest.mark.parametrize(("method", "route"), [("POST", COMMENT), ("POST", REACTIONS), ("GET", ROLE)])
@pytest.mark.parametrize("fault", ["server-error", "lost-request", "lost-answer", "secondary-403", "unicorn"])
async def test_a_forge_that_fails_for_a_while_makes_it_later_and_no_more(
    world: World, fault: str, method: str, route: str
) -> None:
    world.github.faults.retry_after = timedelta(seconds=1)
    world.github.faults.switch_on(fault, method=method, route=route, times=1)
    said = await world.says("tom", "@devops status")
    await world.retried_until_ended(said)
    assert len(world.replies()) == 1
    assert world.reactions(said) == ["eyes", "rocket"]


async def test_a_delivery_waits_while_the_forge_is_gone_and_the_forge_is_what_is_wrong(world: World) -> None:
    world.github.faults.switch_on("server-error")
    said = await world.says("tom", "@devops status")

    async def put_back() -> bool:
        rows = await world.answering.inbox.listed(10)
        return [row.state for row in rows] == [DeliveryState.PENDING] and rows[0].note is not None

    await until(put_back)
    assert world.answering.state not in {"ok", "off"}
    world.github.faults.mend()
    await world.retried_until_ended(said)
    assert (len(world.replies()), world.answering.state) == (1, "ok")


async def test_a_reply_that_somebody_deletes_is_not_written_again(world: World) -> None:
    said = await world.says("ada", "@devops redeploy backend")
    await until(world.replies)
    await world.github.delete_comment("ada", world.replies()[0].id)
    await world.ended(said)
    assert world.replies() == []


async def test_an_issue_that_is_locked_is_said_on_the_deliverys_row(world: World) -> None:
    world.github.faults.switch_on("forbidden", method="POST", route=COMMENT)
    await world.says("tom", "@devops status")

    async def failed() -> bool:
        return (await world.answering.inbox.figures(utc_now())).failed == 1

    await until(failed)


# A daemon that dies


async def test_a_reply_that_was_posted_just_before_a_crash_is_found_and_edited(world: World) -> None:
    said = await world.github.comment("tom", world.issue, "@devops status")
    body = f"## \U0001f527 DevOps Diagnostic Results\n\n\u23f3 Looking.\n\n{Mark('reply', str(said.id))}"
    posted = await world.github.comment(world.github.operator, world.issue, body)
    await world.requests.open(world.as_request(said))
    await world.deliver(said)
    request = await world.ended(said)
    assert (request.reply_id, len(world.replies())) == (posted.id, 1)
    assert "No incident is open" in world.text_of(request)


# What strangers write


def live(body: str) -> list[str]:
    """What of a reply is not text: what a forge would make of it beside our own headings, lists, details."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(body)
    ours = {"<details>\n<summary>\U0001f4cb Diagnostic Output</summary>\n", "</details>\n"}
    html = [token.content for token in tokens if token.type == "html_block"]
    inner = [child for token in tokens for child in token.children or () if child.type in LIVE]
    return [
        *(each for each in html if each not in ours and not each.startswith("<!-- devops-daemon:")),
        *(f"{child.type} {child.content} {child.attrs}" for child in inner),
    ]


def must_be_text(body: str) -> None:
    assert Mark.at_end_of(body) is not None
    assert body.count("<!-- devops-daemon:") == 1
    assert live(body) == []
    assert len(body) <= LONGEST
    for trigger in ("@code", "@claude", "@triage", "@devops do evil"):
        assert trigger not in body.lower().replace("`@devops", "")


GROUPS = tuple(tuple(sorted(HOSTILE)[at : at + 12]) for at in range(0, len(HOSTILE), 12))


@pytest.mark.parametrize("group", range(len(GROUPS)))
async def test_hostile_text_in_a_log_comes_out_as_text(world: World, group: int) -> None:
    for _, text in GROUPS[group]:
        world.shop.says("backend", f"login failed for {text}")
    must_be_text(await world.answer("tom", "@devops check backend logs for login"))


async def test_hostile_text_in_a_question_comes_out_as_text(world: World) -> None:
    for _, text in HOSTILE[:25]:
        said = await world.says("tom", f"@devops check user {' '.join(text.split())[:300]}")
        await world.settled(said)
    assert world.replies()
    for reply in world.replies():
        must_be_text(reply.body)


# Secrets


async def test_the_values_of_a_services_variables_are_not_in_its_logs(world: World) -> None:
    world.shop.sets("backend", PAYMENT_KEY=SECRET)
    world.shop.says("backend", f"login failed: bad key {SECRET} for maria@example.com")
    body = await world.answer("tom", "@devops check backend logs for login")
    assert SECRET not in body
    assert "maria@example.com" not in body
    assert "login failed: bad key [redacted] for" in body


async def test_without_knowing_the_secrets_no_line_is_shown(world: World) -> None:
    world.shop.says("backend", f"login failed: bad key {SECRET}")
    world.shop.railway.faults.switch_on("not-authorized", operation="DeployedVariables")
    said = await world.says("tom", "@devops check backend logs for login")
    request = await world.ended(said)
    assert request.outcome in {"refused", "failed"}
    assert SECRET not in world.text_of(request)


async def test_a_value_that_is_set_and_deployed_is_masked_at_once(world: World) -> None:
    await world.answer("tom", "@devops check backend logs for login")
    world.shop.sets("backend", PAYMENT_KEY=SECRET)
    await world.shop.pushed("backend")
    world.shop.says("backend", f"login failed: bad key {SECRET}")
    body = await world.answer("tom", "@devops check backend logs for login")
    assert "login failed: bad key [redacted]" in body


async def test_a_value_that_was_changed_is_masked_in_older_lines(world: World) -> None:
    world.shop.sets("backend", PAYMENT_KEY=SECRET)
    world.shop.says("backend", f"login failed: bad key {SECRET}")
    await world.answer("tom", "@devops check backend logs for login")
    world.shop.sets("backend", PAYMENT_KEY="another-kestrel-quarry")
    await world.shop.pushed("backend")
    body = await world.answer("tom", "@devops check backend logs for login")
    assert "login failed: bad key [redacted]" in body


async def test_lines_of_a_service_that_is_gone_are_left_out_and_that_is_said(world: World) -> None:
    world.shop.says("backend", "login failed: no such user")
    world.shop.says("frontend", f"login failed: bad key {SECRET}")
    place = world.shop.place("frontend")
    del world.shop.records.places[place.environment_id, place.service_id]
    body = await world.answer("tom", "@devops check logs")
    assert SECRET not in body
    assert "login failed: no such user" in body
    assert re.search("[0-9]+ lines of services that are not there are left out", body)


@pytest.mark.parametrize("question", ["check logs", "check user maria", "check database"])
async def test_of_a_part_of_what_is_there_no_line_is_shown(world: World, question: str) -> None:
    world.shop.says("backend", f"maria: database error {SECRET}")
    world.shop.railway.faults.switch_on("partial", operation="Services")
    body = await world.answer("tom", f"@devops {question}")
    assert SECRET not in body
    assert "the platform told only a part of what is there" in body


async def test_the_logs_of_one_service_are_shown_where_only_a_part_is_told(world: World) -> None:
    world.shop.sets("backend", PAYMENT_KEY=SECRET)
    world.shop.says("backend", f"login failed: bad key {SECRET}")
    world.shop.railway.faults.switch_on("partial", operation="Services")
    body = await world.answer("tom", "@devops check backend logs for login")
    assert "login failed: bad key [redacted]" in body


async def test_colours_within_a_secret_do_not_save_it(world: World) -> None:
    world.shop.sets("backend", PAYMENT_KEY=SECRET)
    world.shop.says("backend", "login failed: bad key hunter2-\x1b[31mkestrel\x1b[0m-quarry")
    body = await world.answer("tom", "@devops check backend logs for login")
    assert "login failed: bad key [redacted]" in body


async def test_a_search_does_not_tell_whether_a_guess_was_right(world: World) -> None:
    world.shop.sets("backend", PAYMENT_KEY=SECRET)
    world.shop.says("backend", f"login failed: bad key {SECRET}")
    body = await world.answer("tom", "@devops check backend logs for hunter2")
    assert "none of the last" in body


async def test_in_public_a_line_that_is_said_once_is_counted_and_not_shown(tmp_path: Path) -> None:
    async with open_conversation(tmp_path, private=False) as world:
        world.shop.says("backend", "login failed for maria of Basel")
        world.shop.says("backend", "login failed because the moon was full")
        body = await world.answer("tom", "@devops check backend logs for login")
        assert "lines of other kinds" in body
        assert "Basel" not in body
        assert "moon" not in body


@pytest.mark.parametrize("question", ["health", "check database"])
async def test_in_public_what_a_probe_was_answered_is_not_shown(tmp_path: Path, question: str) -> None:
    async with open_conversation(tmp_path, private=False) as world:
        await world.shop.product.switch_on("database-down")
        body = await world.answer("tom", f"@devops {question}")
        assert re.search(r"^backend/database: failed, not ready, [0-9]+ ms$", body, re.MULTILINE)


@pytest.mark.parametrize("question", ["health", "check database"])
async def test_what_a_probe_was_answered_is_masked(world: World, question: str) -> None:
    world.shop.sets("backend", PAYMENT_KEY="could not connect")
    await world.shop.product.switch_on("database-down")
    body = await world.answer("tom", f"@devops {question}")
    assert re.search(r"^backend/database: failed, not ready: database error: \[redacted\],", body, re.MULTILINE)
    assert "could not connect" not in body


async def test_the_deployments_of_a_service_are_the_platforms_own_list(world: World) -> None:
    body = await world.answer("tom", "@devops deployments backend")
    for deployment in world.shop.history("backend")[:10]:
        assert deployment.id[:8] in body


async def test_all_open_incidents_are_counted_and_shown(world: World) -> None:
    rows = IncidentRows(world.store)
    for number in range(12):
        incident = an_incident(a_member(f"service-{number}"), named=f"260105-aa{number:02}", opened_at=at(number))
        await rows.save(incident, [])
    body = await world.answer("tom", "@devops incidents")
    assert "12 incidents are open" in body
    assert "260105-aa00" in body


async def test_on_a_public_repository_no_line_is_shown_but_what_is_said_how_often(tmp_path: Path) -> None:
    async with open_conversation(tmp_path, private=False) as world:
        for _ in range(3):
            world.shop.says("backend", "login failed: no such user")
        body = await world.answer("tom", "@devops check backend logs for login")
        assert "Log lines are not shown on a public repository" in body
        assert "3x info  login failed: no such user" in body
        assert "https://devops.example.com" in body


async def test_public_logs_lets_lines_be_shown(tmp_path: Path) -> None:
    async with open_conversation(tmp_path, private=False, PUBLIC_LOGS="true") as world:
        world.shop.says("backend", "login failed: no such user")
        body = await world.answer("tom", "@devops check backend logs for login")
        assert "Log lines are not shown" not in body


# A dry run


async def test_a_dry_run_decides_and_writes_nothing(tmp_path: Path) -> None:
    async with open_conversation(tmp_path, DRY_RUN="true") as world:
        said = await world.says("ada", "@devops status")
        request = await world.ended(said)
        assert (request.outcome, world.replies(), world.reactions(said)) == ("done", [], [])
