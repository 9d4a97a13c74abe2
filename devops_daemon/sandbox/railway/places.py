"""Where things are deployed: workspaces, projects, environments, and services in them."""

from dataclasses import dataclass

from devops_daemon.sandbox.faults import Server


@dataclass(frozen=True, slots=True)
class Workspace:
    """Whose projects they are."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Project:
    """A product on Railway."""

    id: str
    name: str
    workspace_id: str
    primary_environment_id: str


@dataclass(frozen=True, slots=True)
class Environment:
    """One of a project's worlds: production, staging."""

    id: str
    name: str
    project_id: str


@dataclass(frozen=True, slots=True)
class Volume:
    """A disk of a service in an environment."""

    id: str
    environment_id: str
    service_id: str
    mount: str
    used_mb: float
    size_mb: int


@dataclass(frozen=True, slots=True)
class Place:
    """A service in an environment: what Railway calls a service instance.

    `server` is the server of the sandbox's product that runs in its containers, if any does.
    """

    id: str
    environment_id: str
    service_id: str
    name: str
    repo: str | None = None
    image: str | None = None
    domain: str | None = None
    healthcheck_path: str | None = None
    draining_seconds: int | None = None
    cron_schedule: str | None = None
    sleeps: bool = False
    server: Server | None = None

    @property
    def private_domain(self) -> str:
        """The host under which its neighbours reach it."""
        return f"{self.name.lower()}.railway.internal"
