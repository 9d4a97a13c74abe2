"""The sandbox's GitHub by its own API: what is there, who may ask, what the webhooks tell, and how it fails.

Every answer is held against GitHub's official description, where that is at hand.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs

import aiohttp
import jwt
import pytest
from aiohttp import web
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
)
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from devops_daemon.sandbox.github.api_faults import API_FAULTS
from devops_daemon.sandbox.github.app import new_key
from devops_daemon.sandbox.github.github import GitHub
from devops_daemon.sandbox.github.hooks import Hook
from devops_daemon.sandbox.github.schema import load_schema
from devops_daemon.sandbox.github.shown.pulls import part_of

DATA = Path(os.environ.get("CONFORMANCE_DATA") or Path(__file__).parents[3] / "shared") / "facts/github"
HERE = DATA.is_dir()
SECRET = "It's a Secret to Everybody"
PATIENCE = 10
Json = dict[str, Any]
T = TypeVar("T")


@cache
def official() -> Json:
    """The official description, its nullable types written as JSON Schema does."""
    read: Json = _nulls(json.loads((DATA / "openapi.json").read_text()))
    return read


def _nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [_nulls(each) for each in value]
    if not isinstance(value, dict):
        return value
    if [each.get("title") for each in value.get("allOf", [])] == ["Simple User", "Enterprise"]:
        return {}  # of an installation's account it asks to be both; its own example is not
    plain = {key: _nulls(each) for key, each in value.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if value.get("nullable") is True else plain


@cache
def validator(method: str, route: str, status: int) -> Draft202012Validator | None:
    """What the official description says of this answer; None where it says nothing of its body."""
    operation = official()["paths"].get(route, {}).get(method.lower())
    if operation is None:
        return None
    listed = str(status) in operation["responses"]
    assert listed or status >= 400, f"{method} {route} never gives {status}"
    path = f"#/paths/{route.replace('~', '~0').replace('/', '~1')}/{method.lower()}/responses/{status}"
    content = operation["responses"].get(str(status), {}).get("content", {})
    if "application/json" not in content:
        return None
    registry: Registry[Any] = Registry().with_resource("urn:github", DRAFT202012.create_resource(official()))
    return Draft202012Validator({"$ref": f"urn:github{path}/content/application~1json/schema"}, registry=registry)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    @property
    def said(self) -> str:
        return str(self.body["message"])

    @property
    def left(self) -> int:
        return int(self.headers["X-RateLimit-Remaining"])


class Visitor:
    """A client that is no part of the daemon."""

    def __init__(self, github: GitHub, session: aiohttp.ClientSession) -> None:
        self.github = github
        self._session = session

    async def ask(
        self,
        method: str,
        path: str,
        said: Any = None,
        *,
        token: str | None = "",
        compare: bool = HERE,
        follow: bool = True,
        **headers: str,
    ) -> Answer:
        """Ask once; without another token as the operator, with None as nobody. `~` is the repository."""
        given = self.github.user_token if token == "" else token
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if given:
            named.setdefault("Authorization", f"Bearer {given}")
        url = self.github.api_url + path.replace("~", f"/repos/{self.github.repository}", 1)
        body = {"json": said} if not isinstance(said, bytes) else {"data": said}
        limit = aiohttp.ClientTimeout(total=PATIENCE)
        async with self._session.request(
            method, url, headers=named, timeout=limit, allow_redirects=follow, **body
        ) as response:
            answer = Answer(response.status, await response.text(), response.headers)
        if compare and answer.text and response.content_type == "application/json":
            self._compare(method, answer)
        return answer

    def _compare(self, method: str, answer: Answer) -> None:
        check = validator(method, self.github.heard[-1].route, answer.status)
        if check:
            errors = [f"{list(error.absolute_path)}: {error.message[:200]}" for error in check.iter_errors(answer.body)]
            assert not errors, f"{method} {self.github.heard[-1].route}: {errors[:5]}"

    async def get(self, path: str, **more: Any) -> Any:
        answer = await self.ask("GET", path, **more)
        assert answer.status == 200, answer.text
        return answer.body

    async def post(self, path: str, said: Any, **more: Any) -> Any:
        answer = await self.ask("POST", path, said, **more)
        assert answer.status in {200, 201}, answer.text
        return answer.body

    async def query(self, query: str, *, token: str | None = "", **variables: Any) -> Json:
        """Ask by GraphQL; owner and name are known."""
        owner, _, name = self.github.repository.partition("/")
        known = {"owner": owner, "name": name} if "$owner" in query else {}
        answer = await self.ask("POST", "/graphql", {"query": query, "variables": known | variables}, token=token)
        body: Json = answer.body
        return body

    async def pull(self, number: int) -> Json:
        """Read a pull request once GitHub knows whether it can be merged."""

        async def knows() -> Json | None:
            pull: Json = await self.get(f"~/pulls/{number}")
            return None if pull["mergeable_state"] == "unknown" else pull

        return await until(knows)


async def until(told: Callable[[], Awaitable[T | None]]) -> T:
    """Ask again and again until there is an answer."""
    async with asyncio.timeout(PATIENCE):
        for pause in itertools.repeat(0.01):
            answer = await told()
            if answer is not None:
                return answer
            await asyncio.sleep(pause)
    raise AssertionError


@dataclass(slots=True)
class Receiver:
    """Where webhooks arrive; `status` is what it answers, `gate` is waited for before that."""

    url: str = ""
    status: int = 202
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.arrived.append((request.headers.copy(), await request.read()))
        await self.gate.wait()
        return web.Response(status=self.status)

    @property
    def events(self) -> list[str]:
        """Each as `event.action`."""
        return [
            ".".join(filter(None, (headers["X-GitHub-Event"], payload.get("action"))))
            for (headers, _), payload in zip(self.arrived, self.payloads, strict=True)
        ]

    @property
    def payloads(self) -> list[Json]:
        return [json.loads(body) for _, body in self.arrived]


@pytest.fixture
async def github() -> AsyncIterator[GitHub]:
    async with GitHub() as running:
        yield running


@pytest.fixture
async def visitor(github: GitHub) -> AsyncIterator[Visitor]:
    async with aiohttp.ClientSession() as session:
        yield Visitor(github, session)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    made.gate.set()
    application = web.Application()
    application.router.add_post("/hook", made.take)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    made.gate.set()
    await runner.cleanup()


async def with_pull(github: GitHub, *, base_moves: bool = False, conflict: bool = False) -> int:
    """Open a pull request of ada's that changes app.py; gives its number."""
    github.add_account("ada", "write")
    await github.push("feat/1", {"app.py": 'print("shut")\n'}, "Shut the shop", login="ada")
    issue = await github.open_pull("ada", "feat/1", "Shut the shop")
    if base_moves:
        await github.push("main", {"app.py": "conflict\n"} if conflict else {"other.py": "x = 1\n"}, "Meanwhile")
    return issue.number


def head_of(github: GitHub, number: int) -> str:
    """Tell where the branch of a pull request is."""
    return part_of(github.world.pull(number)).head_sha


async def git(*arguments: str, at: Path, ok: bool = True) -> str:
    """Run git as a client does."""
    who = {
        "GIT_AUTHOR_NAME": "ada",
        "GIT_AUTHOR_EMAIL": "a@x",
        "GIT_COMMITTER_NAME": "ada",
        "GIT_COMMITTER_EMAIL": "a@x",
    }
    own = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0", **who}
    process = await asyncio.create_subprocess_exec(
        "git", *arguments, cwd=at, env=own, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    assert (process.returncode == 0) is ok, out.decode()
    return out.decode().strip()


def with_token(github: GitHub, token: str) -> str:
    """Give the URL of the repository with a token in it, as a careless client would."""
    return f"{github.git_url.replace('://', f'://x-access-token:{token}@')}/{github.repository}.git"


# ------------------------------------------------------------------------------------------- who asks


async def test_it_starts_in_well_under_half_a_second() -> None:
    begun = time.monotonic()
    async with GitHub():
        assert time.monotonic() - begun < 0.5


async def test_a_token_tells_whose_it_is(visitor: Visitor) -> None:
    assert (await visitor.get("/user"))["login"] == "acme-ops"
    assert (await visitor.get("/user", token=visitor.github.fine_token))["login"] == "acme-ops"


async def test_git_and_curl_may_bring_the_token_as_a_password(visitor: Visitor) -> None:
    basic = aiohttp.encode_basic_auth("x-access-token", visitor.github.user_token)
    assert (await visitor.get("/user", token=None, Authorization=basic))["login"] == "acme-ops"


async def test_nobody_knows_a_wrong_token(visitor: Visitor) -> None:
    answer = await visitor.ask("GET", "/user", token="ghp_wrong")
    assert (answer.status, answer.said) == (401, "Bad credentials")
    assert (await visitor.ask("GET", "/user", token=None)).said == "Requires authentication"


async def test_a_client_that_does_not_say_who_it_is_is_turned_away(github: GitHub) -> None:
    headers = {"Authorization": f"Bearer {github.user_token}"}
    async with (
        aiohttp.ClientSession(skip_auto_headers={"User-Agent"}) as session,
        session.get(f"{github.api_url}/user", headers=headers) as response,
    ):
        assert (response.status, "User-Agent" in await response.text()) == (403, True)


async def test_an_unknown_version_of_the_api_is_refused(visitor: Visitor) -> None:
    for version in ("2022-11-28", "2026-03-10"):
        await visitor.get("/user", X_GitHub_Api_Version=version)
    assert (await visitor.ask("GET", "/user", X_GitHub_Api_Version="2021-01-01")).status == 400


async def test_every_answer_bears_an_id_and_a_classic_token_its_scopes(visitor: Visitor) -> None:
    answer = await visitor.ask("GET", "~")
    assert (answer.headers["X-OAuth-Scopes"], answer.headers["X-GitHub-Request-Id"].count(":")) == ("repo, workflow", 4)


@pytest.mark.parametrize(
    ("role", "permission", "flags"),
    [
        ("none", "none", ""),
        ("read", "read", "pull"),
        ("triage", "read", "pull triage"),
        ("write", "write", "pull push triage"),
        ("maintain", "write", "maintain pull push triage"),
        ("admin", "admin", "admin maintain pull push triage"),
    ],
)
async def test_a_role_is_told_in_older_and_newer_words(
    visitor: Visitor, role: str, permission: str, flags: str
) -> None:
    visitor.github.world.options.private = True
    visitor.github.add_account("ada", role)
    told = await visitor.get("~/collaborators/ada/permission")
    held = " ".join(sorted(name for name, holds in told["user"]["permissions"].items() if holds))
    assert (told["permission"], told["role_name"], held) == (permission, role, flags)


async def test_a_role_may_have_a_name_of_its_own(visitor: Visitor) -> None:
    visitor.github.add_account("ada", "write", custom_role="on-call")
    told = await visitor.get("~/collaborators/ada/permission")
    assert (told["permission"], told["role_name"]) == ("write", "on-call")


async def test_on_a_public_repository_everybody_has_read(visitor: Visitor) -> None:
    visitor.github.add_account("eve")
    visitor.github.add_account("helper[bot]")
    assert (await visitor.get("~/collaborators/eve/permission"))["role_name"] == "read"
    assert (await visitor.get("~/collaborators/helper[bot]/permission"))["user"]["type"] == "Bot"
    assert (await visitor.ask("GET", "~/collaborators/nobody/permission")).status == 404


async def test_who_may_not_push_may_not_ask_what_others_may(visitor: Visitor) -> None:
    visitor.github.add_account("eve")
    visitor.github.add_token("eve", "ghp_eve")
    assert (await visitor.ask("GET", "~/collaborators/eve/permission", token="ghp_eve")).status == 403


async def test_a_private_repository_is_not_there_for_strangers(visitor: Visitor) -> None:
    visitor.github.world.options.private = True
    visitor.github.add_account("eve")
    visitor.github.add_token("eve", "ghp_eve")
    visitor.github.add_token("acme-ops", "ghp_public", scopes=frozenset({"public_repo"}))
    for token in ("ghp_eve", "ghp_public", None):
        assert (await visitor.ask("GET", "~", token=token)).status == 404
    assert (await visitor.get("~"))["private"] is True


async def test_a_permission_that_a_token_lacks_is_named(visitor: Visitor) -> None:
    visitor.github.add_token("acme-ops", "github_pat_reads", permissions={"issues": "read"})
    issue = await visitor.github.open_issue("acme-ops", "It is slow")
    refused = await visitor.ask("POST", f"~/issues/{issue.number}/comments", {"body": "x"}, token="github_pat_reads")
    assert (refused.status, refused.said) == (403, "Resource not accessible by personal access token")
    assert refused.headers["X-Accepted-GitHub-Permissions"] == "issues=write; pull_requests=write"
    await visitor.get(f"~/issues/{issue.number}/comments", token="github_pat_reads")


async def test_what_is_not_there_is_not_found(visitor: Visitor) -> None:
    for path in ("/repos/acme/other", "~/nothing", "~/issues/77", "~/issues/x", "~/pulls/1", "/nothing/at/all"):
        answer = await visitor.ask("GET", path)
        assert (answer.status, answer.said) == (404, "Not Found")


async def test_the_service_tells_of_itself(visitor: Visitor) -> None:
    assert (await visitor.get("/meta"))["hooks"] == ["127.0.0.1/32"]
    repository = await visitor.get("~")
    assert (repository["full_name"], repository["visibility"], repository["allow_squash_merge"]) == (
        "acme/shop",
        "public",
        True,
    )


async def test_the_former_name_of_a_repository_leads_on(visitor: Visitor, tmp_path: Path) -> None:
    visitor.github.rename("store")
    moved = await visitor.ask("GET", "/repos/acme/shop/issues?state=all", follow=False)
    there = f"{visitor.github.api_url}/repos/acme/store/issues?state=all"
    assert (moved.status, moved.headers["Location"]) == (301, there)
    assert (await visitor.get("~"))["full_name"] == "acme/store"
    await git("clone", "-q", f"{visitor.github.git_url}/acme/shop.git", "work", at=tmp_path)


async def test_the_newer_version_of_the_api_lacks_some_fields(visitor: Visitor) -> None:
    number = await with_pull(visitor.github)
    dropped = {"merge_commit_sha", "assignee"}
    assert dropped <= set(await visitor.get(f"~/pulls/{number}"))
    newer = await visitor.ask("GET", f"~/pulls/{number}", compare=False, X_GitHub_Api_Version="2026-03-10")
    assert not dropped & set(newer.body)


# ------------------------------------------------------------------------------------------- the App


def signed(github: GitHub, *, issuer: object = None, lasts: int = 540, key: str | None = None) -> str:
    """Sign as the App."""
    now = int(datetime.now(UTC).timestamp())
    claims = {"iat": now - 60, "exp": now + lasts, "iss": str(issuer or github.world.app.id)}
    return jwt.encode(claims, key or github.app_private_key, "RS256")


async def test_an_app_gets_a_token_for_its_installation(visitor: Visitor) -> None:
    github = visitor.github
    claim = signed(github)
    assert (await visitor.get("/app", token=claim))["slug"] == "devops-daemon"
    assert [each["id"] for each in await visitor.get("/app/installations", token=claim)] == [
        github.world.app.installation_id
    ]
    installed = await visitor.get("~/installation", token=signed(github, issuer=github.world.app.client_id))
    made = await visitor.post(f"/app/installations/{installed['id']}/access_tokens", {}, token=claim)
    issue = await github.open_issue("acme-ops", "It is slow")
    comment = await visitor.post(f"~/issues/{issue.number}/comments", {"body": "Looking."}, token=made["token"])
    assert (comment["user"]["login"], comment["user"]["type"]) == ("devops-daemon[bot]", "Bot")
    assert comment["performed_via_github_app"]["id"] == github.world.app.id
    assert (await visitor.ask("GET", "/user", token=made["token"])).status == 403
    assert (await visitor.get("/installation/repositories", token=made["token"]))["total_count"] == 1


async def test_a_token_of_an_installation_has_the_permissions_that_were_asked_for(visitor: Visitor) -> None:
    path = f"/app/installations/{visitor.github.world.app.installation_id}/access_tokens"
    asked = {"permissions": {"issues": "read"}, "repositories": ["shop"]}
    made = await visitor.post(path, asked, token=signed(visitor.github))
    assert made["permissions"] == {"issues": "read"}
    refused = await visitor.ask("POST", "~/issues", {"title": "x"}, token=made["token"])
    assert (refused.status, refused.said) == (403, "Resource not accessible by integration")
    greedy = {"permissions": {"administration": "write"}}
    assert (await visitor.ask("POST", path, greedy, token=signed(visitor.github))).status == 422


async def test_a_token_of_an_installation_expires(visitor: Visitor) -> None:
    app = visitor.github.world.app
    app.token_lifetime = timedelta(minutes=5)
    path = f"/app/installations/{app.installation_id}/access_tokens"
    token = (await visitor.post(path, {}, token=signed(visitor.github)))["token"]
    await visitor.get("~", token=token)
    expires_at = visitor.github.world.tokens[token].expires_at
    assert expires_at
    assert timedelta(minutes=4) < expires_at - datetime.now(UTC) <= timedelta(minutes=5)
    visitor.github.world.tokens[token].expires_at = datetime.now(UTC)
    assert (await visitor.ask("GET", "~", token=token)).said == "Bad credentials"


async def test_a_token_of_an_installation_can_be_given_back(visitor: Visitor) -> None:
    path = f"/app/installations/{visitor.github.world.app.installation_id}/access_tokens"
    token = (await visitor.post(path, {}, token=signed(visitor.github)))["token"]
    assert (await visitor.ask("DELETE", "/installation/token", token=token)).status == 204
    assert (await visitor.ask("GET", "~", token=token)).status == 401


async def test_a_signature_that_is_not_the_apps_is_refused(visitor: Visitor) -> None:
    github = visitor.github
    stranger = signed(github, key=new_key.__wrapped__())
    wrong = {
        "stranger": (stranger, 401),
        "too long": (signed(github, lasts=1200), 401),
        "over": (signed(github, lasts=-10), 401),
        "another app": (signed(github, issuer=1), 404),
        "a token": (github.user_token, 401),
    }
    told = {name: (await visitor.ask("GET", "/app", token=claim)).status for name, (claim, _) in wrong.items()}
    assert told == {name: status for name, (_, status) in wrong.items()}
    assert (await visitor.ask("GET", "~", token=signed(github))).status == 401


# ------------------------------------------------------------------------------------------- issues and comments


async def test_a_comment_is_written_read_changed_and_deleted(visitor: Visitor) -> None:
    issue = await visitor.github.open_issue("acme-ops", "It is slow")
    made = await visitor.post(f"~/issues/{issue.number}/comments", {"body": "Looking."})
    path = f"~/issues/comments/{made['id']}"
    assert (await visitor.get(path))["body"] == "Looking."
    changed = await visitor.ask("PATCH", path, {"body": "Found it."})
    assert (changed.status, changed.body["body"]) == (200, "Found it.")
    assert (await visitor.ask("DELETE", path)).status == 204
    assert (await visitor.ask("GET", path)).status == 404


async def test_what_is_wrong_with_a_comment_is_told(visitor: Visitor) -> None:
    issue = await visitor.github.open_issue("acme-ops", "It is slow")
    path = f"~/issues/{issue.number}/comments"
    told = await visitor.ask("POST", path, {})
    assert (told.status, told.body["errors"][0]["code"]) == (422, "missing_field")
    assert (await visitor.ask("POST", path, {"body": "x" * 65_537})).said.endswith("(maximum is 65536 characters)")
    assert (await visitor.ask("POST", path, b"{")).said == "Problems parsing JSON"


async def test_only_who_may_push_changes_the_comments_of_others(visitor: Visitor) -> None:
    for login in ("ada", "eve"):
        visitor.github.add_account(login)
        visitor.github.add_token(login, f"ghp_{login}")
    issue = await visitor.github.open_issue("ada", "It is slow")
    comment = await visitor.github.comment("ada", issue.number, "mine")
    path = f"~/issues/comments/{comment.id}"
    assert (await visitor.ask("PATCH", path, {"body": "not yours"}, token="ghp_eve")).status == 403
    assert (await visitor.ask("PATCH", path, {"body": "mine still"}, token="ghp_ada")).status == 200


async def test_a_locked_issue_takes_no_comment_from_the_street(visitor: Visitor) -> None:
    visitor.github.add_account("eve")
    visitor.github.add_token("eve", "ghp_eve")
    issue = await visitor.github.open_issue("acme-ops", "It is slow")
    issue.locked = True
    refused = await visitor.ask("POST", f"~/issues/{issue.number}/comments", {"body": "x"}, token="ghp_eve")
    assert refused.status == 403


async def test_comments_come_page_by_page(visitor: Visitor) -> None:
    issue = await visitor.github.open_issue("acme-ops", "It is slow")
    for number in range(5):
        await visitor.github.comment("acme-ops", issue.number, f"{number}")
    seen, path = [], f"~/issues/{issue.number}/comments?per_page=2"
    while path:
        answer = await visitor.ask("GET", path)
        seen += [each["body"] for each in answer.body]
        found = re.search(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
        path = found[1].removeprefix(visitor.github.api_url) if found else ""
    assert seen == ["0", "1", "2", "3", "4"]
    assert len(visitor.github.heard) == 3


async def test_comments_since_a_time_are_those_that_changed_since_then(visitor: Visitor) -> None:
    github = visitor.github
    issue, other = await github.open_issue("acme-ops", "one"), await github.open_issue("acme-ops", "two")
    old = await github.comment("acme-ops", issue.number, "old")
    edited = await github.comment("acme-ops", issue.number, "edited")
    new = await github.comment("acme-ops", other.number, "new")
    then = datetime(2026, 1, 1, tzinfo=UTC)
    old.updated_at, edited.updated_at, new.updated_at = then, then + timedelta(hours=2), then + timedelta(hours=1)
    query = "since=2026-01-01T00:00:01Z&sort=updated&direction=asc"
    assert [each["body"] for each in await visitor.get(f"~/issues/comments?{query}")] == ["new", "edited"]
    newest = await visitor.get("~/issues/comments?sort=updated&direction=desc&per_page=1")
    assert [each["body"] for each in newest] == ["edited"]
    assert [each["body"] for each in await visitor.get(f"~/issues/{issue.number}/comments?{query}")] == ["edited"]
    assert (await visitor.ask("GET", "~/issues/comments?since=yesterday")).status == 422


async def test_a_reaction_twice_is_once(visitor: Visitor) -> None:
    issue = await visitor.github.open_issue("acme-ops", "It is slow")
    comment = await visitor.github.comment("acme-ops", issue.number, "@devops status")
    path = f"~/issues/comments/{comment.id}/reactions"
    first, second = [await visitor.ask("POST", path, {"content": "eyes"}) for _ in range(2)]
    assert (first.status, second.status, first.body["id"]) == (201, 200, second.body["id"])
    assert (await visitor.get(f"~/issues/comments/{comment.id}"))["reactions"]["eyes"] == 1
    assert (await visitor.ask("POST", path, {"content": "shrug"})).status == 422
    assert (await visitor.ask("DELETE", f"{path}/{first.body['id']}")).status == 204
    assert (await visitor.ask("POST", f"~/issues/{issue.number}/reactions", {"content": "rocket"})).status == 201


async def test_an_issue_is_opened_labelled_and_closed(visitor: Visitor) -> None:
    visitor.github.add_account("ada", "write")
    made = await visitor.post("~/issues", {"title": "Down", "body": "b", "labels": ["incident"], "assignees": ["ada"]})
    path = f"~/issues/{made['number']}"
    assert ([each["name"] for each in made["labels"]], made["assignee"]["login"]) == (["incident"], "ada")
    labels = await visitor.post(f"{path}/labels", {"labels": ["sev1"]})
    assert [each["name"] for each in labels] == ["incident", "sev1"]
    assert [each["name"] for each in (await visitor.ask("DELETE", f"{path}/labels/sev1")).body] == ["incident"]
    assert (await visitor.ask("DELETE", f"{path}/labels/sev1")).status == 404
    closed = await visitor.ask("PATCH", path, {"state": "closed", "state_reason": "not_planned", "labels": ["done"]})
    assert (closed.body["state"], closed.body["state_reason"]) == ("closed", "not_planned")
    assert [each["name"] for each in closed.body["labels"]] == ["done"]
    assert (await visitor.ask("PATCH", path, {"state": "open"})).body["state_reason"] == "reopened"
    assert (await visitor.ask("PATCH", path, {"state": "half"})).status == 422


async def test_an_issue_is_given_to_somebody_and_said_otherwise(visitor: Visitor, receiver: Receiver) -> None:
    for login in ("ada", "ben"):
        visitor.github.add_account(login, "write")
    issue = await visitor.github.open_issue("ada", "It is slow", labels=("incident",))
    path = f"~/issues/{issue.number}"
    await visitor.github.hook(receiver.url, SECRET)
    assert len((await visitor.post(f"{path}/assignees", {"assignees": ["ada", "ben", "nobody"]}))["assignees"]) == 2
    changed = await visitor.ask("PATCH", path, {"title": "It is very slow", "assignees": ["ben"]})
    assert (changed.body["title"], changed.body["assignee"]["login"]) == ("It is very slow", "ben")
    await visitor.github.unlabel("ada", issue.number, "incident")
    assert await visitor.get(f"{path}/labels") == []
    await visitor.github.settled()
    assert sorted(receiver.events) == ["issues.assigned", "issues.assigned", "issues.edited", "issues.unlabeled"]


async def test_labels_from_the_street_are_dropped_in_silence(visitor: Visitor) -> None:
    visitor.github.add_account("eve")
    visitor.github.add_token("eve", "ghp_eve")
    made = await visitor.post("~/issues", {"title": "Hi", "labels": ["incident"]}, token="ghp_eve")
    assert (made["labels"], made["author_association"]) == ([], "NONE")
    refused = await visitor.ask("POST", f"~/issues/{made['number']}/labels", {"labels": ["x"]}, token="ghp_eve")
    assert refused.status == 403


async def test_issues_are_found_by_state_label_creator_and_time(visitor: Visitor) -> None:
    github = visitor.github
    github.add_account("ada", "write")
    await github.open_issue("ada", "one", labels=("incident", "sev1"))
    two = await github.open_issue("acme-ops", "two", labels=("incident",))
    await github.close_issue("ada", two.number)
    pull = await with_pull(github)

    async def titles(query: str) -> list[str]:
        return [each["title"] for each in await visitor.get(f"~/issues?{query}")]

    assert await titles("labels=incident,sev1") == ["one"]
    assert await titles("state=closed") == ["two"]
    assert await titles("state=all&creator=acme-ops") == ["two"]
    assert await titles("direction=asc") == ["one", "Shut the shop"]
    assert await titles("since=2999-01-01T00:00:00Z") == []
    assert "pull_request" in await visitor.get(f"~/issues/{pull}")


async def test_a_label_is_made_once(visitor: Visitor) -> None:
    await visitor.post("~/labels", {"name": "incident", "color": "ff0000", "description": "Something is down"})
    again = await visitor.ask("POST", "~/labels", {"name": "Incident"})
    assert (again.status, again.body["errors"][0]["code"]) == (422, "already_exists")
    assert (await visitor.get("~/labels/incident"))["color"] == "ff0000"
    assert (await visitor.ask("GET", "~/labels/nothing")).status == 404


async def test_issues_may_be_switched_off(visitor: Visitor) -> None:
    visitor.github.world.options.has_issues = False
    assert (await visitor.ask("POST", "~/issues", {"title": "x"})).status == 410


# ------------------------------------------------------------------------------------------- webhooks


async def test_a_delivery_is_signed_over_its_very_bytes(github: GitHub, receiver: Receiver) -> None:
    hook = await github.hook(receiver.url, SECRET)
    issue = await github.open_issue("acme-ops", "It is slow: ü")
    await github.settled()
    headers, body = receiver.arrived[0]
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={digest}"
    assert {
        "X-GitHub-Event": "issues",
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-Type": "repository",
        "X-GitHub-Hook-Installation-Target-ID": str(github.world.id),
        "Content-Type": "application/json",
    }.items() <= headers.items()
    assert receiver.payloads[0]["issue"]["number"] == issue.number


async def test_what_is_said_is_told(github: GitHub, receiver: Receiver) -> None:
    await github.hook(receiver.url, SECRET)
    github.add_account("ada", "write")
    issue = await github.open_issue("ada", "It is slow", labels=("incident",))
    comment = await github.comment("ada", issue.number, "first")
    await github.settled()
    await github.edit_comment("ada", comment.id, "second")
    await github.settled()
    await github.delete_comment("acme-ops", comment.id)
    await github.close_issue("ada", issue.number)
    await github.settled()
    assert receiver.events[:2] == ["issues.opened", "issues.labeled"]
    assert sorted(receiver.events[2:]) == sorted(
        ["issue_comment.created", "issue_comment.edited", "issue_comment.deleted", "issues.closed"]
    )
    edited = next(each for each in receiver.payloads if each["action"] == "edited")
    assert (edited["changes"], edited["comment"]["body"]) == ({"body": {"from": "first"}}, "second")
    deleted = next(each for each in receiver.payloads if each["action"] == "deleted")
    assert (deleted["sender"]["login"], deleted["comment"]["user"]["login"]) == ("acme-ops", "ada")


async def test_a_comment_on_a_pull_request_says_that_it_is_one(github: GitHub, receiver: Receiver) -> None:
    number = await with_pull(github)
    await github.hook(receiver.url, SECRET, events=("issue_comment",))
    await github.comment("ada", number, "why?")
    await github.settled()
    assert receiver.payloads[0]["issue"]["pull_request"]["url"].endswith(f"/pulls/{number}")


async def test_a_hook_hears_of_what_it_asked_for(github: GitHub, receiver: Receiver) -> None:
    hook = await github.hook(receiver.url, events=("issue_comment",), ping=True)
    issue = await github.open_issue("acme-ops", "It is slow")
    await github.comment("acme-ops", issue.number, "x")
    await github.settled()
    assert sorted(receiver.events) == ["issue_comment.created", "ping"]
    assert "X-Hub-Signature-256" not in receiver.arrived[0][0]
    hook.active = False
    await github.comment("acme-ops", issue.number, "y")
    await github.settled()
    assert len(receiver.arrived) == 2


async def test_a_hook_may_want_forms(github: GitHub, receiver: Receiver) -> None:
    await github.hook(receiver.url, SECRET, content_type="form")
    await github.open_issue("acme-ops", "It is slow & broken")
    await github.settled()
    headers, body = receiver.arrived[0]
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert json.loads(parse_qs(body.decode())["payload"][0])["issue"]["title"] == "It is slow & broken"
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={digest}"


async def test_the_apps_hook_names_the_installation_and_bears_the_same_guid(github: GitHub, receiver: Receiver) -> None:
    await github.hook(receiver.url, SECRET)
    await github.hook(receiver.url, SECRET, of_app=True)
    await github.open_issue("acme-ops", "It is slow")
    await github.settled()
    (guid,) = {headers["X-GitHub-Delivery"] for headers, _ in receiver.arrived}
    kinds = {headers["X-GitHub-Hook-Installation-Target-Type"] for headers, _ in receiver.arrived}
    assert (kinds, len(guid)) == ({"repository", "integration"}, 36)
    assert sum("installation" in payload for payload in receiver.payloads) == 1


async def test_a_failed_delivery_is_listed_read_and_sent_again(visitor: Visitor, receiver: Receiver) -> None:
    github = visitor.github
    hook = await github.hook(receiver.url, SECRET)
    receiver.status = 503
    await github.open_issue("acme-ops", "It is slow")
    await github.settled()
    receiver.status = 202
    await github.open_issue("acme-ops", "It is slow again")
    await github.settled()
    path = f"~/hooks/{hook.id}/deliveries"
    (failed,) = await visitor.get(f"{path}?status=failure")
    assert (failed["status_code"], failed["event"], failed["redelivery"]) == (503, "issues", False)
    whole = await visitor.get(f"{path}/{failed['id']}")
    assert whole["request"]["headers"]["X-GitHub-Delivery"] == failed["guid"]
    assert whole["request"]["payload"]["issue"]["title"] == "It is slow"
    assert (await visitor.ask("POST", f"{path}/{failed['id']}/attempts")).status == 202
    await github.settled()
    again = (await visitor.get(path))[0]
    assert (again["guid"], again["status"], again["redelivery"]) == (failed["guid"], "OK", True)
    assert len(await visitor.get(f"{path}?status=success")) == 2


async def test_deliveries_are_leafed_through_by_a_cursor_and_kept_for_three_days(
    visitor: Visitor, receiver: Receiver
) -> None:
    hook = await visitor.github.hook(receiver.url)
    for number in range(5):
        await visitor.github.open_issue("acme-ops", f"{number}")
    await visitor.github.settled()
    path, seen = f"~/hooks/{hook.id}/deliveries?per_page=2", []
    while path:
        answer = await visitor.ask("GET", path)
        seen += [each["id"] for each in answer.body]
        found = re.search(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
        path = found[1].removeprefix(visitor.github.api_url) if found else ""
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 5
    hook.deliveries[0].delivered_at -= timedelta(days=4)
    assert len(await visitor.get(f"~/hooks/{hook.id}/deliveries")) == 4
    assert (await visitor.ask("GET", f"~/hooks/{hook.id}/deliveries?cursor=x")).status == 400


async def test_who_does_not_answer_in_time_has_not_taken_it(github: GitHub, receiver: Receiver) -> None:
    hook = await github.hook(receiver.url)
    github.realm.courier.patience = timedelta(milliseconds=50)
    receiver.gate.clear()
    await github.open_issue("acme-ops", "It is slow")
    await github.settled()
    assert (hook.deliveries[-1].status, hook.deliveries[-1].arrived) == ("timed out", False)


async def test_where_nobody_listens_nothing_arrives(github: GitHub) -> None:
    hook = await github.hook("http://127.0.0.1:1/hook")
    await github.open_issue("acme-ops", "It is slow")
    await github.settled()
    assert hook.deliveries[-1].status == "failed to connect to host"


async def told(github: GitHub, receiver: Receiver, fault: str, **filters: Any) -> tuple[Hook, list[str]]:
    """Let three comments be told while the first one meets a fault; gives the hook and what arrived."""
    hook = await github.hook(receiver.url, SECRET, events=("issue_comment",))
    issue = await github.open_issue("acme-ops", "It is slow")
    github.delivery_faults.switch_on(fault, times=1, **filters)
    for body in ("one", "two", "three"):
        await github.comment("acme-ops", issue.number, body)
        await github.settled()
    return hook, [payload["comment"]["body"] for payload in receiver.payloads]


async def test_a_lost_delivery_is_listed_as_failed(github: GitHub, receiver: Receiver) -> None:
    hook, arrived = await told(github, receiver, "lose")
    assert (arrived, [each.arrived for each in hook.deliveries]) == (["two", "three"], [False, True, True])
    assert hook.deliveries[0].headers["X-Hub-Signature-256"]


async def test_a_vanished_delivery_is_listed_nowhere(github: GitHub, receiver: Receiver) -> None:
    hook, arrived = await told(github, receiver, "vanish")
    assert (arrived, len(hook.deliveries)) == (["two", "three"], 2)


async def test_a_delivery_may_come_twice(github: GitHub, receiver: Receiver) -> None:
    _, arrived = await told(github, receiver, "double")
    guids = [headers["X-GitHub-Delivery"] for headers, _ in receiver.arrived]
    assert (arrived, len(set(guids))) == (["one", "one", "two", "three"], 3)


async def test_a_delivery_may_be_overtaken(github: GitHub, receiver: Receiver) -> None:
    _, arrived = await told(github, receiver, "overtaken")
    await github.settled()
    assert sorted(arrived) == ["one", "three", "two"]
    assert arrived.index("two") < arrived.index("one")


async def test_a_delivery_may_be_late(github: GitHub, receiver: Receiver) -> None:
    github.delivery_faults.lateness = timedelta(milliseconds=30)
    _, arrived = await told(github, receiver, "late")
    assert arrived == ["one", "two", "three"]


async def test_a_delivery_may_be_held_and_released(github: GitHub, receiver: Receiver) -> None:
    _, arrived = await told(github, receiver, "hold", event="issue_comment")
    assert arrived == ["two", "three"]
    github.delivery_faults.release()
    await github.settled()
    assert [payload["comment"]["body"] for payload in receiver.payloads] == ["two", "three", "one"]


async def test_a_delivery_may_be_forged(github: GitHub, receiver: Receiver) -> None:
    await told(github, receiver, "forged")
    (headers, body), *_ = receiver.arrived
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] != f"sha256={digest}"


async def test_a_wrong_delivery_fault_says_which_there_are(github: GitHub) -> None:
    with pytest.raises(ValueError, match="overtaken"):
        github.delivery_faults.switch_on("eaten")


async def test_hooks_are_made_and_changed_by_those_who_may(visitor: Visitor, receiver: Receiver) -> None:
    made = await visitor.post(
        "~/hooks", {"config": {"url": receiver.url, "secret": SECRET, "content_type": "json"}, "events": ["push"]}
    )
    await visitor.github.settled()
    assert (receiver.events, made["config"]["secret"]) == (["ping"], "********")
    assert [each["id"] for each in await visitor.get("~/hooks")] == [made["id"]]
    changed = await visitor.ask("PATCH", f"~/hooks/{made['id']}", {"events": ["*"], "config": {"secret": "new"}})
    assert changed.body["events"] == ["*"]
    assert (await visitor.ask("POST", f"~/hooks/{made['id']}/pings")).status == 204
    assert (await visitor.ask("POST", "~/hooks", {"config": {"url": receiver.url}})).status == 422
    visitor.github.add_account("ada", "write")
    visitor.github.add_token("ada", "ghp_ada")
    assert (await visitor.ask("GET", "~/hooks", token="ghp_ada")).status == 404


async def test_the_apps_hook_is_looked_at_with_its_signature(visitor: Visitor, receiver: Receiver) -> None:
    claim = signed(visitor.github)
    assert (await visitor.ask("GET", "/app/hook/config", token=claim)).status == 404
    config = {"url": receiver.url, "secret": SECRET, "content_type": "json"}
    assert (await visitor.ask("PATCH", "/app/hook/config", config, token=claim)).body["url"] == receiver.url
    visitor.github.delivery_faults.switch_on("lose", times=1)
    await visitor.github.open_issue("acme-ops", "It is slow")
    await visitor.github.settled()
    (failed,) = await visitor.get("/app/hook/deliveries?status=failure", token=claim)
    assert failed["installation_id"] == visitor.github.world.app.installation_id
    await visitor.get(f"/app/hook/deliveries/{failed['id']}", token=claim)
    assert (await visitor.ask("POST", f"/app/hook/deliveries/{failed['id']}/attempts", token=claim)).status == 202
    await visitor.github.settled()
    assert receiver.events == ["issues.opened"]
    assert (await visitor.ask("GET", "/app/hook/deliveries")).status == 401


# ------------------------------------------------------------------------------------------- limits and faults


async def test_what_is_left_is_told_with_each_answer(visitor: Visitor) -> None:
    first, second = [await visitor.ask("GET", "~") for _ in range(2)]
    assert (first.left, second.left, first.headers["X-RateLimit-Resource"]) == (4999, 4998, "core")
    overview = await visitor.get("/rate_limit")
    assert (overview["rate"]["used"], overview["resources"]["graphql"]["remaining"]) == (2, 5000)
    assert (await visitor.get("/rate_limit", token=None))["rate"]["limit"] == 60


async def test_what_is_known_already_costs_nothing(visitor: Visitor) -> None:
    first = await visitor.ask("GET", "~")
    again = await visitor.ask("GET", "~", If_None_Match=first.headers["ETag"])
    assert (again.status, again.text, again.left) == (304, "", first.left)
    await visitor.github.open_issue("acme-ops", "It is slow")
    assert (await visitor.ask("GET", "~", If_None_Match=first.headers["ETag"])).status == 200


async def test_when_the_hour_is_used_up_everybody_with_that_account_waits(visitor: Visitor) -> None:
    visitor.github.limits.limits["core"] = 2
    for _ in range(2):
        await visitor.get("~")
    refused = await visitor.ask("GET", "~", token=visitor.github.fine_token)
    assert (refused.status, refused.left, "rate limit exceeded" in refused.said) == (403, 0, True)
    visitor.github.limits.renew()
    assert (await visitor.ask("GET", "~")).left == 1


async def test_graphql_has_a_limit_of_its_own_and_says_so_with_200(visitor: Visitor) -> None:
    visitor.github.limits.use_up("user:acme-ops", "graphql")
    told = await visitor.query("query { viewer { login } }")
    assert told["errors"][0]["type"] == "RATE_LIMITED"
    await visitor.get("~")


async def test_who_writes_too_much_in_a_minute_is_told_to_wait(visitor: Visitor) -> None:
    visitor.github.limits.content_a_minute = 2
    for _ in range(2):
        await visitor.post("~/issues", {"title": "x"})
    refused = await visitor.ask("POST", "~/issues", {"title": "x"})
    assert (refused.status, refused.headers["Retry-After"]) == (403, "60")
    assert "secondary rate limit" in refused.said
    await visitor.get("~/issues")


STATUSES = {
    "server-error": 500,
    "bad-gateway": 502,
    "unavailable": 503,
    "gateway-timeout": 504,
    "bad-gateway-done": 502,
    "gateway-timeout-done": 504,
    "secondary-403": 403,
    "secondary-429": 429,
    "secondary-bare": 403,
    "abuse": 403,
    "primary": 403,
    "bad-credentials": 401,
    "forbidden": 403,
    "not-found": 404,
    "html": 200,
    "unicorn": 503,
    "base-modified": 405,
    "graphql-limited": 200,
    "graphql-broken": 200,
    "graphql-forbidden": 200,
}
BROKEN = {"lost-request", "lost-answer", "hang", "hang-done", "truncated"}


def test_every_fault_is_tried() -> None:
    assert {fault.name for fault in API_FAULTS} == set(STATUSES) | BROKEN


async def raw(
    github: GitHub, method: str, path: str, said: Json | None = None, *, patience: float = PATIENCE
) -> tuple[int, str]:
    """Ask without holding the answer against anything; a connection of its own."""
    headers = {"Authorization": f"Bearer {github.user_token}"}
    limit = aiohttp.ClientTimeout(total=patience)
    async with (
        aiohttp.ClientSession(headers=headers, timeout=limit) as session,
        session.request(method, f"{github.api_url}/repos/{github.repository}{path}", json=said) as response,
    ):
        return response.status, await response.text()


@pytest.mark.parametrize("fault", sorted(STATUSES))
async def test_a_fault_answers_in_place_of_the_api(github: GitHub, fault: str) -> None:
    github.faults.switch_on(fault, times=1)
    status, text = await raw(github, "POST", "/issues", {"title": "x"})
    assert status == STATUSES[fault]
    assert ("<html" in text) is (fault in {"html", "unicorn"})
    assert len(github.world.issues) == int(fault.endswith("-done"))
    assert (await raw(github, "GET", ""))[0] == 200


@pytest.mark.parametrize("fault", sorted(BROKEN))
async def test_a_fault_may_leave_the_client_without_an_answer(github: GitHub, fault: str) -> None:
    github.faults.switch_on(fault, times=1)
    with pytest.raises((aiohttp.ClientError, TimeoutError)):
        await raw(github, "POST", "/issues", {"title": "x"}, patience=0.5)
    assert len(github.world.issues) == int(fault in {"lost-answer", "hang-done", "truncated"})


async def test_a_fault_is_about_some_requests_and_ends_by_itself_or_by_hand(github: GitHub) -> None:
    github.faults.switch_on("bad-gateway", method="POST", route="*/issues/{issue_number}/comments", times=2)
    issue = await github.open_issue("acme-ops", "It is slow")
    path = f"/issues/{issue.number}/comments"
    assert [(await raw(github, "POST", path, {"body": "x"}))[0] for _ in range(3)] == [502, 502, 201]
    github.faults.switch_on("server-error", method="POST")
    assert [(await raw(github, "GET", path))[0], (await raw(github, "POST", "/issues", {"title": "x"}))[0]] == [
        200,
        500,
    ]
    assert github.faults.active == {"server-error"}
    github.faults.switch_off("server-error")
    assert (await raw(github, "POST", path, {"body": "x"}))[0] == 201


async def test_a_limited_client_is_told_how_long_to_wait(visitor: Visitor) -> None:
    visitor.github.faults.retry_after = timedelta(seconds=7)
    visitor.github.faults.switch_on("secondary-429", times=1)
    assert (await visitor.ask("GET", "~")).headers["Retry-After"] == "7"
    visitor.github.faults.switch_on("primary", times=1)
    limited = await visitor.ask("GET", "~")
    assert 0 < int(limited.headers["X-RateLimit-Reset"]) - datetime.now(UTC).timestamp() <= 8
    assert limited.left == 0


async def test_a_wrong_fault_says_which_there_are(github: GitHub) -> None:
    with pytest.raises(ValueError, match="unicorn"):
        github.faults.switch_on("tired")
    with pytest.raises(ValueError, match="less than one"):
        github.faults.switch_on("hang", times=0)


async def test_all_that_is_asked_is_heard(visitor: Visitor) -> None:
    issue = await visitor.github.open_issue("acme-ops", "It is slow")
    await visitor.post(f"~/issues/{issue.number}/comments", {"body": "x"})
    heard = visitor.github.heard[-1]
    assert (heard.name, heard.body, heard.login, heard.status) == (
        "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
        {"body": "x"},
        "acme-ops",
        201,
    )
    assert (heard.headers["Authorization"], visitor.github.calls[heard.name]) == ("Bearer", 1)


async def test_the_control_port_breaks_mends_and_lets_people_act(github: GitHub) -> None:
    async with aiohttp.ClientSession(github.control_url) as session:

        async def control(method: str, path: str, said: Json | None = None) -> tuple[int, Json]:
            async with session.request(method, path, json=said) as response:
                return response.status, await response.json()

        status, shown = await control("PUT", "/github/faults/unicorn?times=3&method=GET")
        assert (status, shown["active"], "hold" in shown["deliveries"]) == (200, ["unicorn"], True)
        assert (await control("PUT", "/github/deliveries/hold"))[1]["active"] == ["hold", "unicorn"]
        assert (await control("DELETE", "/github/faults/hold"))[1]["active"] == ["unicorn"]
        assert (await control("DELETE", "/github/faults"))[1]["active"] == []
        assert (await control("PUT", "/github/faults/tired"))[0] == 404
        assert (await control("PUT", "/github/deliveries/tired"))[0] == 404
        _, opened = await control("POST", "/github/issues", {"title": "Hi", "login": "ben"})
        await control("POST", f"/github/issues/{opened['issue']}/comments", {"body": "@devops status"})
        assert [each.author.login for each in github.world.comments.values()] == ["ada"]
        assert (await control("POST", "/github/issues/99/comments", {"body": "x"}))[0] == 404
        await control("POST", "/github/push/feat", {"files": {"a.txt": "a"}})
        _, pull = await control("POST", "/github/pulls/feat", {"title": "A"})
        assert (await control("POST", f"/github/checks/{pull['pull']}/ci/failure"))[0] == 200
        assert (await control("POST", "/github/pulls/nothing", {}))[0] == 404
        assert (await control("POST", "/github/deliveries/release"))[0] == 200
    assert github.world.check_runs[-1].conclusion == "failure"


async def test_a_closed_port_refuses(github: GitHub) -> None:
    await github.close_api()
    with pytest.raises(aiohttp.ClientConnectionError):
        await raw(github, "GET", "")
    await github.open_api()
    assert (await raw(github, "GET", ""))[0] == 200


# ------------------------------------------------------------------------------------------- pull requests


async def test_whether_a_pull_request_can_be_merged_is_known_only_after_somebody_asked(visitor: Visitor) -> None:
    visitor.github.mergeable_delay = timedelta(hours=1)
    number = await with_pull(visitor.github)
    first = await visitor.get(f"~/pulls/{number}")
    second = await visitor.get(f"~/pulls/{number}")
    assert [each["mergeable"] for each in (first, second)] == [None, None]
    visitor.github.mergeable_delay = timedelta()
    await visitor.github.push("main", {"w.txt": "w"})
    known = await visitor.pull(number)
    assert (known["mergeable"], known["rebaseable"], known["mergeable_state"]) == (True, True, "clean")
    await visitor.github.push("main", {"x.txt": "x"})
    assert (await visitor.get(f"~/pulls/{number}"))["mergeable_state"] == "unknown"


async def test_a_pull_request_tells_what_it_changes(visitor: Visitor) -> None:
    number = await with_pull(visitor.github)
    pull = await visitor.get(f"~/pulls/{number}")
    assert (pull["commits"], pull["additions"], pull["deletions"], pull["changed_files"]) == (1, 1, 1, 1)
    (commit,) = await visitor.get(f"~/pulls/{number}/commits")
    assert (commit["sha"], commit["author"]["login"]) == (pull["head"]["sha"], "ada")
    (file,) = await visitor.get(f"~/pulls/{number}/files")
    assert (file["filename"], file["status"]) == ("app.py", "modified")
    assert [each["number"] for each in await visitor.get(f"~/commits/{pull['head']['sha']}/pulls")] == [number]


State = Callable[[GitHub, str], Any]


def _draft(github: GitHub, _: str) -> None:
    for issue in github.world.pulls():
        part_of(issue).draft = True


async def _failing(github: GitHub, sha: str) -> None:
    await github.report_check(sha, "lint", "failure")


async def _required(github: GitHub, sha: str) -> None:
    github.protect("ci")
    await github.report_check(sha, "ci", None)


async def _green(github: GitHub, sha: str) -> None:
    github.protect("ci", "deploy", by_ruleset=True)
    await github.report_check(sha, "ci", None)
    await github.report_check(sha, "ci", "success")
    await github.report_status(sha, "deploy", "success")


async def _unapproved(github: GitHub, _: str) -> None:
    github.protect(approvals=1)


@pytest.mark.parametrize(
    ("happens", "state"),
    [(_draft, "draft"), (_failing, "unstable"), (_required, "blocked"), (_green, "clean"), (_unapproved, "blocked")],
)
async def test_what_holds_a_pull_request_is_told(visitor: Visitor, happens: State, state: str) -> None:
    number = await with_pull(visitor.github)
    waits = happens(visitor.github, head_of(visitor.github, number))
    if waits:
        await waits
    assert (await visitor.pull(number))["mergeable_state"] == state


async def test_a_conflict_and_an_old_base_are_told(visitor: Visitor) -> None:
    number = await with_pull(visitor.github, base_moves=True)
    assert (await visitor.pull(number))["mergeable_state"] == "clean"
    visitor.github.protect(strict=True)
    assert (await visitor.pull(number))["mergeable_state"] == "behind"
    await visitor.github.push("main", {"app.py": "conflict\n"})
    pull = await visitor.pull(number)
    assert (pull["mergeable"], pull["mergeable_state"]) == (False, "dirty")
    refused = await visitor.ask("PUT", f"~/pulls/{number}/merge", {"sha": pull["head"]["sha"]})
    assert (refused.status, refused.said) == (405, "Pull Request is not mergeable")


@pytest.mark.parametrize(("method", "parents"), [("merge", 2), ("squash", 1), ("rebase", 1)])
async def test_a_pull_request_is_merged_by_real_git(
    visitor: Visitor, receiver: Receiver, method: str, parents: int
) -> None:
    github = visitor.github
    linked = await github.open_issue("acme-ops", "The shop is open")
    number = await with_pull(github, base_moves=True)
    github.world.issue(number).body = f"Fixes #{linked.number}"
    await github.hook(receiver.url, SECRET)
    head = (await visitor.get(f"~/pulls/{number}"))["head"]["sha"]
    assert (await visitor.ask("GET", f"~/pulls/{number}/merge")).status == 404
    merged = await visitor.ask("PUT", f"~/pulls/{number}/merge", {"sha": head, "merge_method": method})
    assert (merged.status, merged.body["merged"]) == (200, True)
    branch = await visitor.get("~/branches/main")
    assert (branch["commit"]["sha"], len(branch["commit"]["parents"])) == (merged.body["sha"], parents)
    assert (await visitor.get(f"~/pulls/{number}"))["merged_by"]["login"] == "acme-ops"
    assert (await visitor.ask("GET", f"~/pulls/{number}/merge")).status == 204
    assert await github.realm.bare.git("show", "main:app.py") == 'print("shut")'
    assert await github.realm.bare.git("show", "main:other.py") == "x = 1"
    await github.settled()
    assert sorted(receiver.events) == ["issues.closed", "pull_request.closed", "push"]
    assert (await visitor.get(f"~/issues/{linked.number}"))["state"] == "closed"
    again = await visitor.ask("PUT", f"~/pulls/{number}/merge", {})
    assert again.status == 405


async def test_what_may_not_be_merged_is_not_and_why_is_told(visitor: Visitor) -> None:
    github = visitor.github
    number = await with_pull(github)
    path = f"~/pulls/{number}/merge"
    moved = await visitor.ask("PUT", path, {"sha": "0" * 40})
    assert (moved.status, moved.said) == (409, "Head branch was modified. Review and try the merge again.")
    github.world.options.allow_squash_merge = False
    refused = await visitor.ask("PUT", path, {"merge_method": "squash"})
    assert (refused.status, refused.said) == (405, "Squash merges are not allowed on this repository.")
    github.protect("ci")
    assert (await visitor.ask("PUT", path, {})).said == 'Required status check "ci" is expected.'
    github.protect(approvals=1)
    assert "approving review" in (await visitor.ask("PUT", path, {})).said
    github.add_account("ben", "write")
    await github.review("ben", number, "CHANGES_REQUESTED")
    assert (await visitor.ask("PUT", path, {})).status == 405
    await github.review("ben", number)
    assert (await visitor.ask("PUT", path, {})).status == 200
    assert (await visitor.ask("PUT", path, {"merge_method": "octopus"})).status == 422


async def test_a_branch_goes_with_its_merge_where_that_is_wished(visitor: Visitor) -> None:
    visitor.github.world.options.delete_branch_on_merge = True
    number = await with_pull(visitor.github)
    await visitor.github.merge_pull("acme-ops", number, "squash")
    assert (await visitor.ask("GET", "~/branches/feat/1")).status == 404


async def test_a_branch_is_brought_up_to_date_by_a_merge(visitor: Visitor, receiver: Receiver) -> None:
    number = await with_pull(visitor.github, base_moves=True)
    head = (await visitor.get(f"~/pulls/{number}"))["head"]["sha"]
    path = f"~/pulls/{number}/update-branch"
    assert (await visitor.ask("PUT", path, {"expected_head_sha": "0" * 40})).status == 422
    await visitor.github.hook(receiver.url, SECRET)
    assert (await visitor.ask("PUT", path, {"expected_head_sha": head})).status == 202
    pull = await visitor.get(f"~/pulls/{number}")
    assert (pull["head"]["sha"] != head, pull["commits"]) == (True, 2)
    await visitor.github.settled()
    assert sorted(receiver.events) == ["pull_request.synchronize", "push"]
    assert (await visitor.ask("PUT", path, {})).said == "There are no new commits on the base branch."
    await visitor.github.push("main", {"app.py": "conflict\n"})
    assert (await visitor.ask("PUT", path, {})).said == "merge conflict between base and head"


async def test_a_pull_request_is_opened_and_closed_over_the_api(visitor: Visitor, receiver: Receiver) -> None:
    github = visitor.github
    await github.push("feat/2", {"a.txt": "a"})
    await github.hook(receiver.url, SECRET, events=("pull_request",))
    said = {"title": "A", "head": "feat/2", "base": "main", "body": "b", "draft": True}
    made = await visitor.post("~/pulls", said)
    assert (made["draft"], made["head"]["label"]) == (True, "acme:feat/2")
    twice = await visitor.ask("POST", "~/pulls", said)
    assert (twice.status, "already exists" in twice.body["errors"][0]["message"]) == (422, True)
    assert (await visitor.ask("POST", "~/pulls", {**said, "head": "nothing"})).status == 422
    none = await visitor.ask("POST", "~/pulls", {**said, "head": "main"})
    assert none.body["errors"][0]["message"] == "No commits between main and main"
    closed = await visitor.ask("PATCH", f"~/pulls/{made['number']}", {"state": "closed", "title": "B"})
    assert (closed.body["state"], closed.body["title"]) == ("closed", "B")
    await github.settled()
    assert sorted(receiver.events) == ["pull_request.closed", "pull_request.edited", "pull_request.opened"]
    assert [each["number"] for each in await visitor.get("~/pulls?state=closed&head=acme:feat/2")] == [made["number"]]
    assert await visitor.get("~/pulls?base=other") == []
    assert (await visitor.ask("PATCH", f"~/pulls/{made['number']}", {"state": "open"})).body["state"] == "open"


async def test_a_closed_pull_request_whose_branch_was_written_anew_stays_closed(visitor: Visitor) -> None:
    number = await with_pull(visitor.github)
    await visitor.github.close_issue("ada", number)
    await visitor.github.push("feat/1", {"b.txt": "b"}, onto="main")
    refused = await visitor.ask("PATCH", f"~/pulls/{number}", {"state": "open"})
    assert (refused.status, "force-pushed or recreated" in refused.text) == (422, True)


async def test_a_pull_request_ends_with_its_branch(visitor: Visitor) -> None:
    number = await with_pull(visitor.github)
    await visitor.github.delete_branch("feat/1")
    assert (await visitor.get(f"~/pulls/{number}"))["state"] == "closed"


async def test_a_pull_request_may_come_from_a_fork(visitor: Visitor) -> None:
    visitor.github.add_account("eve")
    await visitor.github.push("patch-1", {"b.txt": "b"}, login="eve", fork="eve")
    issue = await visitor.github.open_pull("eve", "patch-1", fork="eve")
    pull = await visitor.pull(issue.number)
    assert (pull["head"]["label"], pull["head"]["repo"]["full_name"]) == ("eve:patch-1", "eve/shop")
    assert (await visitor.ask("GET", "~/branches/patch-1")).status == 404
    merged = await visitor.ask("PUT", f"~/pulls/{issue.number}/merge", {})
    assert merged.status == 200


async def test_a_review_is_given_over_the_api(visitor: Visitor) -> None:
    number = await with_pull(visitor.github)
    visitor.github.add_token("ada", "ghp_ada")
    path = f"~/pulls/{number}/reviews"
    assert (await visitor.ask("POST", path, {"event": "APPROVE"}, token="ghp_ada")).status == 422
    assert (await visitor.post(path, {"event": "APPROVE", "body": "Good."}))["state"] == "APPROVED"
    assert [each["user"]["login"] for each in await visitor.get(path)] == ["acme-ops"]
    assert (await visitor.ask("POST", path, {"event": "SHRUG"})).status == 422


async def test_checks_and_statuses_are_two_systems(visitor: Visitor, receiver: Receiver) -> None:
    github = visitor.github
    sha = await github.push("feat/3", {"a.txt": "a"})
    none = await visitor.get(f"~/commits/{sha}/status")
    assert (none["state"], none["total_count"]) == ("pending", 0)
    await github.hook(receiver.url, SECRET)
    await github.report_check(sha, "ci", None)
    await github.report_check(sha, "lint", "failure")
    await github.settled()
    assert "check_suite.completed" not in receiver.events
    await github.report_check(sha, "ci", "success")
    await github.settled()
    assert receiver.events[-2:] in (
        ["check_run.completed", "check_suite.completed"],
        ["check_suite.completed", "check_run.completed"],
    )
    suite = next(each["check_suite"] for each in receiver.payloads if "check_suite" in each)
    assert (suite["conclusion"], suite["head_commit"]["id"]) == ("failure", sha)
    runs = (await visitor.get("~/commits/feat/3/check-runs"))["check_runs"]
    assert {each["name"]: each["conclusion"] for each in runs} == {"ci": "success", "lint": "failure"}
    await github.report_check(sha, "lint", "success")
    assert (await visitor.get(f"~/commits/{sha}/check-runs?check_name=lint"))["total_count"] == 1
    assert (await visitor.get(f"~/commits/{sha}/check-runs?filter=all"))["total_count"] == 3
    made = await visitor.post(f"~/statuses/{sha}", {"state": "success", "context": "deploy", "description": "up"})
    assert made["creator"]["login"] == "acme-ops"
    assert (await visitor.get(f"~/commits/{sha}/status"))["state"] == "success"
    assert len(await visitor.get(f"~/commits/{sha}/statuses")) == 1
    assert (await visitor.ask("GET", "~/commits/nothing/status")).status == 422
    await github.settled()
    assert "status" in receiver.events


async def test_only_an_app_makes_check_runs(visitor: Visitor) -> None:
    sha = await visitor.github.push("feat/3", {"a.txt": "a"})
    run = {"name": "health", "head_sha": sha, "conclusion": "success"}
    assert (await visitor.ask("POST", "~/check-runs", run)).status == 403
    path = f"/app/installations/{visitor.github.world.app.installation_id}/access_tokens"
    token = (await visitor.post(path, {}, token=signed(visitor.github)))["token"]
    assert (await visitor.post("~/check-runs", run, token=token))["status"] == "completed"


async def test_what_protects_a_branch_is_told_in_two_places(visitor: Visitor) -> None:
    path = "~/branches/main/protection/required_status_checks"
    assert (await visitor.ask("GET", path)).said == "Branch not protected"
    assert await visitor.get("~/rules/branches/main") == []
    visitor.github.protect("ci", strict=True)
    visitor.github.protect("lint", approvals=1, by_ruleset=True)
    told = await visitor.get(path)
    assert (told["contexts"], told["strict"]) == (["ci"], True)
    rules = {each["type"]: each["parameters"] for each in await visitor.get("~/rules/branches/main")}
    assert rules["required_status_checks"]["required_status_checks"] == [{"context": "lint"}]
    assert rules["pull_request"]["required_approving_review_count"] == 1
    assert (await visitor.get("~/branches/main"))["protected"] is True


async def test_refs_are_made_moved_and_deleted(visitor: Visitor, receiver: Receiver) -> None:
    github = visitor.github
    first = (await visitor.get("~/git/ref/heads/main"))["object"]["sha"]
    second = await github.push("main", {"a.txt": "a"})
    await github.hook(receiver.url, events=("push",))
    ref = "refs/devops/backup/pull-1"
    assert (await visitor.post("~/git/refs", {"ref": ref, "sha": second}))["object"]["sha"] == second
    assert (await visitor.ask("POST", "~/git/refs", {"ref": ref, "sha": second})).said == "Reference already exists"
    assert (await visitor.ask("POST", "~/git/refs", {"ref": "x", "sha": second})).status == 422
    assert (await visitor.ask("POST", "~/git/refs", {"ref": "refs/heads/x", "sha": "1" * 40})).status == 422
    path = "~/git/refs/devops/backup/pull-1"
    assert (await visitor.ask("PATCH", path, {"sha": first})).said == "Update is not a fast forward"
    assert (await visitor.ask("PATCH", path, {"sha": first, "force": True})).body["object"]["sha"] == first
    assert (await visitor.ask("DELETE", path)).status == 204
    assert (await visitor.ask("GET", "~/git/ref/devops/backup/pull-1")).status == 404
    await github.settled()
    assert all(payload["ref"] == ref for payload in receiver.payloads)


async def test_commits_are_compared(visitor: Visitor) -> None:
    number = await with_pull(visitor.github, base_moves=True)
    told = await visitor.get("~/compare/main...feat/1")
    assert (told["status"], told["ahead_by"], told["behind_by"]) == ("diverged", 1, 1)
    assert [each["filename"] for each in told["files"]] == ["app.py"]
    assert (await visitor.get("~/compare/acme:main...main"))["status"] == "identical"
    assert (await visitor.get("~/commits/main"))["commit"]["message"] == "Meanwhile"
    assert len(await visitor.get("~/commits?sha=feat/1")) == 2
    assert number


async def test_workflows_and_events_are_dispatched(visitor: Visitor) -> None:
    said = {"event_type": "deploy-after-merge", "client_payload": {"sha": "x"}}
    assert (await visitor.ask("POST", "~/dispatches", said)).status == 204
    path = "~/actions/workflows/code-agent.yml/dispatches"
    assert (await visitor.ask("POST", path, {"ref": "main", "inputs": {"issue": "1"}})).status == 204
    run = await visitor.post(path, {"ref": "main", "return_run_details": True})
    assert run["html_url"].endswith(f"/actions/runs/{run['workflow_run_id']}")
    assert (await visitor.ask("POST", path, {"ref": "nothing"})).status == 422
    assert (await visitor.ask("POST", "~/actions/workflows/x.yml/dispatches", {"ref": "main"})).status == 404
    assert [each.event_type or each.workflow for each in visitor.github.world.dispatches] == [
        "deploy-after-merge",
        "code-agent.yml",
        "code-agent.yml",
    ]


# ------------------------------------------------------------------------------------------- git


async def test_git_clones_and_pushes_and_a_push_is_told(github: GitHub, receiver: Receiver, tmp_path: Path) -> None:
    number = await with_pull(github)
    await github.hook(receiver.url, SECRET)
    await git("clone", "-q", "-b", "feat/1", with_token(github, github.user_token), "work", at=tmp_path)
    work = tmp_path / "work"
    (work / "app.py").write_text("print('ajar')\n")
    await git("commit", "-qam", "Ajar", at=work)
    await git("push", "-q", "origin", "feat/1", at=work)
    sha = await git("rev-parse", "HEAD", at=work)
    assert head_of(github, number) == sha
    await github.settled()
    assert sorted(receiver.events) == ["pull_request.synchronize", "push"]
    pushed = next(each for each in receiver.payloads if "pusher" in each)
    assert (pushed["ref"], pushed["after"], pushed["forced"], pushed["commits"][0]["modified"]) == (
        "refs/heads/feat/1",
        sha,
        False,
        ["app.py"],
    )
    assert "+refs/pull/1/head" not in await git("ls-remote", "origin", at=work)
    assert f"refs/pull/{number}/head" in await git("ls-remote", "origin", at=work)


async def test_a_push_by_force_is_told_as_such(github: GitHub, receiver: Receiver, tmp_path: Path) -> None:
    await with_pull(github, base_moves=True)
    await git("clone", "-q", "-b", "feat/1", with_token(github, github.user_token), "work", at=tmp_path)
    work = tmp_path / "work"
    old = await git("rev-parse", "HEAD", at=work)
    await git("rebase", "-q", "origin/main", at=work)
    await github.hook(receiver.url, events=("push",))
    refused = await git("push", "--force-with-lease=feat/1:" + "1" * 40, "origin", "feat/1", at=work, ok=False)
    assert "stale info" in refused
    await git("push", "-q", f"--force-with-lease=feat/1:{old}", "origin", "feat/1", at=work)
    await github.settled()
    assert (receiver.payloads[0]["forced"], receiver.payloads[0]["before"]) == (True, old)


async def test_what_is_pushed_to_the_base_is_merged(github: GitHub, tmp_path: Path) -> None:
    number = await with_pull(github)
    await git("clone", "-q", with_token(github, github.user_token), "work", at=tmp_path)
    await git("push", "-q", "origin", "origin/feat/1:main", at=tmp_path / "work")
    assert part_of(github.world.pull(number)).merged_at


async def test_who_may_not_push_does_not(github: GitHub, tmp_path: Path) -> None:
    github.add_account("eve")
    github.add_token("eve", "ghp_eve")
    github.add_token("acme-ops", "github_pat_reads", permissions={"contents": "read"})
    await git("clone", "-q", f"{github.git_url}/{github.repository}", "work", at=tmp_path)
    work = tmp_path / "work"
    for token, said in (("ghp_eve", "denied to eve"), ("github_pat_reads", "denied"), ("ghp_wrong", "")):
        refused = await git("push", with_token(github, token), "HEAD:refs/heads/x", at=work, ok=False)
        assert said in refused
    assert "could not read Username" in await git("push", "origin", "HEAD:refs/heads/x", at=work, ok=False)
    token = with_token(github, github.user_token)
    assert "hidden ref" in await git("push", token, "HEAD:refs/pull/9/head", at=work, ok=False)


async def test_a_protected_branch_takes_pushes_of_admins_only(github: GitHub, tmp_path: Path) -> None:
    github.protect("ci")
    github.add_account("ada", "write")
    github.add_token("ada", "ghp_ada")
    await git("clone", "-q", with_token(github, "ghp_ada"), "work", at=tmp_path)
    work = tmp_path / "work"
    await git("commit", "-q", "--allow-empty", "-m", "Now", at=work)
    refused = await git("push", "origin", "HEAD:main", "HEAD:other", at=work, ok=False)
    assert "GH006: Protected branch update failed for refs/heads/main." in refused
    assert await github.realm.bare.sha("refs/heads/other")
    await git("push", "-q", with_token(github, github.user_token), "HEAD:main", at=work)


async def test_to_change_a_workflow_takes_a_right_of_its_own(visitor: Visitor, tmp_path: Path) -> None:
    github = visitor.github
    github.add_account("ada", "write")
    github.add_token("ada", "ghp_ada")
    await git("clone", "-q", with_token(github, "ghp_ada"), "work", at=tmp_path)
    work = tmp_path / "work"
    await git("push", "-q", "origin", "HEAD:plain", at=work)
    (work / ".github/workflows/ci.yml").write_text("on: push\n")
    await git("commit", "-qam", "CI", at=work)
    assert "refusing to allow" in await git("push", "origin", "HEAD:plain", at=work, ok=False)
    await git("push", "-q", with_token(github, github.user_token), "HEAD:plain", at=work)
    issue = await github.open_pull("ada", "plain")
    refused = await visitor.ask("PUT", f"~/pulls/{issue.number}/merge", {}, token="ghp_ada")
    assert (refused.status, "refusing to allow" in refused.said) == (403, True)
    assert (await visitor.ask("PUT", f"~/pulls/{issue.number}/merge", {}, token=github.fine_token)).status == 200


async def test_a_private_repository_is_cloned_with_a_token_only(github: GitHub, tmp_path: Path) -> None:
    github.world.options.private = True
    github.add_account("eve")
    github.add_token("eve", "ghp_eve")
    await git("clone", f"{github.git_url}/{github.repository}.git", "a", at=tmp_path, ok=False)
    refused = await git("clone", with_token(github, "ghp_eve"), "b", at=tmp_path, ok=False)
    assert "not found" in refused.lower()
    await git("clone", "-q", "--bare", "--filter=blob:none", with_token(github, github.fine_token), "c", at=tmp_path)


async def test_git_may_fail_as_the_api_does(github: GitHub, tmp_path: Path) -> None:
    await git("clone", "-q", with_token(github, github.user_token), "work", at=tmp_path)
    github.faults.switch_on("unavailable", route="/{owner}/{repo}.git/*", times=1)
    assert "503" in await git("fetch", at=tmp_path / "work", ok=False)
    github.faults.switch_on("lost-answer", method="POST", route="*/git-receive-pack", times=1)
    await git("push", "-q", "origin", "HEAD:refs/heads/kept", at=tmp_path / "work", ok=False)
    assert await github.realm.bare.sha("refs/heads/kept")
    assert github.calls["POST /{owner}/{repo}.git/git-receive-pack"] >= 1


# ------------------------------------------------------------------------------------------- GraphQL

OPEN = """
query Open($owner: String!, $name: String!, $after: String) { rateLimit { cost remaining resetAt }
  repository(owner: $owner, name: $name) {
    pullRequests(states: [OPEN], first: 2, after: $after, baseRefName: "main",
                 orderBy: {field: CREATED_AT, direction: ASC}) {
      pageInfo { hasNextPage endCursor } totalCount
      nodes { number title url isDraft state author { login __typename } labels(first: 10) { nodes { name } }
        baseRefName headRefName headRefOid headRepository { nameWithOwner } isCrossRepository
        mergeable mergeStateStatus reviewDecision createdAt updatedAt }
    }
  }
}"""
ONE = """
query One($owner: String!, $name: String!, $number: Int!) { repository(owner: $owner, name: $name) {
  pullRequest(number: $number) { id state merged mergeable mergeStateStatus reviewDecision
    autoMergeRequest { mergeMethod }
    commits(last: 1) { nodes { commit { oid messageHeadline statusCheckRollup { state contexts(first: 50) { nodes {
      __typename
      ... on CheckRun { name status conclusion isRequired(pullRequestNumber: $number) }
      ... on StatusContext { context state isRequired(pullRequestNumber: $number) }
    } } } } } } }
} }"""
UPDATE = """
mutation Update($input: UpdatePullRequestBranchInput!) {
  updatePullRequestBranch(input: $input) { clientMutationId pullRequest { headRefOid } }
}"""
WAIT = """
mutation Wait($input: EnablePullRequestAutoMergeInput!) {
  enablePullRequestAutoMerge(input: $input) { pullRequest { number } }
}"""


async def test_the_open_pull_requests_come_by_one_query(visitor: Visitor) -> None:
    github = visitor.github
    number = await with_pull(github)
    await github.label("acme-ops", number, "hold")
    for name in ("two", "three"):
        await github.push(name, {f"{name}.txt": name})
        await github.open_pull("ada", name, name)
    told = await visitor.query(OPEN)
    page = told["data"]["repository"]["pullRequests"]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (3, True)
    first = page["nodes"][0]
    assert (first["author"], first["labels"]) == (
        {"login": "ada", "__typename": "User"},
        {"nodes": [{"name": "hold"}]},
    )
    assert (first["mergeable"], first["mergeStateStatus"]) == ("UNKNOWN", "UNKNOWN")
    assert first["headRepository"] == {"nameWithOwner": "acme/shop"}
    rest = await visitor.query(OPEN, after=page["pageInfo"]["endCursor"])
    assert [each["title"] for each in rest["data"]["repository"]["pullRequests"]["nodes"]] == ["three"]
    again = (await visitor.query(OPEN))["data"]["repository"]["pullRequests"]["nodes"][0]
    assert (again["mergeable"], again["mergeStateStatus"]) == ("MERGEABLE", "CLEAN")
    assert told["data"]["rateLimit"]["remaining"] == 4999


async def test_the_checks_of_a_pull_request_come_with_it(visitor: Visitor) -> None:
    github = visitor.github
    number = await with_pull(github)
    sha = head_of(github, number)
    none = await visitor.query(ONE, number=number)
    assert none["data"]["repository"]["pullRequest"]["commits"]["nodes"][0]["commit"]["statusCheckRollup"] is None
    github.protect("ci")
    await github.report_check(sha, "ci", None)
    await github.report_status(sha, "deploy", "failure")
    told = (await visitor.query(ONE, number=number))["data"]["repository"]["pullRequest"]
    commit = told["commits"]["nodes"][0]["commit"]
    assert (commit["oid"], commit["messageHeadline"]) == (sha, "Shut the shop")
    assert commit["statusCheckRollup"] == {
        "state": "FAILURE",
        "contexts": {
            "nodes": [
                {
                    "__typename": "CheckRun",
                    "name": "ci",
                    "status": "IN_PROGRESS",
                    "conclusion": None,
                    "isRequired": True,
                },
                {"__typename": "StatusContext", "context": "deploy", "state": "FAILURE", "isRequired": False},
            ]
        },
    }


async def test_whether_a_check_is_required_depends_on_a_pull_request(visitor: Visitor) -> None:
    number = await with_pull(visitor.github)
    await visitor.github.report_check(head_of(visitor.github, number), "ci")
    told = await visitor.query(ONE.replace("(pullRequestNumber: $number)", ""), number=number)
    assert told["errors"][0]["message"] == "A pull request ID or pull request number is required."


async def test_a_branch_is_rebased_on_the_server(visitor: Visitor, receiver: Receiver) -> None:
    github = visitor.github
    number = await with_pull(github, base_moves=True)
    await github.push("feat/1", {"b.txt": "b"}, "More", login="ada")
    old = head_of(github, number)
    identifier = (await visitor.query(ONE, number=number))["data"]["repository"]["pullRequest"]["id"]
    asked = {"pullRequestId": identifier, "updateMethod": "REBASE", "expectedHeadOid": old, "clientMutationId": "x"}
    await github.hook(receiver.url, events=("push",))
    told = (await visitor.query(UPDATE, input=asked))["data"]["updatePullRequestBranch"]
    assert (told["clientMutationId"], told["pullRequest"]["headRefOid"] != old) == ("x", True)
    log = await github.realm.bare.git("log", "--format=%s %an %cn", "feat/1")
    assert log.splitlines() == [
        "More ada acme-ops",
        "Shut the shop ada acme-ops",
        "Meanwhile acme-ops acme-ops",
        "Initial commit acme acme",
    ]
    await github.settled()
    assert receiver.payloads[0]["forced"] is True
    stale = await visitor.query(UPDATE, input=asked)
    assert (stale["errors"][0]["type"], stale["data"]["updatePullRequestBranch"]) == ("UNPROCESSABLE", None)


async def test_a_rebase_that_conflicts_is_refused(visitor: Visitor) -> None:
    number = await with_pull(visitor.github, base_moves=True, conflict=True)
    identifier = (await visitor.query(ONE, number=number))["data"]["repository"]["pullRequest"]["id"]
    told = await visitor.query(UPDATE, input={"pullRequestId": identifier, "updateMethod": "REBASE"})
    assert told["errors"][0]["message"] == "merge conflict between base and head"


async def test_a_commit_that_is_in_the_base_already_is_left_out_of_a_rebase(visitor: Visitor) -> None:
    github = visitor.github
    number = await with_pull(github)
    await github.push("feat/1", {"b.txt": "b"}, "More", login="ada")
    await github.push("main", {"app.py": 'print("shut")\n'}, "The same, picked")
    identifier = (await visitor.query(ONE, number=number))["data"]["repository"]["pullRequest"]["id"]
    await visitor.query(UPDATE, input={"pullRequestId": identifier, "updateMethod": "REBASE"})
    log = await github.realm.bare.git("log", "--format=%s", "main..feat/1")
    assert log == "More"


async def test_auto_merge_waits_for_what_is_required(visitor: Visitor) -> None:
    github = visitor.github
    number = await with_pull(github)
    sha = head_of(github, number)
    identifier = (await visitor.query(ONE, number=number))["data"]["repository"]["pullRequest"]["id"]
    asked = {"pullRequestId": identifier, "mergeMethod": "SQUASH"}
    off = await visitor.query(WAIT, input=asked)
    assert off["errors"][0]["message"] == "Auto merge is not allowed for this repository"
    github.world.options.allow_auto_merge = True
    assert (await visitor.query(WAIT, input=asked))["errors"][0]["message"] == "Pull request is in clean status"
    github.protect("ci")
    assert "errors" not in await visitor.query(WAIT, input=asked)
    told = (await visitor.query(ONE, number=number))["data"]["repository"]["pullRequest"]
    assert told["autoMergeRequest"] == {"mergeMethod": "SQUASH"}
    await github.report_check(sha, "ci", "success")
    assert (await visitor.query(ONE, number=number))["data"]["repository"]["pullRequest"]["state"] == "MERGED"


async def test_graphql_refuses_what_is_not_there_or_not_allowed(visitor: Visitor) -> None:
    github = visitor.github
    github.add_token("acme-ops", "github_pat_issues", permissions={"issues": "write"})
    kinds = {
        "not found": (await visitor.query(ONE, number=99))["errors"][0]["type"],
        "forbidden": (await visitor.query(ONE, number=1, token="github_pat_issues"))["errors"][0]["type"],
        "no field": (await visitor.query("query { viewer { shoe } }"))["errors"][0]["message"],
        "no document": (await visitor.query("query {"))["errors"][0]["message"][:12],
        "nobody": (await visitor.query("query { viewer { login } }", token=None))["message"],
        "no page": (await visitor.query(OPEN.replace("first: 2", "first: 101")))["errors"][0]["type"],
    }
    assert kinds == {
        "not found": "NOT_FOUND",
        "forbidden": "FORBIDDEN",
        "no field": "Cannot query field 'shoe' on type 'User'.",
        "no document": "Syntax Error",
        "nobody": "This endpoint requires you to be authenticated.",
        "no page": "UNPROCESSABLE",
    }


# ------------------------------------------------------------------------------------------- the official words


def differences(ours: GraphQLSchema, theirs: GraphQLSchema) -> list[str]:
    """List what of ours is not part of theirs."""
    found = []
    for name, mine in ours.type_map.items():
        other = theirs.type_map.get(name)
        if name.startswith("__") or type(mine) is not type(other):
            found += [] if name.startswith("__") else [name]
        elif isinstance(mine, GraphQLEnumType) and isinstance(other, GraphQLEnumType):
            found += [f"{name}.{value}" for value in mine.values if value not in other.values]
        elif isinstance(mine, GraphQLUnionType) and isinstance(other, GraphQLUnionType):
            found += [f"{name}.{kind}" for kind in mine.types if kind.name not in {each.name for each in other.types}]
        elif isinstance(mine, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            found += fields(name, mine.fields, getattr(other, "fields", {}))
    return found


def fields(name: str, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """List the fields and arguments that are theirs not, or otherwise."""
    found = []
    for key, each in mine.items():
        other = theirs.get(key)
        if other is None or str(each.type) != str(other.type):
            found.append(f"{name}.{key}")
            continue
        for argument, value in getattr(each, "args", {}).items():
            if argument not in other.args or str(value.type) != str(other.args[argument].type):
                found.append(f"{name}.{key}({argument})")
    return found


@pytest.mark.slow
@pytest.mark.skipif(not HERE, reason=f"GitHub's schema is not here: {DATA} (or set CONFORMANCE_DATA)")
def test_the_schema_is_part_of_githubs_official_one() -> None:
    sdl = (DATA / "schema.graphql").read_text()
    assert differences(load_schema(), build_schema(sdl, assume_valid=True, no_location=True)) == []


SAMPLES = {
    "issue_comment.created.0": "issue_comment.created",
    "issue_comment.edited.1": "issue_comment.edited",
    "issues.opened.1": "issues.opened",
    "issues.labeled.1": "issues.labeled",
    "pull_request.opened.2": "pull_request.opened",
    "pull_request.closed.0": "pull_request.closed",
    "push._.6": "push",
    "check_run.completed.0": "check_run.completed",
    "check_suite.completed.2": "check_suite.completed",
    "status._.0": "status",
    "ping._.2": "ping",
}
DEPENDS = {
    "draft",
    "organization",
    "installation",
    "custom_properties",
    "head_commit",
    "changes",
    "app_id",
    "pull_request",
}
"""Keys that only some deliveries have, or that only some repositories do."""


def lacks(sample: Any, ours: Any, path: str = "") -> list[str]:
    """List the keys of a sample that ours has not."""
    if isinstance(sample, list) and isinstance(ours, list):
        return lacks(sample[0], ours[0], f"{path}[]") if sample and ours else []
    if not isinstance(sample, dict) or not isinstance(ours, dict):
        return []
    found = [f"{path}.{key}" for key in sample if key not in ours and key not in DEPENDS]
    shared = (key for key in sample if key in ours and key not in {"permissions", "active_lock_reason"})
    return found + [each for key in shared for each in lacks(sample[key], ours[key], f"{path}.{key}")]


@pytest.mark.skipif(not HERE, reason=f"GitHub's samples are not here: {DATA} (or set CONFORMANCE_DATA)")
async def test_deliveries_have_all_that_githubs_samples_have(github: GitHub, receiver: Receiver) -> None:
    await github.hook(receiver.url, SECRET, ping=True)
    issue = await github.open_issue("acme-ops", "It is slow", labels=("incident",))
    comment = await github.comment("acme-ops", issue.number, "x")
    await github.edit_comment("acme-ops", comment.id, "y")
    number = await with_pull(github)
    sha = head_of(github, number)
    await github.report_check(sha, "ci", "failure")
    await github.report_status(sha, "deploy")
    await github.close_issue("ada", number)
    await github.settled()
    seen = dict(zip(receiver.events, receiver.payloads, strict=True))
    missing = {
        name: lacks(json.loads((DATA / f"payloads/{name}.json").read_text()), seen[event])
        for name, event in SAMPLES.items()
    }
    assert {name: keys for name, keys in missing.items() if keys} == {}
