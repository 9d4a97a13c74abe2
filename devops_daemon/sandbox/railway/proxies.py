"""TCP proxies: an address in the open for a service that has none, here a real port on loopback."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Literal

from devops_daemon.sandbox.railway import postgres
from devops_daemon.sandbox.railway.chores import Chores, pause
from devops_daemon.sandbox.railway.ids import fresh
from devops_daemon.sandbox.railway.pace import Pace
from devops_daemon.sandbox.railway.places import Place
from devops_daemon.sandbox.railway.refusals import Refusal, not_found
from devops_daemon.sandbox.railway.sockets import LOOPBACK, Port, Talk, forward
from devops_daemon.sandbox.railway.variables import render
from devops_daemon.sandbox.railway.world import World

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Proxy:
    """An address in the open, and the port of the service behind it."""

    id: str
    environment_id: str
    service_id: str
    application_port: int
    port: int
    sync_status: Literal["CREATING", "ACTIVE", "DELETING"] = "CREATING"
    deleted_at: datetime | None = None
    domain: str = LOOPBACK

    def is_of(self, place: Place) -> bool:
        """Say whether this service is behind it."""
        return (self.environment_id, self.service_id) == (place.environment_id, place.service_id)


class Proxies:
    """The proxies there are, one of a service at most; each listens from its creation to its end."""

    def __init__(self, world: World, chores: Chores, pace: Pace, database: Address | None) -> None:
        """Pass visitors on to this database, or let them speak to one that holds no tables."""
        self._world = world
        self._chores = chores
        self._pace = pace
        self._database = database
        self._proxies: dict[str, Proxy] = {}
        self._ports: dict[str, Port] = {}

    def of(self, place: Place) -> list[Proxy]:
        """List the proxies of a service, those that are being deleted too."""
        return [proxy for proxy in self._proxies.values() if proxy.is_of(place)]

    def serving(self, place: Place) -> Proxy | None:
        """Give the proxy that can be used, if there is one."""
        return next((proxy for proxy in self.of(place) if proxy.sync_status == "ACTIVE"), None)

    def find(self, proxy_id: str) -> Proxy:
        """Find a proxy; raises Refusal."""
        if proxy_id not in self._proxies:
            raise not_found("TCPProxy")
        return self._proxies[proxy_id]

    async def open(self, place: Place, application_port: int) -> None:
        """Give a service an address in the open, if it has none."""
        if self.of(place):
            return
        port = Port(self._talk(place))
        proxy = Proxy(fresh(), place.environment_id, place.service_id, application_port, await port.open())
        self._proxies[proxy.id] = proxy
        self._ports[proxy.id] = port
        self._chores.begin(self._become_active(proxy.id))

    async def delete(self, proxy: Proxy) -> None:
        """Take the address away; while it is being made or deleted that is refused."""
        if proxy.sync_status != "ACTIVE":
            raise Refusal("Cannot delete TCP proxy: an operation is already in progress")
        self._proxies[proxy.id] = replace(proxy, sync_status="DELETING", deleted_at=datetime.now(UTC))
        await self._ports.pop(proxy.id).close()
        self._chores.begin(self._vanish(proxy.id))

    async def close(self) -> None:
        """Close all ports."""
        for port in self._ports.values():
            await port.close()

    def _talk(self, place: Place) -> Talk:
        if self._database:
            return forward(*self._database)
        return partial(postgres.serve, password=self._password(place))

    def _password(self, place: Place) -> str:
        rows = self._world.variables.of(place.environment_id, place.service_id)
        own = {name: row.value for name, row in rows.items()}
        return render(own.get("PGPASSWORD", ""), place.name, lambda _: own)

    async def _become_active(self, proxy_id: str) -> None:
        await pause(self._pace.initializing)
        self._proxies[proxy_id] = replace(self._proxies[proxy_id], sync_status="ACTIVE")

    async def _vanish(self, proxy_id: str) -> None:
        await pause(self._pace.removing)
        del self._proxies[proxy_id]
