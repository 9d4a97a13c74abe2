"""Sending webhooks: signed, once, with ten seconds for an answer; what came of it is kept for three days."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import aiohttp

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.accounts import Account
from devops_daemon.sandbox.github.delivery_faults import DeliveryFaults
from devops_daemon.sandbox.github.hooks import JSON_TYPE, Delivery, Hook
from devops_daemon.sandbox.github.moments import now
from devops_daemon.sandbox.github.shown.accounts import user
from devops_daemon.sandbox.github.shown.app import installation_link
from devops_daemon.sandbox.github.shown.repository import organization, repository
from devops_daemon.sandbox.github.shown.view import View

Json = dict[str, Any]
LARGEST = 25 * 1024 * 1024
"""What is larger is not delivered at all."""
_GLANCE = 0.01


class Courier:
    """Brings events to the hooks that want them, each on its own: the order is not kept."""

    def __init__(self, view: View) -> None:
        """Nothing is on its way."""
        self.faults = DeliveryFaults()
        self.patience = timedelta(seconds=10)
        self._view = view
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []
        self._waiting: dict[asyncio.Task[Any] | None, asyncio.Event] = {}
        self._overtaken: list[asyncio.Event] = []

    async def close(self) -> None:
        """Drop what is on its way; raises the first error that is the sandbox's own."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session:
            await self._session.close()
        if self._errors:
            raise self._errors[0]

    async def settle(self) -> None:
        """Wait until nothing is on its way but what is held."""
        while flying := {task for task in self._tasks if self._is_flying(task)}:
            await asyncio.wait(flying, timeout=_GLANCE)

    def tell(self, event: str, sender: Account, payload: Mapping[str, Any]) -> None:
        """Tell every hook that wants to know; the guid is the same for all."""
        guid = str(uuid4())
        for hook in self._view.world.hooks:
            if hook.wants(event):
                self._begin(hook, Delivery(guid, event, self._whole(hook, sender, payload)))

    def tell_one(self, hook: Hook, event: str, sender: Account, payload: Mapping[str, Any]) -> None:
        """Tell one hook, as a ping does."""
        self._begin(hook, Delivery(str(uuid4()), event, self._whole(hook, sender, payload)))

    def again(self, hook: Hook, delivery: Delivery) -> None:
        """Try a delivery once more: the same guid and payload, an id of its own."""
        again = replace(delivery, id=ids.fresh(), redelivery=True, delivered_at=now(), status="pending", status_code=0)
        self._begin(hook, again)

    def _whole(self, hook: Hook, sender: Account, payload: Mapping[str, Any]) -> Json:
        view = self._view
        common = {
            "repository": repository(view),
            "organization": organization(view),
            "sender": user(view, sender),
            **({"installation": installation_link(view)} if hook.of_app else {}),
        }
        return {**payload, **{name: value for name, value in common.items() if name not in payload}}

    def _begin(self, hook: Hook, delivery: Delivery) -> None:
        task = asyncio.create_task(self._bring(hook, delivery))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error:
            self._errors.append(error)

    async def _bring(self, hook: Hook, delivery: Delivery) -> None:
        fault = self.faults.strike(delivery.event)
        if fault == "vanish" or len(hook.encode(delivery.payload)) > LARGEST:
            return
        if fault == "lose":
            delivery.headers = self._headers(hook, delivery, hook.encode(delivery.payload), hook.secret)
            hook.deliveries.append(_failed(delivery, "failed to connect to host", 502))
            return
        await self._wait(fault)
        overtaken, self._overtaken = self._overtaken, []
        await self._attempt(hook, delivery, forged=fault == "forged")
        if fault == "double":
            await self._attempt(hook, replace(delivery, id=ids.fresh()))
        for each in overtaken:
            each.set()

    def _is_flying(self, task: asyncio.Task[Any]) -> bool:
        waits_for = self._waiting.get(task)
        return waits_for is None or waits_for.is_set()

    async def _wait(self, fault: str | None) -> None:
        if fault == "late":
            await asyncio.sleep(self.faults.lateness.total_seconds())
        if fault not in {"hold", "overtaken"}:
            return
        turn = self.faults.gate if fault == "hold" else asyncio.Event()
        if fault == "overtaken":
            self._overtaken.append(turn)
        task = asyncio.current_task()
        self._waiting[task] = turn
        try:
            await turn.wait()
        finally:
            del self._waiting[task]

    async def _attempt(self, hook: Hook, delivery: Delivery, *, forged: bool = False) -> None:
        body = hook.encode(delivery.payload)
        delivery.headers = self._headers(hook, delivery, body, f"{hook.secret}, they say" if forged else hook.secret)
        begun = time.monotonic()
        limit = aiohttp.ClientTimeout(total=self.patience.total_seconds())
        try:
            session = self._opened()
            async with session.post(
                hook.url, data=body, headers=delivery.headers, timeout=limit, allow_redirects=False
            ) as answer:
                delivery.response_headers = dict(answer.headers)
                delivery.status_code, delivery.status = answer.status, _word(answer.status)
                with suppress(UnicodeDecodeError):
                    delivery.response_body = await answer.text()
        except TimeoutError:
            _failed(delivery, "timed out", 504)
        except (aiohttp.ClientError, OSError):
            _failed(delivery, "failed to connect to host", 502)
        delivery.duration = time.monotonic() - begun
        hook.deliveries.append(delivery)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        return self._session

    def _headers(self, hook: Hook, delivery: Delivery, body: bytes, secret: str | None) -> dict[str, str]:
        world = self._view.world
        kind = "application/json" if hook.content_type == JSON_TYPE else "application/x-www-form-urlencoded"
        headers = {
            "Accept": "*/*",
            "Content-Type": kind,
            "User-Agent": "GitHub-Hookshot/5a9dc0e",
            "X-GitHub-Delivery": delivery.guid,
            "X-GitHub-Event": delivery.event,
            "X-GitHub-Hook-ID": str(hook.id),
            "X-GitHub-Hook-Installation-Target-ID": str(world.app.id if hook.of_app else world.id),
            "X-GitHub-Hook-Installation-Target-Type": "integration" if hook.of_app else "repository",
        }
        return headers | (_signatures(secret, body) if secret else {})


def _signatures(secret: str, body: bytes) -> dict[str, str]:
    old, new = (hmac.new(secret.encode(), body, kind).hexdigest() for kind in (hashlib.sha1, hashlib.sha256))
    return {"X-Hub-Signature": f"sha1={old}", "X-Hub-Signature-256": f"sha256={new}"}


def _word(status: int) -> str:
    return "OK" if 200 <= status < 300 else f"Invalid HTTP Response: {status}"  # noqa: PLR2004 - a success of HTTP


def _failed(delivery: Delivery, status: str, code: int) -> Delivery:
    delivery.status, delivery.status_code = status, code
    return delivery
