"""Wires what tends the pull requests: from the forge's list to a merge, and to what it deploys."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from devops_daemon.adapters.git.clone import LARGE_KIB, GitClone
from devops_daemon.adapters.store.deployments import DeploymentRows
from devops_daemon.adapters.store.incidents import IncidentRows
from devops_daemon.adapters.store.pulls import PullRows
from devops_daemon.adapters.store.switches import SwitchRows
from devops_daemon.answering import Grounds
from devops_daemon.calling import trigger
from devops_daemon.connections import is_public, public_url, utc_now
from devops_daemon.evidence.failed import LastWords
from devops_daemon.evidence.secrets import Secrets
from devops_daemon.forge import Pull, Repository
from devops_daemon.hosting import DeploymentRecord
from devops_daemon.model import Incident
from devops_daemon.ports import PAUSED, Forge, Platform, Switch
from devops_daemon.pulls.agent import Agent
from devops_daemon.pulls.by_hand import ByHand
from devops_daemon.pulls.land import Land, Manner, Sources
from devops_daemon.pulls.ownership import Agents
from devops_daemon.pulls.policy import Around, Terms
from devops_daemon.pulls.reporting import Report
from devops_daemon.pulls.tend import Tend
from devops_daemon.pulls.untangle import Shop, Untangle
from devops_daemon.pulls.verdict import Patience
from devops_daemon.response.choose import paused
from devops_daemon.settings import Settings

MEND_WITHIN = 6
"""So many times `MERGE_WAIT` the agent is given to mend a conflict: an hour, by default."""


@dataclass(frozen=True, slots=True)
class Tending:
    """What is done about pull requests: by itself, and on the word of people."""

    tend: Tend
    by_hand: ByHand


def tending(
    grounds: Grounds,
    forge: Forge,
    platform: Platform | None,
    probed: Callable[[], frozenset[str] | None],
    standing: str | None,
) -> Tending:
    """Make what looks at the pull requests.

    `probed` gives the hosted services that our probes look at, None where no platform is looked at. `standing` is why
    nothing may be merged for as long as this process runs.
    """
    settings, store = grounds.settings, grounds.store
    incidents, switches = IncidentRows(store), SwitchRows(store)

    repository = settings.github_repository or ""
    url = settings.github_url.rstrip("/")
    folder = settings.data_directory / "git" / f"{repository.replace('/', '-')}.git"

    async def large() -> bool:
        return (await forge.repository()).kib >= LARGE_KIB

    clone = GitClone(folder, f"{url}/{repository}.git", url, forge.git_token, large)

    async def holding() -> Sequence[Incident]:
        return [each for each in await incidents.current(utc_now()) if each.is_urgent and not each.resolved_at]

    def patience() -> Patience:
        known = probed()
        return Patience(settings.merge_wait, settings.checks_settle, known is not None, known or frozenset())

    def forbids(switch: Switch | None) -> str | None:
        return standing or paused(switch)

    async def why_not() -> str | None:
        return forbids(await switches.read(PAUSED))

    agent = Agent(forge, trigger(settings.code_agent_trigger))

    async def public() -> bool:
        return not settings.public_logs and await is_public(forge)

    last_words = LastWords(platform, Secrets(grounds.knowing, utc_now), public).of if platform else _nothing
    sources = Sources(forge, PullRows(store), DeploymentRows(store), holding, patience, agent, last_words)
    manner = Manner(settings.merge_method, forbids, public_url(settings), settings.dry_run)
    land, said = Land(sources, manner, utc_now), terms(settings)
    every, dry = settings.pulls_interval, settings.dry_run
    shop = Shop(clone, forge, sources.ledger, land, agent, MEND_WITHIN * settings.merge_wait, grounds.plans.append_only)
    untangle = Untangle(shop, utc_now)
    report = Report(forge, public_url(settings)) if grounds.plans.commit_status else None
    tend = Tend(sources, land, said, why_not, utc_now, every=every, untangle=untangle, report=report, dry_run=dry)

    async def around(repository: Repository, pull: Pull) -> Around:
        return await tend.around(repository, [pull], await holding())

    return Tending(tend, ByHand(forge, sources.ledger, land, said, around, utc_now))


async def _nothing(_: DeploymentRecord) -> str:
    return ""


def terms(settings: Settings) -> Terms:
    """Say what the settings say of merging."""
    return Terms(
        Agents(settings.agent_logins, settings.agent_branches),
        settings.automerge,
        settings.hold_labels,
        settings.protected_paths,
        settings.feedback_merge == "approve",
        settings.checks_settle,
    )
