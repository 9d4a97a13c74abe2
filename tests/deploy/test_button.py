"""The workflow that is a button on GitHub: it can be nothing else, and nothing that is typed there is a program."""

import re
import textwrap
from pathlib import Path

WORKFLOW = (Path(__file__).parents[2] / "deploy" / "devops-actions.yml").read_text(encoding="utf-8")
SIX = (
    *("incident-response", "view-logs", "restart-service"),
    *("manage-variables", "provision-infrastructure", "diagnose"),
)
_, RUN = WORKFLOW.split("        run: |\n")
SCRIPT = textwrap.dedent(RUN)


def test_it_offers_the_six_and_asks_for_no_value_of_a_variable() -> None:
    offered = re.search(r"default: diagnose\n        options:\n((?: {10}- .*\n)+)", WORKFLOW)
    assert offered is not None
    assert tuple(line.strip(" -") for line in offered[1].splitlines()) == SIX
    inputs = re.findall(r"^      ([a-z]+):$", WORKFLOW.split("jobs:")[0], re.MULTILINE)
    assert inputs == ["action", "service", "severity", "kind", "name", "description"]


def test_what_is_typed_reaches_the_program_by_its_environment_alone() -> None:
    assert "${{" not in SCRIPT
    typed = set(re.findall(r"\$\{\{ inputs\.([a-z]+) \}\}", WORKFLOW))
    assert typed == {"action", "service", "severity", "kind", "name", "description"}
    assert WORKFLOW.count("run: |") == 1


def test_it_has_no_rights_on_the_repository() -> None:
    assert "\npermissions: {}\n" in WORKFLOW
    assert "uses:" not in WORKFLOW


def test_it_is_a_program() -> None:
    compile(SCRIPT, "devops-actions.yml", "exec")
