"""Time as GitHub tells it: in whole seconds, UTC, with a Z."""

from datetime import UTC, datetime


def now() -> datetime:
    """Tell the time to the second, as GitHub keeps it."""
    return datetime.now(UTC).replace(microsecond=0)


def iso(moment: datetime) -> str:
    """Write a time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_or_none(moment: datetime | None) -> str | None:
    """Write a time that may not have come yet."""
    return iso(moment) if moment else None


def read_iso(text: str) -> datetime | None:
    """Read a time that a client wrote, None where it is none."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
