"""What of the product's own APIs is configured, and whether it works."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from devops_daemon.adapters.backend import Backend
from devops_daemon.adapters.exchange import Exchange
from devops_daemon.adapters.feedback import BackendFeedback
from devops_daemon.cli.connection import Known
from devops_daemon.connections import user_agent
from devops_daemon.model import Finding, Grade
from devops_daemon.ports import RefusedError, UnavailableError

T = TypeVar("T")
UPKEEP, FEEDBACK = "the backend's DevOps API", "feedback"


def of_backend(what: Known) -> list[Finding]:
    """Give what is found; it only reads."""
    return asyncio.run(_looked_at(what))


async def _looked_at(what: Known) -> list[Finding]:
    async with Exchange(user_agent()) as exchange:
        return [await _upkeep(exchange, what), await _feedback(exchange, what)]


async def _upkeep(exchange: Exchange, what: Known) -> Finding:
    url, secret = what.settings.production_backend_url, what.settings.devops_api_secret
    if url is None or secret is None:
        cure = "set PRODUCTION_BACKEND_URL and DEVOPS_API_SECRET"
        return Finding(Grade.OFF, UPKEEP, "not configured: sessions cannot be counted, nor cleared", cure)
    backend = Backend(exchange, url, secret.get_secret_value(), what.redactor)
    cure = "look whether DEVOPS_API_SECRET is the backend's"
    return await _asked(UPKEEP, backend.counts(), "answers", cure)


async def _feedback(exchange: Exchange, what: Known) -> Finding:
    settings = what.settings
    url, secret = settings.production_backend_url, settings.feedback_processor_secret
    if url is None or secret is None:
        cure = "set PRODUCTION_BACKEND_URL and FEEDBACK_PROCESSOR_SECRET"
        return Finding(Grade.OFF, FEEDBACK, "not configured: what users write becomes no issue", cure)
    in_query = settings.feedback_secret_in_query
    box = BackendFeedback(exchange, url, secret.get_secret_value(), what.redactor, secret_in_query=in_query)
    cure = "look whether FEEDBACK_PROCESSOR_SECRET is the backend's, and FEEDBACK_SECRET_IN_QUERY as it wants it"
    return await _asked(FEEDBACK, box.pending(1), "is listed by the backend", cure)


async def _asked(about: str, asking: Awaitable[T], well: str, cure: str) -> Finding:
    try:
        await asking
    except (UnavailableError, RefusedError) as error:
        return Finding(Grade.FAILED, about, str(error), cure)
    return Finding(Grade.OK, about, well)
