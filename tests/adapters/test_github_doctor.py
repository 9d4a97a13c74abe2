"""`devops-daemon doctor` as a person types it, on the sandbox's GitHub."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from adapters.github_world import open_world

from devops_daemon.cli.connection import Known
from devops_daemon.cli.doctor_github import of_github
from devops_daemon.model import Finding, Grade
from devops_daemon.redaction import Redactor
from devops_daemon.settings import read


async def doctor(folder: Path, **settings: str) -> tuple[int | None, dict[str, dict[str, Any]], str]:
    """Exit code, rows by what they are about, and all that was printed."""
    environment = {"PATH": os.environ["PATH"], **settings}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "devops_daemon", "doctor", "--json"),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode in {0, 1}, errors.decode()
    rows = {row["about"]: row for row in json.loads(out)}
    return process.returncode, rows, (out + errors).decode()


async def test_the_doctor_finds_what_of_github_is_well_and_what_is_not(tmp_path: Path) -> None:
    async with open_world() as world:
        about = {
            "GITHUB_API_URL": world.github.api_url,
            "GITHUB_REPOSITORY": world.github.repository,
            "PUBLIC_URL": "https://ops.example.com",
        }
        code, rows, _ = await doctor(tmp_path, GITHUB_TOKEN=world.github.user_token, **about)
        assert code == 0
        assert rows["GITHUB_TOKEN"]["found"] == "a classic personal token; it writes as acme-ops"
        assert rows["webhook"]["is"] == "warning"
        assert "https://ops.example.com/webhooks/github" in rows["webhook"]["cure"]
        code, rows, text = await doctor(tmp_path, GITHUB_TOKEN="ghp_not_a_token_at_all", **about)
        assert code == 1
        assert rows["GitHub"]["is"] == "failed"
        assert "ghp_not_a_token_at_all" not in text


def looked(**settings: str) -> list[Finding]:
    told = read(settings)
    return of_github(Known(told, (), Redactor(told.secrets)))


def test_without_a_token_github_is_off() -> None:
    (only,) = looked(GITHUB_REPOSITORY="acme/shop")
    assert (only.grade, only.text) == (Grade.OFF, "not configured")


def test_a_token_without_a_repository_does_not_work() -> None:
    (only,) = looked(GITHUB_TOKEN="ghp_any_token_at_all")
    assert (only.grade, only.cure) == (Grade.FAILED, "set GITHUB_REPOSITORY=owner/name")
