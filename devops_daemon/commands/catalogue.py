"""What can be asked of the daemon in a comment: one table, from which help, permission and grammar are derived."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from devops_daemon.forge import Role


class Name(StrEnum):
    """The commands."""

    LOGS = "logs"
    BUILD_LOGS = "build logs"
    USER = "check user"
    DATABASE = "check database"
    HEALTH = "health"
    STATUS = "status"
    DEPLOYMENTS = "deployments"
    METRICS = "metrics"
    VARIABLES = "variables"
    DIAGNOSE = "diagnose"
    INCIDENTS = "incidents"
    WHY = "why"
    MERGE = "merge"
    REBASE = "rebase"
    HOLD = "hold"
    RESTART = "restart"
    REDEPLOY = "redeploy"
    ROLLBACK = "rollback"
    SET_VARIABLES = "set variables"
    PROVISION = "provision"
    CLEAR_SESSIONS = "clear stale sessions"
    CLEAR_ORPHANS = "clear orphans"
    DECLARE = "declare"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    SEVERITY = "set severity"
    SILENCE = "silence"
    UNSILENCE = "unsilence"
    PAUSE = "pause"
    RESUME = "resume"
    HELP = "help"


class Takes(StrEnum):
    """What a command wants to know beside its name."""

    NOTHING = "nothing"
    MAYBE_SERVICE = "maybe a service"
    SERVICE = "a service"
    USER = "a user's name"
    NUMBER = "a number"
    MAYBE_INCIDENT = "maybe an incident's id"
    INCIDENT = "an incident's id"
    SERVICE_AND_TIME = "a service and for how long"
    KIND_AND_TITLE = "what kind, its name, and why"
    SERVICE_AND_LEVEL = "a service and how bad it is"
    INCIDENT_AND_LEVEL = "an incident's id and how bad it is"
    MAYBE_CONFIRM = "maybe the word confirm"


@dataclass(frozen=True, slots=True)
class Command:
    """One row: how it is written, who may, what it takes, what it promises."""

    name: Name
    usage: str
    """As the help shows it, without the mention."""
    role: Role
    """Who may ask for it, at least."""
    takes: Takes
    help: str
    acts: bool = False
    """It changes something: asked for alone, in exactly these words, and never for an agent."""


_READ, _WRITE, _ADMIN = Role.TRIAGE, Role.WRITE, Role.ADMIN

_ROWS = (
    Command(
        Name.LOGS,
        "check logs SERVICE [for TEXT]",
        _READ,
        Takes.MAYBE_SERVICE,
        "what a service wrote, or all of them; with a text only what speaks of it",
    ),
    Command(
        Name.BUILD_LOGS,
        "build logs SERVICE",
        _READ,
        Takes.MAYBE_SERVICE,
        "what the build of the latest deployment wrote",
    ),
    Command(Name.USER, "check user NAME", _READ, Takes.USER, "what the logs of all services say of a user"),
    Command(
        Name.DATABASE,
        "check database",
        _READ,
        Takes.NOTHING,
        "whether the backend reaches its database, and what the logs say of it",
    ),
    Command(Name.HEALTH, "health", _READ, Takes.NOTHING, "looks at every probe now"),
    Command(Name.STATUS, "status", _READ, Takes.NOTHING, "services, open incidents, what runs at the platform"),
    Command(
        Name.DEPLOYMENTS,
        "deployments [SERVICE]",
        _READ,
        Takes.MAYBE_SERVICE,
        "the latest deployments and what became of them",
    ),
    Command(
        Name.METRICS,
        "metrics [SERVICE]",
        _READ,
        Takes.MAYBE_SERVICE,
        "CPU, memory, requests by status and latency of the last hour",
    ),
    Command(
        Name.VARIABLES,
        "variables [SERVICE]",
        _READ,
        Takes.MAYBE_SERVICE,
        "the names of its variables, and which are sealed; never a value",
    ),
    Command(
        Name.DIAGNOSE,
        "diagnose [SERVICE]",
        _READ,
        Takes.MAYBE_SERVICE,
        "all of these in one report, the last commits with their checks, and what was merged",
    ),
    Command(
        Name.INCIDENTS, "incident [ID]", _READ, Takes.MAYBE_INCIDENT, "the latest incidents, or one with its story"
    ),
    Command(Name.WHY, "why #N", _READ, Takes.NUMBER, "why a pull request is not merged"),
    Command(
        Name.MERGE,
        "merge #N",
        _WRITE,
        Takes.NUMBER,
        "merges a pull request whose checks are green, whoever's it is and whatever label holds it",
        acts=True,
    ),
    Command(Name.REBASE, "rebase #N", _WRITE, Takes.NUMBER, "has GitHub put its branch upon its base", acts=True),
    Command(Name.HOLD, "hold #N", _WRITE, Takes.NUMBER, "keeps it from being merged, by a label", acts=True),
    Command(
        Name.RESTART,
        "restart SERVICE",
        _WRITE,
        Takes.SERVICE,
        "restarts its processes, without a build; `all`: one after the other",
        acts=True,
    ),
    Command(Name.REDEPLOY, "redeploy SERVICE", _WRITE, Takes.SERVICE, "deploys the same code once more", acts=True),
    Command(Name.ROLLBACK, "rollback SERVICE", _WRITE, Takes.SERVICE, "goes back to the code before", acts=True),
    Command(
        Name.SET_VARIABLES,
        "set variables SERVICE",
        _WRITE,
        Takes.SERVICE,
        "not in a comment, which is no place for a value: says how it is done",
        acts=True,
    ),
    Command(
        Name.PROVISION,
        "provision KIND TITLE because TEXT",
        _ADMIN,
        Takes.KIND_AND_TITLE,
        "adds a database (postgres, redis, mysql, mongo) or an empty service, unless it is there",
        acts=True,
    ),
    Command(
        Name.CLEAR_SESSIONS,
        "clear stale sessions",
        _WRITE,
        Takes.NOTHING,
        "deletes sessions older than a day",
        acts=True,
    ),
    Command(
        Name.CLEAR_ORPHANS,
        "clear orphans [confirm]",
        _ADMIN,
        Takes.MAYBE_CONFIRM,
        "counts the rows that belong to nothing; with `confirm`, within an hour of that, deletes them",
        acts=True,
    ),
    Command(
        Name.DECLARE,
        "declare SERVICE LEVEL [because TEXT]",
        _WRITE,
        Takes.SERVICE_AND_LEVEL,
        "an incident is opened, or joined, that no probe has found: SEV1, SEV2 or SEV3, until you resolve it",
        acts=True,
    ),
    Command(
        Name.ACKNOWLEDGE,
        "acknowledge ID",
        _WRITE,
        Takes.INCIDENT,
        "you see to an incident: for half an hour nothing is done about it by itself",
        acts=True,
    ),
    Command(
        Name.RESOLVE,
        "resolve ID",
        _WRITE,
        Takes.INCIDENT,
        "ends an incident that a person declared, or that only a rollback keeps well",
        acts=True,
    ),
    Command(
        Name.SEVERITY,
        "set severity ID LEVEL",
        _WRITE,
        Takes.INCIDENT_AND_LEVEL,
        "raises or lowers an incident: SEV1, SEV2 or SEV3",
        acts=True,
    ),
    Command(
        Name.SILENCE,
        "silence SERVICE TIME",
        _WRITE,
        Takes.SERVICE_AND_TIME,
        "for a while, as 30m or 2h, nothing is done or told about a service, or `all`; it is watched",
        acts=True,
    ),
    Command(Name.UNSILENCE, "unsilence SERVICE", _WRITE, Takes.SERVICE, "ends that", acts=True),
    Command(
        Name.PAUSE,
        "pause",
        _WRITE,
        Takes.NOTHING,
        "the daemon changes nothing by itself any more; it goes on watching and answering",
        acts=True,
    ),
    Command(Name.RESUME, "resume", _WRITE, Takes.NOTHING, "ends the pause", acts=True),
    Command(Name.HELP, "help", _READ, Takes.NOTHING, "this list"),
)

COMMANDS: Mapping[Name, Command] = MappingProxyType({row.name: row for row in _ROWS})
