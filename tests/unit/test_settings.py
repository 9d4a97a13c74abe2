"""The settings: the contract's names and defaults, durations, and what is said of wrong ones."""

import contextlib
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr

from devops_daemon.settings import (
    Settings,
    WrongSettingsError,
    dotenv,
    format_duration,
    parse_duration,
    read,
)
from devops_daemon.settings import example as example_of

PROPERTY = hypothesis_settings(max_examples=150)

CONTRACT = Path(os.environ.get("CONFORMANCE_DATA") or Path(__file__).parents[3] / "shared") / "contract.md"

DEFAULTS: dict[str, str | None] = {
    "PORT": "8080",
    "HOST": "::",
    "DATA_DIR": None,
    "DEVOPS_DATABASE_URL": None,
    "ALLOW_EPHEMERAL_STORE": "false",
    "PUBLIC_URL": None,
    "LOG_LEVEL": "info",
    "LOG_FORMAT": None,
    "PRODUCTION_BACKEND_URL": None,
    "PRODUCTION_FRONTEND_URL": None,
    "CANARY_USERNAME": "devops-canary",
    "CANARY_PASSWORD": None,
    "DEVOPS_API_SECRET": None,
    "FEEDBACK_PROCESSOR_SECRET": None,
    "FEEDBACK_SECRET_IN_QUERY": "false",
    "RAILWAY_TOKEN_SW_FACTORY": None,
    "RAILWAY_WORKSPACE_TOKEN": None,
    "RAILWAY_WORKSPACE_ID": None,
    "PRODUCT_PROJECT_ID": None,
    "PRODUCT_ENVIRONMENT_ID": None,
    "RAILWAY_API_URL": "https://backboard.railway.com/graphql/v2",
    "RAILWAY_WEBHOOK_SECRET": None,
    "GITHUB_REPOSITORY": None,
    "GITHUB_TOKEN": None,
    "GITHUB_APP_ID": None,
    "GITHUB_APP_PRIVATE_KEY": None,
    "GITHUB_APP_INSTALLATION_ID": None,
    "GITHUB_TRIGGER_TOKEN": None,
    "GITHUB_WEBHOOK_SECRET": None,
    "GITHUB_WEBHOOK_SECRET_PREVIOUS": None,
    "GITHUB_API_URL": "https://api.github.com",
    "GITHUB_URL": "https://github.com",
    "VIEWER_TOKEN": None,
    "OPERATOR_TOKEN": None,
    "CHECK_INTERVAL": "5m",
    "CONFIRM_INTERVAL": "10s",
    "FAILURE_THRESHOLD": "2",
    "SUCCESS_THRESHOLD": "2",
    "PROBE_TIMEOUT": "10s",
    "REFERENCE_URLS": "",
    "PULLS_INTERVAL": "1m",
    "SWEEP_INTERVAL": "1m",
    "FEEDBACK_INTERVAL": "5m",
    "AUDIT_CRON": "0 6 * * 0",
    "REMEDIATION_LIMIT": "2",
    "REMEDIATION_PAUSE": "90s",
    "AUTOMERGE": "agents",
    "AGENT_LOGINS": "",
    "AGENT_BRANCHES": "claude/*,codex/*,copilot/*,agent/*,fix/[0-9]*-*,feat/[0-9]*-*",
    "HOLD_LABELS": "hold,do-not-merge,needs-human,wip",
    "MERGE_METHOD": "squash",
    "CHECKS_SETTLE": "60s",
    "MERGE_WAIT": "10m",
    "PROTECTED_PATHS": ".github/**",
    "FEEDBACK_MERGE": "approve",
    "CODE_AGENT_TRIGGER": "@code {reason}",
    "TRIAGE_AGENT_TRIGGER": "opened",
    "NOTIFY_URLS": "",
    "ESCALATION_MENTIONS": "",
    "HEARTBEAT_URL": None,
    "PUBLIC_LOGS": "false",
    "DRY_RUN": "false",
    "CONFIG_FILE": None,
}
"""The contract's table: each setting and the value it has where it is not set."""

OF_RAILWAY = {
    "RAILWAY_VOLUME_MOUNT_PATH",
    "RAILWAY_PUBLIC_DOMAIN",
    "RAILWAY_PROJECT_ID",
    "RAILWAY_ENVIRONMENT_ID",
    "RAILWAY_SERVICE_ID",
}
"""What Railway sets by itself (the last three are the contract's `RAILWAY_*_ID`)."""


def problems(**environ: str) -> list[str]:
    """What is wrong with an environment, a line each; nothing where it can be read."""
    try:
        read(environ)
    except WrongSettingsError as error:
        return error.problems
    return []


def name_of(problem: str) -> str:
    return problem.partition(":")[0]


@pytest.mark.parametrize(("name", "default"), DEFAULTS.items())
def test_each_setting_of_the_contract_has_its_default(name: str, default: str | None) -> None:
    unset = getattr(read({}), name.lower())
    assert unset == (getattr(read({name: default}), name.lower()) if default is not None else None)


def test_the_settings_are_those_of_the_contract_and_no_others() -> None:
    assert {name.upper() for name in Settings.model_fields} == set(DEFAULTS) | OF_RAILWAY


@pytest.mark.skipif(not CONTRACT.is_file(), reason=f"the contract is not here: {CONTRACT} (or set CONFORMANCE_DATA)")
def test_the_table_here_says_what_the_contract_says() -> None:
    section = CONTRACT.read_text(encoding="utf-8").partition("## Settings")[2].partition("\nDurations read")[0]
    rows = section.partition("|---|---|\n")[2]
    named = set(re.findall(r"`(?:https://\$)?([A-Z_]{4,})(?:=true)?`", rows))
    ids = {name for name in OF_RAILWAY if name.endswith("_ID")}  # the contract says `RAILWAY_*_ID`
    assert named - {"DATABASE_URL"} == (set(DEFAULTS) | OF_RAILWAY) - ids
    told = re.findall(r"`([A-Z_]+)` \((?:`([^`]+)`|(\d+|true|false|none))(?=[;:,)])", rows)
    defaults = {name: (quoted or plain).replace("none", "") for name, quoted, plain in told}
    without_brackets = {"RAILWAY_API_URL", "ALLOW_EPHEMERAL_STORE"}
    assert {name for name, default in DEFAULTS.items() if default} - set(defaults) == without_brackets
    assert defaults == {name: DEFAULTS[name] for name in defaults}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_setting_says_what_it_means_in_a_sentence_on_one_line(name: str) -> None:
    meaning = Settings.model_fields[name].description or ""
    assert re.fullmatch(r"[A-Z][^\n|]+\.", meaning)


def test_nothing_is_read_from_the_process_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=1", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORT", "2")
    assert read({}).port == 8080


@pytest.mark.parametrize("nothing", ["", " ", "\t \n"])
@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_name_that_is_set_to_nothing_is_unset(name: str, nothing: str) -> None:
    assert read({name.upper(): nothing}) == read({})


def test_names_that_are_not_ours_are_left_alone() -> None:
    assert read({"PATH": "/bin", "DATABASE_URL": "the product's", "NO_SUCH_SETTING": "1"}) == read({})


# Durations


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("1h30m", timedelta(minutes=90)),
        ("2d", timedelta(days=2)),
        ("250ms", timedelta(milliseconds=250)),
        (" 5M ", timedelta(minutes=5)),
        ("1d2h3m4s5ms", timedelta(days=1, hours=2, minutes=3, seconds=4, milliseconds=5)),
    ],
)
def test_a_duration_is_read_as_it_is_written(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text",
    ["", "5", "m", "5 m", "-5m", "+5m", "1.5h", "0s", "0h0m", "5min", "1e3s", "5m,", "P1D", "9" * 30 + "d", "1w"],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is |must "):
        parse_duration(text)


@PROPERTY
@given(st.integers(1, timedelta.max // timedelta(milliseconds=1)))
@example(30 * 365 * 86_400_000 + 1)
def test_every_duration_is_read_back_as_it_was(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration


@PROPERTY
@given(st.text() | st.from_regex(r"(\d+(ms|[smhd])){1,4}", fullmatch=True))
def test_any_text_is_a_positive_duration_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_duration(text) > timedelta()


# Other kinds of value


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("True", True), ("1", True), ("yes", True), ("on", True), ("false", False), ("0", False)],
)
def test_a_switch_is_read(text: str, value: bool) -> None:  # noqa: FBT001 # the row's own value
    assert read({"DRY_RUN": text}).dry_run is value


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("wip", ("wip",)),
        ("wip, hold", ("wip", "hold")),
        (" wip ,, hold , ", ("wip", "hold")),
        ("do it, later", ("do it", "later")),
        (",", ()),
    ],
)
def test_a_list_is_split_at_commas(text: str, names: tuple[str, ...]) -> None:
    assert read({"HOLD_LABELS": text}).hold_labels == names


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com/", "https://api.example.com"),
        (" http://127.0.0.1:8000/base/ ", "http://127.0.0.1:8000/base"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_url_is_kept_without_the_slash_at_its_end(text: str, url: str) -> None:
    assert read({"PRODUCTION_BACKEND_URL": text}).production_backend_url == url


@pytest.mark.parametrize("cron", ["0 6 * * 0", "*/5 0-6 1,15 * 7", "0,30 */2 * 1-12/3 *", "59 23 31 12 7", "0 0 1 1 0"])
def test_a_cron_line_is_taken(cron: str) -> None:
    assert read({"AUDIT_CRON": cron}).audit_cron == cron


@pytest.mark.parametrize(
    "trigger",
    ["@code {reason}", "label:ready", "workflow:code.yml", "dispatch:code", "opened", "off", "note: see {reason}"],
)
def test_a_trigger_is_taken(trigger: str) -> None:
    assert read({"CODE_AGENT_TRIGGER": trigger}).code_agent_trigger == trigger


# Where data is kept


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({}, "data"),
        ({"RAILWAY_VOLUME_MOUNT_PATH": "/volume"}, "/volume"),
        ({"DATA_DIR": "/srv/data"}, "/srv/data"),
        ({"DATA_DIR": "/volume/daemon", "RAILWAY_VOLUME_MOUNT_PATH": "/volume"}, "/volume/daemon"),
    ],
)
def test_data_is_kept_in_the_volume_unless_it_is_said_where(environ: dict[str, str], folder: str) -> None:
    settings = read(environ)
    assert settings.data_directory == Path(folder)
    assert settings.database_url == f"sqlite:///{folder}/devops-daemon.db"


def test_the_database_is_the_one_that_is_named() -> None:
    url = "postgresql://daemon:s3cret@db.example:5432/daemon"
    assert read({"DEVOPS_DATABASE_URL": url}).database_url == url


RAILWAY = {"RAILWAY_ENVIRONMENT_ID": "4711"}
VOLUME = {"RAILWAY_VOLUME_MOUNT_PATH": "/volume"}


@pytest.mark.parametrize(
    ("environ", "ephemeral"),
    [
        ({}, False),
        ({"DEVOPS_DATABASE_URL": "sqlite:///x.db"}, False),
        (RAILWAY, True),
        (RAILWAY | {"DATA_DIR": "/srv/data"}, True),
        (RAILWAY | VOLUME, False),
        (RAILWAY | VOLUME | {"DATA_DIR": "/volume/daemon"}, False),
        (RAILWAY | {"DEVOPS_DATABASE_URL": "postgresql://u:pass@h/d"}, False),
    ],
)
def test_on_railway_the_store_is_lost_without_volume_or_postgres(environ: dict[str, str], ephemeral: bool) -> None:  # noqa: FBT001 # the row's own value
    assert read(environ).ephemeral_store is ephemeral


@pytest.mark.parametrize("url", ["sqlite:///data/x.db", "sqlite:////srv/x.db"])
def test_a_sqlite_file_that_is_named_is_lost_as_well_as_the_default_one(url: str) -> None:
    assert read(RAILWAY | {"DEVOPS_DATABASE_URL": url}).ephemeral_store


@pytest.mark.parametrize("elsewhere", [{"DATA_DIR": "/srv/data"}, {"DEVOPS_DATABASE_URL": "sqlite:////srv/x.db"}])
def test_a_store_outside_of_the_volume_is_lost(elsewhere: dict[str, str]) -> None:
    assert read(RAILWAY | VOLUME | elsewhere).ephemeral_store


# What is wrong is told: all of it, a line each


WRONG: dict[str, list[str]] = {
    "PORT": ["no-port", "-1", "65536", "80.5"],
    "DEVOPS_DATABASE_URL": ["mysql://u:p@h/d", "postgresql://", "devops.db", "sqlite:///:memory:"],
    "ALLOW_EPHEMERAL_STORE": ["maybe", "2"],
    "PUBLIC_URL": ["devops.example.com", "//devops.example.com"],
    "LOG_LEVEL": ["loud", "INFO!"],
    "LOG_FORMAT": ["xml"],
    "DRY_RUN": ["perhaps"],
    "PRODUCTION_BACKEND_URL": [
        "api.example.com",
        "ftp://api.example.com",
        "https://",
        "https://:443",
        "https://api.example.com:port",
        "https://api.example.com:99999",
        "https://[::1",
        "https://api.example.com/?a=1",
        "https://api.example.com/#a",
        "https://api.example.com/a b",
    ],
    "PRODUCTION_FRONTEND_URL": ["www"],
    "CANARY_PASSWORD": ["abc"],
    "DEVOPS_API_SECRET": ["a"],
    "FEEDBACK_PROCESSOR_SECRET": ["abc"],
    "FEEDBACK_SECRET_IN_QUERY": ["header"],
    "CHECK_INTERVAL": ["5", "0s", "five minutes", "-5m", "999999999d"],
    "CONFIRM_INTERVAL": ["10", "999999999d"],
    "FAILURE_THRESHOLD": ["0", "101", "two"],
    "SUCCESS_THRESHOLD": ["0"],
    "PROBE_TIMEOUT": ["0ms", "999999999d"],
    "REFERENCE_URLS": ["www.example.com", "https://a.example,www.example.com", "a,b"],
    "HEARTBEAT_URL": ["hc-ping.com/x", "https://"],
    "VIEWER_TOKEN": ["fifteen-letters"],
    "OPERATOR_TOKEN": ["x", "short" + 16 * " "],
    "RAILWAY_TOKEN_SW_FACTORY": ["abc"],
    "RAILWAY_WORKSPACE_TOKEN": ["abc"],
    "RAILWAY_API_URL": ["backboard"],
    "RAILWAY_WEBHOOK_SECRET": ["abc"],
    "GITHUB_REPOSITORY": [
        "product",
        "acme/product/issues",
        "https://github.com/acme/product",
        "-acme/product",
        "a b/c",
    ],
    "GITHUB_TOKEN": ["abc"],
    "GITHUB_TRIGGER_TOKEN": ["abc"],
    "GITHUB_WEBHOOK_SECRET": ["abc"],
    "GITHUB_WEBHOOK_SECRET_PREVIOUS": ["abc"],
    "GITHUB_API_URL": ["api"],
    "GITHUB_URL": ["git@github.com:acme/product"],
    "PULLS_INTERVAL": ["soon"],
    "SWEEP_INTERVAL": ["1"],
    "FEEDBACK_INTERVAL": ["1"],
    "AUDIT_CRON": [
        "0 6 * *",
        "0 6 * * 8",
        "60 6 * * 0",
        "0 24 * * 0",
        "0 6 0 * 0",
        "0 6 * 13 0",
        "*/0 * * * *",
        "5-1 * * * *",
    ],
    "REMEDIATION_LIMIT": ["-1", "11"],
    "REMEDIATION_PAUSE": ["90"],
    "AUTOMERGE": ["on"],
    "MERGE_METHOD": ["fast-forward"],
    "CHECKS_SETTLE": ["60"],
    "MERGE_WAIT": ["10"],
    "FEEDBACK_MERGE": ["never"],
    "CODE_AGENT_TRIGGER": ["label:", "workflow: "],
    "TRIAGE_AGENT_TRIGGER": ["dispatch:"],
    "NOTIFY_URLS": ["abc", "abc,def"],
    "PUBLIC_LOGS": ["some"],
}
"""Wrong values, each for a reason of its own."""


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_value_gets_one_line_with_its_name_what_is_wrong_and_an_example(name: str, value: str) -> None:
    told = problems(**{name: value})
    assert len(told) == 1, told
    assert re.fullmatch(rf"{name}: .*\S; for example: \S.*", told[0])


def test_all_that_is_wrong_is_told_at_once() -> None:
    told = problems(**{name: values[0] for name, values in WRONG.items()})
    assert sorted(map(name_of, told)) == sorted(WRONG)


@pytest.mark.parametrize("name", WRONG)
def test_the_example_that_is_given_is_a_right_value(name: str) -> None:
    assert problems(**{name: example_of(name.lower())}) == []


APP_ID, APP_KEY = {"GITHUB_APP_ID": "123456"}, {"GITHUB_APP_PRIVATE_KEY": "-----BEGIN RSA PRIVATE KEY-----"}


def test_an_app_has_an_id_and_a_key() -> None:
    assert problems(**APP_ID, **APP_KEY) == []


@pytest.mark.parametrize(
    ("given", "missing"), [(APP_ID, "GITHUB_APP_PRIVATE_KEY"), (APP_KEY, "GITHUB_APP_ID")], ids=["key", "id"]
)
def test_half_an_app_is_told_with_the_name_that_is_missing_and_an_example(given: dict[str, str], missing: str) -> None:
    told = problems(**given)
    assert len(told) == 1
    assert re.fullmatch(rf"{missing}: .*\S; for example: \S.*", told[0])


def test_half_an_app_is_told_along_with_what_else_is_wrong() -> None:
    told = problems(**APP_ID, PORT="no-port")
    assert sorted(map(name_of, told)) == ["GITHUB_APP_PRIVATE_KEY", "PORT"]


@PROPERTY
@given(st.dictionaries(st.sampled_from(sorted(Settings.model_fields)), st.text(max_size=30), min_size=1))
def test_any_texts_are_settings_or_are_told_of_a_line_each(texts: dict[str, str]) -> None:
    told = problems(**{name.upper(): text for name, text in texts.items()})
    assert all(len(line.splitlines()) == 1 for line in told)
    partners = {"GITHUB_APP_ID", "GITHUB_APP_PRIVATE_KEY"}
    assert {name_of(line) for line in told} <= {name.upper() for name in texts} | partners


# Secrets


SECRETS = [
    "CANARY_PASSWORD",
    "DEVOPS_API_SECRET",
    "FEEDBACK_PROCESSOR_SECRET",
    "RAILWAY_TOKEN_SW_FACTORY",
    "RAILWAY_WORKSPACE_TOKEN",
    "RAILWAY_WEBHOOK_SECRET",
    "GITHUB_TOKEN",
    "GITHUB_APP_PRIVATE_KEY",
    "GITHUB_TRIGGER_TOKEN",
    "GITHUB_WEBHOOK_SECRET",
    "GITHUB_WEBHOOK_SECRET_PREVIOUS",
]
TOKENS = ["VIEWER_TOKEN", "OPERATOR_TOKEN"]
SECRET_URLS = ["HEARTBEAT_URL", "DEVOPS_DATABASE_URL", "NOTIFY_URLS"]
URLS = [
    "PRODUCTION_BACKEND_URL",
    "PRODUCTION_FRONTEND_URL",
    "PUBLIC_URL",
    "RAILWAY_API_URL",
    "GITHUB_API_URL",
    "GITHUB_URL",
]
SIGNS = "\u6f22\u5b57\u4eee\u540d"
"""Letters that no line has of its own: where one shows, a secret showed."""
DISTURBING = "@:/?#[]\"'<>\\ ,;%&=\u2100"

marked = st.builds(
    "{}{}{}".format,
    st.text(SIGNS + DISTURBING, max_size=6),
    st.sampled_from(SIGNS),
    st.text(SIGNS + DISTURBING, max_size=6),
)
"""A secret: letters of its own, among all that has a meaning in a URL."""
secret_urls = st.one_of(
    marked,
    st.builds("https://{}/".format, marked),
    st.builds("https://[{}]/".format, marked),
    st.builds("https://user:{}@host.example/".format, marked),
    st.builds("https://user:{}@exam\u2100ple.com/".format, marked),
    st.builds("mysql://user:{}@host.example/".format, marked),
    st.builds("postgresql://user:{}@host.example/".format, marked),
)
secret_environs = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(SECRETS, st.text(SIGNS, min_size=1, max_size=40)),
        **dict.fromkeys(TOKENS, st.text(SIGNS, min_size=1, max_size=40)),
        **dict.fromkeys(SECRET_URLS, secret_urls),
    },
)


def test_these_are_all_the_settings_that_are_secret() -> None:
    secret = {name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in repr(field)}
    assert secret == {*SECRETS, *TOKENS, *SECRET_URLS}


@PROPERTY
@given(secret_environs, st.dictionaries(st.sampled_from(sorted(WRONG)), st.text("abc@:/ \n"), max_size=3))
@example({"HEARTBEAT_URL": f"https://user:{SIGNS}@exam\u2100ple.com/"}, {})
@example({"HEARTBEAT_URL": f"https://[{SIGNS}]/"}, {})
def test_the_value_of_a_secret_is_never_told(secret: dict[str, str], garbage: dict[str, str]) -> None:
    told = problems(**(garbage | secret))
    assert [line for line in told if set(line) & set(SIGNS)] == []


@PROPERTY
@given(
    st.sampled_from([*URLS, "REFERENCE_URLS", "GITHUB_REPOSITORY", "PORT"]),
    st.sampled_from(
        ["https://user:{}@host.example/", "https://:{}@host.example", "https://{}@host.example", "user:{}@host.example"]
    ),
    marked,
)
@example("PUBLIC_URL", "https://user:{}@host.example/", f"{SIGNS[0]}@{SIGNS[1]}")
@example("PUBLIC_URL", "https://user:{}@host.example/", f'{SIGNS[0]}"{SIGNS[1]}')
def test_a_password_in_a_url_is_never_told(name: str, url: str, password: str) -> None:
    told = problems(**{name: url.format(password)})
    assert told
    assert not set("".join(told)) & set(SIGNS)


def test_a_secret_is_not_told_where_it_stands_in_another_setting_either() -> None:
    secret = "f2b1c0ffee"
    told = problems(DEVOPS_API_SECRET=secret, PRODUCTION_BACKEND_URL=f"https://api.example.com/?key={secret}")
    assert secret not in "".join(told)


@PROPERTY
@given(secret_environs)
@example({"DEVOPS_DATABASE_URL": "postgresql://user:pass[word@host/name"})
def test_settings_that_are_taken_can_list_their_secrets(secret: dict[str, str]) -> None:
    try:
        settings = read(secret | {"GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": "-----BEGIN"})
    except WrongSettingsError:
        return
    assert set(settings.secrets) >= {value for name, value in secret.items() if name in TOKENS}


def test_every_secret_is_listed_and_the_passwords_of_the_database_and_each_address_for_notices() -> None:
    plain = {name: f"value-of-{name}" for name in [*SECRETS, *TOKENS]} | {"GITHUB_APP_ID": "1"}
    database = {"DEVOPS_DATABASE_URL": "postgresql://daemon:db-passw0rd@db.example/daemon"}
    addresses = {"HEARTBEAT_URL": "https://hc.example/uuid", "NOTIFY_URLS": "slack://one, mailto://two"}
    listed = read(plain | database | addresses).secrets
    assert sorted(listed) == sorted(
        [
            *(value for name, value in plain.items() if name != "GITHUB_APP_ID"),
            *database.values(),
            "db-passw0rd",
            "https://hc.example/uuid",
            "slack://one",
            "mailto://two",
        ]
    )


def test_the_password_of_the_database_is_listed_as_the_database_gets_it() -> None:
    settings = read({"DEVOPS_DATABASE_URL": "postgresql://daemon:p%40ss%2Fword@db.example/daemon"})
    assert "p@ss/word" in settings.secrets


def test_no_secret_shows_in_the_settings_own_text() -> None:
    environ = {name: f"value-of-{name}" for name in [*SECRETS, *TOKENS]} | {"GITHUB_APP_ID": "1"}
    settings = read(environ | {"NOTIFY_URLS": "slack://value-of-it"})
    assert "value-of" not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert settings.github_token == SecretStr("value-of-GITHUB_TOKEN")


# .env


def test_pairs_of_a_file_are_read(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "# a comment\nPORT=9000\nexport LOG_LEVEL=debug\nCODE_AGENT_TRIGGER='@code {reason}'\nDRY_RUN=\n"
        'GITHUB_APP_PRIVATE_KEY="-----BEGIN\nabc\n-----END"\n',
        encoding="utf-8",
    )
    pairs = dotenv(file)
    assert {name: value for name, value in pairs.items() if value} == {
        "PORT": "9000",
        "LOG_LEVEL": "debug",
        "CODE_AGENT_TRIGGER": "@code {reason}",
        "GITHUB_APP_PRIVATE_KEY": "-----BEGIN\nabc\n-----END",
    }


def test_where_there_is_no_file_there_are_no_pairs(tmp_path: Path) -> None:
    assert dotenv(tmp_path / ".env") == {}
    assert dotenv(tmp_path) == {}
