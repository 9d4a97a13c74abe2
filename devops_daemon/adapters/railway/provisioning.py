"""Databases and services that are added, and the addresses of databases: each safe to ask for twice."""

import contextlib
import json
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from devops_daemon.adapters.railway import read
from devops_daemon.adapters.railway.acting import CameToNothingError
from devops_daemon.adapters.railway.variables import Variables
from devops_daemon.hosting import Added, DatabaseAccess, Engine, HostedService, Hosting, Proxy
from devops_daemon.ports import RefusedError, UnavailableError, UnclearError

PROXY_DOMAIN = ".proxy.rlwy.net"
_URLS: Mapping[Engine, tuple[str, str]] = {
    Engine.POSTGRES: ("DATABASE_URL", "DATABASE_PUBLIC_URL"),
    Engine.REDIS: ("REDIS_URL", "REDIS_PUBLIC_URL"),
    Engine.MYSQL: ("MYSQL_URL", "MYSQL_PUBLIC_URL"),
    Engine.MONGO: ("MONGO_URL", "MONGO_PUBLIC_URL"),
}
"""The private and the public address in a database's variables (Railway's documentation of each)."""
_PORTS: Mapping[Engine, int] = {
    Engine.POSTGRES: 5432,
    Engine.REDIS: 6379,
    Engine.MYSQL: 3306,
    Engine.MONGO: 27017,
}


class Provisioning(Variables):
    """Adds what is missing, opens and closes the ways to it."""

    async def add_service(self, name: str) -> Added:
        """Add an empty service: without a source, it deploys nothing before it has its volume and variables."""
        name = name.strip()
        if not name or len(name) > 32:  # noqa: PLR2004 # what Railway's names may have
            raise RefusedError(f"{name!r}: a service's name has 1 to 32 characters")
        hosting = await self._whole()
        for service in hosting.services:
            if service.name.lower() == name.lower():
                return Added(service.id, service.name, made=False)
        scope = await self._api.scope()
        asked = {"projectId": scope.project_id, "environmentId": scope.environment_id, "name": name}

        async def look() -> Added | None:
            found = [each for each in (await self.hosting()).services if each.name.lower() == name.lower()]
            return Added(found[0].id, found[0].name, made=True) if found else None

        answer = await self._once("add service", lambda: self._api.write("CreateService", {"input": asked}), look)
        if isinstance(answer, Added):
            return answer
        made = answer.get("serviceCreate") or {}
        if made.get("id"):  # it may have got another name
            return Added(made["id"], made.get("name") or name, made=True)
        return await self._appearing("add service", look)

    async def add_database(self, engine: Engine, *, another: bool = False) -> Added:
        """Add a database by Railway's template, and wait until its service is there."""
        hosting = await self._whole()
        there = hosting.databases(engine)
        if there and not another:
            return Added(there[0].id, there[0].name, made=False)
        if hosting.staged_changes != 0:
            raise RefusedError(_staged(hosting.staged_changes))
        scope = await self._api.scope()
        template = await self._api.read_openly("Template", {"code": engine.value}, lambda data: data["template"])
        asked = {
            "templateId": template["id"],
            "serializedConfig": filled_in(template["serializedConfig"]),
            "projectId": scope.project_id,
            "environmentId": scope.environment_id,
        }
        old = {service.id for service in hosting.services}

        async def look() -> Added | None:
            found = [each for each in (await self.hosting()).databases(engine) if each.id not in old]
            return Added(found[0].id, found[0].name, made=True) if found else None

        act = partial(self._api.write, "DeployTemplate", {"input": asked})
        try:
            answer = await self._once(f"add {engine}", act, look)
        except UnclearError as unclear:
            # a template takes its minutes: somebody who asks again sooner would get a second one
            with contextlib.suppress(UnclearError):
                return await self._appearing(f"add {engine}", look)
            raise unclear from None
        if isinstance(answer, Added):
            return answer
        workflow = (answer.get("templateDeployV2") or {}).get("workflowId")

        async def finished() -> Added | None:
            if workflow and await self._is_running(workflow):
                return None
            return await look()

        return await self._appearing(f"add {engine}", finished)

    async def _whole(self) -> Hosting:
        """Read what is there; raises UnavailableError where Railway did not tell all of it: one cannot act on that."""
        hosting = await self.hosting()
        if hosting.partial:
            raise UnavailableError("Railway told only a part of what is there: try again")
        return hosting

    async def _is_running(self, workflow: str) -> bool:
        """Tell whether Railway is at it; raises CameToNothingError where it gave up.

        That it is not found is no more than late, and some tokens may not ask.
        """
        try:
            status = await self._api.read("Workflow", {"id": workflow}, lambda data: data["workflowStatus"])
        except (RefusedError, UnavailableError):
            return False
        if status["status"] == "Error":
            raise CameToNothingError(f"Railway could not add it: {status['error'] or 'it does not say why'}")
        return bool(status["status"] == "Running")

    async def database_access(self, service: HostedService) -> DatabaseAccess:
        """Read how to reach a database; a public address counts only where a proxy is there and it leads to it."""
        if service.engine is None:
            raise RefusedError(f"{service.name} is no database that is known here (image: {service.image or 'none'})")
        values = await self.deployed_values(service.id)
        private, _ = _URLS[service.engine]
        address = values.get(private)
        if not address:
            raise RefusedError(f"{service.name} has no variable {private}: its address is not known")
        access = _access(service, address)
        proxy = next((each for each in await self.proxies(service) if each.ready), None)
        return access.at(proxy.host, proxy.port) if proxy and self._is_trusted(proxy.host) else access

    async def proxies(self, service: HostedService) -> list[Proxy]:
        """Read the public addresses of a service."""
        scope = await self._api.scope()
        asked = {"environmentId": scope.environment_id, "serviceId": service.id}
        return await self._api.read("Proxies", asked, read.proxies)

    async def open_proxy(self, service: HostedService) -> Proxy:
        """Give a database a public address by a patch: the mutation made for it needs a redeploy to take effect."""
        there = await self.proxies(service)
        if not there:
            await self._commit_proxy(service)

        async def look() -> Proxy | None:
            return next((each for each in await self.proxies(service) if each.ready), None)

        return await self._appearing("open a proxy", look)

    async def _commit_proxy(self, service: HostedService) -> None:
        if service.engine is None:
            raise RefusedError(f"{service.name} is no database: it gets no public address from here")
        hosting = await self._whole()
        if hosting.staged_changes != 0:
            raise RefusedError(_staged(hosting.staged_changes))
        scope = await self._api.scope()
        port = str(_PORTS[service.engine])
        asked = {
            "environmentId": scope.environment_id,
            "patch": {"services": {service.id: {"networking": {"tcpProxies": {port: {}}}}}},
            "message": f"devops-daemon: a public address for {service.name}, for now",
        }

        async def look() -> bool | None:
            return bool(await self.proxies(service)) or None

        await self._once("open a proxy", lambda: self._api.write("CommitPatch", asked), look)

    async def close_proxy(self, proxy: Proxy) -> None:
        """Take the public address away."""

        async def look() -> bool | None:
            databases = [service for service in (await self.hosting()).services if service.engine]
            there = [each.id for database in databases for each in await self.proxies(database)]
            return proxy.id not in there or None

        await self._once("close a proxy", lambda: self._api.write("DeleteProxy", {"id": proxy.id}), look)

    def _is_trusted(self, host: str) -> bool:
        """Send a password only to Railway's own proxies (or to this machine's, where the API is on it: a sandbox)."""
        return host.endswith(PROXY_DOMAIN) or (host == "127.0.0.1" and self._api.asked.is_local)


def _staged(count: int | None) -> str:
    if count is None:
        return "Railway did not tell whether staged changes of somebody wait, which a commit of ours would apply too"
    return (
        f"{count} staged changes of somebody wait in Railway's dashboard, and a commit of ours would apply them too:"
        " commit or discard them there first"
    )


def filled_in(config: Any) -> Any:  # noqa: ANN401 # Railway's own JSON, which goes back as it came
    """Give each variable of a template its default; raises RefusedError where one is needed and has none.

    All else stays untouched: a field that was dropped has cost a cluster its settings.
    """
    whole = json.loads(config) if isinstance(config, str) else json.loads(json.dumps(config))
    missing = []
    for service in (whole.get("services") or {}).values():
        for name, variable in (service.get("variables") or {}).items():
            if variable is None:
                continue
            if variable.get("defaultValue"):
                variable["value"] = variable["defaultValue"]
            elif not variable.get("isOptional") and not variable.get("value"):
                missing.append(name)
    if missing:
        raise RefusedError(f"the template wants values that have no default: {', '.join(missing)}; add it by hand")
    return whole


def _access(service: HostedService, url: str) -> DatabaseAccess:
    assert service.engine is not None  # noqa: S101 # its caller has seen to that
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[service.engine]
    except ValueError:
        raise RefusedError(f"{service.name}: the address in its variables is no URL") from None
    return DatabaseAccess(
        service=service.name,
        engine=service.engine,
        host=parts.hostname or "",
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=parts.path.lstrip("/"),
        public=False,
    )
