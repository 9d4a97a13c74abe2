"""Calls of agents: a comment, a workflow, an event; by a token for that, where there is one."""

from collections.abc import Awaitable, Callable, Mapping

from devops_daemon.adapters.github.client import Client
from devops_daemon.adapters.github.comments import Comments
from devops_daemon.adapters.github.lookup import once
from devops_daemon.forge import Account, Comment


class Calls:
    """What wakes others, of one repository."""

    def __init__(self, client: Client, account: Callable[[], Awaitable[Account]]) -> None:
        """`account` tells as whom this client writes."""
        self.comments = Comments(client, account)
        self._client = client
        self._path = f"/repos/{client.asked.repository}"

    async def run_workflow(self, file: str, ref: str, inputs: Mapping[str, str]) -> None:
        """Start a workflow of a branch; raises UnclearError where the answer was lost."""
        path = f"{self._path}/actions/workflows/{file}/dispatches"
        await self._begin("the workflow was started", path, {"ref": ref, "inputs": dict(inputs)})

    async def dispatch(self, event: str, payload: Mapping[str, str]) -> None:
        """Send an event; raises UnclearError where the answer was lost."""
        document = {"event_type": event, "client_payload": dict(payload)}
        await self._begin("the event was sent", f"{self._path}/dispatches", document)

    async def write(self, issue: int, body: str) -> Comment:
        """Write a comment once."""
        return await self.comments.write(issue, body)

    async def _begin(self, what: str, path: str, document: Mapping[str, object]) -> None:
        async def write() -> bool:
            await self._client.write("POST", path, document, repeatable=False)
            return True

        await once(self._client, what, write, None)
