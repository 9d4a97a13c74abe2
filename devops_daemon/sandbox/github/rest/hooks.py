"""Routes of webhooks and their deliveries: those of the repository, and the App's."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from devops_daemon.sandbox.github.accounts import Role
from devops_daemon.sandbox.github.call import REPO, Call, Reply, Route, created, done
from devops_daemon.sandbox.github.hooks import JSON_TYPE, Delivery, Hook
from devops_daemon.sandbox.github.moments import now
from devops_daemon.sandbox.github.paging import link_header, page, per_page
from devops_daemon.sandbox.github.realm import Realm
from devops_daemon.sandbox.github.refusals import Refusal, invalid, not_found
from devops_daemon.sandbox.github.shown import hooks as shown

_READ = ("repository_hooks=read",)
_WRITE = ("repository_hooks=write",)
_ONE = f"{REPO}/hooks/{{hook_id}}"
_KINDS = {None, "success", "failure"}
Find = Callable[[Call], Hook]


class HookRoutes:
    """Webhooks: where they lead, what was delivered, and once more."""

    def __init__(self, realm: Realm) -> None:
        """Answer from this realm."""
        self._realm = realm
        self._view = realm.view

    def routes(self) -> list[Route]:
        """List the routes."""
        return [
            Route("GET", f"{REPO}/hooks", self._list, _READ),
            Route("POST", f"{REPO}/hooks", self._create, _WRITE),
            Route("GET", _ONE, self._get, _READ),
            Route("PATCH", _ONE, self._patch, _WRITE),
            Route("POST", f"{_ONE}/pings", self._ping, _READ),
            Route("GET", "/app/hook/config", self._config, needs_app=True),
            Route("PATCH", "/app/hook/config", self._configure, needs_app=True),
            *self._deliveries(f"{_ONE}/deliveries", self._hook, needs_app=False),
            *self._deliveries("/app/hook/deliveries", self._of_app, needs_app=True),
        ]

    def _deliveries(self, path: str, find: Find, *, needs_app: bool) -> list[Route]:
        read, write = ((), ()) if needs_app else (_READ, _WRITE)
        one = f"{path}/{{delivery_id}}"
        return [
            Route("GET", path, self._on(find, self._list_deliveries), read, needs_app),
            Route("GET", one, self._on(find, self._delivery), read, needs_app),
            Route("POST", f"{one}/attempts", self._on(find, self._again), write, needs_app),
        ]

    def _on(self, find: Find, answer: Callable[[Call, Hook], Awaitable[Reply]]) -> Callable[[Call], Awaitable[Reply]]:
        async def found(call: Call) -> Reply:
            return await answer(call, find(call))

        return found

    async def _list(self, call: Call) -> Reply:
        call.hide_from(Role.ADMIN)
        hooks = [each for each in self._view.world.hooks if not each.of_app]
        return page(call, hooks, lambda each: shown.hook(self._view, each))

    async def _create(self, call: Call) -> Reply:
        call.hide_from(Role.ADMIN)
        body, config = call.body, call.body.get("config") or {}
        if not config.get("url"):
            raise invalid("Hook", "url", "missing_field")
        if any(each.url == config["url"] and not each.of_app for each in self._view.world.hooks):
            raise invalid("Hook", "url", "custom", "Hook already exists on this repository")
        events = tuple(body.get("events") or ("push",))
        hook = Hook(config["url"], config.get("secret"), events, config.get("content_type", "form"))
        self._view.world.hooks.append(hook)
        self._send_ping(call, hook)
        return created(shown.hook(self._view, hook))

    async def _get(self, call: Call) -> Reply:
        return Reply(shown.hook(self._view, self._hook(call)))

    async def _patch(self, call: Call) -> Reply:
        hook, body = self._hook(call), call.body
        _set_config(hook, body.get("config") or {})
        hook.events = tuple(body.get("events") or hook.events)
        hook.active = bool(body.get("active", hook.active))
        return Reply(shown.hook(self._view, hook))

    async def _ping(self, call: Call) -> Reply:
        self._send_ping(call, self._hook(call))
        return done()

    async def _config(self, call: Call) -> Reply:
        return Reply(shown.config(self._of_app(call)))

    async def _configure(self, call: Call) -> Reply:
        hooks = [each for each in self._view.world.hooks if each.of_app]
        hook = hooks[0] if hooks else Hook(call.text("url", "Hook"), content_type=JSON_TYPE, of_app=True)
        if not hooks:
            self._view.world.hooks.append(hook)
        _set_config(hook, call.body)
        return Reply(shown.config(hook))

    async def _list_deliveries(self, call: Call, hook: Hook) -> Reply:
        wanted = call.query.get("status")
        if wanted not in _KINDS:
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid status")
        rows = [each for each in hook.listed() if wanted is None or each.arrived is (wanted == "success")]
        cursor = call.query.get("cursor", "")
        if cursor:
            if not cursor.startswith("v1_") or not cursor[3:].isdecimal():
                raise Refusal(HTTPStatus.BAD_REQUEST, "Invalid cursor")
            rows = [each for each in rows if each.id < int(cursor[3:])]
        size = per_page(call)
        more = {"next": {"cursor": f"v1_{rows[size - 1].id}"}} if len(rows) > size else {}
        items = [shown.delivery_item(self._view, hook, each) for each in rows[:size]]
        return Reply(items, headers=link_header(call, more))

    async def _delivery(self, call: Call, hook: Hook) -> Reply:
        return Reply(shown.delivery(self._view, hook, _find(call, hook)))

    async def _again(self, call: Call, hook: Hook) -> Reply:
        self._realm.courier.again(hook, _find(call, hook))
        return Reply({}, HTTPStatus.ACCEPTED)

    def _send_ping(self, call: Call, hook: Hook) -> None:
        self._realm.ping(hook, call.account)

    def _hook(self, call: Call) -> Hook:
        call.hide_from(Role.ADMIN)
        return self._view.world.hook(call.number("hook_id"))

    def _of_app(self, _: Call) -> Hook:
        for hook in self._view.world.hooks:
            if hook.of_app:
                return hook
        raise not_found()


def _find(call: Call, hook: Hook) -> Delivery:
    number = call.number("delivery_id")
    for delivery in hook.listed():
        if delivery.id == number:
            return delivery
    raise not_found()


def _set_config(hook: Hook, config: dict[str, str]) -> None:
    hook.url = config.get("url", hook.url)
    hook.secret = config.get("secret", hook.secret)
    hook.content_type = config.get("content_type", hook.content_type)
    hook.updated_at = now()
