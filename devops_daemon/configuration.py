"""What the daemon runs on: the environment and `devops.toml` together, with all that is wrong in either."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devops_daemon import watchlist
from devops_daemon.config_file import read_document
from devops_daemon.model import SignInCheck, Watchlist
from devops_daemon.plans import Plans, plans
from devops_daemon.redaction import Redactor
from devops_daemon.settings import Settings, WrongSettingsError, read_what_is_right


class CannotStartError(Exception):
    """The daemon cannot start; the text says why and how to mend it, `code` is the exit code."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the daemon runs on."""

    settings: Settings
    watchlist: Watchlist
    plans: Plans = field(default_factory=Plans)


def configure(environ: Mapping[str, str]) -> Configuration:
    """Read settings and file; raises WrongSettingsError with all that is wrong in either, at once."""
    asked = environ.get("CONFIG_FILE", "").strip()
    document, in_file = read_document(Path(asked or "devops.toml"), asked_for=bool(asked))
    settings, problems = read_what_is_right(environ)
    try:
        watched = watchlist.plan(settings, document)
    except WrongSettingsError as error:
        # what is wrong already may be what there is to watch
        problems += in_file + [p for p in error.problems if p != watchlist.NOTHING_TO_WATCH or not problems + in_file]
        raise WrongSettingsError(problems) from None
    planned, misfits = plans(document, watched.names)
    if problems or in_file or misfits:
        raise WrongSettingsError(problems + in_file + misfits)
    return Configuration(settings, watched, planned)


def redactor_of(configuration: Configuration) -> Redactor:
    """Know every secret."""
    return Redactor(secrets_of(configuration))


def secrets_of(configuration: Configuration) -> tuple[str, ...]:
    """Give those of the settings, and the canary's derived password."""
    checks = [probe.check for probe in configuration.watchlist.probes]
    passwords = [check.password for check in checks if isinstance(check, SignInCheck)]
    return (*configuration.settings.secrets, *passwords)
