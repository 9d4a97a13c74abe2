"""Send a sign of life to whoever watches the watcher (healthchecks.io and its like: one GET)."""

import structlog

from devops_daemon.adapters.exchange import Exchange, NoAnswerError, Trail, WrongAnswerError

SECONDS = 10
_NOT_TAKEN = 300
log = structlog.get_logger("heartbeat")


class HttpHeartbeat:
    """Gets `HEARTBEAT_URL`; what fails is logged once, and once when it works again."""

    def __init__(self, exchange: Exchange, url: str | None) -> None:
        self._exchange = exchange
        self._url = url
        self._broken = False

    async def beat(self) -> None:
        """Send one sign of life."""
        if self._url is None:
            return
        reason = await self._try(self._url)
        if reason and not self._broken:
            log.warning("heartbeat.broken", reason=reason)
        if not reason and self._broken:
            log.info("heartbeat.recovered")
        self._broken = bool(reason)

    async def _try(self, url: str) -> str | None:
        try:
            answer = await self._exchange.request("GET", url, trail=Trail(), seconds=SECONDS)
        except (NoAnswerError, WrongAnswerError) as error:
            return str(error)
        return f"status {answer.status}" if answer.status >= _NOT_TAKEN else None
