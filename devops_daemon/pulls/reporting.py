"""Say on the head of each pull request what is decided about it, by a commit status of our own, where that is wanted.

What stands there is read with the pull request: it is written only where it says something else.
"""

from collections.abc import Sequence

import structlog

from devops_daemon.forge import Pull, Said
from devops_daemon.landing import Decision, PullRow, Verb
from devops_daemon.markdown import shortened
from devops_daemon.ports import Forge, RefusedError, UnavailableError

MOST = 20
"""Written in one look: GitHub takes one a second, and merges do not wait for it."""
LONGEST = 140
log = structlog.get_logger("pulls")


def said(decision: Decision) -> Said | None:
    """Put a decision in a line; None where the pull request is none of ours. What changes by itself is left out."""
    reason = decision.reason.partition("; ")[0]
    text = shortened(f"{decision.verb}: {reason}", LONGEST)
    return Said(decision.verb is Verb.MERGE, text) if decision.covered else None


def due(rows: Sequence[PullRow], pulls: Sequence[Pull]) -> list[tuple[str, Said]]:
    """Give the heads whose status does not say what is decided, and what it is to say; merges come first."""
    stands = {pull.number: pull.said for pull in pulls}
    found = [(row.head_sha, now) for row in rows if (now := said(row.decision)) and now != stands.get(row.number)]
    return sorted(found, key=lambda each: not each[1].passed)[:MOST]


class Report:
    """Writes them, as long as that is allowed."""

    def __init__(self, forge: Forge, page: str | None) -> None:
        """`page` is where more is to be read."""
        self._forge = forge
        self._page = page
        self._refused = False

    async def tell(self, rows: Sequence[PullRow], pulls: Sequence[Pull]) -> None:
        """Write what is due. Never raises, but for cancellation: what cannot be written holds up no merge."""
        for sha, text in [] if self._refused else due(rows, pulls):
            try:
                await self._forge.report(sha, text, self._page)
            except UnavailableError as error:
                log.info("pull.status_later", reason=str(error))
                return
            except RefusedError as error:
                log.warning("pull.status_refused", reason=str(error), cure="Commit statuses: write")
                self._refused = True
                return
