"""The fields of Mutation."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NotRequired, TypedDict

from devops_daemon.sandbox.railway import shown
from devops_daemon.sandbox.railway.access import Caller
from devops_daemon.sandbox.railway.entrance import Entrance
from devops_daemon.sandbox.railway.ids import fresh
from devops_daemon.sandbox.railway.pages import Node
from devops_daemon.sandbox.railway.places import Place
from devops_daemon.sandbox.railway.realm import Realm
from devops_daemon.sandbox.railway.template_config import filled
from devops_daemon.sandbox.railway.templates import by_id
from devops_daemon.sandbox.railway.variables import SHARED, references


class VariableCollection(TypedDict):
    """Variables to be written."""

    project_id: str
    environment_id: str
    variables: Mapping[str, str | None]
    service_id: NotRequired[str | None]
    replace: NotRequired[bool | None]
    skip_deploys: NotRequired[bool | None]


class Wish(TypedDict, total=False):
    """A service to be made."""

    project_id: str
    environment_id: str | None
    name: str | None


class TemplateWish(TypedDict, total=False):
    """A template to be deployed."""

    template_id: str
    serialized_config: object
    environment_id: str | None


class Mutations:
    """What can be done; one for each request. The methods bear the fields' names, and raise Refusal."""

    def __init__(self, realm: Realm, caller: Caller) -> None:
        """Act for this caller."""
        self._realm = realm
        self._world = realm.world
        self._operations = realm.operations
        self._caller = caller
        self._entrance = Entrance(realm.world, caller)

    # deployments

    def deployment_cancel(self, id: str) -> bool:  # noqa: A002 - the API's name
        """Give up a deployment that is on its way."""
        self._operations.cancel(self._entrance.deployment(id))
        return True

    def deployment_redeploy(self, id: str) -> Node:  # noqa: A002 - the API's name
        """Run the same code again."""
        return shown.deployment(self._world, self._operations.redeploy(self._entrance.deployment(id)))

    async def deployment_remove(self, id: str) -> bool:  # noqa: A002 - the API's name
        """Stop a deployment for good."""
        await self._operations.remove(self._entrance.deployment(id))
        return True

    async def deployment_restart(self, id: str) -> bool:  # noqa: A002 - the API's name
        """Start the container of a deployment again."""
        await self._operations.restart(self._entrance.deployment(id))
        return True

    def deployment_rollback(self, id: str) -> bool:  # noqa: A002 - the API's name
        """Go back to a deployment."""
        self._operations.roll_back(self._entrance.deployment(id))
        return True

    def service_instance_deploy_v2(self, environment_id: str, service_id: str, commit_sha: str | None = None) -> str:
        """Deploy a service with its settings and variables of now."""
        return self._operations.deploy(self._entrance.place(environment_id, service_id), commit_sha).id

    # services

    def service_create(self, input: Wish) -> Node:  # noqa: A002 - the API's name
        """Add an empty service."""
        project = self._entrance.project(input["project_id"])
        environment_id = input.get("environment_id") or project.primary_environment_id
        environment = self._entrance.environment(environment_id, project.id)
        place = self._realm.provisioning.create(environment, input.get("name") or f"service-{fresh()[:4]}")
        return {"id": place.service_id, "name": place.name}

    def template_deploy_v2(self, input: TemplateWish) -> Node:  # noqa: A002 - the API's name
        """Add a service from a template."""
        environment = self._entrance.environment(input.get("environment_id") or "")
        template = by_id(input["template_id"])
        values = filled(template, input["serialized_config"])
        return {"workflowId": self._realm.provisioning.deploy_template(environment, template, values)}

    # variables

    def variable_collection_upsert(self, input: VariableCollection) -> bool:  # noqa: A002 - the API's name
        """Write variables, and deploy what they concern."""
        self._entrance.environment(input["environment_id"], input["project_id"])
        where = (input["environment_id"], input.get("service_id"))
        if where[1]:
            self._entrance.place(where[0], where[1])
        if input.get("replace"):
            self._world.variables.keep_only(*where, frozenset(input["variables"]))
        self._world.variables.write(*where, input["variables"])
        if not input.get("skip_deploys"):
            for place in self._world.places_of(where[0]):
                if self._is_concerned(place, where[1], input["variables"]):
                    self._operations.deploy_patch(place)
        return True

    def _is_concerned(self, place: Place, service_id: str | None, names: Iterable[str]) -> bool:
        """Tell whether a service is the one that was written to, or refers to the shared variables that were."""
        if service_id:
            return place.service_id == service_id
        rows = self._world.variables.of(place.environment_id, place.service_id)
        wanted = {f"{SHARED}.{name}" for name in names}
        return any(wanted & set(references(row.value)) for row in rows.values())

    # networking

    async def environment_patch_commit(
        self, environment_id: str, patch: Mapping[str, Any] | None = None, commit_message: str | None = None
    ) -> str:
        """Add what the patch adds; the sandbox knows TCP proxies only."""
        del commit_message
        self._entrance.environment(environment_id)
        wanted = [(self._entrance.place(environment_id, service), port) for service, port in _proxies(patch)]
        for place, port in wanted:
            await self._realm.proxies.open(place, port)
        return fresh()

    async def tcp_proxy_delete(self, id: str) -> bool:  # noqa: A002 - the API's name
        """Take a TCP proxy away."""
        proxy = self._realm.proxies.find(id)
        self._entrance.environment(proxy.environment_id)
        await self._realm.proxies.delete(proxy)
        return True


def _proxies(patch: Mapping[str, Any] | None) -> Iterator[tuple[str, int]]:
    """List the services and ports for which a patch wants a proxy."""
    for service, config in ((patch or {}).get("services") or {}).items():
        for port in (config.get("networking") or {}).get("tcpProxies") or {}:
            yield service, int(port)
