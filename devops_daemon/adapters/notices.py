"""Notices to people outside of the forge, by apprise (`NOTIFY_URLS`): Slack, Discord, mail, PagerDuty, ntfy and more.

An address holds secrets anywhere in it: nothing but its kind, and the host of a plain HTTP receiver, is ever told.
"""

import asyncio
import contextlib
import logging
import re
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING

import structlog
from pydantic import SecretStr

from devops_daemon.ports import RefusedError, UnavailableError

if TYPE_CHECKING:
    from apprise import Apprise, AppriseResult

LONGEST = timedelta(seconds=20)
MOST_AT_ONCE = 8
"""Notices that one place may have in hand, those among them that were given up and still hang."""
NOT_KNOWN = "is no address that apprise understands, or needs a package that is not installed here"
CURE = "see https://appriseit.com/services for its form; a comma in it is written %2C, a space %20"
_KIND = re.compile(r"([a-z0-9]{1,32})://", re.IGNORECASE)
_PLAIN = re.compile(
    r"(?:json|xml|form)s?:// (?:[^/?\#]*@)? (?P<host> (?:[\w.-]+|\[[\da-f:.]+\]) (?::\d{1,5})? ) (?:[/?\#][^@]*)?",
    re.IGNORECASE | re.VERBOSE,
)
"""Somebody's own receiver: which one, its host tells. Where an `@` comes later, that may be half a password."""
_TALKATIVE = ("apprise", "urllib3", "requests_oauthlib", "oauthlib")
"""Loggers that tell paths, queries and tokens of what is asked, and what the other side writes."""
_SPACE = re.compile(r"\s")
_STATUS = re.compile(r"\berror=(\d{3})\b")
_NO_ANSWER = "onnection error"
Problem = RefusedError | UnavailableError
log = structlog.get_logger("notices")


class AppriseNotices:
    """The port `Notices`."""

    def __init__(self, urls: Sequence[SecretStr], longest: timedelta = LONGEST, *, dry_run: bool = False) -> None:
        """`longest` is the time that one notice may take."""
        self._urls = urls
        self._longest = longest.total_seconds()
        self._dry_run = dry_run
        self._places = tuple(place_of(url.get_secret_value()) for url in urls)
        self._in_hand: dict[int, list[threading.Thread]] = {}

    @property
    def places(self) -> Sequence[str]:
        """Name where it tells people, without any secret."""
        return self._places

    async def send(self, place: int, title: str, text: str, url: str | None) -> None:
        """Tell one place; raises UnavailableError, or RefusedError where its address is none and under `DRY_RUN`."""
        name = self._places[place]
        if self._dry_run:
            log.info("notice.not_sent", place=name, title=title, reason="DRY_RUN is set")
            raise RefusedError("DRY_RUN is set: nobody is told")
        body = f"{text}\n{url}" if url else text
        notify = partial(_notify, self._urls[place].get_secret_value(), title, body)
        try:
            async with asyncio.timeout(self._longest):
                problem = await self._begun(place, notify)
        except TimeoutError:
            raise UnavailableError(f"{name} does not answer within {self._longest:g} s") from None
        if problem is not None:
            raise problem
        log.info("notice.sent", place=name, title=title)

    def _begun(self, place: int, notify: Callable[[], Problem | None]) -> "asyncio.Future[Problem | None]":
        """Begin to tell a place, unless it holds too many notices already."""
        in_hand = [thread for thread in self._in_hand.get(place, ()) if thread.is_alive()]
        if len(in_hand) >= MOST_AT_ONCE:
            raise UnavailableError(f"{self._places[place]} has not answered {len(in_hand)} notices yet")
        thread, told = _aside(notify, self._places[place])
        self._in_hand[place] = [*in_hand, thread]
        return told


def place_of(url: str) -> str:
    """Name a place by its kind, and a plain receiver by its host too."""
    kind, plain = _KIND.match(url), _PLAIN.fullmatch(url)
    if kind is None:
        return "something without a kind"
    return f"{kind[1].lower()} at {plain['host']}" if plain else kind[1].lower()


def is_known(url: str) -> bool:
    """Tell whether apprise understands an address; nothing is sent."""
    return _read(url) is not None


def _aside(
    notify: Callable[[], Problem | None], name: str
) -> tuple[threading.Thread, "asyncio.Future[Problem | None]"]:
    """Run what waits for its sockets in a thread of its own.

    One that hangs must hold up neither the loop's few threads nor the stop, which waits for all but daemons.
    """
    loop = asyncio.get_running_loop()
    told: asyncio.Future[Problem | None] = loop.create_future()

    def settle(problem: Problem | None) -> None:
        if not told.done():
            told.set_result(problem)

    def run() -> None:
        problem = notify()
        with contextlib.suppress(RuntimeError):  # the loop has ended in the meantime
            loop.call_soon_threadsafe(settle, problem)

    thread = threading.Thread(target=run, name=f"notice {name}", daemon=True)
    thread.start()
    return thread, told


def _notify(url: str, title: str, body: str) -> Problem | None:
    """Tell whoever is at an address; gives what is wrong, None where they were told. Never raises."""
    name = place_of(url)
    try:
        told = _read(url)
        if told is None:
            return RefusedError(f"NOTIFY_URLS: {name} {NOT_KNOWN}: {CURE}")
        return _problem(name, told.notify(title=title, body=body, body_format="text"))
    except Exception as error:  # noqa: BLE001 # whatever a plugin raises: its words may hold the address
        return UnavailableError(f"{name}: apprise failed ({type(error).__name__})")


def _problem(name: str, result: "AppriseResult") -> UnavailableError | None:
    attempts = [attempt for one in result.results for attempt in one.attempts]
    if any(attempts):  # not `bool(result)`: of `?optional=yes` that is true whatever happens
        return None
    words = [entry.message for attempt in attempts for entry in attempt.logs]
    return UnavailableError(f"{name} does not take the notice: {_reason(words)}")


def _reason(words: Sequence[str]) -> str:
    """Say why in words of our own: those of a plugin hold what it was given, and what a stranger answered."""
    statuses = [found[1] for line in words if (found := _STATUS.search(line))]
    if statuses:
        return f"it answers {statuses[-1]}"
    return "it gives no answer" if any(_NO_ANSWER in line for line in words) else "apprise does not say why"


def _read(url: str) -> "Apprise | None":
    """Have apprise read one address, None where it does not understand it."""
    if _SPACE.search(url):  # several addresses, of which it would take the first
        return None
    _hush()
    # It costs 27 MB and a third of a second, most of it with the first address: only where somebody is told.
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415 # the same

    asset = AppriseAsset(
        app_id="devops-daemon",
        storage_mode="memory",
        async_mode=False,
        service_timeout=0,  # with a limit of its own it takes threads of a pool, for which the stop waits
        interpret_escapes=False,
        interpret_emojis=False,
    )
    plugin = Apprise.instantiate(url, asset=asset)
    if plugin is None:
        return None
    plugin.retry = 0  # whoever tells tries again, and counts
    return Apprise(plugin, asset=asset)


@cache
def _hush() -> None:
    """Keep out of the log, at every level, what those write who know the address."""
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        logger.propagate = False
        logger.addHandler(logging.NullHandler())
