"""Who gets an answer, and to what. Pure.

Strangers, accounts of programs, and whoever asks too often cost at most one reply: the rest is silence, for a reply
would keep a loop going, or let anybody make the daemon write.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from devops_daemon.asking import UNDER_WAY, Request
from devops_daemon.commands.catalogue import COMMANDS, Name
from devops_daemon.commands.grammar import Ask, Asked, Unclear
from devops_daemon.commands.showing import when
from devops_daemon.forge import Account, Mark, Role

HOUR = timedelta(hours=1)
MOST_AN_HOUR = 30
"""Requests of one account."""
MOST_ACTS = 2
"""Acts by people on one service in an hour (contract, `REMEDIATION_LIMIT`)."""
MOST_HOPS = 3
HOP_MEMORY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks."""

    account: Account
    role: Role
    agent: bool
    """`AGENT_LOGINS` names it."""
    via_app: bool = False
    """A program wrote in a person's name."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Do it."""

    asks: tuple[Ask, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Say no, and why."""

    reason: str
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Silent:
    """Write nothing, not even a reaction; the reason is for the log."""

    reason: str


Admission = Admitted | Refused | Silent


def hop(body: str, on_issue: Sequence[Request], *, agent: bool, now: datetime) -> int:
    """Count the answers to agents in a row on an issue, with the one that is asked for; 0 for a person.

    Both our rows and the marks within what is answered count: an agent may answer on another issue.
    """
    if not agent:
        return 0
    recent = [request for request in on_issue if request.asked_at > now - HOP_MEMORY]
    last = max(recent, key=lambda request: request.asked_at, default=None)
    return 1 + max(last.hop if last else 0, Mark.highest_hop(body))


def admit(asked: Sequence[Asked], who: Who, recent: Sequence[Request], hops: int) -> Admission:
    """Say whether a comment is answered; `recent` is what the same account has asked in the last hour."""
    if who.account.bot and not who.agent:
        return Silent("a program that AGENT_LOGINS does not name")
    if hops > MOST_HOPS:
        return Silent(f"{MOST_HOPS} answers to agents in a row: a person must go on")
    if len(recent) >= MOST_AN_HOUR:
        return Silent(f"more than {MOST_AN_HOUR} requests of one account in an hour")
    refusal = _refusal(asked, who)
    if refusal is None:
        return Admitted(tuple(ask for ask in asked if isinstance(ask, Ask)))
    if who.role < Role.TRIAGE and not who.agent and any(request.outcome == "refused" for request in recent):
        return Silent("a stranger who was refused within the hour")
    return refusal


def _refusal(asked: Sequence[Asked], who: Who) -> Refused | None:
    asks = [COMMANDS[ask.name] for ask in asked if isinstance(ask, Ask)]
    acts = [command for command in asks if command.acts]
    if acts and (who.agent or who.via_app):
        return Refused(f"“{acts[0].name}” changes something: agents may only read here. A person can ask for it.")
    least = max((command.role for command in asks), default=Role.TRIAGE)
    if who.role < least and not who.agent:
        needs = next(command.name for command in asks if command.role is least) if asks else Name.HELP
        return Refused(f"“{needs}” needs {_named(least)} access to this repository, which you do not have.")
    unclear = next((each for each in asked if isinstance(each, Unclear)), None)
    if unclear is not None:
        return Refused(f"I do not understand “{unclear.words}”.", unclear.nearest)
    if acts and len(asked) > 1:
        return Refused("What changes something is asked for alone: one comment, one command.", (acts[0].usage,))
    return None


def _named(role: Role) -> str:
    return role.name.lower()


def forbidden_by(others: Sequence[Request], target: str, now: datetime) -> str | None:
    """Say why nothing may be begun on a service, by what others have begun there within the hour."""
    under_way = next((act for act in others if act.state in UNDER_WAY), None)
    if under_way:
        return f"{target}: {under_way.act}, which {under_way.author} asked for, is still under way."
    free_at = spent(others, now)
    if free_at is None:
        return None
    return f"{target} was acted upon twice within the hour, which is the limit; it is free again at {when(free_at)}."


def spent(acts: Sequence[Request], now: datetime) -> datetime | None:
    """Say when a person may act on a service again, None where that is now."""
    begun = sorted(act.acting_since for act in acts if act.acting_since and act.acting_since > now - HOUR)
    return begun[-MOST_ACTS] + HOUR if len(begun) >= MOST_ACTS else None
