"""Find what no webhook brought: comments since the last look, and deliveries that the forge could not make.

Both end where a webhook would have put them, in the inbox; what comes twice is done once. At the very first start
everything from before is history: it begins now. Of several replicas one sweeps.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from devops_daemon.entrypoints.deliveries import speaks_to_us, swept
from devops_daemon.entrypoints.schedule import slot
from devops_daemon.forge import Comment, HookDelivery
from devops_daemon.inbox import Arrival
from devops_daemon.ports import (
    Bookmarks,
    Clock,
    Forge,
    GoneError,
    Inbox,
    RefusedError,
    TickLedger,
    UnavailableError,
)

SWEEP = "sweep"
"""The clock's name in the rows of its slots."""
COMMENTS, DELIVERIES = "swept comments", "swept deliveries"
OVERLAP = timedelta(minutes=2)
"""The forge's clock and ours differ, and what it wrote last may show late."""
SAME_QUESTION = timedelta(minutes=10)
"""For so long comments are asked for from the same time on: to hear that nothing has changed is free."""
MEMORY = timedelta(days=3)
"""How long the forge keeps what it could not deliver."""
SETTLED = timedelta(minutes=10)
"""What was tried so long ago has arrived, or is listed as failed."""
ASK_AGAIN = timedelta(hours=1)
"""A token that may not read deliveries may do so later."""
log = structlog.get_logger("sweep")


class Sweep:
    """Looks for what was missed; an outage of the forge only delays it."""

    def __init__(
        self,
        forge: Forge,
        inbox: Inbox,
        bookmarks: Bookmarks,
        repository: str,
        now: Clock,
        *,
        ticks: TickLedger | None = None,
        interval: timedelta = timedelta(minutes=1),
    ) -> None:
        """`ticks` is there where other replicas may be: each slot of the `interval` is one's."""
        self._forge = forge
        self._inbox = inbox
        self._bookmarks = bookmarks
        self._repository = repository
        self._now = now
        self._ticks = ticks
        self._interval = interval
        self._begun = False
        self._not_before = now()
        self._told: dict[str, str] = {}
        self._postponed: frozenset[str] = frozenset()
        """The deliveries that could not be read at the last look."""

    async def look(self) -> int:
        """Look once; gives how many deliveries were found that had not come."""
        found = 0
        if await self._is_ours():
            for name, sweep in ((COMMENTS, self._comments), (DELIVERIES, self._deliveries)):
                try:
                    found += await sweep()
                except UnavailableError as error:
                    log.debug("sweep.delayed", of=name, reason=str(error))
                except RefusedError as error:
                    self._tell(name, str(error))
        return found

    async def _is_ours(self) -> bool:
        """Take the slot, unless another replica has it; the look at the start is everybody's."""
        first, self._begun = not self._begun, True
        if self._ticks is None:
            return True
        now = self._now()
        try:
            return await self._ticks.take(SWEEP, slot(now, self._interval), now) or first
        except UnavailableError as error:
            log.debug("tick.not_kept", reason=str(error))
            return True

    async def _comments(self) -> int:
        started = self._now()
        since = await self._bookmarks.read(COMMENTS)
        if since is None:
            await self._bookmarks.move(COMMENTS, started)
            return 0
        comments = await self._forge.comments(slot(since, SAME_QUESTION))
        arrivals = [swept(each, self._repository, started) for each in comments if _is_new(each, since)]
        known = await self._inbox.known([arrival.guid for arrival in arrivals])
        missing = [arrival for arrival in arrivals if arrival.guid not in known]
        for arrival in missing:
            await self._inbox.keep(arrival)
        await self._bookmarks.move(COMMENTS, max(since, started - OVERLAP))
        return len(missing)

    async def _deliveries(self) -> int:
        started = self._now()
        if started < self._not_before:
            return 0
        since = await self._bookmarks.read(DELIVERIES)
        if since is None:
            await self._bookmarks.move(DELIVERIES, started)
            return 0
        try:
            failed = await self._forge.failed_deliveries(max(since, started - MEMORY))
        except RefusedError:
            self._not_before = started + ASK_AGAIN
            raise
        known = await self._inbox.known([delivery.guid for delivery in failed])
        found, postponed = await self._fetched([delivery for delivery in failed if delivery.guid not in known])
        if found:
            log.info("sweep.deliveries", found=found)
        settled = min([started - SETTLED, *(delivery.delivered_at for delivery in postponed)])
        await self._bookmarks.move(DELIVERIES, max(since, settled))
        return found

    async def _fetched(self, missing: Sequence[HookDelivery]) -> tuple[int, Sequence[HookDelivery]]:
        """Read deliveries, each by itself; gives how many were kept, and those that are to be tried again."""
        found, postponed = 0, []
        for delivery in missing:
            try:
                arrival = await self._arrival(delivery)
            except (UnavailableError, RefusedError) as error:
                postponed.append(delivery)
                if delivery.guid not in self._postponed:
                    log.debug("sweep.delivery_postponed", delivery=delivery.guid, reason=str(error))
                continue
            if arrival is not None:
                await self._inbox.keep(arrival)
                found += 1
        self._postponed = frozenset(delivery.guid for delivery in postponed)
        return found, postponed

    async def _arrival(self, delivery: HookDelivery) -> Arrival | None:
        """Read what a delivery was to bring, None where the forge does not keep it any more."""
        try:
            return await self._forge.delivered(delivery)
        except GoneError as error:
            log.debug("sweep.delivery_gone", delivery=delivery.guid, reason=str(error))
            return None

    def _tell(self, name: str, reason: str) -> None:
        """Say once what cannot be swept."""
        if reason != self._told.get(name):
            log.warning("sweep.refused", of=name, reason=reason)
        self._told[name] = reason


def _is_new(comment: Comment, since: datetime) -> bool:
    """Tell whether a comment was written since then, and is what its author wrote.

    What was changed may have been changed by somebody else, who would command with its author's rights.
    """
    # the forge tells whole seconds
    if comment.created_at < since.replace(microsecond=0) or not speaks_to_us(comment.body):
        return False
    if comment.edited:
        log.debug("sweep.edited", comment=comment.id)
    return not comment.edited
