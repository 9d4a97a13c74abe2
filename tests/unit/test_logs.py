"""The log: a JSON object a line whatever is logged, and a way out for no secret."""

import io
import json
import logging
import math
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest
import structlog
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from devops_daemon import logs
from devops_daemon.redaction import MASK, Redactor

PROPERTY = hypothesis_settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # what was logged is taken away by each example
)
SECRET = "s3cret-value"


class Log:
    """What has been logged since it was last looked at."""

    def __init__(self) -> None:
        self.bytes = io.BytesIO()
        self.stream = io.TextIOWrapper(self.bytes, encoding="utf-8", newline="\n")

    def text(self) -> str:
        self.stream.flush()
        text = self.bytes.getvalue().decode()
        self.bytes.seek(0)
        self.bytes.truncate()
        return text

    def lines(self) -> list[dict[str, Any]]:
        """Each line as JSON in the strict sense: no NaN, no Infinity."""
        text = self.text()
        assert text.endswith("\n") or not text
        return [json.loads(line, parse_constant=_no_json) for line in text.split("\n")[:-1]]


def _no_json(name: str) -> NoReturn:
    pytest.fail(f"{name} is not JSON")


Configure = Callable[..., Log]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """Set the log up within a test, where pytest's own handlers go too, and everything back to what it was after it."""
    root, ours = logging.getLogger(), list[logging.Handler]()
    handlers, level, raising = list(root.handlers), root.level, logging.raiseExceptions
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook

    def start(*, level: str = "debug", json_lines: bool = True) -> Log:
        log = Log()
        logs.configure(level=level, json_lines=json_lines, redactor=Redactor([SECRET]), stream=log.stream)
        ours.extend(root.handlers)
        return log

    yield start
    for handler in ours:
        root.removeHandler(handler)
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    logging.raiseExceptions = raising
    logging.captureWarnings(capture=False)
    sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
    structlog.reset_defaults()


# Lines


def test_time_level_and_message_come_first_and_then_the_facts(configure: Configure) -> None:
    log = configure()
    structlog.get_logger("test").warning("probe.failed", probe="backend", status=500)
    (line,) = log.lines()
    assert list(line) == ["timestamp", "level", "message", "probe", "status"]
    assert {**line, "timestamp": ""} == {
        "timestamp": "",
        "level": "warning",
        "message": "probe.failed",
        "probe": "backend",
        "status": 500,
    }
    assert line["timestamp"].endswith("Z")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(line["timestamp"])).total_seconds()) < 60


def test_the_standard_librarys_lines_have_the_same_form(configure: Configure) -> None:
    log = configure()
    logging.getLogger("some.library").warning("tried %d times", 3, extra={"host": "example"})
    (line,) = log.lines()
    assert list(line)[:3] == ["timestamp", "level", "message"]
    assert (line["level"], line["message"], line["host"]) == ("warning", "tried 3 times", "example")


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_less_than_the_level_is_not_logged(configure: Configure, level: str, seen: list[str]) -> None:
    log = configure(level=level)
    for name in ("debug", "info", "warning", "error"):
        getattr(structlog.get_logger("test"), name)("x")
        getattr(logging.getLogger("test"), name)("x")
    assert [line["level"] for line in log.lines()] == [name for name in seen for _ in range(2)]


@pytest.mark.parametrize("name", ["apscheduler.scheduler", "alembic.runtime", "aiohttp.access", "sqlalchemy.engine"])
def test_chatty_libraries_are_heard_from_warnings_on(configure: Configure, name: str) -> None:
    log = configure()
    logging.getLogger(name).info("chat")
    logging.getLogger(name).warning("trouble")
    assert [line["message"] for line in log.lines()] == ["trouble"]


def test_what_is_bound_to_the_context_is_in_each_line(configure: Configure) -> None:
    log = configure()
    with structlog.contextvars.bound_contextvars(round=7):
        structlog.get_logger("test").info("x")
    assert log.lines()[0]["round"] == 7


class Unwritable:
    """What cannot be written as text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def _cyclic() -> list[Any]:
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    return cyclic


def _deep() -> list[Any]:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    return deep


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(Unwritable(), id="no text"),
        pytest.param({"inside": [Unwritable()]}, id="no text inside"),
        pytest.param(_cyclic(), id="cyclic"),
        pytest.param(_deep(), id="deep"),
        pytest.param("not UTF-8: \udcff", id="surrogate"),
        pytest.param(math.nan, id="nan"),
        pytest.param([math.inf, -math.inf], id="inf"),
        pytest.param({1: 2, None: 3, (4, 5): 6}, id="keys"),
        pytest.param({"a", 1}, id="set"),
        pytest.param(10**400, id="huge"),
        pytest.param(b"\xff\x00", id="bytes"),
        pytest.param("one\ntwo\r\u2028three\x00\x1b[31m", id="control"),
    ],
)
def test_a_line_is_json_and_is_not_lost_whatever_a_field_holds(configure: Configure, value: Any) -> None:
    log = configure()
    structlog.get_logger("test").info("event", field=value, other=1)
    assert [(line["message"], line["other"]) for line in log.lines()] == [("event", 1)]


texts = st.text(st.characters(), max_size=10)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.binary(max_size=5) | st.datetimes(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts | st.integers() | st.none(), inner, max_size=3)
        | st.tuples(inner)
    ),
    max_leaves=6,
)
MEANT = {"self", "event", "exc_info", "stack_info", "timestamp", "level", "message", "_record", "_from_structlog"}


@PROPERTY
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    st.dictionaries(st.text(max_size=6).filter(lambda name: name not in MEANT), anything, max_size=3),
)
def test_any_fields_make_one_line_of_json(configure: Configure, event: str, fields: dict[str, Any]) -> None:
    log = configure()
    structlog.get_logger("test").info(event, **fields)
    (line,) = log.lines()
    assert list(line)[:3] == ["timestamp", "level", "message"]
    assert set(line) == {"timestamp", "level", "message", *fields}


def test_a_wrong_call_of_a_library_does_not_end_the_program(configure: Configure) -> None:
    log = configure()
    logging.getLogger("library").warning("%d", "no number")
    structlog.get_logger("test").info("after")
    assert log.lines()[-1]["message"] == "after"


# Secrets


def _raise(text: str) -> NoReturn:
    raise ValueError(text)


def _in_an_exception() -> None:
    try:
        try:
            _raise(f"first {SECRET}")
        except ValueError as error:
            error.add_note(f"a note of {SECRET}")
            raise RuntimeError(f"then {SECRET}") from error
    except RuntimeError:
        structlog.get_logger("test").exception("event")
        logging.getLogger("test").exception("event")


WAYS_OF_A_CALL: dict[str, Callable[[], object]] = {
    "the event": lambda: structlog.get_logger("test").info(f"event {SECRET}"),
    "a field": lambda: structlog.get_logger("test").info("event", field=SECRET),
    "a bound field": lambda: structlog.get_logger("test").bind(field=SECRET).info("event"),
    "a nested field": lambda: structlog.get_logger("test").info("event", field=[{"a": ({"b": SECRET},)}]),
    "a nested key": lambda: structlog.get_logger("test").info("event", field={SECRET: 1, "a": {SECRET: 2}}),
    "a key": lambda: structlog.get_logger("test").info("event", **{SECRET: 1, f"x-{SECRET}": 2}),
    "an object": lambda: structlog.get_logger("test").info(
        "event", field=Path("/x") / SECRET, other=ValueError(SECRET)
    ),
    "bytes": lambda: structlog.get_logger("test").info("event", field=SECRET.encode()),
    "an exception": _in_an_exception,
    "a group of exceptions": lambda: structlog.get_logger("test").error(
        "event", exc_info=ExceptionGroup(SECRET, [ValueError(SECRET), KeyError(SECRET)])
    ),
    "a library's message": lambda: logging.getLogger("library").warning(f"event {SECRET}"),  # noqa: G004 # as libraries do
    "a library's argument": lambda: logging.getLogger("library").warning("event %s", SECRET),
    "a library's mapping": lambda: logging.getLogger("library").warning("event %(a)s", {"a": SECRET}),
    "a library's object": lambda: logging.getLogger("library").warning("event %r", [ValueError(SECRET)]),
    "a library's extra": lambda: logging.getLogger("library").warning("event", extra={"field": SECRET, SECRET: 1}),
    "a warning": lambda: warnings.warn(f"event {SECRET}", UserWarning, stacklevel=2),
}


@pytest.mark.parametrize("json_lines", [True, False], ids=["json", "console"])
@pytest.mark.parametrize("way", WAYS_OF_A_CALL)
def test_no_secret_gets_out_by(
    configure: Configure,
    capfd: pytest.CaptureFixture[str],
    way: str,
    json_lines: bool,  # noqa: FBT001 # the row's own value
) -> None:
    log = configure(json_lines=json_lines)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        WAYS_OF_A_CALL[way]()
    text = log.text()
    assert SECRET not in text
    assert MASK in text
    assert "".join(capfd.readouterr()) == ""


START = """
import asyncio, gc, logging, os, sys, threading, warnings
import structlog
from devops_daemon import logs
from devops_daemon.redaction import Redactor

SECRET = "-".join(("s3cret", "value"))
logs.configure(level="info", json_lines=True, redactor=Redactor([SECRET]))
log = structlog.get_logger("test")

def fail(*_):
    raise ValueError("event " + SECRET)

async def fail_later():
    fail()
"""

WAYS_OF_A_PROCESS = {
    "an uncaught exception": "fail()",
    "an uncaught exception of a thread": """
thread = threading.Thread(target=fail, name=SECRET)
thread.start()
thread.join()
""",
    "a task that nobody awaited": """
async def main():
    logs.watch_loop(asyncio.get_running_loop())
    task = asyncio.create_task(fail_later(), name=SECRET)
    await asyncio.sleep(0)
    del task
    gc.collect()
asyncio.run(main())
""",
    "a callback of the loop": """
async def main():
    logs.watch_loop(asyncio.get_running_loop())
    asyncio.get_running_loop().call_soon(fail, SECRET)
    await asyncio.sleep(0.01)
asyncio.run(main())
""",
    "an exception that nobody can catch": """
class Ended:
    __del__ = fail
Ended()
gc.collect()
""",
    "a warning at the end": "warnings.warn('event ' + SECRET)",
}


def _run(script: str, *, encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "utf8", "-W", "always", "-c", START + script],
        capture_output=True,
        encoding=encoding,
        check=False,
        timeout=20,
    )


@pytest.mark.parametrize("way", WAYS_OF_A_PROCESS)
def test_no_secret_gets_out_of_a_process_by(way: str) -> None:
    ended = _run(WAYS_OF_A_PROCESS[way])
    assert "s3cret-value" not in ended.stdout + ended.stderr
    assert ended.stderr == "", "nothing is printed past the log"
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [f"event {MASK}" in json.dumps(line) for line in lines] == [True]
    assert ended.returncode == (1 if way == "an uncaught exception" else 0)


def test_ctrl_c_leaves_no_trace_in_the_log() -> None:
    ended = _run("raise KeyboardInterrupt")
    assert (ended.stdout, ended.stderr) == ("", "")


@pytest.mark.parametrize(
    "breaking",
    [
        pytest.param("os.close(1)", id="closed"),
        pytest.param("os.dup2(os.open('/dev/full', os.O_WRONLY), 1)", id="full"),
        pytest.param("sys.stdout.write = fail", id="raising"),
        pytest.param("logging.getLogger().handlers[0].format = fail", id="unformattable"),
    ],
)
def test_where_the_log_cannot_be_written_nothing_is_printed_and_the_program_goes_on(breaking: str) -> None:
    ended = _run(
        f"{breaking}\nlog.info('event', field=SECRET)\nlogging.getLogger('x').warning('%s', SECRET)\n"
        "os.write(2, b'went on')\nos._exit(0)"
    )
    assert (ended.stdout, ended.stderr, ended.returncode) == ("", "went on", 0)
