"""GraphQL over POST: a document is read, held against the schema and executed; errors are worded as GitHub does."""

import inspect
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLResolveInfo, execute

from devops_daemon.sandbox.github.call import Call, Reply, Route
from devops_daemon.sandbox.github.graph import Graph
from devops_daemon.sandbox.github.graph_refusals import GraphRefusal
from devops_daemon.sandbox.github.realm import Realm
from devops_daemon.sandbox.github.refusals import Refusal
from devops_daemon.sandbox.github.schema import load_schema, read
from devops_daemon.sandbox.github.tokens import TokenKind
from devops_daemon.sandbox.railway.schema import resolve

_NOBODY = "This endpoint requires you to be authenticated."


class GraphRoutes:
    """The one route of GraphQL."""

    def __init__(self, realm: Realm) -> None:
        """Answer from this realm."""
        self._realm = realm

    def routes(self) -> list[Route]:
        """List the routes."""
        return [Route("POST", "/graphql", self._answer)]

    async def _answer(self, call: Call) -> Reply:
        if call.caller.kind in {TokenKind.NONE, TokenKind.APP}:
            raise Refusal(HTTPStatus.UNAUTHORIZED, _NOBODY)
        body = call.body
        try:
            document, problems = read(str(body.get("query") or ""))
        except GraphQLError as error:
            return Reply({"errors": [_shown(error)]})
        if problems:
            return Reply({"errors": [_shown(problem) for problem in problems]})
        root = Graph(self._realm, call)

        def find(source: object, info: GraphQLResolveInfo[Any], **arguments: object) -> object:
            return resolve(root if source is None else source, info, **arguments)

        result = execute(
            load_schema(),
            document,
            variable_values=body.get("variables"),
            operation_name=body.get("operationName"),
            field_resolver=find,
        )
        return Reply(_told(await result if inspect.isawaitable(result) else result))


def _told(result: ExecutionResult) -> Mapping[str, Any]:
    if not result.errors:
        return {"data": result.data}
    return {"data": result.data, "errors": [_shown(error) for error in result.errors]}


def _shown(error: GraphQLError) -> dict[str, Any]:
    refusal = error.original_error
    if refusal is not None and not isinstance(refusal, GraphRefusal | GraphQLError):
        raise refusal  # a fault of the sandbox's own
    kind = {"type": refusal.kind} if isinstance(refusal, GraphRefusal) else {}
    places = [{"line": place.line, "column": place.column} for place in error.locations or ()]
    path = {"path": list(error.path)} if error.path else {}
    return {**kind, **path, "locations": places, "message": error.message}
