"""Whether GitHub's webhooks arrive: is there one, does it lead here, what does it send, what became of it lately."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from devops_daemon.adapters.github.asked import WEBHOOK_PATH, Asked
from devops_daemon.adapters.github.forge import GitHub
from devops_daemon.adapters.github.hooks import Hook
from devops_daemon.adapters.github.rights import EVENTS
from devops_daemon.model import Finding, Grade
from devops_daemon.ports import Clock, RefusedError

KEPT = timedelta(days=3)
"""For so long GitHub keeps deliveries, to be sent again."""
ABOUT = "webhook"


async def webhook(github: GitHub, now: Clock) -> AsyncIterator[Finding]:
    """Give what is found; raises UnavailableError."""
    asked = github.client.asked
    try:
        hook = await github.hooks.ours()
        if hook is None:
            yield _none(asked)
            return
        findings = [*_secrets(hook, asked), *_shape(hook), *await _events(github, hook)]
        for finding in findings:
            yield finding
        yield await _deliveries(github, now, well=not findings, url=hook.url)
    except RefusedError as error:
        cure = "give it, or do without: what no webhook brings is found by the sweeps"
        yield Finding(Grade.WARNING, ABOUT, str(error), cure)


def _none(asked: Asked) -> Finding:
    where = asked.webhook_url or f"https://where-the-daemon-is-reached{WEBHOOK_PATH}"
    text = f"none of {asked.repository} leads to {asked.webhook_url or WEBHOOK_PATH}: all is found by the sweeps, later"
    cure = f"add one for {where} with content type application/json, the secret, and: {', '.join(EVENTS)}"
    return Finding(Grade.WARNING, ABOUT, text, cure)


def _secrets(hook: Hook, asked: Asked) -> list[Finding]:
    has_one = bool(hook.config.get("secret"))
    if has_one and asked.webhook_secret_set:
        return []
    if has_one:
        text = "GITHUB_WEBHOOK_SECRET is not set: every delivery is answered 404"
    elif asked.webhook_secret_set:
        text = "it has no secret: every delivery is turned away as unsigned"
    else:
        text = "neither the webhook nor GITHUB_WEBHOOK_SECRET has a secret: every delivery is answered 404"
    return [Finding(Grade.FAILED, ABOUT, text, "set the same secret in the webhook and in GITHUB_WEBHOOK_SECRET")]


def _shape(hook: Hook) -> list[Finding]:
    findings = []
    if not hook.active:
        findings.append(Finding(Grade.FAILED, ABOUT, "it is switched off", "tick Active in its settings"))
    if str(hook.config.get("insecure_ssl", "0")) == "1":
        text = "GitHub does not verify the certificate: whoever is between may read along"
        findings.append(Finding(Grade.WARNING, ABOUT, text, "enable SSL verification in its settings"))
    if hook.config.get("content_type") not in {"json", "form"}:
        text = f"its content type is {hook.config.get('content_type')!r}"
        findings.append(Finding(Grade.WARNING, ABOUT, text, "choose application/json"))
    return findings


async def _events(github: GitHub, hook: Hook) -> list[Finding]:
    events = hook.events if hook.events is not None else await _of_app(github)
    missing = [name for name in EVENTS if name not in events and "*" not in events]
    if not missing:
        return []
    text = "; ".join(f"{name} is not sent ({EVENTS[name]})" for name in missing)
    return [Finding(Grade.WARNING, ABOUT, text, f"tick these events: {', '.join(missing)}")]


async def _of_app(github: GitHub) -> tuple[str, ...]:
    told: Any = (await github.client.get("/app", auth=github.jwt)).data
    events = told.get("events") if isinstance(told, dict) else None
    return tuple(str(event) for event in events) if isinstance(events, list) else ()


async def _deliveries(github: GitHub, now: Clock, *, well: bool, url: str) -> Finding:
    failed = await github.failed_deliveries(now() - KEPT)
    if failed:
        last = failed[-1]
        text = (
            f"{len(failed)} deliveries of the last {KEPT.days} days never arrived, the last ({last.event}) at"
            f" {last.delivered_at:%Y-%m-%d %H:%M} UTC; the daemon fetches them itself"
        )
        return Finding(Grade.WARNING, ABOUT, text, f"see Recent Deliveries of {url} for why")
    text = f"{url}: all deliveries of the last {KEPT.days} days arrived"
    return Finding(Grade.OK, ABOUT if well else f"{ABOUT}'s deliveries", text)
