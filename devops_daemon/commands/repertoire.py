"""What is done for whoever asks: two tables, of what is watched to its end and of what is done at once."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from devops_daemon.asking import Request
from devops_daemon.commands import acts
from devops_daemon.commands.answer import Answer
from devops_daemon.commands.catalogue import Name
from devops_daemon.commands.grammar import Ask
from devops_daemon.commands.means import Means
from devops_daemon.commands.provision import provision
from devops_daemon.commands.variables import set_variables
from devops_daemon.hosting import HostedService
from devops_daemon.rollout.verdict import Action

ROLLOUTS: Mapping[Name, Callable[[Means, HostedService, Ask], Awaitable[acts.Plan]]] = MappingProxyType(
    {
        Name.RESTART: acts.restart,
        Name.REDEPLOY: acts.redeploy,
        Name.ROLLBACK: acts.rollback,
        Name.SET_VARIABLES: set_variables,
    }
)
"""What is done to a service, and watched."""

DEEDS: Mapping[Name, Callable[[Means, Request, Ask], Awaitable[Answer]]] = MappingProxyType(
    {
        Name.DECLARE: acts.declare,
        Name.ACKNOWLEDGE: acts.acknowledge,
        Name.RESOLVE: acts.resolve,
        Name.SEVERITY: acts.set_severity,
        Name.SILENCE: acts.silence,
        Name.UNSILENCE: acts.unsilence,
        Name.MERGE: acts.merge,
        Name.REBASE: acts.rebase,
        Name.HOLD: acts.hold,
        Name.PROVISION: provision,
        Name.CLEAR_SESSIONS: acts.clear_sessions,
        Name.CLEAR_ORPHANS: acts.clear_orphans,
        Name.PAUSE: acts.pause,
        Name.RESUME: acts.resume,
    }
)
"""What is done at once."""


def action_of(act: str) -> Action:
    """Name what the platform does in an act that is watched, by the act's name."""
    return Action.DEPLOY if act == Name.SET_VARIABLES else Action(act)
