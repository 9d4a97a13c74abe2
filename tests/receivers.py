"""Whoever is told by a notice: a real receiver on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import SecretStr

LOOPBACK = "127.0.0.1"
SECRET = "s3cret-path-9f8e"  # of a receiver in a test


@dataclass
class Receiver:
    """Whoever is told."""

    port: int = 0
    status: int = 200
    hangs: bool = False
    got: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> SecretStr:
        return SecretStr(f"json://me:{SECRET}@{LOOPBACK}:{self.port}/{SECRET}?+X-Token={SECRET}")

    async def has_heard(self, what: str) -> bool:
        """Tell whether a notice of this kind has arrived."""
        return any(f" {what}: " in each["title"] for each in self.got)

    async def take(self, request: web.Request) -> web.Response:
        if self.hangs:
            await asyncio.Event().wait()
        self.got.append(json.loads(await request.text()))
        return web.Response(status=self.status)


@asynccontextmanager
async def receiver(**how: Any) -> AsyncIterator[Receiver]:
    made = Receiver(**how)
    application = web.Application()
    application.router.add_post("/{tail:.*}", made.take)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, 0)
    await site.start()
    made.port = runner.addresses[0][1]
    try:
        yield made
    finally:
        await runner.cleanup()
