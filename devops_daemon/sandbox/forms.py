"""Read what a request brings, or refuse it with 422."""

import json
import re

from aiohttp import web

from devops_daemon.sandbox.problems import invalid

_WHOLE = re.compile(r"[1-9][0-9]{0,4}")


async def read_fields(request: web.Request, *required: str) -> dict[str, str]:
    """Read the text fields of a JSON body; those that are required must be there and not empty."""
    fields = await _texts(request)
    missing = [name for name in required if not fields.get(name)]
    if missing:
        raise invalid(*missing, place="body")
    return fields


def read_number(request: web.Request, name: str, default: int) -> int:
    """Read a whole number, from 1 to 99999, of the query."""
    text = request.query.get(name, str(default))
    if not _WHOLE.fullmatch(text):
        raise invalid(name, place="query")
    return int(text)


def read_flag(request: web.Request, name: str) -> bool:
    """Read a yes or no of the query; no if it is not there."""
    text = request.query.get(name, "false").lower()
    if text not in {"true", "1", "false", "0"}:
        raise invalid(name, place="query")
    return text in {"true", "1"}


async def _texts(request: web.Request) -> dict[str, str]:
    try:
        body = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        body = None
    if not isinstance(body, dict):
        raise invalid(place="body")
    return {name: value for name, value in body.items() if isinstance(value, str)}
