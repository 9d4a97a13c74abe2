"""The GraphQL documents that are sent: one file each, by its operation's name, with the fragments that it names."""

import re
from functools import cache
from importlib.resources import files

_FOLDER = files("devops_daemon.adapters.github").joinpath("documents")
_NAMED = re.compile(r"\.\.\.(\w+)\s*\n")


@cache
def document(name: str) -> str:
    """Give the text of a document, with its fragments and theirs."""
    text = _FOLDER.joinpath(f"{name}.graphql").read_text(encoding="utf-8")
    fragments: dict[str, str] = {}
    wanted = _NAMED.findall(text)
    while wanted:
        each = wanted.pop()
        if each not in fragments:
            fragments[each] = _FOLDER.joinpath(f"fragments/{each}.graphql").read_text(encoding="utf-8")
            wanted += _NAMED.findall(fragments[each])
    return "\n".join([text, *(fragments[each] for each in sorted(fragments))])


def names() -> list[str]:
    """Give the names of all."""
    return sorted(path.name.removesuffix(".graphql") for path in _FOLDER.iterdir() if path.name.endswith(".graphql"))
