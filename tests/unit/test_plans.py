"""What `devops.toml` says of incidents: read, or refused with the line that is wrong and what may stand there."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devops_daemon.config_file import read_document
from devops_daemon.incidents.runbook import RUNBOOK, Runbooks
from devops_daemon.mending import Act, Pattern
from devops_daemon.plans import Plans, plans
from devops_daemon.quiet import Maintenance

SERVICES = frozenset({"backend", "frontend"})


def read(folder: Path, text: str) -> tuple[Plans, list[str]]:
    file = folder / "devops.toml"
    file.write_text(text)
    document, problems = read_document(file, asked_for=True)
    planned, misfits = plans(document, SERVICES)
    return planned, [each.removeprefix(f"{folder}/") for each in problems + misfits]


def test_what_is_tried_is_changed_for_one_service_or_for_all(tmp_path: Path) -> None:
    text = """
        [runbooks]
        hung = ["restart"]
        crashed = []
        [services.frontend.runbooks]
        hung = ["redeploy", "restart"]
    """
    planned, problems = read(tmp_path, text)
    assert problems == []
    runbooks = Runbooks(planned.runbooks)
    assert runbooks.acts("backend", Pattern.HUNG) == (Act.RESTART,)
    assert runbooks.acts("frontend", Pattern.HUNG) == (Act.REDEPLOY, Act.RESTART)
    assert runbooks.acts("backend", Pattern.CRASHED) == (), "a person is called at once"
    assert runbooks.acts("frontend", Pattern.MEMORY) == RUNBOOK[Pattern.MEMORY]
    assert all(Runbooks().acts("backend", pattern) == RUNBOOK[pattern] for pattern in Pattern)


def test_maintenance_comes_once_or_again_and_again(tmp_path: Path) -> None:
    text = """
        [[maintenance]]
        services = ["backend"]
        cron = "0 3 * * 0"
        duration = "1h"
        reason = "the weekly import"
        [[maintenance]]
        from = 2026-12-24T18:00:00+01:00
        until = 2026-12-24T20:00:00+01:00
    """
    planned, problems = read(tmp_path, text)
    assert problems == []
    evening = datetime(2026, 12, 24, 17, tzinfo=UTC)
    assert planned.maintenance == (
        Maintenance(frozenset({"backend"}), "the weekly import", cron="0 3 * * 0", lasts=timedelta(hours=1)),
        Maintenance(starts=evening, ends=evening + timedelta(hours=2)),
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[runbooks]\nslow = []", "devops.toml:2: runbooks.slow: is no key that is known here"),
        ('[runbooks]\nhung = ["reboot"]', "'restart', 'redeploy', 'rollback' or 'clear-sessions'"),
        ('[runbooks]\nhung = ["restart", "restart"]', "devops.toml:2: runbooks.hung: has restart twice"),
        ('[runbooks]\nhung = ["rollback"]', "devops.toml:2: runbooks.hung: cannot have rollback: it would not help"),
        ('[runbooks]\nsessions = ["rollback"]', "cannot have rollback"),
        ('[runbooks]\ndeployment = ["clear-sessions"]', "cannot have clear-sessions"),
        ("[[maintenance]]", "devops.toml:1: maintenance.0: needs from and until, or cron and duration"),
        ('[[maintenance]]\ncron = "0 3 * * 0"', "needs from and until, or cron and duration"),
        (
            '[[maintenance]]\ncron = "0 3 * * 0"\nduration = "1h"\nuntil = 2026-12-24T18:00:00Z',
            "needs from and until, or cron and duration",
        ),
        ('[[maintenance]]\ncron = "0 3 * * 0"\nduration = "25h"', "lasts 1 day at most"),
        ('[[maintenance]]\ncron = "0 3 31 2 *"\nduration = "1h"', "devops.toml:2: maintenance.0.cron: never comes"),
        ('[[maintenance]]\ncron = "daily"\nduration = "1h"', "needs five fields"),
        ("[[maintenance]]\nfrom = 2026-12-24T18:00:00", "timezone"),
        (
            "[[maintenance]]\nfrom = 2026-12-24T18:00:00Z\nuntil = 2026-12-24T18:00:00Z",
            "devops.toml:1: maintenance.0: ends before it begins",
        ),
        (
            '[[maintenance]]\nservices = ["backend", "worker"]\ncron = "0 3 * * 0"\nduration = "1h"',
            "maintenance.0.services.1: is no service that is watched; there are backend, frontend",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(tmp_path: Path, text: str, told: str) -> None:
    _, problems = read(tmp_path, text)
    assert len(problems) == 1
    assert told in problems[0]


def test_files_to_which_lines_are_only_added_are_said(tmp_path: Path) -> None:
    assert read(tmp_path, "")[0].append_only == ("CHANGELOG.md", "CHANGES.md", "HISTORY.md")
    assert read(tmp_path, "")[0].commit_status is False
    assert read(tmp_path, "")[0].show_email is False
    assert read(tmp_path, "[feedback]\nshow_email = true")[0].show_email is True
    assert read(tmp_path, "[pulls]\ncommit_status = true")[0].commit_status is True
    assert read(tmp_path, "[pulls]\nappend_only = ['NEWS']")[0].append_only == ("NEWS",)
    _, problems = read(tmp_path, "[pulls]\nappend_only = ['']")
    assert problems[0].startswith("devops.toml:2: pulls.append_only.0: ")
