"""Compare-and-set of rows that bear a version: whoever has read an older one is told so."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from devops_daemon.ports import LostRaceError


def keep_version(connection: sa.Connection, table: sa.Table, values: Mapping[str, Any], what: str) -> None:
    """Write a row whose `version` is the one after that it was read as: version 1 is a new row.

    `what` names it for people. Raises LostRaceError where somebody else has written it meanwhile.
    """
    key = sa.and_(*(column == values[column.name] for column in table.primary_key.columns))
    if values["version"] > 1:
        same = table.update().where(key, table.c.version == values["version"] - 1)
        if connection.execute(same.values(values)).rowcount != 1:
            raise LostRaceError(f"{what} has changed in the meantime")
        return
    try:
        with connection.begin_nested():
            connection.execute(table.insert().values(values))
    except IntegrityError as error:
        raise LostRaceError(f"{what} is there already: somebody else was quicker") from error
