"""docs/configuration.md tells every key of `devops.toml`, for the kinds that take it, with its default."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import BaseModel

from devops_daemon.config_file import (
    FeedbackTable,
    MaintenanceTable,
    ProbeTable,
    PullsTable,
    RunbooksTable,
    ServiceTable,
    read_document,
)
from devops_daemon.incidents.runbook import RUNBOOK
from devops_daemon.mending import Pattern
from devops_daemon.model import ProbeKind, Watchlist
from devops_daemon.settings import WrongSettingsError, format_duration, read
from devops_daemon.watchlist import plan

PAGE = Path(__file__).parents[2] / "docs/configuration.md"
TEXT = PAGE.read_text(encoding="utf-8")
PRODUCT = {"PRODUCTION_BACKEND_URL": "https://api.example.com", "PRODUCTION_FRONTEND_URL": "https://www.example.com"}
BLOCKS = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


class Row(NamedTuple):
    """A key as the page tells it."""

    section: str
    key: str
    default: str
    example: str


def _rows() -> Iterator[Row]:
    for section in re.split(r"^##+ ", TEXT, flags=re.MULTILINE)[1:]:
        title = section.partition("\n")[0].strip("`")
        for key, default, example in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|", section, re.MULTILINE):
            yield Row(title, key, default.strip("` "), example.strip("`"))


ROWS = list(_rows())
OTHERS: dict[str, type[BaseModel]] = {
    "Services": ServiceTable,
    "Runbooks": RunbooksTable,
    "Maintenance": MaintenanceTable,
    "Pull requests": PullsTable,
    "Feedback": FeedbackTable,
}
OF_PROBES = [row for row in ROWS if row.section not in OTHERS]
NEEDED = {ProbeKind.READINESS: {"needs": '"database"'}}


def planned(folder: Path, text: str, environ: dict[str, str] | None = None) -> Watchlist:
    file = folder / "devops.toml"
    file.write_text(text, encoding="utf-8")
    document, told = read_document(file, asked_for=True)
    if told:
        raise WrongSettingsError(told)
    return plan(read(environ or {}), document)


def probe_with(kind: ProbeKind, **keys: str) -> str:
    lines = {"kind": json.dumps(kind), **NEEDED.get(kind, {}), **keys}
    table = "\n".join(f"{key} = {value}" for key, value in lines.items())
    return f"[services.site]\nurl = 'https://site.example'\n[services.site.probes.site]\n{table}\n"


def kinds_of(row: Row) -> set[ProbeKind]:
    return set(ProbeKind) if row.section == "Every kind" else {ProbeKind(row.section)}


def test_every_key_is_told_and_no_other() -> None:
    for section, table in OTHERS.items():
        told = {row.key for row in ROWS if row.section == section}
        assert told == {field.alias or name for name, field in table.model_fields.items()}
    assert {row.key for row in OF_PROBES} == set(ProbeTable.model_fields)


def test_every_kind_has_a_section() -> None:
    assert {row.section for row in OF_PROBES} == {"Every kind", *ProbeKind}


@pytest.mark.parametrize(
    "row", [row for row in OF_PROBES if row.key != "kind"], ids=lambda row: f"{row.section}-{row.key}"
)
@pytest.mark.parametrize("kind", ProbeKind)
def test_a_key_is_taken_by_the_kinds_it_is_told_for(tmp_path: Path, row: Row, kind: ProbeKind) -> None:
    told_for = {kind for other in OF_PROBES if other.key == row.key for kind in kinds_of(other)}
    text = probe_with(kind, **{row.key: row.example})
    if kind in told_for:
        assert len(planned(tmp_path, text).probes) == 1
    else:
        with pytest.raises(WrongSettingsError, match=f"{row.key}: is not for the kind {kind}"):
            planned(tmp_path, text)


@pytest.mark.parametrize("row", [row for row in OF_PROBES if row.default], ids=lambda row: f"{row.section}-{row.key}")
def test_a_key_that_is_set_to_its_default_changes_nothing(tmp_path: Path, row: Row) -> None:
    settings = read({})
    of_settings = {
        "PROBE_TIMEOUT": json.dumps(format_duration(settings.probe_timeout)),
        "CANARY_USERNAME": json.dumps(settings.canary_username),
    }
    default = of_settings.get(row.default, row.default)
    for kind in kinds_of(row):
        assert planned(tmp_path, probe_with(kind, **{row.key: default})) == planned(tmp_path, probe_with(kind))


@pytest.mark.parametrize(
    "row", [row for row in OF_PROBES if row.key != "kind"], ids=lambda row: f"{row.section}-{row.key}"
)
def test_a_key_that_is_set_to_its_example_changes_something(tmp_path: Path, row: Row) -> None:
    kind = min(kinds_of(row))
    without = probe_with(kind) if row.key != "needs" else probe_with(kind, needs='"another"')
    assert planned(tmp_path, probe_with(kind, **{row.key: row.example})) != planned(tmp_path, without)


@pytest.mark.parametrize("row", [row for row in ROWS if row.section == "Services"], ids=lambda row: row.key)
def test_the_example_of_a_services_key_is_right(tmp_path: Path, row: Row) -> None:
    others = "".join(f"[services.{name}]\nurl = 'https://{name}.example'\n" for name in ("backend", "cache"))
    url = "" if row.key == "url" else "url = 'https://worker.example'\n"
    assert planned(tmp_path, f"{others}[services.worker]\n{url}{row.key} = {row.example}\n").services


@pytest.mark.parametrize("row", [row for row in ROWS if row.section == "Runbooks"], ids=lambda row: row.key)
def test_a_runbook_is_told_as_it_is_and_its_example_is_right(tmp_path: Path, row: Row) -> None:
    assert json.loads(row.default) == [str(act) for act in RUNBOOK[Pattern(row.key)]]
    assert json.loads(row.example) != json.loads(row.default)
    assert planned(tmp_path, f"[runbooks]\n{row.key} = {row.example}\n", PRODUCT).services


@pytest.mark.parametrize("row", [row for row in ROWS if row.section == "Maintenance"], ids=lambda row: row.key)
def test_the_example_of_a_maintenances_key_is_right(tmp_path: Path, row: Row) -> None:
    examples = {each.key: each.example for each in ROWS if each.section == "Maintenance"}
    once = row.key in {"from", "until"}
    keys = {row.key, *(("from", "until") if once else ("cron", "duration"))}
    text = "[[maintenance]]\n" + "\n".join(f"{key} = {examples[key]}" for key in keys)
    assert planned(tmp_path, text, PRODUCT).services


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_example_can_be_taken_as_it_stands(tmp_path: Path, block: str) -> None:
    assert planned(tmp_path, block, PRODUCT).services


def test_all_examples_can_stand_in_one_file(tmp_path: Path) -> None:
    whole = [block for block in BLOCKS if "[services.backend" not in block]
    assert len(whole) > 1
    assert planned(tmp_path, "\n".join(whole), PRODUCT).services


def test_what_the_settings_watch_is_told_as_it_is(tmp_path: Path) -> None:
    (block,) = (block for block in BLOCKS if "[services.frontend.probes" in block)
    own = planned(tmp_path, "", PRODUCT)
    assert planned(tmp_path, block, PRODUCT) == own
    assert planned(tmp_path, block) == own
    told = set(re.findall(r"^\[services\.(\w+)\.probes\.(\w+)\]", block, re.MULTILINE))
    assert told == {tuple(probe.key) for probe in own.probes}


def test_the_mistake_that_is_shown_is_told_like_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = re.findall(r"^devops\.toml:\d+: .*$", TEXT, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    Path("devops.toml").write_text(BLOCKS[0].replace('"http"', '"tcp"'), encoding="utf-8")
    assert read_document(Path("devops.toml"), asked_for=False)[1] == [shown]
