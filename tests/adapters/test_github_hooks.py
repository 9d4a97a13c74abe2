"""Deliveries of our webhook that never arrived, on the sandbox: which are ours, which are healed, what they held."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from adapters.github_world import World, open_world
from adapters.servers import RawServer, answer, says, utc_now
from pydantic import SecretStr

from devops_daemon.adapters.github.asked import WEBHOOK_PATH, AppKey
from devops_daemon.adapters.github.forge import GitHub
from devops_daemon.forge import HookDelivery
from devops_daemon.inbox import Arrival
from devops_daemon.ports import GoneError, RefusedError, UnavailableError
from devops_daemon.sandbox.github.hooks import Hook

TAKEN, BROKEN = says(answer(202, b"{}")), says(answer(503, b"{}"))
DAY = timedelta(days=1)
HOOKS, DELIVERIES = "GET /repos/{owner}/{repo}/hooks", "GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries"
OF_APP = "GET /app/hook/deliveries"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened


@pytest.fixture
async def daemon() -> AsyncIterator[RawServer]:
    """Where webhooks are taken."""
    async with RawServer(TAKEN) as server:
        yield server


async def hooked(world: World, daemon: RawServer, *, of_app: bool = False) -> Hook:
    return await world.github.hook(f"{daemon.url}{WEBHOOK_PATH}", "secret", of_app=of_app)


async def say(world: World, daemon: RawServer, *bodies: str, arrives: bool = False) -> None:
    """Let comments be made, whose webhooks arrive or not."""
    daemon.reply = TAKEN if arrives else BROKEN
    number = (await world.github.open_issue("ada", "slow")).number
    for body in bodies:
        await world.github.comment("ada", number, body)
        await world.github.settled()


async def texts(forge: GitHub, found: list[HookDelivery]) -> list[str]:
    """What the deliveries of comments were to bring."""
    arrivals = [await forge.delivered(each) for each in found if each.event == "issue_comment"]
    return [json.loads(each.body)["comment"]["body"] for each in arrivals]


@asynccontextmanager
async def as_app(world: World, **asked: Any) -> AsyncIterator[GitHub]:
    told = world.github.world.app
    key = AppKey(str(told.id), SecretStr(told.private_key))
    async with world.another(app=key, token=None, **asked) as forge:
        yield forge


async def test_what_arrived_is_not_listed(world: World, daemon: RawServer) -> None:
    await hooked(world, daemon)
    await say(world, daemon, "hi", arrives=True)
    assert await world.forge.failed_deliveries(utc_now() - DAY) == []
    assert world.calls(DELIVERIES) == 1


async def test_what_never_arrived_is_listed_oldest_first_and_can_be_read(world: World, daemon: RawServer) -> None:
    hook = await hooked(world, daemon)
    await say(world, daemon, "one", "two")
    found = await world.forge.failed_deliveries(utc_now() - DAY)
    assert [each.guid for each in found] == [each.guid for each in hook.deliveries]
    assert await texts(world.forge, found) == ["one", "two"]
    last = hook.deliveries[-1]
    told = await world.forge.delivered(found[-1])
    assert told == Arrival(last.guid, "issue_comment", told.body, form=False, received_at=told.received_at)
    assert json.loads(told.body) == last.payload


async def test_a_delivery_that_was_made_again_and_arrived_is_healed(world: World, daemon: RawServer) -> None:
    hook = await hooked(world, daemon)
    await say(world, daemon, "one", "two")
    daemon.reply = TAKEN
    for each in list(hook.deliveries):
        if each.event == "issue_comment" and each.payload["comment"]["body"] == "one":
            world.github.realm.courier.again(hook, each)
    await world.github.settled()
    assert await texts(world.forge, await world.forge.failed_deliveries(utc_now() - DAY)) == ["two"]


async def test_of_several_attempts_that_failed_the_last_is_listed_once(world: World, daemon: RawServer) -> None:
    hook = await hooked(world, daemon)
    await say(world, daemon, "one")
    world.github.realm.courier.again(hook, hook.deliveries[-1])
    await world.github.settled()
    found = await world.forge.failed_deliveries(utc_now() - DAY)
    assert found[-1].id == hook.deliveries[-1].id
    assert len({each.guid for each in found}) == len(found)


async def test_what_failed_before_is_left_alone(world: World, daemon: RawServer) -> None:
    hook = await hooked(world, daemon)
    await say(world, daemon, "one", "two")
    for each in list(hook.deliveries)[:-1]:
        each.delivered_at -= DAY
    found = await world.forge.failed_deliveries(utc_now() - timedelta(hours=1))
    assert await texts(world.forge, found) == ["two"]


async def test_what_failed_in_the_second_that_is_asked_from_is_listed(world: World, daemon: RawServer) -> None:
    hook = await hooked(world, daemon)
    await say(world, daemon, "one")
    at = hook.deliveries[-1].delivered_at.replace(microsecond=0)  # GitHub tells whole seconds
    found = await world.forge.failed_deliveries(at + timedelta(milliseconds=900))
    assert await texts(world.forge, found) == ["one"]


async def test_many_failures_are_found_over_several_pages(world: World, daemon: RawServer) -> None:
    await hooked(world, daemon)
    daemon.reply = BROKEN
    number = (await world.github.open_issue("ada", "slow")).number
    for place in range(230):
        await world.github.comment("ada", number, str(place))
    await world.github.settled()
    assert len(await world.forge.failed_deliveries(utc_now() - DAY)) >= 230
    assert world.calls(DELIVERIES) == 6


async def test_our_hook_is_told_from_others_by_its_path(world: World, daemon: RawServer) -> None:
    await world.github.hook(f"{daemon.url}/elsewhere", "secret")
    await say(world, daemon, "one")
    assert await world.forge.failed_deliveries(utc_now() - DAY) == []
    await hooked(world, daemon)
    world.steady.now += 601
    await say(world, daemon, "two")
    assert await texts(world.forge, await world.forge.failed_deliveries(utc_now() - DAY)) == ["two"]


async def test_our_hook_is_told_from_another_daemons_by_its_host(world: World, daemon: RawServer) -> None:
    await world.github.hook(f"http://127.0.0.1:1{WEBHOOK_PATH}", "secret")
    await hooked(world, daemon)
    async with world.another(public_url=daemon.url) as forge:
        await say(world, daemon, "one", arrives=True)
        assert await forge.failed_deliveries(utc_now() - DAY) == []


async def test_of_two_hooks_the_one_that_is_switched_on_is_ours(world: World, daemon: RawServer) -> None:
    off = await hooked(world, daemon)
    off.active = False
    await hooked(world, daemon)
    await say(world, daemon, "one")
    assert await texts(world.forge, await world.forge.failed_deliveries(utc_now() - DAY)) == ["one"]


async def test_the_hook_is_looked_for_once_in_ten_minutes(world: World, daemon: RawServer) -> None:
    await hooked(world, daemon)
    for _ in range(3):
        await world.forge.failed_deliveries(utc_now() - DAY)
    assert world.calls(HOOKS) == 1


@pytest.mark.parametrize("permissions", [{"metadata": "read"}, {"metadata": "read", "issues": "write"}])
async def test_without_the_right_to_webhooks_it_is_said_which_is_missing(
    world: World, permissions: dict[str, str]
) -> None:
    world.github.add_token(world.github.operator, "github_pat_poor", permissions=permissions)
    async with world.another(token="github_pat_poor") as forge:
        with pytest.raises(
            RefusedError, match="the webhooks of acme/shop may not be read: it takes the permission Webh"
        ):
            await forge.failed_deliveries(utc_now() - DAY)


async def test_who_is_no_admin_is_told_that_there_are_no_webhooks(world: World) -> None:
    world.github.faults.switch_on("not-found", route="*/hooks")
    with pytest.raises(RefusedError, match="by an admin of the repository"):
        await world.forge.failed_deliveries(utc_now() - DAY)


async def test_a_delivery_that_is_not_kept_any_more_is_refused(world: World, daemon: RawServer) -> None:
    hook = await hooked(world, daemon)
    await say(world, daemon, "one")
    (*_, last) = await world.forge.failed_deliveries(utc_now() - DAY)
    hook.deliveries.clear()
    with pytest.raises(GoneError, match="404"):
        await world.forge.delivered(last)


async def test_a_hook_that_was_made_anew_is_found_by_the_next_look(world: World, daemon: RawServer) -> None:
    await hooked(world, daemon)
    await world.forge.failed_deliveries(utc_now() - DAY)
    world.github.world.hooks.clear()
    await hooked(world, daemon)
    await say(world, daemon, "one")
    with pytest.raises(UnavailableError, match="the webhook is gone; it is looked for anew"):
        await world.forge.failed_deliveries(utc_now() - DAY)
    assert await texts(world.forge, await world.forge.failed_deliveries(utc_now() - DAY)) == ["one"]


async def test_when_the_hook_is_gone_its_deliveries_are_too(world: World) -> None:
    with pytest.raises(GoneError, match="no webhook of acme/shop leads to /webhooks/github any more"):
        await world.forge.delivered(HookDelivery(1, "g", "push", utc_now(), arrived=False))


async def test_an_app_reads_the_deliveries_of_its_own_webhook(world: World, daemon: RawServer) -> None:
    await hooked(world, daemon, of_app=True)
    await say(world, daemon, "one")
    async with as_app(world) as forge:
        found = await forge.failed_deliveries(utc_now() - DAY)
        assert await texts(forge, found) == ["one"]
    assert (world.calls(HOOKS), world.calls(OF_APP)) == (0, 2)
    assert {each.token for each in world.heard(OF_APP)} == {"app"}


async def test_an_app_may_use_a_webhook_of_the_repository_too(world: World, daemon: RawServer) -> None:
    await hooked(world, daemon)
    await say(world, daemon, "one")
    async with as_app(world) as forge:
        assert await texts(forge, await forge.failed_deliveries(utc_now() - DAY)) == ["one"]


async def test_an_app_leaves_deliveries_of_its_other_repositories_alone(world: World, daemon: RawServer) -> None:
    await hooked(world, daemon, of_app=True)
    await say(world, daemon, "one")
    async with as_app(world) as forge:
        await forge.repository()
        world.github.world.id += 1  # what was delivered is of another repository
        assert await forge.failed_deliveries(utc_now() - DAY) == []


async def test_an_app_writes_as_its_bot(world: World) -> None:
    number = (await world.github.open_issue("ada", "slow")).number
    async with as_app(world) as forge:
        account = await forge.account()
        assert (account.login, account.bot) == (world.github.world.app.login, True)
        assert (await forge.comment(number, "hi")).author == account


async def test_while_github_is_down_deliveries_are_unavailable(world: World, daemon: RawServer) -> None:
    await hooked(world, daemon)
    world.github.faults.switch_on("unavailable", route="*/deliveries")
    with pytest.raises(UnavailableError):
        await world.forge.failed_deliveries(utc_now() - DAY)
