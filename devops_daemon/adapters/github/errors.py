"""How GitHub fails, as the kinds of failure that the ports know."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from devops_daemon.adapters.github.answers import Why
from devops_daemon.ports import GoneError, LockedOutError, RefusedError, UnavailableError


class SaidNoError(RefusedError):
    """GitHub refused; `why` tells the kinds apart."""

    def __init__(self, text: str, why: Why) -> None:
        super().__init__(text)
        self.why = why


class DeadTokenError(SaidNoError, LockedOutError):
    """GitHub does not take our token or key."""

    def __init__(self, text: str) -> None:
        super().__init__(text, Why.DEAD_TOKEN)


class NotThereError(SaidNoError, GoneError):
    """What was named is not there (any more)."""


class LostAnswerError(UnavailableError):
    """The request may have reached GitHub, but no answer that tells came back."""


class NotSentError(UnavailableError):
    """GitHub could not be reached: nothing was done."""


class NoTokenError(NotSentError):
    """The App's token could not be fetched, which was tried often enough already: nothing was done."""


class ThrottledError(UnavailableError):
    """GitHub, or our own limit, lets nothing through for now: nothing was done."""

    def __init__(self, text: str, wait: timedelta, *, own: bool = False) -> None:
        """`own`: it is our limit, and says nothing about GitHub."""
        super().__init__(f"{text}; free again in {_span(wait.total_seconds())}")
        self.wait = wait
        self.own = own


@contextmanager
def telling_what_is_gone() -> Iterator[None]:
    """Let a refusal for what is named in the address say that it is gone."""
    try:
        yield
    except SaidNoError as error:
        if error.why not in {Why.NOT_FOUND, Why.GONE}:
            raise
        raise NotThereError(str(error), error.why) from error


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 # two minutes
