"""What is done to every service that is watched: to one after the other, and no further than it goes well.

Each is a request of its own, begun once and watched to its end; whichever process goes on finds it by its id. No
database is among them, for none is watched as a service.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog

from devops_daemon.asking import DESK, Request, RequestState
from devops_daemon.commands.answer import Answer, Outcome, Section
from devops_daemon.commands.catalogue import Name
from devops_daemon.commands.grammar import Ask
from devops_daemon.commands.means import Means
from devops_daemon.hosting import HostedService
from devops_daemon.ports import LostRaceError, RefusedError, RequestLedger, UnavailableError
from devops_daemon.rollout.matching import match

log = structlog.get_logger("commands")


class Rolling:
    """Goes through them."""

    def __init__(
        self,
        means: Means,
        requests: RequestLedger,
        do: Callable[[Request, Ask], Awaitable[Request]],
        every: Callable[[], timedelta],
    ) -> None:
        """`do` begins one; `every` tells how often it may be looked at."""
        self._means = means
        self._requests = requests
        self._do = do
        self._every = every

    async def services(self) -> Sequence[HostedService]:
        """Tell which they are, the one that most depends on first. Raises RefusedError, and UnavailableError."""
        hosting = await self._means.platform.hosting()
        if hosting.partial:
            raise UnavailableError("parts of the platform's answer are missing, and nothing is done on its word")
        found = list(match(self._means.watchlist.services, hosting).values())
        if not found:
            raise RefusedError("the platform knows none of the services that are watched")
        return found

    async def through(self, whole: Request) -> Answer:
        """Go through them; the first that does not go well is the last. May be called again by any process."""
        services, told = await self.services(), list[str]()
        for place, service in enumerate(services):
            part = await self._ended(whole, service)
            told.append(f"{service.name}: {part.headline}")
            if part.outcome != Outcome.DONE:
                left = ", ".join(each.name for each in services[place + 1 :])
                rest = [f"{left}: not begun, for that did not go well"] if left else []
                return Answer(Outcome.FAILED, f"Failed: {whole.act} {service.name}.", (_section([*told, *rest]),))
        names = ", ".join(each.name for each in services)
        return Answer(Outcome.DONE, f"Done: {whole.act} {names}.", (_section(told),))

    async def _ended(self, whole: Request, service: HostedService) -> Request:
        """Do it to one service, and wait for its end; gives its request."""
        part, _ = await self._requests.open(self._part(whole, service))
        ask = Ask(Name(whole.act or ""), service.name)
        while part.state is not RequestState.ANSWERED:
            try:
                if part.state is RequestState.FOLLOWED:
                    await asyncio.sleep(self._every().total_seconds())
                else:
                    await self._do(part, ask)
            except (LostRaceError, UnavailableError) as error:
                log.debug("act.delayed", request=part.id, reason=str(error))
                await asyncio.sleep(self._every().total_seconds())
            part = await self._requests.get(part.id) or part
        return part

    def _part(self, whole: Request, service: HostedService) -> Request:
        return Request(
            id=f"{whole.id}/{service.id}",
            issue=DESK,
            comment_id=DESK,
            author=whole.author,
            by_agent=whole.by_agent,
            hop=whole.hop,
            words=f"{whole.act} {service.name}",
            asked_at=self._means.now(),
        )


def _section(lines: Sequence[str]) -> Section:
    return Section("One after the other", "\n".join(lines), newest_last=False)
