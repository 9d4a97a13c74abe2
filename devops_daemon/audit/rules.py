"""RULES: what is asked of the monitoring, each a pure function of a snapshot that yields what it found.

To add a rule is to add a function to the list. What is ill has evidence and a cure; what could not be seen is said to
be so, and is neither well nor ill.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from devops_daemon.audit.snapshot import Snapshot
from devops_daemon.auditing import Remark, Weight
from devops_daemon.hosting import Became, HostedService, Phase
from devops_daemon.mending import Came
from devops_daemon.model import Grade, Incident, Probe, ProbeKind, Service
from devops_daemon.objectives import Objective, measure
from devops_daemon.rollout.matching import match

WEEK = timedelta(days=7)
ENOUGH_AVAILABLE, ILL_AVAILABLE = 0.999, 0.95
MOST_UNKNOWN = 0.05
ENOUGH_ROUNDS = 0.99
SLOW = 1000.0
"""Milliseconds in the mean of a day."""
MUCH_SLOWER = 2.0
ENOUGH_STRUCTURED = 0.8
FEWEST_LINES = 20
"""Of so few lines nothing is said."""
OFTEN = 10
"""An error that stands so often in the newest lines recurs."""
TOLD_WITHIN = timedelta(minutes=5)
TRIED_OFTEN = 3
REHEARSED_WITHIN = timedelta(days=90)
WAITED = timedelta(hours=1)
_DAY = 24
DEPENDENCIES: Mapping[str, re.Pattern[str]] = {
    "database": re.compile(r"DATABASE_URL|POSTGRES\w*|PG(?:HOST|USER|DATABASE)|MYSQL\w*|MONGO\w*"),
    "redis": re.compile(r"REDIS\w*"),
    "queue": re.compile(r"(?:AMQP|RABBITMQ|KAFKA)\w*"),
}
"""What the names of variables show that a service needs, by the name under which readiness tells of it."""

Rule = Callable[[Snapshot], Iterator[Remark]]


def watched(snapshot: Snapshot) -> Iterator[Remark]:
    """Each service with a public address is probed."""
    if snapshot.hosting is None:
        yield _unseen("watched", "services", snapshot)
        return
    ours = {each.id for each in match(snapshot.services, snapshot.hosting).values()}
    for service in _public(snapshot):
        if service.id in ours:
            yield Remark("watched", service.name, Weight.OK, "is probed")
        elif service.sleeps:
            yield Remark("watched", service.name, Weight.OK, "sleeps when nobody calls: a probe would wake it")
        else:
            text = f"has a public address ({service.hosts[0]}) and nobody looks whether it answers"
            cure = f'add [services.{service.name}] url = "https://{service.hosts[0]}" to devops.toml'
            yield Remark("watched", service.name, Weight.GAP, text, cure)


def healthcheck(snapshot: Snapshot) -> Iterator[Remark]:
    """Each service with a public address has a health check at the platform, and time to end what is under way."""
    for service in _public(snapshot):
        if service.healthcheck_path is None:
            text = "Railway sends traffic to a new deployment before it is known to answer: it has no health check path"
            yield Remark("healthcheck", service.name, Weight.GAP, text, "set its Healthcheck Path at Railway")
        else:
            yield Remark("healthcheck", service.name, Weight.OK, f"Railway asks {service.healthcheck_path}")
        if service.draining is not None and not service.draining:
            text = "is stopped at once when it is replaced: requests under way are cut off"
            yield Remark("draining", service.name, Weight.GAP, text, "set RAILWAY_DEPLOYMENT_DRAINING_SECONDS there")


def readiness(snapshot: Snapshot) -> Iterator[Remark]:
    """What a service needs, as its variables show, is told by its readiness."""
    hosted = match(snapshot.services, snapshot.hosting) if snapshot.hosting else {}
    for service in snapshot.services:
        place = hosted.get(service.name)
        known = snapshot.variables.get(place.name) if place else None
        if place is None or known is None:
            continue
        told = _told_ready(snapshot, service)
        for need, pattern in DEPENDENCIES.items():
            name = next((each.name for each in known.names if pattern.fullmatch(each.name)), None)
            if name is None:
                continue
            about = f"{service.name}/{need}"
            if told is not None and need in told:
                yield Remark("readiness", about, Weight.OK, "its readiness tells of it")
            else:
                text = f"it has {name}, and its readiness says nothing of {need}: users see an outage of that first"
                cure = f'let /health/ready name "{need}" in its checks, and probe it (kind = "readiness")'
                yield Remark("readiness", about, Weight.GAP, text, cure, inside=True)


def _told_ready(snapshot: Snapshot, service: Service) -> str | None:
    """Give what the readiness of a service said last, None where nobody asks for it."""
    probes = [each for each in service.probes if each.kind is ProbeKind.READINESS and each.off is None]
    details = [snapshot.overview.states[each.key].detail for each in probes if each.key in snapshot.overview.states]
    return " ".join(details).lower() if probes else None


def availability(snapshot: Snapshot) -> Iterator[Remark]:
    """Each probe passed, and could be measured, in the last seven days."""
    first = _day(snapshot.now) - WEEK.days + 1
    for probe in _probes(snapshot):
        days = [each for each in snapshot.overview.days.get(probe.key, ()) if each.number >= first]
        ok, failed = sum(each.ok + each.degraded for each in days), sum(each.failed for each in days)
        unknown, about = sum(each.unknown for each in days), str(probe.key)
        if not ok + failed + unknown:
            yield Remark("availability", about, Weight.UNSEEN, "was not looked at in the last seven days")
            continue
        if unknown > MOST_UNKNOWN * (ok + failed + unknown):
            share = unknown / (ok + failed + unknown)
            text = f"{share:.1%} of its looks in seven days could not measure anything"
            yield Remark("measured", about, Weight.GAP, text, "see its detail on /status: a password, or our network")
        if ok + failed:
            yield _availability(about, ok / (ok + failed))


def _availability(about: str, share: float) -> Remark:
    text = f"{share:.2%} in seven days"
    if share < ILL_AVAILABLE:
        return Remark("availability", about, Weight.CRITICAL, text, "see its incidents: what caused the longest?")
    if share < ENOUGH_AVAILABLE:
        return Remark("availability", about, Weight.GAP, text, "see its incidents: what caused them?")
    return Remark("availability", about, Weight.OK, text)


def latency(snapshot: Snapshot) -> Iterator[Remark]:
    """Each probe is fast, and not much slower than the day before."""
    now = int(snapshot.now.timestamp()) // 3600
    for probe in _probes(snapshot):
        hours = [each for each in snapshot.overview.hours.get(probe.key, ()) if each.mean_ms is not None]
        today = [each.mean_ms or 0.0 for each in hours if each.number > now - _DAY]
        before = [each.mean_ms or 0.0 for each in hours if each.number <= now - _DAY]
        if not today:
            continue
        mean, about = sum(today) / len(today), str(probe.key)
        earlier = sum(before) / len(before) if before else None
        if mean > SLOW:
            text = f"takes {mean / 1000:.1f} s in the mean of a day"
            yield Remark("latency", about, Weight.GAP, text, "find what it waits for: a health check should take 0.2 s")
        elif earlier and mean > MUCH_SLOWER * earlier and mean > SLOW / 10:
            text = f"takes {mean:.0f} ms in the mean of a day, {earlier:.0f} ms the day before"
            yield Remark("latency", about, Weight.GAP, text, "see what was deployed between")
        else:
            yield Remark("latency", about, Weight.OK, f"{mean:.0f} ms in the mean of a day")


def own_watch(snapshot: Snapshot) -> Iterator[Remark]:
    """Our own rounds were run, and in time; somebody would see it if they were not."""
    kept = snapshot.own_week.punctuality if snapshot.own_week else None
    if kept is None or not kept.due:
        yield Remark("own watch", "rounds", Weight.UNSEEN, "no round was due in the last seven days")
    elif kept.run < ENOUGH_ROUNDS * kept.due:
        minutes = kept.longest_gap.total_seconds() / 60
        text = (
            f"{kept.due - kept.run} of {kept.due} rounds of the last seven days were not run, for {minutes:.0f} min at"
            " the longest: nobody looked meanwhile"
        )
        yield Remark("own watch", "rounds", Weight.GAP, text, "see in the daemon's log when it was down, and why")
    else:
        yield Remark("own watch", "rounds", Weight.OK, f"{kept.run} of {kept.due} rounds of the last week were run")
    if not snapshot.setup.heartbeat:
        text = "if the daemon itself stops, nobody hears of it"
        yield Remark("own watch", "heartbeat", Weight.GAP, text, "set HEARTBEAT_URL (healthchecks.io or the like)")
    if not snapshot.setup.lasting:
        text = "its store is lost at each deployment, and with it limits and history"
        cure = "attach a volume, or set DEVOPS_DATABASE_URL"
        yield Remark("own watch", "store", Weight.CRITICAL, text, cure)


def logs(snapshot: Snapshot) -> Iterator[Remark]:
    """Logs are structured, hold no secrets, and no error recurs in them."""
    for sample in snapshot.samples.values():
        if sample.masked:
            text = f"{sample.masked} of the last {sample.lines} lines hold something secret: whoever reads logs has it"
            cure = "do not log it, and replace what was logged"
            yield Remark("secrets in logs", sample.service, Weight.CRITICAL, text, cure)
        if sample.lines < FEWEST_LINES:
            continue
        share = sample.structured / sample.lines
        if share < ENOUGH_STRUCTURED:
            text = f"{share:.0%} of the last {sample.lines} lines are structured"
            cure = "write JSON, one object a line, with time, level and context"
            yield Remark("structured logs", sample.service, Weight.GAP, text, cure)
        else:
            yield Remark("structured logs", sample.service, Weight.OK, f"{share:.0%} of its lines are structured")
        for error in (each for each in sample.errors if each.count >= OFTEN):
            text = f"an error stands {error.count} times in the last {sample.lines} lines"
            about = f"{sample.service}: {error.template[:80]}"
            yield Remark("recurring errors", about, Weight.GAP, text, "mend its cause", (error.template,))
    if snapshot.hosting is not None and not snapshot.samples:
        yield _unseen("logs", "services", snapshot)


def alerting(snapshot: Snapshot) -> Iterator[Remark]:
    """Every outage of the week had its issue in time, and people would hear of one."""
    lately = [each for each in snapshot.overview.incidents if each.opened_at > snapshot.now - WEEK]
    outages = [each for each in lately if each.is_outage and each.is_urgent and not each.quiet_until]
    without = [each for each in outages if each.issue is None and _old(each, snapshot.now)]
    for each in without:
        text = f"{each.severity} {each.title}, {each.opened_at:%Y-%m-%d %H:%M} UTC, has no issue"
        yield Remark("issues", each.id, Weight.GAP, text, "see on /status what is wrong with GitHub")
    if outages and not without:
        yield Remark("issues", "outages", Weight.OK, f"all {len(outages)} outages of the week had an issue")
    if not snapshot.setup.escalation:
        text = "nobody is mentioned when an outage needs a person"
        yield Remark("escalation", "people", Weight.GAP, text, "set ESCALATION_MENTIONS")
    if not snapshot.setup.notices:
        text = "nobody is told of an outage but by GitHub"
        yield Remark("escalation", "notices", Weight.GAP, text, "set NOTIFY_URLS (Slack, Discord, e-mail, PagerDuty …)")
    yield from _reached(snapshot)


def _reached(snapshot: Snapshot) -> Iterator[Remark]:
    """What was to be told was told, and lately enough that it is known to arrive."""
    if snapshot.own_week is None:
        return
    for each in snapshot.own_week.untold:
        text = f"{each.name} was tried {each.tries} times in vain: {(each.error or '')[:200]}"
        yield Remark("told", f"incident {each.incident}", Weight.GAP, text, "mend that, or take the place away")
    at = snapshot.own_week.notice_at
    if at is None or snapshot.now - at > REHEARSED_WITHIN:
        when = f"since {at:%Y-%m-%d}" if at else "ever, as far as is kept"
        text = f"no notice or call for people was told {when}: whether one arrives is not known"
        name = snapshot.services[0].name if snapshot.services else "SERVICE"
        cure = f"rehearse it: devops-daemon declare {name} SEV2 --reason rehearsal, then end it"
        yield Remark("escalation", "rehearsal", Weight.GAP, text, cure)
    else:
        text = f"people were told of something on {at:%Y-%m-%d}"
        yield Remark("escalation", "rehearsal", Weight.OK, text)


def _old(incident: Incident, now: datetime) -> bool:
    return (incident.resolved_at or now) - incident.detected_at > TOLD_WITHIN


def deployments(snapshot: Snapshot) -> Iterator[Remark]:
    """Deployments of the week went well."""
    lately = [each for each in snapshot.overview.deployments if each.created_at > snapshot.now - WEEK]
    by_name = sorted(lately, key=lambda each: each.service)
    for service, group in groupby(by_name, key=lambda each: each.service):
        rows = list(group)
        bad = [each for each in rows if each.became is Became.FAILED or each.phase is Phase.CRASHED]
        if bad:
            text = f"{len(bad)} of {len(rows)} deployments of the week failed or crashed, the last {bad[0].what[:60]}"
            yield Remark("deployments", service, Weight.GAP, text, f"devops-daemon logs {service} --build")
        else:
            yield Remark("deployments", service, Weight.OK, f"{len(rows)} deployments of the week went well")


def variables(snapshot: Snapshot) -> Iterator[Remark]:
    """No variable is empty, and what is referred to is there."""
    by_name = {name: {each.name for each in held.names} for name, held in snapshot.variables.items()}
    services = {each.name for each in snapshot.hosting.services} if snapshot.hosting else set()
    for name, held in snapshot.variables.items():
        whose = name or "shared"
        for empty in held.empty:
            text, cure = f"{empty} is empty", "give it a value, or take it away"
            yield Remark("variables", f"{whose}/{empty}", Weight.GAP, text, cure, inside=True)
        for each in held.names:
            for reference in each.references:
                if (lost := _lost(reference, by_name, services)) is not None:
                    text = f"{each.name} refers to {reference}, and {lost}"
                    cure = "mend the reference"
                    yield Remark("variables", f"{whose}/{each.name}", Weight.CRITICAL, text, cure, inside=True)
    if snapshot.example and by_name and set(by_name) >= services:
        everywhere = set().union(*by_name.values())
        for name in (each for each in dict.fromkeys(snapshot.example) if each not in everywhere):
            text = f"{name} stands in .env.example, and no service has it"
            cure = "set it where it is needed, or comment it out there"
            yield Remark("variables", f".env.example/{name}", Weight.GAP, text, cure, inside=True)


def _lost(reference: str, by_name: Mapping[str, set[str]], services: set[str]) -> str | None:
    """Say why what is referred to (`SERVICE.NAME`, `shared.NAME`) is not there; None where it is, or is not known."""
    whose, _, name = reference.rpartition(".")
    if not whose or name.startswith("RAILWAY_"):
        return None
    if whose != "shared" and whose not in services:
        return f"there is no service {whose}"
    known = by_name.get("" if whose == "shared" else whose)
    return None if known is None or name in known else f"{whose} has no such variable"


def certificates(snapshot: Snapshot) -> Iterator[Remark]:
    """No certificate ends soon."""
    for probe in _probes(snapshot):
        state = snapshot.overview.states.get(probe.key)
        if state is not None and "certificate" in state.detail.lower():
            cure = "see why it is not renewed: Railway does so by itself, where the DNS still leads there"
            yield Remark("certificates", str(probe.key), Weight.GAP, state.detail, cure)


def deliveries(snapshot: Snapshot) -> Iterator[Remark]:
    """Webhooks arrive, and what arrived was worked off."""
    if snapshot.lost_deliveries:
        text = f"{snapshot.lost_deliveries} of GitHub's deliveries of the last days did not arrive"
        yield Remark("webhooks", "GitHub", Weight.GAP, text, "see the webhook's Recent Deliveries, and PUBLIC_URL")
    elif snapshot.lost_deliveries == 0:
        yield Remark("webhooks", "GitHub", Weight.OK, "all deliveries of the last days arrived")
    failed = snapshot.overview.inbox.failed
    if failed:
        text = f"{failed} deliveries could not be worked off"
        yield Remark("inbox", "deliveries", Weight.GAP, text, "devops-daemon deliveries, then deliveries replay ID")


def rights(snapshot: Snapshot) -> Iterator[Remark]:
    """Tokens work, and may what they must, and no more."""
    weights = {Grade.WARNING: Weight.GAP, Grade.FAILED: Weight.CRITICAL}
    for whose, findings in snapshot.checkups.items():
        bad = [each for each in findings if each.grade in weights]
        for each in bad:
            cure = each.cure or "see devops-daemon doctor"
            yield Remark("check-up", f"{whose}: {each.about}", weights[each.grade], each.text, cure)
        if findings and not bad:
            yield Remark("check-up", whose, Weight.OK, f"all {len(findings)} questions are answered well")


def remedies(snapshot: Snapshot) -> Iterator[Remark]:
    """What is tried by itself helps now and then."""
    tried: dict[str, list[bool]] = {}
    for rows in snapshot.overview.remedies.values():
        for each in rows:
            if each.came in {Came.HELPED, Came.NO_HELP, Came.WORSE} and not each.dry:
                tried.setdefault(f"{each.act} of {each.service}", []).append(each.came is Came.HELPED)
    for about, helped in sorted(tried.items()):
        if len(helped) >= TRIED_OFTEN and not any(helped):
            text = f"was tried {len(helped)} times in 30 days and never helped"
            yield Remark("remedies", about, Weight.GAP, text, "change [runbooks] in devops.toml, or mend the cause")


def pulls(snapshot: Snapshot) -> Iterator[Remark]:
    """No pull request that is ready waits long."""
    for row in snapshot.overview.pulls:
        if row.ready_since and snapshot.now - row.ready_since > WAITED:
            hours = (snapshot.now - row.ready_since).total_seconds() / 3600
            text = f"is ready for {hours:.1f} h: {row.decision.reason}"
            yield Remark("pull requests", f"#{row.number}", Weight.GAP, text, "see to what it waits for")


def feedback(snapshot: Snapshot) -> Iterator[Remark]:
    """What users wrote became issues."""
    for each in snapshot.overview.feedback.aside:
        yield Remark("feedback", each.id, Weight.GAP, f"was set aside: {each.error}", "mend that")


def promises(snapshot: Snapshot) -> Iterator[Remark]:
    """The success criteria were kept in the last seven days; how they were in each of four weeks stands beside."""
    overview = snapshot.overview
    for each in measure(overview.incidents, snapshot.now, overview.waits, overview.ready):
        beside = _by_week(each)
        if each.met is None or each.actual is None:
            yield Remark("objectives", each.name, Weight.UNSEEN, f"no data in seven days{beside}")
            continue
        value, target = _as_told(each.name, each.actual), _as_told(each.name, each.target)
        if each.met:
            yield Remark("objectives", each.name, Weight.OK, f"{value}, wanted {target}{beside}")
        else:
            text = f"{value} at worst in seven days, wanted {target}{beside}"
            worst = each.worst_case
            cure = f"see {worst.about}, the worst of thirty days" if worst else "see the worst case on /status"
            yield Remark("objectives", each.name, Weight.GAP, text, cure)


def _by_week(objective: Objective) -> str:
    """Say in how many cases it was kept, week by week, oldest first; nothing where there were none."""
    if all(week.share_met is None for week in objective.weeks):
        return ""
    told = ("\u2013" if week.share_met is None else f"{week.share_met:.0%}" for week in objective.weeks)
    return f" (kept, by week: {', '.join(told)})"


def _as_told(name: str, value: float) -> str:
    return f"{value:.0%}" if name == "auto_recovery" else f"{value:.0f} s"


RULES: Sequence[Rule] = (
    watched,
    healthcheck,
    readiness,
    availability,
    latency,
    own_watch,
    logs,
    alerting,
    deployments,
    variables,
    certificates,
    deliveries,
    rights,
    remedies,
    pulls,
    feedback,
    promises,
)


def judged(snapshot: Snapshot, rules: Sequence[Rule] = RULES) -> tuple[Remark, ...]:
    """Ask all rules; what weighs most comes first, then in the order of the rules."""
    order = (Weight.CRITICAL, Weight.GAP, Weight.UNSEEN, Weight.OK)
    found = [remark for rule in rules for remark in rule(snapshot)]
    return tuple(sorted(found, key=lambda remark: order.index(remark.weight)))


def _public(snapshot: Snapshot) -> list[HostedService]:
    """Give the services with a public address, without the daemon's own and databases."""
    services = snapshot.hosting.services if snapshot.hosting else ()
    own = snapshot.own_service
    return [each for each in services if each.hosts and not each.engine and own not in {each.id, each.name}]


def _probes(snapshot: Snapshot) -> list[Probe]:
    return [probe for service in snapshot.services for probe in service.probes if probe.off is None]


def _day(at: datetime) -> int:
    return int(at.timestamp()) // 86_400


def _unseen(rule: str, about: str, snapshot: Snapshot) -> Remark:
    why = "; ".join(f"{what}: {reason}" for what, reason in snapshot.unread.items()) or "Railway is not configured"
    return Remark(rule, about, Weight.UNSEEN, why)
