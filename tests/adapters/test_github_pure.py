"""What the adapter makes of GitHub's answers, without a server: meanings, headers, limits, nouns, secrets."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from adapters.github_world import NOW, comment_row, http_date
from graphql import GraphQLEnumType
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.adapters.github import read, read_pulls
from devops_daemon.adapters.github.answers import (
    LIMIT_WAIT,
    LONGEST_WAIT,
    Done,
    Failed,
    Meaning,
    Moved,
    NotModified,
    Refused,
    Reply,
    Throttled,
    Why,
    needed,
    understand,
    understand_graphql,
)
from devops_daemon.adapters.github.asked import Asked
from devops_daemon.adapters.github.cache import LARGEST, MOST, MOST_BYTES, Cache
from devops_daemon.adapters.github.comments import CONTENT
from devops_daemon.adapters.github.headers import Quota, date_of, next_page, quota_of, seconds_in, until_reset
from devops_daemon.adapters.github.hooks import leads_here
from devops_daemon.adapters.github.masking import Masking
from devops_daemon.forge import Account, Check, Comment, HookDelivery, Pull, Reaction, Repository, Role
from devops_daemon.inbox import Arrival
from devops_daemon.ports import UnavailableError
from devops_daemon.redaction import MASK, Redactor

Json = dict[str, Any]
MINUTE = timedelta(minutes=1)
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes."
PRIMARY = "API rate limit exceeded for user ID 1."
NO_RIGHT = "Resource not accessible by personal access token"
SLOW = "GitHub asks to slow down (its secondary limit)"
USED_UP = "GitHub allows no more requests (core)"


def reply(body: object, status: int = 200, **headers: Any) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, named, body if isinstance(body, bytes) else json.dumps(body).encode())


def refusal(message: str, status: int, **headers: str) -> Reply:
    return reply({"message": message, "documentation_url": "https://docs.github.com"}, status, **headers)


def epoch(at: datetime) -> str:
    return str(int(at.timestamp()))


# --- what an answer means


@pytest.mark.parametrize(
    ("given_reply", "meaning"),
    [
        (reply([1]), Done([1])),
        (reply({"id": 1}, 201), Done({"id": 1})),
        (reply(b"", 204), Done(None)),
        (reply(b"", 202), Done(None)),
        (reply(b"", 304), NotModified()),
        (reply(b"<html>GitHub</html>"), Failed("GitHub's answer is not JSON (GitHub)")),
        (reply(b'{"id": 21'), Failed('GitHub\'s answer is not JSON ({"id": 21)')),
        (
            reply(b"", 301, Location="https://api.github.com/repositories/1"),
            Moved("https://api.github.com/repositories/1"),
        ),
        (reply({"message": "Moved"}, 301), Refused("GitHub answered 301: Moved")),
        (refusal("Bad credentials", 401), Refused("GitHub answered 401: Bad credentials", Why.DEAD_TOKEN)),
        (refusal(NO_RIGHT, 403), Refused(f"GitHub answered 403: {NO_RIGHT}", Why.MISSING_RIGHT)),
        (
            refusal(NO_RIGHT, 403, X_Accepted_GitHub_Permissions="issues=write; pull_requests=write"),
            Refused(
                f"GitHub answered 403: {NO_RIGHT} (it needs issues: write; pull_requests: write)", Why.MISSING_RIGHT
            ),
        ),
        (
            refusal("Must have admin rights to Repository.", 403),
            Refused("GitHub answered 403: Must have admin rights to Repository.", Why.MISSING_RIGHT),
        ),
        (
            refusal("Repository was archived so is read-only.", 403),
            Refused("GitHub answered 403: Repository was archived so is read-only."),
        ),
        (
            refusal(NO_RIGHT, 403, X_RateLimit_Remaining="0", X_RateLimit_Reset=epoch(NOW + MINUTE)),
            Refused(f"GitHub answered 403: {NO_RIGHT}", Why.MISSING_RIGHT),
        ),
        (refusal("Not Found", 404), Refused("GitHub answered 404: Not Found", Why.NOT_FOUND)),
        (refusal("Issues are disabled", 410), Refused("GitHub answered 410: Issues are disabled", Why.GONE)),
        (refusal("Head was modified", 409), Refused("GitHub answered 409: Head was modified", Why.CONFLICT)),
        (refusal("Not mergeable", 405), Refused("GitHub answered 405: Not mergeable")),
        (refusal("Problems parsing JSON", 400), Refused("GitHub answered 400: Problems parsing JSON", Why.INVALID)),
        (
            reply({"message": "Validation Failed", "errors": [{"field": "body", "code": "missing"}, "odd", 7]}, 422),
            Refused("GitHub answered 422: Validation Failed; body missing; odd; 7", Why.INVALID),
        ),
        (
            reply({"message": "Validation Failed", "errors": [{"message": "body is too long"}]}, 422),
            Refused("GitHub answered 422: Validation Failed; body is too long", Why.INVALID),
        ),
        (refusal("Server Error", 500), Failed("GitHub answered 500 (Server Error)")),
        (reply(b"<p>Unicorn!</p>", 503), Failed("GitHub answered 503 (Unicorn!)")),
        (reply(b"", 502), Failed("GitHub answered 502 (no words)")),
        (reply({"message": "a\nb\x1b[31m"}, 404), Refused("GitHub answered 404: a b [31m", Why.NOT_FOUND)),
    ],
)
def test_an_answer_means_what_status_headers_and_words_say_together(given_reply: Reply, meaning: Meaning) -> None:
    told = understand(given_reply, NOW)
    assert (Done(told.data) if isinstance(told, Done) else told) == meaning


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(
    ("message", "headers", "limit"),
    [
        (SECONDARY, {"Retry_After": "7"}, Throttled(SLOW, timedelta(seconds=7), None, secondary=True)),
        (SECONDARY, {}, Throttled(SLOW, LIMIT_WAIT, None, secondary=True, assumed=True)),
        (
            "You have triggered an abuse detection mechanism.",
            {"Retry_After": "30"},
            Throttled(SLOW, timedelta(seconds=30), None, secondary=True),
        ),
        (
            PRIMARY,
            {
                "X_RateLimit_Remaining": "0",
                "X_RateLimit_Reset": epoch(NOW + timedelta(minutes=9)),
                "X_RateLimit_Resource": "core",
            },
            Throttled(USED_UP, timedelta(minutes=9, seconds=1), "core", secondary=False),
        ),
        (
            "Forbidden for an hour",
            {"X_RateLimit_Remaining": "0", "X_RateLimit_Resource": "search", "Retry_After": "99999"},
            Throttled("GitHub allows no more requests (search)", LONGEST_WAIT, "search", secondary=False),
        ),
        (
            PRIMARY,
            {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "soon"},
            Throttled(USED_UP, LIMIT_WAIT, None, secondary=False, assumed=True),
        ),
    ],
)
def test_403_and_429_may_both_be_a_limit(
    status: int, message: str, headers: Mapping[str, Any], limit: Throttled
) -> None:
    assert understand(refusal(message, status, **headers), NOW) == limit


def test_429_is_a_limit_whatever_it_says() -> None:
    assert isinstance(understand(reply(b"", 429), NOW), Throttled)


def test_a_reset_is_told_by_githubs_own_clock_where_ours_is_wrong() -> None:
    headers = {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": epoch(NOW + MINUTE), "Date": http_date(NOW)}
    told = understand(refusal(PRIMARY, 403, **headers), NOW + timedelta(hours=5))
    assert isinstance(told, Throttled)
    assert told.wait == timedelta(seconds=61)


@pytest.mark.parametrize(
    ("body", "meaning"),
    [
        ({"data": {"a": 1}}, Done({"a": 1})),
        ({"data": {"a": None}}, Done({"a": None})),
        ({"data": {"a": 1}, "errors": [{"message": "a part", "type": "FORBIDDEN"}]}, Done({"a": 1}, {}, ("a part",))),
        ({"data": None}, Failed("GitHub's answer holds neither data nor an error")),
        ([], Failed("GitHub's answer holds neither data nor an error")),
        (
            {"data": {"a": None}, "errors": [{"message": "no a", "type": "NOT_FOUND"}]},
            Refused("GitHub refused: no a", Why.NOT_FOUND),
        ),
        (
            {"data": None, "errors": [{"message": NO_RIGHT, "type": "FORBIDDEN"}]},
            Refused(f"GitHub refused: {NO_RIGHT}", Why.MISSING_RIGHT),
        ),
        ({"errors": "odd"}, Refused("GitHub refused: odd")),
        ({"errors": [{}]}, Refused("GitHub refused: no message")),
        (
            {"data": {"a": 1}, "errors": [{"message": "Something went wrong while executing your query."}]},
            Failed("GitHub: Something went wrong while executing your query."),
        ),
    ],
)
def test_graphql_tells_its_refusals_as_200(body: object, meaning: Meaning) -> None:
    told = understand_graphql(reply(body), NOW)
    assert (Done(told.data, {}, told.problems) if isinstance(told, Done) else told) == meaning


def test_graphqls_own_limit_is_200_with_an_error() -> None:
    body = {"data": None, "errors": [{"type": "RATE_LIMITED", "message": PRIMARY}]}
    headers: Json = {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": epoch(NOW + MINUTE)}
    text = "GitHub allows no more requests (graphql)"
    expected = Throttled(text, timedelta(seconds=61), "graphql", secondary=False)
    assert understand_graphql(reply(body, **headers), NOW) == expected
    assert understand_graphql(reply(body), NOW) == Throttled(text, LIMIT_WAIT, "graphql", secondary=False, assumed=True)


def test_graphql_may_be_refused_as_rest_is() -> None:
    assert understand_graphql(refusal("Bad credentials", 401), NOW) == Refused(
        "GitHub answered 401: Bad credentials", Why.DEAD_TOKEN
    )


NAMES = (
    *("Retry-After", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit-Limit", "X-RateLimit-Resource"),
    *("Date", "Location", "Link", "ETag", "X-Accepted-GitHub-Permissions"),
)
HEADERS = st.dictionaries(
    st.sampled_from(NAMES),
    st.one_of(st.text(max_size=30), st.integers().map(str), st.floats().map(str), st.just("0")),
)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "errors", "message", "type", "field", "code"]), inner, max_size=4)
    ),
    max_leaves=8,
)
BODIES = st.one_of(st.binary(max_size=60), JSONS.map(lambda value: json.dumps(value).encode()))
STATUSES = st.one_of(st.sampled_from([200, 201, 204, 301, 304, 401, 403, 404, 422, 429, 502]), st.integers(0, 999))


@given(STATUSES, HEADERS, BODIES)
def test_no_answer_whatsoever_breaks_the_reading_of_it(status: int, headers: dict[str, str], body: bytes) -> None:
    for meaning in (read_as(Reply(status, headers, body), NOW) for read_as in (understand, understand_graphql)):
        if isinstance(meaning, Throttled):
            assert timedelta() < meaning.wait <= LONGEST_WAIT
        if isinstance(meaning, Refused | Failed | Throttled):
            assert meaning.text.isprintable()
            assert len(meaning.text) < 400


def test_a_limit_without_a_name_counts_as_the_one_that_was_asked() -> None:
    told = understand(refusal(PRIMARY, 403, X_RateLimit_Remaining="0", X_RateLimit_Resource="\x1f"), NOW)
    assert isinstance(told, Throttled)
    assert (told.text, told.resource) == ("GitHub allows no more requests (core)", None)
    assert quota_of({"X-RateLimit-Resource": "a b", "X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "9"}) is None


@given(HEADERS)
def test_headers_are_read_whatever_is_in_them(headers: dict[str, str]) -> None:
    for look in (quota_of, next_page, date_of, needed):
        look(headers)
    left = until_reset(headers, NOW)
    assert left is None or left > timedelta()


def test_secrets_in_what_an_answer_says_are_masked_before_it_is_cut() -> None:
    masked = understand(refusal("x" * 70 + "hunter2-hunter2", 404), NOW, Redactor(["hunter2-hunter2"]).text)
    assert isinstance(masked, Refused)
    assert "hunter" not in masked.text


@pytest.mark.parametrize(
    ("headers", "quota"),
    [
        (
            {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4999", "x-ratelimit-resource": "core"},
            Quota("core", 5000, 4999),
        ),
        (
            {"X-RateLimit-Limit": "30", "X-RateLimit-Remaining": "0", "X-RateLimit-Resource": "search"},
            Quota("search", 30, 0),
        ),
        ({"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4999"}, None),
        ({"x-ratelimit-limit": "many", "x-ratelimit-remaining": "1", "x-ratelimit-resource": "core"}, None),
        ({}, None),
    ],
)
def test_the_limit_of_each_resource_is_read_where_it_is_told(headers: Mapping[str, str], quota: Quota | None) -> None:
    assert quota_of(headers) == quota


@pytest.mark.parametrize("text", ["", "-1", "0", "nan", "inf", "1e300", "soon"])
def test_a_number_of_seconds_that_is_none_is_not_waited_for(text: str) -> None:
    assert seconds_in(text) is None


def test_the_next_page_is_the_one_that_the_link_header_names() -> None:
    link = '<https://api.github.com/a?page=1>; rel="prev", <https://api.github.com/a?page=3>; rel="next"'
    assert next_page({"Link": link}) == "https://api.github.com/a?page=3"
    assert next_page({"Link": '<https://api.github.com/a?page=1>; rel="first"'}) is None


# --- settings and secrets


@pytest.mark.parametrize(
    ("api", "graphql"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://git.example.com/api/v3", "https://git.example.com/api/graphql"),
    ],
)
def test_graphql_of_github_enterprise_is_beside_its_rest(api: str, graphql: str) -> None:
    assert Asked(api, "acme/product").graphql_url == graphql


@pytest.mark.parametrize(
    ("url", "public_url", "ours"),
    [
        ("https://ops.example.com/webhooks/github", None, True),
        ("https://ops.example.com/webhooks/github/", "https://ops.example.com", True),
        ("https://ops.example.com/base/webhooks/github", None, True),
        ("https://other.example.com/webhooks/github", "https://ops.example.com", False),
        ("https://ops.example.com/hooks", None, False),
        ("", None, False),
        ("http://[", None, False),
    ],
)
def test_a_webhook_is_ours_by_its_path_and_by_its_host_where_that_is_known(
    url: str, public_url: str | None, *, ours: bool
) -> None:
    assert leads_here(url, Asked("https://api.github.com", "a/b", public_url=public_url)) is ours


@pytest.mark.parametrize("token", ["ghs_" + "a" * 36, "ghs_4242_eyJhbGciOiJS.eyJpc3MiOiI0.c2ln-bmF0_dXJl"])
def test_an_installation_token_is_masked_whatever_its_length(token: str) -> None:
    assert Masking(Redactor()).text(f"got {token}, sorry") == f"got {MASK}, sorry"


def test_a_token_that_was_learnt_is_masked_beside_those_of_the_settings() -> None:
    masking = Masking(Redactor(["of-the-settings"]))
    masking.learn("a-token-of-any-shape")
    assert masking.text("a-token-of-any-shape of-the-settings") == f"{MASK} {MASK}"


# --- nouns


@pytest.mark.parametrize(
    ("node", "role"),
    [
        ({"permission": "admin", "role_name": "admin"}, Role.ADMIN),
        ({"permission": "write", "role_name": "maintain"}, Role.MAINTAIN),
        ({"permission": "write", "role_name": "write"}, Role.WRITE),
        ({"permission": "read", "role_name": "triage"}, Role.TRIAGE),
        ({"permission": "read", "role_name": "read"}, Role.READ),
        ({"permission": "none", "role_name": "none", "user": None}, Role.NONE),
        (
            {"permission": "write", "role_name": "deployer", "user": {"permissions": {"pull": True, "push": True}}},
            Role.WRITE,
        ),
        (
            {"permission": "read", "role_name": "helper", "user": {"permissions": {"triage": True, "push": False}}},
            Role.TRIAGE,
        ),
        ({"permission": "write", "role_name": "odd", "user": {"permissions": {"push": "yes"}}}, Role.WRITE),
        ({"permission": "odd", "role_name": None}, Role.NONE),
        ({}, Role.NONE),
    ],
)
def test_a_role_is_the_precise_one_and_of_a_custom_role_the_most_that_it_may(node: Json, role: Role) -> None:
    assert read.role(node) is role


@pytest.mark.parametrize(
    ("node", "public"),
    [({"private": False}, True), ({"private": True}, False), ({}, False), ({"private": None}, False)],
)
def test_a_repository_is_public_only_where_that_is_said(node: Json, *, public: bool) -> None:
    told = {"full_name": "acme/product", "default_branch": "main"} | node
    assert read.repository(told) == Repository("acme/product", public, "main")


@pytest.mark.parametrize(
    ("node", "account"),
    [
        ({"login": "maria", "type": "User"}, Account("maria")),
        ({"login": "shop[bot]", "type": "Bot"}, Account("shop[bot]", bot=True)),
        (None, Account("ghost")),
        ({}, Account("ghost")),
    ],
)
def test_whoever_is_gone_is_a_ghost_and_a_bot_is_one_by_its_type(node: Json | None, account: Account) -> None:
    assert read.account(node) == account


def test_a_comment_is_read_with_the_issue_it_is_on() -> None:
    url = "https://github.com/acme/product/issues/7#issuecomment-3"
    expected = Comment(3, 7, Account("maria"), "hi", NOW + timedelta(seconds=3), url)
    assert read.comment(comment_row(3)) == expected


@pytest.mark.parametrize(("seconds", "edited"), [(0, False), (1, False), (2, True), (86_400, True)])
def test_a_comment_whose_change_is_later_than_a_second_was_edited(seconds: int, *, edited: bool) -> None:
    row = comment_row(3)
    changed = read.moment(row["created_at"]) + timedelta(seconds=seconds)
    assert read.comment(row | {"updated_at": changed.isoformat()}).edited is edited


def test_a_comment_that_does_not_tell_its_last_change_is_as_it_was_written() -> None:
    assert not read.comment(comment_row(3, updated_at=None)).edited


@pytest.mark.parametrize(("app", "via_app"), [(None, False), ({"slug": "an-agent"}, True), ({}, True)])
def test_a_comment_that_an_app_wrote_in_a_persons_name_says_so(app: object, *, via_app: bool) -> None:
    assert read.comment(comment_row(3, performed_via_github_app=app)).via_app is via_app


def test_a_comment_without_words_and_author_is_one_too() -> None:
    told = read.comment(comment_row(3, None, user=None, html_url=None))  # type: ignore[arg-type] # as it may come
    assert (told.body, told.author, told.url) == ("", Account("ghost"), "")


ODD: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just([]) | st.just({})
)


@given(st.dictionaries(st.sampled_from(sorted(comment_row(1))), ODD))
def test_an_odd_comment_is_no_comment_but_breaks_nothing(differs: Json) -> None:
    with suppress(UnavailableError):
        assert isinstance(read.parsed("a comment", read.comment, comment_row(1) | differs), Comment)


READERS = (read.role, read.account, read.app_account, read.repository, read.comment, read.delivery)
FIELDS = ("id", "login", "slug", "private", "full_name", "user", "permissions", "role_name", "status_code", "guid")
NODES = JSONS | st.dictionaries(st.sampled_from(FIELDS), JSONS)


PULL_READERS = (read_pulls.contexts, read_pulls.commits_of, read_pulls.paths, read_pulls.pull, read_pulls.merged)


@given(NODES)
def test_whatever_github_tells_is_a_noun_or_unavailable(node: object) -> None:
    for reader in READERS:
        with suppress(UnavailableError):
            read.parsed("it", reader, node)
    for more in (*PULL_READERS, lambda told: read.arrival(told, NOW)):
        with suppress(UnavailableError):
            read.parsed("it", more, node)


def test_what_is_missing_in_an_answer_is_told() -> None:
    with pytest.raises(UnavailableError, match="GitHub's answer about a comment is not as expected: KeyError"):
        read.parsed("a comment", read.comment, {})


NODE: Json = {
    "number": 42,
    "title": "Mend the checkout",
    "url": "https://github.com/acme/product/pull/42",
    "isDraft": False,
    "state": "OPEN",
    "merged": False,
    "mergeable": "CONFLICTING",
    "mergeStateStatus": "DIRTY",
    "headRefOid": "a" * 40,
    "baseRefName": "main",
    "labels": {"nodes": [{"name": "hold"}, None]},
    "head": {
        "nodes": [
            {
                "commit": {
                    "oid": "a" * 40,
                    "statusCheckRollup": {
                        "contexts": {
                            "pageInfo": {"hasNextPage": False, "endCursor": "x"},
                            "nodes": [
                                {
                                    "__typename": "CheckRun",
                                    "name": "test",
                                    "status": "COMPLETED",
                                    "conclusion": "FAILURE",
                                },
                                {"__typename": "CheckRun", "name": "lint", "status": "IN_PROGRESS", "conclusion": None},
                                {"__typename": "StatusContext", "context": "deploy", "state": "SUCCESS"},
                                None,
                            ],
                        }
                    },
                }
            }
        ]
    },
}


def test_a_pull_request_is_read_with_its_checks() -> None:
    checks, after = read_pulls.contexts(NODE)
    assert after is None
    assert read_pulls.pull(NODE, checks) == Pull(
        number=42,
        title="Mend the checkout",
        head_sha="a" * 40,
        base="main",
        draft=False,
        open=True,
        merged=False,
        mergeable=False,
        state="dirty",
        labels=("hold",),
        checks=(
            Check("test", passed=False, word="failure"),
            Check("lint", passed=None, word="in_progress"),
            Check("deploy", passed=True, word="success"),
        ),
        url="https://github.com/acme/product/pull/42",
        author=Account("ghost"),
    )


@pytest.mark.parametrize(("word", "mergeable"), [("MERGEABLE", True), ("CONFLICTING", False), ("UNKNOWN", None)])
def test_whether_it_can_be_merged_is_not_known_while_github_computes_it(word: str, *, mergeable: bool | None) -> None:
    assert read_pulls.pull(NODE | {"mergeable": word}).mergeable is mergeable


@pytest.mark.parametrize("rollup", [None, {}])
def test_a_commit_on_which_nothing_was_reported_has_no_checks(rollup: object) -> None:
    head = {"nodes": [{"commit": {"oid": "a" * 40, "statusCheckRollup": rollup}}]}
    assert read_pulls.contexts(NODE | {"head": head}) == ([], None)


@pytest.mark.parametrize(
    "node",
    [
        {"name": "x", "status": "COMPLETED", "conclusion": "NEW_WORD"},
        {"name": "x", "status": "COMPLETED", "conclusion": None},
        {"context": "x", "state": "NEW_WORD"},
    ],
)
def test_a_word_that_is_not_known_has_not_passed(node: Json) -> None:
    assert read_pulls.check(node).passed is False


def test_a_delivery_that_nobody_answered_has_not_arrived() -> None:
    node = {"id": 1, "guid": "g", "event": "push", "delivered_at": "2026-09-01T12:00:00Z"}
    assert read.delivery(node) == HookDelivery(1, "g", "push", NOW, arrived=False)
    assert read.delivery(node | {"status_code": 502}).arrived is False
    assert read.delivery(node | {"status_code": 202}).arrived is True


def test_what_a_delivery_was_to_bring_is_its_payload_and_the_event_of_its_headers() -> None:
    node = {
        "guid": "g",
        "event": "pull_request",
        "request": {"headers": {"X-GitHub-Event": "issue_comment"}, "payload": {"body": "é\ud800"}},
    }
    told = read.arrival(node, NOW)
    assert told == Arrival("g", "issue_comment", told.body, form=False, received_at=NOW)
    assert json.loads(told.body) == {"body": "é\ud800"}
    assert told.body.isascii() is False


@pytest.mark.parametrize("request_told", [None, {}, {"headers": None, "payload": None}, {"payload": "text"}])
def test_a_delivery_without_a_payload_is_none(request_told: object) -> None:
    with pytest.raises(UnavailableError, match="a delivery is not as expected"):
        read.parsed("a delivery", lambda node: read.arrival(node, NOW), {"guid": "g", "request": request_told})


def test_every_reaction_has_githubs_word() -> None:
    assert set(CONTENT) == set(Reaction)


# --- what was read before


def answer(etag: str | None, size: int = 10) -> Reply:
    body = json.dumps("x" * (size - 2)).encode()
    return Reply(200, {"ETag": etag, "Link": "<u>", "Date": "now"} if etag else {}, body)


def test_what_is_kept_is_known_by_who_asked_and_where() -> None:
    cache = Cache()
    cache.keep("me", "/a", answer('"1"'))
    known = cache.get("me", "/a")
    assert known is not None
    assert (known.etag, known.done) == ('"1"', Done("x" * 8, {"link": "<u>"}))
    assert cache.get("other", "/a") is None
    cache.keep("me", "/a", answer(None))
    assert cache.get("me", "/a") is None


def test_the_cache_is_bounded_in_number_and_size_and_keeps_what_was_used_last() -> None:
    cache = Cache()
    for place in range(MOST + 1):
        cache.keep("me", f"/{place}", answer('"1"'))
        cache.get("me", "/0")
    assert [cache.get("me", path) is None for path in ("/0", "/1", f"/{MOST}")] == [False, True, False]
    cache.keep("me", "/large", answer('"1"', LARGEST + 1))
    assert cache.get("me", "/large") is None
    for place in range(MOST_BYTES // LARGEST):
        cache.keep("me", f"/big{place}", answer('"1"', LARGEST))
    assert cache.get("me", "/0") is None
    assert cache.get("me", "/big1") is not None


# --- against GitHub's schema


@pytest.mark.parametrize(
    ("enum", "table"), [("CheckConclusionState", read_pulls.PASSED), ("StatusState", read_pulls.STATES)]
)
def test_a_table_of_an_enum_has_each_of_its_values(enum: str, table: Mapping[str, Any], schema_of_github: Any) -> None:
    kind = schema_of_github.type_map[enum]
    assert isinstance(kind, GraphQLEnumType)
    assert set(table) == set(kind.values)


@pytest.fixture
def schema_of_github() -> Any:
    from adapters.github_world import FACTS, schema  # noqa: PLC0415 # it takes seconds to build

    return schema() or pytest.skip(f"GitHub's schema is not here: {FACTS} (or set CONFORMANCE_DATA)")
