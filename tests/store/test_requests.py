"""Requests, switches and bookmarks on both databases: written once, moved by compare-and-set, kept over restarts."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from store.conftest import NOW, connect

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.history import HistoryRows
from devops_daemon.adapters.store.requests import RequestRows
from devops_daemon.adapters.store.switches import BookmarkRows, SwitchRows
from devops_daemon.asking import Request, RequestState
from devops_daemon.ports import PAUSED, LostRaceError, Switch

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ASKED = Request(
    id="comment:9000000000",
    issue=7,
    comment_id=9_000_000_000,
    author="maría",
    by_agent=False,
    hop=0,
    words="restart backend ½ 🐢",
    asked_at=NOW,
)
FULL = replace(
    ASKED,
    by_agent=True,
    hop=3,
    reply_id=9_000_000_001,
    act="restart",
    target="backend",
    acting_since=NOW + MINUTE,
    code="a" * 40,
    deployment_id="d1",
    followed_until=NOW + 3 * MINUTE,
    counted=7,
    headline="Done.",
    details="all of it",
    details_in_public="some of it",
    answered_at=NOW + 2 * MINUTE,
    outcome="done",
)


def asked(number: int, **changed: object) -> Request:
    at = NOW + number * MINUTE
    return replace(ASKED, **{"id": f"comment:{number}", "comment_id": number, "asked_at": at, **changed})  # type: ignore[arg-type] # a builder


async def opened(rows: RequestRows, *requests: Request) -> None:
    for request in requests:
        await rows.open(request)


def ids(requests: list[Request]) -> list[int]:
    return [request.comment_id for request in requests]


# Requests


async def test_a_request_is_new_once_and_then_read_as_it_is(store: Database, second: Database) -> None:
    rows = [RequestRows(store), RequestRows(second)]
    found = await asyncio.gather(*(rows[number % 2].open(ASKED) for number in range(6)))
    assert [request for request, _ in found] == 6 * [replace(ASKED, version=1)]
    assert sorted(new for _, new in found) == 5 * [False] + [True]
    later = await rows[0].save(replace(found[0][0], state=RequestState.ANSWERED))
    assert await rows[1].open(ASKED) == (later, False)


@pytest.mark.parametrize("state", list(RequestState))
async def test_a_request_comes_back_as_it_was_saved(store: Database, state: RequestState) -> None:
    rows = RequestRows(store)
    first, _ = await rows.open(ASKED)
    saved = await rows.save(replace(FULL, state=state, version=first.version))
    assert saved == replace(FULL, state=state, version=2)
    assert await rows.open(ASKED) == (saved, False)
    assert type((await rows.open(ASKED))[0].state) is RequestState


async def test_a_request_moves_by_compare_and_set(store: Database, second: Database) -> None:
    first, _ = await RequestRows(store).open(ASKED)
    acting = replace(first, state=RequestState.ACTING)
    saves = [RequestRows(one).save(acting) for one in (store, second, store)]
    outcomes = await asyncio.gather(*saves, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LostRaceError", "LostRaceError", "Request"]


async def test_what_was_never_opened_is_not_saved(store: Database) -> None:
    with pytest.raises(LostRaceError):
        await RequestRows(store).save(ASKED)


async def test_a_comment_is_the_reply_of_one_request(store: Database) -> None:
    rows = RequestRows(store)
    one, _ = await rows.open(asked(1))
    two, _ = await rows.open(asked(2))
    await rows.save(replace(one, reply_id=50))
    with pytest.raises(LostRaceError, match="comment 50"):
        await rows.save(replace(two, reply_id=50))
    assert [await rows.is_reply(number) for number in (50, 51)] == [True, False]


async def test_what_somebody_asked_and_what_was_asked_somewhere_is_found_newest_first(store: Database) -> None:
    rows = RequestRows(store)
    await opened(rows, asked(1), asked(2, issue=8), asked(3, author="other"), asked(4))
    assert ids(await rows.of("maría", NOW + MINUTE)) == [4, 2, 1]
    assert ids(await rows.of("maría", NOW + 2 * MINUTE)) == [4, 2]
    assert ids(await rows.on(7, NOW + MINUTE)) == [4, 3, 1]
    assert ids(await rows.on(7, NOW + 5 * MINUTE)) == []


def at_most_one(others: Sequence[Request], own: str | None, paused: Switch | None) -> str | None:
    if own:
        return f"{own} is under way"
    if paused:
        return f"paused by {paused.by}"
    return f"{others[0].comment_id} has it" if others else None


async def test_an_act_is_written_down_unless_what_others_began_forbids_it(store: Database) -> None:
    rows = RequestRows(store)
    one, two = [(await rows.open(asked(number)))[0] for number in (1, 2)]
    acting = replace(one, state=RequestState.ACTING, target="backend", acting_since=NOW)
    written, reason = await rows.begin(acting, NOW - DAY, at_most_one)
    assert (reason, written.version) == (None, 2)
    late = replace(two, state=RequestState.ACTING, target="backend", acting_since=NOW)
    assert await rows.begin(late, NOW - DAY, at_most_one) == (late, "1 has it")
    assert (await rows.open(asked(2)))[0] == two
    elsewhere = replace(two, state=RequestState.ACTING, target="frontend", acting_since=NOW)
    assert (await rows.begin(elsewhere, NOW - DAY, at_most_one))[1] is None
    assert (await rows.begin(written, NOW - DAY, at_most_one))[1] is None, "its own act does not forbid it"


async def test_a_pause_is_seen_where_the_act_is_written_down(store: Database) -> None:
    rows = RequestRows(store)
    mine, _ = await rows.open(asked(1))
    await SwitchRows(store).turn_on(PAUSED, "maría", NOW)
    acting = replace(mine, state=RequestState.ACTING, target="backend", acting_since=NOW)
    assert await rows.begin(acting, NOW - DAY, at_most_one) == (acting, "paused by maría")


async def test_what_was_begun_long_ago_or_was_taken_back_forbids_nothing(store: Database) -> None:
    rows = RequestRows(store)
    await opened(
        rows,
        asked(1, target="backend", acting_since=NOW - DAY),
        asked(2, target="backend", acting_since=None),
    )
    mine, _ = await rows.open(asked(3))
    acting = replace(mine, state=RequestState.ACTING, target="backend", acting_since=NOW)
    assert (await rows.begin(acting, NOW - MINUTE, at_most_one))[1] is None


async def test_of_many_who_begin_at_once_one_may(store: Database, second: Database) -> None:
    rows = [RequestRows(store), RequestRows(second)]
    requests = [(await rows[0].open(asked(number)))[0] for number in range(8)]
    # their clocks differ: whose time is the earlier does not matter
    acting = [
        replace(one, state=RequestState.ACTING, target="backend", acting_since=NOW - number * MINUTE)
        for number, one in enumerate(requests)
    ]
    begun = await asyncio.gather(
        *(rows[number % 2].begin(one, NOW - DAY, at_most_one) for number, one in enumerate(acting))
    )
    assert sorted(reason is None for _, reason in begun) == 7 * [False] + [True]


async def test_what_nobody_watches_any_more_is_found_oldest_first(store: Database) -> None:
    rows = RequestRows(store)
    followed = {"state": RequestState.FOLLOWED}
    await opened(
        rows,
        asked(2, followed_until=NOW - MINUTE, **followed),
        asked(1, followed_until=NOW - MINUTE, state=RequestState.DECIDED),
        asked(3, followed_until=NOW + MINUTE, **followed),
        asked(4, followed_until=None, state=RequestState.DECIDED),
        asked(5, followed_until=NOW - MINUTE, state=RequestState.ANSWERED),
    )
    assert ids(await rows.left(NOW)) == [1, 2]
    assert ids(await rows.left(None)) == [1, 2, 3]


async def test_requests_are_kept_for_four_hundred_days(store: Database) -> None:
    rows, history = RequestRows(store), HistoryRows(store, MINUTE)
    await opened(rows, asked(1), asked(2, asked_at=NOW + 2 * DAY))
    assert await history.forget(NOW + 400 * DAY) == 0
    assert await history.forget(NOW + 401 * DAY) == 1
    assert ids(await rows.of("maría", NOW)) == [2]


# Switches


async def test_a_switch_is_off_until_it_is_on(store: Database) -> None:
    rows = SwitchRows(store)
    assert await rows.read("pause") is None
    assert await rows.turn_off("pause", "maría", NOW) == (None, None)
    assert await rows.turn_on("pause", "maría: a migration", NOW) == Switch("pause", NOW, "maría: a migration")
    assert await rows.read("pause") == Switch("pause", NOW, "maría: a migration")
    assert await rows.read("another") is None


async def test_a_switch_that_is_on_stays_as_it_was_turned_on(store: Database, second: Database) -> None:
    rows = [SwitchRows(store), SwitchRows(second)]
    turned = await asyncio.gather(*(rows[n % 2].turn_on("pause", f"{n}", NOW + n * MINUTE) for n in range(6)))
    assert set(turned) == {await rows[1].read("pause")}
    assert len(set(turned)) == 1


async def test_a_switch_that_is_turned_off_tells_what_it_was_and_may_be_turned_on_again(store: Database) -> None:
    rows = SwitchRows(store)
    on = await rows.turn_on("pause", "maría", NOW)
    ended = [await rows.turn_off("pause", "maría", NOW + MINUTE), await rows.turn_off("pause", "maría", NOW + MINUTE)]
    assert ended == [(on, None), (None, None)]
    assert await rows.turn_on("pause", "joão", NOW + DAY) == Switch("pause", NOW + DAY, "joão")


async def test_the_last_word_on_a_switch_counts_in_whichever_order_it_comes(store: Database) -> None:
    rows = SwitchRows(store)
    await rows.turn_on("pause", "maría", NOW)
    await rows.turn_off("pause", "joão", NOW + MINUTE)
    assert await rows.turn_on("pause", "maría", NOW + MINUTE / 2) is None
    on = await rows.turn_on("pause", "maría", NOW + 2 * MINUTE)
    assert await rows.turn_off("pause", "joão", NOW + MINUTE) == (on, on)
    assert await rows.turn_on("pause", "ada", NOW + 9 * MINUTE) == on, "it stays as it was turned on"
    assert await rows.turn_off("pause", "joão", NOW + 8 * MINUTE) == (on, on), "but that it was said counts"


async def test_a_switch_and_a_bookmark_outlive_a_restart(store: Database, address: str) -> None:
    on = await SwitchRows(store).turn_on("pause", "maría", NOW)
    await BookmarkRows(store).move("comments", NOW)
    await store.close()
    again = connect(address)
    await again.open()
    assert await SwitchRows(again).read("pause") == on
    assert await BookmarkRows(again).read("comments") == NOW
    await again.close()


# Bookmarks


async def test_a_bookmark_moves_on_and_never_back(store: Database, second: Database) -> None:
    rows = [BookmarkRows(store), BookmarkRows(second)]
    assert await rows[0].read("comments") is None
    places = [NOW + minutes * MINUTE for minutes in (3, 9, 1, 5, 9, 2)]
    await asyncio.gather(*(rows[n % 2].move("comments", to) for n, to in enumerate(places)))
    assert await rows[0].read("comments") == NOW + 9 * MINUTE
    await rows[1].move("comments", NOW)
    assert await rows[0].read("comments") == NOW + 9 * MINUTE
    assert await rows[0].read("deliveries") is None


# What an operator had done


async def test_one_is_read_by_its_id(store: Database) -> None:
    rows = RequestRows(store)
    kept, _ = await rows.open(FULL)
    assert await rows.get(FULL.id) == kept
    assert await rows.get("comment:9") is None


async def test_of_what_begins_so_those_that_were_interrupted_and_those_that_nobody_was_told_of_are_read(
    store: Database,
) -> None:
    rows = RequestRows(store)
    order = replace(ASKED, issue=0, comment_id=0, acting_since=NOW)
    acting, _ = await rows.open(replace(order, id="action:1", state=RequestState.ACTING))
    await rows.open(replace(order, id="comment:2", state=RequestState.ACTING))
    ended = replace(order, state=RequestState.ANSWERED, answered_at=NOW + MINUTE)
    untold, _ = await rows.open(replace(ended, id="action:3"))
    await rows.open(replace(ended, id="action:4", acting_since=None))
    await rows.open(replace(ended, id="action_5"))
    assert await rows.interrupted("action:", NOW + MINUTE) == [acting]
    assert await rows.interrupted("action:", NOW) == []
    assert await rows.untold("action:", NOW) == [untold]
    assert await rows.untold("action:", NOW + 2 * MINUTE) == []
    await rows.told(untold, 77)
    assert await rows.untold("action:", NOW) == []
    assert await rows.is_reply(77)


async def test_an_order_is_no_question_that_waits(store: Database) -> None:
    rows = RequestRows(store)
    await rows.open(replace(ASKED, id="action:1", issue=0))
    assert (await HistoryRows(store, 5 * MINUTE).overview(NOW + MINUTE)).waits == ()
