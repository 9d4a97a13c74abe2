"""Tokens: who holds one, what it opens, how long it is good for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from devops_daemon.sandbox.github.accounts import Account


class TokenKind(StrEnum):
    """What a request says of its sender."""

    NONE = "none"
    CLASSIC = "classic"
    FINE_GRAINED = "fine-grained"
    INSTALLATION = "installation"
    APP = "app"
    """A JSON web token that the App signed."""


@dataclass(slots=True)
class Token:
    """A token; scopes are those of a classic one, permissions those of the others: `{"issues": "write"}`."""

    kind: TokenKind
    account: Account
    scopes: frozenset[str] = frozenset()
    permissions: Mapping[str, str] | None = None
    expires_at: datetime | None = None

    @property
    def is_good(self) -> bool:
        """Tell whether it has not expired."""
        return self.expires_at is None or datetime.now(UTC) < self.expires_at


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, by the token that came along; nobody without one."""

    kind: TokenKind = TokenKind.NONE
    account: Account | None = None
    token: Token | None = None

    @property
    def via_app(self) -> bool:
        """Tell whether an App acts."""
        return self.kind in {TokenKind.INSTALLATION, TokenKind.APP}

    @property
    def purse(self) -> str:
        """Whose rate limit it is: a person's tokens share one, an installation has its own."""
        return f"{'app' if self.via_app else 'user'}:{self.account.login}" if self.account else "nobody"
