"""The GraphQL schema of the sandbox's GitHub, and how its documents are read."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache, lru_cache
from importlib.resources import files

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
    parse,
    validate,
)

from devops_daemon.sandbox.github.moments import iso
from devops_daemon.sandbox.railway.schema import snake


@cache
def load_schema() -> GraphQLSchema:
    """Build the schema, once; arguments and the fields of inputs arrive under Python's names."""
    schema = build_schema(files(__package__).joinpath("schema.graphql").read_text(encoding="utf-8"))
    for kind in schema.type_map.values():
        if kind.name.startswith("__"):
            continue
        if isinstance(kind, GraphQLInputObjectType):
            for name, field in kind.fields.items():
                field.out_name = snake(name)
        if isinstance(kind, GraphQLObjectType):
            for each in kind.fields.values():
                for name, argument in each.args.items():
                    argument.out_name = snake(name)
    dates = schema.type_map["DateTime"]
    if isinstance(dates, GraphQLScalarType):
        dates.coerce_output_value = _write_date
    return schema


@lru_cache(maxsize=256)  # a daemon asks the same few again and again
def read(query: str) -> tuple[DocumentNode, Sequence[GraphQLError]]:
    """Parse a query and hold it against the schema; gives what is wrong with it. Raises GraphQLError if it is none."""
    document = parse(query)
    return document, validate(load_schema(), document)


def _write_date(value: object) -> str:
    if not isinstance(value, datetime):
        raise GraphQLError("a DateTime is made of a datetime")
    return iso(value)
