"""deploy/requirements.lock and pyproject.toml agree, and the lock is fit for every machine."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "deploy" / "requirements.lock").read_text(encoding="utf-8")
PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>\S+) \\$", re.MULTILINE)
PINS = {canonicalize_name(pin["name"]): Version(pin["version"]) for pin in PIN.finditer(LOCK)}

# Where the image runs; a requirement for other systems has no line in the lock.
IMAGE = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "python_version": "3.13"}


def required() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = [*project["dependencies"], *project["optional-dependencies"]["postgres"]]
    requirements = [Requirement(text) for text in texts]
    return [one for one in requirements if one.marker is None or one.marker.evaluate(IMAGE)]


@pytest.mark.parametrize("requirement", required(), ids=str)
def test_what_pyproject_requires_is_pinned_to_a_version_that_it_allows(requirement: Requirement) -> None:
    pinned = PINS.get(canonicalize_name(requirement.name))
    assert pinned is not None, "run deploy/lock"
    assert requirement.specifier.contains(pinned, prereleases=True), f"{pinned} is pinned: run deploy/lock"


def test_greenlet_is_there_without_which_sqlalchemy_cannot_speak_to_postgres() -> None:
    assert "greenlet" in PINS, "the extra postgres needs SQLAlchemy[asyncio]: asyncpg alone does not bring it"


def test_every_pin_has_hashes() -> None:
    entries = re.split(r"(?m)^(?=[\w.-]+==)", LOCK)[1:]
    assert [entry.split(" ")[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert len(entries) == len(PINS)


def test_the_lock_has_nothing_but_pins_hashes_and_comments() -> None:
    fits = re.compile(r"[\w.-]+==\S+ \\|    --hash=sha256:[0-9a-f]{64}(?: \\)?|\s*#.*|")
    assert [line for line in LOCK.splitlines() if not fits.fullmatch(line)] == []


@pytest.mark.parametrize("trace", ["://", "/root", "/home", "/opt", "/work", "find-links", "index-url"])
def test_nothing_of_the_machine_that_wrote_the_lock_is_in_it(trace: str) -> None:
    assert trace not in LOCK
