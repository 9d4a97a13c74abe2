"""What the environment says: the settings, and where the running daemon is."""

import os
from collections.abc import Mapping
from pathlib import Path

from devops_daemon.settings import dotenv


def environment() -> Mapping[str, str]:
    """Read `.env` and the environment, which wins where it says something."""
    return {**dotenv(Path(".env")), **{name: value for name, value in os.environ.items() if value.strip()}}


def daemon_address(environ: Mapping[str, str]) -> str:
    """Tell where the running daemon is."""
    return environ.get("DEVOPS_DAEMON_URL") or f"http://127.0.0.1:{environ.get('PORT') or 8080}"
