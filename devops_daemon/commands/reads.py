"""Commands that change nothing: the table, and one answer of each whatever is wrong."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from devops_daemon.commands import logs, views
from devops_daemon.commands.answer import Answer, Outcome, Section
from devops_daemon.commands.catalogue import Name
from devops_daemon.commands.grammar import Ask
from devops_daemon.commands.means import Means
from devops_daemon.commands.reply import help_answer
from devops_daemon.commands.variables import variables
from devops_daemon.forge import Check, Merged, TrunkCommit
from devops_daemon.hosting import UnknownServiceError
from devops_daemon.ports import LockedOutError, RefusedError, UnavailableError

Read = Callable[[Means, Ask], Awaitable[Answer]]
LATELY = timedelta(days=7)
MOST_MERGED, MOST_COMMITS = 10, 10
_WORST = (Outcome.FAILED, Outcome.REFUSED, Outcome.DONE)


async def answered(means: Means, ask: Ask) -> Answer:
    """Answer a question; what cannot be told is said to be so. Raises LockedOutError where GitHub takes no token."""
    try:
        return await READS[ask.name](means, ask)
    except LockedOutError:  # nobody could be answered either: it is tried again
        raise
    except (UnknownServiceError, RefusedError) as error:
        return Answer(Outcome.REFUSED, str(error))
    except UnavailableError as error:
        return Answer(Outcome.FAILED, f"It cannot be told now: {error}. Ask again later.")


def joined(answers: Sequence[Answer]) -> Answer:
    """Make one answer of several."""
    if len(answers) == 1:
        return answers[0]
    return Answer(
        min((answer.outcome for answer in answers), key=_WORST.index),
        " ".join(answer.headline for answer in answers),
        tuple(section for answer in answers for section in answer.sections),
        tuple(dict.fromkeys(hint for answer in answers for hint in answer.hints)),
    )


async def diagnose(means: Means, ask: Ask) -> Answer:
    """Gather what is known, of a service or of all, into one report; what cannot be told costs only itself."""
    if ask.service is not None and means.asked_platform is not None:
        (await means.platform.hosting()).service(ask.service)  # one that is not there is told at once
    asks = [replace(ask, name=name) for name in (Name.HEALTH, Name.STATUS, Name.DEPLOYMENTS, Name.METRICS, Name.LOGS)]
    parts = await asyncio.gather(*(answered(means, each) for each in asks), _trunk(means), _merged(means))
    told = [each for each in parts if each.outcome is Outcome.DONE]
    untold = [Section("Not told", each.headline) for each in parts if each not in told]
    whole = joined(told or parts)
    return replace(whole, headline=whole.headline.strip(), sections=(*whole.sections, *untold))


async def _trunk(means: Means) -> Answer:
    """Show the last commits of the default branch, and what its workflows and other checks say of each."""
    if means.asked_forge is None:
        return Answer(Outcome.REFUSED, "Commits and checks: GitHub is not configured.")
    try:
        commits = await means.forge.trunk(MOST_COMMITS)
    except (RefusedError, UnavailableError) as error:
        return Answer(Outcome.FAILED, f"Commits and checks cannot be told: {error}.")
    text = "\n".join(map(_commit_line, commits)) or "none"
    return Answer(Outcome.DONE, "", (Section("Commits and checks", text, newest_last=False),))


def _commit_line(commit: TrunkCommit) -> str:
    return f"{commit.at:%Y-%m-%d %H:%M} {commit.sha[:7]} {commit.subject} ({commit.author}): {_checks(commit.checks)}"


def _checks(checks: Sequence[Check]) -> str:
    """Say what they have come to; of those that failed, which."""
    failed = [each.name for each in checks if each.passed is False]
    running = [each.name for each in checks if each.passed is None]
    if failed or running:
        said = [f"failed: {', '.join(failed)}"] if failed else []
        return "; ".join([*said, *([f"not done: {', '.join(running)}"] if running else [])])
    return f"{len(checks)} checks passed" if checks else "no checks"


async def _merged(means: Means) -> Answer:
    """Show what was merged lately: the usual cause of what is new."""
    if means.asked_forge is None:
        return Answer(Outcome.REFUSED, "What was merged: GitHub is not configured.")
    try:
        merged = await means.forge.merged(means.now() - LATELY)
    except (RefusedError, UnavailableError) as error:
        return Answer(Outcome.FAILED, f"What was merged cannot be told: {error}.")
    text = "\n".join(map(_line, merged[:MOST_MERGED])) or "nothing in seven days"
    return Answer(Outcome.DONE, "", (Section("Merged lately", text, newest_last=False),))


def _line(merged: Merged) -> str:
    return f"{merged.merged_at:%Y-%m-%d %H:%M} #{merged.number} {merged.branch} ({merged.commit[:7]})"


async def _help(_: Means, __: Ask) -> Answer:
    return help_answer()


READS: Mapping[Name, Read] = MappingProxyType(
    {
        Name.LOGS: logs.logs,
        Name.BUILD_LOGS: logs.build_logs,
        Name.USER: logs.user,
        Name.DATABASE: logs.database,
        Name.HEALTH: views.health,
        Name.STATUS: views.status,
        Name.DEPLOYMENTS: views.deployments,
        Name.METRICS: views.metrics,
        Name.VARIABLES: variables,
        Name.INCIDENTS: views.incidents,
        Name.WHY: views.why,
        Name.DIAGNOSE: diagnose,
        Name.HELP: _help,
    }
)
