"""What is to be done about a pull request: situations, each with what its reason must name."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from builders import START, a_member, a_pull, an_incident, at
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.forge import Account, Check, Linked, Pull, PullCommit, Required, Review, Said
from devops_daemon.landing import Decision, Verb
from devops_daemon.model import IncidentStatus
from devops_daemon.pulls.following import followed
from devops_daemon.pulls.ownership import Agents
from devops_daemon.pulls.policy import Around, Terms, decide
from devops_daemon.pulls.reporting import due, said

AGENTS = Agents(("mender", "helper[bot]"), ("fix/[0-9]*-*", "claude/*"))
TERMS = Terms(
    AGENTS,
    hold_labels=("hold", "do-not-merge", "needs-human", "wip"),
    protected_paths=(".github/**", "deploy/*.toml", "migrations"),
)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOW = START + HOUR
AROUND = Around(NOW)
E2E = Required(("e2e",))
OUTAGE = replace(an_incident(a_member(), named="260105-k3f9"), issue=9)


def check(name: str, *, passed: bool | None = True, word: str = "", minutes: float = 10) -> Check:
    """A check that ended so many minutes after the start."""
    ended = None if passed is None else START + minutes * MINUTE
    return Check(name, passed, word or {True: "success", False: "failure", None: "in_progress"}[passed], ended)


UNIT, UNIT_FAILED, UNIT_RUNS = check("unit"), check("unit", passed=False), check("unit", passed=None)
COMMITS = (PullCommit("1" * 40, "ada", "ada@example.com"),)
BY_BEA = PullCommit("b" * 40, "bea", "bea@example.com")
WITHOUT_ACCOUNT = PullCommit("c" * 40, None, "ada@example.com")
OF_NOBODY = PullCommit("d" * 40, None, "who@example.com")


def around(**differs: Any) -> Around:
    return replace(AROUND, **differs)


def incident(status: IncidentStatus = IncidentStatus.OPEN, **differs: Any) -> Around:
    return around(incidents=[replace(OUTAGE, status=status, **differs)])


SITUATIONS: Mapping[str, tuple[Pull, Around, Verb, tuple[str, ...]]] = {
    "green, none required": (a_pull(), AROUND, Verb.MERGE, ("nothing holds it",)),
    "by an agent's account": (
        a_pull(branch="patch-1", author=Account("Mender"), commits=(PullCommit("1" * 40, "mender", ""),)),
        AROUND,
        Verb.MERGE,
        (),
    ),
    "green, and one that is not required has failed": (
        a_pull(checks=(check("e2e"), UNIT_FAILED), state="unstable"),
        around(required=E2E),
        Verb.MERGE,
        (),
    ),
    "a required one never reported": (
        a_pull(),
        around(required=E2E, seen={"e2e": NOW - 2 * HOUR}),
        Verb.WAIT,
        ("`e2e`, required, never reported on aaaaaaa", "last seen 2 h ago"),
    ),
    "our own status is required": (
        a_pull(checks=(check("e2e"),), state="blocked"),
        around(required=Required(("e2e", "devops-daemon"))),
        Verb.LEAVE,
        ("`devops-daemon`, our own word, is a required check",),
    ),
    "a required one was never seen at all": (
        a_pull(),
        around(required=Required(("e2e", "lint"))),
        Verb.WAIT,
        ("`e2e` (and 1 more)", "not seen on any pull request so far"),
    ),
    "a required one runs": (
        a_pull(checks=(check("e2e", passed=None), UNIT)),
        around(required=E2E),
        Verb.WAIT,
        ("waiting for check `e2e`, required, under way on aaaaaaa",),
    ),
    "a required one has failed": (
        a_pull(checks=(check("e2e", passed=False), UNIT)),
        around(required=E2E),
        Verb.LEAVE,
        ("check `e2e` has failed on aaaaaaa",),
    ),
    "one has failed": (a_pull(checks=(UNIT_FAILED,)), AROUND, Verb.LEAVE, ("check `unit` has failed",)),
    "five have failed": (
        a_pull(checks=tuple(check(f"c{place}", passed=False) for place in range(5))),
        AROUND,
        Verb.LEAVE,
        ("checks `c0`, `c1`, `c2` and 2 more have failed",),
    ),
    "one runs": (a_pull(checks=(UNIT, check("lint", passed=None))), AROUND, Verb.WAIT, ("check `lint`, under way",)),
    "none reported": (a_pull(checks=()), AROUND, Verb.WAIT, ("no check has reported on aaaaaaa", "at least one")),
    "the last has passed just now": (
        a_pull(checks=(check("unit", minutes=59.5),)),
        AROUND,
        Verb.WAIT,
        ("all checks have passed on aaaaaaa; waiting whether more begin",),
    ),
    "a required one has passed just now": (
        a_pull(checks=(check("e2e", minutes=59.9),)),
        around(required=E2E),
        Verb.MERGE,
        (),
    ),
    "a draft": (a_pull(draft=True, state="draft"), AROUND, Verb.LEAVE, ("a draft",)),
    "held by a label": (a_pull(labels=("bug", "WIP")), AROUND, Verb.LEAVE, ("labelled `WIP`",)),
    "another base": (a_pull(base="release"), AROUND, Verb.LEAVE, ("`release`", "not `main`")),
    "from a fork": (a_pull(fork=True, author=Account("eve")), AROUND, Verb.LEAVE, ("the fork of eve",)),
    "a person's": (
        a_pull(branch="patch-1"),
        AROUND,
        Verb.LEAVE,
        ("it is ada's", "AGENT_LOGINS", "AGENT_BRANCHES"),
    ),
    "a bot's that nobody named": (
        a_pull(branch="deps/x", author=Account("renovate[bot]", bot=True)),
        AROUND,
        Verb.LEAVE,
        ("renovate[bot]'s",),
    ),
    "a person has pushed on it": (
        a_pull(commits=(*COMMITS, BY_BEA)),
        AROUND,
        Verb.LEAVE,
        ("commit bbbbbbb on it is by bea", "a person's"),
    ),
    "an agent has pushed on it": (
        a_pull(commits=(*COMMITS, PullCommit("e" * 40, "helper[bot]", ""))),
        AROUND,
        Verb.MERGE,
        (),
    ),
    "we have pushed on it": (
        a_pull(commits=(*COMMITS, BY_BEA)),
        around(ours=frozenset({BY_BEA.sha})),
        Verb.MERGE,
        (),
    ),
    "a commit without an account, with the first one's e-mail": (
        a_pull(commits=(*COMMITS, WITHOUT_ACCOUNT)),
        AROUND,
        Verb.MERGE,
        (),
    ),
    "a commit of nobody that is known": (
        a_pull(commits=(*COMMITS, OF_NOBODY)),
        AROUND,
        Verb.LEAVE,
        ("somebody without an account (who@example.com)",),
    ),
    "it changes a workflow": (
        a_pull(files=("app.py", ".github/workflows/ci.yml")),
        AROUND,
        Verb.LEAVE,
        ("`.github/workflows/ci.yml`", "PROTECTED_PATHS"),
    ),
    "it changes what a protected folder holds": (
        a_pull(files=("migrations/7/up.sql",)),
        AROUND,
        Verb.LEAVE,
        ("`migrations/7/up.sql`",),
    ),
    "it changes what is only called like it": (a_pull(files=("migrations.md", ".githubby")), AROUND, Verb.MERGE, ()),
    "changes are requested": (a_pull(review=Review.CHANGES), AROUND, Verb.LEAVE, ("changes are requested",)),
    "a review is required": (
        a_pull(review=Review.WANTED, state="blocked"),
        AROUND,
        Verb.LEAVE,
        ("a review is required",),
    ),
    "for a user's feedback": (
        a_pull(closes=(Linked(7, ("user-feedback",)),)),
        AROUND,
        Verb.LEAVE,
        ("user's feedback (#7)", "one approval", "FEEDBACK_MERGE"),
    ),
    "for a user's feedback, approved": (
        a_pull(closes=(Linked(7, ("user-feedback",)),), review=Review.APPROVED),
        AROUND,
        Verb.MERGE,
        (),
    ),
    "a person's conversation": (
        a_pull(unresolved=(Account("bea"),)),
        AROUND,
        Verb.LEAVE,
        ("a conversation is not resolved (begun by bea)",),
    ),
    "a bot's conversation": (a_pull(unresolved=(Account("lint[bot]", bot=True),)), AROUND, Verb.MERGE, ()),
    "a bot's conversation where all must be resolved": (
        a_pull(unresolved=(Account("lint[bot]", bot=True),) * 2),
        around(required=Required(conversations=True)),
        Verb.LEAVE,
        ("2 conversations are not resolved",),
    ),
    "a merge queue": (a_pull(queued=True), AROUND, Verb.LEAVE, ("`main` has a merge queue",)),
    "a conflict": (a_pull(mergeable=False, state="dirty"), AROUND, Verb.REBASE, ("conflicts with `main`",)),
    "a conflict on which a person has pushed": (
        a_pull(mergeable=False, state="dirty", commits=(*COMMITS, BY_BEA)),
        AROUND,
        Verb.LEAVE,
        ("by bea",),
    ),
    "a conflict, and a review is required": (
        a_pull(mergeable=False, state="dirty", review=Review.WANTED),
        AROUND,
        Verb.REBASE,
        ("conflicts with `main`",),
    ),
    "a conflict, and changes are requested": (
        a_pull(mergeable=False, state="dirty", review=Review.CHANGES),
        AROUND,
        Verb.LEAVE,
        ("changes are requested",),
    ),
    "a conflict of which is known how it stands": (
        a_pull(mergeable=False, state="dirty"),
        around(tangles={7: "in `app.py`, which no way solves"}),
        Verb.REBASE,
        ("it conflicts with `main` in `app.py`, which no way solves",),
    ),
    "behind a strict base": (a_pull(state="behind"), AROUND, Verb.REBASE, ("behind `main`", "up to date")),
    "still computed": (a_pull(mergeable=None, state="unknown"), AROUND, Verb.WAIT, ("computes whether",)),
    "blocked by what is not told": (a_pull(state="blocked"), AROUND, Verb.WAIT, ("blocked", "does not tell")),
    "while an outage is open": (a_pull(), incident(), Verb.WAIT, ("SEV1 260105-k3f9, #9 is open",)),
    "while a rollback stands": (a_pull(), incident(IncidentStatus.MITIGATING), Verb.WAIT, ("is mitigating",)),
    "it mends the outage": (a_pull(body="Fixes #9"), incident(), Verb.MERGE, ()),
    "it mends the outage, by its branch": (a_pull(branch="fix/9-pool"), incident(), Verb.MERGE, ()),
    "it mends another issue": (a_pull(body="Fixes #99"), incident(), Verb.WAIT, ("#9 is open",)),
    "while the outage has no issue": (a_pull(), incident(issue=None), Verb.WAIT, ("260105-k3f9 is open",)),
    "while it is paused": (a_pull(), around(paused="bea has paused it"), Verb.WAIT, ("bea has paused it",)),
    "read in part": (a_pull(unread="pull request 7 has changed while it was read"), AROUND, Verb.WAIT, ("changed",)),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_each_situation_ends_as_it_should_and_says_why(name: str) -> None:
    pull, surroundings, verb, named = SITUATIONS[name]
    decision = decide(pull, TERMS, surroundings)
    assert decision.verb is verb, decision.reason
    assert [each for each in named if each not in decision.reason] == []


@pytest.mark.parametrize(
    ("automerge", "pull", "verb", "reason"),
    [
        ("off", a_pull(), Verb.LEAVE, "AUTOMERGE is off"),
        ("labelled", a_pull(), Verb.LEAVE, "it does not bear `automerge`"),
        ("labelled", a_pull(branch="patch-1", labels=("automerge",)), Verb.MERGE, "nothing holds it"),
        ("all", a_pull(branch="patch-1"), Verb.MERGE, "nothing holds it"),
        ("all", a_pull(fork=True), Verb.LEAVE, "its branch is in the fork of ada"),
        ("labelled", a_pull(fork=True, labels=("automerge",)), Verb.LEAVE, "its branch is in the fork of ada"),
    ],
)
def test_automerge_says_which_are_merged(automerge: str, pull: Pull, verb: Verb, reason: str) -> None:
    decision = decide(pull, replace(TERMS, automerge=automerge), AROUND)
    assert (decision.verb, decision.reason) == (verb, reason)


def test_feedback_may_be_merged_without_an_approval_where_a_setting_says_so() -> None:
    pull = a_pull(closes=(Linked(7, ("user-feedback",)),))
    assert decide(pull, replace(TERMS, feedback_needs_approval=False), AROUND).verb is Verb.MERGE


def test_it_is_green_since_its_last_check_whatever_holds_it() -> None:
    checks = (check("unit", minutes=10), check("lint", minutes=20))
    for pull in (a_pull(checks=checks), a_pull(checks=checks, labels=("hold",)), a_pull(checks=checks, draft=True)):
        assert decide(pull, TERMS, AROUND).green_since == at(20 * 60)
    assert decide(a_pull(checks=(UNIT_RUNS,)), TERMS, AROUND).green_since is None


def test_what_nothing_holds_is_told_from_what_people_hold() -> None:
    assert not decide(a_pull(), TERMS, around(required=E2E)).held
    assert decide(a_pull(labels=("hold",)), TERMS, AROUND).held
    assert decide(a_pull(), TERMS, incident()).held
    assert decide(a_pull(), TERMS, AROUND).covered
    assert not decide(a_pull(branch="patch-1"), TERMS, AROUND).covered


# --- whatever the pull request is like

CHECKS = st.lists(
    st.builds(check, st.sampled_from(["unit", "lint", "e2e"]), passed=st.sampled_from([True, False, None])),
    max_size=3,
    unique_by=lambda each: each.name,
).map(tuple)
PULLS = st.builds(
    a_pull,
    checks=CHECKS,
    draft=st.booleans(),
    fork=st.booleans(),
    queued=st.booleans(),
    mergeable=st.sampled_from([True, True, False, None]),
    state=st.sampled_from(["clean", "clean", "unstable", "blocked", "behind", "dirty", "unknown", "a new word"]),
    labels=st.lists(st.sampled_from(["hold", "bug", "automerge"]), max_size=2).map(tuple),
    review=st.sampled_from(Review),
    commits=st.sampled_from([COMMITS, (*COMMITS, BY_BEA), (*COMMITS, OF_NOBODY), ()]),
    files=st.sampled_from([("app.py",), (".github/x",), ()]),
    branch=st.sampled_from(["fix/7-x", "patch-1"]),
    unresolved=st.sampled_from([(), (Account("bea"),)]),
    unread=st.sampled_from(["", "it has changed"]),
)
AROUNDS = st.builds(
    around,
    required=st.sampled_from([Required(), E2E, Required(("unit", "lint"))]),
    paused=st.sampled_from([None, "it is paused"]),
    incidents=st.sampled_from([(), (OUTAGE,)]),
)


@given(PULLS, AROUNDS)
def test_what_is_merged_is_green_whole_and_held_by_nobody(pull: Pull, surroundings: Around) -> None:
    decision = decide(pull, TERMS, surroundings)
    if decision.verb is not Verb.MERGE:
        return
    passed = {each.name for each in pull.checks if each.passed}
    assert set(surroundings.required.checks) <= passed
    assert surroundings.required.checks or (pull.checks and len(passed) == len(pull.checks))
    assert decision.green_since is not None
    assert not any((pull.draft, pull.fork, pull.queued, pull.unread, surroundings.paused))
    assert pull.mergeable is True
    assert "hold" not in pull.labels
    assert BY_BEA not in pull.commits
    assert pull.review in {Review.NONE, Review.APPROVED}
    assert not surroundings.incidents or pull.names(9)


@given(PULLS, AROUNDS)
def test_only_an_agents_branch_is_ever_rebased(pull: Pull, surroundings: Around) -> None:
    if decide(pull, TERMS, surroundings).verb in {Verb.REBASE, Verb.CLOSE}:
        assert pull.branch == "fix/7-x"
        assert not pull.fork
        assert not pull.draft
        assert BY_BEA not in pull.commits


@given(PULLS, AROUNDS)
def test_each_decision_has_a_reason_on_one_line(pull: Pull, surroundings: Around) -> None:
    decision: Decision = decide(pull, TERMS, surroundings)
    assert decision.reason.strip()
    assert decision.reason.isprintable()


@given(st.from_regex(r"fix/[0-9]{1,5}-[a-z]{1,8}", fullmatch=True))
def test_a_branch_of_an_agent_is_known_by_its_pattern(branch: str) -> None:
    assert decide(a_pull(branch=branch), TERMS, AROUND).covered
    assert not decide(a_pull(branch=f"my-{branch}"), TERMS, AROUND).covered


def test_what_is_said_on_a_head_fits_leaves_out_what_changes_by_itself_and_persons_are_left_alone() -> None:
    waits = Decision(
        Verb.WAIT, "waiting for check `e2e`, required, never reported on aaaaaaa; last seen 5 min ago", covered=True
    )
    assert said(waits) == Said(passed=False, text="wait: waiting for check `e2e`, required, never reported on aaaaaaa")
    assert said(replace(waits, covered=False)) is None
    long = said(replace(waits, reason="x" * 500))
    assert long is not None
    assert len(long.text) == 140


def test_only_what_says_something_else_is_said_and_merges_first() -> None:
    rows, pulls = [], []
    for number in range(1, 31):
        decision = Decision(Verb.MERGE if number == 30 else Verb.WAIT, f"reason {number}", covered=True)
        pull = replace(a_pull(), number=number, head_sha=f"{number:040}", said=said(decision) if number < 5 else None)
        rows.append(followed(pull, decision, None, NOW))
        pulls.append(pull)
    found = due(rows, pulls)
    assert len(found) == 20
    assert found[0] == (f"{30:040}", Said(passed=True, text="merge: reason 30"))
    assert [text.text for _, text in found[1:3]] == ["wait: reason 5", "wait: reason 6"]
