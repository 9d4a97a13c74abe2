"""Look whether what is configured of GitHub works: credentials, rights, repository, webhook, limits, clock.

It only reads. Whether a fine-grained token may write is found out when something is written, and told then.
"""

from collections.abc import AsyncIterator
from datetime import timedelta

from pydantic import SecretStr

from devops_daemon.adapters.github import read
from devops_daemon.adapters.github.checkup_rights import rights
from devops_daemon.adapters.github.checkup_webhook import webhook
from devops_daemon.adapters.github.credentials import PersonalToken
from devops_daemon.adapters.github.forge import GitHub
from devops_daemon.forge import Account
from devops_daemon.model import Finding, Grade
from devops_daemon.ports import Clock, RefusedError, UnavailableError

SKEW = timedelta(seconds=30)
"""Clocks further apart than this make times misleading; at 60 s an App's signature is turned away."""
LITTLE = 0.1
"""The share of the hour's requests below which a person should know."""
KINDS = {
    "ghp_": "a classic personal token",
    "github_pat_": "a fine-grained personal token",
    "ghs_": "an App's or a workflow's token, which ends within hours",
    "gho_": "a token of another program's sign-in",
    "ghu_": "a token of an App's user",
}


async def check_up(github: GitHub, now: Clock) -> AsyncIterator[Finding]:
    """Give what is found, one thing after another; never raises for what GitHub does."""
    try:
        account = await github.account()
    except (RefusedError, UnavailableError) as error:
        yield _failed("GitHub", error)
        if github.client.skew is not None:
            yield _clock(github)
        return
    yield Finding(Grade.OK, _setting(github), f"{_kind(github)}; it writes as {account.login}")
    if github.client.asked.app and github.client.asked.token:
        yield Finding(Grade.WARNING, "GITHUB_TOKEN", "is not used: the App is", "unset one of them")
    async for finding in _of_repository(github, now):
        yield finding
    if token := github.client.asked.trigger_token:
        yield await _trigger(github, account, token)
    yield _quota(github)
    yield _clock(github)


async def _of_repository(github: GitHub, now: Clock) -> AsyncIterator[Finding]:
    try:
        yield await _repository(github)
    except (RefusedError, UnavailableError) as error:
        yield _failed("GITHUB_REPOSITORY", error)
        return
    for about, findings in (("permissions", rights(github)), ("webhook", webhook(github, now))):
        try:
            async for finding in findings:
                yield finding
        except (RefusedError, UnavailableError) as error:
            yield _failed(about, error)


def _failed(about: str, error: Exception) -> Finding:
    cure = "mend the setting that it names" if isinstance(error, RefusedError) else "try again; is GitHub reachable?"
    return Finding(Grade.FAILED, about, str(error), cure)


def _setting(github: GitHub) -> str:
    return "GITHUB_APP_ID" if github.client.asked.app else "GITHUB_TOKEN"


def _kind(github: GitHub) -> str:
    asked = github.client.asked
    if asked.app or asked.token is None:
        return f"App {asked.app.app_id}" if asked.app else "no token"
    token = asked.token.get_secret_value()
    return next((words for start, words in KINDS.items() if token.startswith(start)), "a token")


async def _repository(github: GitHub) -> Finding:
    found = await github.repository()
    asked = github.client.asked.repository
    kind = "public" if found.public else "private"
    if found.name.casefold() != asked.casefold():
        text = f"{asked} is {found.name} now: it is read, but nothing is written"
        return Finding(Grade.FAILED, "GITHUB_REPOSITORY", text, f"set GITHUB_REPOSITORY={found.name}")
    return Finding(Grade.OK, "GITHUB_REPOSITORY", f"{found.name}, {kind}; its default branch is {found.default_branch}")


async def _trigger(github: GitHub, account: Account, token: SecretStr) -> Finding:
    """Say who wakes other agents: that this is somebody else than the daemon is what it is for."""
    about = "GITHUB_TRIGGER_TOKEN"
    try:
        done = await github.client.get("/user", auth=PersonalToken(about, token))
        who = read.parsed("the account", read.account, done.data)
    except (RefusedError, UnavailableError) as error:
        return Finding(Grade.FAILED, about, str(error), "set a personal token of an account that may write here")
    if who.bot:
        return Finding(
            Grade.WARNING, about, f"is a bot's, {who.login}: agents that refuse bots refuse it", "take a user's"
        )
    same = " (as the daemon does)" if who.login.casefold() == account.login.casefold() else ""
    return Finding(Grade.OK, about, f"wakes agents as {who.login}{same}")


def _quota(github: GitHub) -> Finding:
    told = github.client.limits.quotas.get("core")
    if told is None:
        return Finding(Grade.WARNING, "GitHub requests", "GitHub did not tell how many an hour has", "none is needed")
    text = f"{told.left} of {told.limit} are left in this hour"
    if told.left < told.limit * LITTLE:
        cure = "find what else uses this account: all tokens of a user share one limit, an App has its own"
        return Finding(Grade.WARNING, "GitHub requests", text, cure)
    return Finding(Grade.OK, "GitHub requests", text)


def _clock(github: GitHub) -> Finding:
    skew = github.client.skew
    if skew is None:
        return Finding(Grade.WARNING, "GitHub clock", "GitHub did not tell its time", "none is needed")
    if abs(skew) > SKEW:
        seconds = skew.total_seconds()
        text = f"this machine's is {abs(seconds):.0f} s {'behind' if seconds > 0 else 'ahead of'} GitHub's"
        return Finding(Grade.WARNING, "GitHub clock", text, "let NTP set this machine's clock")
    return Finding(Grade.OK, "GitHub clock", "agrees with GitHub's")
