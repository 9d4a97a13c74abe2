"""What there is on the sandbox's Railway: the records, and how they are found."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Unpack

from devops_daemon.sandbox.railway.changes import Changes
from devops_daemon.sandbox.railway.commits import Commit
from devops_daemon.sandbox.railway.deployments import Deployment, Status
from devops_daemon.sandbox.railway.logbook import LogBook
from devops_daemon.sandbox.railway.places import Environment, Place, Project, Volume, Workspace
from devops_daemon.sandbox.railway.refusals import not_found
from devops_daemon.sandbox.railway.variables import Variables


class World:
    """The records; values that are replaced, never changed. Look-ups raise Refusal for what is not there."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.workspaces: dict[str, Workspace] = {}
        self.projects: dict[str, Project] = {}
        self.environments: dict[str, Environment] = {}
        self.places: dict[tuple[str, str], Place] = {}
        self.volumes: dict[str, Volume] = {}
        self.deployments: dict[str, Deployment] = {}
        self.commits = dict[str, Commit]()
        self.variables = Variables()
        self.unmerged_changes: dict[str, int] = {}
        """How many changes of others are staged, by environment."""
        self.memory_ran_out: dict[str, datetime] = {}
        """When a service last had no memory left, by the id of its place."""
        self.log = LogBook()

    def project(self, project_id: str) -> Project:
        """Find a project."""
        if project_id not in self.projects:
            raise not_found("Project")
        return self.projects[project_id]

    def environment(self, environment_id: str) -> Environment:
        """Find an environment."""
        if environment_id not in self.environments:
            raise not_found("Environment")
        return self.environments[environment_id]

    def environments_of(self, project_id: str) -> list[Environment]:
        """List a project's environments."""
        return [each for each in self.environments.values() if each.project_id == project_id]

    def volumes_of(self, environment_id: str) -> list[Volume]:
        """List an environment's disks."""
        return [each for each in self.volumes.values() if each.environment_id == environment_id]

    def place(self, environment_id: str, service_id: str) -> Place:
        """Find a service in an environment."""
        place = self.places.get((environment_id, service_id))
        if place is None:
            raise not_found("ServiceInstance")
        return place

    def places_of(self, environment_id: str) -> list[Place]:
        """List an environment's services."""
        return [place for place in self.places.values() if place.environment_id == environment_id]

    def place_named(self, environment_id: str, name: str) -> Place:
        """Find a service by its name; KeyError if there is none."""
        for place in self.places_of(environment_id):
            if place.name == name:
                return place
        raise KeyError(name)

    def deployment(self, deployment_id: str) -> Deployment:
        """Find a deployment."""
        if deployment_id not in self.deployments:
            raise not_found("Deployment")
        return self.deployments[deployment_id]

    def place_of(self, deployment: Deployment) -> Place:
        """Find where this is deployed."""
        return self.place(deployment.environment_id, deployment.service_id)

    def history(self, place: Place) -> list[Deployment]:
        """List the deployments of a service in an environment, newest first."""
        return sorted(
            (each for each in self.deployments.values() if _is_of(each, place)), key=_created_at, reverse=True
        )

    def latest(self, place: Place) -> Deployment | None:
        """Give the newest deployment, whatever became of it."""
        return next(iter(self.history(place)), None)

    def active(self, place: Place) -> Deployment | None:
        """Give the deployment that is in service, even if it has crashed or sleeps."""
        return next((each for each in self.history(place) if each.is_active), None)

    def keep(self, deployment: Deployment) -> Deployment:
        """Keep this state of a deployment, in place of an earlier one."""
        self.deployments[deployment.id] = deployment
        return deployment

    def change(self, deployment_id: str, **changes: Unpack[Changes]) -> Deployment:
        """Change a deployment, now."""
        changed = replace(self.deployments[deployment_id], **changes)
        if "status" in changes:
            changed = replace(changed, status_updated_at=datetime.now(UTC))
        return self.keep(changed)

    def set_status(self, deployment_id: str, status: Status) -> Deployment:
        """Let a deployment have come to this, now."""
        return self.change(deployment_id, status=status)


def _is_of(deployment: Deployment, place: Place) -> bool:
    return (deployment.environment_id, deployment.service_id) == (place.environment_id, place.service_id)


def _created_at(deployment: Deployment) -> datetime:
    return deployment.created_at
