"""Who comes in: what the Authorization header says of the caller."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping

from devops_daemon.sandbox.github.refusals import bad_credentials
from devops_daemon.sandbox.github.tokens import Caller, TokenKind
from devops_daemon.sandbox.github.world import World

_SCHEMES = {"bearer", "token"}
_PARTS_OF_JWT = 3


def caller_of(world: World, headers: Mapping[str, str], *, needs_app: bool) -> Caller:
    """Tell who asks; raises Refusal for a token that is not good. What needs the App takes its signature only."""
    given = headers.get("Authorization")
    text = _token(given) if given else None
    if needs_app or (text and text.count(".") == _PARTS_OF_JWT - 1 and text.startswith("ey")):
        world.app.verify(text or "")
        return Caller(TokenKind.APP, world.accounts.get(world.app.login))
    if given is None:
        return Caller()
    token = world.tokens.get(text or "")
    if token is None or not token.is_good:
        raise bad_credentials()
    return Caller(token.kind, token.account, token)


def _token(authorization: str) -> str:
    """Take the token out of the header; git and curl bring it as a password."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() in _SCHEMES:
        return rest.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        user, _, password = b64decode(rest.strip()).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        return ""
    return password or user
