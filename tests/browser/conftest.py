"""What the browser's tests share: a real Chromium, a daemon of the demo kind, and a gallery of all there is."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browser.gallery import gallery
from playwright.sync_api import Browser, sync_playwright

PATIENCE = 60.0
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True, slots=True)
class Shown:
    """A site to look at, and one of its incidents."""

    name: str
    url: str
    incident: str


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        pytest.skip(f"no browser on PATH: none of {', '.join(NAMES)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


def _read(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 # an address of this test's own
        return json.load(answer)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """`devops-daemon demo` with a product that is broken for good, once its incident is open."""
    said = tmp_path_factory.mktemp("demo") / "said"
    command = [sys.executable, "-m", "devops_daemon", "demo", "--port", "0", "--fault", "backend-500"]
    with said.open("wb") as out:
        daemon = subprocess.Popen(
            [*command, "--fault", "frontend-blank"],
            stdout=out,
            stderr=out,
            env={"PATH": os.environ["PATH"], "NO_COLOR": "1", "PYTHONUNBUFFERED": "1", "COLUMNS": "400"},
        )
    try:
        url = _address(said)
        yield Shown("demo", url, _burning(url, said))
    finally:
        daemon.terminate()
        daemon.wait(15)


def _address(said: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := re.search(r"(http://127\.0\.0\.1:\d+)/status", said.read_text(encoding="utf-8")):
            return found[1]
        time.sleep(0.05)
    pytest.fail(f"the demo told no address: {said.read_text(encoding='utf-8')}")


def _burning(url: str, said: Path) -> str:
    """Wait until the broken product is one incident of both services; gives its id."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        incidents = _read(f"{url}/status.json")["incidents"]
        if incidents and set(incidents[0]["services"]) == {"backend", "frontend"}:
            identifier: str = incidents[0]["id"]
            return identifier
        time.sleep(0.1)
    pytest.fail(f"no incident was opened: {said.read_text(encoding='utf-8')[-3000:]}")


@pytest.fixture(scope="session")
def everything() -> Iterator[Shown]:
    with gallery() as url:
        yield Shown("gallery", url, "261124-aaaa")
