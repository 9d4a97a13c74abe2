"""New services: an empty one, or one from a template by way of a workflow."""

import secrets
from dataclasses import dataclass

from devops_daemon.sandbox.railway.chores import Chores, pause
from devops_daemon.sandbox.railway.ids import fresh
from devops_daemon.sandbox.railway.operations import Operations
from devops_daemon.sandbox.railway.pace import Pace
from devops_daemon.sandbox.railway.places import Environment, Place
from devops_daemon.sandbox.railway.refusals import Refusal
from devops_daemon.sandbox.railway.templates import Template
from devops_daemon.sandbox.railway.world import World

UNKNOWN = "NotFound"
"""What is said of a workflow that there is not, or not yet."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """A service that is wanted."""

    environment: Environment
    template: Template
    values: dict[str, str]


class Provisioning:
    """Adds services to environments."""

    def __init__(self, world: World, operations: Operations, chores: Chores, pace: Pace) -> None:
        """Add to this world."""
        self._world = world
        self._operations = operations
        self._chores = chores
        self._pace = pace
        self._workflows: dict[str, str] = {}

    def create(self, environment: Environment, name: str) -> Place:
        """Add a service with nothing in it; raises Refusal if the name is taken."""
        if name in self._names(environment):
            raise Refusal(f"A service named {name} already exists in this project")
        return self._add(environment, name)

    def deploy_template(self, environment: Environment, template: Template, values: dict[str, str]) -> str:
        """Add a service from a template with these variables, in a while; gives the workflow's id."""
        workflow_id = fresh()
        self._chores.begin(self._work(workflow_id, _Wish(environment, template, values)))
        return workflow_id

    def workflow(self, workflow_id: str) -> str:
        """Say how far a workflow has come."""
        return self._workflows.get(workflow_id, UNKNOWN)

    async def _work(self, workflow_id: str, wish: _Wish) -> None:
        await pause(self._pace.initializing)
        self._workflows[workflow_id] = "Running"
        await pause(self._pace.initializing)
        place = self._add(wish.environment, self._free(wish.environment, wish.template.name), wish.template.image)
        self._world.variables.write(place.environment_id, place.service_id, wish.values)
        self._operations.deploy(place, None)
        self._workflows[workflow_id] = "Complete"

    def _add(self, environment: Environment, name: str, image: str | None = None) -> Place:
        place = Place(fresh(), environment.id, fresh(), name, image=image)
        self._world.places[environment.id, place.service_id] = place
        return place

    def _free(self, environment: Environment, name: str) -> str:
        """Give the name, with a suffix if it is taken."""
        return f"{name}-{secrets.token_hex(2)}" if name in self._names(environment) else name

    def _names(self, environment: Environment) -> set[str]:
        environments = self._world.environments_of(environment.project_id)
        return {place.name for each in environments for place in self._world.places_of(each.id)}
