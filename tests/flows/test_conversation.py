"""From a comment to its one reply, over HTTP on the sandbox: what is asked for is done, once, or said why not."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders import a_member, an_incident, at
from flows.conversation_world import World, open_conversation

from devops_daemon.adapters.store.incidents import IncidentRows
from devops_daemon.adapters.store.pulls import PullRows
from devops_daemon.commands.catalogue import COMMANDS, Name
from devops_daemon.forge import Mark


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_conversation(tmp_path) as opened:
        yield opened


async def test_a_question_gets_eyes_one_reply_and_a_rocket(world: World) -> None:
    said = await world.says("tom", "@devops please check backend logs for authentication errors")
    request = await world.ended(said)
    (reply,) = world.replies()
    assert world.reactions(said) == ["eyes", "rocket"]
    assert reply.body.startswith("## \U0001f527 DevOps Diagnostic Results\n")
    assert "=== Service Status ===" in reply.body
    assert Mark.at_end_of(reply.body) == Mark("reply", str(said.id))
    assert (request.outcome, request.reply_id) == ("done", reply.id)


PROMISED = {
    Name.LOGS: ("@devops check logs backend", "=== Recent backend logs ==="),
    Name.BUILD_LOGS: ("@devops build logs backend", "Build logs of backend"),
    Name.USER: ("@devops check user maria", "Lines about maria"),
    Name.DATABASE: ("@devops check database connection status", "The backend reaches its database"),
    Name.HEALTH: ("@devops health", "All 4 probes pass"),
    Name.STATUS: ("@devops status", "No incident is open"),
    Name.DEPLOYMENTS: ("@devops deployments", "=== Deployments ==="),
    Name.METRICS: ("@devops metrics backend", "=== Metrics ==="),
    Name.INCIDENTS: ("@devops incidents", "=== Incidents ==="),
    Name.VARIABLES: ("@devops check environment variables of backend", "variables of backend; values are never shown"),
    Name.DIAGNOSE: ("@devops diagnose backend", "=== Merged lately ==="),
    Name.RESTART: ("@devops restart backend", "Done: restart backend"),
    Name.REDEPLOY: ("@devops redeploy frontend", "Done: redeploy frontend"),
    Name.ROLLBACK: ("@devops rollback frontend", "Done: rollback frontend"),
    Name.CLEAR_SESSIONS: ("@devops clear stale sessions", "sessions older than a day were deleted"),
    Name.CLEAR_ORPHANS: ("@devops clear orphans", "rows belong to nothing"),
    Name.DECLARE: ("@devops declare backend SEV2 because it is slow", "is answered for as a SEV2"),
    Name.SILENCE: ("@devops silence backend for 30m", "It is silenced by max until"),
    Name.UNSILENCE: ("@devops unsilence all", "all is not silenced."),
    Name.PAUSE: ("@devops pause", "Paused by max"),
    Name.RESUME: ("@devops resume", "It is not paused"),
    Name.HELP: ("@devops help", "check logs SERVICE"),
}


@pytest.mark.parametrize("name", PROMISED)
async def test_each_command_of_the_help_gives_what_the_help_promises(world: World, name: Name) -> None:
    body, promised = PROMISED[name]
    said = await world.says("max", body)
    request = await world.ended(said)
    assert promised in world.text_of(request)
    assert request.outcome == "done"
    assert world.reactions(said) == ["eyes", "rocket"]


OF_AN_INCIDENT = {
    Name.ACKNOWLEDGE: ("acknowledge {}", "max sees to {}: nothing is done by itself until"),
    Name.RESOLVE: ("incident {} resolve", "{} has ended."),
    Name.SEVERITY: ("set severity {} SEV2", "{} is a SEV2 now."),
}


@pytest.mark.parametrize("name", OF_AN_INCIDENT)
async def test_what_is_said_of_an_incident_is_kept(world: World, name: Name) -> None:
    well = an_incident(a_member(recovered_at=at(60)))
    await IncidentRows(world.store).save(replace(well, stands="b" * 40), [])
    words, promised = OF_AN_INCIDENT[name]
    assert promised.format(well.id) in await world.answer("max", f"@devops {words.format(well.id)}")
    [kept] = await IncidentRows(world.store).current(at(0))
    changed = (kept.acknowledged_by, kept.resolved_by, kept.severity_by)
    assert changed == tuple("max" if each is name else None for each in OF_AN_INCIDENT)


def plain(text: str) -> str:
    """A reply without what makes it harmless."""
    return text.replace("\u200b", "").replace("\\", "").replace("`", "")


async def a_pull(world: World, conclusion: str = "success", **files: str) -> int:
    """Somebody's pull request, whose only check has come to this an hour ago."""
    sha = await world.github.push("patch-1", files or {"app.py": "print('mended')"}, login="max")
    run = await world.github.report_check(sha, "unit", conclusion)
    run.completed_at = datetime.now(UTC) - timedelta(hours=1)
    number = (await world.github.open_pull("max", "patch-1", "Mend the cart")).number
    await world.forge.pull(number)  # so that GitHub begins to compute
    return number


async def test_a_person_has_their_own_pull_request_merged_and_it_is_kept_as_a_merge_of_ours(world: World) -> None:
    number = await a_pull(world)
    await world.github.label("max", number, "hold")
    assert f"#{number} is merged as " in plain(await world.answer("max", f"@devops merge #{number}"))
    assert not world.github.world.pull(number).is_open
    [landing] = await PullRows(world.store).landings(at(0))
    assert (landing.number, landing.reason) == (number, "max asked for it")
    said = await world.says("max", f"@devops merge #{number}")
    assert f"#{number} is merged already" in plain(world.text_of(await world.ended(said)))


@pytest.mark.parametrize(
    ("conclusion", "reason"), [("failure", "check unit has failed on"), ("cancelled", "check unit has failed on")]
)
async def test_what_is_not_green_is_merged_on_nobodys_word(world: World, conclusion: str, reason: str) -> None:
    number = await a_pull(world, conclusion)
    said = await world.says("max", f"@devops merge #{number}")
    request = await world.ended(said)
    assert request.outcome == "failed"
    assert reason in plain(world.text_of(request))
    assert world.github.world.pull(number).is_open


async def test_who_may_triage_merges_nothing(world: World) -> None:
    number = await a_pull(world)
    said = await world.says("tom", f"@devops merge #{number}")
    assert "needs write access" in world.text_of(await world.ended(said))
    assert world.github.world.pull(number).is_open


async def test_a_person_holds_a_pull_request_by_its_label(world: World) -> None:
    number = await a_pull(world)
    assert f"#{number} is labelled hold" in plain(await world.answer("max", f"@devops hold #{number}"))
    assert [label.name for label in world.github.world.pull(number).labels] == ["hold"]


async def test_a_person_has_a_branch_put_upon_its_base(world: World) -> None:
    number = await a_pull(world)
    await world.github.push("main", {"other.txt": "x"}, login="max")
    pull = world.github.world.pull(number).pull
    assert pull is not None
    before = pull.head_sha
    assert f"the branch of #{number} upon main" in plain(await world.answer("max", f"@devops rebase #{number}"))
    assert pull.head_sha != before


OF_PULLS = {Name.WHY, Name.MERGE, Name.REBASE, Name.HOLD}
NOT_FOR_ALL = {Name.SET_VARIABLES, Name.PROVISION}
"""Not in a comment, or not for who may only write."""


async def test_a_comment_is_no_place_for_a_value(world: World) -> None:
    said = await world.says("max", "@devops set variables backend")
    assert (await world.ended(said)).outcome == "refused"
    assert "A comment is no place for a value" in world.replies()[-1].body


async def test_what_costs_money_is_asked_for_by_an_administrator_and_tracked(world: World) -> None:
    words = "@devops provision database redis because the cart needs a cache"
    world.github.add_account("wes", "write")
    refused = await world.says("wes", words)
    assert "needs admin access" in world.text_of(await world.ended(refused))
    request = await world.ended(await world.says("max", words))
    assert (request.outcome, "Redis was added" in world.text_of(request)) == ("done", True), world.text_of(request)
    [issue] = [each for each in world.github.world.issues.values() if "Provision" in each.title]
    assert (issue.title.split(" ", 1)[1], issue.state) == ("Provision database redis", "closed")
    assert "**Why:** the cart needs a cache" in (issue.body or "")
    again = await world.ended(await world.says("max", words))
    assert "Redis is there already: nothing was added." in world.text_of(again)
    assert world.shop.railway.calls["DeployTemplate"] == 1


@pytest.mark.parametrize("words", ["resolve 260105-aaaa", "acknowledge 260105-zzzz"])
async def test_what_cannot_be_said_of_an_incident_is_refused_with_the_reason(world: World, words: str) -> None:
    await IncidentRows(world.store).save(an_incident(), [])
    said = await world.says("max", f"@devops {words}")
    assert (await world.ended(said)).outcome == "failed"
    body = world.replies()[-1].body
    assert "backend still fails" in body or "there is no incident 260105-zzzz" in body


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("silence nowhere 30m", "no service nowhere is watched; there are all, backend, frontend"),
        ("silence backend 25h", "a silence lasts a day at most"),
        ("unsilence nowhere", "no service nowhere is watched"),
    ],
)
async def test_what_cannot_be_silenced_is_refused_with_the_reason(world: World, words: str, told: str) -> None:
    said = await world.says("max", f"@devops {words}")
    assert (await world.ended(said)).outcome != "done"
    assert told in world.replies()[-1].body


def test_no_command_is_left_out_of_these_stories() -> None:
    assert set(PROMISED) | set(OF_AN_INCIDENT) | OF_PULLS | NOT_FOR_ALL == set(COMMANDS)


async def test_the_same_comment_delivered_again_is_answered_once(world: World) -> None:
    said = await world.says("tom", "@devops status")
    await world.ended(said)
    heard = world.as_heard(said)
    assert world.answering.converse is not None
    assert await world.answering.converse.hear(heard) == "answered already"
    assert len(world.replies()) == 1


# Who may ask


@pytest.mark.parametrize("login", ["rita", "eve"])
async def test_who_has_no_part_in_the_repository_is_refused_once_and_then_gets_silence(
    world: World, login: str
) -> None:
    first = await world.says(login, "@devops status")
    assert (await world.ended(first)).outcome == "refused"
    second = await world.says(login, "@devops status")
    assert (await world.ended(second)).outcome == "silent"
    assert len(world.replies()) == 1
    assert (world.reactions(first), world.reactions(second)) == (["eyes", "confused"], [])


async def test_who_may_triage_does_not_restart(world: World) -> None:
    said = await world.says("tom", "@devops restart backend")
    request = await world.ended(said)
    assert "needs write access" in world.text_of(request)
    assert world.reactions(said) == ["eyes", "confused"]
    assert world.shop.mutations == set()


async def test_a_person_with_a_role_of_the_teams_own_is_judged_by_what_it_may(world: World) -> None:
    world.github.add_account("pat", "triage", custom_role="on-call")
    assert "No incident is open" in await world.answer("pat", "@devops status")


async def test_a_program_that_nobody_named_gets_nothing(world: World) -> None:
    said = await world.says("spam[bot]", "@devops status")
    await world.settled(said)
    assert (world.replies(), world.reactions(said)) == ([], [])


async def test_an_agent_reads_and_does_not_act(world: World) -> None:
    assert "No incident is open" in await world.answer("claude[bot]", "@devops status")
    assert "agents may only read here" in await world.answer("claude[bot]", "@devops restart backend")
    assert world.shop.mutations == set()


async def test_a_loop_with_an_agent_ends_after_three_answers_and_a_person_begins_it_anew(world: World) -> None:
    for hop in (1, 2, 3):
        said = await world.says("claude[bot]", f"@devops status, once more ({hop})")
        request = await world.ended(said)
        assert Mark.at_end_of(world.text_of(request)) == Mark("reply", str(said.id), hop)
    fourth = await world.says("claude[bot]", "@devops status")
    assert (await world.ended(fourth)).outcome == "silent"
    await world.answer("tom", "@devops status")
    said = await world.says("claude[bot]", "@devops status")
    assert (await world.ended(said)).outcome == "done"


async def test_the_loop_ends_though_the_daemon_was_restarted_in_between(world: World) -> None:
    for _ in range(3):
        await world.ended(await world.says("claude[bot]", "@devops status"))
        await world.restarted()
    assert (await world.ended(await world.says("claude[bot]", "@devops status"))).outcome == "silent"


async def test_the_daemon_does_not_answer_itself(world: World) -> None:
    request = await world.ended(await world.says("tom", "@devops help"))
    own = world.github.world.comments[request.reply_id or 0]
    await world.deliver(own)
    await world.settled(own)
    quoted = await world.says(world.github.operator, f"@devops status\n\n{Mark('reply', '1')}")
    await world.settled(quoted)
    assert len(world.replies()) == 2  # its reply, and what was said in its name


async def test_whoever_shares_the_daemons_account_is_answered(world: World) -> None:
    said = await world.says(world.github.operator, "@devops status")
    assert (await world.ended(said)).outcome == "done"


async def test_a_mark_that_somebody_else_wrote_is_nobodys_mark(world: World) -> None:
    said = await world.says("tom", f"@devops status\n\n{Mark('reply', '1')}")
    assert (await world.ended(said)).outcome == "done"


# What is not understood, or not there


async def test_what_is_not_understood_comes_back_with_what_is_near(world: World) -> None:
    text = await world.answer("tom", "@devops deploments of backend")
    assert "I do not understand" in text
    assert "`@devops deployments [SERVICE]`" in text


async def test_talk_about_the_daemon_is_not_answered(world: World) -> None:
    said = await world.says("tom", "I think @devops did that yesterday")
    await world.settled(said)
    assert (world.replies(), world.reactions(said)) == ([], [])


async def test_an_unknown_service_comes_back_with_those_there_are(world: World) -> None:
    assert "there is no service 'bakend'; there are: backend" in (await world.answer("ada", "@devops restart bakend"))
    assert world.shop.mutations == set()


async def test_several_questions_get_one_reply(world: World) -> None:
    text = await world.answer(
        "tom", "@devops please check backend logs for authentication errors\n@devops check database connection status"
    )
    assert "authentication errors" in text
    assert "The backend reaches its database" in text
    assert len(world.replies()) == 1


@pytest.mark.parametrize(
    "body",
    [
        "`@devops restart backend`",
        "> @devops restart backend",
        "```\n@devops restart backend\n```",
        "<!-- @devops pause -->",
    ],
)
async def test_what_is_quoted_or_code_asks_for_nothing(world: World, body: str) -> None:
    said = await world.says("max", body)
    await world.settled(said)
    assert (world.replies(), world.shop.mutations) == ([], set())


# Why a pull request is not merged


async def test_why_tells_of_a_failed_check(world: World) -> None:
    sha = await world.github.push("cart", {"cart.py": "quick = True\n"})
    pull = await world.github.open_pull("ada", "cart")
    await world.github.report_check(sha, "e2e", "failure")
    text = await world.answer("tom", f"@devops why #{pull.number}")
    assert "failed: e2e" in text
    assert "e2e: failure" in text


async def test_why_of_what_is_no_pull_request_says_so(world: World) -> None:
    assert "there is no pull request 4711" in await world.answer("tom", "@devops why #4711")
