"""Clusters: lines of one kind are one template, lines that tell of different things are not, and no line is lost."""

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from effort import cpu_within
from hypothesis import example, given
from hypothesis import strategies as st

from devops_daemon.clusters import Cluster, cluster
from devops_daemon.hosting import LogLine

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
UUID = "b3f6c1de-8f14-4e45-9c1c-0d9d5a1e4f6a"


def lines(*messages: str, level: str = "info") -> list[LogLine]:
    """Lines a second apart."""
    return [LogLine(NOON + timedelta(seconds=second), message, level) for second, message in enumerate(messages)]


def templates(*messages: str) -> dict[str, int]:
    return {found.template: found.count for found in cluster(lines(*messages))}


# What a template looks like


@pytest.mark.parametrize(
    ("message", "template"),
    [
        ("connection to 10.0.3.7:5432 failed after 12ms", "connection to <IP>:<NUM> failed after <NUM>ms"),
        ("listening on [::1]:8080 and fe80::1ff:fe23:4567:890a", "listening on [<IP>]:<NUM> and <IP>"),
        (f"order {UUID} kept", "order <UUID> kept"),
        ("deployed 63a1678 (63a1678e66c4930ea0e460c42ed38acfb56f163a)", "deployed <HEX> (<HEX>)"),
        ("at 0x7f3a2c, 3.5 MB, 99%, 1,024 rows", "at <HEX>, <NUM> MB, <NUM>%, <NUM> rows"),
        ("took 1h2m3.5s, 12 ms, 3.2\u00b5s", "took <DURATION>, <NUM> ms, <NUM>\u00b5s"),
        ("mail to some.one+tag@mail.example bounced", "mail to <EMAIL> bounced"),
        ("GET https://api.example/v1/items/42?page=3", "GET https://api.example/v1/items/<NUM>?page=<NUM>"),
        (f"GET /users/{UUID}/index-a46d6753ec148cb48.js", "GET /users/<UUID>/index-<HEX>.js"),
        ("req_8sd7f9sd8f7gh21kq by user_123", "req_<ID> by user_<NUM>"),
        ("until 2026-01-01T00:00:00Z or 12:30:45.123", "until <TIME> or <TIME>"),
        ("2026-01-01T00:00:00.123Z INFO started", "INFO started"),
        ("[2026-01-01 00:00:00,123] worker-3 started", "worker-<NUM> started"),
        ("\x1b[31mERROR\x1b[0m\tbad\x00 \u202e thing\ud800", "ERROR bad thing"),
        ("utf8 in x.py:12:5, std::string, cafe.babe", "utf8 in x.py:<NUM>:<NUM>, std::string, cafe.babe"),
        (
            '10.1.2.3 - - [01/Jan/2026:00:00:07 +0000] "GET / HTTP/1.1" 502 157',
            '<IP> - - [<TIME>] "GET / HTTP/1.1" 502 <NUM>',
        ),
        ("exit code 137, status=503, signal: 9", "exit code 137, status=503, signal: 9"),
        ("password=[redacted] of <*>", "password=[redacted] of <*>"),
        ("", "(empty)"),
        (" \n\x00\t", "(empty)"),
        ("word " * 40, " ".join(["word"] * 30) + "\u2026"),
    ],
)
def test_what_varies_is_named_by_its_kind(message: str, template: str) -> None:
    assert templates(message) == {template: 1}


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        (("user alice logged in", "user bob logged in"), {"user <*> logged in": 2}),
        (("a <*> in a line", "a <*> in a line", "a star in a line"), {"a <*> in a line": 3}),
        (("job 1 of alice done", "job 22 of bob done"), {"job <NUM> of <*> done": 2}),
        (("every order is kept", "early order is kept"), {"<*> order is kept": 2}),
        (("payment of alice refused", "payment of alice booked"), None),
        (('"GET /a HTTP/1.1" 200 5', '"GET /a HTTP/1.1" 502 5'), None),
        (("worker left with exit code 0", "worker left with exit code 137"), None),
        (("to db: connect ECONNREFUSED 10.0.0.1:1", "to db: connect ETIMEDOUT 10.0.0.1:1"), None),
        (("in the job: KeyError: 'a b c'", "in the job: TypeError: 'a b c'"), None),
        (("started", "all is well"), None),
    ],
)
def test_lines_are_alike_unless_they_tell_of_different_things(
    messages: Sequence[str], found: dict[str, int] | None
) -> None:
    assert templates(*messages) == (found if found is not None else dict.fromkeys(map(_alone, messages), 1))


def _alone(message: str) -> str:
    (template,) = templates(message)
    return template


# Of many lines, the one that says it

PYTHON = """Traceback (most recent call last):
  File "/app/db.py", line 12, in acquire
    return await pool.acquire()
           ^^^^^^^^^^^^^^^^^^^^
asyncpg.exceptions.TooManyConnectionsError: too many clients (100)
a second line of what it says"""
CHAINED = f"""{PYTHON}

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/web.py", line 3, in answer
app.Unavailable: the database"""
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "/app/web.py", line 3, in answer
  |     async with TaskGroup() as group:
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/app/web.py", line 9, in part
    |     raise ValueError("seven")
    | ValueError: seven
    +------------------------------------"""
NODE = """/app/server.js:12
        throw error
        ^

Error: connect ECONNREFUSED 127.0.0.1:5432
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16) {
  errno: -111
}"""
JAVA = """Servlet.service() threw exception
java.lang.IllegalStateException: no pool
\tat com.example.Web.answer(Web.java:12)
Caused by: java.net.ConnectException: Connection refused
\tat com.example.Db.open(Db.java:7)
\t... 35 more"""


@pytest.mark.parametrize(
    ("message", "template"),
    [
        ("first\nsecond", "first"),
        ("\n\n  first\nsecond", "first"),
        (PYTHON, "asyncpg.exceptions.TooManyConnectionsError: too many clients (<NUM>)"),
        (PYTHON.replace("\n", "\r\n"), "asyncpg.exceptions.TooManyConnectionsError: too many clients (<NUM>)"),
        (f"job 7 failed\n{CHAINED}", "job <NUM> failed \u2026 app.Unavailable: the database"),
        (GROUP, "ValueError: seven"),
        (NODE, "/app/server.js:<NUM> \u2026 Error: connect ECONNREFUSED <IP>:<NUM>"),
        (NODE.partition("\n\n")[2], "Error: connect ECONNREFUSED <IP>:<NUM>"),
        (JAVA, "Servlet.service() threw exception \u2026 Caused by: java.net.ConnectException: Connection refused"),
        ("Traceback (most recent call last):", "Traceback (most recent call last):"),
        ("Traceback (most recent call last):\n  cut", "Traceback (most recent call last):"),
        ("Traceback (most recent call last):\n" + "  File x\n" * 9999 + "OSError: disk", "OSError: disk"),
        ('{"level": "error", "msg": "order 7 lost", "n": 1}', "order <NUM> lost"),
        ('{"message": "", "event": "order.lost"}', "order.lost"),
        ('{"error": "no pool"}', "no pool"),
        (json.dumps({"event": "job failed", "exception": CHAINED}), "job failed \u2026 app.Unavailable: the database"),
        (
            json.dumps({"msg": "job failed", "err": {"stack": NODE.partition("\n\n")[2]}}),
            "job failed \u2026 Error: connect ECONNREFUSED <IP>:<NUM>",
        ),
        ('{"status": 502, "n": 7}', '{"status": 502, "n": <NUM>}'),
        ('{"msg": ["a"]}', '{"msg": ["a"]}'),
        ('{"msg": "cut o', '{"msg": "cut o'),
    ],
)
def test_a_message_is_known_by_the_line_that_says_what_happened(message: str, template: str) -> None:
    assert templates(message) == {template: 1}


# What a cluster holds


def test_a_cluster_gives_its_count_its_times_its_worst_level_and_its_first_message() -> None:
    said = [
        LogLine(NOON + timedelta(seconds=2), "order 3 kept", "info"),
        LogLine(NOON, "order 1 kept\nwhole", "Warning"),
        LogLine(NOON + timedelta(seconds=9), "order 2 kept", "odd"),
    ]
    last = NOON + timedelta(seconds=9)
    assert cluster(said) == (Cluster("order <NUM> kept", 3, NOON, last, "Warning", "order 1 kept\nwhole"),)


def test_the_most_frequent_is_first_then_the_earliest() -> None:
    found = cluster(lines("seldom said", "b", "often 1", "a", "often 2"))
    assert [one.template for one in found] == ["often <NUM>", "seldom said", "b", "a"]


@pytest.mark.parametrize(
    ("levels", "worst"),
    [
        (("info", "error", "warn"), "error"),
        (("debug", "info"), "info"),
        (("fatal", "err"), "fatal"),
        (("debug", "unheard of"), "unheard of"),
        (("warn", "unheard of", ""), "warn"),
    ],
)
def test_the_worst_level_is_given(levels: Sequence[str], worst: str) -> None:
    (found,) = cluster([LogLine(NOON, "the same", level) for level in levels])
    assert found.level == worst


def test_no_lines_are_no_clusters() -> None:
    assert cluster(()) == ()


# Any lines

WORDS = (
    "order",
    "kept",
    "lost",
    "alice",
    "<*>",
    "<NUM>",
    "\0",
    "7",
    UUID,
    "10.0.0.1",
    "status=500",
    "{",
    '{"msg": "a b"}',
)
worded = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
alike = st.lists(st.sampled_from(("one", "two", "3", "4")), min_size=5, max_size=5).map(" ".join)
any_text = st.text(st.characters(), max_size=30)
log_lines = st.lists(
    st.builds(
        LogLine,
        st.integers(0, 5).map(lambda second: NOON + timedelta(seconds=second)),
        alike | worded | any_text | st.sampled_from((PYTHON, CHAINED, GROUP, NODE, JAVA)),
        st.sampled_from(("debug", "info", "warn", "error", "ERR", "odd", "")),
    ),
    max_size=12,
)


@given(log_lines)
@example(lines("", "\0", "<*>", "<*> <*>", "(empty)"))
def test_no_line_is_lost_whatever_it_says(said: list[LogLine]) -> None:
    found = cluster(said)
    assert sum(one.count for one in found) == len(said)
    assert len({one.template for one in found}) == len(found)
    for one in found:
        assert one.first_at <= one.last_at
        assert any((line.at, line.message) == (one.first_at, one.sample) for line in said)
        assert one.level in {line.level for line in said}


@given(st.lists(alike, min_size=2, max_size=8), log_lines, st.randoms(use_true_random=False))
def test_the_order_of_the_lines_does_not_matter(messages: list[str], others: list[LogLine], chance: Random) -> None:
    said = [*(LogLine(NOON, message, "info") for message in messages), *others]
    assert cluster(chance.sample(said, len(said))) == cluster(said)


@given(log_lines)
def test_a_template_is_one_short_line_that_can_be_written(said: list[LogLine]) -> None:
    for one in cluster(said):
        assert not set("\n\r\t\0\x1b\u2028").intersection(one.template)
        assert one.template.strip() == one.template != ""
        assert one.template.encode()


@given(log_lines, st.integers(2, 3))
def test_said_more_often_it_is_counted_more_often(said: list[LogLine], times: int) -> None:
    once = {one.template: one.count for one in cluster(said)}
    assert {one.template: one.count for one in cluster(said * times)} == {
        template: count * times for template, count in once.items()
    }


@pytest.mark.parametrize(
    "unit",
    [
        *("x", "1,", "1.", "a.", "a:", ":", "a@", "a@a.", "%", "0a", "1h", "{", '{"a":', "[", "\n", "\r", " ", "\0"),
        *(
            "\x1b[",
            "a\n at x\n",
            "Traceback (most recent call last):\n",
            "\nCaused by: ",
            "  |",
            "status ",
            "error",
            "<*>",
        ),
    ],
)
def test_a_long_line_takes_no_long_time(unit: str) -> None:
    said = lines(*(unit * (2**20 // len(unit)) for _ in range(3)), '{"msg": "' + unit * 100_000)
    found = cpu_within(1, cluster, said)
    assert all(len(one.template) <= 801 for one in found)


@pytest.mark.parametrize("varied", [" x{0}", " E{0} x"])
def test_many_kinds_of_lines_take_no_long_time(varied: str) -> None:
    letters = str.maketrans("0123456789", "ghijklmnop")
    said = lines(*((varied.format(str(number).translate(letters)) * 30)[:290] for number in range(4000)))
    assert sum(one.count for one in cpu_within(4, cluster, said)) == len(said)


# The library behind it


def test_drain_says_nothing_and_is_not_there_until_it_is_needed(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    cluster(lines("a", "b 1"))
    assert (capfd.readouterr(), caplog.records) == (("", ""), [])
    asked = "import sys, devops_daemon.clusters; print('drain3' in sys.modules)"
    command = [sys.executable, "-W", "error", "-c", asked]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "False\n"
