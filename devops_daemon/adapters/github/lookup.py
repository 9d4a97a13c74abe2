"""What was written once: where the answer to it was lost, it is looked for before anything is repeated."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from devops_daemon.adapters.github.client import Client
from devops_daemon.adapters.github.errors import NotSentError, ThrottledError
from devops_daemon.ports import RefusedError, UnavailableError, UnclearError

T = TypeVar("T")
log = structlog.get_logger("github")


async def once(
    client: Client, what: str, write: Callable[[], Awaitable[T]], find: Callable[[], Awaitable[T | None]] | None
) -> T:
    """Write, and where neither an answer nor a refusal came back, find it.

    Raises UnclearError where that does not tell either, or nothing tells it from others'.
    """
    try:
        return await write()
    except (ThrottledError, NotSentError):
        raise  # nothing was done
    except UnavailableError as lost:
        if find is None:
            raise UnclearError(f"{lost}; whether {what} cannot be looked up: it bears no mark") from lost
        for wait in client.waits.looks:
            await client.waits.pause(wait)
            try:
                found = await find()
            except (UnavailableError, RefusedError) as error:
                log.info("github.look_failed", what=what, reason=str(error))
                continue
            if found is not None:
                return found
        raise UnclearError(f"{lost}; whether {what} is not known: it is not there yet") from lost
