"""What the audit's rules find: what is planted is named, with a cure, and what is fine is not."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from builders import (
    START,
    a_deployment,
    a_hosted,
    a_hosting,
    a_member,
    a_probe,
    a_pull,
    a_record,
    a_remedy,
    a_service,
    a_state,
    an_incident,
    key,
)

from devops_daemon.audit.rules import RULES, judged
from devops_daemon.audit.snapshot import LogSample, Setup, Snapshot, Variables
from devops_daemon.auditing import Remark, Weight
from devops_daemon.clusters import Cluster
from devops_daemon.feedback import Entry, EntryState, FeedbackFigures
from devops_daemon.hosting import Became, Phase, Variable
from devops_daemon.inbox import InboxFigures
from devops_daemon.landing import Decision, Verb
from devops_daemon.mending import Came, Effect, EffectState
from devops_daemon.model import Finding, Grade, ProbeKind
from devops_daemon.ports import Day, Hour, Overview, OwnWeek, Punctuality
from devops_daemon.pulls.following import followed

NOW, HOUR, DAY = START, timedelta(hours=1), timedelta(days=1)
TODAY, THIS_HOUR = int(NOW.timestamp()) // 86_400, int(NOW.timestamp()) // 3600
BACKEND = a_service("backend", probes=[a_probe("backend"), a_probe("backend/database", kind=ProbeKind.READINESS)])
KEYS = (key("backend"), key("backend/database"))
HOSTED = replace(
    a_hosted("backend", a_deployment(), hosts=("api.example.com",)),
    healthcheck_path="/health/ready",
    draining=timedelta(seconds=20),
)
OTHER = replace(HOSTED, id="s-admin", name="admin", hosts=("admin.example.com",))
REDIS = a_hosted("Redis", a_deployment())
NAMES = Variables(
    (Variable("DATABASE_URL", "s-backend"), Variable("REDIS_URL", "s-backend", references=("Redis.URL",)))
)
OVERVIEW = Overview(
    states={
        KEYS[0]: a_state("backend"),
        KEYS[1]: replace(a_state("backend/database"), detail="database ok, redis ok"),
    },
    days={each: (Day(TODAY, 288, 0, 0, 0), Day(TODAY - 1, 288, 0, 0, 0)) for each in KEYS},
    hours={each: (Hour(THIS_HOUR, 40.0, 80.0, 0), Hour(THIS_HOUR - 30, 38.0, 80.0, 0)) for each in KEYS},
    incidents=(),
    punctuality=Punctuality(288, 288, timedelta()),
    references={},
)
FINE = Snapshot(
    now=NOW,
    services=(BACKEND,),
    overview=OVERVIEW,
    hosting=a_hosting(HOSTED, REDIS),
    variables={"backend": NAMES, "Redis": Variables((Variable("URL", "s-redis"),)), "": Variables(())},
    samples={"backend": LogSample("backend", 500, 499)},
    checkups={"GitHub": (Finding(Grade.OK, "GITHUB_TOKEN", "works"),)},
    lost_deliveries=0,
    own_week=OwnWeek(Punctuality(2016, 2016, timedelta()), notice_at=NOW - 89 * DAY),
    example=("DATABASE_URL",),
)


def overview(**differs: Any) -> Snapshot:
    return replace(FINE, overview=replace(OVERVIEW, **differs))


def states(**differs: Any) -> Snapshot:
    return overview(states={**OVERVIEW.states, KEYS[1]: replace(OVERVIEW.states[KEYS[1]], **differs)})


def own_week(**differs: Any) -> Snapshot:
    assert FINE.own_week is not None
    return replace(FINE, own_week=replace(FINE.own_week, **differs))


def outage(issue: int | None) -> Any:
    incident = an_incident(a_member(), opened_at=NOW - DAY, resolved_at=NOW - DAY + HOUR)
    return replace(incident, issue=issue, addressed_at=NOW - DAY + timedelta(minutes=1))


WAITING = followed(
    a_pull(), Decision(Verb.WAIT, "waiting for check `e2e`", covered=True, green_since=NOW - 3 * HOUR), None, NOW
)
ERRORS = Cluster("db: too many connections <*>", 40, NOW - HOUR, NOW, "error", "db: too many connections 7")

PLANTED: Mapping[str, tuple[Snapshot, str, Weight, str]] = {
    "a service that nobody probes": (
        replace(FINE, hosting=a_hosting(HOSTED, REDIS, OTHER)),
        "watched/admin",
        Weight.GAP,
        "admin.example.com",
    ),
    "no health check path": (
        replace(FINE, hosting=a_hosting(REDIS, replace(HOSTED, healthcheck_path=None))),
        "healthcheck/backend",
        Weight.GAP,
        "no health check path",
    ),
    "stopped at once": (
        replace(FINE, hosting=a_hosting(REDIS, replace(HOSTED, draining=timedelta()))),
        "draining/backend",
        Weight.GAP,
        "cut off",
    ),
    "readiness says nothing of redis": (
        states(detail="database ok"),
        "readiness/backend/redis",
        Weight.GAP,
        "it has REDIS_URL",
    ),
    "nobody asks for readiness": (
        replace(FINE, services=(a_service("backend"),)),
        "readiness/backend/database",
        Weight.GAP,
        "it has DATABASE_URL",
    ),
    "often down": (
        overview(days={**OVERVIEW.days, KEYS[0]: (Day(TODAY, 270, 0, 18, 0),)}),
        "availability/backend",
        Weight.CRITICAL,
        "93.75%",
    ),
    "sometimes down": (
        overview(days={**OVERVIEW.days, KEYS[0]: (Day(TODAY - 6, 2000, 0, 5, 0),)}),
        "availability/backend",
        Weight.GAP,
        "99.75%",
    ),
    "often not measured": (
        overview(days={**OVERVIEW.days, KEYS[0]: (Day(TODAY, 200, 0, 0, 88),)}),
        "measured/backend",
        Weight.GAP,
        "30.6%",
    ),
    "slow": (
        overview(hours={**OVERVIEW.hours, KEYS[0]: (Hour(THIS_HOUR, 2400.0, 5000.0, 0),)}),
        "latency/backend",
        Weight.GAP,
        "2.4 s",
    ),
    "slower than the day before": (
        overview(hours={KEYS[0]: (Hour(THIS_HOUR, 300.0, 400.0, 0), Hour(THIS_HOUR - 24, 40.0, 50.0, 0))}),
        "latency/backend",
        Weight.GAP,
        "300 ms in the mean of a day, 40 ms the day before",
    ),
    "rounds that were not run": (
        own_week(punctuality=Punctuality(2016, 1916, timedelta(), longest_gap=8 * HOUR)),
        "own watch/rounds",
        Weight.GAP,
        "100 of 2016 rounds of the last seven days were not run, for 480 min at the longest",
    ),
    "a notice that did not arrive": (
        own_week(untold=(Effect("260105-aaaa", "notice:opened:0", EffectState.GIVEN_UP, NOW, NOW, 9, error="404"),)),
        "told/incident 260105-aaaa",
        Weight.GAP,
        "notice:opened:0 was tried 9 times in vain: 404",
    ),
    "notices that nobody has seen for long": (
        own_week(notice_at=NOW - 91 * DAY),
        "escalation/rehearsal",
        Weight.GAP,
        "whether one arrives is not known",
    ),
    "notices that were never sent": (own_week(notice_at=None), "escalation/rehearsal", Weight.GAP, "ever"),
    "a name of .env.example that is set nowhere": (
        replace(FINE, example=("DATABASE_URL", "STRIPE_KEY")),
        "variables/.env.example/STRIPE_KEY",
        Weight.GAP,
        "no service has it",
    ),
    "nobody watches the watcher": (replace(FINE, setup=Setup(heartbeat=False)), "own watch/heartbeat", Weight.GAP, ""),
    "a store that is lost": (replace(FINE, setup=Setup(lasting=False)), "own watch/store", Weight.CRITICAL, "lost"),
    "secrets in logs": (
        replace(FINE, samples={"backend": LogSample("backend", 500, 500, masked=3)}),
        "secrets in logs/backend",
        Weight.CRITICAL,
        "3 of the last 500",
    ),
    "logs without structure": (
        replace(FINE, samples={"backend": LogSample("backend", 500, 10)}),
        "structured logs/backend",
        Weight.GAP,
        "2% of",
    ),
    "an error that recurs": (
        replace(FINE, samples={"backend": LogSample("backend", 500, 500, errors=(ERRORS,))}),
        "recurring errors/backend: db: too many connections <*>",
        Weight.GAP,
        "40 times",
    ),
    "an outage without an issue": (overview(incidents=(outage(None),)), "issues/260105-aaaa", Weight.GAP, "no issue"),
    "nobody is mentioned": (replace(FINE, setup=Setup(escalation=False)), "escalation/people", Weight.GAP, ""),
    "nobody is told": (replace(FINE, setup=Setup(notices=False)), "escalation/notices", Weight.GAP, ""),
    "a deployment that failed": (
        overview(deployments=(a_record(became=Became.FAILED, created_at=NOW - DAY),)),
        "deployments/backend",
        Weight.GAP,
        "1 of 1 deployments",
    ),
    "a deployment that crashed": (
        overview(deployments=(a_record(phase=Phase.CRASHED, became=Became.ENDED, created_at=NOW - DAY),)),
        "deployments/backend",
        Weight.GAP,
        "failed or crashed",
    ),
    "an empty variable": (
        replace(FINE, variables={**FINE.variables, "backend": replace(NAMES, empty=("PAYMENT_KEY",))}),
        "variables/backend/PAYMENT_KEY",
        Weight.GAP,
        "is empty",
    ),
    "a reference to nothing": (
        replace(FINE, variables={**FINE.variables, "Redis": Variables(())}),
        "variables/backend/REDIS_URL",
        Weight.CRITICAL,
        "Redis has no such variable",
    ),
    "a reference to a service that is not there": (
        replace(FINE, hosting=a_hosting(HOSTED)),
        "variables/backend/REDIS_URL",
        Weight.CRITICAL,
        "there is no service Redis",
    ),
    "a certificate that ends": (
        states(detail="the certificate ends in 6 days"),
        "certificates/backend/database",
        Weight.GAP,
        "6 days",
    ),
    "deliveries that were lost": (replace(FINE, lost_deliveries=4), "webhooks/GitHub", Weight.GAP, "4 of"),
    "deliveries that failed": (overview(inbox=InboxFigures(0, 2)), "inbox/deliveries", Weight.GAP, "2 deliveries"),
    "a right that is missing": (
        replace(FINE, checkups={"GitHub": (Finding(Grade.FAILED, "permission Issues", "is missing", "give it"),)}),
        "check-up/GitHub: permission Issues",
        Weight.CRITICAL,
        "is missing",
    ),
    "a remedy that never helped": (
        overview(remedies={"a": [a_remedy(number) for number in (1, 2, 3)]}),
        "remedies/restart of backend",
        Weight.GAP,
        "3 times",
    ),
    "a pull request that waits": (overview(pulls=(WAITING,)), "pull requests/#7", Weight.GAP, "`e2e`"),
    "feedback that was set aside": (
        overview(feedback=FeedbackFigures(0, (Entry("7", EntryState.OPENED, NOW, NOW, error="status 500"),))),
        "feedback/7",
        Weight.GAP,
        "status 500",
    ),
    "a promise that was not kept": (
        overview(incidents=(replace(outage(3), addressed_at=NOW - DAY + HOUR),)),
        "objectives/sev1_response",
        Weight.GAP,
        "3600 s at worst",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_named_with_its_evidence_and_a_cure_and_nothing_else_is(name: str) -> None:
    snapshot, found, weight, text = PLANTED[name]
    ill = {each.key: each for each in judged(snapshot) if each.is_ill}
    known = {each.key for each in judged(FINE) if each.is_ill}
    assert known == set()
    assert found in ill, sorted(ill)
    assert ill[found].weight is weight
    assert text in ill[found].text
    assert all(each.cure for each in ill.values())
    beside = set(ill) - {found}
    assert beside <= BESIDE.get(name, set()), beside


BESIDE = {
    "nobody asks for readiness": {"readiness/backend/redis"},
    "a certificate that ends": {"readiness/backend/database", "readiness/backend/redis"},
}
"""What comes with it."""


def test_of_what_is_fine_each_rule_that_can_says_so() -> None:
    well = {each.rule for each in judged(FINE) if each.weight is Weight.OK}
    assert {"watched", "healthcheck", "readiness", "availability", "latency", "own watch", "webhooks"} <= well


def test_what_could_not_be_read_is_neither_well_nor_ill() -> None:
    blind = Snapshot(NOW, (BACKEND,), replace(OVERVIEW, states={}, days={}, hours={}), unread={"Railway": "status 503"})
    remarks = judged(blind)
    assert [each.key for each in remarks if each.is_ill] == []
    [watched] = [each for each in remarks if each.rule == "watched"]
    assert (watched.weight, watched.text) == (Weight.UNSEEN, "Railway: status 503")
    assert {each.about for each in remarks if each.rule == "availability"} == {"backend", "backend/database"}


def test_what_weighs_most_comes_first() -> None:
    snapshot = replace(FINE, setup=Setup(lasting=False, notices=False))
    weights = [each.weight for each in judged(snapshot)]
    order = [Weight.CRITICAL, Weight.GAP, Weight.UNSEEN, Weight.OK]
    assert weights == sorted(weights, key=order.index)


@pytest.mark.parametrize("helped", [Came.HELPED, Came.NO_HELP])
def test_a_remedy_that_helps_now_and_then_is_no_gap(helped: Came) -> None:
    rows = [a_remedy(1), a_remedy(2), a_remedy(3, came=helped)]
    ill = [each for each in judged(overview(remedies={"a": rows})) if each.rule == "remedies"]
    assert bool(ill) is (helped is Came.NO_HELP)


def test_an_outage_within_a_quiet_needs_no_issue() -> None:
    quiet = replace(outage(None), quiet_until=NOW)
    assert [each for each in judged(overview(incidents=(quiet,))) if each.rule == "issues"] == []


def test_what_sleeps_when_nobody_calls_needs_no_probe() -> None:
    snapshot = replace(FINE, hosting=a_hosting(HOSTED, REDIS, replace(OTHER, sleeps=True)))
    assert [each.key for each in judged(snapshot) if each.is_ill] == []


def test_the_daemons_own_service_and_databases_need_no_probe() -> None:
    own = replace(OTHER, name="devops-daemon", id="s-own")
    snapshot = replace(FINE, hosting=a_hosting(HOSTED, REDIS, own), own_service="s-own")
    assert [each.about for each in judged(snapshot) if each.rule == "watched"] == ["backend"]


def test_each_rule_has_its_words() -> None:
    assert all(rule.__doc__ for rule in RULES)
    keys = [each.key for each in judged(FINE)]
    assert len(keys) == len(set(keys)), "by its key a finding is known again"
    assert isinstance(judged(FINE)[0], Remark)
