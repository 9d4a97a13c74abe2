"""What of GitHub is configured, and whether it works."""

import asyncio
import sys

from devops_daemon import logs
from devops_daemon.adapters.github.asked import Asked
from devops_daemon.cli.connection import Known
from devops_daemon.connections import asked_of_github, github, utc_now
from devops_daemon.model import Finding, Grade

ABOUT = "GitHub"


def of_github(what: Known) -> list[Finding]:
    """Give what is found; it only reads."""
    asked = asked_of_github(what.settings)
    if asked is not None:
        level = "debug" if what.settings.log_level == "debug" else "warning"
        logs.configure(level=level, json_lines=False, redactor=what.redactor, stream=sys.stderr)
        return asyncio.run(_looked_at(asked, what))
    if what.settings.github_token or what.settings.github_app_id:
        return [Finding(Grade.FAILED, ABOUT, "there is a token, but no repository", "set GITHUB_REPOSITORY=owner/name")]
    cure = "set GITHUB_REPOSITORY and GITHUB_TOKEN, or an App (docs/github.md)"
    return [Finding(Grade.OFF, ABOUT, "not configured", cure)]


async def _looked_at(asked: Asked, what: Known) -> list[Finding]:
    # loaded only where GitHub is asked
    from devops_daemon.adapters.github.checkup import check_up  # noqa: PLC0415

    async with github(asked, what.redactor) as forge:
        return [finding async for finding in check_up(forge, utc_now)]
