"""The real adapter on a server of a test's own; each request it makes is held against GitHub's own description."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema
from adapters.servers import AGENT, Reply, Request, says, utc_now
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from graphql import GraphQLSchema, build_schema, parse, validate
from pydantic import SecretStr

from devops_daemon.adapters.exchange import SocketFactory
from devops_daemon.adapters.github.answers import Reply as Answered
from devops_daemon.adapters.github.asked import AppKey, Asked
from devops_daemon.adapters.github.client import Waits
from devops_daemon.adapters.github.forge import GitHub, connected
from devops_daemon.adapters.github.transport import HttpTransport, Outgoing
from devops_daemon.ports import Clock
from devops_daemon.redaction import Redactor
from devops_daemon.sandbox.github.github import GitHub as Sandbox
from devops_daemon.sandbox.github.heard import Heard

FACTS = Path(os.environ.get("CONFORMANCE_DATA") or Path(__file__).parents[3] / "shared") / "facts/github"
REPOSITORY = "acme/product"
TOKEN = "ghp_" + "Kestrel58Quarry" * 2 + "Lantern"
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


class Steady:
    """Seconds that pass only where somebody waits; `pauses` tells who waited how long."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@cache
def app_key() -> str:
    """A private key as GitHub gives it to an App."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


def public_key() -> str:
    """The other half of it."""
    key = serialization.load_pem_private_key(app_key().encode(), None).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


@cache
def description() -> Any:
    """GitHub's official OpenAPI description, where it is at hand."""
    file = FACTS / "openapi.json"
    return json.loads(file.read_bytes()) if file.is_file() else None


@cache
def schema() -> GraphQLSchema | None:
    """GitHub's official GraphQL schema, where it is at hand."""
    file = FACTS / "schema.graphql"
    return build_schema(file.read_text(encoding="utf-8"), assume_valid=True) if file.is_file() else None


def resolved(node: Mapping[str, Any]) -> Any:
    """Follow a reference within the description."""
    found: Any = node
    while "$ref" in found:
        at: Any = description()
        for part in found["$ref"].removeprefix("#/").split("/"):
            at = at[part]
        found = at
    return found


def operation(method: str, path: str) -> Any:
    """Find what a request is by the description; of two that fit, the one with the more fixed words."""
    known = description()
    assert known is not None
    fitting = [each for each in known["paths"] if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", each), path)]
    assert fitting, f"no such path: {path}"
    found = min(fitting, key=lambda each: each.count("{"))
    assert method.lower() in known["paths"][found], f"no such method: {method} {found}"
    return known["paths"][found][method.lower()]


def hold_against_the_description(outgoing: Outgoing) -> None:
    """Fail where GitHub's description does not know a request."""
    url = urlsplit(outgoing.url)
    path = url.path.removeprefix("/api/v3")
    if description() is None:
        return
    if path.endswith("/graphql"):
        known = schema()
        assert known is not None
        assert validate(known, parse(outgoing.body["query"])) == []
        return
    found = operation(outgoing.method, unquote(path))
    parameters = {each["name"]: each for each in map(resolved, found.get("parameters", ())) if each["in"] == "query"}
    for name, value in parse_qsl(url.query):
        assert name in parameters, f"{outgoing.method} {path} takes no {name}"
        _hold_value(parameters[name]["schema"], value)
    content = resolved(found.get("requestBody") or {}).get("content", {})
    if outgoing.body is not None:
        assert "application/json" in content, f"{outgoing.method} {path} takes no body"
        components = {"components": (description() or {})["components"]}
        # without a look whether GitHub's own description is a schema, which takes half a second
        jsonschema.Draft202012Validator({**content["application/json"]["schema"], **components}).validate(outgoing.body)


def _hold_value(schema: Mapping[str, Any], value: str) -> None:
    assert value in schema.get("enum", [value])
    if schema["type"] == "integer":
        int(value)
    if schema.get("format") == "date-time":
        datetime.fromisoformat(value)


class Held(HttpTransport):
    """The transport, that lets nothing out which GitHub's description does not know."""

    async def send(self, outgoing: Outgoing) -> Answered:
        hold_against_the_description(outgoing)
        return await super().send(outgoing)


def waits(steady: Steady, **differs: Any) -> Waits:
    """No time passes but by `steady`."""
    return Waits(**{"pause": steady.pause} | differs)


def asked_of(url: str, **differs: Any) -> Asked:
    """What the settings say: a token, unless told otherwise."""
    told: dict[str, Any] = {"url": url, "repository": REPOSITORY, "token": SecretStr(TOKEN)}
    return Asked(**told | differs)


def app(key: str | None = None, installation_id: str | None = None) -> AppKey:
    return AppKey("4242", SecretStr(key or app_key()), installation_id)


@asynccontextmanager
async def github_at(
    asked: Asked,
    *,
    steady: Steady | None = None,
    now: Clock = utc_now,
    socket_factory: SocketFactory | None = None,
    held: bool = True,
    **patience: Any,
) -> AsyncIterator[GitHub]:
    """The adapter, connected; `patience` differs from the usual waits, not `held` it may ask what nobody describes."""
    steady = steady or Steady()
    async with connected(
        asked,
        AGENT,
        Redactor([TOKEN]),
        now,
        waits=waits(steady, **patience),
        socket_factory=socket_factory,
        steady=steady,
        transport=Held if held else HttpTransport,
    ) as github:
        yield github


def in_turn(*replies: bytes | Reply) -> Reply:
    """Reply with these one after the other, and with the last one for ever."""
    left = list(replies)

    async def reply(request: Request, writer: asyncio.StreamWriter) -> None:
        found = left.pop(0) if len(left) > 1 else left[0]
        await (says(found) if isinstance(found, bytes) else found)(request, writer)

    return reply


def http_date(at: datetime) -> str:
    return at.strftime("%a, %d %b %Y %H:%M:%S GMT")


def comment_row(identifier: int, body: str = "hi", **differs: Any) -> dict[str, Any]:
    """A comment as GitHub tells it."""
    at = (NOW + timedelta(seconds=identifier)).isoformat().replace("+00:00", "Z")
    return {
        "id": identifier,
        "issue_url": f"https://api.github.com/repos/{REPOSITORY}/issues/7",
        "html_url": f"https://github.com/{REPOSITORY}/issues/7#issuecomment-{identifier}",
        "user": {"login": "maria", "type": "User"},
        "body": body,
        "created_at": at,
        "updated_at": at,
    } | differs


# --- on the sandbox

OPERATOR = Sandbox.operator


@dataclass(slots=True)
class World:
    """The sandbox's GitHub and the adapter; `steady` is the adapter's clock."""

    github: Sandbox
    forge: GitHub
    steady: Steady

    def calls(self, name: str) -> int:
        """How often a route was asked."""
        return self.github.calls[name]

    @property
    def total(self) -> int:
        return self.github.calls.total()

    def heard(self, name: str) -> list[Heard]:
        """What came in on a route."""
        return [each for each in self.github.heard if each.name == name]

    @asynccontextmanager
    async def another(self, *, steady: Steady | None = None, **asked: Any) -> AsyncIterator[GitHub]:
        """Another adapter on the same sandbox, asked differently; a token may be plain text."""
        async with github_at(on(self.github, **asked), steady=steady) as forge:
            yield forge


def on(sandbox: Sandbox, **differs: Any) -> Asked:
    """What the settings say for the sandbox."""
    token = differs.pop("token", sandbox.user_token)
    secret = SecretStr(token) if token else None
    url = differs.pop("url", sandbox.api_url)
    return asked_of(url, **{"repository": sandbox.repository, "token": secret} | differs)


@asynccontextmanager
async def open_world(**patience: Any) -> AsyncIterator[World]:
    """The sandbox with one more person, Ada, and the adapter on it."""
    async with Sandbox("acme/shop") as sandbox:
        sandbox.add_account("ada", "write")
        sandbox.world.app.private_key = app_key()  # a new one each time takes long
        steady = Steady()
        async with github_at(on(sandbox), steady=steady, **patience) as forge:
            yield World(sandbox, forge, steady)
