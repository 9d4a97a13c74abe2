"""Notices reach a real receiver; a broken one is said without its secrets, and holds up nobody."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from receivers import LOOPBACK, SECRET, receiver
from structlog.testing import capture_logs

from devops_daemon.adapters.notices import MOST_AT_ONCE, AppriseNotices, is_known, place_of
from devops_daemon.ports import RefusedError, UnavailableError


async def test_a_notice_arrives_once_as_it_is() -> None:
    async with receiver() as here:
        text = "SEV1 \\n *not bold* <b>not</b> @everyone \u202e"
        await AppriseNotices([here.url]).send(0, "SEV1 opened: backend is down", text, "https://ops.example/1")
    assert [(each["title"], each["message"]) for each in here.got] == [
        ("SEV1 opened: backend is down", f"{text}\nhttps://ops.example/1")
    ]
    assert here.got[0]["attachments"] == []


async def test_one_that_is_broken_leaves_the_other_alone() -> None:
    async with receiver(status=500) as broken, receiver() as works:
        notices = AppriseNotices([broken.url, works.url])
        with pytest.raises(UnavailableError, match="does not take the notice"):
            await notices.send(0, "t", "x", None)
        await notices.send(1, "t", "x", None)
    assert len(works.got) == 1


async def test_one_that_hangs_is_not_waited_for() -> None:
    async with receiver(hangs=True) as here:
        began = asyncio.get_running_loop().time()
        with pytest.raises(UnavailableError, match="does not answer"):
            await AppriseNotices([here.url], timedelta(seconds=0.3)).send(0, "t", "x", None)
        assert asyncio.get_running_loop().time() - began < 2


async def test_one_that_hangs_again_and_again_takes_no_more_than_its_share() -> None:
    async with receiver(hangs=True) as here:
        notices = AppriseNotices([here.url], timedelta(seconds=0.05))
        for _ in range(MOST_AT_ONCE):
            with pytest.raises(UnavailableError, match="does not answer"):
                await notices.send(0, "t", "x", None)
        with pytest.raises(UnavailableError, match=f"has not answered {MOST_AT_ONCE} notices yet"):
            await notices.send(0, "t", "x", None)


async def test_under_dry_run_nobody_is_told() -> None:
    async with receiver() as here:
        with pytest.raises(RefusedError, match="DRY_RUN"):
            await AppriseNotices([here.url], dry_run=True).send(0, "t", "x", None)
    assert here.got == []


async def test_why_a_notice_was_not_taken_is_told_in_our_own_words() -> None:
    async with receiver(status=403) as here:
        with pytest.raises(UnavailableError, match="it answers 403"):
            await AppriseNotices([here.url]).send(0, "t", "x", None)
        gone = SecretStr(f"json://{LOOPBACK}:9")
        with pytest.raises(UnavailableError, match="it gives no answer"):
            await AppriseNotices([gone]).send(0, "t", "x", None)


async def test_nothing_of_an_address_is_told() -> None:
    async with receiver(status=403) as here:
        gone = SecretStr(f"json://me:{SECRET}@{LOOPBACK}:9/{SECRET}")
        notices = AppriseNotices([here.url, gone, SecretStr(f"nonsense://{SECRET}")])
        assert notices.places == (f"json at {LOOPBACK}:{here.port}", f"json at {LOOPBACK}:9", "nonsense")
        with capture_logs() as logs:
            for place, error in enumerate((UnavailableError, UnavailableError, RefusedError)):
                with pytest.raises(error) as told:
                    await notices.send(place, "t", "x", None)
                assert SECRET not in str(told.value)
        assert SECRET not in str(logs)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("slack://a/b/c", "slack"),
        ("mailto://user:pass@mail.example", "mailto"),
        ("pagerduty://key@api", "pagerduty"),
        ("jsons://ops.example/hook", "jsons at ops.example"),
        ("json://[::1", "json"),
        ("jsons://me:half@way@ops.example/hook", "jsons at ops.example"),
        ("json://ops.example?token=a@b", "json"),
        ("nothing at all", "something without a kind"),
    ],
)
def test_a_place_is_named_without_what_is_secret(url: str, place: str) -> None:
    assert place_of(url) == place


@pytest.mark.parametrize(
    ("url", "known"),
    [("json://127.0.0.1/x", True), ("ntfy://topic", True), ("nonsense://x", False), ("", False)],
)
def test_what_apprise_does_not_know_is_told_apart(url: str, known: bool) -> None:  # noqa: FBT001 # a table
    assert is_known(url) is known


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=40))
def test_no_part_of_an_address_that_may_be_secret_is_in_its_name(rest: str) -> None:
    assert SECRET not in place_of(f"jsons://{rest}:{SECRET}@{rest}")
    assert SECRET not in place_of(f"slack://{rest}{SECRET}")
