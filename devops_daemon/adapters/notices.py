"""Notices to people outside of the forge, by apprise (`NOTIFY_URLS`): Slack, Discord, mail, PagerDuty, ntfy and more.

An address holds secrets: nothing of it but its kind, and the host of a plain HTTP receiver, is ever told.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import structlog
from pydantic import SecretStr

from devops_daemon.ports import RefusedError, UnavailableError

LONGEST = timedelta(seconds=20)
PLAIN = frozenset({"json", "jsons", "xml", "xmls", "form", "forms"})
"""Kinds that are somebody's own receiver: which one, its host tells."""
log = structlog.get_logger("notices")


class AppriseNotices:
    """The port `Notices`."""

    def __init__(self, urls: Sequence[SecretStr], longest: timedelta = LONGEST) -> None:
        """`longest` is the time that one notice may take."""
        self._urls = urls
        self._longest = longest
        self._places = tuple(place_of(url.get_secret_value()) for url in urls)

    @property
    def places(self) -> Sequence[str]:
        """Name where it tells people, without any secret."""
        return self._places

    async def send(self, place: int, title: str, text: str, url: str | None) -> None:
        """Tell one place; raises UnavailableError, or RefusedError where its address is none."""
        body = f"{text}\n{url}" if url else text
        try:
            async with asyncio.timeout(self._longest.total_seconds()):
                # the plugins wait for their sockets, a few seconds at most: not on our loop
                taken = await asyncio.to_thread(_notify, self._urls[place].get_secret_value(), title, body)
        except TimeoutError:
            raise UnavailableError(f"{self._places[place]} does not answer") from None
        if not taken:
            raise UnavailableError(f"{self._places[place]} does not take the notice")
        log.info("notice.sent", place=self._places[place], title=title)


def place_of(url: str) -> str:
    """Name a place by its kind, and a plain receiver by its host too."""
    kind, _, rest = url.partition("://")
    try:
        split = urlsplit(f"//{rest}")
        host = f"{split.hostname}:{split.port}" if split.port else split.hostname
    except ValueError:
        host = None
    return f"{kind} at {host}" if kind in PLAIN and host else kind


def is_known(url: str) -> bool:
    """Tell whether apprise understands an address."""
    return bool(_apprise().Apprise(asset=_asset()).add(url))


def _notify(url: str, title: str, body: str) -> bool:
    apprise = _apprise()
    told = apprise.Apprise(asset=_asset())
    if not told.add(url):
        raise RefusedError(f"NOTIFY_URLS: {place_of(url)} is no address that apprise understands")
    return bool(told.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT))


@cache
def _apprise() -> Any:  # noqa: ANN401 # it has no types
    # It costs 18 MB and 0.13 s, which a daemon that never has to tell anybody does not pay.
    import apprise  # noqa: PLC0415 # the same

    logger = logging.getLogger("apprise")  # what it logs holds addresses
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    return apprise


def _asset() -> Any:  # noqa: ANN401 # as above
    """Keep it from files, escapes and threads of its own."""
    return _apprise().AppriseAsset(
        app_id="devops-daemon", async_mode=False, interpret_escapes=False, plugin_paths=[], secure_logging=True
    )
