"""The control port of the sandbox's GitHub: its faults, and what people may do there, over HTTP."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from devops_daemon.sandbox.github.api_faults import API_FAULTS
from devops_daemon.sandbox.github.delivery_faults import DELIVERY_FAULTS
from devops_daemon.sandbox.github.refusals import Refusal

if TYPE_CHECKING:
    from devops_daemon.sandbox.github.github import GitHub

_KNOWN = {fault.name: fault.sight for fault in API_FAULTS}


class GitHubControl:
    """Each route answers with what is on, or what became of it; a wrong name is a 404 that says which there are."""

    def __init__(self, github: "GitHub") -> None:
        """Control this GitHub."""
        self._github = github

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.get("/github/faults", self._show),
            web.put("/github/faults/{name}", self._switch_on),
            web.delete("/github/faults/{name}", self._switch_off),
            web.delete("/github/faults", self._mend),
            web.put("/github/deliveries/{name}", self._deliver_so),
            web.post("/github/deliveries/release", self._release),
            web.post("/github/issues", self._open),
            web.post("/github/issues/{number}/comments", self._comment),
            web.post("/github/push/{branch}", self._push),
            web.post("/github/pulls/{branch}", self._pull),
            web.post("/github/checks/{number}/{name}/{conclusion}", self._check),
        ]

    async def _show(self, _: web.Request) -> web.Response:
        return self._faults()

    async def _switch_on(self, request: web.Request) -> web.Response:
        query = request.query
        try:
            self._github.faults.switch_on(
                request.match_info["name"],
                method=query.get("method"),
                route=query.get("route", "*"),
                times=int(query["times"]) if "times" in query else None,
            )
        except ValueError as error:
            return _unknown(error)
        return self._faults()

    async def _switch_off(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        try:
            if name in DELIVERY_FAULTS:
                self._github.delivery_faults.switch_off(name)
            else:
                self._github.faults.switch_off(name)
        except ValueError as error:
            return _unknown(error)
        return self._faults()

    async def _mend(self, _: web.Request) -> web.Response:
        self._github.faults.mend()
        self._github.delivery_faults.mend()
        return self._faults()

    async def _deliver_so(self, request: web.Request) -> web.Response:
        times = request.query.get("times")
        try:
            self._github.delivery_faults.switch_on(
                request.match_info["name"], event=request.query.get("event"), times=int(times) if times else None
            )
        except ValueError as error:
            return _unknown(error)
        return self._faults()

    async def _release(self, _: web.Request) -> web.Response:
        self._github.delivery_faults.release()
        return self._faults()

    async def _open(self, request: web.Request) -> web.Response:
        said = await request.json()
        login = self._somebody(said)
        issue = await self._github.open_issue(login, said["title"], said.get("body"))
        return web.json_response({"issue": issue.number})

    async def _comment(self, request: web.Request) -> web.Response:
        said = await request.json()
        try:
            comment = await self._github.comment(self._somebody(said), int(request.match_info["number"]), said["body"])
        except (Refusal, ValueError) as error:
            return _unknown(error)
        return web.json_response({"comment": comment.id})

    async def _push(self, request: web.Request) -> web.Response:
        said = await request.json()
        sha = await self._github.push(
            request.match_info["branch"], said["files"], said.get("message", "A change"), login=self._somebody(said)
        )
        return web.json_response({"sha": sha})

    async def _pull(self, request: web.Request) -> web.Response:
        said = await request.json()
        try:
            issue = await self._github.open_pull(
                self._somebody(said), request.match_info["branch"], said.get("title", "A change")
            )
        except LookupError as error:
            return _unknown(error)
        return web.json_response({"pull": issue.number})

    async def _check(self, request: web.Request) -> web.Response:
        names = request.match_info
        try:
            pull = self._github.world.pull(int(names["number"])).pull
        except (Refusal, ValueError) as error:
            return _unknown(error)
        run = await self._github.report_check(pull.head_sha if pull else "", names["name"], names["conclusion"])
        return web.json_response({"check_run": run.id})

    def _somebody(self, said: dict[str, Any]) -> str:
        """Give who acts, made a collaborator who may write if nobody knows them."""
        login = str(said.get("login", "ada"))
        if self._github.world.accounts.find(login) is None:
            self._github.add_account(login, "write")
        return login

    def _faults(self) -> web.Response:
        return web.json_response(
            {
                "active": sorted(self._github.faults.active | self._github.delivery_faults.active),
                "known": _KNOWN,
                "deliveries": dict(DELIVERY_FAULTS),
            }
        )


def _unknown(error: Exception) -> web.Response:
    return web.json_response({"detail": f"no such thing: {error}"}, status=HTTPStatus.NOT_FOUND)
