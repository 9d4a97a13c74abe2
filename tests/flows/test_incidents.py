"""Incidents, end to end over HTTP: each fault heals or ends as its name says, and nothing is done or told twice."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from flows.incident_world import REDEPLOY, RESTART, ROLLBACK, World, open_world, until
from receivers import receiver

from devops_daemon.sandbox.railway.seed import PRODUCTION_ID

pytestmark = pytest.mark.chaos


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


async def test_what_a_restart_heals_calls_nobody(world: World) -> None:
    async with world.daemon():
        await world.well()
        await world.product.switch_on("backend-503")
        incident = await world.ended()
    assert world.acts() == {RESTART: 1}
    assert [(each["action"], each["service"], each["outcome"]) for each in incident["remediations"]] == [
        ("restart", "backend", "helped")
    ]
    assert world.told() == ["resolved"]
    [issue] = world.issues()
    assert issue.title == "\U0001f6a8 Production Incident: backend, database, auth failing"
    assert {label.name for label in issue.labels} == {"bug", "priority-high", "production-incident"}


async def test_what_only_a_new_container_heals_is_redeployed_after_the_restart(world: World) -> None:
    async with world.daemon():
        await world.well()
        await world.product.switch_on("backend-corrupt")
        incident = await world.ended()
    assert world.acts() == {RESTART: 1, REDEPLOY: 1}
    assert [(each["action"], each["outcome"]) for each in incident["remediations"]] == [
        ("restart", "did not help"),
        ("redeploy", "helped"),
    ]
    assert [told for told in world.told() if told != "agent-1"] == ["resolved"], (
        "the agent is called, or it was too late"
    )


async def test_a_bad_commit_is_rolled_back_and_stands_until_it_is_mended(world: World) -> None:
    async with world.daemon():
        await world.well()
        world.railway.push("backend", brings=frozenset({"backend-500"}))
        await world.remedied("helped")
        assert (await world.incident("mitigating"))["rolled_back_from"] is not None
        world.railway.push("backend")
        incident = await world.ended()
    assert world.acts() == {ROLLBACK: 1}
    assert [(each["action"], each["outcome"]) for each in incident["remediations"]] == [("rollback", "helped")]
    assert world.told() == ["agent-1", "resolved"]


async def test_piled_up_sessions_are_cleared(world: World) -> None:
    async with world.daemon():
        await world.well()
        await world.counted()
        await world.product.switch_on("sessions-piled")
        incident = await world.ended()
    assert world.acts() == {}
    assert [(each["action"], each["outcome"]) for each in incident["remediations"]] == [("clear-sessions", "helped")]


async def test_what_nothing_heals_gets_two_remedies_then_a_person(world: World) -> None:
    async with world.daemon(ESCALATION_MENTIONS="ada"):
        await world.well()
        await world.product.switch_on("backend-500")
        await world.incident("escalated")
        assert world.acts() == {RESTART: 1, REDEPLOY: 1}
        await world.has_told("escalated", "agent-1")
        await world.product.mend()
        await world.ended()
    assert world.acts() == {RESTART: 1, REDEPLOY: 1}
    assert sorted(world.told()) == ["agent-1", "escalated", "resolved"]
    [issue] = world.issues()
    assert "needs-human" in {label.name for label in issue.labels}


@pytest.mark.parametrize(
    ("fault", "outcomes"),
    [
        ("backend-crash", [("restart", "helped")]),
        ("backend-oom", [("restart", "helped")]),
        ("backend-hang", [("restart", "helped")]),
        ("frontend-hang", [("restart", "helped")]),
    ],
)
async def test_what_its_process_is_at_fault_for_is_restarted(
    world: World, fault: str, outcomes: list[tuple[str, str]]
) -> None:
    async with world.daemon():
        await world.well()
        await world.product.switch_on(fault)
        incident = await world.ended()
    assert [(each["action"], each["outcome"]) for each in incident["remediations"]] == outcomes
    assert incident["remediations"][0]["service"] == fault.partition("-")[0]
    assert world.acts() == {RESTART: 1}


async def test_that_memory_ran_out_is_said(world: World) -> None:
    async with world.daemon():
        await world.well()
        await world.product.switch_on("backend-oom")
        incident = await world.ended()
    assert "it ran out of memory" in incident["remediations"][0]["reason"]


async def test_a_commit_that_crashes_is_rolled_back(world: World) -> None:
    async with world.daemon():
        await world.well()
        world.railway.push("backend", brings=frozenset({"backend-crash"}))
        await world.remedied("helped")
        assert world.acts() == {ROLLBACK: 1}
        world.railway.push("backend")
        await world.ended()
    assert world.acts() == {ROLLBACK: 1}


async def test_the_database_is_never_touched(world: World) -> None:
    async with world.daemon():
        await world.well()
        await world.product.switch_on("database-down")
        incident = await world.incident("escalated")
        assert "nothing is left that may be tried without a person" in incident["escalated_for"]
        await world.product.mend()
        incident = await world.ended()
    assert [(each["action"], each["service"]) for each in incident["remediations"]] == [("restart", "backend")]
    assert world.acts() == {RESTART: 1}


async def test_what_comes_and_goes_is_told_and_not_acted_on(world: World) -> None:
    async with world.daemon():
        await world.well()
        await world.product.switch_on("backend-flapping")
        incident = await world.incident("open")
        assert (incident["severity"], incident["title"]) == ("SEV3", "backend is flapping")
        await world.product.mend()
        await world.ended()
    assert (world.acts(), world.told()) == ({}, ["resolved"])


async def test_while_it_is_paused_nothing_is_done_and_the_reason_is_shown(world: World) -> None:
    async with world.daemon():
        await world.well()
        await world.act("pause")
        await world.product.switch_on("backend-503")
        incident = await world.held()
        assert incident["held"].startswith("paused by an operator")
        assert (world.acts(), world.told()) == ({}, [])
        await world.act("resume")
        await world.ended()
    assert world.acts() == {RESTART: 1}


async def test_who_sees_to_it_is_left_alone(world: World) -> None:
    async with world.daemon(REMEDIATION_LIMIT="0"):  # so that nothing is done before
        await world.well()
        await world.product.switch_on("backend-500")
        incident = await world.incident("escalated")
        await world.act("acknowledge", incident=incident["id"])
        seen_to = (await world.data())["incidents"][0]
        assert seen_to["acknowledged_by"] == "an operator"
        await world.product.mend()
        await world.ended()
    assert world.acts() == {}


async def test_under_dry_run_all_is_decided_and_nothing_is_done(world: World) -> None:
    async with world.daemon(DRY_RUN="true"):
        await world.up()
        await world.product.switch_on("backend-500")
        incident = await world.incident("escalated")
    assert [(each["action"], each["outcome"], each["dry_run"]) for each in incident["remediations"]] == [
        ("restart", "not done", True),
        ("redeploy", "not done", True),
    ]
    assert (world.acts(), world.issues()) == ({}, [])
    assert not [call for call in world.product.calls if str(call).startswith("DELETE")]


async def test_github_down_holds_up_nothing_and_is_told_afterwards(world: World) -> None:
    async with world.daemon():
        await world.well()
        world.github.faults.switch_on("bad-gateway")
        await world.product.switch_on("backend-503")
        incident = await world.incident("resolved")
        assert world.issues() == []
        world.github.faults.mend()
        await world.ended()
    [issue] = world.issues()
    assert f"first failure {incident['opened_at'][:19].replace('T', ' ')} UTC" in (issue.body or "")
    assert world.told() == ["resolved"]
    assert world.acts() == {RESTART: 1}


async def test_railway_down_nothing_is_done_blindly(world: World) -> None:
    async with world.daemon():
        await world.well()
        world.railway.faults.switch_on("gateway-502")
        await world.product.switch_on("backend-503")
        incident = await world.held()
        assert "nothing is done blindly" in incident["held"]
        assert world.acts() == {}
        world.railway.faults.mend()
        await world.ended()
    assert world.acts() == {RESTART: 1}


async def test_without_railway_a_person_is_called_at_once(world: World) -> None:
    async with world.daemon(RAILWAY_TOKEN_SW_FACTORY="", RAILWAY_WORKSPACE_TOKEN=""):
        await world.up()
        await world.product.switch_on("backend-503")
        incident = await world.incident("escalated")
        assert incident["escalated_for"] == "Railway is not configured: nothing can be done from here"
        await world.product.mend()
        await world.ended()
    assert sorted(world.told()) == ["agent-1", "escalated", "resolved"]


async def test_without_github_it_heals_all_the_same(world: World) -> None:
    async with world.daemon(GITHUB_TOKEN="", GITHUB_REPOSITORY=""):
        await world.well()
        await world.product.switch_on("backend-503")
        await world.incident("resolved")
        await world.remedied("helped")
    assert (world.acts(), world.issues()) == ({RESTART: 1}, [])


async def test_a_variable_that_was_changed_since_forbids_the_rollback_and_it_is_said(world: World) -> None:
    async with world.daemon():
        await world.well()
        world.railway.realm.operations.deploy_patch(world.railway.realm.world.place_named(PRODUCTION_ID, "backend"))
        await world.well()
        world.railway.push("backend", brings=frozenset({"backend-500"}))
        incident = await world.incident("escalated")
        await world.product.mend()
    assert ROLLBACK not in world.acts()
    assert "no rollback: " in incident["remediations"][0]["reason"]
    assert "variables or settings were changed since" in incident["remediations"][0]["reason"]


async def test_what_the_agent_made_did_not_help_and_it_is_called_again(world: World) -> None:
    async with world.daemon(REMEDIATION_LIMIT="3"):
        await world.well()
        world.railway.push("backend", brings=frozenset({"backend-500"}))
        await world.has_told("agent-1")
        await world.remedied("helped")
        number, sha = await world.agent_merges("fix-1")
        world.railway.push("backend", sha=sha, brings=frozenset({"backend-500"}))
        await world.has_told("agent-2")
        await world.issue_is("open")
        await world.remedied("helped", times=2)
        _, sha = await world.agent_merges("fix-2")
        world.railway.push("backend", sha=sha)
        incident = await world.ended()
    assert [each["action"] for each in incident["remediations"]] == ["rollback", "rollback"]
    assert world.told() == ["agent-1", "agent-2", "resolved"]
    [again] = [each for each in world.comments() if "agent-2" in each.body]
    assert f"pull request #{number} was merged at" in again.body


async def test_when_the_store_is_lost_its_issue_goes_on_and_nothing_is_tried_again(world: World) -> None:
    async with world.daemon():
        await world.well()
        await world.product.switch_on("backend-500")
        before = await world.incident("escalated")
        await world.has_told("agent-1", "escalated")
    world.lose_the_store()
    done = world.acts()
    async with world.daemon(ALLOW_EPHEMERAL_STORE="true"):
        incident = await world.incident("escalated")
        assert incident["id"] != before["id"]
        assert incident["issue_url"] == before["issue_url"]
        await world.product.mend()
        await world.ended()
    assert world.acts() == done
    assert sorted(world.told()) == ["agent-1", "escalated", "resolved"]


async def test_what_was_over_before_the_store_was_lost_is_closed(world: World) -> None:
    async with world.daemon():
        await world.well()
        await world.product.switch_on("backend-500")
        await world.has_told("agent-1", "escalated")
    world.lose_the_store()
    await world.product.mend()
    async with world.daemon():
        await world.up()
        await world.issue_is("closed")
        assert (await world.data())["incidents"] == []
    assert sorted(world.told()) == ["agent-1", "escalated", "resolved"]
    assert "was lost with its store" in world.comments()[-1].body


async def test_while_railway_is_in_trouble_itself_nothing_is_started_anew(world: World) -> None:
    async with world.daemon():
        await world.well()
        world.railway.realm.weather.incident = "Deployments are delayed"
        world.railway.push("backend", brings=frozenset({"backend-500"}))
        incident = await world.held("what needs a new container waits")
        assert "Railway is in trouble by its own word (Deployments are delayed)" in incident["held"]
        assert world.acts() == {}
        world.railway.realm.weather.incident = None
        await world.remedied("helped")
        world.railway.push("backend")
        await world.ended()
    assert world.acts() == {ROLLBACK: 1}
    [issue] = world.issues()
    assert "suspect: Railway is in trouble by its own word" in (issue.body or "")


async def test_people_are_told_once_each_and_a_broken_place_holds_up_nothing(world: World) -> None:
    async with receiver() as works, receiver(status=500) as broken:
        places = f"{broken.url.get_secret_value()},{works.url.get_secret_value()}"
        async with world.daemon(NOTIFY_URLS=places):
            await world.well()
            await world.product.switch_on("backend-500")
            await world.incident("escalated")
            await until(lambda: works.has_heard("escalated"), lambda: works.got)
            await world.product.mend()
            await world.ended()
            await until(lambda: works.has_heard("resolved"), lambda: works.got)
    assert [each["title"] for each in works.got] == [
        f"SEV1 {what}: backend is down" for what in ("opened", "escalated", "resolved")
    ]
    assert broken.got


async def test_a_hint_of_railway_makes_it_seen_in_seconds(world: World) -> None:
    async with world.daemon(CHECK_INTERVAL="1h", RAILWAY_WEBHOOK_SECRET="a-secret-of-a-test"):  # as it says
        await world.up()
        await world.product.switch_on("backend-503")
        await world.hint("a-secret-of-a-test")
        await world.ended()
    assert world.acts() == {RESTART: 1}


async def test_what_crashes_is_seen_between_two_rounds(world: World) -> None:
    async with world.daemon(CHECK_INTERVAL="1h"):
        await world.up()
        await world.until_hosting_is_known()
        await world.railway.crash("backend")
        await world.ended()
