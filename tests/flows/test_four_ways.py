"""Each of the six actions by HTTP, at the terminal, in a comment and by the button: the same is done and said."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from deploy.test_button import SCRIPT
from flows.incident_world import OPERATOR, RESTART, World, open_world, until
from flows.test_by_hand import act, followed
from structlog.testing import capture_logs
from typer.testing import CliRunner

from devops_daemon.cli.main import cli
from devops_daemon.forge import Mark

pytestmark = pytest.mark.chaos


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing, as it is asked for in a body and in a comment, and what is said then."""

    action: str
    fields: dict[str, str]
    words: str
    said: str


STORY = (
    Asked("view-logs", {"service": "backend"}, "check logs backend", "=== Recent backend logs ==="),
    Asked("diagnose", {"service": "backend"}, "diagnose backend", "=== Merged lately ==="),
    Asked("manage-variables", {"service": "backend"}, "variables backend", "variables of backend; values are never"),
    Asked("restart-service", {"service": "backend"}, "restart backend", "Done: restart backend took "),
    Asked("restart-service", {"service": "all"}, "restart all", "Done: restart backend, frontend."),
    Asked("restart-service", {"service": "backend"}, "restart backend", "backend was acted upon twice within the hour"),
    Asked(
        "provision-infrastructure",
        {"kind": "database", "name": "redis", "description": "a cache"},
        "provision database redis because a cache",
        "Redis was added",
    ),
    Asked(
        "incident-response",
        {"service": "backend", "severity": "SEV2", "description": "it is slow"},
        "declare backend SEV2 because it is slow",
        "is answered for as a SEV2; it goes on until somebody resolves it.",
    ),
)


def spelled(result: dict[str, Any]) -> str:
    """A result in data, as one text."""
    sections = [f"=== {each['title']} ===\n{each['text']}" for each in result.get("sections", ())]
    return "\n".join([result["text"], *sections, result.get("details") or ""])


async def by_http(world: World, asked: Asked) -> str:
    status, document = await act(world, asked.action, **asked.fields)
    if status == 202:
        document = await followed(world, document["id"])
    return spelled(document["result"]) if status < 300 else str(document["error"])


async def at_the_terminal(_: World, asked: Asked) -> str:
    fields = [f"{name}={value}" for name, value in asked.fields.items()]
    with capture_logs():
        told = await asyncio.to_thread(CliRunner().invoke, cli, ("action", asked.action, *fields))
    return told.output


async def in_a_comment(world: World, asked: Asked) -> str:
    said = await world.github.comment("max", await desk(world), f"@devops {asked.words}")

    async def reply() -> str | None:
        mark = Mark("reply", str(said.id))
        comments = world.github.world.comments_on(said.issue)
        found = next((each.body for each in comments if Mark.at_end_of(each.body) == mark), None)
        return found if {"rocket", "confused"} & {each.content for each in said.reactions} else None

    text: str = await until(reply, lambda: [each.body for each in world.github.world.comments_on(said.issue)])
    return text.replace("\u200b", "")


async def by_the_button(world: World, asked: Asked) -> str:
    """The workflow's program, as a runner of GitHub's runs it."""
    fields = dict.fromkeys(("SERVICE", "SEVERITY", "KIND", "NAME", "DESCRIPTION"), "")
    fields |= {name.upper(): value for name, value in asked.fields.items()}
    surroundings = {"DAEMON": f"http://127.0.0.1:{world.port}/", "TOKEN": OPERATOR, "ACTION": asked.action}
    surroundings |= {"ASKED_BY": "max", "IS_PRIVATE": "true", "LOOK_EVERY": "0.2", "PATH": os.environ["PATH"]}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SCRIPT), env=surroundings | fields, stdout=PIPE, stderr=STDOUT
    )
    told, _ = await process.communicate()
    return told.decode()


async def desk(world: World) -> int:
    """The issue on which a person asks."""
    titled = [each.number for each in world.github.world.issues.values() if each.title == "questions"]
    return titled[0] if titled else (await world.github.open_issue("max", "questions")).number


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        opened.github.add_account("max", "admin")
        yield opened


@pytest.mark.parametrize("way", [by_http, at_the_terminal, in_a_comment, by_the_button])
async def test_each_of_the_six_is_done_the_same_whichever_way_it_is_asked_for(
    world: World, way: Callable[[World, Asked], Awaitable[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.daemon(SWEEP_INTERVAL="300ms"):
        await world.well()
        monkeypatch.setenv("DEVOPS_DAEMON_URL", f"http://127.0.0.1:{world.port}")
        monkeypatch.setenv("OPERATOR_TOKEN", OPERATOR)
        for asked in STORY:
            said = await way(world, asked)
            assert asked.said in said, asked.words
        assert world.acts() == {RESTART: 3}
        assert world.railway.calls["DeployTemplate"] == 1
        assert (await world.incident("open"))["severity"] == "SEV2"


async def test_a_value_is_set_from_the_input_and_stands_in_no_history(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "s3cret-" + "Harbour9Lantern"
    async with world.daemon(SWEEP_INTERVAL="300ms"):
        await world.well()
        monkeypatch.setenv("DEVOPS_DAEMON_URL", f"http://127.0.0.1:{world.port}")
        monkeypatch.setenv("OPERATOR_TOKEN", OPERATOR)
        command = ("action", "manage-variables", "service=backend", "--set", "API_SECRET", "--json")
        with capture_logs():
            told = await asyncio.to_thread(CliRunner().invoke, cli, command, input=secret)
        assert (told.exit_code, secret in told.output) == (0, False), told.output
        ended = json.loads(told.stdout)
        assert (ended["status"], "set variables backend" in ended["result"]["text"]) == ("done", True)
        status, listed = await act(world, "manage-variables", service="backend")
    assert (status, "API_SECRET" in str(listed)) == (200, True)


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (("action", "restart-service", "backend"), 2, "FIELD=VALUE"),
        (("action", "restart-everything"), 1, "there is no such action; there are"),
        (("action", "restart-service", "service=nowhere"), 1, "there is no service"),
        (("action", "view-logs", "service=backend", "lines=0"), 1, "lines is between 1 and 200"),
        (("declare", "nowhere", "SEV1"), 1, "no service nowhere is watched"),
    ],
)
async def test_what_is_typed_wrongly_is_told_why(
    world: World, command: tuple[str, ...], code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.daemon():
        await world.well()
        monkeypatch.setenv("DEVOPS_DAEMON_URL", f"http://127.0.0.1:{world.port}")
        monkeypatch.setenv("OPERATOR_TOKEN", OPERATOR)
        with capture_logs():
            told = await asyncio.to_thread(CliRunner().invoke, cli, command)
    assert (told.exit_code, said in " ".join(told.output.split())) == (code, True), told.output
    assert world.acts() == {}
