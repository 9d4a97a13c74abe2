"""Did it run out of memory? By what runtimes and kernels write when they do, and by what was measured. Pure."""

import re
from collections.abc import Iterable, Sequence

from devops_daemon.hosting import LogLine, Measure, Series, Step

NEAR_LIMIT = 0.95
_SAID = re.compile(
    r"""
      \bout\ of\ memory\b | \bOOM[-_ ]?(?:killed|killer|error)\b | \boom_?killed\b | \boomKilled\b
    | \bMemoryError\b | \bOutOfMemoryError\b | \bjava\ heap\ space\b | \bheap\ out\ of\ memory\b
    | \bcannot\ allocate\ memory\b | \bstd::bad_alloc\b | \bENOMEM\b
    | \bexit(?:ed)?\ (?:with\ )?(?:code|status)\ 137\b | \bSIGKILL\b.{0,40}\bmemory\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ONLY_SPOKEN_OF = re.compile(r"\b(?:no|not|never|without|avoid|prevent|protect)\w*\b.{0,40}\Z", re.IGNORECASE)
LONGEST_READ = 4000


def says_so(text: str) -> bool:
    """Tell whether a line says that memory ran out, and not that it did not."""
    read = text[:LONGEST_READ]
    found = _SAID.search(read)
    return found is not None and not _ONLY_SPOKEN_OF.search(read[max(0, found.start() - 60) : found.start()])


def ran_out(lines: Iterable[LogLine], steps: Iterable[Step], series: Sequence[Series], *, crashed: bool) -> bool:
    """Tell whether memory ran out: somebody says so, or it was at its limit when the process ended."""
    if any(says_so(line.message) for line in lines) or any(says_so(step.error or "") for step in steps):
        return True
    return crashed and at_limit(series)


def at_limit(series: Sequence[Series]) -> bool:
    """Tell whether memory came near its limit."""
    used = [value for each in series if each.measure is Measure.MEMORY for _, value in each.points]
    limits = [value for each in series if each.measure is Measure.MEMORY_LIMIT for _, value in each.points if value]
    return bool(used and limits) and max(used) >= NEAR_LIMIT * min(limits)
