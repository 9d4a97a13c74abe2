"""Git over HTTP: real git, run as the CGI that comes with it, behind tokens and faults."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

from aiohttp import web

from devops_daemon.sandbox.github.accounts import Role
from devops_daemon.sandbox.github.bare import GUARDED, NO_WORKFLOWS, clean_environment
from devops_daemon.sandbox.github.entrance import caller_of
from devops_daemon.sandbox.github.heard import Heard, Log, of_interest
from devops_daemon.sandbox.github.permissions import FINE, grants, may_change_workflows
from devops_daemon.sandbox.github.pulls import branch_ref
from devops_daemon.sandbox.github.realm import Realm
from devops_daemon.sandbox.github.refusals import Refusal
from devops_daemon.sandbox.github.tokens import Caller, TokenKind

_CHUNK = 64 * 1024
_SERVICE = "/{owner}/{repo}/{service:info/refs|git-upload-pack|git-receive-pack}"
_RECEIVE = "git-receive-pack"
_WHO = {"WWW-Authenticate": 'Basic realm="GitHub"'}


class GitDoor:
    """Answers `git fetch` and `git push`; after a push all that follows from it has been done."""

    def __init__(self, realm: Realm, log: Log) -> None:
        """Serve this realm's repository."""
        self._realm = realm
        self._log = log
        self._pushing = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [web.route("*", _SERVICE, self._enter)]

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        route = f"/{{owner}}/{{repo}}.git/{request.match_info['service']}"
        heard = Heard(request.method, request.path, route, dict(request.query), of_interest(request.headers))
        self._log.note(heard)
        faults = self._realm.faults
        fault = faults.strike(request.method, route)
        if fault and not fault.takes_effect:
            response = await fault.answer(request, faults.retry_after)
        else:
            response = await self._answer(request, heard, answers=fault is None)
            if fault:
                response = await fault.answer(request, faults.retry_after)
        heard.status = response.status
        return response

    async def _answer(self, request: web.Request, heard: Heard, *, answers: bool) -> web.StreamResponse:
        try:
            caller = caller_of(self._realm.view.world, request.headers, needs_app=False)
            heard.token, heard.login = caller.kind, caller.account.login if caller.account else None
            self._look(request, caller)
        except Refusal as refusal:
            who = _WHO if refusal.status is HTTPStatus.UNAUTHORIZED else {}
            return web.Response(status=refusal.status, text=refusal.message, headers=who)
        if not request.path.endswith(_RECEIVE):
            return await self._serve(request, answers=answers)
        async with self._pushing:
            return await self._serve(request, caller, answers=answers)

    def _look(self, request: web.Request, caller: Caller) -> None:
        """Raise Refusal unless the caller may fetch, or push."""
        world, pushes = self._realm.view.world, _RECEIVE in f"{request.path}?{request.query_string}"
        owner, name = request.match_info["owner"], request.match_info["repo"].removesuffix(".git")
        if caller.kind is TokenKind.NONE and (pushes or world.options.private):
            raise Refusal(HTTPStatus.UNAUTHORIZED, "Authentication failed")
        sees = caller.via_app or world.role(caller.account) >= Role.READ
        if not world.is_called(owner, name) or not sees:
            raise Refusal(HTTPStatus.NOT_FOUND, "Repository not found.")
        if pushes and not _may_push(caller):
            login = caller.account.login if caller.account else "nobody"
            raise Refusal(HTTPStatus.FORBIDDEN, f"Permission to {world.full_name}.git denied to {login}.")

    async def _serve(self, request: web.Request, pusher: Caller | None = None, *, answers: bool) -> web.StreamResponse:
        """Let git answer; of a push the answer is given when all has been done that follows from it."""
        pushing = self._realm.pushing
        before = await pushing.snapshot() if pusher else {}
        environment = self._environment(request) | (self._guards(pusher) if pusher else {})
        async with _backend(environment, request) as process:
            response = await _begun(process)
            chunks = _chunks(process)
            if pusher is None and answers:
                await _passed_on(chunks, response, request)
                return response
            body = b"".join([chunk async for chunk in chunks])
        if pusher and pusher.account:
            await pushing.compare(before, pusher.account)
        return web.Response(status=response.status, headers=response.headers, body=body)

    def _guards(self, pusher: Caller) -> dict[str, str]:
        """Say what this caller's push may not change."""
        world = self._realm.view.world
        is_admin = not pusher.via_app and world.role(pusher.account) >= Role.ADMIN
        guarded = () if is_admin else (branch_ref(name) for name, each in world.protections.items() if each.guards)
        kind = "a GitHub App" if pusher.via_app else "a Personal Access Token"
        return {GUARDED: " ".join(guarded), **({} if may_change_workflows(pusher) else {NO_WORKFLOWS: kind})}

    def _environment(self, request: web.Request) -> dict[str, str]:
        service = request.match_info["service"]
        return {
            **clean_environment(),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_TRANSLATED": f"{self._realm.bare.path}/{service}",
            "PATH_INFO": f"/{service}",
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "somebody",
            "REMOTE_ADDR": request.remote or "",
        }


def _may_push(caller: Caller) -> bool:
    if caller.kind in FINE:
        permissions: Mapping[str, str] = (caller.token.permissions if caller.token else None) or {}
        if not grants(permissions, "contents=write"):
            return False
    if caller.kind is TokenKind.CLASSIC and caller.token and not caller.token.scopes & {"repo", "public_repo"}:
        return False
    return caller.via_app or bool(caller.account and caller.account.role >= Role.WRITE)


@asynccontextmanager
async def _backend(environment: Mapping[str, str], request: web.Request) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run git's CGI with the request's body; it does not outlive the request."""
    process = await asyncio.create_subprocess_exec(
        "git",
        "http-backend",
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    feeding = asyncio.create_task(_feed(request, process))
    try:
        yield process
        await feeding
        await process.wait()
    finally:
        feeding.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _feed(request: web.Request, process: asyncio.subprocess.Process) -> None:
    """Pass the body on; aiohttp has unpacked it, so neither its length nor its encoding is told."""
    assert process.stdin  # noqa: S101 - it was asked for
    with suppress(ConnectionError):
        async for chunk in request.content.iter_chunked(_CHUNK):
            process.stdin.write(chunk)
            await process.stdin.drain()
    process.stdin.close()


async def _begun(process: asyncio.subprocess.Process) -> web.StreamResponse:
    """Read the head that the CGI writes, as the beginning of a response."""
    assert process.stdout  # noqa: S101 - it was asked for
    response = web.StreamResponse()
    while line := (await process.stdout.readline()).decode().strip():
        name, _, value = line.partition(":")
        if name.lower() == "status":
            response.set_status(int(value.split()[0]))
        else:
            response.headers[name] = value.strip()
    return response


async def _chunks(process: asyncio.subprocess.Process) -> AsyncIterator[bytes]:
    assert process.stdout  # noqa: S101 - it was asked for
    while chunk := await process.stdout.read(_CHUNK):
        yield chunk


async def _passed_on(chunks: AsyncIterator[bytes], response: web.StreamResponse, request: web.Request) -> None:
    await response.prepare(request)
    async for chunk in chunks:
        await response.write(chunk)
    await response.write_eof()
