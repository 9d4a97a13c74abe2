"""Executing a valid document: each root field needs the caller's right, errors are worded as Railway words them."""

import inspect
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLResolveInfo, execute, parse, validate

from devops_daemon.sandbox.railway.access import Caller
from devops_daemon.sandbox.railway.api_faults import TRACE
from devops_daemon.sandbox.railway.mutations import Mutations
from devops_daemon.sandbox.railway.queries import Queries
from devops_daemon.sandbox.railway.realm import Realm
from devops_daemon.sandbox.railway.refusals import Refusal
from devops_daemon.sandbox.railway.schema import load_schema, resolve


@lru_cache(maxsize=256)  # a daemon asks the same few again and again
def read(query: str) -> tuple[DocumentNode, Sequence[GraphQLError]]:
    """Parse a query and hold it against the schema; gives what is wrong with it. Raises GraphQLError if it is none."""
    document = parse(query)
    return document, validate(load_schema(), document)


class Execution:
    """Knows the schema."""

    def __init__(self) -> None:
        """Read it."""
        self.schema = load_schema()

    async def run(
        self, realm: Realm, caller: Caller, document: DocumentNode, body: Mapping[str, Any], *, writes: bool
    ) -> dict[str, Any]:
        """Give the body of the answer."""
        root = Mutations(realm, caller) if writes else Queries(realm, caller)

        def find(source: object, info: GraphQLResolveInfo[Any], **arguments: object) -> object:
            if source is None:
                caller.enter(info.field_name)
            return resolve(root if source is None else source, info, **arguments)

        result = execute(
            self.schema,
            document,
            variable_values=body.get("variables"),
            operation_name=body.get("operationName"),
            field_resolver=find,
        )
        done = await result if inspect.isawaitable(result) else result
        return _shown(done)


def _shown(result: ExecutionResult) -> dict[str, Any]:
    if not result.errors:
        return {"data": result.data}
    return {"data": result.data, "errors": [_worded(error) for error in result.errors]}


def _worded(error: GraphQLError) -> dict[str, Any]:
    refusal = error.original_error
    if refusal is not None and not isinstance(refusal, Refusal | GraphQLError):
        raise refusal  # a fault of the sandbox's own
    code = refusal.code if isinstance(refusal, Refusal) else "BAD_USER_INPUT"
    return {"message": error.message, "path": error.path, "extensions": {"code": code}, "traceId": TRACE}
