"""Which deployment may be at fault, and whether memory ran out: by what is kept, written and measured."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from builders import START, a_commit, a_line, at

from devops_daemon.hosting import Became, DeploymentRecord, Measure, Phase, Series, Step
from devops_daemon.incidents.memory import at_limit, ran_out, says_so
from devops_daemon.incidents.suspect import CLOCKS_DIFFER, LOOKED_BACK, suspect_of


def a_deployed(named: str = "d1", live: float | None = -40, well: float | None = None) -> DeploymentRecord:
    """Build the row of a deployment that went live so many seconds after the first failure."""
    return DeploymentRecord(
        id=named,
        service_id="s1",
        service="backend",
        status="SUCCESS",
        phase=Phase.LIVE,
        became=Became.LIVE,
        created_at=START - timedelta(minutes=5),
        seen_at=START - timedelta(minutes=5),
        commit=a_commit("b"),
        live_at=None if live is None else at(live),
        well_at=None if well is None else at(well),
    )


def test_what_went_live_just_before_the_first_failure_is_named_with_the_times() -> None:
    found = suspect_of([a_deployed()], START)
    assert found is not None
    assert (found.deployment_id, found.code, found.failing_since) == ("d1", "b" * 40, True)
    assert found.text == "bbbbbbb cart: quicker went live at 11:59:20 UTC, 40 s before the first failure"


def test_what_was_well_for_a_while_is_named_and_is_no_proof() -> None:
    found = suspect_of([a_deployed(well=-10)], START)
    assert found is not None
    assert not found.failing_since
    assert found.text.endswith("and was well for a while")
    later = suspect_of([a_deployed(well=10)], START)
    assert later is not None
    assert later.failing_since, "it was found well only after it had failed"


def test_of_several_the_last_one_is_meant() -> None:
    found = suspect_of([a_deployed("old", -600), a_deployed("new", -5), a_deployed("never", None)], START)
    assert found is not None
    assert found.deployment_id == "new"


@pytest.mark.parametrize(
    ("live_at", "named"),
    [
        (START - LOOKED_BACK, True),
        (START - LOOKED_BACK - timedelta(seconds=1), False),
        (START + CLOCKS_DIFFER, True),
        (START + CLOCKS_DIFFER + timedelta(seconds=1), False),
    ],
)
def test_what_came_long_before_or_after_is_no_suspect(live_at: datetime, named: bool) -> None:  # noqa: FBT001 # a table
    assert (suspect_of([replace(a_deployed(), live_at=live_at)], START) is not None) is named


# Memory


@pytest.mark.parametrize(
    "line",
    [
        "MemoryError",
        "java.lang.OutOfMemoryError: Java heap space",
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        "fatal error: runtime: out of memory",
        "Out of memory: Killed process 7 (python) total-vm:2118400kB",
        "[ERROR] Worker (pid:9) was sent SIGKILL! Perhaps out of memory?",
        "oom-kill:constraint=CONSTRAINT_MEMCG, oom_killed",
        "fork: Cannot allocate memory",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "process exited with code 137",
        "Deployment.oomKilled",
    ],
)
def test_what_runtimes_and_kernels_write_when_memory_runs_out_is_known(line: str) -> None:
    assert says_so(line)


@pytest.mark.parametrize(
    "line",
    [
        "memory usage 512 MB of 8 GB",
        "in-memory cache cleared",
        "no longer out of memory",
        "settings that prevent out of memory",
        "exited with code 1",
        "order 137 was shipped",
        "room for improvement",
        "",
    ],
)
def test_what_only_speaks_of_memory_is_none(line: str) -> None:
    assert not says_so(line)


def series(used: float, limit: float) -> list[Series]:
    return [
        Series("s1", Measure.MEMORY, ((START, 0.1), (at(60), used))),
        Series("s1", Measure.MEMORY_LIMIT, ((START, limit),)),
    ]


def test_memory_at_its_limit_counts_where_the_process_has_ended() -> None:
    assert at_limit(series(7.7, 8))
    assert not at_limit(series(7.5, 8))
    assert not at_limit([])
    assert ran_out([], [], series(7.7, 8), crashed=True)
    assert not ran_out([], [], series(7.7, 8), crashed=False), "a cache may fill it by right"
    assert ran_out([a_line("MemoryError")], [], [], crashed=False)
    assert ran_out([], [Step("HEALTHCHECK", START, error="container oom-killed")], [], crashed=False)
