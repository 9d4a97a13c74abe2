"""Go on with what an earlier run left on the forge when its rows were lost: nothing stays open that is over."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from devops_daemon.incidents import report
from devops_daemon.incidents.earlier import LeftBehind, left_behind
from devops_daemon.incidents.report import Manner
from devops_daemon.model import Incident
from devops_daemon.ports import Clock, Forge, IncidentLedger, RefusedError, StatusLedger, UnavailableError

LOOKED_BACK = timedelta(days=30)
"""For what was written on such an issue."""
log = structlog.get_logger("incident")


class Earlier:
    """Finds such issues; closes those that are over."""

    def __init__(
        self,
        forge: Forge,
        history: StatusLedger,
        incidents: IncidentLedger,
        manner: Callable[[], Awaitable[Manner]],
        is_well: Callable[[], bool],
        now: Clock,
    ) -> None:
        """`is_well` tells whether all that is watched is up."""
        self._forge = forge
        self._history = history
        self._incidents = incidents
        self._manner = manner
        self._is_well = is_well
        self._now = now

    async def of(self, incident: Incident, link: str | None) -> LeftBehind | None:
        """Find the newest that is about the same outage. Raises UnavailableError or RefusedError."""
        return next((each for each in await self._all(link) if each.is_about(incident)), None)

    async def look(self) -> None:
        """Close what is over: all is well, and no incident is open that may go on with it. Never raises."""
        try:
            if not self._is_well() or await self._incidents.current(self._now()):
                return
            for left in await self._all((await self._manner()).link):
                await self._close(left)
        except (UnavailableError, RefusedError) as error:
            log.debug("earlier.not_closed", reason=str(error))

    async def _all(self, link: str | None) -> list[LeftBehind]:
        issues = await self._forge.open_issues(report.LABEL)
        found = [left for issue in issues if (left := left_behind(issue, link))]
        return [left for left in found if await self._history.incident(left.incident) is None]

    async def _close(self, left: LeftBehind) -> None:
        number = left.issue.number
        mark = report.mark_by_id(left.incident, "resolved")
        if await self._forge.find_comment(number, mark, self._now() - LOOKED_BACK) is None:
            await self._forge.comment(number, report.lost(left.incident))
        await self._forge.set_open(number, open_=False)
        log.info("incident.closed_for_an_earlier_run", incident=left.incident, issue=number)
