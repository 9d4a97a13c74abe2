"""Untangle what conflicts: by git where a way is proved, by the agent where none is, and at last by making it anew.

Each step is a row before it is done, and may be done twice without harm: a push names the head that it replaces, what
is written is found by its mark. A person's branch never comes here.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from devops_daemon.forge import Mark, Merged, Pull, Review
from devops_daemon.ports import Clock, Clone, Forge, PullLedger, RefusedError, StaleError, UnavailableError
from devops_daemon.pulls import told
from devops_daemon.pulls.agent import Agent
from devops_daemon.pulls.knots import Ask, Asking, GiveUp, Push, Rest, Try, next_move
from devops_daemon.pulls.land import Land
from devops_daemon.untangling import APPEND_ONLY, Absorbed, Knot, KnotState, Parent, Stuck, Tangle, Untangled

KEPT = timedelta(days=30)
AGES = timedelta(minutes=5)
log = structlog.get_logger("pulls")


@dataclass(frozen=True, slots=True)
class Shop:
    """What is worked with."""

    clone: Clone
    forge: Forge
    ledger: PullLedger
    land: Land
    """Writes the one comment on a pull request."""
    agent: Agent
    mend_within: timedelta
    """How long the agent is given."""
    append_only: tuple[str, ...] = APPEND_ONLY


class Untangle:
    """Works on the pull requests that conflict, one after the other."""

    def __init__(self, shop: Shop, now: Clock) -> None:
        self._clone = shop.clone
        self._forge = shop.forge
        self._ledger = shop.ledger
        self._shop = shop
        self._now = now
        self._merged: tuple[datetime, Sequence[Merged]] | None = None

    @property
    def asking(self) -> Asking:
        """Tell whether there is somebody to ask, and how long they are given."""
        return Asking(self._shop.agent.is_there, self._shop.mend_within)

    async def knots(self) -> list[Knot]:
        """Read what is known of conflicts."""
        return await self._ledger.knots(self._now() - KEPT)

    async def weighed(self, base: str, pulls: Sequence[Pull]) -> list[Pull]:
        """Find out by a merge of our own which of those that the forge has not weighed yet conflict.

        That one fits is the forge's to say: it knows what else holds. What cannot be fetched now stays as it is.
        """
        unknown = [each for each in pulls if each.mergeable is None and each.base == base and not each.fork]
        if not unknown:
            return list(pulls)
        try:
            base_sha = await self._clone.fetch(base, [each.number for each in unknown])
            found = await self._clone.conflicting(base_sha, [each.head_sha for each in unknown])
        except (UnavailableError, RefusedError) as error:
            log.info("pulls.unweighed", reason=str(error))
            return list(pulls)
        return [
            replace(each, mergeable=False) if each in unknown and each.head_sha in found else each for each in pulls
        ]

    async def attend(self, base: str, tangled: Sequence[Pull], pulls: Sequence[Pull]) -> None:
        """Do what is to be done about those that conflict; one that cannot be worked on now holds up no other.

        What was being closed when we died is gone on with; of one that is mended, how, is learnt. `pulls` are all that
        are open. Raises UnavailableError where the repository cannot be fetched, LostRaceError.
        """
        knots = await self.knots()
        closing = [each for each in knots if each.state is KnotState.CLOSING]
        mended = await self._mended([each for each in knots if each.state is KnotState.STUCK], pulls)
        numbers = {each.number for each in (*closing, *mended)} | {each.number for each in tangled}
        if not numbers:
            return
        base_sha = await self._clone.fetch(base, sorted(numbers))
        for knot, head_sha in mended.items():
            await self._learn(knot, head_sha)
        for knot in closing:
            await self._one(knot.number, self._give_up(knot))
        self._merged = None  # a parent may have been merged just now
        for pull in tangled:
            mine = [each for each in knots if each.number == pull.number]
            await self._one(pull.number, self._move(pull, base_sha, mine))
        await self._clone.tidy()

    async def _mended(self, stuck: Sequence[Knot], pulls: Sequence[Pull]) -> dict[Knot, str]:
        """Find those whose branch has moved since no way solved them, with what it is at now."""
        heads = {each.number: each.head_sha for each in pulls}
        if any(each.number not in heads for each in stuck):
            heads = {each.number: each.head_sha for each in await self._recently_merged()} | heads
        return {each: heads[each.number] for each in stuck if heads.get(each.number) not in {None, "", each.head_sha}}

    async def _recently_merged(self) -> Sequence[Merged]:
        """Read what was merged lately, once for all that conflict; what only helps to learn may be minutes old."""
        now = self._now()
        if self._merged is None or now >= self._merged[0] + AGES:
            self._merged = now, await self._forge.merged(now - KEPT)
        return self._merged[1]

    async def _one(self, number: int, work: Awaitable[None]) -> None:
        try:
            await work
        except UnavailableError as error:
            log.info("pull.untangled_later", number=number, reason=str(error))
        except StaleError as error:
            log.info("pull.moved", number=number, reason=str(error))
        except RefusedError as error:
            log.warning("pull.not_untangled", number=number, reason=str(error))

    async def _move(self, pull: Pull, base_sha: str, knots: Sequence[Knot]) -> None:
        match next_move(knots, pull.head_sha, base_sha, self.asking, self._now()):
            case Rest():
                pass
            case Try():
                await self._try(pull, base_sha, knots)
            case Push(knot):
                await self._push(pull, knot)
            case Ask(knot, number):
                await self._ask(pull, knot, number)
            case GiveUp(knot) if pull.review is Review.APPROVED and knot.state is KnotState.STUCK:
                log.debug("pull.left_to_its_reviewer", number=pull.number)
            case GiveUp(knot) if knot.state is KnotState.CLOSING:
                pass  # it was gone on with before
            case GiveUp(knot):
                await self._give_up(await self._keep(knot, KnotState.CLOSING))

    async def _try(self, pull: Pull, base_sha: str, knots: Sequence[Knot]) -> None:
        """Try the ways, and keep what came of it."""
        known = next((each for each in knots if each.head_sha == pull.head_sha), None)
        knot = known or Knot(pull.number, pull.head_sha, base_sha, KnotState.STUCK, self._now())
        parents = await self._parents(pull)
        found = await self._clone.untangle(
            Tangle(pull.number, pull.head_sha, base_sha, parents, self._shop.append_only)
        )
        knot = replace(knot, base_sha=base_sha)
        match found:
            case Absorbed(commit):
                await self._superseded(pull, knot, commit)
            case Untangled(rung, sha, proof, tried):
                text = f"{rung}: {proof}"
                log.info("pull.untangled", number=pull.number, rung=str(rung), proof=proof, tried=len(tried))
                await self._push(pull, await self._keep(knot, KnotState.PUSHING, text=text, new_sha=sha))
            case Stuck(files, hunks, tried):
                text = "; ".join(f"{each.rung}: {each.text}" for each in tried)
                log.info("pull.tangled", number=pull.number, files=files, reason=text)
                stuck = await self._keep(knot, KnotState.STUCK, text=text, files=files, hunks=hunks)
                await self._move(pull, base_sha, [*(each for each in knots if each is not known), stuck])

    async def _parents(self, pull: Pull) -> tuple[Parent, ...]:
        """Find the merged pull requests upon which this one may stand: their heads are fetched."""
        merged = await self._recently_merged()
        lately = [each for each in merged if each.number != pull.number and each.head_sha]
        stacked = [each for each in lately if pull.created_at is None or each.merged_at >= pull.created_at]
        if stacked:
            await self._clone.fetch(pull.base, [each.number for each in stacked])
        return tuple(Parent(each.number, each.head_sha, each.commit) for each in stacked)

    async def _learn(self, knot: Knot, head_sha: str) -> None:
        """Look how somebody has solved what was stuck, once; what it was asked for still counts."""
        learnt = await self._clone.learn(knot.base_sha, knot.head_sha, head_sha)
        await self._keep(knot, KnotState.CLOSED, text="its branch has moved")
        log.info("pull.learnt", number=knot.number, files=learnt)

    async def _push(self, pull: Pull, knot: Knot) -> None:
        """Push what was found, upon the head that it was found for; what may not be pushed is stuck."""
        if knot.new_sha is None:
            return
        try:
            await self._clone.push(pull.branch, knot.new_sha, knot.head_sha)
        except StaleError:
            raise
        except RefusedError as error:
            await self._keep(knot, KnotState.STUCK, text=f"it may not be pushed: {error}", new_sha=None)
            raise
        await self._keep(knot, KnotState.PUSHED)

    async def _keep(self, knot: Knot, state: KnotState, **changed: object) -> Knot:
        following = replace(knot, state=state, at=self._now(), **changed)  # type: ignore[arg-type] # fields of it
        return await self._ledger.keep_knot(following)

    # what no way solves

    async def _superseded(self, pull: Pull, knot: Knot, commit: str | None) -> None:
        """Close what the base has already."""
        await self._clone.back_up(knot.number, knot.head_sha)
        if (await self._as_it_was(knot)) is None:
            return
        await self._shop.land.write(knot.number, knot.head_sha, told.superseded(pull, commit))
        await self._forge.close(knot.number)
        await self._keep(knot, KnotState.CLOSED, text="superseded")
        log.info("pull.superseded", number=knot.number, commit=commit)

    async def _as_it_was(self, knot: Knot) -> Pull | None:
        """Look once more before it is closed: None where somebody has pushed since, or it was merged."""
        pull = await self._forge.pull(knot.number)
        if pull.head_sha == knot.head_sha and not pull.merged:
            return pull
        await self._keep(knot, KnotState.CLOSED, text="its branch has moved")
        return None

    async def _ask(self, pull: Pull, knot: Knot, number: int) -> None:
        """Ask the agent to mend it in place."""
        issue = await self._shop.agent.issue_for(pull)
        mark = Mark("mend", f"{pull.number}:{pull.head_sha}:{number}")
        await self._shop.agent.call(issue, told.mend(pull, knot), mark, knot.called_at or knot.at)
        await self._keep(knot, KnotState.STUCK, calls=knot.calls + 1, called_at=self._now())
        log.warning("pull.agent_asked", number=pull.number, issue=issue, times=number)

    async def _give_up(self, knot: Knot) -> None:
        """Keep its head, say so, close it, and have it made anew."""
        ref = await self._clone.back_up(knot.number, knot.head_sha)
        pull = await self._as_it_was(knot)
        if pull is None:
            return
        issue = await self._shop.agent.issue_for(pull)
        await self._shop.land.write(knot.number, knot.head_sha, told.given_up(pull, knot, ref, issue))
        await self._forge.close(knot.number)
        mark = Mark("recreate", f"{knot.number}:{knot.head_sha}")
        await self._shop.agent.call(issue, told.recreate(pull, knot, ref), mark, knot.at)
        await self._keep(knot, KnotState.CLOSED)
        log.warning("pull.given_up", number=knot.number, issue=issue, kept=ref)
