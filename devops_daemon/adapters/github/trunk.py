"""What stands on the default branch: its last commits with their checks, and the text of a file."""

from collections.abc import Mapping
from typing import Any

from devops_daemon.adapters.github import read_pulls as read
from devops_daemon.adapters.github.client import Client
from devops_daemon.adapters.github.read import parsed
from devops_daemon.forge import TrunkCommit
from devops_daemon.ports import RefusedError


async def commits(client: Client, last: int) -> list[TrunkCommit]:
    """Read the last so many, newest first; none where it has none."""
    return parsed("the default branch", read.trunk, await _asked(client, "Trunk", {"last": last}))


async def file(client: Client, path: str) -> str | None:
    """Read a file's text; None where there is no such file, or it is no text."""
    data = await _asked(client, "File", {"at": f"HEAD:{path}"})
    return parsed("a file", lambda told: (told["repository"].get("object") or {}).get("text"), data)


async def _asked(client: Client, name: str, variables: Mapping[str, object]) -> Mapping[str, Any]:
    owner, _, repository = client.asked.repository.partition("/")
    done = await client.graphql(name, {"owner": owner, "name": repository, **variables})
    if done.problems:
        raise RefusedError(f"the default branch may not be read: {'; '.join(done.problems)}")
    data: Mapping[str, Any] = done.data
    return data
