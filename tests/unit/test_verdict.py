"""How a probe stands, from its results."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from builders import START, a_probe, a_result, a_state, a_trouble, at, thresholds
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.health.verdict import (
    Thresholds,
    blindness,
    judge,
    next_look,
    pace,
    service_status,
    trouble,
)
from devops_daemon.model import Outcome, Probe, ProbeKey, ProbeState, Reference, Severity, Status, Symptom, Trouble

LETTERS = {
    ".": Outcome.OK,
    "s": Outcome.DEGRADED,
    "x": Outcome.FAILED,
    "?": Outcome.UNKNOWN,
    "p": Outcome.UNPROVEN,
}
"""How the tests write results, one letter every ten seconds."""

NEW = ProbeState(ProbeKey("backend", "backend"))
PROBE = a_probe()
outcomes = st.text("..sxx?", max_size=60)


def story(
    letters: str,
    rules: Thresholds | None = None,
    *,
    state: ProbeState = NEW,
    probe: Probe = PROBE,
    begin: datetime = START,
) -> list[ProbeState]:
    """Give the row after each of the results."""
    rows = []
    for place, letter in enumerate(letters):
        found = a_result(outcome=LETTERS[letter], when=begin + place * timedelta(seconds=10))
        state = judge(state, found, probe, rules or thresholds())
        rows.append(state)
    return rows


def after(letters: str, rules: Thresholds | None = None) -> ProbeState:
    return story(letters, rules)[-1]


def statuses(letters: str, rules: Thresholds | None = None) -> list[Status]:
    return [row.status for row in story(letters, rules)]


def all_in(letters: Sequence[str], kind: str) -> bool:
    return all(letter in kind for letter in letters)


# --- thresholds


@pytest.mark.parametrize("letters", [".xx", "xx", "..xx", ".x.xx", ".sxx", ".ssxx", ".xxx", ".xxxxxxx"])
def test_two_failures_in_a_row_make_a_probe_down(letters: str) -> None:
    assert after(letters).status is Status.DOWN


@pytest.mark.parametrize("letters", [".x", ".x.x", ".xsx", "..x.x..x", ".x.", ".xx..x"])
def test_one_failure_never_makes_a_probe_down(letters: str) -> None:
    assert after(letters).status is Status.UP


@pytest.mark.parametrize("letters", [".xx..", ".xx.s", ".xxs.", ".xx.x.."])
def test_two_results_that_did_not_fail_bring_a_probe_up_again(letters: str) -> None:
    assert after(letters).status is Status.UP


@pytest.mark.parametrize("letters", [".xx.", ".xxs", ".xx.x", ".xx.x.", ".xx.xs"])
def test_one_success_does_not_end_an_outage(letters: str) -> None:
    assert after(letters).status is Status.DOWN


def test_with_thresholds_of_one_every_result_is_a_verdict() -> None:
    assert statuses(".x.xs.", thresholds(failures=1, successes=1)) == [
        Status.UP,
        Status.DOWN,
        Status.UP,
        Status.DOWN,
        Status.DEGRADED,
        Status.UP,
    ]


def test_thresholds_are_counted_apart() -> None:
    assert statuses("xxxx...", thresholds(failures=4, successes=3)) == [
        Status.UNKNOWN,
        Status.UNKNOWN,
        Status.UNKNOWN,
        Status.DOWN,
        Status.DOWN,
        Status.DOWN,
        Status.UP,
    ]


@pytest.mark.parametrize("letter", [".", "s"])
def test_the_first_answer_makes_a_probe_up_at_once(letter: str) -> None:
    assert after(letter).status is Status.UP


def test_before_its_first_result_a_probe_is_unknown() -> None:
    assert NEW.status is Status.UNKNOWN


def test_a_first_failure_leaves_a_probe_unknown_until_it_is_confirmed() -> None:
    assert statuses("xx") == [Status.UNKNOWN, Status.DOWN]


@pytest.mark.parametrize(
    ("letters", "status"),
    [(".s", Status.UP), (".ss", Status.DEGRADED), (".s.s", Status.UP), (".sxs", Status.UP), (".xxss", Status.DEGRADED)],
)
def test_slow_answers_degrade_a_probe_only_when_they_are_confirmed(letters: str, status: Status) -> None:
    assert after(letters).status is status


def test_a_single_failure_does_not_end_a_degradation() -> None:
    assert statuses(".ssxs")[2:] == [Status.DEGRADED] * 3


def test_two_fast_answers_end_a_degradation() -> None:
    assert after(".ss..").status is Status.UP


@pytest.mark.parametrize("letters", [".ssss.", ".ss.x.", ".ss.s."])
def test_one_fast_answer_does_not_end_a_degradation(letters: str) -> None:
    assert after(letters).status is Status.DEGRADED


def test_the_row_says_what_the_last_look_found() -> None:
    found = replace(a_result(when=at(10), detail="status 200"), latency=timedelta(milliseconds=250))
    row = judge(after("."), found, PROBE, thresholds())
    assert (row.detail, row.latency, row.checked_at) == ("status 200", timedelta(milliseconds=250), at(10))


# --- what cannot be known


@pytest.mark.parametrize("letters", ["?", ".?", ".xx?", ".ss?", ".xx??"])
def test_a_look_that_could_not_measure_makes_a_probe_unknown(letters: str) -> None:
    assert after(letters).status is Status.UNKNOWN


@given(outcomes)
def test_unknown_results_neither_count_nor_reset(letters: str) -> None:
    def counted(row: ProbeState) -> object:
        return row.settled, row.failures, row.successes, row.slow, row.history, row.flapping, row.proven

    measured = letters.replace("?", "")
    with_gaps = story(letters)[-1] if letters else NEW
    without = story(measured)[-1] if measured else NEW
    assert counted(with_gaps) == counted(without)


def test_a_look_that_could_not_measure_does_not_hide_since_when_it_is_down() -> None:
    assert after(".xx?").since == at(10)


def test_what_never_passed_is_unknown_rather_than_failed() -> None:
    assert statuses("pp") == [Status.UNKNOWN, Status.UNKNOWN]


def test_what_passed_before_fails() -> None:
    assert statuses(".pp") == [Status.UP, Status.UP, Status.DOWN]


def test_what_passed_as_it_was_configured_before_is_not_proven_now() -> None:
    proven = after(".")
    reconfigured = replace(PROBE, fingerprint="beef")
    rows = story("pp", state=proven, probe=reconfigured, begin=at(10))
    assert [row.status for row in rows] == [Status.UNKNOWN, Status.UNKNOWN]


def test_a_new_configuration_is_proven_by_its_own_success() -> None:
    reconfigured = replace(PROBE, fingerprint="beef")
    rows = story(".pp", state=after("."), probe=reconfigured, begin=at(10))
    assert rows[-1].status is Status.DOWN


def test_a_failure_proves_nothing() -> None:
    assert statuses("xpp") == [Status.UNKNOWN] * 3


# --- results that are too far apart


TWO_ROUNDS = timedelta(minutes=10)
JUST = TWO_ROUNDS + timedelta(minutes=1)
"""Two rounds, each late by half of the longest wait between two looks."""
TOO_LONG = JUST + timedelta(microseconds=1)


@pytest.mark.parametrize(("apart", "status"), [(TWO_ROUNDS, Status.DOWN), (JUST, Status.DOWN), (TOO_LONG, Status.UP)])
def test_failures_further_apart_than_two_rounds_do_not_confirm_each_other(apart: timedelta, status: Status) -> None:
    rows = story("x", state=after(".x"), begin=at(10) + apart)
    assert rows[-1].status is status


@pytest.mark.parametrize(("apart", "status"), [(TWO_ROUNDS, Status.UP), (TOO_LONG, Status.DOWN)])
def test_successes_further_apart_than_two_rounds_do_not_end_an_outage(apart: timedelta, status: Status) -> None:
    rows = story(".", state=after("xx."), begin=at(20) + apart)
    assert rows[-1].status is status


@pytest.mark.parametrize(("apart", "status"), [(TWO_ROUNDS, Status.DEGRADED), (TOO_LONG, Status.UP)])
def test_slow_answers_further_apart_than_two_rounds_do_not_degrade(apart: timedelta, status: Status) -> None:
    rows = story("s", state=after(".s"), begin=at(10) + apart)
    assert rows[-1].status is status


@pytest.mark.parametrize(("apart", "status"), [(TWO_ROUNDS, Status.UP), (TOO_LONG, Status.DEGRADED)])
def test_fast_answers_further_apart_than_two_rounds_do_not_end_a_degradation(apart: timedelta, status: Status) -> None:
    rows = story(".", state=after("ss."), begin=at(20) + apart)
    assert rows[-1].status is status


def test_after_a_long_absence_the_first_failure_is_one_of_the_new_ones() -> None:
    away = at(10) + TOO_LONG
    assert story("xx", state=after(".x"), begin=away)[-1].since == away


def test_an_outage_outlives_a_long_absence() -> None:
    row = story("x", state=after("xx"), begin=at(10) + TOO_LONG)[-1]
    assert (row.status, row.since) == (Status.DOWN, START)


# --- since when


def test_an_outage_began_with_the_first_failing_result() -> None:
    assert after("..x.xxxx").since == at(40)


def test_a_degradation_began_with_the_first_slow_result() -> None:
    assert after("..s.sss").since == at(40)


def test_an_outage_after_slow_answers_began_with_the_failure() -> None:
    assert after(".ssxx").since == at(30)


def test_a_degradation_after_a_failure_began_with_the_slow_answer() -> None:
    assert after(".xss").since == at(20)


def test_a_probe_that_is_up_again_but_slow_is_so_since_the_last_success_that_was_needed() -> None:
    row = after("xxxss", thresholds(failures=3))
    assert (row.status, row.since) == (Status.UP, at(40))


def test_a_probe_is_up_again_since_the_last_success_that_was_needed() -> None:
    assert after("xx.....").since == at(30)


def test_a_failure_on_the_way_to_recovery_does_not_begin_the_outage_anew() -> None:
    assert after("xx.x").since == START


def test_an_outage_keeps_its_beginning_when_it_stops_flapping() -> None:
    row = after("xx" + ".x" * 6 + "x" * 21)
    assert (row.status, row.flapping, row.since) == (Status.DOWN, False, START)


def test_what_flapped_is_up_since_it_has_settled() -> None:
    rows = story("." * 21, state=after("x." * 6), begin=at(120))
    assert (rows[-1].flapping, rows[-1].since) == (False, next(row.checked_at for row in rows if not row.flapping))


# --- flapping


def test_answers_by_turns_are_flapping() -> None:
    assert after("x." * 6).flapping


def test_ten_changes_are_not_yet_flapping() -> None:
    assert not after("x." * 5 + "x").flapping


@given(
    failures=st.integers(1, 5),
    successes=st.integers(1, 5),
    longer=st.lists(st.integers(0, 9), max_size=30),
    flip=st.booleans(),
)
def test_confirmed_outages_never_flap_however_often_they_come(
    failures: int,
    successes: int,
    longer: list[int],
    flip: bool,  # noqa: FBT001 # Hypothesis gives it
) -> None:
    runs = [".x"[(place + flip) % 2] * more for place, more in enumerate(longer)]
    shortest = ["." * successes, "x" * failures]
    letters = "".join(shortest[(place + flip) % 2] + run for place, run in enumerate(runs))
    assert not any(row.flapping for row in story(letters, thresholds(failures, successes)))


@pytest.mark.parametrize(("failures", "successes"), [(1, 2), (2, 1), (2, 3), (3, 3), (1, 5)])
def test_the_shortest_confirmed_outages_never_flap(failures: int, successes: int) -> None:
    letters = ("x" * failures + "." * successes) * 12
    assert not any(row.flapping for row in story(letters, thresholds(failures, successes)))


@given(st.text(".x?", max_size=11))
def test_ten_neighbours_are_too_few_to_call_it_flapping(letters: str) -> None:
    assert not any(row.flapping for row in story(letters))


def test_what_flaps_goes_on_flapping_where_the_same_results_alone_would_not() -> None:
    thirds = "xxx..." * 5
    flapping = after("x." * 11)
    assert story(thirds, state=flapping, begin=at(300))[-1].flapping
    assert not any(row.flapping for row in story(thirds))


def test_flapping_ends_when_a_quarter_of_the_pairs_change_or_fewer() -> None:
    rows = story("." * 21, state=after("x." * 6), begin=at(120))
    # eleven changes, and from the tenth success on one leaves the window of twenty pairs with each
    assert [row.flapping for row in rows] == [True] * 14 + [False] * 7


def test_flapping_is_forgotten_after_a_long_absence() -> None:
    row = story(".", state=after("x." * 6), begin=at(110) + TOO_LONG)[-1]
    assert not row.flapping


def test_results_by_turns_leave_the_last_verdict_as_it_is() -> None:
    assert {(row.status, row.since) for row in story(".x" * 15)} == {(Status.UP, START)}


# --- properties of the verdict


@given(outcomes, st.integers(1, 4), st.integers(1, 4))
def test_a_probe_is_down_from_the_last_failure_needed_to_the_last_success_needed(
    letters: str, failures: int, successes: int
) -> None:
    measured, down = "", False
    for letter, row in zip(letters, story(letters, thresholds(failures, successes)), strict=True):
        measured += letter.replace("?", "")
        broke = len(measured) >= failures and all_in(measured[-failures:], "x")
        mended = len(measured) >= successes and all_in(measured[-successes:], ".s")
        down = broke or (down and not mended)
        assert (row.settled is Status.DOWN) is down


@given(outcomes)
def test_a_probe_is_unknown_only_if_the_last_look_could_not_measure_or_nothing_is_settled_yet(letters: str) -> None:
    for count, row in enumerate(story(letters), start=1):
        measured = letters[:count].replace("?", "")
        unsettled = measured in {"", "x"}
        assert (row.status is Status.UNKNOWN) is (letters[count - 1] == "?" or unsettled)


@given(st.text(".?", max_size=20), st.text(".?", max_size=20))
def test_a_single_failure_among_successes_never_changes_the_status(before: str, behind: str) -> None:
    told = statuses(f"{before}.x.{behind}")
    measured = [status for letter, status in zip(f"{before}.x.{behind}", told, strict=True) if letter != "?"]
    assert set(measured) == {Status.UP}


@given(outcomes, st.integers(1, 4))
def test_since_is_the_first_result_of_the_run_that_made_it_down(letters: str, failures: int) -> None:
    measured: list[tuple[str, datetime]] = []
    was = Status.UNKNOWN
    for place, (letter, row) in enumerate(zip(letters, story(letters, thresholds(failures)), strict=True)):
        measured += [(letter, at(10 * place))] if letter != "?" else []
        if row.settled is Status.DOWN and was is not Status.DOWN:
            assert row.since == measured[-failures][1]
        was = row.settled


@given(outcomes)
def test_an_outage_never_changes_its_beginning(letters: str) -> None:
    beginnings: list[datetime | None] = []
    for row in story(letters):
        beginnings = [*beginnings, row.since] if row.settled is Status.DOWN else []
        assert len(set(beginnings)) <= 1


# --- when the next look comes


def waits(letters: str, service: Status, rules: Thresholds | None = None) -> list[float | None]:
    """Give the seconds to the next look after each result."""
    state, found = NEW, []
    for letter in letters:
        state = judge(state, a_result(outcome=LETTERS[letter]), PROBE, rules or thresholds())
        state = pace(state, service)
        soon = next_look(state, service, rules or thresholds())
        found.append((soon - START).total_seconds() if soon else None)
    return found


def test_a_failure_is_looked_at_again_five_times_quickly_then_slower_up_to_a_minute() -> None:
    assert waits("x" * 10, Status.DOWN) == [10, 10, 10, 10, 10, 20, 40, 60, 60, 60]


def test_a_probe_that_passed_is_looked_at_sooner_while_its_service_is_not_up() -> None:
    assert waits("." * 9, Status.DEGRADED) == [10, 10, 10, 10, 10, 20, 40, 60, 60]


def test_the_pace_is_quick_again_when_failures_turn_into_successes() -> None:
    assert waits("x" * 9 + "..", Status.DOWN)[-3:] == [60, 10, 10]


def test_the_pace_is_quick_again_when_successes_turn_into_failures() -> None:
    assert waits("." * 9 + "xx", Status.DOWN)[-3:] == [60, 10, 10]


@pytest.mark.parametrize("service", [Status.DOWN, Status.DEGRADED, Status.UNKNOWN])
def test_what_could_not_be_measured_is_looked_at_again_soon(service: Status) -> None:
    assert waits("?", service) == [10]


def test_a_probe_that_passed_in_a_service_that_is_up_waits_for_the_next_round() -> None:
    assert waits("..", Status.UP) == [None, None]


@pytest.mark.parametrize("letter", ["x", "s"])
def test_a_first_failure_or_slow_answer_is_confirmed_although_its_service_is_still_up(letter: str) -> None:
    assert waits(f".{letter}", Status.UP) == [None, 10]


def test_the_count_of_quick_looks_starts_anew_once_all_is_well() -> None:
    tired = replace(a_state(), repeats=9)
    assert pace(tired, Status.UP).repeats == 0


def test_a_probe_that_was_never_looked_at_waits_for_its_round() -> None:
    assert next_look(NEW, Status.UNKNOWN, thresholds()) is None


def test_a_confirm_interval_of_more_than_a_minute_stays_as_it_is() -> None:
    assert waits("x" * 8, Status.DOWN, thresholds(confirm_interval=timedelta(minutes=2))) == [120] * 8


@given(st.integers(0, 10**6))
def test_no_look_waits_longer_than_a_minute(repeats: int) -> None:
    failing = replace(a_state(settled=Status.DOWN), failures=3, repeats=repeats)
    soon = next_look(failing, Status.DOWN, thresholds())
    assert soon is not None
    assert at(10) <= soon <= at(60)


# --- a service


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ([], Status.UNKNOWN),
        ([a_state()], Status.UP),
        ([a_state(settled=Status.UNKNOWN)], Status.UNKNOWN),
        ([a_state(), a_state(settled=Status.DOWN)], Status.DOWN),
        ([a_state(), a_state(settled=Status.DEGRADED)], Status.DEGRADED),
        ([a_state(settled=Status.DEGRADED), a_state(settled=Status.DOWN)], Status.DOWN),
        ([a_state(), a_state(settled=Status.UNKNOWN)], Status.UP),
        ([a_state(settled=Status.DOWN), a_state(blind=True)], Status.DOWN),
        ([a_state(), a_state(settled=Status.DOWN, blind=True)], Status.UP),
        ([a_state(settled=Status.DOWN, blind=True), a_state(blind=True)], Status.UNKNOWN),
        ([a_state(), a_state(flapping=True)], Status.DEGRADED),
        ([a_state(flapping=True), a_state(settled=Status.DOWN)], Status.DOWN),
    ],
)
def test_a_service_is_as_bad_as_its_worst_probe_that_could_be_measured(
    states: list[ProbeState], status: Status
) -> None:
    assert service_status(states) is status


# --- our own network


HOUR = timedelta(hours=1)
FAILED, ANSWERED = a_result(outcome=Outcome.FAILED), a_result(outcome=Outcome.FAILED, answered=True)


def a_reference(ago: timedelta | None, *, answers: bool = False) -> Reference:
    return Reference("https://api.github.com", None if ago is None else START - ago, answers)


@pytest.mark.parametrize(
    "references",
    [
        [a_reference(timedelta(minutes=10))],
        [a_reference(HOUR)],
        [a_reference(timedelta(minutes=5)), a_reference(timedelta(minutes=50))],
        [a_reference(timedelta(minutes=5)), a_reference(None)],
        [a_reference(timedelta(minutes=5)), a_reference(None, answers=True)],
        [a_reference(timedelta(minutes=5)), a_reference(timedelta(days=1), answers=True)],
    ],
)
def test_we_are_blind_where_neither_the_product_nor_any_known_reference_answers(references: list[Reference]) -> None:
    assert blindness([FAILED, FAILED], references, START) is not None


@pytest.mark.parametrize(
    "references",
    [
        [],
        [a_reference(None)],
        [a_reference(HOUR + timedelta(seconds=1))],
        [a_reference(timedelta(minutes=5), answers=True)],
        [a_reference(timedelta(minutes=5)), a_reference(timedelta(minutes=5), answers=True)],
    ],
)
def test_a_total_outage_does_not_hide_where_no_reference_speaks_against_it(references: list[Reference]) -> None:
    assert blindness([FAILED, FAILED], references, START) is None


def test_any_http_answer_of_the_product_shows_that_the_network_works() -> None:
    assert blindness([FAILED, ANSWERED], [a_reference(timedelta(minutes=5))], START) is None


def test_where_nothing_was_looked_at_nothing_is_blamed() -> None:
    assert blindness([], [a_reference(timedelta(minutes=5))], START) is None


@given(st.lists(st.sampled_from([None, 0, 10, 59, 60, 61, 600])), st.booleans())
def test_blindness_needs_a_reference_of_the_last_hour_and_all_of_them_silent(
    minutes: list[int | None],
    answered: bool,  # noqa: FBT001 # Hypothesis gives it
) -> None:
    references = [a_reference(None if m is None else timedelta(minutes=m)) for m in minutes]
    known = any(m is not None and m <= 60 for m in minutes)
    assert bool(blindness([ANSWERED if answered else FAILED], references, START)) is (known and not answered)


# --- what incidents are told


def test_an_outage_is_told_with_its_first_failing_result() -> None:
    row = after("..xxx")
    assert trouble(row, PROBE) == Trouble(row.key, Symptom.DOWN, Severity.SEV1, at(20), "failed")


def test_a_degradation_is_told_with_its_first_slow_result() -> None:
    assert trouble(after(".ss"), PROBE) == a_trouble(
        symptom=Symptom.DEGRADED, since=at(10), if_down=Severity.SEV1, detail="degraded"
    )


@pytest.mark.parametrize("letters", [".x" * 6, "x." * 6])
def test_flapping_is_told_with_its_last_failure_or_with_the_look_that_found_it(letters: str) -> None:
    found = trouble(after(letters), PROBE)
    assert found is not None
    assert (found.symptom, found.since) == (Symptom.FLAPPING, at(110))


def test_an_outage_is_told_with_its_beginning_after_a_success_in_between_too() -> None:
    found = trouble(after("xx.x"), PROBE)
    assert found is not None
    assert found.since == START


def test_a_flapping_probe_that_is_down_is_told_as_down() -> None:
    found = trouble(after("x." * 6 + "xx"), PROBE)
    assert found is not None
    assert found.symptom is Symptom.DOWN


def test_an_outage_goes_on_while_nothing_can_be_measured() -> None:
    found = trouble(after(".xx??"), PROBE)
    assert found is not None
    assert (found.symptom, found.since) == (Symptom.DOWN, at(10))


@pytest.mark.parametrize("letters", [".", ".x", "x", "?", ".?", ".s", ".xx.."])
def test_what_is_not_confirmed_is_no_trouble(letters: str) -> None:
    assert trouble(after(letters), PROBE) is None


def test_a_probe_that_was_never_looked_at_is_no_trouble() -> None:
    assert trouble(NEW, PROBE) is None
