"""Who gets an answer, and to what."""

from dataclasses import replace

import pytest
from builders import START, a_request, an_account, at

from devops_daemon.asking import Request, RequestState
from devops_daemon.commands.admission import (
    MOST_AN_HOUR,
    Admitted,
    Refused,
    Silent,
    Who,
    admit,
    forbidden_by,
    hop,
    spent,
)
from devops_daemon.commands.catalogue import COMMANDS, Name
from devops_daemon.commands.grammar import Ask, Asked, Unclear
from devops_daemon.forge import Role

STATUS, RESTART = Ask(Name.STATUS), Ask(Name.RESTART, service="backend")


def a_person(role: Role = Role.WRITE) -> Who:
    return Who(an_account(), role, agent=False)


def an_agent(*, bot: bool = True) -> Who:
    return Who(an_account("claude[bot]" if bot else "our-agent", bot=bot), Role.NONE, agent=True)


@pytest.mark.parametrize("name", list(Name))
@pytest.mark.parametrize("role", list(Role))
def test_each_command_is_for_those_whose_role_reaches_it(name: Name, role: Role) -> None:
    admission = admit([Ask(name, service="backend")], a_person(role), [], 0)
    if role >= COMMANDS[name].role:
        assert admission == Admitted((Ask(name, service="backend"),))
    else:
        assert isinstance(admission, Refused)
        assert COMMANDS[name].role.name.lower() in admission.reason


@pytest.mark.parametrize("name", list(Name))
def test_an_agent_reads_and_never_acts(name: Name) -> None:
    admission = admit([Ask(name, service="backend")], an_agent(), [], 1)
    assert isinstance(admission, Refused if COMMANDS[name].acts else Admitted)


def test_an_agent_that_has_admin_rights_does_not_act_either() -> None:
    who = Who(an_account("our-agent"), Role.ADMIN, agent=True)
    assert isinstance(admit([RESTART], who, [], 1), Refused)


def test_a_program_that_writes_in_a_persons_name_reads_and_does_not_act() -> None:
    who = Who(an_account(), Role.ADMIN, agent=False, via_app=True)
    assert isinstance(admit([RESTART], who, [], 0), Refused)
    assert isinstance(admit([STATUS], who, [], 0), Admitted)


def test_a_program_that_nobody_has_named_gets_no_word() -> None:
    who = Who(an_account("spam[bot]", bot=True), Role.ADMIN, agent=False)
    assert isinstance(admit([STATUS], who, [], 0), Silent)


@pytest.mark.parametrize(("hops", "kind"), [(3, Admitted), (4, Silent)])
def test_the_fourth_answer_to_agents_in_a_row_is_silence(hops: int, kind: type) -> None:
    assert isinstance(admit([STATUS], an_agent(), [], hops), kind)


def test_whoever_asks_too_often_gets_silence() -> None:
    recent = [a_request(f"comment:{number}") for number in range(1, MOST_AN_HOUR + 1)]
    assert isinstance(admit([STATUS], a_person(), recent[1:], 0), Admitted)
    assert isinstance(admit([STATUS], a_person(), recent, 0), Silent)


def test_a_stranger_is_refused_once_an_hour_and_then_in_silence() -> None:
    assert isinstance(admit([STATUS], a_person(Role.READ), [], 0), Refused)
    refused = [a_request(outcome="refused")]
    assert isinstance(admit([STATUS], a_person(Role.READ), refused, 0), Silent)


def test_a_colleague_is_told_why_every_time() -> None:
    refused = [a_request(outcome="refused")]
    assert isinstance(admit([RESTART], a_person(Role.TRIAGE), refused, 0), Refused)


def test_what_is_not_understood_is_said_with_what_comes_near() -> None:
    unclear = Unclear("check lgos", ("check logs SERVICE",))
    assert admit([unclear], a_person(), [], 0) == Refused("I do not understand “check lgos”.", ("check logs SERVICE",))


def test_a_stranger_does_not_learn_what_would_be_understood() -> None:
    admission = admit([Unclear("check lgos", ("help",))], a_person(Role.READ), [], 0)
    assert admission == Refused("“help” needs triage access to this repository, which you do not have.")


@pytest.mark.parametrize("asked", [(STATUS, RESTART), (RESTART, STATUS), (RESTART, RESTART)])
def test_an_act_is_asked_for_alone(asked: tuple[Asked, ...]) -> None:
    assert isinstance(admit(asked, a_person(), [], 0), Refused)


def test_several_reads_are_answered_together() -> None:
    assert admit([STATUS, Ask(Name.HEALTH)], a_person(), [], 0) == Admitted((STATUS, Ask(Name.HEALTH)))


def test_a_person_begins_the_count_of_hops_anew() -> None:
    to_agents = [a_request("comment:1", agent=True, hop=3, asked_at=at(0))]
    assert hop("@devops status", to_agents, agent=False, now=at(60)) == 0
    after_a_person = [*to_agents, a_request("comment:2", asked_at=at(30))]
    assert hop("@devops status", after_a_person, agent=True, now=at(60)) == 1


def test_each_answer_to_an_agent_is_one_hop_more() -> None:
    rows: list[Request] = []
    for number in range(1, 5):
        assert hop("@devops status", rows, agent=True, now=at(60)) == number
        rows.append(a_request(f"comment:{number}", agent=True, hop=number, asked_at=at(number)))


def test_the_hops_in_what_an_agent_quotes_count_on_any_issue() -> None:
    body = "> <!-- devops-daemon:reply:1 hop=3 -->\n@devops status"
    assert hop(body, [], agent=True, now=START) == 4


def test_hops_of_yesterday_are_forgotten() -> None:
    old = [a_request("comment:1", agent=True, hop=3, asked_at=START)]
    assert hop("@devops status", old, agent=True, now=at(86_401)) == 1


@pytest.mark.parametrize(
    ("ages", "free_in"), [([], None), ([10], None), ([10, 20], 3580), ([10, 20, 30], 3580), ([10, 3600], None)]
)
def test_two_acts_in_an_hour_are_the_limit(ages: list[float], free_in: float | None) -> None:
    acts = [a_request(f"comment:{n}", acting_since=at(-age)) for n, age in enumerate(ages, 1)]
    assert spent(acts, START) == (None if free_in is None else at(free_in))


def test_an_act_that_never_was_does_not_count() -> None:
    assert spent([a_request(acting_since=None, state=RequestState.ANSWERED)] * 3, START) is None


@pytest.mark.parametrize("state", [RequestState.ACTING, RequestState.FOLLOWED])
def test_nothing_is_begun_where_something_is_under_way(state: RequestState) -> None:
    others = [replace(a_request(acting_since=at(-10), state=state), act="redeploy")]
    assert forbidden_by(others, "backend", START) == "backend: redeploy, which maria asked for, is still under way."


@pytest.mark.parametrize("state", [RequestState.DECIDED, RequestState.ANSWERED])
def test_what_has_ended_only_counts(state: RequestState) -> None:
    once = a_request(acting_since=at(-10), state=state)
    assert forbidden_by([once], "backend", START) is None
    reason = forbidden_by([once, once], "backend", START)
    assert reason == (
        "backend was acted upon twice within the hour, which is the limit; it is free again at 2026-01-05 12:59:50."
    )
