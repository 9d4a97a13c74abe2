"""How long the sandbox takes for what takes minutes on Railway."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self


@dataclass(frozen=True, slots=True)
class Pace:
    """The time of each stage of a deployment; restarts and proxies take theirs from here too."""

    initializing: timedelta = timedelta(seconds=0.5)
    building: timedelta = timedelta(seconds=3)
    deploying: timedelta = timedelta(seconds=2)
    removing: timedelta = timedelta(seconds=1)
    sampling: timedelta | None = None
    """How far apart measurements are; None is as asked for."""

    @classmethod
    def quick(cls) -> Self:
        """Give a pace for tests: long enough to be seen, too short to be waited for."""
        moments = (timedelta(milliseconds=each) for each in (10, 30, 20, 10))
        return cls(*moments)
