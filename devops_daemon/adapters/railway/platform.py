"""Railway as the port `Platform`: reading, acting, variables and provisioning on one connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from devops_daemon.adapters.exchange import SocketFactory
from devops_daemon.adapters.railway.api import Api, Waits
from devops_daemon.adapters.railway.asked import Asked
from devops_daemon.adapters.railway.provisioning import Provisioning
from devops_daemon.adapters.railway.quota import Quota
from devops_daemon.adapters.railway.transport import HttpTransport
from devops_daemon.ports import Clock
from devops_daemon.redaction import Redactor


class Railway(Provisioning):
    """The whole port."""


@asynccontextmanager
async def connected(
    asked: Asked,
    user_agent: str,
    redactor: Redactor,
    now: Clock,
    *,
    waits: Waits | None = None,
    socket_factory: SocketFactory | None = None,
) -> AsyncIterator[Api]:
    """Open one connection to Railway; nothing is asked yet."""
    quota = Quota(now)
    transport = HttpTransport(asked.url, user_agent, quota, redactor, now, socket_factory)
    async with Api(transport, quota, asked, waits) as api:
        yield api
