"""What the adapter makes of Railway's answers, without a server: meanings, names, times, enums, documents."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files
from typing import Any

import pytest
from adapters.railway_world import ADAPTER
from graphql import GraphQLEnumType, GraphQLSchema, OperationDefinitionNode, build_schema, validate
from hypothesis import example, given
from hypothesis import strategies as st

from devops_daemon.adapters.railway import read
from devops_daemon.adapters.railway.answers import (
    EDGE_WAIT,
    LIMIT_WAIT,
    LONGEST_WAIT,
    Data,
    Failed,
    Meaning,
    Refused,
    Reply,
    Throttled,
    Why,
    limit_of,
    resets_at,
    understand,
)
from devops_daemon.adapters.railway.documents import document, names
from devops_daemon.adapters.railway.names import LONGEST_NAME, LONGEST_VALUE, PROVIDED, problems
from devops_daemon.hosting import (
    Commit,
    Deployment,
    Engine,
    HostedService,
    HttpLine,
    Instance,
    InstanceState,
    LogLine,
    Measure,
    Phase,
    PlatformNews,
    Proxy,
    Sample,
    Series,
    Step,
    Traffic,
    Variable,
)

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=20)
TRACE = "7083465017311291921"
RATE = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "0"}
JSON = "application/json; charset=utf-8"
Json = dict[str, Any]


def reply(body: object, status: int = 200, headers: Mapping[str, str] | None = None, kind: str = JSON) -> Reply:
    return Reply(status, kind, headers or {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def refusal(message: str, code: str = "INTERNAL_SERVER_ERROR", **more: object) -> Json:
    return {"data": None, "errors": [{"message": message, "extensions": {"code": code}, **more}]}


# --- what an answer means


@pytest.mark.parametrize(
    ("given_reply", "meaning"),
    [
        (reply({"data": {"a": 1}}), Data({"a": 1})),
        (reply({"data": {}}), Data({})),
        (reply({"data": {"a": 1}, "errors": []}), Data({"a": 1})),
        (reply({"data": {"a": None}}), Data({"a": None})),
        (reply({"data": {"a": 1}, "errors": [{"message": "a part"}]}), Data({"a": 1}, ("a part",))),
        (reply({"data": {"a": None}, "errors": [{"message": "no"}]}), Refused("no")),
        (reply({"data": None}), Failed("the answer holds neither data nor an error")),
        (reply({"data": [1]}), Failed("the answer holds neither data nor an error")),
        (reply(refusal("Not Authorized")), Refused("Not Authorized", Why.NOT_AUTHORIZED)),
        (
            reply(refusal("Not Authorized", traceId=TRACE)),
            Refused(f"Not Authorized (traceId {TRACE})", Why.NOT_AUTHORIZED),
        ),
        (reply(refusal("Project Token not found")), Refused("Project Token not found", Why.DEAD_TOKEN)),
        (
            reply(refusal("Authentication required", "UNAUTHENTICATED"), 400),
            Refused("Authentication required", Why.DEAD_TOKEN),
        ),
        (reply(refusal("Deployment not found")), Refused("Deployment not found", Why.NOT_FOUND)),
        (reply(refusal("Commit not found", "BAD_USER_INPUT")), Refused("Commit not found", Why.NOT_FOUND)),
        (reply(refusal("Cannot be done")), Refused("Cannot be done")),
        (reply(refusal("Unknown", "GRAPHQL_VALIDATION_FAILED"), 400), Refused("Unknown", Why.DRIFT)),
        (reply(refusal("Syntax", "GRAPHQL_PARSE_FAILED"), 400), Refused("Syntax", Why.DRIFT)),
        (reply({"errors": [{"message": "Problem processing request"}]}), Failed("Problem processing request")),
        (
            reply({"errors": [{"message": "Problem processing request", "extensions": {"traceId": TRACE}}]}),
            Failed(f"Problem processing request (traceId {TRACE})"),
        ),
        (reply(refusal("Something broke"), 500), Failed("Something broke")),
        (
            reply(refusal("Service deployment rate limit exceeded")),
            Throttled("Service deployment rate limit exceeded", LIMIT_WAIT, everything=False),
        ),
        (
            reply(refusal("You are creating volumes too quickly, wait 12s")),
            Throttled("You are creating volumes too quickly, wait 12s", timedelta(seconds=12), everything=False),
        ),
        (
            reply(refusal("creating new projects too quickly: 2 minutes")),
            Throttled("creating new projects too quickly: 2 minutes", timedelta(minutes=2), everything=False),
        ),
        (
            reply(refusal("only one environment can be created per user every 30s")),
            Throttled(
                "only one environment can be created per user every 30s", timedelta(seconds=30), everything=False
            ),
        ),
        (
            reply(refusal("creating services too quickly: 999999999 min")),
            Throttled("creating services too quickly: 999999999 min", timedelta(hours=1), everything=False),
        ),
        (reply(refusal("your plan's rate limit is low")), Refused("your plan's rate limit is low")),
        (reply({"errors": ["text"]}), Refused("text")),
        (reply({"errors": "text"}), Refused("text")),
        (reply({"errors": [{}]}), Refused("no message")),
        (reply({"errors": [{"message": "a\nb\x1b[31m", "extensions": 1}]}), Refused("a b [31m")),
        (reply({"errors": [{"message": "x" * 200}]}), Refused("x" * 80 + "…")),
        (
            reply(b"error code: 1015", 429, kind="text/plain"),
            Throttled(
                "Railway's edge refuses requests for now (429: text/plain: error code: 1015)",
                EDGE_WAIT,
                everything=True,
            ),
        ),
        (
            reply(b"", 429, {"Retry-After": "1200"}, ""),
            Throttled(
                "Railway's edge refuses requests for now (429: no content type)", timedelta(minutes=20), everything=True
            ),
        ),
        (
            reply(b"", 429, {"retry-after": "7"}, ""),
            Throttled("Railway's edge refuses requests for now (429: no content type)", EDGE_WAIT, everything=True),
        ),
        (
            reply(b"<h1>Forbidden</h1>", 403, kind="text/html"),
            Throttled("Railway's edge refused the request (403: text/html: Forbidden)", EDGE_WAIT, everything=True),
        ),
        (reply(refusal("Not Authorized"), 403), Refused("Not Authorized", Why.NOT_AUTHORIZED)),
        (
            reply(b"<title>502</title>", 502, kind="text/html"),
            Failed("Railway's gateway answered 502 (text/html: 502)"),
        ),
        (
            reply(b"gone", 404, kind="text/plain"),
            Refused("status 404 (text/plain: gone): RAILWAY_API_URL is not Railway's GraphQL API"),
        ),
        (reply(b"{}"), Failed("the answer is not GraphQL (application/json: {})")),
        (reply(b"\xff\xfe", kind=""), Failed("the answer is not GraphQL (no content type: \ufffd\ufffd)")),
    ],
)
def test_an_answer_means_what_its_status_and_words_say(given_reply: Reply, meaning: Meaning) -> None:
    assert understand(given_reply, NOW) == meaning


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "37.5"}, timedelta(seconds=37.5)),
        ({"retry-after": "2"}, timedelta(seconds=2)),
        ({"Retry-After": "100000"}, LONGEST_WAIT),
        ({"Retry-After": "-1"}, LIMIT_WAIT),
        ({"Retry-After": "nan"}, LIMIT_WAIT),
        ({"Retry-After": "inf"}, LIMIT_WAIT),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, LIMIT_WAIT),
        ({"X-RateLimit-Reset": str(int(LATER.timestamp()))}, timedelta(minutes=20)),
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) - 5)}, LIMIT_WAIT),
        ({"Retry-After": "3", "X-RateLimit-Reset": str(int(LATER.timestamp()))}, timedelta(seconds=3)),
        ({}, LIMIT_WAIT),
    ],
)
def test_a_used_up_limit_is_waited_for_as_long_as_the_answer_says(headers: Mapping[str, str], wait: timedelta) -> None:
    told = understand(reply(b"Too Many Requests", 429, RATE | dict(headers)), NOW)
    assert told == Throttled("Railway's limit of requests is used up (429)", wait, everything=True)


def test_a_newer_name_of_the_limits_header_is_railways_too() -> None:
    told = understand(reply(b"", 429, {"RateLimit-Policy": "1000;w=3600"}), NOW)
    assert told == Throttled("Railway's limit of requests is used up (429)", LIMIT_WAIT, everything=True)


def test_a_secret_is_masked_before_the_text_is_cut() -> None:
    told = understand(reply(refusal("x" * 75 + "hunter2")), NOW, lambda text: text.replace("hunter2", "*"))
    assert told == Refused("x" * 75 + "*")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_errors = _json | st.lists(
    st.fixed_dictionaries({}, optional={"message": _json, "extensions": _json, "traceId": _json, "path": _json}),
    max_size=3,
)
_bodies = st.binary(max_size=64) | st.fixed_dictionaries({}, optional={"data": _json, "errors": _errors}).map(
    lambda value: json.dumps(value).encode()
)
_numbers = st.integers().map(str) | st.floats().map(str) | st.text(max_size=12)
_headers = st.dictionaries(
    st.sampled_from(["Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Server"]),
    _numbers | st.datetimes().map(datetime.isoformat) | st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
    max_size=4,
)


@given(
    status=st.sampled_from([200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 502, 504, 599]) | st.integers(100, 999),
    kind=st.text(max_size=12) | st.just(JSON),
    headers=_headers,
    body=_bodies,
)
@example(status=200, kind=JSON, headers={}, body=b"[" * 100_000)
@example(status=200, kind=JSON, headers={}, body=b'{"errors":[{"message":' + b"[" * 900 + b"]" * 900 + b"}]}")
@example(status=200, kind=JSON, headers={}, body=b'{"errors":[{"message":' + b"9" * 5_000 + b"}]}")
@example(status=429, kind="", headers={"X-RateLimit-Reset": "0001-01-01T00:00:00+23:59"}, body=b"")
@example(status=429, kind="", headers={"X-RateLimit-Reset": "9999-12-31T23:59:59-23:59"}, body=b"")
@example(status=429, kind="", headers={"X-RateLimit-Reset": "1e308"}, body=b"")
def test_whatever_comes_means_something_that_can_be_told(
    status: int, kind: str, headers: dict[str, str], body: bytes
) -> None:
    meaning = understand(Reply(status, kind, headers, body), NOW)
    limit_of(headers)
    if isinstance(meaning, Data):
        assert isinstance(meaning.data, dict)
        return
    assert meaning.text.isprintable()
    assert len(meaning.text) < 300
    if isinstance(meaning, Throttled):
        assert timedelta() <= meaning.wait <= LONGEST_WAIT


# --- limits


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (str(int(LATER.timestamp())), LATER),
        (f"{LATER.timestamp():.3f}", LATER),
        (str(int(LATER.timestamp() * 1000)), LATER),
        ("1200", LATER),
        ("1200.0", LATER),
        ("2026-09-01T12:20:00Z", LATER),
        ("2026-09-01T14:20:00+02:00", LATER),
        ("2026-09-01T12:20:00", LATER),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("-1e300", None),
    ],
)
def test_the_end_of_the_hour_is_read_however_it_is_written(text: str, at: datetime | None) -> None:
    assert resets_at({"x-ratelimit-reset": text}, NOW) == at


@pytest.mark.parametrize(
    ("headers", "limit"),
    [
        ({"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "999"}, (1000, 999)),
        ({"x-ratelimit-limit": "100", "x-ratelimit-remaining": "0"}, (100, 0)),
        ({"X-RateLimit-Limit": "1000"}, None),
        ({"X-RateLimit-Limit": "0", "X-RateLimit-Remaining": "0"}, None),
        ({"X-RateLimit-Limit": "many", "X-RateLimit-Remaining": "more"}, None),
        ({}, None),
    ],
)
def test_the_hours_limit_is_read_where_it_is_told(headers: Mapping[str, str], limit: tuple[int, int] | None) -> None:
    assert limit_of(headers) == limit


# --- names of variables

NO_NAME = "is no name of a variable: letters, digits and _, not beginning with a digit"
EMPTY = "has no value; a variable is taken away in Railway's dashboard, never by an empty value"
OURS = "is provided by Railway itself and would be overridden; choose another name"


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        ({"LOG_LEVEL": "info", "_x1": "${{shared.A}}", "a" * LONGEST_NAME: "x" * LONGEST_VALUE}, []),
        ({}, ["no variable is given; for example: LOG_LEVEL=info"]),
        ({"1ST": "x"}, [f"'1ST': {NO_NAME}"]),
        ({"": "x"}, [f"'': {NO_NAME}"]),
        ({"A B": "x"}, [f"'A B': {NO_NAME}"]),
        ({"É": "x"}, [f"'É': {NO_NAME}"]),
        ({"A\n": "x"}, [f"'A\\n': {NO_NAME}"]),
        ({"a" * (LONGEST_NAME + 1): "x"}, [f"'{'a' * 40}…': {NO_NAME}"]),
        ({"RAILWAY_SERVICE_ID": "x"}, [f"RAILWAY_SERVICE_ID: {OURS}"]),
        ({"railway_git_branch": "x"}, [f"railway_git_branch: {OURS}"]),
        ({"RAILWAY_RUN_UID": "0", "RAILWAY_DOCKERFILE_PATH": "x"}, []),
        ({"A": ""}, [f"'A': {EMPTY}"]),
        ({"A": "a\0b"}, ["'A': its value is not UTF-8 text without NUL"]),
        ({"A": "\ud800"}, ["'A': its value is not UTF-8 text without NUL"]),
        ({"A": "x" * (LONGEST_VALUE + 1)}, [f"'A': its value is longer than {LONGEST_VALUE} characters"]),
        ({"1": "", "B": "y"}, [f"'1': {NO_NAME}", f"'1': {EMPTY}"]),
    ],
)
def test_variables_that_may_not_be_set_are_named_with_the_reason(values: Mapping[str, str], lines: list[str]) -> None:
    assert problems(values) == lines


@given(st.dictionaries(st.text(max_size=12), st.text(min_size=9, max_size=40)))
def test_no_line_about_a_variable_shows_its_value(values: dict[str, str]) -> None:
    told = "\n".join(problems(values)).replace("its value is not UTF-8 text without NUL", "")
    assert not any(value in told for name, value in values.items() if value not in repr(name))


@pytest.mark.parametrize("name", sorted(PROVIDED))
def test_each_name_that_railway_provides_is_refused(name: str) -> None:
    assert problems({name: "x"}) == [f"{name}: {OURS}"]


# --- reading


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-09-01T12:00:00Z", NOW),
        ("2026-09-01T12:00:00.123456789Z", NOW + timedelta(microseconds=123_456)),
        ("2026-09-01T12:00:00.5Z", NOW + timedelta(milliseconds=500)),
        ("2026-09-01T12:00:00.000000001Z", NOW),
        ("2026-09-01T14:00:00.25+02:00", NOW + timedelta(milliseconds=250)),
        ("2026-09-01T12:00:00", NOW),
    ],
)
def test_a_time_is_read_with_any_number_of_decimals(text: str, at: datetime) -> None:
    assert read.moment(text) == at
    assert read.moment(text).tzinfo is UTC


@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=3))), min_value=datetime(1970, 1, 2)))  # noqa: DTZ001 # hypothesis wants a naive one
def test_a_time_is_the_same_however_it_was_written(at: datetime) -> None:
    assert read.moment(at.isoformat()) == at


def node(**differs: Any) -> Json:
    """A deployment as Railway tells it."""
    return {"id": "d", "serviceId": "s", "status": "SUCCESS", "createdAt": "2026-09-01T12:00:00.000Z"} | differs


@pytest.mark.parametrize("status", ["HIBERNATING", "", "success"])
def test_a_status_that_is_not_known_counts_as_under_way(status: str) -> None:
    assert read.deployment(node(status=status)) == Deployment("d", "s", status, Phase.UNKNOWN, NOW)


def test_a_state_of_a_replica_that_is_not_known_counts_as_starting() -> None:
    told = read.deployment(node(instances=[{"id": "i", "status": "DREAMING"}]))
    assert told.instances == (Instance("i", InstanceState.STARTING),)


@pytest.mark.parametrize("meta", [None, [], "text", {}, {"commitHash": None}, {"commitHash": 7}, {"commitHash": ""}])
def test_a_deployment_without_a_commit_is_read_all_the_same(meta: object) -> None:
    assert read.deployment(node(meta=meta)) == Deployment("d", "s", "SUCCESS", Phase.LIVE, NOW)


def test_a_deployment_is_read_with_all_that_is_told_of_it() -> None:
    told = node(
        statusUpdatedAt="2026-09-01T12:20:00.000Z",
        deploymentStopped=True,
        canRedeploy=True,
        canRollback=True,
        instances=[{"id": "i", "status": "EXITED"}],
        meta={
            "commitHash": "a" * 40,
            "commitMessage": "checkout: key hunter2",
            "commitAuthor": "maria",
            "branch": "main",
            "image": "redis:8",
            "patchId": "p",
            "buildOnly": True,
        },
    )
    assert read.deployment(told, lambda text: text.replace("hunter2", "*")) == Deployment(
        id="d",
        service_id="s",
        status="SUCCESS",
        phase=Phase.LIVE,
        created_at=NOW,
        changed_at=LATER,
        commit=Commit("a" * 40, "checkout: key *", "maria", "main"),
        image="redis:8",
        instances=(Instance("i", InstanceState.STOPPED),),
        stopped=True,
        can_redeploy=True,
        can_rollback=True,
        patch_id="p",
        build_only=True,
    )


def test_a_service_with_nothing_but_a_name_is_read() -> None:
    assert read.service({"serviceId": "s", "serviceName": "worker"}) == HostedService("s", "worker")


def test_the_hosts_of_a_service_are_compared_in_small_letters() -> None:
    domains = {"serviceDomains": [{"domain": "A.up.railway.app"}], "customDomains": [{"domain": "Shop.example"}]}
    told = read.service({"serviceId": "s", "serviceName": "shop", "domains": domains, "drainingSeconds": 0})
    assert (told.hosts, told.draining) == (("a.up.railway.app", "shop.example"), timedelta())


@pytest.mark.parametrize(
    ("image", "engine"),
    [
        ("ghcr.io/railwayapp-templates/postgres-ssl:16", Engine.POSTGRES),
        ("postgis/postgis", Engine.POSTGRES),
        ("timescale/timescaledb:latest-pg16", Engine.POSTGRES),
        ("redis:8.2.1", Engine.REDIS),
        ("bitnami/redis", Engine.REDIS),
        ("mongo:8.0", Engine.MONGO),
        ("mysql:9.4", Engine.MYSQL),
        ("ghcr.io/postgres-tools/backup", None),
        ("nginx", None),
        ("", None),
    ],
)
def test_an_image_tells_which_database_it_is(image: str, engine: Engine | None) -> None:
    assert read.engine(image) is engine


def line(seconds: int, **differs: Any) -> Json:
    stamp = (NOW + timedelta(seconds=seconds)).isoformat().replace("+00:00", ".123456789Z")
    return {"timestamp": stamp, "message": "hi", "severity": "info"} | differs


def test_lines_come_oldest_first_and_one_too_many_is_left_out() -> None:
    found = read.log_lines([line(3), line(1), line(2)], 2)
    assert [at.at.second for at in found] == [2, 3]
    assert read.log_lines([line(1)], 0) == []


@pytest.mark.parametrize(
    ("told", "level"),
    [
        ({"severity": "WARNING"}, "warn"),
        ({"severity": "err"}, "error"),
        ({"severity": "fatal"}, "error"),
        ({"severity": "trace"}, "debug"),
        ({"severity": None, "attributes": [{"key": "level", "value": '"Error"'}]}, "error"),
        ({"severity": None}, "info"),
        ({"severity": "notice"}, "notice"),
    ],
)
def test_levels_have_one_word_each(told: Json, level: str) -> None:
    (found,) = read.log_lines([line(0, **told)], 1)
    assert found.level == level


def test_the_quotes_of_json_are_taken_off_attributes() -> None:
    values = ['"error"', "plain", '"', '""', '"a"b"', ""]
    told = [{"key": str(place), "value": value} for place, value in enumerate(values)]
    (found,) = read.log_lines([line(0, attributes=told, tags={"serviceId": "s", "deploymentInstanceId": "i"})], 1)
    assert found == LogLine(
        at=NOW + timedelta(microseconds=123_456),
        message="hi",
        service_id="s",
        instance_id="i",
        attributes=(("0", "error"), ("1", "plain"), ("2", '"'), ("3", ""), ("4", 'a"b'), ("5", "")),
    )


@pytest.mark.parametrize(
    ("details", "errors", "detail"),
    [
        ("", "", ""),
        (None, None, ""),
        ("Failed to forward", "[]", "Failed to forward"),
        ("", "null", ""),
        ("Failed", '[{"error":"reset"}]', 'Failed; [{"error":"reset"}]'),
    ],
)
def test_what_the_edge_says_of_a_request_is_one_line(details: str | None, errors: str | None, detail: str) -> None:
    row = {
        "timestamp": "2026-09-01T12:00:00.000000000Z",
        "method": "GET",
        "path": "/",
        "host": "shop.example",
        "httpStatus": 502,
        "totalDuration": 1500,
        "responseDetails": details,
        "upstreamErrors": errors,
    }
    assert read.http_lines([row], 5) == [HttpLine(NOW, "GET", "/", "shop.example", 502, timedelta(seconds=1.5), detail)]


def test_steps_come_oldest_first_with_what_went_wrong() -> None:
    rows: list[Json] = [
        {
            "step": "HEALTHCHECK",
            "createdAt": "2026-09-01T12:20:00Z",
            "completedAt": None,
            "payload": {
                "error": "no answer",
                "reason": "no answer",
                "detail": "port 1",
                "attempt": 2,
                "maxAttempts": 5,
            },
        },
        {"step": "NEW_STEP", "createdAt": "2026-09-01T12:00:00Z", "completedAt": "2026-09-01T12:20:00Z"},
    ]
    assert read.steps({"deploymentEvents": {"edges": [{"node": row} for row in rows]}}) == [
        Step("NEW_STEP", NOW, LATER),
        Step("HEALTHCHECK", LATER, error="no answer: port 1", attempt=2, attempts=5),
    ]


def test_variables_are_those_of_the_service_or_the_shared_ones() -> None:
    rows: list[Json] = [
        {"name": "B", "serviceId": "s", "isSealed": True, "references": None},
        {"name": "A", "serviceId": "s", "isSealed": None, "references": ["shared.C"]},
        {"name": "C", "serviceId": None, "isSealed": False},
        {"name": "D", "serviceId": "", "isSealed": False},
    ]
    assert read.variables(rows, "s") == [
        Variable("A", "s", references=("shared.C",)),
        Variable("B", "s", sealed=True),
    ]
    assert [variable.name for variable in read.variables(rows, None)] == ["C", "D"]


def test_proxies_that_go_are_not_there() -> None:
    def row(status: str, deleted: str | None = None) -> Json:
        about = {"id": status, "domain": "a.proxy.rlwy.net", "proxyPort": 1, "applicationPort": 5432}
        return about | {"syncStatus": status, "deletedAt": deleted}

    rows = [row(status) for status in ("CREATING", "ACTIVE", "DELETING", "DELETED", "NEW")]
    found = read.proxies({"tcpProxies": [*rows, row("ACTIVE", "2026-09-01T12:00:00Z")]})
    assert found == [
        Proxy(status, "a.proxy.rlwy.net", 1, 5432, ready=status == "ACTIVE") for status in ("CREATING", "ACTIVE", "NEW")
    ]
    assert read.proxies({"tcpProxies": None}) == []


def test_measures_that_are_not_ours_are_left_out() -> None:
    rows: list[Json] = [
        {"measurement": "CPU_USAGE", "tags": {"serviceId": "s"}, "values": [{"ts": NOW.timestamp(), "value": 1}]},
        {"measurement": "BACKUP_USAGE_GB", "tags": {}, "values": []},
    ]
    assert read.series({"metrics": rows}) == [Series("s", Measure.CPU, ((NOW, 1.0),))]


def test_traffic_is_summed_up_and_the_worst_latency_counts() -> None:
    counts = [
        {"statusCode": 502, "samples": [{"ts": 1, "value": 0}, {"ts": 2, "value": 1}]},
        {"statusCode": 200, "samples": [{"ts": 1, "value": 2}, {"ts": 2, "value": 3.0}]},
    ]
    latency = [{"ts": 1, "p50": 5, "p95": 50, "p99": 500}, {"ts": 2, "p50": 7, "p95": 40, "p99": 400}]
    told = read.traffic({"httpMetricsGroupedByStatus": counts}, {"httpDurationMetrics": {"samples": latency}})
    p50, p95, p99 = (timedelta(milliseconds=number) for number in (7, 50, 500))
    moments = [datetime.fromtimestamp(second, UTC) for second in (1, 2)]
    samples = Sample(moments[0], 2, 0, p95), Sample(moments[1], 4, 1, timedelta(milliseconds=40))
    assert told == Traffic({200: 5, 502: 1}, p50, p95, p99, samples)


@pytest.mark.parametrize(
    ("told", "news"),
    [
        ({"isStable": True, "incident": None}, PlatformNews(stable=True)),
        ({"isStable": True, "maintenance": {"message": "soon", "start": "2026-09-02"}}, PlatformNews(stable=True)),
        ({"isStable": False, "incident": None}, PlatformNews(stable=False)),
        (
            {"isStable": True, "incident": {"message": "slow", "status": "MONITORING", "url": "https://s/1"}},
            PlatformNews(stable=False, text="slow", url="https://s/1"),
        ),
        (
            {"isStable": True, "incident": {"message": "slow", "status": "RESOLVED", "url": "https://s/1"}},
            PlatformNews(stable=True),
        ),
    ],
)
def test_news_are_trouble_only_while_it_lasts(told: Json, news: PlatformNews) -> None:
    assert read.news({"platformStatus": told}) == news


# --- documents and the schema


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema(files("devops_daemon.sandbox.railway").joinpath("schema.graphql").read_text(encoding="utf-8"))


def values_of(schema: GraphQLSchema, name: str) -> set[str]:
    kind = schema.type_map[name]
    assert isinstance(kind, GraphQLEnumType)
    return set(kind.values)


@pytest.mark.parametrize("name", names())
def test_a_document_holds_one_operation_of_its_own_name(name: str) -> None:
    operations = [each for each in document(name).document.definitions if isinstance(each, OperationDefinitionNode)]
    assert [operation.name and operation.name.value for operation in operations] == [name]
    assert document(name).operation_name == name


@pytest.mark.parametrize("name", names())
def test_a_document_fits_the_schema_of_the_sandbox(name: str, schema: GraphQLSchema) -> None:
    assert validate(schema, document(name).document) == []


def test_every_document_is_used_and_every_one_that_is_used_is_there() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted(ADAPTER.glob("*.py")))
    quoted = set(re.findall(r'"([A-Z][A-Za-z]+)"', source))
    assert set(names()) - quoted == set()
    called = set(re.findall(r'(?:read|write|read_openly|pages|send|parsed)\(\s*"([A-Z][A-Za-z]+)"', source))
    assert called - {"IntrospectionQuery"} - set(names()) == set()


def test_no_stream_is_asked_for() -> None:
    assert "subscription" not in "".join(path.read_text("utf-8") for path in (ADAPTER / "documents").iterdir())


@pytest.mark.parametrize(
    ("enum", "table"),
    [("DeploymentStatus", read.PHASES), ("DeploymentInstanceStatus", read.INSTANCE_STATES)],
)
def test_a_table_of_an_enum_has_each_of_its_values(enum: str, table: Mapping[str, Any], schema: GraphQLSchema) -> None:
    assert set(table) == values_of(schema, enum)


def test_every_measure_is_one_of_railways_and_ours(schema: GraphQLSchema) -> None:
    assert set(read.MEASURES) <= values_of(schema, "MetricMeasurement")
    assert set(read.MEASURES.values()) == set(Measure)


def test_every_phase_has_a_status_but_the_unknown_one() -> None:
    assert set(read.PHASES.values()) == set(Phase) - {Phase.UNKNOWN}
    assert set(read.INSTANCE_STATES.values()) == set(InstanceState)
