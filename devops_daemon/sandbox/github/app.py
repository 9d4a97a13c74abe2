"""A GitHub App: its key, its permissions, and the tokens of its installation."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from http import HTTPStatus

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.accounts import Account
from devops_daemon.sandbox.github.refusals import Refusal
from devops_daemon.sandbox.github.tokens import Token, TokenKind

LONGEST_SIGNATURE = timedelta(minutes=10)
EVERYTHING: Mapping[str, str] = {
    "metadata": "read",
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
    "checks": "write",
    "statuses": "write",
    "actions": "write",
    "deployments": "write",
    "administration": "read",
    "repository_hooks": "write",
    "workflows": "write",
}
EVENTS = ("issue_comment", "issues", "pull_request", "push", "check_run", "check_suite", "status")


@dataclass(eq=False)
class App:
    """An App with one installation; what it may do may be set as it runs, new tokens follow."""

    slug: str
    permissions: Mapping[str, str] = field(default_factory=lambda: dict(EVERYTHING))
    events: tuple[str, ...] = EVENTS
    token_lifetime: timedelta = timedelta(hours=1)
    id: int = field(default_factory=ids.fresh)
    installation_id: int = field(default_factory=ids.fresh)

    @property
    def client_id(self) -> str:
        """The id that a signature may name instead of the number."""
        return f"Iv23{self.id}"

    @property
    def login(self) -> str:
        """As whom it acts."""
        return f"{self.slug}[bot]"

    @cached_property
    def private_key(self) -> str:
        """The key in PEM; another one may be given before it is used."""
        return new_key()

    def verify(self, signed: str) -> None:
        """Raise Refusal unless this is a JSON web token as GitHub wants it, signed by the App."""
        import jwt  # noqa: PLC0415 - only for Apps

        try:
            claims = jwt.decode(
                signed,
                self._public_key,
                algorithms=["RS256"],
                options={"require": ["iat", "exp", "iss"], "verify_iss": False, "verify_sub": False},
            )
        except (jwt.InvalidIssuedAtError, jwt.ImmatureSignatureError):
            raise _unauthorized("'Issued at' claim ('iat') must be an Integer representing the past") from None
        except jwt.PyJWTError:
            raise _unauthorized("A JSON web token could not be decoded") from None
        if str(claims["iss"]) not in {str(self.id), self.client_id}:
            raise Refusal(HTTPStatus.NOT_FOUND, "Integration not found")
        if claims["exp"] > (datetime.now(UTC) + LONGEST_SIGNATURE).timestamp() + 1:
            raise _unauthorized("'Expiration time' claim ('exp') is too far in the future")

    def new_token(self, bot: Account, permissions: Mapping[str, str]) -> tuple[str, Token]:
        """Make a token of the installation."""
        text = f"ghs_{self.id}_{secrets.token_urlsafe(40)}"
        expires_at = datetime.now(UTC) + self.token_lifetime
        return text, Token(TokenKind.INSTALLATION, bot, permissions=dict(permissions), expires_at=expires_at)

    @cached_property
    def _public_key(self) -> str:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - only for Apps

        key = serialization.load_pem_private_key(self.private_key.encode(), None)
        shape = serialization.PublicFormat.SubjectPublicKeyInfo
        return key.public_key().public_bytes(serialization.Encoding.PEM, shape).decode()


@cache
def new_key() -> str:
    """Make a key, in PEM: once, for it takes a while."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - 9 MB, only for Apps
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - the same

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    shape = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, shape, serialization.NoEncryption()).decode()


def _unauthorized(message: str) -> Refusal:
    return Refusal(HTTPStatus.UNAUTHORIZED, message)
