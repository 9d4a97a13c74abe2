"""Look at the product now, without a store: nothing is kept, nobody is registered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from devops_daemon.adapters.exchange import Exchange
from devops_daemon.adapters.probes import HttpProber
from devops_daemon.configuration import Configuration, redactor_of
from devops_daemon.connections import user_agent, utc_now
from devops_daemon.model import Result, Service
from devops_daemon.redaction import Redactor
from devops_daemon.rollout.matching import health_of_results
from devops_daemon.rollout.verdict import Health


@asynccontextmanager
async def probing(redactor: Redactor) -> AsyncIterator[Callable[[Service], Awaitable[Health | None]]]:
    """Open what looks at one service now, without a store: nobody is registered."""
    async with Exchange(user_agent()) as exchange:
        prober = HttpProber(exchange, redactor, utc_now)

        async def look(service: Service) -> Health | None:
            probes = [probe for probe in service.probes if probe.off is None]
            return health_of_results(await asyncio.gather(*(prober.run(probe) for probe in probes)))

        yield look


async def check_once(configuration: Configuration) -> list[Result]:
    """Run each probe once, without a store: nothing is kept, nobody is registered."""
    redactor = redactor_of(configuration)
    probes = [probe for probe in configuration.watchlist.probes if probe.off is None]
    async with Exchange(user_agent()) as exchange:
        prober = HttpProber(exchange, redactor, utc_now)
        return list(await asyncio.gather(*(prober.run(probe) for probe in probes)))
