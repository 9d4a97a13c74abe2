"""Pull requests over HTTP, with real git: what is green is merged, what is not waits with a reason, each once."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from flows.incident_world import World, open_world, until
from flows.pull_world import MERGE, SHORT, a_pull, comments, decided, deploying, merged, noted

from devops_daemon.plans import Plans
from devops_daemon.sandbox.github.checks import CheckRun
from devops_daemon.sandbox.github.moments import now

pytestmark = pytest.mark.chaos


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, None, **SHORT) as opened:
        yield opened


async def test_what_is_green_is_merged_and_that_it_is_live_is_noted_there(world: World) -> None:
    async with deploying(world), world.daemon():
        await world.well()
        number = await a_pull(world, "fix/7-cart")
        commit = await merged(world, number)
        note = await noted(world, number, "live and healthy on backend")
    assert note.startswith(f"✅ Merged as {commit[:7]}: live and healthy on backend at ")
    assert world.github.calls[MERGE] == 1
    told = await world.github.realm.history.commit(commit)
    assert (told.message.splitlines()[0], len(told.parents)) == (f"Change fix/7-cart (#{number})", 1), "squashed"


async def test_it_waits_for_what_is_required_and_says_for_what(world: World) -> None:
    world.github.protect("e2e")
    async with deploying(world), world.daemon():
        await world.up()
        number = await a_pull(world, "fix/7-cart")
        sha = world.github.world.pull(number).pull
        assert sha is not None
        await decided(world, number, "wait", "`e2e`, required, never reported on")
        await world.github.report_check(sha.head_sha, "e2e", None)
        await decided(world, number, "wait", "`e2e`, required, under way on")
        await world.github.report_check(sha.head_sha, "e2e", "failure")
        await decided(world, number, "leave", "`e2e` has failed on")
        assert comments(world, number) == []
        await world.github.report_check(sha.head_sha, "e2e", "success")
        await merged(world, number)
    assert world.github.calls[MERGE] == 1


async def test_what_is_decided_stands_on_the_head_where_that_is_wanted_and_is_no_check(world: World) -> None:
    world.github.protect("unit")
    async with world.daemon(Plans(commit_status=True)):
        await world.up()
        number = await a_pull(world, "fix/7-cart", green=False)
        pull = world.github.world.pull(number).pull
        assert pull is not None
        await status_is(
            world,
            pull.head_sha,
            "pending",
            f"wait: waiting for check `unit`, required, under way on {pull.head_sha[:7]}",
        )
        looked = await a_pull(world, "fix/8-x", green=False)
        await decided(world, looked, "wait")
        await world.github.report_check(pull.head_sha, "unit", "success")
        await merged(world, number)
    said = [(each.state, each.context) for each in world.github.world.statuses if each.sha == pull.head_sha]
    assert said == [("pending", "devops-daemon"), ("success", "devops-daemon")]


async def status_is(world: World, sha: str, state: str, text: str) -> None:
    def stands() -> list[tuple[str, str | None]]:
        return [(each.state, each.description) for each in world.github.world.statuses if each.sha == sha]

    async def is_so() -> bool:
        return (state, text) in stands()

    await until(is_so, stands)


async def test_what_is_a_persons_gets_no_write_at_all(world: World) -> None:
    world.github.add_account("ada", "write")
    async with world.daemon():
        await world.up()
        sha = await world.github.push("patch-1", {"app.py": "print('hi')\n"}, login="ada")
        number = (await world.github.open_pull("ada", "patch-1")).number
        await world.github.report_check(sha, "unit")
        await decided(world, number, "leave", "it is ada's")
        other = await a_pull(world, "fix/8-x")
        await merged(world, other)  # so that it has been looked at more than once
        await decided(world, number, "leave", "it is ada's")
    assert world.github.world.pull(number).is_open
    assert comments(world, number) == []
    assert world.github.calls[MERGE] == 1


async def test_the_next_one_waits_until_what_the_last_one_deployed_is_judged(world: World) -> None:
    async with deploying(world) as railway_hears, world.daemon(MERGE_WAIT="1h"):
        await world.well()
        railway_hears.clear()
        numbers = [await a_pull(world, f"fix/{place}-x", green=False) for place in (1, 2)]
        await decided(world, numbers[1], "wait", "under way")
        for number in numbers:
            pull = world.github.world.pull(number).pull
            assert pull is not None
            await world.github.report_check(pull.head_sha, "unit", "success")
        await merged(world, numbers[0])
        await decided(world, numbers[1], "wait", f"after #{numbers[0]}: what it deploys is judged first")
        assert world.github.world.pull(numbers[1]).is_open
        railway_hears.set()
        await noted(world, numbers[0], "live and healthy")
        await merged(world, numbers[1])
    assert world.github.calls[MERGE] == 2


async def test_while_an_outage_is_open_only_what_mends_it_is_merged(world: World) -> None:
    async with deploying(world), world.daemon(REMEDIATION_LIMIT="0"):
        await world.well()
        await world.product.switch_on("backend-500")
        await world.incident("escalated", "open", "mitigating")
        await until(lambda: _is_there(world))
        [issue] = world.issues()
        other = await a_pull(world, "fix/98-other")
        await decided(world, other, "wait", f"#{issue.number} is")
        mend = await a_pull(world, "fix/99-mend", body=f"Fixes #{issue.number}")
        await merged(world, mend)
        assert world.github.world.pull(other).is_open
        await world.product.mend()
        await world.ended()
        await merged(world, other)


async def _is_there(world: World) -> bool:
    return bool(world.issues())


async def test_a_merge_that_breaks_the_product_is_rolled_back_and_said_there(world: World) -> None:
    bad: set[str] = set()

    def brings(sha: str) -> frozenset[str]:
        return frozenset({"backend-500"}) if sha in bad or not bad else frozenset()

    async with deploying(world, brings), world.daemon():
        await world.well()
        number = await a_pull(world, "fix/7-cart")
        bad.add(commit := await merged(world, number))
        await world.remedied("helped")
        note = await noted(world, number, "it was rolled back in incident")
    assert note.startswith(f"❌ Merged as {commit[:7]}: it was rolled back in incident ")
    assert world.acts() == {"RollBackDeployment": 1}


async def test_a_merge_that_cannot_be_deployed_is_said_there_and_the_agent_is_asked_once(world: World) -> None:
    world.github.world.options.private = True
    issue = await world.github.open_issue(world.github.operator, "The cart is wrong")
    async with deploying(world, fails_at="build"), world.daemon():
        await world.well()
        number = await a_pull(world, f"fix/{issue.number}-cart", body=f"Fixes #{issue.number}")
        await merged(world, number)
        await noted(world, number, "its deployment of backend failed")
        await until(lambda: is_called(world, issue.number))
        await decided(world, await a_pull(world, "fix/8-x", green=False), "wait", "under way")
    [call] = [each.body for each in world.github.world.comments_on(issue.number)]
    assert call.startswith(f"@code Pull request #{number} is merged as ")
    assert "What it said" in call
    assert "total.ts(42,7): error TS2322" in call
    assert issue.is_open, "it is opened again: its pull request has closed it"
    assert world.acts() == {}


async def is_called(world: World, number: int) -> bool:
    return bool(world.github.world.comments_on(number))


async def test_a_webhook_makes_it_seen_in_seconds(world: World) -> None:
    async with world.daemon(PULLS_INTERVAL="1h", GITHUB_WEBHOOK_SECRET="a-secret-of-a-test"):
        await world.up()
        await world.github.hook(f"http://127.0.0.1:{world.port}/webhooks/github", "a-secret-of-a-test")
        number = await a_pull(world, "fix/7-cart")
        await merged(world, number)


async def test_what_is_behind_a_strict_base_is_put_upon_it_and_merged(world: World) -> None:
    world.github.protect("unit", strict=True)
    async with deploying(world), world.daemon():
        await world.up()
        number = await a_pull(world, "fix/7-cart")
        issue = world.github.world.pull(number)
        assert issue.pull is not None
        before = issue.pull.head_sha
        await world.github.push("main", {"other.txt": "x"}, login="mender")

        async def moved() -> bool:
            return issue.pull is not None and issue.pull.head_sha != before

        if issue.is_open:  # it may have been merged just before
            await until(moved, lambda: world.seen.get("pull_requests"))
            await world.github.report_check(issue.pull.head_sha, "unit")
        await merged(world, number)


async def test_what_goes_nowhere_is_told_once_with_its_reason(world: World) -> None:
    world.github.protect("e2e")
    async with world.daemon():
        await world.up()
        number = await a_pull(world, "fix/7-cart", green=False)
        [run] = world.github.world.check_runs
        await _ended_an_hour_ago(world, run)
        note = await noted(world, number, "Nothing has moved here for")
        assert "never reported" in note
        await decided(world, await a_pull(world, "fix/8-x"), "wait", "`e2e`")  # it is looked at again
    assert len(comments(world, number)) == 1


async def _ended_an_hour_ago(world: World, run: CheckRun) -> None:
    await world.github.report_check(run.head_sha, run.name)
    run.completed_at = now() - timedelta(hours=1)


async def test_what_github_refuses_is_said_and_not_asked_for_again_at_once(world: World) -> None:
    world.github.world.options.allow_squash_merge = False
    async with world.daemon():
        await world.up()
        world.github.faults.switch_on("forbidden", route="*/merge")
        number = await a_pull(world, "fix/7-cart")
        row = await decided(world, number, "wait", "GitHub refuses to merge it")
        assert "Resource not accessible" in row["reason"]
        await decided(world, await a_pull(world, "fix/8-x", green=False), "wait", "under way")
    assert world.github.calls[MERGE] == 1


@pytest.mark.parametrize("how", ["paused", "dry"])
async def test_while_it_is_paused_or_dry_nothing_is_merged_and_the_reason_is_shown(world: World, how: str) -> None:
    async with world.daemon(DRY_RUN="true" if how == "dry" else "false"):
        await world.up()
        if how == "paused":
            await world.act("pause")
        number = await a_pull(world, "fix/7-cart")
        if how == "paused":
            await decided(world, number, "wait", "paused by")
        else:
            await decided(world, number, "merge")
        await decided(world, await a_pull(world, "fix/8-x", green=False), "wait", "under way")
        assert world.github.calls[MERGE] == 0
        if how == "paused":
            await world.act("resume")
            await merged(world, number)


@pytest.mark.parametrize("fault", ["bad-gateway", "bad-gateway-done", "lost-request", "lost-answer", "base-modified"])
async def test_a_merge_of_which_no_answer_comes_is_done_once(world: World, fault: str) -> None:
    async with world.daemon(MERGE_WAIT="8s"):
        await world.up()
        world.github.faults.switch_on(fault, route="*/merge", times=1)
        number = await a_pull(world, "fix/7-cart")
        if fault == "bad-gateway":
            await decided(world, number, "wait", "which is being merged")
        await merged(world, number)
    commits = await world.github.realm.history.commits("refs/heads/main")
    assert sum(f"(#{number})" in each.message for each in commits) == 1
