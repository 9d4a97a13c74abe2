"""What an audit looks at: all of it as it was at one moment, and what of it could not be read. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from devops_daemon.clusters import Cluster
from devops_daemon.hosting import Hosting, Variable
from devops_daemon.model import Finding, Service
from devops_daemon.ports import Overview, OwnWeek


@dataclass(frozen=True, slots=True)
class Setup:
    """What the settings switch on."""

    escalation: bool = True
    """Somebody is named to be mentioned."""
    notices: bool = True
    """There is a place where people are told."""
    heartbeat: bool = True
    """Somebody watches the watcher."""
    lasting: bool = True
    """The store outlives a deployment."""


@dataclass(frozen=True, slots=True)
class LogSample:
    """The newest lines that a service wrote, redacted."""

    service: str
    lines: int
    structured: int
    """Those with a level and a context of their own."""
    masked: int = 0
    """Those in which something secret stood."""
    errors: tuple[Cluster, ...] = ()
    """The templates of those that speak of trouble, the most frequent first."""


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of one service."""

    names: tuple[Variable, ...]
    empty: tuple[str, ...] = ()
    """Those with no value."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment."""

    now: datetime
    services: tuple[Service, ...]
    overview: Overview
    setup: Setup = field(default_factory=Setup)
    hosting: Hosting | None = None
    variables: Mapping[str, Variables] = field(default_factory=dict)
    """By the hosted service's name; the shared ones by the empty name. A service that is missing was not read."""
    samples: Mapping[str, LogSample] = field(default_factory=dict)
    """By the hosted service's name."""
    own_service: str | None = None
    """The daemon's, at the platform."""
    checkups: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    """What the check-ups of GitHub and Railway found."""
    lost_deliveries: int | None = None
    """Webhooks' deliveries that did not arrive in the last three days."""
    own_week: OwnWeek | None = None
    """How the daemon has done its own work."""
    example: tuple[str, ...] | None = None
    """The names that `.env.example` of the repository gives; None where it is not there, or could not be read."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """What could not be read, and why."""
