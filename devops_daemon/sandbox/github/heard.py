"""What came in, for tests to count and to hold against the official description."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devops_daemon.sandbox.github.tokens import TokenKind

OF_INTEREST = ("Accept", "User-Agent", "X-GitHub-Api-Version", "If-None-Match", "Content-Type", "Authorization")

REMEMBERED = 5000


@dataclass(slots=True)
class Heard:
    """A request; `route` is the path as the official description writes it, `status` what it was answered with.

    Of `Authorization` only the scheme is kept.
    """

    method: str
    path: str
    route: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None
    token: TokenKind = TokenKind.NONE
    login: str | None = None
    status: int | None = None

    @property
    def name(self) -> str:
        """`GET /repos/{owner}/{repo}/issues`."""
        return f"{self.method} {self.route}"


def of_interest(headers: Mapping[str, str]) -> dict[str, str]:
    """Keep the headers that tell something, without the token."""
    kept = {name: headers[name] for name in OF_INTEREST if name in headers}
    if "Authorization" in kept:
        kept["Authorization"] = kept["Authorization"].partition(" ")[0]
    return kept


class Log:
    """The last requests, and how many there were of each."""

    def __init__(self) -> None:
        """Nothing has been heard."""
        self.last: deque[Heard] = deque(maxlen=REMEMBERED)
        self.calls: Counter[str] = Counter()

    def note(self, heard: Heard) -> None:
        """Remember a request."""
        self.last.append(heard)
        self.calls[heard.name] += 1
