"""How the adapter asks GitHub, against a scripted server: headers, retries, redirects, ETags, pages, tokens."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from adapters.github_world import (
    NOW,
    REPOSITORY,
    TOKEN,
    Steady,
    app,
    asked_of,
    comment_row,
    github_at,
    http_date,
    in_turn,
    public_key,
)
from adapters.servers import (
    AGENT,
    RawServer,
    Reply,
    Request,
    answer,
    dead_port,
    document,
    drips,
    hang_up,
    reset,
    routes,
    says,
    silence,
)
from pydantic import SecretStr
from structlog.testing import capture_logs

from devops_daemon.adapters.exchange import loopback_only
from devops_daemon.adapters.github.answers import Why
from devops_daemon.adapters.github.app_auth import AppJwt
from devops_daemon.adapters.github.errors import (
    LostAnswerError,
    NoTokenError,
    NotSentError,
    SaidNoError,
    ThrottledError,
)
from devops_daemon.adapters.github.forge import GitHub
from devops_daemon.adapters.github.transport import API_VERSION, LARGEST_ANSWER
from devops_daemon.forge import Reaction, Role
from devops_daemon.ports import GoneError, LockedOutError, RefusedError, UnavailableError

REPO = f"/repos/{REPOSITORY}"
ROLE = f"{REPO}/collaborators/maria/permission"
COMMENTS = f"{REPO}/issues/7/comments"
BAD = document({"message": "Bad credentials"}, 401)
BROKEN = document({"message": "Server Error"}, 502)
WRITER = document({"permission": "write", "role_name": "write"})
PRODUCT = document({"id": 1, "full_name": REPOSITORY, "private": True, "default_branch": "main"})


async def role(github: GitHub) -> object:
    """Read."""
    return await github.role("maria")


async def comment(github: GitHub) -> object:
    """Write what must not be written twice; without a mark it is not looked up."""
    return await github.comment(7, "hello")


async def edit(github: GitHub) -> None:
    """Write what may be written twice."""
    await github.edit(1, "hello")


async def react(github: GitHub) -> None:
    await github.react(1, Reaction.SEEN)


Act = Callable[[GitHub], Awaitable[object]]
WRITES = (comment, edit, react)


# --- what is sent


async def test_a_request_says_who_we_are_what_we_take_and_by_which_version() -> None:
    async with RawServer(says(WRITER)) as server, github_at(asked_of(server.url)) as github:
        assert await role(github) is Role.WRITE
        sent = server.requests[0]
    assert sent.route == f"GET {ROLE}"
    expected = {
        "user-agent": AGENT,
        "accept": "application/vnd.github+json",
        "x-github-api-version": API_VERSION,
        "authorization": f"Bearer {TOKEN}",
    }
    assert expected.items() <= sent.headers.items()


async def test_a_login_is_quoted_in_an_address() -> None:
    async with RawServer(says(WRITER)) as server, github_at(asked_of(server.url)) as github:
        await github.role("shop[bot]")
        assert server.requests[0].target == f"{REPO}/collaborators/shop%5Bbot%5D/permission"


async def test_what_is_written_is_sent_as_json() -> None:
    async with RawServer(says(document(comment_row(1), 201))) as server, github_at(asked_of(server.url)) as github:
        await github.comment(7, "naïve ```")
        sent = server.requests[0]
    assert sent.route == f"POST {COMMENTS}"
    assert (sent.headers["content-type"], json.loads(sent.body)) == ("application/json", {"body": "naïve ```"})


async def test_github_enterprise_is_asked_below_its_path() -> None:
    async with RawServer(says(PRODUCT)) as server, github_at(asked_of(f"{server.url}/api/v3")) as github:
        await github.repository()
        with pytest.raises(UnavailableError):
            await github.pull(1)
        targets = list(dict.fromkeys(request.target for request in server.requests))
    assert targets == [f"/api/v3{REPO}", "/api/graphql"]


@pytest.mark.parametrize("write", WRITES)
async def test_under_dry_run_nothing_is_written(write: Act) -> None:
    async with RawServer(says(WRITER)) as server, github_at(asked_of(server.url, dry_run=True)) as github:
        with pytest.raises(RefusedError, match="DRY_RUN is set: nothing is written to GitHub"):
            await write(github)
        assert await role(github) is Role.WRITE
        assert [request.method for request in server.requests] == ["GET"]


# --- what fails


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (BROKEN, "GitHub answered 502 (Server Error)"),
        (answer(200, b"<html>GitHub</html>"), "GitHub's answer is not JSON (GitHub)"),
        (hang_up, "GitHub's answer was lost: connection closed: the server hung up without an answer"),
        (reset, "GitHub's answer was lost: connection reset"),
        (silence, "GitHub did not answer within 0.1 s"),
        (drips(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"), "GitHub did not answer within 0.1 s"),
        (
            says(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", hang_up=True),
            "GitHub's answer was lost: connection closed: the server hung up in the middle of the body",
        ),
    ],
)
async def test_a_read_that_fails_is_tried_three_times_and_says_why(fault: bytes | Reply, text: str) -> None:
    steady = Steady()
    reply = says(fault) if isinstance(fault, bytes) else fault
    async with (
        RawServer(reply) as server,
        github_at(asked_of(server.url), steady=steady, read_seconds=0.1, write_seconds=0.1) as github,
    ):
        with pytest.raises(LostAnswerError) as raised:
            await role(github)
        assert str(raised.value) == text
        assert len(server.requests) >= 3  # aiohttp asks once more where a connection that was kept is gone
        first, second = steady.pauses
    assert 0.3 < first < 0.7
    assert 0.7 < second < 1.3


async def test_a_read_that_fails_once_is_well_again() -> None:
    async with RawServer(in_turn(BROKEN, WRITER)) as server, github_at(asked_of(server.url)) as github:
        assert await role(github) is Role.WRITE
        assert github.problem is None


@pytest.mark.parametrize(("write", "times"), [(comment, 1), (edit, 3), (react, 3)])
@pytest.mark.parametrize("fault", [says(BROKEN), hang_up, reset, silence])
async def test_only_what_may_be_done_twice_is_sent_twice(write: Act, times: int, fault: Reply) -> None:
    async with RawServer(fault) as server, github_at(asked_of(server.url), write_seconds=0.1) as github:
        with pytest.raises(UnavailableError):
            await write(github)
        assert len(server.requests) == times


async def test_what_was_never_sent_is_sent_again_whatever_it_is() -> None:
    steady = Steady()
    with dead_port() as port:
        async with github_at(asked_of(f"http://127.0.0.1:{port}"), steady=steady) as github:
            with pytest.raises(NotSentError, match="GitHub could not be reached: connection refused"):
                await comment(github)
    assert len(steady.pauses) == 2


async def test_an_answer_that_never_ends_is_given_up() -> None:
    async def flood(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n")
        piece = b"x" * (4 * 1024 * 1024)
        for _place in range(LARGEST_ANSWER // len(piece) + 1):
            writer.write(piece)
            await writer.drain()
        writer.close()

    async with RawServer(flood) as server, github_at(asked_of(server.url), held=False) as github:
        with pytest.raises(LostAnswerError, match="it is longer than 64 MiB"):
            await github.client.write("PUT", "/x", None, repeatable=False)


@pytest.mark.parametrize("write", WRITES)
async def test_what_is_refused_is_not_asked_again(write: Act) -> None:
    refusal = document({"message": "Resource not accessible by integration"}, 403)
    async with RawServer(says(refusal)) as server, github_at(asked_of(server.url)) as github:
        with pytest.raises(SaidNoError, match="Resource not accessible by integration") as raised:
            await write(github)
        assert raised.value.why is Why.MISSING_RIGHT
        assert (len(server.requests), github.problem) == (1, None)


async def test_a_dead_token_is_named_by_its_setting() -> None:
    async with RawServer(says(BAD)) as server, github_at(asked_of(server.url)) as github:
        text = "GITHUB_TOKEN is not accepted (GitHub answered 401: Bad credentials): make a new one"
        with pytest.raises(SaidNoError) as raised:
            await role(github)
        assert (str(raised.value), github.problem, len(server.requests)) == (text, text, 1)


@pytest.mark.parametrize("ask", [role, *WRITES])
async def test_a_dead_token_locks_us_out_whatever_was_asked(ask: Act) -> None:
    async with RawServer(says(BAD)) as server, github_at(asked_of(server.url)) as github:
        with pytest.raises(LockedOutError) as raised:
            await ask(github)
        assert isinstance(raised.value, SaidNoError)


@pytest.mark.parametrize("write", [edit, react])
@pytest.mark.parametrize(("status", "gone"), [(404, True), (410, True), (403, False), (422, False), (409, False)])
async def test_only_what_is_not_there_any_more_is_gone(write: Act, status: int, *, gone: bool) -> None:
    async with (
        RawServer(says(document({"message": "No"}, status))) as server,
        github_at(asked_of(server.url)) as github,
    ):
        with pytest.raises(SaidNoError, match=f"GitHub answered {status}: No") as raised:
            await write(github)
        assert (isinstance(raised.value, GoneError), len(server.requests)) == (gone, 1)


def limited(seconds: int) -> bytes:
    body = json.dumps({"message": "You have exceeded a secondary rate limit"}).encode()
    return answer(403, body, Retry_After=str(seconds))


@pytest.mark.parametrize("ask", [role, comment])
async def test_a_short_limit_is_waited_out_for_what_is_throttled_was_not_done(ask: Act) -> None:
    steady = Steady()
    last = document(comment_row(1) | {"permission": "write"}, 200)
    async with RawServer(in_turn(limited(2), last)) as server, github_at(asked_of(server.url), steady=steady) as github:
        await ask(github)
        assert (len(server.requests), steady.pauses) == (2, [2])


async def test_a_long_limit_is_told_at_once_and_nothing_more_is_sent_meanwhile() -> None:
    steady = Steady()
    async with RawServer(says(limited(300))) as server, github_at(asked_of(server.url), steady=steady) as github:
        for ask in (role, comment, role):
            with pytest.raises(ThrottledError, match=r"GitHub asks to slow down .*; free again in 5 min"):
                await ask(github)
        assert (len(server.requests), steady.pauses) == (1, [])
        server.reply = says(WRITER)
        steady.now += 301
        assert await role(github) is Role.WRITE


# --- outages


async def test_an_outage_is_said_once_when_it_begins_and_once_when_it_is_over() -> None:
    async with RawServer(says(BROKEN)) as server, github_at(asked_of(server.url)) as github:
        with capture_logs() as logs:
            for _ in range(3):
                with pytest.raises(LostAnswerError):
                    await role(github)
            assert github.problem == "GitHub answered 502 (Server Error)"
            server.reply = says(document({"message": "Not Found"}, 404))
            for _ in range(2):
                assert await role(github) is Role.NONE
            assert github.problem is None
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("github.broken", "error"),
        ("github.recovered", "info"),
    ]


# --- redirects


async def test_a_read_follows_a_repository_that_was_renamed() -> None:
    moved = answer(301, b"{}", Location="/repositories/1")
    table = {f"GET {REPO}": moved, "GET /repositories/1": PRODUCT}
    async with RawServer(routes(table)) as server, github_at(asked_of(server.url), held=False) as github:
        assert (await github.repository()).name == REPOSITORY
        assert server.requests[1].headers["authorization"] == f"Bearer {TOKEN}"


async def test_a_token_never_follows_a_redirect_to_another_host() -> None:
    async with RawServer(says(PRODUCT)) as other:
        moved = answer(302, b"", Location=f"{other.url}/")
        async with RawServer(says(moved)) as server, github_at(asked_of(server.url)) as github:
            with pytest.raises(RefusedError, match="leads to another host"):
                await github.repository()
        assert other.requests == []


@pytest.mark.parametrize("location", ["//evil.example/x", "http://[", "file:///etc/passwd", "https://api.github.com/"])
async def test_a_redirect_to_anywhere_else_is_refused(location: str) -> None:
    async with (
        RawServer(says(answer(307, b"", Location=location))) as server,
        github_at(asked_of(server.url)) as github,
    ):
        with pytest.raises(RefusedError, match="leads to another host"):
            await role(github)
        assert len(server.requests) == 1


async def test_a_write_follows_no_redirect_and_says_what_to_mend() -> None:
    async with RawServer(says(answer(307, b"", Location="/x"))) as server, github_at(asked_of(server.url)) as github:
        with pytest.raises(RefusedError, match="acme/product was renamed: set GITHUB_REPOSITORY"):
            await comment(github)
        assert len(server.requests) == 1


async def test_redirects_in_a_circle_end() -> None:
    async with RawServer(says(answer(301, b"", Location=REPO))) as server, github_at(asked_of(server.url)) as github:
        with pytest.raises(RefusedError, match="redirects more than 3 times"):
            await github.repository()
        assert len(server.requests) == 4


# --- ETags and pages


async def test_what_has_not_changed_is_not_sent_again() -> None:
    whole = answer(200, json.dumps({"role_name": "admin"}).encode(), ETag='W/"1"')

    async def reply(request: Request, writer: asyncio.StreamWriter) -> None:
        await says(answer(304) if request.headers.get("if-none-match") == 'W/"1"' else whole)(request, writer)

    async with RawServer(reply) as server, github_at(asked_of(server.url)) as github:
        assert [await role(github) for _ in range(3)] == [Role.ADMIN] * 3
        asked = [request.headers.get("if-none-match") for request in server.requests]
    assert asked == [None, 'W/"1"', 'W/"1"']


async def test_to_be_told_that_nothing_has_changed_of_nothing_is_an_answer_that_does_not_tell() -> None:
    async with RawServer(says(answer(304))) as server, github_at(asked_of(server.url)) as github:
        with pytest.raises(LostAnswerError, match="nothing was read before"):
            await role(github)


async def test_pages_are_followed_by_their_link_but_not_to_another_host() -> None:
    def page(number: int, link: str) -> bytes:
        return answer(200, json.dumps([comment_row(number)]).encode(), Link=f'<{link}>; rel="next"')

    async with RawServer(silence) as server, github_at(asked_of(server.url)) as github:
        second = f"{COMMENTS}?since=2026-09-01T12%3A00%3A00Z&per_page=100&page=2"
        server.reply = in_turn(page(1, f"{server.url}{second}"), document([comment_row(2)]))
        assert [each.id for each in await github.comments(NOW, 7)] == [1, 2]
        assert server.requests[1].target == second
        server.reply = says(page(1, "https://evil.example/next"))
        with pytest.raises(RefusedError, match="leads to another host"):
            await github.comments(NOW, 7)


@pytest.mark.parametrize("odd", [{"message": "odd"}, [1], None, "text"])
async def test_an_odd_list_of_comments_is_no_answer(odd: object) -> None:
    async with RawServer(says(document(odd))) as server, github_at(asked_of(server.url)) as github:
        with pytest.raises(UnavailableError, match="not as expected"):
            await github.comments(NOW)


# --- an App


def token_answer(token: str, life: timedelta = timedelta(hours=1)) -> bytes:
    ends = (NOW + life).isoformat().replace("+00:00", "Z")
    return answer(201, json.dumps({"token": token, "expires_at": ends}).encode(), Date=http_date(NOW))


INSTALLATION = f"GET {REPO}/installation"
TOKENS = "POST /app/installations/99/access_tokens"


class App:
    """An App's GitHub that hands out a new token each time, and takes only those that are good."""

    def __init__(self, life: timedelta = timedelta(hours=1)) -> None:
        self.made = 0
        self.life = life
        self.good: set[str] = set()

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        bearer = request.headers["authorization"].removeprefix("Bearer ")
        if request.route == INSTALLATION:
            reply = document({"id": 99})
        elif request.route == TOKENS:
            self.made += 1
            token = f"ghs_4242_made.number.{self.made}"
            self.good.add(token)
            reply = token_answer(token, self.life)
        else:
            reply = WRITER if bearer in self.good else BAD
        await says(reply)(request, writer)

    def asked(self, server: RawServer, route: str) -> list[Request]:
        return [request for request in server.requests if request.route == route]


def as_app(url: str, **differs: Any) -> Any:
    return asked_of(url, **{"token": None, "app": app()} | differs)


async def test_an_app_signs_for_nine_minutes_and_asks_for_a_token_for_this_repository_only() -> None:
    github_app = App()
    async with RawServer(github_app) as server, github_at(as_app(server.url), now=lambda: NOW) as github:
        assert await role(github) is Role.WRITE
        (installation,) = github_app.asked(server, INSTALLATION)
        (made,) = github_app.asked(server, TOKENS)
    assert json.loads(made.body) == {"repositories": ["product"]}
    at = int(NOW.timestamp())
    for request in (installation, made):
        signed = request.headers["authorization"].removeprefix("Bearer ")
        options: Any = {"verify_exp": False, "verify_iat": False}
        claims = jwt.decode(signed, public_key(), algorithms=["RS256"], options=options)
        assert claims == {"iat": at - 60, "exp": at + 540, "iss": "4242"}


async def test_what_was_signed_is_kept_while_it_is_good() -> None:
    time = [NOW]
    signer = AppJwt(app(), lambda: time[0])
    first = await signer.token()
    for change, same in ((timedelta(minutes=7), True), (timedelta(minutes=2), False), (timedelta(minutes=-30), False)):
        time[0] += change
        before, first = first, await signer.token()
        assert (first == before) is same
    assert await signer.renew(first)
    time[0] += timedelta(seconds=1)
    assert await signer.token() != first


async def test_a_key_whose_lines_are_written_out_is_read_all_the_same() -> None:
    key = app().private_key.get_secret_value().replace("\n", "\\n")
    async with RawServer(App()) as server, github_at(as_app(server.url, app=app(key))) as github:
        assert await role(github) is Role.WRITE


@pytest.mark.parametrize(
    "key", ["no key at all", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"]
)
async def test_a_key_that_is_none_is_said_without_its_text(key: str) -> None:
    async with RawServer(App()) as server, github_at(as_app(server.url, app=app(key))) as github:
        with pytest.raises(LockedOutError) as raised:
            await role(github)
        assert str(raised.value).startswith("GITHUB_APP_PRIVATE_KEY is no RSA private key in PEM")
        assert server.requests == []


async def test_an_installation_that_is_given_is_not_looked_for() -> None:
    github_app = App()
    asked = {"app": app(installation_id="99")}
    async with RawServer(github_app) as server, github_at(as_app(server.url, **asked)) as github:
        await role(github)
        assert github_app.asked(server, INSTALLATION) == []


@pytest.mark.parametrize(("life", "kept"), [(timedelta(hours=1), 50), (timedelta(minutes=12), 10), (timedelta(0), 50)])
async def test_a_token_is_kept_for_five_sixths_of_its_life(life: timedelta, kept: int) -> None:
    steady, github_app = Steady(), App(life)
    async with RawServer(github_app) as server, github_at(as_app(server.url), steady=steady) as github:
        for _ in range(2):
            await role(github)
        steady.now += kept * 60 - 1
        await role(github)
        assert github_app.made == 1
        steady.now += 2
        await role(github)
        assert github_app.made == 2


async def test_many_who_wait_for_a_token_make_one_request_for_it() -> None:
    github_app = App()
    async with RawServer(github_app) as server, github_at(as_app(server.url)) as github:
        assert set(await asyncio.gather(*(role(github) for _ in range(20)))) == {Role.WRITE}
        assert github_app.made == 1
        github_app.good.clear()  # revoked: all find out at the same time
        assert set(await asyncio.gather(*(role(github) for _ in range(8)))) == {Role.WRITE}
        assert github_app.made == 2


async def test_a_token_that_is_turned_away_is_fetched_anew_once_and_not_for_ever() -> None:
    github_app = App()
    async with RawServer(github_app) as server, github_at(as_app(server.url)) as github:
        await role(github)

        async def turned_away(request: Request, writer: asyncio.StreamWriter) -> None:
            github_app.good.clear()
            await github_app(request, writer)

        server.reply = turned_away
        with pytest.raises(SaidNoError, match="GITHUB_APP_ID is not accepted") as raised:
            await comment(github)
        assert raised.value.why is Why.DEAD_TOKEN
        assert github_app.made == 2
        assert len(github_app.asked(server, f"POST {COMMENTS}")) == 2


async def test_a_token_that_cannot_be_fetched_is_no_lost_answer_of_what_was_asked() -> None:
    github_app = App()
    async with RawServer(github_app) as server, github_at(as_app(server.url)) as github:
        server.reply = routes({INSTALLATION: document({"id": 99}), TOKENS: BROKEN})
        with pytest.raises(NotSentError, match="GitHub answered 502"):
            await comment(github)
        assert len(github_app.asked(server, TOKENS)) == 3


async def test_all_who_wait_for_a_token_share_its_failure_and_the_next_one_asks_anew() -> None:
    github_app = App()
    async with RawServer(github_app) as server, github_at(as_app(server.url)) as github:
        server.reply = routes({INSTALLATION: document({"id": 99}), TOKENS: BROKEN})
        told = await asyncio.gather(*(role(github) for _ in range(8)), return_exceptions=True)
        assert {type(each) for each in told} == {NoTokenError}
        assert len(github_app.asked(server, TOKENS)) == 3
        server.reply = github_app
        assert await role(github) is Role.WRITE


async def test_who_stops_waiting_for_a_token_does_not_take_it_from_the_others() -> None:
    github_app = App()
    asked, free = asyncio.Event(), asyncio.Event()

    async def slow(request: Request, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await free.wait()
        await github_app(request, writer)

    async with RawServer(slow) as server, github_at(as_app(server.url)) as github:
        first, second = (asyncio.create_task(role(github)) for _ in range(2))
        await asked.wait()
        first.cancel()
        free.set()
        assert await second is Role.WRITE
        assert first.cancelled()
        assert github_app.made == 1


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (
            {INSTALLATION: document({"message": "Not Found"}, 404)},
            "the App is not installed on acme/product: install it",
        ),
        (
            {INSTALLATION: document({"id": 99}), TOKENS: document({"message": "Not Found"}, 404)},
            "the App gets no token for acme/product: mend GITHUB_APP_INSTALLATION_ID",
        ),
        (
            {INSTALLATION: document({"message": "A JSON web token could not be decoded"}, 401)},
            "GITHUB_APP_PRIVATE_KEY is not accepted",
        ),
    ],
)
async def test_what_is_wrong_with_an_app_is_told_with_its_cure(table: dict[str, bytes], text: str) -> None:
    async with RawServer(routes(table)) as server, github_at(as_app(server.url)) as github:
        with pytest.raises(LockedOutError, match=text):
            await role(github)


@pytest.mark.parametrize("odd", [{}, [], {"id": None}])
async def test_an_odd_answer_about_the_installation_is_no_answer(odd: object) -> None:
    async with RawServer(says(document(odd))) as server, github_at(as_app(server.url)) as github:
        with pytest.raises(UnavailableError, match="holds no id"):
            await role(github)


async def test_a_token_that_came_later_is_masked_in_what_github_says() -> None:
    github_app = App()
    async with RawServer(github_app) as server, github_at(as_app(server.url)) as github:
        await role(github)
        token = next(iter(github_app.good))
        server.reply = says(document({"message": f"no {token} here"}, 422))
        with pytest.raises(SaidNoError) as raised:
            await comment(github)
    assert str(raised.value) == "GitHub answered 422: no [redacted] here"


async def test_an_app_writes_under_dry_run_not_even_though_it_signs_in() -> None:
    github_app = App()
    async with RawServer(github_app) as server, github_at(as_app(server.url, dry_run=True)) as github:
        assert await role(github) is Role.WRITE
        with pytest.raises(RefusedError, match="DRY_RUN"):
            await comment(github)
        assert github_app.asked(server, f"POST {COMMENTS}") == []


# --- the rest


async def test_without_credentials_no_connection_is_opened() -> None:
    with pytest.raises(LockedOutError, match="neither GITHUB_TOKEN nor GITHUB_APP_ID is set"):
        async with github_at(asked_of("http://127.0.0.1:1", token=None)):
            pass


async def test_the_connection_may_be_kept_to_this_machine() -> None:
    asked = asked_of("http://192.0.2.1", token=SecretStr(TOKEN))
    async with github_at(asked, socket_factory=loopback_only) as github:
        with pytest.raises(NotSentError, match="GitHub could not be reached"):
            await role(github)


async def test_githubs_clock_is_compared_with_ours() -> None:
    def now() -> datetime:
        return NOW

    reply = answer(200, b"{}", Date=http_date(NOW + timedelta(seconds=90)))
    async with RawServer(says(reply)) as server, github_at(asked_of(server.url), now=now) as github:
        await role(github)
        assert github.client.skew == timedelta(seconds=90)
        assert github.client.at_github() == NOW + timedelta(seconds=90)


async def test_after_the_connection_is_closed_nothing_is_sent() -> None:
    async with RawServer(says(WRITER)) as server:
        async with github_at(asked_of(server.url)) as github:
            pass
        with pytest.raises(NotSentError, match="the connection to GitHub is closed"):
            await role(github)
        assert server.requests == []
