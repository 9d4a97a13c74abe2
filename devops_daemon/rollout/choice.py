"""Which deployment an act is about. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from devops_daemon.hosting import UNDER_WAY, Deployment, HostedService, Phase


@dataclass(frozen=True, slots=True)
class Chosen:
    """One that can be taken."""

    deployment: Deployment
    warning: str = ""
    """What a person should know before."""


@dataclass(frozen=True, slots=True)
class NoneFits:
    """None can be taken, and why."""

    reason: str


Choice = Chosen | NoneFits


def to_redeploy(service: HostedService) -> Choice:
    """Choose the deployment that serves, for that is the code that is known; else the latest."""
    deployment = service.serving or service.latest
    if deployment is None:
        return NoneFits(f"{service.name} was never deployed: there is nothing to deploy again")
    if deployment.phase is Phase.ENDED and not deployment.can_redeploy:
        commit = f": deploy its commit {deployment.commit.sha}" if deployment.commit else ""
        return NoneFits(f"{service.name}: what ran last was removed, and cannot be deployed again as it was{commit}")
    return Chosen(deployment)


def to_remove(service: HostedService) -> Choice:
    """Choose what runs."""
    if service.serving is not None:
        return Chosen(service.serving)
    latest = service.latest
    if latest is not None and latest.phase in {Phase.LIVE, Phase.CRASHED, Phase.SLEEPING}:
        return Chosen(latest)
    return NoneFits(f"{service.name}: nothing of it runs")


def to_cancel(service: HostedService) -> Choice:
    """Choose what is under way."""
    latest = service.latest
    if latest is None or latest.phase not in UNDER_WAY:
        return NoneFits(f"{service.name}: no deployment is under way")
    return Chosen(latest)


def to_roll_back(
    service: HostedService,
    deployments: Sequence[Deployment],
    identifier: str | None = None,
    well: Collection[str] | None = None,
) -> Choice:
    """Choose the newest deployment of other code from before that which serves was first there, with its image kept.

    With `identifier` that one is meant; of `well`, where it is given, it must be one. Warns where a variable or setting
    has been changed since: Railway's rollback brings the old ones back too.
    """
    current = service.serving or service.latest
    if current is None:
        return NoneFits(f"{service.name} was never deployed: there is nothing to go back to")
    older = [each for each in deployments if each.created_at < current.created_at]
    older.sort(key=lambda each: each.created_at, reverse=True)
    if identifier:
        named = [each for each in older if each.id.startswith(identifier)]
        if len(named) != 1:
            return NoneFits(f"{service.name} has {len(named) or 'no'} earlier deployments {identifier}")
        if not named[0].can_rollback:
            return NoneFits(f"{named[0].what}: cannot be rolled back to: its image is kept no longer")
        return _with_warning(named[0], deployments)
    first = min(each.created_at for each in (*deployments, current) if not _differs(each, current))
    for each in older:
        # what came between was left already: going back there would bring back why
        if (
            each.created_at < first
            and each.can_rollback
            and each.phase in {Phase.ENDED, Phase.LIVE, Phase.SLEEPING}
            and _differs(each, current)
            and (well is None or each.id in well)
        ):
            return _with_warning(each, deployments)
    known = "" if well is None else " and was found well"
    return NoneFits(
        f"{service.name}: no earlier deployment of other code can be rolled back to{known} (images are kept for days)"
    )


def _differs(one: Deployment, other: Deployment) -> bool:
    if one.commit and other.commit:
        return one.commit.sha != other.commit.sha
    return one.image != other.image


def _with_warning(target: Deployment, deployments: Sequence[Deployment]) -> Chosen:
    # one that failed, or is under way, has changed them as well
    changed = [each for each in deployments if each.patch_id and target.created_at < each.created_at]
    if not changed:
        return Chosen(target)
    when = ", ".join(f"{each.created_at:%Y-%m-%d %H:%M}" for each in changed)
    return Chosen(target, f"variables or settings were changed since ({when} UTC): a rollback brings back the old ones")
