"""How the product refuses: a status and `{"detail": …}`, worded as the factory's own framework does."""

import json

from aiohttp import web
from aiohttp.typedefs import Handler


def problem(kind: type[web.HTTPClientError], detail: object) -> web.HTTPClientError:
    """Make the refusal of this kind, to be raised."""
    return kind(text=json.dumps({"detail": detail}), content_type="application/json")


def invalid(*names: str, place: str) -> web.HTTPClientError:
    """Make the 422 that names the fields that are missing or wrong; no names is all of the place."""
    places = [[place, name] for name in names] or [[place]]
    detail = [{"type": "value_error", "loc": loc, "msg": "Missing or invalid"} for loc in places]
    return problem(web.HTTPUnprocessableEntity, detail)


@web.middleware
async def json_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Word aiohttp's own refusals, of an unknown route or method, like all others."""
    try:
        return await handler(request)
    except web.HTTPError as error:
        if error.content_type != "application/json":
            error.text = json.dumps({"detail": error.reason})
            error.content_type = "application/json"
        raise
