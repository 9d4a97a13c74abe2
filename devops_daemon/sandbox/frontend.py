"""The product's frontend: one page."""

from aiohttp import web

_PAGE = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Sandbox Product</title></head>
<body><h1>Sandbox Product</h1><p>It works.</p></body>
</html>
"""


def frontend_routes() -> list[web.RouteDef]:
    """List every route of the frontend."""
    return [web.get("/", _home)]


async def _home(_: web.Request) -> web.Response:
    return web.Response(text=_PAGE, content_type="text/html", charset="utf-8")
