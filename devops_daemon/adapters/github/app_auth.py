"""As whom GitHub is asked: by an App, whose key signs for tokens of an hour ("Authenticating with a GitHub App")."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from devops_daemon.adapters.github.answers import Done, Why
from devops_daemon.adapters.github.asked import AppKey
from devops_daemon.adapters.github.errors import DeadTokenError, SaidNoError
from devops_daemon.adapters.github.headers import date_of
from devops_daemon.adapters.github.masking import Masking
from devops_daemon.ports import Clock, LockedOutError, UnavailableError

KEY, INSTALLATION = "GITHUB_APP_PRIVATE_KEY", "GITHUB_APP_ID"
BACKDATED, SIGNED_FOR = timedelta(seconds=60), timedelta(minutes=9)
"""GitHub allows ten minutes, and clocks that are a minute apart."""
HOUR = timedelta(hours=1)
USED = 5 / 6
"""The share of its life after which a token is fetched anew: 50 minutes of an hour."""


class AppJwt:
    """What the App's key signs: opens what concerns the App itself. Kept while it is good: to sign takes 0.1 s."""

    setting = KEY

    def __init__(self, app: AppKey, now: Clock) -> None:
        self._app = app
        self._now = now
        self._kept: tuple[str, datetime] | None = None
        """What was signed, and when."""

    async def token(self) -> str:
        """Sign, unless what was signed will do; raises LockedOutError where the key is none."""
        now = self._now()
        if self._kept is None or not timedelta() <= now - self._kept[1] < SIGNED_FOR - BACKDATED:
            self._kept = (self._signed(now), now)
        return self._kept[0]

    async def renew(self, dead: str) -> bool:
        """Drop what was turned away: our clock may have been set since it was signed."""
        if self._kept is not None and self._kept[0] == dead:
            self._kept = None
        return True

    def _signed(self, now: datetime) -> str:
        # PyJWT and cryptography cost 9 MB: only where there is an App
        import jwt  # noqa: PLC0415

        claims = {
            "iat": int((now - BACKDATED).timestamp()),
            "exp": int((now + SIGNED_FOR).timestamp()),
            "iss": self._app.app_id,
        }
        # a key that went through a .env file or a dashboard may have its lines written out
        key = self._app.private_key.get_secret_value().replace("\\n", "\n")
        try:
            return jwt.encode(claims, key, algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError):
            text = f"{KEY} is no RSA private key in PEM: take the .pem file of the App's settings, whole"
            raise LockedOutError(text) from None


class Ask(Protocol):
    """Asks GitHub as the App."""

    def __call__(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Awaitable[Done]:
        """Raises UnavailableError or RefusedError."""
        ...


class InstallationToken:
    """A token for this one repository, fetched when it is needed: by one request, whoever waits for it."""

    setting = INSTALLATION

    def __init__(
        self,
        app: AppKey,
        repository: str,
        ask: Ask,
        masking: Masking,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._installation = app.installation_id
        self._repository = repository
        self._ask = ask
        self._masking = masking
        self._steady = steady
        self._kept: tuple[str, float] | None = None
        """The token, and until when it is used."""
        self._on_its_way: asyncio.Task[str] | None = None

    async def token(self) -> str:
        """Give the one that is kept, or fetch one; all who wait for it share what comes of that, be it a failure."""
        if self._kept is not None and self._steady() < self._kept[1]:
            return self._kept[0]
        if self._on_its_way is None or self._on_its_way.done():
            self._on_its_way = asyncio.create_task(self._fetch(), name="token of the App")
            self._on_its_way.add_done_callback(_seen)
        # shielded: that one of them is cancelled is not the others' fault
        return await asyncio.shield(self._on_its_way)

    async def renew(self, dead: str) -> bool:
        """Forget the token, unless another has taken its place already."""
        if self._kept is not None and self._kept[0] == dead:
            self._kept = None
        return True

    async def installation(self) -> str:
        """Tell the installation, found out once; raises LockedOutError where the App is not installed here."""
        if self._installation is None:
            try:
                found = await self._ask("GET", f"/repos/{self._repository}/installation")
            except SaidNoError as error:
                if error.why is not Why.NOT_FOUND:
                    raise
                text = f"the App is not installed on {self._repository}: install it there, or mend GITHUB_REPOSITORY"
                raise DeadTokenError(text) from error  # not that what was asked for is not found
            self._installation = str(_read(found.data, "id"))
        return self._installation

    async def _fetch(self) -> str:
        path = f"/app/installations/{await self.installation()}/access_tokens"
        began = self._steady()
        try:
            done = await self._ask("POST", path, {"repositories": [self._repository.partition("/")[2]]})
        except SaidNoError as error:
            if error.why is Why.DEAD_TOKEN:
                raise
            text = f"the App gets no token for {self._repository}: mend GITHUB_APP_INSTALLATION_ID or unset it"
            raise DeadTokenError(f"{text}, or let the App reach it ({error})") from error
        token = str(_read(done.data, "token"))
        self._masking.learn(token)
        self._kept = (token, began + _life(done).total_seconds() * USED)
        return token


def _seen(task: asyncio.Task[str]) -> None:
    """Take note of a failure, should nobody wait for it any more."""
    if not task.cancelled():
        task.exception()


def _life(done: Done) -> timedelta:
    """Tell how long a token lives, by GitHub's own clock."""
    written = date_of(done.headers)
    try:
        ends = datetime.fromisoformat(_read(done.data, "expires_at")).astimezone(UTC)
    except (TypeError, ValueError, UnavailableError):
        return HOUR
    return min(ends - written, HOUR) if written and ends > written else HOUR


def _read(data: Any, name: str) -> Any:  # noqa: ANN401 # JSON
    value = data.get(name) if isinstance(data, dict) else None
    if not value:
        raise UnavailableError(f"GitHub's answer about the App holds no {name}")
    return value
