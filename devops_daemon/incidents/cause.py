"""Decide which troubles are one outage, and which of them is its cause.

A service that is down explains what fails in itself and in the services that depend on it. When all that is watched is
down at once, that is one outage too, whatever depends on what.
"""

from collections.abc import Collection, Iterable, Sequence

from devops_daemon.model import ProbeKey, Service, Symptom, Trouble, Watchlist


def is_down(trouble: Trouble) -> bool:
    """Tell an outage from what is only degraded or flapping: the two are never one incident."""
    return trouble.symptom is Symptom.DOWN


def related(one: str, other: str, services: Sequence[Service]) -> bool:
    """Tell whether one service's failure may explain the other's: the same, or one depends on the other."""
    return one == other or one in _upstream(other, services) or other in _upstream(one, services)


def group(troubles: Collection[Trouble], services: Sequence[Service]) -> list[tuple[Trouble, ...]]:
    """Sort troubles into outages, each with its cause first; other troubles by their service, and what people say."""
    down = [trouble for trouble in troubles if is_down(trouble)]
    declared = [trouble for trouble in troubles if trouble.symptom is Symptom.DECLARED]
    rest = [trouble for trouble in troubles if trouble not in down and trouble not in declared]
    groups = [down] if total_outage(down, services) else _connected(down, services)
    groups += [[trouble] for trouble in declared]
    groups += [[t for t in rest if t.key.service == name] for name in dict.fromkeys(t.key.service for t in rest)]
    return [tuple(sorted(one, key=lambda trouble: _rank(trouble.key, services))) for one in groups]


def total_outage(troubles: Iterable[Trouble], services: Sequence[Service]) -> bool:
    """Tell whether every service that is looked at is down, of two at least."""
    down = {trouble.key.service for trouble in troubles if is_down(trouble)}
    watched = {service.name for service in services if any(probe.off is None for probe in service.probes)}
    return len(watched) > 1 and down >= watched


def cause(keys: Iterable[ProbeKey], services: Sequence[Service]) -> ProbeKey:
    """Pick the most upstream of the probes that fail: what the others can be explained by."""
    return min(keys, key=lambda key: _rank(key, services))


def _connected(troubles: list[Trouble], services: Sequence[Service]) -> list[list[Trouble]]:
    groups: list[list[Trouble]] = []
    for trouble in troubles:
        joined = [g for g in groups if any(related(trouble.key.service, t.key.service, services) for t in g)]
        groups = [g for g in groups if g not in joined]
        groups.append([t for g in joined for t in g] + [trouble])
    return groups


def _upstream(name: str, services: Sequence[Service]) -> frozenset[str]:
    direct = next((service.depends_on for service in services if service.name == name), frozenset[str]())
    return direct.union(*(_upstream(other, services) for other in direct))


def _rank(key: ProbeKey, services: Sequence[Service]) -> int:
    order = Watchlist(tuple(services)).probes
    return next((place for place, probe in enumerate(order) if probe.key == key), len(order))
