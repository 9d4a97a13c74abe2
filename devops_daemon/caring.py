"""Wires what answers for incidents: what is found out, what is done, and who is told."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from devops_daemon.adapters.store.deployments import DeploymentRows
from devops_daemon.adapters.store.gauges import GaugeRows
from devops_daemon.adapters.store.health import HealthRows
from devops_daemon.adapters.store.incidents import IncidentRows, TurnRows
from devops_daemon.adapters.store.mending import MendingRows
from devops_daemon.adapters.store.signals import SignalRows
from devops_daemon.adapters.store.silences import SilenceRows
from devops_daemon.adapters.store.switches import SwitchRows
from devops_daemon.answering import Grounds
from devops_daemon.calling import trigger
from devops_daemon.connections import is_public, public_url, utc_now
from devops_daemon.evidence.secrets import Secrets
from devops_daemon.health.watch import Watch
from devops_daemon.hosting import DeploymentRecord, HostedService
from devops_daemon.incidents.attempts import Patience
from devops_daemon.incidents.gather import Gather
from devops_daemon.incidents.hushing import Hushing
from devops_daemon.incidents.mitigation import Rules
from devops_daemon.incidents.people import People
from devops_daemon.incidents.report import Manner
from devops_daemon.incidents.runbook import Runbooks
from devops_daemon.mending import Duty, Evidence
from devops_daemon.model import Incident, ProbeKey, ProbeState, Status
from devops_daemon.ports import Forge, Notices, Platform
from devops_daemon.quiet import Quiet, current
from devops_daemon.response.attempts import Attempts
from devops_daemon.response.care import Care
from devops_daemon.response.choose import Choose, Senses
from devops_daemon.response.earlier import Earlier
from devops_daemon.response.mend import Books, Mending, Orders, Taken
from devops_daemon.response.prepare import FindOut
from devops_daemon.response.remedies import Tools
from devops_daemon.response.sessions import Sessions
from devops_daemon.response.tell import Audience, Tell
from devops_daemon.response.verify import Verify
from devops_daemon.settings import Settings

EPHEMERAL = (
    "the store is lost at each deployment, and limits with it: attach a volume, set DEVOPS_DATABASE_URL,"
    " or ALLOW_EPHEMERAL_STORE=true"
)
LOOK_EVERY = timedelta(seconds=15)


def ephemeral(settings: Settings) -> str | None:
    """Say why nothing is done by itself where the store does not last."""
    return EPHEMERAL if settings.ephemeral_store and not settings.allow_ephemeral_store else None


class Caring:
    """The incidents' care and what it rests on."""

    def __init__(
        self,
        grounds: Grounds,
        watch: Watch,
        forge: Forge | None,
        platform: Platform | None,
        notices: Notices | None,
        look: Callable[[], None],
    ) -> None:
        """`look` asks for a round of our probes soon."""
        settings, store = grounds.settings, grounds.store
        incidents, mending, deployments = IncidentRows(store), MendingRows(store), DeploymentRows(store)
        switches = SwitchRows(store)
        secrets = Secrets(grounds.knowing, utc_now)
        upkeep = grounds.upkeep()
        self.sessions = Sessions(upkeep, GaugeRows(store), utc_now)
        self._watch = watch
        self._planned = grounds.plans.maintenance
        self.silences = SilenceRows(store)

        async def manner() -> Manner:
            redactor = await secrets.at_best(platform)
            public = not settings.public_logs and await is_public(forge)
            return Manner(redactor.text, public, public_url(settings), settings.escalation_mentions)

        health = HealthRows(store)

        async def states() -> Mapping[ProbeKey, ProbeState]:
            return {state.key: state for state in await health.states()}

        runbooks = Runbooks(grounds.plans.runbooks)
        every = min(settings.confirm_interval, LOOK_EVERY)
        rules = Rules(settings.remediation_limit, settle=settings.remediation_pause, retry=every, runbooks=runbooks)
        senses = Senses(
            grounds.watchlist,
            states,
            watch.look_again,
            lambda incident: mending.evidence(incident.id),
            self.sessions.piled,
        )
        tools = Tools(platform, deployments, upkeep) if platform else None
        choose = Choose(senses, switches, tools, rules, utc_now, ephemeral(settings))
        pause = settings.remediation_pause
        verify = Verify(platform, mending, grounds.watchlist, states, utc_now, look, pause=pause)
        books = Books(incidents, mending, deployments)
        find_out = FindOut(
            books,
            platform,
            Gather(platform, secrets, utc_now).of if platform else _nothing,
            grounds.watchlist,
            utc_now,
            lambda: forge.problem if forge else None,
        )
        self.earlier = Earlier(forge, grounds.ledger, incidents, manner, self._is_well, utc_now) if forge else None
        audience = Audience(
            forge,
            notices,
            trigger(settings.code_agent_trigger),
            manner,
            self.quiets,
            self.earlier.of if self.earlier else None,
            dry_run=settings.dry_run,
        )
        owner = grounds.owner or f"replica {uuid.uuid4()}"
        mend = Mending(books, choose, verify, Orders(rules, every, settings.dry_run), self.quiets, utc_now)
        patience = Patience(deployed_within=settings.merge_wait, settle=settings.remediation_pause)
        attempts = Attempts(forge, mending, deployments, patience, utc_now)
        tell = Tell(audience, incidents, mending, grounds.ledger, switches, attempts, utc_now)

        async def find_out_and_mend(incident: Incident) -> Taken:
            taken = await mend.as_far_as_it_goes(await find_out.about(incident))
            if taken[0].version != incident.version:
                self.telling.changed()
            return taken

        self.mending = Care(TurnRows(store, Duty.MEND), find_out_and_mend, owner, utc_now)
        self.telling = Care(TurnRows(store, Duty.TELL), tell.all_of, owner, utc_now)
        self.people = People(
            incidents, grounds.ledger, SignalRows(store), grounds.watchlist.services, utc_now, self.changed
        )
        self.hushing = Hushing(self.silences, grounds.watchlist.names, utc_now, self.changed)

    async def quiets(self) -> list[Quiet]:
        """Give what nothing is done or told of now."""
        now = utc_now()
        return current(self._planned, await self.silences.current(now), now)

    def changed(self) -> None:
        """Wake whoever answers for incidents."""
        self.mending.changed()
        self.telling.changed()

    async def sample(self) -> None:
        """Count what is usual, while all is well."""
        if self._is_well():
            await self.sessions.sample()

    def _is_well(self) -> bool:
        states = self._watch.latest.values()
        return bool(states) and all(state.status is Status.UP for state in states)


async def _nothing(_: Incident, __: HostedService, ___: DeploymentRecord | None) -> Sequence[Evidence]:
    return ()
