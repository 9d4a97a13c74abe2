"""What a webhook tells, read once; and real bodies, every one of which can be read."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import START, a_comment, an_account, an_arrival
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.entrypoints.deliveries import UnreadableError, read, sort, swept
from devops_daemon.forge import Comment, CommentMade, Ignored
from devops_daemon.inbox import Arrival, DeliveryState

REPOSITORY = "acme/shop"
DATA = Path(os.environ.get("CONFORMANCE_DATA") or Path(__file__).parents[3] / "shared") / "facts/github"
PAYLOADS = sorted([*DATA.glob("payloads/*.json"), *DATA.glob("payloads-extra/*.json")])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def a_payload(**changed: Any) -> dict[str, Any]:
    """Build the body of a comment on issue 12 by maria; a field of the comment is changed by name."""
    comment = {
        "id": 7001,
        "body": "@devops help",
        "html_url": "https://forge.example.com/7001",
        "created_at": "2026-01-05T12:00:00Z",
        "user": {"login": "maria", "type": "User"},
    }
    return {
        "action": changed.pop("action", "created"),
        "repository": {"full_name": changed.pop("repository", REPOSITORY)},
        "issue": {"number": changed.pop("number", 12)},
        "comment": comment | changed,
    }


@pytest.mark.parametrize("form", [False, True])
def test_a_comment_is_read_from_json_and_from_a_form(form: bool) -> None:  # noqa: FBT001 # a case of the table
    assert read(an_arrival(payload=a_payload(), form=form), REPOSITORY) == CommentMade(a_comment())


def test_a_comment_of_a_program_says_so() -> None:
    arrival = an_arrival(payload=a_payload(user={"login": "copilot[bot]", "type": "Bot"}))
    assert read(arrival, REPOSITORY) == CommentMade(a_comment(author=an_account("copilot[bot]", bot=True)))


@pytest.mark.parametrize("app", [{"slug": "an-agent"}, {}])
def test_a_comment_that_an_app_wrote_in_a_persons_name_says_so(app: object) -> None:
    arrival = an_arrival(payload=a_payload(performed_via_github_app=app))
    assert read(arrival, REPOSITORY) == CommentMade(replace(a_comment(), via_app=True))


def test_a_comment_that_no_app_wrote_is_the_persons_own() -> None:
    arrival = an_arrival(payload=a_payload(performed_via_github_app=None))
    assert read(arrival, REPOSITORY) == CommentMade(a_comment())


@pytest.mark.parametrize("action", ["edited", "deleted", "pinned", "something new", None, 7, {}])
def test_only_new_comments_are_read(action: object) -> None:
    assert read(an_arrival(payload=a_payload(action=action)), REPOSITORY) == Ignored(
        "only what is newly written is read"
    )


def test_what_happens_in_another_repository_is_not_ours() -> None:
    assert read(an_arrival(payload=a_payload(repository="acme/other")), REPOSITORY) == Ignored(
        "it is about another repository"
    )


def test_the_case_of_a_repositorys_name_does_not_matter() -> None:
    assert isinstance(read(an_arrival(payload=a_payload(repository="Acme/Shop")), REPOSITORY), CommentMade)


def test_an_event_that_nothing_waits_for_is_ignored_by_name_without_being_read() -> None:
    arrival = Arrival("g-1", "star", b"\xff not even JSON", form=False, received_at=START)
    assert sort(arrival, REPOSITORY).note == "nothing waits for star"


def test_a_comment_of_an_account_that_is_gone_is_ignored() -> None:
    assert read(an_arrival(payload=a_payload(user=None)), REPOSITORY) == Ignored("its author's account is gone")


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"@devops", "the body is not JSON"),
        (b'{"@devops', "the body is not JSON"),
        (b'["@devops"]', "the body is no JSON object"),
        (b"@devops \xff\xfe", "the body is not UTF-8 text"),
        (b'{"@devops":' * 100_000 + b"1" + b"}" * 100_000, "the body is nested too deeply"),
        (b'{"@devops": ' + b"9" * 10_000 + b"}", "the body is not JSON"),
    ],
)
def test_a_body_that_cannot_be_read_is_kept_as_failed_with_the_reason(body: bytes, what: str) -> None:
    sorted_ = sort(Arrival("g-1", "issue_comment", body, form=False, received_at=START), REPOSITORY)
    assert (sorted_.state, sorted_.note) == (DeliveryState.FAILED, what)


@pytest.mark.parametrize("body", [b"", b"a=b", b"payload=", b"payload=%7B", b"&&&", b"%ff=%ff", b"\xff"])
def test_what_does_not_bear_our_name_is_done_whatever_it_is(body: bytes) -> None:
    for form in (True, False):
        sorted_ = sort(Arrival("g-1", "issue_comment", body, form, START), REPOSITORY)
        assert (sorted_.state, sorted_.note) == (DeliveryState.DONE, "the comment does not speak to us")


@pytest.mark.parametrize("body", [b"devops", b"a=devops", b"payload=devops", b"payload=%7Bdevops", b"&devops&&"])
def test_a_form_without_a_payload_is_kept_as_failed(body: bytes) -> None:
    sorted_ = sort(Arrival("g-1", "issue_comment", body, form=True, received_at=START), REPOSITORY)
    assert sorted_.state is DeliveryState.FAILED


@pytest.mark.parametrize(
    "changed",
    [
        {"id": None},
        {"id": True},
        {"id": -1},
        {"id": 2**63},
        {"number": "12"},
        {"created_at": "yesterday"},
        {"created_at": None},
    ],
)
def test_a_comment_without_what_is_needed_is_unreadable(changed: dict[str, Any]) -> None:
    with pytest.raises(UnreadableError):
        read(an_arrival(payload=a_payload(**changed)), REPOSITORY)


def test_a_comment_that_does_not_speak_to_us_is_done_at_once() -> None:
    sorted_ = sort(an_arrival(payload=a_payload(body="thanks!")), REPOSITORY)
    assert (sorted_.state, sorted_.note) == (DeliveryState.DONE, "the comment does not speak to us")


def test_a_comment_that_speaks_to_us_waits_for_its_issue() -> None:
    sorted_ = sort(an_arrival(payload=a_payload(body="hi @DevOps, help", number=77)), REPOSITORY)
    assert (sorted_.state, sorted_.subject) == (DeliveryState.PENDING, "issue:77")


def test_nothing_that_a_database_cannot_take_comes_through() -> None:
    event = read(an_arrival(payload=a_payload(body="@devops a\0b\ud800c")), REPOSITORY)
    assert isinstance(event, CommentMade)
    assert event.comment.body == "@devops a\ufffdb?c"


@pytest.mark.parametrize("via_app", [True, False])
def test_a_swept_comment_reads_as_the_comment_that_it_is(via_app: bool) -> None:  # noqa: FBT001 # a case of the table
    comment = replace(a_comment("@devops status", author=an_account("agent[bot]", bot=True)), via_app=via_app)
    arrival = swept(comment, REPOSITORY, START)
    assert (arrival.guid, read(arrival, REPOSITORY)) == ("swept-comment-7001", CommentMade(comment))


@given(st.binary(max_size=200), st.booleans())
def test_sorting_never_raises_whatever_the_bytes_are(body: bytes, form: bool) -> None:  # noqa: FBT001 # generated
    sort(Arrival("g-1", "issue_comment", body, form, START), REPOSITORY)


@given(json_values)
def test_sorting_never_raises_whatever_the_json_is(value: object) -> None:
    sort(an_arrival(payload={"action": "created", "comment": value, "issue": value, "repository": value}), None)
    sort(an_arrival(payload=a_payload(user=value, body=value, html_url=value)), REPOSITORY)


def test_all_real_bodies_are_here_where_any_are() -> None:
    assert len(PAYLOADS) in {0, 178}


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.name)
@pytest.mark.parametrize("form", [False, True])
def test_every_real_body_can_be_read(path: Path, form: bool) -> None:  # noqa: FBT001 # a case of the table
    name = path.name.partition(".")[0].replace("-", "_")
    event = "issue_comment" if "issue_comment" in name else name
    found = read(an_arrival(event, json.loads(path.read_text()), form=form), None)
    new = event == "issue_comment" and json.loads(path.read_text())["action"] == "created"
    assert isinstance(found, CommentMade if new else Ignored)
    assert not isinstance(found, CommentMade) or isinstance(found.comment, Comment)
