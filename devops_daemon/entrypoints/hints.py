"""Webhooks of the platform coming in: unsigned, so that nothing in them is believed. They only say "look now"."""

import hashlib
import hmac
from collections.abc import Callable

import structlog
from aiohttp import web

log = structlog.get_logger("hints")


class Hints:
    """Takes them at an address that only the platform was told."""

    def __init__(self, secret: str | None, hint: Callable[[], None]) -> None:
        """`hint` is called for each; many together are one look, which is its matter."""
        self._digest = _digest(secret) if secret else None
        self._hint = hint

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Take a hint. Its body is not read: whoever sends much, or slowly, is hung up on."""
        if self._digest is None or not hmac.compare_digest(_digest(request.match_info["secret"]), self._digest):
            raise web.HTTPNotFound(text="There is no such address.\n")
        self._hint()
        log.debug("hint.taken")
        response = web.json_response({"status": "accepted"}, status=202)
        if not request.content.is_eof():
            response.force_close()
        return response


def _digest(secret: str) -> bytes:
    """Make secrets of one length, so that the time of a comparison tells nothing."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
