"""Lists as the API gives them: page by page, each with the cursor of its end."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Row = TypeVar("Row")
Node = Mapping[str, object]

_DEFAULT = 100


def page(
    rows: Sequence[Row], show: Callable[[Row], Node], key: Callable[[Row], str], *, first: int | None, after: str | None
) -> Node:
    """Give the first rows after the one with this key; a key that is not there is before all of them."""
    keys = [key(row) for row in rows]
    start = keys.index(after) + 1 if after in keys else 0
    end = start + (_DEFAULT if first is None else max(0, first))
    return {
        "edges": [{"node": show(row)} for row in rows[start:end]],
        "pageInfo": {"hasNextPage": end < len(rows), "endCursor": keys[start:end][-1] if keys[start:end] else None},
    }
