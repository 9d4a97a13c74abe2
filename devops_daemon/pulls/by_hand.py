"""What a person has done to a pull request: on their word, and by the same rules as far as these keep it whole."""

from collections.abc import Awaitable, Callable

from devops_daemon.forge import Pull, Repository
from devops_daemon.landing import PullRow, Verb
from devops_daemon.ports import Clock, Forge, LostRaceError, PullLedger, RefusedError
from devops_daemon.pulls.following import followed
from devops_daemon.pulls.land import Land
from devops_daemon.pulls.policy import BY_HAND, Around, Terms, decide

Surroundings = Callable[[Repository, Pull], Awaitable[Around]]


class ByHand:
    """The port `PullActs`."""

    def __init__(
        self, forge: Forge, ledger: PullLedger, land: Land, terms: Terms, around: Surroundings, now: Clock
    ) -> None:
        """`around` tells what holds for all pull requests now."""
        self._forge = forge
        self._ledger = ledger
        self._land = land
        self._terms = terms
        self._around = around
        self._now = now

    async def merge(self, number: int, by: str) -> str:
        """Merge it on the word of `by`, where it is green and nothing but people's own rules hold it."""
        repository, pull = await self._forge.repository(), await self._open(number)
        around = await self._around(repository, pull)
        decision = decide(pull, self._terms, around, BY_HAND)
        if decision.verb is not Verb.MERGE:
            raise RefusedError(f"#{number} is not merged: {decision.reason}")
        row = followed(pull, decision, await self._known(number), around.now)
        try:
            return await self._land.merge(repository, row, f"{by} asked for it")
        except LostRaceError as error:
            raise RefusedError(f"#{number} is not merged now: {error}") from error

    async def rebase(self, number: int) -> str:
        """Have GitHub put its branch upon its base."""
        pull = await self._open(number)
        await self._forge.update(pull)
        return f"GitHub puts the branch of #{number} upon `{pull.base}`: its checks run anew."

    async def hold(self, number: int) -> str:
        """Label it with the first of the labels that hold."""
        if not self._terms.hold_labels:
            raise RefusedError("HOLD_LABELS names no label that would hold it")
        label = self._terms.hold_labels[0]
        await self._open(number)
        await self._forge.label(number, [label])
        return f"#{number} is labelled `{label}`: it is not merged until that is taken away."

    async def _open(self, number: int) -> Pull:
        pull = await self._forge.pull(number)
        if not pull.open:
            raise RefusedError(f"#{number} is {'merged' if pull.merged else 'closed'} already")
        return pull

    async def _known(self, number: int) -> PullRow | None:
        return next((row for row in await self._ledger.pulls() if row.number == number), None)
