"""The catalogue: one row for each command, as the help, the grammar and the permissions need it."""

import re

import pytest

from devops_daemon.commands.catalogue import COMMANDS, Command, Name, Takes
from devops_daemon.forge import Role

PLACEHOLDERS = {
    Takes.NOTHING: "",
    Takes.MAYBE_SERVICE: "SERVICE",
    Takes.SERVICE: "SERVICE",
    Takes.USER: "NAME",
    Takes.NUMBER: "#N",
    Takes.MAYBE_INCIDENT: "[ID]",
    Takes.INCIDENT: "ID",
    Takes.INCIDENT_AND_LEVEL: "IDLEVEL",
    Takes.SERVICE_AND_LEVEL: "SERVICELEVEL",
    Takes.KIND_AND_TITLE: "KINDTITLETEXT",
    Takes.SERVICE_AND_TIME: "SERVICETIME",
    Takes.MAYBE_CONFIRM: "[confirm]",
}


def test_each_command_has_its_row_under_its_own_name() -> None:
    assert list(COMMANDS) == list(Name)
    assert [row.name for row in COMMANDS.values()] == list(Name)


@pytest.mark.parametrize("row", COMMANDS.values(), ids=lambda row: row.name)
def test_a_command_is_written_with_what_it_takes(row: Command) -> None:
    taken = "".join(re.findall(r"\[?#?(?:[A-Z]+\b|confirm)\]?", re.sub(r" \[(?:for|because) TEXT\]", "", row.usage)))
    assert taken.strip("[]") == PLACEHOLDERS[row.takes].strip("[]")


@pytest.mark.parametrize("row", COMMANDS.values(), ids=lambda row: row.name)
def test_a_command_is_explained_in_one_plain_line(row: Command) -> None:
    assert row.usage.isprintable()
    assert row.help.isprintable()
    assert not re.search(r"[@#<]|\.$", row.help)
    assert len(row.help) < 100


def test_who_only_reads_may_triage_and_who_acts_may_write() -> None:
    assert {row.role for row in COMMANDS.values() if not row.acts} == {Role.TRIAGE}
    assert min(row.role for row in COMMANDS.values() if row.acts) is Role.WRITE


def test_no_two_commands_are_written_alike() -> None:
    assert len({row.usage.lower() for row in COMMANDS.values()}) == len(COMMANDS)
