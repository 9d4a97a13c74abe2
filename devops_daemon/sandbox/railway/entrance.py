"""How a caller comes to the records: what is not there is not found, what is not theirs is not authorized."""

from devops_daemon.sandbox.railway.access import Caller
from devops_daemon.sandbox.railway.deployments import Deployment
from devops_daemon.sandbox.railway.places import Environment, Place, Project
from devops_daemon.sandbox.railway.refusals import not_authorized
from devops_daemon.sandbox.railway.world import World


class Entrance:
    """Finds records for one caller; raises Refusal."""

    def __init__(self, world: World, caller: Caller) -> None:
        """Let this caller into this world."""
        self._world = world
        self._caller = caller

    def project(self, project_id: str) -> Project:
        """Find a project of the caller's workspace."""
        project = self._world.project(project_id)
        if project.workspace_id != self._caller.opens().workspace_id:
            raise not_authorized()
        return project

    def environment(self, environment_id: str, project_id: str | None = None) -> Environment:
        """Find an environment that the caller reaches."""
        environment = self._world.environment(environment_id)
        self._caller.reach_environment(environment_id)
        if project_id is not None and project_id != environment.project_id:
            raise not_authorized()
        return environment

    def place(self, environment_id: str, service_id: str, project_id: str | None = None) -> Place:
        """Find a service in an environment that the caller reaches."""
        self.environment(environment_id, project_id)
        return self._world.place(environment_id, service_id)

    def deployment(self, deployment_id: str) -> Deployment:
        """Find a deployment in an environment that the caller reaches."""
        deployment = self._world.deployment(deployment_id)
        self._caller.reach_environment(deployment.environment_id)
        return deployment

    def reaches(self, environment_id: str) -> bool:
        """Say whether an environment is the caller's."""
        return environment_id in self._caller.opens().environment_ids
