"""Routes that start workflows: what was started is only noted."""

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.accounts import Role
from devops_daemon.sandbox.github.call import REPO, Call, Reply, Route, done
from devops_daemon.sandbox.github.realm import Realm
from devops_daemon.sandbox.github.refusals import not_found, unprocessable
from devops_daemon.sandbox.github.world import Dispatch

_MOST_KEYS, _MOST_INPUTS = 10, 25
_LONGEST_TYPE = 100


class DispatchRoutes:
    """Repository events and workflows that somebody calls."""

    def __init__(self, realm: Realm) -> None:
        """Answer from this realm."""
        self._realm = realm

    def routes(self) -> list[Route]:
        """List the routes."""
        return [
            Route("POST", f"{REPO}/dispatches", self._event, ("contents=write",)),
            Route("POST", f"{REPO}/actions/workflows/{{workflow_id}}/dispatches", self._workflow, ("actions=write",)),
        ]

    async def _event(self, call: Call) -> Reply:
        call.require(Role.WRITE)
        kind, payload = call.text("event_type", "RepositoryDispatch"), call.body.get("client_payload") or {}
        if len(kind) > _LONGEST_TYPE or len(payload) > _MOST_KEYS:
            raise unprocessable("Invalid request.\n\nNo more than 10 properties are allowed; 11 were supplied.")
        self._realm.view.world.dispatches.append(Dispatch(call.account, kind, None, payload))
        return done()

    async def _workflow(self, call: Call) -> Reply:
        call.require(Role.WRITE)
        world, body, name = self._realm.view.world, call.body, call.names["workflow_id"]
        if name not in world.workflows:
            raise not_found()
        ref, inputs = call.text("ref", "Workflow"), body.get("inputs") or {}
        if await self._realm.bare.sha(f"refs/heads/{ref.removeprefix('refs/heads/')}") is None:
            raise unprocessable(f"No ref found for: {ref}")
        if len(inputs) > _MOST_INPUTS:
            raise unprocessable("Too many inputs")
        world.dispatches.append(Dispatch(call.account, None, name, inputs, ref))
        if not body.get("return_run_details"):
            return done()
        run = ids.fresh()
        urls = {
            "run_url": f"{call.urls.repo}/actions/runs/{run}",
            "html_url": f"{call.urls.page}/actions/runs/{run}",
        }
        return Reply({"workflow_run_id": run, **urls})
