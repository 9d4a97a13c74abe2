"""Conflicts that were solved once, and how: the same one is solved again, as `git rerere` does it, without a work tree.

What is kept is the file as the merge had left it, with its marks, and as somebody made it; under the name of its
conflicting lines, which stay the same when the file around them changes.
"""

import hashlib
import re

from devops_daemon.adapters.git.objects import Objects

_HUNK = re.compile(rb"^<{7} .*?\n(.*?)^={7}\n(.*?)^>{7} .*?$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(rb"^(<{7}|>{7})( .*)?$", re.MULTILINE)
MOST_KEPT = 2000


def is_marked(content: bytes) -> bool:
    """Tell whether conflict marks stand in a file."""
    return _MARK.search(content) is not None


def name_of(marked: bytes) -> str | None:
    """Name a conflict by its lines, whichever side they are on; None where a file has none."""
    hunks = [b"\0".join(sorted(found.groups())) for found in _HUNK.finditer(marked)]
    return hashlib.sha256(b"\1".join(hunks)).hexdigest() if hunks else None


class Memory:
    """Keeps what was solved, beside the repository."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._folder = objects.path / "solved"

    def keep(self, marked: bytes, solved: bytes) -> bool:
        """Keep how a conflict was solved; a file with marks in it solves nothing."""
        name = name_of(marked)
        if name is None or is_marked(solved):
            return False
        self._folder.mkdir(exist_ok=True)
        for part, content in (("before", marked), ("after", solved)):
            (self._folder / f"{name}.{part}").write_bytes(content)
        self._forget()
        return True

    async def solve(self, marked: bytes) -> bytes | None:
        """Solve a conflict as it was solved before, None where it was not, or where that does not fit any more."""
        name = name_of(marked)
        if name is None:
            return None
        before, after = (self._folder / f"{name}.{part}" for part in ("before", "after"))
        if not (before.is_file() and after.is_file()):
            return None
        solved = await self._objects.merge_file(
            _unlabelled(marked), _unlabelled(before.read_bytes()), after.read_bytes()
        )
        return None if solved is None or is_marked(solved) else solved

    def _forget(self) -> None:
        """Let go of the oldest: this is a help, and not a store."""
        kept = sorted(self._folder.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
        for old in kept[MOST_KEPT:]:
            old.unlink()


def _unlabelled(marked: bytes) -> bytes:
    """Take the names of the sides off the marks: they are commits, and others each time."""
    return _MARK.sub(rb"\1", marked)
