"""Tend the pull requests: look at all of them, merge what is to be merged, and say of the rest why it waits."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from devops_daemon.forge import Pull, Repository, Required
from devops_daemon.landing import Came, Decision, Landing, PullRow, Verb
from devops_daemon.model import Incident
from devops_daemon.ports import Clock, LostRaceError, RefusedError, UnavailableError
from devops_daemon.pulls import told
from devops_daemon.pulls.following import changed, followed, is_stuck, seen_in
from devops_daemon.pulls.knots import stands
from devops_daemon.pulls.land import Land, Sources
from devops_daemon.pulls.policy import Around, Terms, decide
from devops_daemon.pulls.reporting import Report
from devops_daemon.pulls.turn import in_turn
from devops_daemon.pulls.untangle import Untangle
from devops_daemon.untangling import Knot

REST = timedelta(minutes=5)
"""What GitHub refused is not asked for again so soon, unless its head changes."""
SOON = (timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=15))
"""When to look again at what GitHub has just begun to compute (`facts/github`, "Is a PR mergeable")."""
log = structlog.get_logger("pulls")


class Tend:
    """Looks at the pull requests, one look at a time."""

    def __init__(  # noqa: PLR0913 # each by its name
        self,
        sources: Sources,
        land: Land,
        terms: Terms,
        paused: Callable[[], Awaitable[str | None]],
        now: Clock,
        *,
        every: timedelta,
        untangle: Untangle | None = None,
        report: Report | None = None,
        dry_run: bool = False,
    ) -> None:
        """`paused` says by whom it is paused, if it is; `every` is the longest time between two looks.

        `untangle` works on what conflicts, where the repository can be cloned; `report` says on each head what is
        decided, where that is wanted.
        """
        self._untangle = untangle
        self._report = report
        self._forge = sources.forge
        self._ledger = sources.ledger
        self._sources = sources
        self._land = land
        self._terms = terms
        self._paused = paused
        self._now = now
        self._every = every
        self._dry_run = dry_run
        self._computing = 0
        self._until: datetime | None = None
        self._asked: dict[str, datetime] = {}
        self.problem: str | None = None
        """Why the pull requests are not looked at, for people; None where they are."""

    def pace(self) -> timedelta:
        """Say when to look again: what GitHub computes is known in seconds, and some things go on by the clock."""
        computed = SOON[self._computing - 1] if 0 < self._computing <= len(SOON) else self._every
        due = max(self._until - self._now(), timedelta()) if self._until else self._every
        return min(computed, due, self._every)

    async def look(self) -> None:
        """Look once. Never raises, but for cancellation: what cannot be read now is read by the next look."""
        try:
            await self._look()
            self.problem = None
        except LostRaceError as error:
            log.debug("pulls.changed_meanwhile", reason=str(error))
        except UnavailableError as error:
            log.info("pulls.unseen", reason=str(error))
        except RefusedError as error:
            if self.problem != str(error):
                log.warning("pulls.refused", reason=str(error))
            self.problem = str(error)

    async def _look(self) -> None:
        landings = await self._land.look()
        incidents = await self._sources.incidents()
        repository = await self._forge.repository()
        seen = await self._forge.open_pulls()
        pulls = await self._untangle.weighed(repository.default_branch, seen) if self._untangle else seen
        around = await self.around(repository, pulls, incidents)
        rows = await self._decided(pulls, landings, around)
        computing = any(pull.mergeable is None for pull in seen)
        self._computing = self._computing + 1 if computing else 0
        if self._report is not None and not self._dry_run:
            await self._report.tell(rows, pulls)
        self._until = min((row.decision.until for row in rows if row.decision.until), default=None)
        for row, pull in zip(rows, pulls, strict=True):
            if row.decision.verb is Verb.MERGE and await self._sources.incidents() == incidents:
                await self._merge(repository, row)
            elif row.decision.verb is Verb.REBASE and pull.mergeable:
                await self._update(pull)
        await self._alarm(rows)
        tangled = [pull for row, pull in zip(rows, pulls, strict=True) if row.decision.tangled]
        if self._untangle is not None and around.paused is None and not self._dry_run:
            await self._untangle.attend(repository.default_branch, tangled, pulls)

    async def around(self, repository: Repository, pulls: Sequence[Pull], incidents: Sequence[Incident]) -> Around:
        """Say what holds for all pull requests now."""
        knots = await self._untangle.knots() if self._untangle else []
        return Around(
            now=self._now(),
            default_branch=repository.default_branch,
            required=await self._required(repository.default_branch),
            incidents=incidents,
            paused=await self._paused(),
            tangles=self._tangles(pulls, knots),
            ours=frozenset(each.new_sha for each in knots if each.new_sha),
            seen={**await self._ledger.checks_seen(), **seen_in(pulls)},
        )

    def _tangles(self, pulls: Sequence[Pull], knots: Sequence[Knot]) -> Mapping[int, str]:
        """Say how the conflicts of these heads stand."""
        if self._untangle is None:
            return {}
        heads = {pull.number: pull.head_sha for pull in pulls}
        of_heads = [each for each in knots if heads.get(each.number) == each.head_sha]
        told_of = {each.number: stands(each, self._untangle.asking) for each in of_heads}
        return {number: text for number, text in told_of.items() if text}

    async def _required(self, branch: str) -> Required:
        """Read what is required; where that may not be read, GitHub itself still refuses what does not hold."""
        try:
            return await self._forge.required(branch)
        except RefusedError as error:
            log.debug("pulls.requirements_unread", reason=str(error))
            return Required()

    async def _decided(self, pulls: Sequence[Pull], landings: Sequence[Landing], around: Around) -> list[PullRow]:
        """Decide about each, and keep it."""
        before = {row.number: row for row in await self._ledger.pulls()}
        decided = [(pull, _rested(pull, decide(pull, self._terms, around), landings, around.now)) for pull in pulls]
        placed = in_turn(decided, landings, around.incidents, self._sources.patience().wait)
        rows = [followed(pull, decision, before.get(pull.number), around.now) for pull, decision in placed]
        await self._ledger.keep(rows, seen_in(pulls))
        for row in changed(rows, before):
            log.info("pull.decided", number=row.number, decision=str(row.decision.verb), reason=row.decision.reason)
        return rows

    async def _merge(self, repository: Repository, row: PullRow) -> None:
        if self._dry_run:
            log.info("pull.would_merge", number=row.number, head=row.head_sha[:7])
            return
        try:
            await self._land.merge(repository, row, row.decision.reason)
        except RefusedError as error:
            log.info("pull.not_merged", number=row.number, reason=str(error))

    async def _update(self, pull: Pull) -> None:
        """Have GitHub put a branch upon its base: it does so without a conflict, or not at all."""
        now = self._now()
        self._asked = {head: at for head, at in self._asked.items() if now < at + REST}
        if self._dry_run or pull.head_sha in self._asked:
            return
        self._asked[pull.head_sha] = now
        try:
            await self._forge.update(pull)
        except RefusedError as error:
            log.info("pull.not_updated", number=pull.number, reason=str(error))
        else:
            log.info("pull.updated", number=pull.number, head=pull.head_sha[:7])

    async def _alarm(self, rows: Sequence[PullRow]) -> None:
        """Say on each pull request that is stuck that it is, once for each head."""
        now = self._now()
        stuck = {row.number for row in rows if is_stuck(row, now)}
        for row in (each for each in rows if each.number in stuck):
            log.warning("pull.stuck", number=row.number, reason=row.decision.reason)
            if not self._dry_run:
                await self._write(row, now)
        if stuck:
            told_now = [replace(row, alarmed=row.head_sha) if row.number in stuck else row for row in rows]
            await self._ledger.keep(told_now, {})

    async def _write(self, row: PullRow, now: datetime) -> None:
        try:
            await self._land.write(row.number, row.head_sha, told.stuck(row, now))
        except RefusedError as error:
            log.warning("pull.not_told", number=row.number, reason=str(error))


def _rested(pull: Pull, decision: Decision, landings: Sequence[Landing], now: datetime) -> Decision:
    """Let what GitHub refused rest for a while, and say what it said."""
    if decision.verb is not Verb.MERGE:
        return decision
    mine = [each for each in landings if (each.number, each.head_sha) == (pull.number, pull.head_sha)]
    last = next((each for each in mine if each.came is Came.REFUSED), None)
    again = last.ended_at + REST if last and last.ended_at else now
    if last is None or now >= again:
        return decision
    reason = f"GitHub refuses to merge it: {last.text}; asked again at {again:%H:%M} UTC"
    return replace(decision, verb=Verb.WAIT, reason=reason)
