"""docs/settings.md and deploy/.env.example say what the settings are: they are written from them."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from devops_daemon.settings import Settings, dotenv, read

ROOT = Path(__file__).parents[2]
GENERATOR: dict[str, Any] = runpy.run_path(str(ROOT / "docs/generate"))
PAGES: dict[Path, str] = GENERATOR["pages"]()
EXAMPLE = ROOT / "deploy/.env.example"
OF_RAILWAY = {
    "RAILWAY_VOLUME_MOUNT_PATH",
    "RAILWAY_PUBLIC_DOMAIN",
    "RAILWAY_PROJECT_ID",
    "RAILWAY_ENVIRONMENT_ID",
    "RAILWAY_SERVICE_ID",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_the_page_is_as_it_would_be_written_now(page: Path) -> None:
    assert page.is_file(), "run make docs"
    assert page.read_text(encoding="utf-8") == PAGES[page], "run make docs"


def test_every_setting_has_a_row_with_its_default_and_its_meaning() -> None:
    text = (ROOT / "docs/settings.md").read_text(encoding="utf-8").partition("## For the other commands")[0]
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", text, re.MULTILINE))
    assert list(rows) == [name.upper() for name in Settings.model_fields]
    for name, field in Settings.model_fields.items():
        default, meaning = rows[name.upper()].split(" | ", 1) if " | " in rows[name.upper()] else ("", "")
        assert meaning.startswith(field.description or "?")
        shown = default.strip().strip("`")
        assert getattr(read({name.upper(): shown}), name) == field.default


def test_what_railway_sets_stands_apart() -> None:
    text = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    apart = text.partition("## Set by Railway itself")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([A-Z_]+)`", apart, re.MULTILINE)) == OF_RAILWAY


def test_each_group_of_the_settings_has_a_title_of_its_own() -> None:
    groups: list[tuple[str, list[str]]] = list(GENERATOR["groups"]())
    assert [name for _, names in groups for name in names] == list(Settings.model_fields)
    assert [title for title, _ in groups] == list(GENERATOR["TITLES"].values())


def test_every_setting_is_in_the_example_but_for_those_that_railway_sets() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert (
        set(re.findall(r"^# ([A-Z_]+)=", text, re.MULTILINE))
        == {name.upper() for name in Settings.model_fields} - OF_RAILWAY
    )


def test_the_example_as_it_is_changes_nothing() -> None:
    assert dotenv(EXAMPLE) == {"RAILWAY_DEPLOYMENT_DRAINING_SECONDS": "15"}
    assert read(dotenv(EXAMPLE)) == read({})


def test_every_line_of_the_example_can_be_taken_as_it_stands(tmp_path: Path) -> None:
    taken = tmp_path / ".env"
    lines = re.sub(r"^# ([A-Z_]+=)", r"\1", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    taken.write_text(lines, encoding="utf-8")
    settings, defaults = read(dotenv(taken)), read({})
    for name, field in Settings.model_fields.items():
        if field.default not in (None, ()):
            assert getattr(settings, name) == getattr(defaults, name)


def test_no_secret_is_in_the_example() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    secret = [name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in repr(field)]
    assert [name for name in secret if not re.search(rf"^# {name}=$", text, re.MULTILINE)] == []
