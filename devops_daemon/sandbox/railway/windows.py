"""Which part of a log is asked for: between two dates, or around an anchor."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypedDict, TypeVar

from devops_daemon.sandbox.railway.refusals import PROBLEM, Refusal

KEPT_FOR = timedelta(days=7)
"""For how long lines are kept, on the Hobby plan."""
DEFAULT_LIMIT = 100
MOST = 5_000

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Window:
    """So many rows before an anchor, so many after it, none older or newer than the two ends."""

    anchor: datetime
    oldest: datetime | None = None
    newest: datetime | None = None
    before: int = DEFAULT_LIMIT
    after: int = 0

    def cut(self, rows: Sequence[Row], at: Callable[[Row], datetime]) -> list[Row]:
        """Take what lies in the window of these rows, which are sorted; before the anchor one more than asked for."""
        if self.oldest and self.oldest < datetime.now(UTC) - KEPT_FOR:
            raise Refusal(PROBLEM)
        held = [row for row in rows if self._holds(at(row))]
        earlier = [row for row in held if at(row) <= self.anchor]
        later = [row for row in held if at(row) > self.anchor]
        return earlier[-(min(self.before, MOST) + 1) :] + later[: min(self.after, MOST)]

    def _holds(self, at: datetime) -> bool:
        return not (self.oldest and at < self.oldest) and not (self.newest and at > self.newest)


def read_date(text: str | None) -> datetime | None:
    """Read a date that comes as a string; one that is none cannot be served."""
    if text is None:
        return None
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(PROBLEM) from None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


class Around(TypedDict, total=False):
    """The anchored arguments, as the API has them."""

    before_date: str | None
    before_limit: int | None
    anchor_date: str | None
    after_date: str | None
    after_limit: int | None


class Between(TypedDict, total=False):
    """The arguments of a log that is asked for by dates."""

    limit: int | None
    start_date: datetime | None
    end_date: datetime | None


def anchored(around: Around) -> Window:
    """Read the window of the anchored arguments; without an anchor it is now."""
    before = around.get("before_limit")
    return Window(
        anchor=read_date(around.get("anchor_date")) or datetime.now(UTC),
        oldest=read_date(around.get("before_date")),
        newest=read_date(around.get("after_date")),
        before=DEFAULT_LIMIT if before is None else before,
        after=around.get("after_limit") or 0,
    )


def dated(between: Between) -> Window:
    """Read the window of a limit and two dates: the last rows between them."""
    limit, end = between.get("limit"), between.get("end_date")
    return Window(
        anchor=end or datetime.now(UTC),
        oldest=between.get("start_date"),
        newest=end,
        before=DEFAULT_LIMIT if limit is None else limit,
    )
