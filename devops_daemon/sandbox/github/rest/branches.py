"""Routes of branches and refs, and of what protects them."""

from http import HTTPStatus

from devops_daemon.sandbox.github.accounts import Role
from devops_daemon.sandbox.github.bare import GitError
from devops_daemon.sandbox.github.call import REPO, Call, Reply, Route, created, done
from devops_daemon.sandbox.github.protection import Requirements
from devops_daemon.sandbox.github.realm import Realm
from devops_daemon.sandbox.github.refusals import Refusal, not_found, unprocessable
from devops_daemon.sandbox.github.shown import checks as shown_checks
from devops_daemon.sandbox.github.shown import commits as shown

_WRITE = ("contents=write",)


class BranchRoutes:
    """Branches, refs, protection and rules."""

    def __init__(self, realm: Realm) -> None:
        """Answer from this realm."""
        self._realm = realm
        self._view = realm.view

    def routes(self) -> list[Route]:
        """List the routes."""
        branch = f"{REPO}/branches/{{branch:.+}}"
        refs = f"{REPO}/git/refs"
        return [
            Route("GET", f"{branch}/protection/required_status_checks", self._required, ("administration=read",)),
            Route("GET", branch, self._branch, ("contents=read",)),
            Route("GET", f"{REPO}/rules/branches/{{branch:.+}}", self._rules, ("metadata=read",)),
            Route("GET", f"{REPO}/git/ref/{{ref:.+}}", self._ref, ("contents=read",)),
            Route("POST", refs, self._create, _WRITE),
            Route("PATCH", f"{refs}/{{ref:.+}}", self._move, _WRITE),
            Route("DELETE", f"{refs}/{{ref:.+}}", self._delete, _WRITE),
        ]

    async def _branch(self, call: Call) -> Reply:
        name = call.names["branch"]
        sha = await self._realm.bare.sha(f"refs/heads/{name}")
        if sha is None:
            raise Refusal(HTTPStatus.NOT_FOUND, "Branch not found")
        url, world = f"{call.urls.repo}/branches/{name}", self._view.world
        protection = world.protection(name)
        checks = list(protection.classic.checks) if protection.classic else []
        named = {"enforcement_level": "everyone" if checks else "off", "contexts": checks, "checks": []}
        return Reply(
            {
                "name": name,
                "commit": shown.commit(self._view, await self._realm.history.commit(sha)),
                "_links": {"self": url, "html": f"{call.urls.page}/tree/{name}"},
                "protected": name in world.protections,
                "protection": {"enabled": protection.classic is not None, "required_status_checks": named},
                "protection_url": f"{url}/protection",
            }
        )

    async def _required(self, call: Call) -> Reply:
        call.hide_from(Role.ADMIN)
        name = call.names["branch"]
        classic = self._view.world.protection(name).classic
        if classic is None:
            raise Refusal(HTTPStatus.NOT_FOUND, "Branch not protected")
        if not classic.checks:
            raise Refusal(HTTPStatus.NOT_FOUND, "Required status checks not enabled")
        return Reply(shown_checks.required_checks(self._view, name, classic))

    async def _rules(self, call: Call) -> Reply:
        protection = self._view.world.protection(call.names["branch"])
        requirements = protection.ruleset or Requirements()
        return Reply(shown_checks.rules(self._view, protection.ruleset_id, requirements))

    async def _ref(self, call: Call) -> Reply:
        ref = f"refs/{call.names['ref']}"
        sha = await self._realm.bare.sha(ref)
        if sha is None or ref.startswith("refs/forks/"):
            raise not_found()
        return Reply(shown.reference(self._view, ref, sha))

    async def _create(self, call: Call) -> Reply:
        call.require(Role.WRITE)
        ref, sha = call.text("ref", "Reference"), call.text("sha", "Reference")
        if not ref.startswith("refs/") or ref.count("/") < 2:  # noqa: PLR2004 - refs/heads/x
            raise unprocessable("Reference name must start with 'refs' and have at least two slashes.")
        if await self._realm.bare.sha(ref):
            raise unprocessable("Reference already exists")
        await self._set(call, ref, None, sha)
        return created(shown.reference(self._view, ref, sha))

    async def _move(self, call: Call) -> Reply:
        call.require(Role.WRITE)
        ref, sha = f"refs/{call.names['ref']}", call.text("sha", "Reference")
        before = await self._realm.bare.sha(ref)
        if before is None:
            raise unprocessable("Reference does not exist")
        if not call.body.get("force") and not await self._realm.bare.is_ancestor(before, sha):
            raise unprocessable("Update is not a fast forward")
        await self._set(call, ref, before, sha)
        return Reply(shown.reference(self._view, ref, sha))

    async def _delete(self, call: Call) -> Reply:
        call.require(Role.WRITE)
        ref = f"refs/{call.names['ref']}"
        before = await self._realm.bare.sha(ref)
        if before is None:
            raise unprocessable("Reference does not exist")
        await self._set(call, ref, before, None)
        return done()

    async def _set(self, call: Call, ref: str, before: str | None, sha: str | None) -> None:
        if sha is not None and await self._realm.bare.sha(sha) is None:
            raise unprocessable("Object does not exist")
        try:
            await self._realm.bare.set_ref(ref, sha, before)
        except GitError:
            raise unprocessable("Reference cannot be updated") from None
        await self._realm.pushing.moved(ref, before, sha, call.account)
