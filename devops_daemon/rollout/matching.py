"""Which hosted service is which watched one, and how it is by our probes. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from devops_daemon.hosting import HostedService, Hosting, UnknownServiceError
from devops_daemon.model import (
    HttpCheck,
    Outcome,
    Probe,
    ProbeKey,
    ProbeState,
    ReadinessCheck,
    Result,
    Service,
    Status,
)
from devops_daemon.rollout.verdict import Health

_WORST = (Status.DOWN, Status.UNKNOWN, Status.DEGRADED, Status.UP)


def match(services: Sequence[Service], hosting: Hosting) -> dict[str, HostedService]:
    """Find each watched service at the platform: by its host, else by its name, else by what `devops.toml` says.

    A service that is hosted elsewhere is left out (contract, `CONFIG_FILE`).
    """
    return {service.name: matched for service in services if (matched := _matched(service, hosting))}


def _matched(service: Service, hosting: Hosting) -> HostedService | None:
    by_host = (hosting.at_host(_host(probe)) for probe in service.probes)
    there = next((found for found in by_host if found), None)
    for name in (service.name, service.railway):
        if there is None and name:
            try:
                there = hosting.service(name)
            except UnknownServiceError:
                continue
    return there


def _host(probe: Probe) -> str:
    check = probe.check
    url = check.url if isinstance(check, HttpCheck | ReadinessCheck) else check.backend
    return (urlsplit(url).hostname or "").lower()


def watched(services: Sequence[Service], hosting: Hosting, hosted: HostedService) -> Service | None:
    """Find what is watched of a hosted service, None where nothing is."""
    found = match(services, hosting)
    return next((each for each in services if each.name in found and found[each.name].id == hosted.id), None)


def health_since(service: Service, states: Mapping[ProbeKey, ProbeState], since: datetime) -> Health | None:
    """Say how a service is by the looks since a moment; None until every probe of it has looked."""
    probes = [probe.key for probe in service.probes if probe.off is None]
    looked = [states[key] for key in probes if key in states]
    if len(looked) < len(probes) or not looked or any(not s.checked_at or s.checked_at <= since for s in looked):
        return None
    worst = min(looked, key=_badness)
    status = Status.UP if _proved(worst) is Status.DEGRADED else _proved(worst)
    return Health(status, f"{worst.key}: {worst.detail}", turning=status is Status.DOWN and not worst.failures)


def _badness(state: ProbeState) -> tuple[int, bool]:
    """Order states: the worst first, and of those that are down what fails now before what answers again."""
    proved = _proved(state)
    return _WORST.index(proved) if proved in _WORST else len(_WORST), not state.failures


def _proved(state: ProbeState) -> Status:
    """Tell what the looks prove: one that failed is no sign of health, though the thresholds wait for a second."""
    return Status.UNKNOWN if state.failures and state.status is not Status.DOWN else state.status


def health_of_results(results: Sequence[Result]) -> Health | None:
    """Say how a service is by one look of each of its probes; None where none looked."""
    if not results:
        return None
    failed = [result for result in results if result.outcome is Outcome.FAILED]
    doubtful = [result for result in results if result.outcome in {Outcome.UNKNOWN, Outcome.UNPROVEN}]
    status = Status.DOWN if failed else Status.UNKNOWN if doubtful else Status.UP
    worst = (*failed, *doubtful, *results)[0]
    return Health(status, f"{worst.key}: {worst.detail}")
