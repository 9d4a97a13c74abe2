"""Variables: names for everyone, values on demand, and writes that touch nothing else."""

from collections.abc import Mapping

from devops_daemon.adapters.railway import names, read
from devops_daemon.adapters.railway.acting import Acting
from devops_daemon.adapters.railway.api import parsed
from devops_daemon.hosting import Variable
from devops_daemon.ports import RefusedError


class Variables(Acting):
    """Reads and sets variables; what is not named stays as it is."""

    async def variables(self, service_id: str | None) -> list[Variable]:
        """Read names only."""
        scope = await self._api.scope()
        asked = {"environmentId": scope.environment_id, "projectId": scope.project_id}
        _, nodes = await self._api.pages(
            "VariableNames", asked, lambda data: data["environment"]["variables"], unasked=self._unasked
        )
        return parsed("VariableNames", lambda nodes: read.variables(nodes, service_id), nodes)

    async def values(self, service_id: str | None) -> Mapping[str, str | None]:
        """Read values as they are written: a value that was rendered would replace its reference when written back."""
        scope = await self._api.scope()
        asked = {
            "projectId": scope.project_id,
            "environmentId": scope.environment_id,
            "serviceId": service_id,
        }
        return await self._api.read("Variables", asked, lambda data: dict(data["variables"]), unasked=self._unasked)

    async def deployed_values(self, service_id: str) -> Mapping[str, str | None]:
        """Read values as a service gets them: a reference is what it leads to."""
        scope = await self._api.scope()
        asked = {
            "projectId": scope.project_id,
            "environmentId": scope.environment_id,
            "serviceId": service_id,
        }
        return await self._api.read(
            "DeployedVariables",
            asked,
            lambda data: dict(data["variablesForServiceDeployment"]),
            unasked=self._unasked,
        )

    def wrong_variables(self, values: Mapping[str, str]) -> list[str]:
        """Say of each variable that may not be set why."""
        return names.problems(values)

    async def set_variables(self, service_id: str | None, values: Mapping[str, str], *, deploy: bool) -> None:
        """Set all by one write, which brings about one deployment, or none."""
        if found := names.problems(values):
            raise RefusedError("\n".join(found))
        if service_id is not None:
            await self._refuse_own(service_id, "given variables")
        scope = await self._api.scope()
        asked = {
            "projectId": scope.project_id,
            "environmentId": scope.environment_id,
            "variables": dict(values),
            "skipDeploys": not deploy,
            # never `replace`: it deletes what is not listed, sealed values among them
        } | ({"serviceId": service_id} if service_id else {})

        async def look() -> bool | None:
            now = await self.values(service_id)
            # one that is sealed cannot be read: it proves nothing
            return all(now.get(name) == value for name, value in values.items()) or None

        await self._once("set variables", lambda: self._api.write("SetVariables", {"input": asked}), look)
