"""The backend's routes for feedback: visitors give it, the team's agents fetch it and note its issue."""

from datetime import UTC, datetime
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from devops_daemon.sandbox.database import Database
from devops_daemon.sandbox.forms import read_fields, read_number
from devops_daemon.sandbox.guard import guarded
from devops_daemon.sandbox.problems import problem


class FeedbackBox:
    """Anyone may put something in; only who knows the secret may look."""

    def __init__(self, database: Database, secret: str) -> None:
        """Serve the feedback of this database under that secret."""
        self._database = database
        self._secret = secret

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.post("/api/feedback", self._add),
            web.get("/api/feedback/pending", self._guarded(self._pending)),
            web.patch(r"/api/feedback/{id:\d{1,9}}/processed", self._guarded(self._process)),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        return guarded(handler, secret=self._secret, header="X-Feedback-Secret", query="secret")

    async def _add(self, request: web.Request) -> web.Response:
        fields = await read_fields(request, "message")
        row = self._database.add_feedback(
            fields["message"],
            datetime.now(UTC),
            feedback_type=fields.get("feedback_type", "general"),
            email=fields.get("email"),
            name=fields.get("name"),
            user_agent=request.headers.get("User-Agent"),
        )
        return web.json_response(row.shown(), status=HTTPStatus.CREATED)

    async def _pending(self, request: web.Request) -> web.Response:
        pending = self._database.pending_feedback(read_number(request, "limit", default=10))
        return web.json_response({"count": len(pending), "feedbacks": [row.shown() for row in pending]})

    async def _process(self, request: web.Request) -> web.Response:
        fields = await read_fields(request, "github_issue_url")
        row = self._database.process_feedback(int(request.match_info["id"]), fields["github_issue_url"])
        if row is None:
            raise problem(web.HTTPNotFound, "Feedback not found")
        return web.json_response({**row.shown(), "github_issue_url": row.github_issue_url})
