"""Land pull requests: merge one, find out whether it was merged, see what it deploys to its end, and say so there.

A merge is a row before it is done, and one at a time for a base. One that is found `started` by a later look, or by
another process, is looked up and never done again: either GitHub says that it was merged, or it was not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from devops_daemon.forge import Mark, Repository
from devops_daemon.hosting import Became, DeploymentRecord
from devops_daemon.landing import Came, Landing, PullRow, Stage
from devops_daemon.model import Incident
from devops_daemon.ports import (
    Clock,
    DeploymentHistory,
    Forge,
    GoneError,
    PullLedger,
    RefusedError,
    StaleError,
    Switch,
    UnavailableError,
    UnclearError,
)
from devops_daemon.pulls import told
from devops_daemon.pulls.agent import Agent
from devops_daemon.pulls.verdict import Patience, judged

MEMORY = timedelta(days=1)
LONGEST_MERGE = timedelta(minutes=2)
"""A merge of which no answer came may be on its way for so long."""
log = structlog.get_logger("pulls")


@dataclass(frozen=True, slots=True)
class Sources:
    """What is asked, and where it is kept."""

    forge: Forge
    ledger: PullLedger
    deployments: DeploymentHistory
    incidents: Callable[[], Awaitable[Sequence[Incident]]]
    """SEV1 and SEV2 that are not over."""
    patience: Callable[[], Patience]
    agent: Agent
    last_words: Callable[[DeploymentRecord], Awaitable[str]]
    """What a deployment that failed has said, as far as it may be shown."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is done."""

    method: str
    """`squash`, `merge` or `rebase`, where the repository allows it."""
    forbids: Callable[[Switch | None], str | None]
    """Says why the pause forbids a merge; asked in the moment in which one is written down."""
    page: str | None = None
    """The address of the daemon's page."""
    dry_run: bool = False


class Land:
    """Merges, one at a time for each base."""

    def __init__(self, sources: Sources, manner: Manner, now: Clock) -> None:
        self._forge = sources.forge
        self._ledger = sources.ledger
        self._sources = sources
        self._manner = manner
        self._now = now
        self._longest = min(LONGEST_MERGE, sources.patience().wait)

    async def merge(self, repository: Repository, row: PullRow, reason: str) -> str:
        """Merge what was decided on, and nothing else: its head must still be the same; gives what came of it.

        Raises UnavailableError where that cannot be written down, LostRaceError where another merge is under way,
        RefusedError where it may not be merged.
        """
        if self._manner.dry_run:
            raise RefusedError("DRY_RUN is set: nothing is merged")
        landing = await self._ledger.begin(self._landing(row, reason), self._manner.forbids)
        if isinstance(landing, str):
            raise RefusedError(landing)
        try:
            async with asyncio.timeout(self._longest.total_seconds()):
                commit = await self._forge.merge(row.number, row.head_sha, self._method(repository))
        except (UnclearError, TimeoutError) as error:
            log.warning("pull.unclear", number=row.number, reason=str(error))
            return f"Whether #{row.number} was merged is not known yet: it is looked up, and not done again."
        except (UnavailableError, StaleError) as error:
            await self._end(landing, Came.NOT_MERGED, str(error))
            raise
        except RefusedError as error:
            await self._end(landing, Came.REFUSED, str(error))
            raise
        await self._merged(landing, commit)
        return f"#{row.number} is merged as {commit[:7]}; what it deploys is looked at."

    async def look(self) -> list[Landing]:
        """Look at what became of merges; gives those of the last while, newest first."""
        since = self._now() - MEMORY
        for landing in await self._ledger.landings(since):
            if landing.stage is Stage.STARTED:
                await self._look_up(landing)
            elif landing.stage is Stage.MERGED:
                await self._judge(landing)
        landings = await self._ledger.landings(since)
        for landing in landings:
            await self._tell(landing)
        return landings

    async def _call(self, landing: Landing) -> None:
        """Have what could not be deployed mended: an outage is told of elsewhere, this is no outage."""
        if landing.came is not Came.UNDEPLOYED or not self._sources.agent.is_there:
            return
        issue = await self._sources.agent.issue_for(await self._forge.pull(landing.number), reopened=True)
        mark = Mark("landing", f"{landing.number}:{landing.head_sha}")
        text = told.undeployed(landing, await self._last_words(landing))
        await self._sources.agent.call(issue, text, mark, landing.began_at)
        log.warning("pull.agent_asked", number=landing.number, issue=issue)

    async def _last_words(self, landing: Landing) -> str:
        deployed = await self._sources.deployments.of_commit(landing.commit) if landing.commit else []
        failed = next((each for each in deployed if each.became is Became.FAILED), None)
        return await self._sources.last_words(failed) if failed else ""

    async def write(self, number: int, head_sha: str, text: str) -> int:
        """Write the one comment on a head of a pull request, or write it anew; gives its id."""
        known = await self._forge.find_comment(number, told.mark_of(number, head_sha), self._now() - 30 * MEMORY)
        if known is None:
            return (await self._forge.comment(number, text)).id
        if known.body != text:
            await self._forge.edit(known.id, text)
        return known.id

    def _landing(self, row: PullRow, reason: str) -> Landing:
        return Landing(
            number=row.number,
            head_sha=row.head_sha,
            base=row.base,
            title=row.title,
            url=row.url,
            reason=reason,
            began_at=self._now(),
            ready_since=row.ready_since,
        )

    def _method(self, repository: Repository) -> str:
        allowed = repository.merge_methods or (self._manner.method,)
        return self._manner.method if self._manner.method in allowed else allowed[0]

    async def _look_up(self, landing: Landing) -> None:
        """Find out whether a merge was done of which no answer came, or during which we died."""
        try:
            pull = await self._forge.pull(landing.number)
        except GoneError as error:
            await self._end(landing, Came.REFUSED, str(error))
            return
        if pull.merged and pull.head_sha == landing.head_sha:
            await self._merged(landing, pull.merge_commit)
        elif not pull.open or pull.head_sha != landing.head_sha or self._now() >= landing.began_at + self._longest:
            await self._end(landing, Came.NOT_MERGED, "it was not merged, by what GitHub shows")

    async def _merged(self, landing: Landing, commit: str | None) -> None:
        log.info("pull.merged", number=landing.number, head=landing.head_sha[:7], commit=commit, reason=landing.reason)
        await self._ledger.change(replace(landing, stage=Stage.MERGED, commit=commit, merged_at=self._now()))

    async def _judge(self, landing: Landing) -> None:
        deployed = await self._sources.deployments.of_commit(landing.commit) if landing.commit else []
        incidents = await self._sources.incidents()
        verdict = judged(landing, deployed, incidents, self._sources.patience(), self._now())
        if verdict is not None:
            await self._end(landing, verdict.came, verdict.text)

    async def _end(self, landing: Landing, came: Came, text: str) -> None:
        tell = log.info if came in {Came.LIVE, Came.MERGED} else log.warning
        tell("pull.landed", number=landing.number, came=str(came), reason=text)
        ended = replace(landing, stage=Stage.ENDED, came=came, text=text, ended_at=self._now())
        await self._ledger.change(ended)

    async def _tell(self, landing: Landing) -> None:
        """Write what became of it on its pull request, once; that it cannot be written holds up nothing."""
        text = told.landed(landing, self._manner.page)
        if text is None or landing.told == text or self._manner.dry_run:
            return
        note = None
        try:
            note = await self.write(landing.number, landing.head_sha, text)
            await self._call(landing)
        except UnavailableError as error:
            log.info("pull.told_later", number=landing.number, reason=str(error))
            return
        except RefusedError as error:
            log.warning("pull.not_told", number=landing.number, reason=str(error))
        await self._ledger.change(replace(landing, note=note, told=text))
