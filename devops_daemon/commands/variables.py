"""Variables of services: their names for who may read, and what an operator sets; no value is ever told or kept."""

import asyncio
from collections.abc import Sequence

from devops_daemon.commands.acts import Plan
from devops_daemon.commands.answer import Answer, Outcome, Section
from devops_daemon.commands.grammar import Ask
from devops_daemon.commands.means import Means
from devops_daemon.hosting import HostedService, Variable
from devops_daemon.ports import RefusedError, UnavailableError, UnclearError
from devops_daemon.rollout.begun import NO_CODE, code_of
from devops_daemon.rollout.verdict import Action, Rollout

SHARED = "(shared)"
NO_PLACE = (
    "A comment is no place for a value. An operator sets variables at the terminal, where it is read without being"
    " shown: devops-daemon action manage-variables service={} --set NAME"
)


async def names(means: Means, service: str | None) -> list[tuple[str, Variable]]:
    """Read the variables of a service, or of all and the shared ones, each with whose it is; no value."""
    hosting = await means.platform.hosting()
    meant = [hosting.service(service)] if service else [None, *hosting.services]
    lists = await asyncio.gather(*(means.platform.variables(each.id if each else None) for each in meant))
    return [
        (each.name if each else SHARED, variable)
        for each, listed in zip(meant, lists, strict=True)
        for variable in listed
    ]


async def variables(means: Means, ask: Ask) -> Answer:
    """Show their names, and which are sealed."""
    return shown(await names(means, ask.service), ask.service)


def shown(found: Sequence[tuple[str, Variable]], service: str | None) -> Answer:
    """Say which variables there are, of a service or of all."""
    whose = list(dict.fromkeys(name for name, _ in found))
    sections = tuple(_section(name, [each for other, each in found if other == name]) for name in whose)
    of = f" of {service}" if service else ""
    return Answer(Outcome.DONE, f"{len(found)} variables{of}; values are never shown.", sections)


def _section(name: str, listed: Sequence[Variable]) -> Section:
    lines = (each.name + (" (sealed)" if each.sealed else "") for each in listed)
    return Section(name, "\n".join(lines), newest_last=False, public=f"{len(listed)} variables")


async def set_variables(means: Means, service: HostedService, ask: Ask) -> Plan:
    """Set variables by one write, and deploy the service once, so that it runs with them."""
    values = dict(ask.values)
    if not values:
        raise RefusedError(NO_PLACE.format(service.name))
    if wrong := means.platform.wrong_variables(values):
        raise RefusedError("; ".join(wrong))
    said = f"{', '.join(values)} of {service.name}"
    serving = service.serving or service.latest  # its code, not what a branch has by now: it may have been rolled back

    async def act() -> Rollout | Answer:
        started = means.now()
        await means.platform.set_variables(service.id, values, deploy=False)
        if service.latest is None:
            return Answer(Outcome.DONE, f"Set: {said}; nothing is deployed that would need to know.")
        try:
            new = await means.platform.deploy(service, serving.commit.sha if serving and serving.commit else None)
        except (RefusedError, UnavailableError) as error:
            raise UnclearError(f"{said}: set, and not deployed yet: {error}") from error
        return Rollout(Action.DEPLOY, new.id, started)

    code = code_of(serving) if serving else NO_CODE
    return Plan(service, code, f"Setting {said}, then deploying it.", act)
