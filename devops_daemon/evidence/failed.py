"""What a deployment that failed has said: its build's log, or its own, and the step that broke."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from devops_daemon.evidence.excerpt import of_lines, of_steps
from devops_daemon.evidence.search import readable
from devops_daemon.evidence.secrets import Secrets
from devops_daemon.hosting import DeploymentRecord, LogKind, LogQuery
from devops_daemon.ports import Platform, RefusedError, UnavailableError

MOST_LINES = 200
WITHIN = timedelta(seconds=15)
log = structlog.get_logger("evidence")


class LastWords:
    """Reads them, as far as they may be shown."""

    def __init__(self, platform: Platform, secrets: Secrets, public: Callable[[], Awaitable[bool]]) -> None:
        """`public` tells whether strangers read what is written: then only what is said often is shown."""
        self._platform = platform
        self._secrets = secrets
        self._public = public

    async def of(self, failed: DeploymentRecord) -> str:
        """Give them, redacted; nothing where they cannot be read now. Never raises, but for cancellation."""
        try:
            async with asyncio.timeout(WITHIN.total_seconds()):
                return await self._read(failed)
        except (UnavailableError, RefusedError, TimeoutError) as error:
            log.info("evidence.unread", what="failed deployment", reason=str(error) or "it took too long")
            return ""

    async def _read(self, failed: DeploymentRecord) -> str:
        hosting = await self._platform.hosting()
        services = [each for each in hosting.services if each.id == failed.service_id]
        redactor = await self._secrets.of(self._platform, services)
        kind = LogKind.DEPLOY if failed.live_at else LogKind.BUILD
        query = LogQuery(MOST_LINES, service_id=failed.service_id, deployment_id=failed.id, kind=kind)
        steps, lines = await asyncio.gather(self._platform.steps(failed.id), self._platform.logs(query))
        shown = int(await self._public())
        words = [of_lines(lines, redactor)[shown]]
        if broken := of_steps(steps, redactor):
            words.insert(0, broken[shown])
        return readable("\n\n".join(filter(None, words)), redactor.text)
