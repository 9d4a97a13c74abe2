"""What a container gets: its own variables with all references put in, and those that Railway provides."""

from collections.abc import Mapping

from devops_daemon.sandbox.railway.deployments import Deployment
from devops_daemon.sandbox.railway.places import Place
from devops_daemon.sandbox.railway.proxies import Proxies
from devops_daemon.sandbox.railway.variables import SHARED, render
from devops_daemon.sandbox.railway.world import World


class Rendering:
    """Renders the variables of services in their environments."""

    def __init__(self, world: World, proxies: Proxies) -> None:
        """Read the variables of this world; public addresses are those of the proxies."""
        self._world = world
        self._proxies = proxies

    def for_deployment(self, place: Place) -> dict[str, str | None]:
        """Give all that a container of this service gets; a sealed value is not told."""
        rows = self._world.variables.of(place.environment_id, place.service_id)
        values = self._values(place)
        rendered = {name: self.value_of(place, value) for name, value in values.items()}
        return {name: None if name in rows and rows[name].is_sealed else value for name, value in rendered.items()}

    def value_of(self, place: Place, value: str) -> str:
        """Put in what a value of this service refers to."""
        return render(value, place.name, lambda scope: self._scope(place.environment_id, scope))

    def _scope(self, environment_id: str, name: str) -> Mapping[str, str]:
        if name == SHARED:
            return {key: row.value for key, row in self._world.variables.of(environment_id, None).items()}
        try:
            return self._values(self._world.place_named(environment_id, name))
        except KeyError:
            return {}

    def _values(self, place: Place) -> dict[str, str]:
        rows = self._world.variables.of(place.environment_id, place.service_id)
        own = {name: row.value for name, row in rows.items()}
        return {**own, **self._public(place, own), **self._provided(place)}

    def _public(self, place: Place, own: Mapping[str, str]) -> dict[str, str]:
        """A database has a public address while it has a proxy."""
        proxy = self._proxies.serving(place)
        if proxy is None or "PGPASSWORD" not in own:
            return {}
        return {
            "DATABASE_PUBLIC_URL": "postgresql://${{PGUSER}}:${{PGPASSWORD}}"
            "@${{RAILWAY_TCP_PROXY_DOMAIN}}:${{RAILWAY_TCP_PROXY_PORT}}/${{PGDATABASE}}",
            "RAILWAY_TCP_PROXY_DOMAIN": proxy.domain,
            "RAILWAY_TCP_PROXY_PORT": str(proxy.port),
            "RAILWAY_TCP_APPLICATION_PORT": str(proxy.application_port),
        }

    def _provided(self, place: Place) -> dict[str, str]:
        environment = self._world.environment(place.environment_id)
        project = self._world.project(environment.project_id)
        active = self._world.active(place)
        return {
            "RAILWAY_PROJECT_ID": project.id,
            "RAILWAY_PROJECT_NAME": project.name,
            "RAILWAY_ENVIRONMENT_ID": environment.id,
            "RAILWAY_ENVIRONMENT_NAME": environment.name,
            "RAILWAY_SERVICE_ID": place.service_id,
            "RAILWAY_SERVICE_NAME": place.name,
            "RAILWAY_PRIVATE_DOMAIN": place.private_domain,
            **({"RAILWAY_PUBLIC_DOMAIN": place.domain} if place.domain else {}),
            **(_of_deployment(active) if active else {}),
        }


def _of_deployment(deployment: Deployment) -> dict[str, str]:
    provided = {"RAILWAY_DEPLOYMENT_ID": deployment.id}
    if deployment.commit:
        provided["RAILWAY_GIT_COMMIT_SHA"] = deployment.commit.sha
        provided["RAILWAY_GIT_COMMIT_MESSAGE"] = deployment.commit.message
    return provided
