"""The fields of Query."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TypedDict, Unpack

from devops_daemon.sandbox.railway import metrics, shown
from devops_daemon.sandbox.railway.access import Caller
from devops_daemon.sandbox.railway.deployments import Deployment, Status
from devops_daemon.sandbox.railway.entrance import Entrance
from devops_daemon.sandbox.railway.filters import read_filter
from devops_daemon.sandbox.railway.logbook import Line, Stream
from devops_daemon.sandbox.railway.pages import Node, page
from devops_daemon.sandbox.railway.places import Environment, Place, Project
from devops_daemon.sandbox.railway.realm import Realm
from devops_daemon.sandbox.railway.refusals import not_authorized
from devops_daemon.sandbox.railway.templates import by_code
from devops_daemon.sandbox.railway.traffic_metrics import durations, statuses
from devops_daemon.sandbox.railway.windows import Around, Between, Window, anchored, dated


class StatusChoice(TypedDict, total=False):
    """Which statuses are wanted."""

    among: list[str] | None
    not_among: list[str] | None


class DeploymentChoice(TypedDict, total=False):
    """Which deployments are wanted."""

    project_id: str | None
    environment_id: str | None
    service_id: str | None
    status: StatusChoice | None


class Span(TypedDict):
    """A time that is looked at, and in what steps."""

    start_date: datetime
    end_date: datetime
    step_seconds: int


class Queries:
    """What can be asked; one for each request. The methods bear the fields' names, and raise Refusal."""

    def __init__(self, realm: Realm, caller: Caller) -> None:
        """Answer this caller."""
        self._realm = realm
        self._world = realm.world
        self._caller = caller
        self._entrance = Entrance(realm.world, caller)

    # whose token it is, and what there is

    def api_token(self) -> Node:
        """Tell the workspace of the token."""
        workspace = self._world.workspaces[self._caller.opens().workspace_id]
        return {"workspaces": [{"id": workspace.id, "name": workspace.name}]}

    def project_token(self) -> Node:
        """Tell the environment of the token."""
        environment_id = self._caller.opens().environment_id
        if environment_id is None:
            raise not_authorized()
        environment = self._world.environment(environment_id)
        project = self._world.project(environment.project_id)
        return {
            "name": f"{environment.name}-token",
            "projectId": project.id,
            "environmentId": environment.id,
            "project": self._project(project),
            "environment": self._environment(environment),
        }

    def projects(self, workspace_id: str | None = None, first: int | None = None, after: str | None = None) -> Node:
        """List the projects of the caller's workspace."""
        own = self._caller.opens().workspace_id
        if workspace_id not in {None, own}:
            raise not_authorized()
        found = [project for project in self._world.projects.values() if project.workspace_id == own]
        return page(found, self._project, lambda project: project.id, first=first, after=after)

    def project(self, id: str) -> Node:  # noqa: A002 - the API's name
        """Show a project."""
        return self._project(self._entrance.project(id))

    def environment(self, id: str, project_id: str | None = None) -> Node:  # noqa: A002 - the API's name
        """Show an environment."""
        return self._environment(self._entrance.environment(id, project_id))

    # deployments

    def deployment(self, id: str) -> Node:  # noqa: A002 - the API's name
        """Show a deployment."""
        return shown.deployment(self._world, self._entrance.deployment(id))

    def deployments(self, input: DeploymentChoice, first: int | None = None, after: str | None = None) -> Node:  # noqa: A002 - the API's name
        """List deployments, newest first."""
        self._check(input)
        found = [each for each in self._world.deployments.values() if self._is_chosen(each, input)]
        found.sort(key=lambda each: each.created_at, reverse=True)
        return page(found, self._deployment, lambda each: each.id, first=first, after=after)

    def deployment_events(self, id: str, first: int | None = None) -> Node:  # noqa: A002 - the API's name
        """List the steps of a deployment."""
        steps = self._entrance.deployment(id).steps
        return page(steps, shown.step, lambda step: step.name, first=first, after=None)

    # logs

    def build_logs(self, deployment_id: str, wanted: str | None = None, **between: Unpack[Between]) -> Sequence[Node]:
        """List what the build of a deployment wrote."""
        return self._deployment_log(deployment_id, Stream.BUILD, wanted, dated(between))

    def deployment_logs(
        self, deployment_id: str, wanted: str | None = None, **between: Unpack[Between]
    ) -> Sequence[Node]:
        """List what the containers of a deployment wrote."""
        return self._deployment_log(deployment_id, Stream.DEPLOY, wanted, dated(between))

    def environment_logs(
        self, environment_id: str, wanted: str | None = None, **around: Unpack[Around]
    ) -> Sequence[Node]:
        """List what the containers of an environment wrote."""
        self._entrance.environment(environment_id)
        lines = self._world.log.find(
            lambda line: line.environment_id == environment_id and line.stream is Stream.DEPLOY
        )
        return _log(lines, wanted, anchored(around))

    def http_logs(self, deployment_id: str, wanted: str | None = None, **around: Unpack[Around]) -> Sequence[Node]:
        """List the requests that a deployment served."""
        deployment = self._entrance.deployment(deployment_id)
        passages = self._realm.traffic.log(deployment, anchored(around), read_filter(wanted))
        return [passage.shown() for passage in passages]

    # variables

    def variables(
        self, project_id: str, environment_id: str, service_id: str | None = None, *, unrendered: bool | None = None
    ) -> Node:
        """Give the variables of a service, or the shared ones; a sealed one is there, but null."""
        self._entrance.environment(environment_id, project_id)
        place = self._entrance.place(environment_id, service_id) if service_id else None
        written = self._world.variables.snapshot(environment_id, service_id)
        if unrendered or place is None:
            return written
        rendered = self._realm.rendering.for_deployment(place)
        return {name: rendered[name] for name in written}

    def variables_for_service_deployment(self, project_id: str, environment_id: str, service_id: str) -> Node:
        """Give all that the service's containers get."""
        return self._realm.rendering.for_deployment(self._entrance.place(environment_id, service_id, project_id))

    # metrics

    def metrics(
        self,
        *,
        start_date: datetime,
        measurements: Sequence[str],
        environment_id: str | None = None,
        service_id: str | None = None,
        end_date: datetime | None = None,
        sample_rate_seconds: int | None = None,
        group_by: Sequence[str] | None = None,
    ) -> Sequence[Node]:
        """Measure the services of an environment, or one of them."""
        if environment_id is None or list(group_by or ()) != ["SERVICE_ID"]:
            raise not_authorized()
        self._entrance.environment(environment_id)
        end, rate = end_date or datetime.now(UTC), self._realm.sampling or timedelta(seconds=sample_rate_seconds or 30)
        return [
            metrics.series(
                measurement,
                place.service_id,
                metrics.times(start_date, ran_until, rate),
                memory_ran_out=self._world.memory_ran_out.get(place.id),
            )
            for place in self._world.places_of(environment_id)
            if service_id in {None, place.service_id} and (ran_until := self._ran_until(place, end))
            for measurement in measurements
        ]

    def http_metrics_grouped_by_status(
        self, environment_id: str, service_id: str, **span: Unpack[Span]
    ) -> Sequence[Node]:
        """Count the requests of a service by status."""
        place = self._entrance.place(environment_id, service_id)
        return statuses(self._realm.traffic.of(place, span["start_date"], span["end_date"]), self._step(span))

    def http_duration_metrics(self, environment_id: str, service_id: str, **span: Unpack[Span]) -> Node:
        """Tell how long the requests of a service took."""
        place = self._entrance.place(environment_id, service_id)
        passages = self._realm.traffic.of(place, span["start_date"], span["end_date"])
        return {"samples": durations(passages, self._step(span))}

    # the rest

    def _step(self, span: Span) -> timedelta:
        return self._realm.sampling or timedelta(seconds=span.get("step_seconds") or 60)

    def tcp_proxies(self, environment_id: str, service_id: str) -> Sequence[Node]:
        """List the proxies of a service."""
        return [shown.proxy(each) for each in self._realm.proxies.of(self._entrance.place(environment_id, service_id))]

    def template(self, code: str | None = None) -> Node:
        """Give a template."""
        template = by_code(code)
        return {"id": template.id, "serializedConfig": template.config()}

    def workflow_status(self, workflow_id: str) -> Node:
        """Say how far a workflow has come."""
        return {"status": self._realm.provisioning.workflow(workflow_id), "error": None}

    def platform_status(self) -> Node:
        """Say whether Railway is well."""
        return self._realm.weather.shown()

    def _project(self, project: Project) -> Node:
        return {
            "id": project.id,
            "name": project.name,
            "workspaceId": project.workspace_id,
            "primaryEnvironmentId": project.primary_environment_id,
            "deletedAt": None,
            "environments": lambda first=None: page(
                self._world.environments_of(project.id),
                self._environment,
                lambda each: each.id,
                first=first,
                after=None,
            ),
        }

    def _environment(self, environment: Environment) -> Node:
        return {
            "id": environment.id,
            "name": environment.name,
            "isEphemeral": False,
            "canAccess": self._entrance.reaches(environment.id),
            "unmergedChangesCount": self._world.unmerged_changes.get(environment.id, 0),
            "serviceInstances": lambda first=None, after=None: page(
                self._world.places_of(environment.id), self._place, lambda each: each.id, first=first, after=after
            ),
            "variables": lambda first=None, after=None: page(
                self._world.variables.all_of(environment.id),
                lambda row: shown.variable(*row),
                lambda row: f"{row[0]}/{row[1]}",
                first=first,
                after=after,
            ),
            "volumeInstances": lambda first=None, after=None: page(
                self._world.volumes_of(environment.id), shown.volume, lambda each: each.id, first=first, after=after
            ),
        }

    def _place(self, place: Place) -> Node:
        return shown.place(self._world, place)

    def _deployment(self, deployment: Deployment) -> Node:
        return shown.deployment(self._world, deployment)

    def _check(self, choice: DeploymentChoice) -> None:
        """Let only what is the caller's be asked for, and only services that there are."""
        environment_id, service_id = choice.get("environment_id"), choice.get("service_id")
        if environment_id:
            self._entrance.environment(environment_id, choice.get("project_id"))
            if service_id:
                self._entrance.place(environment_id, service_id)

    def _is_chosen(self, deployment: Deployment, choice: DeploymentChoice) -> bool:
        status = choice.get("status") or {}
        among, not_among = status.get("among"), status.get("not_among") or []
        return (
            self._entrance.reaches(deployment.environment_id)
            and choice.get("environment_id") in {None, deployment.environment_id}
            and choice.get("service_id") in {None, deployment.service_id}
            and (among is None or deployment.status.value in among)
            and deployment.status.value not in not_among
        )

    def _ran_until(self, place: Place, end: datetime) -> datetime | None:
        """Say until when there was something to be measured before this end; None if nothing is there that ran."""
        active = self._world.active(place)
        if active and active.is_running:
            return end
        return min(end, active.status_updated_at) if active and active.status is Status.CRASHED else None

    def _deployment_log(self, deployment_id: str, stream: Stream, wanted: str | None, window: Window) -> Sequence[Node]:
        deployment = self._entrance.deployment(deployment_id)
        lines = self._world.log.find(lambda line: line.deployment_id == deployment.id and line.stream is stream)
        return _log(lines, wanted, window)


def _log(lines: Sequence[Line], wanted: str | None, window: Window) -> Sequence[Node]:
    condition = read_filter(wanted)
    fitting = [line for line in lines if condition.fits(line.message, line.attributes())]
    return [shown.line(line) for line in window.cut(fitting, lambda line: line.at)]
