"""Whether a pull request is merged, and if not, why not: RULES are asked in turn, the first that has a word decides.

Pure. What must never happen: a merge of a head on which what counts has not passed, of what people or an incident
hold, of what was only read in part; and a green pull request that waits without a reason.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from itertools import product

from devops_daemon.feedback import LABEL as FEEDBACK
from devops_daemon.forge import OWN_STATUS, Pull, Required, Review
from devops_daemon.landing import Decision, Verb
from devops_daemon.model import Incident
from devops_daemon.pulls.green import Green, Light, Red, Waiting, light
from devops_daemon.pulls.ownership import Agents, why_a_persons

AUTOMERGE_LABEL = "automerge"


@dataclass(frozen=True, slots=True)
class Terms:
    """What the settings say of merging."""

    agents: Agents
    automerge: str = "agents"
    """`off`, `agents`, `labelled` or `all`."""
    hold_labels: Sequence[str] = ()
    protected_paths: Sequence[str] = ()
    feedback_needs_approval: bool = True
    settle: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Around:
    """What holds for all pull requests at one moment."""

    now: datetime
    default_branch: str = "main"
    required: Required = field(default_factory=Required)
    """By that branch."""
    incidents: Sequence[Incident] = ()
    """SEV1 and SEV2 that are not over."""
    paused: str | None = None
    ours: frozenset[str] = frozenset()
    """Commits that we pushed."""
    tangles: Mapping[int, str] = field(default_factory=dict)
    """How the conflicts of pull requests stand, by their numbers."""
    seen: Mapping[str, datetime] = field(default_factory=dict)
    """When each check has last reported on any pull request."""


@dataclass(frozen=True, slots=True)
class Case:
    """One pull request, and all that it is judged by."""

    pull: Pull
    terms: Terms
    around: Around
    light: Light


Rule = Callable[[Case], Decision | None]


def decide(pull: Pull, terms: Terms, around: Around, rules: Sequence[Rule] | None = None) -> Decision:
    """Say what is to be done about a pull request, by RULES or by those given."""
    required = [name for name in around.required.checks if name != OWN_STATUS]
    case = Case(pull, terms, around, light(pull, required, terms.settle, around.seen, around.now))
    said = next((found for rule in rules or RULES if (found := rule(case))), Decision(Verb.MERGE, "nothing holds it"))
    since = case.light.since if isinstance(case.light, Green) else None
    return replace(said, covered=_out_of_scope(case) is None, green_since=since)


def _leave(reason: str) -> Decision:
    return Decision(Verb.LEAVE, reason, held=True)


def _wait(reason: str) -> Decision:
    return Decision(Verb.WAIT, reason)


def _unread(case: Case) -> Decision | None:
    return _wait(f"{case.pull.unread}: it is looked at again") if case.pull.unread else None


def _base(case: Case) -> Decision | None:
    base, wanted = case.pull.base, case.around.default_branch
    return _leave(f"its base is `{base}`, not `{wanted}`") if base != wanted else None


def _fork(case: Case) -> Decision | None:
    return _leave(f"its branch is in the fork of {case.pull.author.login}") if case.pull.fork else None


def _out_of_scope(case: Case) -> Decision | None:
    """Say that `AUTOMERGE` does not want it."""
    match case.terms.automerge:
        case "off":
            return _leave("AUTOMERGE is off")
        case "labelled":
            return None if AUTOMERGE_LABEL in case.pull.labels else _leave(f"it does not bear `{AUTOMERGE_LABEL}`")
        case "agents":
            persons = why_a_persons(case.pull, case.terms.agents, case.around.ours)
            return _leave(persons) if persons else None
        case _:
            return None


def _labels(case: Case) -> Decision | None:
    held = {each.casefold() for each in case.terms.hold_labels}
    label = next((each for each in case.pull.labels if each.casefold() in held), None)
    return _leave(f"it is labelled `{label}`") if label else None


def _draft(case: Case) -> Decision | None:
    return _leave("it is a draft") if case.pull.draft else None


def _protected(case: Case) -> Decision | None:
    pairs = product(case.pull.files, case.terms.protected_paths)
    path = next((path for path, pattern in pairs if _is_within(path, pattern)), None)
    return _leave(f"it changes `{path}`, which PROTECTED_PATHS leaves to people") if path else None


def _is_within(path: str, pattern: str) -> bool:
    """Tell whether a path is one that a pattern protects; a folder protects what is below it."""
    return fnmatchcase(path, pattern) or path.startswith(f"{pattern.removesuffix('/**').rstrip('/')}/")


def _changes(case: Case) -> Decision | None:
    return _leave("changes are requested by a reviewer") if case.pull.review is Review.CHANGES else None


def _reviews(case: Case) -> Decision | None:
    pull = case.pull
    if pull.review is Review.WANTED:
        return _leave("a review is required")
    users = next((each.number for each in pull.closes if FEEDBACK in each.labels), None)
    if users and case.terms.feedback_needs_approval and pull.review is not Review.APPROVED:
        return _leave(f"it is for a user's feedback (#{users}), which wants one approval (FEEDBACK_MERGE)")
    return None


def _conversations(case: Case) -> Decision | None:
    """Let what a person began to talk about be ended first; what a bot began only where GitHub asks for it."""
    begun = [each for each in case.pull.unresolved if not each.bot or case.around.required.conversations]
    if not begun:
        return None
    many = f"{len(begun)} conversations are" if len(begun) > 1 else "a conversation is"
    return _leave(f"{many} not resolved (begun by {begun[0].login})")


def _merge_queue(case: Case) -> Decision | None:
    return _leave(f"`{case.pull.base}` has a merge queue: it is added to that by people") if case.pull.queued else None


def _conflict(case: Case) -> Decision | None:
    if case.pull.mergeable is not False:
        return None
    persons = why_a_persons(case.pull, case.terms.agents, case.around.ours)
    what = f"it conflicts with `{case.pull.base}`"
    if persons:
        return _leave(f"{what}, and {persons}")
    stands = case.around.tangles.get(case.pull.number)
    return Decision(Verb.REBASE, f"{what} {stands}" if stands else what, tangled=True)


def _checks(case: Case) -> Decision | None:
    match case.light:
        case Red(reason):
            return Decision(Verb.LEAVE, reason)
        case Waiting(reason, until):
            return Decision(Verb.WAIT, reason, until=until)
        case Green():
            return None


def _computed(case: Case) -> Decision | None:
    return _wait("GitHub computes whether it can be merged") if case.pull.mergeable is None else None


def _behind(case: Case) -> Decision | None:
    pull = case.pull
    if pull.state != "behind":
        return None
    persons = why_a_persons(pull, case.terms.agents, case.around.ours)
    what = f"it is behind `{pull.base}`, with which it must be up to date"
    return _leave(f"{what}, and {persons}") if persons else Decision(Verb.REBASE, what)


def _blocked(case: Case) -> Decision | None:
    if case.pull.state != "blocked":
        return None
    if OWN_STATUS in case.around.required.checks:
        return _leave(
            f"`{OWN_STATUS}`, our own word, is a required check and waits for itself: let it be required no more"
        )
    return _wait(
        "GitHub says that it is blocked, by something that it does not tell: see the box above its merge button"
    )


def _incident(case: Case) -> Decision | None:
    """Let an outage be mended first; what mends it goes on."""
    holding = [each for each in case.around.incidents if not (each.issue and case.pull.names(each.issue))]
    if not holding or len(holding) < len(case.around.incidents):
        return None
    first = holding[0]
    about = f", #{first.issue}" if first.issue else ""
    return Decision(Verb.WAIT, f"{first.severity} {first.id}{about} is {first.status}", held=True)


def _paused(case: Case) -> Decision | None:
    return Decision(Verb.WAIT, case.around.paused, held=True) if case.around.paused else None


RULES: Sequence[Rule] = (
    _unread,
    _base,
    _fork,
    _out_of_scope,
    _labels,
    _draft,
    _protected,
    _changes,
    _conversations,
    _conflict,
    _reviews,
    _merge_queue,
    _checks,
    _computed,
    _behind,
    _blocked,
    _incident,
    _paused,
)
"""What keeps a pull request from being merged: what people must do first comes first, what passes by itself last."""

BY_HAND: Sequence[Rule] = tuple(rule for rule in RULES if rule not in {_fork, _out_of_scope, _labels, _protected})
"""What keeps it from being merged where a person who may write wants it: not whose it is, nor what people decide."""
