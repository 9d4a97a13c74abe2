"""Choose what is to be done about an outage, by what is true now; or say why nothing is."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from devops_daemon.hosting import UNDER_WAY, HostedService, Phase, PlatformNews
from devops_daemon.incidents import cause
from devops_daemon.incidents.mitigation import Rules, held_by_results, held_by_states
from devops_daemon.incidents.runbook import Signs, recognise, untried
from devops_daemon.mending import Act, Evidence, Pattern, Remedy
from devops_daemon.model import Incident, ProbeKey, ProbeKind, ProbeState, Result, Watchlist
from devops_daemon.ports import PAUSED, Clock, RefusedError, Switch, Switches, UnavailableError
from devops_daemon.response.remedies import NotFittingError, Plan, Tools, plan
from devops_daemon.rollout.begun import code_of
from devops_daemon.rollout.matching import match
from devops_daemon.rollout.serving import Serving, state

LOOKS: Mapping[Pattern, str] = {
    Pattern.DEPLOYMENT: "nothing was well since the deployment that went live just before",
    Pattern.SESSIONS: "sign-in fails, and far more sessions are open than usual",
    Pattern.MEMORY: "it ran out of memory",
    Pattern.CRASHED: "its process has ended",
    Pattern.DATABASE: "it does not reach its database",
    Pattern.HUNG: "it runs, and does not answer as it should",
}


NEW_CONTAINER = frozenset({Act.REDEPLOY, Act.ROLLBACK})


class HeldError(Exception):
    """Nothing is done for now; the text says why."""


class BeyondError(Exception):
    """Nothing more can be done without a person; the text says why."""


@dataclass(frozen=True, slots=True)
class Senses:
    """How the product is seen."""

    watchlist: Watchlist
    states: Callable[[], Awaitable[Mapping[ProbeKey, ProbeState]]]
    """What the looks have come to, by whichever replica. Raises UnavailableError."""
    probe: Callable[[Collection[ProbeKey]], Awaitable[Sequence[Result]]]
    """Looks at some probes now; nothing of it is kept."""
    evidence: Callable[[Incident], Awaitable[Sequence[Evidence]]]
    """What was seen around the beginning of an outage."""
    sessions_piled: Callable[[Incident], Awaitable[bool]]
    """Tells whether far more sessions are open than usual: it asks the backend, which may not answer."""

    def root(self, incident: Incident) -> str:
        """Name the service that is answered for: the most upstream of those that are not well."""
        return cause.cause([member.key for member in incident.down], self.watchlist.services).service


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to be done, to which watched service, and why."""

    plan: Plan
    watched: str
    reason: str


class Choose:
    """Chooses."""

    def __init__(
        self, senses: Senses, switches: Switches, tools: Tools | None, rules: Rules, now: Clock, standing: str | None
    ) -> None:
        """`standing` says why nothing may ever be done, where that is so; without `tools` nothing can be."""
        self._senses = senses
        self._switches = switches
        self._tools = tools
        self._rules = rules
        self._now = now
        self._standing = standing

    async def what(self, incident: Incident, remedies: Sequence[Remedy]) -> Chosen:
        """Choose; raises HeldError, BeyondError, and UnavailableError where the store cannot be used."""
        held = (
            self._standing
            or paused(await self._switches.read(PAUSED))
            or held_by_states(incident, await self._senses.states())
        )
        if held:
            raise HeldError(held)
        if self._tools is None:
            raise BeyondError("Railway is not configured: nothing can be done from here")
        root = self._senses.root(incident)
        service = await self._service(self._tools, root)
        pattern = recognise(await self._signs(incident, service, root))
        chosen = Chosen(*await self._first_that_fits(self._tools, service, root, pattern, remedies))
        if chosen.plan.act in NEW_CONTAINER:
            await self._ask_for_news(self._tools)
        await self._look_once_more(incident, root)
        return replace(chosen, watched=root)

    async def _service(self, tools: Tools, name: str) -> HostedService:
        """Find what is to be acted on; raises HeldError while it is changing, BeyondError where it is not hosted."""
        try:
            hosting = await tools.platform.hosting()
        except UnavailableError as error:
            raise HeldError(f"Railway cannot be asked, and nothing is done blindly: {error}") from error
        except RefusedError as error:
            raise BeyondError(f"Railway does not let us: {error}") from error
        if hosting.partial:
            raise HeldError("parts of Railway's answer are missing, and nothing is done on its word")
        service = match(self._senses.watchlist.services, hosting).get(name)
        if service is None:
            raise BeyondError(f"Railway knows no service {name}: nothing can be done from here")
        changing = _changing(service, self._now(), self._rules.settle)
        if changing:
            raise HeldError(changing)
        return service

    async def _signs(self, incident: Incident, service: HostedService, root: str) -> Signs:
        kinds = {probe.key: probe.kind for probe in self._senses.watchlist.probes}
        failing = {kinds.get(member.key) for member in incident.down if member.key.service == root}
        sign_in = failing == {ProbeKind.SIGN_IN}
        evidence = await self._senses.evidence(incident)
        return Signs(
            failing_since=incident.failing_since and _serves(service) == incident.suspect,
            sessions_piled=sign_in and await self._senses.sessions_piled(incident),
            sign_in=sign_in,
            out_of_memory=any(each.out_of_memory and each.taken_at >= incident.began_at for each in evidence),
            crashed=state(service, self._now()).serving is Serving.DOWN,
            database=ProbeKind.READINESS in failing and ProbeKind.HTTP not in failing,
        )

    async def _first_that_fits(
        self, tools: Tools, service: HostedService, root: str, pattern: Pattern, remedies: Sequence[Remedy]
    ) -> tuple[Plan, str, str]:
        notes: list[str] = []
        runs = service.serving or service.latest
        for act in untried(self._rules.runbooks.acts(root, pattern), remedies, root, code_of(runs) if runs else None):
            try:
                return await plan(act, tools, service), "", "; ".join([LOOKS[pattern], *notes])
            except NotFittingError as error:
                notes.append(f"no {act}: {error}")
            except UnavailableError as error:
                raise HeldError(f"Railway cannot be asked, and nothing is done blindly: {error}") from error
        raise BeyondError("; ".join([LOOKS[pattern], *notes, "nothing is left that may be tried without a person"]))

    async def _ask_for_news(self, tools: Tools) -> None:
        """Start nothing anew where the platform may not be able to; raises HeldError. What runs badly still runs."""
        try:
            news = await tools.platform.news()
        except (UnavailableError, RefusedError):
            return
        if not news.stable:
            raise HeldError(f"{told_of(news)}: what needs a new container waits")

    async def _look_once_more(self, incident: Incident, root: str) -> None:
        """Look at what fails just before something is done about it; raises HeldError."""
        keys = [member.key for member in incident.down if member.key.service == root]
        held = held_by_results(await self._senses.probe(keys))
        if held:
            raise HeldError(held)


def told_of(news: PlatformNews) -> str:
    """Say that the platform is in trouble by its own word."""
    return f"Railway is in trouble by its own word ({news.text or news.url or 'it says no more'})"


def paused(switch: Switch | None) -> str | None:
    """Say that it is paused, and by whom."""
    return f"paused by {switch.by} since {switch.on_since:%Y-%m-%d %H:%M} UTC" if switch else None


def _serves(service: HostedService) -> str | None:
    """Name the deployment that serves, or that was to."""
    runs = service.serving or service.latest
    return runs.id if runs else None


def _changing(service: HostedService, now: datetime, settle: timedelta) -> str | None:
    """Say what is changing at the platform by itself, or by a person: until that has ended nothing is done."""
    latest = service.latest
    if latest is not None and latest.phase in UNDER_WAY and latest.phase is not Phase.BLOCKED:
        return f"{service.name}: {latest.what} is {latest.status.lower()}"
    serves = service.serving
    if serves is not None and serves.changed_at and timedelta() <= now - serves.changed_at < settle:
        return f"{service.name}: {serves.what} went live just now"
    serving = state(service, now)
    if serving.serving in {Serving.STARTING, Serving.ASLEEP, Serving.SCHEDULED}:
        return f"{service.name}: {serving.text}"
    return None
