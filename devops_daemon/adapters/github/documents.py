"""The GraphQL documents that are sent: one file each, by its operation's name."""

from functools import cache
from importlib.resources import files

_FOLDER = files("devops_daemon.adapters.github").joinpath("documents")


@cache
def document(name: str) -> str:
    """Give the text of a document."""
    return _FOLDER.joinpath(f"{name}.graphql").read_text(encoding="utf-8")


def names() -> list[str]:
    """Give the names of all."""
    return sorted(path.name.removesuffix(".graphql") for path in _FOLDER.iterdir() if path.name.endswith(".graphql"))
