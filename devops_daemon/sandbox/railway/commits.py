"""What is deployed: commits of the product's repository, and what they do to the product."""

import secrets
from dataclasses import dataclass
from typing import Literal

BRANCH = "main"

FailsAt = Literal["build", "healthcheck"]


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit; `brings` are the product's faults that are there while it is live, by their names."""

    sha: str
    message: str
    author: str = "maria"
    brings: frozenset[str] = frozenset()
    fails_at: FailsAt | None = None


def fresh_sha() -> str:
    """Give a sha that no commit has yet."""
    return secrets.token_hex(20)
