"""What is watched: the product of the settings, and what `devops.toml` adds or changes.

A probe in the file that has the name of one of the settings' own (`backend`, `database`, `auth`, `frontend`) changes
that one. The environment wins: a service whose URL a setting gives keeps that URL.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from datetime import timedelta

from devops_daemon.config_file import Document, File, ProbeTable, ServiceTable
from devops_daemon.model import (
    Check,
    HttpCheck,
    Probe,
    ProbeKey,
    ProbeKind,
    ReadinessCheck,
    Service,
    Severity,
    SignInCheck,
    Watchlist,
)
from devops_daemon.settings import Settings, WrongSettingsError

SLOW_AFTER = timedelta(seconds=3)
CERTIFICATE_DAYS = 14
"""A certificate nearer its end than this is a SEV3 (`facts/factory.md`, alerting levels)."""
NOTHING_TO_WATCH = (
    "PRODUCTION_BACKEND_URL: is not set, nor is PRODUCTION_FRONTEND_URL or a service in devops.toml: there is nothing"
    " to watch; for example: https://api.example.com"
)
HEALTHY = ("healthy", "ok", "up", "pass")
_KEYS_OF_KIND: Mapping[ProbeKind, frozenset[str]] = {
    ProbeKind.HTTP: frozenset(
        {"path", "method", "expect_status", "contains", "fields", "not_empty", "follow_redirects"}
    ),
    ProbeKind.READINESS: frozenset({"path", "needs"}),
    ProbeKind.SIGN_IN: frozenset({"username"}),
}

_ALL_KEYS = frozenset[str]().union(*_KEYS_OF_KIND.values())

_OWN_SERVICES: Mapping[str, ServiceTable] = {
    "backend": ServiceTable(
        probes={
            "backend": ProbeTable(
                kind=ProbeKind.HTTP, path="/health", fields={"status": list(HEALTHY)}, severity=Severity.SEV1
            ),
            "database": ProbeTable(
                kind=ProbeKind.READINESS, path="/health/ready", needs="database", severity=Severity.SEV1
            ),
            "auth": ProbeTable(kind=ProbeKind.SIGN_IN, severity=Severity.SEV2),
        }
    ),
    "frontend": ServiceTable(
        depends_on=["backend"],
        probes={
            "frontend": ProbeTable(
                kind=ProbeKind.HTTP, path="/", not_empty=True, follow_redirects=True, severity=Severity.SEV2
            )
        },
    ),
}
"""What the settings watch by themselves (contract, `PRODUCTION_BACKEND_URL`); severities of the design."""


def plan(settings: Settings, document: Document) -> Watchlist:
    """Decide what is watched; raises WrongSettingsError with a line for each thing that does not fit."""
    file = document.file
    tables = {name: _merged(name, settings, file) for name in _names(settings, file)}
    problems = [
        document.problem(("services", name, *place), message)
        for name, table in tables.items()
        for place, message in (*_misfits(name, table, tables), *_misfitting_probes(table))
    ]
    if not tables:
        problems.append(NOTHING_TO_WATCH)
    if problems:
        raise WrongSettingsError(problems)
    services = [_service(name, table, settings, frozenset(tables)) for name, table in tables.items()]
    return Watchlist(
        services=tuple(sorted(services, key=lambda service: _depth(service.name, tables))),
        references=tuple(dict.fromkeys((settings.github_api_url, settings.railway_api_url, *settings.reference_urls))),
    )


def _names(settings: Settings, file: File) -> list[str]:
    own = {"backend": settings.production_backend_url, "frontend": settings.production_frontend_url}
    return list(dict.fromkeys([*(name for name, url in own.items() if url), *file.services]))


def _merged(name: str, settings: Settings, file: File) -> ServiceTable:
    own, given = _OWN_SERVICES.get(name, ServiceTable()), file.services.get(name, ServiceTable())
    url = {"backend": settings.production_backend_url, "frontend": settings.production_frontend_url}.get(name)
    probes = dict(own.probes)
    for probe, table in given.probes.items():
        probes[probe] = _changed(probes.get(probe, ProbeTable()), table)
    if not probes:
        probes[name] = ProbeTable(kind=ProbeKind.HTTP)
    return ServiceTable(
        url=url or given.url,
        depends_on=given.depends_on if "depends_on" in given.model_fields_set else own.depends_on,
        railway=given.railway,
        probes=probes,
    )


def _changed(own: ProbeTable, table: ProbeTable) -> ProbeTable:
    """Change a probe of the settings' own; one that becomes of another kind keeps nothing but its severity."""
    start = ProbeTable(severity=own.severity) if table.kind not in {None, own.kind} else own
    return start.model_copy(update={name: getattr(table, name) for name in table.model_fields_set})


_Misfit = tuple[tuple[str, ...], str]


def _misfits(name: str, table: ServiceTable, tables: Mapping[str, ServiceTable]) -> Iterator[_Misfit]:
    if not table.url:
        yield (), f'needs a url; for example: url = "https://{name}.example.com"'
    own = _OWN_SERVICES.get(name, ServiceTable()).depends_on
    for other in table.depends_on:
        if other not in tables and other not in own:
            yield ("depends_on",), f"there is no service {other!r}; there are: {', '.join(tables)}"
    if name in _upstream(name, tables):
        yield ("depends_on",), f"goes in a circle back to {name!r}"


def _misfitting_probes(table: ServiceTable) -> Iterator[_Misfit]:
    for probe, row in table.probes.items():
        here = ("probes", probe)
        if row.kind is None:
            yield here, f"needs a kind: {', '.join(ProbeKind)}"
            continue
        if row.kind is ProbeKind.READINESS and not row.needs:
            yield here, f'needs the dependency that it is about; for example: needs = "{probe}"'
        for key in sorted(_ALL_KEYS - _KEYS_OF_KIND[row.kind]):
            if getattr(row, key) is not None:
                yield (*here, key), f"is not for the kind {row.kind}"


def _upstream(name: str, tables: Mapping[str, ServiceTable]) -> set[str]:
    found: set[str] = set()
    ahead = [other for other in tables[name].depends_on if other in tables]
    while ahead:
        other = ahead.pop()
        if other not in found:
            found.add(other)
            ahead += [further for further in tables[other].depends_on if further in tables]
    return found


def _depth(name: str, tables: Mapping[str, ServiceTable]) -> int:
    return len(_upstream(name, tables))


def _service(name: str, table: ServiceTable, settings: Settings, known: frozenset[str]) -> Service:
    return Service(
        name=name,
        probes=tuple(_probe(ProbeKey(name, probe), row, table, settings) for probe, row in table.probes.items()),
        depends_on=frozenset(table.depends_on) & known,
        railway=table.railway,
    )


def _probe(key: ProbeKey, row: ProbeTable, service: ServiceTable, settings: Settings) -> Probe:
    kind = row.kind or ProbeKind.HTTP
    check = _check(kind, row, service.url or "", settings)
    return Probe(
        key=key,
        kind=kind,
        check=check,
        severity=row.severity or Severity.SEV2,
        timeout=row.timeout or settings.probe_timeout,
        slow_after=row.slow_after or SLOW_AFTER,
        certificate_days=CERTIFICATE_DAYS if row.certificate_days is None else row.certificate_days,
        off=_why_off(row, check),
        fingerprint=_fingerprint(check),
    )


def _check(kind: ProbeKind, row: ProbeTable, url: str, settings: Settings) -> Check:
    match kind:
        case ProbeKind.HTTP:
            return HttpCheck(
                url=url + (row.path or "/"),
                method=row.method or "GET",
                expect_status=frozenset(row.expect_status or [200]),
                contains=row.contains,
                fields=tuple((path, tuple(_as_text(v) for v in values)) for path, values in (row.fields or {}).items()),
                not_empty=bool(row.not_empty),
                follow_redirects=bool(row.follow_redirects),
            )
        case ProbeKind.READINESS:
            return ReadinessCheck(url=url + (row.path or "/health/ready"), needs=row.needs or "")
        case ProbeKind.SIGN_IN:
            username = row.username or settings.canary_username
            return SignInCheck(backend=url, username=username, password=canary_password(settings, username))


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _why_off(row: ProbeTable, check: Check) -> str | None:
    if row.off:
        return "switched off in devops.toml"
    if isinstance(check, SignInCheck) and not check.password:
        return "needs CANARY_PASSWORD or DEVOPS_API_SECRET"
    return None


def canary_password(settings: Settings, username: str) -> str:
    """Give the canary's password, or one derived from `DEVOPS_API_SECRET`, or nothing where neither is set.

    The derived one has letters of both cases, digits and a sign, as password rules like it.
    """
    if settings.canary_password:
        return settings.canary_password.get_secret_value()
    if not settings.devops_api_secret:
        return ""
    key = settings.devops_api_secret.get_secret_value().encode()
    digest = hmac.new(key, f"devops-daemon canary {username}".encode(), hashlib.sha256).digest()
    return "Dc1!" + base64.urlsafe_b64encode(digest[:21]).decode()


def _fingerprint(check: Check) -> str:
    """Tell one configuration from another in 16 bits: enough to see a change, too little to guess a password by."""
    asked = repr(check) + (check.password if isinstance(check, SignInCheck) else "")
    return hashlib.sha256(asked.encode()).hexdigest()[:4]
