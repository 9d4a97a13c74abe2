"""The port `Forge` on the sandbox's GitHub, over HTTP: what is read and written, and each way to lose an answer."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from adapters.github_world import OPERATOR, Steady, World, open_world
from adapters.servers import utc_now

from devops_daemon.adapters.github.answers import Why
from devops_daemon.adapters.github.comments import CONTENT
from devops_daemon.adapters.github.errors import LostAnswerError, NotSentError, SaidNoError, ThrottledError
from devops_daemon.forge import (
    Account,
    Linked,
    Mark,
    Pull,
    PullCommit,
    Reaction,
    Repository,
    Required,
    Review,
    Role,
)
from devops_daemon.ports import (
    Forge,
    GoneError,
    LockedOutError,
    RefusedError,
    StaleError,
    UnavailableError,
    UnclearError,
)
from devops_daemon.sandbox.github.accounts import Account as GitHubAccount
from devops_daemon.sandbox.github.api_faults import API_FAULTS
from devops_daemon.sandbox.github.pulls import Thread

CREATE = "*/issues/{issue_number}/comments"
MARK = Mark("reply", "42", 1)
BODY = f"It is up again.\n\n{MARK}"
LONG_AGO = timedelta(days=1)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened


@pytest.fixture
async def impatient() -> AsyncIterator[World]:
    """Time-outs are short: what hangs is given up at once."""
    async with open_world(read_seconds=0.3, write_seconds=0.15) as opened:
        yield opened


async def issue(world: World) -> int:
    return (await world.github.open_issue("ada", "The shop is slow", "very")).number


def said(world: World, number: int) -> list[str]:
    """What stands on an issue."""
    return [comment.body for comment in world.github.world.comments_on(number)]


# --- reading


async def test_the_adapter_fits_the_port(world: World) -> None:
    port: Forge = world.forge
    assert port.problem is None


async def test_the_account_is_asked_for_once(world: World) -> None:
    assert [await world.forge.account() for _ in range(2)] == [Account(OPERATOR)] * 2
    assert world.calls("GET /user") == 1
    world.steady.now += 3601
    await world.forge.account()
    assert world.calls("GET /user") == 2


@pytest.mark.parametrize("private", [True, False])
async def test_the_repository_tells_whether_it_is_public(world: World, *, private: bool) -> None:
    world.github.world.options.private = private
    assert await world.forge.repository() == Repository(
        "acme/shop", not private, "main", ("squash", "merge", "rebase"), 1
    )


async def test_the_repository_is_read_again_after_ten_minutes(world: World) -> None:
    assert (await world.forge.repository()).public
    world.github.world.options.private = True
    assert (await world.forge.repository()).public
    world.steady.now += 601
    assert not (await world.forge.repository()).public


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_is_told_from_the_others(world: World, role: Role) -> None:
    world.github.world.options.private = True
    world.github.add_account("bea", role.name.lower())
    assert await world.forge.role("bea") is role


async def test_a_custom_role_counts_as_what_it_may(world: World) -> None:
    world.github.add_account("bea", "maintain", custom_role="deployer")
    assert await world.forge.role("bea") is Role.MAINTAIN


async def test_whoever_is_not_known_may_nothing(world: World) -> None:
    assert await world.forge.role("nobody-here") is Role.NONE
    assert await world.forge.role("strange[bot]") is Role.NONE


async def test_a_role_that_changes_counts_at_once(world: World) -> None:
    world.github.add_account("bea", "write")
    assert await world.forge.role("bea") is Role.WRITE
    world.github.add_account("bea", "read")
    assert await world.forge.role("bea") is Role.READ


# --- comments that are read


async def test_comments_are_read_from_a_time_on_oldest_change_first(world: World) -> None:
    first, second = await issue(world), await issue(world)
    old = await world.github.comment("ada", first, "before")
    old.created_at = old.updated_at = utc_now() - LONG_AGO
    one = await world.github.comment("ada", first, "@devops status")
    two = await world.github.comment("ada", second, "hi")
    one.updated_at = two.updated_at + timedelta(seconds=5)
    since = utc_now() - timedelta(minutes=5)
    assert [each.id for each in await world.forge.comments(since)] == [two.id, one.id]
    assert [each.id for each in await world.forge.comments(since, first)] == [one.id]
    (told,) = await world.forge.comments(since, second)
    assert (told.issue, told.author, told.body) == (second, Account("ada"), "hi")
    assert told.created_at == two.created_at.replace(microsecond=0)


async def test_a_comment_that_was_edited_comes_again(world: World) -> None:
    number = await issue(world)
    old = await world.github.comment("ada", number, "before")
    old.created_at = old.updated_at = utc_now() - LONG_AGO
    since = utc_now() - timedelta(minutes=5)
    assert await world.forge.comments(since) == []
    await world.github.edit_comment("ada", old.id, "after")
    (told,) = await world.forge.comments(since)
    assert (told.body, told.edited) == ("after", True)


async def test_a_comment_that_an_app_wrote_says_so(world: World) -> None:
    number = await issue(world)
    await world.github.comment("ada", number, "mine")
    await world.github.comment(world.github.world.app.login, number, "its")
    told = await world.forge.comments(utc_now() - timedelta(minutes=5), number)
    assert [(each.body, each.via_app, each.edited) for each in told] == [("mine", False, False), ("its", True, False)]


async def test_a_page_that_was_the_last_one_and_has_not_changed_may_have_another_behind_it(world: World) -> None:
    number = await issue(world)
    at = utc_now().replace(microsecond=0) - timedelta(minutes=5)
    for place in range(101):
        if place == 100:  # a page of a hundred is kept, with its word that there is no other
            assert len(await world.forge.comments(at)) == 100
        comment = await world.github.comment("ada", number, str(place))
        comment.created_at = comment.updated_at = at + timedelta(seconds=place)
    assert len(await world.forge.comments(at)) == 101


@pytest.mark.parametrize("on_one", [True, False])
async def test_comments_come_whole_over_many_pages(world: World, *, on_one: bool) -> None:
    number = await issue(world)
    start = utc_now() - timedelta(hours=1)
    for place in range(250):
        comment = await world.github.comment("ada", number, str(place))
        comment.created_at = comment.updated_at = start + timedelta(seconds=place // 2)
    found = await world.forge.comments(start - timedelta(seconds=1), number if on_one else None)
    assert [each.body for each in found] == [str(place) for place in range(250)]


async def test_pages_of_one_second_are_told_apart_by_number(world: World) -> None:
    number = await issue(world)
    at = utc_now() - timedelta(hours=1)
    for place in range(250):
        comment = await world.github.comment("ada", number, str(place))
        comment.created_at = comment.updated_at = at
    assert len(await world.forge.comments(at - timedelta(seconds=1))) == 250


async def test_what_has_not_changed_is_told_again_for_the_caller_may_have_lost_it(world: World) -> None:
    number = await issue(world)
    await world.github.comment("ada", number, "hi")
    since = utc_now() - timedelta(minutes=5)
    first = await world.forge.comments(since)
    assert await world.forge.comments(since) == first
    assert [each.status for each in world.heard("GET /repos/{owner}/{repo}/issues/comments")] == [200, 304]


# --- comments that are written


async def test_a_comment_is_written_as_the_daemons_account(world: World) -> None:
    number = await issue(world)
    told = await world.forge.comment(number, BODY)
    assert (told.issue, told.author, told.body) == (number, Account(OPERATOR), BODY)
    assert said(world, number) == [BODY]


async def test_a_comment_is_edited(world: World) -> None:
    told = await world.forge.comment(await issue(world), "first")
    await world.forge.edit(told.id, "second")
    assert said(world, told.issue) == ["second"]


@pytest.mark.parametrize("reaction", list(Reaction))
async def test_a_reaction_given_twice_is_given_once(world: World, reaction: Reaction) -> None:
    comment = await world.github.comment("ada", await issue(world), "@devops status")
    for _ in range(2):
        await world.forge.react(comment.id, reaction)
    assert [(each.content, each.account.login) for each in comment.reactions] == [(CONTENT[reaction], OPERATOR)]


async def test_what_is_not_there_is_refused(world: World) -> None:
    for act in (world.forge.comment(999, BODY), world.forge.edit(999, "x"), world.forge.react(999, Reaction.SEEN)):
        with pytest.raises(SaidNoError) as raised:
            await act
        assert raised.value.why is Why.NOT_FOUND


@pytest.mark.parametrize(("fault", "gone"), [("not-found", True), ("forbidden", False)])
async def test_that_a_comment_is_gone_is_told_from_any_other_no(world: World, fault: str, *, gone: bool) -> None:
    comment = await world.github.comment(OPERATOR, await issue(world), "first")
    world.github.faults.switch_on(fault)
    for act in (world.forge.edit(comment.id, "x"), world.forge.react(comment.id, Reaction.SEEN)):
        with pytest.raises(SaidNoError) as raised:
            await act
        assert isinstance(raised.value, GoneError) is gone
        assert not isinstance(raised.value, LockedOutError)


async def test_an_issue_that_is_not_there_is_a_plain_no(world: World) -> None:
    with pytest.raises(SaidNoError) as raised:
        await world.forge.comment(999, BODY)
    assert not isinstance(raised.value, GoneError)


async def test_a_body_that_is_too_long_is_refused_with_githubs_words(world: World) -> None:
    with pytest.raises(RefusedError, match="body is too long"):
        await world.forge.comment(await issue(world), "x" * 65537)


DONE_BUT_LOST = ("bad-gateway-done", "gateway-timeout-done", "lost-answer", "hang-done", "truncated")
LOST = ("server-error", "bad-gateway", "unavailable", "gateway-timeout", "lost-request", "hang", "unicorn", "html")


@pytest.mark.parametrize("fault", DONE_BUT_LOST)
async def test_a_comment_whose_answer_was_lost_is_found_by_its_mark(impatient: World, fault: str) -> None:
    number = await issue(impatient)
    await impatient.github.comment("ada", number, BODY)  # a mark that somebody copied
    impatient.github.faults.switch_on(fault, method="POST", route=CREATE, times=1)
    told = await impatient.forge.comment(number, BODY)
    assert (told.author, told.body) == (Account(OPERATOR), BODY)
    assert said(impatient, number) == [BODY, BODY]
    assert impatient.steady.pauses == [1]


@pytest.mark.parametrize("fault", LOST)
async def test_a_comment_that_is_not_found_after_all_looks_is_unclear_and_never_written_again(
    impatient: World, fault: str
) -> None:
    number = await issue(impatient)
    impatient.github.faults.switch_on(fault, method="POST", route=CREATE, times=1)
    with pytest.raises(UnclearError, match="whether the comment was written is not known"):
        await impatient.forge.comment(number, BODY)
    assert said(impatient, number) == []
    assert impatient.calls("POST /repos/{owner}/{repo}/issues/{issue_number}/comments") == 1
    assert impatient.steady.pauses == [1, 2, 4]


async def test_a_comment_that_shows_late_is_found_by_a_later_look(world: World) -> None:
    number = await issue(world)
    world.github.faults.switch_on("lost-request", method="POST", route=CREATE, times=1)

    class Late(Steady):
        async def pause(self, seconds: float) -> None:
            await super().pause(seconds)
            if seconds == 4:
                await world.github.comment(OPERATOR, number, BODY)

    async with world.another(steady=Late()) as forge:
        assert (await forge.comment(number, BODY)).author == Account(OPERATOR)


async def test_an_older_comment_with_the_same_mark_is_not_taken_for_the_new_one(world: World) -> None:
    number = await issue(world)
    old = await world.github.comment(OPERATOR, number, BODY)
    old.created_at = old.updated_at = utc_now() - LONG_AGO
    world.github.faults.switch_on("lost-request", method="POST", route=CREATE, times=1)
    with pytest.raises(UnclearError):
        await world.forge.comment(number, BODY)


async def test_without_a_mark_a_lost_answer_is_unclear_at_once(world: World) -> None:
    number = await issue(world)
    world.github.faults.switch_on("lost-answer", method="POST", route=CREATE, times=1)
    with pytest.raises(UnclearError, match="cannot be looked up"):
        await world.forge.comment(number, "no mark")
    assert world.steady.pauses == []


async def test_while_github_is_down_the_looks_fail_too_and_that_is_unclear(world: World) -> None:
    number = await issue(world)
    world.github.faults.switch_on("bad-gateway")
    with pytest.raises(UnclearError):
        await world.forge.comment(number, BODY)
    assert world.forge.problem is not None
    assert world.calls("POST /repos/{owner}/{repo}/issues/{issue_number}/comments") == 1


@pytest.mark.parametrize("fault", ["bad-gateway-done", "bad-gateway", "lost-answer", "lost-request"])
async def test_an_edit_and_a_reaction_are_repeated_for_that_does_no_harm(world: World, fault: str) -> None:
    comment = await world.github.comment(OPERATOR, await issue(world), "first")
    for route, method in (("*/issues/comments/{comment_id}", "PATCH"), ("*/reactions", "POST")):
        world.github.faults.switch_on(fault, method=method, route=route, times=1)
    await world.forge.edit(comment.id, "second")
    await world.forge.react(comment.id, Reaction.DONE)
    assert comment.body == "second"
    assert len(comment.reactions) == 1


async def test_under_dry_run_nothing_is_written(world: World) -> None:
    comment = await world.github.comment("ada", await issue(world), "hi")
    async with world.another(dry_run=True) as forge:
        for act in (
            forge.comment(comment.issue, BODY),
            forge.edit(comment.id, "x"),
            forge.react(comment.id, Reaction.SEEN),
        ):
            with pytest.raises(RefusedError, match="DRY_RUN is set"):
                await act
        assert [each.body for each in await forge.comments(utc_now() - LONG_AGO)] == ["hi"]
    assert (comment.body, comment.reactions) == ("hi", [])


# --- pull requests


async def opened(world: World, **differs: Any) -> tuple[int, str]:
    """A pull request: its number, and the commit that is its head."""
    sha = await world.github.push("fix/7-cart", {"app.py": "print('mended')\n"}, login="ada")
    return (await world.github.open_pull("ada", "fix/7-cart", "Mend the cart", **differs)).number, sha


async def test_a_pull_request_is_read_with_every_check_and_status_of_its_head(world: World) -> None:
    number, sha = await opened(world)
    await world.github.label("ada", number, "hold")
    for name, conclusion in (("test", "success"), ("lint", "failure"), ("build", None)):
        await world.github.report_check(sha, name, conclusion)
    await world.github.report_status(sha, "deploy", "pending")
    await world.forge.pull(number)  # the first look lets GitHub begin to compute
    told = await world.forge.pull(number)
    assert told == Pull(
        number=number,
        title="Mend the cart",
        head_sha=sha,
        base="main",
        draft=False,
        open=True,
        merged=False,
        mergeable=True,
        state="unstable",
        labels=("hold",),
        checks=told.checks,
        url=f"{world.github.git_url}/acme/shop/pull/{number}",
        id=told.id,
        author=Account("ada"),
        branch="fix/7-cart",
        files=("app.py",),
        commits=told.commits,
        created_at=told.created_at,
    )
    assert {(check.name, check.passed, check.word) for check in told.checks} == {
        ("test", True, "success"),
        ("lint", False, "failure"),
        ("build", None, "in_progress"),
        ("deploy", None, "pending"),
    }


async def test_the_last_commits_of_the_default_branch_are_read_with_their_checks(world: World) -> None:
    first = await world.github.push("main", {"a.txt": "a"}, login="ada", message="cart: keep the order\n\nof lines")
    second = await world.github.push("main", {"b.txt": "b"}, login="ada", message="search: by colour")
    for name, conclusion in (("test", "success"), ("lint", "failure"), ("build", None)):
        await world.github.report_check(second, name, conclusion)
    await world.github.report_status(first, "deploy", "success")
    told = await world.forge.trunk(2)
    assert [(each.sha, each.subject, each.author) for each in told] == [
        (second, "search: by colour", "ada"),
        (first, "cart: keep the order", "ada"),
    ]
    assert {(check.name, check.passed) for check in told[0].checks} == {
        ("test", True),
        ("lint", False),
        ("build", None),
    }
    assert [(check.name, check.passed) for check in told[1].checks] == [("deploy", True)]


async def test_a_file_of_the_default_branch_is_read(world: World) -> None:
    await world.github.push("main", {".env.example": "DATABASE_URL=\n"}, login="ada")
    assert await world.forge.file(".env.example") == "DATABASE_URL="
    assert await world.forge.file("nowhere/.env.example") is None


async def test_while_github_computes_it_is_not_known_whether_it_can_be_merged(world: World) -> None:
    number, _ = await opened(world, draft=True)
    told = await world.forge.pull(number)
    assert (told.mergeable, told.state, told.draft, told.checks) == (None, "unknown", True, ())


async def test_a_pull_request_that_was_merged_is_told_so(world: World) -> None:
    number, _ = await opened(world)
    await world.github.merge_pull("ada", number)
    told = await world.forge.pull(number)
    assert (told.open, told.merged) == (False, True)


async def test_a_pull_request_that_is_not_there_is_refused(world: World) -> None:
    for number in (999, await issue(world)):
        with pytest.raises(SaidNoError, match=f"there is no pull request {number}") as raised:
            await world.forge.pull(number)
        assert raised.value.why is Why.NOT_FOUND


@pytest.mark.parametrize(
    ("fault", "kind", "text"),
    [
        ("graphql-limited", ThrottledError, r"GitHub allows no more requests \(graphql\); free again in \d\d s"),
        ("graphql-broken", LostAnswerError, "GitHub: Something went wrong while executing your query"),
        ("graphql-forbidden", SaidNoError, "Resource not accessible by integration"),
    ],
)
async def test_graphqls_faults_are_told(world: World, fault: str, kind: type[Exception], text: str) -> None:
    number, _ = await opened(world)
    world.github.faults.switch_on(fault, route="/graphql")
    with pytest.raises(kind, match=text):
        await world.forge.pull(number)
    assert await world.forge.role("ada") is Role.WRITE


async def test_a_pull_request_tells_who_made_what_and_who_said_what(world: World) -> None:
    world.github.add_account("bea", "write")
    number, sha = await opened(world, body="Fixes #1")
    await world.github.review("bea", number)
    pull = world.github.world.pull(number).pull
    assert pull is not None
    bea = world.github.world.accounts.get("bea")
    pull.threads += [Thread(bea), Thread(bea, resolved=True)]
    told = await world.forge.pull(number)
    email = world.github.world.accounts.get("ada").email
    assert (told.author, told.branch, told.fork, told.pushable) == (Account("ada"), "fix/7-cart", False, True)
    assert told.commits == (PullCommit(sha, "ada", email),)
    assert told.files == ("app.py",)
    assert (told.review, told.unresolved) == (Review.APPROVED, (Account("bea"),))
    assert told.closes == ()
    assert told.names(1)
    assert told.names(7), "by its branch"
    assert not told.names(77)


async def test_the_last_word_of_each_reviewer_counts_and_only_of_those_who_may_write(world: World) -> None:
    world.github.add_account("bea", "write")
    world.github.add_account("cyd", "read")
    number, _ = await opened(world)
    await world.github.review("cyd", number, "CHANGES_REQUESTED")
    assert (await world.forge.pull(number)).review is Review.NONE
    await world.github.review("bea", number, "CHANGES_REQUESTED")
    assert (await world.forge.pull(number)).review is Review.CHANGES
    await world.github.review("bea", number)
    assert (await world.forge.pull(number)).review is Review.APPROVED
    world.github.protect(approvals=2)
    assert (await world.forge.pull(number)).review is Review.WANTED


async def test_the_issues_that_it_closes_are_told_with_their_labels(world: World) -> None:
    complaint = await world.github.open_issue("ada", "It is slow", labels=("user-feedback",))
    number, _ = await opened(world, body=f"Closes #{complaint.number}, see #999")
    assert (await world.forge.pull(number)).closes == (Linked(complaint.number, ("user-feedback",)),)


async def test_a_fork_is_told_and_whether_it_may_be_pushed_to(world: World) -> None:
    world.github.add_account("eve", "none")
    await world.github.push("patch", {"app.py": "x"}, login="eve", fork="eve")
    number = (await world.github.open_pull("eve", "patch", fork="eve")).number
    told = await world.forge.pull(number)
    assert (told.fork, told.pushable) == (True, True)


async def test_a_commit_of_an_app_is_its_own(world: World) -> None:
    bot = world.github.world.accounts.add(GitHubAccount("mender[bot]", kind="Bot"))
    await world.github.push("fix/8-x", {"app.py": "x"}, login=bot.login)
    number = (await world.github.open_pull("ada", "fix/8-x")).number
    assert [each.login for each in (await world.forge.pull(number)).commits] == ["mender[bot]"]


async def test_all_open_pull_requests_are_read_twenty_at_a_time(world: World) -> None:
    for place in range(23):
        await world.github.push(f"fix/{place}-x", {f"{place}.txt": "x"}, login="ada")
        await world.github.open_pull("ada", f"fix/{place}-x", f"Change {place}")
    await world.github.close_issue("ada", 1)
    found = await world.forge.open_pulls()
    assert [each.title for each in found] == [f"Change {place}" for place in range(1, 23)]
    assert world.calls("POST /graphql") == 2


async def test_what_is_large_is_read_whole(world: World) -> None:
    files = {f"src/{place}.py": "x" for place in range(230)}
    sha = await world.github.push("feat/9-large", files, login="ada")
    number = (await world.github.open_pull("ada", "feat/9-large")).number
    for place in range(130):
        await world.github.report_check(sha, f"test {place}")
    [told] = await world.forge.open_pulls()
    assert (set(told.files), len(told.checks), told.unread) == (set(files), 130, "")
    assert told.number == number
    assert world.calls("POST /graphql") == 3


async def test_what_a_branch_requires_is_told_by_rulesets_and_protection_together(world: World) -> None:
    assert await world.forge.required("main") == Required()
    world.github.protect("test", "lint", strict=True)
    world.github.protect("e2e", "test", approvals=2, by_ruleset=True)
    assert await world.forge.required("main") == Required(("e2e", "test", "lint"), approvals=2)
    world.github.protect("e2e", strict=True, by_ruleset=True)
    assert (await world.forge.required("main")).strict


# --- merging


async def test_a_merge_tells_the_commit_that_it_made(world: World) -> None:
    number, sha = await opened(world)
    made = await world.forge.merge(number, sha, "squash")
    assert made == await world.github.realm.bare.sha("refs/heads/main")
    told = await world.forge.pull(number)
    assert (told.merged, told.merge_commit) == (True, made)


async def test_only_the_head_that_was_decided_on_is_merged(world: World) -> None:
    number, sha = await opened(world)
    await world.github.push("fix/7-cart", {"app.py": "print('other')\n"}, login="ada")
    with pytest.raises(StaleError, match="Head branch was modified"):
        await world.forge.merge(number, sha, "squash")


async def test_why_it_may_not_be_merged_is_told_in_githubs_words(world: World) -> None:
    world.github.protect("e2e")
    number, sha = await opened(world)
    with pytest.raises(SaidNoError, match='405: Required status check "e2e" is expected'):
        await world.forge.merge(number, sha, "squash")


async def test_a_base_that_moves_is_over_in_a_moment(world: World) -> None:
    number, sha = await opened(world)
    world.github.faults.switch_on("base-modified", route="*/merge", times=1)
    with pytest.raises(UnavailableError, match="Base branch was modified") as raised:
        await world.forge.merge(number, sha, "squash")
    assert not isinstance(raised.value, UnclearError)
    await world.forge.merge(number, sha, "squash")


async def test_a_merge_whose_answer_was_lost_is_found_and_not_done_again(world: World) -> None:
    number, sha = await opened(world)
    world.github.faults.switch_on("lost-answer", route="*/merge", times=1)
    made = await world.forge.merge(number, sha, "squash")
    assert made == await world.github.realm.bare.sha("refs/heads/main")


async def test_a_merge_that_never_arrived_is_unclear_until_it_is_looked_at_again(world: World) -> None:
    number, sha = await opened(world)
    world.github.faults.switch_on("bad-gateway", route="*/merge", times=1)
    with pytest.raises(UnclearError, match=f"whether pull request {number} was merged is not known"):
        await world.forge.merge(number, sha, "squash")


async def test_github_puts_a_branch_upon_its_base(world: World) -> None:
    number, sha = await opened(world)
    await world.github.push("main", {"other.py": "x"}, login="ada")
    await world.forge.update(await world.forge.pull(number))
    told = await world.forge.pull(number)
    assert told.head_sha != sha
    assert told.commits[-1].login == "ada", "the author is who it was"
    with pytest.raises(RefusedError, match="no new commits"):
        await world.forge.update(told)


async def test_a_branch_that_has_moved_is_not_put_anywhere(world: World) -> None:
    number, _ = await opened(world)
    before = await world.forge.pull(number)
    await world.github.push("fix/7-cart", {"app.py": "print('other')\n"}, login="ada")
    with pytest.raises(RefusedError, match="expected head sha didn't match"):
        await world.forge.update(before)


async def test_a_pull_request_is_closed_once(world: World) -> None:
    number, _ = await opened(world)
    for _ in range(2):
        await world.forge.close(number)
    assert not (await world.forge.pull(number)).open


# --- each fault

READ: dict[str, tuple[type[Exception], str]] = {
    "server-error": (LostAnswerError, r"GitHub answered 500 \(Server Error\)"),
    "bad-gateway": (LostAnswerError, r"GitHub answered 502 \(Server Error\)"),
    "bad-gateway-done": (LostAnswerError, r"GitHub answered 502 \(Server Error\)"),
    "unavailable": (LostAnswerError, r"GitHub answered 503 \(Service Unavailable\)"),
    "gateway-timeout": (LostAnswerError, "GitHub answered 504"),
    "gateway-timeout-done": (LostAnswerError, "GitHub answered 504"),
    "lost-request": (LostAnswerError, "GitHub's answer was lost"),
    "lost-answer": (LostAnswerError, "GitHub's answer was lost"),
    "hang": (LostAnswerError, "GitHub did not answer within 0.3 s"),
    "hang-done": (LostAnswerError, "GitHub did not answer within 0.3 s"),
    "truncated": (LostAnswerError, "the server hung up in the middle of the body"),
    "html": (LostAnswerError, "GitHub's answer is not JSON"),
    "unicorn": (LostAnswerError, r"GitHub answered 503 \(Unicorn!"),
    "secondary-403": (ThrottledError, r"\(its secondary limit\); free again in 60 s"),
    "secondary-429": (ThrottledError, r"\(its secondary limit\); free again in 60 s"),
    "secondary-bare": (ThrottledError, r"\(its secondary limit\); free again in 60 s"),
    "abuse": (ThrottledError, r"\(its secondary limit\); free again in 60 s"),
    "primary": (ThrottledError, r"GitHub allows no more requests \(core\); free again in \d\d s"),
    "bad-credentials": (SaidNoError, "GITHUB_TOKEN is not accepted"),
    "forbidden": (SaidNoError, "Resource not accessible by integration"),
    "not-found": (SaidNoError, "there is no acme/shop, or the token may not see it"),
    "base-modified": (SaidNoError, "GitHub answered 405: Base branch was modified"),
}
OF_GRAPHQL = {"graphql-limited", "graphql-broken", "graphql-forbidden"}
PERSISTS = {"forbidden", "not-found", "base-modified"}
"""Refusals: GitHub works."""


def test_every_fault_of_the_sandbox_is_met_here() -> None:
    assert {fault.name for fault in API_FAULTS} == set(READ) | OF_GRAPHQL


@pytest.mark.parametrize("fault", READ)
async def test_a_read_that_fails_says_why_and_an_outage_is_a_state_until_the_next_success(
    impatient: World, fault: str
) -> None:
    impatient.github.faults.switch_on(fault, route="/repos/{owner}/{repo}")
    kind, text = READ[fault]
    with pytest.raises(kind, match=text):
        await impatient.forge.repository()
    assert (impatient.forge.problem is None) == (fault in PERSISTS)
    impatient.github.faults.mend()
    impatient.steady.now += 3700
    assert (await impatient.forge.repository()).name == "acme/shop"
    assert impatient.forge.problem is None


async def test_what_is_used_up_is_not_asked_for_until_it_is_free_again(world: World) -> None:
    world.github.limits.use_up(f"user:{OPERATOR}")
    with pytest.raises(ThrottledError, match=r"GitHub allows no more requests \(core\); free again in 60 min"):
        await world.forge.repository()
    before = world.total
    with pytest.raises(ThrottledError):
        await world.forge.role("ada")
    assert world.total == before


async def test_many_writes_keep_within_what_github_allows(world: World) -> None:
    world.github.limits.content_a_minute = 80
    number = await issue(world)
    for place in range(12):
        await world.forge.comment(number, f"{place}")
    assert world.steady.pauses == [1] * 7


# --- tokens


async def test_a_token_of_nobody_cannot_tell_whose_it_is(world: World) -> None:
    world.github.faults.switch_on("forbidden", route="/user")
    with pytest.raises(LockedOutError, match="GITHUB_TOKEN is nobody's own token"):
        await world.forge.account()


async def test_a_token_that_may_not_read_the_repository_is_told_with_the_cure(world: World) -> None:
    world.github.world.options.private = True
    world.github.add_account("stranger")
    world.github.add_token("stranger", "ghp_stranger")
    async with world.another(token="ghp_stranger") as forge:
        with pytest.raises(RefusedError, match="there is no acme/shop, or the token may not see it"):
            await forge.repository()


async def test_a_missing_permission_is_named_by_github(world: World) -> None:
    world.github.add_token(OPERATOR, "github_pat_reader", permissions={"metadata": "read", "issues": "read"})
    async with world.another(token="github_pat_reader") as forge:
        number = await issue(world)
        with pytest.raises(SaidNoError, match="it needs issues: write") as raised:
            await forge.comment(number, BODY)
        assert raised.value.why is Why.MISSING_RIGHT


async def test_an_odd_answer_is_unavailable(world: World) -> None:
    world.github.faults.switch_on("html")
    with pytest.raises(UnavailableError):
        await world.forge.comments(utc_now())


async def test_a_sandbox_that_is_gone_is_not_reached() -> None:
    async with open_world() as world:
        pass
    async with world.another() as forge:
        with pytest.raises(NotSentError):
            await forge.repository()
