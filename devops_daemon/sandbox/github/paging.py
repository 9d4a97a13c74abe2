"""Lists, page by page, with the Link header that leads on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from devops_daemon.sandbox.github.call import Call, Reply

Row = TypeVar("Row")
_DEFAULT, _MOST = 30, 100


def per_page(call: Call) -> int:
    """Tell how many rows a page has."""
    return min(_MOST, max(1, _number(call.query.get("per_page"), _DEFAULT)))


def page(
    call: Call,
    rows: Sequence[Row],
    show: Callable[[Row], Any],
    wrap: Callable[[list[Any], int], Any] | None = None,
) -> Reply:
    """Answer one page of the rows; `wrap` puts the list and the count of all into an object."""
    size, number = per_page(call), max(1, _number(call.query.get("page"), 1))
    last = max(1, -(-len(rows) // size))
    shown = [show(row) for row in rows[(number - 1) * size : number * size]]
    links = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
    if number >= last:
        links = {name: to for name, to in links.items() if name in {"prev", "first"}}
    if number == 1:
        links = {name: to for name, to in links.items() if name in {"next", "last"}}
    headers = link_header(call, {name: {"page": str(to)} for name, to in links.items()})
    return Reply(wrap(shown, len(rows)) if wrap else shown, headers=headers)


def link_header(call: Call, links: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    """Write the header that leads from page to page, none where there is no other."""
    if not links:
        return {}
    base = f"{call.urls.api}{call.path}"
    parts = (f'<{base}?{urlencode({**call.query, **to})}>; rel="{name}"' for name, to in links.items())
    return {"Link": ", ".join(parts)}


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isdecimal() else otherwise
