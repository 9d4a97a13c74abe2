"""Wires the weekly audit: what it looks at, where it is kept, and its issue."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from devops_daemon.adapters.store.audits import AuditRows
from devops_daemon.adapters.store.history import HistoryRows
from devops_daemon.answering import Grounds
from devops_daemon.audit.gather import CheckUp, Gather, Sources
from devops_daemon.audit.snapshot import Setup
from devops_daemon.audit.take import Parts, TakeAudit
from devops_daemon.audit.wording import Manner
from devops_daemon.connections import is_public, public_url, utc_now
from devops_daemon.evidence.secrets import Secrets
from devops_daemon.model import Finding
from devops_daemon.ports import Platform
from devops_daemon.quiet import last_slot
from devops_daemon.settings import Settings

if TYPE_CHECKING:
    from devops_daemon.adapters.github.forge import GitHub
    from devops_daemon.adapters.railway.api import Api

AUDIT_LOOKED_AT = timedelta(minutes=1)
"""How often it is looked whether one is due, or not told."""


def reviewing(grounds: Grounds, forge: "GitHub | None", api: "Api | None", platform: Platform | None) -> TakeAudit:
    """Make what takes the audits; `api` is Railway's own, for its check-up."""
    settings = grounds.settings
    secrets = Secrets(grounds.knowing, utc_now)
    sources = Sources(
        services=grounds.watchlist.services,
        setup=_setup(settings),
        ledger=grounds.ledger,
        own=HistoryRows(grounds.store, settings.check_interval),
        secrets=secrets,
        platform=platform,
        forge=forge,
        checkups=_checkups(forge, api),
        own_service=settings.railway_service_id,
    )

    async def manner() -> Manner:
        redactor = await secrets.seen()
        return Manner(redactor.text, not settings.public_logs and await is_public(forge), public_url(settings))

    def slot(now: datetime) -> datetime:
        return last_slot(settings.audit_cron, now)

    parts = Parts(AuditRows(grounds.store), forge, Gather(sources, utc_now).snapshot, manner, settings.dry_run)
    return TakeAudit(parts, slot, utc_now)


def _setup(settings: Settings) -> Setup:
    return Setup(
        escalation=bool(settings.escalation_mentions),
        notices=bool(settings.notify_urls),
        heartbeat=settings.heartbeat_url is not None,
        lasting=not settings.ephemeral_store,
    )


def _checkups(forge: "GitHub | None", api: "Api | None") -> dict[str, CheckUp]:
    """Ask what `doctor` asks; each is loaded when it is needed."""
    found: dict[str, CheckUp] = {}
    if forge is not None:

        async def of_github() -> AsyncIterator[Finding]:
            from devops_daemon.adapters.github.checkup import check_up  # noqa: PLC0415

            async for finding in check_up(forge, utc_now):
                yield finding

        found["GitHub"] = of_github
    if api is not None:

        async def of_railway() -> AsyncIterator[Finding]:
            from devops_daemon.adapters.railway.checkup import check_up  # noqa: PLC0415

            async for finding in check_up(api, utc_now):
                yield finding

        found["Railway"] = of_railway
    return found
