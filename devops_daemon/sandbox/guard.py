"""Let in only those who know a secret."""

import hmac

from aiohttp import web
from aiohttp.typedefs import Handler

from devops_daemon.sandbox.problems import problem


def guarded(handler: Handler, *, secret: str, header: str, query: str | None = None) -> Handler:
    """Answer 403 unless the header, or the query parameter where one is named, holds the secret."""

    async def guarded_handler(request: web.Request) -> web.StreamResponse:
        given = request.headers.get(header) or (request.query.get(query) if query else None) or ""
        if not hmac.compare_digest(given.encode(), secret.encode()):
            raise problem(web.HTTPForbidden, f"Invalid or missing {header}")
        return await handler(request)

    return guarded_handler
