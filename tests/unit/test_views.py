"""Why a pull request is not merged, in words."""

from dataclasses import replace

import pytest

from devops_daemon.commands.views import reasons_of
from devops_daemon.forge import Check, Pull

GOOD = Pull(
    number=12,
    title="cart: quicker",
    head_sha="a" * 40,
    base="main",
    draft=False,
    open=True,
    merged=False,
    mergeable=True,
    state="clean",
    checks=(Check("e2e", passed=True, word="success"),),
)


@pytest.mark.parametrize(
    ("pull", "reasons"),
    [
        (GOOD, ["nothing holds it that the forge tells of"]),
        (replace(GOOD, merged=True, open=False), ["it is merged"]),
        (replace(GOOD, open=False), ["it is closed"]),
        (replace(GOOD, draft=True), ["it is a draft"]),
        (replace(GOOD, checks=()), ["no check has reported on its last commit"]),
        (replace(GOOD, checks=(Check("e2e", passed=False, word="failure"),)), ["failed: e2e"]),
        (replace(GOOD, checks=(Check("e2e", passed=None, word="queued"),)), ["still running: e2e"]),
        (replace(GOOD, state="blocked"), ["a required check or review is missing"]),
        (replace(GOOD, state="behind"), ["its branch must be brought up to date with its base first"]),
        (replace(GOOD, state="dirty", mergeable=False), ["it conflicts with its base"]),
        (replace(GOOD, state="unknown", mergeable=None), ["whether it can be merged is being computed"]),
    ],
)
def test_each_thing_that_holds_it_is_said(pull: Pull, reasons: list[str]) -> None:
    assert reasons_of(pull) == reasons
