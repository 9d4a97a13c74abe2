"""Webhooks, and what became of each delivery."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.moments import now

KEPT_FOR = timedelta(days=3)
REMEMBERED = 2000
JSON_TYPE = "json"


@dataclass(slots=True)
class Delivery:
    """One attempt to bring an event to a hook; further attempts have the same guid."""

    guid: str
    event: str
    payload: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    redelivery: bool = False
    id: int = field(default_factory=ids.fresh)
    delivered_at: datetime = field(default_factory=now)
    duration: float = 0.0
    status: str = "pending"
    status_code: int = 0
    response_headers: Mapping[str, str] | None = None
    response_body: str | None = None

    @property
    def action(self) -> str | None:
        """What happened to the subject, where the event tells kinds apart."""
        return self.payload.get("action")

    @property
    def arrived(self) -> bool:
        """Tell whether the other side took it."""
        return 200 <= self.status_code < 300  # noqa: PLR2004 - what HTTP calls a success


@dataclass(slots=True)
class Hook:
    """A webhook of the repository, or the App's."""

    url: str
    secret: str | None = None
    events: tuple[str, ...] = ("*",)
    content_type: str = JSON_TYPE
    active: bool = True
    of_app: bool = False
    id: int = field(default_factory=ids.fresh)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    deliveries: deque[Delivery] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def wants(self, event: str) -> bool:
        """Tell whether it is to be told of such an event."""
        return self.active and (event == "ping" or "*" in self.events or event in self.events)

    def encode(self, payload: dict[str, Any]) -> bytes:
        """Write a payload as this hook wants it."""
        text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
        return text.encode() if self.content_type == JSON_TYPE else urlencode({"payload": text}).encode()

    def listed(self) -> list[Delivery]:
        """List the deliveries that are still kept, newest first."""
        since = now() - KEPT_FOR
        return sorted((each for each in self.deliveries if each.delivered_at >= since), key=lambda d: -d.id)
