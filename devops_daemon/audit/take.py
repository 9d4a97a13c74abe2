"""Take an audit: one snapshot through the ports, the rules, and one issue; the one before is closed and leads to it.

What is due is a row: the slot that a clock gave. What cannot be read is said to be so; an issue that cannot be opened
now is opened later, and found by its mark before.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from devops_daemon.audit import wording
from devops_daemon.audit.rules import judged
from devops_daemon.audit.snapshot import Snapshot
from devops_daemon.auditing import LABEL, Audit
from devops_daemon.ports import AuditLedger, Clock, Forge, GoneError, LostRaceError, RefusedError, UnavailableError

LEASE = timedelta(minutes=5)
"""So long it is in the hand of whoever tells it."""
log = structlog.get_logger("audit")


@dataclass(frozen=True, slots=True)
class Parts:
    """What an audit is taken with."""

    ledger: AuditLedger
    forge: Forge | None
    snapshot: Callable[[], Awaitable[Snapshot]]
    manner: Callable[[], Awaitable[wording.Manner]]
    dry_run: bool = False


class TakeAudit:
    """Takes one for each slot."""

    def __init__(self, parts: Parts, slot: Callable[[datetime], datetime], now: Clock) -> None:
        """`slot` gives the moment at which the newest audit was due."""
        self._parts = parts
        self._slot = slot
        self._now = now

    async def look(self) -> None:
        """Take what is due, and tell what is not told. Never raises, but for cancellation: a later look does it."""
        try:
            await self._look()
        except LostRaceError:
            log.debug("audit.taken_elsewhere")
        except (UnavailableError, RefusedError) as error:
            log.warning("audit.later", reason=str(error))

    async def now(self) -> Audit:
        """Take one at once, for whoever asks: nothing of it is kept or written."""
        taken = self._now()
        return Audit(taken, taken, judged(await self._parts.snapshot()))

    async def _look(self) -> None:
        ledger, slot = self._parts.ledger, self._slot(self._now())
        audits = await ledger.latest()
        if not audits:  # the first week is not over when the daemon has just begun
            audits = [await ledger.keep(Audit(slot, self._now(), (), closed=True))]
        if audits[0].slot < slot:
            remarks = judged(await self._parts.snapshot())
            audits = [await ledger.keep(Audit(slot, self._now(), remarks)), *audits]
            log.info("audit.taken", slot=slot, status=wording.status(remarks), ill=sum(each.is_ill for each in remarks))
        newest, *older = audits
        before = next((each for each in older if each.remarks), None)
        if newest.remarks and self._parts.forge is not None and not self._parts.dry_run:
            await self._tell(newest, before, self._parts.forge)

    async def _tell(self, audit: Audit, before: Audit | None, forge: Forge) -> None:
        """Open its issue, once, and close that of the one before."""
        now = self._now()
        if audit.closed or (audit.in_hand_until and now < audit.in_hand_until):
            return
        audit = await self._parts.ledger.keep(replace(audit, in_hand_until=now + LEASE))
        if audit.issue is None:
            mark = wording.mark_of(audit, before)
            found = await forge.find_issue(mark, LABEL)
            if found is None:
                text = wording.body(audit, before, await self._parts.manner())
                found = await forge.open_issue(wording.title(audit, before), text, wording.LABELS)
            audit = await self._parts.ledger.keep(replace(audit, issue=found.number, issue_url=found.url))
            log.info("audit.told", issue=found.number)
        if before is not None and before.issue is not None:
            await self._close(before.issue, forge)
        await self._parts.ledger.keep(replace(audit, closed=True))

    async def _close(self, issue: int, forge: Forge) -> None:
        try:
            await forge.set_open(issue, open_=False)
        except GoneError:
            log.info("audit.issue_gone", issue=issue)
