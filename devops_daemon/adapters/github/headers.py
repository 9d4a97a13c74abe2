"""What the headers of GitHub's answers tell: times, limits, the next page. Pure, and never raises."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_LONGEST = 1e9
_RESOURCE = re.compile(r"[a-z_]{1,40}")
_LINK = re.compile(r'<([^<>\s]{1,4000})>\s{0,9};\s{0,9}rel="next"')


def header(headers: Mapping[str, str], name: str) -> str | None:
    """Read a header by its name in small letters."""
    return next((value for key, value in headers.items() if key.lower() == name), None)


def seconds_in(text: str | None) -> timedelta | None:
    """Read a number of seconds, if it is one worth waiting for."""
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return timedelta(seconds=seconds) if 0 < seconds < _LONGEST else None


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """Read when the answer was written, by GitHub's clock."""
    try:
        at = parsedate_to_datetime(header(headers, "date") or "")
        return at.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def until_reset(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Say how long a limit that is used up lasts: by GitHub's own clock, which ours may not agree with."""
    if header(headers, "x-ratelimit-remaining") != "0":
        return None
    try:
        at = datetime.fromtimestamp(int(header(headers, "x-ratelimit-reset") or ""), UTC)
        left = at - (date_of(headers) or now)
    except (ValueError, OverflowError, OSError):
        return None
    return left + timedelta(seconds=1) if left >= timedelta() else None


def resource_of(headers: Mapping[str, str]) -> str | None:
    """Read which limit an answer counts in: core, search, graphql; None where it does not say, or says no name."""
    said = header(headers, "x-ratelimit-resource") or ""
    return said if _RESOURCE.fullmatch(said) else None


@dataclass(frozen=True, slots=True)
class Quota:
    """What GitHub said last about one limit."""

    resource: str
    limit: int
    left: int


def quota_of(headers: Mapping[str, str]) -> Quota | None:
    """Read how many requests an hour has, and how many are left; None where the answer does not tell."""
    resource = resource_of(headers)
    try:
        limit, left = (int(header(headers, f"x-ratelimit-{name}") or "") for name in ("limit", "remaining"))
    except ValueError:
        return None
    return Quota(resource, limit, left) if resource and limit > 0 else None


def next_page(headers: Mapping[str, str]) -> str | None:
    """Read where the next page of a list is."""
    found = _LINK.search((header(headers, "link") or "")[:8000])
    return found[1] if found else None
