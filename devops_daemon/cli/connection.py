"""What a command has at hand that concerns Railway, and how it ends where Railway does not do what it wants."""

import asyncio
import sys
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from devops_daemon import logs
from devops_daemon.adapters.railway.asked import Asked
from devops_daemon.cli.environment import daemon_address, environment
from devops_daemon.cli.output import NO, UNREACHABLE, WRONG, fail
from devops_daemon.cli.text import complaint, one_line
from devops_daemon.configuration import configure, redactor_of
from devops_daemon.connections import asked_of_railway, railway, utc_now
from devops_daemon.hosting import HostedService, Hosting, UnknownServiceError
from devops_daemon.model import Service
from devops_daemon.ports import RefusedError, UnavailableError, UnclearError
from devops_daemon.redaction import Redactor
from devops_daemon.rollout.matching import watched
from devops_daemon.settings import Settings, WrongSettingsError, read
from devops_daemon.watchlist import NOTHING_TO_WATCH

if TYPE_CHECKING:
    from devops_daemon.adapters.railway.api import Api
    from devops_daemon.adapters.railway.platform import Railway

T = TypeVar("T")
LOOK_EVERY, LOOK_EVERY_LOCALLY = timedelta(seconds=2), timedelta(milliseconds=200)
"""A sandbox on this machine need not be spared."""
NOT_CONFIGURED = (
    "RAILWAY_TOKEN_SW_FACTORY: is not set, nor is RAILWAY_WORKSPACE_TOKEN: Railway cannot be asked; make a token in"
    " the project's settings there, Tokens"
)
LOOK_FIRST = (
    "It may have been done all the same. Look before you do it again: devops-daemon status, devops-daemon deployments"
)


@dataclass(frozen=True, slots=True)
class Known:
    """What the settings say, as far as these commands need it."""

    settings: Settings
    watched: tuple[Service, ...]
    """What is probed; nothing where the settings name nothing: that is no error here."""
    redactor: Redactor


def known(environ: Mapping[str, str]) -> Known:
    """Read settings and file; raises WrongSettingsError."""
    try:
        configuration = configure(environ)
    except WrongSettingsError as error:
        if error.problems != [NOTHING_TO_WATCH]:
            raise
        settings = read(environ)
        return Known(settings, (), Redactor(settings.secrets))
    return Known(configuration.settings, configuration.watchlist.services, redactor_of(configuration))


def asked(environ: Mapping[str, str], settings: Settings) -> Asked | None:
    """Give what is asked of Railway, None where no token is set."""
    address = daemon_address(environ)
    try:
        urlsplit(address)
    except ValueError:
        return asked_of_railway(settings)
    # it tells the daemon's own service, from wherever the command is typed
    return asked_of_railway(settings, [address])


@dataclass(frozen=True, slots=True)
class Connection:
    """A line to Railway, open between the questions that a person is asked: Ctrl-C works there."""

    platform: "Railway"
    api: "Api"
    settings: Settings
    watched: tuple[Service, ...]
    redactor: Redactor
    runner: asyncio.Runner
    look_at_least: timedelta

    @property
    def look_every(self) -> timedelta:
        """Between two looks at what was started: half of the hour's requests are left for others."""
        return max(self.look_at_least, 2 * self.api.gentle)

    def ask(self, question: Coroutine[Any, Any, T]) -> T:
        """Wait for an answer."""
        return self.runner.run(question)

    def hosting(self) -> Hosting:
        """Read what runs."""
        return self.ask(self.platform.hosting())

    def target(self, name: str) -> "Target":
        """Find a service that is to be changed; raises UnknownServiceError."""
        hosting = self.hosting()
        service = hosting.service(name)
        return Target(service, watched(self.watched, hosting, service))

    def plain(self, text: str) -> str:
        """Make one harmless line of what a stranger wrote."""
        return one_line(text, self.redactor)


@dataclass(frozen=True, slots=True)
class Target:
    """A service that is to be changed, and what of it is probed, if anything is."""

    service: HostedService
    watched: Service | None


@contextmanager
def open_line(asked_for: Asked, what: Known) -> Iterator[Connection]:
    """Open a line to Railway; raises what the port raises."""
    # GraphQL costs 10 MB and a fifth of a second: only where Railway is asked
    from devops_daemon.adapters.railway.platform import Railway  # noqa: PLC0415

    level = "debug" if what.settings.log_level == "debug" else "warning"
    logs.configure(level=level, json_lines=False, redactor=what.redactor, stream=sys.stderr)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            api = runner.run(stack.enter_async_context(railway(asked_for, what.redactor)))
            platform = Railway(api, utc_now)
            every = LOOK_EVERY_LOCALLY if asked_for.is_local else LOOK_EVERY
            yield Connection(platform, api, what.settings, what.watched, what.redactor, runner, every)
        finally:
            runner.run(stack.aclose())


@contextmanager
def connected() -> Iterator[Connection]:
    """Open a line to Railway, and leave with the exit code for what goes wrong on it."""
    environ = environment()
    what = known(environ)
    asked_for = asked(environ, what.settings)
    if asked_for is None:
        fail(WRONG, NOT_CONFIGURED)
    try:
        with open_line(asked_for, what) as line:
            yield line
    except (UnknownServiceError, RefusedError, UnavailableError) as error:
        told = complaint(str(error), what.redactor)
        match error:
            case UnknownServiceError():
                fail(WRONG, told)
            case RefusedError():
                fail(NO, told)
            case UnclearError():
                fail(UNREACHABLE, f"{told}\n{LOOK_FIRST}")
            case _:
                fail(UNREACHABLE, told)
