"""docs/railway.md tells of every trap, and each test that it names is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = re.findall(
    r"^\| (\d+) \| (.+?) \| (.+?) \| (.*?) ?\|$", (ROOT / "docs/railway.md").read_text(encoding="utf-8"), re.MULTILINE
)
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
}


def test_every_trap_has_its_row_in_order() -> None:
    assert [int(number) for number, *_ in ROWS] == list(range(1, 59))


@pytest.mark.parametrize(("number", "deed", "guards"), [(row[0], row[2], row[3]) for row in ROWS])
def test_a_trap_is_guarded_by_tests_that_are_there_or_does_not_apply(number: str, deed: str, guards: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", guards))
    assert named or deed.startswith("not applicable"), number
    assert named - TESTS == set(), number


def test_the_files_that_the_page_names_are_there() -> None:
    text = (ROOT / "docs/railway.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:devops_daemon|tests)/[\w/.]+)`", text))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
