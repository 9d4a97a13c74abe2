"""The route for webhooks with its store, and nothing else of the daemon around it."""

import asyncio
import contextlib
import gc
import os
import signal
from datetime import timedelta
from pathlib import Path

from devops_daemon import logs
from devops_daemon.adapters.store.db import SqliteDatabase
from devops_daemon.adapters.store.history import HistoryRows
from devops_daemon.adapters.store.inbox import InboxRows
from devops_daemon.connections import utc_now
from devops_daemon.entrypoints.access import Tokens
from devops_daemon.entrypoints.intake import Intake
from devops_daemon.entrypoints.status import Facts
from devops_daemon.entrypoints.web import Server, Site, listening_socket
from devops_daemon.model import Watchlist
from devops_daemon.redaction import Redactor


async def serve() -> None:
    """Take deliveries in until SIGTERM."""
    logs.configure(level="info", json_lines=True, redactor=Redactor())
    store = SqliteDatabase(Path("data") / "devops-daemon.db")
    await store.open()
    intake = Intake(InboxRows(store), (os.environ["GITHUB_WEBHOOK_SECRET"].encode(),), utc_now)
    history = HistoryRows(store, timedelta(minutes=5))
    site = Site(Facts("", Watchlist(())), history, lambda _: False, Tokens(), utc_now, intake=intake)
    server = Server(site, listening_socket("127.0.0.1", int(os.environ["PORT"])))
    await server.start()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)  # by default a quarter of the time goes into looking for cycles
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop()
    await store.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
