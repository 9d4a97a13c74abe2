"""The nouns of mending: what is done to a service in an incident, what is told of it, what was seen of its cause."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Act(StrEnum):
    """What the daemon may do by itself to end an outage."""

    RESTART = "restart"
    REDEPLOY = "redeploy"
    ROLLBACK = "rollback"
    CLEAR_SESSIONS = "clear-sessions"


class Pattern(StrEnum):
    """How an outage looks; by this it is answered for."""

    DEPLOYMENT = "deployment"
    """Nothing was well since a deployment went live."""
    SESSIONS = "sessions"
    """Sign-in fails, and far more sessions are open than usual."""
    MEMORY = "memory"
    """The process was ended because it had no memory left."""
    CRASHED = "crashed"
    DATABASE = "database"
    """The backend lives and does not reach its database."""
    HUNG = "hung"
    """It runs, and does not answer as it should."""


class Duty(StrEnum):
    """What is owed to an incident: each by itself, so that neither waits for the other."""

    MEND = "mend"
    TELL = "tell"


class Stage(StrEnum):
    """Where a remedy stands."""

    STARTED = "started"
    """Written down before it is done: whether it was, is looked up."""
    TAKEN = "taken"
    """It was done; whether it helps is looked at."""
    ENDED = "ended"


class Came(StrEnum):
    """What came of a remedy."""

    HELPED = "helped"
    NO_HELP = "did not help"
    WORSE = "made it worse"
    FAILED = "failed"
    """The platform began it and could not finish it."""
    UNCLEAR = "unclear"
    """Whether it was done cannot be told: it counts, and is not done again."""
    NOT_DONE = "not done"
    """It was refused, or never reached the platform: it counts for nothing."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """One act against an outage, as it is kept."""

    incident: str
    number: int
    """The first of an incident is 1."""
    act: Act
    service: str
    """As the platform names it: what is done to one service counts together."""
    service_id: str
    watched: str
    """The same service, as our probes name it."""
    reason: str
    """Why this, and why now."""
    began_at: datetime
    """When it was written down."""
    target_id: str | None = None
    """The deployment that it is done to; for a rollback the one that is gone back to."""
    target_changed_at: datetime | None = None
    """When that deployment's state had changed last, by the platform: to restart what has ended changes it."""
    code: str | None = None
    """The commit or image that it is about: by it what it brings about is known again."""
    leaves: str | None = None
    """The code that a rollback goes back from."""
    down_before: int = 0
    """How many probes of the incident were down then."""
    stage: Stage = Stage.STARTED
    deployment_id: str | None = None
    """What it brought about, as far as it is known."""
    live_at: datetime | None = None
    """Since when what it brought about runs: from then on it is waited for its effect."""
    ended_at: datetime | None = None
    came: Came | None = None
    text: str = ""
    """What came of it, in words."""
    dry: bool = False
    """Under `DRY_RUN`: decided and kept, never done."""
    version: int = 0

    @property
    def id(self) -> str:
        """Name it."""
        return f"{self.incident}/{self.number}"

    @property
    def counts(self) -> bool:
        """Tell whether it counts against the limits."""
        return not self.dry and self.came is not Came.NOT_DONE


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a remedy may not be begun."""

    reason: str
    final: bool
    """To wait is of no use: a limit is reached."""


class EffectState(StrEnum):
    """Where something that is told stands."""

    STARTED = "started"
    """Written down before it is told: whether it was, is looked up."""
    DONE = "done"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class Effect:
    """Something told of an incident, once: its issue, a comment, a call of an agent, a notice."""

    incident: str
    name: str
    """`issue`, `comment:KIND`, `agent:N`, `notice:KIND:NUMBER`: what is the same is told once."""
    state: EffectState
    started_at: datetime
    due_at: datetime
    """Not tried again before."""
    tries: int = 0
    done_at: datetime | None = None
    reference: str | None = None
    """The number of the issue, the id of the comment."""
    digest: str | None = None
    """Of what was written last, where that is brought up to date."""
    error: str | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """A pull request that names an incident's issue and was merged: whoever made it, it was to end the outage."""

    incident: str
    pull: int
    code: str
    """The commit that its merge made: by it its deployment is known."""
    merged_at: datetime
    failed_at: datetime | None = None
    """When it was seen that it did not help."""
    text: str = ""
    """Why it did not."""


class EvidenceKind(StrEnum):
    """Where evidence comes from."""

    LOGS = "logs"
    BUILD = "build"
    HTTP = "http"
    STEPS = "steps"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen around the beginning of an outage: redacted, and kept because the platform forgets it."""

    incident: str
    kind: EvidenceKind
    title: str
    text: str
    """Lines of strangers, without secrets; not yet made harmless for Markdown."""
    in_public: str
    """What of it may be shown on a public repository: templates that were common, counts, nothing else."""
    taken_at: datetime
    summary: str = ""
    """The first thing that went wrong, on one line."""
    out_of_memory: bool = False
    """It speaks of a process that was ended because it had no memory left."""
