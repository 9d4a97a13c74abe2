"""What the documents name is there: targets, commands, files, the version, what continuous integration runs."""

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import typer.main

from devops_daemon.cli.main import cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    {*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md"), *ROOT.glob("deploy/*.md")}
)
OURS = [path for path in DOCUMENTS if path.parent.name != "facts"]  # those are about others, and what is to come
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
COMMANDS = set(typer.main.get_command(cli).commands)  # type: ignore[attr-defined] # a group, as it has several


def text_of(path: Path | str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def code_in(text: str) -> str:
    """What is written as code: fenced blocks, and spans within a line."""
    fences = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    return "\n".join(chain(fences, spans))


def anchors_of(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_make_command_that_is_named_is_a_target(name: str) -> None:
    named = set(re.findall(r"(?:^|[ ;&(])make ([a-z-]+)", code_in(text_of(name)), re.MULTILINE))
    assert named
    assert named - TARGETS == set()


def test_the_makefile_declares_every_target_that_makes_no_file() -> None:
    makefile = text_of("Makefile")
    declared = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert declared
    assert set(declared[1].split()) == TARGETS


def test_continuous_integration_runs_what_the_readme_tells_to_run() -> None:
    lines = [line.strip() for line in text_of(".ci/run").splitlines()]
    assert "make check" in lines
    assert "make test" in lines
    assert lines.index("set -euo pipefail") < lines.index("make check")


def test_the_readme_names_every_command_of_the_command_line_and_no_other() -> None:
    named = set(re.findall(r"devops-daemon ([a-z]+)", code_in(text_of("README.md"))))
    assert named == COMMANDS


@pytest.mark.parametrize("document", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_command_that_is_named_is_unknown(document: Path) -> None:
    code = code_in(document.read_text(encoding="utf-8"))
    assert set(re.findall(r"(?:^|/)devops-daemon ([a-z]+)", code, re.MULTILINE)) - COMMANDS == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_something_that_is_there(document: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(<?([^)\s>]+)>?\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = document.parent / path if path else document
        assert file.exists(), target
        assert file.resolve().is_relative_to(ROOT), f"{target} leads out of the repository"
        assert not anchor or anchor in anchors_of(file.read_text(encoding="utf-8")), target


def test_the_documents_of_a_project_are_there() -> None:
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md"} <= {path.name for path in DOCUMENTS}


def test_the_changelog_tells_of_the_version_that_this_is() -> None:
    version = tomllib.loads(text_of("pyproject.toml"))["project"]["version"]
    assert version in re.findall(r"^## \[?([^\s\]]+)", text_of("CHANGELOG.md"), re.MULTILINE)


def test_every_setting_that_a_document_names_is_one() -> None:
    known = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)*)`", text_of("docs/settings.md")))
    named = set(
        re.findall(r"`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`", text_of("README.md") + text_of("docs/configuration.md"))
    )
    assert named
    assert named - known == set()
