"""What a person asks to be done is done once, whatever fails or dies in between; and what must not be done is not."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from adapters.servers import utc_now
from flows.conversation_world import World, open_conversation, until

from devops_daemon.adapters.store.db import PostgresDatabase
from devops_daemon.asking import Request, RequestState
from devops_daemon.commands.undertake import STALE
from devops_daemon.ports import LostRaceError
from devops_daemon.rollout.begun import TAKEN_WITHIN, code_of
from devops_daemon.sandbox.github.issues import Comment as Said

RESTART, REDEPLOY, ROLLBACK = "RestartDeployment", "RedeployDeployment", "RollBackDeployment"
pytestmark = pytest.mark.chaos


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_conversation(tmp_path) as opened:
        yield opened


def calls(world: World, operation: str) -> int:
    return world.shop.railway.calls[operation]


async def test_a_redeploy_is_said_to_be_under_way_and_then_how_it_ended_in_the_same_reply(world: World) -> None:
    said = await world.says("ada", "@devops redeploy backend")
    request = await world.ended(said)
    assert request.deployment_id == world.shop.serving("backend").id
    assert "Done: redeploy backend took" in world.text_of(request)
    (reply,) = world.replies()
    edits = [heard for heard in world.github.heard if heard.method == "PATCH"]
    posted = next(heard for heard in world.github.heard if heard.method == "POST" and "body" in (heard.body or {}))
    assert "⏳" in posted.body["body"]
    assert (len(edits), reply.id) == (1, request.reply_id)
    assert world.reactions(said) == ["eyes", "rocket"]


async def test_a_deployment_that_fails_is_said_with_its_steps(world: World) -> None:
    await world.shop.product.switch_on("backend-500")
    said = await world.says("ada", "@devops redeploy backend")
    request = await world.ended(said)
    assert (request.outcome, world.reactions(said)) == ("failed", ["eyes", "confused"])
    assert "Failed: redeploy backend" in world.text_of(request)


# Once


async def test_a_restart_whose_answer_was_lost_is_looked_up_and_not_sent_again(world: World) -> None:
    world.shop.railway.faults.switch_on("lost-answer", operation=RESTART, times=1)
    request = await world.ended(await world.says("ada", "@devops restart backend"))
    assert (calls(world, RESTART), request.outcome) == (1, "done")


async def test_what_cannot_be_told_is_said_and_not_begun_again(world: World) -> None:
    world.shop.railway.faults.switch_on("lost-request", operation=REDEPLOY)
    request = await world.ended(await world.says("ada", "@devops redeploy backend"))
    assert (calls(world, REDEPLOY), request.outcome) == (1, "failed")
    assert "not begun again" in world.text_of(request)


async def test_a_platform_that_does_not_answer_is_said_at_once_and_nothing_comes_later(world: World) -> None:
    world.shop.railway.faults.switch_on("gateway-502")
    request = await world.ended(await world.says("ada", "@devops restart backend"))
    assert (request.outcome, request.act) == ("failed", None)
    assert "Nothing was done" in world.text_of(request)
    world.shop.railway.faults.mend()
    await world.restarted()
    assert calls(world, RESTART) == 0


async def interrupted(world: World, act: str, *, since: datetime, code: str | None = None) -> Request:
    """Write the rows of a request that a process died over: the act was written down, maybe begun."""
    said = await world.github.comment("ada", world.issue, f"@devops {act} backend")
    row, _ = await world.requests.open(world.as_request(said))
    acting = replace(row, state=RequestState.ACTING, act=act, target="backend", acting_since=since, code=code)
    await world.requests.save(acting)
    await world.deliver(said)
    return await world.ended(said)


async def test_a_redeploy_that_was_begun_before_a_crash_is_found_and_watched(world: World) -> None:
    service = await world.shop.service("backend")
    assert service.serving
    since = utc_now()
    new = await world.shop.platform.redeploy(service.serving)
    request = await interrupted(world, "redeploy", since=since, code=code_of(service.serving))
    assert (request.deployment_id, request.outcome) == (new.id, "done")
    assert calls(world, REDEPLOY) == 1


async def test_one_of_which_nothing_shows_is_not_begun_again(world: World) -> None:
    request = await interrupted(world, "redeploy", since=utc_now() - TAKEN_WITHIN, code="a" * 40)
    assert (request.outcome, calls(world, REDEPLOY)) == ("failed", 0)
    assert "was stopped in the middle of redeploy backend" in world.text_of(request)


async def test_what_does_not_show_yet_is_looked_for_again_before_anything_is_said(world: World) -> None:
    said = await world.github.comment("ada", world.issue, "@devops redeploy backend")
    service = await world.shop.service("backend")
    assert service.serving
    row, _ = await world.requests.open(world.as_request(said))
    acting = replace(
        row,
        state=RequestState.ACTING,
        act="redeploy",
        target="backend",
        acting_since=utc_now(),
        code=code_of(service.serving),
    )
    await world.requests.save(acting)
    await world.deliver(said)

    async def put_back() -> bool:
        rows = await world.answering.inbox.listed(10)
        return "does not show yet" in (rows[0].note or "")

    await until(put_back)
    assert world.replies() == []
    new = await world.shop.platform.redeploy(service.serving)
    request = await world.retried_until_ended(said)
    assert (request.deployment_id, request.outcome, calls(world, REDEPLOY)) == (new.id, "done", 1)


async def test_somebody_elses_push_is_not_taken_for_the_rollback_that_was_to_come(world: World) -> None:
    await world.shop.pushed("backend")
    request = await interrupted(world, "rollback", since=utc_now() - TAKEN_WITHIN, code="a" * 40)
    assert (request.outcome, calls(world, ROLLBACK)) == ("failed", 0)
    assert "was stopped in the middle of rollback backend" in world.text_of(request)


async def test_a_restart_that_a_crash_interrupted_is_not_begun_again(world: World) -> None:
    request = await interrupted(world, "restart", since=utc_now())
    assert (request.outcome, calls(world, RESTART)) == ("failed", 0)


async def test_what_cannot_be_looked_up_for_good_is_said(world: World) -> None:
    world.shop.railway.faults.switch_on("not-authorized")
    request = await interrupted(world, "redeploy", since=utc_now(), code="a" * 40)
    assert (request.outcome, calls(world, REDEPLOY)) == ("failed", 0)


async def followed(world: World, until: timedelta) -> Said:
    """Write the rows of an act that the platform has taken, watched by somebody for so long from now on."""
    service = await world.shop.service("backend")
    assert service.serving
    new = await world.shop.platform.redeploy(service.serving)
    said = await world.github.comment("ada", world.issue, "@devops redeploy backend")
    row, _ = await world.requests.open(world.as_request(said))
    await world.requests.save(
        replace(
            row,
            state=RequestState.FOLLOWED,
            act="redeploy",
            target="backend",
            acting_since=utc_now(),
            deployment_id=new.id,
            followed_until=utc_now() + until,
        )
    )
    return said


async def test_what_was_followed_when_the_process_died_is_followed_on(world: World) -> None:
    said = await followed(world, timedelta(minutes=2))
    await world.restarted()
    request = await world.ended(said)
    assert (request.outcome, len(world.replies()), calls(world, REDEPLOY)) == ("done", 1, 1)


async def test_what_another_replica_left_behind_is_taken_up_by_the_next_look(world: World) -> None:
    said = await followed(world, timedelta(seconds=-1))
    await world.answering.look()
    request = await world.ended(said)
    assert (request.outcome, len(world.replies()), calls(world, REDEPLOY)) == ("done", 1, 1)


async def test_what_another_replica_watches_is_left_to_it(world: World) -> None:
    said = await followed(world, timedelta(minutes=2))
    await world.answering.look()
    (left,) = await world.requests.left(None)
    assert (left.comment_id, left.version, world.replies()) == (said.id, 2, [])


# What was decided is told, however often that takes


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("restart devops-daemon", "the daemon's own service"),
        ("restart nobody", "there is no service"),
        ("rollback frontend", "Done: rollback frontend"),
        ("clear orphans", "4 rows belong to nothing"),
        ("pause", "Paused by max"),
    ],
)
async def test_a_reply_that_fails_once_is_told_later_as_it_was_decided(
    world: World, body: str, told: str, method: str
) -> None:
    route = "*/issues/{issue_number}/comments" if method == "POST" else "*/issues/comments/{comment_id}"
    world.github.faults.switch_on("server-error", method=method, route=route, times=3)
    said = await world.says("max", f"@devops {body}")
    request = await world.retried_until_ended(said)
    assert told in world.text_of(request)
    assert len(world.replies()) == 1


async def test_a_confirmation_whose_reply_failed_tells_what_it_deleted(world: World) -> None:
    await world.answer("max", "@devops clear orphans")
    world.github.faults.switch_on("server-error", method="POST", route="*/issues/{issue_number}/comments", times=3)
    request = await world.retried_until_ended(await world.says("max", "@devops clear orphans confirm"))
    assert "4 orphaned rows were deleted" in world.text_of(request)


async def test_an_edit_that_is_refused_is_no_answer_and_is_told_when_it_may_be(world: World) -> None:
    world.github.faults.switch_on("forbidden", method="PATCH", route="*/issues/comments/{comment_id}")
    said = await world.says("ada", "@devops redeploy backend")

    async def left() -> bool:
        rows = await world.requests.on(said.issue, said.created_at - timedelta(days=1))
        return [row.state for row in rows] == [RequestState.DECIDED]

    await until(left)
    world.github.faults.mend()
    assert "Done: redeploy backend" in world.text_of(await world.ended(said))
    assert "Done: redeploy backend" in await world.answer("max", "@devops redeploy backend"), (
        "it is not under way any more"
    )


# Limits


async def test_the_third_act_on_a_service_within_the_hour_is_refused_with_when_it_is_free(world: World) -> None:
    for _ in range(2):
        assert (await world.ended(await world.says("ada", "@devops restart backend"))).outcome == "done"
    request = await world.ended(await world.says("max", "@devops redeploy backend"))
    assert (request.outcome, request.act) == ("refused", None)
    assert "it is free again at" in world.text_of(request)
    assert "Done" in await world.answer("ada", "@devops restart frontend")


async def both_redeploy(world: World, issues: Sequence[int]) -> None:
    """Let two people ask for one act; the first is still under way when the other is read."""
    world.shop.railway.faults.switch_on("gateway-502", operation="Deployment")
    said = [await world.says(login, "@devops redeploy backend", issues[n]) for n, login in enumerate(("ada", "max"))]

    async def one_is_refused() -> bool:
        rows = [await world.requests.on(issue, utc_now() - timedelta(days=1)) for issue in issues]
        return any(row.outcome == "refused" for row in itertools.chain(*rows))

    await until(one_is_refused)
    world.shop.railway.faults.mend()
    ends = {(await world.ended(each)).outcome for each in said}
    assert (ends, calls(world, REDEPLOY)) == ({"done", "refused"}, 1)


async def test_two_people_at_once_begin_one_act(world: World) -> None:
    await both_redeploy(world, [world.issue, (await world.github.open_issue("max", "the same here")).number])


async def test_two_replicas_begin_one_act_and_give_one_reply_each_time(
    tmp_path: Path, new_postgres: Callable[[], str]
) -> None:
    url = new_postgres()
    async with open_conversation(tmp_path, stores=[PostgresDatabase(url), PostgresDatabase(url)]) as world:
        issues = [world.issue, (await world.github.open_issue("max", "the same here")).number]
        await both_redeploy(world, issues)
        assert [len(world.replies(issue)) for issue in issues] == [1, 1]


async def test_what_was_asked_long_ago_is_not_done(world: World) -> None:
    said = await world.github.comment("ada", world.issue, "@devops restart backend")
    said.created_at = utc_now() - STALE - timedelta(seconds=1)
    await world.deliver(said)
    request = await world.ended(said)
    assert (request.outcome, calls(world, RESTART)) == ("refused", 0)
    assert "is read only now" in world.text_of(request)


async def test_the_daemons_own_service_is_refused(world: World) -> None:
    request = await world.ended(await world.says("ada", "@devops restart devops-daemon"))
    assert (request.outcome, calls(world, RESTART)) == ("refused", 0)
    assert "the daemon's own service" in world.text_of(request)


@pytest.mark.parametrize(
    "body",
    [
        "@devops don't restart backend",
        "@devops should we restart backend?",
        "@devops restart backend if it fails again",
        "@devops restart backend and frontend",
        "@devops restart backend\n@devops restart frontend",
    ],
)
async def test_what_is_not_plainly_asked_for_is_not_done(world: World, body: str) -> None:
    request = await world.ended(await world.says("ada", body))
    assert (request.outcome, world.shop.mutations) == ("refused", set())


# The pause


async def test_the_last_word_on_the_pause_counts_though_it_comes_first(world: World) -> None:
    await world.answer("ada", "@devops pause")
    resume = await world.github.comment("ada", world.issue, "@devops resume")
    resume.created_at = utc_now() - timedelta(minutes=1)
    await world.deliver(resume)
    request = await world.ended(resume)
    assert request.outcome == "refused"
    assert "paused by ada" in await world.answer("tom", "@devops status")


async def test_a_pause_holds_every_change_and_survives_a_restart(world: World) -> None:
    await world.answer("ada", "@devops pause")
    await world.restarted()
    for body in ("restart backend", "clear stale sessions", "clear orphans confirm"):
        assert "Paused by ada" in await world.answer("max", f"@devops {body}")
    assert "No incident is open; paused by ada" in await world.answer("tom", "@devops status")
    assert world.shop.mutations == set()
    assert "has ended" in await world.answer("ada", "@devops resume")
    assert "Done" in await world.answer("ada", "@devops restart backend")


# The product's tables


async def test_orphans_are_counted_first_and_deleted_when_that_is_confirmed(world: World) -> None:
    before = world.shop.product.database.counts()
    assert "Ask for the count first" in await world.answer("max", "@devops clear orphans confirm")
    assert "rows belong to nothing; none was deleted" in await world.answer("max", "@devops clear orphans")
    assert world.shop.product.database.counts() == before
    assert "orphaned rows were deleted" in await world.answer("max", "@devops clear orphans confirm")
    assert world.shop.product.database.counts() != before


async def test_a_count_is_spent_by_the_first_word_to_delete(world: World) -> None:
    await world.answer("max", "@devops clear orphans")
    await world.answer("max", "@devops clear orphans confirm")
    world.shop.product.database.orphans["messages"] = 50_000
    assert "Ask for the count first" in await world.answer("max", "@devops clear orphans confirm")


async def test_much_more_than_was_counted_is_not_deleted(world: World) -> None:
    await world.answer("max", "@devops clear orphans")
    world.shop.product.database.orphans["messages"] = 50_000
    assert "ask for the count again" in await world.answer("max", "@devops clear orphans confirm")
    assert world.shop.product.database.orphans["messages"] == 50_000


async def test_a_count_on_another_issue_confirms_nothing(world: World) -> None:
    other = (await world.github.open_issue("max", "elsewhere")).number
    said = await world.says("max", "@devops clear orphans", issue=other)
    await world.ended(said)
    assert "Ask for the count first" in await world.answer("max", "@devops clear orphans confirm")


async def test_clearing_sessions_counts_against_the_limit(world: World) -> None:
    for _ in range(2):
        assert "were deleted" in await world.answer("ada", "@devops clear stale sessions")
    assert "it is free again at" in await world.answer("ada", "@devops clear stale sessions")
    assert "it is free again at" in await world.answer("ada", "@devops restart backend")


async def test_a_deed_that_was_not_done_does_not_count(world: World) -> None:
    await world.shop.product.switch_on("backend-500")
    for _ in range(3):
        assert "status 500" in await world.answer("ada", "@devops clear stale sessions")
    await world.shop.product.mend()
    assert "Done" in await world.answer("ada", "@devops restart backend")


async def test_a_backend_that_does_not_answer_is_said(world: World) -> None:
    await world.shop.product.switch_on("backend-500")
    text = await world.answer("ada", "@devops clear stale sessions")
    assert "the backend's DevOps API: status 500" in text


async def test_a_comment_that_comes_by_several_deliveries_is_acted_upon_once(world: World) -> None:
    said = await world.says("ada", "@devops redeploy backend")
    for number in range(5):
        await world.deliver(said, guid=f"another-{number}")
    await world.ended(said)
    await world.settled(said)
    assert (calls(world, REDEPLOY), len(world.replies())) == (1, 1)


async def test_nothing_is_begun_twice_though_several_believe_that_they_have_the_claim(world: World) -> None:
    said = await world.says("ada", "@devops redeploy backend")
    converse = world.answering.converse
    assert converse is not None
    heard = await asyncio.gather(*(converse.hear(world.as_heard(said)) for _ in range(5)), return_exceptions=True)
    assert {type(each) for each in heard} <= {str, LostRaceError}
    await world.retried_until_ended(said)
    assert calls(world, REDEPLOY) == 1
