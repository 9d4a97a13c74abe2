"""The settings: every environment variable the daemon reads, what it means, and what is wrong with it.

Names, defaults and meanings are those of the contract. Nothing else in the daemon reads the environment.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from cronsim import CronSim, CronSimError
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from devops_daemon.redaction import Redactor

_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
"""Milliseconds, the longest first."""
_DURATION = re.compile(r"(?:\d+(?:ms|[smhd]))+")
_DURATION_PART = re.compile(r"(\d+)(ms|[smhd])")
_LONGEST_DURATION = timedelta(days=366)
_SHORTEST_INTERVAL = timedelta(milliseconds=100)
_SHORTEST_SECRET = 4
_SHORTEST_TOKEN = 16


_NOT_TEXT = "is not UTF-8 text"


class WrongSettingsError(Exception):
    """Settings that stop the start; `problems` holds one line for each, without any secret's value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def parse_duration(text: object) -> timedelta:
    """Read `90s`, `5m`, `1h30m`, `2d` (also `250ms`); raises ValueError on anything else and on zero."""
    if isinstance(text, timedelta):
        return text
    written = str(text).strip().lower()
    if not _DURATION.fullmatch(written):
        raise ValueError("is not a duration such as 90s, 5m, 1h30m or 2d")
    try:
        duration = timedelta(milliseconds=sum(int(n) * _UNITS[unit] for n, unit in _DURATION_PART.findall(written)))
    except OverflowError:
        raise ValueError("is longer than a duration can be") from None
    if not duration:
        raise ValueError("must be longer than zero")
    return duration


def _check_duration(duration: timedelta) -> timedelta:
    if duration > _LONGEST_DURATION:
        raise ValueError("is longer than a year")
    return duration


def _check_interval(duration: timedelta) -> timedelta:
    if duration < _SHORTEST_INTERVAL:
        raise ValueError("is shorter than 100ms: that is no watching but a load test")
    return duration


def format_duration(duration: timedelta) -> str:
    """Write a duration as the settings read it: `1h30m`."""
    left = duration // timedelta(milliseconds=1)
    parts = []
    for unit, size in _UNITS.items():
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def check_url(text: str) -> str:
    """Take an absolute http(s) URL without credentials, query or fragment; the slash at its end goes."""
    url = _split_url(text)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError("is not an absolute http:// or https:// URL")
    if "@" in text:
        raise ValueError("must not hold a user name or password: it is shown on pages and in logs")
    if url.query or url.fragment or re.search(r"\s", text):
        raise ValueError("must hold no query, no fragment and no spaces")
    return text.rstrip("/")


def _split_url(text: str) -> SplitResult:
    """Take a URL apart; the error of urlsplit itself would tell the URL."""
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        raise ValueError("is not a URL") from None
    return url


def _check_secret_url(secret: SecretStr) -> SecretStr:
    url = _split_url(secret.get_secret_value())
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError("is not an absolute http:// or https:// URL")
    return secret


def _check_database_url(secret: SecretStr) -> SecretStr:
    if not re.match(r"(sqlite:///[^:?]|postgres(ql)?://).", secret.get_secret_value()):
        raise ValueError("must begin with postgresql:// or be sqlite:/// and a file")
    _split_url(secret.get_secret_value())
    return secret


def _check_token(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < _SHORTEST_TOKEN:
        raise ValueError(f"must have at least {_SHORTEST_TOKEN} characters")
    return secret


def _check_secret(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < _SHORTEST_SECRET:
        raise ValueError(
            f"must have at least {_SHORTEST_SECRET} characters: a shorter one cannot be kept out of the log"
        )
    return secret


def _check_repository(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/[A-Za-z0-9._-]+", text):
        raise ValueError("is not owner/name")
    return text


def _check_trigger(text: str) -> str:
    prefix, colon, name = text.partition(":")
    if prefix in {"label", "workflow", "dispatch"} and colon and not name.strip():
        raise ValueError(f"names nothing after {prefix}:")
    return text


_CRON_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))


def _check_cron(text: str) -> str:
    fields = text.split()
    if len(fields) != len(_CRON_FIELDS):
        raise ValueError("needs five fields: minute hour day month weekday")
    for field, (name, low, high) in zip(fields, _CRON_FIELDS, strict=True):
        for part in field.split(","):
            match = re.fullmatch(r"(?:\*|(\d+)(?:-(\d+))?)(?:/([1-9]\d*))?", part)
            ends = [int(n) for n in match.groups()[:2] if n] if match else [-1]
            if ends != sorted(ends) or any(not low <= end <= high for end in ends):
                raise ValueError(f"has a wrong {name}: it takes {low}-{high}, *, lists, ranges and steps")
    try:
        CronSim(text, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError:
        raise ValueError("never comes: no month has such a day") from None
    return text


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _strip(value: object) -> object:
    """Take off what a clipboard brings along."""
    return value.strip() if isinstance(value, str) else value


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    AfterValidator(_check_duration),
    PlainSerializer(format_duration, return_type=str),
]
Interval = Annotated[Duration, AfterValidator(_check_interval)]
Url = Annotated[str, BeforeValidator(_strip), AfterValidator(check_url)]
Secret = Annotated[SecretStr, BeforeValidator(_strip), AfterValidator(_check_secret)]
Token = Annotated[SecretStr, BeforeValidator(_strip), AfterValidator(_check_token)]
SecretUrl = Annotated[SecretStr, BeforeValidator(_strip), AfterValidator(_check_secret_url)]
DatabaseUrl = Annotated[SecretStr, BeforeValidator(_strip), AfterValidator(_check_database_url)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Urls = Annotated[tuple[Url, ...], NoDecode, BeforeValidator(_split)]
Repository = Annotated[str, AfterValidator(_check_repository)]
Trigger = Annotated[str, AfterValidator(_check_trigger)]
Cron = Annotated[str, AfterValidator(_check_cron)]


class Settings(BaseSettings):
    """What the environment says. Each field's description is its documentation."""

    model_config = SettingsConfigDict(
        extra="ignore", env_ignore_empty=True, frozen=True, hide_input_in_errors=True, env_file_encoding="utf-8"
    )

    port: Annotated[int, Field(ge=0, le=65535, description="Port it listens on. Railway sets it.")] = 8080
    host: Annotated[
        str, Field(description="Address it listens on; `::` takes IPv4 too, and is `0.0.0.0` without IPv6.")
    ] = "::"
    data_dir: Annotated[
        Path | None,
        Field(description="Where it keeps its data: else `RAILWAY_VOLUME_MOUNT_PATH`, else `./data`."),
    ] = None
    devops_database_url: Annotated[
        DatabaseUrl | None,
        Field(
            description="Its own database: `postgresql://…` for several replicas, in the schema"
            " `devops_daemon`; else the SQLite file `devops-daemon.db` in `DATA_DIR`."
        ),
    ] = None
    allow_ephemeral_store: Annotated[
        bool,
        Field(description="Act although the store is lost at each deployment (Railway without a volume)."),
    ] = False
    public_url: Annotated[
        Url | None, Field(description="Where people reach it, for links: else `https://$RAILWAY_PUBLIC_DOMAIN`.")
    ] = None
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="The least level that is logged.")
    ] = "info"
    log_format: Annotated[
        Literal["json", "console"] | None,
        Field(description="One JSON object a line, or for eyes: else console on a terminal, json elsewhere."),
    ] = None
    dry_run: Annotated[
        bool, Field(description="Decide and record everything, write nothing to GitHub, Railway or the product.")
    ] = False
    config_file: Annotated[
        Path | None,
        Field(description="More services, probes and severities: else `devops.toml` where there is one."),
    ] = None

    production_backend_url: Annotated[
        Url | None, Field(description="The product's backend: probes `backend`, `database` and `auth`.")
    ] = None
    production_frontend_url: Annotated[Url | None, Field(description="The product's frontend: probe `frontend`.")] = (
        None
    )
    canary_username: Annotated[str, Field(min_length=1, description="The user that the sign-in probe signs in as.")] = (
        "devops-canary"
    )
    canary_password: Annotated[
        Secret | None,
        Field(description="Its password: else derived from `DEVOPS_API_SECRET`; with neither the probe is off."),
    ] = None
    devops_api_secret: Annotated[
        Secret | None, Field(description="Opens the backend's DevOps API (`X-DevOps-Secret`).")
    ] = None
    feedback_processor_secret: Annotated[
        Secret | None, Field(description="Opens the backend's feedback API (`X-Feedback-Secret`).")
    ] = None
    feedback_secret_in_query: Annotated[
        bool, Field(description="Send that secret as `?secret=` where the backend knows no header.")
    ] = False

    check_interval: Annotated[Interval, Field(description="Time between two rounds of all probes.")] = timedelta(
        minutes=5
    )
    confirm_interval: Annotated[
        Interval,
        Field(description="Time until a failed probe is looked at again; doubles up to 60 s after the fifth."),
    ] = timedelta(seconds=10)
    failure_threshold: Annotated[
        int, Field(ge=1, le=100, description="Failed results in a row that make a probe down.")
    ] = 2
    success_threshold: Annotated[
        int, Field(ge=1, le=100, description="Passed results in a row that make it up again.")
    ] = 2
    probe_timeout: Annotated[Duration, Field(description="Longest time one probe may take.")] = timedelta(seconds=10)
    reference_urls: Annotated[
        Urls, Field(description="What tells our network from the product's, beside GitHub's and Railway's APIs.")
    ] = ()
    heartbeat_url: Annotated[
        SecretUrl | None, Field(description="Gets one GET after each good round: who watches the watcher.")
    ] = None

    viewer_token: Annotated[
        Token | None, Field(description="Opens pages and `/metrics` (Bearer, or Basic with any user name).")
    ] = None
    operator_token: Annotated[
        Token | None, Field(description="Opens these and the actions (actions by Bearer only).")
    ] = None

    railway_token_sw_factory: Annotated[Secret | None, Field(description="Railway project token.")] = None
    railway_workspace_token: Annotated[
        Secret | None, Field(description="Railway workspace token, for what the project token may not do.")
    ] = None
    railway_workspace_id: Annotated[str | None, Field(description="Railway workspace UUID.")] = None
    product_project_id: Annotated[
        str | None, Field(description="The product's Railway project, where the token cannot tell.")
    ] = None
    product_environment_id: Annotated[
        str | None, Field(description="The product's Railway environment, where the token cannot tell.")
    ] = None
    railway_api_url: Annotated[Url, Field(description="Railway's GraphQL API.")] = (
        "https://backboard.railway.com/graphql/v2"
    )
    railway_webhook_secret: Annotated[
        Secret | None, Field(description="Path secret of Railway's webhooks; unset, the route answers 404.")
    ] = None

    github_repository: Annotated[Repository | None, Field(description="The product's `owner/name`.")] = None
    github_token: Annotated[Secret | None, Field(description="A user's or machine's GitHub token.")] = None
    github_app_id: Annotated[str | None, Field(description="A GitHub App's id, instead of the token.")] = None
    github_app_private_key: Annotated[Secret | None, Field(description="That App's private key (PEM).")] = None
    github_app_installation_id: Annotated[
        str | None, Field(description="That App's installation, where it has several.")
    ] = None
    github_trigger_token: Annotated[
        Secret | None, Field(description="Posts what wakes other agents, where they refuse Bot accounts.")
    ] = None
    github_webhook_secret: Annotated[
        Secret | None, Field(description="HMAC secret of GitHub's webhooks; unset, the route answers 404.")
    ] = None
    github_webhook_secret_previous: Annotated[
        Secret | None, Field(description="The secret before, taken too while it is rotated.")
    ] = None
    github_api_url: Annotated[Url, Field(description="GitHub's REST API, for GitHub Enterprise.")] = (
        "https://api.github.com"
    )
    github_url: Annotated[Url, Field(description="GitHub, for git.")] = "https://github.com"

    pulls_interval: Annotated[Interval, Field(description="Time between two looks at the pull requests.")] = timedelta(
        minutes=1
    )
    sweep_interval: Annotated[Interval, Field(description="Time between two looks for what no webhook brought.")] = (
        timedelta(minutes=1)
    )
    feedback_interval: Annotated[Interval, Field(description="Time between two looks at the users' feedback.")] = (
        timedelta(minutes=5)
    )
    audit_cron: Annotated[
        Cron, Field(description="When the monitoring is audited (UTC; weekdays 0 and 7 are Sunday).")
    ] = "0 6 * * 0"

    remediation_limit: Annotated[
        int, Field(ge=0, le=10, description="Remedies for one incident, and for one service in an hour.")
    ] = 2
    remediation_pause: Annotated[Duration, Field(description="Time a remedy gets to take.")] = timedelta(seconds=90)
    automerge: Annotated[
        Literal["off", "agents", "labelled", "all"], Field(description="Which pull requests are merged.")
    ] = "agents"
    agent_logins: Annotated[Names, Field(description="Accounts of agents; `name[bot]` for Apps.")] = ()
    agent_branches: Annotated[Names, Field(description="Branches that agents work on, as patterns.")] = (
        "claude/*",
        "codex/*",
        "copilot/*",
        "agent/*",
        "fix/[0-9]*-*",
        "feat/[0-9]*-*",
    )
    hold_labels: Annotated[Names, Field(description="Labels that keep a pull request from being merged.")] = (
        "hold",
        "do-not-merge",
        "needs-human",
        "wip",
    )
    merge_method: Annotated[
        Literal["squash", "merge", "rebase"], Field(description="How a pull request is merged.")
    ] = "squash"
    checks_settle: Annotated[Duration, Field(description="How long checks must be quiet where none is required.")] = (
        timedelta(seconds=60)
    )
    merge_wait: Annotated[
        Duration, Field(description="Longest wait for the last merge's deployment before the next merge.")
    ] = timedelta(minutes=10)
    protected_paths: Annotated[Names, Field(description="Changes to these paths are left to people.")] = (".github/**",)
    feedback_merge: Annotated[
        Literal["approve", "auto"], Field(description="Whether a pull request from feedback needs an approval.")
    ] = "approve"
    code_agent_trigger: Annotated[
        Trigger,
        Field(
            description="How the Code Agent is called: a comment's text, `label:NAME`, `workflow:FILE`,"
            " `dispatch:EVENT`, `opened` or `off`."
        ),
    ] = "@code {reason}"
    triage_agent_trigger: Annotated[Trigger, Field(description="How the Triage Agent is called.")] = "opened"

    notify_urls: Annotated[
        tuple[Secret, ...], NoDecode, BeforeValidator(_split), Field(description="Apprise URLs that get notices.")
    ] = ()
    escalation_mentions: Annotated[Names, Field(description="People to mention on escalation.")] = ()
    public_logs: Annotated[bool, Field(description="Let log lines go to GitHub although the repository is public.")] = (
        False
    )

    railway_volume_mount_path: Annotated[Path | None, Field(description="Set by Railway: the volume.")] = None
    railway_public_domain: Annotated[str | None, Field(description="Set by Railway: the public name.")] = None
    railway_project_id: Annotated[str | None, Field(description="Set by Railway: the daemon's project.")] = None
    railway_environment_id: Annotated[str | None, Field(description="Set by Railway: the daemon's environment.")] = None
    railway_service_id: Annotated[str | None, Field(description="Set by Railway: the daemon's service.")] = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read what `read` passes and nothing by itself: a test's environment is the test's own."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @property
    def data_directory(self) -> Path:
        """Where data is kept."""
        return self.data_dir or self.railway_volume_mount_path or Path("data")

    @property
    def database_url(self) -> str:
        """The store's address, with its password: never to be shown."""
        if self.devops_database_url:
            return self.devops_database_url.get_secret_value()
        return f"sqlite:///{self.data_directory / 'devops-daemon.db'}"

    @property
    def ephemeral_store(self) -> bool:
        """On Railway with neither Postgres nor a file on a volume: the store is lost at each deployment."""
        if not self.railway_environment_id or not self.database_url.startswith("sqlite:///"):
            return False
        file = Path(self.database_url.removeprefix("sqlite:///"))
        volume = self.railway_volume_mount_path
        return volume is None or not file.is_relative_to(volume)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret value that is set, to be kept out of logs and pages."""
        values = [getattr(self, name) for name in type(self).model_fields]
        several = [item for value in values for item in (value if isinstance(value, tuple) else (value,))]
        found = [item.get_secret_value() for item in several if isinstance(item, SecretStr)]
        if self.devops_database_url:
            password = urlsplit(self.devops_database_url.get_secret_value()).password or ""
            found += [password, unquote(password)]
        return tuple(dict.fromkeys(secret for secret in found if len(secret) >= _SHORTEST_SECRET))


_EXAMPLES: Mapping[str, str] = {
    "port": "8080",
    "log_format": "json",
    "devops_database_url": "postgresql://user:password@host:5432/name",
    "github_repository": "acme/product",
    "github_app_private_key": "-----BEGIN RSA PRIVATE KEY-----…",
    "viewer_token": "the output of `openssl rand -hex 16`",
    "operator_token": "the output of `openssl rand -hex 16`",
    "heartbeat_url": "https://hc-ping.com/your-check",
    "notify_urls": "slack://…,mailto://…",
    "reference_urls": "https://www.cloudflare.com",
    "production_backend_url": "https://api.example.com",
    "production_frontend_url": "https://www.example.com",
    "public_url": "https://devops.example.com",
    "config_file": "devops.toml",
}


def example(name: str) -> str:
    """Give a right value for the field `name`."""
    if name in _EXAMPLES:
        return _EXAMPLES[name]
    field = Settings.model_fields[name]
    default = field.default
    if isinstance(default, timedelta):
        return format_duration(default)
    if isinstance(default, bool):
        return "true"
    if isinstance(default, tuple):
        return ",".join(default)
    return str(default) if default is not None else "a value of at least 4 characters"


def _is_secret(name: str) -> bool:
    return "SecretStr" in str(Settings.model_fields[name].rebuild_annotation())


def _problem(name: str, message: str, given: Mapping[str, str]) -> str:
    message = message.removeprefix("Value error, ")
    return f"{name.upper()}:{_shown(name, given)} {message[:1].lower()}{message[1:]}; for example: {example(name)}"


def _shown(name: str, given: Mapping[str, str]) -> str:
    """Repeat a wrong value, unless a secret is or may be in it: the password of a URL ends with an `@`."""
    value = given[name]
    if _is_secret(name) or "@" in value:
        return ""
    return f" {Redactor(given[other] for other in given if _is_secret(other)).text(value)!r}"


def _missing_halves(given: Mapping[str, str]) -> list[str]:
    halves = ("github_app_id", "github_app_private_key")
    missing = [name for name in halves if name not in given]
    if len(missing) != 1:
        return []
    return [f"{missing[0].upper()}: is needed, for an App has both; for example: {example(missing[0])}"]


def dotenv(path: Path) -> dict[str, str]:
    """Read the pairs of a `.env` file, empty where there is none; raises WrongSettingsError where it is no text."""
    if not path.is_file():
        return {}
    try:
        source = DotEnvSettingsSource(Settings, env_file=path, env_file_encoding="utf-8")
    except UnicodeDecodeError:
        raise WrongSettingsError([f"{path}: {_NOT_TEXT}; save it as such"]) from None
    return {name.upper(): value for name, value in source.env_vars.items() if value is not None}


def read(environ: Mapping[str, str]) -> Settings:
    """Read the settings; raises WrongSettingsError with a line for each that is wrong."""
    settings, problems = read_what_is_right(environ)
    if problems:
        raise WrongSettingsError(problems)
    return settings


def read_what_is_right(environ: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """Read the settings without those that are wrong; gives a line for each of these too.

    A name that is set to nothing counts as unset. Other names are not ours and are left alone.
    """
    upper = {name.upper(): value for name, value in environ.items()}
    given = {name: upper[name.upper()] for name in Settings.model_fields if upper.get(name.upper(), "").strip()}
    wrong = {name: _NOT_TEXT for name, value in given.items() if not _is_text(value)} | _wrong(given)
    problems = [_problem(name, wrong[name], given) for name in given if name in wrong] + _missing_halves(given)
    right = {name: value for name, value in given.items() if name not in wrong}
    return Settings(**right), problems  # type: ignore[arg-type] # the texts are what pydantic is there to read


def _wrong(given: Mapping[str, str]) -> dict[str, str]:
    """Say of each setting that is wrong the first thing that is."""
    try:
        Settings(**{name: value for name, value in given.items() if _is_text(value)})  # type: ignore[arg-type] # as above
    except ValidationError as error:
        return {str(e["loc"][0]): str(e["msg"]) for e in reversed(error.errors(include_url=False))}
    return {}


def _is_text(value: str) -> bool:
    """Tell what is UTF-8 from what the environment holds besides."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
