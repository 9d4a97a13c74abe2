"""The versions of the API: the newer one has dropped some fields, which answers to it lack."""

from typing import Any

OLDER, NEWER = "2022-11-28", "2026-03-10"
VERSIONS = (OLDER, NEWER)
_DROPPED = {"assignee", "merge_commit_sha", "rate"}


def written_for(version: str, body: Any) -> Any:  # noqa: ANN401 - JSON
    """Give an answer as this version writes it."""
    return _without(body) if version == NEWER else body


def _without(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        return [_without(each) for each in value]
    if isinstance(value, dict):
        return {key: _without(each) for key, each in value.items() if key not in _DROPPED}
    return value
