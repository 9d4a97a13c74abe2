"""The connections that the settings speak of; what is not configured has none, and is not even loaded."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from devops_daemon.adapters.exchange import SocketFactory
from devops_daemon.adapters.github.asked import AppKey
from devops_daemon.adapters.github.asked import Asked as AskedOfGitHub
from devops_daemon.adapters.railway.asked import Asked
from devops_daemon.entrypoints.access import is_loopback
from devops_daemon.ports import Forge, RefusedError, UnavailableError
from devops_daemon.redaction import Redactor
from devops_daemon.settings import Settings

if TYPE_CHECKING:
    from devops_daemon.adapters.github.forge import GitHub
    from devops_daemon.adapters.railway.api import Api

KNOWN_WITHIN = timedelta(seconds=5)


def utc_now() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


def user_agent() -> str:
    """Name this program to those whom it asks."""
    return f"devops-daemon/{version('devops-daemon')}"


def asked_of_railway(settings: Settings, own_addresses: Iterable[str] = ()) -> Asked | None:
    """Give what the settings say of Railway; None where no token is set, and that part is off."""
    if not (settings.railway_token_sw_factory or settings.railway_workspace_token):
        return None
    domain = settings.railway_public_domain
    addresses = (settings.public_url, f"https://{domain}" if domain else None, *own_addresses)
    hosts = [urlsplit(address).hostname for address in addresses if address]
    return Asked(
        url=settings.railway_api_url,
        project_token=settings.railway_token_sw_factory,
        workspace_token=settings.railway_workspace_token,
        workspace_id=settings.railway_workspace_id,
        project_id=settings.product_project_id,
        environment_id=settings.product_environment_id,
        own_service_id=settings.railway_service_id,
        own_hosts=frozenset(host for host in hosts if host and not is_loopback(host)),
        dry_run=settings.dry_run,
    )


@asynccontextmanager
async def railway(
    asked: Asked, redactor: Redactor, socket_factory: SocketFactory | None = None
) -> AsyncIterator["Api"]:
    """Open the connection to Railway; nothing is asked yet."""
    # GraphQL costs 10 MB and a fifth of a second: only where there is a token
    from devops_daemon.adapters.railway.platform import connected  # noqa: PLC0415

    async with connected(asked, user_agent(), redactor, utc_now, socket_factory=socket_factory) as api:
        yield api


def asked_of_github(settings: Settings) -> AskedOfGitHub | None:
    """Give what the settings say of GitHub; None where it cannot be asked, and that part is off."""
    app = None
    if settings.github_app_id and settings.github_app_private_key:
        app = AppKey(settings.github_app_id, settings.github_app_private_key, settings.github_app_installation_id)
    if settings.github_repository is None or not (settings.github_token or app):
        return None
    return AskedOfGitHub(
        url=settings.github_api_url,
        repository=settings.github_repository,
        token=settings.github_token,
        app=app,
        trigger_token=settings.github_trigger_token,
        webhook_secret_set=settings.github_webhook_secret is not None,
        public_url=public_url(settings),
        dry_run=settings.dry_run,
    )


def public_url(settings: Settings) -> str | None:
    """Give where people reach the daemon, None where that is not known."""
    domain = settings.railway_public_domain
    return settings.public_url or (f"https://{domain}" if domain else None)


@asynccontextmanager
async def github(
    asked: AskedOfGitHub, redactor: Redactor, socket_factory: SocketFactory | None = None
) -> AsyncIterator["GitHub"]:
    """Open the connection to GitHub; nothing is asked yet."""
    # loaded only where there is a token
    from devops_daemon.adapters.github.forge import connected  # noqa: PLC0415

    async with connected(asked, user_agent(), redactor, utc_now, socket_factory=socket_factory) as forge:
        yield forge


async def is_public(forge: Forge | None) -> bool:
    """Tell whether strangers read the repository; what is not known is taken to be public."""
    if forge is None:
        return False
    try:
        async with asyncio.timeout(KNOWN_WITHIN.total_seconds()):  # people are not told later for its sake
            return (await forge.repository()).public
    except (UnavailableError, RefusedError, TimeoutError):
        return True
