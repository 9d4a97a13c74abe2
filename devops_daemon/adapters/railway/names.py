"""Which variables may be set: right names, not Railway's own, not empty. Pure.

Railway keeps what one writes to a name of its own as a shadow row, and overrides it at the deployment.
"""

import re
from collections.abc import Iterator, Mapping

PROVIDED = frozenset(
    f"RAILWAY_{name}"
    for name in (
        *("PUBLIC_DOMAIN", "PRIVATE_DOMAIN", "STATIC_URL"),
        *("TCP_PROXY_DOMAIN", "TCP_PROXY_PORT", "TCP_APPLICATION_PORT"),
        *("PROJECT_NAME", "PROJECT_ID", "ENVIRONMENT", "ENVIRONMENT_NAME", "ENVIRONMENT_ID"),
        *("SERVICE_NAME", "SERVICE_ID", "REPLICA_ID", "REPLICA_REGION", "DEPLOYMENT_ID", "SNAPSHOT_ID"),
        *("VOLUME_NAME", "VOLUME_MOUNT_PATH"),
        *("GIT_COMMIT_SHA", "GIT_AUTHOR", "GIT_BRANCH", "GIT_REPO_NAME", "GIT_REPO_OWNER", "GIT_COMMIT_MESSAGE"),
    )
)
"""What Railway provides itself (its documentation, "Variables reference")."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
LONGEST_NAME, LONGEST_VALUE = 255, 32_768


def problems(values: Mapping[str, str]) -> list[str]:
    """Say of each variable that may not be set why, in a line that shows no value."""
    if not values:
        return ["no variable is given; for example: LOG_LEVEL=info"]
    return [line for name, value in values.items() for line in _problems(name, value)]


def _problems(name: str, value: str) -> Iterator[str]:
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        yield f"{_shown(name)}: is no name of a variable: letters, digits and _, not beginning with a digit"
    elif name.upper() in PROVIDED:
        yield f"{name}: is provided by Railway itself and would be overridden; choose another name"
    if not value:
        yield f"{_shown(name)}: has no value; a variable is taken away in Railway's dashboard, never by an empty value"
    elif "\0" in value or not _is_text(value):
        yield f"{_shown(name)}: its value is not UTF-8 text without NUL"
    elif len(value) > LONGEST_VALUE:
        yield f"{_shown(name)}: its value is longer than {LONGEST_VALUE} characters"


def _shown(name: str) -> str:
    """Show a name that may be none: a value may have been put in its place by mistake."""
    return repr(name[:40] + "…") if len(name) > 40 else repr(name)  # noqa: PLR2004 # enough to recognise it by


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
