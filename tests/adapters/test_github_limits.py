"""How fast the adapter asks and writes: GitHub's limits and our own, on a clock that only passes where one waits."""

import asyncio
from datetime import timedelta

import pytest
from adapters.github_world import NOW, Steady, http_date

from devops_daemon.adapters.github.answers import LIMIT_WAIT, LONGEST_WAIT, Throttled
from devops_daemon.adapters.github.errors import ThrottledError
from devops_daemon.adapters.github.headers import Quota
from devops_daemon.adapters.github.limits import AT_ONCE, PARALLEL, WINDOWS, Limits

USED_UP = "GitHub allows no more requests"


def limits(steady: Steady) -> Limits:
    return Limits(lambda: NOW, steady, steady.pause)


async def take(of: Limits, resource: str = "core", *, writes: bool = False) -> None:
    async with of.turn(resource, writes=writes):
        pass


def headers(resource: str, left: int, seconds: int = 600) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": "5000",
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Resource": resource,
        "X-RateLimit-Reset": str(int(NOW.timestamp()) + seconds),
        "Date": http_date(NOW),
    }


async def test_five_writes_go_at_once_and_then_one_a_second() -> None:
    steady = Steady()
    of = limits(steady)
    for _ in range(AT_ONCE + 3):
        await take(of, writes=True)
    assert steady.pauses == [1, 1, 1]


async def test_the_bucket_of_writes_fills_again_while_nothing_is_written_and_not_beyond_five() -> None:
    steady = Steady()
    of = limits(steady)
    for _ in range(AT_ONCE):
        await take(of, writes=True)
    steady.now += 3600
    for _ in range(AT_ONCE):
        await take(of, writes=True)
    assert steady.pauses == []
    await take(of, writes=True)
    assert steady.pauses == [1]


async def test_reads_are_not_slowed_down() -> None:
    steady = Steady()
    of = limits(steady)
    for _ in range(1000):
        await take(of)
    assert steady.pauses == []


async def test_never_more_is_written_than_github_allows_in_a_minute_and_in_an_hour() -> None:
    steady = Steady()
    of = limits(steady)
    at: list[float] = []

    async def write_for_ever() -> None:
        while True:
            await take(of, writes=True)
            at.append(steady.now)

    with pytest.raises(ThrottledError) as raised:
        await write_for_ever()
    for span, most in WINDOWS:
        assert max(sum(start <= each < start + span.total_seconds() for each in at) for start in at) <= most
    assert len(at) == 500
    assert raised.value.own
    assert str(raised.value) == "our own limit of 500 writes in 60 min is used up; free again in 52 min"
    steady.now += raised.value.wait.total_seconds()
    await take(of, writes=True)


async def test_writes_go_one_after_the_other_and_at_most_ten_requests_at_the_same_time() -> None:
    of = limits(Steady())
    inside, most = {True: 0, False: 0}, {True: 0, False: 0}
    free = asyncio.Event()

    async def ask(*, writes: bool) -> None:
        async with of.turn("core", writes=writes):
            inside[writes] += 1
            most[writes] = max(most[writes], inside[writes])
            if not writes and inside[False] == PARALLEL:
                free.set()
            if not writes:
                await free.wait()
            await asyncio.sleep(0)
            inside[writes] -= 1

    await asyncio.gather(*(ask(writes=False) for _ in range(3 * PARALLEL)))
    await asyncio.gather(*(ask(writes=True) for _ in range(AT_ONCE)))
    assert most == {True: 1, False: PARALLEL}


async def test_a_resource_that_is_used_up_closes_itself_and_no_other() -> None:
    steady = Steady()
    of = limits(steady)
    of.note(headers("search", 0))
    await take(of, "core")
    with pytest.raises(ThrottledError, match=r"GitHub allows no more requests \(search\); free again in 10 min"):
        await take(of, "search")
    steady.now += 602
    await take(of, "search")


async def test_what_is_left_of_each_resource_is_known() -> None:
    of = limits(Steady())
    of.note(headers("core", 4999))
    of.note(headers("graphql", 0))
    of.note({})
    assert of.quotas == {"core": Quota("core", 5000, 4999), "graphql": Quota("graphql", 5000, 0)}


async def test_a_secondary_limit_closes_everything_for_as_long_as_it_says() -> None:
    steady = Steady()
    of = limits(steady)
    told = of.throttled(Throttled("slow down", timedelta(seconds=30), "core", secondary=True), "core")
    assert (str(told), told.own) == ("slow down; free again in 30 s", False)
    for resource in ("core", "search", "graphql"):
        with pytest.raises(ThrottledError):
            await take(of, resource)
    steady.now += 31
    await take(of, "graphql")


async def test_a_limit_that_tells_no_time_is_waited_for_longer_each_time_until_something_gets_through() -> None:
    of = limits(Steady())
    bare = Throttled("slow down", LIMIT_WAIT, None, secondary=True, assumed=True)
    assert [of.throttled(bare, "core").wait for _ in range(4)] == [LIMIT_WAIT * times for times in (1, 2, 4, 8)]
    assert [of.throttled(bare, "core").wait for _ in range(9)][-1] == LONGEST_WAIT
    of.works()
    assert of.throttled(bare, "core").wait == LIMIT_WAIT


async def test_a_primary_limit_without_a_name_closes_what_was_asked_for() -> None:
    of = limits(Steady())
    of.throttled(Throttled(USED_UP, timedelta(minutes=5), None, secondary=False), "graphql")
    await take(of, "core")
    with pytest.raises(ThrottledError, match="free again in 5 min"):
        await take(of, "graphql")


async def test_a_shorter_limit_does_not_open_what_a_longer_one_has_closed() -> None:
    steady = Steady()
    of = limits(steady)
    for seconds in (300, 10):
        of.throttled(Throttled(USED_UP, timedelta(seconds=seconds), "core", secondary=False), "core")
    steady.now += 20
    with pytest.raises(ThrottledError, match="free again in 5 min"):
        await take(of)
