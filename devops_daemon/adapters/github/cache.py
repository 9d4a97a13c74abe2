"""What was read with an ETag: to be told that nothing has changed costs nothing of GitHub's limit."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from devops_daemon.adapters.github.answers import Done, Reply
from devops_daemon.adapters.github.headers import header

MOST = 200
LARGEST = 512 * 1024
MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Known:
    """An answer as it was."""

    etag: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def done(self) -> Done:
        """What it meant: read anew, for JSON in memory takes several times as much."""
        return Done(json.loads(self.body), self.headers)


class Cache:
    """The last answers by who asked and where, bounded in number and size; the oldest used go first."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], Known] = OrderedDict()

    def get(self, who: str, url: str) -> Known | None:
        """Give what was read there."""
        known = self._known.get((who, url))
        if known is not None:
            self._known.move_to_end((who, url))
        return known

    def keep(self, who: str, url: str, reply: Reply) -> None:
        """Keep an answer of JSON that bears an ETag."""
        etag = header(reply.headers, "etag")
        self._known.pop((who, url), None)
        if etag is None or not 0 < len(reply.body) <= LARGEST:
            return
        self._known[who, url] = Known(etag, _lasting(reply.headers), reply.body)
        while len(self._known) > MOST or sum(len(known.body) for known in self._known.values()) > MOST_BYTES:
            self._known.popitem(last=False)


def _lasting(headers: Mapping[str, str]) -> dict[str, str]:
    """Keep of the headers what is still true later."""
    return {name: value for name in ("link", "x-oauth-scopes") if (value := header(headers, name)) is not None}
