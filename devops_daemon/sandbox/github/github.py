"""GitHub on loopback: its REST and GraphQL APIs, its git, its webhooks, with state, tokens, limits and faults."""

import tempfile
from collections import Counter, deque
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from devops_daemon.sandbox.github.accounts import Account
from devops_daemon.sandbox.github.api_faults import ApiFaults
from devops_daemon.sandbox.github.bare import Bare
from devops_daemon.sandbox.github.call import Call, Reply, Route
from devops_daemon.sandbox.github.control import GitHubControl
from devops_daemon.sandbox.github.delivery_faults import DeliveryFaults
from devops_daemon.sandbox.github.door import Door
from devops_daemon.sandbox.github.execution import GraphRoutes
from devops_daemon.sandbox.github.git_http import GitDoor
from devops_daemon.sandbox.github.heard import Heard, Log
from devops_daemon.sandbox.github.limits import Limits
from devops_daemon.sandbox.github.people import People
from devops_daemon.sandbox.github.realm import Realm
from devops_daemon.sandbox.github.refusals import not_found
from devops_daemon.sandbox.github.rest.routes import routes
from devops_daemon.sandbox.github.shown.view import View
from devops_daemon.sandbox.github.world import DEFAULT_BRANCH, Urls, World
from devops_daemon.sandbox.listener import Listener
from devops_daemon.sandbox.product import LOOPBACK

SEED = {"README.md": "# shop\n", "app.py": 'print("open")\n', ".github/workflows/ci.yml": "on: pull_request\n"}
_LARGEST = 64 * 1024 * 1024


class GitHub(People):
    """One repository on loopback ports; `world` is its state, `faults` and `delivery_faults` are its switches.

    `api_url` is for REST and GraphQL, `git_url` is where the pages and `/{owner}/{name}.git` are. `heard` are the
    last requests, `calls` counts them by method and route. The daemon's own account is `operator`, an admin.
    """

    operator = "acme-ops"
    user_token = "ghp_sandboxOperator0000000000000000000000"  # noqa: S105 - of a GitHub that holds nothing
    fine_token = "github_pat_sandbox_operator_000000000000"  # noqa: S105 - the same

    def __init__(
        self, repository: str = "acme/shop", *, port: int = 0, git_port: int = 0, control_port: int = 0
    ) -> None:
        """Nothing is started yet; port 0 is any free one."""
        owner, _, name = repository.partition("/")
        self.world = World(owner, name)
        self.faults = ApiFaults()
        self.limits = Limits()
        self._log = Log()
        self._api = Listener(self._api_application, host=LOOPBACK, port=port)
        self._git = Listener(self._git_application, host=LOOPBACK, port=git_port)
        self._control = Listener(self._control_application, host=LOOPBACK, port=control_port)
        self._realm: Realm | None = None
        self._running = AsyncExitStack()
        self.add_account(self.operator, "admin")
        self.add_account(self.world.app.login)
        self.add_account(self.world.ci.login)
        self.add_token(self.operator, self.user_token, scopes=frozenset({"repo", "workflow"}))
        self.add_token(self.operator, self.fine_token, permissions=dict(self.world.app.permissions))

    async def __aenter__(self) -> Self:
        """Make the repository, with a first commit, and listen."""
        async with AsyncExitStack() as starting:
            folder = starting.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-github-"))
            listeners = (self._api, self._git, self._control)
            for listener in listeners:
                await starting.enter_async_context(listener)
            view = View(self.world, Urls(self._api.url, self._git.url, self.world))
            self._realm = Realm(view, Bare(Path(folder) / "repository.git"), self.limits, self.faults)
            await self._realm.bare.make(DEFAULT_BRANCH)
            first = f"refs/heads/{DEFAULT_BRANCH}"
            await self._realm.bare.commit(first, None, SEED, "Initial commit", self.world.owner)
            starting.push_async_callback(self._realm.courier.close)
            for listener in listeners:
                await listener.open()
            self._running = starting.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, whatever is under way."""
        await self._running.aclose()

    @property
    def api_url(self) -> str:
        """Where the API is, without a slash at the end."""
        return self._api.url

    @property
    def git_url(self) -> str:
        """Where git and the pages are, without a slash at the end."""
        return self._git.url

    @property
    def control_url(self) -> str:
        """Where its faults are switched, without a slash at the end."""
        return self._control.url

    @property
    def repository(self) -> str:
        """`owner/name`."""
        return self.world.full_name

    @property
    def realm(self) -> Realm:
        """The parts; RuntimeError while it has not been started."""
        if self._realm is None:
            raise RuntimeError("not started yet")
        return self._realm

    @property
    def heard(self) -> deque[Heard]:
        """The last requests of the API and of git."""
        return self._log.last

    @property
    def calls(self) -> Counter[str]:
        """How many requests there were, by method and route."""
        return self._log.calls

    @property
    def delivery_faults(self) -> DeliveryFaults:
        """What may become of webhooks on their way."""
        return self.realm.courier.faults

    @property
    def app_private_key(self) -> str:
        """The App's key in PEM, made when it is first asked for."""
        return self.world.app.private_key

    @property
    def app_account(self) -> Account:
        """As whom the App writes."""
        return self.world.accounts.get(self.world.app.login)

    @property
    def mergeable_delay(self) -> timedelta:
        """How long GitHub takes to find out whether a pull request can be merged."""
        return self.realm.mergeability.delay

    @mergeable_delay.setter
    def mergeable_delay(self, delay: timedelta) -> None:
        self.realm.mergeability.delay = delay

    async def close_api(self) -> None:
        """Let nobody listen: connections are refused."""
        await self._api.close()

    async def open_api(self) -> None:
        """Listen again."""
        await self._api.open()

    def _api_application(self) -> web.Application:
        application = web.Application(client_max_size=_LARGEST)
        door = Door(self.realm, self._log)
        for route in (*routes(self.realm), *GraphRoutes(self.realm).routes()):
            application.router.add_route(route.method, route.path, door.handler(route))
        application.router.add_route("*", "/{tail:.*}", door.handler(Route("*", "/{tail:.+}", _nothing)))
        return application

    def _git_application(self) -> web.Application:
        application = web.Application(client_max_size=_LARGEST)
        application.add_routes(GitDoor(self.realm, self._log).routes())
        return application

    def _control_application(self) -> web.Application:
        application = web.Application()
        application.add_routes(GitHubControl(self).routes())
        return application


async def _nothing(_: Call) -> Reply:
    raise not_found()
