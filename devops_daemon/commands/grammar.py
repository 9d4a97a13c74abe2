"""What a comment asks for, read from its prose."""

from dataclasses import dataclass

from devops_daemon.commands.catalogue import Name


@dataclass(frozen=True, slots=True)
class Ask:
    """One command, with what it was given."""

    name: Name
    service: str | None = None
    topic: str | None = None
    """What the logs are to be searched for."""
    user: str | None = None
    number: int | None = None
    incident: str | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nothing that can be asked: what it said, and the nearest that can, as it is typed."""

    words: str
    nearest: tuple[str, ...]


Asked = Ask | Unclear


def read(body: str) -> tuple[Asked, ...]:
    """Read what a comment asks of the daemon, in its order; nothing where it asks nothing."""
    raise NotImplementedError(body)
