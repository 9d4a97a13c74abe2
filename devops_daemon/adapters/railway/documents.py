"""The GraphQL documents: one file each, one purpose each, so that a field that Railway drops breaks one feature."""

from functools import cache
from pathlib import Path

from gql import GraphQLRequest, gql

FOLDER = Path(__file__).parent / "documents"


@cache
def document(name: str) -> GraphQLRequest:
    """Read and parse `documents/NAME.graphql`, which holds the operation of that name."""
    request = gql((FOLDER / f"{name}.graphql").read_text(encoding="utf-8"))
    return GraphQLRequest(request.document, operation_name=name)


def names() -> list[str]:
    """Name all documents."""
    return sorted(path.stem for path in FOLDER.glob("*.graphql"))
