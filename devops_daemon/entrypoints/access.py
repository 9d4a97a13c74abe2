"""Decide who may see the pages, and who may act (contract, `VIEWER_TOKEN`, `OPERATOR_TOKEN`). Pure."""

import base64
import binascii
import hmac
import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum

_HOST = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9.-]+))(?::\d{1,5})?")


class Access(StrEnum):
    """What a request gets."""

    GRANTED = "granted"
    ASK = "ask"
    """401: a token would open it."""
    CLOSED = "closed"
    """403: no token is set, and it does not come from this machine."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What opens the pages; the operator's opens all that the viewer's does."""

    viewer: str | None = None
    operator: str | None = None


def may_view(tokens: Tokens, authorization: str | None, peer: str | None, host: str | None) -> Access:
    """Say whether a page is shown: by token where one is set, else on this machine only.

    The `Host` must be loopback too: a page elsewhere could have its name resolve to 127.0.0.1.
    """
    accepted = [token for token in (tokens.viewer, tokens.operator) if token]
    if not accepted:
        return Access.GRANTED if is_loopback(peer) and is_loopback(_without_port(host)) else Access.CLOSED
    given = _credential(authorization)
    # every token is compared, so that the time tells nothing
    matches = [hmac.compare_digest(given, token.encode()) for token in accepted]
    return Access.GRANTED if any(matches) else Access.ASK


def may_act(tokens: Tokens, authorization: str | None) -> Access:
    """Say whether an action is taken: by the operator's token as Bearer, and by nothing else, on this machine too.

    A browser sends Basic credentials by itself, wherever a page leads it; it never sends Bearer.
    """
    if not tokens.operator:
        return Access.CLOSED
    scheme, _, value = (authorization or "").partition(" ")
    given = value.strip().encode("utf-8", "replace") if scheme.lower() == "bearer" else b""
    return Access.GRANTED if hmac.compare_digest(given, tokens.operator.encode()) else Access.ASK


def is_loopback(host: str | None) -> bool:
    """Tell whether an address is of this machine alone; IPv4 addresses within IPv6 are unwrapped."""
    if host is None:
        return False
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _without_port(host: str | None) -> str | None:
    """Take the name or address out of a `Host` header; None where it is not written as one."""
    found = _HOST.fullmatch(host or "")
    return found["address"] or found["name"] if found else None


def _credential(authorization: str | None) -> bytes:
    """Take the token out of `Bearer TOKEN`, or the password out of Basic credentials with any user name."""
    scheme, _, value = (authorization or "").partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value.encode("utf-8", "replace")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""
