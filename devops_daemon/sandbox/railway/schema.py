"""The GraphQL schema of the sandbox, and how its fields find their values."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
)

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WRITTEN_OTHERWISE = {"filter": "wanted", "in": "among", "not_in": "not_among"}
"""Names of the API that Python has a use of its own for."""


def snake(name: str) -> str:
    """Give Python's name for one of the API's: `serviceId` is `service_id`."""
    plain = _HUMP.sub("_", name).lower()
    return _WRITTEN_OTHERWISE.get(plain, plain)


@cache
def load_schema() -> GraphQLSchema:
    """Build the schema, once; arguments and the fields of inputs arrive under Python's names."""
    schema = build_schema(files(__package__).joinpath("schema.graphql").read_text(encoding="utf-8"))
    ours = (kind for name, kind in schema.type_map.items() if not name.startswith("__"))
    for kind in ours:
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
        dates.coerce_input_value = _read_date
    return schema


def resolve(source: object, info: GraphQLResolveInfo[Any], **arguments: object) -> object:
    """Find the value of a field: in a mapping under its own name, in a root object under Python's."""
    name = info.field_name
    value = source.get(name) if isinstance(source, Mapping) else getattr(source, snake(name))
    return value(**arguments) if callable(value) else value


def _write_date(value: object) -> str:
    if not isinstance(value, datetime):
        raise GraphQLError("a DateTime is made of a datetime")
    return value.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _read_date(value: object) -> datetime:
    if not isinstance(value, str):
        raise GraphQLError(f"DateTime cannot represent value: {value!r}")
    try:
        date = datetime.fromisoformat(value)
    except ValueError:
        raise GraphQLError(f"DateTime cannot represent an invalid date-time-string {value}.") from None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
