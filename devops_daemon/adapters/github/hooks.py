"""Our own webhook: which it is, and what became of its deliveries."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from devops_daemon.adapters.github import read
from devops_daemon.adapters.github.answers import Why
from devops_daemon.adapters.github.app_auth import AppJwt
from devops_daemon.adapters.github.asked import WEBHOOK_PATH, Asked
from devops_daemon.adapters.github.client import Client
from devops_daemon.adapters.github.credentials import Credentials
from devops_daemon.adapters.github.errors import SaidNoError, telling_what_is_gone
from devops_daemon.forge import HookDelivery
from devops_daemon.ports import GoneError, RefusedError, UnavailableError

KEPT_SECONDS = 600.0
MOST_PAGES = 50
NEEDS = "the permission Webhooks: read (classic tokens: scope repo or admin:repo_hook, by an admin of the repository)"


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook, and how it is asked about."""

    path: str
    """Where its deliveries are read."""
    config: Mapping[str, Any]
    events: tuple[str, ...] | None = None
    active: bool = True
    auth: Credentials | None = None

    @property
    def is_the_apps(self) -> bool:
        """Tell the App's webhook, which hears of all its repositories, from the repository's."""
        return self.auth is not None

    @property
    def url(self) -> str:
        """Where it delivers to."""
        return str(self.config.get("url") or "")


class Hooks:
    """Finds our webhook, and keeps it for ten minutes."""

    def __init__(self, client: Client, jwt: AppJwt | None, steady: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._jwt = jwt
        self._steady = steady
        self._kept: tuple[float, Hook | None] | None = None

    async def ours(self) -> Hook | None:
        """Find the webhook that leads here, None where there is none; raises RefusedError without the right."""
        if self._kept is None or self._steady() >= self._kept[0]:
            found = await self._of_app() or await self._of_repository()
            self._kept = (self._steady() + KEPT_SECONDS, found)
        return self._kept[1]

    async def failed(self, since: datetime, repository_id: int) -> list[HookDelivery]:
        """Read the deliveries of which no attempt since then has arrived, the last attempt of each, oldest first."""
        hook = await self.ours()
        if hook is None:
            return []
        since = since.replace(microsecond=0)  # GitHub may tell whole seconds
        try:
            told = await self._attempts(hook, since, repository_id, {"status": "failure"})
        except SaidNoError as error:
            if error.why is not Why.NOT_FOUND:
                raise
            self._kept = None
            raise UnavailableError("the webhook is gone; it is looked for anew") from error
        failures = [each for each in told if not each.arrived]
        if not failures:
            return []  # the usual case: one request, whose answer is short
        healed = {each.guid for each in await self._attempts(hook, since, repository_id, {}) if each.arrived}
        last: dict[str, HookDelivery] = {}
        for each in sorted(failures, key=lambda each: (each.delivered_at, each.id)):
            last.pop(each.guid, None)
            last[each.guid] = each
        return [each for each in last.values() if each.guid not in healed]

    async def delivery(self, identifier: int) -> Mapping[str, Any]:
        """Read one delivery whole; raises GoneError where it is not kept any more."""
        hook = await self.ours()
        if hook is None:
            raise GoneError(f"no webhook of {self._client.asked.repository} leads to {WEBHOOK_PATH} any more")
        with telling_what_is_gone():
            done = await self._client.get(f"{hook.path}/{identifier}", auth=hook.auth)
        return done.data if isinstance(done.data, dict) else {}

    async def _attempts(
        self, hook: Hook, since: datetime, repository_id: int, params: Mapping[str, object]
    ) -> list[HookDelivery]:
        """Read attempts, which come newest first, back to a time."""
        found: list[HookDelivery] = []
        async for page in self._client.pages(hook.path, params, auth=hook.auth, most=MOST_PAGES):
            mine = [row for row in _rows(page) if not hook.is_the_apps or row.get("repository_id") == repository_id]
            found += read.parsed("deliveries", lambda rows: [read.delivery(row) for row in rows], mine)
            last = read.parsed("deliveries", lambda rows: [read.delivery(row) for row in rows[-1:]], _rows(page))
            if not last or last[0].delivered_at < since:
                break
        return [each for each in found if each.delivered_at >= since]

    async def _of_app(self) -> Hook | None:
        if self._jwt is None:
            return None
        try:
            done = await self._client.get("/app/hook/config", auth=self._jwt)
        except SaidNoError as error:
            if error.why is Why.NOT_FOUND:  # this App has no webhook
                return None
            raise
        hook = Hook("/app/hook/deliveries", done.data if isinstance(done.data, dict) else {}, auth=self._jwt)
        return hook if leads_here(hook.url, self._client.asked) else None

    async def _of_repository(self) -> Hook | None:
        asked = self._client.asked
        try:
            rows = [row async for page in self._client.pages(f"/repos/{asked.repository}/hooks") for row in _rows(page)]
        except SaidNoError as error:
            if error.why in {Why.MISSING_RIGHT, Why.NOT_FOUND}:
                raise RefusedError(f"the webhooks of {asked.repository} may not be read: it takes {NEEDS}") from error
            raise
        hooks = [_hook(row, asked.repository) for row in rows]
        ours = [hook for hook in hooks if hook is not None and leads_here(hook.url, asked)]
        return next((hook for hook in ours if hook.active), ours[0] if ours else None)


def leads_here(url: str, asked: Asked) -> bool:
    """Tell whether a webhook leads to this daemon, by its path, and by its host where ours is known."""
    try:
        split, ours = urlsplit(url), urlsplit(asked.public_url or "")
        same_place = (split.hostname, split.port) == (ours.hostname, ours.port)
    except ValueError:
        return False
    return split.path.rstrip("/").endswith(WEBHOOK_PATH) and (same_place or asked.public_url is None)


def _hook(row: Mapping[str, Any], repository: str) -> Hook | None:
    config, events, identifier = row.get("config"), row.get("events"), row.get("id")
    if not isinstance(identifier, int) or not isinstance(config, dict):
        return None
    named = tuple(str(event) for event in events) if isinstance(events, list) else ()
    return Hook(f"/repos/{repository}/hooks/{identifier}/deliveries", config, named, row.get("active") is not False)


def _rows(page: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 # JSON
    return [row for row in page if isinstance(row, dict)] if isinstance(page, list) else []
