"""What no webhook brought is found all the same, once; what was there before the first start is history."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from adapters.servers import utc_now
from flows.conversation_world import World, open_conversation
from structlog.testing import capture_logs

from devops_daemon.adapters.store.inbox import InboxRows
from devops_daemon.adapters.store.switches import BookmarkRows
from devops_daemon.adapters.store.ticks import TickRows
from devops_daemon.entrypoints.deliveries import swept
from devops_daemon.entrypoints.schedule import slot
from devops_daemon.entrypoints.sweep import COMMENTS, DELIVERIES, SAME_QUESTION, Sweep
from devops_daemon.inbox import Arrival, Receipt
from devops_daemon.ports import UnavailableError
from devops_daemon.sandbox.github.hooks import Delivery, Hook
from devops_daemon.sandbox.github.issues import Comment as Said

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ONE = "*/deliveries/{delivery_id}"
ASKED = "GET /repos/{owner}/{repo}/issues/comments"
NOBODY = "http://127.0.0.1:9/webhooks/github"
"""A port where nobody listens: every delivery there fails."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_conversation(tmp_path) as opened:
        yield opened


class FakeTime:
    """A clock that is moved by hand, from the middle of a slot on."""

    def __init__(self) -> None:
        self.now = slot(utc_now(), SAME_QUESTION) + SAME_QUESTION / 2

    def __call__(self) -> datetime:
        return self.now


class Full(InboxRows):
    """An inbox that takes nothing more."""

    async def keep(self, arrival: Arrival, done: str | None = None) -> Receipt:
        raise UnavailableError(f"the disk is full: {arrival.guid} {done}")


def sweeping(
    world: World, time: FakeTime | None = None, *, shared: bool = False, inbox: InboxRows | None = None
) -> Sweep:
    """A sweep of its own on the same store; a `shared` one leaves to other replicas what they do."""
    return Sweep(
        world.forge,
        inbox or world.answering.inbox,
        BookmarkRows(world.store),
        world.github.repository,
        time or utc_now,
        ticks=TickRows(world.store) if shared else None,
        interval=MINUTE,
    )


async def look(world: World, times: int = 1) -> None:
    """Sweep as the only replica does, and let what is found be worked on."""
    sweep = sweeping(world)
    for _ in range(times):
        if await sweep.look():
            world.answering.worker.arrived()


async def lost(world: World, *texts: str, ago: timedelta = timedelta()) -> tuple[list[Said], list[Delivery]]:
    """Let comments be made so long ago, whose deliveries failed; only these will tell of them."""
    hook: Hook = await world.github.hook(NOBODY, "a secret", events=("issue_comment",))
    await begun(world, 2 * HOUR)
    await BookmarkRows(world.store).move(COMMENTS, utc_now() + HOUR)
    said = []
    for text in texts:
        said.append(await world.github.comment("tom", world.issue, text))
        await world.github.settled()
    for delivery in hook.deliveries:
        delivery.delivered_at -= ago
    return said, list(hook.deliveries)


async def begun(world: World, ago: timedelta = timedelta(minutes=5)) -> None:
    """Let the first start be some time ago."""
    marks = BookmarkRows(world.store)
    for name in (COMMENTS, DELIVERIES):
        await marks.move(name, utc_now() - ago)


async def test_a_comment_that_no_webhook_brought_is_answered_once(world: World) -> None:
    await begun(world)
    said = await world.github.comment("tom", world.issue, "@devops status")
    await look(world, times=3)
    assert (await world.ended(said)).outcome == "done"
    await look(world)
    await world.settled(said)
    assert len(world.replies()) == 1


async def test_a_comment_that_a_webhook_brought_is_not_answered_again_by_the_sweep(world: World) -> None:
    await begun(world)
    said = await world.says("tom", "@devops status")
    await world.ended(said)
    await look(world)
    await world.settled(said)
    assert len(world.replies()) == 1


async def test_what_was_said_before_the_first_start_is_history(world: World) -> None:
    said = await world.github.comment("tom", world.issue, "@devops restart backend")
    said.created_at = said.updated_at = utc_now() - MINUTE
    await look(world, times=3)
    assert await world.answering.inbox.listed(10) == []


async def test_an_old_comment_that_is_edited_is_no_command(world: World) -> None:
    old = await world.github.comment("tom", world.issue, "thanks")
    old.created_at = utc_now() - timedelta(hours=1)
    await begun(world)
    await world.github.edit_comment("tom", old.id, "@devops restart backend")
    await look(world)
    assert await world.answering.inbox.listed(10) == []


async def test_a_comment_that_was_edited_before_it_was_found_is_no_command_of_its_author(world: World) -> None:
    await begun(world)
    said = await world.github.comment("max", world.issue, "thanks")
    said.created_at = utc_now() - timedelta(seconds=30)
    await world.github.edit_comment("ada", said.id, "@devops restart backend")
    with capture_logs() as logs:
        await look(world)
    assert await world.answering.inbox.listed(10) == []
    told = [(line["comment"], line["log_level"]) for line in logs if line["event"] == "sweep.edited"]
    assert told == [(said.id, "debug")]


async def test_a_comment_that_a_webhook_and_the_sweep_bring_is_answered_once(world: World) -> None:
    await begun(world)
    said = await world.github.comment("tom", world.issue, "@devops status")
    found = swept(world.as_heard(said), world.github.repository, utc_now())
    arrival = replace(found, guid=f"webhook-{said.id}", event="issue_comment")
    await world.answering.inbox.keep(arrival)
    assert await sweeping(world).look() == 1
    world.answering.worker.arrived()
    await world.ended(said)
    await world.settled(said)
    assert await world.answering.inbox.known([arrival.guid, found.guid]) == {arrival.guid, found.guid}
    assert len(world.replies()) == 1


async def test_a_restart_of_the_daemon_does_not_begin_anew(world: World) -> None:
    await begun(world)
    await look(world)
    await world.answering.stop()
    said = await world.github.comment("tom", world.issue, "@devops status")
    world.answering = world.make()
    await world.answering.start()
    await look(world)
    assert (await world.ended(said)).outcome == "done"


async def test_a_delivery_that_failed_is_read_and_worked_on(world: World) -> None:
    hook = await world.github.hook(NOBODY, "a secret", events=("issue_comment",))
    await begun(world)
    await BookmarkRows(world.store).move(COMMENTS, utc_now() + timedelta(hours=1))  # so that only deliveries tell
    said = await world.github.comment("tom", world.issue, "@devops status")
    await world.github.settled()
    lost = hook.deliveries[-1]
    assert lost.status_code != 202  # HTTP
    await look(world, times=3)
    assert (await world.ended(said)).outcome == "done"
    assert [row.guid for row in await world.answering.inbox.listed(10)].count(lost.guid) == 1
    assert len(world.replies()) == 1


async def test_a_token_that_may_not_read_deliveries_is_told_once_and_comments_are_swept(world: World) -> None:
    await begun(world)
    world.github.faults.switch_on("not-found", route="*/hooks")
    said = await world.github.comment("tom", world.issue, "@devops status")
    with capture_logs() as logs:
        await look(world, times=3)
    assert (await world.ended(said)).outcome == "done"
    told = [line for line in logs if line["event"] == "sweep.refused"]
    assert len(told) == 1


async def test_an_outage_of_the_forge_only_delays_the_sweep(world: World) -> None:
    await begun(world)
    said = await world.github.comment("tom", world.issue, "@devops status")
    world.github.faults.switch_on("server-error")
    await look(world)
    world.github.faults.mend()
    await look(world)
    assert (await world.ended(said)).outcome == "done"


# --- one that cannot be read holds up nobody


async def test_a_delivery_that_cannot_be_read_now_holds_up_no_other_and_is_read_later(world: World) -> None:
    _, (first, second) = await lost(world, "@devops status", "@devops help", ago=HOUR)
    world.github.faults.switch_on("server-error", route=ONE, times=3)
    sweep = sweeping(world)
    with capture_logs() as logs:
        assert await sweep.look() == 1
        world.github.faults.switch_on("server-error", route=ONE, times=3)
        assert await sweep.look() == 0
    assert await world.answering.inbox.known([first.guid, second.guid]) == {second.guid}
    told = [line["delivery"] for line in logs if line["event"] == "sweep.delivery_postponed"]
    assert told == [first.guid]
    assert await BookmarkRows(world.store).read(DELIVERIES) == first.delivered_at
    assert await sweep.look() == 1
    assert await world.answering.inbox.known([first.guid, second.guid]) == {first.guid, second.guid}


async def test_a_delivery_that_the_forge_keeps_no_more_is_gone_and_waited_for_no_longer(world: World) -> None:
    _, (first, second) = await lost(world, "@devops status", "@devops help", ago=HOUR)
    world.github.faults.switch_on("not-found", route=ONE, times=1)
    sweep = sweeping(world)
    assert await sweep.look() == 1
    assert await world.answering.inbox.known([first.guid, second.guid]) == {second.guid}
    marked = await BookmarkRows(world.store).read(DELIVERIES)
    assert marked is not None
    assert marked > second.delivered_at
    assert await sweep.look() == 0


async def test_where_the_store_takes_nothing_nothing_counts_as_read(world: World) -> None:
    _, (first,) = await lost(world, "@devops status", ago=HOUR)
    before = await BookmarkRows(world.store).read(DELIVERIES)
    assert await sweeping(world, inbox=Full(world.store)).look() == 0
    assert await BookmarkRows(world.store).read(DELIVERIES) == before
    assert await sweeping(world).look() == 1
    assert await world.answering.inbox.known([first.guid]) == {first.guid}


@pytest.mark.parametrize("fault", ["forbidden", "server-error"])
async def test_comments_that_may_not_be_read_do_not_hold_up_deliveries(world: World, fault: str) -> None:
    (said,), _ = await lost(world, "@devops status")
    world.github.faults.switch_on(fault, route="/repos/{owner}/{repo}/issues/comments")
    await look(world, times=3)
    assert (await world.ended(said)).outcome == "done"


# --- what it costs


async def test_to_hear_that_there_is_nothing_new_costs_nothing_of_the_limit(world: World) -> None:
    time = FakeTime()
    await BookmarkRows(world.store).move(COMMENTS, time.now - 3 * MINUTE)
    sweep = sweeping(world, time)
    for _ in range(3):
        await sweep.look()
        time.now += MINUTE / 2
    assert [each.status for each in world.github.heard if each.name == ASKED] == [200, 304, 304]


async def test_of_several_replicas_one_sweeps_and_each_does_so_at_its_start(world: World) -> None:
    time = FakeTime()
    await BookmarkRows(world.store).move(COMMENTS, time.now - 3 * MINUTE)
    replicas = [sweeping(world, time, shared=True) for _ in range(3)]
    for expected in (3, 4, 5):
        for each in replicas:
            await each.look()
        assert world.github.calls[ASKED] == expected
        time.now += MINUTE
